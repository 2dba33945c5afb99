-- The codes of contracts/registers.h.
create view absence_codes (name, code) as
values ('absent_unexcused', 1::smallint), ('absent_ill', 2::smallint), ('absent_excused', 3::smallint),
       ('late', 4::smallint), ('remote', 5::smallint), ('exempt', 6::smallint);

-- Registers change one call at a time, in the order of their xids: two calls that are under way at once would not see each other's
-- registers, and might count a learner twice. To be called before the transaction has an xid. The number is ours alone within a
-- database.
create function register_lane() returns void language sql as $$ select pg_advisory_xact_lock(504) $$;

-- The roster that a register of this class and date freezes; no row where nobody is enrolled. One child is on it once, under however
-- many ids it was enrolled.
create function roster_on(p_class uuid, p_date date) returns table (id uuid, learners uuid[]) language sql stable rows 1 as $$
    select md5(uuid_send(p_class) || array_send(r.learners))::uuid, r.learners
    from (select array_agg(distinct e.learner order by e.learner) as learners
          from copy_enrolment e
          where e.class = p_class and e.mode = 1 and p_date between e.valid_from and coalesce(e.valid_to, p_date)) n
         cross join lateral (
             select case when exists (select from copy_alias a where a.id = any (n.learners)) -- other names are rare
                         then array(select distinct coalesce(a.canonical, l.id)
                                    from unnest(n.learners) l (id) left join copy_alias a on a.id = l.id order by 1)
                         else n.learners end as learners) r
    where r.learners is not null
$$;

-- The first of the exceptions that does not fit the roster: a learner who is not on it under any id, or is named twice, under two.
create function exceptions_fault(p_exceptions jsonb, p_roster uuid[]) returns table (pointer text, code text)
    language sql stable rows 1 as $$
    select '/exceptions/' || x.place - 1 || '/learner',
           case when array(select ids_of(l.learner)) && p_roster then 'duplicate_in_batch' else 'not_on_roster' end
    from jsonb_array_elements(p_exceptions) with ordinality as x (exception, place)
         cross join lateral (select (x.exception->>'learner')::uuid as learner) l
    where not l.learner = any (p_roster)
      and (not array(select ids_of(l.learner)) && p_roster
           or exists (select from jsonb_array_elements(p_exceptions) y
                      where (y->>'learner')::uuid <> l.learner and (y->>'learner')::uuid in (select ids_of(l.learner))))
    order by x.place limit 1
$$;

-- Keeps which classes new rosters share learners with.
create function note_class_overlaps(p_rosters uuid[]) returns void language sql as $$
    insert into class_overlap (class, other)
    select distinct v.class, v.other
    from roster n join roster o on o.learners && n.learners and o.class <> n.class,
         lateral (values (n.class, o.class), (o.class, n.class)) v (class, other)
    where n.id = any (p_rosters)
    on conflict do nothing
$$;

-- A register that took another's place, and what took its place last: its last replacement, or the withdrawal of that one. Each step is
-- one look into the index: the planner thinks a chain long and would read all of the month for a plain join. Rare: strict, so that
-- where it is asked for no register nothing is begun.
create function register_last(p_id uuid, p_month date) returns table (id uuid, withdraws uuid) language sql stable strict rows 1 as $$
    with recursive chain as (
        select r.id, r.withdraws, coalesce(r.replaced_by, r.withdrawn_by) as next from register r where r.id = p_id and r.month = p_month
        union all
        select r.id, r.withdraws, coalesce(r.replaced_by, r.withdrawn_by)
        from chain c cross join lateral (select r.* from register r where r.id = c.next and r.month = p_month limit 1) r
    )
    select c.id, c.withdraws from chain c where c.next is null
$$;

-- A register of this id in another month. Rare: strict, as above.
create function register_elsewhere(p_id uuid, p_month date) returns setof register language sql stable strict rows 1 as $$
    select r.* from register r where r.id = p_id and r.month <> p_month limit 1
$$;

-- The id that p_exceptions have for a learner: this one before any other of the same person; NULL: they do not name it.
create function exceptions_name(p_exceptions jsonb, p_learner uuid) returns uuid language sql stable strict as $$
    select (x->>'learner')::uuid from jsonb_array_elements(p_exceptions) x
    where (x->>'learner')::uuid in (select ids_of(p_learner))
    order by (x->>'learner')::uuid <> p_learner limit 1
