-- Behind a rebuild: whatever stands on the cells and the copies is summed again. What comes out as it was is neither written nor told.

create function note_registry() returns void language sql as $$
    insert into dirty_tree (organisation) select o.id from copy_organisation o union all select null;
    insert into dirty_contingent (organisation) select distinct c.organisation from copy_class c
                                                union select g.organisation from contingent g;
$$;

-- A day of all organisations and nodes. Returns how many, and when they were noted.
create function note_day(p_date date, out noted bigint, out noted_at timestamptz) language sql as $$
    with organisations as (
        insert into dirty (organisation, date)
        select c.organisation, c.date from cell c where c.date = p_date
        union
        select d.node::uuid, d.date from node_day d where d.date = p_date and d.tree = 1 and length(d.node) = 36
        returning 1
    ), nodes as (
        insert into dirty_node (tree, node, date)
        select n.tree, n.node, d.date from node n join node_day d on d.tree = n.tree and d.node = n.node where d.date = p_date
        returning 1
    )
    select (select count(*) from organisations) + (select count(*) from nodes), now();
$$;
