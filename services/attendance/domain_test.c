/* The rules of registers that need no database. */
#include "testkit/check.h"

#include "base/cleanup.h"
#include "domain.h"
#include "national/calendar.h"

static struct uuid id(uint8_t n)
{
    return (struct uuid){{[6] = 0x40, [15] = n}};
}

static struct date today(void)
{
    return date_make(2026, 11, 23);
}

static struct lesson_register register_of(const struct register_exception *exceptions, size_t count)
{
    return (struct lesson_register){.id = id(1),
                                    .class = id(2),
                                    .date = today(),
                                    .lesson = {true, 1},
                                    .taken_at = {1},
                                    .exceptions = {exceptions, count}};
}

static void assert_problems(struct lesson_register taken, const char *const *expected, size_t count)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct problems problems = {.arena = &arena};
    register_prepare(&taken, today(), &problems, &arena);
    assert_int_equal(problems.count, count);
    for (size_t i = 0; i < count; i++) {
        const char *found =
            arena_printf(&arena, "%s %s", problems.items[i].pointer, problems.items[i].code);
        assert_string_equal(found, expected[i]);
    }
}

static void dates_are_of_this_school_year_or_the_last_one(void **state)
{
    (void)state;
    struct lesson_register taken = register_of(NULL, 0);
    assert_problems(taken, NULL, 0);
    taken.date = calendar_oldest_taken(today());
    assert_problems(taken, NULL, 0);
    taken.date.day--;
    assert_problems(taken, (const char *const[]){"/date date_too_old"}, 1);
    taken.date.day = today().day + 1;
    assert_problems(taken, (const char *const[]){"/date date_in_future"}, 1);
}

static void a_learner_has_one_exception(void **state)
{
    (void)state;
    const struct register_exception exceptions[] = {
        {.learner = id(10), .code = ABSENCE_ILL},
        {.learner = id(11), .code = ABSENCE_ILL},
        {.learner = id(10), .code = ABSENCE_LATE},
        {.learner = id(11), .code = ABSENCE_ILL},
    };
    static const char *const expected[] = {"/exceptions/2/learner duplicate_in_batch",
                                           "/exceptions/3/learner duplicate_in_batch"};
    assert_problems(register_of(exceptions, 2), NULL, 0);
    assert_problems(register_of(exceptions, COUNT_OF(exceptions)), expected, COUNT_OF(expected));
}

static void assert_item(const struct lesson_register *taken, const char *const *expected,
                        size_t count)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct problems problems = {.arena = &arena};
    register_item.check(taken, &problems);
    assert_int_equal(problems.count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(
            arena_printf(&arena, "%s %s", problems.items[i].pointer, problems.items[i].code),
            expected[i]);
}

static void a_change_names_another_register_and_a_reason(void **state)
{
    (void)state;
    struct lesson_register taken = register_of(NULL, 0);
    taken.reason_code = REGISTER_REASON_ERROR;
    assert_item(&taken, (const char *const[]){"/replaces missing"}, 1);
    taken.replaces = id(3);
    assert_item(&taken, NULL, 0);
    taken.reason_code = 0;
    taken.replaces = taken.id;
    assert_item(&taken, (const char *const[]){"/replaces names_itself", "/reason_code missing"}, 2);
    struct lesson_register gone = {
        .id = id(1), .date = today(), .withdraws = id(3), .reason_code = REGISTER_REASON_ORDER};
    assert_item(&gone, NULL, 0);
    gone.class = id(2);
    gone.lesson = (struct optional){true, 1};
    assert_item(
        &gone, (const char *const[]){"/class not_allowed_together", "/lesson not_allowed_together"},
        2);
}

static struct uuid fingerprint_of(struct lesson_register taken)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct problems problems = {.arena = &arena};
    register_prepare(&taken, today(), &problems, &arena);
    assert_int_equal(taken.month.day, date_month(taken.date).day);
    return taken.fingerprint;
}

static void a_fingerprint_is_of_the_content(void **state)
{
    (void)state;
    const struct register_exception ill[] = {{.learner = id(10), .code = ABSENCE_ILL}};
    const struct register_exception same[] = {{.learner = id(10), .code = ABSENCE_ILL}};
    const struct register_exception noted[] = {
        {.learner = id(10), .code = ABSENCE_ILL, .note = STR("x")}};
    struct uuid fingerprint = fingerprint_of(register_of(ill, 1));
    struct uuid again = fingerprint_of(register_of(same, 1));
    struct uuid with_note = fingerprint_of(register_of(noted, 1));
    struct uuid without = fingerprint_of(register_of(NULL, 0));
    assert_true(uuid_equal(&fingerprint, &again));
    assert_false(uuid_equal(&fingerprint, &with_note));
    assert_false(uuid_equal(&fingerprint, &without));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(dates_are_of_this_school_year_or_the_last_one),
        TEST(a_learner_has_one_exception),
        TEST(a_change_names_another_register_and_a_reason),
        TEST(a_fingerprint_is_of_the_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
