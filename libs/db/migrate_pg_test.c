#include "testkit/check.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db/db.h"
#include "testkit/testkit.h"

#define FILE_OF(name, text)              \
    {                                    \
        (name), (text), sizeof(text) - 1 \
    }

static const struct embedded outbox_files[] = {
    FILE_OF("0001_init.sql", "create table log (id bigint);\n"
                             "create function twice(n bigint) returns bigint language sql as $$\n"
                             "    select 2 * n;\n"
                             "$$;\n"),
    FILE_OF("0002_index.sql", "-- no transaction\n"
                              "drop index concurrently if exists log_id;\n"
                              "create index concurrently log_id on log (id);\n"),
};
static const struct embedded grades_files[] = {
    FILE_OF("0001_init.sql",
            "create table mark (id bigint);\ninsert into mark values (twice(21));"),
};
static const struct migration_set sets[] = {
    {"outbox", outbox_files, COUNT_OF(outbox_files)},
    {"grades", grades_files, COUNT_OF(grades_files)},
};

static const struct statement applied = {"applied", "select count(*) from schema_migrations"};
static const struct statement marks = {"marks", "select coalesce(sum(id), 0)::bigint from mark"};
static const struct statement indexes = {
    "indexes",
    "select count(*) from pg_index where indexrelid = 'log_id'::regclass and indisvalid"};
static const struct statement tables = {"tables",
                                        "select count(*) from pg_tables where tablename = 'half'"};

/* A database of its own and a connection to it. */
struct test {
    struct arena arena;
    const char *conninfo;
    struct db *db;
};

static void test_init(struct test *test)
{
    struct err err = {0};
    *test = (struct test){0};
    test->conninfo = testkit_database(&test->arena);
    assert_int_equal(db_open(&test->db, test->conninfo, &err), ERROR_NONE);
}

static void test_done(struct test *test)
{
    db_close(test->db);
    arena_done(&test->arena);
}

static int64_t number(struct db *db, const struct statement *statement)
{
    struct err err = {0};
    CLEANUP(result_done) struct result result = {0};
    if (db_exec(db, statement, NULL, &result, &err))
        fail_msg("%s", err.text);
    return result_bigint(&result, 0, 0);
}

static void migrate(struct db *db, const struct migration_set *of, size_t count)
{
    struct err err = {0};
    if (db_migrate(db, of, count, &err))
        fail_msg("%s", err.text);
}

static void each_file_is_applied_once(void **state)
{
    (void)state;
    CLEANUP(test_done) struct test test;
    test_init(&test);
    migrate(test.db, sets, 1);
    assert_int_equal(number(test.db, &applied), 2);
    assert_int_equal(number(test.db, &indexes), 1);
    migrate(test.db, sets, COUNT_OF(sets)); /* what is new, and nothing else */
    migrate(test.db, sets, COUNT_OF(sets));
    assert_int_equal(number(test.db, &applied), 3);
    assert_int_equal(number(test.db, &marks), 42);
}

static void a_changed_file_is_refused(void **state)
{
    (void)state;
    static const struct embedded files[] = {
        FILE_OF("0001_init.sql", "create table mark (id bigint); \n"),
    };
    static const struct migration_set changed = {"grades", files, 1};
    CLEANUP(test_done) struct test test;
    struct err err = {0};
    test_init(&test);
    migrate(test.db, sets, COUNT_OF(sets));
    assert_int_equal(db_migrate(test.db, &changed, 1, &err), ERROR_CONFLICT);
    assert_non_null(strstr(err.text, "grades/0001_init.sql"));
    assert_int_equal(number(test.db, &applied), 3);
}

