/* take_registers() with the real migrations and a real PostgreSQL, and what is read afterwards. */
#include "testkit/school.h"

#include <sys/wait.h>
#include <unistd.h>

#include "contracts/registers.h"
#include "domain.h"
#include "store.h"

extern const struct embedded attendance_schema[];
extern const size_t attendance_schema_count;

static struct school it;

static const struct school_door door = {&store_take_registers, &register_columns, &register_event,
                                        register_prepare};

static int begin(void **state)
{
    (void)state;
    school_open(&it,
                (struct migration_set){"attendance", attendance_schema, attendance_schema_count});
    return 0;
}

static int end(void **state)
{
    (void)state;
    school_close(&it);
    return 0;
}

/* A good register of a class, everyone there. */
static struct lesson_register *register_of(uint32_t class, int lesson)
{
    struct lesson_register *taken = ARENA_NEW(&it.arena, struct lesson_register);
    *taken = (struct lesson_register){.id = uuid_v7(),
                                      .class = school_id(class),
                                      .subject = STR("math"),
                                      .date = date_today(),
                                      .lesson = {true, lesson},
                                      .taken_at = {clock_now()}};
    return taken;
}

static struct lesson_register *with_exceptions(struct lesson_register *taken,
                                               const struct register_exception *exceptions,
                                               size_t count)
{
    size_t bytes = count * sizeof *exceptions;
    taken->exceptions = (struct list){arena_copy(&it.arena, exceptions, bytes), count};
    return taken;
}

static int64_t number(const char *sql)
{
    return school_number(&it, sql);
}

static void a_register_is_taken_once(void **state)
{
    (void)state;
    struct lesson_register *taken = register_of(110, 3);
    assert_string_equal(school_take_one(&it, &door, taken, 0), "created");
    assert_string_equal(school_take_one(&it, &door, taken, 0), "duplicate");
    taken->subject = STR("kazakh");
    assert_string_equal(school_take_one(&it, &door, taken, 0), "rejected id_reused /id");
    assert_int_equal(number("select count(*) from register where slot = 3 and shift = 1 and active"
                            " and learners = 24 and organisation = id(11) and subject = 'math'"),
                     1);
    assert_int_equal(number("select count(*) from register"), 1);
    assert_int_equal(number("select count(*) from event_log where xid > 0"), 1);
}

static void what_does_not_fit_the_registry_is_refused(void **state)
{
    (void)state;
    struct lesson_register *subject = register_of(110, 1), *early = register_of(110, 2);
    subject->subject = STR("alchemy");
    early->date.day -= 70;
    void *items[] = {register_of(999, 1), register_of(130, 1), register_of(120, 1), subject, early,
                     register_of(110, 3)};
    static const char *const expected[] = {
        "rejected class_unknown /class",   "rejected organisation_unknown /class",
        "rejected out_of_scope /class",    "rejected subject_unknown /subject",
        "rejected learner_unknown /class", "created"};
    const char **outcomes = school_take(&it, &door, items, NULL, COUNT_OF(items));
    for (size_t i = 0; i < COUNT_OF(items); i++)
        assert_string_equal(outcomes[i], expected[i]);
    assert_int_equal(number("select count(*) from register"), 1);
    assert_int_equal(number("select count(*) from roster"), 1);
}

static void a_dry_run_answers_the_same_and_keeps_nothing(void **state)
{
    (void)state;
    struct school_door dry = door;
    dry.statement = &store_dry_take_registers;
    struct lesson_register *good = register_of(110, 1);
    char id[UUID_TEXT_LEN + 1];
    void *items[] = {good, register_of(110, 1)};
    const char **outcomes = school_take(&it, &dry, items, NULL, COUNT_OF(items));
    assert_string_equal(outcomes[0], "created");
    assert_string_equal(outcomes[1], arena_printf(&it.arena, "rejected register_exists /lesson %s",
                                                  uuid_format(&good->id, id)));
    assert_int_equal(number("select (select count(*) from register) + (select count(*) from roster)"
                            " + (select count(*) from event_log where xid > 0)"),
                     0);
    assert_string_equal(school_take_one(&it, &door, good, 0), "created");
}

