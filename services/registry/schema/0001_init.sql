-- What registry owns. Numbers of enums are those of contracts/registry.h. Of a row that a sender may write: `fingerprint` of its
-- content tells a change from a repeat, `modified_at` an older state from a newer one. Each change adds one to `revision` and
-- stamps the row with its transaction (outbox_after).
--
-- What hangs on people and classes has no foreign keys: put_x has looked them up for its answer already, and a person goes only by a
-- merge, which holds merge_lock_id exclusively. Each of them would be looked up, locked and written to once more.

create table organisation (
    id             uuid primary key,
    name_kk        text not null,
    name_ru        text not null,
    kind           smallint not null,
    bin            text,
    kato           text not null,
    address_kato   text,
    subordinate_to uuid references organisation,
    ownership      smallint not null,
    languages      integer not null,
    shifts         integer not null,
    valid_from     date not null,
    valid_to       date,
    path           uuid[] not null, -- subordination, from the root down to itself
    fingerprint    uuid not null,
    modified_at    timestamptz not null,
    source         text,
    sourced_id     text,
    revision       bigint not null default 1,
    epoch          bigint not null,
    xid            bigint not null,
    changed_at     timestamptz not null default now() -- here; modified_at is the source's
);
create unique index organisation_bin on organisation (bin) where bin is not null;
create index organisation_above on organisation (subordinate_to, id);
create index organisation_path on organisation using gin (path);

create table person (
    id          uuid primary key,
    family      text,
    given       text not null,
    middle      text,
    birth_date  date,
    sex         smallint,
    roles       integer not null, -- bit n: role n
    contacts    jsonb,
    fingerprint uuid not null,
    modified_at timestamptz not null,
    source      text,
    sourced_id  text,
    revision    bigint not null default 1,
    epoch       bigint not null,
    xid         bigint not null,
    changed_at  timestamptz not null default now() -- here; modified_at is the source's
);
create index person_source on person (source, sourced_id) where sourced_id is not null;

-- What a person is known by elsewhere; on no topic. An IIN is found by its keyed hash (the key is a file, not in here).
create table identifier (
    person          uuid not null,
    type            smallint not null,
    value           text not null,
    status          smallint not null,
    override_reason text, -- why a wrong control digit was taken
    iin_hash        uuid,
    primary key (person, type, value)
);
create unique index identifier_iin on identifier (iin_hash) where iin_hash is not null;

create table class (
    id            uuid primary key,
    organisation  uuid not null references organisation,
    name          text not null,
    type          smallint not null,
    homerooms     uuid[], -- of a group
    subject       text,
    grade         integer not null,
    language      smallint not null,
    shift         integer not null,
    academic_year integer not null,
    previous      uuid,
    fingerprint   uuid not null,
    modified_at   timestamptz not null,
    source        text,
    sourced_id    text,
    revision      bigint not null default 1,
    epoch         bigint not null,
    xid           bigint not null,
    changed_at    timestamptz not null default now() -- here; modified_at is the source's
);
create index class_organisation on class (organisation, id);

create table enrolment (
    id          uuid primary key,
    learner     uuid not null,
    class       uuid not null,
    valid_from  date not null,
    valid_to    date, -- the last day
    mode        smallint not null,
    fingerprint uuid not null,
    modified_at timestamptz not null,
    source      text,
    sourced_id  text,
    revision    bigint not null default 1,
    epoch       bigint not null,
    xid         bigint not null,
    changed_at  timestamptz not null default now() -- here; modified_at is the source's
);
create index enrolment_learner on enrolment (learner, class);
create index enrolment_class on enrolment (class, learner);

create table assignment (
    id          uuid primary key,
    teacher     uuid not null,
    class       uuid not null,
    subject     text,
    kind        smallint not null,
    valid_from  date not null,
    valid_to    date,
    fingerprint uuid not null,
    modified_at timestamptz not null,
    source      text,
    sourced_id  text,
    revision    bigint not null default 1,
    epoch       bigint not null,
    xid         bigint not null
);
create index assignment_teacher on assignment (teacher);
create index assignment_class on assignment (class);

