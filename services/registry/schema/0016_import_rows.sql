-- What the rows of a bundle say, as items of the entrances: those of a part (p_after, p_upto] of a file, with the line that they
-- come from, and where one cannot be said at all, the column and the code (`skipped`: there is nothing to do). What a row does not
-- say stays as it is known. Each look-up is by index: joins by hash would read whole tables for each part.

-- The day in Kazakhstan.
create function import_day(p_at timestamptz) returns date language sql immutable as $$
    select (p_at at time zone 'Asia/Almaty')::date
$$;

-- When a row was changed at its source. One of a bulk file does not say: it is as new as what is known, so that it counts and yet
-- makes no later delta stale, which may tell of a change before the bundle arrived.
create function import_time(p_row timestamptz, p_known timestamptz, p_year_start date) returns timestamptz language sql stable as $$
    select coalesce(p_row, p_known, p_year_start::timestamp at time zone 'Asia/Almaty')
$$;

-- An id for what the bundle has no id for: made of its name (RFC 9562, version 8), so that the same bundle makes the same.
create function import_id(p_source text, p_name text) returns uuid language sql immutable as $$
    select encode(set_byte(set_byte(h, 6, get_byte(h, 6) & 15 | 128), 8, get_byte(h, 8) & 63 | 128), 'hex')::uuid
    from decode(md5('eiso-import/' || p_source || '/' || p_name), 'hex') h
$$;

create function import_text(p_text text) returns jsonb language sql immutable as $$
    select case when p_text is null then '[]'::jsonb else jsonb_build_array(p_text) end
$$;

-- The subject that one of these texts means: our code, or a name in one of the three languages, a grade beside it or not
-- («Алгебра, 8 класс»).
create function import_subject(p_texts jsonb) returns text language sql stable as $$
    with word as (
        select lower(t.text) as text,
               lower(btrim(regexp_replace(t.text, '\(?\m\d{1,2}\M\s*[-–]?\s*(класс|кл\.|сынып|grade)?\)?', '', 'gi'), ' ,.-–')) as bare,
               t.place
        from jsonb_array_elements_text(p_texts) with ordinality as t (text, place)
    )
    select r.code from word w join reference r on r.list = 'subject' and (w.text in (r.code, lower(r.kk), lower(r.ru), lower(r.en))
                                                                        or w.bare in (lower(r.kk), lower(r.ru), lower(r.en)))
    order by w.place, r.code limit 1
$$;

create function import_organisations(p_job uuid, p_after bigint, p_upto bigint)
    returns table (line integer, field text, code text, id uuid, name jsonb, kind smallint, bin text, kato text, subordinate_to uuid,
                   ownership smallint, languages integer, shifts integer, valid_from date, valid_to date, modified_at timestamptz,
                   source text, sourced_id text)
    language sql stable set enable_hashjoin = off set enable_mergejoin = off as $$
    select i.line, 'parentSourcedId',
           case when i.kato is null then 'above_itself' when i.status = 2 and o.id is null then 'skipped' end, i.id,
           jsonb_build_object('kk', coalesce(i.name_kk, i.name, o.name_kk), 'ru', coalesce(i.name_ru, i.name, o.name_ru)),
           coalesce(i.kind, o.kind, (array[23, 8, 4, 4, 3, 1])[i.type]::smallint), coalesce(i.bin, o.bin), i.kato,
           coalesce(i.parent, o.subordinate_to, j.nodes[1]), coalesce(i.ownership, o.ownership, 1::smallint),
           coalesce(nullif(i.languages, 0), o.languages, 0), coalesce(nullif(i.shifts, 0), o.shifts, 0),
           coalesce(o.valid_from, j.year_start),
           case when i.status = 2 then coalesce(o.valid_to, greatest(import_day(i.modified_at), o.valid_from), j.day) end,
           import_time(i.modified_at, o.modified_at, j.year_start), j.source, i.sourced_id
    from import_job j join import_org i on i.place > p_after and i.place <= p_upto left join organisation o on o.id = i.id
    where j.id = p_job
$$;

