-- Whose figures a caller sees: those of the subtrees (subordination) given to it. A territory only where all organisations placed in
-- it lie in these subtrees, so that no difference of two figures shows what is outside of them; the ministry sees all.
create function node_visible(p_node text, p_overview uuid[]) returns boolean language plpgsql stable as $$
begin
    if length(p_node) = 36 then
        return exists (select from copy_organisation o where o.id = p_node::uuid and o.path && p_overview);
    end if;
    if exists (select from copy_organisation o where o.id = any (p_overview) and o.kind = 1) then
        return exists (select from node n where n.tree = 1 and n.node = p_node);
    end if;
    return (
        with recursive below (node) as (
            select n.node from node n where n.tree = 1 and n.node = p_node
            union
            select n.node from below b join node n on n.tree = 1 and n.parent = b.node
        )
        select coalesce(bool_and(o.path && p_overview), false)
        from below b join place p on p.tree = 1 and p.node = b.node join copy_organisation o on o.id = p.organisation
    );
end $$;

-- A node and, where wanted, what hangs on it: the tree in which each one's days stand.
create function indicator_nodes(p_tree smallint, p_node text, p_children boolean)
    returns table (child boolean, tree smallint, node text) language sql stable as $$
    select false, coalesce((select n.tree from node n where n.tree = p_tree and n.node = p_node), 1::smallint), p_node
    union all
    select true, n.tree, n.node from node n where p_children and n.tree = p_tree and n.parent = p_node
    union all
    select true, 1::smallint, p.organisation::text
    from place p join copy_organisation o on o.id = p.organisation
    where p_children and p.tree = p_tree and p.node = p_node and p.organisation::text <> p_node
      and (o.shifts > 0 or exists (select from cell c where c.organisation = o.id)) -- bodies have no figures of their own
$$;

-- Each day that has begun of a node and of its children, itself first; no rows where the caller does not see it.
create function indicators(p_tree smallint, p_node text, p_from date, p_to date, p_children boolean, p_overview uuid[])
    returns table (child boolean, node text, tree smallint, name_kk text, name_ru text, as_of timestamptz, date date,
                   learners bigint, organisations bigint, organisations_heard bigint, last_heard timestamptz,
                   registers bigint, learner_lessons bigint, absent_unexcused bigint, absent_ill bigint, absent_excused bigint,
                   late bigint, late_minutes bigint, remote bigint, exempt bigint, formative bigint, summative_unit bigint,
                   summative_term bigint, marks_with_points bigint, percent_sum_hundredths bigint, at_least_65 bigint,
                   at_least_40 bigint) language plpgsql stable as $$
#variable_conflict use_column
begin
    if not node_visible(p_node, p_overview) then
        return;
    end if;
    return query
    select i.child, i.node, p_tree, coalesce(o.name_kk, r.kk), coalesce(o.name_ru, r.ru),
           coalesce((select min(q.noted_at) from dirty q), now()), g.date,
           coalesce(d.learners, 0), coalesce(d.organisations, 0), coalesce(d.organisations_heard, 0), d.last_heard,
           coalesce(d.registers, 0), coalesce(d.learner_lessons, 0), coalesce(d.absent_unexcused, 0), coalesce(d.absent_ill, 0),
           coalesce(d.absent_excused, 0), coalesce(d.late, 0), coalesce(d.late_minutes, 0), coalesce(d.remote, 0),
           coalesce(d.exempt, 0), coalesce(d.formative, 0), coalesce(d.summative_unit, 0), coalesce(d.summative_term, 0),
           coalesce(d.marks_with_points, 0), coalesce(d.percent_sum_hundredths, 0), coalesce(d.at_least_65, 0),
           coalesce(d.at_least_40, 0)
    from indicator_nodes(p_tree, p_node, p_children) i
         left join day g on g.date between p_from and p_to
         left join node_day d on d.tree = i.tree and d.node = i.node and d.date = g.date
         left join copy_organisation o on length(i.node) = 36 and o.id = case when length(i.node) = 36 then i.node::uuid end
         left join copy_reference r on r.list = 'territory' and r.code = i.node
    order by i.child, i.node, g.date;
end $$;

-- For the topic: days with sets that are not there yet, and may be.
create function take_untold(p_most integer) returns table (key text, sets integer, day node_day) language plpgsql
    set plan_cache_mode = force_generic_plan set enable_seqscan = off set max_parallel_workers_per_gather = 0 as $$
begin
    return query
    with due as (
        select u.tree, u.node, u.date from untold u where u.due_at <= now() order by u.due_at limit p_most
    ), taken as (
        delete from untold u using due where u.tree = due.tree and u.node = due.node and u.date = due.date
    )
    update node_day d set untold = 0, told_at = now()
    from due join lateral (select o.untold from node_day o
                           where o.tree = due.tree and o.node = due.node and o.date = due.date offset 0) o on true
    where d.tree = due.tree and d.node = due.node and d.date = due.date
    returning indicator_key(d.tree, d.node, d.date), o.untold, d;
end $$;
