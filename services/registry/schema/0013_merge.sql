-- POST /v1/merges: an officer declares two people, or two organisations, to be one. The first becomes an alias for ever, and what hung
-- on it hangs on the canonical one from then on; facts keep the id that they were sent with. One after the other, for each may stand
-- on the one before. What was changed is told by role jobs (table untold), the alias itself at once.

-- Locks rows and says which.
create function merge_lock(p_table text, p_column text, p_id uuid) returns uuid[] language plpgsql as $$
declare
    v_ids uuid[];
begin
    execute format('select array_agg(id order by id) from %I where %I = $1', p_table, p_column) into v_ids using p_id;
    perform put_lock(p_table, v_ids);
    return v_ids;
end $$;

-- From one id to another in a column, with all that a change of state brings.
create function merge_column(p_table text, p_column text, p_number smallint, p_from uuid, p_to uuid) returns void
    language plpgsql as $$
declare
    v_stamp record := outbox_stamp();
    v_ids uuid[] := merge_lock(p_table, p_column, p_from);
begin
    execute format('update %I set %I = $2, revision = revision + 1, epoch = $3, xid = $4 %s where id = any ($1)', p_table, p_column,
                   case when p_table in ('organisation', 'class', 'enrolment') then ', changed_at = now()' end)
        using v_ids, p_to, v_stamp.epoch, v_stamp.xid;
    insert into untold (number, key) select p_number, i::text from unnest(v_ids) i;
end $$;

-- The alias, and those that pointed to what is one now.
create function merge_alias(p_from uuid, p_to uuid, p_entity smallint, p_source text, p_sourced_id text) returns void
    language plpgsql as $$
declare
    v_stamp record := outbox_stamp();
    v_ids uuid[] := merge_lock('alias', 'canonical', p_from);
    v_changed "alias"[];
begin
    with changed as (
        update alias set canonical = p_to, revision = revision + 1, epoch = v_stamp.epoch, xid = v_stamp.xid where id = any (v_ids)
        returning *
    ), made as (
        insert into alias (id, canonical, entity, source, sourced_id, epoch, xid)
        values (p_from, p_to, p_entity, p_source, p_sourced_id, v_stamp.epoch, v_stamp.xid) returning *
    )
    select array_agg(a) into v_changed from (select * from changed union all select * from made) a;
    perform alias_log(v_changed);
end $$;

-- Whoever has access by what was changed is looked at again (access_revoke_grants), under both ids: before the accounts change hands.
create function merge_revoke(p_from uuid, p_to uuid) returns void language plpgsql as $$
begin
    perform access_revoke_grants('guardian', array_agg(g.id), array_agg(p.person), array_agg(g.revision))
    from guardian g cross join lateral (select g.guardian as person union select p_from where g.guardian = p_to) p
    where p_to in (g.learner, g.guardian);
    perform access_revoke_grants('assignment', array_agg(a.id), array_agg(p.person), array_agg(a.revision))
    from assignment a cross join unnest(array[p_from, p_to]) p (person)
    where a.teacher = p_to;
    perform access_revoke_grants('account', array_agg(a.id), array_agg(a.person), array_agg(a.revision + 1))
    from account a where a.person = p_from;
end $$;

-- The other's record goes; roles and identifiers that the canonical one lacks are kept.
create function merge_people(p_from uuid, p_to uuid) returns void language plpgsql as $$
declare
    v_stamp record := outbox_stamp();
    v_from person;
