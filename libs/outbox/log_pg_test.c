/* The log's SQL: who may write, what a start of PostgreSQL does, what is kept and what goes. */
#include "testkit/check.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "outbox/outbox.h"
#include "testkit/testkit.h"

struct log {
    struct arena arena;
    const char *conninfo;
    struct db *db;
};

static int begin(void **state)
{
    struct log *log = mem_alloc(sizeof *log);
    log->conninfo = testkit_database(&log->arena);
    struct err err = {0};
    if (db_open(&log->db, log->conninfo, &err) ||
        db_migrate(log->db, &outbox_migrations, 1, &err) || outbox_open(log->db, NULL, &err))
        fail_msg("%s", err.text);
    *state = log;
    return 0;
}

static int end(void **state)
{
    struct log *log = *state;
    db_close(log->db);
    arena_done(&log->arena);
    free(log);
    return 0;
}

static enum error run(struct db *db, const char *sql)
{
    struct err err = {0};
    enum error code = db_run(db, sql, &err);
    if (code)
        db_rollback(db);
    return code;
}

#define RUN(db, sql) assert_int_equal(run((db), (sql)), ERROR_NONE)

/* One text value; statements of a test are made on the spot and live as long as the test. */
static const char *ask(struct log *log, const char *sql)
{
    struct statement *statement = ARENA_NEW(&log->arena, struct statement);
    static int number;
    *statement = (struct statement){arena_printf(&log->arena, "ask_%d", number++), sql};
    struct result result = {0};
    struct err err = {0};
    if (db_exec(log->db, statement, NULL, &result, &err))
        fail_msg("%s: %s", sql, err.text);
    const char *text =
        result_rows(&result) ? str_copy(&log->arena, result_str(&result, 0, 0)).ptr : NULL;
    result_done(&result);
    return text;
}

#define APPEND                                                                          \
    "select outbox_append(array[gen_random_uuid()], array['k'], array[900::smallint], " \
    "array['\\x80'::bytea])"

/* ---- Who may write ---- */

static void an_event_is_whole_or_refused(void **state)
{
    struct log *log = *state;
    static const char *const refused[] = {
        "select outbox_append(array[gen_random_uuid()], array['k', 'l'], array[900::smallint], "
        "array['\\x80'::bytea])",
        "select outbox_append(array[gen_random_uuid()], null, array[900::smallint], "
        "array['\\x80'::bytea])",
        "select outbox_append(array[gen_random_uuid()], array['k'], array[900::smallint], "
        "array[null::bytea])",
        "select outbox_append(array[null::uuid], array['k'], array[900::smallint], "
        "array['\\x80'::bytea])",
        "select outbox_append(array[gen_random_uuid()], array['k'], array[900::smallint], "
        "array[decode(repeat('00', 65537), 'hex')])",
    };
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        assert_int_not_equal(run(log->db, refused[i]), ERROR_NONE);
        assert_string_equal(db_sqlstate(log->db), "EI002");
    }
    RUN(log->db, APPEND);
    RUN(log->db, "select outbox_append(array[gen_random_uuid()], array['k'], array[900::smallint],"
                 " array[decode(repeat('00', 65536), 'hex')])");
    RUN(log->db, "select outbox_append('{}', '{}', '{}', '{}')");
    assert_string_equal(ask(log, "select string_agg(bytes::text, ' ' order by bytes) from event_log"
                                 " where xid > 0"),
                        "1 65536");
}

static void an_asynchronous_commit_is_refused(void **state)
{
    struct log *log = *state;
    static const char *const off[] = {"off", "local", "remote_write"};
    for (size_t i = 0; i < COUNT_OF(off); i++) {
        RUN(log->db, arena_printf(&log->arena, "set synchronous_commit = %s", off[i]));
        assert_int_equal(run(log->db, APPEND), ERROR_FENCED);
        assert_string_equal(db_sqlstate(log->db), "EI001");
    }
    RUN(log->db, "set synchronous_commit = on");
    RUN(log->db, APPEND);
}