$$;

-- The exceptions of a register as they stand, for an event, each learner by the id that p_exceptions have for the same person; NULL:
-- none. p_first and p_last: as in take_registers.
create function register_exceptions_event(p_id uuid, p_month date, p_first date, p_last date, p_exceptions jsonb)
    returns table (exceptions bytea) language sql stable rows 1 as $$
    select event_list('exceptions', count(*),
                      string_agg(case when a.minutes is null then '\x82'::bytea else '\x83'::bytea end
                                 || event_uuid('learner', coalesce(exceptions_name(case when n.several then p_exceptions end, a.learner),
                                                                   a.learner))
                                 || event_text('code', absence_code_name(a.code)) || coalesce(event_int('minutes', a.minutes), ''),
                                 ''::bytea order by a.learner))
    from absence a
         left join lateral (select true as several from copy_alias n
                            where p_exceptions is not null and (n.id = a.learner or n.canonical = a.learner) limit 1) n on true
    where a.register = p_id and a.month = p_month and a.month between p_first and p_last and a.code <> 7
$$;

-- `before` of an event: what a register says. One of lesson and session is there.
create function register_before_event(p_subject text, p_date date, p_slot smallint, p_learners integer, p_exceptions bytea)
    returns bytea language sql stable as $$
    select event_map('before', 3 + (p_subject is not null)::integer + (p_exceptions is not null)::integer,
                     coalesce(event_text('subject', p_subject), '') || event_date('date', p_date)
                     || case when p_slot < 100 then event_int('lesson', p_slot) else event_text('session', session_name(p_slot)) end
                     || event_int('learners', p_learners) || coalesce(p_exceptions, ''))
$$;

-- The items of a call that replace or withdraw a register: what is wrong with each, else what it keeps of its original, and the tail
-- of its event's head. The originals are locked in the order of their ids, and nothing is judged before that.
create function take_registers_changes(
    p_callers integer[], p_scope_callers integer[], p_scope_nodes uuid[], p_ids uuid[], p_classes uuid[], p_subjects text[],
    p_dates date[], p_slots smallint[], p_replaces uuid[], p_withdraws uuid[], p_exceptions jsonb[], p_months date[],
    p_fingerprints uuid[], p_first date, p_last date)
    returns table (item integer, code text, pointer text, other uuid, organisation uuid, shift integer, class uuid, subject text,
                   date date, slot smallint, roster uuid, learners integer, type smallint, tail bytea) language plpgsql as $$
#variable_conflict use_column
declare
    v_new uuid[];
