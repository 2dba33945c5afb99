/* The connection is always in libpq's pipeline mode: a call is [Parse] Bind Execute Sync, so each
 * is a transaction of its own, and whether one or many are in flight is a number. A call is
 * answered when its Sync is: only then has it committed. */
#include "db/async.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/db_internal.h"

enum {
    PIPELINE_DEPTH = 32,
    MOST_WAITING = 1000,
    MOST_WAITING_BYTES = 64 * 1024 * 1024,
    TIMEOUT_MS = 10000,
    /* The server gives a statement up by itself at the timeout, with a clear outcome; only a server
     * that does not even do that is cut off. */
    CUT_AFTER_MS = 1000
};

struct call {
    struct call *next;
    const struct statement *statement;
    db_async_callback *callback;
    void *context;
    int64_t deadline_us; /* while it waits: to be sent; in flight: to be answered */
    size_t bytes;
    bool preparing; /* its first answer is that of its Parse */
    enum error code;
    struct err err;
    struct result result;
    struct params params; /* into `values` */
    char values[];
};

struct calls {
    struct call *first, **end;
    size_t count;
};

enum state {
    AWAY,       /* the connect timer will try again */
    CONNECTING, /* until the connect timer */
    READY
};

struct db_async {
    struct db db;
    struct db_async_options options;
    char *conninfo;
    struct loop *loop;
    enum state state;
    struct loop_watch *watch;
    struct loop_timer *connect_timer;
    struct loop_timer *turn; /* the next turn of the loop: sends, and answers what was refused */
    struct loop_timer *deadline; /* of the oldest call; not moved when that one is answered */
    bool turn_set, deadline_set, answering, wants_write;
    int64_t retry_ms;
    size_t depth, waiting_bytes;
    struct calls waiting, in_flight, refused;
};

/* ---- Lists of calls ---- */

static void calls_add(struct calls *calls, struct call *call)
{
    if (!calls->count++)
        calls->end = &calls->first;
    *calls->end = call;
    calls->end = &call->next;
}

static struct call *calls_take(struct calls *calls)
{
    struct call *call = calls->first;
    calls->first = call->next;
    calls->count--;
    call->next = NULL;
    return call;
}

static int64_t deadline_from_now(const struct db_async *db, int64_t more_ms)
{
    return clock_monotonic() + (db->options.timeout_ms + more_ms) * 1000;
}

static size_t bytes_of(const struct params *params)
{
    size_t bytes = 0;
    for (size_t i = 0; i < params->count; i++)
        bytes += (size_t)params->lengths[i];
    return bytes;
}

static struct call *call_new(const struct statement *statement, const struct params *params,
                             size_t bytes)
{
    struct call *call = mem_alloc(sizeof *call + bytes);
    call->statement = statement;
    call->bytes = bytes;
    if (!params)
        return call;
    call->params = *params;
    char *at = call->values;
    for (size_t i = 0; i < params->count; i++) {
        if (!params->values[i])
            continue;
        size_t length = (size_t)params->lengths[i];
        call->params.values[i] = length ? memcpy(at, params->values[i], length) : at;
        at += length;
    }
    return call;
}

/* ---- Answering: the only place that calls back ---- */

static void answer(struct db_async *db, struct call *call)
{
    if (call->code)
        result_done(&call->result);
    db->answering = true;
    call->callback(call->context, &call->result, call->code, &call->err);
    db->answering = false;
    result_done(&call->result);
    free(call);
}

static void answer_all(struct db_async *db, struct calls calls)
{
    while (calls.count)
        answer(db, calls_take(&calls));
}

static struct calls calls_take_all(struct calls *calls)
{
    struct calls all = *calls;
    *calls = (struct calls){0};
    return all;
}

/* What has no clear outcome yet gets this one. */
static void fail_all(struct calls *calls, enum error code, const char *words)
{
    for (struct call *call = calls->first; call; call = call->next)
        if (!call->code)
            call->code = err_set(&call->err, code, "%s: %s", call->statement->name, words);
}

static void turn_soon(struct db_async *db)
{
    if (db->turn_set)
        return;
    db->turn_set = true;
    loop_timer_set(db->turn, 0);
}

/* ---- Losing the connection ---- */

static void drop_connection(struct db_async *db)
{
    loop_watch_free(db->watch);
    db->watch = NULL;
    db->wants_write = false;
    db_disconnect(&db->db);
}

