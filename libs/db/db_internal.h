/* One connection, seen by db.c (which blocks) and async.c (which does not). */
#ifndef DB_DB_INTERNAL_H
#define DB_DB_INTERNAL_H

#include <libpq-fe.h>

#include "db/db.h"

/* A statement as this connection knows it. */
struct prepared {
    const struct statement *statement;
    bool ready; /* the server has said so */
    size_t count;
    uint32_t types[DB_MAX_PARAMS]; /* of its first use: all others must be the same */
};

struct db {
    PGconn *handle;
    struct prepared *prepared;
    size_t prepared_count;
    char sqlstate[6];
};

enum { CONNECT_TIMEOUT_MS = 5000, RETRY_FIRST_MS = 100, RETRY_MOST_MS = 2000 };

extern const int db_binary_formats[DB_MAX_PARAMS]; /* all 1 */

/* PQconnectdbParams or PQconnectStartParams. */
typedef PGconn *db_connector(const char *const *keywords, const char *const *values, int expand);

/* Gives `db` a new handle, with our settings; its state tells how far it is. `statement_timeout_ms`
 * 0: the role's own. ERROR_INVALID where the connection string is malformed. */
enum error db_connect(struct db *db, db_connector *connector, const char *conninfo,
                      int64_t statement_timeout_ms, struct err *err);

/* Ends the connection and forgets what was prepared on it. */
void db_disconnect(struct db *db);

/* NULL where it was never prepared here. */
struct prepared *db_prepared_find(struct db *db, const struct statement *statement,
                                  const struct params *params);
struct prepared *db_prepared_add(struct db *db, const struct statement *statement,
                                 const struct params *params);
void db_prepared_drop(struct db *db, struct prepared *prepared);

/* To be asked before anything is sent: nothing is, on a connection that is known to be lost. */
enum error db_call_begin(struct db *db, const char *what, struct err *err);

/* What a failed answer means; `when_lost` where the connection went with it. Keeps the SQLSTATE.
 * `answer` may be NULL. */
enum error db_failure(struct db *db, const char *what, const PGresult *answer, enum error when_lost,
                      struct err *err);

/* The connection's own words, without line breaks. */
enum error db_failure_of_connection(const struct db *db, const char *what, enum error code,
                                    struct err *err);

/* Where an answer is good it is handed over to `result` (which may be NULL), else it is cleared. */
enum error db_answer_take(struct db *db, const char *what, PGresult *answer, enum error when_lost,
                          struct result *result, struct err *err);

/* True within a transaction block, also a failed one. */
bool db_in_transaction(const struct db *db);

#endif
