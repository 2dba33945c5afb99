#include "testkit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "db/db.h"
#include "testkit/testkit.h"

static struct arena test_arena;
static const char *conninfo;

static int make_database(void **state)
{
    (void)state;
    conninfo = testkit_database(&test_arena);
    return 0;
}

static int forget_database(void **state)
{
    (void)state;
    arena_done(&test_arena);
    return 0;
}

static struct db *open_db(void)
{
    struct db *db;
    struct err err = {0};
    if (db_open(&db, conninfo, &err))
        fail_msg("%s", err.text);
    return db;
}

static void run(struct db *db, const char *sql)
{
    struct err err = {0};
    if (db_run(db, sql, &err))
        fail_msg("%s", err.text);
}

static struct result query(struct db *db, const struct statement *statement,
                           const struct params *params)
{
    struct err err = {0};
    struct result result;
    if (db_exec(db, statement, params, &result, &err))
        fail_msg("%s", err.text);
    return result;
}

static int64_t number(struct db *db, const struct statement *statement)
{
    CLEANUP(result_done) struct result result = query(db, statement, NULL);
    return result_bigint(&result, 0, 0);
}

/* ---- Values ---- */

static const struct statement echo = {
    "echo", "select $1::boolean, $2::integer, $3::bigint, $4::xid8, $5::uuid, $6::text, $7::bytea,"
            " $8::date, $9::timestamptz"};

static void every_type_comes_back_as_it_went(void **state)
{
    (void)state;
    CLEANUP(db_close_at) struct db *db = open_db();
    struct uuid id = uuid_v7();
    struct params params = {0};
    param_bool(&params, true);
    param_int(&params, -7);
    param_bigint(&params, INT64_MIN);
    param_xid(&params, INT64_C(1) << 40);
    param_uuid(&params, &id);
    param_text(&params, STR("Әлия Қасым"));
    param_bytes(&params, (struct str){"\0\xff", 2});
    param_date(&params, date_make(1999, 12, 31));
    param_instant(&params, (struct instant){-1});
    CLEANUP(result_done) struct result result = query(db, &echo, &params);
    assert_int_equal(result_rows(&result), 1);
    assert_int_equal(result_affected(&result), 1);
    assert_true(result_bool(&result, 0, 0));
    assert_int_equal(result_int(&result, 0, 1), -7);
    assert_int_equal(result_bigint(&result, 0, 1), -7);
    assert_true(result_bigint(&result, 0, 2) == INT64_MIN);
    assert_true(result_bigint(&result, 0, 3) == INT64_C(1) << 40);
    struct uuid came = result_uuid(&result, 0, 4);
    assert_true(uuid_equal(&came, &id));
    assert_true(str_equal(result_str(&result, 0, 5), STR("Әлия Қасым")));
    assert_true(str_equal(result_str(&result, 0, 6), (struct str){"\0\xff", 2}));
    assert_int_equal(result_date(&result, 0, 7).day, date_make(1999, 12, 31).day);
    assert_true(result_instant(&result, 0, 8).us == -1);
}

static void absent_is_null_and_null_is_absent(void **state)
{
    (void)state;
    CLEANUP(db_close_at) struct db *db = open_db();
    struct params params = {0};
    struct uuid nil = {0};
    param_null(&params, 16);
    param_null(&params, 23);
    param_null(&params, 20);
    param_null(&params, 5069);
    param_uuid(&params, &nil);
    param_text(&params, (struct str){0});
    param_bytes(&params, (struct str){0});
    param_date(&params, (struct date){0});
    param_instant(&params, (struct instant){0});
    CLEANUP(result_done) struct result result = query(db, &echo, &params);
    for (int column = 0; column < 9; column++)
        assert_true(result_null(&result, 0, column));
    assert_false(result_bool(&result, 0, 0));
    assert_int_equal(result_int(&result, 0, 1), 0);
    assert_int_equal(result_bigint(&result, 0, 2), 0);
    assert_int_equal(result_bigint(&result, 0, 3), 0);
    struct uuid came = result_uuid(&result, 0, 4);
    assert_false(uuid_present(&came));
    assert_false(str_present(result_str(&result, 0, 5)));
    assert_false(str_present(result_str(&result, 0, 6)));
    assert_int_equal(result_date(&result, 0, 7).day, 0);
    assert_int_equal(result_instant(&result, 0, 8).us, 0);
}

