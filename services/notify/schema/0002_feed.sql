-- Facts of marks in the order of their learners' events. Columns are read where they are needed: to unnest them costs more than the
-- statement.
create function feed_marks(
    p_times timestamptz[], p_learners uuid[], p_events uuid[], p_corrects uuid[], p_kinds smallint[], p_classes uuid[], p_subjects text[],
    p_dates date[], p_lessons integer[], p_works smallint[], p_points integer[], p_max_points integer[], p_values smallint[],
    p_before_points integer[], p_before_max_points integer[], p_before_values smallint[])
    returns void language plpgsql as $$
declare
    v_stamp record := outbox_stamp();
begin
    insert into feed (epoch, xid, time, learner, event, corrects, kind, class, subject, date, lesson, work, points, max_points, value,
                      before_points, before_max_points, before_value)
    select v_stamp.epoch, v_stamp.xid, p_times[i], p_learners[i], p_events[i], p_corrects[i], p_kinds[i], p_classes[i], p_subjects[i],
           p_dates[i], p_lessons[i], p_works[i], p_points[i], p_max_points[i], p_values[i], p_before_points[i], p_before_max_points[i],
           p_before_values[i]
    from generate_series(1, cardinality(p_events)) i; -- which hands them out in their order
end $$;

-- Absences in their order, and which event changed which register: none here changes what another one here says or changes. A row
-- that follows from a change corrects the last row of its learner that stands, of whatever there was of this lesson before; what is
-- void, the one under its own id. One statement for all, for each row costs a look-up of its own where it corrects another one.
create function feed_absences(
    p_changes uuid[], p_changed uuid[],
    p_times timestamptz[], p_learners uuid[], p_events uuid[], p_previous uuid[], p_kinds smallint[], p_classes uuid[],
    p_subjects text[], p_dates date[], p_lessons integer[], p_sessions smallint[], p_codes smallint[], p_minutes integer[],
    p_before_codes smallint[], p_before_minutes integer[])
    returns void language plpgsql as $$
begin
    with chain as (
        select t.event, t.first, t.first || array(select c.event from register_chain c where c.first = t.first) as events
        from (select t.event, coalesce((select c.first from register_chain c where c.event = t.previous), t.previous) as first
              from unnest(p_changes, p_changed) t (event, previous) offset 0) t
    ), linked as (
        insert into register_chain (event, first) select c.event, c.first from chain c on conflict do nothing
    )
    insert into feed (epoch, xid, time, learner, event, corrects, kind, class, subject, date, lesson, session, code, minutes,
                      before_code, before_minutes)
    select s.epoch, s.xid, i.time, i.learner, i.event,
           case when i.previous is not null then (
               select f.event from feed_standing f
               where f.event = any ((select c.events from chain c where c.event = i.event)::uuid[]) and f.kind > 4
                 and (f.learner = i.learner
                      or coalesce((select a.canonical from copy_alias a where a.id = f.learner), f.learner)
                         = coalesce((select a.canonical from copy_alias a where a.id = i.learner), i.learner))
               order by i.kind = 7 and f.learner = i.learner desc, f.epoch desc, f.xid desc, f.seq desc limit 1) end,
           i.kind, i.class, i.subject, i.date, i.lesson, i.session, i.code, i.minutes, i.before_code, i.before_minutes
    from outbox_stamp() s,
         unnest(p_times, p_learners, p_events, p_previous, p_kinds, p_classes, p_subjects, p_dates, p_lessons, p_sessions, p_codes,
                p_minutes, p_before_codes, p_before_minutes) with ordinality
             as i (time, learner, event, previous, kind, class, subject, date, lesson, session, code, minutes, before_code,
                   before_minutes, place)
    order by i.place;
end $$;