/* Tries again later; `why` is logged once for each time that the server goes away. */
static void connection_failed(struct db_async *db, const struct err *why)
{
    if (db->retry_ms == RETRY_FIRST_MS)
        log_error("no connection to PostgreSQL", why);
    drop_connection(db);
    db->state = AWAY;
    loop_timer_set(db->connect_timer, db->retry_ms);
    db->retry_ms = MIN_OF(db->retry_ms * 2, (int64_t)RETRY_MOST_MS);
}

static void connection_lost(struct db_async *db, const char *words)
{
    struct err why = {0};
    db_failure_of_connection(&db->db, words, ERROR_UNAVAILABLE, &why);
    struct calls in_flight = calls_take_all(&db->in_flight);
    fail_all(&in_flight, ERROR_UNKNOWN, words);
    connection_failed(db, &why);
    answer_all(db, in_flight);
}

/* ---- Sending ---- */

static bool send_call(struct db_async *db, struct call *call)
{
    const struct params *params = &call->params;
    const char *name = call->statement->name;
    PGconn *handle = db->db.handle;
    if (call->preparing &&
        !PQsendPrepare(handle, name, call->statement->sql, (int)params->count, params->types))
        return false;
    return PQsendQueryPrepared(handle, name, (int)params->count, params->values, params->lengths,
                               db_binary_formats, 1) &&
           PQpipelineSync(handle);
}

/* False where it has to wait: its statement is just being prepared by another call, which may fail.
 */
static bool may_send(struct db_async *db, struct call *call)
{
    const struct prepared *prepared = db_prepared_find(&db->db, call->statement, &call->params);
    if (prepared)
        return prepared->ready;
    db_prepared_add(&db->db, call->statement, &call->params);
    call->preparing = true;
    return true;
}

static void watch_more(struct db_async *db, bool write)
{
    if (db->wants_write != write)
        loop_watch_set(db->watch, LOOP_READ | (write ? LOOP_WRITE : 0));
    db->wants_write = write;
}

/* False where the connection is lost. */
static bool send_waiting(struct db_async *db)
{
    while (db->waiting.count && db->in_flight.count < db->depth &&
           may_send(db, db->waiting.first)) {
        struct call *call = calls_take(&db->waiting);
        db->waiting_bytes -= call->bytes;
        call->deadline_us = deadline_from_now(db, CUT_AFTER_MS);
        calls_add(&db->in_flight, call);
        if (!send_call(db, call))
            return false;
    }
    int unsent = PQflush(db->db.handle);
    if (unsent >= 0)
        watch_more(db, unsent > 0);
    return unsent >= 0;
}

/* ---- Receiving ---- */

static void keep_failure(struct db_async *db, struct call *call, const PGresult *got)
{
    if (!call->code)
        call->code = db_failure(&db->db, call->statement->name, got, ERROR_UNKNOWN, &call->err);
}

/* The answer of a call's Parse. */
static void prepare_answered(struct db_async *db, struct call *call, const PGresult *got)
{
    struct prepared *prepared = db_prepared_find(&db->db, call->statement, &call->params);
    call->preparing = false;
    prepared->ready = PQresultStatus(got) == PGRES_COMMAND_OK;
    if (prepared->ready)
        return;
    db_prepared_drop(&db->db, prepared);
    keep_failure(db, call, got);
}

/* Takes `got`. True where the oldest call has its outcome. */
static bool part_answered(struct db_async *db, struct call *call, PGresult *got)
{
    struct result part = {got};
    ExecStatusType status = PQresultStatus(got);
    if (status == PGRES_PIPELINE_SYNC || status == PGRES_PIPELINE_ABORTED) {
        /* aborted: what follows a failure that is already kept */
    } else if (call->preparing) {
        prepare_answered(db, call, got);
    } else if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        call->result = part;
        part.handle = NULL;
    } else { /* also at the Sync, where a deferred constraint may refuse the commit */
        ensure(status == PGRES_FATAL_ERROR); /* COPY has no place here */
        keep_failure(db, call, got);
    }
    result_done(&part);
    return status == PGRES_PIPELINE_SYNC;
}

