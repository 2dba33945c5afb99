/* PostgreSQL for straight-line code (roles apply, relay, jobs, migrate): one connection, statements
 * by name, parameters and results in binary, one transaction at a time. Blocks. For the event loop
 * see db/async.h.
 *
 * A connection is never shared and never pooled: its end has a meaning (leases, fencing). A
 * statement is a static struct; it is prepared on a connection when it is first used there. */
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

/* Static; the address is its identity. Parameters $1..$n get their types from param_*, the same at
 * every use. */
struct statement {
    const char *name; /* unique in the program; its name on the server and in errors */
    const char *sql;
};

enum { DB_MAX_PARAMS = 48 };

/* Values for one execution. Everything they point to must live until then. Zeroed is empty. Never
 * assigned to another one: numbers point into `scratch`. */
struct params {
    size_t count;
    uint32_t types[DB_MAX_PARAMS]; /* OIDs */
    const char *values[DB_MAX_PARAMS];
    int lengths[DB_MAX_PARAMS];
    char scratch[DB_MAX_PARAMS][16]; /* numbers in network order */
};

void param_null(struct params *params, uint32_t type_oid); /* db/oids.h */
void param_bool(struct params *params, bool value);
void param_int(struct params *params, int32_t value);
void param_bigint(struct params *params, int64_t value);
void param_xid(struct params *params, int64_t value);             /* xid8 */
void param_uuid(struct params *params, const struct uuid *value); /* nil: NULL */
void param_text(struct params *params, struct str value);         /* absent: NULL */
void param_bytes(struct params *params, struct str value);        /* bytea; absent: NULL */
void param_date(struct params *params, struct date value);        /* absent: NULL */
void param_instant(struct params *params, struct instant value);  /* absent: NULL */
void param_column(struct params *params, const struct column *column);

/* All columns of `count` items, in the table's order (record_columns). */
void param_records(struct params *params, const struct record *record, const void *const *items,
                   size_t count, struct arena *arena);

/* ---- Results: binary, borrowed until result_done ----
 *
 * To read a column as another type than it has is our own bug (abort). NULL is read as absent, 0 or
 * false. */

struct result {
    void *handle; /* NULL: empty */
};

size_t result_rows(const struct result *result);
int64_t result_affected(const struct result *result); /* rows of insert, update, delete, select */
bool result_null(const struct result *result, size_t row, int column);
bool result_bool(const struct result *result, size_t row, int column);

/* smallint, integer. */
int32_t result_int(const struct result *result, size_t row, int column);

/* These, bigint, xid8, oid. */
int64_t result_bigint(const struct result *result, size_t row, int column);

struct uuid result_uuid(const struct result *result, size_t row, int column);

/* text, varchar, bytea, name, json (jsonb: cast it to text). */
struct str result_str(const struct result *result, size_t row, int column);

struct date result_date(const struct result *result, size_t row, int column);
struct instant result_instant(const struct result *result, size_t row, int column);

/* The rows as records: columns are matched with fields by name; a column without a field and a type
 * that does not fit are our own bugs (abort), but for one whose name begins with "_": that is for
 * whoever reads the result beside them. Texts are copied into the arena, so the result may go. */
void *result_records(const struct result *result, const struct record *record, struct arena *arena,
                     size_t *count);

/* The same from a column on: those before it are something else. */
void *result_records_from(const struct result *result, int column, const struct record *record,
                          struct arena *arena, size_t *count);

void result_done(struct result *result);

/* ---- Connection ---- */

/* `conninfo` is a libpq connection string; application_name ("grades-relay") stands in it. Whatever
 * it says, the session speaks UTF-8; unless its `options` say otherwise, it lives in UTC, and a
 * transaction that idles for 60 s is ended. Unless it says otherwise, connecting takes 5 s at most
 * and a dead peer is noticed after 10 to 25 s. What the server remarks (warnings) goes to the log.
 * ERROR_INVALID where the string is malformed, else ERROR_UNAVAILABLE: the server is not there,
 * full, or does not let us in. */
