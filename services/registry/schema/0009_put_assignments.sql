-- POST /v1/assignments: in the subtree of the class, the old one's and the new one's. Whose it is does not change.
create function put_assignments(
    p_callers integer[], p_scope_callers integer[], p_scope_nodes uuid[], p_today date,
    p_ids uuid[], p_teachers uuid[], p_classes uuid[], p_subjects text[], p_kinds smallint[], p_from date[], p_to date[],
    p_modified timestamptz[], p_sources text[], p_sourced_ids text[], p_fingerprints uuid[], p_heads bytea[])
    returns table (item integer, outcome text, code text, pointer text, other uuid) language plpgsql as $$
#variable_conflict use_column
declare
    v_stamp record := outbox_stamp();
    v_teachers uuid[];
    v_outcomes text[];
    v_revisions bigint[];
begin
    perform put_lock('assignment', p_ids);
    v_teachers := canonical_ids(p_teachers);
    select array_agg(case when c.id is null then 'class_unknown'
                          when not put_within(o.path, r.nodes)
                               or (a.id is not null and not put_within(b.path, r.nodes)) then 'out_of_scope'
                          when i.subject is not null and s.code is null then 'subject_unknown'
                          when p.id is null then 'teacher_unknown'
                          when a.teacher <> i.teacher then 'id_reused'
                          else put_outcome(a.fingerprint, a.modified_at, i.fingerprint, i.modified) end order by i.place)
    into v_outcomes
    from unnest(p_callers, p_ids, v_teachers, p_classes, p_subjects, p_modified, p_fingerprints) with ordinality
             as i (caller, id, teacher, class, subject, modified, fingerprint, place)
         left join put_scopes(p_scope_callers, p_scope_nodes) r on r.caller = i.caller
         left join class c on c.id = i.class
         left join organisation o on o.id = c.organisation
         left join reference s on s.list = 'subject' and s.code = i.subject
         left join person p on p.id = i.teacher
         left join assignment a on a.id = i.id
         left join class d on d.id = a.class
         left join organisation b on b.id = d.organisation;

    with written as (
        insert into assignment as a (id, teacher, class, subject, kind, valid_from, valid_to, fingerprint, modified_at, source,
                                     sourced_id, epoch, xid)
        select i.id, i.teacher, i.class, i.subject, i.kind, i.valid_from, i.valid_to, i.fingerprint, coalesce(i.modified, now()),
               i.source, i.sourced_id, v_stamp.epoch, v_stamp.xid
        from unnest(p_ids, v_teachers, p_classes, p_subjects, p_kinds, p_from, p_to, p_modified, p_sources, p_sourced_ids,
                    p_fingerprints, v_outcomes)
                 as i (id, teacher, class, subject, kind, valid_from, valid_to, modified, source, sourced_id, fingerprint, outcome)
        where i.outcome in ('created', 'updated') order by i.id
        on conflict (id) do update set (class, subject, kind, valid_from, valid_to, fingerprint, modified_at, source, sourced_id,
                                        epoch, xid)
            = (excluded.class, excluded.subject, excluded.kind, excluded.valid_from, excluded.valid_to, excluded.fingerprint,
               greatest(excluded.modified_at, a.modified_at), excluded.source, excluded.sourced_id, excluded.epoch, excluded.xid),
            revision = a.revision + 1
        returning a.id, a.revision
    ) select array_agg(w.revision order by i.place) into v_revisions
      from unnest(p_ids) with ordinality as i (id, place) left join written w on w.id = i.id;

    perform put_log(104::smallint, p_ids, v_outcomes, v_revisions,
                    array(select i.head || event_uuid('teacher', i.teacher)
                          from unnest(p_heads, v_teachers) with ordinality as i (head, teacher, place) order by i.place));
    perform access_revoke_grants('assignment', p_ids, v_teachers, v_revisions);
    perform put_seen('assignment', p_ids, v_outcomes, p_modified);
    return query select * from put_rows(v_outcomes, null, '{"class_unknown": "/class", "out_of_scope": "/class",
        "subject_unknown": "/subject", "teacher_unknown": "/teacher", "id_reused": "/id"}');
end $$;