static void a_file_that_fails_leaves_nothing_and_names_itself(void **state)
{
    (void)state;
    static const struct embedded files[] = {
        FILE_OF("0001_half.sql", "create table half (); select 1/0;"),
    };
    static const struct embedded repaired[] = {
        FILE_OF("0001_half.sql", "create table half ();"),
    };
    static const struct migration_set broken = {"x", files, 1}, whole = {"x", repaired, 1};
    CLEANUP(test_done) struct test test;
    struct err err = {0};
    test_init(&test);
    assert_int_equal(db_migrate(test.db, &broken, 1, &err), ERROR_INTERNAL);
    assert_non_null(strstr(err.text, "migration x/0001_half.sql: "));
    assert_int_equal(number(test.db, &tables), 0);
    assert_int_equal(number(test.db, &applied), 0);
    migrate(test.db, &whole, 1); /* it never was applied, so it may be repaired */
    assert_int_equal(number(test.db, &tables), 1);
}

static void a_file_that_commits_by_itself_is_refused(void **state)
{
    (void)state;
    static const struct embedded files[] = {FILE_OF("0001.sql", "select 1; commit;")};
    static const struct migration_set set = {"x", files, 1};
    CLEANUP(test_done) struct test test;
    struct err err = {0};
    test_init(&test);
    assert_int_equal(db_migrate(test.db, &set, 1, &err), ERROR_INTERNAL);
    assert_int_equal(number(test.db, &applied), 0);
}

static void by_statement_it_goes_on_from_the_start_after_a_failure(void **state)
{
    (void)state;
    static const struct embedded files[] = {
        FILE_OF("0001.sql", "-- no transaction\n"
                            "create table if not exists half ();\n"
                            "insert into half default values;\n"
                            "select 1 / (count(*) - 1) from half;\n"),
    };
    static const struct migration_set set = {"x", files, 1};
    CLEANUP(test_done) struct test test;
    struct err err = {0};
    test_init(&test);
    assert_int_equal(db_migrate(test.db, &set, 1, &err), ERROR_INTERNAL);
    assert_int_equal(number(test.db, &tables), 1);
    assert_int_equal(number(test.db, &applied), 0);
    migrate(test.db, &set, 1);
    assert_int_equal(number(test.db, &applied), 1);
}

static void a_locked_table_is_not_waited_for_for_ever(void **state)
{
    (void)state;
    static const struct embedded files[] = {
        FILE_OF("0001.sql", "do $$ begin if current_setting('lock_timeout') <> '5s' then"
                            " raise exception 'none'; end if; end $$;"),
    };
    static const struct migration_set set = {"x", files, 1};
    static const struct statement after = {
        "after", "select count(*) from pg_settings where name = 'lock_timeout' and setting = '0'"};
    CLEANUP(test_done) struct test test;
    test_init(&test);
    migrate(test.db, &set, 1);
    assert_int_equal(number(test.db, &after), 1);
}

/* Several processes start the same release at once. */
static void several_migrators_do_the_work_once(void **state)
{
    (void)state;
    enum { MIGRATORS = 3 };
    CLEANUP(test_done) struct test test;
    pid_t migrators[MIGRATORS];
    test_init(&test);
    for (int i = 0; i < MIGRATORS; i++) {
        migrators[i] = fork();
        if (migrators[i])
            continue;
        struct db *db;
        struct err err = {0};
        enum error code = db_open(&db, test.conninfo, &err);
        _exit((int)(code ? code : db_migrate(db, sets, COUNT_OF(sets), &err)));
    }
    for (int i = 0; i < MIGRATORS; i++) {
        int status = 0;
        assert_int_equal(waitpid(migrators[i], &status, 0), migrators[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(number(test.db, &applied), 3);
    assert_int_equal(number(test.db, &marks), 42);
    assert_int_equal(number(test.db, &indexes), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_file_is_applied_once),
        TEST(a_changed_file_is_refused),
        TEST(a_file_that_fails_leaves_nothing_and_names_itself),
        TEST(a_file_that_commits_by_itself_is_refused),
        TEST(by_statement_it_goes_on_from_the_start_after_a_failure),
        TEST(a_locked_table_is_not_waited_for_for_ever),
        TEST(several_migrators_do_the_work_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
