-- POST /v1/people. Whoever is known by the same IIN already is matched: the new id becomes an alias.

-- Whose record it is: of a learner the organisation of the homeroom that began last of those in force; where there is none, of another
-- class in force; of the one that ended last; of the one that is to come. The enrolments of some learners with the chains of their
-- organisations; `of_record`: that one; `coming`: it begins later.
create function learner_records(p_learners uuid[], p_today date)
    returns table (learner uuid, path uuid[], of_record boolean, coming boolean) language plpgsql stable as $$
begin
    return query
    select e.learner, e.path,
           row_number() over (partition by e.learner order by
                                  e.in_force and e.type = 1 desc, e.in_force desc, e.valid_from <= p_today desc,
                                  case when e.in_force then e.valid_from else e.until end desc, e.id desc) = 1,
           e.valid_from > p_today
    from (select n.learner, n.id, n.valid_from, coalesce(n.valid_to, p_today) as until, c.type, o.path,
                 n.valid_from <= p_today and coalesce(n.valid_to, p_today) >= p_today as in_force
          from enrolment n join class c on c.id = n.class join organisation o on o.id = c.organisation
          where n.learner = any (p_learners)) e;
end $$;

-- The same of people. Of a learner as above, of staff where they work today or will, else where they did last; of guardians as of
-- their children.
create function person_records(p_people uuid[], p_today date) returns table (person uuid, path uuid[], of_record boolean)
    language plpgsql stable as $$
begin
    return query
    select r.learner, r.path, r.of_record from learner_records(p_people, p_today) r
    union all
    select a.teacher, o.path,
           coalesce(a.valid_to, p_today) >= max(least(coalesce(a.valid_to, p_today), p_today)) over (partition by a.teacher)
    from assignment a join class c on c.id = a.class join organisation o on o.id = c.organisation
    where a.teacher = any (p_people)
    union all
    select g.guardian, r.path, r.of_record
    from guardian g join learner_records(array(select k.learner from guardian k where k.guardian = any (p_people)), p_today) r
                         on r.learner = g.learner
    where g.guardian = any (p_people);
end $$;

-- What a caller may do with a person's record: `own` it has it; `free` nobody has; else why it may not write.
create function person_rights(p_callers integer[], p_people uuid[], p_scope_callers integer[], p_scope_nodes uuid[], p_today date)
    returns table (caller integer, person uuid, power text) language sql stable as $$
    select i.caller, i.person,
           case when bool_or(r.of_record and put_within(r.path, s.nodes)) then 'own'
                when count(r.person) = 0 then 'free'
                when bool_or(put_within(r.path, s.nodes)) then 'not_authoritative'
                else 'out_of_scope' end
    from (select distinct u.caller, u.person from unnest(p_callers, p_people) u (caller, person)) i
         left join put_scopes(p_scope_callers, p_scope_nodes) s on s.caller = i.caller
         left join person_records(p_people, p_today) r on r.person = i.person
    group by i.caller, i.person
$$;

-- The record of a person as somebody wrote it who knows them by another id: it fills what is there, and takes away neither roles nor
-- identifiers. Once for each content, so that two sources of one school do not take turns for ever. Told by role jobs.
create function put_people_through(
    p_aliases uuid[], p_ids uuid[], p_names jsonb[], p_birth_dates date[], p_sexes smallint[], p_roles integer[], p_identifiers jsonb[],
    p_contacts jsonb[], p_modified timestamptz[], p_fingerprints uuid[], p_iin_hashes uuid[]) returns void language plpgsql as $$
declare
    v_stamp record := outbox_stamp();
begin
    update person p set (family, given, middle, birth_date, sex, roles, contacts, fingerprint, modified_at, revision, epoch, xid,
                         changed_at)
        = (i.names->>'family', i.names->>'given', i.names->>'middle', coalesce(i.birth_date, p.birth_date), coalesce(i.sex, p.sex),
           i.roles | p.roles, coalesce(i.contacts, p.contacts), i.fingerprint, greatest(i.modified, p.modified_at), p.revision + 1,
           v_stamp.epoch, v_stamp.xid, now())
    from unnest(p_ids, p_names, p_birth_dates, p_sexes, p_roles, p_contacts, p_modified, p_fingerprints)
             as i (id, names, birth_date, sex, roles, contacts, modified, fingerprint)
    where p.id = i.id;
    perform put_identifiers(i.id, i.identifiers, i.iin_hash) from unnest(p_ids, p_identifiers, p_iin_hashes) as i (id, identifiers, iin_hash)
    where i.identifiers is not null;
    update alias a set fingerprint = i.fingerprint from unnest(p_aliases, p_fingerprints) as i (id, fingerprint) where a.id = i.id;
    insert into untold (number, key) select 101, i::text from unnest(p_ids) i;
end $$;

