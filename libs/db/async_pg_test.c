#include "testkit/check.h"

#include <stdlib.h>

#include "base/clock.h"
#include "db/async.h"
#include "testkit/testkit.h"

static struct arena test_arena;
static const char *conninfo;

static int make_database(void **state)
{
    (void)state;
    conninfo = testkit_database(&test_arena);
    return 0;
}

static int forget_database(void **state)
{
    (void)state;
    arena_done(&test_arena);
    return 0;
}

/* ---- A loop, a connection on it, and what came back ---- */

enum { MOST_ANSWERS = 500, PATIENCE_MS = 15000 };

struct answer {
    int64_t number; /* of the first column of the first row */
    size_t rows;
    enum error code;
    struct err err;
};

struct test {
    struct loop *loop;
    struct db_async *db;
    struct loop_timer *patience;
    struct answer answers[MOST_ANSWERS];
    size_t count, wanted;
    bool calling; /* an exec has not returned yet */
    int opened, opened_wanted;
};

static void lost_patience(void *context)
{
    struct test *test = context;
    fail_msg("%zu answers of %zu", test->count, test->wanted);
}

static void test_init(struct test *test, struct db_async_options options)
{
    *test = (struct test){.loop = loop_new()};
    if (!options.conninfo)
        options.conninfo = conninfo;
    if (options.opened)
        options.context = test;
    test->patience = loop_timer_new(test->loop, lost_patience, test);
    test->db = db_async_new(test->loop, &options);
}

static void test_done(struct test *test)
{
    db_async_free(test->db);
    loop_timer_free(test->patience);
    loop_free(test->loop);
}

static void answered(void *context, const struct result *result, enum error code,
                     const struct err *err)
{
    struct test *test = context;
    assert_false(test->calling);
    assert_true(test->count < MOST_ANSWERS);
    assert_int_equal(err->code, code);
    assert_true(!code || !result->handle);
    struct answer *answer = &test->answers[test->count++];
    answer->code = code;
    answer->err = *err;
    answer->rows = result_rows(result);
    if (answer->rows)
        answer->number = result_bigint(result, 0, 0);
    if (test->count == test->wanted)
        loop_stop(test->loop);
}

static void call(struct test *test, const struct statement *statement, const struct params *params)
{
    test->calling = true;
    db_async_exec(test->db, statement, params, answered, test);
    test->calling = false;
}

static void run_loop(struct test *test)
{
    loop_timer_set(test->patience, PATIENCE_MS);
    loop_run(test->loop);
    loop_timer_clear(test->patience);
}

static void await(struct test *test, size_t answers)
{
    test->wanted = answers;
    if (test->count < answers)
        run_loop(test);
    assert_int_equal(test->count, answers);
}

static enum error opened(struct db *db, void *context, struct err *err)
{
    struct test *test = context;
    if (++test->opened == test->opened_wanted)
        loop_stop(test->loop);
    return db_run(db, "set statement_timeout = 0", err); /* so that the client has to cut */
}

/* Until it was opened so many times. */
static void await_opened(struct test *test, int times)
{
    test->opened_wanted = times;
    if (test->opened < times)
        run_loop(test);
    assert_int_equal(test->opened, times);
}

static void stop_loop(void *context)
{
    struct test *test = context;
    loop_stop(test->loop);
}

/* Lets the loop turn for a while. */
static void turn_for(struct test *test, int64_t ms)
{
    struct loop_timer *timer = loop_timer_new(test->loop, stop_loop, test);
    loop_timer_set(timer, ms);
    run_loop(test);
    loop_timer_free(timer);
}

static const struct statement same = {"same", "select $1::bigint"};

static void call_same(struct test *test, int64_t number)
{
    struct params params = {0};
    param_bigint(&params, number);
    call(test, &same, &params);
}

static int64_t number_of(const struct statement *statement)
{
    struct db *db;
    struct err err = {0};
    struct result result;
    assert_int_equal(db_open(&db, conninfo, &err), ERROR_NONE);
    assert_int_equal(db_exec(db, statement, NULL, &result, &err), ERROR_NONE);
    int64_t number = result_bigint(&result, 0, 0);
    result_done(&result);
    db_close(db);
    return number;
}

