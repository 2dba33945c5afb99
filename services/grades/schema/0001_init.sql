-- Marks: facts, immutable once taken. A correction (`replaces`) and a withdrawal (`withdraws`) are rows of their own in the
-- same month. An id is compared with those of its month; `fingerprint` tells the same content from another.

create table mark (
    month        date not null,
    id           uuid not null,
    fingerprint  uuid not null,
    organisation uuid not null, -- of the class, on the mark's date: what is recorded stays there, corrections included
    shift        smallint not null, -- likewise
    class        uuid not null,
    learner      uuid not null,
    subject      text not null,
    kind         smallint not null,
    work         uuid,
    points       smallint,
    max_points   smallint,
    value        smallint,
    date         date not null,
    lesson       smallint,
    teacher      uuid,
    entered_at   timestamptz,
    replaces     uuid,     -- what it corrects
    withdraws    uuid,     -- it takes back that one, whose class, learner, subject and kind stand here
    corrections  smallint, -- before and with it, of a correction
    replaced_by  uuid,     -- by which it was corrected
    withdrawn_by uuid,
    reason_code  smallint,
    comment      text,
    reason       text,
    taken_at     timestamptz not null default now(),
    epoch        bigint not null, -- of the transaction that changed it last (outbox_after)
    xid          bigint not null,
    primary key (id, month)
) partition by range (month);
create index mark_learner on mark (learner, date);
create index mark_class on mark (class, date);

-- The names on topics and in answers (contracts/marks.c).
create function mark_kind_name(p_kind smallint) returns text language sql immutable parallel safe as $$
    select (array['formative', 'summative_unit', 'summative_term'])[p_kind]
$$;
create function mark_value_name(p_value smallint) returns text language sql immutable parallel safe as $$
    select (array['pass', 'fail', 'exempt', 'not_attested'])[p_value]
$$;
create function mark_reason_name(p_reason smallint) returns text language sql immutable parallel safe as $$
    select (array['error', 'recheck', 'appeal', 'late_work'])[p_reason]
$$;

-- What took the place of a mark last: itself, its last correction, or the withdrawal of that one. NULL: no row.
create function mark_last(p_id uuid, p_month date) returns table (id uuid, withdraws uuid) language plpgsql stable strict rows 1 as $$
#variable_conflict use_column
declare
    v_next uuid := p_id;
begin
    while v_next is not null loop
        select m.id, m.withdraws, coalesce(m.replaced_by, m.withdrawn_by) into mark_last.id, mark_last.withdraws, v_next
        from mark m where m.id = v_next and m.month = p_month;
    end loop;
    if mark_last.id is not null then
        return next;
    end if;
end $$;

-- What a mark was before its corrections, the newest first, from the one that it replaces on.
create function mark_history(p_id uuid, p_month date) returns jsonb language sql stable as $$
    with recursive chain as (
        select m.*, 1 as place from mark m where m.id = p_id and m.month = p_month
        union all
        select m.*, c.place + 1
        from chain c cross join lateral (select m.* from mark m where m.id = c.replaces and m.month = p_month limit 1) m
    )
    select jsonb_agg(jsonb_build_object(
               'id', c.id, 'kind', mark_kind_name(c.kind), 'work', c.work, 'points', c.points, 'max_points', c.max_points,
               'value', mark_value_name(c.value), 'date', c.date, 'lesson', c.lesson, 'teacher', c.teacher, 'entered_at', c.entered_at,
               'reason_code', mark_reason_name(c.reason_code), 'comment', c.comment, 'reason', c.reason, 'recorded_at', c.taken_at)
               order by c.place)
    from chain c
$$;

-- Marks as they are shown: each as it stands now, withdrawn ones as such, with what they were.
create view mark_shown as
select m.month, m.id, m.class, m.learner, m.subject, m.kind, m.work, m.points::integer, m.max_points::integer, m.value, m.date,
       m.lesson::integer, m.teacher, m.entered_at, m.replaces, m.reason_code, m.comment, m.reason, m.organisation,
       m.taken_at as recorded_at,
       (select jsonb_build_object('id', w.id, 'date', w.date, 'reason_code', mark_reason_name(w.reason_code), 'reason', w.reason,
                                  'recorded_at', w.taken_at)
        from mark w where w.id = m.withdrawn_by and w.month = m.month) as withdrawn,
       case when m.replaces is not null then mark_history(m.replaces, m.month) end as history
from mark m where m.withdraws is null and m.replaced_by is null;

-- Months are made ahead by role jobs, from the first that is still taken. Some room is left on each page: what changes a mark is noted
-- in its row, and a new version of that beside the old one needs nothing of the indexes.
create function mark_make_months(p_from date, p_to date) returns void language plpgsql as $$
declare
    v_month date;
begin
    for v_month in select m::date from generate_series(date_trunc('month', p_from), p_to, interval '1 month') m loop
        if to_regclass('mark_' || to_char(v_month, 'YYYYMM')) is null then
            execute format('create table %I (like mark including defaults including storage including compression)'
                           ' with (fillfactor = 90)', 'mark_' || to_char(v_month, 'YYYYMM'));
            execute format('alter table mark attach partition %I for values from (%L) to (%L)',
                           'mark_' || to_char(v_month, 'YYYYMM'), v_month, (v_month + interval '1 month')::date);
        end if;
    end loop;
end $$;
select mark_make_months((current_date - interval '26 months')::date, (current_date + interval '3 months')::date);
