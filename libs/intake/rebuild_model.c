/* A rebuild's schemas: the new one is made and swapped in, the old one goes (0004_rebuild.sql). */
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/metric.h"
#include "intake/rebuild_internal.h"

enum { LINGER_MS = 3000 }; /* no statement of a listener that began before the swap takes as long */

/* ---- One at a time ---- */

/* 505: ours alone within a database, as outbox_lock_id(). */
enum error model_lock(struct rebuild *rebuild, struct err *err)
{
    static const struct statement statement = {
        "rebuild_lock", "select pg_try_advisory_lock(505), quote_ident(current_schema()),"
                        "       quote_ident(current_schema() || '_rebuild'),"
                        "       quote_ident(current_schema() || '_replaced')"};
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(rebuild->db, &statement, NULL, &result, err);
    if (code)
        return code;
    if (!result_bool(&result, 0, 0))
        return err_set(err, ERROR_CONFLICT, "another rebuild is at work");
    rebuild->live = str_copy(&rebuild->life, result_str(&result, 0, 1)).ptr;
    rebuild->made = str_copy(&rebuild->life, result_str(&result, 0, 2)).ptr;
    rebuild->replaced = str_copy(&rebuild->life, result_str(&result, 0, 3)).ptr;
    return ERROR_NONE;
}

static enum error is_there(struct db *db, const struct statement *statement, const char *name,
                           bool *there, struct err *err)
{
    struct params params = {0};
    param_text(&params, str_from(name));
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(db, statement, &params, &result, err);
    if (!code)
        *there = result_bool(&result, 0, 0);
    return code;
}

enum error model_there(struct rebuild *rebuild, const char *schema, bool *there, struct err *err)
{
    static const struct statement statement = {"rebuild_schema",
                                               "select to_regnamespace($1) is not null"};
    return is_there(rebuild->db, &statement, schema, there, err);
}

/* ---- The new schema ---- */

/* A plan made while tables are empty must be one by index, as in the role of apply. */
enum error model_migrate(struct rebuild *rebuild, struct err *err)
{
    const struct rebuild_options *options = rebuild->options;
    struct db *db = rebuild->intake.db;
    enum error code = db_run(
        db, arena_printf(&rebuild->life, "create schema if not exists %s", rebuild->made), err);
    if (!code)
        code = db_run(db, arena_printf(&rebuild->life, "set search_path = %s", rebuild->made), err);
    if (!code)
        code = db_migrate(db, options->schema, options->schema_count, err);
    if (code == ERROR_CONFLICT)
        return err_prefix(err, "what was begun is of another program (rebuild drop)");
    if (!code)
        code = db_run(
            db,
            arena_printf(&rebuild->life, "set search_path = %s, %s", rebuild->made, rebuild->live),
            err);
    if (!code)
        code =
            db_run(db, "set plan_cache_mode = force_generic_plan; set enable_seqscan = off", err);
    return code;
}

enum error model_prepared(struct rebuild *rebuild, bool *prepared, struct err *err)
{
    static const struct statement statement = {"rebuild_prepared",
                                               "select to_regclass($1) is not null"};
    return is_there(rebuild->db, &statement,
                    arena_printf(&rebuild->life, "%s.rebuild_plan", rebuild->made), prepared, err);
}

/* The first so many of: the service's tables, their dates, their places. */
static void param_tables(struct params *params, struct rebuild *rebuild, size_t wanted)
{
    const struct rebuild_options *options = rebuild->options;
    struct arena *arena = &rebuild->round;
    size_t count = options->table_count;
    struct str *columns[3];
    for (size_t c = 0; c < COUNT_OF(columns); c++)
        columns[c] = ARENA_ARRAY(arena, count, struct str);
    for (size_t i = 0; i < count; i++) {
        const struct rebuilt *table = &options->tables[i];
        columns[0][i] = str_from(table->table);
        columns[1][i] = table->date ? str_from(table->date) : (struct str){0};
        columns[2][i] = table->place ? str_from(table->place) : (struct str){0};
    }
    for (size_t c = 0; c < wanted; c++) {
        struct column column = column_texts(arena, columns[c], count);
        param_column(params, &column);
    }
}

enum error model_prepare(struct rebuild *rebuild, struct date boundary, struct err *err)
{
    static const struct statement statement = {"rebuild_prepare",
                                               "select rebuild_prepare($1, $2, $3, $4)"};
    arena_reset(&rebuild->round);
    struct params params = {0};
    param_tables(&params, rebuild, 3);
    param_date(&params, boundary);
    return db_exec(rebuild->db, &statement, &params, NULL, err);
}

enum error model_analyze(struct rebuild *rebuild, struct err *err)
{
    static const struct statement statement = {"rebuild_analyze", "select rebuild_analyze($1)"};
    arena_reset(&rebuild->round);
    struct params params = {0};
    param_tables(&params, rebuild, 1);
    return db_exec(rebuild->db, &statement, &params, NULL, err);
}

