/* The rules of marks that need no database. */
#include "testkit/check.h"

#include "base/cleanup.h"
#include "domain.h"
#include "national/calendar.h"

#define ID(n)    "0192f3a0-5b00-7000-8000-00000000000" n
#define MARK_OF  "\"id\":\"" ID("1") "\",\"class\":\"" ID("2") "\",\"learner\":\"" ID("3") "\","
#define SUBJECT  "\"subject\":\"math\","
#define OF_TODAY "\"date\":\"2026-11-23\""

static struct date today(void)
{
    return date_make(2026, 11, 23);
}

/* Read as the door reads it; what is wrong with it is left in `problems`. */
static struct mark mark_read(const char *json, struct problems *problems)
{
    struct mark mark = {0};
    struct body_error error = {0};
    if (!record_decode_json(&mark_item, str_from(json), problems->arena, &mark, problems, &error))
        fail_msg("%s %s", problems->count ? problems->items[0].pointer : "",
                 problems->count ? problems->items[0].code : error.code);
    mark_prepare(&mark, today(), problems, problems->arena);
    return mark;
}

static void assert_problem(const char *json, const char *pointer, const char *code)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct problems problems = {.arena = &arena};
    mark_read(json, &problems);
    if (!code) {
        assert_int_equal(problems.count, 0);
        return;
    }
    assert_int_equal(problems.count, 1);
    assert_string_equal(problems.items[0].pointer, pointer);
    assert_string_equal(problems.items[0].code, code);
}

/* The record itself is refused. */
static void assert_wrong(const char *json, const char *pointer, const char *code)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct problems problems = {.arena = &arena};
    struct mark mark = {0};
    struct body_error error = {0};
    assert_true(record_decode_json(&mark_item, str_from(json), &arena, &mark, &problems, &error));
    assert_int_equal(problems.count, 1);
    assert_string_equal(problems.items[0].pointer, pointer);
    assert_string_equal(problems.items[0].code, code);
}

#define POINTS(points, max_points) "\"points\":" #points ",\"max_points\":" #max_points ","
#define FORMATIVE                  "\"kind\":\"formative\","
#define UNIT                       "\"kind\":\"summative_unit\","

