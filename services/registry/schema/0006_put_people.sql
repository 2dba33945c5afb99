-- POST /v1/people. Whoever is known by the same IIN already is matched: the new id becomes an alias.

-- Whether somebody below one of these nodes has to do with that person, or nobody at all has: enrolments, assignments, children.
create function person_within(p_person uuid, p_caller integer, p_callers integer[], p_nodes uuid[]) returns boolean
    language sql stable as $$
    with tied as (
        select e.class from enrolment e where e.learner = p_person
        union all
        select a.class from assignment a where a.teacher = p_person
        union all
        select e.class from guardian g join enrolment e on e.learner = g.learner where g.guardian = p_person
    )
    select coalesce(bool_or(put_within(p_caller, p_callers, p_nodes, o.path)), true)
    from tied t join class c on c.id = t.class join organisation o on o.id = c.organisation
$$;

create function put_people(
    p_callers integer[], p_scope_callers integer[], p_scope_nodes uuid[], p_today date,
    p_ids uuid[], p_names jsonb[], p_birth_dates date[], p_sexes smallint[], p_roles integer[], p_identifiers jsonb[],
    p_contacts jsonb[], p_modified timestamptz[], p_sources text[], p_sourced_ids text[], p_fingerprints uuid[],
    p_iin_hashes uuid[], p_heads bytea[])
    returns table (item integer, outcome text, code text, pointer text, other uuid) language plpgsql as $$
#variable_conflict use_column
declare
    v_stamp record := outbox_stamp();
    v_outcomes text[];
    v_others uuid[];
    v_revisions bigint[];
begin
    perform put_lock('person', p_ids);
    -- Of several new ones with the same IIN the first is made. A known one does not take another's IIN: an officer merges them.
    select array_agg(case when l.canonical is not null then 'matched'
                          when i.id <> coalesce(i.holder, i.first_id) then case when i.known then 'conflict' else 'matched' end
                          when i.known and not person_within(i.id, i.caller, p_scope_callers, p_scope_nodes) then 'out_of_scope'
                          else put_outcome(p.fingerprint, p.modified_at, i.fingerprint, i.modified) end order by i.place),
           array_agg(coalesce(l.canonical, nullif(coalesce(i.holder, i.first_id), i.id)) order by i.place)
    into v_outcomes, v_others
    from (select u.*, k.id is not null as known, h.person as holder,
                 first_value(u.id) over (partition by coalesce(u.iin_hash, u.id) order by k.id is not null, u.place) as first_id
          from unnest(p_callers, p_ids, p_iin_hashes, p_modified, p_fingerprints) with ordinality
                   as u (caller, id, iin_hash, modified, fingerprint, place)
               left join person k on k.id = u.id
               left join identifier h on h.iin_hash = u.iin_hash) i
         left join person p on p.id = i.id
         left join alias l on l.id = i.id;

    with written as (
        insert into person as p (id, family, given, middle, birth_date, sex, roles, contacts, fingerprint, modified_at, source,
                                 sourced_id, epoch, xid)
        select i.id, i.names->>'family', i.names->>'given', i.names->>'middle', i.birth_date, i.sex, i.roles, i.contacts,
               i.fingerprint, coalesce(i.modified, now()), i.source, i.sourced_id, v_stamp.epoch, v_stamp.xid
        from unnest(p_ids, p_names, p_birth_dates, p_sexes, p_roles, p_contacts, p_modified, p_sources, p_sourced_ids,
                    p_fingerprints, v_outcomes)
                 as i (id, names, birth_date, sex, roles, contacts, modified, source, sourced_id, fingerprint, outcome)
        where i.outcome in ('created', 'updated') order by i.id
        on conflict (id) do update set (family, given, middle, birth_date, sex, roles, contacts, fingerprint, modified_at, source,
                                        sourced_id, epoch, xid)
            = (excluded.family, excluded.given, excluded.middle, excluded.birth_date, excluded.sex, excluded.roles,
               excluded.contacts, excluded.fingerprint, greatest(excluded.modified_at, p.modified_at), excluded.source,
               excluded.sourced_id, excluded.epoch, excluded.xid),
            revision = p.revision + 1
        returning p.id, p.revision
    ) select array_agg(w.revision order by i.place) into v_revisions
      from unnest(p_ids) with ordinality as i (id, place) left join written w on w.id = i.id;

    delete from identifier d using unnest(p_ids, v_outcomes) i (id, outcome) where d.person = i.id and i.outcome = 'updated';
    insert into identifier (person, type, value, status, override_reason, iin_hash)
    select i.id, array_position('{iin,passport,birth_certificate,other}', x.type), x.value,
           array_position('{verified,declared}', x.status), x.override_reason, case x.type when 'iin' then i.iin_hash end
    from unnest(p_ids, p_identifiers, p_iin_hashes, v_outcomes) i (id, identifiers, iin_hash, outcome),
         jsonb_to_recordset(i.identifiers) as x (type text, value text, status text, override_reason text)
    where i.outcome in ('created', 'updated') and i.identifiers is not null;

    perform put_log(101::smallint, p_ids, v_outcomes, v_revisions, p_heads);
    perform put_seen('person', p_ids, v_outcomes, p_modified);
    perform put_aliases(array(select i.id from unnest(p_ids, v_outcomes) i (id, outcome) where i.outcome = 'matched'),
                        array(select i.other from unnest(v_others, v_outcomes) i (other, outcome) where i.outcome = 'matched'),
                        1::smallint);
    return query select * from put_rows(v_outcomes, v_others, '{"conflict": "/identifiers"}');
exception
    when unique_violation then
        raise exception 'an id or an IIN was taken meanwhile' using errcode = '40001';
end $$;
