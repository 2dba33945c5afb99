#include "testkit/check.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "loop/loop.h"

struct seen {
    struct loop *loop;
    struct loop_timer *timer;
    int times;
};

static void count_and_stop(void *context)
{
    struct seen *seen = context;
    if (++seen->times == 3)
        loop_stop(seen->loop);
    else if (seen->timer)
        loop_timer_set(seen->timer, 1);
}

static void a_timer_repeats_when_it_is_set_again(void **state)
{
    (void)state;
    struct seen seen = {.loop = loop_new()};
    seen.timer = loop_timer_new(seen.loop, count_and_stop, &seen);
    loop_timer_set(seen.timer, 1);
    loop_run(seen.loop);
    assert_int_equal(seen.times, 3);
    loop_timer_free(seen.timer);
    loop_free(seen.loop);
}

static void stop(void *context)
{
    struct seen *seen = context;
    seen->times++;
    loop_stop(seen->loop);
}

static void a_signal_ends_the_loop(void **state)
{
    (void)state;
    struct seen seen = {.loop = loop_new()};
    loop_on_signal(seen.loop, SIGUSR1, stop, &seen);
    raise(SIGUSR1);
    loop_run(seen.loop);
    assert_int_equal(seen.times, 1);
    loop_free(seen.loop);
}

static void a_poke_wakes_whoever_waits_and_many_melt_into_one(void **state)
{
    (void)state;
    char folder[] = "/tmp/eiso-poke-XXXXXX";
    assert_non_null(mkdtemp(folder));
    CLEANUP(arena_done) struct arena arena = {0};
    char *path = arena_printf(&arena, "%s/poke", folder);
    int fd;
    struct err err;
    poke_send(path); /* nobody there */
    assert_int_equal(poke_open(path, &fd, &err), ERROR_NONE);
    assert_false(poke_wait(fd, 1));
    poke_send(path);
    poke_send(path);
    assert_true(poke_wait(fd, 1000));
    assert_false(poke_wait(fd, 1));
    close(fd);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_timer_repeats_when_it_is_set_again),
        TEST(a_signal_ends_the_loop),
        TEST(a_poke_wakes_whoever_waits_and_many_melt_into_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
