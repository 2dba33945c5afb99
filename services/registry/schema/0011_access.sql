-- What role signin and the operator's commands need. Secrets come as digests; none is on a topic.

-- Once for each kid; it signs in p_lead_s seconds.
create function key_publish(p_kid text, p_jwk text, p_head bytea, p_lead_s integer) returns void language plpgsql as $$
declare
    v_stamp record := outbox_stamp();
begin
    insert into public_key (kid, jwk, signs_from, epoch, xid)
    values (p_kid, p_jwk, clock_timestamp() + make_interval(secs => p_lead_s), v_stamp.epoch, v_stamp.xid) on conflict do nothing;
    if found then
        perform outbox_append(array[gen_random_uuid()], array[p_kid], array[110::smallint], array[p_head || event_int('revision', 1)]);
    end if;
end $$;

-- Whether that key may sign: its time has come, and the relay has brought it to the others.
create function key_is_due(p_kid text) returns boolean language sql stable as $$
    select exists (select from public_key k, relay r
                   where k.kid = p_kid and k.signs_from <= clock_timestamp() and (r.epoch, r.xid) >= (k.epoch, k.xid))
$$;

-- That key signs: those before it sign no more, and verify until what they signed is dead.
create function key_retire_older(p_kid text) returns void language plpgsql as $$
declare
    v_stamp record := outbox_stamp();
    v_retired public_key[];
begin
    with retired as (
        update public_key k set retired_at = clock_timestamp(), revision = k.revision + 1, epoch = v_stamp.epoch, xid = v_stamp.xid
        from public_key now_signs
        where now_signs.kid = p_kid and k.retired_at is null and k.signs_from < now_signs.signs_from
        returning k.*
    ) select array_agg(r::public_key) into v_retired from retired r;
    perform outbox_append(array_agg(gen_random_uuid()), array_agg(r.kid), array_agg(110::smallint),
                         array_agg('\x84'::bytea || event_text('kid', r.kid) || event_text('jwk', r.jwk)
                                   || event_text('retired_at', event_instant(r.retired_at)) || event_int('revision', r.revision)))
    from unnest(v_retired) r
    having count(*) > 0;
end $$;

-- Tokens are issued at an instant of this database, taken under the lock that whoever ends access waits for: so a revocation is
-- never older than a token that it means.

-- NULL: the password was changed, or the account locked, while it was checked.
create function session_open(p_session uuid, p_account uuid, p_hash text, p_digest bytea, p_until timestamptz) returns timestamptz
    language plpgsql as $$
begin
    perform from password p join account a on a.id = p.account where p.account = p_account and p.hash = p_hash and a.active for share;
    if not found then
        return null;
    end if;
    insert into session (id, account) values (p_session, p_account);
    insert into renewal (digest, session, valid_until) values (p_digest, p_session, p_until);
    return clock_timestamp();
end $$;

create function session_close(p_session uuid) returns void language plpgsql as $$
begin
    update session set ended_at = now() where id = p_session and ended_at is null;
    if found then
        perform access_revoke('session', array[p_session]);
    end if;
end $$;

-- Each use makes the next secret; the used one counts for 30 s more (two tabs). One that comes later was copied: the session ends.
create function session_renew(p_digest bytea, p_next bytea, p_until timestamptz)
    returns table (session uuid, account uuid, issued timestamptz) language plpgsql as $$
#variable_conflict use_column
declare
    v_renewal renewal;
begin
    select * into v_renewal from renewal r where r.digest = p_digest for update;
    if v_renewal.used and v_renewal.valid_until < now() then
        perform session_close(v_renewal.session);
    end if;
    if v_renewal.valid_until < now() then
        return;
    end if;
    select s.id, s.account into session, account from session s join account a on a.id = s.account
    where s.id = v_renewal.session and s.ended_at is null and a.active for share;
    if found then
        issued := clock_timestamp();
        return next;
        update renewal set used = true, valid_until = least(valid_until, now() + interval '30 s') where digest = p_digest;
        insert into renewal (digest, session, valid_until) values (p_next, v_renewal.session, p_until);
    end if;
end $$;

create function session_end(p_digest bytea) returns boolean language plpgsql as $$
declare
    v_session uuid := (select r.session from renewal r where r.digest = p_digest);
begin
    perform session_close(v_session);
    return v_session is not null;
end $$;

-- Of an account that is locked, or whose password is another one now.
create function account_sessions_end(p_account uuid) returns void language plpgsql as $$
begin
    update session set ended_at = now() where account = p_account and ended_at is null;
    perform access_revoke('account', array[p_account]);
end $$;

-- Revocations of these keys are in a lost part of the history: sessions that ended there, by themselves or with their account, are alive
-- again in this database, and end once more. 'everybody' is nobody's session.
create function sessions_end_again(p_keys text[]) returns void language plpgsql as $$
declare
    v_ids uuid[] := array(select k::uuid from unnest(p_keys) k where k <> 'everybody');
    v_ended uuid[];
