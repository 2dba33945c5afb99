-- Who has read a child's record: a row for each read by anybody but the child and its guardians (service/audit.h). No names.
-- Nothing changes it, and nobody but role jobs takes anything away, by whole months.
create table read_audit (
    at           timestamptz not null default clock_timestamp(),
    reader_kind  smallint not null, -- 1 a client, 2 a person (auth/auth.h)
    reader       uuid not null,     -- the client, or the person of the account
    subject_kind smallint not null, -- 1 a person, 2 a class: everybody in it
    subject      uuid not null,     -- as it was asked for: may be an alias
    route        text not null,
    purpose      text,              -- what the reader gave (Eiso-Purpose)
    request      text not null      -- X-Request-Id, as in the logs
) partition by range (at);
create index read_audit_subject on read_audit (subject, at);
create index read_audit_reader on read_audit (reader, at);

-- api adds, jobs drops, an officer's command reads as the owner; nobody else does anything.
create function audit_protect(p_table regclass) returns void language plpgsql as $$
declare
    v_role text;
begin
    foreach v_role in array array[current_schema() || '_rw', current_schema() || '_ro'] loop
        if exists (select from pg_roles where rolname = v_role) then
            execute format('revoke all on %s from %I', p_table, v_role);
        end if;
    end loop;
end $$;

do $$ begin
    perform audit_protect('read_audit');
    if exists (select from pg_roles where rolname = current_schema() || '_rw') then
        execute format('grant insert on read_audit to %I', current_schema() || '_rw');
    end if;
end $$;

create function audit_make_months(p_until date) returns void language plpgsql as $$
declare
    v_month date;
    v_name text;
begin
    for v_month in select m::date from generate_series(date_trunc('month', current_date), p_until, interval '1 month') m loop
        v_name := 'read_audit_' || to_char(v_month, 'YYYYMM');
        if to_regclass(v_name) is null then
            execute format('create table %I (like read_audit including defaults)', v_name);
            perform audit_protect(v_name::regclass);
            execute format('alter table read_audit attach partition %I for values from (%L) to (%L)',
                           v_name, v_month::timestamp at time zone 'UTC', (v_month + interval '1 month') at time zone 'UTC');
        end if;
    end loop;
end $$;
select audit_make_months((current_date + interval '2 months')::date);

-- Waits for readers 200 ms at the most; the next run tries again.
create function audit_drop_months(p_before date) returns integer language plpgsql as $$
declare
    v_name text;
    v_dropped integer := 0;
begin
    perform set_config('lock_timeout', '200ms', true);
    -- `offset 0`: a date is made of these names alone, whatever the planner would rather ask first.
    for v_name in select m.name
                  from (select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
                        where i.inhparent = 'read_audit'::regclass offset 0) m
                  where to_date(right(m.name, 6), 'YYYYMM') < date_trunc('month', p_before)
    loop
        execute format('drop table %I', v_name);
        v_dropped := v_dropped + 1;
    end loop;
    return v_dropped;
end $$;

-- The newest p_limit rows. p_person: by whatever id it was asked for, and reads of each class that it was ever in; p_reader: a
-- person or a client. NULL: any.
create function audit_find(p_person uuid, p_reader uuid, p_from timestamptz, p_to timestamptz, p_limit integer)
    returns setof read_audit language plpgsql stable as $$
declare
    v_canonical uuid := canonical_of(p_person);
    v_names uuid[];
    v_classes uuid[];
begin
    v_names := array(select v_canonical union select p_person union select a.id from copy_alias a where a.canonical = v_canonical);
    v_classes := array(select distinct e.class from copy_enrolment e where e.learner = any (v_names));
    return query
        select a.* from read_audit a
        where (p_person is null or (a.subject = any (v_names || v_classes)))
          and (p_reader is null or a.reader = p_reader)
          and a.at >= coalesce(p_from, '-infinity') and a.at < coalesce(p_to, 'infinity')
        order by a.at desc limit p_limit;
end $$;
