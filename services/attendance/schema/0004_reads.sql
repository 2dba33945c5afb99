-- Re-codings of one absence, the newest first, at most 100.
create function absence_history(p_register uuid, p_learner uuid, p_month date) returns jsonb language sql stable as $$
    select jsonb_agg(jsonb_build_object(
               'id', c.id, 'code', absence_code_name(c.code), 'minutes', c.minutes,
               'before', jsonb_build_object('code', absence_code_name(c.before_code), 'minutes', c.before_minutes),
               'reason_code', register_reason_name(c.reason_code), 'reason', c.reason, 'by', c.by, 'recorded_at', c.recorded_at)
               order by c.seq desc)
    from (select c.* from absence_change c
          where c.register = p_register and c.learner = p_learner and c.month = p_month order by c.seq desc limit 100) c
$$;

-- Absences of registers that count, as they stand.
create view absence_shown as
select a.month, a.register, r.class, a.learner, r.subject, a.date, case when r.slot < 100 then r.slot::integer end as lesson,
       case when r.slot > 100 then (r.slot - 100)::smallint end as session, a.code, a.minutes::integer, a.note,
       absence_history(a.register, a.learner, a.month) as history
from absence a join register r on r.id = a.register and r.month = a.month
where r.active;

-- Registers as they stand, replaced and withdrawn ones as such. Withdrawals are not registers.
create view register_shown as
select r.month, r.id, r.class, r.subject, r.date, case when r.slot < 100 then r.slot::integer end as lesson,
       case when r.slot > 100 then (r.slot - 100)::smallint end as session, r.teacher, r.taken_at, r.learners,
       (select jsonb_agg(jsonb_build_object('learner', a.learner, 'code', absence_code_name(a.code), 'minutes', a.minutes, 'note', a.note,
                                            'history', absence_history(a.register, a.learner, a.month)) order by a.learner)
        from absence a where a.register = r.id and a.month = r.month) as exceptions,
       r.replaces, r.reason_code, r.reason, r.organisation, r.recorded_at, r.replaced_by,
       (select jsonb_build_object('id', w.id, 'date', w.date, 'reason_code', register_reason_name(w.reason_code), 'reason', w.reason,
                                  'recorded_at', w.recorded_at)
        from register w where w.id = r.withdrawn_by and w.month = r.month) as withdrawn
from register r where r.withdraws is null;