static void a_start_that_nobody_recorded_is_refused(void **state)
{
    struct log *log = *state;
    struct err err = {0};
    RUN(log->db, APPEND);
    RUN(log->db, "update history set postmaster_start = postmaster_start - interval '1 s'");
    assert_int_equal(run(log->db, APPEND), ERROR_FENCED);
    assert_int_equal(run(log->db, "select outbox_after(array[1], array[1])"), ERROR_FENCED);
    RUN(log->db, "update relay set holder = gen_random_uuid(), lease_until = 'infinity'");
    assert_int_equal(outbox_open(log->db, NULL, &err), ERROR_NONE);
    RUN(log->db, APPEND);
    assert_string_equal(ask(log, "select count(*)::text from history"), "2");
    assert_string_equal(ask(log, "select count(*)::text from relay where holder is null"), "1");
    /* the row of the epoch is its first, whatever xids there are; what survives is named */
    assert_string_equal(
        ask(log, "select string_agg(types[1]::text, ' ' order by epoch, xid, seq) from event_log"),
        "1 900 1 900");
    assert_string_equal(ask(log,
                            "select (run_from_xids[2] = l.xid and run_to_xids[2] = l.xid)::text"
                            " from history h, event_log l where h.epoch = (select max(epoch)"
                            " from history) and l.epoch = h.run_epochs[2] and l.xid > 0"),
                        "true");
    assert_int_equal(outbox_open(log->db, NULL, &err), ERROR_NONE); /* once a start */
    assert_string_equal(ask(log, "select count(*)::text from history"), "2");
}

static void an_epoch_is_higher_than_the_last_even_where_the_clock_went_back(void **state)
{
    struct log *log = *state;
    struct err err = {0};
    RUN(log->db, "update history set epoch = 9000000000000000,"
                 " postmaster_start = postmaster_start - interval '1 s'");
    assert_int_equal(outbox_open(log->db, NULL, &err), ERROR_NONE);
    assert_string_equal(ask(log, "select max(epoch)::text from history"), "9000000000000001");
}

static void a_foreign_cluster_waits_for_an_operator(void **state)
{
    struct log *log = *state;
    struct err err = {0};
    CLEANUP(buf_done) struct buf said = {0};
    assert_int_equal(outbox_history_accept(log->db, "aigul", &said, &err), ERROR_NOT_FOUND);
    RUN(log->db, "update history set system_identifier = 1,"
                 " postmaster_start = postmaster_start - interval '1 s'");
    assert_int_equal(outbox_open(log->db, NULL, &err), ERROR_FENCED);
    assert_int_equal(run(log->db, APPEND), ERROR_FENCED);
    RUN(log->db, "update history set postmaster_start = postmaster_start - interval '1 s'");
    assert_int_equal(outbox_open(log->db, NULL, &err), ERROR_FENCED); /* another start: still */
    assert_int_equal(outbox_history_accept(log->db, "aigul", &said, &err), ERROR_NONE);
    assert_int_equal(outbox_open(log->db, NULL, &err), ERROR_NONE);
    RUN(log->db, APPEND);
    CLEANUP(buf_done) struct buf out = {0};
    assert_int_equal(outbox_history_list(log->db, &out, &err), ERROR_NONE);
    buf_add_char(&out, '\0');
    assert_non_null(strstr(out.ptr, "(accepted by aigul at "));
}

/* What the relay found: others took everything above (9, 5, 1) back and know an epoch of a number
 * that no clock here would give. */
static void abandon(struct log *log)
{
    RUN(log->db, "delete from event_log; insert into event_log (epoch, xid, seq, ids, keys, types,"
                 " payloads, bytes) select e, x, 1, array[gen_random_uuid()], array[x::text],"
                 " array[900::smallint], array[''::bytea], 0"
                 " from (values (9, 5), (9, 7), (9, 6), (10, 3)) v (e, x);"
                 " update history set state = 'abandoned', unknown_cut_epoch = 9,"
                 " unknown_cut_xid = 5, unknown_cut_seq = 1, unknown_epoch = 9000000000000000");
}

