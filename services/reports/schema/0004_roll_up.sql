-- The roll-up: the days that apply noted as dirty are summed again, organisations first, then their nodes from the deepest level up.
-- One process does it (role jobs), in one snapshot (repeatable read): each commit is a state in which parents are the sums of what
-- hangs on them. It recomputes instead of adding deltas, so nothing that once went wrong stays wrong. Everything is looked up by
-- whole keys with plans that are made once, whatever the tables held then (roll_up says so): a plan a call cost more than the sums.

create type organisation_key as (organisation uuid, date date);
create type node_key as (tree smallint, node text collate "C", date date, depth integer);

-- What is written of a day in node_day.
create type day_sums as (
    tree smallint, node text, date date, learners bigint, organisations bigint, organisations_heard bigint, last_heard timestamptz,
    registers bigint, learner_lessons bigint, absent_unexcused bigint, absent_ill bigint, absent_excused bigint, late bigint,
    late_minutes bigint, remote bigint, exempt bigint, formative bigint, summative_unit bigint, summative_term bigint,
    marks_with_points bigint, percent_sum_hundredths bigint, at_least_65 bigint, at_least_40 bigint
);

-- A sum of bigint that stays one: sum() goes through numeric, which costs more than the adding. 0 of nothing.
create aggregate total(bigint) (sfunc = int8pl, stype = bigint, initcond = '0');

-- An organisation's own days, from its cells. Sets, so that they are planned as a part of what writes them (put_days).
create function organisation_days(p_keys organisation_key[]) returns setof day_sums language sql stable as $$
    select 1::smallint, k.organisation::text, k.date, coalesce(g.learners, 0)::bigint, o.counts,
           case when c.registers + c.formative + c.summative_unit + c.summative_term > 0 then o.counts else 0 end, c.last_heard,
           c.registers, c.learner_lessons, c.absent_unexcused, c.absent_ill, c.absent_excused, c.late, c.late_minutes, c.remote,
           c.exempt, c.formative, c.summative_unit, c.summative_term, c.marks_with_points, c.percent_sum_hundredths, c.at_least_65,
           c.at_least_40
    from unnest(p_keys) k
         cross join lateral organisation_counts(k.organisation, k.date) as o (counts)
         left join lateral (select g.learners from contingent g where g.organisation = k.organisation and g.date <= k.date
                            order by g.date desc limit 1) g on true
         cross join lateral (
             select max(c.heard_at) as last_heard,
                    total(c.registers) as registers, total(c.learner_lessons) as learner_lessons,
                    total(c.absent_unexcused) as absent_unexcused, total(c.absent_ill) as absent_ill,
                    total(c.absent_excused) as absent_excused, total(c.late) as late, total(c.late_minutes) as late_minutes,
                    total(c.remote) as remote, total(c.exempt) as exempt, total(c.formative) as formative,
                    total(c.summative_unit) as summative_unit, total(c.summative_term) as summative_term,
                    total(c.marks_with_points) as marks_with_points, total(c.percent_sum_hundredths) as percent_sum_hundredths,
                    total(c.at_least_65) as at_least_65, total(c.at_least_40) as at_least_40
             from cell c where c.organisation = k.organisation and c.date = k.date) c
$$;

