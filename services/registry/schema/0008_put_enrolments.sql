-- POST /v1/enrolments: in the subtree of the class, the old one's and the new one's. Whose it is does not change.
create function put_enrolments(
    p_callers integer[], p_scope_callers integer[], p_scope_nodes uuid[], p_today date,
    p_ids uuid[], p_learners uuid[], p_classes uuid[], p_from date[], p_to date[], p_modes smallint[],
    p_modified timestamptz[], p_sources text[], p_sourced_ids text[], p_fingerprints uuid[], p_heads bytea[])
    returns table (item integer, outcome text, code text, pointer text, other uuid) language plpgsql as $$
#variable_conflict use_column
declare
    v_stamp record := outbox_stamp();
    v_learners uuid[] := (select array_agg(canonical_of(i.id) order by i.place) from unnest(p_learners) with ordinality as i (id, place));
    v_outcomes text[];
    v_revisions bigint[];
begin
    perform put_lock('enrolment', p_ids);
    select array_agg(case when c.id is null then 'class_unknown'
                          when not put_within(i.caller, p_scope_callers, p_scope_nodes, o.path)
                               or (e.id is not null and not put_within(i.caller, p_scope_callers, p_scope_nodes, b.path))
                          then 'out_of_scope'
                          when p.id is null then 'learner_unknown'
                          when e.learner <> i.learner then 'id_reused'
                          else put_outcome(e.fingerprint, e.modified_at, i.fingerprint, i.modified) end order by i.place)
    into v_outcomes
    from unnest(p_callers, p_ids, v_learners, p_classes, p_modified, p_fingerprints) with ordinality
             as i (caller, id, learner, class, modified, fingerprint, place)
         left join class c on c.id = i.class
         left join organisation o on o.id = c.organisation
         left join person p on p.id = i.learner
         left join enrolment e on e.id = i.id
         left join class d on d.id = e.class
         left join organisation b on b.id = d.organisation;

    with written as (
        insert into enrolment as e (id, learner, class, valid_from, valid_to, mode, fingerprint, modified_at, source, sourced_id,
                                    epoch, xid)
        select i.id, i.learner, i.class, i.valid_from, i.valid_to, i.mode, i.fingerprint, coalesce(i.modified, now()), i.source,
               i.sourced_id, v_stamp.epoch, v_stamp.xid
        from unnest(p_ids, v_learners, p_classes, p_from, p_to, p_modes, p_modified, p_sources, p_sourced_ids, p_fingerprints,
                    v_outcomes)
                 as i (id, learner, class, valid_from, valid_to, mode, modified, source, sourced_id, fingerprint, outcome)
        where i.outcome in ('created', 'updated') order by i.id
        on conflict (id) do update set (class, valid_from, valid_to, mode, fingerprint, modified_at, source, sourced_id, epoch, xid)
            = (excluded.class, excluded.valid_from, excluded.valid_to, excluded.mode, excluded.fingerprint,
               greatest(excluded.modified_at, e.modified_at), excluded.source, excluded.sourced_id, excluded.epoch, excluded.xid),
            revision = e.revision + 1
        returning e.id, e.revision
    ) select array_agg(w.revision order by i.place) into v_revisions
      from unnest(p_ids) with ordinality as i (id, place) left join written w on w.id = i.id;

    perform put_log(103::smallint, p_ids, v_outcomes, v_revisions,
                    array(select i.head || event_uuid('learner', i.learner)
                          from unnest(p_heads, v_learners) with ordinality as i (head, learner, place) order by i.place));
    perform put_seen('enrolment', p_ids, v_outcomes, p_modified);
    return query select * from put_rows(v_outcomes, null, '{"class_unknown": "/class", "out_of_scope": "/class",
        "learner_unknown": "/learner", "id_reused": "/id"}');
end $$;
