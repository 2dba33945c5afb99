#include "outbox/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metric.h"
#include "outbox/outbox_internal.h"

enum { STANDING_WAIT_MS = 1000 };

enum error outbox_open(struct db *db, void *unused, struct err *err)
{
    static const struct statement statement = {"outbox_open", "select outbox_open()"};
    (void)unused;
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(db, &statement, NULL, &result, err);
    if (code)
        return code;
    struct str state = result_str(&result, 0, 0);
    if (!str_equal(state, STR("open")))
        return err_set(err, ERROR_FENCED, "this history is %.*s: an operator decides (history ls)",
                       STR_ARG(state));
    return ERROR_NONE;
}

static struct metric metric_closed = {
    .name = "eiso_history_closed",
    .help = "1 while this history must not be spoken for.",
    .type = METRIC_GAUGE,
    .trouble = "the history stands still: nothing is taken or sent until an operator decides",
    .mend = "history ls"};

enum error outbox_open_wait(struct db *db, const struct outbox_waiting *waiting, struct err *err)
{
    metric_register(&metric_closed);
    enum error code = outbox_open(db, NULL, err);
    if (code == ERROR_FENCED)
        log_error("standing still", err);
    for (; code == ERROR_FENCED; code = outbox_open(db, NULL, err)) {
        metric_set(&metric_closed, 1);
        if (*waiting->stop)
            return err_set(err, ERROR_UNAVAILABLE, "stopped while standing still");
        if (waiting->beat)
            waiting->beat(waiting->context);
        clock_sleep_ms(STANDING_WAIT_MS);
    }
    metric_set(&metric_closed, 0);
    return code;
}

/* ---- Horizon: x first, then the lowest running xid, then (the caller) the rows; each its own
 * transaction ---- */

static const struct statement snapshot_statement = {
    "outbox_snapshot", "select (select max(epoch) from history), "
                       "pg_snapshot_xmax(pg_current_snapshot())::text::bigint"};

/* backend_xid has 32 bits: widened as the id nearest to x. */
static const struct statement running_statement = {
    "outbox_running", "select least($1::bigint, min($1 + ((a.backend_xid::text::bigint - ($1 & "
                      "4294967295) + 2147483648)"
                      "                                   & 4294967295) - 2147483648))"
                      "  from pg_stat_activity a"
                      " where a.datname = current_database() and a.backend_xid is not null"};

static void read_snapshot(const struct result *result, struct horizon *horizon)
{
    horizon->epoch = result_bigint(result, 0, 0);
    horizon->xid = result_bigint(result, 0, 1);
}

enum error outbox_horizon(struct db *db, struct horizon *horizon, struct err *err)
{
    CLEANUP(result_done) struct result snapshot = {0};
    enum error code = db_exec(db, &snapshot_statement, NULL, &snapshot, err);
    if (code)
        return code;
    read_snapshot(&snapshot, horizon);
    FAULT("horizon_between");
    struct params params = {0};
    param_bigint(&params, horizon->xid);
    CLEANUP(result_done) struct result running = {0};
    code = db_exec(db, &running_statement, &params, &running, err);
    if (code)
        return code;
    horizon->xid = result_bigint(&running, 0, 0);
    return ERROR_NONE;
}

struct horizon_request {
    struct db_async *db;
    struct horizon horizon;
    outbox_horizon_callback *callback;
    void *context;
};

static void finish(struct horizon_request *request, enum error code, const struct err *err)
{
    request->callback(request->context, &request->horizon, code, err);
    free(request);
}

static void running_arrived(void *context, const struct result *result, enum error code,
                            const struct err *err)
{
    struct horizon_request *request = context;
    if (!code)
        request->horizon.xid = result_bigint(result, 0, 0);
    finish(request, code, err);
}

static void snapshot_arrived(void *context, const struct result *result, enum error code,
                             const struct err *err)
{
    struct horizon_request *request = context;
    if (code) {
        finish(request, code, err);
        return;
    }
    read_snapshot(result, &request->horizon);
    struct params params = {0};
    param_bigint(&params, request->horizon.xid);
    db_async_exec(request->db, &running_statement, &params, running_arrived, request);
}

void outbox_horizon_async(struct db_async *db, outbox_horizon_callback *callback, void *context)
{
    struct horizon_request *request = mem_alloc(sizeof *request);
    *request = (struct horizon_request){db, {0}, callback, context};
    db_async_exec(db, &snapshot_statement, NULL, snapshot_arrived, request);
}

/* ---- Partitions ---- */

/* `before` NAME `behind`, for each name that the statement gives. */
static enum error for_each_day(struct db *db, const struct statement *statement,
                               const struct params *params, const char *before, const char *behind,
                               struct err *err)
{
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(db, statement, params, &result, err);
    for (size_t row = 0; !code && row < result_rows(&result); row++)
        code = db_run(db,
                      arena_printf(&arena, "%s %.*s %s", before,
                                   STR_ARG(result_str(&result, row, 0)), behind),
                      err);
    return code;
}

/* DETACH CONCURRENTLY cannot run in a transaction: whoever is interrupted leaves a day that is half
 * detached, or detached and not dropped. The next one goes on from there. */
