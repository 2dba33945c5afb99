-- The facts of one batch, added up by key (domain.h) and in the order of the keys, so that two processes wait for each other in
-- one order. Taken back: the same with negative numbers and no heard_at.
create function add_cells(
    p_organisations uuid[], p_dates date[], p_shifts integer[], p_slots integer[],
    p_registers bigint[], p_learner_lessons bigint[], p_absent_unexcused bigint[], p_absent_ill bigint[], p_absent_excused bigint[],
    p_late bigint[], p_late_minutes bigint[], p_remote bigint[], p_exempt bigint[],
    p_formative bigint[], p_summative_unit bigint[], p_summative_term bigint[], p_marks_with_points bigint[],
    p_percent_sum_hundredths bigint[], p_at_least_65 bigint[], p_at_least_40 bigint[], p_heard_at timestamptz[])
    returns void language plpgsql as $$
begin
    insert into cell as c (organisation, date, shift, slot,
                           registers, learner_lessons, absent_unexcused, absent_ill, absent_excused, late, late_minutes, remote, exempt,
                           formative, summative_unit, summative_term, marks_with_points, percent_sum_hundredths, at_least_65,
                           at_least_40, heard_at)
    select *
    from unnest(p_organisations, p_dates, p_shifts, p_slots,
                p_registers, p_learner_lessons, p_absent_unexcused, p_absent_ill, p_absent_excused, p_late, p_late_minutes, p_remote,
                p_exempt, p_formative, p_summative_unit, p_summative_term, p_marks_with_points, p_percent_sum_hundredths,
                p_at_least_65, p_at_least_40, p_heard_at)
    on conflict (organisation, date, shift, slot) do update set
        registers = c.registers + excluded.registers,
        learner_lessons = c.learner_lessons + excluded.learner_lessons,
        absent_unexcused = c.absent_unexcused + excluded.absent_unexcused,
        absent_ill = c.absent_ill + excluded.absent_ill,
        absent_excused = c.absent_excused + excluded.absent_excused,
        late = c.late + excluded.late,
        late_minutes = c.late_minutes + excluded.late_minutes,
        remote = c.remote + excluded.remote,
        exempt = c.exempt + excluded.exempt,
        formative = c.formative + excluded.formative,
        summative_unit = c.summative_unit + excluded.summative_unit,
        summative_term = c.summative_term + excluded.summative_term,
        marks_with_points = c.marks_with_points + excluded.marks_with_points,
        percent_sum_hundredths = c.percent_sum_hundredths + excluded.percent_sum_hundredths,
        at_least_65 = c.at_least_65 + excluded.at_least_65,
        at_least_40 = c.at_least_40 + excluded.at_least_40,
        heard_at = greatest(c.heard_at, excluded.heard_at);

    insert into dirty (organisation, date) select distinct * from unnest(p_organisations, p_dates);
end $$;