static void an_empty_text_is_not_absent(void **state)
{
    (void)state;
    static const struct statement text = {"empty_text", "select $1::text, $2::bytea"};
    CLEANUP(db_close_at) struct db *db = open_db();
    struct params params = {0};
    param_text(&params, STR(""));
    param_bytes(&params, STR(""));
    CLEANUP(result_done) struct result result = query(db, &text, &params);
    for (int column = 0; column < 2; column++) {
        assert_true(str_present(result_str(&result, 0, column)));
        assert_int_equal(result_str(&result, 0, column).len, 0);
    }
}

static void smaller_numbers_widen(void **state)
{
    (void)state;
    static const struct statement small = {
        "small", "select (-3)::smallint, 4000000000::oid, 'n'::name, '{}'::json"};
    CLEANUP(db_close_at) struct db *db = open_db();
    CLEANUP(result_done) struct result result = query(db, &small, NULL);
    assert_int_equal(result_int(&result, 0, 0), -3);
    assert_int_equal(result_bigint(&result, 0, 0), -3);
    assert_true(result_bigint(&result, 0, 1) == INT64_C(4000000000));
    assert_true(str_equal(result_str(&result, 0, 2), STR("n")));
    assert_true(str_equal(result_str(&result, 0, 3), STR("{}")));
}