static enum error drop_old_days(struct db *db, const struct params *today_and_keep, struct err *err)
{
    static const struct statement pending = {
        "outbox_detach_pending",
        "select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid"
        " where i.inhparent = 'event_log'::regclass and i.inhdetachpending"};
    static const struct statement old = {"outbox_old_days",
                                         "select name from event_log_old_days($1, $2)"};
    static const struct statement detached = {"outbox_detached_days",
                                              "select name from event_log_detached_days()"};
    const char *detach = "alter table event_log detach partition";
    enum error code = for_each_day(db, &pending, NULL, detach, "finalize", err);
    if (!code)
        code = for_each_day(db, &old, today_and_keep, detach, "concurrently", err);
    return code ? code : for_each_day(db, &detached, NULL, "drop table", "", err);
}

static struct metric metric_missing = {
    .name = "eiso_log_partitions_missing",
    .help = "Days of the log without a partition, of today and the seven ahead.",
    .type = METRIC_GAUGE,
    .trouble = "days of the log have no partition: nothing can be written on them"};
static struct metric metric_overdue = {
    .name = "eiso_log_partitions_overdue",
    .help = "Days of the log that are too old and still there.",
    .type = METRIC_GAUGE,
    .trouble =
        "old days of the log cannot go: the relay has not passed them, or somebody reads them",
    .trouble_above = 1}; /* one for a moment, each night */

static enum error make_days(struct db *db, const struct params *today, struct err *err)
{
    static const struct statement statement = {"outbox_make_days",
                                               "select event_log_make_days($1, 7)"};
    return db_exec(db, &statement, today, NULL, err);
}

static enum error count_days(struct db *db, const struct params *today_and_keep, struct err *err)
{
    static const struct statement statement = {
        "outbox_days", "select count(*) filter (where d.day is null),"
                       "       (select count(*) from event_log_days() o where o.day < $1 - $2)"
                       "  from generate_series($1, $1 + 7, interval '1 day') w (day)"
                       "       left join event_log_days() d on d.day = w.day::date"};
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(db, &statement, today_and_keep, &result, err);
    if (!code) {
        metric_set(&metric_missing, result_bigint(&result, 0, 0));
        metric_set(&metric_overdue, result_bigint(&result, 0, 1));
    }
    return code;
}

/* Each is done whatever becomes of the others: a day that cannot go must not keep one from being
 * made. The first error counts. */
enum error outbox_partitions(struct db *db, struct date today, int keep_days, struct err *err)
{
    struct params params = {0}, both = {0};
    struct err own = {0};
    metric_register(&metric_missing);
    metric_register(&metric_overdue);
    param_date(&params, today);
    param_date(&both, today);
    param_int(&both, keep_days);
    enum error code = db_run(db, "set lock_timeout = '200ms'", err);
    if (!code)
        code = make_days(db, &params, err);
    enum error dropped = db_lost(db) ? code : drop_old_days(db, &both, code ? &own : err);
    code = code ? code : dropped;
    enum error counted = db_lost(db) ? code : count_days(db, &both, code ? &own : err);
    return code ? code : counted;
}

/* ---- Operators ---- */

enum error outbox_history_list(struct db *db, struct buf *out, struct err *err)
{
    static const struct statement statement = {
        "outbox_history_list",
        "select format('%s  started %s  system %s  cut %s.%s.%s  runs kept "
        "%s  %s%s', epoch, postmaster_start,"
        "              system_identifier, cut_epoch, cut_xid, cut_seq, "
        "cardinality(run_epochs),"
        "              state || case when returned then ', returned' else '' end,"
        "              case when decided_by is not null then ' (accepted by "
        "' || decided_by || ' at ' || decided_at || ')' else '' end)"
        "  from history order by epoch"};
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(db, &statement, NULL, &result, err);
    for (size_t row = 0; !code && row < result_rows(&result); row++) {
        buf_add_str(out, result_str(&result, row, 0));
        buf_add_char(out, '\n');
    }
    return code;
}

static enum error accept_foreign(struct db *db, const char *who, bool *accepted, struct err *err)
{
    static const struct statement statement = {
        "outbox_history_accept",
        "update history set state = 'open', decided_by = $1, decided_at = now()"
        " where state = 'foreign' and epoch = (select max(epoch) from history)"};
    struct params params = {0};
    param_text(&params, str_from(who));
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(db, &statement, &params, &result, err);
    *accepted = !code && result_affected(&result) == 1;
    return code;
}

enum error outbox_history_accept(struct db *db, const char *who, struct buf *out, struct err *err)
{
    static const struct statement statement = {"outbox_return", "select outbox_return($1)"};
    bool accepted;
    enum error code = accept_foreign(db, who, &accepted, err);
    if (code || accepted)
        return code;
    struct params params = {0};
    param_text(&params, str_from(who));
    CLEANUP(result_done) struct result result = {0};
    code = db_exec(db, &statement, &params, &result, err);
    if (code == ERROR_NOT_FOUND)
        return err_set(err, ERROR_NOT_FOUND, "no history waits to be accepted");
    if (!code)
        buf_printf(out, "%lld rows of the log are said again\n",
                   (long long)result_bigint(&result, 0, 0));
    return code;
}

extern const struct embedded outbox_schema[];
extern const size_t outbox_schema_count;

/* A count from another object is no constant in C: 1 is checked by the build's test. */
const struct migration_set outbox_migrations = {"outbox", outbox_schema, 1};