begin
    perform put_lock('person', array[p_from, p_to]);
    select * into v_from from person where id = p_from;
    perform merge_column('enrolment', 'learner', 103::smallint, p_from, p_to);
    perform merge_column('assignment', 'teacher', 104::smallint, p_from, p_to);
    perform merge_column('guardian', 'learner', 105::smallint, p_from, p_to);
    perform merge_column('guardian', 'guardian', 105::smallint, p_from, p_to);
    perform merge_revoke(p_from, p_to);
    perform merge_column('account', 'person', 106::smallint, p_from, p_to);
    update identifier d set person = p_to
    where d.person = p_from and not exists (select from identifier o where o.person = p_to and o.type = d.type);
    delete from identifier where person = p_from;
    update person p set (roles, birth_date, sex, contacts, revision, epoch, xid, changed_at)
        = (p.roles | v_from.roles, coalesce(p.birth_date, v_from.birth_date), coalesce(p.sex, v_from.sex),
           coalesce(p.contacts, v_from.contacts), p.revision + 1, v_stamp.epoch, v_stamp.xid, now())
    where p.id = p_to;
    delete from person where id = p_from;
    insert into untold (number, key) values (101, p_from::text), (101, p_to::text);
    perform merge_alias(p_from, p_to, 1::smallint, v_from.source, v_from.sourced_id);
end $$;

-- The other one is closed and hangs below the canonical one, so that what was recorded of it stays in the sums of its place and counts
-- for its successor, too.
create function merge_organisations(p_from uuid, p_to uuid, p_today date) returns void language plpgsql as $$
declare
    v_stamp record := outbox_stamp();
    v_from organisation;
begin
    perform put_lock('organisation', array[p_from, p_to]);
    select * into v_from from organisation where id = p_from;
    perform merge_column('class', 'organisation', 102::smallint, p_from, p_to);
    perform merge_column('organisation', 'subordinate_to', 100::smallint, p_from, p_to);
    perform merge_column('client', 'node', 107::smallint, p_from, p_to);
    perform merge_roles(p_from, p_to);
    update organisation o set (subordinate_to, path, valid_to, revision, epoch, xid, changed_at)
        = (p_to, t.path || o.id, least(o.valid_to, greatest(p_today - 1, o.valid_from)), o.revision + 1, v_stamp.epoch, v_stamp.xid, now())
    from organisation t where o.id = p_from and t.id = p_to;
    if v_from.bin is not null and exists (select from organisation o where o.id = p_to and o.bin is null) then
        update organisation set bin = null where id = p_from;
        update organisation set bin = v_from.bin, revision = revision + 1, epoch = v_stamp.epoch, xid = v_stamp.xid, changed_at = now()
        where id = p_to;
        insert into untold (number, key) values (100, p_to::text);
    end if;
    update organisation o set path = t.path || o.id from organisation t where o.subordinate_to = p_to and t.id = p_to;
    perform organisation_paths(array(select o.id from organisation o where o.subordinate_to = p_to));
    insert into untold (number, key) values (100, p_from::text);
    perform merge_alias(p_from, p_to, 2::smallint, v_from.source, v_from.sourced_id);
end $$;

-- Roles of people at an organisation.
create function merge_roles(p_from uuid, p_to uuid) returns void language plpgsql as $$
declare
    v_stamp record := outbox_stamp();
    v_ids uuid[] := array(select a.id from account a where a.roles @> jsonb_build_array(jsonb_build_object('node', p_from)) order by a.id);
begin
    perform put_lock('account', v_ids);
    update account a set roles = replace(a.roles::text, p_from::text, p_to::text)::jsonb, revision = a.revision + 1,
                         epoch = v_stamp.epoch, xid = v_stamp.xid
    where a.id = any (v_ids);
    insert into untold (number, key) select 106, i::text from unnest(v_ids) i;
    perform access_revoke_grants('account', array_agg(a.id), array_agg(a.person), array_agg(a.revision))
    from account a where a.id = any (v_ids);
end $$;

-- What speaks against it, and where; no row: nothing does. `canonical`: the two are one already.
create function merge_judge(p_entity smallint, p_from uuid, p_to uuid, p_today date, p_caller integer, p_callers integer[],
                            p_nodes uuid[], out code text, out pointer text, out other uuid) language plpgsql stable as $$
declare
    v_own text := (array['/person', '/organisation'])[p_entity];
    v_alias "alias";
    v_powers text[];