enum error db_open(struct db **db, const char *conninfo, struct err *err) MUST_CHECK;

/* db_open, tried again each 100 ms to 2 s until it works or `*stop` is true (then
 * ERROR_UNAVAILABLE). The first failure and the success are logged. */
enum error db_open_wait(struct db **db, const char *conninfo, const volatile bool *stop,
                        struct err *err) MUST_CHECK;
void db_close(struct db *db);     /* NULL is fine */
void db_close_at(struct db **db); /* for CLEANUP */

/* True once the server has ended the connection; only a new one helps. */
bool db_lost(const struct db *db);

/* Executes a statement. `params` and `result` may be NULL; `result` is empty on error.
 *
 * ERROR_UNAVAILABLE: the connection was lost before anything could commit; or the server gave the
 *     statement up: a timeout (57014; of locks 55P03), no disk, memory or connections left (53...)
 * ERROR_UNKNOWN: the connection was lost while a COMMIT, or a statement outside of a transaction,
 *     was under way
 * ERROR_SERIALIZE: 40001, 40P01
 * ERROR_DUPLICATE: 23505
 * ERROR_FENCED, ERROR_INVALID, ERROR_NOT_FOUND: EI001, EI002, EI003 of our own SQL functions
 * ERROR_INTERNAL: the rest; a statement of ours is wrong
 *
 * The words hold the statement's name and the server's primary message, never its detail: that may
 * show values. */
enum error db_exec(struct db *db, const struct statement *statement, const struct params *params,
                   struct result *result, struct err *err) MUST_CHECK;

/* The same; its result is one integer. `number` is as it was where that fails. */
enum error db_exec_int(struct db *db, const struct statement *statement,
                       const struct params *params, int32_t *number, struct err *err) MUST_CHECK;

/* Text without parameters, possibly several statements; for migrations and tests, not prepared. A
 * lost connection is ERROR_UNKNOWN. */
enum error db_run(struct db *db, const char *sql, struct err *err) MUST_CHECK;

/* The SQLSTATE of the last call, "" where it went well or the connection was lost. */
const char *db_sqlstate(const struct db *db);

/* ---- Transactions: read committed ---- */

enum error db_begin(struct db *db, struct err *err) MUST_CHECK;
/* ERROR_UNKNOWN where the connection was lost meanwhile; ERROR_INTERNAL where a statement had
 * failed and so nothing was committed. */
enum error db_commit(struct db *db, struct err *err) MUST_CHECK;
void db_rollback(struct db *db); /* where one is open; a lost connection has rolled back already */

/* ---- COPY, for bulk: rows of one record's columns, binary ---- */

/* Copies `count` items into `table (columns named as the fields)`; all or none. Within a
 * transaction or as one of its own; errors as of db_exec. */
enum error db_copy_in(struct db *db, const char *table, const struct record *record,
                      const void *const *items, size_t count, struct err *err) MUST_CHECK;

/* ---- Migrations: forward only ---- */

struct migration_set {
    const char *name; /* "outbox", "intake", "grades": whose files these are */
    const struct embedded *files;
    size_t count;
};

/* Applies, in order and each in a transaction of its own, what `schema_migrations(set, name,
 * fingerprint, applied_at)` does not know; another migrator at work is waited for. A known file
 * whose content has changed is ERROR_CONFLICT: history is not rewritten (whitespace included).
 * `lock_timeout` is 5 s for each.
 *
 * A file whose first line is "-- no transaction" runs statement by statement (CREATE INDEX
 * CONCURRENTLY): each ends with a semicolon at the end of a line. It runs again from its start
 * where it did not get through: DROP ... IF EXISTS first. */
enum error db_migrate(struct db *db, const struct migration_set *sets, size_t count,
                      struct err *err) MUST_CHECK;

#endif
