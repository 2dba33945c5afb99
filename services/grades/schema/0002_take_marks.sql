-- What is wrong with a learner who is not in the class by the id that was sent; NULL where one of the person's other ids is.
create function take_marks_stranger(p_learner uuid, p_class uuid, p_date date) returns text language sql stable as $$
    select case when bool_or(e.class = p_class and p_date between e.valid_from and coalesce(e.valid_to, p_date)) then null
                when count(*) > 0 then 'not_enrolled' else 'learner_unknown' end
    from ids_of(p_learner) i join copy_enrolment e on e.learner = i
$$;

-- A mark of whatever month; strict: nobody is looked for where none is asked for.
create function take_marks_elsewhere(p_id uuid) returns table (id uuid, organisation uuid) language plpgsql stable strict rows 1 as $$
#variable_conflict use_column
begin
    return query select m.id, m.organisation from mark m where m.id = p_id limit 1;
end $$;

-- The items of a call that correct or withdraw a mark: what is wrong with each, else what it keeps of its original, and the tail of
-- its event's head. The originals are locked in the order of their ids, and nothing is judged before that: whoever changes the
-- same mark waits, and then sees what became of it.
create function take_marks_changes(
    p_callers integer[], p_scope_callers integer[], p_scope_nodes uuid[], p_ids uuid[], p_classes uuid[], p_learners uuid[],
    p_subjects text[], p_dates date[], p_replaces uuid[], p_withdraws uuid[], p_months date[], p_fingerprints uuid[], p_first date,
    p_last date)
    returns table (item integer, code text, pointer text, other uuid, organisation uuid, shift smallint, class uuid, learner uuid,
                   subject text, kind smallint, corrections smallint, type smallint, tail bytea) language plpgsql as $$
#variable_conflict use_column
begin
    perform outbox_after(array_agg(l.epoch), array_agg(l.xid))
    from (select m.epoch, m.xid
          from (select coalesce(i.replaces, i.withdraws) as id, i.month
                from unnest(p_replaces, p_withdraws, p_months) as i (replaces, withdraws, month)
                where i.replaces is not null or i.withdraws is not null order by 1) i
               cross join lateral (select m.epoch, m.xid from mark m
                                   where m.id = i.id and m.month = i.month and m.month between p_first and p_last for update) m) l;

    return query
    with change as (
        select i.*, coalesce(i.replaces, i.withdraws) as original,
               case when i.replaces is null then '/withdraws' else '/replaces' end as pointer
        from unnest(p_callers, p_ids, p_classes, p_learners, p_subjects, p_dates, p_replaces, p_withdraws, p_months, p_fingerprints)
                 with ordinality as i (caller, id, class, learner, subject, date, replaces, withdraws, month, fingerprint, item)
        where i.replaces is not null or i.withdraws is not null
    ), judged as (
        select c.item::integer, c.pointer, c.replaces is not null as corrects, m.organisation, m.shift, m.class, m.learner, m.subject,
               m.kind, m.points, m.max_points, m.value, m.date, m.lesson, m.corrections, coalesce(l.id, m.id) as last,
               case
                   when k.id is not null then case when k.fingerprint = c.fingerprint then 'duplicate' else 'id_reused' end
                   when m.id is null and e.id is null then 'original_unknown'
                   when o.id is null then 'organisation_unknown'
                   when not exists (select from unnest(p_scope_callers, p_scope_nodes) s (caller, node)
                                    where s.caller = c.caller and s.node = any (o.path)) then 'out_of_scope'
                   when m.id is null then 'date_month'
                   when m.withdraws is not null or l.withdraws is not null then 'already_withdrawn'
                   when l.id is not null then 'already_corrected'
                   when c.replaces is null then null
                   when m.corrections >= 100 then 'too_many_corrections'
                   when (c.class, c.subject) <> (m.class, m.subject)
                        or c.learner <> m.learner and canonical_of(c.learner) <> canonical_of(m.learner) then 'differs_from_original'
                   when c.date <> m.date then take_marks_stranger(c.learner, c.class, c.date)
               end as code,
               case when c.class <> m.class then '/class' when c.subject <> m.subject then '/subject' else '/learner' end as differs
        from change c
             left join lateral (select k.id, k.fingerprint from mark k
                                where k.id = c.id and k.month = c.month and k.month between p_first and p_last limit 1) k on true
             left join lateral (select m.* from mark m where m.id = c.original and m.month = c.month
                                                             and m.month between p_first and p_last limit 1) m on true
             left join lateral take_marks_elsewhere(case when m.id is null then c.original end) e on true
             left join copy_organisation o on o.id = coalesce(m.organisation, e.organisation)
             left join lateral mark_last(coalesce(m.replaced_by, m.withdrawn_by), m.month) l on true
    )
    select j.item, j.code,
           case j.code when 'duplicate' then null when 'id_reused' then '/id' when 'date_month' then '/date' when 'differs_from_original' then j.differs
                       when 'not_enrolled' then '/learner' when 'learner_unknown' then '/learner' else j.pointer end,
           case when j.code in ('already_corrected', 'already_withdrawn') then j.last end,
           j.organisation, j.shift, j.class, j.learner, j.subject, j.kind,
           case when j.corrects then (coalesce(j.corrections, 0) + 1)::smallint end,
           case when j.corrects then 201 else 202 end::smallint, -- mark.corrected, mark.withdrawn
           case when j.corrects then ''
                else event_uuid('class', j.class) || event_uuid('learner', j.learner) || event_text('subject', j.subject) end
           || event_map('before', num_nonnulls(b.kind, b.points, b.max_points, b.value, b.date, b.lesson),
                        b.kind || coalesce(b.points, '') || coalesce(b.max_points, '') || coalesce(b.value, '') || b.date
                        || coalesce(b.lesson, ''))
    from judged j
         cross join lateral (select event_text('kind', mark_kind_name(j.kind)) as kind, event_int('points', j.points) as points,
                                    event_int('max_points', j.max_points) as max_points,
                                    event_text('value', mark_value_name(j.value)) as value,
                                    event_date('date', j.date) as date, event_int('lesson', j.lesson) as lesson
                             offset 0) b; -- each made once, and what counts them made in place