static void dates_are_of_this_school_year_or_the_last_one(void **state)
{
    (void)state;
    char oldest[DATE_TEXT_LEN + 1], older[DATE_TEXT_LEN + 1];
    struct date first = calendar_oldest_taken(today());
    date_format(first, oldest);
    date_format((struct date){first.day - 1}, older);
    const struct {
        const char *date, *code;
    } cases[] = {{"2026-11-23", NULL},
                 {"2026-11-24", "date_in_future"},
                 {oldest, NULL},
                 {older, "date_too_old"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CLEANUP(buf_done) struct buf json = {0};
        buf_printf(&json, "{" MARK_OF SUBJECT UNIT POINTS(7, 20) "\"date\":\"%s\"}", cases[i].date);
        buf_add_char(&json, '\0');
        assert_problem(json.ptr, "/date", cases[i].code);
    }
}

static void formative_work_is_marked_with_one_to_ten_points(void **state)
{
    (void)state;
    assert_problem("{" MARK_OF SUBJECT FORMATIVE POINTS(1, 10) OF_TODAY "}", NULL, NULL);
    assert_problem("{" MARK_OF SUBJECT FORMATIVE POINTS(10, 10) OF_TODAY "}", NULL, NULL);
    assert_problem("{" MARK_OF SUBJECT FORMATIVE POINTS(0, 10) OF_TODAY "}", "/points",
                   "below_minimum");
    assert_problem("{" MARK_OF SUBJECT FORMATIVE POINTS(5, 11) OF_TODAY "}", "/max_points",
                   "above_maximum");
    assert_problem("{" MARK_OF SUBJECT FORMATIVE "\"value\":\"exempt\"," OF_TODAY "}", NULL, NULL);
    assert_problem("{" MARK_OF SUBJECT UNIT POINTS(0, 25) OF_TODAY "}", NULL, NULL);
}

#define REPLACES  ",\"replaces\":\"" ID("4") "\""
#define WITHDRAWS "{\"id\":\"" ID("1") "\",\"withdraws\":\"" ID("4") "\","
#define REASON    ",\"reason_code\":\"error\""

static void a_correction_is_a_whole_mark_with_its_reason(void **state)
{
    (void)state;
    assert_problem("{" MARK_OF SUBJECT UNIT POINTS(7, 20) OF_TODAY REPLACES REASON
                   ",\"reason\":\"x\"}",
                   NULL, NULL);
    assert_wrong("{" MARK_OF SUBJECT UNIT POINTS(7, 20) OF_TODAY REPLACES "}", "/reason_code",
                 "missing");
    assert_wrong("{" MARK_OF SUBJECT UNIT POINTS(7, 20) OF_TODAY REASON "}", "/replaces",
                 "missing");
    assert_wrong("{" MARK_OF SUBJECT UNIT POINTS(7, 20) OF_TODAY ",\"reason\":\"x\"}", "/replaces",
                 "missing");
    assert_wrong("{" MARK_OF SUBJECT UNIT OF_TODAY REPLACES REASON "}", "/points",
                 "points_or_value");
    assert_wrong("{" MARK_OF SUBJECT UNIT POINTS(7, 20) OF_TODAY REASON
                 ",\"replaces\":\"" ID("1") "\"}",
                 "/replaces", "names_itself");
    assert_problem("{" MARK_OF SUBJECT FORMATIVE POINTS(5, 11) OF_TODAY REPLACES REASON "}",
                   "/max_points", "above_maximum");
}

static void a_withdrawal_says_nothing_of_the_mark(void **state)
{
    (void)state;
    static const char *const more[][2] = {
        {"\"class\":\"" ID("2") "\"", "/class"},
        {"\"learner\":\"" ID("2") "\"", "/learner"},
        {"\"subject\":\"math\"", "/subject"},
        {"\"kind\":\"formative\"", "/kind"},
        {"\"work\":\"" ID("2") "\"", "/work"},
        {"\"points\":0", "/points"},
        {"\"max_points\":5", "/max_points"},
        {"\"value\":\"pass\"", "/value"},
        {"\"lesson\":1", "/lesson"},
        {"\"teacher\":\"" ID("2") "\"", "/teacher"},
        {"\"comment\":\"x\"", "/comment"},
        {"\"replaces\":\"" ID("2") "\"", "/replaces"},
        {"\"entered_at\":\"2026-11-23T08:00:00Z\"", "/entered_at"},
    };
    assert_problem(WITHDRAWS OF_TODAY REASON ",\"reason\":\"x\"}", NULL, NULL);
    assert_problem(WITHDRAWS "\"date\":\"2026-11-24\"" REASON "}", "/date", "date_in_future");
    assert_wrong(WITHDRAWS OF_TODAY "}", "/reason_code", "missing");
    for (size_t i = 0; i < COUNT_OF(more); i++) {
        CLEANUP(buf_done) struct buf json = {0};
        buf_printf(&json, WITHDRAWS OF_TODAY REASON ",%s}", more[i][0]);
        buf_add_char(&json, '\0');
        assert_wrong(json.ptr, more[i][1], "not_allowed_together");
    }
}

static struct mark prepared(const char *json)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct problems problems = {.arena = &arena};
    struct mark mark = mark_read(json, &problems);
    assert_int_equal(problems.count, 0);
    return mark;
}

static void a_fingerprint_is_of_the_content_not_of_its_spelling(void **state)
{
    (void)state;
    struct mark mark = prepared("{" MARK_OF SUBJECT UNIT POINTS(7, 20) OF_TODAY "}");
    static const char *const same[] = {
        "{" OF_TODAY "," POINTS(7, 20) UNIT SUBJECT MARK_OF "\"comment\":null}",
        "{ " MARK_OF " \"subject\" : \"m\\u0061th\" , " UNIT POINTS(7.0, 20) OF_TODAY " }",
    };
    static const char *const other[] = {
        "{" MARK_OF SUBJECT UNIT POINTS(8, 20) OF_TODAY "}",
        "{" MARK_OF SUBJECT UNIT POINTS(7, 21) OF_TODAY "}",
        "{" MARK_OF SUBJECT FORMATIVE POINTS(7, 10) OF_TODAY "}",
        "{" MARK_OF SUBJECT UNIT POINTS(7, 20) "\"date\":\"2026-11-22\"}",
        "{" MARK_OF SUBJECT UNIT POINTS(7, 20) OF_TODAY ",\"comment\":\"\xd2\x9b\"}",
        "{" MARK_OF SUBJECT UNIT POINTS(7, 20) OF_TODAY ",\"lesson\":1}",
    };
    for (size_t i = 0; i < COUNT_OF(same); i++) {
        struct mark again = prepared(same[i]);
        assert_true(uuid_equal(&again.fingerprint, &mark.fingerprint));
    }
    for (size_t i = 0; i < COUNT_OF(other); i++) {
        struct mark different = prepared(other[i]);
        assert_false(uuid_equal(&different.fingerprint, &mark.fingerprint));
    }
    assert_int_equal(mark.month.day, date_make(2026, 11, 1).day);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(dates_are_of_this_school_year_or_the_last_one),
        TEST(formative_work_is_marked_with_one_to_ten_points),
        TEST(a_correction_is_a_whole_mark_with_its_reason),
        TEST(a_withdrawal_says_nothing_of_the_mark),
        TEST(a_fingerprint_is_of_the_content_not_of_its_spelling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