-- Those of a type that is not there yet.
create function put_identifiers(p_person uuid, p_identifiers jsonb, p_iin_hash uuid) returns void language sql as $$
    insert into identifier (person, type, value, status, override_reason, iin_hash)
    select p_person, t.type, x.value, array_position('{verified,declared}', x.status), x.override_reason,
           case x.type when 'iin' then p_iin_hash end
    from jsonb_to_recordset(p_identifiers) as x (type text, value text, status text, override_reason text)
         cross join lateral (select array_position('{iin,passport,birth_certificate,other}', x.type) as type) t
    where not exists (select from identifier d where d.person = p_person and d.type = t.type)
    on conflict do nothing
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
    v_others uuid[];     -- who they are, where the id is another name
    v_through bigint[];  -- items that are written to the record of whom they name
    v_revisions bigint[];
begin
    perform put_lock('person', p_ids || array(select l.canonical from alias l where l.id = any (p_ids))
                                     || array(select d.person from identifier d where d.iin_hash = any (p_iin_hashes)));
    -- Of several new ones with the same IIN the first is made. A known one does not take another's IIN: an officer merges them.
    with item as (
        select u.*, k.id is not null as known, l.canonical, l.fingerprint as written,
               nullif(coalesce(h.person, first_value(u.id) over (partition by coalesce(u.iin_hash, u.id)
                                                                 order by k.id is not null, u.place)), u.id) as holder
        from unnest(p_callers, p_ids, p_iin_hashes, p_modified, p_fingerprints) with ordinality
                 as u (caller, id, iin_hash, modified, fingerprint, place)
             left join person k on k.id = u.id
             left join identifier h on h.iin_hash = u.iin_hash
             left join alias l on l.id = u.id
    ), judged as (
        select i.*, coalesce(i.canonical, i.holder) as other,
               case when i.canonical is not null or (i.holder is not null and not i.known) then 'matched'
                    when i.holder is not null then 'conflict' end as named,
               put_outcome(p.fingerprint, p.modified_at, i.fingerprint, i.modified) as outcome, p.id as person
        from item i left join person p on p.id = coalesce(i.canonical, i.holder, i.id)
    ), changed as ( -- the same again changes nothing, whoever says it
        select array_agg(j.caller) as callers, array_agg(j.person) as people from judged j
        where j.person is not null and j.outcome <> 'unchanged' and j.named is distinct from 'conflict'
    ), weighed as (
        select j.*, case when j.outcome <> 'unchanged' and j.named is distinct from 'conflict' then r.power end as power
        from judged j left join (select r.* from changed c, person_rights(c.callers, c.people, p_scope_callers, p_scope_nodes, p_today) r) r
                                on r.caller = j.caller and r.person = j.person
    )
    select array_agg(case when j.named is not null then j.named
                          when j.power = 'out_of_scope' or (j.power = 'not_authoritative' and j.outcome = 'updated') then j.power
                          else j.outcome end order by j.place),
           array_agg(j.other order by j.place),
           array(select min(t.place) from weighed t
                 where t.named = 'matched' and t.power = 'own' and t.outcome = 'updated' and t.written is distinct from t.fingerprint
                   and not t.other = any (p_ids)
                 group by t.other)
    into v_outcomes, v_others, v_through
    from weighed j;

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
            revision = p.revision + 1, changed_at = now()
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

    -- A number that was taken against the rule. Who reads the journal reads no number, wherever in the reason it stands.
    insert into journal (who, what)
    select 'writer below ' || (select string_agg(s.node::text, ', ') from unnest(p_scope_callers, p_scope_nodes) s (caller, node)
                               where s.caller = i.caller),
           'identifier of person ' || i.id || ' overridden: '
           || regexp_replace(x.override_reason, '[0-9][0-9 -]{4,}[0-9]', '...', 'g')
    from unnest(p_callers, p_ids, p_identifiers, v_outcomes) i (caller, id, identifiers, outcome),
         jsonb_to_recordset(i.identifiers) as x (override_reason text)
    where i.outcome in ('created', 'updated') and i.identifiers @? '$[*].override_reason' and x.override_reason is not null;

    perform put_log(101::smallint, p_ids, v_outcomes, v_revisions, p_heads);
    perform put_seen('person', p_ids, v_outcomes, p_modified);
    perform put_aliases(p_ids, v_outcomes, v_others, p_sources, p_sourced_ids, 1::smallint);
    if cardinality(v_through) > 0 then
        perform put_people_through(array_agg(p_ids[t]), array_agg(v_others[t]), array_agg(p_names[t]), array_agg(p_birth_dates[t]), array_agg(p_sexes[t]),
                                   array_agg(p_roles[t]), array_agg(p_identifiers[t]), array_agg(p_contacts[t]),
                                   array_agg(p_modified[t]), array_agg(p_fingerprints[t]), array_agg(p_iin_hashes[t]))
        from unnest(v_through) t;
    end if;
    return query select * from put_rows(v_outcomes, v_others, '{"conflict": "/identifiers"}');
end $$;