begin
    perform outbox_after(array_agg(r.epoch), array_agg(r.xid))
    from (select coalesce(i.replaces, i.withdraws) as id, i.month
          from unnest(p_replaces, p_withdraws, p_months) as i (replaces, withdraws, month)
          where i.replaces is not null or i.withdraws is not null order by 1) i
         cross join lateral (select r.epoch, r.xid from register r
                             where r.id = i.id and r.month = i.month and r.month between p_first and p_last for update) r;

    -- A replacement of another day has the roster of that day.
    with frozen as (
        insert into roster (id, class, learners)
        select distinct f.id, i.class, f.learners
        from unnest(p_classes, p_dates, p_replaces, p_months) as i (class, date, replaces, month)
             cross join lateral (select from register r where r.id = i.replaces and r.month = i.month and r.month between p_first and p_last
                                                          and r.class = i.class and r.date <> i.date and r.active limit 1) r
             cross join lateral roster_on(i.class, i.date) f
        where i.replaces is not null
        on conflict do nothing returning id
    )
    select array_agg(f.id) into v_new from frozen f;
    if v_new is not null then
        perform note_class_overlaps(v_new);
    end if;

    return query
    with change as (
        select i.*, coalesce(i.replaces, i.withdraws) as original,
               case when i.replaces is null then '/withdraws' else '/replaces' end as pointer
        from unnest(p_callers, p_ids, p_classes, p_subjects, p_dates, p_slots, p_replaces, p_withdraws, p_exceptions, p_months,
                    p_fingerprints) with ordinality
                 as i (caller, id, class, subject, date, slot, replaces, withdraws, exceptions, month, fingerprint, item)
        where i.replaces is not null or i.withdraws is not null
    ), judged as (
        select c.item, c.pointer, c.original, c.month, c.exceptions, c.replaces is not null as replaced, r.organisation, r.shift, r.class,
               case when c.replaces is null then r.subject else c.subject end as subject,
               case when c.replaces is null then r.date else c.date end as date,
               case when c.replaces is null then r.slot else c.slot end as slot,
               r.subject as former_subject, r.date as former_date, r.slot as former_slot, r.learners as former_learners,
               coalesce(l.id, r.id) as last, f.id as roster, cardinality(f.learners) as learners, x.pointer as misfit,
               case
                   when k.id is not null then case when k.fingerprint = c.fingerprint then 'duplicate' else 'id_reused' end
                   when r.id is null then 'original_unknown'
                   when o.id is null then 'organisation_unknown'
                   when not exists (select from unnest(p_scope_callers, p_scope_nodes) s (caller, node)
                                    where s.caller = c.caller and s.node = any (o.path)) then 'out_of_scope'
                   when r.month <> c.month then 'date_month'
                   when coalesce(l.withdraws, r.withdraws) is not null then 'already_withdrawn'
                   when l.id is not null then 'already_corrected'
                   when c.replaces is null then null
                   when c.class <> r.class then 'differs_from_original'
                   when c.subject is not null and not exists (select from copy_reference s where s.list = 'subject' and s.code = c.subject)
                   then 'subject_unknown'
                   when f.id is null then 'learner_unknown'
                   else x.code
               end as code
        from change c
             left join lateral (select k.id, k.fingerprint from register k
                                where k.id = c.id and k.month = c.month and k.month between p_first and p_last limit 1) k on true
             left join lateral ((select r.* from register r
                                 where r.id = c.original and r.month = c.month and r.month between p_first and p_last limit 1)
                                union all
                                select r.* from register_elsewhere(c.original, c.month) r
                                limit 1) r on true
             left join copy_organisation o on o.id = r.organisation
             left join lateral register_last(case when r.replaced_by is not null or r.withdrawn_by is not null then r.id end, r.month) l
                 on true
             left join lateral (select f.id, f.learners from roster f
                                where f.id = case when c.replaces is null or c.date = r.date then r.roster
                                                  else (select n.id from roster_on(c.class, c.date) n) end limit 1) f on true
             left join lateral exceptions_fault(c.exceptions, f.learners) x on c.replaces is not null
    )
    select j.item::integer, j.code,
           case when j.code in ('original_unknown', 'organisation_unknown', 'out_of_scope', 'already_corrected', 'already_withdrawn')
                then j.pointer when j.code = 'date_month' then '/date' else j.misfit end,
           case when j.code in ('already_corrected', 'already_withdrawn') then j.last end,
           j.organisation, j.shift::integer, j.class, j.subject, j.date, j.slot, j.roster, j.learners,
           case when j.replaced then 301 else 302 end::smallint, -- register.replaced, register.withdrawn
           case when j.code is null
                then case when j.replaced then '' else event_uuid('class', j.class) end
                     || register_before_event(j.former_subject, j.former_date, j.former_slot, j.former_learners, e.exceptions) end
    from judged j
         left join lateral register_exceptions_event(case when j.code is null then j.original end, j.month, p_first, p_last,
                                                     j.exceptions) e on true;
end $$;

