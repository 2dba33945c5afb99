-- The transactional log of a service (design.md, "event_log, relay, apply: the exact rules"; why each rule is there:
-- protocol-check.md). xids are kept as bigint: the 64-bit id, which has no order of its own in PostgreSQL 15's indexes
-- when read in binary.

-- Each start of PostgreSQL, and what it found.
create table history (
    epoch             bigint primary key,
    postmaster_start  timestamptz not null,
    system_identifier bigint not null,
    cut_epoch         bigint not null, -- the relay's position as it was: all at or below it is the same in both histories
    cut_xid           bigint not null,
    cut_seq           bigint not null,
    run_epochs        bigint[] not null, -- rows above the cut that survived, as runs of consecutive xids
    run_from_xids     bigint[] not null,
    run_to_xids       bigint[] not null,
    state             text not null default 'open'
        check (state in ('open',        -- this history speaks
                         'foreign',     -- another cluster than before: an operator decides
                         'abandoned')), -- the ledger knows a later history: an operator decides
    decided_by        text,
    decided_at        timestamptz,
    -- Of an abandoned one: the lowest cut and the highest number among the epochs of the ledger that are not known here.
    unknown_cut_epoch bigint,
    unknown_cut_xid   bigint,
    unknown_cut_seq   bigint,
    unknown_epoch     bigint,
    returned          boolean not null default false -- the way out of one: speaks for all that the ledger knew before
);

-- Where the relay stood in each partition at that start: all lost events were appended behind it.
create table history_partition (
    epoch       bigint not null,
    topic       text not null,
    partition   integer not null,
    last_offset bigint not null,
    primary key (epoch, topic, partition)
);

create sequence event_log_seq;

create table event_log (
    day      date not null default current_date,
    epoch    bigint not null,
    xid      bigint not null,
    seq      bigint not null default nextval('event_log_seq'),
    time     timestamptz not null default now(),
    ids      uuid[] not null,
    keys     text[] not null,
    types    smallint[] not null,
    payloads bytea[] not null, -- an empty one erases its key (a tombstone)
    bytes    integer not null  -- of the payloads: the relay reads so many at a time
) partition by range (day);
alter table event_log alter column ids set compression lz4, alter column keys set compression lz4, alter column types set compression lz4,
    alter column payloads set compression lz4;
create index event_log_position on event_log (epoch, xid, seq);

-- One row: who carries the log to Kafka, and how far.
create table relay (
    one           boolean primary key default true check (one),
    epoch         bigint not null default 0,
    xid           bigint not null default 0,
    seq           bigint not null default 0,
    holder        uuid,
    backend_pid   integer,
    backend_start timestamptz,
    lease_until   timestamptz not null default '-infinity',
    partitions    integer, -- of each topic; another count or partitioner would make watermarks lie
    partitioner   text
);
insert into relay default values;

-- The last event of each partition at or below the relay's position.
create table relay_partition (
    topic       text not null,
    partition   integer not null,
    last_offset bigint not null,
    epoch       bigint not null,
    xid         bigint not null,
    seq         bigint not null,
    index       integer not null,
    primary key (topic, partition)
);

-- Days are made ahead and dropped when old and passed, by role jobs. Never a DEFAULT partition.
create function event_log_make_days(p_today date, p_days integer) returns void language plpgsql as $$
declare
    v_day date;
    v_name text;
begin
    for v_day in select d::date from generate_series(p_today - 1, p_today + p_days, interval '1 day') d loop
        v_name := 'event_log_' || to_char(v_day, 'YYYYMMDD');
        if to_regclass(v_name) is null then
            execute format('create table %I (like event_log including defaults including storage including compression)', v_name);
            -- Nobody asks for what is in the arrays, and to analyse them is to count every element.
            execute format('alter table %I alter ids set statistics 0, alter keys set statistics 0, alter types set statistics 0,'
                           ' alter payloads set statistics 0', v_name);
            execute format('alter table event_log attach partition %I for values from (%L) to (%L)',
                           v_name, v_day, v_day + 1);
        end if;
    end loop;
end $$;
select event_log_make_days(current_date, 7);

-- The days that the log has. `offset 0`: a date is made of these names alone, whatever the planner would rather ask first.
create function event_log_days() returns table (name text, day date) language sql stable as $$
    select d.name, to_date(right(d.name, 8), 'YYYYMMDD')
    from (select c.relname::text as name
          from pg_inherits i join pg_class c on c.oid = i.inhrelid
          where i.inhparent = 'event_log'::regclass and not i.inhdetachpending offset 0) d
$$;

