-- The feed without what was taken back, and what took it back.
create view notify.retraction as select * from notify.feed where kind in (4, 8);
create view notify.standing_feed as
select f.* from notify.feed f
where f.kind not in (4, 8) and not exists (
    select from notify.retraction r
    where r.event = f.event and r.learner = f.learner and (r.epoch, r.xid, r.seq) > (f.epoch, f.xid, f.seq));

create view want.feed as
select * from want.mark_feed
union all
select event, learner, kind, class, subject, date, lesson, null, null, null, null, code, minutes, corrects, null, null, null, was_code,
       was_minutes
from want.absence_feed;

insert into want.difference (place, id, words, item)
select 'notify''s feed', event || '/' || learner, 'was taken back, but its source has it', event
from notify.retraction r where not exists (select from topic.ghost g where g.id = r.event);

-- What is compared elsewhere.
create view attendance.with_absences as
select r.id, r.organisation, r.class, r.date, r.slot, r.subject, r.replaces, r.withdraws, a.absences
from attendance.register r
     left join (select register, string_agg(concat_ws(':', learner, code, coalesce(minutes::text, '-')), ',' order by learner) as absences
                from attendance.absence group by register) a on a.register = r.id;
