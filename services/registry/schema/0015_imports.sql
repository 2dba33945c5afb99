-- Imports of OneRoster bundles: the jobs, and where the rows of the one that runs are kept meanwhile (one at a time: role jobs).
-- Enums are those of libs/oneroster/oneroster.h and of imports.h.

create table import_job (
    id             uuid primary key,
    principal      uuid not null, -- who made it; nobody else sees it
    principal_kind smallint not null, -- 1 client, 2 account
    nodes          uuid[] not null, -- below which it may write
    source         text, -- code; the bundle's own as soon as it is known
    charset        smallint not null,
    bytes          bigint not null,
    state          smallint not null default 1, -- 1 waiting, 2 reading, 3 writing, 4 done, 5 failed
    step           integer not null default 0,
    position       bigint not null default 0, -- of the step: what is at or before it is done
    day            date not null, -- today, when it was made: it stays the same however often the job is taken up again
    year           integer not null, -- academic year of that day
    year_start     date not null,
    change_threshold smallint not null default 20, -- percent of what stands that a bulk file may end
    modes          smallint[] not null default '{}', -- 0 absent, 1 bulk, 2 delta: of each file
    total          bigint, -- rows of the bundle; not known before they are read
    done           bigint not null default 0, -- of them; while they are read: how many were
    created        bigint not null default 0,
    updated        bigint not null default 0,
    unchanged      bigint not null default 0,
    rejected       bigint not null default 0,
    kept           integer not null default 0, -- of import_reject
    problem        text, -- why it failed: a code
    created_at     timestamptz not null default now(),
    started_at     timestamptz,
    writing_at     timestamptz,
    writing_from   bigint, -- what was done at that time
    finished_at    timestamptz
);
create index import_job_open on import_job (created_at) where state < 4;

-- Rows that were not taken, without what stood in them.
create table import_reject (
    job    uuid not null references import_job on delete cascade,
    number bigint generated always as identity,
    file   smallint not null,
    line   integer not null,
    field  text not null, -- column of the file; '' for the whole row
    code   text not null,
    primary key (job, file, line, number)
);

create table import_org (
    line integer primary key, id uuid not null, sourced_id text, status smallint, modified_at timestamptz, name text, type smallint,
    parent uuid, name_kk text, name_ru text, bin text, kato text, kind smallint, ownership smallint, languages integer, shifts integer,
    place bigint unique -- parents before children
);
create index on import_org (id);
create index on import_org (parent);

create table import_session (line integer primary key, id uuid not null, first_day date, end_day date);
create index on import_session (id);

create table import_course (
    line integer primary key, id uuid not null, title text, code text, grade integer, subjects jsonb, subject_codes jsonb
);
create index on import_course (id);

create table import_class (
    line integer primary key, id uuid not null, sourced_id text, status smallint, modified_at timestamptz, title text, grade integer,
    course uuid, type smallint, school uuid, term uuid, subjects jsonb, subject_codes jsonb, language smallint, shift integer
);
create index on import_class (id);

create table import_user (
    line integer primary key, id uuid not null, sourced_id text, status smallint, modified_at timestamptz, given text, family text,
    middle text, email text, sms text, phone text, agents jsonb, grade integer, org uuid, iin text
);
create index on import_user (id);

create table import_role (
    line integer primary key, id uuid not null, status smallint, person uuid, role smallint, org uuid, first_day date, end_day date
);
create index on import_role (id);
create index on import_role (person);

create table import_demographics (line integer primary key, id uuid not null, birth_date date, sex smallint);
create index on import_demographics (id);

create table import_enrollment (
    line integer primary key, id uuid not null, sourced_id text, status smallint, modified_at timestamptz, class uuid, person uuid,
    role smallint, "primary" smallint, first_day date, end_day date
);
create index on import_enrollment (id);
create index on import_enrollment (class);
create index on import_enrollment (person);

-- Rows that were refused: what cannot be taken is named all the same.
create table import_named (id uuid primary key);

-- What a bulk file no longer names. kind: 1 enrolment, 2 assignment, 3 guardian link.
create table import_ending (kind smallint not null, place bigint not null, id uuid not null, primary key (kind, place));

do $$ begin
    if exists (select from pg_roles where rolname = current_schema() || '_ro') then
        execute format('revoke all on import_job, import_reject, import_org, import_class, import_user, import_role,'
                       ' import_demographics, import_enrollment from %I', current_schema() || '_ro');
    end if;
