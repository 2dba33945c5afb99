-- What is wrong with a learner who is not in the class by the id that was sent; NULL where one of the person's other ids is. Rare, and
-- planned once: a function in sql would be planned for each statement that may ask it.
create function take_marks_stranger(p_learner uuid, p_class uuid, p_date date) returns text language plpgsql stable as $$
begin
    return (select case when bool_or(e.class = p_class and p_date between e.valid_from and coalesce(e.valid_to, p_date)) then null
                        when count(*) > 0 then 'not_enrolled' else 'learner_unknown' end
            from ids_of(p_learner) i join copy_enrolment e on e.learner = i);
end $$;

-- A mark of whatever month; strict: nobody is looked for where none is asked for.
create function take_marks_elsewhere(p_id uuid) returns table (id uuid, organisation uuid) language plpgsql stable strict rows 1 as $$
#variable_conflict use_column
begin
    return query select m.id, m.organisation from mark m where m.id = p_id limit 1;
end $$;

-- POST /v1/marks: all items of one round of a call (service/gather.h says what the parameters are and what is returned). Checks against
-- the copies of the registry, inserts, and returns what became of each item, with its event. Columns are read where they are needed,
-- p_x[i] of the item i: to unnest all of them for each statement costs more than the statement.
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
    v_first date;
    v_last date;
    v_changes integer := cardinality(array_remove(p_replaces || p_withdraws, null));
