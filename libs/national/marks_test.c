#include "testkit/check.h"

#include "base/cleanup.h"
#include "national/marks.h"

static struct date today(void)
{
    return date_make(2026, 11, 23);
}

static void percent_is_rounded_half_up_and_exactly(void **state)
{
    (void)state;
    assert_int_equal(marks_percent(0, 10), 0);
    assert_int_equal(marks_percent(10, 10), 100);
    assert_int_equal(marks_percent(1, 8), 13);     /* 12.5 */
    assert_int_equal(marks_percent(129, 200), 65); /* 64.5 */
    assert_int_equal(marks_percent(1, 3), 33);
    assert_int_equal(marks_percent(2, 3), 67);
    for (int max = 1; max <= POINTS_MAX; max++)
        for (int points = 0; points <= max; points++) { /* p <= 100 points / max + 1/2 < p + 1 */
            int percent = marks_percent(points, max);
            assert_true(2 * percent * max <= 200 * points + max);
            assert_true(200 * points + max < 2 * (percent + 1) * max);
        }
}

static void the_scale_has_its_edges(void **state)
{
    (void)state;
    static const int edges[][2] = {{0, 2},  {39, 2}, {40, 3}, {64, 3},
                                   {65, 4}, {84, 4}, {85, 5}, {100, 5}};
    for (size_t i = 0; i < COUNT_OF(edges); i++)
        for (int grade = 2; grade <= 12; grade++)
            assert_int_equal(marks_of_percent(edges[i][0], grade, today()), edges[i][1]);
    assert_int_equal(marks_of_percent(90, 1, today()), 0); /* grade 1 is not marked */
    assert_int_equal(marks_of_percent(90, 5, date_make(2025, 8, 31)), 0);
    assert_int_equal(marks_of_percent(90, 5, date_make(2025, 9, 1)), 5);
}

static void limits_are_by_kind_and_grade(void **state)
{
    (void)state;
    struct marks_limits formative = marks_limits(WORK_FORMATIVE, 5, today());
    assert_int_equal(formative.points_min, 1);
    assert_int_equal(formative.points_max, 10);
    struct marks_limits unit = marks_limits(WORK_SUMMATIVE_UNIT, 3, today());
    assert_int_equal(unit.work_min, 7);
    assert_int_equal(unit.work_max, 15);
    assert_int_equal(marks_limits(WORK_SUMMATIVE_UNIT, 9, today()).work_max, POINTS_MAX);
    assert_int_equal(marks_limits(WORK_FORMATIVE, -1, today()).points_max, POINTS_MAX);
    assert_int_equal(marks_limits(WORK_FORMATIVE, 5, date_make(2024, 9, 2)).points_max, POINTS_MAX);
}

static void a_term_weighs_the_kinds(void **state)
{
    (void)state;
    static const struct marks_work works[] = {
        {WORK_FORMATIVE, 8, 10},       {WORK_FORMATIVE, 9, 10},       {WORK_FORMATIVE, 10, 10},
        {WORK_SUMMATIVE_UNIT, 10, 15}, {WORK_SUMMATIVE_UNIT, 14, 20}, {WORK_SUMMATIVE_TERM, 27, 30},
    };
    /* 25 * 27/30 + 25 * 24/35 + 50 * 27/30 = 22.5 + 17.142857 + 45 = 84.642857 */
    struct marks_result result = marks_of_period(PERIOD_TERM, works, COUNT_OF(works), 7, today());
    assert_int_equal(result.status, MARKS_DONE);
    assert_int_equal(result.percent, 85);
    assert_int_equal(result.mark, 5);
}

