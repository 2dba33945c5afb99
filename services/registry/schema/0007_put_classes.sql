-- POST /v1/classes. The homerooms of a group may stand in the same batch.
create function put_classes(
    p_callers integer[], p_scope_callers integer[], p_scope_nodes uuid[], p_today date,
    p_ids uuid[], p_organisations uuid[], p_names text[], p_types smallint[], p_of jsonb[], p_subjects text[], p_grades integer[],
    p_languages smallint[], p_shifts integer[], p_years integer[], p_previous uuid[],
    p_modified timestamptz[], p_sources text[], p_sourced_ids text[], p_fingerprints uuid[], p_heads bytea[])
    returns table (item integer, outcome text, code text, pointer text, other uuid) language plpgsql as $$
#variable_conflict use_column
declare
    v_stamp record := outbox_stamp();
    v_organisations uuid[];
    v_outcomes text[];
    v_revisions bigint[];
begin
    perform put_lock('class', p_ids);
    v_organisations := canonical_ids(p_organisations);
    select array_agg(case when o.id is null then 'organisation_unknown'
                          when not put_within(o.path, r.nodes)
                               or (c.id is not null and not put_within(b.path, r.nodes)) then 'out_of_scope'
                          when i.subject is not null and s.code is null then 'subject_unknown'
                          when exists (select from jsonb_array_elements_text(i.homerooms) h
                                       where not h::uuid = any (p_ids) and not exists (select from class k where k.id = h::uuid))
                          then 'class_unknown'
                          else put_outcome(c.fingerprint, c.modified_at, i.fingerprint, i.modified) end order by i.place)
    into v_outcomes
    from unnest(p_callers, p_ids, v_organisations, p_of, p_subjects, p_modified, p_fingerprints) with ordinality
             as i (caller, id, organisation, homerooms, subject, modified, fingerprint, place)
         left join put_scopes(p_scope_callers, p_scope_nodes) r on r.caller = i.caller
         left join organisation o on o.id = i.organisation
         left join reference s on s.list = 'subject' and s.code = i.subject
         left join class c on c.id = i.id
         left join organisation b on b.id = c.organisation;

    with written as (
        insert into class as c (id, organisation, name, type, homerooms, subject, grade, language, shift, academic_year, previous,
                                fingerprint, modified_at, source, sourced_id, epoch, xid)
        select i.id, i.organisation, i.name, i.type, (select array_agg(h::uuid) from jsonb_array_elements_text(i.homerooms) h),
               i.subject, i.grade, i.language, i.shift, i.academic_year, i.previous, i.fingerprint, coalesce(i.modified, now()),
               i.source, i.sourced_id, v_stamp.epoch, v_stamp.xid
        from unnest(p_ids, v_organisations, p_names, p_types, p_of, p_subjects, p_grades, p_languages, p_shifts, p_years, p_previous,
                    p_modified, p_sources, p_sourced_ids, p_fingerprints, v_outcomes)
                 as i (id, organisation, name, type, homerooms, subject, grade, language, shift, academic_year, previous, modified,
                       source, sourced_id, fingerprint, outcome)
        where i.outcome in ('created', 'updated') order by i.id
        on conflict (id) do update set (organisation, name, type, homerooms, subject, grade, language, shift, academic_year, previous,
                                        fingerprint, modified_at, source, sourced_id, epoch, xid)
            = (excluded.organisation, excluded.name, excluded.type, excluded.homerooms, excluded.subject, excluded.grade,
               excluded.language, excluded.shift, excluded.academic_year, excluded.previous, excluded.fingerprint,
               greatest(excluded.modified_at, c.modified_at), excluded.source, excluded.sourced_id, excluded.epoch, excluded.xid),
            revision = c.revision + 1, changed_at = now()
        returning c.id, c.revision
    ) select array_agg(w.revision order by i.place) into v_revisions
      from unnest(p_ids) with ordinality as i (id, place) left join written w on w.id = i.id;

    perform put_log(102::smallint, p_ids, v_outcomes, v_revisions,
                    array(select i.head || event_uuid('organisation', i.organisation)
                          from unnest(p_heads, v_organisations) with ordinality as i (head, organisation, place) order by i.place));
    perform put_seen('class', p_ids, v_outcomes, p_modified);
    return query select * from put_rows(v_outcomes, null, '{"organisation_unknown": "/organisation", "out_of_scope":
        "/organisation", "subject_unknown": "/subject", "class_unknown": "/of"}');
end $$;