static void callers_in_one_call_keep_their_own_scopes(void **state)
{
    (void)state;
    void *items[] = {register_of(110, 1), register_of(110, 2), register_of(120, 1),
                     register_of(120, 2), register_of(110, 3), register_of(120, 3)};
    static const int32_t callers[] = {0, 1, 0, 1, 2, 2};
    static const bool created[] = {true, false, false, true, true, true};
    const char **outcomes = school_take(&it, &door, items, callers, COUNT_OF(items));
    for (size_t i = 0; i < COUNT_OF(items); i++)
        assert_string_equal(outcomes[i], created[i] ? "created" : "rejected out_of_scope /class");
}

static void one_lesson_has_one_register(void **state)
{
    (void)state;
    struct lesson_register *first = register_of(110, 1), *twin = register_of(110, 1);
    struct lesson_register *other_lesson = register_of(110, 2), *yesterday = register_of(110, 1);
    struct lesson_register *day = register_of(110, 1), *forenoon = register_of(110, 1);
    yesterday->date.day--;
    day->lesson.present = forenoon->lesson.present = false;
    day->session = SESSION_DAY;
    forenoon->session = SESSION_AM;
    void *items[] = {first, twin, other_lesson, yesterday, day, forenoon};
    char id[UUID_TEXT_LEN + 1];
    const char *exists =
        arena_printf(&it.arena, "rejected register_exists /lesson %s", uuid_format(&first->id, id));
    const char **outcomes = school_take(&it, &door, items, NULL, COUNT_OF(items));
    for (size_t i = 0; i < COUNT_OF(items); i++)
        assert_string_equal(outcomes[i], i == 1 ? exists : "created");
    assert_string_equal(school_take_one(&it, &door, register_of(110, 1), 0), exists);
    assert_int_equal(number("select count(*) from register where slot in (101, 102)"), 2);
}

/* The first of a lesson is refused for itself: it does not keep the second one out. */
static void a_refused_register_does_not_stand_in_the_way(void **state)
{
    (void)state;
    const struct register_exception stranger[] = {
        {.learner = school_id(120001), .code = ABSENCE_ILL}};
    void *items[] = {with_exceptions(register_of(110, 1), stranger, 1), register_of(110, 1)};
    const char **outcomes = school_take(&it, &door, items, NULL, COUNT_OF(items));
    assert_string_equal(outcomes[0], "rejected not_on_roster /exceptions/0/learner");
    assert_string_equal(outcomes[1], "created");
}

static void exceptions_are_of_the_roster(void **state)
{
    (void)state;
    const struct register_exception good[] = {
        {.learner = school_id(110001), .code = ABSENCE_LATE, .minutes = {true, 5}},
        {.learner = school_id(110002), .code = ABSENCE_ILL, .note = STR("Анасы қоңырау шалды")},
    };
    const struct register_exception bad[] = {{.learner = school_id(110003), .code = ABSENCE_ILL},
                                             {.learner = school_id(110004), .code = ABSENCE_ILL},
                                             {.learner = school_id(120001), .code = ABSENCE_ILL}};
    void *items[] = {with_exceptions(register_of(110, 1), good, COUNT_OF(good)),
                     with_exceptions(register_of(110, 2), bad, COUNT_OF(bad))};
    const char **outcomes = school_take(&it, &door, items, NULL, COUNT_OF(items));
    assert_string_equal(outcomes[0], "created");
    assert_string_equal(outcomes[1], "rejected not_on_roster /exceptions/2/learner");
    assert_int_equal(number("select count(*) from absence"), 2);
    assert_int_equal(number("select count(*) from absence where learner = id(110001) and code = 4"
                            " and minutes = 5 and note is null"),
                     1);
    assert_int_equal(number("select count(*) from absence where learner = id(110002) and code = 2"
                            " and note = 'Анасы қоңырау шалды'"),
                     1);
}

