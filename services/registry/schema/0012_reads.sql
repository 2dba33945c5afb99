-- Who may see what of the registry itself; answers as in intake's 0003_rights.sql (3 may, and the read is written down, 2 may, 1 within
-- the subtree but may not, 0 does not exist for the caller), and -1 where the session was ended. p_overview: nodes whose subtrees' figures the caller sees.

create function session_is_open(p_session uuid) returns boolean language sql stable as $$
    select p_session is null or exists (select from session s where s.id = p_session and s.ended_at is null)
$$;

-- What was changed by a transaction before this is final, and seen by whoever looks from now on: lists of changes end here, and the
-- next one begins here. Transactions of other databases may hold it back, as long as they last.
create function changes_horizon(out epoch bigint, out xid bigint) language sql stable as $$
    select max(h.epoch), pg_snapshot_xmin(pg_current_snapshot())::text::bigint from history h
$$;

-- An organisation and the names of its classes. NULL: the caller's own nodes.
create function may_see_organisation(p_organisation uuid, p_session uuid, p_overview uuid[], p_classes uuid[]) returns smallint
    language sql stable as $$
    select case when not session_is_open(p_session) then -1
                when p_organisation is null
                     or exists (select from organisation o where o.id = canonical_of(p_organisation) and o.path && p_overview)
                     or exists (select from class c where c.organisation = canonical_of(p_organisation) and c.id = any (p_classes))
                then 2 else 0 end::smallint
$$;

-- Who is in a class.
create function may_see_roster(p_class uuid, p_kind smallint, p_person uuid, p_nodes uuid[], p_classes uuid[], p_session uuid,
                               p_overview uuid[]) returns smallint language sql stable as $$
    select case when not session_is_open(p_session) then -1
                when may_see_class(p_class, p_kind, p_person, p_nodes, p_classes) = 3 then 3
                when exists (select from class c join organisation o on o.id = c.organisation
                             where c.id = p_class and o.path && p_overview) then 1
                else 0 end::smallint
$$;

-- A learner, by the rights that hold for learners (p_right: any of the link's); staff and guardians, by whom they have to do with.
create function may_see_person(p_id uuid, p_today date, p_kind smallint, p_person uuid, p_nodes uuid[], p_classes uuid[],
                               p_session uuid, p_overview uuid[]) returns smallint language sql stable as $$
    with tied as (
        select o.path from enrolment e join class c on c.id = e.class join organisation o on o.id = c.organisation
        where e.learner = p_id
        union all
        select o.path from assignment a join class c on c.id = a.class join organisation o on o.id = c.organisation
        where a.teacher = p_id
        union all
        select o.path from guardian g join enrolment e on e.learner = g.learner join class c on c.id = e.class
               join organisation o on o.id = c.organisation
        where g.guardian = p_id
    )
    select case when not session_is_open(p_session) then -1
                when s.learner >= 2 then s.learner
                when exists (select from tied t where t.path && p_nodes) then 3
                when s.learner = 1 or exists (select from tied t where t.path && p_overview) then 1
                else 0 end::smallint
    from (select greatest(may_see_learner(p_id, 1, p_today, p_kind, p_person, p_nodes, p_classes),
                          may_see_learner(p_id, 2, p_today, p_kind, p_person, p_nodes, p_classes)) as learner) s
$$;