-- Which partitions are older than p_keep_days and hold nothing that the relay has not passed.
create function event_log_old_days(p_today date, p_keep_days integer) returns table (name text) language plpgsql as $$
declare
    v_child record;
    v_left boolean;
begin
    for v_child in select * from event_log_days() d where d.day < p_today - p_keep_days loop
        execute format('select exists (select from %I l, relay r where (l.epoch, l.xid, l.seq) > (r.epoch, r.xid, r.seq))',
                       v_child.name) into v_left;
        if not v_left then
            name := v_child.name;
            return next;
        end if;
    end loop;
end $$;

-- Detached and not dropped yet: somebody was interrupted in between.
create function event_log_detached_days() returns table (name text) language sql stable as $$
    select c.relname from pg_class c
    where c.relkind = 'r' and not c.relispartition and c.relname ~ '^event_log_[0-9]{8}$'
      and c.relnamespace = (select p.relnamespace from pg_class p where p.oid = 'event_log'::regclass)
$$;

-- Everyone who stamps rows holds this lock shared, the raise of an epoch holds it exclusively. The number is ours alone
-- within a database.
create function outbox_lock_id() returns bigint language sql immutable parallel safe as $$ select 503 $$;

-- What this transaction stamps its rows with. Refuses where a new epoch has to begin first (EI001), where this history must
-- not speak (EI001), and where a commit would not be durable when it is seen (an asynchronous one was tried: its xid was handed
-- out again).
create function outbox_stamp(out epoch bigint, out xid bigint) language plpgsql as $$
declare
    v_history record;
begin
    if current_setting('synchronous_commit') not in ('on', 'remote_apply') then
        raise exception 'synchronous_commit must be on' using errcode = 'EI001';
    end if;
    perform pg_advisory_xact_lock_shared(outbox_lock_id());
    select h.epoch, h.postmaster_start, h.state into v_history from history h order by h.epoch desc limit 1;
    if not found or v_history.postmaster_start <> pg_postmaster_start_time() then
        raise exception 'PostgreSQL was started: a new epoch has to begin' using errcode = 'EI001';
    end if;
    if v_history.state <> 'open' then
        raise exception 'this history is %: an operator decides', v_history.state using errcode = 'EI001';
    end if;
    epoch := v_history.epoch;
    xid := pg_current_xact_id()::text::bigint;
end $$;

-- One row for all events of this transaction's call; arrays of one length.
create function outbox_append(p_ids uuid[], p_keys text[], p_types smallint[], p_payloads bytea[])
    returns void language plpgsql as $$
declare
    v_stamp record;
    v_largest integer;
    v_bytes integer;
begin
    if cardinality(p_ids) = 0 then
        return;
    end if;
    if cardinality(p_keys) is distinct from cardinality(p_ids) or cardinality(p_types) is distinct from cardinality(p_ids)
       or cardinality(p_payloads) is distinct from cardinality(p_ids) then
        raise exception 'arrays of different lengths' using errcode = 'EI002';
    end if;
    if array_position(p_ids, null) is not null or array_position(p_keys, null) is not null
       or array_position(p_types, null) is not null or array_position(p_payloads, null) is not null then
        raise exception 'an event without id, key, type or payload' using errcode = 'EI002';
    end if;
    select max(octet_length(p)), sum(octet_length(p)) into v_largest, v_bytes from unnest(p_payloads) p;
    if v_largest > 65536 then
        raise exception 'an event is larger than 64 KiB' using errcode = 'EI002';
    end if;
    v_stamp := outbox_stamp();
    insert into event_log (epoch, xid, ids, keys, types, payloads, bytes)
    values (v_stamp.epoch, v_stamp.xid, p_ids, p_keys, p_types, p_payloads, v_bytes);
end $$;

-- (xid, seq) alone is not causal: a transaction with an older xid may change what a younger one has committed. Whoever
-- changes stamped rows calls this with their stamps, under their locks; a younger one there means: again, with a newer xid.
create function outbox_after(p_epochs bigint[], p_xids bigint[]) returns void language plpgsql as $$
declare
    v_stamp record := outbox_stamp();
begin
    if exists (select from unnest(p_epochs, p_xids) r (epoch, xid) where r.epoch = v_stamp.epoch and r.xid > v_stamp.xid) then
        raise exception 'changed by a younger transaction' using errcode = '40001';
    end if;
end $$;

