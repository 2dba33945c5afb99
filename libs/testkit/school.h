/* A service's database with a small registry in its copies, and an entrance's statement called as
 * service/gather.h calls it. Header only: the program that includes it links its service's parts.
 *
 * Organisations: 1 is the root; schools 11 and 12 stand below it. Classes: 110 (homeroom, shift 1)
 * and 111 (group of 110, shift 2) of school 11, 120 of school 12, 130 of an organisation that is
 * not known. Learner n of homeroom c is c * 1000 + n, n from 1 to 24, enrolled since 60 days ago;
 * the group has the first 8 of its homeroom. Subjects: math, kazakh. Callers: 0 writes in school
 * 11, 1 in school 12, 2 everywhere. */
#ifndef TESTKIT_SCHOOL_H
#define TESTKIT_SCHOOL_H

#include "testkit/check.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "db/db.h"
#include "intake/intake.h"
#include "outbox/outbox.h"
#include "record/record.h"
#include "service/gather.h"
#include "testkit/migrated.h"
#include "testkit/testkit.h"

enum { SCHOOL_LEARNERS = 24, SCHOOL_CALLERS = 3 };

struct school {
    struct arena arena;
    const char *conninfo; /* as a hot role: generic plans, by index */
    struct db *db;
};

/* What an entrance is to its statement. */
struct school_door {
    const struct statement *statement;
    const struct record *columns, *event;
    void (*prepare)(void *item, struct date today, struct problems *problems, struct arena *arena);
    const struct record *(*event_of)(const void *item); /* NULL: all are of `event` */
    bool dry; /* the statement keeps nothing; a round for each item */
};

static inline struct uuid school_id(uint32_t number)
{
    struct uuid id = {{[6] = 0x40, [8] = 0x80}};
    for (int i = 0; i < 4; i++)
        id.bytes[15 - i] = (uint8_t)(number >> 8 * i);
    return id;
}

static inline void school_run(struct school *school, const char *sql)
{
    struct err err = {0};
    if (db_run(school->db, sql, &err))
        fail_msg("%s", err.text);
}

static inline struct result school_query(struct school *school, const char *sql)
{
    struct statement *statement = ARENA_NEW(&school->arena, struct statement);
    struct result result = {0};
    struct err err = {0};
    *statement = (struct statement){arena_printf(&school->arena, "q%p", (void *)statement), sql};
    if (db_exec(school->db, statement, NULL, &result, &err))
        fail_msg("%s: %s", sql, err.text);
    return result;
}

static inline int64_t school_number(struct school *school, const char *sql)
{
    CLEANUP(result_done) struct result result = school_query(school, sql);
    assert_int_equal(result_rows(&result), 1);
    return result_bigint(&result, 0, 0);
}

static inline struct db *school_connect(const char *conninfo)
{
    struct db *db = NULL;
    struct err err = {0};
    if (db_open(&db, conninfo, &err) || outbox_open(db, NULL, &err))
        fail_msg("%s", err.text);
    return db;
}

static const char school_registry[] =
    "create function id(n bigint) returns uuid language sql immutable as $$"
    "  select ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;"
    "create function add_class(c integer, school integer, shift integer, type integer)"
    " returns void language sql as $$"
    "  insert into copy_class (id, organisation, name, type, grade, language, shift, academic_year,"
    "                          epoch, revision)"
    "  values (id(c), id(school), '5 A', type, 5, 1, shift, 2026, 1, 1) $$;"
    "create function enrol(e bigint, learner bigint, c integer) returns void language sql as $$"
    "  insert into copy_enrolment (id, learner, class, valid_from, mode, epoch, revision)"
    "  values (id(e), id(learner), id(c), current_date - 60, 1, 1, 1) $$;"
    "create function add_homeroom(c integer, school integer) returns void language sql as $$"
    "  select add_class(c, school, 1, 1);"
    "  select enrol(c * 1000 + n, c * 1000 + n, c) from generate_series(1, 24) n $$;"
    "insert into copy_organisation (id, name_kk, name_ru, kind, kato, ownership, shifts, path,"
    "                               valid_from, epoch, revision)"
    "  select id(o), 'мектеп', 'школа', 8, '75', 1, 2, p, '2000-01-01', 1, 1"
    "    from (values (1, array[id(1)]), (11, array[id(1), id(11)]), (12, array[id(1), id(12)]))"
    "      v (o, p);"
    "insert into copy_reference (list, code, kk, ru, epoch, revision)"
    "  values ('subject', 'math', 'Математика', 'Математика', 1, 1),"
    "         ('subject', 'kazakh', 'Қазақ тілі', 'Казахский язык', 1, 1);"
    "select add_homeroom(110, 11), add_homeroom(120, 12), add_homeroom(130, 13),"
    "       add_class(111, 11, 2, 2);"
    "select enrol(111000 + n, 110000 + n, 111) from generate_series(1, 8) n;";