-- Nodes' days: the organisations placed there and the nodes that hang there. `offset 0` makes each a look-up by the whole key:
-- without it and without statistics all rows of the date are read for each of them (tried: 36 s for the country).
create function node_days(p_keys node_key[]) returns setof day_sums language sql stable as $$
    select k.tree, k.node, k.date, s.learners, s.organisations, s.organisations_heard, s.last_heard,
           s.registers, s.learner_lessons, s.absent_unexcused, s.absent_ill, s.absent_excused, s.late, s.late_minutes, s.remote,
           s.exempt, s.formative, s.summative_unit, s.summative_term, s.marks_with_points, s.percent_sum_hundredths, s.at_least_65,
           s.at_least_40
    from unnest(p_keys) k
         cross join lateral (
             select total(d.learners) as learners, total(d.organisations) as organisations,
                    total(d.organisations_heard) as organisations_heard, max(d.last_heard) as last_heard,
                    total(d.registers) as registers, total(d.learner_lessons) as learner_lessons,
                    total(d.absent_unexcused) as absent_unexcused, total(d.absent_ill) as absent_ill,
                    total(d.absent_excused) as absent_excused, total(d.late) as late, total(d.late_minutes) as late_minutes,
                    total(d.remote) as remote, total(d.exempt) as exempt, total(d.formative) as formative,
                    total(d.summative_unit) as summative_unit, total(d.summative_term) as summative_term,
                    total(d.marks_with_points) as marks_with_points, total(d.percent_sum_hundredths) as percent_sum_hundredths,
                    total(d.at_least_65) as at_least_65, total(d.at_least_40) as at_least_40
             from (select d.*
                   from place p cross join lateral (select d.* from node_day d where d.tree = 1 and d.node = p.organisation::text
                                                                                 and d.date = k.date offset 0) d
                   where p.tree = k.tree and p.node = k.node
                   union all
                   select d.*
                   from node n cross join lateral (select d.* from node_day d where d.tree = n.tree and d.node = n.node
                                                                                and d.date = k.date offset 0) d
                   where n.tree = k.tree and n.parent = k.node) d) s
$$;

-- The topic hears of a day at most once in 10 s of an organisation, once a second of a node above.
create function due_at(p_tree smallint, p_node text, p_told_at timestamptz) returns timestamptz language sql stable as $$
    select coalesce(p_told_at + case when p_tree = 1 and length(p_node) = 36 then interval '10 s' else interval '1 s' end, now())
$$;

-- Writes the days of these organisations and nodes (of one level) where they are others than before, with a new stamp. Returns how
-- many.
create function put_days(p_organisations organisation_key[], p_nodes node_key[]) returns integer language plpgsql as $$
#variable_conflict use_column
declare
    v_stamp record;
    v_changed integer;
begin
    if p_organisations is null and p_nodes is null then
        return 0;
    end if;
    v_stamp := outbox_stamp();
    with written as (
        insert into node_day as d (tree, node, date, learners, organisations, organisations_heard, last_heard,
                                   registers, learner_lessons, absent_unexcused, absent_ill, absent_excused, late, late_minutes,
                                   remote, exempt, formative, summative_unit, summative_term, marks_with_points, percent_sum_hundredths,
                                   at_least_65, at_least_40, changed_at, untold, epoch, xid)
        select n.tree, n.node, n.date, n.learners, n.organisations, n.organisations_heard, n.last_heard,
               n.registers, n.learner_lessons, n.absent_unexcused, n.absent_ill, n.absent_excused, n.late, n.late_minutes, n.remote,
               n.exempt, n.formative, n.summative_unit, n.summative_term, n.marks_with_points, n.percent_sum_hundredths,
               n.at_least_65, n.at_least_40, now(),
               case when n.learners <> 0 or n.organisations <> 0 or n.last_heard is not null then 1 << 1 else 0 end -- SET_CONTINGENT
               | case when n.formative <> 0 or n.summative_unit <> 0 or n.summative_term <> 0 then 1 << 2 else 0 end -- SET_MARKS
               | case when n.registers <> 0 then 1 << 3 else 0 end, -- SET_ATTENDANCE
               v_stamp.epoch, v_stamp.xid
        from (select * from organisation_days(p_organisations) union all select * from node_days(p_nodes)) n
        on conflict (tree, node, date) do update set
            learners = excluded.learners, organisations = excluded.organisations, organisations_heard = excluded.organisations_heard,
            last_heard = excluded.last_heard,
            registers = excluded.registers, learner_lessons = excluded.learner_lessons, absent_unexcused = excluded.absent_unexcused,
            absent_ill = excluded.absent_ill, absent_excused = excluded.absent_excused, late = excluded.late,
            late_minutes = excluded.late_minutes, remote = excluded.remote, exempt = excluded.exempt,
            formative = excluded.formative, summative_unit = excluded.summative_unit, summative_term = excluded.summative_term,
            marks_with_points = excluded.marks_with_points, percent_sum_hundredths = excluded.percent_sum_hundredths,
            at_least_65 = excluded.at_least_65, at_least_40 = excluded.at_least_40,
            changed_at = excluded.changed_at,
            untold = d.untold
                | case when (d.learners, d.organisations, d.organisations_heard, d.last_heard)
                            is distinct from (excluded.learners, excluded.organisations, excluded.organisations_heard, excluded.last_heard)
                       then 1 << 1 else 0 end
                | case when (d.formative, d.summative_unit, d.summative_term, d.marks_with_points, d.percent_sum_hundredths, d.at_least_65,
                             d.at_least_40)
                            is distinct from (excluded.formative, excluded.summative_unit, excluded.summative_term,
                                              excluded.marks_with_points, excluded.percent_sum_hundredths, excluded.at_least_65,
                                              excluded.at_least_40)
                       then 1 << 2 else 0 end
                | case when (d.registers, d.learner_lessons, d.absent_unexcused, d.absent_ill, d.absent_excused, d.late, d.late_minutes,
                             d.remote, d.exempt)
                            is distinct from (excluded.registers, excluded.learner_lessons, excluded.absent_unexcused, excluded.absent_ill,
                                              excluded.absent_excused, excluded.late, excluded.late_minutes, excluded.remote,
                                              excluded.exempt)
                       then 1 << 3 else 0 end,
            epoch = excluded.epoch, xid = excluded.xid, seq = excluded.seq
        where (d.learners, d.organisations, d.organisations_heard, d.last_heard, d.registers, d.learner_lessons, d.absent_unexcused,
               d.absent_ill, d.absent_excused, d.late, d.late_minutes, d.remote, d.exempt, d.formative, d.summative_unit, d.summative_term,
               d.marks_with_points, d.percent_sum_hundredths, d.at_least_65, d.at_least_40)
              is distinct from
              (excluded.learners, excluded.organisations, excluded.organisations_heard, excluded.last_heard, excluded.registers,
               excluded.learner_lessons, excluded.absent_unexcused, excluded.absent_ill, excluded.absent_excused, excluded.late,
               excluded.late_minutes, excluded.remote, excluded.exempt, excluded.formative, excluded.summative_unit,
               excluded.summative_term, excluded.marks_with_points, excluded.percent_sum_hundredths, excluded.at_least_65,
               excluded.at_least_40)
        returning d.tree, d.node, d.date, d.told_at, d.untold
    ), noted as (
        insert into untold (tree, node, date, due_at)
        select w.tree, w.node, w.date, due_at(w.tree, w.node, w.told_at) from written w where w.untold <> 0
        on conflict do nothing
    )
    select count(*) into v_changed from written;
    return v_changed;