-- Roles come from roles.csv and from enrollments.csv; whom somebody names as agent is a guardian if nothing else. Documents and
-- contacts that others have written stay, an IIN of the bundle stands beside them.
create function import_people(p_job uuid, p_after bigint, p_upto bigint)
    returns table (line integer, field text, code text, id uuid, names jsonb, birth_date date, sex smallint, roles integer,
                   identifiers jsonb, contacts jsonb, modified_at timestamptz, source text, sourced_id text)
    language sql stable set enable_hashjoin = off set enable_mergejoin = off as $$
    select i.line, 'role', case when i.status = 2 then 'skipped' when r.roles = 0 then 'missing' end, i.id,
           jsonb_strip_nulls(jsonb_build_object('family', i.family, 'given', i.given, 'middle', i.middle)),
           coalesce(d.birth_date, p.birth_date), coalesce(d.sex, p.sex), r.roles, n.identifiers, nullif(c.contacts, '[]'),
           import_time(i.modified_at, p.modified_at, j.year_start), j.source, i.sourced_id
    from import_job j join import_user i on i.line > p_after and i.line <= p_upto
         left join import_demographics d on d.id = i.id
         left join person p on p.id = i.id
         cross join lateral (
             select coalesce(bit_or(1 << s.role), 0) | coalesce(p.roles, 0) as roles from (
                 select case when r.role = 1 then 1 when r.role = 5 then 2 else 3 end as role
                 from import_role r where r.person = i.id and r.status is distinct from 2
                 union all
                 select case when e.role = 1 then 1 else 2 end from import_enrollment e
                 where e.person = i.id and e.status is distinct from 2) s) r
         cross join lateral (
             select nullif(coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                        'type', (array['iin', 'passport', 'birth_certificate', 'other'])[x.type], 'value', x.value,
                        'status', (array['verified', 'declared'])[x.status], 'override_reason', x.override_reason))
                        order by x.type, x.value), '[]')
                    || case when i.iin is null or bool_or(x.type = 1 and x.value = i.iin) then '[]'::jsonb
                            else jsonb_build_array(jsonb_build_object('type', 'iin', 'value', i.iin, 'status', 'declared')) end,
                    '[]') as identifiers
             from identifier x where x.person = i.id and not (x.type = 1 and i.iin is not null and x.value <> i.iin)) n
         cross join lateral (
             select coalesce(jsonb_agg(jsonb_build_object('type', t.type, 'value', t.value) order by t.type desc, t.value), p.contacts)
                    as contacts
             from (select 'phone' as type, i.phone as value union select 'phone', i.sms union select 'email', i.email) t
             where t.value is not null) c
    where j.id = p_job
$$;

-- The homerooms that the learners of a class are in, now or later in the year.
create function import_homerooms(p_class uuid, p_day date) returns uuid[] language sql stable
    set enable_hashjoin = off set enable_mergejoin = off as $$
    with learner as (
        select canonical_of(e.person) as id from import_enrollment e
        where e.class = p_class and e.role = 1 and e.status is distinct from 2 and coalesce(e.end_day, p_day + 1) > p_day
        union
        select e.learner from enrolment e
        where e.class = p_class and coalesce(e.valid_to, p_day) >= p_day
          and not exists (select from import_enrollment i where i.id = e.id)
    )
    select array_agg(distinct c.id order by c.id)
    from learner l join enrolment e on e.learner = l.id and coalesce(e.valid_to, p_day) >= p_day
         join class c on c.id = e.class and c.type = 1
$$;

