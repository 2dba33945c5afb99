/* take_marks() with the real migrations and a real PostgreSQL, and what is read afterwards. */
#include "testkit/school.h"

#include <sys/wait.h>
#include <unistd.h>

#include "contracts/marks.h"
#include "contracts/topics.h"
#include "domain.h"
#include "store.h"

extern const struct embedded grades_schema[];
extern const size_t grades_schema_count;

static struct school it;

static const struct school_door door = {&store_take_marks, &mark_columns, &mark_recorded_event,
                                        mark_prepare, mark_event};

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

/* Among new ones; also where it would be refused today, for its answer was given before. */
static void what_is_there_is_found_in_any_company(void **state)
{
    (void)state;
    struct mark *left = mark_of(110001), *same = mark_of(110002), *other = mark_of(110003);
    void *before[] = {left, same, other};
    school_take(&it, &door, before, NULL, COUNT_OF(before));
    school_run(&it, "delete from copy_enrolment where learner in (id(110001), id(110005))");
    struct mark *reused = mark_of(110004), *left_too = mark_of(110005);
    reused->id = other->id;
    left_too->id = other->id;
    void *items[] = {mark_of(110006), same,           mark_of(110007), left, reused,
                     mark_of(110005), mark_of(110008)};
    static const char *const expected[] = {"created",
                                           "duplicate",
                                           "created",
                                           "duplicate",
                                           "rejected id_reused /id",
                                           "rejected learner_unknown /learner",
                                           "created"};
    const char **outcomes = school_take(&it, &door, items, NULL, COUNT_OF(items));
    for (size_t i = 0; i < COUNT_OF(items); i++)
        assert_string_equal(outcomes[i], expected[i]);
    assert_string_equal(school_take_one(&it, &door, left_too, 0), "rejected id_reused /id");
    assert_int_equal(rows(), 6);
    assert_int_equal(
        school_number(&it, "select sum(cardinality(ids)) from event_log where xid > 0"), 6);
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
    dry.statement = &store_take_marks_dry;
    dry.dry = true;
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
    const struct mark *event = school_last_event(&it, &mark_recorded_event);
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

/* ---- Corrections and withdrawals ---- */

/* A day that has its whole month behind it, and everyone enrolled. */
static struct date some_day(void)
{
    struct date month = date_month(date_today());
    return (struct date){date_month((struct date){month.day - 1}).day + 20};
}

static struct mark *mark_then(uint32_t number)
{
    struct mark *mark = mark_of(number);
    mark->date = some_day();
    return mark;
}

static struct mark *correction_of(const struct mark *original, int points)
{
    struct mark *mark = ARENA_NEW(&it.arena, struct mark);
    *mark = *original;
    mark->id = uuid_v7();
    mark->replaces = original->id;
    mark->points.value = points;
    mark->reason_code = MARK_REASON_APPEAL;
    mark->reason = STR("апелляция");
    return mark;
}

static struct mark *withdrawal_of(const struct mark *original)
{
    struct mark *mark = ARENA_NEW(&it.arena, struct mark);
    *mark = (struct mark){.id = uuid_v7(),
                          .withdraws = original->id,
                          .date = {some_day().day + 1},
                          .reason_code = MARK_REASON_ERROR,
                          .reason = STR("қате")};
    return mark;
}

static const char *take(struct mark *mark)
{
    return school_take_one(&it, &door, mark, 0);
}

static const char *said(const char *verdict, const struct mark *existing)
{
    char text[UUID_TEXT_LEN + 1];
    return arena_printf(&it.arena, "rejected %s %s", verdict, uuid_format(&existing->id, text));
}

static int64_t last_type(void)
{
    return school_number(&it, "select types[cardinality(types)] from event_log"
                              " order by seq desc limit 1");
}

static void a_correction_says_what_was_before(void **state)
{
    (void)state;
    struct mark *mark = mark_then(110001), *better = correction_of(mark, 19);
    struct mark *best = correction_of(better, 0);
    best->points = best->max_points = (struct optional){0};
    best->value = MARK_PASS;
    best->lesson.value = 5;
    best->date.day++;
    assert_string_equal(take(mark), "created");
    assert_string_equal(take(better), "created");
    const struct mark *event = school_last_event(&it, &mark_corrected_event);
    assert_int_equal(last_type(), EVENT_MARK_CORRECTED);
    assert_true(uuid_equal(&event->id, &better->id) && uuid_equal(&event->replaces, &mark->id));
    assert_int_equal(event->points.value, 19);
    assert_int_equal(event->before.points.value, 17);
    assert_int_equal(event->before.max_points.value, 20);
    assert_int_equal(event->before.kind, MARK_SUMMATIVE_UNIT);
    assert_int_equal(event->before.lesson.value, 3);
    assert_int_equal(event->before.value, 0);
    assert_int_equal(event->before.date.day, mark->date.day);
    assert_string_equal(take(best), "created");
    event = school_last_event(&it, &mark_corrected_event);
    assert_int_equal(event->before.points.value, 19);
    assert_int_equal(event->value, MARK_PASS);
    assert_int_equal(event->shift, 1);
    assert_int_equal(school_number(&it, "select count(*) from mark where replaced_by is null"), 1);
    assert_int_equal(school_number(&it, "select count(*) from event_log where"
                                        " array_to_string(payloads, '') like '%d0b0d0bfd0b5d0bb%'"),
                     0); /* the reason is on no topic */
}

static void a_withdrawal_names_whose_mark_it_was(void **state)
{
    (void)state;
    struct mark *mark = mark_then(110001), *better = correction_of(mark, 19);
    struct mark *gone = withdrawal_of(better);
    take(mark);
    take(better);
    assert_string_equal(take(gone), "created");
    const struct mark *event = school_last_event(&it, &mark_withdrawn_event);
    struct uuid school = school_id(11);
    assert_int_equal(last_type(), EVENT_MARK_WITHDRAWN);
    assert_true(uuid_equal(&event->withdraws, &better->id));
    assert_true(uuid_equal(&event->learner, &mark->learner));
    assert_true(uuid_equal(&event->class, &mark->class));
    assert_true(uuid_equal(&event->organisation, &school));
    assert_true(str_equal(event->subject, mark->subject));
    assert_int_equal(event->date.day, mark->date.day + 1);
    assert_int_equal(event->before.date.day, mark->date.day);
    assert_int_equal(event->before.points.value, 19);
    assert_int_equal(event->shift, 1);
}

static void what_does_not_stand_cannot_be_changed(void **state)
{
    (void)state;
    struct mark *mark = mark_then(110001), *better = correction_of(mark, 19);
    struct mark *best = correction_of(better, 20), *gone = withdrawal_of(best);
    take(mark);
    take(better);
    take(best);
    assert_string_equal(take(correction_of(mark, 3)), said("already_corrected /replaces", best));
    assert_string_equal(take(withdrawal_of(better)), said("already_corrected /withdraws", best));
    assert_string_equal(take(gone), "created");
    assert_string_equal(take(correction_of(mark, 3)), said("already_withdrawn /replaces", gone));
    assert_string_equal(take(correction_of(best, 3)), said("already_withdrawn /replaces", gone));
    assert_string_equal(take(withdrawal_of(gone)), said("already_withdrawn /withdraws", gone));
    /* What was taken is known, whatever has become of it. */
    struct mark *sent[] = {mark, better, best, gone};
    for (size_t i = 0; i < COUNT_OF(sent); i++)
        assert_string_equal(take(sent[i]), "duplicate");
    better->points.value = 1;
    gone->reason = STR("басқа");
    assert_string_equal(take(better), "rejected id_reused /id");
    assert_string_equal(take(gone), "rejected id_reused /id");
    assert_int_equal(rows(), 4);
    assert_int_equal(log_rows(), 4);
}

static void a_change_fits_its_original(void **state)
{
    (void)state;
    struct mark *mark = mark_then(110001), *foreign = mark_then(120001);
    assert_string_equal(take(mark), "created");
    assert_string_equal(school_take_one(&it, &door, foreign, 1), "created");
    struct mark *unknown = correction_of(mark_then(110002), 1);
    struct mark *gone = withdrawal_of(mark_then(110002)), *class = correction_of(mark, 1);
    struct mark *learner = correction_of(mark, 1), *subject = correction_of(mark, 1);
    struct mark *month = correction_of(mark, 1), *early = correction_of(mark, 1);
    class->class = school_id(111);
    learner->learner = school_id(110002);
    subject->subject = STR("kazakh");
    month->date = date_today();
    early->date.day--;
    school_run(&it, arena_printf(&it.arena,
                                 "update copy_enrolment set valid_from = '%s'"
                                 " where id = id(110001)",
                                 date_format(mark->date, (char[DATE_TEXT_LEN + 1]){0})));
    const struct {
        struct mark *mark;
        const char *verdict;
    } cases[] = {
        {unknown, "rejected original_unknown /replaces"},
        {gone, "rejected original_unknown /withdraws"},
        {class, "rejected differs_from_original /class"},
        {learner, "rejected differs_from_original /learner"},
        {subject, "rejected differs_from_original /subject"},
        {month, "rejected date_month /date"},
        {early, "rejected not_enrolled /learner"},
        {correction_of(foreign, 1), "rejected out_of_scope /replaces"},
        {withdrawal_of(foreign), "rejected out_of_scope /withdraws"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(take(cases[i].mark), cases[i].verdict);
    assert_int_equal(log_rows(), 2);
    school_run(&it, "update mark set corrections = 100");
    assert_string_equal(take(correction_of(mark, 1)), "rejected too_many_corrections /replaces");
    assert_string_equal(take(withdrawal_of(mark)), "created");
}

/* The class is another school's now, the learner has left, and came to be known under another id.
 */
static void what_was_recorded_stays_where_it_was(void **state)
{
    (void)state;
    struct mark *mark = mark_then(110001), *better = correction_of(mark, 19);
    struct mark *late = mark_then(110002);
    take(mark);
    school_run(&it, arena_printf(&it.arena,
                                 "update copy_enrolment set valid_to = '%s'"
                                 " where class = id(110);"
                                 "insert into copy_alias (id, canonical, entity, epoch, revision)"
                                 " values (id(7), id(110001), 1, 1, 1)",
                                 date_format(mark->date, (char[DATE_TEXT_LEN + 1]){0})));
    assert_string_equal(take(late), "created");
    school_run(&it, "update copy_class set organisation = id(12), shift = 2 where id = id(110)");
    better->learner = school_id(7);
    assert_string_equal(school_take_one(&it, &door, correction_of(mark, 18), 1),
                        "rejected out_of_scope /replaces");
    assert_string_equal(take(better), "created");
    const struct mark *event = school_last_event(&it, &mark_corrected_event);
    struct uuid school = school_id(11), alias = school_id(7);
    assert_true(uuid_equal(&event->organisation, &school) && uuid_equal(&event->learner, &alias));
    assert_int_equal(event->shift, 1);
    assert_string_equal(take(withdrawal_of(better)), "created");
    assert_int_equal(school_number(&it, "select count(*) from event_log, unnest(keys) k"
                                        " where xid > 0 and k = id(11)::text"),
                     4);
}

static void plain_marks_and_changes_go_in_the_order_of_arrival(void **state)
{
    (void)state;
    struct mark *one = mark_then(110001), *other = mark_then(110002);
    void *first[] = {one, other};
    school_take(&it, &door, first, NULL, COUNT_OF(first));
    void *items[] = {mark_of(110003), withdrawal_of(one), mark_of(110001), correction_of(other, 1),
                     mark_of(120001)};
    const char **outcomes = school_take(&it, &door, items, NULL, COUNT_OF(items));
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(outcomes[i], "created");
    assert_string_equal(outcomes[4], "rejected out_of_scope /class");
    assert_int_equal(school_number(&it, "select count(*) from event_log"
                                        " where types = '{200,202,200,201}'"),
                     1);
    assert_int_equal(rows(), 6);
}

static void a_dry_change_keeps_nothing(void **state)
{
    (void)state;
    struct school_door dry = door;
    dry.statement = &store_take_marks_dry;
    dry.dry = true;
    struct mark *mark = mark_then(110001), *better = correction_of(mark, 1);
    take(mark);
    for (int i = 0; i < 2; i++)
        assert_string_equal(school_take_one(&it, &dry, better, 0), "created");
    assert_int_equal(rows(), 1);
    assert_int_equal(school_number(&it, "select count(*) from mark where replaced_by is null"), 1);
    assert_string_equal(take(better), "created");
}

/* Items of one batch that change each other, as the calls would take them. */
static void a_dry_chain_is_answered_as_it_would_be(void **state)
{
    (void)state;
    struct school_door dry = door;
    dry.statement = &store_take_marks_dry;
    dry.dry = true;
    struct mark *mark = mark_then(110001), *better = correction_of(mark, 1);
    struct mark *best = correction_of(better, 2), *late = correction_of(mark, 3);
    void *items[] = {mark, better, best, late};
    const char **outcomes = school_take(&it, &dry, items, NULL, COUNT_OF(items));
    for (size_t i = 0; i < COUNT_OF(items); i++)
        assert_string_equal(outcomes[i],
                            i < 3 ? "created" : said("already_corrected /replaces", best));
    assert_int_equal(rows(), 0);
}

/* Of two processes the second waits, and finds what the first did. */
static void two_at_once_make_a_chain_and_no_tree(void **state)
{
    (void)state;
    struct err err = {0};
    int status;
    struct mark *mark = mark_then(110001), *gone = withdrawal_of(mark);
    struct mark *better = correction_of(mark, 19);
    take(mark);
    assert_int_equal(db_begin(it.db, &err), ERROR_NONE);
    assert_string_equal(take(gone), "created");
    pid_t second = fork();
    if (second == 0) {
        struct db *db = school_connect(it.conninfo);
        const char *outcome;
        void *item = better;
        enum error code = school_try(&it, db, &door, &item, NULL, 1, &outcome);
        _exit(code || strcmp(outcome, said("already_withdrawn /replaces", gone)) != 0);
    }
    assert_true(testkit_wait_until(school_someone_waits, &it, 10000));
    assert_int_equal(db_commit(it.db, &err), ERROR_NONE);
    assert_int_equal(waitpid(second, &status, 0), second);
    assert_int_equal(status, 0);
    assert_int_equal(log_rows(), 2);
}

/* A transaction with an older xid may not change what a younger one has committed: its event would
 * stand before the one that it follows. Called again it gets a younger xid. */
static void an_older_transaction_comes_again(void **state)
{
    (void)state;
    CLEANUP(db_close_at) struct db *older = school_connect(it.conninfo);
    struct err err = {0};
    struct mark *mark = mark_then(110001), *better = correction_of(mark, 19);
    struct mark *gone = withdrawal_of(better);
    void *item = gone;
    const char *outcome;
    take(mark);
    assert_int_equal(db_begin(older, &err), ERROR_NONE);
    assert_int_equal(db_run(older, "select outbox_stamp()", &err), ERROR_NONE);
    assert_string_equal(take(better), "created");
    assert_int_equal(school_try(&it, older, &door, &item, NULL, 1, &outcome), ERROR_SERIALIZE);
    db_rollback(older);
    assert_int_equal(school_try(&it, older, &door, &item, NULL, 1, &outcome), ERROR_NONE);
    assert_string_equal(outcome, "created");
    assert_int_equal(school_number(&it, "select count(*) from (select types, lag(types) over"
                                        "   (order by epoch, xid, seq) as former from event_log) t"
                                        " where types = '{202}' and former = '{201}'"),
                     1);
}

/* ---- Reading ---- */

enum { OF_LEARNER = 30 };

/* Each of them once, newest first, over page after page. */
static size_t read_all(const struct statement *statement, uint32_t whose)
{
    struct mark last = {0};
    size_t total = 0, count;
    do {
        const struct mark_shown *rows =
            school_page(&it, statement, &mark_view, whose, last.date, last.id, &count);
        for (size_t i = 0; i < count; last = rows[i++].mark, total++) {
            const struct mark *mark = &rows[i].mark;
            assert_true(total == 0 || mark->date.day < last.date.day ||
                        (mark->date.day == last.date.day && uuid_compare(&mark->id, &last.id) < 0));
        }
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
    assert_int_equal(read_all(&store_learner_marks, 110001), OF_LEARNER);
    assert_int_equal(read_all(&store_learner_marks, 110002), 1);
    assert_int_equal(read_all(&store_learner_marks, 110003), 0);
    /* What was recorded for a person under another id is the same person's, whichever is asked. */
    school_run(&it, "insert into copy_alias (id, canonical, entity, epoch, revision)"
                    " values (id(110002), id(110001), 1, 1, 1)");
    assert_int_equal(read_all(&store_learner_marks, 110001), OF_LEARNER + 1);
    assert_int_equal(read_all(&store_learner_marks, 110002), OF_LEARNER + 1);
}

static void what_is_read_is_what_was_sent(void **state)
{
    (void)state;
    size_t count;
    const struct mark *sent = mark_of(110001);
    struct mark taken = *sent;
    school_take_one(&it, &door, &taken, 0);
    const struct mark_shown *shown = school_page(&it, &store_learner_marks, &mark_view, 110001,
                                                 (struct date){0}, (struct uuid){0}, &count);
    struct uuid school = school_id(11);
    assert_int_equal(count, 1);
    assert_true(shown->recorded_at.us && !shown->history.count &&
                !uuid_present(&shown->withdrawn.id));
    const struct mark *read = &shown->mark;
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

static void a_mark_is_shown_as_it_stands_with_what_it_was(void **state)
{
    (void)state;
    size_t count;
    struct mark *mark = mark_then(110001), *better = correction_of(mark, 19);
    struct mark *best = correction_of(better, 0), *other = mark_then(110002);
    best->points = best->max_points = (struct optional){0};
    best->value = MARK_EXEMPT;
    void *first[] = {mark, other};
    school_take(&it, &door, first, NULL, COUNT_OF(first));
    take(better);
    take(best);
    const struct mark_shown *shown = school_page(&it, &store_learner_marks, &mark_view, 110001,
                                                 (struct date){0}, (struct uuid){0}, &count);
    assert_int_equal(count, 1);
    assert_true(uuid_equal(&shown->mark.id, &best->id));
    assert_int_equal(shown->mark.value, MARK_EXEMPT);
    assert_true(str_equal(shown->mark.reason, STR("апелляция")));
    assert_int_equal(shown->history.count, 2);
    const struct mark_shown *was = shown->history.items;
    assert_true(uuid_equal(&was[0].mark.id, &better->id) && uuid_equal(&was[1].mark.id, &mark->id));
    assert_int_equal(was[0].mark.points.value, 19);
    assert_int_equal(was[0].mark.reason_code, MARK_REASON_APPEAL);
    assert_int_equal(was[1].mark.kind, MARK_SUMMATIVE_UNIT);
    assert_int_equal(was[1].mark.points.value, 17);
    assert_int_equal(was[1].mark.reason_code, 0);
    assert_int_equal(was[1].mark.entered_at.us, mark->entered_at.us);
    assert_true(str_equal(was[1].mark.comment, mark->comment));
    assert_true(was[1].recorded_at.us < was[0].recorded_at.us);
    struct mark *gone = withdrawal_of(best);
    take(gone);
    shown = school_page(&it, &store_journal, &mark_view, 110, (struct date){0}, (struct uuid){0},
                        &count);
    assert_int_equal(count, 2);
    shown += uuid_equal(&shown->mark.id, &other->id);
    assert_true(uuid_equal(&shown->mark.id, &best->id));
    assert_int_equal(shown->history.count, 2);
    assert_true(uuid_equal(&shown->withdrawn.id, &gone->id));
    assert_true(str_equal(shown->withdrawn.reason, STR("қате")));
    assert_int_equal(shown->withdrawn.reason_code, MARK_REASON_ERROR);
    assert_true(shown->withdrawn.recorded_at.us > shown->recorded_at.us);
}

static void a_journal_comes_in_pages_by_index(void **state)
{
    (void)state;
    CLEANUP(db_close_at) struct db *writer = it.db;
    struct err err = {0};
    void *items[OF_LEARNER];
    for (uint32_t i = 0; i < OF_LEARNER; i++) {
        struct mark *mark = mark_then(110001 + i % 24);
        mark->date.day -= (int32_t)i % 3;
        items[i] = mark;
    }
    school_take(&it, &door, items, NULL, OF_LEARNER);
    take(correction_of(items[7], 1));
    take(withdrawal_of(items[8]));
    assert_int_equal(db_open(&it.db, it.conninfo, &err), ERROR_NONE);
    assert_int_equal(db_begin(it.db, &err), ERROR_NONE);
    assert_int_equal(read_all(&store_journal, 110), OF_LEARNER);
    school_assert_read(it.db, 500);
    assert_int_equal(db_commit(it.db, &err), ERROR_NONE);
    assert_int_equal(read_all(&store_journal, 120), 0);
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
    school_run(&it, "analyze mark"); /* it is known to be empty */
    school_take_in_bulk(&it, &door, items, MANY);
    assert_int_equal(rows(), COUNT_OF(items));
    assert_int_equal(log_rows(), 4);
}

#define MARKS_TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MARKS_TEST(a_mark_is_created_once),
        MARKS_TEST(what_is_there_is_found_in_any_company),
        MARKS_TEST(what_does_not_fit_the_registry_is_refused),
        MARKS_TEST(a_call_of_bad_items_alone_logs_nothing),
        MARKS_TEST(a_dry_run_answers_the_same_and_keeps_nothing),
        MARKS_TEST(callers_in_one_call_keep_their_own_scopes),
        MARKS_TEST(a_call_is_one_row_of_the_log),
        MARKS_TEST(the_same_id_from_two_at_once_is_one_mark),
        MARKS_TEST(a_learner_may_be_named_by_an_alias),
        MARKS_TEST(a_correction_says_what_was_before),
        MARKS_TEST(a_withdrawal_names_whose_mark_it_was),
        MARKS_TEST(what_does_not_stand_cannot_be_changed),
        MARKS_TEST(a_change_fits_its_original),
        MARKS_TEST(what_was_recorded_stays_where_it_was),
        MARKS_TEST(plain_marks_and_changes_go_in_the_order_of_arrival),
        MARKS_TEST(a_dry_change_keeps_nothing),
        MARKS_TEST(a_dry_chain_is_answered_as_it_would_be),
        MARKS_TEST(two_at_once_make_a_chain_and_no_tree),
        MARKS_TEST(an_older_transaction_comes_again),
        MARKS_TEST(a_learners_marks_come_in_pages_newest_first),
        MARKS_TEST(what_is_read_is_what_was_sent),
        MARKS_TEST(a_mark_is_shown_as_it_stands_with_what_it_was),
        MARKS_TEST(a_journal_comes_in_pages_by_index),
        MARKS_TEST(a_thousand_go_by_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