end $$;

-- Takes what is dirty. A day that is new begins for every organisation that is known or has learners.
create function take_dirty(p_today date) returns organisation_key[] language plpgsql as $$
declare
    v_keys organisation_key[];
    v_days date[];
begin
    with taken as (
        delete from dirty d returning d.organisation, d.date
    )
    select array_agg(row(t.organisation, t.date)::organisation_key) into v_keys
    from (select distinct t.organisation, t.date from taken t) t;

    with begun as (
        insert into day (date)
        select k.date from unnest(v_keys) k where not exists (select from day d where d.date = k.date)
        union select p_today where not exists (select from day d where d.date = p_today)
        returning date
    )
    select array_agg(b.date) into v_days from begun b;
    if v_days is not null then
        select array_agg(row(k.organisation, k.date)::organisation_key) into v_keys
        from (select k.organisation, k.date from unnest(v_keys) k
              union
              select o.id, b.date
              from (select id from copy_organisation union select organisation from contingent) o, unnest(v_days) as b (date)) k;
    end if;
    return v_keys;
end $$;

-- The nodes above, and those noted by themselves with all above them.
create function take_nodes(p_dirty organisation_key[]) returns node_key[] language plpgsql as $$
declare
    v_keys node_key[];
begin
    with recursive taken as (
        delete from dirty_node d returning d.*
    ), above (tree, node, date) as (
        select p.tree, p.node, k.date from unnest(p_dirty) k join place p on p.tree in (1, 2) and p.organisation = k.organisation
        union
        select t.tree, t.node, t.date from taken t
        union
        select n.tree, n.parent, a.date
        from above a join node n on n.tree = a.tree and n.node = a.node
        where n.parent is not null
    )
    select array_agg(row(a.tree, a.node, a.date, n.depth)::node_key) into v_keys
    from above a join node n on n.tree = a.tree and n.node = a.node;
    return v_keys;