end $$;

-- ---- Jobs ----

-- NULL, or why not: too_many_imports of this caller, import_queue_full of all.
create function import_add(p_id uuid, p_principal uuid, p_kind smallint, p_nodes uuid[], p_source text, p_charset smallint,
                           p_bytes bigint, p_day date, p_year integer, p_year_start date, p_change_threshold smallint) returns text language plpgsql as $$
begin
    lock table import_job in share row exclusive mode;
    if exists (select from import_job where state < 4 and principal = p_principal) then
        return 'too_many_imports';
    elsif (select count(*) from import_job where state < 4) >= 64 then
        return 'import_queue_full';
    end if;
    insert into import_job (id, principal, principal_kind, nodes, source, charset, bytes, day, year, year_start, change_threshold)
    values (p_id, p_principal, p_kind, p_nodes, p_source, p_charset, p_bytes, p_day, p_year, p_year_start, p_change_threshold);
    return null;
end $$;

-- As it is shown. While it reads, what is done is what was refused. Time left: as long as what is done of the writing took, for what is not.
create view import_view as
select id, principal, state, source, bytes, case when state = 2 then done else coalesce(total, 0) end as read, total,
       case when state = 2 then rejected else done end as done, created, updated, unchanged, rejected, kept, problem, created_at, started_at,
       finished_at,
       case when state = 3 and done > writing_from
            then ceil(extract(epoch from clock_timestamp() - writing_at) / (done - writing_from) * (total - done))::integer
       end as seconds_left
from import_job;

-- A first step: whatever another job has left goes.
create function import_begin(p_job uuid, p_source text, p_modes smallint[]) returns boolean language plpgsql as $$
begin
    truncate import_org, import_session, import_course, import_class, import_user, import_role, import_demographics,
             import_enrollment, import_named, import_ending;
    update import_job set state = 2, source = p_source, modes = p_modes, started_at = now(), step = 1
    where id = p_job and state = 1;
    return found;
end $$;

-- Whether whoever made the job may still write there.
create function import_allowed(p_job import_job) returns boolean language sql stable as $$
    select case p_job.principal_kind
           when 1 then exists (select from client c where c.id = p_job.principal and c.active and p_job.nodes = array[c.node])
           else exists (select from account a where a.id = p_job.principal and a.active
                        and p_job.nodes <@ array(select (r->>'node')::uuid from jsonb_array_elements(a.roles) r)) end
$$;

-- The end of a part of a step: what was done stands from (p_step, p_from) to (p_next, p_to). 'moved'; 'elsewhere': another process
-- has done it meanwhile; 'forbidden': the job has failed.
create function import_move(p_job uuid, p_step integer, p_from bigint, p_next integer, p_to bigint, p_done bigint, p_created bigint,
                            p_updated bigint, p_unchanged bigint, p_rejected bigint) returns text language plpgsql as $$
declare
    v_job import_job;
begin
    select * into v_job from import_job where id = p_job for update;
    if (v_job.step, v_job.position) is distinct from (p_step, p_from) or v_job.state not in (2, 3) then
        return 'elsewhere';
    elsif not import_allowed(v_job) then
        return 'forbidden';
    end if;
    update import_job set step = p_next, position = p_to, done = done + p_done, created = created + p_created,
        updated = updated + p_updated, unchanged = unchanged + p_unchanged, rejected = rejected + p_rejected
    where id = p_job;
    return 'moved';
end $$;

create function import_finish(p_job uuid, p_problem text) returns void language plpgsql as $$
begin
    update import_job set state = case when p_problem is null then 4 else 5 end, problem = p_problem, finished_at = now()
    where id = p_job and state < 4;
    truncate import_org, import_session, import_course, import_class, import_user, import_role, import_demographics,
             import_enrollment, import_named, import_ending;
end $$;

-- At most 100,000 of a job are kept.
create function import_refuse(p_job uuid, p_files smallint[], p_lines integer[], p_fields text[], p_codes text[]) returns void
    language sql as $$
    with new as (
        insert into import_reject (job, file, line, field, code)
        select p_job, r.file, r.line, r.field, r.code
        from unnest(p_files, p_lines, p_fields, p_codes) with ordinality as r (file, line, field, code, place)
        order by r.place limit greatest(100000 - (select kept from import_job where id = p_job), 0)
        returning 1
    ) update import_job set kept = kept + (select count(*) from new) where id = p_job
