/* The arithmetic of indicators. */
#include "testkit/check.h"

#include "domain.h"

static struct uuid id(uint8_t last)
{
    return (struct uuid){.bytes = {[0] = 1, [15] = last}};
}

static struct mark mark_of(int32_t points, int32_t max_points)
{
    return (struct mark){.organisation = id(1),
                         .date = date_make(2026, 11, 23),
                         .shift = 1,
                         .kind = MARK_FORMATIVE,
                         .points = {true, points},
                         .max_points = {true, max_points}};
}

static void percent_is_rounded_half_up_to_hundredths(void **state)
{
    (void)state;
    assert_int_equal(percent_hundredths(0, 7), 0);
    assert_int_equal(percent_hundredths(7, 7), 10000);
    assert_int_equal(percent_hundredths(1, 3), 3333);
    assert_int_equal(percent_hundredths(2, 3), 6667);
    assert_int_equal(percent_hundredths(1, 32), 313); /* 3.125 */
    assert_int_equal(percent_hundredths(1, 96), 104); /* 1.041666... */
}

static void thresholds_are_exact(void **state)
{
    (void)state;
    assert_int_equal(
        cell_of_mark(&(struct mark){.points = {true, 13}, .max_points = {true, 20}}, 1).at_least_65,
        1);
    struct mark below = mark_of(64, 99), at = mark_of(65, 100), forty = mark_of(2, 5);
    assert_int_equal(cell_of_mark(&below, 1).at_least_65, 0); /* 64.65 % */
    assert_int_equal(cell_of_mark(&at, 1).at_least_65, 1);
    assert_int_equal(cell_of_mark(&forty, 1).at_least_40, 1);
    assert_int_equal(cell_of_mark(&forty, 1).at_least_65, 0);
}

static void a_mark_counts_under_its_kind_and_lesson(void **state)
{
    (void)state;
    struct mark mark = mark_of(7, 10);
    mark.lesson = (struct optional){true, 3};
    mark.kind = MARK_SUMMATIVE_UNIT;
    struct cell cell = cell_of_mark(&mark, 1);
    assert_int_equal(cell.slot, 3);
    assert_int_equal(cell.formative, 0);
    assert_int_equal(cell.summative_unit, 1);
    assert_int_equal(cell.marks_with_points, 1);
    assert_int_equal(cell.percent_sum_hundredths, 7000);
    mark.points = mark.max_points = (struct optional){0};
    mark.value = MARK_PASS;
    cell = cell_of_mark(&mark, 1);
    assert_int_equal(cell.summative_unit, 1);
    assert_int_equal(cell.marks_with_points, 0);
}

static void a_register_counts_its_roster_and_each_exception(void **state)
{
    (void)state;
    static const struct register_exception exceptions[] = {
        {.code = ABSENCE_UNEXCUSED}, {.code = ABSENCE_ILL},
        {.code = ABSENCE_ILL},       {.code = ABSENCE_EXCUSED},
        {.code = ABSENCE_REMOTE},    {.code = ABSENCE_LATE, .minutes = {true, 15}},
        {.code = ABSENCE_LATE},      {.code = ABSENCE_EXEMPT},
    };
    struct lesson_register taken = {.organisation = id(1),
                                    .date = date_make(2026, 11, 23),
                                    .session = SESSION_PM,
                                    .learners = 25,
                                    .exceptions = {exceptions, COUNT_OF(exceptions)}};
    struct cell cell = cell_of_register(&taken, 1);
    assert_int_equal(cell.slot, 103);
    assert_int_equal(cell.registers, 1);
    assert_int_equal(cell.learner_lessons, 25);
    assert_int_equal(cell.absent_unexcused, 1);
    assert_int_equal(cell.absent_ill, 2);
    assert_int_equal(cell.absent_excused, 1);
    assert_int_equal(cell.late, 2);
    assert_int_equal(cell.late_minutes, 15);
    assert_int_equal(cell.remote, 1);
    assert_int_equal(cell.exempt, 1);
}

static void a_recoded_absence_changes_its_cell(void **state)
{
    (void)state;
    struct absence_change change = {.organisation = id(1),
                                    .date = date_make(2026, 11, 23),
                                    .session = SESSION_PM,
                                    .shift = 1,
                                    .code = ABSENCE_EXCUSED,
                                    .before = {ABSENCE_LATE, {true, 9}}};
    struct cell cell = cell_of_absence_change(&change, 1);
    assert_int_equal(cell.slot, 103);
    assert_int_equal(cell.registers, 0);
    assert_int_equal(cell.late, -1);
    assert_int_equal(cell.late_minutes, -9);
    assert_int_equal(cell.absent_excused, 1);
    change.code = ABSENCE_PRESENT;
    cell = cell_of_absence_change(&change, -1);
    assert_int_equal(cell.late, 1);
    assert_int_equal(cell.late_minutes, 9);
    assert_int_equal(cell.absent_excused + cell.remote + cell.exempt, 0);
}