-- p_type: 1 homerooms, 2 groups.
create function import_classes(p_job uuid, p_after bigint, p_upto bigint, p_type smallint)
    returns table (line integer, field text, code text, id uuid, organisation uuid, name text, type smallint, "of" uuid[],
                   subject text, grade integer, language smallint, shift integer, academic_year integer, previous uuid,
                   modified_at timestamptz, source text, sourced_id text)
    language sql stable set enable_hashjoin = off set enable_mergejoin = off as $$
    select i.line,
           case when s.id is null and k.id is null then 'termSourcedIds' when g.grade is null then 'grades'
                when i.type = 2 and u.subject is null then 'courseSourcedId' else 'sourcedId' end,
           case when i.status = 2 then 'skipped'
                when s.id is null and k.id is null then 'session_unknown'
                when g.grade is null then 'missing'
                when i.type = 2 and u.subject is null then 'subject_unknown'
                when i.type = 2 and h.homerooms is null then 'class_without_learners'
                when cardinality(h.homerooms) > 60 then 'too_many_homerooms' end,
           i.id, i.school, i.title, i.type, h.homerooms, u.subject, g.grade,
           coalesce(i.language, k.language, m.language, case when o.languages in (2, 4, 8, 16, 32, 64)
                                                           then log(2, o.languages)::smallint else 1::smallint end),
           coalesce(nullif(i.shift, 0), k.shift, m.shift, 1),
           coalesce(extract(year from s.first_day - interval '6 months')::integer, k.academic_year), k.previous,
           import_time(i.modified_at, k.modified_at, j.year_start), j.source, i.sourced_id
    from import_job j join import_class i on i.line > p_after and i.line <= p_upto
         left join import_course q on q.id = i.course
         left join import_session s on s.id = i.term
         left join class k on k.id = i.id
         left join organisation o on o.id = canonical_of(i.school)
         left join lateral (select case when i.type = 2 then import_homerooms(i.id, j.day) end as homerooms) h on true
         left join class m on m.id = h.homerooms[1]
         left join lateral (select coalesce(i.grade, q.grade, k.grade,
                                           (select min(c.grade) from class c where c.id = any (h.homerooms))) as grade) g on true
         left join lateral (
             select case when i.type = 2
                         then coalesce(import_subject(coalesce(i.subject_codes, '[]') || coalesce(i.subjects, '[]')
                                                      || coalesce(q.subject_codes, '[]') || import_text(q.code)
                                                      || coalesce(q.subjects, '[]') || import_text(q.title)), k.subject)
                    end as subject) u on true
    where j.id = p_job and coalesce(i.type, k.type, 2) = p_type
$$;

-- Where a member's time in a class begins and ends: by the row, what is known, the class's first term, the year. OneRoster's last
-- day is the day behind it; what is deleted ends on the day of the deletion.
create function import_first_day(p_row import_enrollment, p_known date, p_year_start date) returns date language sql stable as $$
    select coalesce(p_row.first_day, p_known,
                    (select s.first_day from import_class c join import_session s on s.id = c.term where c.id = p_row.class), p_year_start)
$$;
create function import_last_day(p_row import_enrollment, p_first date, p_known date, p_day date) returns date
    language sql immutable as $$
    select case when p_row.status = 2
                then greatest(least(p_row.end_day - 1, coalesce(p_known, import_day(p_row.modified_at), p_day)), p_first)
                when p_row.end_day is not null then greatest(p_row.end_day - 1, p_first) end
$$;

-- p_type as of import_classes, of the class.
create function import_enrolments(p_job uuid, p_after bigint, p_upto bigint, p_type smallint)
    returns table (line integer, field text, code text, id uuid, learner uuid, class uuid, "from" date, "to" date, mode smallint,
                   modified_at timestamptz, source text, sourced_id text)
    language sql stable set enable_hashjoin = off set enable_mergejoin = off as $$
    select i.line, '', case when i.status = 2 and e.id is null then 'skipped' end, i.id, i.person, i.class, f.day,
           import_last_day(i, f.day, e.valid_to, j.day), coalesce(e.mode, 1::smallint),
           import_time(i.modified_at, e.modified_at, j.year_start), j.source, i.sourced_id
    from import_job j join import_enrollment i on i.line > p_after and i.line <= p_upto
         left join enrolment e on e.id = i.id
         left join class k on k.id = i.class
         cross join lateral (select import_first_day(i, e.valid_from, j.year_start) as day) f
    where j.id = p_job and i.role = 1 and coalesce(k.type, 2) = p_type
$$;

-- Whoever teaches; who administers has no place here.
create function import_assignments(p_job uuid, p_after bigint, p_upto bigint)
    returns table (line integer, field text, code text, id uuid, teacher uuid, class uuid, subject text, kind smallint, "from" date,
                   "to" date, modified_at timestamptz, source text, sourced_id text)
    language sql stable set enable_hashjoin = off set enable_mergejoin = off as $$
    select i.line, '', case when i.role is distinct from 2 or (i.status = 2 and a.id is null) then 'skipped' end, i.id, i.person,
           i.class, k.subject, case when k.type = 1 and i."primary" is distinct from 2 then 3 else coalesce(a.kind, 1) end::smallint,
           f.day, import_last_day(i, f.day, a.valid_to, j.day), import_time(i.modified_at, a.modified_at, j.year_start), j.source,
           i.sourced_id
    from import_job j join import_enrollment i on i.line > p_after and i.line <= p_upto
         left join assignment a on a.id = i.id
         left join class k on k.id = i.class
         cross join lateral (select import_first_day(i, a.valid_from, j.year_start) as day) f
    where j.id = p_job and i.role is distinct from 1
