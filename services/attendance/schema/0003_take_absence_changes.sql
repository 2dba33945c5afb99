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
    v_months date[];
    v_codes text[];    -- of each item; NULL: it is good
    v_pointers text[];
    v_others uuid[];
    v_by uuid[];       -- the caller's node that the class's organisation is below
    v_standing uuid[]; -- the id that the learner's absence stands under; NULL: there is none
    v_events uuid[];
    v_keys text[];
    v_payloads bytea[];
begin
    perform register_lane();
    v_stamp := outbox_stamp();
    select array_agg(r.month order by i.place) into v_months
    from unnest(p_registers) with ordinality as i (register, place)
         left join lateral (select r.month from register r where r.id = i.register order by r.month desc limit 1) r on true;
    perform outbox_after(r.epoch, r.xid)
    from (select i.* from unnest(p_registers, v_months) as i (register, month) order by 1) i
         cross join lateral (select r.epoch, r.xid from register r where r.id = i.register and r.month = i.month for update) r;

    select array_agg(j.code order by j.place),
           array_agg(case j.code when 'duplicate' then null when 'id_reused' then '/id' when 'not_on_roster' then '/learner' else '/register' end order by j.place),
           array_agg(case when j.code in ('already_corrected', 'already_withdrawn') then j.last end order by j.place),
           array_agg(j.node order by j.place), array_agg(j.standing order by j.place)
    into v_codes, v_pointers, v_others, v_by, v_standing
    from (select i.place, l.id as last, s.node, a.learner as standing,
                 case
                     when r.id is null then 'original_unknown'
                     when k.id is not null then case when k.fingerprint = i.fingerprint then 'duplicate' else 'id_reused' end
                     when o.id is null then 'organisation_unknown'
                     when s.node is null then 'out_of_scope'
                     when l.withdraws is not null then 'already_withdrawn'
                     when l.id <> r.id then 'already_corrected'
                     when not i.learner = any (f.learners) and not array(select ids_of(i.learner)) && f.learners then 'not_on_roster'
                 end as code
          from unnest(p_callers, p_ids, p_registers, p_learners, v_months, p_fingerprints) with ordinality
                   as i (caller, id, register, learner, month, fingerprint, place)
               left join lateral (select r.* from register r where r.id = i.register and r.month = i.month limit 1) r on true
               left join lateral (select k.id, k.fingerprint from absence_change k where k.id = i.id and k.month = i.month limit 1) k on true
               left join copy_organisation o on o.id = r.organisation
               left join lateral (select s.node from unnest(p_scope_callers, p_scope_nodes) s (caller, node)
                                  where s.caller = i.caller and s.node = any (o.path) limit 1) s on true
               left join lateral register_last(r.id, r.month) l on true
               left join lateral (select f.learners from roster f where f.id = r.roster limit 1) f on true
               left join lateral (select a.learner from absence a
                                  where a.register = r.id and a.month = r.month and a.learner = i.learner
                                  union all
                                  select a.learner from ids_of(i.learner) n (id)
                                      join absence a on a.register = r.id and a.month = r.month and a.learner = n.id
                                  limit 1) a on true) j;

    -- Several of one learner in one call follow each other: `before` is what the one before it said. Minutes stay where the code does.
    with change as (
        select i.*, r.organisation, r.class, r.subject, r.date, r.slot, r.shift, a.code as standing_code, a.minutes as standing_minutes,
               first_value(coalesce(i.standing, i.learner)) over follows as absence,
               lag(i.code) over follows as previous,
               coalesce(bool_and(i.code = a.code) over follows, false) as kept
        from (select i.*, coalesce(i.standing, canonical_of(i.learner)) as person
              from unnest(p_ids, p_registers, p_learners, p_codes, p_reason_codes, p_reasons, p_fingerprints, p_heads, v_months, v_codes,
                          v_by, v_standing) with ordinality
                       as i (id, register, learner, code, reason_code, reason, fingerprint, head, month, refused, by, standing, place)
              where i.refused is null) i
             cross join lateral (select r.* from register r where r.id = i.register and r.month = i.month limit 1) r
             left join lateral (select a.code, a.minutes from absence a
                                where a.register = i.register and a.learner = i.standing and a.month = i.month limit 1) a on true
        window follows as (partition by i.register, i.person order by i.place)
    ), ranked as (
        select c.*, coalesce(c.previous, c.standing_code, 7::smallint) as before_code, case when c.kept then c.standing_minutes end as minutes,
               case when lag(c.kept, 1, true) over follows then c.standing_minutes end as before_minutes,
               lead(c.id) over follows is null as last
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
        select r.month, r.register, r.absence, r.code, r.minutes, r.date from ranked r where r.last
        on conflict (register, learner, month) do update set code = excluded.code, minutes = excluded.minutes
    ), changed as (
        update register g set epoch = v_stamp.epoch, xid = v_stamp.xid
        from (select distinct r.register, r.month from ranked r) r where g.id = r.register and g.month = r.month
    )
    select array_agg(r.id order by r.place), array_agg(r.organisation::text order by r.place),
           array_agg(r.head || event_uuid('class', r.class) || event_uuid('learner', r.absence)
                     || coalesce(event_text('subject', r.subject), event_nil('subject'))
                     || event_text('date', to_char(r.date, 'YYYY-MM-DD'))
                     || coalesce(event_int('lesson', case when r.slot < 100 then r.slot end), event_nil('lesson'))
                     || coalesce(event_text('session', session_name(r.slot)), event_nil('session'))
                     || coalesce(event_int('minutes', r.minutes), event_nil('minutes'))
                     || event_map('before', event_text('code', absence_code_name(r.before_code)), event_int('minutes', r.before_minutes))
                     || event_uuid('organisation', r.organisation) || event_int('shift', r.shift) order by r.place)
    into v_events, v_keys, v_payloads
    from ranked r;
    if v_events is not null then
        perform outbox_append(v_events, v_keys, array_fill(303::smallint, array[cardinality(v_events)]), v_payloads); -- absence.changed
    end if;

    return query
    select i.place::integer, case i.code when 'duplicate' then 'duplicate' else 'rejected' end, nullif(i.code, 'duplicate'), i.pointer,
           i.other
    from unnest(v_codes, v_pointers, v_others) with ordinality as i (code, pointer, other, place)
    where i.code is not null;
end $$;