static void what_is_taken_back_leaves_nothing(void **state)
{
    (void)state;
    static const struct register_exception late = {.code = ABSENCE_LATE, .minutes = {true, 5}};
    struct mark mark = mark_of(7, 9);
    struct lesson_register taken = {.organisation = id(1),
                                    .date = date_make(2026, 11, 23),
                                    .shift = 1,
                                    .lesson = {true, 2},
                                    .learners = 25,
                                    .exceptions = {&late, 1}};
    mark.lesson = taken.lesson;
    struct cell cells[] = {cell_of_mark(&mark, 1), cell_of_register(&taken, 1),
                           cell_of_register(&taken, -1), cell_of_mark(&mark, -1)};
    assert_int_equal(cells_merge(cells, COUNT_OF(cells)), 1);
    struct cell nothing = {
        .organisation = id(1), .date = date_make(2026, 11, 23), .shift = 1, .slot = 2};
    for (size_t i = 0; i < cell_columns.count; i++) {
        const struct field *field = &cell_columns.fields[i];
        if (field->type == FIELD_BIGINT)
            assert_int_equal(*(int64_t *)((char *)&cells[0] + field->offset), 0);
    }
    assert_true(uuid_equal(&cells[0].organisation, &nothing.organisation));
}

static void merging_keeps_keys_apart_and_in_order(void **state)
{
    (void)state;
    struct date day = date_make(2026, 11, 23), next = {day.day + 1};
    struct cell cells[] = {
        {id(2), day, 1, 1, .registers = 1},
        {id(1), next, 1, 1, .registers = 2},
        {id(1), day, 2, 1, .registers = 4},
        {id(1), day, 1, 2, .registers = 8},
        {id(1), day, 1, 1, .registers = 16, .heard_at = {5}},
        {id(1), day, 1, 1, .registers = 32, .heard_at = {9}},
        {id(1), day, 1, 1, .registers = 64, .heard_at = {7}},
    };
    assert_int_equal(cells_merge(cells, COUNT_OF(cells)), 5);
    static const int64_t expected[] = {112, 8, 4, 2, 1};
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        assert_int_equal(cells[i].registers, expected[i]);
    assert_int_equal(cells[0].heard_at.us, 9);
    assert_int_equal(cells_merge(cells, 0), 0);
}

static void shares_are_rounded_once_and_absent_over_nothing(void **state)
{
    (void)state;
    struct indicator day = {.learner_lessons = 300,
                            .absent_ill = 60,
                            .absent_excused = 30,
                            .absent_unexcused = 10,
                            .late = 100,
                            .marks_with_points = 3,
                            .percent_sum_hundredths = 20000,
                            .at_least_65 = 2,
                            .at_least_40 = 3};
    struct day_view view = day_view_of(&day);
    assert_int_equal(view.attendance.attendance_rate.value, 6667); /* 200 of 300 */
    assert_int_equal(view.marks.mean_percent.value, 6667);         /* 66.666... */
    assert_int_equal(view.marks.share_at_least_65.value, 6667);
    assert_int_equal(view.marks.share_at_least_40.value, 10000);
    view = day_view_of(&(struct indicator){0});
    assert_false(view.attendance.attendance_rate.present);
    assert_false(view.marks.mean_percent.present);
    assert_false(view.marks.share_at_least_65.present);
}

static void an_answer_has_its_children_with_their_days(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    const struct indicator_row rows[] = {
        {.day = {.node = STR("KZ"), .date = {10}, .learners = 9}},
        {.day = {.node = STR("KZ"), .date = {11}}},
        {true, {.node = STR("10"), .date = {10}, .learners = 4}, STR("а"), STR("б")},
        {true, {.node = STR("10"), .date = {11}}, STR("а"), STR("б")},
        {true, {.node = STR("11")}, STR("в"), STR("г")}, /* no day has begun */
    };
    const struct node_view *view = node_view_of(rows, COUNT_OF(rows), &arena);
    assert_int_equal(view->days.count, 2);
    assert_int_equal(view->children.count, 2);
    const struct node_view *children = view->children.items;
    const struct day_view *days = children[0].days.items;
    assert_int_equal(days[0].contingent.learners, 4);
    assert_int_equal(children[1].days.count, 0);
    assert_true(str_equal(children[1].name.ru, STR("г")));
}

static void an_event_names_the_counts_of_its_set_only(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf json = {0};
    struct indicator day = {.node = STR("KZ"),
                            .tree = TREE_TERRITORY,
                            .date = {740000},
                            .set = SET_MARKS,
                            .as_of = {1},
                            .learners = 7,
                            .formative = 3};
    record_encode_json(indicator_set_event(SET_MARKS), &day, &json);
    buf_add_char(&json, '\0');
    assert_non_null(strstr(json.ptr, "\"set\":\"marks\""));
    assert_non_null(strstr(json.ptr, "\"formative\":3"));
    assert_null(strstr(json.ptr, "learners"));
    assert_null(strstr(json.ptr, "registers"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(percent_is_rounded_half_up_to_hundredths),
        TEST(thresholds_are_exact),
        TEST(a_mark_counts_under_its_kind_and_lesson),
        TEST(a_register_counts_its_roster_and_each_exception),
        TEST(a_recoded_absence_changes_its_cell),
        TEST(what_is_taken_back_leaves_nothing),
        TEST(merging_keeps_keys_apart_and_in_order),
        TEST(shares_are_rounded_once_and_absent_over_nothing),
        TEST(an_answer_has_its_children_with_their_days),
        TEST(an_event_names_the_counts_of_its_set_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
