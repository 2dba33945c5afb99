/* take_marks() with the real migrations and a real PostgreSQL, and what is read afterwards. */
#include "testkit/school.h"

#include <sys/wait.h>
#include <unistd.h>

#include "contracts/marks.h"
#include "domain.h"
#include "store.h"

extern const struct embedded grades_schema[];
extern const size_t grades_schema_count;

static struct school it;

static const struct school_door door = {&store_take_marks, &mark_columns, &mark_event,
                                        mark_prepare};

static int begin(void **state)
{
    (void)state;
    school_open(&it, (struct migration_set){"grades", grades_schema, grades_schema_count});
    return 0;
}

static int end(void **state)
{
    (void)state;
    school_close(&it);
    return 0;
}

/* A good mark of learner `number` (110001: the first of class 110). */
static struct mark *mark_of(uint32_t number)
{
    struct mark *mark = ARENA_NEW(&it.arena, struct mark);
    *mark = (struct mark){.id = uuid_v7(),
                          .class = school_id(number / 1000),
                          .learner = school_id(number),
                          .subject = STR("math"),
                          .kind = MARK_SUMMATIVE_UNIT,
                          .points = {true, 17},
                          .max_points = {true, 20},
                          .date = date_today(),
                          .lesson = {true, 3},
                          .entered_at = {clock_now()},
                          .comment = STR("Жарайсың")};
    return mark;
}

static int64_t rows(void)
{
    return school_number(&it, "select count(*) from mark");
}

static int64_t log_rows(void)
{
    return school_number(&it, "select count(*) from event_log where xid > 0");
}

static void a_mark_is_created_once(void **state)
{
    (void)state;
    struct mark *mark = mark_of(110001);
    assert_string_equal(school_take_one(&it, &door, mark, 0), "created");
    assert_string_equal(school_take_one(&it, &door, mark, 0), "duplicate");
    mark->points.value = 18;
    assert_string_equal(school_take_one(&it, &door, mark, 0), "rejected id_reused /id");
    assert_int_equal(rows(), 1);
    assert_int_equal(log_rows(), 1);
    assert_int_equal(school_number(&it, "select count(*) from mark where points = 17"
                                        " and comment = 'Жарайсың' and lesson = 3"
                                        " and organisation = id(11) and epoch > 0 and xid > 0"),
                     1);
}

static void what_does_not_fit_the_registry_is_refused(void **state)
{
    (void)state;
    struct mark *class_unknown = mark_of(110001), *organisation_unknown = mark_of(130001);
    struct mark *foreign = mark_of(120001), *subject = mark_of(110001), *stranger = mark_of(110001);
    struct mark *not_enrolled = mark_of(110001), *too_early = mark_of(110001);
    struct mark *good = mark_of(110024);
    class_unknown->class = school_id(999);
    subject->subject = STR("alchemy");
    stranger->learner = school_id(5);
    not_enrolled->learner = school_id(120001);
    too_early->date.day -= 70;
    void *items[] = {class_unknown, organisation_unknown, foreign,   subject,
                     stranger,      not_enrolled,         too_early, good};
    static const char *const expected[] = {
        "rejected class_unknown /class",     "rejected organisation_unknown /class",
        "rejected out_of_scope /class",      "rejected subject_unknown /subject",
        "rejected learner_unknown /learner", "rejected not_enrolled /learner",
        "rejected not_enrolled /learner",    "created"};
    const char **outcomes = school_take(&it, &door, items, NULL, COUNT_OF(items));
    for (size_t i = 0; i < COUNT_OF(items); i++)
        assert_string_equal(outcomes[i], expected[i]);
    assert_int_equal(rows(), 1);
    assert_int_equal(log_rows(), 1);
}

static void a_call_of_bad_items_alone_logs_nothing(void **state)
{
    (void)state;
    assert_string_equal(school_take_one(&it, &door, mark_of(120001), 0),
                        "rejected out_of_scope /class");
    assert_int_equal(log_rows(), 0);
}