static void run(const char *sql)
{
    struct db *db;
    struct err err = {0};
    assert_int_equal(db_open(&db, conninfo, &err), ERROR_NONE);
    if (db_run(db, sql, &err))
        fail_msg("%s", err.text);
    db_close(db);
}

/* ---- Order ---- */

static void answers_come_in_order(bool pipeline)
{
    struct test test;
    test_init(&test, (struct db_async_options){.pipeline = pipeline});
    for (int i = 0; i < 500; i++)
        call_same(&test, i); /* the parameters are gone when it returns */
    assert_int_equal(db_async_waiting(test.db), 500);
    await(&test, 500);
    assert_true(db_async_ready(test.db));
    assert_int_equal(db_async_waiting(test.db), 0);
    for (int i = 0; i < 500; i++) {
        assert_int_equal(test.answers[i].code, ERROR_NONE);
        assert_int_equal(test.answers[i].number, i);
    }
    test_done(&test);
}

static void one_after_the_other_answers_come_in_order(void **state)
{
    (void)state;
    answers_come_in_order(false);
}

static void in_a_pipeline_answers_come_in_order(void **state)
{
    (void)state;
    answers_come_in_order(true);
}

static void call_again(void *context, const struct result *result, enum error code,
                       const struct err *err)
{
    struct test *test = context;
    answered(context, result, code, err);
    if (test->count < 20) {
        struct params params = {0};
        param_bigint(&params, (int64_t)test->count);
        test->calling = true;
        db_async_exec(test->db, &same, &params, call_again, test);
        test->calling = false;
    }
}

static void a_callback_may_call(void **state)
{
    (void)state;
    struct test test;
    struct params params = {0};
    param_bigint(&params, 0);
    test_init(&test, (struct db_async_options){0});
    db_async_exec(test.db, &same, &params, call_again, &test);
    await(&test, 20);
    for (int i = 0; i < 20; i++)
        assert_int_equal(test.answers[i].number, i);
    test_done(&test);
}

static void a_call_without_a_result_is_answered(void **state)
{
    (void)state;
    static const struct statement nothing = {"nothing", "create temp table nothing ()"};
    struct test test;
    test_init(&test, (struct db_async_options){.pipeline = true});
    call(&test, &nothing, NULL);
    call(&test, &nothing, NULL); /* prepared by now, but the table is there */
    await(&test, 2);
    assert_int_equal(test.answers[0].code, ERROR_NONE);
    assert_int_equal(test.answers[0].rows, 0);
    assert_int_equal(test.answers[1].code, ERROR_INTERNAL);
    test_done(&test);
}

/* More than the socket's buffers hold, both ways: neither side may wait for the other for ever. */
static void much_goes_out_and_comes_in(void **state)
{
    (void)state;
    static const struct statement repeat = {
        "repeat", "select length($1)::bigint, repeat($1, 2) from generate_series(1, 2)"};
    enum { BYTES = 500000, CALLS = 40 };
    struct test test;
    char *text = mem_alloc(BYTES);
    memset(text, 'x', BYTES);
    test_init(&test, (struct db_async_options){.pipeline = true});
    struct params params = {0};
    param_text(&params, (struct str){text, BYTES});
    for (int i = 0; i < CALLS; i++)
        call(&test, &repeat, &params);
    free(text);
    await(&test, CALLS);
    for (int i = 0; i < CALLS; i++) {
        assert_int_equal(test.answers[i].code, ERROR_NONE);
        assert_int_equal(test.answers[i].number, BYTES);
        assert_int_equal(test.answers[i].rows, 2);
    }
    test_done(&test);
}

/* ---- Failures stay with their call ---- */

static const struct statement count_marks = {"count_marks", "select count(*) from marks"};

