-- Who is enrolled in a class that day, for each class and day with a register; one person under two ids once.
create unlogged table want.roster as
select d.class, d.date, array_agg(distinct coalesce(a.canonical, e.learner)) as learners
from (select distinct class, date from want.register) d
     join registry.enrolment e on e.class = d.class and e.mode = 1 and d.date between e.valid_from and coalesce(e.valid_to, d.date)
     left join registry.alias a on a.id = e.learner
group by d.class, d.date;
analyze want.roster;

create unlogged table attendance.frozen as
select g.class, g.date, array_agg(distinct coalesce(a.canonical, l.learner)) as learners
from (select distinct class, date, roster from attendance.register) g join attendance.roster r on r.id = g.roster
     cross join unnest(r.learners) as l (learner) left join registry.alias a on a.id = l.learner
group by g.class, g.date, g.roster;

insert into want.difference (place, id, words, item)
select 'attendance''s rosters', g.id::text, format('counts %s of %s on its roster', g.learners, cardinality(r.learners)), g.id
from attendance.register g join attendance.roster r on r.id = g.roster where g.learners <> cardinality(r.learners);