/* Runs what is our own bug in a child, which has to abort. */
static bool aborts(void (*misuse)(void))
{
    pid_t child = fork();
    if (!child) {
        (void)!freopen("/dev/null", "w", stderr);
        misuse();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static const struct statement integer = {"integer", "select 1"};

static void read_integer_as_uuid(void)
{
    struct result result = query(open_db(), &integer, NULL);
    (void)result_uuid(&result, 0, 0);
}

static void read_a_row_that_is_not_there(void)
{
    struct result result = query(open_db(), &integer, NULL);
    (void)result_int(&result, 1, 0);
}

static void use_other_types(void)
{
    static const struct statement any = {"any", "select $1::bigint"};
    struct db *db = open_db();
    struct params params = {0}, others = {0};
    param_int(&params, 1);
    param_bigint(&others, 1);
    query(db, &any, &params);
    query(db, &any, &others);
}

static void commit_nothing(void)
{
    (void)!db_commit(open_db(), NULL);
}

static void our_own_bugs_abort(void **state)
{
    (void)state;
    assert_true(aborts(read_integer_as_uuid));
    assert_true(aborts(read_a_row_that_is_not_there));
    assert_true(aborts(use_other_types));
    assert_true(aborts(commit_nothing));
}

/* ---- Records ---- */

enum colour { RED = 1, BLUE };
static const struct value colour_rows[] = {{"red", RED}, {"blue", BLUE}};
static const struct values colours = VALUES(colour_rows);

struct thing {
    struct uuid id;
    bool good;
    int32_t size;
    int64_t weight;
    struct optional points;
    unsigned colour;
    struct enum_set uses;
    struct str from; /* a name that SQL reserves */
    struct date day;
    struct instant at;
    struct bytes raw;
};

static const struct field thing_fields[] = {
    FIELD(thing, id),
    FIELD(thing, good),
    FIELD(thing, size),
    FIELD(thing, weight),
    FIELD(thing, points),
    FIELD(thing, colour, .values = &colours),
    FIELD(thing, uses, .values = &colours),
    FIELD(thing, from),
    FIELD(thing, day),
    FIELD(thing, at),
    FIELD(thing, raw),
};
static const struct record thing_record = RECORD(thing, thing_fields);

static const char make_things[] =
    "create temp table things (id uuid primary key, good boolean, size integer, weight bigint,"
    " points integer, colour smallint, uses integer, \"from\" text, day date, at timestamptz,"
    " raw bytea)";

static const struct statement insert_things = {
    "insert_things",
    "insert into things select * from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"};
static const struct statement all_things = {"all_things", "select * from things order by weight"};
static const struct statement count_things = {"count_things", "select count(*) from things"};

enum { THINGS = 2500 };

/* Each third has everything, the others lack what may be absent. */
static struct thing *things_make(struct arena *arena, const void ***items)
{
    struct thing *things = ARENA_ARRAY(arena, THINGS, struct thing);
    *items = ARENA_ARRAY(arena, THINGS, const void *);
    for (int i = 0; i < THINGS; i++) {
        (*items)[i] = &things[i];
        things[i] = (struct thing){.id = uuid_v7(), .size = -i, .weight = i};
        if (i % 3)
            continue;
        things[i].good = true;
        things[i].points = (struct optional){true, i};
        things[i].colour = BLUE;
        things[i].uses.bits = 1U << RED | 1U << BLUE;
        things[i].from = str_from(arena_printf(arena, "мектеп %d", i));
        things[i].day = (struct date){DATE_POSTGRES_EPOCH + i};
        things[i].at = (struct instant){clock_now()};
        things[i].raw.value = (struct str){"\0\1", i % 2 ? 2 : 0};
    }
    return things;
}

static void assert_thing_equal(const struct thing *a, const struct thing *b)
{
    assert_true(uuid_equal(&a->id, &b->id));
    assert_int_equal(a->good, b->good);
    assert_int_equal(a->size, b->size);
    assert_int_equal(a->weight, b->weight);
    assert_int_equal(a->points.present, b->points.present);
    assert_int_equal(a->points.value, b->points.value);
    assert_int_equal(a->colour, b->colour);
    assert_int_equal(a->uses.bits, b->uses.bits);
    assert_int_equal(str_present(a->from), str_present(b->from));
    assert_true(str_equal(a->from, b->from));
    assert_int_equal(a->day.day, b->day.day);
    assert_int_equal(a->at.us, b->at.us);
    assert_int_equal(str_present(a->raw.value), str_present(b->raw.value));
    assert_true(str_equal(a->raw.value, b->raw.value));
}

static void assert_table_holds(struct db *db, const struct thing *things, size_t count)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct result result = query(db, &all_things, NULL);
    size_t came_count;
    struct thing *came = result_records(&result, &thing_record, &arena, &came_count);
    result_done(&result); /* the records live on */
    assert_int_equal(came_count, count);
    for (size_t i = 0; i < count; i++)
        assert_thing_equal(&came[i], &things[i]);
}

static void records_go_in_as_columns_and_come_back(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(db_close_at) struct db *db = open_db();
    const void **items;
    struct thing *things = things_make(&arena, &items);
    run(db, make_things);
    struct params params = {0};
    param_records(&params, &thing_record, items, THINGS, &arena);
    CLEANUP(result_done) struct result result = query(db, &insert_things, &params);
    assert_int_equal(result_affected(&result), THINGS);
    assert_table_holds(db, things, THINGS);
}

struct roster {
    struct uuids learners;
    struct strs names;
};
static const struct field roster_fields[] = {FIELD(roster, learners), FIELD(roster, names)};
static const struct record roster_record = RECORD(roster, roster_fields);

static void arrays_in_a_row_are_read(void **state)
{
    (void)state;
    static const struct statement rosters = {
        "rosters", "select array[$1, $1] as learners, array['а', '', 'в']::text[] as names"
                   " union all select '{}', null"};
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(db_close_at) struct db *db = open_db();
    struct uuid id = uuid_v7();
    struct params params = {0};
    param_uuid(&params, &id);
    struct result result = query(db, &rosters, &params);
    size_t count;
    struct roster *came = result_records(&result, &roster_record, &arena, &count);
    result_done(&result);
    assert_int_equal(count, 2);
    assert_int_equal(came[0].learners.count, 2);
    assert_true(uuid_equal(&came[0].learners.items[1], &id));
    assert_int_equal(came[0].names.count, 3);
    assert_true(str_equal(came[0].names.items[2], STR("в")));
    assert_int_equal(came[1].learners.count, 0);
    assert_int_equal(came[1].names.count, 0);
}

static void no_records_are_empty_columns(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(db_close_at) struct db *db = open_db();
    run(db, make_things);
    struct params params = {0};
    param_records(&params, &thing_record, NULL, 0, &arena);
    CLEANUP(result_done) struct result result = query(db, &insert_things, &params);
    assert_int_equal(result_affected(&result), 0);
    assert_table_holds(db, NULL, 0);
}

static void records_are_copied_in(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(db_close_at) struct db *db = open_db();
    const void **items;
    struct err err = {0};
    struct thing *things = things_make(&arena, &items);
    run(db, make_things);
    assert_int_equal(db_copy_in(db, "things", &thing_record, items, THINGS, &err), ERROR_NONE);
    assert_int_equal(db_copy_in(db, "things", &thing_record, items, 0, &err), ERROR_NONE);
    assert_table_holds(db, things, THINGS);
}

static void a_copy_that_fails_leaves_nothing_and_the_connection_usable(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(db_close_at) struct db *db = open_db();
    const void **items;
    struct err err = {0};
    struct thing *things = things_make(&arena, &items);
    run(db, make_things);
    assert_int_equal(db_copy_in(db, "nowhere", &thing_record, items, THINGS, &err), ERROR_INTERNAL);
    assert_string_equal(db_sqlstate(db), "42P01");
    things[THINGS - 1].id = things[0].id;
    assert_int_equal(db_copy_in(db, "things", &thing_record, items, THINGS, &err), ERROR_DUPLICATE);
    assert_int_equal(number(db, &count_things), 0);
}

static void a_copy_belongs_to_the_open_transaction(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(db_close_at) struct db *db = open_db();
    const void **items;
    struct err err = {0};
    things_make(&arena, &items);
    run(db, make_things);
    assert_int_equal(db_begin(db, &err), ERROR_NONE);
    assert_int_equal(db_copy_in(db, "things", &thing_record, items, 10, &err), ERROR_NONE);
    assert_int_equal(number(db, &count_things), 10);
    db_rollback(db);
    assert_int_equal(number(db, &count_things), 0);
}

/* ---- Statements and errors ---- */

static void a_statement_is_prepared_once_a_connection(void **state)
{
    (void)state;
    static const struct statement prepared = {"count_prepared",
                                              "select count(*) from pg_prepared_statements"
                                              " where name in ('count_prepared', 'integer')"};
    CLEANUP(db_close_at) struct db *db = open_db();
    for (int i = 0; i < 3; i++)
        assert_int_equal(number(db, &integer), 1);
    assert_int_equal(number(db, &prepared), 2);
    assert_int_equal(number(db, &prepared), 2);
}

static void a_statement_that_cannot_be_prepared_may_be_later(void **state)
{
    (void)state;
    static const struct statement late = {"late", "select count(*) from pg_temp.late"};
    CLEANUP(db_close_at) struct db *db = open_db();
    struct err err = {0};
    assert_int_equal(db_exec(db, &late, NULL, NULL, &err), ERROR_INTERNAL);
    assert_string_equal(db_sqlstate(db), "42P01");
    assert_non_null(strstr(err.text, "late: "));
    run(db, "create temp table late ()");
    assert_int_equal(number(db, &late), 0);
    assert_string_equal(db_sqlstate(db), "");
}

static void a_sqlstate_has_its_meaning(void **state)
{
    (void)state;
    static const struct {
        const char *sqlstate;
        enum error code;
    } meanings[] = {
        {"EI001", ERROR_FENCED},      {"EI002", ERROR_INVALID},     {"EI003", ERROR_NOT_FOUND},
        {"40001", ERROR_SERIALIZE},   {"40P01", ERROR_SERIALIZE},   {"23505", ERROR_DUPLICATE},
        {"57014", ERROR_UNAVAILABLE}, {"55P03", ERROR_UNAVAILABLE}, {"53100", ERROR_UNAVAILABLE},
        {"23503", ERROR_INTERNAL},    {"EI999", ERROR_INTERNAL},    {"P0001", ERROR_INTERNAL},
    };
    static const struct statement raise = {"raise", "select pg_temp.fail($1)"};
    CLEANUP(db_close_at) struct db *db = open_db();
    run(db, "create function pg_temp.fail(code text) returns void language plpgsql as $$"
            " begin raise exception 'here' using errcode = code, detail = 'Omarov'; end $$");
    for (size_t i = 0; i < COUNT_OF(meanings); i++) {
        struct err err = {0};
        struct params params = {0};
        struct result result;
        param_text(&params, str_from(meanings[i].sqlstate));
        assert_int_equal(db_exec(db, &raise, &params, &result, &err), meanings[i].code);
        assert_int_equal(err.code, meanings[i].code);
        assert_string_equal(db_sqlstate(db), meanings[i].sqlstate);
        assert_null(result.handle);
        assert_false(db_lost(db));
        assert_non_null(strstr(err.text, "raise: here (SQLSTATE "));
        assert_null(strstr(err.text, "Omarov"));
    }
}

static void a_duplicate_does_not_show_its_value(void **state)
{
    (void)state;
    CLEANUP(db_close_at) struct db *db = open_db();
    struct err err = {0};
    run(db,
        "create temp table people (name text primary key); insert into people values ('Omarov')");
    assert_int_equal(db_run(db, "insert into people values ('Omarov')", &err), ERROR_DUPLICATE);
    assert_null(strstr(err.text, "Omarov"));
    assert_non_null(strstr(err.text, "people_pkey"));
}

static void what_takes_too_long_is_unavailable(void **state)
{
    (void)state;
    CLEANUP(db_close_at) struct db *db = open_db();
    struct err err = {0};
    run(db, "set statement_timeout = 20");
    assert_int_equal(db_run(db, "select pg_sleep(5)", &err), ERROR_UNAVAILABLE);
    assert_string_equal(db_sqlstate(db), "57014");
    assert_false(db_lost(db));
}

/* ---- Transactions ---- */

static void a_transaction_is_committed_or_not(void **state)
{
    (void)state;
    static const struct statement count = {"count_rows", "select count(*) from pg_temp.rows"};
    CLEANUP(db_close_at) struct db *db = open_db();
    struct err err = {0};
    run(db, "create temp table rows ()");
    assert_int_equal(db_begin(db, &err), ERROR_NONE);
    run(db, "insert into rows default values");
    db_rollback(db);
    assert_int_equal(number(db, &count), 0);
    assert_int_equal(db_begin(db, &err), ERROR_NONE);
    run(db, "insert into rows default values");
    assert_int_equal(db_commit(db, &err), ERROR_NONE);
    db_rollback(db); /* none is open: nothing happens */
    assert_int_equal(number(db, &count), 1);
}

static void a_transaction_with_a_failure_does_not_commit(void **state)
{
    (void)state;
    CLEANUP(db_close_at) struct db *db = open_db();
    struct err err = {0};
    assert_int_equal(db_begin(db, &err), ERROR_NONE);
    assert_int_equal(db_run(db, "select 1/0", &err), ERROR_INTERNAL);
    assert_int_equal(db_commit(db, &err), ERROR_INTERNAL);
    assert_int_equal(number(db, &integer), 1);
}

static const struct statement own_backend = {"own_backend", "select pg_backend_pid()"};

/* Ends the backend of `db` from another connection, and waits until it is gone. */
static void terminate(struct db *db)
{
    static const struct statement end = {"terminate", "select pg_terminate_backend($1, 5000)"};
    struct params params = {0};
    param_int(&params, (int32_t)number(db, &own_backend));
    CLEANUP(db_close_at) struct db *other = open_db();
    CLEANUP(result_done) struct result result = query(other, &end, &params);
    assert_true(result_bool(&result, 0, 0));
}

static void lost_before_a_transaction_is_unavailable(void **state)
{
    (void)state;
    CLEANUP(db_close_at) struct db *db = open_db();
    struct err err = {0};
    terminate(db);
    assert_int_equal(db_begin(db, &err), ERROR_UNAVAILABLE);
    assert_true(db_lost(db));
    assert_int_equal(db_begin(db, &err), ERROR_UNAVAILABLE);
}

static void lost_within_a_transaction_is_unavailable(void **state)
{
    (void)state;
    CLEANUP(db_close_at) struct db *db = open_db();
    struct err err = {0};
    assert_int_equal(number(db, &integer), 1);
    assert_int_equal(db_begin(db, &err), ERROR_NONE);
    terminate(db);
    assert_int_equal(db_exec(db, &integer, NULL, NULL, &err), ERROR_UNAVAILABLE);
    assert_true(db_lost(db));
    assert_int_equal(db_commit(db, &err), ERROR_UNAVAILABLE);
    db_rollback(db);
}

static void lost_at_the_commit_is_unknown(void **state)
{
    (void)state;
    CLEANUP(db_close_at) struct db *db = open_db();
    struct err err = {0};
    run(db, "create temp table rows ();"
            " create function pg_temp.die() returns trigger language plpgsql as"
            " $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$;"
            " create constraint trigger dies after insert on rows deferrable initially deferred"
            " for each row execute function pg_temp.die()");
    assert_int_equal(db_begin(db, &err), ERROR_NONE);
    run(db, "insert into rows default values");
    assert_int_equal(db_commit(db, &err), ERROR_UNKNOWN);
    assert_true(db_lost(db));
}

static void a_commit_sent_to_a_dead_backend_is_unknown(void **state)
{
    (void)state;
    CLEANUP(db_close_at) struct db *db = open_db();
    struct err err = {0};
    assert_int_equal(db_begin(db, &err), ERROR_NONE);
    terminate(db);
    assert_int_equal(db_commit(db, &err), ERROR_UNKNOWN);
}

static void lost_outside_of_a_transaction_is_unknown(void **state)
{
    (void)state;
    static const struct statement suicide = {"suicide",
                                             "select pg_terminate_backend(pg_backend_pid())"};
    CLEANUP(db_close_at) struct db *db = open_db();
    struct err err = {0};
    assert_int_equal(db_exec(db, &suicide, NULL, NULL, &err), ERROR_UNKNOWN);
    assert_int_equal(db_exec(db, &integer, NULL, NULL, &err), ERROR_UNAVAILABLE);
}

static void a_transaction_that_idles_is_ended(void **state)
{
    (void)state;
    CLEANUP(db_close_at) struct db *db = open_db();
    struct err err = {0};
    run(db, "set idle_in_transaction_session_timeout = 20");
    assert_int_equal(db_begin(db, &err), ERROR_NONE);
    clock_sleep_ms(100);
    assert_int_equal(db_exec(db, &integer, NULL, NULL, &err), ERROR_UNAVAILABLE);
    assert_true(db_lost(db));
}

/* ---- Opening ---- */

static void the_session_is_ours(void **state)
{
    (void)state;
    static const struct statement session = {
        "session", "select current_setting('timezone'), current_setting('client_encoding'),"
                   " current_setting('application_name'), current_setting('work_mem'),"
                   " current_setting('idle_in_transaction_session_timeout')"};
    static const char *const expected[] = {"UTC", "UTF8", "grades-relay", "77kB", "1min"};
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(db_close_at) struct db *db = NULL;
    struct err err = {0};
    const char *own = arena_printf(&arena,
                                   "%s application_name=grades-relay client_encoding=LATIN1"
                                   " options='-c work_mem=77kB'",
                                   conninfo);
    assert_int_equal(db_open(&db, own, &err), ERROR_NONE);
    CLEANUP(result_done) struct result result = query(db, &session, NULL);
    for (int i = 0; i < (int)COUNT_OF(expected); i++)
        assert_true(str_equal(result_str(&result, 0, i), str_from(expected[i])));
}

static void where_nobody_is_there_it_is_unavailable(void **state)
{
    (void)state;
    struct db *db;
    struct err err = {0};
    bool stop = true;
    assert_int_equal(db_open(&db, "host=/nowhere dbname=x", &err), ERROR_UNAVAILABLE);
    assert_null(db);
    assert_null(strchr(err.text, '\n'));
    assert_int_equal(db_open_wait(&db, "host=/nowhere dbname=x", &stop, &err), ERROR_UNAVAILABLE);
    assert_null(db);
    db_close(db);
}

static void a_malformed_string_is_refused_without_being_shown(void **state)
{
    (void)state;
    struct db *db;
    struct err err = {0};
    bool stop = false;
    assert_int_equal(db_open(&db, "password=a secret", &err), ERROR_INVALID);
    assert_null(strstr(err.text, "secret"));
    assert_int_equal(db_open_wait(&db, "password=a secret", &stop, &err), ERROR_INVALID);
}

static void a_database_that_comes_later_is_waited_for(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    const char *name = arena_printf(&arena, "later_%d", getpid());
    pid_t child = fork();
    if (!child) {
        clock_sleep_ms(250);
        run(open_db(), arena_printf(&arena, "create database %s", name));
        _exit(0);
    }
    struct db *db;
    struct err err = {0};
    bool stop = false;
    const char *later = arena_printf(&arena, "%s dbname=%s", conninfo, name);
    assert_int_equal(db_open_wait(&db, later, &stop, &err), ERROR_NONE);
    db_close(db);
    waitpid(child, NULL, 0);
    db = open_db();
    run(db, arena_printf(&arena, "drop database %s", name));
    db_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_type_comes_back_as_it_went),
        TEST(absent_is_null_and_null_is_absent),
        TEST(an_empty_text_is_not_absent),
        TEST(smaller_numbers_widen),
        TEST(our_own_bugs_abort),
        TEST(records_go_in_as_columns_and_come_back),
        TEST(arrays_in_a_row_are_read),
        TEST(no_records_are_empty_columns),
        TEST(records_are_copied_in),
        TEST(a_copy_that_fails_leaves_nothing_and_the_connection_usable),
        TEST(a_copy_belongs_to_the_open_transaction),
        TEST(a_statement_is_prepared_once_a_connection),
        TEST(a_statement_that_cannot_be_prepared_may_be_later),
        TEST(a_sqlstate_has_its_meaning),
        TEST(a_duplicate_does_not_show_its_value),
        TEST(what_takes_too_long_is_unavailable),
        TEST(a_transaction_is_committed_or_not),
        TEST(a_transaction_with_a_failure_does_not_commit),
        TEST(lost_before_a_transaction_is_unavailable),
        TEST(lost_within_a_transaction_is_unavailable),
        TEST(lost_at_the_commit_is_unknown),
        TEST(a_commit_sent_to_a_dead_backend_is_unknown),
        TEST(lost_outside_of_a_transaction_is_unknown),
        TEST(a_transaction_that_idles_is_ended),
        TEST(the_session_is_ours),
        TEST(where_nobody_is_there_it_is_unavailable),
        TEST(a_malformed_string_is_refused_without_being_shown),
        TEST(a_database_that_comes_later_is_waited_for),
    };
    return cmocka_run_group_tests(tests, make_database, forget_database);
}
