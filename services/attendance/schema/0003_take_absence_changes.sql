-- POST /v1/absence-changes: all items of one call (service/gather.h says what the parameters are and what is returned). Each is of
-- the month of its register, the newest that has one of that id. Re-codes who is on the frozen roster, keeps the history, and logs
-- the events, in one transaction.
create function take_absence_changes(
    p_callers integer[], p_scope_callers integer[], p_scope_nodes uuid[], p_today date,
    p_ids uuid[], p_registers uuid[], p_learners uuid[], p_codes smallint[], p_reason_codes smallint[], p_reasons text[],
    p_fingerprints uuid[], p_heads bytea[])
    returns table (item integer, outcome text, code text, pointer text, other uuid) language plpgsql as $$
#variable_conflict use_column
declare
    v_stamp record;
    v_recent date := date_trunc('month', p_today) - interval '1 month';
    v_months date[];
    v_first date;      -- of the months: PostgreSQL opens their partitions only (take_registers)
    v_last date;
    v_repeats boolean; -- there may be duplicates
    v_codes text[];    -- of each item; NULL: it is good
    v_others uuid[];
    v_events uuid[];
    v_keys text[];
    v_payloads bytea[];
begin
    perform register_lane();
    v_stamp := outbox_stamp();
    select array_agg(r.month order by i.place) into v_months
    from unnest(p_registers) with ordinality as i (register, place)
         left join lateral (select r.month from register r
                            where r.id = i.register and r.month >= v_recent order by r.month desc limit 1) r on true;
    if array_position(v_months, null) is not null then
        select array_agg(coalesce(i.month, r.month) order by i.place) into v_months
        from unnest(p_registers, v_months) with ordinality as i (register, month, place)
             left join lateral (select r.month from register r
                                where i.month is null and r.id = i.register and r.month < v_recent order by r.month desc limit 1) r on true;
    end if;
    select min(m), max(m) into v_first, v_last from unnest(v_months) m;
    perform outbox_after(array_agg(r.epoch), array_agg(r.xid))
    from (select distinct i.* from unnest(p_registers, v_months) as i (register, month) order by 1) i
         cross join lateral (select r.epoch, r.xid from register r
                             where r.id = i.register and r.month = i.month and r.month between v_first and v_last for update) r;
    v_repeats := exists (select from absence_change k where k.id = any (p_ids) and k.month between v_first and v_last);

    -- Several of one learner in one call follow each other: `before` is what the one before it said. Minutes stay where the code does.
    with judged as (
        select i.*, r.organisation, r.class, r.subject, r.date, r.slot, r.shift, s.node as by,
               a.learner as standing, a.code as standing_code, a.minutes as standing_minutes, coalesce(l.id, r.id) as last,
               case
                   when r.id is null then 'original_unknown'
                   when k.id is not null then case when k.fingerprint = i.fingerprint then 'duplicate' else 'id_reused' end
                   when o.id is null then 'organisation_unknown'
                   when s.node is null then 'out_of_scope'
                   when coalesce(l.withdraws, r.withdraws) is not null then 'already_withdrawn'
                   when l.id is not null then 'already_corrected'
                   when not i.learner = any (f.learners) and not array(select ids_of(i.learner)) && f.learners then 'not_on_roster'
               end as refused
        from unnest(p_callers, p_ids, p_registers, p_learners, p_codes, p_reason_codes, p_reasons, p_fingerprints, p_heads, v_months)
                 with ordinality
                 as i (caller, id, register, learner, code, reason_code, reason, fingerprint, head, month, place)
             left join lateral (select r.* from register r
                                where r.id = i.register and r.month = i.month and r.month between v_first and v_last limit 1) r on true
             left join lateral (select k.id, k.fingerprint from absence_change k
                                where v_repeats and k.id = i.id and k.month = i.month and k.month between v_first and v_last limit 1) k
                 on true
             left join lateral (select o.id, o.path from copy_organisation o where o.id = r.organisation limit 1) o on true
             left join lateral (select s.node from unnest(p_scope_callers, p_scope_nodes) s (caller, node)
                                where s.caller = i.caller and s.node = any (o.path) limit 1) s on true
             left join lateral register_last(case when r.replaced_by is not null or r.withdrawn_by is not null then r.id end, r.month) l
                 on true
             left join lateral (select f.learners from roster f where f.id = r.roster limit 1) f on true
             left join lateral ((select a.learner, a.code, a.minutes from absence a
                                 where a.register = r.id and a.month = r.month and a.month between v_first and v_last
                                       and a.learner = i.learner limit 1)
                                union all
                                select a.learner, a.code, a.minutes
                                from ids_of(i.learner) p (id)
                                     cross join lateral (select a.* from absence a
                                                         where a.register = r.id and a.month = r.month and a.month between v_first and v_last
                                                               and a.learner = p.id limit 1) a
                                where (select true from copy_alias n where n.id = i.learner or n.canonical = i.learner limit 1)
                                limit 1) a on true
    ), change as (
        select i.*, first_value(coalesce(i.standing, i.learner)) over follows as absence, lag(i.code) over follows as previous,
               coalesce(bool_and(i.code = i.standing_code) over follows, false) as kept
        from (select j.*, coalesce(j.standing, (select n.canonical from copy_alias n where n.id = j.learner), j.learner) as person
              from judged j where j.refused is null) i
        window follows as (partition by i.register, i.person order by i.place)
    ), ranked as (
        select c.*, coalesce(c.previous, c.standing_code, 7::smallint) as before_code, case when c.kept then c.standing_minutes end as minutes,
               case when lag(c.kept, 1, true) over follows then c.standing_minutes end as before_minutes,
               lead(c.id) over follows is null as last_of_all
        from change c
        window follows as (partition by c.register, c.person order by c.place)
    ), history as (
        insert into absence_change (month, id, fingerprint, register, learner, code, minutes, before_code, before_minutes, reason_code,
                                    reason, by)
        select r.month, r.id, r.fingerprint, r.register, r.absence, r.code, r.minutes, r.before_code, r.before_minutes, r.reason_code,
               r.reason, r.by
        from ranked r order by r.place
    ), standing as (
        insert into absence as a (month, register, learner, code, minutes, date)
        select r.month, r.register, r.absence, r.code, r.minutes, r.date from ranked r where r.last_of_all
        on conflict (register, learner, month) do update set code = excluded.code, minutes = excluded.minutes
    ), changed as (
        update register g set epoch = v_stamp.epoch, xid = v_stamp.xid
        from (select distinct r.register, r.month from ranked r) r
        where g.id = r.register and g.month = r.month and g.month between v_first and v_last
    ), event as (
        select r.id, r.organisation::text as key,
               r.head || event_uuid('class', r.class) || event_uuid('learner', r.absence)
               || coalesce(event_text('subject', r.subject), event_nil('subject')) || event_date('date', r.date)
               || coalesce(event_int('lesson', case when r.slot < 100 then r.slot end), event_nil('lesson'))
               || coalesce(event_text('session', session_name(r.slot)), event_nil('session'))
               || coalesce(event_int('minutes', r.minutes), event_nil('minutes'))
               || event_map('before', 1 + (r.before_minutes is not null)::integer,
                            event_text('code', absence_code_name(r.before_code)) || coalesce(event_int('minutes', r.before_minutes), ''))
               || event_uuid('organisation', r.organisation) || event_int('shift', r.shift) as payload
        from ranked r order by r.place
    )
    select j.codes, j.others, e.ids, e.keys, e.payloads
    into v_codes, v_others, v_events, v_keys, v_payloads
    from (select array_agg(j.refused order by j.place) as codes,
                 array_agg(case when j.refused in ('already_corrected', 'already_withdrawn') then j.last end order by j.place) as others
          from judged j) j,
         (select array_agg(e.id) as ids, array_agg(e.key) as keys, array_agg(e.payload) as payloads from event e) e;
    if v_events is not null then
        perform outbox_append(v_events, v_keys, array_fill(303::smallint, array[cardinality(v_events)]), v_payloads); -- absence.changed
    end if;

    return query
    select i.place::integer, case i.code when 'duplicate' then 'duplicate' else 'rejected' end, nullif(i.code, 'duplicate'),
           case i.code when 'duplicate' then null when 'id_reused' then '/id' when 'not_on_roster' then '/learner' else '/register' end,
           i.other
    from unnest(v_codes, v_others) with ordinality as i (code, other, place)
    where i.code is not null;
end $$;
