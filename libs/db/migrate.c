#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/db_internal.h"

enum { LOCK_RETRY_MS = 200 };

static const char make_table[] =
    "create table if not exists schema_migrations ("
    " set text not null, name text not null, fingerprint text not null,"
    " applied_at timestamptz not null default now(), primary key (set, name))";

/* Tried again and again instead of waited for in the server: a waiting session would hold a
 * snapshot, for which the other's CREATE INDEX CONCURRENTLY would wait in turn. The number is
 * "eiso" in ASCII. */
static const struct statement try_lock = {"migrate_lock",
                                          "select pg_try_advisory_lock(x'6569736f'::bigint)"};

static const struct statement known = {
    "migrate_known", "select fingerprint from schema_migrations where set = $1 and name = $2"};

static const struct statement remember = {
    "migrate_remember",
    "insert into schema_migrations (set, name, fingerprint) values ($1, $2, $3)"};

static enum error lock(struct db *db, struct err *err)
{
    for (bool locked = false; !locked;) {
        CLEANUP(result_done) struct result result = {0};
        enum error code = db_exec(db, &try_lock, NULL, &result, err);
        if (code)
            return code;
        locked = result_bool(&result, 0, 0);
        if (!locked)
            clock_sleep_ms(LOCK_RETRY_MS);
    }
    return ERROR_NONE;
}

static void unlock(struct db *db)
{
    (void)!db_run(db, "select pg_advisory_unlock(x'6569736f'::bigint); reset lock_timeout", NULL);
}

/* One file of one set. */
struct migration {
    const char *set, *name;
    struct str text; /* NUL-terminated behind its end */
    char fingerprint[UUID_TEXT_LEN + 1];
};

static struct migration migration_of(const char *set, const struct embedded *file)
{
    struct migration migration = {set, file->name, {file->bytes, file->length}, ""};
    struct uuid fingerprint;
    str_fingerprint(migration.text, &fingerprint);
    uuid_format(&fingerprint, migration.fingerprint);
    return migration;
}

static enum error look_up(struct db *db, const struct migration *migration, bool *applied,
                          struct err *err)
{
    struct params params = {0};
    param_text(&params, str_from(migration->set));
    param_text(&params, str_from(migration->name));
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(db, &known, &params, &result, err);
    *applied = result_rows(&result);
    if (code || !*applied)
        return code;
    if (str_equal(result_str(&result, 0, 0), str_from(migration->fingerprint)))
        return ERROR_NONE;
    return err_set(err, ERROR_CONFLICT, "it was changed after it had been applied");
}

static enum error insert(struct db *db, const struct migration *migration, struct err *err)
{
    struct params params = {0};
    param_text(&params, str_from(migration->set));
    param_text(&params, str_from(migration->name));
    param_text(&params, str_from(migration->fingerprint));
    return db_exec(db, &remember, &params, NULL, err);
}

static enum error run_in_transaction(struct db *db, const struct migration *migration,
                                     struct err *err)
{
    enum error code = db_begin(db, err);
    if (!code)
        code = db_run(db, migration->text.ptr, err);
    if (!code && !db_in_transaction(db))
        return err_set(err, ERROR_INTERNAL, "it ends its transaction itself");
    if (!code)
        code = insert(db, migration, err);
    if (!code)
        code = db_commit(db, err);
    if (code)
        db_rollback(db);
    return code;
}

/* The length of the first statement: up to a semicolon at the end of a line, or all. */
static size_t statement_bytes(struct str text)
{
    const char *end = memmem(text.ptr, text.len, ";\n", 2);
    return end ? (size_t)(end - text.ptr) + 2 : text.len;
}

static enum error run_by_statement(struct db *db, const struct migration *migration,
                                   struct err *err)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct str rest = migration->text;
    enum error code = ERROR_NONE;
    while (!code && rest.len) {
        struct str statement = {rest.ptr, statement_bytes(rest)};
        code = db_run(db, str_copy(&arena, statement).ptr, err);
        rest = (struct str){rest.ptr + statement.len, rest.len - statement.len};
    }
    return code ? code : insert(db, migration, err);
}

static enum error apply(struct db *db, const struct migration *migration, struct err *err)
{
    bool applied = false;
    enum error code = look_up(db, migration, &applied, err);
    if (code || applied)
        return code;
    code = str_starts(migration->text, STR("-- no transaction\n"))
               ? run_by_statement(db, migration, err)
               : run_in_transaction(db, migration, err);
    if (!code)
        log_line(LOG_INFO, "migration applied", LOG_TEXT("set", migration->set),
                 LOG_TEXT("name", migration->name));
    return code;
}

static enum error apply_set(struct db *db, const struct migration_set *set, struct err *err)
{
    for (size_t i = 0; i < set->count; i++) {
        struct migration migration = migration_of(set->name, &set->files[i]);
        enum error code = apply(db, &migration, err);
        if (code)
            return err ? err_prefix(err, "migration %s/%s", set->name, migration.name) : code;
    }
    return ERROR_NONE;
}

enum error db_migrate(struct db *db, const struct migration_set *sets, size_t count,
                      struct err *err)
{
    ensure(!db_in_transaction(db));
    enum error code = lock(db, err);
    if (code)
        return code;
    code = db_run(db, make_table, err);
    if (!code)
        code = db_run(db, "set lock_timeout = '5s'", err);
    for (size_t i = 0; i < count && !code; i++)
        code = apply_set(db, &sets[i], err);
    unlock(db);
    return code;
}
