-- The smallest service that uses the whole skeleton: notes go in by HTTP, over Kafka, and come out as a stream.

-- In by HTTP: what was taken, once an id.
create table note (
    id          uuid primary key,
    fingerprint uuid not null,
    key         text not null,
    number      integer not null
);

create function take_notes(p_callers integer[], p_scope_callers integer[], p_scope_nodes uuid[], p_today date,
                           p_ids uuid[], p_keys text[], p_numbers integer[], p_fingerprints uuid[], p_heads bytea[])
    returns table (item integer, outcome text, code text, pointer text, other uuid, id uuid, key text, type smallint, payload bytea)
    language plpgsql as $$
#variable_conflict use_column
declare
    v_known uuid[] := (select array_agg(n.fingerprint order by i.place)
                       from unnest(p_ids) with ordinality as i (id, place) left join note n on n.id = i.id);
begin
    insert into note (id, fingerprint, key, number)
    select i.id, i.fingerprint, i.key, i.number
    from unnest(p_ids, p_fingerprints, p_keys, p_numbers, v_known) as i (id, fingerprint, key, number, known)
    where i.known is null;

    return query
    select i.place::integer, case when i.known = i.fingerprint then 'duplicate' when i.known is not null then 'rejected' end,
           case when i.known <> i.fingerprint then 'id_reused' end, '/id', null::uuid,
           i.id, i.key, 900::smallint, case when i.known is null then i.head end -- note.added
    from unnest(p_ids, p_keys, p_fingerprints, p_heads, v_known) with ordinality as i (id, key, fingerprint, head, known, place);
end $$;

select make_calls('take_notes');

-- Out of Kafka: every effect counts, so that one too many or too few shows; stamped, so that push can follow.
create table seen (
    epoch  bigint not null,
    xid    bigint not null,
    seq    bigint generated always as identity,
    id     uuid not null,
    key    text not null,
    number integer not null,
    effect integer not null, -- 1: applied, -1: taken back
    primary key (epoch, xid, seq)
);
create index seen_id on seen (id);