$$;

create function import_sweep() returns void language sql as $$
    delete from import_job where finished_at < now() - interval '30 days'
$$;

-- ---- After the last row was read ----

create function import_refuse_lines(p_job uuid, p_file integer, p_lines integer[], p_field text, p_code text) returns bigint
    language sql as $$
    select import_refuse(p_job, array_agg(p_file::smallint), array_agg(l), array_agg(p_field), array_agg(p_code))
    from unnest(p_lines) l having count(*) > 0;
    select coalesce(cardinality(p_lines), 0)::bigint
$$;

-- Of rows with the same id the first counts.
create function import_distinct(p_job uuid, p_file integer, p_table text) returns bigint language plpgsql as $$
declare
    v_lines integer[];
begin
    execute format('with d as (delete from %1$I t using (select line, row_number() over (partition by id order by line) as n from %1$I) i'
                   ' where i.line = t.line and i.n > 1 returning t.line) select array_agg(d.line order by d.line) from d', p_table)
        into v_lines;
    return import_refuse_lines(p_job, p_file, v_lines, 'sourcedId', 'duplicate_in_bundle');
end $$;

-- Rows of a person who is neither in the bundle nor in the registry.
create function import_known(p_job uuid, p_file integer, p_table text, p_member text, p_field text) returns bigint
    language plpgsql as $$
declare
    v_lines integer[];
begin
    execute format('with d as (delete from %1$I t where not exists (select from import_user u where u.id = t.%2$I)'
                   ' and not exists (select from person p where p.id = canonical_of(t.%2$I)) and t.%2$I is not null returning t.line)'
                   ' select array_agg(d.line order by d.line) from d', p_table, p_member) into v_lines;
    return import_refuse_lines(p_job, p_file, v_lines, p_field, 'person_unknown');
end $$;

-- What kind of body stands for a type of OneRoster: kinds are those of enum organisation_kind.
create function import_type_of(p_kind smallint) returns smallint language sql immutable as $$
    select case when p_kind <= 2 then 6 when p_kind = 3 then 5 when p_kind = 4 then 3 when p_kind = 22 then 1 else 2 end::smallint
$$;

-- Parents before children; who says no KATO stands where the one above does. What is never reached hangs on itself.
create function import_place_orgs(p_job uuid) returns void language sql as $$
    with recursive tree (id, depth, kato) as (
        select i.id, 1, coalesce(i.kato, o.kato, p.kato, n.kato)
        from import_org i
             left join organisation o on o.id = canonical_of(i.id)
             left join organisation p on p.id = canonical_of(i.parent)
             left join organisation n on n.id = (select j.nodes[1] from import_job j where j.id = p_job)
        where i.parent is null or not exists (select from import_org q where q.id = i.parent)
        union all
        select i.id, t.depth + 1, coalesce(i.kato, o.kato, t.kato)
        from tree t join import_org i on i.parent = t.id left join organisation o on o.id = canonical_of(i.id)
    ), placed as (
        select i.line, t.kato, row_number() over (order by t.depth, i.line) as place
        from import_org i left join tree t on t.id = i.id
    ) update import_org i set place = p.place, kato = p.kato from placed p where p.line = i.line
$$;

-- The one root of a bundle, where it is of the kind of the caller's own node and no other is known by its id or BIN, is that node:
-- a school's system need not know who is above the school.
create function import_own_node(p_job uuid) returns void language sql as $$
    select put_aliases(array_agg(i.id), array_agg('matched'::text), array_agg(n.id), array_agg(j.source), array_agg(i.sourced_id),
                       2::smallint)
    from import_job j join organisation n on j.nodes = array[n.id]
         join import_org i on i.parent is null and i.type in (import_type_of(n.kind), case when n.kind = 4 then 4 end)
    where j.id = p_job and (select count(*) from import_org r where r.parent is null) = 1
      and not exists (select from organisation o where o.id = i.id or o.bin = i.bin) and not exists (select from alias l where l.id = i.id)
$$;