static void a_learner_may_be_named_by_an_alias(void **state)
{
    (void)state;
    const struct register_exception alias[] = {{.learner = school_id(7), .code = ABSENCE_ILL}};
    const struct register_exception stranger[] = {{.learner = school_id(8), .code = ABSENCE_ILL}};
    void *items[] = {with_exceptions(register_of(110, 1), alias, 1),
                     with_exceptions(register_of(110, 2), stranger, 1)};
    school_run(&it, "insert into copy_alias (id, canonical, entity, epoch, revision) values"
                    " (id(7), id(110001), 1, 1, 1), (id(8), id(120001), 1, 1, 1)");
    const char **outcomes = school_take(&it, &door, items, NULL, COUNT_OF(items));
    assert_string_equal(outcomes[0], "created");
    assert_string_equal(outcomes[1], "rejected not_on_roster /exceptions/0/learner");
}

static void the_event_holds_the_exceptions_without_notes(void **state)
{
    (void)state;
    const struct register_exception exceptions[] = {
        {.learner = school_id(110001), .code = ABSENCE_LATE, .minutes = {true, 5}},
        {.learner = school_id(110002), .code = ABSENCE_ILL, .note = STR("secret")},
    };
    struct lesson_register *taken = with_exceptions(register_of(111, 7), exceptions, 2);
    assert_string_equal(school_take_one(&it, &door, taken, 0), "created");
    const struct lesson_register *event = school_last_event(&it, &register_event);
    struct uuid school = school_id(11);
    assert_memory_equal(&event->id, &taken->id, sizeof event->id);
    assert_memory_equal(&event->organisation, &school, sizeof school);
    assert_int_equal(event->shift, 2);
    assert_int_equal(event->learners, 8); /* a group has its own */
    assert_int_equal(event->exceptions.count, 2);
    const struct register_exception *read = event->exceptions.items;
    assert_memory_equal(&read[1].learner, &exceptions[1].learner, sizeof read[1].learner);
    assert_int_equal(read[0].minutes.value, 5);
    assert_int_equal(read[1].code, ABSENCE_ILL);
    assert_false(str_present(read[1].note));
    assert_int_equal(number("select count(*) from event_log where types = '{300}' and keys = "
                            "array[id(11)]::text[]"),
                     1);
}

static void another_count_is_a_warning(void **state)
{
    (void)state;
    struct lesson_register *taken = register_of(110, 1);
    taken->roster_count = (struct optional){true, 23};
    assert_string_equal(school_take_one(&it, &door, taken, 0),
                        "created roster_count_differs /roster_count");
    assert_int_equal(number("select learners from register"), 24);
}

static void a_roster_is_frozen_when_it_is_taken(void **state)
{
    (void)state;
    assert_string_equal(school_take_one(&it, &door, register_of(110, 1), 0), "created");
    assert_string_equal(school_take_one(&it, &door, register_of(110, 2), 0), "created");
    assert_int_equal(number("select count(*) from roster"), 1); /* shared */
    school_run(&it, "select enrol(777, 5, 110);"                /* backdated by 60 days */
                    "update copy_enrolment set valid_to = current_date - 10 where id = id(110024);"
                    "update copy_enrolment set mode = 2 where id = id(110023)");
    assert_int_equal(number("select count(*) from register r join roster o on o.id = r.roster"
                            " where cardinality(o.learners) = 24 and id(110024) = any (o.learners)"
                            "   and not id(5) = any (o.learners)"),
                     2);
    assert_string_equal(school_take_one(&it, &door, register_of(110, 3), 0), "created");
    assert_int_equal(number("select cardinality(o.learners) from register r"
                            "  join roster o on o.id = r.roster where r.slot = 3"
                            "   and id(5) = any (o.learners)"),
                     23);
}

static void the_same_lesson_from_two_at_once_is_taken_once(void **state)
{
    (void)state;
    struct err err = {0};
    int status;
    assert_int_equal(db_begin(it.db, &err), ERROR_NONE);
    assert_string_equal(school_take_one(&it, &door, register_of(110, 1), 0), "created");
    pid_t second = fork();
    if (second == 0)
        _exit(school_second(&it, &door, register_of(110, 1), "rejected register_exists"));
    assert_true(testkit_wait_until(school_someone_waits, &it, 10000));
    assert_int_equal(db_commit(it.db, &err), ERROR_NONE);
    assert_int_equal(waitpid(second, &status, 0), second);
    assert_int_equal(status, 0);
    assert_int_equal(number("select count(*) from register"), 1);
}