end $$;

-- POST /v1/marks: all items of one call (service/gather.h says what the parameters are and what is returned). Checks against the
-- copies of the registry, inserts, and returns what became of each item, with its event.
create function take_marks(
    p_callers integer[], p_scope_callers integer[], p_scope_nodes uuid[], p_today date,
    p_ids uuid[], p_classes uuid[], p_learners uuid[], p_subjects text[], p_kinds smallint[], p_works uuid[],
    p_points integer[], p_max_points integer[], p_values smallint[], p_dates date[], p_lessons integer[],
    p_teachers uuid[], p_entered timestamptz[], p_replaces uuid[], p_withdraws uuid[], p_reason_codes smallint[],
    p_comments text[], p_reasons text[], p_months date[], p_fingerprints uuid[], p_heads bytea[])
    returns table (item integer, outcome text, code text, pointer text, other uuid, id uuid, key text, type smallint, payload bytea)
    language plpgsql as $$
#variable_conflict use_column
declare
    v_stamp record := outbox_stamp();
    -- Of the items: a statement whose months have constant bounds opens the tables of those, one as a rule, not those of all months.
    v_first date := (select min(m) from unnest(p_months) m);
    v_last date := (select max(m) from unnest(p_months) m);
    v_count integer := cardinality(p_ids);
    v_changes integer := cardinality(array_remove(p_replaces || p_withdraws, null));
    v_codes text[];         -- of each item; NULL: it is good
    v_organisations uuid[]; -- of its class
    v_shifts integer[];
    -- NULL where no item changes another one:
    v_pointers text[];
    v_others uuid[];
    v_corrections smallint[];
    v_types smallint[];
    v_change record;