/* Moves the calls that have their outcome. libpq separates the answers of a call by NULL. */
static struct calls receive(struct db_async *db)
{
    struct calls answered = {0};
    PGconn *handle = db->db.handle;
    while (db->in_flight.count && PQstatus(handle) == CONNECTION_OK && !PQisBusy(handle)) {
        PGresult *got = PQgetResult(handle);
        if (!got || !part_answered(db, db->in_flight.first, got))
            continue;
        calls_add(&answered, calls_take(&db->in_flight));
        if (db->in_flight.count) /* the server begins with it only now */
            db->in_flight.first->deadline_us = deadline_from_now(db, CUT_AFTER_MS);
    }
    return answered;
}

static void ready_to_talk(struct db_async *db, int ready)
{
    bool alive = !(ready & LOOP_READ) || PQconsumeInput(db->db.handle);
    struct calls answered = receive(db);
    if (!db->in_flight.count && alive)
        (void)PQisBusy(db->db.handle); /* reads what the server says by itself */
    alive = alive && !db_lost(&db->db) && send_waiting(db);
    answer_all(db, answered);
    if (!alive)
        connection_lost(db, "the connection was lost");
    else if (db->waiting.count)
        turn_soon(db);
}

/* ---- Connecting ---- */

static bool connection_opened(struct db_async *db, struct err *err)
{
    struct db_async_options *options = &db->options;
    if (options->opened && options->opened(&db->db, options->context, err))
        return false;
    ensure(!db_in_transaction(&db->db));
    if (!PQsetnonblocking(db->db.handle, 1) && PQenterPipelineMode(db->db.handle))
        return true;
    db_failure_of_connection(&db->db, "pipeline", ERROR_UNAVAILABLE, err);
    return false;
}

static void fd_ready(void *context, int ready);

/* libpq may change the descriptor at each step, and a new one may have the old number. */
static void watch_new(struct db_async *db, int wanted)
{
    db->watch = loop_watch_new(db->loop, PQsocket(db->db.handle), fd_ready, db);
    loop_watch_set(db->watch, wanted);
}

static void connected(struct db_async *db)
{
    struct err err = {0};
    if (!connection_opened(db, &err)) {
        connection_failed(db, &err);
        return;
    }
    if (db->retry_ms > RETRY_FIRST_MS)
        log_line(LOG_INFO, "PostgreSQL is there",
                 LOG_NUMBER("backend", PQbackendPID(db->db.handle)));
    loop_timer_clear(db->connect_timer);
    db->retry_ms = RETRY_FIRST_MS;
    db->state = READY;
    watch_new(db, LOOP_READ);
    turn_soon(db);
}

static void connect_more(struct db_async *db)
{
    struct err err = {0};
    loop_watch_free(db->watch); /* before libpq closes its descriptor */
    db->watch = NULL;
    switch (PQconnectPoll(db->db.handle)) {
    case PGRES_POLLING_OK:
        connected(db);
        return;
    case PGRES_POLLING_READING:
        watch_new(db, LOOP_READ);
        return;
    case PGRES_POLLING_WRITING:
        watch_new(db, LOOP_WRITE);
        return;
    default:
        db_failure_of_connection(&db->db, "connecting", ERROR_UNAVAILABLE, &err);
        connection_failed(db, &err);
    }
}

static void fd_ready(void *context, int ready)
{
    struct db_async *db = context;
    if (db->state == CONNECTING)
        connect_more(db);
    else
        ready_to_talk(db, ready);
}

static void connect_begin(struct db_async *db)
{
    struct err err = {0};
    db->state = CONNECTING;
    loop_timer_set(db->connect_timer, CONNECT_TIMEOUT_MS);
    if (db_connect(&db->db, PQconnectStartParams, db->conninfo, db->options.timeout_ms, &err)) {
        connection_failed(db, &err);
    } else if (db_lost(&db->db)) {
        db_failure_of_connection(&db->db, "connecting", ERROR_UNAVAILABLE, &err);
        connection_failed(db, &err);
    } else {
        watch_new(db, LOOP_WRITE); /* as libpq wants it before its first poll */
    }
}

static void connect_timer_fired(void *context)
{
    struct db_async *db = context;
    if (db->state == AWAY) {
        connect_begin(db);
        return;
    }
    struct err err = {0};
    err_set(&err, ERROR_UNAVAILABLE, "connecting took longer than %d ms", CONNECT_TIMEOUT_MS);
    connection_failed(db, &err);
}

