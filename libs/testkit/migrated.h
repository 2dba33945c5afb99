/* Databases that have a schema, for many tests of one program: the first is migrated, all others
 * are copies of it. Header only: the program that includes it links db. */
#ifndef TESTKIT_MIGRATED_H
#define TESTKIT_MIGRATED_H

#include "testkit/check.h"

#include "db/db.h"
#include "testkit/testkit.h"

static inline const char *migrated_first(const struct migration_set *sets, size_t count,
                                         const char *sql)
{
    static struct arena arena;
    static const char *first;
    struct db *db = NULL;
    struct err err = {0};
    if (first)
        return first;
    first = testkit_database(&arena);
    if (db_open(&db, first, &err) || db_migrate(db, sets, count, &err) ||
        (sql && db_run(db, sql, &err)))
        fail_msg("%s", err.text);
    db_close(db);
    return first;
}

/* A new database in which `sets` were applied, then `sql` (NULL: nothing): the same in each call.
 */
static inline const char *migrated_database(const struct migration_set *sets, size_t count,
                                            const char *sql, struct arena *arena)
{
    return testkit_database_like(migrated_first(sets, count, sql), arena);
}

#endif
