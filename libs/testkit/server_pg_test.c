/* The servers of a test's own: what they hold outlives stop and kill, and a cold copy brings back
 * the past. */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "testkit/check.h"
#include "testkit/testkit.h"

/* What psql prints of one value. */
static const char *query(struct arena *arena, const char *conninfo, const char *sql)
{
    const char *command =
        arena_printf(arena, "psql -XqAt -v ON_ERROR_STOP=1 -d '%s' -c \"%s\"", conninfo, sql);
    char line[128] = "";
    FILE *out = popen(command, "re");
    assert_non_null(out);
    if (!fgets(line, sizeof line, out))
        line[0] = '\0';
    assert_int_equal(pclose(out), 0);
    line[strcspn(line, "\n")] = '\0';
    return arena_printf(arena, "%s", line);
}

static void databases_are_new_and_empty(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    const char *one = testkit_database(&arena), *two = testkit_database(&arena);
    query(&arena, one, "create table t(x int)");
    assert_string_equal(
        query(&arena, two, "select count(*) from pg_tables where schemaname = 'public'"), "0");
}

static void it_is_the_server_that_the_design_asks_for(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    const char *database = testkit_database(&arena);
    assert_string_equal(query(&arena, database, "show fsync"), "on");
    assert_string_equal(query(&arena, database, "show synchronous_commit"), "on");
    assert_string_equal(query(&arena, database, "show max_prepared_transactions"), "0");
    assert_string_equal(
        query(&arena, database, "select current_setting('server_version_num')::int / 10000"), "15");
    assert_string_equal(query(&arena, database, "select 'Ә' < 'Б'"), "t"); /* kk-KZ: А Ә Б */
}

static void what_is_committed_survives_kill(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct testkit_server *server = testkit_postgres_new();
    const char *database = testkit_server_database(server, &arena);
    query(&arena, database, "create table t as select 7 as x");
    const char *start = query(&arena, database, "select pg_postmaster_start_time()");
    testkit_server_kill(server);
    testkit_server_start(server);
    assert_string_equal(query(&arena, database, "select x from t"), "7");
    assert_string_not_equal(query(&arena, database, "select pg_postmaster_start_time()"), start);
    testkit_server_free(server);
}

static void a_cold_copy_brings_back_the_past(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct testkit_server *server = testkit_postgres_new();
    const char *database = testkit_server_database(server, &arena);
    query(&arena, database, "create table t as select 1 as x");
    testkit_server_stop(server);
    testkit_server_save(server, "before");
    testkit_server_start(server);
    query(&arena, database, "update t set x = 2");
    testkit_server_stop(server);
    testkit_server_restore(server, "before");
    testkit_server_start(server);
    assert_string_equal(query(&arena, database, "select x from t"), "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(databases_are_new_and_empty),
        TEST(it_is_the_server_that_the_design_asks_for),
        TEST(what_is_committed_survives_kill),
        TEST(a_cold_copy_brings_back_the_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
