-- Who sees whose rows, by the links that :links has (the registry; notify's own copy): the children of the confirmed links that are valid
-- today, under all ids of each, with the rights of all links together; a restricted one bars whatever others say of the same two. Bits of
-- rights: contracts/registry.h.
create unlogged table :sees.sees as
with name as (
    select canonical, id from :links.alias union select canonical, canonical from :links.alias
), link as (
    select coalesce(c.canonical, l.learner) as child, coalesce(g.canonical, l.guardian) as guardian, l.rights, l.status
    from :links.guardian l left join :links.alias c on c.id = l.learner left join :links.alias g on g.id = l.guardian
    where l.status in (2, 3) and l.valid_from <= :'today' and coalesce(l.valid_to, :'today') >= :'today'
), seen as (
    select guardian, child, bit_or(rights) as rights from link group by guardian, child having bool_and(status = 2)
)
select s.guardian, s.child, coalesce(n.id, s.child) as learner, s.rights from seen s left join name n on n.canonical = s.child;
