-- What becomes of absences when their register or one of them is changed: a row for each learner who has something to hear of it.
-- Each corrects the last row of its learner that stands, of whatever there was of this lesson before; what is void, the one
-- under its own id.
create function feed_absence_changes(
    p_event uuid, p_time timestamptz, p_previous uuid, p_learners uuid[], p_kinds smallint[], p_classes uuid[], p_subjects text[],
    p_dates date[], p_lessons integer[], p_sessions smallint[], p_codes smallint[], p_minutes integer[], p_before_codes smallint[],
    p_before_minutes integer[])
    returns void language plpgsql as $$
declare
    v_first uuid := coalesce((select c.first from register_chain c where c.event = p_previous), p_previous);
    v_chain uuid[] := v_first || array(select c.event from register_chain c where c.first = v_first);
begin
    insert into register_chain (event, first) values (p_event, v_first) on conflict do nothing;

    insert into feed (epoch, xid, time, learner, event, corrects, kind, class, subject, date, lesson, session, code, minutes,
                      before_code, before_minutes)
    select s.epoch, s.xid, p_time, i.learner, p_event,
           (select f.event from feed_standing f
            where f.event = any (v_chain) and (f.learner = i.learner or canonical_of(f.learner) = canonical_of(i.learner))
            order by i.kind = 7 and f.learner = i.learner desc, f.epoch desc, f.xid desc, f.seq desc limit 1),
           i.kind, i.class, i.subject, i.date, i.lesson, i.session, i.code, i.minutes, i.before_code, i.before_minutes
    from outbox_stamp() s,
         unnest(p_learners, p_kinds, p_classes, p_subjects, p_dates, p_lessons, p_sessions, p_codes, p_minutes, p_before_codes,
                p_before_minutes) with ordinality
             as i (learner, kind, class, subject, date, lesson, session, code, minutes, before_code, before_minutes, place)
    order by i.place;
end $$;
