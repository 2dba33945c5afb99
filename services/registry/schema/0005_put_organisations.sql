-- POST /v1/organisations. Who is above may stand in the same batch: so from the top down, a level a round.
create function put_organisations(
    p_callers integer[], p_scope_callers integer[], p_scope_nodes uuid[], p_today date,
    p_ids uuid[], p_names jsonb[], p_kinds smallint[], p_bins text[], p_katos text[], p_address_katos text[], p_above uuid[],
    p_ownerships smallint[], p_languages integer[], p_shifts integer[], p_from date[], p_to date[],
    p_modified timestamptz[], p_sources text[], p_sourced_ids text[], p_fingerprints uuid[], p_heads bytea[])
    returns table (item integer, outcome text, code text, pointer text, other uuid) language plpgsql as $$
#variable_conflict use_column
declare
    v_stamp record := outbox_stamp();
    v_above uuid[];
    v_round text[];    -- what is written in this round
    v_outcomes text[] := array_fill('organisation_unknown'::text, array[cardinality(p_ids)]);
    v_others uuid[] := array_fill(null::uuid, array[cardinality(p_ids)]);
    v_revisions bigint[];
begin
    perform put_lock('organisation', p_ids);
    v_above := canonical_ids(p_above);
    loop
        select array_agg(case when i.outcome <> 'organisation_unknown' or (i.above is not null and a.id is null) then null
                              when l.canonical is not null then 'matched'
                              when b.id <> i.id or i.first_id <> i.id then case when o.id is null then 'matched' else 'conflict' end
                              -- Who owns the place that it has, and the one that it gets; one's own place nobody changes.
                              when not case when o.id is not null and o.subordinate_to is not distinct from i.above
                                            then put_within(o.path, s.nodes)
                                            when o.id is null
                                            then put_within(a.path || i.id, s.nodes)
                                            else put_within(a.path, s.nodes) and put_within(trim_array(o.path, 1), s.nodes) end
                              then 'out_of_scope'
                              when i.id = any (a.path) then 'above_itself'
                              else put_outcome(o.fingerprint, o.modified_at, i.fingerprint, i.modified) end order by i.place),
               array_agg(coalesce(i.other, l.canonical, canonical_of(b.id), nullif(i.first_id, i.id)) order by i.place)
        into v_round, v_others
        from (select u.*, first_value(u.id) over (partition by coalesce(u.bin, u.id::text) order by u.place) as first_id
              from unnest(p_callers, p_ids, p_bins, v_above, p_modified, p_fingerprints, v_outcomes, v_others) with ordinality
                       as u (caller, id, bin, above, modified, fingerprint, outcome, other, place)) i
             left join put_scopes(p_scope_callers, p_scope_nodes) s on s.caller = i.caller
             left join organisation o on o.id = i.id
             left join organisation a on a.id = i.above
             left join organisation b on b.bin = i.bin
             left join alias l on l.id = i.id;
        exit when v_round = array_fill(null::text, array[cardinality(p_ids)]);

        with written as (
            insert into organisation as o (id, name_kk, name_ru, kind, bin, kato, address_kato, subordinate_to, ownership, languages,
                                           shifts, valid_from, valid_to, path, fingerprint, modified_at, source, sourced_id, epoch, xid)
            select i.id, i.name->>'kk', i.name->>'ru', i.kind, i.bin, i.kato, i.address_kato, i.above, i.ownership, i.languages,
                   i.shifts, i.valid_from, i.valid_to, a.path || i.id, i.fingerprint, coalesce(i.modified, now()), i.source,
                   i.sourced_id, v_stamp.epoch, v_stamp.xid
            from unnest(p_ids, p_names, p_kinds, p_bins, p_katos, p_address_katos, v_above, p_ownerships, p_languages, p_shifts,
                        p_from, p_to, p_modified, p_sources, p_sourced_ids, p_fingerprints, v_round)
                     as i (id, name, kind, bin, kato, address_kato, above, ownership, languages, shifts, valid_from, valid_to,
                           modified, source, sourced_id, fingerprint, outcome)
                 left join organisation a on a.id = i.above
            where i.outcome in ('created', 'updated') order by i.id
            on conflict (id) do update set (name_kk, name_ru, kind, bin, kato, address_kato, subordinate_to, ownership, languages,
                                            shifts, valid_from, valid_to, path, fingerprint, modified_at, source, sourced_id, epoch, xid)
                = (excluded.name_kk, excluded.name_ru, excluded.kind, excluded.bin, excluded.kato, excluded.address_kato,
                   excluded.subordinate_to, excluded.ownership, excluded.languages, excluded.shifts, excluded.valid_from,
                   excluded.valid_to, excluded.path, excluded.fingerprint, greatest(excluded.modified_at, o.modified_at),
                   excluded.source, excluded.sourced_id, excluded.epoch, excluded.xid),
                revision = o.revision + 1, changed_at = now()
            returning o.id, o.revision
        ) select array_agg(w.revision order by i.place) into v_revisions
          from unnest(p_ids) with ordinality as i (id, place) left join written w on w.id = i.id;
        if 'updated' = any (v_round) then
            perform organisation_paths(array(select i.id from unnest(p_ids, v_round) i (id, outcome) where i.outcome = 'updated'));
        end if;
        perform put_log(100::smallint, p_ids, v_round, v_revisions,
                        array(select i.head || event_uuid_or_nil('subordinate_to', i.above)
                              from unnest(p_heads, v_above) with ordinality as i (head, above, place) order by i.place));
        v_outcomes := array(select coalesce(i.now, i.before) from unnest(v_round, v_outcomes) with ordinality as i (now, before, place)
                            order by i.place);
    end loop;
    perform put_seen('organisation', p_ids, v_outcomes, p_modified);
    perform put_aliases(p_ids, v_outcomes, v_others, p_sources, p_sourced_ids, 2::smallint);
    return query select * from put_rows(v_outcomes, v_others, '{"organisation_unknown": "/subordinate_to", "above_itself":
        "/subordinate_to", "out_of_scope": "/subordinate_to", "conflict": "/bin"}');
end $$;

-- The chains of everything below those that were moved, after their own. Ends where a chain would meet itself.
create function organisation_paths(p_ids uuid[]) returns void language sql as $$
    with recursive walk (id, path) as (
        select o.id, o.path from organisation o where o.id = any (p_ids)
        union all
        select o.id, w.path || o.id from walk w join organisation o on o.subordinate_to = w.id where not o.id = any (w.path)
    ), longest as (
        select distinct on (w.id) w.id, w.path from walk w order by w.id, cardinality(w.path) desc
    )
    update organisation o set path = l.path from longest l where o.id = l.id and o.path <> l.path
$$;
