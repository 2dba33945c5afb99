-- POST /v1/registers: all items of one call (service/gather.h says what the parameters are and what is returned). Freezes the
-- rosters, checks the exceptions against them, writes, and logs the events, in one transaction.
create function take_registers(
    p_callers integer[], p_scope_callers integer[], p_scope_nodes uuid[], p_today date,
    p_ids uuid[], p_classes uuid[], p_subjects text[], p_dates date[], p_lessons integer[], p_sessions smallint[],
    p_teachers uuid[], p_taken timestamptz[], p_replaces uuid[], p_withdraws uuid[], p_reason_codes smallint[],
    p_roster_counts integer[], p_reasons text[], p_exceptions jsonb[], p_months date[], p_fingerprints uuid[], p_heads bytea[])
    returns table (item integer, outcome text, code text, pointer text, other uuid) language plpgsql as $$
#variable_conflict use_column
declare
    v_stamp record := outbox_stamp();
    v_slots smallint[] := (select array_agg(coalesce(i.lesson, 100 + i.session)::smallint order by i.place)
                           from unnest(p_lessons, p_sessions) with ordinality as i (lesson, session, place));
    v_codes text[];    -- of each item; NULL: it is good
    v_pointers text[];
    v_others uuid[];
    v_organisations uuid[];
    v_shifts integer[];
    v_rosters uuid[];  -- ids
    v_learners integer[];
