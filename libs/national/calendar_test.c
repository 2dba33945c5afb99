#include "testkit/check.h"

#include "base/cleanup.h"
#include "national/calendar.h"

static void terms_are_those_of_the_order(void **state)
{
    (void)state;
    static const struct {
        int year, month, day, term;
    } days[] = {
        {2026, 8, 31, 0}, {2026, 9, 1, 1},   {2026, 10, 25, 1}, {2026, 10, 26, 0}, {2026, 11, 1, 0},
        {2026, 11, 2, 2}, {2026, 12, 27, 2}, {2026, 12, 28, 0}, {2027, 1, 10, 0},  {2027, 1, 11, 3},
        {2027, 3, 21, 3}, {2027, 3, 22, 0},  {2027, 3, 28, 0},  {2027, 3, 29, 4},  {2027, 5, 25, 4},
        {2027, 5, 26, 0}, {2025, 9, 1, 1},   {2025, 10, 27, 0}, {2026, 1, 7, 0},   {2026, 1, 8, 3},
        {2026, 3, 18, 3}, {2026, 3, 29, 0},  {2026, 5, 25, 4},  {2024, 10, 1, 0},  {2027, 9, 1, 0},
    };
    for (size_t i = 0; i < COUNT_OF(days); i++)
        assert_int_equal(calendar_term_of(date_make(days[i].year, days[i].month, days[i].day)),
                         days[i].term);
}

static void tables_of_dates_are_real_days_in_order(void **state)
{
    (void)state;
    for (int year = 2025; year <= 2026; year++) {
        const struct calendar_year *rules = calendar_find(year);
        assert_int_equal(rules->terms[0].first.day, date_make(year, 9, 1).day);
        assert_int_equal(rules->terms[3].last.day, date_make(year + 1, 5, 25).day);
        for (int i = 0; i < CALENDAR_TERMS; i++) {
            assert_true(rules->terms[i].first.day < rules->terms[i].last.day);
            assert_true(i == 0 || rules->terms[i - 1].last.day < rules->terms[i].first.day);
        }
        assert_int_equal(calendar_term_of(rules->first_grade_break.first), 3);
        assert_int_equal(date_weekday(rules->first_grade_break.first), 1);
        assert_int_equal(date_weekday(rules->first_grade_break.last), 7);
    }
    assert_null(calendar_find(2024));
}

static void school_days_know_weekends_holidays_and_the_first_grade(void **state)
{
    (void)state;
    assert_true(calendar_is_school_day(date_make(2026, 11, 23), 5));
    assert_int_equal(calendar_day(date_make(2026, 11, 21), 5), CALENDAR_WEEKEND);
    assert_int_equal(calendar_day(date_make(2026, 10, 28), 5), CALENDAR_HOLIDAYS);
    assert_int_equal(calendar_day(date_make(2026, 12, 16), 5), CALENDAR_DAY_OFF);
    assert_int_equal(calendar_day(date_make(2027, 3, 15), 5), CALENDAR_DAY_OFF);
    assert_int_equal(calendar_day(date_make(2026, 3, 16), 5), CALENDAR_SCHOOL); /* before the law */
    assert_int_equal(calendar_day(date_make(2027, 5, 10), 5), CALENDAR_DAY_OFF);
    assert_int_equal(calendar_day(date_make(2027, 2, 10), 1), CALENDAR_HOLIDAYS);
    assert_int_equal(calendar_day(date_make(2027, 2, 10), 2), CALENDAR_SCHOOL);
    assert_int_equal(calendar_day(date_make(2027, 10, 13), 5), CALENDAR_UNKNOWN);
    assert_false(calendar_is_school_day(date_make(2027, 10, 13), 5));
}

/* 34 weeks of five days without the days off, as the order counts them. */
static void a_year_has_thirty_four_weeks(void **state)
{
    (void)state;
    int school_days = 0;
    for (int day = date_make(2026, 9, 1).day; day <= date_make(2027, 5, 31).day; day++)
        school_days += calendar_is_school_day((struct date){day}, 5);
    assert_in_range(school_days, 34 * 5 - 8, 34 * 5);
}

static void an_academic_year_begins_in_september(void **state)
{
    (void)state;
    assert_int_equal(calendar_year_of(date_make(2026, 8, 31)), 2025);
    assert_int_equal(calendar_year_of(date_make(2026, 9, 1)), 2026);
    assert_int_equal(calendar_year_of(date_make(2027, 7, 1)), 2026);
    assert_int_equal(calendar_year_of(date_make(2031, 1, 1)), 2030);
    assert_int_equal(calendar_oldest_taken(date_make(2026, 11, 23)).day, date_make(2025, 9, 1).day);
    assert_int_equal(calendar_oldest_taken(date_make(2026, 8, 31)).day, date_make(2024, 9, 1).day);
}

static void lessons_belong_to_shifts(void **state)
{
    (void)state;
    static const int expected[] = {0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 0};
    for (int lesson = 0; lesson < (int)COUNT_OF(expected); lesson++)
        assert_int_equal(calendar_shift_of(lesson), expected[lesson]);
    assert_int_equal(calendar_shift_of(-1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(terms_are_those_of_the_order),
        TEST(tables_of_dates_are_real_days_in_order),
        TEST(school_days_know_weekends_holidays_and_the_first_grade),
        TEST(a_year_has_thirty_four_weeks),
        TEST(an_academic_year_begins_in_september),
        TEST(lessons_belong_to_shifts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
