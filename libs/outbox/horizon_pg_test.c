/* The design's trial in small: writers that sleep between their writes, so that they commit in
 * another order than that of their xids, and a transaction left open in another database. */
#include "testkit/check.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "outbox/outbox.h"
#include "testkit/testkit.h"

enum { WRITERS = 8, TRANSACTIONS = 60 };

static struct db *open_log(const char *conninfo)
{
    struct db *db;
    struct err err = {0};
    if (db_open(&db, conninfo, &err) || outbox_open(db, NULL, &err))
        fail_msg("%s", err.text);
    return db;
}

static struct db *make_log(const char *conninfo)
{
    struct db *db;
    struct err err = {0};
    if (db_open(&db, conninfo, &err) || db_migrate(db, &outbox_migrations, 1, &err) ||
        outbox_open(db, NULL, &err))
        fail_msg("%s", err.text);
    return db;
}

static void run(struct db *db, const char *sql)
{
    struct err err = {0};
    if (db_run(db, sql, &err))
        fail_msg("%s: %s", sql, err.text);
}

/* Two rows a transaction, some are rolled back. */
static int write_rows(const char *conninfo)
{
    static const char append[] =
        "select outbox_append(array[gen_random_uuid()], array['k'], array[900::smallint],"
        " array['\\x80'::bytea]), pg_sleep(random() * 0.01)";
    struct db *db = open_log(conninfo);
    struct err err = {0};
    for (int i = 0; i < TRANSACTIONS; i++) {
        if (db_begin(db, &err) || db_run(db, append, &err) || db_run(db, append, &err))
            return 1;
        if (i % 10 == 9)
            db_rollback(db);
        else if (db_commit(db, &err))
            return 1;
    }
    db_close(db);
    return 0;
}

/* One who reads on from a position up to a horizon. */
struct reader {
    struct position position;
    int64_t rows, disorders;
};

static void read_on(struct db *db, struct reader *reader, const struct horizon *horizon)
{
    static const struct statement statement = {
        "read_on", "select epoch, xid, seq from event_log where (epoch, xid, seq) > ($1, $2, $3)"
                   " and (epoch < $4 or xid < $5) order by epoch, xid, seq"};
    struct params params = {0};
    const int64_t numbers[] = {reader->position.epoch, reader->position.xid, reader->position.seq,
                               horizon->epoch, horizon->xid};
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        param_bigint(&params, numbers[i]);
    struct result result = {0};
    struct err err = {0};
    if (db_exec(db, &statement, &params, &result, &err))
        fail_msg("%s", err.text);
    for (size_t row = 0; row < result_rows(&result); row++) {
        struct position position = {result_bigint(&result, row, 0), result_bigint(&result, row, 1),
                                    result_bigint(&result, row, 2), 0};
        reader->disorders += position_compare(&position, &reader->position) <= 0;
        reader->position = position;
        reader->rows++;
    }
    result_done(&result);
}

static int64_t number_of(struct db *db, const struct statement *statement)
{
    struct result result = {0};
    struct err err = {0};
    if (db_exec(db, statement, NULL, &result, &err))
        fail_msg("%s", err.text);
    int64_t number = result_bigint(&result, 0, 0);
    result_done(&result);
    return number;
}

static const struct statement count_rows = {"count_rows", "select count(*) from event_log"};
static const struct statement snapshot_xmax = {
    "snapshot_xmax", "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint"};
static const struct statement own_xid = {"own_xid", "select pg_current_xact_id()::text::bigint"};

static bool writing(const pid_t *writers)
{
    for (int i = 0; i < WRITERS; i++)
        if (testkit_is_running(writers[i]))
            return true;
    return false;
}

/* The careless reader takes x alone for the horizon: that it misses rows shows that there were some
 * to be missed. */