-- Good items of a call that may find their lesson taken: by which register, in the order in which they are to be decided. `before`:
-- the item of this call that it is, or that decides who has the lesson. p_contested: a lesson may be taken, or wanted twice. The first
-- lesson of another school is another lesson: a learner whom two schools have on a day is in the registers of both, and neither keeps
-- the other's out.
create function take_registers_rivals(
    p_codes text[], p_organisations uuid[], p_classes uuid[], p_dates date[], p_slots smallint[], p_months date[], p_withdraws uuid[],
    p_actives uuid[], p_rosters uuid[], p_contested boolean, p_first date, p_last date)
    returns table (item integer, code text, other uuid, before integer) language sql stable as $$
    with good as materialized (
        select i.*, i.place::integer as item
        from unnest(p_codes, p_organisations, p_classes, p_dates, p_slots, p_months, p_withdraws, p_actives, p_rosters) with ordinality
                 as i (code, organisation, class, date, slot, month, withdraws, active, roster, place)
        where i.code is null and i.withdraws is null
    ), neighbour as materialized (
        select g.item, g.organisation, n.other, g.date, g.slot, g.month, g.roster from good g join class_overlap n on n.class = g.class
    ), claim as ( -- who of the call has a lesson that this one's class shares learners with
        select c.item, c.own, array_agg(c.item) filter (where c.own)
                                  over (partition by c.class, c.date, c.slot order by c.item
                                        rows between unbounded preceding and 1 preceding) as befores
        from (select g.item, g.class, g.date, g.slot, true as own from good g
              union all
              select n.item, n.other, n.date, n.slot, false from neighbour n) c
    ), rival as (
        select g.item, 'register_exists' as code, g.active as other,
               lag(g.item) over (partition by g.class, g.date, g.slot order by g.item) as before, null::uuid as roster, g.roster as own
        from good g where p_contested
        union all
        select n.item, 'register_overlaps', a.id, null, a.roster, n.roster
        from neighbour n
             cross join lateral (select a.id, a.roster from register a
                                 where a.class = n.other and a.date = n.date and a.slot = n.slot and a.month = n.month
                                       and a.month between p_first and p_last and a.active
                                       and a.organisation = n.organisation
                                 limit 1) a
        union all
        select c.item, 'register_overlaps', null, b.item, p_rosters[b.item], p_rosters[c.item]
        from claim c cross join lateral unnest(c.befores) b (item)
        where not c.own and p_organisations[b.item] = p_organisations[c.item]
    )
    select r.item, r.code, r.other, r.before
    from rival r
    where (r.other is not null or r.before is not null)
      and (r.roster is null or exists (select from roster a, roster b where a.id = r.roster and b.id = r.own and a.learners && b.learners))
    order by r.item, r.code, r.before nulls first, r.other
$$;

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
    v_stamp record;
    -- The months of the call. Said beside each join with `month`, these two values have PostgreSQL open their partitions only, where it
    -- would open all before it has a row to choose them by.
    v_first date;
    v_last date;
    v_slots smallint[] := (select array_agg(coalesce(i.lesson, 100 + i.session)::smallint order by i.place)
                           from unnest(p_lessons, p_sessions) with ordinality as i (lesson, session, place));
    v_repeats boolean; -- there may be duplicates
    v_codes text[];    -- of each item; NULL: it is good
    v_pointers text[];
    v_others uuid[] := array_fill(null::uuid, array[cardinality(p_ids)]);
    v_organisations uuid[];
    v_shifts integer[];
    v_rosters uuid[];  -- ids
    v_learners integer[];
    v_actives uuid[];  -- the register that has the lesson now
    v_types smallint[] := array_fill(300::smallint, array[cardinality(p_ids)]); -- register.taken
    v_new uuid[];      -- rosters
    v_contested boolean; -- a lesson that is taken, or that two want
    v_targets uuid[];  -- what each item changes; NULL where none of them does
    v_change record;
    v_rival record;
    v_place integer;