begin
    with ended as (
        update session s set ended_at = now() where (s.id = any (v_ids) or s.account = any (v_ids)) and s.ended_at is null returning s.id
    )
    select array_agg(e.id) into v_ended from ended e;
    perform access_revoke('session', v_ended);
end $$;

-- What nobody can use any more; role jobs.
create function session_sweep() returns void language sql as $$
    delete from renewal where valid_until < now() - interval '1 day';
    delete from session s where s.created_at < now() - interval '1 day' and not exists (select from renewal r where r.session = s.id)
$$;

-- Reference data as the program has them; only what differs is written.
create function put_references(p_lists text[], p_codes text[], p_parents text[], p_kinds text[], p_kk text[], p_ru text[], p_en text[],
                              p_from date[], p_to date[], p_heads bytea[]) returns integer language plpgsql as $$
declare
    v_stamp record := outbox_stamp();
    v_changed integer;
begin
    perform from reference r where r.list = any (p_lists) order by r.list, r.code for update;
    with written as (
        insert into reference as r (list, code, parent, kind, kk, ru, en, valid_from, valid_to, epoch, xid)
        select i.*, v_stamp.epoch, v_stamp.xid from unnest(p_lists, p_codes, p_parents, p_kinds, p_kk, p_ru, p_en, p_from, p_to) i
        on conflict (list, code) do update set (parent, kind, kk, ru, en, valid_from, valid_to, epoch, xid)
            = (excluded.parent, excluded.kind, excluded.kk, excluded.ru, excluded.en, excluded.valid_from, excluded.valid_to,
               excluded.epoch, excluded.xid),
            revision = r.revision + 1
        where (r.parent, r.kind, r.kk, r.ru, r.en, r.valid_from, r.valid_to) is distinct from
              (excluded.parent, excluded.kind, excluded.kk, excluded.ru, excluded.en, excluded.valid_from, excluded.valid_to)
        returning r.list, r.code, r.revision
    ), logged as (
        select outbox_append(array_agg(gen_random_uuid()), array_agg(w.list || ':' || w.code), array_agg(109::smallint),
                             array_agg(i.head || event_int('revision', w.revision))), count(*) as changed
        from written w join unnest(p_lists, p_codes, p_heads) i (list, code, head) using (list, code)
        having count(*) > 0
    ) select l.changed into v_changed from logged l;
    return coalesce(v_changed, 0);
end $$;

-- GET /v1/me of somebody who signed in. Roles that follow from assignments, links and enrolments stand beside those of the
-- account. No row: the session was ended.
create function me_account(p_account uuid, p_session uuid, p_language text, p_today date)
    returns table (id uuid, name text, locale text, roles jsonb, children jsonb) language sql stable as $$
    with me as (
        select a.person, a.locale, a.roles, concat_ws(' ', p.family, p.given, p.middle) as name
        from account a join person p on p.id = a.person
        where a.id = p_account and a.active
          and exists (select from session s where s.id = p_session and s.ended_at is null)
    ), role (role, node) as (
        select r.role, r.node from me, jsonb_to_recordset(me.roles) as r (role text, node uuid)
        union all
        select distinct 'teacher', c.organisation from me join assignment t on t.teacher = me.person join class c on c.id = t.class
        where t.valid_from <= p_today and coalesce(t.valid_to, p_today) >= p_today
        union all
        select 'parent', null from me where exists (select from children_of(me.person, p_today))
        union all
        select 'learner', null from me where exists (select from enrolment e where e.learner = me.person
                                                     and coalesce(e.valid_to, p_today) >= p_today)
    ), child as (
        select p.id, concat_ws(' ', p.family, p.given) as name, c.id as class, c.name as class_name, o.id as organisation,
               case p_language when 'ru' then o.name_ru else o.name_kk end as organisation_name,
               coalesce((select jsonb_agg(distinct t.subject) from enrolment m join assignment t on t.class = m.class
                         where m.learner = p.id and coalesce(m.valid_to, p_today) >= p_today and t.subject is not null),
                        '[]') as subjects -- nobody may be assigned yet
        from me cross join lateral children_of(me.person, p_today) k
             join person p on p.id = k.learner
             left join lateral (
                 select h.* from enrolment e join class h on h.id = e.class
                 where e.learner = p.id and h.type = 1 and coalesce(e.valid_to, p_today) >= p_today
                 order by e.valid_from desc, e.id limit 1) c on true
             left join organisation o on o.id = c.organisation
    )
    select me.person, me.name, me.locale,
           (select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('role', r.role, 'node', r.node))), '[]') from role r),
           (select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', c.id, 'name', c.name,
                'class', case when c.class is not null then jsonb_build_object('id', c.class, 'name', c.class_name) end,
                'organisation', case when c.organisation is not null
                                     then jsonb_build_object('id', c.organisation, 'name', c.organisation_name) end,
                'subjects', c.subjects)) order by c.name, c.id), '[]') from child c)
    from me
$$;
