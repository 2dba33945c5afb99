-- Marks: facts, immutable once taken. A correction (`replaces`) and a withdrawal (`withdraws`) are rows of their own in the
-- same month. An id is compared with those of its month; `fingerprint` tells the same content from another.

create table mark (
    month        date not null,
    id           uuid not null,
    fingerprint  uuid not null,
    organisation uuid not null, -- of the class, on the mark's date: what is recorded stays there
    class        uuid not null,
    learner      uuid not null,
    subject      text not null,
    kind         smallint not null,
    work         uuid,
    points       smallint,
    max_points   smallint,
    value        smallint,
    date         date not null,
    lesson       smallint,
    teacher      uuid,
    entered_at   timestamptz,
    replaces     uuid,
    withdraws    uuid,
    reason_code  smallint,
    comment      text,
    reason       text,
    taken_at     timestamptz not null default now(),
    epoch        bigint not null, -- of the transaction that changed it last (outbox_after)
    xid          bigint not null,
    primary key (id, month)
) partition by range (month);
create index mark_learner on mark (learner, date);
-- One correction or withdrawal of a mark at the most: a chain, never a tree.
create unique index mark_replaces on mark (replaces, month) where replaces is not null;
create unique index mark_withdraws on mark (withdraws, month) where withdraws is not null;

-- All ids of a person: facts keep the one that they were sent with, aliases are resolved when they are read.
create index copy_alias_canonical on copy_alias (canonical);
create function ids_of(p_person uuid) returns setof uuid language sql stable rows 2 as $$
    select canonical_of(p_person) union all select a.id from copy_alias a where a.canonical = canonical_of(p_person)
$$;

-- Months are made ahead by role jobs, from the first that is still taken.
create function mark_make_months(p_from date, p_to date) returns void language plpgsql as $$
declare
    v_month date;
begin
    for v_month in select m::date from generate_series(date_trunc('month', p_from), p_to, interval '1 month') m loop
        if to_regclass('mark_' || to_char(v_month, 'YYYYMM')) is null then
            execute format('create table %I (like mark including defaults including storage including compression)',
                           'mark_' || to_char(v_month, 'YYYYMM'));
            execute format('alter table mark attach partition %I for values from (%L) to (%L)',
                           'mark_' || to_char(v_month, 'YYYYMM'), v_month, (v_month + interval '1 month')::date);
        end if;
    end loop;
end $$;
select mark_make_months((current_date - interval '26 months')::date, (current_date + interval '3 months')::date);
