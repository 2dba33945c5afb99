#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/db_internal.h"

/* The session every statement here relies on. In the startup packet: no round trip. The connection
 * string's own `options` come behind them and win. */
static const char session_options[] = "-c timezone=UTC -c datestyle=ISO"
                                      " -c default_transaction_isolation=read\\ committed"
                                      " -c idle_in_transaction_session_timeout=60s";

/* ---- Failures ---- */

/* What a SQLSTATE means; a shorter one stands for its class. */
static const struct {
    const char *state;
    enum error code;
} meanings[] = {
    {"EI001", ERROR_FENCED},      {"EI002", ERROR_INVALID},     {"EI003", ERROR_NOT_FOUND},
    {"40001", ERROR_SERIALIZE},   {"40P01", ERROR_SERIALIZE},   {"23505", ERROR_DUPLICATE},
    {"57014", ERROR_UNAVAILABLE}, {"55P03", ERROR_UNAVAILABLE}, {"53", ERROR_UNAVAILABLE},
};

static enum error code_of(const char *state)
{
    for (size_t i = 0; i < COUNT_OF(meanings); i++)
        if (!strncmp(state, meanings[i].state, strlen(meanings[i].state)))
            return meanings[i].code;
    return ERROR_INTERNAL;
}

static const char *field_of(const PGresult *answer, int field)
{
    const char *text = answer ? PQresultErrorField(answer, field) : NULL;
    return text ? text : "";
}

/* A FATAL answer is the server's last: it arrives before the end of the connection is seen. */
static bool ends_session(const PGresult *answer)
{
    const char *severity = field_of(answer, PG_DIAG_SEVERITY_NONLOCALIZED);
    return !strcmp(severity, "FATAL") || !strcmp(severity, "PANIC");
}

enum error db_failure_of_connection(const struct db *db, const char *what, enum error code,
                                    struct err *err)
{
    char words[200];
    snprintf(words, sizeof words, "%s", PQerrorMessage(db->handle));
    for (char *c = words; *c; c++)
        if (*c == '\n' || *c == '\t')
            *c = ' ';
    size_t length = strlen(words);
    while (length && words[length - 1] == ' ')
        words[--length] = '\0';
    return err_set(err, code, "%s%s%s", what, length ? ": " : "", words);
}

/* Only the primary message: detail and context may hold values, which are people's data. */
enum error db_failure(struct db *db, const char *what, const PGresult *answer, enum error when_lost,
                      struct err *err)
{
    const char *state = field_of(answer, PG_DIAG_SQLSTATE);
    snprintf(db->sqlstate, sizeof db->sqlstate, "%s", state);
    enum error code = db_lost(db) || ends_session(answer) ? when_lost : code_of(state);
    if (!*state)
        return db_failure_of_connection(db, what, code, err);
    return err_set(err, code, "%s: %s (SQLSTATE %s)", what,
                   field_of(answer, PG_DIAG_MESSAGE_PRIMARY), state);
}

const char *db_sqlstate(const struct db *db)
{
    return db->sqlstate;
}

bool db_lost(const struct db *db)
{
    return PQstatus(db->handle) == CONNECTION_BAD;
}

/* ---- Connecting ---- */