static void the_way_out_of_an_abandoned_history_says_all_above_the_cut_again(void **state)
{
    struct log *log = *state;
    struct err err = {0};
    CLEANUP(buf_done) struct buf said = {0};
    abandon(log);
    assert_int_equal(run(log->db, APPEND), ERROR_FENCED);
    RUN(log->db, "update history set postmaster_start = postmaster_start - interval '1 s'");
    assert_int_equal(outbox_open(log->db, NULL, &err), ERROR_FENCED); /* another start: still */
    assert_int_equal(outbox_history_accept(log->db, "aigul", &said, &err), ERROR_NONE);
    assert_true(str_equal(buf_str(&said), STR("3 rows of the log are said again\n")));
    assert_int_equal(outbox_open(log->db, NULL, &err), ERROR_NONE);
    assert_string_equal(
        ask(log, "select string_agg(epoch || '.' || xid || '.' || seq || ' ' || keys[1], ', '"
                 " order by epoch, xid, seq) from event_log"),
        "9.5.1 5, 9000000000000001.0.0 ~history, 9000000000000001.0.1 6, 9000000000000001.0.2 7,"
        " 9000000000000001.0.3 3");
    assert_string_equal(ask(log,
                            "select cut_epoch || '.' || cut_xid || ' ' || cardinality(run_epochs)"
                            " || ' ' || state from history order by epoch desc limit 1"),
                        "9.5 0 open");
    RUN(log->db, APPEND);
}

static void what_the_log_dropped_cannot_be_said_again(void **state)
{
    struct log *log = *state;
    struct err err = {0};
    CLEANUP(buf_done) struct buf said = {0};
    abandon(log);
    RUN(log->db, "delete from event_log where xid = 5");
    assert_int_equal(outbox_history_accept(log->db, "aigul", &said, &err), ERROR_INVALID);
    assert_int_equal(run(log->db, APPEND), ERROR_FENCED);
}

/* ---- Order of what two transactions change ---- */

static void whoever_finds_a_younger_stamp_begins_again(void **state)
{
    struct log *log = *state;
    struct err err = {0};
    assert_int_equal(db_begin(log->db, &err), ERROR_NONE);
    RUN(log->db, "do $$ declare s record := outbox_stamp(); begin"
                 " perform outbox_after(array[s.epoch, s.epoch, s.epoch - 1],"
                 "                      array[s.xid, s.xid - 1, s.xid + 1000]); end $$");
    assert_int_equal(
        run(log->db,
            "do $$ declare s record := outbox_stamp(); begin"
            " perform outbox_after(array[s.epoch, s.epoch], array[s.xid - 1, s.xid + 1]); end $$"),
        ERROR_SERIALIZE);
}

/* A change of one row, numbered, with its event. */
static const char change[] =
    "do $$ declare v_stamp record := outbox_stamp(); v_old record; begin"
    "  select * into v_old from thing where id = 1 for update;"
    "  perform outbox_after(array[v_old.epoch], array[v_old.xid]);"
    "  update thing set n = n + 1, epoch = v_stamp.epoch, xid = v_stamp.xid where id = 1;"
    "  perform outbox_append(array[gen_random_uuid()], array['thing'], array[900::smallint],"
    "                        array[convert_to((v_old.n + 1)::text, 'UTF8')]);"
    " end $$";

static void make_thing(struct log *log)
{
    RUN(log->db, "create table thing(id integer primary key, n integer, epoch bigint, xid bigint);"
                 "insert into thing values (1, 0, 0, 0)");
}