$$;

-- ---- Learners without a homeroom get one, of their organisation and grade ----

create function import_made_enrolment(p_job import_job, p_learner uuid) returns uuid language sql immutable as $$
    select import_id(p_job.source, 'enrolment/' || p_learner || '/' || p_job.year)
$$;

create function import_homeless(p_job uuid, p_after bigint, p_upto bigint)
    returns table (line integer, learner uuid, organisation uuid, grade integer, class uuid)
    language sql stable set enable_hashjoin = off set enable_mergejoin = off as $$
    select i.line, p.id, o.org, i.grade, import_id(j.source, 'homeroom/' || o.org || '/' || i.grade || '/' || j.year)
    from import_job j join import_user i on i.line > p_after and i.line <= p_upto
         join person p on p.id = canonical_of(i.id)
         join lateral (
             select coalesce(r.org, i.org) as org from import_role r
             where r.person = i.id and r.role = 1 and r.status is distinct from 2 and coalesce(r.end_day, j.day + 1) > j.day
             order by r.line limit 1) o on true
    where j.id = p_job and i.status is distinct from 2
      and not exists (select from enrolment e join class c on c.id = e.class
                      where e.learner = p.id and c.type = 1 and coalesce(e.valid_to, j.day) >= j.day
                        and e.id <> import_made_enrolment(j, p.id))
$$;

create function import_made_homerooms(p_job uuid, p_after bigint, p_upto bigint)
    returns table (line integer, field text, code text, id uuid, organisation uuid, name text, type smallint, grade integer,
                   language smallint, shift integer, academic_year integer, modified_at timestamptz, source text)
    language sql stable as $$
    select distinct on (h.class, case when h.class is null then h.line end)
           h.line, case when h.grade is null then 'grades' else 'primaryOrgSourcedId' end, case when h.class is null then 'missing' end,
           h.class, h.organisation, h.grade::text, 1::smallint, h.grade,
           coalesce(k.language, case when o.languages in (2, 4, 8, 16, 32, 64) then log(2, o.languages)::smallint else 1::smallint end),
           coalesce(k.shift, 1), j.year, import_time(null, k.modified_at, j.year_start), j.source
    from import_job j cross join lateral import_homeless(p_job, p_after, p_upto) h
         left join organisation o on o.id = canonical_of(h.organisation)
         left join class k on k.id = h.class
    where j.id = p_job
    order by h.class, case when h.class is null then h.line end, h.line
$$;

create function import_made_enrolments(p_job uuid, p_after bigint, p_upto bigint)
    returns table (line integer, field text, code text, id uuid, learner uuid, class uuid, "from" date, mode smallint, modified_at timestamptz, source text)
    language sql stable as $$
    select h.line, '', null, import_made_enrolment(j, h.learner), h.learner, h.class, coalesce(e.valid_from, j.year_start),
           coalesce(e.mode, 1::smallint), import_time(null, e.modified_at, j.year_start), j.source
    from import_job j cross join lateral import_homeless(p_job, p_after, p_upto) h
         left join enrolment e on e.id = import_made_enrolment(j, h.learner)
    where j.id = p_job and h.class is not null and exists (select from class c where c.id = h.class)
$$;

-- Who has a homeroom of the source's meanwhile needs the made one no longer.
create function import_unmade_enrolments(p_job uuid, p_after bigint, p_upto bigint)
    returns table (line integer, field text, code text, id uuid, learner uuid, class uuid, "from" date, "to" date, mode smallint,
                   modified_at timestamptz, source text)
    language sql stable set enable_hashjoin = off set enable_mergejoin = off as $$
    select i.line, '', null, e.id, e.learner, e.class, e.valid_from, greatest(e.valid_from, j.day - 1), e.mode, e.modified_at, e.source
    from import_job j join import_user i on i.line > p_after and i.line <= p_upto
         join enrolment e on e.id = import_made_enrolment(j, canonical_of(i.id)) and coalesce(e.valid_to, j.day) >= j.day
    where j.id = p_job
      and exists (select from enrolment r join class c on c.id = r.class
                  where r.learner = e.learner and c.type = 1 and r.id <> e.id and coalesce(r.valid_to, j.day) >= j.day)
$$;