begin
    select * into v_alias from alias where id = p_from;
    v_powers := array(select case p_entity when 1 then (select r.power from person p, person_rights(array[p_caller], array[p.id],
                                                                                                p_callers, p_nodes, p_today) r
                                                        where p.id = i.id)
                                           else (select case when put_within(o.path, s.nodes) then 'own' else 'out_of_scope' end
                                                 from organisation o left join put_scopes(p_callers, p_nodes) s on s.caller = p_caller
                                                 where o.id = i.id) end
                      from unnest(array[coalesce(v_alias.canonical, p_from), p_to]) with ordinality as i (id, place) order by i.place);
    select v.code, v.pointer into code, pointer
    from (values (1, v_powers[1] is null, (array['person_unknown', 'organisation_unknown'])[p_entity], v_own),
                 (2, v_powers[2] is null, (array['person_unknown', 'organisation_unknown'])[p_entity], '/canonical'),
                 (3, v_powers[1] not in ('own', 'free'), v_powers[1], v_own),
                 (4, v_powers[2] not in ('own', 'free'), v_powers[2], '/canonical'),
                 (5, v_alias.canonical = p_to, 'unchanged', null),
                 (6, v_alias.id is not null, 'merged_already', v_own),
                 (7, p_from = p_to, 'merged_already', '/canonical'),
                 (8, p_entity = 2 and exists (select from organisation o where o.id = p_to and p_from = any (o.path)), 'above_itself',
                  '/canonical'),
                 (9, p_entity = 1 and exists (select from guardian g where (g.learner, g.guardian) in ((p_from, p_to), (p_to, p_from))),
                  'not_allowed_together', '/canonical')) v (place, applies, code, pointer)
    where v.applies order by v.place limit 1;
    if code = 'merged_already' then
        other := coalesce(v_alias.canonical, p_to);
    end if;
end $$;

create function put_merges(
    p_callers integer[], p_scope_callers integer[], p_scope_nodes uuid[], p_today date,
    p_ids uuid[], p_people uuid[], p_organisations uuid[], p_canonicals uuid[], p_reasons text[], p_fingerprints uuid[],
    p_officers uuid[])
    returns table (item integer, outcome text, code text, pointer text, other uuid) language plpgsql as $$
#variable_conflict use_column
declare
    v_item record;
    v_known uuid;
    v_judged record;
begin
    perform pg_advisory_xact_lock(merge_lock_id()); -- before there is an xid: it is younger than what was waited for
    for v_item in
        select i.*, case when i.person is not null then 1 else 2 end::smallint as entity, coalesce(i.person, i.organisation) as alias
        from unnest(p_callers, p_ids, p_people, p_organisations, p_canonicals, p_reasons, p_fingerprints) with ordinality
                 as i (caller, id, person, organisation, canonical, reason, fingerprint, place)
        order by i.place
    loop
        select m.fingerprint into v_known from merge m where m.id = v_item.id;
        if found then
            return query select v_item.place::integer, case when v_known = v_item.fingerprint then 'unchanged' else 'rejected' end,
                                case when v_known <> v_item.fingerprint then 'id_reused' end, '/id', null::uuid;
            continue;
        end if;
        v_judged := merge_judge(v_item.entity, v_item.alias, canonical_of(v_item.canonical), p_today, v_item.caller, p_scope_callers,
                                p_scope_nodes);
        if v_judged.code is not null then
            return query select v_item.place::integer, case v_judged.code when 'unchanged' then 'unchanged' else 'rejected' end,
                                nullif(v_judged.code, 'unchanged'), v_judged.pointer, v_judged.other;
            continue;
        end if;
        if v_item.entity = 1 then
            perform merge_people(v_item.alias, canonical_of(v_item.canonical));
        else
            perform merge_organisations(v_item.alias, canonical_of(v_item.canonical), p_today);
        end if;
        insert into merge (id, entity, alias, canonical, reason, account, fingerprint)
        values (v_item.id, v_item.entity, v_item.alias, canonical_of(v_item.canonical), v_item.reason, officer_of(p_officers, v_item.caller),
                v_item.fingerprint);
        insert into journal (who, what)
        values ('account ' || officer_of(p_officers, v_item.caller),
                'merge ' || v_item.id || ': ' || v_item.alias || ' is ' || canonical_of(v_item.canonical));
    end loop;
end $$;