static void rounding_happens_once_on_the_unrounded_sum(void **state)
{
    (void)state;
    static const struct marks_work half[] = {{WORK_FORMATIVE, 100, 100},
                                             {WORK_SUMMATIVE_UNIT, 100, 100},
                                             {WORK_SUMMATIVE_TERM, 69, 100}};
    assert_int_equal(marks_of_period(PERIOD_TERM, half, 3, 7, today()).percent, 85); /* 84.5 */
    assert_int_equal(marks_of_period(PERIOD_TERM, half, 3, 7, today()).mark, 5);
    static const struct marks_work edge[] = {
        {WORK_FORMATIVE, 60, 100},      {WORK_SUMMATIVE_UNIT, 60, 100},
        {WORK_SUMMATIVE_TERM, 68, 100}, {WORK_SUMMATIVE_TERM, 69, 100},
        {WORK_SUMMATIVE_TERM, 69, 100}, {WORK_SUMMATIVE_TERM, 70, 100},
    };
    struct marks_result result = marks_of_period(PERIOD_TERM, edge, COUNT_OF(edge), 7, today());
    assert_int_equal(result.percent, 65); /* 30 + 50 * 276/400 = 64.5 */
    static const struct marks_work below[] = {
        {WORK_FORMATIVE, 60, 100},      {WORK_SUMMATIVE_UNIT, 60, 100},
        {WORK_SUMMATIVE_TERM, 68, 100}, {WORK_SUMMATIVE_TERM, 69, 100},
        {WORK_SUMMATIVE_TERM, 69, 100}, {WORK_SUMMATIVE_TERM, 69, 100},
    };
    result = marks_of_period(PERIOD_TERM, below, COUNT_OF(below), 7, today());
    assert_int_equal(result.percent, 64); /* 30 + 50 * 275/400 = 64.375 */
    assert_int_equal(result.mark, 3);
    static const struct marks_work shown_higher[] = {
        {WORK_FORMATIVE, 60, 100}, {WORK_SUMMATIVE_UNIT, 60, 100}, {WORK_SUMMATIVE_TERM, 20, 29}};
    result = marks_of_period(PERIOD_TERM, shown_higher, 3, 7, today());
    assert_int_equal(result.percent, 64); /* 64.483: one decimal would show 64.5 */
    assert_int_equal(result.mark, 3);
}

static void a_missing_kind_is_not_guessed(void **state)
{
    (void)state;
    static const struct marks_work works[] = {{WORK_FORMATIVE, 8, 10},
                                              {WORK_SUMMATIVE_UNIT, 12, 15}};
    assert_int_equal(marks_of_period(PERIOD_TERM, works, 2, 7, today()).status, MARKS_INCOMPLETE);
    struct marks_result half = marks_of_period(PERIOD_HALF_YEAR, works, 2, 7, today());
    assert_int_equal(half.status, MARKS_DONE);
    assert_int_equal(half.percent, 80);
    assert_int_equal(marks_of_period(PERIOD_TERM, NULL, 0, 7, today()).status, MARKS_INCOMPLETE);
    assert_int_equal(marks_of_period(PERIOD_TERM, works, 2, 1, today()).status, MARKS_NO_RULE);
    assert_int_equal(marks_of_period(PERIOD_TERM, works, 2, 7, date_make(2020, 5, 1)).status,
                     MARKS_NO_RULE);
}

static void the_largest_term_does_not_overflow(void **state)
{
    (void)state;
    static struct marks_work works[999];
    for (size_t i = 0; i < COUNT_OF(works); i++)
        works[i] = (struct marks_work){(enum work_kind)(1 + i % 3), POINTS_MAX, POINTS_MAX};
    assert_int_equal(marks_of_period(PERIOD_TERM, works, COUNT_OF(works), 11, today()).percent,
                     100);
}

static void a_year_is_the_mean_and_an_exam_counts_thirty(void **state)
{
    (void)state;
    assert_int_equal(marks_of_year((const int[]){4, 5, 4, 5}, 4), 5); /* 4.5 */
    assert_int_equal(marks_of_year((const int[]){4, 4, 4, 5}, 4), 4);
    assert_int_equal(marks_of_year((const int[]){3, 4}, 2), 4);
    assert_int_equal(marks_final(4, 5), 4); /* 4.3 */
    assert_int_equal(marks_final(5, 3), 4); /* 4.4 */
    assert_int_equal(marks_final(3, 5), 4); /* 3.6 */
    assert_int_equal(marks_final(5, 5), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(percent_is_rounded_half_up_and_exactly),
        TEST(the_scale_has_its_edges),
        TEST(limits_are_by_kind_and_grade),
        TEST(a_term_weighs_the_kinds),
        TEST(rounding_happens_once_on_the_unrounded_sum),
        TEST(a_missing_kind_is_not_guessed),
        TEST(the_largest_term_does_not_overflow),
        TEST(a_year_is_the_mean_and_an_exam_counts_thirty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
