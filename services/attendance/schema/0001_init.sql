-- Lesson registers: facts. Everyone on the frozen roster without an exception was present. A replacement (`replaces`) and a
-- withdrawal (`withdraws`) are rows of their own in the same month, re-coded absences (absence_change) in that of their register.

-- Who was enrolled in a class with mode `class` when a register was taken; shared by all registers of the same set. Canonical ids: one
-- that turns out to be another name of somebody is replaced (recount_registers).
create table roster (
    id       uuid primary key, -- of its content as it was frozen
    class    uuid not null,
    learners uuid[] not null   -- ascending
);
create index roster_learners on roster using gin (learners) with (fastupdate = off); -- who else has one of them

-- Ids that have become other names: rosters with them are to be looked at. A queue without a key, so that apply waits for nobody.
create table dirty_alias (
    id uuid not null
);

-- Classes that have had a learner in common on some of their rosters (a homeroom and its groups), in both directions: only their
-- registers can count a learner twice. Kept when a roster is frozen, and never shrinks.
create table class_overlap (
    class uuid not null,
    other uuid not null,
    primary key (class, other)
);

create table register (
    month        date not null,
    id           uuid not null,
    fingerprint  uuid not null,
    organisation uuid not null, -- of the class on the lesson's date: what is recorded stays there, changes included
    class        uuid not null, -- this and all below to the roster: of a withdrawal those of what it withdraws
    subject      text,
    date         date not null,
    slot         smallint not null, -- lesson 1 to 11; 100 + session
    shift        smallint not null,
    teacher      uuid,
    taken_at     timestamptz, -- absent: a withdrawal
    roster       uuid not null,
    learners     integer not null, -- on the roster
    replaces     uuid,
    withdraws    uuid,
    replaced_by  uuid,
    withdrawn_by uuid,
    reason_code  smallint,
    reason       text,
    active       boolean not null, -- counts: not replaced, not withdrawn, no withdrawal
    recorded_at  timestamptz not null default now(),
    epoch        bigint not null, -- of the transaction that changed it last (outbox_after), its absences included
    xid          bigint not null,
    primary key (id, month)
) partition by range (month);
-- One active register of a class, date and lesson; also the class's registers by date.
create unique index register_active on register (class, date, slot, month) where active;
create index register_former on register (class, date) where not active;

-- Exceptions as they stand: `code` 7 is present after all.
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

-- What became of them.
create sequence absence_change_seq;
create table absence_change (
    month          date not null, -- of the register
    id             uuid not null,
    fingerprint    uuid not null,
    register       uuid not null,
    learner        uuid not null, -- by the id that the absence stands under
    code           smallint not null,
    minutes        smallint,
    before_code    smallint not null,
    before_minutes smallint,
    reason_code    smallint not null,
    reason         text,
    by             uuid not null, -- the organisation in whose name it was sent
    recorded_at    timestamptz not null default now(),
    seq            bigint not null default nextval('absence_change_seq'), -- the order of those of one learner
    primary key (id, month)
) partition by range (month);
create index absence_change_absence on absence_change (register, learner, seq);

-- The names on topics and in answers (contracts/registers.c).
create function absence_code_name(p_code smallint) returns text language sql immutable parallel safe as $$
    select (array['absent_unexcused', 'absent_ill', 'absent_excused', 'late', 'remote', 'exempt', 'present'])[p_code]
$$;
create function session_name(p_slot smallint) returns text language sql immutable parallel safe as $$
    select (array['day', 'am', 'pm'])[p_slot - 100]
$$;
create function register_reason_name(p_reason smallint) returns text language sql immutable parallel safe as $$
    select (array['certificate', 'parent_note', 'order', 'error'])[p_reason]
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
                               unnest(array['register', 'absence', 'absence_change']) t
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
