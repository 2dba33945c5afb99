/* PostgreSQL for straight-line code (roles apply, relay, jobs, migrate): one connection, statements by name,
 * parameters and results in binary, one transaction at a time. Blocks. For the event loop see db/async.h.
 *
 * A connection is never shared and never pooled: its end has a meaning (leases, fencing). A statement is a
 * static struct; it is prepared on a connection when it is first used there. */
#ifndef DB_DB_H
#define DB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/embedded.h"
#include "base/error.h"
#include "base/str.h"
#include "base/uuid.h"
#include "record/record.h"

struct db;

/* Static; the address is its identity. Parameters $1..$n get their types from db_param_*. */
struct statement {
    const char *name; /* unique in the program; shows in pg_stat_activity's query and in errors */
    const char *sql;
};

enum { DB_MAX_PARAMS = 48 };

/* Values for one execution. Everything they point to must live until then. Zeroed is empty. */
struct params {
    size_t count;
    uint32_t types[DB_MAX_PARAMS]; /* OIDs */
    const char *values[DB_MAX_PARAMS];
    int lengths[DB_MAX_PARAMS];
    char scratch[DB_MAX_PARAMS][16]; /* numbers in network order */
};

void param_null(struct params *params, uint32_t type_oid);
void param_bool(struct params *params, bool value);
void param_int(struct params *params, int32_t value);
void param_bigint(struct params *params, int64_t value);
void param_uuid(struct params *params, const struct uuid *value); /* nil: NULL */
void param_text(struct params *params, struct str value);         /* absent: NULL */
void param_bytes(struct params *params, struct str value);        /* bytea; absent: NULL */
void param_date(struct params *params, struct date value);        /* absent: NULL */
void param_instant(struct params *params, struct instant value);  /* absent: NULL */
void param_column(struct params *params, const struct column *column);

/* All columns of `count` items, in the table's order (record_columns). */
void param_records(struct params *params, const struct record *record, const void *const *items,
                   size_t count, struct arena *arena);

/* ---- Results: binary, borrowed until result_done ---- */

struct result {
    void *handle; /* NULL: empty */
};

size_t result_rows(const struct result *result);
bool result_null(const struct result *result, size_t row, int column);
bool result_bool(const struct result *result, size_t row, int column);
int32_t result_int(const struct result *result, size_t row, int column);     /* int2 and int4 */
int64_t result_bigint(const struct result *result, size_t row, int column);  /* int2, int4, int8 */
struct uuid result_uuid(const struct result *result, size_t row, int column); /* NULL: nil */
struct str result_str(const struct result *result, size_t row, int column);   /* text, bytea; NULL: absent */
struct date result_date(const struct result *result, size_t row, int column);
struct instant result_instant(const struct result *result, size_t row, int column);
int64_t result_affected(const struct result *result);

/* The rows as records: columns are matched with fields by name; a column without a field and a type that
 * does not fit are our own bugs (abort). Texts are copied into the arena, so the result may go. */
void *result_records(const struct result *result, const struct record *record, struct arena *arena,
                     size_t *count);

void result_done(struct result *result);

/* ---- Connection ---- */

/* libpq connection string. Sets application_name to "<service>-<role>" given in it, UTC, and the types that
 * binary results need. ERROR_UNAVAILABLE where the server is not there. */
enum error db_open(struct db **db, const char *conninfo, struct err *err) MUST_CHECK;

/* db_open, tried again each 100 ms to 2 s until it works or `*stop` is true (then ERROR_UNAVAILABLE).
 * The first failure and the success are logged. */
enum error db_open_wait(struct db **db, const char *conninfo, const volatile bool *stop,
                        struct err *err) MUST_CHECK;
void db_close(struct db *db); /* NULL is fine */
void db_close_at(struct db **db); /* for CLEANUP */

/* True once the server has ended the connection; only a new one helps. */
bool db_lost(const struct db *db);

/* Executes a statement. `params` and `result` may be NULL. Errors: ERROR_UNAVAILABLE (connection lost before
 * anything could commit), ERROR_UNKNOWN (lost while a COMMIT or a statement outside of a transaction was under
 * way), ERROR_SERIALIZE, ERROR_DUPLICATE, ERROR_FENCED (SQLSTATE EI001, raised by our own functions),
 * ERROR_INVALID (EI002), ERROR_NOT_FOUND (EI003), ERROR_INTERNAL for the rest. */
enum error db_exec(struct db *db, const struct statement *statement, const struct params *params,
                   struct result *result, struct err *err) MUST_CHECK;

/* Text without parameters, possibly several statements; for migrations and tests, not prepared. */
enum error db_run(struct db *db, const char *sql, struct err *err) MUST_CHECK;

/* The SQLSTATE of the last error, "" where there was none. */
const char *db_sqlstate(const struct db *db);

/* ---- Transactions: read committed ---- */

enum error db_begin(struct db *db, struct err *err) MUST_CHECK;
enum error db_commit(struct db *db, struct err *err) MUST_CHECK;
void db_rollback(struct db *db); /* where one is open; a lost connection has rolled back already */

/* ---- COPY, for bulk: rows of one record's columns, binary ---- */

/* Copies `count` items into `table (columns named as the fields)`. From 5,000 rows on it beats unnest by 1.7
 * (performance.md section 1). */
enum error db_copy_in(struct db *db, const char *table, const struct record *record,
                      const void *const *items, size_t count, struct err *err) MUST_CHECK;

/* ---- Migrations: forward only ---- */

struct migration_set {
    const char *name; /* "outbox", "intake", "grades": whose files these are */
    const struct embedded *files;
    size_t count;
};

/* Applies, in order and each in a transaction of its own, what `schema_migrations(set, name, sha, applied_at)`
 * does not know, under an advisory lock. A known file whose content has changed is ERROR_CONFLICT: history is
 * not rewritten (whitespace included). `lock_timeout` is 5 s for each. A file whose first line is
 * "-- no transaction" runs statement by statement (CREATE INDEX CONCURRENTLY). */
enum error db_migrate(struct db *db, const struct migration_set *sets, size_t count, struct err *err)
    MUST_CHECK;

#endif