/* `set`: the service's own migrations, behind those of the libraries. */
static inline void school_open(struct school *school, struct migration_set set)
{
    const struct migration_set sets[] = {outbox_migrations, intake_migrations, service_migrations,
                                         set};
    *school = (struct school){0};
    school->conninfo =
        arena_printf(&school->arena,
                     "%s options='-c enable_seqscan=off -c TimeZone=UTC"
                     " -c plan_cache_mode=force_generic_plan'",
                     migrated_database(sets, COUNT_OF(sets), school_registry, &school->arena));
    school->db = school_connect(school->conninfo);
}

static inline void school_close(struct school *school)
{
    db_close(school->db);
    arena_done(&school->arena);
}

/* ---- The statement of an entrance ---- */

static inline void school_bind(struct params *params, const struct school_door *door,
                               const void *const *items, const int32_t *callers, size_t count,
                               struct arena *arena)
{
    static const int32_t owners[SCHOOL_CALLERS] = {0, 1, 2};
    const struct uuid nodes[SCHOOL_CALLERS] = {school_id(11), school_id(12), school_id(1)};
    struct str *heads = ARENA_ARRAY(arena, count, struct str);
    for (size_t i = 0; i < count; i++) {
        CLEANUP(buf_done) struct buf head = {0};
        record_encode_head(door->event_of ? door->event_of(items[i]) : door->event, items[i],
                           &head);
        heads[i] = str_copy(arena, buf_str(&head));
    }
    struct column head_column = column_bytes(arena, heads, count);
    struct column caller_column =
        column_ints(arena, callers ? callers : ARENA_ARRAY(arena, count, int32_t), count);
    struct column owner_column = column_ints(arena, owners, SCHOOL_CALLERS);
    struct column node_column = column_uuids(arena, nodes, SCHOOL_CALLERS);
    param_column(params, &caller_column);
    param_column(params, &owner_column);
    param_column(params, &node_column);
    param_date(params, date_today());
    param_records(params, door->columns, items, count, arena);
    param_column(params, &head_column);
    int32_t *places = ARENA_ARRAY(arena, count, int32_t), whole = (int32_t)count;
    for (size_t i = 0; i < count; i++)
        places[i] = (int32_t)i + 1;
    struct column round_column =
        column_ints(arena, door->dry ? places : &whole, door->dry ? count : 1);
    struct column place_column = column_ints(arena, places, count);
    param_column(params, &round_column);
    param_column(params, &place_column);
}

/* "rejected id_reused /id", "created roster_count_differs /roster_count", "duplicate"; with what
 * exists already behind it. */
static inline const char *school_outcome(const struct result *result, size_t row,
                                         struct arena *arena)
{
    struct str outcome = result_str(result, row, 1), code = result_str(result, row, 2);
    struct str pointer = result_str(result, row, 3);
    struct uuid other = result_uuid(result, row, 4);
    char text[UUID_TEXT_LEN + 1] = "";
    if (uuid_present(&other))
        uuid_format(&other, text);
    return arena_printf(arena, "%.*s%s%.*s%s%.*s%s%s", STR_ARG(outcome), code.len ? " " : "",
                        STR_ARG(code), pointer.len ? " " : "", STR_ARG(pointer), *text ? " " : "",
                        text);
}

/* Items are prepared as the door does, then go in one call of one round over `db`. `callers` NULL:
 * all of caller 0. */
static inline enum error school_try(struct school *school, struct db *db,
                                    const struct school_door *door, void *const *items,
                                    const int32_t *callers, size_t count, const char **outcomes)
{
    CLEANUP(result_done) struct result result = {0};
    struct problems problems = {.arena = &school->arena};
    struct params params = {0};
    struct err err = {0};
    for (size_t i = 0; i < count; i++) {
        door->prepare(items[i], date_today(), &problems, &school->arena);
        outcomes[i] = "created";
    }
    assert_int_equal(problems.count, 0);
    school_bind(&params, door, (const void *const *)items, callers, count, &school->arena);
    enum error code = db_exec(db, door->statement, &params, &result, &err);
    if (code && code != ERROR_SERIALIZE && code != ERROR_DUPLICATE)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < result_rows(&result); i++)
        outcomes[result_int(&result, i, 0) - 1] = school_outcome(&result, i, &school->arena);
    return code;
}

/* The outcome of each item. */
static inline const char **school_take(struct school *school, const struct school_door *door,
                                       void *const *items, const int32_t *callers, size_t count)
{
    const char **outcomes = ARENA_ARRAY(&school->arena, count, const char *);
    assert_int_equal(school_try(school, school->db, door, items, callers, count, outcomes),
                     ERROR_NONE);
    return outcomes;
}

