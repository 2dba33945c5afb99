-- Who may see what, from the copies. The caller is given as (kind, person, nodes, classes): kind 1 a client, 2 an account;
-- nodes whose subtrees it sees by its client or official role; classes that it teaches. Answers (service/access.h): 3 may, by
-- office or as a client: the read is written down; 2 may, as the learner or its guardian; 1 is within its subtree but may not
-- (403); 0 does not exist for it (404).

-- An id that is another name of something known stands for what it names, for ever; a canonical id is never an alias itself.
create function canonical_of(p_id uuid) returns uuid language sql stable as $$
    select coalesce((select a.canonical from copy_alias a where a.id = p_id), p_id)
$$;

-- All ids of a person. Facts keep the one that they were sent with; links, enrolments and accounts are written under the canonical
-- one, but may arrive before the alias does, or after it: so both sides of a comparison are all ids, never one.
create function ids_of(p_person uuid) returns setof uuid language sql stable rows 2 as $$
    select canonical_of(p_person) union all select a.id from copy_alias a where a.canonical = canonical_of(p_person)
$$;

-- The children of a guardian and what may be seen of each: rights of all confirmed links together, under the child's canonical id. A
-- restricted link bars whatever others say of the same two, and where one of them may have been taken away, nothing.
create function children_of(p_person uuid, p_today date) returns table (learner uuid, rights integer) language sql stable as $$
    select canonical_of(l.learner), bit_or(l.rights) from copy_link l
    where l.guardian in (select ids_of(p_person)) and l.status in (2, 3) and l.valid_from <= p_today
      and coalesce(l.valid_to, p_today) >= p_today
    group by 1
    having bool_and(l.status = 2 and l.counts)
$$;

-- All facts of a learner, by whomever they were taken: whoever is responsible for the learner today sees them. That are the
-- subtree and the teachers of the enrolments that are in force; where none is (between two years, after leaving), of those that
-- ended last. A former school keeps what is its own: its classes (may_see_class) and the facts that name its organisation.
-- p_right: 1 marks, 2 attendance (contracts/registry.h, enum guardian_right).
create function may_see_learner(p_learner uuid, p_right integer, p_today date, p_kind smallint, p_person uuid,
                                p_nodes uuid[], p_classes uuid[]) returns smallint language plpgsql stable as $$
declare
    v_ids uuid[] := array(select ids_of(p_learner));
    v_rights integer; -- of the links; NULL: there is none
    v_last date; -- enrolments that ended earlier do not count
begin
    if p_person is not null then
        if p_person = any (v_ids) then
            return 2;
        end if;
        select k.rights into v_rights from children_of(p_person, p_today) k where k.learner = any (v_ids);
        if v_rights & (1 << p_right) <> 0 then
            return 2;
        end if;
    end if;
    select least(max(coalesce(e.valid_to, p_today)), p_today) into v_last
    from copy_enrolment e where e.learner = any (v_ids) and e.valid_from <= p_today;
    if exists (
        select from copy_enrolment e left join copy_class c on c.id = e.class left join copy_organisation o on o.id = c.organisation
        where e.learner = any (v_ids) and e.valid_from <= p_today and coalesce(e.valid_to, p_today) >= v_last
          and (e.class = any (p_classes) or o.path && p_nodes)) then
        return 3;
    end if;
    return case when v_rights is not null then 1 else 0 end;
end $$;

create function may_see_class(p_class uuid, p_kind smallint, p_person uuid, p_nodes uuid[], p_classes uuid[])
    returns smallint language plpgsql stable as $$
begin
    if p_class = any (p_classes) then
        return 3;
    end if;
    if exists (select from copy_class c join copy_organisation o on o.id = c.organisation
               where c.id = p_class and o.path && p_nodes) then
        return 3;
    end if;
    return 0;
end $$;