/* ---- The swap ---- */

static enum error hold_apply_back(struct rebuild *rebuild, struct err *err)
{
    const struct rebuild_options *options = rebuild->options;
    enum error code = db_run(rebuild->db, "set local lock_timeout = '5s'", err);
    if (!code && options->swapping)
        code = options->swapping(rebuild->db, err);
    if (!code) /* apply moves its offsets first: it waits there and holds nothing else */
        code = db_run(rebuild->db, "lock table consumer_offset in access exclusive mode", err);
    return code;
}

/* Who reads a table next waits behind us while we wait for it: not for long. */
static enum error swap_tables(struct rebuild *rebuild, struct err *err)
{
    static const struct statement statement = {"rebuild_swap", "select rebuild_swap($1, $2)"};
    arena_reset(&rebuild->round);
    struct params params = {0};
    param_tables(&params, rebuild, 2);
    enum error code = db_run(rebuild->db, "set local lock_timeout = '200ms'", err);
    if (!code)
        code = db_exec(rebuild->db, &statement, &params, NULL, err);
    FAULT("rebuild_before_swap");
    return code;
}

enum error model_swap(struct rebuild *rebuild,
                      enum error (*rest)(struct rebuild *rebuild, struct err *err), struct err *err)
{
    enum error code = db_begin(rebuild->db, err);
    if (code)
        return code;
    code = hold_apply_back(rebuild, err);
    if (!code)
        code = rest(rebuild, err);
    if (!code)
        code = swap_tables(rebuild, err);
    if (!code)
        return db_commit(rebuild->db, err);
    bool again = !db_lost(rebuild->db) && (code == ERROR_UNAVAILABLE || code == ERROR_SERIALIZE);
    db_rollback(rebuild->db);
    return again ? ERROR_BUSY : code;
}

/* ---- Behind it ---- */

static enum error drop_schemas(struct rebuild *rebuild, struct err *err)
{
    enum error code = db_run(
        rebuild->db,
        arena_printf(&rebuild->life, "drop schema if exists %s cascade", rebuild->made), err);
    if (!code)
        code = db_run(
            rebuild->db,
            arena_printf(&rebuild->life, "drop schema if exists %s cascade", rebuild->replaced),
            err);
    return code;
}

enum error model_finish(struct rebuild *rebuild, struct err *err)
{
    const struct rebuild_options *options = rebuild->options;
    FAULT("rebuild_swapped");
    enum error code =
        options->swapped ? options->swapped(rebuild->db, options->intake->stop, err) : ERROR_NONE;
    if (code)
        return code;
    clock_sleep_ms(LINGER_MS);
    return drop_schemas(rebuild, err);
}

enum error intake_rebuild_drop(struct db *db, struct err *err)
{
    struct rebuild rebuild = {.db = db};
    bool swapped = false;
    enum error code = model_lock(&rebuild, err);
    if (!code)
        code = model_there(&rebuild, rebuild.replaced, &swapped, err);
    if (!code && swapped)
        code = err_set(err, ERROR_CONFLICT, "it is swapped already: rebuild brings it to its end");
    if (!code)
        code = drop_schemas(&rebuild, err);
    arena_done(&rebuild.life);
    return code;
}

/* ---- For role jobs ---- */

static struct metric metric_running = {.name = "eiso_rebuild_running",
                                       .help = "1 while a read model is made anew.",
                                       .type = METRIC_GAUGE,
                                       .trouble = "a rebuild is at work"};
static struct metric metric_interrupted = {.name = "eiso_rebuild_interrupted",
                                           .help =
                                               "1 where a rebuild was begun and is not at work.",
                                           .type = METRIC_GAUGE,
                                           .trouble = "a rebuild was interrupted",
                                           .mend = "rebuild"};

enum error intake_rebuild_look(struct db *db, struct err *err)
{
    static const struct statement statement = {
        "rebuild_look",
        "select exists (select from pg_locks l where l.locktype = 'advisory' and l.classid = 0"
        "                 and l.objid = 505 and l.objsubid = 1 and l.granted"
        "                 and l.database = (select d.oid from pg_database d"
        "                                    where d.datname = current_database())),"
        "       to_regnamespace(quote_ident(current_schema() || '_rebuild')) is not null"
        "    or to_regnamespace(quote_ident(current_schema() || '_replaced')) is not null"};
    metric_register(&metric_running);
    metric_register(&metric_interrupted);
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(db, &statement, NULL, &result, err);
    if (code)
        return code;
    bool running = result_bool(&result, 0, 0), begun = result_bool(&result, 0, 1);
    metric_set(&metric_running, running);
    metric_set(&metric_interrupted, begun && !running);
    return ERROR_NONE;
}
