-- Rosters that were frozen while one child was known under two ids. When the match is known, the canonical id takes the place of the
-- other; where both were on the roster, the child counts once from then on: on every register of that roster, and of two absences in
-- one lesson one stands, that under the canonical id rather than another. Each register that counts tells so (register.recounted).

-- The registers of rosters that have become shorter.
create function recount_registers_of(p_rosters uuid[]) returns void language plpgsql as $$
declare
    v_stamp record := outbox_stamp();
    v_ids uuid[];
    v_months date[];
    v_epochs bigint[];
    v_xids bigint[];
    v_first date; -- of the months
    v_last date;
    v_befores bytea[];
begin
    select array_agg(r.id), array_agg(r.month), min(r.month), max(r.month), array_agg(r.epoch), array_agg(r.xid)
    into v_ids, v_months, v_first, v_last, v_epochs, v_xids
    from (select r.* from roster f join register r on r.class = f.class and r.roster = f.id
          where f.id = any (p_rosters) order by r.id for update of r) r;
    if v_ids is null then
        return;
    end if;
    perform outbox_after(v_epochs, v_xids);
    v_befores := array(select register_before_event(r.subject, r.date, r.slot, r.learners, e.exceptions)
                       from unnest(v_ids, v_months) with ordinality as i (id, month, place)
                            join register r on r.id = i.id and r.month = i.month
                            cross join lateral register_exceptions_event(r.id, r.month, v_first, v_last, null) e
                       order by i.place);
    with absent as (
        select a.*, row_number() over (partition by a.register, canonical_of(a.learner)
                                       order by a.code = 7, a.learner <> canonical_of(a.learner), a.learner) as place
        from unnest(v_ids, v_months) as i (id, month) join absence a on a.register = i.id and a.month = i.month
    )
    delete from absence a using absent d
    where d.place > 1 and a.register = d.register and a.learner = d.learner and a.month = d.month;
    update register r set learners = cardinality(f.learners), epoch = v_stamp.epoch, xid = v_stamp.xid
    from unnest(v_ids, v_months) as i (id, month), roster f
    where r.id = i.id and r.month = i.month and f.id = r.roster;
    perform outbox_append(array_agg(gen_random_uuid()), array_agg(r.organisation::text), array_agg(304::smallint), -- register.recounted
                          array_agg('\x8b'::bytea || event_uuid('id', r.id) || event_uuid('class', r.class)
                                    || coalesce(event_text('subject', r.subject), event_nil('subject')) || event_date('date', r.date)
                                    || coalesce(event_int('lesson', case when r.slot < 100 then r.slot end), event_nil('lesson'))
                                    || coalesce(event_text('session', session_name(r.slot)), event_nil('session'))
                                    || coalesce(e.exceptions, event_nil('exceptions')) || i.before
                                    || event_uuid('organisation', r.organisation) || event_int('shift', r.shift)
                                    || event_int('learners', r.learners)))
    from unnest(v_ids, v_months, v_befores) as i (id, month, before)
         join register r on r.id = i.id and r.month = i.month
         cross join lateral register_exceptions_event(r.id, r.month, v_first, v_last, null) e
    where r.active
    having count(*) > 0;
end $$;

-- Some of the ids that have become other names. Returns how many were looked at.
create function recount_registers(p_most integer) returns integer language plpgsql as $$
declare
    v_ids uuid[];
    v_rosters uuid[];
    v_shorter uuid[];
begin
    if not exists (select from dirty_alias) then -- and others need not wait
        return 0;
    end if;
    perform register_lane();
    with taken as (
        delete from dirty_alias d where d.id in (select x.id from dirty_alias x limit p_most) returning d.id
    )
    select array_agg(distinct t.id) into v_ids from taken t;
    with changed as (
        select r.id, cardinality(r.learners) as former,
               array(select distinct canonical_of(l) from unnest(r.learners) l order by 1) as learners
        from roster r where r.learners && v_ids
    ), put as (
        update roster r set learners = c.learners from changed c where r.id = c.id and r.learners <> c.learners
        returning r.id, c.former > cardinality(c.learners) as shorter
    )
    select array_agg(p.id), array_agg(p.id) filter (where p.shorter) into v_rosters, v_shorter from put p;
    if v_rosters is not null then
        perform note_class_overlaps(v_rosters);
    end if;
    if v_shorter is not null then
        perform recount_registers_of(v_shorter);
    end if;
    return coalesce(cardinality(v_ids), 0);
end $$;
