/* PostgreSQL on the event loop (roles api, push, signin): one connection that comes back by itself,
 * a queue of calls, one call in flight at a time unless it is opened as a pipeline.
 *
 * An api process has two: one for writing (one call in flight: what arrives meanwhile is the next
 * batch) and one for reading (pipelined). Never blocks. */
#ifndef DB_ASYNC_H
#define DB_ASYNC_H

#include "db/db.h"
#include "loop/loop.h"

struct db_async;

struct db_async_options {
    const char *conninfo;
    bool pipeline;             /* up to 32 calls in flight, answered in order; else one */
    size_t most_waiting;       /* calls queued beyond those in flight; 0 means 1,000 */
    size_t most_waiting_bytes; /* of their parameters; 0 means 64 MiB */
    /* How long a call may wait for its turn or for a connection (then nothing was done), and how
     * long it may then run, behind those before it: the server gives it up by itself
     * (statement_timeout), and where it does not do even that within another second, the connection
     * is cut. 0 means 10,000. */
    int64_t timeout_ms;
    /* Called on each new connection before any call: runs its own statements through `db`
     * (blocking, short: outbox_open). An error closes the connection again and it is tried later.
     * May be NULL. */
    enum error (*opened)(struct db *db, void *context, struct err *err);
    void *context;
};

/* Begins to connect and keeps at it, 100 ms to 2 s apart. Options are copied. */
struct db_async *db_async_new(struct loop *loop, const struct db_async_options *options);

/* Never from a callback. What was not sent is answered with ERROR_UNAVAILABLE, what was in flight
 * with ERROR_UNKNOWN. NULL is fine. */
void db_async_free(struct db_async *db);

bool db_async_ready(const struct db_async *db);
size_t db_async_waiting(const struct db_async *db); /* calls queued or in flight */

/* `result` is empty on error and ends with the callback. `code` as of db_exec: ERROR_UNAVAILABLE
 * means nothing was done, ERROR_UNKNOWN that it may have been; ERROR_BUSY that too many calls wait
 * already. Success means committed. The callback may make further calls. */
typedef void db_async_callback(void *context, const struct result *result, enum error code,
                               const struct err *err);

/* One statement, its own transaction. The parameters are copied. Where there is no connection now,
 * it waits for one up to the timeout. Calls back exactly once, never before it returns. */
void db_async_exec(struct db_async *db, const struct statement *statement,
                   const struct params *params, db_async_callback *callback, void *context);

#endif
