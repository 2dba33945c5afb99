-- Marks that were taken, as their service should have them; a withdrawal is of the mark that it takes back.
create function want.number_of_kind(p_name text) returns smallint language sql immutable parallel safe as $$
    select array_position(array['formative', 'summative_unit', 'summative_term'], p_name)::smallint
$$;
create function want.number_of_value(p_name text) returns smallint language sql immutable parallel safe as $$
    select array_position(array['pass', 'fail', 'exempt', 'not_attested'], p_name)::smallint
$$;

create unlogged table want.mark as
select m.id, m.organisation::uuid, m.class::uuid, m.learner::uuid, m.date::date, m.lesson::smallint, m.subject,
       want.number_of_kind(m.kind) as kind, m.points::smallint, m.max_points::smallint, want.number_of_value(m.value) as value,
       null::uuid as replaces, null::uuid as withdraws
from ledger.mark m join want.taken t on t.id = m.id;

insert into want.mark
select m.id, m.organisation::uuid, m.class::uuid, m.learner::uuid, m.date::date, m.lesson::smallint, m.subject,
       want.number_of_kind(m.kind), m.points::smallint, m.max_points::smallint, want.number_of_value(m.value), m.replaces::uuid
from ledger.mark_correction m join want.taken t on t.id = m.id;

insert into want.mark
select w.id, m.organisation, m.class, m.learner, w.date::date, null, m.subject, m.kind, null, null, null, null, m.id
from ledger.mark_withdrawal w join want.taken t on t.id = w.id left join want.mark m on m.id = w.withdraws::uuid;
analyze want.mark;

-- What was before a change.
create unlogged table want.mark_change as
select c.id, b.id as original, b.date as was_date, b.lesson as was_lesson, b.kind as was_kind, b.points as was_points,
       b.max_points as was_max_points, b.value as was_value
from want.mark c join want.mark b on b.id = coalesce(c.replaces, c.withdraws);
analyze want.mark_change;

create view want.mark_event as
select case when m.replaces is not null then 'corrected' when m.withdraws is not null then 'withdrawn' else 'recorded' end as type, m.*,
       c.was_date, c.was_lesson, c.was_kind, c.was_points, c.was_max_points, c.was_value
from want.mark m left join want.mark_change c on c.id = m.id;

-- A withdrawal speaks of the day and lesson of what is gone. Kinds: contracts/notify.h.
create view want.mark_feed as
select id as event, learner, case type when 'recorded' then 1 when 'corrected' then 2 else 3 end::smallint as kind, class, subject,
       case type when 'withdrawn' then was_date else date end as date, case type when 'withdrawn' then was_lesson else lesson end as lesson,
       kind as work, points, max_points, value, null::smallint as code, null::smallint as minutes,
       coalesce(replaces, withdraws) as corrects, was_points, was_max_points, was_value, null::smallint as was_code,
       null::smallint as was_minutes
from want.mark_event;

create view want.standing_mark as
select m.* from want.mark m
where m.withdraws is null and not exists (select from want.mark_change c where c.original = m.id);