/* ---- Reading ---- */

enum { OF_LEARNER = 20 };

/* Each of them once, newest first, over page after page. */
static size_t read_all(uint32_t learner)
{
    struct absence_view last = {0};
    size_t total = 0, count;
    do {
        const struct absence_view *absences =
            school_page(&it, &store_learner_absences, &absence_view_record, learner, last.date,
                        last.register_id, &count);
        for (size_t i = 0; i < count; last = absences[i++], total++)
            assert_true(total == 0 || absences[i].date.day < last.date.day ||
                        (absences[i].date.day == last.date.day &&
                         uuid_compare(&absences[i].register_id, &last.register_id) < 0));
    } while (count);
    return total;
}

static void a_learners_absences_come_in_pages_newest_first(void **state)
{
    (void)state;
    void *items[OF_LEARNER];
    const struct register_exception away[] = {
        {.learner = school_id(110001), .code = ABSENCE_ILL},
        {.learner = school_id(110002),
         .code = ABSENCE_LATE,
         .minutes = {true, 9},
         .note = STR("x")},
    };
    for (int i = 0; i < OF_LEARNER; i++) {
        struct lesson_register *taken =
            with_exceptions(register_of(110, 1 + i % 5), away, i == 0 ? 2 : 1);
        taken->date.day -= i / 5;
        items[i] = taken;
    }
    school_take(&it, &door, items, NULL, OF_LEARNER);
    assert_int_equal(read_all(110001), OF_LEARNER);
    assert_int_equal(read_all(110002), 1);
    assert_int_equal(read_all(110003), 0);
    size_t count;
    const struct absence_view *read =
        school_page(&it, &store_learner_absences, &absence_view_record, 110002, (struct date){0},
                    (struct uuid){0}, &count);
    assert_int_equal(read->code, ABSENCE_LATE);
    assert_int_equal(read->minutes.value, 9);
    assert_int_equal(read->lesson.value, 1);
    assert_int_equal(read->session, 0);
    assert_true(str_equal(read->note, STR("x")) && str_equal(read->subject, STR("math")));
}

/* ---- In bulk ---- */

enum { MANY = 500 };

/* Two of 24 are away: a common day. */
static void five_hundred_go_by_index(void **state)
{
    (void)state;
    void *items[2 * MANY + 2];
    for (uint32_t i = 0; i < COUNT_OF(items); i++) {
        uint32_t class = 1000 + i / 4;
        const struct register_exception away[] = {
            {.learner = school_id(class * 1000 + 1), .code = ABSENCE_ILL},
            {.learner = school_id(class * 1000 + 9), .code = ABSENCE_LATE, .minutes = {true, 3}},
        };
        items[i] = with_exceptions(register_of(class, 1 + (int)(i % 4)), away, 2);
    }
    school_run(&it, "select add_homeroom(c, 11) from generate_series(1000, 1250) c; analyze");
    school_take_in_bulk(&it, &door, items, MANY);
    assert_int_equal(number("select count(*) from absence"), 2 * COUNT_OF(items));
}

#define REGISTERS_TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REGISTERS_TEST(a_register_is_taken_once),
        REGISTERS_TEST(what_does_not_fit_the_registry_is_refused),
        REGISTERS_TEST(a_dry_run_answers_the_same_and_keeps_nothing),
        REGISTERS_TEST(callers_in_one_call_keep_their_own_scopes),
        REGISTERS_TEST(one_lesson_has_one_register),
        REGISTERS_TEST(a_refused_register_does_not_stand_in_the_way),
        REGISTERS_TEST(exceptions_are_of_the_roster),
        REGISTERS_TEST(a_learner_may_be_named_by_an_alias),
        REGISTERS_TEST(the_event_holds_the_exceptions_without_notes),
        REGISTERS_TEST(another_count_is_a_warning),
        REGISTERS_TEST(a_roster_is_frozen_when_it_is_taken),
        REGISTERS_TEST(the_same_lesson_from_two_at_once_is_taken_once),
        REGISTERS_TEST(a_learners_absences_come_in_pages_newest_first),
        REGISTERS_TEST(five_hundred_go_by_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
