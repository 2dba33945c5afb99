-- Lesson registers: facts. Everyone on the frozen roster without an exception was present.

-- Who was enrolled in a class with mode `class` when a register was taken; shared by all registers of the same set.
create table roster (
    id       uuid primary key, -- of its content
    class    uuid not null,
    learners uuid[] not null   -- ascending
);

create table register (
    month        date not null,
    id           uuid not null,
    fingerprint  uuid not null,
    organisation uuid not null, -- of the class on the lesson's date
    class        uuid not null,
    subject      text,
    date         date not null,
    slot         smallint not null, -- lesson 1 to 11; 100 + session
    shift        smallint not null,
    teacher      uuid,
    taken_at     timestamptz not null,
    roster       uuid not null,
    learners     integer not null, -- on the roster
    replaces     uuid,
    withdraws    uuid,
    reason_code  smallint,
    reason       text,
    active       boolean not null default true, -- not replaced, not withdrawn
    epoch        bigint not null,
    xid          bigint not null,
    primary key (id, month)
) partition by range (month);
-- One active register of a class, date and lesson; also the class's registers by date.
create unique index register_active on register (class, date, slot, month) where active;

create table absence (
    month    date not null,
    register uuid not null,
    learner  uuid not null,
    code     smallint not null,
    minutes  smallint,
    note     text,
    date     date not null,
    primary key (register, learner, month)
) partition by range (month);
create index absence_learner on absence (learner, date);

-- All ids of a person: facts keep the one that they were sent with, aliases are resolved when they are read.
create index copy_alias_canonical on copy_alias (canonical);
create function ids_of(p_person uuid) returns setof uuid language sql stable rows 2 as $$
    select canonical_of(p_person) union all select a.id from copy_alias a where a.canonical = canonical_of(p_person)
$$;

-- Months are made ahead by role jobs, from the first that is still taken.
create function register_make_months(p_from date, p_to date) returns void language plpgsql as $$
declare
    v_month date;
    v_table text;
    v_name text;
begin
    for v_month, v_table in
        select m::date, t from generate_series(date_trunc('month', p_from), p_to, interval '1 month') m,
                               unnest(array['register', 'absence']) t
    loop
        v_name := v_table || '_' || to_char(v_month, 'YYYYMM');
        if to_regclass(v_name) is null then
            execute format('create table %I (like %I including defaults including storage including compression)', v_name, v_table);
            execute format('alter table %I attach partition %I for values from (%L) to (%L)',
                           v_table, v_name, v_month, (v_month + interval '1 month')::date);
        end if;
    end loop;
end $$;
select register_make_months((current_date - interval '26 months')::date, (current_date + interval '3 months')::date);
