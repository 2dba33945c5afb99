-- What is wrong with a learner who is not in the class by the id that was sent; NULL where one of the person's other ids is.
create function take_marks_stranger(p_learner uuid, p_class uuid, p_date date) returns text language sql stable as $$
    select case when bool_or(e.class = p_class and p_date between e.valid_from and coalesce(e.valid_to, p_date)) then null
                when count(*) > 0 then 'not_enrolled' else 'learner_unknown' end
    from ids_of(p_learner) i join copy_enrolment e on e.learner = i
$$;

-- POST /v1/marks: all items of one call (service/gather.h says what the parameters are and what is returned). Checks against the
-- copies of the registry, inserts, and logs the events, in one transaction.
create function take_marks(
    p_callers integer[], p_scope_callers integer[], p_scope_nodes uuid[], p_today date,
    p_ids uuid[], p_classes uuid[], p_learners uuid[], p_subjects text[], p_kinds smallint[], p_works uuid[],
    p_points integer[], p_max_points integer[], p_values smallint[], p_dates date[], p_lessons integer[],
    p_teachers uuid[], p_entered timestamptz[], p_replaces uuid[], p_withdraws uuid[], p_reason_codes smallint[],
    p_comments text[], p_reasons text[], p_months date[], p_fingerprints uuid[], p_heads bytea[])
    returns table (item integer, outcome text, code text, pointer text, other uuid) language plpgsql as $$
#variable_conflict use_column
declare
    v_stamp record := outbox_stamp();
    v_codes text[];         -- of each item; NULL: it is good
    v_organisations uuid[]; -- of its class
    v_shifts integer[];
begin
    select array_agg(
               case
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
               end order by i.item),
           array_agg(c.organisation order by i.item),
           array_agg(c.shift order by i.item)
    into v_codes, v_organisations, v_shifts
    from unnest(p_callers, p_ids, p_classes, p_learners, p_subjects, p_dates, p_months, p_fingerprints) with ordinality
             as i (caller, id, class, learner, subject, date, month, fingerprint, item)
         left join mark m on m.id = i.id and m.month = i.month
         left join copy_class c on c.id = i.class
         left join copy_organisation o on o.id = c.organisation
         left join copy_reference r on r.list = 'subject' and r.code = i.subject;

    insert into mark (month, id, fingerprint, organisation, class, learner, subject, kind, work, points, max_points, value, date,
                      lesson, teacher, entered_at, comment, epoch, xid)
    select i.month, i.id, i.fingerprint, i.organisation, i.class, i.learner, i.subject, i.kind, i.work, i.points, i.max_points,
           i.value, i.date, i.lesson, i.teacher, i.entered_at, i.comment, v_stamp.epoch, v_stamp.xid
    from unnest(p_months, p_ids, p_fingerprints, v_organisations, p_classes, p_learners, p_subjects, p_kinds, p_works, p_points,
                p_max_points, p_values, p_dates, p_lessons, p_teachers, p_entered, p_comments, v_codes)
             as i (month, id, fingerprint, organisation, class, learner, subject, kind, work, points, max_points, value, date,
                   lesson, teacher, entered_at, comment, code)
    where i.code is null
    order by i.id; -- two processes with the same ids wait for each other in one order

    perform outbox_append(array_agg(i.id), array_agg(i.organisation::text), array_agg(200::smallint), -- mark.recorded
                          array_agg(i.head || event_uuid('organisation', i.organisation) || event_int('shift', i.shift)))
    from unnest(p_ids, v_organisations, v_shifts, p_heads, v_codes) as i (id, organisation, shift, head, code)
    where i.code is null
    having count(*) > 0;

    return query
    select i.item::integer, case i.code when 'duplicate' then 'duplicate' else 'rejected' end, nullif(i.code, 'duplicate'),
           case i.code when 'class_unknown' then '/class' when 'organisation_unknown' then '/class' when 'out_of_scope' then '/class'
                       when 'subject_unknown' then '/subject' when 'learner_unknown' then '/learner'
                       when 'not_enrolled' then '/learner' when 'id_reused' then '/id' end,
           null::uuid
    from unnest(v_codes) with ordinality as i (code, item)
    where i.code is not null;
exception
    -- Another process took the same id meanwhile: the same call again will find it.
    when unique_violation then
        raise exception 'an id was taken meanwhile' using errcode = '40001';
end $$;