-- Enrolments, assignments and links of this source below the caller's nodes that a bulk file does not name. Those that the importer
-- made itself have no sourced_id. True where they are more than a few and more than change_threshold of what stands: a file that was
-- cut off. What is of an earlier year ends with it and does not count.
create function import_find_endings(p_job uuid) returns boolean language sql as $$
    with below as (
        select c.id, c.academic_year >= j.year as counts
        from import_job j join organisation o on o.path && j.nodes join class c on c.organisation = o.id
        where j.id = p_job and j.modes[8] = 1
    ), standing as (
        select 1 as kind, e.id, b.counts, exists (select from import_enrollment i where i.id = e.id) as named
        from import_job j, below b join enrolment e on e.class = b.id
        where j.id = p_job and e.source = j.source and e.sourced_id is not null and coalesce(e.valid_to, j.day) >= j.day
        union all
        select 2, a.id, b.counts, exists (select from import_enrollment i where i.id = a.id)
        from import_job j, below b join assignment a on a.class = b.id
        where j.id = p_job and a.source = j.source and a.sourced_id is not null and coalesce(a.valid_to, j.day) >= j.day
        union all
        select 3, g.id, true,
               exists (select from jsonb_array_elements_text(u.agents) a where canonical_of(a::uuid) = g.guardian)
               or exists (select from import_user w join jsonb_array_elements_text(w.agents) a on canonical_of(a::uuid) = g.learner
                          where w.id = g.guardian)
               or exists (select from import_named n where n.id = g.guardian)
        from import_job j, import_user u join guardian g on g.learner = canonical_of(u.id)
        where j.id = p_job and j.modes[5] = 1 and g.source = j.source and coalesce(g.valid_to, j.day) >= j.day
    ), gone as (
        select s.* from standing s where not s.named and not exists (select from import_named n where n.id = s.id)
    ), ending as (
        insert into import_ending (kind, place, id)
        select g.kind, row_number() over (partition by g.kind order by g.id), g.id from gone g
    )
    select exists (
        select from (select s.kind, count(*) as standing from standing s where s.counts group by s.kind) s
                    join (select g.kind, count(*) as gone from gone g where g.counts group by g.kind) g using (kind)
        where g.gone > 10 and g.gone * 100 > s.standing * (select j.change_threshold from import_job j where j.id = p_job))
$$;

-- Of what is to be deleted the standard asks for no more than the id: the rest is what is known.
create function import_complete() returns void language sql as $$
    update import_enrollment i set class = coalesce(i.class, e.class, a.class), person = coalesce(i.person, e.learner, a.teacher),
           role = coalesce(i.role, case when e.id is not null then 1 when a.id is not null then 2 end)
    from import_enrollment s left join enrolment e on e.id = s.id left join assignment a on a.id = s.id
    where s.line = i.line and s.status = 2 and (s.role is null or s.class is null or s.person is null)
$$;

-- In short transactions, one for each part from 0 on, which find what those before them have left: how many rows it refused, whether
-- it was the last one, and whether too much would end.
create function import_arrange(p_job uuid, p_part bigint, out rejected bigint, out last boolean, out too_much boolean)
    language plpgsql as $$
declare
    v_tables constant text[] := array['import_org', 'import_session', 'import_course', 'import_class', 'import_user', 'import_role',
                                      'import_demographics', 'import_enrollment'];
    v_more bigint;
begin
    rejected := 0;
    last := false;
    too_much := false;
    case p_part
        when 8 then rejected := import_known(p_job, 5, 'import_role', 'person', 'userSourcedId');
        when 9 then rejected := import_known(p_job, 6, 'import_demographics', 'id', 'sourcedId');
        when 10 then
            analyze import_org, import_session, import_course, import_class, import_user, import_role, import_demographics,
                    import_enrollment, import_named;
        when 11 then perform import_complete();
        when 12 then too_much := import_find_endings(p_job);
        when 13 then perform import_place_orgs(p_job);
        when 14 then
            perform import_own_node(p_job);
            select (select count(*) from import_org) + (select count(*) from import_class) + (select count(*) from import_user)
                   + (select count(*) from import_enrollment) into v_more;
            update import_job j set state = 3, writing_at = now(), total = j.done, done = j.done - v_more, writing_from = j.done - v_more
            where j.id = p_job;
            last := true;
        else rejected := import_distinct(p_job, p_part::integer, v_tables[p_part + 1]);
    end case;
end $$;
