/* Child programs and waiting; no servers. */
#include "testkit/testkit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "testkit/check.h"

static pid_t shell(const char *command, const char *const *environment)
{
    return testkit_spawn(&(struct testkit_child){
        .program = "/bin/sh",
        .arguments = (const char *const[]){"-c", command, NULL},
        .environment = environment,
    });
}

static void the_exit_code_comes_back(void **state)
{
    (void)state;
    assert_int_equal(testkit_wait(shell("exit 7", NULL), 5000), 7);
    assert_int_equal(testkit_wait(shell("kill -15 $$", NULL), 5000), -SIGTERM);
}

static void a_child_gets_its_environment(void **state)
{
    (void)state;
    const char *const environment[] = {"EISO_X=3", "EISO_Y=4", NULL};
    assert_int_equal(testkit_wait(shell("exit $((EISO_X + EISO_Y))", environment), 5000), 7);
    assert_null(getenv("EISO_X"));
}

static void a_killed_child_is_gone(void **state)
{
    (void)state;
    pid_t child = shell("exec sleep 60", NULL);
    assert_true(testkit_is_running(child));
    testkit_kill(child);
    assert_false(testkit_is_running(child));
}

static void a_drained_child_may_answer(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    const char *mark = arena_printf(&arena, "%s/ready", testkit_folder(&arena));
    pid_t child = shell(
        arena_printf(&arena, "trap 'exit 5' TERM; touch %s; while :; do sleep 0.05; done", mark),
        NULL);
    while (access(mark, F_OK) != 0)
        clock_sleep_ms(5);
    assert_int_equal(testkit_drain(child, 5000), 5);
}

static void a_paused_child_stands(void **state)
{
    (void)state;
    pid_t child = shell("sleep 0.2; exit 3", NULL);
    testkit_pause(child);
    clock_sleep_ms(400);
    assert_true(testkit_is_running(child));
    testkit_resume(child);
    assert_int_equal(testkit_wait(child, 5000), 3);
}

static bool third_time(void *context)
{
    int *calls = context;
    return ++*calls == 3;
}

static bool never(void *context)
{
    (void)context;
    return false;
}

static void waiting_ends_with_the_condition_or_the_time(void **state)
{
    (void)state;
    int calls = 0;
    assert_true(testkit_wait_until(third_time, &calls, 5000));
    assert_int_equal(calls, 3);
    int64_t begin_us = clock_monotonic();
    assert_false(testkit_wait_until(never, NULL, 50));
    assert_in_range(clock_monotonic() - begin_us, 50000, 2000000);
}

static void names_and_folders_are_new(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    assert_string_not_equal(testkit_name(&arena, "x"), testkit_name(&arena, "x"));
    struct stat stat_of;
    assert_int_equal(stat(testkit_folder(&arena), &stat_of), 0);
    assert_true(S_ISDIR(stat_of.st_mode));
}

static void a_socket_nobody_listens_at_answers_nothing(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    const char *path = arena_printf(&arena, "%s/none", testkit_folder(&arena));
    assert_int_equal(testkit_connect(path), -1);
    assert_string_equal(testkit_ask(&arena, path, STR("GET / HTTP/1.1\r\n\r\n")), "");
}

static void a_status_is_read_from_an_answer_alone(void **state)
{
    (void)state;
    assert_int_equal(testkit_status("HTTP/1.1 503 Service Unavailable\r\n"), 503);
    assert_int_equal(testkit_status(""), 0);
    assert_int_equal(testkit_status("SSH-2.0"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_exit_code_comes_back),
        TEST(a_child_gets_its_environment),
        TEST(a_killed_child_is_gone),
        TEST(a_drained_child_may_answer),
        TEST(a_paused_child_stands),
        TEST(waiting_ends_with_the_condition_or_the_time),
        TEST(names_and_folders_are_new),
        TEST(a_socket_nobody_listens_at_answers_nothing),
        TEST(a_status_is_read_from_an_answer_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