-- A guardian link.
create table guardian (
    id          uuid primary key,
    learner     uuid not null,
    guardian    uuid not null,
    relation    smallint not null,
    legal_basis smallint not null,
    rights      integer not null, -- bit n: right n
    valid_from  date not null,
    valid_to    date,
    status      smallint not null,
    fingerprint uuid not null,
    modified_at timestamptz not null,
    source      text,
    sourced_id  text,
    revision    bigint not null default 1,
    epoch       bigint not null,
    xid         bigint not null
);
create index guardian_learner on guardian (learner);
create index guardian_guardian on guardian (guardian);

-- ---- Written here alone ----

-- Another name of a person or organisation. What is merged into another one becomes such a name: a person's record goes, an
-- organisation's stays in the tree below the canonical one, for what was recorded of it.
create table alias (
    id          uuid primary key, -- may be named for ever
    canonical   uuid not null,    -- never an alias itself
    entity      smallint not null,
    source      text,
    sourced_id  text,
    fingerprint uuid, -- of what was last written through it to the canonical one
    revision    bigint not null default 1,
    epoch       bigint not null,
    xid         bigint not null
);
create index alias_canonical on alias (canonical);
create index alias_source on alias (source, sourced_id) where sourced_id is not null;

-- Rows that were changed without an event: role jobs tells their state (number of the event type, key).
create table untold (
    number smallint not null,
    key    text not null
);

create table reference (
    list       text not null,
    code       text not null,
    parent     text,
    kind       text,
    kk         text not null,
    ru         text not null,
    en         text,
    valid_from date,
    valid_to   date,
    revision   bigint not null default 1,
    epoch      bigint not null,
    xid        bigint not null,
    primary key (list, code)
);

create table public_key (
    kid        text primary key,
    jwk        text not null,
    signs_from timestamptz not null, -- by then everybody has it; not on the topic
    retired_at timestamptz,
    revision   bigint not null default 1,
    epoch      bigint not null,
    xid        bigint not null
);

create table client (
    id       uuid primary key,
    name     text not null,
    node     uuid not null references organisation,
    scopes   integer not null,
    active   boolean not null default true,
    revision bigint not null default 1,
    epoch    bigint not null,
    xid      bigint not null
);

create table account (
    id       uuid primary key,
    person   uuid not null references person,
    login    text not null unique,
    active   boolean not null default true,
    locale   text,
    roles    jsonb not null default '[]', -- [{"role": "official", "node": "..."}]
    revision bigint not null default 1,
    epoch    bigint not null,
    xid      bigint not null
);
create index account_person on account (person);

-- ---- Secrets: hashes only, on no topic ----

create table client_secret (
    client uuid primary key references client,
    digest bytea not null -- SHA-256 of 256 random bits
);

create table password (
    account uuid primary key references account,
    hash    text not null -- argon2id
);

create table session (
    id         uuid primary key,
    account    uuid not null references account,
    created_at timestamptz not null default now(),
    ended_at   timestamptz
);
create index session_account on session (account) where ended_at is null;

-- The secrets by which a session is renewed: each use makes the next one.
create table renewal (
    digest      bytea primary key,
    session     uuid not null references session on delete cascade,
    valid_until timestamptz not null,
    used        boolean not null default false
);
create index renewal_session on renewal (session);

-- Who declared what to be the same, and why; for ever.
create table merge (
    id          uuid primary key,
    entity      smallint not null,
    alias       uuid not null,
    canonical   uuid not null,
    reason      text not null,
    account     uuid not null, -- of the officer
    at          timestamptz not null default now(),
    fingerprint uuid not null
);

-- People who read this database do not read what identifies or lets in.
do $$ begin
    if exists (select from pg_roles where rolname = current_schema() || '_ro') then
        execute format('revoke all on identifier, merge, client_secret, password, session, renewal from %I', current_schema() || '_ro');
    end if;
end $$;