end $$;

-- Returns how many days of nodes have changed.
create function roll_up(p_today date) returns integer language plpgsql
    set plan_cache_mode = force_generic_plan set enable_seqscan = off set max_parallel_workers_per_gather = 0 as $$
declare
    v_dirty organisation_key[];
    v_nodes node_key[];
    v_depth integer;
    v_changed integer;
begin
    if not pg_try_advisory_xact_lock(504) then -- somebody else is at it
        return 0;
    end if;
    perform trees_make();
    v_dirty := take_dirty(p_today);
    v_nodes := take_nodes(v_dirty);
    v_changed := put_days(v_dirty, null);
    for v_depth in select distinct k.depth from unnest(v_nodes) k order by k.depth desc loop
        v_changed := v_changed + put_days(null, array(select k from unnest(v_nodes) k where k.depth = v_depth));
    end loop;
    return v_changed;
end $$;

-- Whatever changes one homeroom of these learners may change where they count: all organisations where they have one.
create function note_learners(p_learners uuid[]) returns void language sql as $$
    insert into dirty_contingent (organisation)
    select distinct c.organisation
    from (select distinct n.id from unnest(p_learners) l (id) cross join lateral ids_of(l.id) n (id)) n
         join copy_enrolment e on e.learner = n.id join copy_class c on c.id = e.class
$$;

-- Learners of organisations anew, at most p_most of them: on each day a learner counts where the homeroom is that began last of those
-- in force, under whichever ids, and nowhere else. Returns how many organisations were looked at.
create function make_contingents(p_most integer) returns integer language plpgsql as $$
declare
    v_organisations uuid[];
begin
    with taken as (
        delete from dirty_contingent d
        where d.organisation in (select distinct x.organisation from dirty_contingent x limit p_most)
        returning d.organisation
    )
    select array_agg(distinct t.organisation) into v_organisations from taken t;

    with own as (
        select distinct coalesce(a.canonical, e.learner) as learner
        from copy_class c join copy_enrolment e on e.class = c.id left join copy_alias a on a.id = e.learner
        where c.organisation = any (v_organisations) and c.type = 1 -- homeroom
    ), name as (
        select o.learner, o.learner as id from own o
        union all
        select a.canonical, a.id from own o join copy_alias a on a.canonical = o.learner
    ), homeroom as (
        select n.learner, c.organisation, daterange(e.valid_from, e.valid_to, '[]') as span,
               range_agg(daterange(e.valid_from, e.valid_to, '[]'))
                   over (partition by n.learner order by e.valid_from desc, e.id desc
                         rows between unbounded preceding and 1 preceding) as later
        from name n join copy_enrolment e on e.learner = n.id join copy_class c on c.id = e.class and c.type = 1
        where coalesce(e.valid_to, e.valid_from) >= e.valid_from
    ), enrolled as (
        select h.organisation, h.learner, range_agg(datemultirange(h.span) - coalesce(h.later, '{}')) as spans
        from homeroom h
        where h.organisation = any (v_organisations)
        group by 1, 2
    ), step as (
        select e.organisation, lower(s) as date, 1 as more from enrolled e, unnest(e.spans) s
        union all
        select e.organisation, upper(s), -1 from enrolled e, unnest(e.spans) s where not upper_inf(s)
    ), wanted as (
        select s.organisation, s.date, (sum(sum(s.more)) over (partition by s.organisation order by s.date))::integer as learners
        from step s group by s.organisation, s.date
    ), changed as (
        select organisation, date, w.learners
        from wanted w full join (select * from contingent c where c.organisation = any (v_organisations)) c
                                using (organisation, date)
        where w.learners is distinct from c.learners
    ), gone as (
        delete from contingent c using changed g
        where c.organisation = g.organisation and c.date = g.date and g.learners is null
    ), put as (
        insert into contingent (organisation, date, learners)
        select c.organisation, c.date, c.learners from changed c where c.learners is not null
        on conflict (organisation, date) do update set learners = excluded.learners
    )
    insert into dirty (organisation, date)
    select f.organisation, d.date
    from (select c.organisation, min(c.date) as date from changed c group by c.organisation) f join day d on d.date >= f.date;
    return coalesce(cardinality(v_organisations), 0);
end $$;