static void a_failure_in_a_pipeline_is_its_own(void **state)
{
    (void)state;
    static const struct statement insert = {"insert", "insert into marks values ($1) returning id"};
    static const int64_t ids[] = {1, 2, 2, 3, 2, 4};
    struct test test;
    run("create table marks (id bigint primary key)");
    test_init(&test, (struct db_async_options){.pipeline = true});
    call_same(&test, 0);
    await(&test, 1);
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        struct params params = {0};
        param_bigint(&params, ids[i]);
        call(&test, &insert, &params);
    }
    await(&test, 1 + COUNT_OF(ids));
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        bool again = i == 2 || i == 4;
        assert_int_equal(test.answers[1 + i].code, again ? ERROR_DUPLICATE : ERROR_NONE);
        assert_int_equal(test.answers[1 + i].number, again ? 0 : ids[i]);
    }
    assert_int_equal(number_of(&count_marks), 4);
    run("drop table marks");
    test_done(&test);
}

/* The first use prepares; the calls behind it must not suffer from its failure. */
static void a_statement_that_cannot_be_prepared_fails_alone_and_may_be_later(void **state)
{
    (void)state;
    static const struct statement late = {"late", "select count(*) from late"};
    struct test test;
    test_init(&test, (struct db_async_options){.pipeline = true});
    call(&test, &late, NULL);
    call(&test, &late, NULL);
    call_same(&test, 7);
    await(&test, 3);
    assert_int_equal(test.answers[0].code, ERROR_INTERNAL);
    assert_int_equal(test.answers[1].code, ERROR_INTERNAL);
    assert_non_null(strstr(test.answers[1].err.text, "(SQLSTATE 42P01)")); /* its own words */
    assert_int_equal(test.answers[2].number, 7);
    run("create table late ()");
    call(&test, &late, NULL);
    await(&test, 4);
    assert_int_equal(test.answers[3].code, ERROR_NONE);
    run("drop table late");
    test_done(&test);
}

/* The row is there, its commit is not: that comes with the Sync. */
static void a_commit_that_is_refused_is_an_error(void **state)
{
    (void)state;
    static const struct statement insert = {"insert_deferred",
                                            "insert into pairs values (1) returning id::bigint"};
    struct test test;
    run("create table pairs (id integer unique deferrable initially deferred);"
        "insert into pairs values (1)");
    test_init(&test, (struct db_async_options){.pipeline = true});
    call(&test, &insert, NULL);
    call_same(&test, 5);
    call(&test, &insert, NULL);
    call_same(&test, 6);
    await(&test, 4);
    assert_int_equal(test.answers[0].code, ERROR_DUPLICATE);
    assert_int_equal(test.answers[1].number, 5);
    assert_int_equal(test.answers[2].code, ERROR_DUPLICATE);
    assert_int_equal(test.answers[3].number, 6);
    run("drop table pairs");
    test_done(&test);
}

/* ---- Limits ---- */

static void beyond_the_queue_it_is_busy(void **state)
{
    (void)state;
    struct test test;
    size_t busy = 0;
    test_init(&test, (struct db_async_options){.most_waiting = 3});
    for (int i = 0; i < 5; i++)
        call_same(&test, i);
    await(&test, 5);
    for (size_t i = 0; i < 5; i++)
        busy += test.answers[i].code == ERROR_BUSY;
    assert_int_equal(busy, 2);
    test_done(&test);
}

static void beyond_the_memory_it_is_busy(void **state)
{
    (void)state;
    static const struct statement text = {"text_length", "select length($1)::bigint"};
    static const char bytes[1000] = "";
    struct test test;
    size_t busy = 0;
    test_init(&test, (struct db_async_options){.most_waiting_bytes = 2500});
    for (int i = 0; i < 5; i++) {
        struct params params = {0};
        param_text(&params, (struct str){bytes, i == 4 ? 0 : sizeof bytes});
        call(&test, &text, &params);
    }
    await(&test, 5);
    for (size_t i = 0; i < 5; i++)
        busy += test.answers[i].code == ERROR_BUSY;
    assert_int_equal(busy, 2);
    test_done(&test);
}

static const struct statement long_sleep = {"long_sleep", "select 1::bigint from pg_sleep(20)"};

static void the_server_gives_up_at_the_timeout(void **state)
{
    (void)state;
    struct test test;
    test_init(&test, (struct db_async_options){.timeout_ms = 1000});
    call(&test, &long_sleep, NULL);
    await(&test, 1);
    assert_int_equal(test.answers[0].code, ERROR_UNAVAILABLE);
    assert_true(db_async_ready(test.db)); /* nothing was cut */
    call_same(&test, 1);
    await(&test, 2);
    assert_int_equal(test.answers[1].code, ERROR_NONE);
    test_done(&test);
}