static inline const char *school_take_one(struct school *school, const struct school_door *door,
                                          void *item, int32_t caller)
{
    return school_take(school, door, &item, &caller, 1)[0];
}

/* The last event of the log, decoded. */
static inline const void *school_last_event(struct school *school, const struct record *record)
{
    CLEANUP(result_done)
    struct result result = school_query(
        school, "select payloads[cardinality(payloads)] from event_log order by seq desc limit 1");
    void *event = arena_alloc(&school->arena, record->size);
    struct err err = {0};
    struct str value = str_copy(&school->arena, result_str(&result, 0, 0));
    if (record_decode_value(record, value, &school->arena, event, &err))
        fail_msg("%s", err.text);
    return event;
}

/* A page of a learner's facts as service/facts.h reads it, of the last 60 days; `before_date` 0:
 * the first. */
static inline void *school_page(struct school *school, const struct statement *statement,
                                const struct record *view, uint32_t learner,
                                struct date before_date, struct uuid before_id, size_t *count)
{
    enum { PAGE = 7 };
    CLEANUP(result_done) struct result result = {0};
    struct uuid id = school_id(learner);
    struct params params = {0};
    struct err err = {0};
    param_uuid(&params, &id);
    param_date(&params, (struct date){date_today().day - 60});
    param_date(&params, date_today());
    param_date(&params, before_date);
    param_uuid(&params, &before_id);
    param_int(&params, PAGE);
    if (db_exec(school->db, statement, &params, &result, &err))
        fail_msg("%s", err.text);
    return result_records(&result, view, &school->arena, count);
}

/* ---- In bulk ---- */

/* Of the connection's transaction: no table was read from end to end, and no more than that many
 * rows by index. */
static inline void school_assert_read(struct db *db, int64_t most_rows)
{
    static const struct statement statement = {
        "read", "select coalesce(string_agg(relname, ' ') filter (where seq_scan > 0), ''),"
                "       sum(idx_tup_fetch)::bigint from pg_stat_xact_user_tables"};
    CLEANUP(result_done) struct result result = {0};
    struct err err = {0};
    assert_int_equal(db_exec(db, &statement, NULL, &result, &err), ERROR_NONE);
    if (result_str(&result, 0, 0).len)
        fail_msg("sequential scans of %.*s", STR_ARG(result_str(&result, 0, 0)));
    if (result_bigint(&result, 0, 1) > most_rows)
        fail_msg("%d rows were read", (int)result_bigint(&result, 0, 1));
}

/* A connection plans its calls while the tables are empty, another one takes 2 * `count` items and
 * tells what the second half took, and the first, with its old plans, takes one more: it finds its
 * way by index among all that is there now. 2 * `count` + 2 good items. */
static inline void school_take_in_bulk(struct school *school, const struct school_door *door,
                                       void *const *items, size_t count)
{
    enum { MOST_READ = 100 }; /* a roster, and what stands beside it */
    CLEANUP(db_close_at) struct db *db = school_connect(school->conninfo);
    const char *outcome;
    int64_t began = 0;
    struct err err = {0};
    assert_int_equal(school_try(school, db, door, items, NULL, 1, &outcome), ERROR_NONE);
    for (size_t half = 0; half < 2; half++) {
        began = clock_monotonic();
        const char **outcomes = school_take(school, door, items + 1 + half * count, NULL, count);
        for (size_t i = 0; i < count; i++)
            assert_string_equal(outcomes[i], "created");
    }
    print_message("%s: %zu in %.1f ms\n", door->statement->name, count,
                  (double)(clock_monotonic() - began) / 1000);
    assert_int_equal(db_begin(db, &err), ERROR_NONE);
    assert_int_equal(school_try(school, db, door, items + 1 + 2 * count, NULL, 1, &outcome),
                     ERROR_NONE);
    assert_string_equal(outcome, "created");
    school_assert_read(db, MOST_READ);
    assert_int_equal(db_commit(db, &err), ERROR_NONE);
}

/* ---- Two at once ---- */

static inline bool school_someone_waits(void *context)
{
    return school_number(context, "select count(*) from pg_locks where not granted"
                                  "   and pg_backend_pid() = any (pg_blocking_pids(pid))") > 0;
}

/* Who came second: waits for the first; called again, as gather does, it finds what is there. */
static inline int school_second(struct school *school, const struct school_door *door, void *item,
                                const char *expected)
{
    struct db *db = school_connect(school->conninfo);
    const char *outcome;
    enum error first = school_try(school, db, door, &item, NULL, 1, &outcome);
    enum error again = school_try(school, db, door, &item, NULL, 1, &outcome);
    if ((first != ERROR_SERIALIZE && first != ERROR_DUPLICATE) || again != ERROR_NONE)
        return 1;
    return strncmp(outcome, expected, strlen(expected)) != 0;
}

#endif