begin
    select min(m), max(m) into v_first, v_last from unnest(p_months) m;
    perform register_lane();
    v_stamp := outbox_stamp();
    v_repeats := exists (select from register r where r.id = any (p_ids) and r.month between v_first and v_last);

    -- What is known of each class, and its roster on that date, made once for all items of a class and date; each found by its index,
    -- whatever the planner believes of tables that were filled since they were analyzed. Replacements and withdrawals are judged below.
    with item as (
        select i.*, case when i.replaces is null and i.withdraws is null then i.class end as new_class
        from unnest(p_callers, p_ids, p_classes, p_subjects, p_dates, v_slots, p_months, p_replaces, p_withdraws, p_fingerprints,
                    p_exceptions) with ordinality
                 as i (caller, id, class, subject, date, slot, month, replaces, withdraws, fingerprint, exceptions, place)
    ), known as (
        select i.*, c.organisation, c.shift, o.path, m.fingerprint as known, a.id as active,
               first_value(r.id) over same as roster, first_value(r.learners) over same as learners
        from (select i.*, row_number() over same = 1 as first from item i window same as (partition by i.new_class, i.date order by i.place)) i
             left join lateral (select m.fingerprint from register m
                                where v_repeats and m.id = i.id and m.month = i.month and m.month between v_first and v_last limit 1) m
                 on true
             left join lateral (select c.organisation, c.shift from copy_class c where c.id = i.new_class limit 1) c on true
             left join lateral (select o.path from copy_organisation o where o.id = c.organisation limit 1) o on true
             left join lateral (select a.id from register a where a.class = i.class and a.date = i.date and a.slot = i.slot
                                and a.month = i.month and a.month between v_first and v_last and a.active limit 1) a on true
             left join lateral roster_on(case when i.first then i.new_class end, i.date) r on true
        window same as (partition by i.new_class, i.date order by i.place)
    ), judged as (
        select i.*, x.pointer as misfit,
               case when i.known is not null then case when i.known = i.fingerprint then 'duplicate' else 'id_reused' end
                    when i.organisation is null then 'class_unknown'
                    when i.path is null then 'organisation_unknown'
                    when not exists (select from unnest(p_scope_callers, p_scope_nodes) s (caller, node)
                                     where s.caller = i.caller and s.node = any (i.path)) then 'out_of_scope'
                    when i.subject is not null and not exists (select from copy_reference r where r.list = 'subject' and r.code = i.subject)
                    then 'subject_unknown'
                    when i.roster is null then 'learner_unknown'
                    else x.code end as code
        from known i left join lateral exceptions_fault(i.exceptions, i.learners) x on true
    ), frozen as (
        insert into roster (id, class, learners)
        select distinct on (j.roster) j.roster, j.class, j.learners from judged j
        where j.code is null and (select r.id from roster r where r.id = j.roster) is null
        on conflict do nothing returning id
    )
    select array_agg(j.code), array_agg(j.misfit), array_agg(j.organisation), array_agg(j.shift), array_agg(j.roster),
           array_agg(j.count), array_agg(j.active), (select array_agg(f.id) from frozen f)
    into v_codes, v_pointers, v_organisations, v_shifts, v_rosters, v_learners, v_actives, v_new
    from (select j.code, j.misfit, j.organisation, j.shift, j.roster, cardinality(j.learners) as count, j.active
          from judged j order by j.place) j;
    if v_new is not null then
        perform note_class_overlaps(v_new);
    end if;
    v_contested := cardinality(array_remove(v_actives, null)) > 0
                   or exists (select from unnest(p_classes, p_dates, v_slots) i (class, date, slot)
                              group by i.class, i.date, i.slot having count(*) > 1);

    -- Replacements and withdrawals are rare: their own verdicts take the place of those, and what they keep that of what they say.
    if cardinality(array_remove(p_replaces || p_withdraws, null)) > 0 then
        v_contested := true;
        v_targets := array(select coalesce(i.replaces, i.withdraws)
                           from unnest(p_replaces, p_withdraws) with ordinality as i (replaces, withdraws, place) order by i.place);
        for v_change in
            select * from take_registers_changes(p_callers, p_scope_callers, p_scope_nodes, p_ids, p_classes, p_subjects, p_dates, v_slots,
                                                 p_replaces, p_withdraws, p_exceptions, p_months, p_fingerprints, v_first, v_last)
        loop
            v_place := v_change.item;
            v_codes[v_place] := v_change.code;
            v_pointers[v_place] := v_change.pointer;
            v_others[v_place] := v_change.other;
            v_organisations[v_place] := v_change.organisation;
            v_shifts[v_place] := v_change.shift;
            p_classes[v_place] := coalesce(v_change.class, p_classes[v_place]);
            p_subjects[v_place] := v_change.subject;
            p_dates[v_place] := coalesce(v_change.date, p_dates[v_place]);
            v_slots[v_place] := coalesce(v_change.slot, v_slots[v_place]);
            v_rosters[v_place] := v_change.roster;
            v_learners[v_place] := v_change.learners;
            v_types[v_place] := v_change.type;
            p_heads[v_place] := p_heads[v_place] || v_change.tail;
        end loop;
    end if;

    -- Who comes first has the lesson and its learners; what an item before it replaces or withdraws has them no more.
    if v_contested or exists (select from class_overlap n where n.class = any (p_classes)) then
        for v_rival in
            select * from take_registers_rivals(v_codes, v_organisations, p_classes, p_dates, v_slots, p_months, p_withdraws, v_actives,
                                                v_rosters, v_contested, v_first, v_last)
        loop
            continue when v_codes[v_rival.item] is not null;
            if v_rival.before is not null then
                v_rival.other := case when v_codes[v_rival.before] is null then p_ids[v_rival.before]
                                      when v_codes[v_rival.before] = v_rival.code and v_rival.code = 'register_exists'
                                      then v_others[v_rival.before] end;
            end if;
            continue when v_rival.other is null;
            v_place := array_position(v_targets, v_rival.other);
            continue when v_place <= v_rival.item and v_codes[v_place] is null;
            v_codes[v_rival.item] := v_rival.code;
            v_others[v_rival.item] := v_rival.other;
        end loop;
    end if;

    if v_targets is not null then
        update register r
        set active = false, replaced_by = case when i.replaces is not null then i.id end,
            withdrawn_by = case when i.withdraws is not null then i.id end, epoch = v_stamp.epoch, xid = v_stamp.xid
        from unnest(p_ids, p_replaces, p_withdraws, p_months, v_codes) as i (id, replaces, withdraws, month, code)
        where i.code is null and (i.replaces is not null or i.withdraws is not null)
          and r.id = coalesce(i.replaces, i.withdraws) and r.month = i.month and r.month between v_first and v_last;
    end if;

    insert into register (month, id, fingerprint, organisation, class, subject, date, slot, shift, teacher, taken_at, roster, learners,
                          replaces, withdraws, reason_code, reason, active, epoch, xid)
    select i.month, i.id, i.fingerprint, i.organisation, i.class, i.subject, i.date, i.slot, i.shift, i.teacher, i.taken, i.roster,
           i.learners, i.replaces, i.withdraws, i.reason_code, i.reason, i.withdraws is null, v_stamp.epoch, v_stamp.xid
    from unnest(p_months, p_ids, p_fingerprints, v_organisations, p_classes, p_subjects, p_dates, v_slots, v_shifts, p_teachers, p_taken,
                v_rosters, v_learners, p_replaces, p_withdraws, p_reason_codes, p_reasons, v_codes)
             as i (month, id, fingerprint, organisation, class, subject, date, slot, shift, teacher, taken, roster, learners, replaces,
                   withdraws, reason_code, reason, code)
    where i.code is null
    order by i.id; -- two processes with the same ids wait for each other in one order

    insert into absence (month, register, learner, code, minutes, note, date)
    select i.month, i.id, x.learner, c.code, x.minutes, x.note, i.date
    from unnest(p_months, p_ids, p_dates, p_exceptions, v_codes) as i (month, id, date, exceptions, code),
         jsonb_to_recordset(i.exceptions) as x (learner uuid, code text, minutes smallint, note text),
         absence_codes c
    where i.code is null and c.name = x.code;

    perform outbox_append(array_agg(i.id), array_agg(i.organisation::text), array_agg(i.type),
                          array_agg(i.head || event_uuid('organisation', i.organisation) || event_int('shift', i.shift)
                                           || case when i.type = 302 then '' else event_int('learners', i.learners) end))
    from unnest(p_ids, v_organisations, v_shifts, v_learners, v_types, p_heads, v_codes)
             as i (id, organisation, shift, learners, type, head, code)
    where i.code is null
    having count(*) > 0;

    return query
    select i.place::integer, case i.code when 'duplicate' then 'duplicate' else 'rejected' end, nullif(i.code, 'duplicate'),
           coalesce(i.pointer,
                    case i.code when 'duplicate' then null when 'id_reused' then '/id' when 'subject_unknown' then '/subject'
                                when 'register_exists' then case when i.slot < 100 then '/lesson' else '/session' end
                                when 'register_overlaps' then case when i.slot < 100 then '/lesson' else '/session' end
                                else '/class' end),
           i.other
    from unnest(v_codes, v_pointers, v_others, v_slots) with ordinality as i (code, pointer, other, slot, place)
    where i.code is not null
    union all
    select i.place::integer, 'created', 'roster_count_differs', '/roster_count', null::uuid
    from unnest(v_codes, v_learners, p_roster_counts) with ordinality as i (code, learners, counted, place)
    where i.code is null and i.counted <> i.learners;
end $$;