begin
    -- As a rule all items of a round are changes, or none is.
    if v_changes < v_count then
        select array_agg(j.code), array_agg(j.organisation), array_agg(j.shift)
        into v_codes, v_organisations, v_shifts
        from (select case
                         when m.id is not null then case when m.fingerprint = i.fingerprint then 'duplicate' else 'id_reused' end
                         when c.id is null then 'class_unknown'
                         when o.id is null then 'organisation_unknown'
                         when not exists (select from unnest(p_scope_callers, p_scope_nodes) s (caller, node)
                                          where s.caller = i.caller and s.node = any (o.path)) then 'out_of_scope'
                         when r.code is null then 'subject_unknown'
                         when not exists (select from copy_enrolment e
                                          where e.learner = i.learner and e.class = i.class
                                            and i.date between e.valid_from and coalesce(e.valid_to, i.date))
                         then take_marks_stranger(i.learner, i.class, i.date)
                     end as code, c.organisation, c.shift
              from unnest(p_callers, p_ids, p_classes, p_learners, p_subjects, p_dates, p_months, p_fingerprints) with ordinality
                       as i (caller, id, class, learner, subject, date, month, fingerprint, item)
                   -- By its index, also where the plan was made while the month was known to be empty: a plain join then reads all of
                   -- the month for each item.
                   left join lateral (select m.id, m.fingerprint from mark m
                                      where m.id = i.id and m.month = i.month and m.month between v_first and v_last limit 1) m on true
                   left join copy_class c on c.id = i.class
                   left join copy_organisation o on o.id = c.organisation
                   left join copy_reference r on r.list = 'subject' and r.code = i.subject
              order by i.item) j;
    else
        v_codes := array_fill(null::text, array[v_count]);
        v_organisations := array_fill(null::uuid, array[v_count]);
        v_shifts := array_fill(null::integer, array[v_count]);
    end if;

    -- Corrections and withdrawals are rare: their own verdicts take the place of those, and what they keep that of what they say.
    if v_changes > 0 then
        v_types := array_fill(null::smallint, array[v_count]);
        v_corrections := v_types;
        v_pointers := array_fill(null::text, array[v_count]);
        v_others := array_fill(null::uuid, array[v_count]);
        for v_change in
            select * from take_marks_changes(p_callers, p_scope_callers, p_scope_nodes, p_ids, p_classes, p_learners, p_subjects, p_dates,
                                             p_replaces, p_withdraws, p_months, p_fingerprints, v_first, v_last)
        loop
            v_codes[v_change.item] := v_change.code;
            v_pointers[v_change.item] := v_change.pointer;
            v_others[v_change.item] := v_change.other;
            v_types[v_change.item] := v_change.type;
            v_organisations[v_change.item] := v_change.organisation;
            v_shifts[v_change.item] := v_change.shift;
            v_corrections[v_change.item] := v_change.corrections;
            p_heads[v_change.item] := p_heads[v_change.item] || v_change.tail;
            if p_withdraws[v_change.item] is not null then
                p_classes[v_change.item] := v_change.class;
                p_learners[v_change.item] := v_change.learner;
                p_subjects[v_change.item] := v_change.subject;
                p_kinds[v_change.item] := v_change.kind;
            end if;
        end loop;
    end if;

    if v_changes < v_count then
        insert into mark (month, id, fingerprint, organisation, shift, class, learner, subject, kind, work, points, max_points, value, date,
                          lesson, teacher, entered_at, comment, epoch, xid)
        select i.month, i.id, i.fingerprint, i.organisation, i.shift, i.class, i.learner, i.subject, i.kind, i.work, i.points, i.max_points,
               i.value, i.date, i.lesson, i.teacher, i.entered_at, i.comment, v_stamp.epoch, v_stamp.xid
        from unnest(p_months, p_ids, p_fingerprints, v_organisations, v_shifts, p_classes, p_learners, p_subjects, p_kinds, p_works, p_points,
                    p_max_points, p_values, p_dates, p_lessons, p_teachers, p_entered, p_comments, v_types, v_codes)
                 as i (month, id, fingerprint, organisation, shift, class, learner, subject, kind, work, points, max_points, value, date,
                       lesson, teacher, entered_at, comment, type, code)
        where i.code is null and i.type is null
        order by i.id; -- two processes with the same ids wait for each other in one order
    end if;

    -- With the columns of changes alone, and what is said of the originals.
    if v_changes > 0 then
        insert into mark (month, id, fingerprint, organisation, shift, class, learner, subject, kind, work, points, max_points, value,
                          date, lesson, teacher, entered_at, replaces, withdraws, corrections, reason_code, comment, reason, epoch, xid)
        select i.month, i.id, i.fingerprint, i.organisation, i.shift, i.class, i.learner, i.subject, i.kind, i.work, i.points,
               i.max_points, i.value, i.date, i.lesson, i.teacher, i.entered_at, i.replaces, i.withdraws, i.corrections, i.reason_code,
               i.comment, i.reason, v_stamp.epoch, v_stamp.xid
        from unnest(p_months, p_ids, p_fingerprints, v_organisations, v_shifts, p_classes, p_learners, p_subjects, p_kinds, p_works,
                    p_points, p_max_points, p_values, p_dates, p_lessons, p_teachers, p_entered, p_replaces, p_withdraws, v_corrections,
                    p_reason_codes, p_comments, p_reasons, v_types, v_codes)
                 as i (month, id, fingerprint, organisation, shift, class, learner, subject, kind, work, points, max_points, value, date,
                       lesson, teacher, entered_at, replaces, withdraws, corrections, reason_code, comment, reason, type, code)
        where i.code is null and i.type is not null
        order by i.id;

        update mark m
        set replaced_by = case when i.replaces is not null then i.id end, withdrawn_by = case when i.withdraws is not null then i.id end,
            epoch = v_stamp.epoch, xid = v_stamp.xid
        from unnest(p_ids, p_months, p_replaces, p_withdraws, v_types, v_codes) as i (id, month, replaces, withdraws, type, code)
        where i.code is null and i.type is not null and m.id = coalesce(i.replaces, i.withdraws) and m.month = i.month
              and m.month between v_first and v_last;
    end if;

    return query
    select i.item::integer, case when i.code = 'duplicate' then 'duplicate' when i.code is not null then 'rejected' end,
           nullif(i.code, 'duplicate'),
           coalesce(i.pointer,
                    case i.code when 'class_unknown' then '/class' when 'organisation_unknown' then '/class' when 'out_of_scope' then '/class'
                                when 'subject_unknown' then '/subject' when 'learner_unknown' then '/learner'
                                when 'not_enrolled' then '/learner' when 'id_reused' then '/id' end),
           i.other, i.id, i.organisation::text, coalesce(i.type, 200::smallint), -- mark.recorded
           case when i.code is null then i.head || event_uuid('organisation', i.organisation) || event_int('shift', i.shift) end
    from unnest(v_codes, v_pointers, v_others, p_ids, v_organisations, v_shifts, v_types, p_heads) with ordinality
             as i (code, pointer, other, id, organisation, shift, type, head, item);
end $$;