/* How many events stand in the log where their change was among the changes. */
static const char *events_in_place(struct log *log)
{
    return ask(log, "select count(*)::text from (select convert_from(payloads[1], 'UTF8')::integer"
                    " as n, row_number() over (order by epoch, xid, seq) as place from event_log"
                    " where types[1] = 900) e where n = place");
}

/* The older transaction, which took its xid first and finds the younger one's change, is told to
 * begin again; so the log's order is that of changes. */
static void an_older_transaction_does_not_change_what_a_younger_has_changed(void **state)
{
    struct log *log = *state;
    struct db *other;
    struct err err = {0};
    assert_int_equal(db_open(&other, log->conninfo, &err), ERROR_NONE);
    make_thing(log);
    struct db *dbs[] = {log->db, other};
    for (int round = 0; round < 20; round++) {
        struct db *older = dbs[round % 2], *younger = dbs[1 - round % 2];
        assert_int_equal(db_begin(older, &err), ERROR_NONE);
        RUN(older, "select outbox_stamp()"); /* has its xid, and does something else first */
        RUN(younger, change);
        assert_int_equal(run(older, change), ERROR_SERIALIZE);
        RUN(older, change); /* a newer xid */
    }
    db_close(other);
    assert_string_equal(events_in_place(log), "40");
}

enum { CHANGES_EACH = 150 };

static int change_often(const char *conninfo)
{
    struct db *db;
    struct err err = {0};
    int again = 0;
    if (db_open(&db, conninfo, &err))
        return -1;
    for (int done = 0; done < CHANGES_EACH;) {
        enum error code = db_begin(db, &err);
        if (!code)
            code = db_run(db, "select outbox_stamp(), pg_sleep(random() * 0.003)", &err);
        if (!code)
            code = db_run(db, change, &err);
        if (!code)
            code = db_commit(db, &err);
        db_rollback(db);
        if (code && code != ERROR_SERIALIZE)
            return -1;
        code ? again++ : done++;
    }
    db_close(db);
    return again;
}

static void two_processes_that_change_the_same_row_log_in_the_order_of_changes(void **state)
{
    struct log *log = *state;
    make_thing(log);
    pid_t child = fork();
    if (child == 0)
        _exit(change_often(log->conninfo) > 0 ? 0 : 1);
    int again = change_often(log->conninfo);
    assert_true(again > 0); /* it did come to that */
    assert_int_equal(testkit_wait(child, 60000), 0);
    assert_string_equal(events_in_place(log), "300");
}

/* ---- Survivors ---- */

static void a_run_of_survivors_never_spans_a_gap(void **state)
{
    struct log *log = *state;
    RUN(log->db, "insert into event_log (epoch, xid, seq, ids, keys, types, payloads, bytes)"
                 " select e, x, s, '{}', '{}', '{}', '{}', 0 from (values (5, 9, 1), (5, 10, 2),"
                 " (5, 10, 3), (5, 11, 4), (5, 12, 5), (5, 14, 6), (6, 15, 7), (6, 16, 8)) v (e, x,"
                 " s)");
    static const char survivors[] =
        "select format('%s %s %s', epochs, from_xids, to_xids) from outbox_survivors(5, 10, 2)";
    RUN(log->db, "delete from event_log where epoch > 6");
    assert_string_equal(ask(log, survivors), "{5,5,6} {10,14,15} {12,14,16}");
    assert_string_equal(
        ask(log, "select format('%s %s %s', epochs, from_xids, to_xids) from outbox_survivors(6, "
                 "16, 8)"),
        "{} {} {}");
}

/* ---- Days ---- */

static const char *days(struct log *log)
{
    return ask(log, "select string_agg((to_date(right(relname, 8), 'YYYYMMDD') - current_date)"
                    "::text, ' ' order by relname) from pg_class where relname ~"
                    " '^event_log_[0-9]{8}$' and relkind = 'r'");
}

static struct date today(void)
{
    return date_of((struct instant){clock_now()}, 0);
}

