/* A day in its rhythm is a day: its items, its lessons, and then the next one. */
#include "testkit/check.h"

#include <math.h>
#include <stdint.h>

#include "national/calendar.h"
#include "pace.h"

enum { PERIOD_S = 55 * 60, PERIODS = 15 };

static void a_day_has_its_items(void **state)
{
    (void)state;
    struct pace pace = {.rhythm = 1, .day_items = pace_nation(false)};
    double items = 0;
    assert_int_equal(pace_nation(true), 900000 + 3 * 7800000);
    for (int period = 0; period < PERIODS; period++)
        items += PERIOD_S * pace_rate(&pace, period * (double)PERIOD_S + 1);
    assert_int_equal(items + 0.5, pace.day_items);
}

static void a_faster_day_is_the_same(void **state)
{
    (void)state;
    struct pace slow = {.rhythm = 1, .day_items = 1000}, fast = {.rhythm = 60, .day_items = 1000};
    for (int minute = 0; minute < PERIODS * 55; minute++) {
        assert_true(fabs(60 * pace_rate(&slow, minute * 60.0) - pace_rate(&fast, minute)) < 1e-9);
        assert_int_equal(pace_lessons(&slow, minute * 60.0), pace_lessons(&fast, minute));
    }
}

static void lessons_come_one_by_one_and_day_by_day(void **state)
{
    (void)state;
    struct pace pace = {.rhythm = 1};
    assert_int_equal(pace_lessons(&pace, 0), 1);
    assert_int_equal(pace_lessons(&pace, PERIOD_S), 2);
    assert_int_equal(pace_lessons(&pace, (PERIODS - 1) * PERIOD_S), LESSON_MAX);
    assert_int_equal(pace_lessons(&pace, PERIODS * PERIOD_S), LESSON_MAX + 1);
    pace.rhythm = 0;
    assert_true(pace_lessons(&pace, 0) == SIZE_MAX);
}

static void without_a_rhythm_the_rate_is_what_was_said(void **state)
{
    (void)state;
    struct pace pace = {.rate = 300, .day_items = 1000};
    assert_int_equal(pace_rate(&pace, 5000), 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_day_has_its_items),
        TEST(a_faster_day_is_the_same),
        TEST(lessons_come_one_by_one_and_day_by_day),
        TEST(without_a_rhythm_the_rate_is_what_was_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
