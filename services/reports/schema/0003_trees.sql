-- The trees as the copies of the registry have them. A chain of superiors that is broken or bites its own tail ends where it does,
-- so depth always falls towards the root.
create view node_wanted as
with recursive territory (code, parent, depth) as (
    select r.code, null::text, 0 from copy_reference r where r.list = 'territory' and r.parent is null
    union all
    select r.code, r.parent, t.depth + 1 from territory t join copy_reference r on r.list = 'territory' and r.parent = t.code
)
select 1::smallint as tree, t.code as node, t.parent, t.depth from territory t
union all
select 2::smallint, o.id::text, s.id::text, cardinality(o.path)
from copy_organisation o
     left join copy_organisation s on s.id = o.subordinate_to and o.path = s.path || o.id
where exists (select from copy_organisation b where b.subordinate_to = o.id);

create view place_wanted as
select 1::smallint as tree, o.id as organisation, n.node
from copy_organisation o join node_wanted n on n.tree = 1 and n.node = o.kato
union all
select 2::smallint, o.id, case when b.has_others then o.id else s.id end::text
from copy_organisation o
     cross join lateral (select exists (select from copy_organisation b where b.subordinate_to = o.id)) b (has_others)
     left join copy_organisation s on s.id = o.subordinate_to
where b.has_others or s.id is not null;

-- 1 where an organisation counts as one on that date: it teaches, and exists. A set of one row, so that it is planned as a part of
-- what asks it.
create function organisation_counts(p_organisation uuid, p_date date) returns setof bigint language sql stable rows 1 as $$
    select count(*) from copy_organisation o
    where o.id = p_organisation and o.shifts > 0 and p_date between o.valid_from and coalesce(o.valid_to, p_date)
$$;

-- Brings node and place up to date and notes what has to be summed again: where something left, where it arrived, and where an
-- organisation counts anew. To be called in one snapshot (repeatable read).
create function trees_make() returns void language plpgsql as $$
declare
    v_changed uuid[];
begin
    with taken as (delete from dirty_tree returning organisation)
    select array_agg(distinct t.organisation) into v_changed from taken t;
    if v_changed is null then
        return;
    end if;

    insert into dirty_node (tree, node, date)
    select distinct p.tree, p.node, d.date
    from place p left join place_wanted w on w.tree = p.tree and w.organisation = p.organisation cross join day d
    where w.node is distinct from p.node;

    insert into dirty (organisation, date)
    select distinct w.organisation, d.date
    from place_wanted w left join place p on p.tree = w.tree and p.organisation = w.organisation cross join day d
    where p.node is distinct from w.node;

    insert into dirty (organisation, date)
    select c.organisation, d.date
    from unnest(v_changed) as c (organisation) cross join day d cross join lateral organisation_counts(c.organisation, d.date) n (counts)
         left join node_day o on o.tree = 1 and o.node = c.organisation::text and o.date = d.date
    where c.organisation is not null and o.organisations is distinct from n.counts;

    insert into dirty_node (tree, node, date)
    select distinct n.tree, m.node, d.date
    from node n left join node_wanted w on w.tree = n.tree and w.node = n.node
         cross join lateral unnest(array[n.parent, w.node]) as m (node) -- above where it hung, and up from where it hangs
         cross join day d
    where (w.node is null or w.parent is distinct from n.parent) and m.node is not null;

    perform nodes_remove(array(select n from node n
                               where not exists (select from node_wanted w where w.tree = n.tree and w.node = n.node)));
    insert into node (tree, node, parent, depth)
    select w.tree, w.node, w.parent, w.depth from node_wanted w
    on conflict (tree, node) do update set parent = excluded.parent, depth = excluded.depth
        where (node.parent, node.depth) is distinct from (excluded.parent, excluded.depth);

    delete from place p
    where not exists (select from place_wanted w where w.tree = p.tree and w.organisation = p.organisation);
    insert into place (tree, organisation, node)
    select w.tree, w.organisation, w.node from place_wanted w
    on conflict (tree, organisation) do update set node = excluded.node where place.node <> excluded.node;
end $$;

-- The key of a node's day on the topic, without its set: the tree stands before the node where it is not territory.
-- Stable, as to_char is: else it is not inlined (outbox, event_text), and a call of it cost more than the update that it is returned by.
create function indicator_key(p_tree smallint, p_node text, p_date date) returns text language sql stable as $$
    select case when p_tree = 2 then 'subordination|' else '' end || p_node || '|' || to_char(p_date, 'YYYY-MM-DD')
$$;

-- Nodes that are none any more, with all that stands on them; the topic forgets them, too.
create function nodes_remove(p_nodes node[]) returns void language plpgsql as $$
declare
    v_keys text[];
begin
    delete from node n using unnest(p_nodes) g where n.tree = g.tree and n.node = g.node;
    with gone as (
        delete from node_day d using unnest(p_nodes) g where d.tree = g.tree and d.node = g.node returning d.tree, d.node, d.date
    )
    select array_agg(indicator_key(g.tree, g.node, g.date) || '|' || s.name) into v_keys
    from gone g, unnest(array['contingent', 'marks', 'attendance']) s (name);
    perform outbox_append(array_agg(gen_random_uuid()), array_agg(k), array_agg(500::smallint), array_agg(''::bytea)) -- indicator.changed
    from unnest(v_keys) k
    having count(*) > 0;
end $$;