static void make_day(struct log *log, int days_ago)
{
    RUN(log->db, arena_printf(&log->arena,
                              "do $$ declare d date := current_date - %d; begin execute format("
                              "'create table event_log_%%s partition of event_log for values from "
                              "(%%L) to (%%L)', to_char(d, 'YYYYMMDD'), d, d + 1); end $$",
                              days_ago));
}

/* As role jobs does: again where somebody holds a day for longer than 200 ms (a vacuum on a busy
 * machine). */
static void keep_days(struct log *log, struct date now, int days)
{
    struct err err = {0};
    for (int i = 0; outbox_partitions(log->db, now, days, &err); i++) {
        if (i == 50 || !strstr(err.text, "lock timeout"))
            fail_msg("%s", err.text);
        clock_sleep_ms(100);
    }
}

static void days_are_made_ahead_and_go_when_old_and_passed(void **state)
{
    struct log *log = *state;
    make_day(log, 40);
    make_day(log, 38);
    make_day(log, 30);
    RUN(log->db, "insert into event_log (day, epoch, xid, seq, ids, keys, types, payloads, bytes)"
                 " values (current_date - 38, 8, 1, 1, '{}', '{}', '{}', '{}', 0),"
                 " (current_date - 40, 7, 1, 1, '{}', '{}', '{}', '{}', 0)");
    RUN(log->db, "update relay set epoch = 7, xid = 5, seq = 1");
    keep_days(log, today(), 35);
    assert_string_equal(days(log), "-38 -30 -1 0 1 2 3 4 5 6 7"); /* -38 is not passed */
    RUN(log->db, "update relay set epoch = 8, xid = 1, seq = 1");
    keep_days(log, today(), 35);
    assert_string_equal(days(log), "-30 -1 0 1 2 3 4 5 6 7");
    RUN(log->db, APPEND);
}

static int64_t gauge(const char *name)
{
    CLEANUP(buf_done) struct buf out = {0};
    CLEANUP(arena_done) struct arena arena = {0};
    metric_print(&out);
    buf_add_char(&out, '\0');
    const char *line = strstr(out.ptr, arena_printf(&arena, "\n%s ", name));
    assert_non_null(line);
    return strtoll(strchr(line, ' '), NULL, 10);
}

/* Sixty days of one event each, of which a week is kept; on the twentieth the relay stops. */
static void day_after_day_there_is_room_and_nothing_goes_unsent(void **state)
{
    struct log *log = *state;
    RUN(log->db, "delete from event_log; update relay set epoch = 9, seq = 1");
    for (int day = 0; day < 60; day++) {
        struct date now = {today().day + day};
        keep_days(log, now, 7);
        assert_int_equal(gauge("eiso_log_partitions_missing"), 0);
        RUN(log->db, arena_printf(&log->arena,
                                  "insert into event_log (day, epoch, xid, seq, ids, keys, types,"
                                  " payloads, bytes) values (current_date + %d, 9, %d, 1, '{}',"
                                  " '{}', '{}', '{}', 0);"
                                  " update relay set xid = least(%d, 20)",
                                  day, day + 1, day + 1));
    }
    assert_string_equal(
        ask(log, "select min(xid) || ' ' || count(*) from event_log where epoch = 9"),
        "21 40"); /* the relay has not passed it */
    assert_int_equal(gauge("eiso_log_partitions_overdue"), 32);
    RUN(log->db, "update relay set xid = 60");
    keep_days(log, (struct date){today().day + 59}, 7);
    assert_string_equal(
        ask(log, "select min(xid) || ' ' || count(*) from event_log where epoch = 9"), "53 8");
    assert_int_equal(gauge("eiso_log_partitions_overdue"), 0);
}