-- The surviving rows above the cut, as runs of consecutive xids that each have a row: rows of one xid survive together,
-- and a run over a gap would take a ghost for a survivor (protocol-check.md, E4).
create function outbox_survivors(p_epoch bigint, p_xid bigint, p_seq bigint,
                                 out epochs bigint[], out from_xids bigint[], out to_xids bigint[])
    language sql stable as $$
    with kept as (
        select distinct l.epoch, l.xid from event_log l where (l.epoch, l.xid, l.seq) > (p_epoch, p_xid, p_seq)
    ), island as (
        select k.epoch, k.xid, k.xid - row_number() over (partition by k.epoch order by k.xid) as run from kept k
    ), runs as (
        select i.epoch, min(i.xid) as from_xid, max(i.xid) as to_xid from island i group by i.epoch, i.run
    )
    select coalesce(array_agg(r.epoch order by r.epoch, r.from_xid), '{}'),
           coalesce(array_agg(r.from_xid order by r.epoch, r.from_xid), '{}'),
           coalesce(array_agg(r.to_xid order by r.epoch, r.from_xid), '{}')
    from runs r
$$;

-- Called on each new connection: begins the next epoch where the live start is not the recorded one. Returns the state.
create function outbox_open() returns text language plpgsql as $$
declare
    v_last history;
    v_system bigint := (select c.system_identifier from pg_control_system() c);
    v_relay relay;
    v_runs record;
    v_epoch bigint;
begin
    select * into v_last from history order by epoch desc limit 1;
    if found and v_last.postmaster_start = pg_postmaster_start_time() then
        return v_last.state;
    end if;
    if current_setting('max_prepared_transactions')::integer <> 0 then
        raise exception 'max_prepared_transactions must be 0' using errcode = 'EI001';
    end if;
    perform pg_advisory_xact_lock(outbox_lock_id());
    select * into v_last from history order by epoch desc limit 1;
    if found and v_last.postmaster_start = pg_postmaster_start_time() then
        return v_last.state;
    end if;
    update relay set holder = null, backend_pid = null, backend_start = null, lease_until = '-infinity' returning * into v_relay;
    v_runs := outbox_survivors(v_relay.epoch, v_relay.xid, v_relay.seq);
    v_epoch := greatest((extract(epoch from clock_timestamp()) * 1000000)::bigint, coalesce(v_last.epoch, 0) + 1);
    insert into history (epoch, postmaster_start, system_identifier, cut_epoch, cut_xid, cut_seq,
                         run_epochs, run_from_xids, run_to_xids, state,
                         unknown_cut_epoch, unknown_cut_xid, unknown_cut_seq, unknown_epoch)
    values (v_epoch, pg_postmaster_start_time(), v_system, v_relay.epoch, v_relay.xid, v_relay.seq,
            v_runs.epochs, v_runs.from_xids, v_runs.to_xids,
            case when v_last.state is distinct from 'open' and v_last.state is not null then v_last.state
                 when v_last.system_identifier <> v_system then 'foreign' else 'open' end,
            v_last.unknown_cut_epoch, v_last.unknown_cut_xid, v_last.unknown_cut_seq, v_last.unknown_epoch)
    returning * into v_last;
    insert into history_partition (epoch, topic, partition, last_offset)
    select v_epoch, p.topic, p.partition, p.last_offset from relay_partition p;
    insert into event_log (epoch, xid, seq, ids, keys, types, payloads, bytes)
    values (v_epoch, 0, 0, array[gen_random_uuid()], array['~history'], array[1::smallint], array[''::bytea], 0);
    return v_last.state;
end $$;

-- The way out of a return into an abandoned history: one more epoch that takes back everything above the lowest cut that others
-- have heard of, and says again all that this history has there. Nothing of that may have been dropped. Returns how many rows.
create function outbox_return(p_who text) returns bigint language plpgsql as $$
declare
    v_last history;
    v_epoch bigint;
    v_rows bigint;