begin
    -- What is known of each class, and its roster on that date; each found by its index, whatever the planner believes of tables
    -- that were filled since they were analyzed.
    with item as (
        select i.*, c.organisation, c.shift, o.path, m.fingerprint as known, a.id as active, r.learners as roster
        from unnest(p_callers, p_ids, p_classes, p_subjects, p_dates, v_slots, p_months, p_fingerprints, p_exceptions) with ordinality
                 as i (caller, id, class, subject, date, slot, month, fingerprint, exceptions, place)
             left join lateral (select m.fingerprint from register m where m.id = i.id and m.month = i.month limit 1) m on true
             left join lateral (select c.organisation, c.shift from copy_class c where c.id = i.class limit 1) c on true
             left join lateral (select o.path from copy_organisation o where o.id = c.organisation limit 1) o on true
             left join lateral (select a.id from register a where a.class = i.class and a.date = i.date and a.slot = i.slot
                                and a.month = i.month and a.active limit 1) a on true
             left join lateral (select array_agg(distinct e.learner order by e.learner) as learners from copy_enrolment e
                                where e.class = i.class and e.mode = 1
                                  and i.date between e.valid_from and coalesce(e.valid_to, i.date)) r on true
    ), judged as (
        select i.*, md5(uuid_send(i.class) || array_send(i.roster))::uuid as roster_id, stranger.place as stranger,
               case when i.known is not null then case when i.known = i.fingerprint then 'duplicate' else 'id_reused' end
                    when i.organisation is null then 'class_unknown'
                    when i.path is null then 'organisation_unknown'
                    when not exists (select from unnest(p_scope_callers, p_scope_nodes) s (caller, node)
                                     where s.caller = i.caller and s.node = any (i.path)) then 'out_of_scope'
                    when i.subject is not null and not exists (select from copy_reference r where r.list = 'subject' and r.code = i.subject)
                    then 'subject_unknown'
                    when i.active is not null then 'register_exists'
                    when i.roster is null then 'learner_unknown'
                    when stranger.place is not null then 'not_on_roster' end as code
        from item i
             left join lateral (
                 select x.place - 1 as place
                 from jsonb_array_elements(i.exceptions) with ordinality as x (exception, place),
                      lateral (select (x.exception->>'learner')::uuid as learner) l
                 where not l.learner = any (i.roster) and not array(select ids_of(l.learner)) && i.roster limit 1) stranger on true
    ), ranked as ( -- the first good one of a lesson is taken
        select j.*, first_value(j.id) over (partition by j.class, j.date, j.slot order by j.code is not null, j.place) as first_id
        from judged j
    ), final as (
        select r.*, coalesce(r.code, case when r.first_id <> r.id then 'register_exists' end) as verdict from ranked r
    ), frozen as (
        insert into roster (id, class, learners)
        select distinct f.roster_id, f.class, f.roster from final f where f.verdict is null
        order by f.roster_id -- two processes with the same rosters wait for each other in one order
        on conflict do nothing
    )
    select array_agg(f.verdict order by f.place),
           array_agg(case f.verdict when 'id_reused' then '/id' when 'subject_unknown' then '/subject' when 'register_exists' then '/lesson'
                                    when 'not_on_roster' then '/exceptions/' || f.stranger || '/learner'
                                    when 'duplicate' then null else '/class' end order by f.place),
           array_agg(case when f.verdict = 'register_exists' then coalesce(f.active, f.first_id) end order by f.place),
           array_agg(f.organisation order by f.place), array_agg(f.shift order by f.place),
           array_agg(f.roster_id order by f.place), array_agg(cardinality(f.roster) order by f.place)
    into v_codes, v_pointers, v_others, v_organisations, v_shifts, v_rosters, v_learners
    from final f;

    insert into register (month, id, fingerprint, organisation, class, subject, date, slot, shift, teacher, taken_at, roster, learners,
                          epoch, xid)
    select i.month, i.id, i.fingerprint, i.organisation, i.class, i.subject, i.date, i.slot, i.shift, i.teacher, i.taken, i.roster,
           i.learners, v_stamp.epoch, v_stamp.xid
    from unnest(p_months, p_ids, p_fingerprints, v_organisations, p_classes, p_subjects, p_dates, v_slots, v_shifts, p_teachers, p_taken,
                v_rosters, v_learners, v_codes)
             as i (month, id, fingerprint, organisation, class, subject, date, slot, shift, teacher, taken, roster, learners, code)
    where i.code is null
    order by i.id; -- two processes with the same ids wait for each other in one order

    insert into absence (month, register, learner, code, minutes, note, date)
    select i.month, i.id, x.learner, c.code, x.minutes, x.note, i.date
    from unnest(p_months, p_ids, p_dates, p_exceptions, v_codes) as i (month, id, date, exceptions, code),
         jsonb_to_recordset(i.exceptions) as x (learner uuid, code text, minutes smallint, note text),
         absence_codes c
    where i.code is null and c.name = x.code;

    perform outbox_append(array_agg(i.id), array_agg(i.organisation::text), array_agg(300::smallint), -- register.taken
                          array_agg(i.head || event_uuid('organisation', i.organisation) || event_int('shift', i.shift)
                                           || event_int('learners', i.learners)))
    from unnest(p_ids, v_organisations, v_shifts, v_learners, p_heads, v_codes) as i (id, organisation, shift, learners, head, code)
    where i.code is null
    having count(*) > 0;

    return query
    select i.place::integer, case i.code when 'duplicate' then 'duplicate' else 'rejected' end, nullif(i.code, 'duplicate'), i.pointer, i.other
    from unnest(v_codes, v_pointers, v_others) with ordinality as i (code, pointer, other, place)
    where i.code is not null
    union all
    select i.place::integer, 'created', 'roster_count_differs', '/roster_count', null::uuid
    from unnest(v_codes, v_learners, p_roster_counts) with ordinality as i (code, learners, counted, place)
    where i.code is null and i.counted <> i.learners;
exception
    -- Another process took the same id or lesson meanwhile: the same call again will find it.
    when unique_violation then
        raise exception 'an id or a lesson was taken meanwhile' using errcode = '40001';
end $$;

-- The codes of contracts/registers.h.
create view absence_codes (name, code) as
values ('absent_unexcused', 1::smallint), ('absent_ill', 2::smallint), ('absent_excused', 3::smallint),
       ('late', 4::smallint), ('remote', 5::smallint), ('exempt', 6::smallint);