static void what_was_interrupted_is_finished(void **state)
{
    struct log *log = *state;
    struct db *other;
    struct err err = {0};
    make_day(log, 40);
    make_day(log, 41);
    RUN(log->db, "do $$ begin execute 'alter table event_log detach partition event_log_' ||"
                 " to_char(current_date - 41, 'YYYYMMDD'); end $$"); /* detached, not dropped */
    assert_int_equal(db_open(&other, log->conninfo, &err), ERROR_NONE);
    assert_int_equal(db_begin(other, &err), ERROR_NONE);
    RUN(other, "select count(*) from event_log"); /* whoever reads holds the detaching up */
    assert_int_not_equal(outbox_partitions(log->db, today(), 35, &err), ERROR_NONE);
    assert_non_null(strstr(err.text, "lock timeout"));
    assert_string_equal(ask(log, "select count(*)::text from pg_inherits where inhdetachpending"),
                        "1");
    db_close(other);
    keep_days(log, today(), 35);
    assert_string_equal(days(log), "-1 0 1 2 3 4 5 6 7");
}

/* ---- What a transaction appends to a head ---- */

struct sample {
    struct uuid id;
    struct str text, line;
    int64_t number;
};
static const struct field sample_fields[] = {
    FIELD(sample, id),
    FIELD(sample, text),
    FIELD(sample, line),
    FIELD(sample, number),
};
static const struct record sample_record = RECORD(sample, sample_fields);

static void appended_fields_read_as_encoded_ones(void **state)
{
    struct log *log = *state;
    static const struct statement statement = {
        "appended", "select '\\x84'::bytea || event_uuid('id', $1) || event_text('text', $2) ||"
                    " event_text('line', $3) || event_int('number', $4)"};
    static const int64_t numbers[] = {
        0, 1, -1, 127, 128, -129, 65536, INT64_C(1) << 40, INT64_MAX - 1, INT64_MIN + 1};
    char letters[256];
    memset(letters, 'x', sizeof letters);
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        struct sample in = {uuid_v7(), STR("Әлия"), {letters, i * 22}, numbers[i]}, back = {0};
        struct params params = {0};
        param_uuid(&params, &in.id);
        param_text(&params, in.text);
        param_text(&params, in.line);
        param_bigint(&params, in.number);
        CLEANUP(result_done) struct result result = {0};
        struct err err = {0};
        assert_int_equal(db_exec(log->db, &statement, &params, &result, &err), ERROR_NONE);
        assert_int_equal(record_decode_value(&sample_record, result_str(&result, 0, 0), &log->arena,
                                             &back, &err),
                         ERROR_NONE);
        CLEANUP(buf_done) struct buf wanted = {0};
        CLEANUP(buf_done) struct buf got = {0};
        record_encode_value(&sample_record, &in, &wanted);
        record_encode_value(&sample_record, &back, &got);
        assert_true(str_equal(buf_str(&wanted), buf_str(&got)));
    }
}

#define WITH_LOG(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LOG(an_event_is_whole_or_refused),
        WITH_LOG(an_asynchronous_commit_is_refused),
        WITH_LOG(a_start_that_nobody_recorded_is_refused),
        WITH_LOG(an_epoch_is_higher_than_the_last_even_where_the_clock_went_back),
        WITH_LOG(a_foreign_cluster_waits_for_an_operator),
        WITH_LOG(the_way_out_of_an_abandoned_history_says_all_above_the_cut_again),
        WITH_LOG(what_the_log_dropped_cannot_be_said_again),
        WITH_LOG(whoever_finds_a_younger_stamp_begins_again),
        WITH_LOG(an_older_transaction_does_not_change_what_a_younger_has_changed),
        WITH_LOG(two_processes_that_change_the_same_row_log_in_the_order_of_changes),
        WITH_LOG(a_run_of_survivors_never_spans_a_gap),
        WITH_LOG(days_are_made_ahead_and_go_when_old_and_passed),
        WITH_LOG(day_after_day_there_is_room_and_nothing_goes_unsent),
        WITH_LOG(what_was_interrupted_is_finished),
        WITH_LOG(appended_fields_read_as_encoded_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