begin
    select min(m), max(m) into v_first, v_last from unnest(p_months) m;

    -- Those that record a mark come first: what one of them records, one behind it may change in the same round.
    if v_changes < cardinality(p_ids) then
        return query
        with item as materialized (
            select i as item, p_callers[i] as caller, p_ids[i] as id, p_classes[i] as class, p_learners[i] as learner,
                   p_subjects[i] as subject, p_dates[i] as date, p_months[i] as month
            from generate_series(1, cardinality(p_ids)) i
            where num_nonnulls(p_replaces[i], p_withdraws[i]) < 1
        ), lesson as materialized ( -- what the items of a class and subject have in common is looked up, and said, once
            select l.caller, l.class, l.subject, c.organisation, c.shift,
                   case when c.organisation is null then 'class_unknown'
                        when o.path is null then 'organisation_unknown'
                        when not exists (select from unnest(p_scope_callers, p_scope_nodes) s (caller, node)
                                         where s.caller = l.caller and s.node = any (o.path)) then 'out_of_scope'
                        when r.code is null then 'subject_unknown' end as code,
                   event_uuid('organisation', c.organisation) || event_int('shift', c.shift) as tail
            from (select distinct i.caller, i.class, i.subject from item i) l
                 left join lateral (select c.organisation, c.shift from copy_class c where c.id = l.class limit 1) c on true
                 left join lateral (select o.path from copy_organisation o where o.id = c.organisation limit 1) o on true
                 left join lateral (select r.code from copy_reference r where r.list = 'subject' and r.code = l.subject limit 1) r on true
        ), judged as materialized (
            select i.item, i.id, l.organisation, l.shift, l.tail,
                   case when m.id is not null then case when m.fingerprint = p_fingerprints[i.item] then 'duplicate' else 'id_reused' end
                        when l.code is not null then l.code
                        when not exists (select from copy_enrolment e
                                         where e.learner = i.learner and e.class = i.class
                                           and i.date between e.valid_from and coalesce(e.valid_to, i.date))
                        then take_marks_stranger(i.learner, i.class, i.date)
                   end as code
            from item i
                 join lesson l on l.caller = i.caller and l.class = i.class and l.subject = i.subject
                 -- By its index, also where the plan was made while the month was known to be empty: a plain join then reads all of
                 -- the month for each item.
                 left join lateral (select m.id, m.fingerprint from mark m
                                    where m.id = i.id and m.month = i.month and m.month between v_first and v_last limit 1) m on true
        ), taken as (
            insert into mark (month, id, fingerprint, organisation, shift, class, learner, subject, kind, work, points, max_points, value,
                              date, lesson, teacher, entered_at, comment, epoch, xid)
            select p_months[j.item], j.id, p_fingerprints[j.item], j.organisation, j.shift, p_classes[j.item], p_learners[j.item],
                   p_subjects[j.item], p_kinds[j.item], p_works[j.item], p_points[j.item], p_max_points[j.item], p_values[j.item],
                   p_dates[j.item], p_lessons[j.item], p_teachers[j.item], p_entered[j.item], p_comments[j.item], v_stamp.epoch, v_stamp.xid
            from judged j where j.code is null
            order by j.id -- two processes with the same ids wait for each other in one order
        )
        select j.item, case when j.code = 'duplicate' then 'duplicate' when j.code is not null then 'rejected' end,
               nullif(j.code, 'duplicate'),
               case j.code when 'class_unknown' then '/class' when 'organisation_unknown' then '/class' when 'out_of_scope' then '/class'
                           when 'subject_unknown' then '/subject' when 'learner_unknown' then '/learner' when 'not_enrolled' then '/learner'
                           when 'id_reused' then '/id' end,
               null::uuid, j.id, j.organisation::text, 200::smallint, -- mark.recorded
               case when j.code is null then p_heads[j.item] || j.tail end
        from judged j;
    end if;

    -- Those that correct or withdraw one. The originals are locked in the order of their ids, and nothing is judged before that:
    -- whoever changes the same mark waits, and then sees what became of it.
    if v_changes > 0 then
        perform outbox_after(array_agg(l.epoch), array_agg(l.xid))
        from (select m.epoch, m.xid
              from (select coalesce(p_replaces[i], p_withdraws[i]) as id, p_months[i] as month
                    from generate_series(1, cardinality(p_ids)) i
                    where num_nonnulls(p_replaces[i], p_withdraws[i]) > 0 order by 1) i
                   cross join lateral (select m.epoch, m.xid from mark m
                                       where m.id = i.id and m.month = i.month and m.month between v_first and v_last for update) m) l;

        return query
        with change as materialized (
            select i as item, p_callers[i] as caller, p_ids[i] as id, p_classes[i] as class, p_learners[i] as learner,
                   p_subjects[i] as subject, p_dates[i] as date, p_months[i] as month, coalesce(p_replaces[i], p_withdraws[i]) as original,
                   p_replaces[i] is not null as corrects
            from generate_series(1, cardinality(p_ids)) i
            where num_nonnulls(p_replaces[i], p_withdraws[i]) > 0
        ), judged as materialized (
            select c.item, c.id, c.month, c.original, c.corrects, m.organisation, m.shift,
                   case when c.corrects then c.class else m.class end as class,
                   case when c.corrects then c.learner else m.learner end as learner,
                   case when c.corrects then c.subject else m.subject end as subject,
                   case when c.corrects then p_kinds[c.item] else m.kind end as kind,
                   case when c.corrects then (coalesce(m.corrections, 0) + 1)::smallint end as corrections, coalesce(l.id, m.id) as last,
                   case
                       when k.id is not null then case when k.fingerprint = p_fingerprints[c.item] then 'duplicate' else 'id_reused' end
                       when m.id is null and e.id is null then 'original_unknown'
                       when o.id is null then 'organisation_unknown'
                       when not exists (select from unnest(p_scope_callers, p_scope_nodes) s (caller, node)
                                        where s.caller = c.caller and s.node = any (o.path)) then 'out_of_scope'
                       when m.id is null then 'date_month'
                       when m.withdraws is not null or l.withdraws is not null then 'already_withdrawn'
                       when l.id is not null then 'already_corrected'
                       when not c.corrects then null
                       when m.corrections >= 100 then 'too_many_corrections'
                       when (c.class, c.subject) <> (m.class, m.subject)
                            or c.learner <> m.learner and canonical_of(c.learner) <> canonical_of(m.learner) then 'differs_from_original'
                       when c.date <> m.date then take_marks_stranger(c.learner, c.class, c.date)
                   end as code,
                   case when c.class <> m.class then '/class' when c.subject <> m.subject then '/subject' else '/learner' end as differs,
                   event_map('before', num_nonnulls(b.kind, b.points, b.max_points, b.value, b.date, b.lesson),
                             b.kind || coalesce(b.points, '') || coalesce(b.max_points, '') || coalesce(b.value, '') || b.date
                             || coalesce(b.lesson, '')) as before
            from change c
                 left join lateral (select k.id, k.fingerprint from mark k
                                    where k.id = c.id and k.month = c.month and k.month between v_first and v_last limit 1) k on true
                 left join lateral (select m.* from mark m where m.id = c.original and m.month = c.month
                                                             and m.month between v_first and v_last limit 1) m on true
                 left join lateral take_marks_elsewhere(case when m.id is null then c.original end) e on true
                 left join lateral (select o.id, o.path from copy_organisation o
                                    where o.id = coalesce(m.organisation, e.organisation) limit 1) o on true
                 left join lateral mark_last(coalesce(m.replaced_by, m.withdrawn_by), m.month) l on true
                 cross join lateral (select event_text('kind', mark_kind_name(m.kind)) as kind, event_int('points', m.points) as points,
                                            event_int('max_points', m.max_points) as max_points,
                                            event_text('value', mark_value_name(m.value)) as value,
                                            event_date('date', m.date) as date, event_int('lesson', m.lesson) as lesson
                                     offset 0) b -- each made once, and what counts them made in place
        ), taken as (
            insert into mark (month, id, fingerprint, organisation, shift, class, learner, subject, kind, work, points, max_points, value,
                              date, lesson, teacher, entered_at, replaces, withdraws, corrections, reason_code, comment, reason, epoch, xid)
            select j.month, j.id, p_fingerprints[j.item], j.organisation, j.shift, j.class, j.learner, j.subject, j.kind, p_works[j.item],
                   p_points[j.item], p_max_points[j.item], p_values[j.item], p_dates[j.item], p_lessons[j.item], p_teachers[j.item],
                   p_entered[j.item], p_replaces[j.item], p_withdraws[j.item], j.corrections, p_reason_codes[j.item], p_comments[j.item],
                   p_reasons[j.item], v_stamp.epoch, v_stamp.xid
            from judged j where j.code is null
            order by j.id
        ), changed as (
            update mark m
            set replaced_by = case when j.corrects then j.id end, withdrawn_by = case when not j.corrects then j.id end,
                epoch = v_stamp.epoch, xid = v_stamp.xid
            from judged j
            where j.code is null and m.id = j.original and m.month = j.month and m.month between v_first and v_last
        )
        select j.item, case when j.code = 'duplicate' then 'duplicate' when j.code is not null then 'rejected' end,
               nullif(j.code, 'duplicate'),
               case j.code when 'duplicate' then null when 'id_reused' then '/id' when 'date_month' then '/date'
                           when 'differs_from_original' then j.differs when 'not_enrolled' then '/learner'
                           when 'learner_unknown' then '/learner' else case when j.corrects then '/replaces' else '/withdraws' end end,
               case when j.code in ('already_corrected', 'already_withdrawn') then j.last end, j.id, j.organisation::text,
               case when j.corrects then 201 else 202 end::smallint, -- mark.corrected, mark.withdrawn
               case when j.code is null
                    then p_heads[j.item]
                         || case when j.corrects then ''
                                 else event_uuid('class', j.class) || event_uuid('learner', j.learner)
                                      || event_text('subject', j.subject) end
                         || j.before || event_uuid('organisation', j.organisation) || event_int('shift', j.shift) end
        from judged j;
    end if;
end $$;
