-- The primary rows of a test, and what the figures have to be by brute force. Uses nothing that reports keeps but `day`: neither
-- place nor node, no cell, no contingent.

create table fact_mark (
    id int primary key, organisation uuid, date date, shift int, slot int, kind int, points int, max_points int);
create table fact_register (
    id int primary key, organisation uuid, date date, shift int, slot int, learners int);
create table fact_exception (
    register int, code int, minutes int);
create table heard (
    organisation uuid, date date, at timestamptz);

-- Counters are folded where they cannot run over, so that a comparison stays short.
create view fact_cell as
select organisation, date, shift, slot, sum(registers) as registers, sum(lessons) as lessons, sum(absences) as absences,
       sum(minutes) as minutes, sum(marks) as marks, sum(percent) as percent, sum(reached) as reached
from (select organisation, date, shift, slot, 1 as registers, learners as lessons,
             (select coalesce(sum(10 ^ (2 * (code - 1))), 0) from fact_exception where register = id) as absences,
             (select coalesce(sum(minutes), 0) from fact_exception where register = id) as minutes, 0 as marks, 0 as percent, 0 as reached
      from fact_register
      union all
      select organisation, date, shift, slot, 0, 0, 0, 0, 1000 ^ (kind - 1) + case when points is null then 0 else 1000 ^ 3 end,
             coalesce(round(points * 10000::numeric / max_points), 0),
             case when points / max_points::numeric >= 0.65 then 1 else 0 end
             + case when points / max_points::numeric >= 0.4 then 1000 else 0 end
      from fact_mark) f
group by organisation, date, shift, slot;

-- Which organisations are a node's: all placed at or below a code, all that have a body on their way up, each for itself.
create view belongs as
with recursive place (top, code) as (
    select code, code from copy_reference where list = 'territory'
    union
    select p.top, r.code from place p join copy_reference r on r.list = 'territory' and r.parent = p.code
), body (top, id) as (
    select id, id from copy_organisation
    union
    select b.top, o.id from body b join copy_organisation o on o.subordinate_to = b.id
)
select 1 as tree, p.top as node, o.id as organisation from place p join copy_organisation o on o.kato = p.code
where exists (select from place r where r.top = 'KZ' and r.code = p.top) -- what hangs nowhere is no node
union all
select 1, o.id::text, o.id
from (select id from copy_organisation union select organisation from heard) o
union all
select 2, b.top::text, b.id from body b where exists (select from copy_organisation o where o.subordinate_to = b.top);

-- Where each learner counts: at the homeroom that began last of those in force that day.
create view homeroom_of_record as
select distinct on (d.date, n.learner) d.date, n.learner, c.organisation
from day d
     join copy_enrolment e on d.date >= e.valid_from and (e.valid_to is null or d.date <= e.valid_to)
     join copy_class c on c.id = e.class and c.type = 1
     left join copy_alias a on a.id = e.learner
     cross join lateral (select coalesce(a.canonical, e.learner)) n (learner)
order by d.date, n.learner, e.valid_from desc, e.id desc;

create view expected_day as
select b.tree, b.node, d.date, sum(o.learners) as learners, sum(o.counts) as organisations,
       sum(case when f.registers > 0 or f.marks > 0 then o.counts else 0 end) as heard, max(o.last_heard) as last_heard,
       sum(f.registers) as registers, sum(f.lessons) as lessons, sum(f.absences) as absences, sum(f.minutes) as minutes,
       sum(f.marks) as marks, sum(f.percent) as percent, sum(f.reached) as reached
from belongs b
     cross join day d
     cross join lateral (
         select (select count(*) from homeroom_of_record h where h.organisation = b.organisation and h.date = d.date) as learners,
                (select count(*) from copy_organisation o
                 where o.id = b.organisation and o.shifts > 0 and d.date >= o.valid_from
                   and (o.valid_to is null or d.date <= o.valid_to)) as counts,
                (select max(h.at) from heard h where h.organisation = b.organisation and h.date = d.date) as last_heard) o
     left join (select organisation, date, sum(registers) as registers, sum(lessons) as lessons, sum(absences) as absences,
                       sum(minutes) as minutes, sum(marks) as marks, sum(percent) as percent, sum(reached) as reached
                from fact_cell group by organisation, date) f on f.organisation = b.organisation and f.date = d.date
group by b.tree, b.node, d.date;

create view actual_day as
select tree, node, date, learners, organisations, organisations_heard as heard, last_heard, registers, learner_lessons as lessons,
       absent_unexcused + 10 ^ 2 * absent_ill + 10 ^ 4 * absent_excused + 10 ^ 6 * late + 10 ^ 8 * remote + 10 ^ 10 * exempt as absences,
       late_minutes as minutes, formative + 1000 * summative_unit + 1000 ^ 2 * summative_term + 1000 ^ 3 * marks_with_points as marks,
       percent_sum_hundredths as percent, at_least_65 + 1000 * at_least_40 as reached
from node_day;

create view wrong_day as
select tree, node, date, e::text as expected, a::text as actual
from expected_day e full join actual_day a using (tree, node, date)
where row(coalesce(e.learners, 0), coalesce(e.organisations, 0), coalesce(e.heard, 0), e.last_heard, coalesce(e.registers, 0),
          coalesce(e.lessons, 0), coalesce(e.absences, 0), coalesce(e.minutes, 0), coalesce(e.marks, 0), coalesce(e.percent, 0),
          coalesce(e.reached, 0))
   is distinct from
      row(coalesce(a.learners, 0), coalesce(a.organisations, 0), coalesce(a.heard, 0), a.last_heard, coalesce(a.registers, 0),
          coalesce(a.lessons, 0), coalesce(a.absences, 0), coalesce(a.minutes, 0), coalesce(a.marks, 0), coalesce(a.percent, 0),
          coalesce(a.reached, 0));

create view wrong_cell as
select organisation, date, shift, slot, e::text as expected, a::text as actual
from fact_cell e
     full join
     (select organisation, date, shift, slot, registers, learner_lessons as lessons,
             absent_unexcused + 10 ^ 2 * absent_ill + 10 ^ 4 * absent_excused + 10 ^ 6 * late + 10 ^ 8 * remote + 10 ^ 10 * exempt as absences,
             late_minutes as minutes, formative + 1000 * summative_unit + 1000 ^ 2 * summative_term + 1000 ^ 3 * marks_with_points as marks,
             percent_sum_hundredths as percent, at_least_65 + 1000 * at_least_40 as reached
      from cell) a using (organisation, date, shift, slot)
where row(coalesce(e.registers, 0), coalesce(e.lessons, 0), coalesce(e.absences, 0), coalesce(e.minutes, 0), coalesce(e.marks, 0),
          coalesce(e.percent, 0), coalesce(e.reached, 0))
   is distinct from
      row(coalesce(a.registers, 0), coalesce(a.lessons, 0), coalesce(a.absences, 0), coalesce(a.minutes, 0), coalesce(a.marks, 0),
          coalesce(a.percent, 0), coalesce(a.reached, 0));
