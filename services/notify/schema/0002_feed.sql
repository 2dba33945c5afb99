-- What becomes of a lesson's absences when another register takes the place of the one before, or withdraws it: a row for each
-- learner for whom something changed. The exceptions of the new one come as arrays; everyone else was present.
create function feed_register_change(
    p_event uuid, p_time timestamptz, p_previous uuid, p_withdrawn boolean, p_class uuid, p_subject text, p_date date,
    p_lesson integer, p_session smallint, p_learners uuid[], p_codes smallint[], p_minutes integer[])
    returns void language plpgsql as $$
declare
    v_first uuid := coalesce((select c.first from register_chain c where c.event = p_previous), p_previous);
    v_chain uuid[] := v_first || array(select c.event from register_chain c where c.first = v_first);
begin
    insert into register_chain (event, first) values (p_event, v_first) on conflict do nothing;

    insert into feed (epoch, xid, time, learner, event, corrects, kind, class, subject, date, lesson, session, code, minutes,
                      before_code, before_minutes)
    select s.epoch, s.xid, p_time, coalesce(n.learner, o.learner), p_event,
           case when o.code is not null then o.event end,
           case when o.code is null then 5 when p_withdrawn then 7 else 6 end, -- absence_recorded, _withdrawn, _recoded
           coalesce(p_class, o.class), coalesce(p_subject, o.subject), coalesce(p_date, o.date),
           coalesce(p_lesson, o.lesson), coalesce(p_session, o.session), n.code, n.minutes, o.code, o.minutes
    from outbox_stamp() s
         cross join (
             (select distinct on (f.learner) f.* from feed_standing f where f.event = any (v_chain)
              order by f.learner, f.epoch desc, f.xid desc, f.seq desc) o
             full join unnest(p_learners, p_codes, p_minutes) as n (learner, code, minutes) on n.learner = o.learner)
    -- Remote and exempt count as there: news only where it was otherwise before.
    where case when o.code is null then n.code <= 4 else (n.code, n.minutes) is distinct from (o.code, o.minutes::integer) end
    order by coalesce(n.learner, o.learner);
end $$;
