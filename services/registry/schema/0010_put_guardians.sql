-- POST /v1/guardians: links of learners whose record is the caller's (learner_records), or who will be enrolled there and have no such
-- link yet. Whose link it is does not change. A restricted one is lifted by an officer, never by a repeated batch; nor does a second
-- link of the same two lead around it.

-- What a caller may do with the links of a learner: `own` the learner is of record there; `coming` will be; else why it may not
-- write, out_of_scope where there is no row.
create function learner_rights(p_callers integer[], p_learners uuid[], p_scope_callers integer[], p_scope_nodes uuid[], p_today date)
    returns table (caller integer, learner uuid, power text) language sql stable as $$
    select i.caller, i.learner,
           case when bool_or(r.of_record) then 'own' when bool_or(r.coming) then 'coming' else 'not_authoritative' end
    from (select distinct u.caller, u.learner from unnest(p_callers, p_learners) u (caller, learner)) i
         join put_scopes(p_scope_callers, p_scope_nodes) s on s.caller = i.caller
         join learner_records(p_learners, p_today) r on r.learner = i.learner and put_within(r.path, s.nodes)
    group by i.caller, i.learner
$$;

-- p_officers: the account of each caller, in the order of $1's numbers; nil, or no array: no officer.
create function put_guardians(
    p_callers integer[], p_scope_callers integer[], p_scope_nodes uuid[], p_today date,
    p_ids uuid[], p_learners uuid[], p_guardians uuid[], p_relations smallint[], p_bases smallint[], p_rights integer[],
    p_from date[], p_to date[], p_statuses smallint[],
    p_modified timestamptz[], p_sources text[], p_sourced_ids text[], p_fingerprints uuid[], p_heads bytea[], p_officers uuid[] default null)
    returns table (item integer, outcome text, code text, pointer text, other uuid) language plpgsql as $$
#variable_conflict use_column
declare
    v_stamp record := outbox_stamp();
    v_learners uuid[];
    v_guardians uuid[];
    v_outcomes text[];
    v_revisions bigint[];
begin
    perform put_lock('guardian', p_ids);
    v_learners := canonical_ids(p_learners);
    v_guardians := canonical_ids(p_guardians);
    select array_agg(case when p.id is null then 'learner_unknown'
                          when r.power is null then 'out_of_scope'
                          when q.id is null then 'person_unknown'
                          when g.learner <> i.learner or g.guardian <> i.guardian then 'id_reused'
                          when i.status <> 3 and officer_of(p_officers, i.caller) is null
                               and (g.status = 3 or (i.outcome in ('created', 'updated') and exists (
                                   select from guardian x where x.learner = i.learner and x.guardian = i.guardian and x.status = 3)))
                          then 'restricted'
                          when i.outcome in ('created', 'updated')
                               and (r.power = 'not_authoritative' or (r.power = 'coming' and g.id is not null))
                          then 'not_authoritative'
                          else i.outcome end order by i.place)
    into v_outcomes
    from (select u.*, put_outcome(k.fingerprint, k.modified_at, u.fingerprint, u.modified) as outcome
          from unnest(p_callers, p_ids, v_learners, v_guardians, p_statuses, p_modified, p_fingerprints) with ordinality
                   as u (caller, id, learner, guardian, status, modified, fingerprint, place)
               left join guardian k on k.id = u.id) i
         left join learner_rights(p_callers, v_learners, p_scope_callers, p_scope_nodes, p_today) r
                   on r.caller = i.caller and r.learner = i.learner
         left join person p on p.id = i.learner
         left join person q on q.id = i.guardian
         left join guardian g on g.id = i.id;

    insert into journal (who, what)
    select 'account ' || officer_of(p_officers, i.caller), 'guardian link ' || i.id || ' lifted'
    from unnest(p_callers, p_ids, p_statuses, v_outcomes) as i (caller, id, status, outcome) join guardian g on g.id = i.id
    where officer_of(p_officers, i.caller) is not null and i.outcome = 'updated' and i.status <> 3 and g.status = 3;

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
        "not_authoritative": "/learner", "person_unknown": "/guardian", "id_reused": "/id", "restricted": "/status"}');
end $$;
