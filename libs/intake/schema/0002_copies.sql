-- This service's copy of the registry, made from its state topics; the last (epoch, revision) wins. No foreign keys: topics
-- are not ordered among each other. Numbers of enums are those of contracts/registry.h.

create table copy_organisation (
    id             uuid primary key,
    name_kk        text not null,
    name_ru        text not null,
    kind           smallint not null,
    bin            text,
    kato           text not null,
    subordinate_to uuid,
    ownership      smallint not null,
    languages      integer,
    shifts         integer not null,
    valid_from     date not null,
    valid_to       date,
    path           uuid[] not null default '{}', -- subordination, from the root down to itself
    epoch          bigint not null,
    revision       bigint not null
);
create index copy_organisation_path on copy_organisation using gin (path);
create index copy_organisation_above on copy_organisation (subordinate_to);
create index copy_organisation_kato on copy_organisation (kato);

create table copy_class (
    id            uuid primary key,
    organisation  uuid not null,
    name          text not null,
    type          smallint not null,
    homerooms     uuid[], -- of a group
    subject       text,
    grade         integer not null,
    language      smallint not null,
    shift         integer not null,
    academic_year integer not null,
    previous      uuid,
    epoch         bigint not null,
    revision      bigint not null
);
create index copy_class_organisation on copy_class (organisation);

create table copy_enrolment (
    id         uuid primary key,
    learner    uuid not null,
    class      uuid not null,
    valid_from date not null,
    valid_to   date,
    mode       smallint not null,
    epoch      bigint not null,
    revision   bigint not null
);
create index copy_enrolment_learner on copy_enrolment (learner, class);
create index copy_enrolment_class on copy_enrolment (class, learner);

create table copy_assignment (
    id         uuid primary key,
    teacher    uuid not null,
    class      uuid not null,
    subject    text,
    kind       smallint not null,
    valid_from date not null,
    valid_to   date,
    epoch      bigint not null,
    revision   bigint not null,
    told_epoch bigint not null default 0, -- registry has a state at least as new as this (copy_withhold)
    told_revision bigint not null default 0,
    counts boolean not null generated always as ((epoch, revision) >= (told_epoch, told_revision)) stored
);
create index copy_assignment_teacher on copy_assignment (teacher);

create table copy_link (
    id         uuid primary key,
    learner    uuid not null,
    guardian   uuid not null,
    rights     integer not null, -- bit n: right n
    valid_from date not null,
    valid_to   date,
    status     smallint not null,
    epoch      bigint not null,
    revision   bigint not null,
    told_epoch bigint not null default 0, -- registry has a state at least as new as this (copy_withhold)
    told_revision bigint not null default 0,
    counts boolean not null generated always as ((epoch, revision) >= (told_epoch, told_revision)) stored
);
create index copy_link_guardian on copy_link (guardian);

create table copy_account (
    id       uuid primary key,
    person   uuid not null,
    active   boolean not null,
    locale   text,
    roles    jsonb, -- [{"role": "official", "node": "..."}]
    epoch    bigint not null,
    revision bigint not null,
    told_epoch bigint not null default 0, -- registry has a state at least as new as this (copy_withhold)
    told_revision bigint not null default 0,
    counts boolean not null generated always as ((epoch, revision) >= (told_epoch, told_revision)) stored
);
create index copy_account_person on copy_account (person);

create table copy_client (
    id       uuid primary key,
    name     text not null,
    node     uuid not null,
    scopes   integer not null,
    active   boolean not null,
    epoch    bigint not null,
    revision bigint not null
);

create table copy_alias (
    id        uuid primary key,
    canonical uuid not null,
    entity    smallint not null,
    epoch     bigint not null,
    revision  bigint not null
);
create index copy_alias_canonical on copy_alias (canonical);

create table copy_reference (
    list       text not null,
    code       text not null,
    parent     text,
    kind       text,
    kk         text not null,
    ru         text not null,
    en         text,
    valid_from date,
    valid_to   date,
    epoch      bigint not null,
    revision   bigint not null,
    primary key (list, code)
);

create table copy_key (
    kid        text primary key,
    jwk        text not null,
    retired_at timestamptz,
    epoch      bigint not null,
    revision   bigint not null
);

-- Names only; filled where a service subscribes to people (notify).
create table copy_person (
    id       uuid primary key,
    family   text,
    given    text not null,
    middle   text,
    epoch    bigint not null,
    revision bigint not null
);

-- The chains of the given organisations and of everything below them. An organisation above that is not known yet stands
-- in the chain by its id, so its own arrival finds who is below.
create function copy_paths(p_ids uuid[]) returns void language sql as $$
    with recursive affected as (
        select o.id from copy_organisation o where o.id = any (p_ids) or o.path && p_ids
    ), walk (id, above, path) as (
        select o.id, o.subordinate_to, array[o.id] from copy_organisation o join affected a on a.id = o.id
        union all
        select w.id, o.subordinate_to, w.above || w.path
        from walk w left join copy_organisation o on o.id = w.above
        where w.above is not null and not w.above = any (w.path)
    ), longest as (
        select distinct on (w.id) w.id, w.path from walk w order by w.id, cardinality(w.path) desc
    )
    update copy_organisation o set path = l.path from longest l where o.id = l.id and o.path is distinct from l.path
$$;

-- What gave somebody a right was changed, says the topic of revocations, which may be ahead of this copy (an import may stand in
-- front of the change): until the copy has it, the old state does not count. p_grants: enum grant_kind of contracts/registry.h. Called
-- by api and push; rows are locked as apply does, table by table in the order of ids.
create function copy_withhold(p_grants smallint[], p_ids uuid[], p_epochs bigint[], p_revisions bigint[]) returns void
    language plpgsql as $$
declare
    v_copy record;
begin
    for v_copy in select * from (values (2, 'copy_assignment'), (1, 'copy_link'), (3, 'copy_account')) c ("grant", name)
                  where c."grant" = any (p_grants) loop
        execute format('
            with behind as (
                select c.id, t.epoch, t.revision
                from unnest($1, $2, $3, $4) t ("grant", id, epoch, revision) join %1$I c on c.id = t.id
                where t."grant" = $5 and (c.epoch, c.revision) < (t.epoch, t.revision) order by c.id for update of c
            ), newest as (
                select distinct on (b.id) b.* from behind b order by b.id, b.epoch desc, b.revision desc
            )
            update %1$I c set told_epoch = n.epoch, told_revision = n.revision
            from newest n where c.id = n.id and (c.told_epoch, c.told_revision) < (n.epoch, n.revision)', v_copy.name)
            using p_grants, p_ids, p_epochs, p_revisions, v_copy."grant";
    end loop;
end $$;