begin
    perform pg_advisory_xact_lock(outbox_lock_id());
    select * into v_last from history order by epoch desc limit 1;
    if v_last.state is distinct from 'abandoned' or v_last.unknown_epoch is null then
        raise exception 'this history is not abandoned' using errcode = 'EI003';
    end if;
    if not exists (select from event_log l where (l.epoch, l.xid, l.seq)
                       <= (v_last.unknown_cut_epoch, v_last.unknown_cut_xid, v_last.unknown_cut_seq))
       and not exists (select from event_log l where (l.epoch, l.xid, l.seq) = ((select min(h.epoch) from history h), 0, 0)) then
        raise exception 'the log no longer has all that has to be said again' using errcode = 'EI002';
    end if;
    v_epoch := greatest((extract(epoch from clock_timestamp()) * 1000000)::bigint, v_last.epoch + 1, v_last.unknown_epoch + 1);
    update relay set holder = null, backend_pid = null, backend_start = null, lease_until = '-infinity';
    insert into history (epoch, postmaster_start, system_identifier, cut_epoch, cut_xid, cut_seq, run_epochs, run_from_xids,
                         run_to_xids, decided_by, decided_at, returned)
    values (v_epoch, pg_postmaster_start_time(), v_last.system_identifier, v_last.unknown_cut_epoch, v_last.unknown_cut_xid,
            v_last.unknown_cut_seq, '{}', '{}', '{}', p_who, now(), true);
    -- Stories of epochs that nobody is told any more.
    delete from event_log l
    where l.keys = array['~history'] and l.xid = 0 and l.seq = 0
      and (l.epoch, l.xid, l.seq) > (v_last.unknown_cut_epoch, v_last.unknown_cut_xid, v_last.unknown_cut_seq);
    -- Behind the new story and before any transaction of the new epoch.
    with above as (
        select l.tableoid, l.ctid, row_number() over (order by l.epoch, l.xid, l.seq) as place
        from event_log l
        where (l.epoch, l.xid, l.seq) > (v_last.unknown_cut_epoch, v_last.unknown_cut_xid, v_last.unknown_cut_seq)
    )
    update event_log l set epoch = v_epoch, xid = 0, seq = a.place from above a where l.tableoid = a.tableoid and l.ctid = a.ctid;
    get diagnostics v_rows = row_count;
    insert into event_log (epoch, xid, seq, ids, keys, types, payloads, bytes)
    values (v_epoch, 0, 0, array[gen_random_uuid()], array['~history'], array[1::smallint], array[''::bytea], 0);
    return v_rows;
end $$;

-- One event a row, for people.
create view event_log_events as
select l.epoch, l.xid, l.seq, e.index - 1 as index, l.time, e.id, e.key, e.type, e.payload
from event_log l, unnest(l.ids, l.keys, l.types, l.payloads) with ordinality as e (id, key, type, payload, index);

-- What a transaction appends to an event's head (record_encode_head): one field of its msgpack map. Stable, as convert_to
-- is: what is declared more than its body is not inlined, and a call for each field costs more than the bytes.
create function event_text(p_name text, p_value text) returns bytea language sql stable parallel safe as $$
    select set_byte('\x00'::bytea, 0, 160 + octet_length(p_name)) || convert_to(p_name, 'UTF8')
        || case when octet_length(p_value) < 32
                then set_byte('\x00'::bytea, 0, 160 + octet_length(p_value))
                else '\xd9'::bytea || set_byte('\x00'::bytea, 0, octet_length(p_value)) end
        || convert_to(p_value, 'UTF8')
$$; -- names below 32 bytes, values below 256

create function event_uuid(p_name text, p_value uuid) returns bytea language sql stable parallel safe as $$
    select set_byte('\x00'::bytea, 0, 160 + octet_length(p_name)) || convert_to(p_name, 'UTF8')
        || '\xd924'::bytea || convert_to(p_value::text, 'UTF8')
$$;

create function event_int(p_name text, p_value bigint) returns bytea language sql stable parallel safe as $$
    select set_byte('\x00'::bytea, 0, 160 + octet_length(p_name)) || convert_to(p_name, 'UTF8')
        || '\xd3'::bytea || int8send(p_value)
$$;

create function event_date(p_name text, p_value date) returns bytea language sql stable parallel safe as $$
    select set_byte('\x00'::bytea, 0, 160 + octet_length(p_name)) || convert_to(p_name, 'UTF8')
        || '\xaa'::bytea || convert_to(to_char(p_value, 'YYYY-MM-DD'), 'UTF8')
$$;

-- A nested record of p_count members, at most 15, as the functions above make them, one behind the other.
create function event_map(p_name text, p_count integer, p_members bytea) returns bytea language sql stable parallel safe as $$
    select set_byte('\x00'::bytea, 0, 160 + octet_length(p_name)) || convert_to(p_name, 'UTF8')
        || set_byte('\x00'::bytea, 0, 128 + p_count) || p_members
$$;

-- A list of p_count elements, one behind the other; NULL where there is none.
create function event_list(p_name text, p_count bigint, p_elements bytea) returns bytea language sql stable parallel safe as $$
    select set_byte('\x00'::bytea, 0, 160 + octet_length(p_name)) || convert_to(p_name, 'UTF8')
        || '\xdc'::bytea || int2send(p_count::smallint) || p_elements
$$;

-- A member that a head counts and that has no value.
create function event_nil(p_name text) returns bytea language sql stable parallel safe as $$
    select set_byte('\x00'::bytea, 0, 160 + octet_length(p_name)) || convert_to(p_name, 'UTF8') || '\xc0'::bytea
$$;