/* A name goes to the log, never a detail: see db_failure. */
static void notice_received(void *context, const PGresult *notice)
{
    (void)context;
    const char *severity = field_of(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    bool harmless = strcmp(severity, "WARNING") != 0 && strcmp(severity, "FATAL") != 0;
    log_line(harmless ? LOG_DEBUG : LOG_WARNING, "notice from PostgreSQL",
             LOG_TEXT("sqlstate", field_of(notice, PG_DIAG_SQLSTATE)),
             LOG_TEXT("text", field_of(notice, PG_DIAG_MESSAGE_PRIMARY)));
}

/* The `options` of a connection string, "" where it has none; NULL where it is malformed. */
static char *options_in(const char *conninfo, struct arena *arena)
{
    PQconninfoOption *all = PQconninfoParse(conninfo, NULL);
    if (!all)
        return NULL;
    const char *options = "";
    for (const PQconninfoOption *option = all; option->keyword; option++)
        if (!strcmp(option->keyword, "options") && option->val)
            options = option->val;
    char *copy = arena_printf(arena, "%s", options);
    PQconninfoFree(all);
    return copy;
}

enum error db_connect(struct db *db, db_connector *connector, const char *conninfo,
                      int64_t statement_timeout_ms, struct err *err)
{
    CLEANUP(arena_done) struct arena arena = {0};
    const char *own_options = options_in(conninfo, &arena);
    if (!own_options) /* libpq's words would quote the string, which may hold a password */
        return err_set(err, ERROR_INVALID, "the connection string of PostgreSQL is malformed");
    const char *timeout = statement_timeout_ms ? arena_printf(&arena, "-c statement_timeout=%lld",
                                                              (long long)statement_timeout_ms)
                                               : "";
    const char *options = arena_printf(&arena, "%s %s %s", session_options, timeout, own_options);
    /* What stands before dbname is a default, what stands behind it is ours. */
    const char *const settings[][2] = {
        {"connect_timeout", "5"},  {"keepalives_idle", "10"},     {"keepalives_interval", "5"},
        {"keepalives_count", "3"}, {"tcp_user_timeout", "10000"}, {"application_name", "eiso"},
        {"dbname", conninfo},      {"client_encoding", "UTF8"},   {"options", options},
    };
    const char *keywords[COUNT_OF(settings) + 1] = {0}, *values[COUNT_OF(settings) + 1] = {0};
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        keywords[i] = settings[i][0], values[i] = settings[i][1];
    db->handle = connector(keywords, values, 1);
    ensure(db->handle);
    PQsetNoticeReceiver(db->handle, notice_received, NULL);
    return ERROR_NONE;
}

void db_disconnect(struct db *db)
{
    PQfinish(db->handle);
    free(db->prepared);
    db->handle = NULL;
    db->prepared = NULL;
    db->prepared_count = 0;
}

enum error db_open(struct db **db, const char *conninfo, struct err *err)
{
    *db = NULL;
    CLEANUP(db_close_at) struct db *opened = mem_alloc(sizeof *opened);
    enum error code = db_connect(opened, PQconnectdbParams, conninfo, 0, err);
    if (code)
        return code;
    if (db_lost(opened))
        return db_failure_of_connection(opened, "connecting", ERROR_UNAVAILABLE, err);
    *db = opened;
    opened = NULL;
    return ERROR_NONE;
}

/* In short steps, so that SIGTERM is obeyed soon. */
static void sleep_until_stop(int64_t ms, const volatile bool *stop)
{
    for (; ms > 0 && !*stop; ms -= RETRY_FIRST_MS)
        clock_sleep_ms(RETRY_FIRST_MS);
}

enum error db_open_wait(struct db **db, const char *conninfo, const volatile bool *stop,
                        struct err *err)
{
    struct err why = {0};
    int64_t attempts = 0, wait_ms = RETRY_FIRST_MS;
    enum error code;
    while ((code = db_open(db, conninfo, &why)) == ERROR_UNAVAILABLE && !*stop) {
        if (!attempts++)
            log_error("waiting for PostgreSQL", &why);
        sleep_until_stop(wait_ms, stop);
        wait_ms = MIN_OF(wait_ms * 2, (int64_t)RETRY_MOST_MS);
    }
    if (code)
        return err_set(err, code, "%s", why.text);
    if (attempts)
        log_line(LOG_INFO, "PostgreSQL is there", LOG_NUMBER("attempts", attempts + 1));
    return ERROR_NONE;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    db_disconnect(db);
    free(db);
}

void db_close_at(struct db **db)
{
    db_close(*db);
}

/* ---- Statements ---- */

const int db_binary_formats[DB_MAX_PARAMS] = {
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
};

struct prepared *db_prepared_find(struct db *db, const struct statement *statement,
                                  const struct params *params)
{
    for (struct prepared *p = db->prepared; p < db->prepared + db->prepared_count; p++) {
        if (p->statement != statement)
            continue;
        ensure(p->count == params->count);
        ensure(!memcmp(p->types, params->types, params->count * sizeof *params->types));
        return p;
    }
    return NULL;
}

struct prepared *db_prepared_add(struct db *db, const struct statement *statement,
                                 const struct params *params)
{
    db->prepared = mem_resize(db->prepared, (db->prepared_count + 1) * sizeof *db->prepared);
    struct prepared *added = &db->prepared[db->prepared_count++];
    *added = (struct prepared){.statement = statement, .count = params->count};
    memcpy(added->types, params->types, params->count * sizeof *params->types);
    return added;
}

void db_prepared_drop(struct db *db, struct prepared *prepared)
{
    *prepared = db->prepared[--db->prepared_count];
}

enum error db_answer_take(struct db *db, const char *what, PGresult *answer, enum error when_lost,
                          struct result *result, struct err *err)
{
    struct result taken = {answer};
    ExecStatusType status = PQresultStatus(answer);
    enum error code = ERROR_NONE;
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        code = db_failure(db, what, answer, when_lost, err);
    if (code || !result)
        result_done(&taken);
    if (result)
        *result = taken;
    return code;
}

enum error db_call_begin(struct db *db, const char *what, struct err *err)
{
    db->sqlstate[0] = '\0';
    if (db_lost(db))
        return err_set(err, ERROR_UNAVAILABLE, "%s: the connection was lost before", what);
    return ERROR_NONE;
}

static enum error prepare(struct db *db, const struct statement *statement,
                          const struct params *params, struct err *err)
{
    if (db_prepared_find(db, statement, params))
        return ERROR_NONE;
    PGresult *answer =
        PQprepare(db->handle, statement->name, statement->sql, (int)params->count, params->types);
    enum error code = db_answer_take(db, statement->name, answer, ERROR_UNAVAILABLE, NULL, err);
    if (!code)
        db_prepared_add(db, statement, params)->ready = true;
    return code;
}

bool db_in_transaction(const struct db *db)
{
    PGTransactionStatusType status = PQtransactionStatus(db->handle);
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

enum error db_exec(struct db *db, const struct statement *statement, const struct params *params,
                   struct result *result, struct err *err)
{
    static const struct params none;
    if (!params)
        params = &none;
    if (result)
        *result = (struct result){0};
    enum error code = db_call_begin(db, statement->name, err);
    if (!code)
        code = prepare(db, statement, params, err);
    if (code)
        return code;
    enum error when_lost = db_in_transaction(db) ? ERROR_UNAVAILABLE : ERROR_UNKNOWN;
    PGresult *answer = PQexecPrepared(db->handle, statement->name, (int)params->count,
                                      params->values, params->lengths, db_binary_formats, 1);
    return db_answer_take(db, statement->name, answer, when_lost, result, err);
}

enum error db_exec_int(struct db *db, const struct statement *statement,
                       const struct params *params, int32_t *number, struct err *err)
{
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(db, statement, params, &result, err);
    if (!code)
        *number = result_int(&result, 0, 0);
    return code;
}

static enum error run(struct db *db, const char *what, const char *sql, enum error when_lost,
                      struct result *result, struct err *err)
{
    enum error code = db_call_begin(db, what, err);
    if (code)
        return code;
    return db_answer_take(db, what, PQexec(db->handle, sql), when_lost, result, err);
}

enum error db_run(struct db *db, const char *sql, struct err *err)
{
    return run(db, "run", sql, ERROR_UNKNOWN, NULL, err);
}

/* ---- Transactions ---- */

enum error db_begin(struct db *db, struct err *err)
{
    ensure(!db_in_transaction(db));
    return run(db, "begin", "begin", ERROR_UNAVAILABLE, NULL, err);
}

/* The server answers the COMMIT of a failed transaction with success and the word ROLLBACK. */
enum error db_commit(struct db *db, struct err *err)
{
    ensure(db_lost(db) || db_in_transaction(db));
    CLEANUP(result_done) struct result result = {0};
    enum error code = run(db, "commit", "commit", ERROR_UNKNOWN, &result, err);
    if (code || !strcmp(PQcmdStatus(result.handle), "COMMIT"))
        return code;
    return err_set(err, ERROR_INTERNAL, "commit: a statement of this transaction had failed");
}

void db_rollback(struct db *db)
{
    if (db_in_transaction(db))
        (void)!run(db, "rollback", "rollback", ERROR_UNAVAILABLE, NULL, NULL);
}
