-- Indicators by brute force, from what stands: every cell, every day of every node, in both trees. Integer arithmetic: a percent is
-- rounded half up to hundredths. :sums are those of all :counters (checks.py).
create unlogged table want.cell as
select organisation, date, shift::smallint, slot, :sums
from (select m.organisation, m.date, c.shift, coalesce(m.lesson, 0::smallint) as slot, 0 as registers, 0 as learner_lessons,
             0 as absent_unexcused, 0 as absent_ill, 0 as absent_excused, 0 as late, 0 as late_minutes, 0 as remote, 0 as exempt,
             count(*) filter (where m.kind = 1) as formative, count(*) filter (where m.kind = 2) as summative_unit,
             count(*) filter (where m.kind = 3) as summative_term, count(m.points) as marks_with_points,
             coalesce(sum((20000 * m.points + m.max_points) / (2 * m.max_points)), 0) as percent_sum_hundredths,
             count(*) filter (where 100 * m.points >= 65 * m.max_points) as at_least_65,
             count(*) filter (where 100 * m.points >= 40 * m.max_points) as at_least_40
      from want.standing_mark m join registry.class c on c.id = m.class
      group by m.organisation, m.date, c.shift, coalesce(m.lesson, 0::smallint)
      union all
      select r.organisation, r.date, c.shift, r.slot, 1, coalesce(cardinality(o.learners), 0), r.absent_unexcused, r.absent_ill,
             r.absent_excused, r.late, r.late_minutes, r.remote, r.exempt, 0, 0, 0, 0, 0, 0, 0
      from want.standing_register r join registry.class c on c.id = r.class
           left join want.roster o on o.class = r.class and o.date = r.date) fact
group by organisation, date, shift, slot;

-- Where an organisation counts: in the territory at its place and all above; in subordination at itself, if others are below it, and
-- at all of its superiors. Its own day stands in the territory under its id.
create unlogged table want.reach as
with recursive place (organisation, node) as (
    select id, kato from registry.organisation where kato in (select code from registry.territory)
    union all
    select p.organisation, t.parent from place p join registry.territory t on t.code = p.node where t.parent is not null
), superior (organisation, node) as (
    select id, id from registry.organisation
    union all
    select s.organisation, o.subordinate_to from superior s join registry.organisation o on o.id = s.node
    where o.subordinate_to is not null
)
select organisation, 1::smallint as tree, node from place
union
select organisation, 2::smallint, node::text from superior where node in (select subordinate_to from registry.organisation);

-- Each day a learner counts where the homeroom is that began last of those in force, under whichever ids, and nowhere else.
create unlogged table want.contingent as
select organisation, date, count(*) as learners
from (select distinct on (d.date, coalesce(a.canonical, e.learner)) h.organisation, d.date
      from reports.day d join registry.enrolment e on d.date between e.valid_from and coalesce(e.valid_to, d.date)
           join registry.class h on h.id = e.class and h.type = 1 left join registry.alias a on a.id = e.learner
      order by d.date, coalesce(a.canonical, e.learner), e.valid_from desc, e.id desc) counted
group by organisation, date;

-- What each organisation has on each of the days that have begun.
create unlogged table want.day as
select o.id as organisation, d.date, coalesce(n.learners, 0) as learners, v.organisations,
       case when c.organisation is null then 0 else v.organisations end as organisations_heard, :counters_or_0
from registry.organisation o cross join reports.day d
     cross join lateral (select (o.shifts > 0 and d.date between o.valid_from and coalesce(o.valid_to, d.date))::integer
                             as organisations) v
     left join want.contingent n on n.organisation = o.id and n.date = d.date
     left join (select organisation, date, :sums from want.cell group by organisation, date) c
         on c.organisation = o.id and c.date = d.date;

create unlogged table want.node_day as
select 1::smallint as tree, organisation::text as node, date, learners, organisations::bigint as organisations,
       organisations_heard::bigint as organisations_heard, :counters
from want.day
union all
select r.tree, r.node, d.date, sum(d.learners)::bigint, sum(d.organisations), sum(d.organisations_heard), :sums
from want.day d join want.reach r on r.organisation = d.organisation group by r.tree, r.node, d.date;

-- Rows that say nothing may be there or not.
create view reports.counted_cell as select * from reports.cell where greatest(:counters) <> 0;
create view want.counted_node_day as
select * from want.node_day where greatest(learners, organisations, organisations_heard, :counters) <> 0;
create view reports.counted_node_day as
select * from reports.node_day where greatest(learners, organisations, organisations_heard, :counters) <> 0;
