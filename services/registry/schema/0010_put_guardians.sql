-- POST /v1/guardians: links of learners who are, or will be, enrolled in the caller's subtree. Whose link it is does not change,
-- and a restricted one is lifted by an officer, never by a repeated batch.

create function learner_within(p_learner uuid, p_today date, p_caller integer, p_callers integer[], p_nodes uuid[]) returns boolean
    language sql stable as $$
    select exists (select from enrolment e join class c on c.id = e.class join organisation o on o.id = c.organisation
                   where e.learner = p_learner and coalesce(e.valid_to, p_today) >= p_today
                     and put_within(p_caller, p_callers, p_nodes, o.path))
$$;

create function put_guardians(
    p_callers integer[], p_scope_callers integer[], p_scope_nodes uuid[], p_today date,
    p_ids uuid[], p_learners uuid[], p_guardians uuid[], p_relations smallint[], p_bases smallint[], p_rights integer[],
    p_from date[], p_to date[], p_statuses smallint[],
    p_modified timestamptz[], p_sources text[], p_sourced_ids text[], p_fingerprints uuid[], p_heads bytea[])
    returns table (item integer, outcome text, code text, pointer text, other uuid) language plpgsql as $$
#variable_conflict use_column
declare
    v_stamp record := outbox_stamp();
    v_learners uuid[] := (select array_agg(canonical_of(i.id) order by i.place) from unnest(p_learners) with ordinality as i (id, place));
    v_guardians uuid[] := (select array_agg(canonical_of(i.id) order by i.place) from unnest(p_guardians) with ordinality as i (id, place));
    v_outcomes text[];
    v_revisions bigint[];
begin
    perform put_lock('guardian', p_ids);
    select array_agg(case when p.id is null then 'learner_unknown'
                          when not learner_within(i.learner, p_today, i.caller, p_scope_callers, p_scope_nodes) then 'out_of_scope'
                          when q.id is null then 'person_unknown'
                          when g.learner <> i.learner or g.guardian <> i.guardian then 'id_reused'
                          when g.status = 3 and i.status <> 3 then 'restricted'
                          else put_outcome(g.fingerprint, g.modified_at, i.fingerprint, i.modified) end order by i.place)
    into v_outcomes
    from unnest(p_callers, p_ids, v_learners, v_guardians, p_statuses, p_modified, p_fingerprints) with ordinality
             as i (caller, id, learner, guardian, status, modified, fingerprint, place)
         left join person p on p.id = i.learner
         left join person q on q.id = i.guardian
         left join guardian g on g.id = i.id;

    with written as (
        insert into guardian as g (id, learner, guardian, relation, legal_basis, rights, valid_from, valid_to, status, fingerprint,
                                   modified_at, source, sourced_id, epoch, xid)
        select i.id, i.learner, i.guardian, i.relation, i.basis, i.rights, i.valid_from, i.valid_to, i.status, i.fingerprint,
               coalesce(i.modified, now()), i.source, i.sourced_id, v_stamp.epoch, v_stamp.xid
        from unnest(p_ids, v_learners, v_guardians, p_relations, p_bases, p_rights, p_from, p_to, p_statuses, p_modified, p_sources,
                    p_sourced_ids, p_fingerprints, v_outcomes)
                 as i (id, learner, guardian, relation, basis, rights, valid_from, valid_to, status, modified, source, sourced_id,
                       fingerprint, outcome)
        where i.outcome in ('created', 'updated') order by i.id
        on conflict (id) do update set (relation, legal_basis, rights, valid_from, valid_to, status, fingerprint, modified_at, source,
                                        sourced_id, epoch, xid)
            = (excluded.relation, excluded.legal_basis, excluded.rights, excluded.valid_from, excluded.valid_to, excluded.status,
               excluded.fingerprint, greatest(excluded.modified_at, g.modified_at), excluded.source, excluded.sourced_id,
               excluded.epoch, excluded.xid),
            revision = g.revision + 1
        returning g.id, g.revision
    ) select array_agg(w.revision order by i.place) into v_revisions
      from unnest(p_ids) with ordinality as i (id, place) left join written w on w.id = i.id;

    perform put_log(105::smallint, p_ids, v_outcomes, v_revisions,
                    array(select i.head || event_uuid('learner', i.learner) || event_uuid('guardian', i.guardian)
                          from unnest(p_heads, v_learners, v_guardians) with ordinality as i (head, learner, guardian, place)
                          order by i.place));
    perform access_revoke_grants('guardian', p_ids, v_guardians, v_revisions);
    perform put_seen('guardian', p_ids, v_outcomes, p_modified);
    return query select * from put_rows(v_outcomes, null, '{"learner_unknown": "/learner", "out_of_scope": "/learner",
        "person_unknown": "/guardian", "id_reused": "/id", "restricted": "/status"}');
end $$;