-- ---- Agents of learners, named on either side: links, which the school confirms later. What is known of a link stays: one that
-- ended, or is restricted, is opened again by an officer, never by an import ----

create function import_guardians(p_job uuid, p_after bigint, p_upto bigint)
    returns table (line integer, field text, code text, id uuid, learner uuid, guardian uuid, relation smallint, legal_basis smallint,
                   rights integer, "from" date, "to" date, status smallint, modified_at timestamptz, source text)
    language sql stable set enable_hashjoin = off set enable_mergejoin = off as $$
    select distinct on (l.learner, l.guardian)
           l.line, 'agentSourcedIds', null, coalesce(g.id, import_id(j.source, 'guardian/' || l.learner || '/' || l.guardian)),
           l.learner, l.guardian,
           coalesce(g.relation, case when r.role = 3 then 3 when r.role = 4 then 6 when p.sex = 2 then 1 when p.sex = 1 then 2 else 6 end::smallint),
           coalesce(g.legal_basis, case when r.role = 3 then 3 when r.role = 4 then 7 else 1 end::smallint),
           coalesce(g.rights, 30), coalesce(g.valid_from, j.year_start), g.valid_to,
           coalesce(g.status, 1::smallint), import_time(null, g.modified_at, j.year_start), j.source
    from import_job j
         cross join lateral (
             select i.line, canonical_of(case when s.learns then i.id else a.id::uuid end) as learner,
                    canonical_of(case when s.learns then a.id::uuid else i.id end) as guardian
             from import_user i cross join lateral jsonb_array_elements_text(i.agents) as a (id)
                  cross join lateral (
                      select exists (select from import_role r where r.person = i.id and r.role = 1) as learns,
                             exists (select from import_role r where r.person = a.id::uuid and r.role = 1) as agent_learns) s
             where i.line > p_after and i.line <= p_upto and i.status is distinct from 2 and s.learns <> s.agent_learns) l
         left join lateral (select r.role from import_role r where canonical_of(r.person) = l.guardian and r.role in (2, 3, 4)
                              and r.person = l.guardian order by r.line limit 1) r on true
         left join person p on p.id = l.guardian
         left join lateral (select k.* from guardian k where k.learner = l.learner and k.guardian = l.guardian order by k.id limit 1) g
                   on true
    where j.id = p_job
    order by l.learner, l.guardian, l.line
$$;

-- ---- What a bulk file no longer names ends the day before ----

create function import_enrolment_endings(p_job uuid, p_after bigint, p_upto bigint)
    returns table (line integer, field text, code text, id uuid, learner uuid, class uuid, "from" date, "to" date, mode smallint,
                   modified_at timestamptz, source text, sourced_id text)
    language sql stable as $$
    select 0, '', null, e.id, e.learner, e.class, e.valid_from, greatest(e.valid_from, j.day - 1), e.mode, e.modified_at, e.source, e.sourced_id
    from import_job j join import_ending i on i.kind = 1 and i.place > p_after and i.place <= p_upto join enrolment e on e.id = i.id
    where j.id = p_job
$$;

create function import_assignment_endings(p_job uuid, p_after bigint, p_upto bigint)
    returns table (line integer, field text, code text, id uuid, teacher uuid, class uuid, subject text, kind smallint, "from" date,
                   "to" date, modified_at timestamptz, source text, sourced_id text)
    language sql stable as $$
    select 0, '', null, a.id, a.teacher, a.class, a.subject, a.kind, a.valid_from, greatest(a.valid_from, j.day - 1), a.modified_at, a.source,
           a.sourced_id
    from import_job j join import_ending i on i.kind = 2 and i.place > p_after and i.place <= p_upto join assignment a on a.id = i.id
    where j.id = p_job
$$;

create function import_guardian_endings(p_job uuid, p_after bigint, p_upto bigint)
    returns table (line integer, field text, code text, id uuid, learner uuid, guardian uuid, relation smallint, legal_basis smallint,
                   rights integer, "from" date, "to" date, status smallint, modified_at timestamptz, source text)
    language sql stable as $$
    select 0, '', null, g.id, g.learner, g.guardian, g.relation, g.legal_basis, g.rights, g.valid_from,
           greatest(g.valid_from, j.day - 1), g.status, g.modified_at, g.source
    from import_job j join import_ending i on i.kind = 3 and i.place > p_after and i.place <= p_upto join guardian g on g.id = i.id
    where j.id = p_job
$$;
