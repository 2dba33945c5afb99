-- Who may see what, from the copies. The caller is given as (kind, person, nodes, classes): kind 1 a client, 2 an account;
-- nodes whose subtrees it sees by its client or official role; classes that it teaches. Answers (service/access.h): 3 may, by
-- office or as a client: the read is written down; 2 may, as the learner or its guardian; 1 is within its subtree but may not
-- (403); 0 does not exist for it (404).

-- All facts of a learner, by whomever they were taken: whoever is responsible for the learner today sees them. That are the
-- subtree and the teachers of the enrolments that are in force; where none is (between two years, after leaving), of those that
-- ended last. A former school keeps what is its own: its classes (may_see_class) and the facts that name its organisation.
-- p_right: 1 marks, 2 attendance (contracts/registry.h, enum guardian_right).
create function may_see_learner(p_learner uuid, p_right integer, p_today date, p_kind smallint, p_person uuid,
                                p_nodes uuid[], p_classes uuid[]) returns smallint language plpgsql stable as $$
declare
    v_link boolean := false;
    v_right boolean;
    v_last date; -- enrolments that ended earlier do not count
begin
    if p_person = p_learner then
        return 2;
    end if;
    if p_person is not null then
        select true, bool_or(l.rights & (1 << p_right) <> 0) into v_link, v_right
        from copy_link l
        where l.guardian = p_person and l.learner = p_learner and l.status = 2
          and l.valid_from <= p_today and coalesce(l.valid_to, p_today) >= p_today
        having count(*) > 0 and bool_and(l.counts);
        if v_right then
            return 2;
        end if;
    end if;
    select least(max(coalesce(e.valid_to, p_today)), p_today) into v_last
    from copy_enrolment e where e.learner = p_learner and e.valid_from <= p_today;
    if exists (
        select from copy_enrolment e left join copy_class c on c.id = e.class left join copy_organisation o on o.id = c.organisation
        where e.learner = p_learner and e.valid_from <= p_today and coalesce(e.valid_to, p_today) >= v_last
          and (e.class = any (p_classes) or o.path && p_nodes)) then
        return 3;
    end if;
    return case when v_link then 1 else 0 end;
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

-- The children of a guardian and what may be seen of each: rights of all confirmed links together. Where one of them may have been
-- taken away, nothing.
create function children_of(p_person uuid, p_today date) returns table (learner uuid, rights integer) language sql stable as $$
    select l.learner, bit_or(l.rights) from copy_link l
    where l.guardian = p_person and l.status = 2 and l.valid_from <= p_today and coalesce(l.valid_to, p_today) >= p_today
    group by l.learner
    having bool_and(l.counts)
$$;

create function canonical_of(p_id uuid) returns uuid language sql stable as $$
    select coalesce((select a.canonical from copy_alias a where a.id = p_id), p_id)
$$;