static void a_server_that_does_not_even_give_up_is_cut_off(void **state)
{
    (void)state;
    struct test test;
    test_init(&test, (struct db_async_options){.timeout_ms = 1000, .opened = opened});
    await_opened(&test, 1); /* what waits for a connection for too long was not even sent */
    call(&test, &long_sleep, NULL);
    int64_t begun_us = clock_monotonic();
    await(&test, 1);
    assert_true(clock_monotonic() - begun_us < 10000000);
    assert_int_equal(test.answers[0].code, ERROR_UNKNOWN);
    assert_false(db_async_ready(test.db));
    await_opened(&test, 2);
    call_same(&test, 1);
    await(&test, 2);
    assert_int_equal(test.answers[1].code, ERROR_NONE);
    test_done(&test);
}

/* Each of them is short, all together take longer than one may. */
static void behind_others_a_call_has_its_own_time(void **state)
{
    (void)state;
    static const struct statement nap = {"nap", "select 1::bigint from pg_sleep(0.1)"};
    enum { CALLS = 15 };
    struct test test;
    test_init(&test, (struct db_async_options){.timeout_ms = 1000, .pipeline = true});
    call_same(&test, 0);
    call(&test, &nap, NULL);
    await(&test, 2);
    for (int i = 0; i < CALLS; i++)
        call(&test, &nap, NULL);
    await(&test, 2 + CALLS);
    for (int i = 0; i < CALLS; i++)
        assert_int_equal(test.answers[2 + i].code, ERROR_NONE);
    test_done(&test);
}

static void without_a_connection_a_call_waits_only_so_long(void **state)
{
    (void)state;
    struct test test;
    test_init(&test,
              (struct db_async_options){.conninfo = "host=/nowhere dbname=x", .timeout_ms = 150});
    call_same(&test, 1);
    int64_t begun_us = clock_monotonic();
    await(&test, 1);
    assert_true(clock_monotonic() - begun_us >= 140000);
    assert_int_equal(test.answers[0].code, ERROR_UNAVAILABLE);
    assert_false(db_async_ready(test.db));
    test_done(&test);
}

/* ---- Losing the connection and coming back ---- */

static const struct statement own_backend = {"own_backend", "select pg_backend_pid()"};
static const struct statement suicide = {
    "suicide", "select 1::bigint from pg_terminate_backend(pg_backend_pid())"};

static void it_comes_back_without_a_call_in_flight(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct test test;
    test_init(&test, (struct db_async_options){.pipeline = true, .opened = opened});
    call(&test, &own_backend, NULL);
    await(&test, 1);
    run(arena_printf(&arena, "select pg_terminate_backend(%d, 5000)", (int)test.answers[0].number));
    await_opened(&test, 2);
    call(&test, &own_backend, NULL); /* is prepared anew */
    await(&test, 2);
    assert_int_equal(test.answers[1].code, ERROR_NONE);
    assert_int_not_equal(test.answers[1].number, test.answers[0].number);
    test_done(&test);
}

static void what_was_in_flight_is_unknown_and_what_waited_goes_on(void **state)
{
    (void)state;
    struct test test;
    test_init(&test, (struct db_async_options){.opened = opened});
    call(&test, &suicide, NULL);
    call_same(&test, 7);
    await(&test, 2);
    assert_int_equal(test.answers[0].code, ERROR_UNKNOWN);
    assert_int_equal(test.answers[1].code, ERROR_NONE);
    assert_int_equal(test.answers[1].number, 7);
    assert_int_equal(test.opened, 2);
    test_done(&test);
}