static void a_dry_run_answers_the_same_and_keeps_nothing(void **state)
{
    (void)state;
    struct school_door dry = door;
    dry.statement = &store_dry_take_marks;
    struct mark *known = mark_of(110001), *good = mark_of(110002);
    void *items[] = {known, good, mark_of(120001)};
    school_take_one(&it, &door, known, 0);
    for (int i = 0; i < 2; i++) {
        const char **outcomes = school_take(&it, &dry, items, NULL, COUNT_OF(items));
        assert_string_equal(outcomes[0], "duplicate");
        assert_string_equal(outcomes[1], "created");
        assert_string_equal(outcomes[2], "rejected out_of_scope /class");
    }
    assert_int_equal(rows(), 1);
    assert_int_equal(log_rows(), 1);
    assert_string_equal(school_take_one(&it, &door, good, 0), "created");
}

static void callers_in_one_call_keep_their_own_scopes(void **state)
{
    (void)state;
    void *items[] = {mark_of(110001), mark_of(110001), mark_of(120001),
                     mark_of(120001), mark_of(110002), mark_of(120002)};
    static const int32_t callers[] = {0, 1, 0, 1, 2, 2};
    static const bool created[] = {true, false, false, true, true, true};
    const char **outcomes = school_take(&it, &door, items, callers, COUNT_OF(items));
    for (size_t i = 0; i < COUNT_OF(items); i++)
        assert_string_equal(outcomes[i], created[i] ? "created" : "rejected out_of_scope /class");
}

static void a_call_is_one_row_of_the_log(void **state)
{
    (void)state;
    struct mark *last = mark_of(120007);
    void *items[] = {mark_of(110001), mark_of(130001), mark_of(110003), last};
    static const int32_t callers[] = {2, 2, 2, 2};
    school_take(&it, &door, items, callers, COUNT_OF(items));
    assert_int_equal(log_rows(), 1);
    assert_int_equal(school_number(&it, "select cardinality(ids) from event_log where xid > 0"), 3);
    assert_int_equal(school_number(&it,
                                   "select count(*) from event_log where types = '{200,200,200}'"
                                   " and keys = array[id(11), id(11), id(12)]::text[]"),
                     1);
    const struct mark *event = school_last_event(&it, &mark_event);
    assert_memory_equal(&event->id, &last->id, sizeof event->id);
    assert_memory_equal(&event->learner, &last->learner, sizeof event->learner);
    assert_int_equal(event->points.value, 17);
    assert_int_equal(event->date.day, last->date.day);
    struct uuid school = school_id(12);
    assert_memory_equal(&event->organisation, &school, sizeof school);
    assert_int_equal(event->shift, 1);
    assert_int_equal(school_number(&it, "select count(*) from event_log where"
                                        " array_to_string(payloads, '') like '%d096d0b0d180%'"),
                     0); /* the comment is on no topic */
}

static void the_same_id_from_two_at_once_is_one_mark(void **state)
{
    (void)state;
    struct err err = {0};
    int status;
    struct mark *mark = mark_of(110001);
    assert_int_equal(db_begin(it.db, &err), ERROR_NONE);
    assert_string_equal(school_take_one(&it, &door, mark, 0), "created");
    pid_t second = fork();
    if (second == 0)
        _exit(school_second(&it, &door, mark, "duplicate"));
    assert_true(testkit_wait_until(school_someone_waits, &it, 10000));
    assert_int_equal(db_commit(it.db, &err), ERROR_NONE);
    assert_int_equal(waitpid(second, &status, 0), second);
    assert_int_equal(status, 0);
    assert_int_equal(rows(), 1);
    assert_int_equal(log_rows(), 1);
}

static void a_learner_may_be_named_by_an_alias(void **state)
{
    (void)state;
    struct mark *alias = mark_of(110001), *elsewhere = mark_of(110001);
    alias->learner = school_id(7);
    elsewhere->learner = school_id(8);
    school_run(&it, "insert into copy_alias (id, canonical, entity, epoch, revision) values"
                    " (id(7), id(110001), 1, 1, 1), (id(8), id(120001), 1, 1, 1)");
    assert_string_equal(school_take_one(&it, &door, alias, 0), "created");
    assert_string_equal(school_take_one(&it, &door, elsewhere, 0),
                        "rejected not_enrolled /learner");
}

/* ---- Reading ---- */