static void a_reader_below_the_horizon_misses_none(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    const char *conninfo = testkit_database(&arena);
    struct db *db = make_log(conninfo), *foreign;
    struct err err = {0};
    assert_int_equal(db_open(&foreign, testkit_database(&arena), &err), ERROR_NONE);
    assert_int_equal(db_begin(foreign, &err), ERROR_NONE);
    int64_t foreign_xid = number_of(foreign, &own_xid);
    pid_t writers[WRITERS];
    for (int i = 0; i < WRITERS; i++)
        if ((writers[i] = fork()) == 0)
            _exit(write_rows(conninfo));
    struct reader careful = {0}, careless = {0};
    struct horizon horizon = {0}, naive;
    for (bool last = false; !last;) {
        last = !writing(writers);
        assert_int_equal(outbox_horizon(db, &horizon, &err), ERROR_NONE);
        read_on(db, &careful, &horizon);
        naive = (struct horizon){horizon.epoch, number_of(db, &snapshot_xmax)};
        read_on(db, &careless, &naive);
    }
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(testkit_wait(writers[i], 1000), 0);
    int64_t rows = number_of(db, &count_rows);
    assert_int_equal(rows, 1 + WRITERS * TRANSACTIONS * 9 / 10 * 2);
    assert_int_equal(careful.rows, rows);
    assert_int_equal(careful.disorders, 0);
    assert_true(careless.rows < rows);
    assert_true(horizon.xid > foreign_xid); /* which is still open */
    db_close(foreign);
    db_close(db);
}

#ifdef EISO_FAULTS
/* Reads twice: it stops between the horizon's two statements, and once more behind the first read.
 * Ends with how many rows it saw. */
static int read_with_stops(const char *conninfo)
{
    struct db *db = open_log(conninfo);
    struct reader reader = {0};
    struct horizon horizon;
    struct err err = {0};
    setenv("EISO_FAULT", "horizon_between=pause", 1);
    if (outbox_horizon(db, &horizon, &err))
        return 100;
    unsetenv("EISO_FAULT");
    read_on(db, &reader, &horizon);
    raise(SIGSTOP);
    if (outbox_horizon(db, &horizon, &err))
        return 100;
    read_on(db, &reader, &horizon);
    db_close(db);
    return (int)reader.rows;
}

static void wait_until_stopped(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFSTOPPED(status));
}

/* Between the two statements an older transaction begins and a younger one commits: were the
 * activity looked at before x was taken, the older one would be below a horizon that nobody saw it
 * under. */
static void who_begins_between_the_two_statements_is_not_missed(void **state)
{
    (void)state;
    static const char append[] =
        "select outbox_append(array[gen_random_uuid()], array['k'], array[900::smallint],"
        " array['\\x80'::bytea])";
    CLEANUP(arena_done) struct arena arena = {0};
    const char *conninfo = testkit_database(&arena);
    struct db *younger = make_log(conninfo), *older = open_log(conninfo);
    struct err err = {0};
    pid_t child = fork();
    if (child == 0)
        _exit(read_with_stops(conninfo));
    wait_until_stopped(child);
    assert_int_equal(db_begin(older, &err), ERROR_NONE);
    run(older, append);
    run(younger, append);
    testkit_resume(child);
    wait_until_stopped(child);
    assert_int_equal(db_commit(older, &err), ERROR_NONE);
    testkit_resume(child);
    assert_int_equal(testkit_wait(child, 10000), 3); /* the epoch's own and both */
    db_close(older);
    db_close(younger);
}
#endif

static void a_transaction_of_its_own_database_holds_the_horizon(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    const char *conninfo = testkit_database(&arena);
    struct db *db = make_log(conninfo), *writer = open_log(conninfo);
    struct err err = {0};
    struct horizon horizon;
    struct reader reader = {0};
    assert_int_equal(db_begin(writer, &err), ERROR_NONE);
    int64_t xid = number_of(writer, &own_xid);
    for (int i = 0; i < 3; i++)
        run(db, "select outbox_append(array[gen_random_uuid()], array['k'], array[900::smallint],"
                " array['\\x80'::bytea])");
    assert_int_equal(outbox_horizon(db, &horizon, &err), ERROR_NONE);
    assert_int_equal(horizon.xid, xid);
    read_on(db, &reader, &horizon);
    assert_int_equal(reader.rows, 1); /* the epoch's own */
    db_rollback(writer);
    assert_int_equal(outbox_horizon(db, &horizon, &err), ERROR_NONE);
    assert_true(horizon.xid > xid + 3);
    read_on(db, &reader, &horizon);
    assert_int_equal(reader.rows, 4);
    db_close(writer);
    db_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reader_below_the_horizon_misses_none),
#ifdef EISO_FAULTS
        TEST(who_begins_between_the_two_statements_is_not_missed),
#endif
        TEST(a_transaction_of_its_own_database_holds_the_horizon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
