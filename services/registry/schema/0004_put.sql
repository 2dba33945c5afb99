-- What the functions put_x share. Each takes all items of one call (service/gather.h says what the parameters are and what is
-- returned), decides an outcome for each, writes those that are `created` or `updated`, and logs their events.
--
-- An outcome that is none of created, updated, unchanged, matched is the code of a rejection.

-- Everyone who writes by ids holds this lock shared, who makes one of two ids an alias holds it exclusively: so a canonical id that
-- was found under it stays one. The number is ours alone within a database.
create function merge_lock_id() returns bigint language sql immutable parallel safe as $$ select 504 $$;

-- Locks what is there already, in the order of ids. The caller's next statement sees what it waited for.
create function put_lock(p_table text, p_ids uuid[]) returns void language plpgsql as $$
declare
    v_stamp record := outbox_stamp();
    v_xid bigint;
begin
    perform pg_advisory_xact_lock_shared(merge_lock_id());
    execute format('select max(t.xid) from (select xid, epoch from %I where id = any ($1) order by id for update) t where t.epoch = $2',
                   p_table) into v_xid using p_ids, v_stamp.epoch;
    perform outbox_after(array[v_stamp.epoch], array[v_xid]);
end $$;

-- References, as they are known today: behind put_lock.
create function canonical_ids(p_ids uuid[]) returns uuid[] language sql stable as $$
    select array_agg(coalesce(a.canonical, i.id) order by i.place)
    from unnest(p_ids) with ordinality as i (id, place) left join alias a on a.id = i.id
$$;

-- What is judged by itself: NULL where only the sender's right and references could speak against it.
create function put_outcome(p_known uuid, p_known_modified timestamptz, p_fingerprint uuid, p_modified timestamptz)
    returns text language sql immutable as $$
    select case when p_known is null then 'created'
                when p_modified < p_known_modified then 'stale'
                when p_known = p_fingerprint then 'unchanged'
                else 'updated' end
$$;

-- The subtrees in which each caller may write.
create function put_scopes(p_callers integer[], p_nodes uuid[]) returns table (caller integer, nodes uuid[]) language sql immutable as $$
    select s.caller, array_agg(s.node) from unnest(p_callers, p_nodes) s (caller, node) group by s.caller
$$;

-- Whether a place is in one of them. Inlined, as what is called for each item has to be.
create function put_within(p_path uuid[], p_nodes uuid[]) returns boolean language sql immutable as $$
    select coalesce(p_path && p_nodes, false)
$$;

-- The account behind a caller; NULL: it is a client, or nobody's.
create function officer_of(p_officers uuid[], p_caller integer) returns uuid language sql immutable as $$
    select nullif(p_officers[p_caller + 1], '00000000-0000-0000-0000-000000000000')
$$;

-- msgpack nil: absent.
create function event_uuid_or_nil(p_name text, p_value uuid) returns bytea language sql stable as $$
    select coalesce(event_uuid(p_name, p_value),
                    set_byte('\x00'::bytea, 0, 160 + octet_length(p_name)) || convert_to(p_name, 'UTF8') || '\xc0'::bytea)
$$;

-- The events of what was written; payloads lack the revision. One that was to be made and was there: another process was quicker.
create function put_log(p_type smallint, p_ids uuid[], p_outcomes text[], p_revisions bigint[], p_payloads bytea[])
    returns void language plpgsql as $$
begin
    if exists (select from unnest(p_outcomes, p_revisions) o (outcome, revision) where o.outcome = 'created' and o.revision <> 1) then
        raise exception 'an id was taken meanwhile' using errcode = '40001';
    end if;
    perform outbox_append(array_agg(gen_random_uuid()), array_agg(i.id::text), array_agg(p_type),
                          array_agg(i.payload || event_int('revision', i.revision)))
    from unnest(p_ids, p_outcomes, p_revisions, p_payloads) as i (id, outcome, revision, payload)
    where i.outcome in ('created', 'updated')
    having count(*) > 0;
end $$;

-- A repeat of the same content may be newer: what is older than it is stale from now on.
create function put_seen(p_table text, p_ids uuid[], p_outcomes text[], p_modified timestamptz[]) returns void
    language plpgsql as $$
begin
    if 'unchanged' = any (p_outcomes) then
        execute format('update %I t set modified_at = i.modified from unnest($1, $2, $3) i (id, outcome, modified)'
                       ' where t.id = i.id and i.outcome = ''unchanged'' and i.modified > t.modified_at', p_table)
            using p_ids, p_outcomes, p_modified;
    end if;
end $$;