enum { OF_LEARNER = 30 };

/* Each of them once, newest first, over page after page. */
static size_t read_all(uint32_t learner)
{
    struct mark last = {0};
    size_t total = 0, count;
    do {
        const struct mark *marks =
            school_page(&it, &store_learner_marks, &mark_view, learner, last.date, last.id, &count);
        for (size_t i = 0; i < count; last = marks[i++], total++)
            assert_true(
                total == 0 || marks[i].date.day < last.date.day ||
                (marks[i].date.day == last.date.day && uuid_compare(&marks[i].id, &last.id) < 0));
    } while (count);
    return total;
}

static void a_learners_marks_come_in_pages_newest_first(void **state)
{
    (void)state;
    void *items[OF_LEARNER];
    for (int i = 0; i < OF_LEARNER; i++) {
        struct mark *mark = mark_of(110001);
        mark->date.day -= i % 4;
        items[i] = mark;
    }
    school_take(&it, &door, items, NULL, OF_LEARNER);
    school_take_one(&it, &door, mark_of(110002), 0);
    assert_int_equal(read_all(110001), OF_LEARNER);
    assert_int_equal(read_all(110002), 1);
    assert_int_equal(read_all(110003), 0);
    /* What was recorded for a person under another id is the same person's, whichever is asked. */
    school_run(&it, "insert into copy_alias (id, canonical, entity, epoch, revision)"
                    " values (id(110002), id(110001), 1, 1, 1)");
    assert_int_equal(read_all(110001), OF_LEARNER + 1);
    assert_int_equal(read_all(110002), OF_LEARNER + 1);
}

static void what_is_read_is_what_was_sent(void **state)
{
    (void)state;
    size_t count;
    const struct mark *sent = mark_of(110001);
    struct mark taken = *sent;
    school_take_one(&it, &door, &taken, 0);
    const struct mark *read = school_page(&it, &store_learner_marks, &mark_view, 110001,
                                          (struct date){0}, (struct uuid){0}, &count);
    struct uuid school = school_id(11);
    assert_int_equal(count, 1);
    assert_true(uuid_equal(&read->id, &sent->id) && uuid_equal(&read->class, &sent->class));
    assert_true(uuid_equal(&read->organisation, &school));
    assert_true(str_equal(read->subject, sent->subject) && str_equal(read->comment, sent->comment));
    assert_int_equal(read->kind, sent->kind);
    assert_int_equal(read->points.value, 17);
    assert_int_equal(read->max_points.value, 20);
    assert_int_equal(read->lesson.value, 3);
    assert_int_equal(read->entered_at.us, sent->entered_at.us);
    assert_int_equal(read->value, 0);
}

/* ---- In bulk ---- */

enum { MANY = 1000 };

static void a_thousand_go_by_index(void **state)
{
    (void)state;
    void *items[2 * MANY + 2];
    for (uint32_t i = 0; i < COUNT_OF(items); i++)
        items[i] = mark_of((1000 + i % MANY / SCHOOL_LEARNERS) * 1000 + 1 + i % SCHOOL_LEARNERS);
    school_run(&it, "select add_homeroom(c, 11) from generate_series(1000, 1042) c");
    school_take_in_bulk(&it, &door, items, MANY);
    assert_int_equal(rows(), COUNT_OF(items));
    assert_int_equal(log_rows(), 4);
}

#define MARKS_TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MARKS_TEST(a_mark_is_created_once),
        MARKS_TEST(what_does_not_fit_the_registry_is_refused),
        MARKS_TEST(a_call_of_bad_items_alone_logs_nothing),
        MARKS_TEST(a_dry_run_answers_the_same_and_keeps_nothing),
        MARKS_TEST(callers_in_one_call_keep_their_own_scopes),
        MARKS_TEST(a_call_is_one_row_of_the_log),
        MARKS_TEST(the_same_id_from_two_at_once_is_one_mark),
        MARKS_TEST(a_learner_may_be_named_by_an_alias),
        MARKS_TEST(a_learners_marks_come_in_pages_newest_first),
        MARKS_TEST(what_is_read_is_what_was_sent),
        MARKS_TEST(a_thousand_go_by_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