static void in_a_pipeline_all_that_was_sent_is_unknown(void **state)
{
    (void)state;
    struct test test;
    test_init(&test, (struct db_async_options){.pipeline = true});
    call_same(&test, 1);
    await(&test, 1);
    call_same(&test, 2);
    call(&test, &suicide, NULL);
    for (int i = 0; i < 100; i++)
        call_same(&test, i);
    await(&test, 103);
    /* The one before had committed, but its answer may have been lost with the connection. */
    assert_true(test.answers[1].code == ERROR_NONE || test.answers[1].code == ERROR_UNKNOWN);
    assert_int_equal(test.answers[2].code, ERROR_UNKNOWN);
    assert_int_equal(test.answers[3].code, ERROR_UNKNOWN);
    assert_int_equal(test.answers[102].code, ERROR_NONE); /* not sent yet then */
    assert_int_equal(test.answers[102].number, 99);
    test_done(&test);
}

static enum error opened_the_second_time(struct db *db, void *context, struct err *err)
{
    struct test *test = context;
    if (++test->opened == 1)
        return err_set(err, ERROR_FENCED, "not yet");
    return db_run(db, "create temp table made_by_opened ()", err);
}

static void no_call_before_it_was_opened_well(void **state)
{
    (void)state;
    static const struct statement made = {"made", "select count(*) from made_by_opened"};
    struct test test;
    test_init(&test, (struct db_async_options){.opened = opened_the_second_time});
    call(&test, &made, NULL);
    await(&test, 1);
    assert_int_equal(test.answers[0].code, ERROR_NONE);
    assert_int_equal(test.opened, 2);
    test_done(&test);
}

static void calls_wait_for_a_server_that_starts_again(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct test test;
    struct testkit_server *server = testkit_postgres_new();
    test_init(&test,
              (struct db_async_options){.conninfo = testkit_server_database(server, &arena)});
    call_same(&test, 1);
    await(&test, 1);
    testkit_server_kill(server);
    turn_for(&test, 50);
    assert_false(db_async_ready(test.db));
    call_same(&test, 2);
    testkit_server_start(server);
    await(&test, 2);
    assert_int_equal(test.answers[1].code, ERROR_NONE);
    assert_int_equal(test.answers[1].number, 2);
    test_done(&test);
    testkit_server_free(server);
}

/* ---- The end ---- */

static void call_once_more(void *context, const struct result *result, enum error code,
                           const struct err *err)
{
    struct test *test = context;
    answered(context, result, code, err);
    call_same(test, 9);
}

static void what_waits_is_answered_at_the_end(void **state)
{
    (void)state;
    struct test test;
    test_init(&test, (struct db_async_options){0});
    call_same(&test, 0);
    await(&test, 1);
    call(&test, &long_sleep, NULL);
    turn_for(&test, 50);
    db_async_exec(test.db, &own_backend, NULL, call_once_more, &test);
    assert_int_equal(db_async_waiting(test.db), 2);
    test_done(&test);
    assert_int_equal(test.count, 4);
    assert_int_equal(test.answers[1].code, ERROR_UNKNOWN); /* it was in flight */
    assert_int_equal(test.answers[2].code, ERROR_UNAVAILABLE);
    assert_int_equal(test.answers[3].code, ERROR_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_after_the_other_answers_come_in_order),
        TEST(in_a_pipeline_answers_come_in_order),
        TEST(a_callback_may_call),
        TEST(a_call_without_a_result_is_answered),
        TEST(much_goes_out_and_comes_in),
        TEST(a_failure_in_a_pipeline_is_its_own),
        TEST(a_statement_that_cannot_be_prepared_fails_alone_and_may_be_later),
        TEST(a_commit_that_is_refused_is_an_error),
        TEST(beyond_the_queue_it_is_busy),
        TEST(beyond_the_memory_it_is_busy),
        TEST(the_server_gives_up_at_the_timeout),
        TEST(a_server_that_does_not_even_give_up_is_cut_off),
        TEST(behind_others_a_call_has_its_own_time),
        TEST(without_a_connection_a_call_waits_only_so_long),
        TEST(it_comes_back_without_a_call_in_flight),
        TEST(what_was_in_flight_is_unknown_and_what_waited_goes_on),
        TEST(in_a_pipeline_all_that_was_sent_is_unknown),
        TEST(no_call_before_it_was_opened_well),
        TEST(calls_wait_for_a_server_that_starts_again),
        TEST(what_waits_is_answered_at_the_end),
    };
    return cmocka_run_group_tests(tests, make_database, forget_database);
}