-- The rows that the entrance wants: nothing for what was created. `p_pointers`: where each code points to.
create function put_rows(p_outcomes text[], p_others uuid[], p_pointers jsonb)
    returns table (item integer, outcome text, code text, pointer text, other uuid) language sql immutable as $$
    select i.item::integer,
           case when i.outcome in ('updated', 'unchanged', 'matched') then i.outcome else 'rejected' end,
           case when i.outcome in ('updated', 'unchanged', 'matched') then null else i.outcome end,
           coalesce(p_pointers->>i.outcome, case i.outcome when 'stale' then '/modified_at' else '' end),
           i.other
    from unnest(p_outcomes, p_others) with ordinality as i (outcome, other, item)
    where i.outcome <> 'created'
$$;

-- An item that went well and of which something is to be said: rows beside those of put_rows.
create function put_warnings(p_outcomes text[], p_others uuid[], p_code text, p_pointer text)
    returns table (item integer, outcome text, code text, pointer text, other uuid) language sql immutable as $$
    select i.item::integer, i.outcome, p_code, p_pointer, i.other
    from unnest(p_outcomes, p_others) with ordinality as i (outcome, other, item)
    where i.other is not null and i.outcome in ('created', 'updated')
$$;

create function event_instant(p_at timestamptz) returns text language sql stable as $$
    select to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- Access that ends or has to be looked at again: p_kind is client, account or session (struct revocation).
create function access_revoke(p_kind text, p_subjects uuid[]) returns void language plpgsql as $$
begin
    perform outbox_append(array_agg(gen_random_uuid()), array_agg(s::text), array_agg(111::smallint),
                          array_agg('\x83'::bytea || event_text('kind', p_kind) || event_uuid('subject', s)
                                    || event_text('at', event_instant(clock_timestamp()))))
    from unnest(p_subjects) s
    having count(*) > 0;
end $$;

-- The same for people whose links, assignments or roles were written: those who can sign in. p_grant: guardian, assignment,
-- account; no revision: it was not written.
create function access_revoke_grants(p_grant text, p_ids uuid[], p_people uuid[], p_revisions bigint[]) returns void
    language plpgsql as $$
begin
    perform outbox_append(array_agg(gen_random_uuid()), array_agg(g.person::text), array_agg(111::smallint),
                          array_agg('\x84'::bytea || event_text('kind', 'person') || event_uuid('subject', g.person)
                                    || event_text('at', event_instant(clock_timestamp())) || '\xa5'::bytea || 'grant'::bytea || '\x83'::bytea
                                    || event_text('kind', p_grant) || event_uuid('id', g.id) || event_int('revision', g.revision)))
    from unnest(p_ids, p_people, p_revisions) g (id, person, revision)
    where g.revision is not null and exists (select from account a where a.person = g.person)
    having count(*) > 0;
end $$;

-- Nobody knows whose: the database was set back, and what is gone names no person.
create function access_revoke_everybody() returns void language plpgsql as $$
begin
    perform outbox_append(array[gen_random_uuid()], array['everybody'], array[111::smallint],
                          array['\x82'::bytea || event_text('kind', 'everybody') || event_text('at', event_instant(clock_timestamp()))]);
end $$;

-- Ids that are another name of something known (outcome `matched`); entity 1 person, 2 organisation (enum alias_entity).
create function put_aliases(p_ids uuid[], p_outcomes text[], p_canonicals uuid[], p_sources text[], p_sourced_ids text[],
                            p_entity smallint) returns void language plpgsql as $$
declare
    v_stamp record := outbox_stamp();
    v_new "alias"[];
begin
    if not 'matched' = any (p_outcomes) then
        return;
    end if;
    with new as (
        insert into alias (id, canonical, entity, source, sourced_id, epoch, xid)
        select i.id, i.canonical, p_entity, i.source, i.sourced_id, v_stamp.epoch, v_stamp.xid
        from unnest(p_ids, p_outcomes, p_canonicals, p_sources, p_sourced_ids) as i (id, outcome, canonical, source, sourced_id)
        where i.outcome = 'matched' order by i.id
        on conflict do nothing
        returning *
    )
    select array_agg(n::alias) into v_new from new n;
    perform alias_log(v_new);
end $$;

-- The events of aliases that were written.
create function alias_log(p_aliases alias[]) returns void language sql as $$
    select outbox_append(array_agg(gen_random_uuid()), array_agg(a.id::text), array_agg(108::smallint),
                         array_agg('\x84'::bytea || event_uuid('id', a.id) || event_uuid('canonical', a.canonical)
                                   || event_text('entity', (array['person', 'organisation'])[a.entity])
                                   || event_int('revision', a.revision)))
    from unnest(p_aliases) a
    having count(*) > 0
$$;