/* ---- Deadlines ---- */

static bool overdue(const struct calls *calls, int64_t now_us)
{
    return calls->count && calls->first->deadline_us <= now_us;
}

static void deadline_set(struct db_async *db)
{
    int64_t first_us = INT64_MAX;
    if (db->waiting.count)
        first_us = db->waiting.first->deadline_us;
    if (db->in_flight.count)
        first_us = MIN_OF(first_us, db->in_flight.first->deadline_us);
    db->deadline_set = first_us != INT64_MAX;
    if (db->deadline_set)
        loop_timer_set(db->deadline, MAX_OF((first_us - clock_monotonic()) / 1000 + 1, 0));
}

static void deadline_fired(void *context)
{
    struct db_async *db = context;
    int64_t now_us = clock_monotonic();
    struct calls late = {0};
    while (overdue(&db->waiting, now_us)) {
        db->waiting_bytes -= db->waiting.first->bytes;
        calls_add(&late, calls_take(&db->waiting));
    }
    fail_all(&late, ERROR_UNAVAILABLE, "timed out before it was sent");
    bool stuck = overdue(&db->in_flight, now_us);
    deadline_set(db);
    answer_all(db, late);
    if (stuck)
        connection_lost(db, "timed out");
}

/* ---- The face ---- */

static void take_turn(void *context)
{
    struct db_async *db = context;
    db->turn_set = false;
    answer_all(db, calls_take_all(&db->refused));
    if (db->state == READY && !send_waiting(db))
        connection_lost(db, "the connection was lost");
    if (!db->deadline_set)
        deadline_set(db);
}

struct db_async *db_async_new(struct loop *loop, const struct db_async_options *options)
{
    struct db_async *db = mem_alloc(sizeof *db);
    db->loop = loop;
    db->options = *options;
    db->conninfo = strdup(options->conninfo);
    ensure(db->conninfo);
    if (!options->most_waiting)
        db->options.most_waiting = MOST_WAITING;
    if (!options->most_waiting_bytes)
        db->options.most_waiting_bytes = MOST_WAITING_BYTES;
    if (!options->timeout_ms)
        db->options.timeout_ms = TIMEOUT_MS;
    db->depth = options->pipeline ? PIPELINE_DEPTH : 1;
    db->retry_ms = RETRY_FIRST_MS;
    db->connect_timer = loop_timer_new(loop, connect_timer_fired, db);
    db->turn = loop_timer_new(loop, take_turn, db);
    db->deadline = loop_timer_new(loop, deadline_fired, db);
    connect_begin(db);
    return db;
}

void db_async_free(struct db_async *db)
{
    if (!db)
        return;
    ensure(!db->answering);
    drop_connection(db);
    db->state = AWAY;
    fail_all(&db->in_flight, ERROR_UNKNOWN, "the connection was closed");
    answer_all(db, calls_take_all(&db->in_flight));
    while (db->waiting.count || db->refused.count) { /* a callback may make further calls */
        fail_all(&db->waiting, ERROR_UNAVAILABLE, "the connection was closed");
        answer_all(db, calls_take_all(&db->waiting));
        answer_all(db, calls_take_all(&db->refused));
    }
    loop_timer_free(db->connect_timer);
    loop_timer_free(db->turn);
    loop_timer_free(db->deadline);
    free(db->conninfo);
    free(db);
}

bool db_async_ready(const struct db_async *db)
{
    return db->state == READY;
}

size_t db_async_waiting(const struct db_async *db)
{
    return db->waiting.count + db->in_flight.count;
}

void db_async_exec(struct db_async *db, const struct statement *statement,
                   const struct params *params, db_async_callback *callback, void *context)
{
    size_t bytes = params ? bytes_of(params) : 0;
    bool full = db->waiting.count >= db->options.most_waiting ||
                bytes > db->options.most_waiting_bytes - db->waiting_bytes;
    struct call *call = call_new(statement, full ? NULL : params, full ? 0 : bytes);
    call->callback = callback;
    call->context = context;
    if (full) {
        call->code = err_set(&call->err, ERROR_BUSY, "%s: too many calls wait", statement->name);
        calls_add(&db->refused, call);
    } else {
        call->deadline_us = deadline_from_now(db, 0);
        db->waiting_bytes += bytes;
        calls_add(&db->waiting, call);
    }
    turn_soon(db);
}
