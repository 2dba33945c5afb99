/* Bounds on wrong tries, and who does not feel them. */
#include "testkit/check.h"

#include "passwords.h"

static struct arena arena;
static struct loop *loop;
static struct passwords *passwords;

static int begin(void **state)
{
    (void)state;
    loop = loop_new();
    passwords = passwords_new(loop);
    return 0;
}

static int end(void **state)
{
    (void)state;
    passwords_free(passwords);
    loop_free(loop);
    arena_done(&arena);
    arena = (struct arena){0};
    return 0;
}

/* Seconds until the next one, 0 where it was taken. */
static int64_t try_as(const char *login, const char *address)
{
    struct password_check check = {.login = str_from(login), .address = str_from(address)};
    return passwords_try(passwords, &check);
}

static int tries(const char *login, const char *address, int most)
{
    int taken = 0;
    while (taken < most && try_as(login, address) == 0)
        taken++;
    return taken;
}

static const char *numbered(int number)
{
    return arena_printf(&arena, "%d", number);
}

static void ten_tries_then_one_each_ten_seconds(void **state)
{
    (void)state;
    assert_int_equal(tries("aigul", "192.0.2.1", 20), 10);
    int64_t wait_s = try_as("aigul", "192.0.2.1");
    assert_true(wait_s > 8 && wait_s <= 10);
}

/* A stranger's tries leave the owner, who comes from elsewhere, what is needed. */
static void a_stranger_does_not_lock_the_owner_out(void **state)
{
    (void)state;
    assert_int_equal(tries("aigul", "192.0.2.1", 20), 10);
    assert_int_equal(tries("aigul", "192.0.2.2", 20), 10);
}

static void many_strangers_have_a_bound_all_the_same(void **state)
{
    (void)state;
    int taken = 0;
    for (int i = 0; i < 30; i++)
        taken += tries("aigul", numbered(i), 10);
    assert_int_equal(taken, 100);
}

static void an_address_has_a_bound_over_all_logins(void **state)
{
    (void)state;
    int taken = 0;
    for (int i = 0; i < 150; i++)
        taken += tries(numbered(i), "192.0.2.1", 1);
    assert_true(taken >= 100 && taken <= 102);
    assert_true(try_as("another", "192.0.2.1") <= 1);
    assert_int_equal(try_as("another", "192.0.2.2"), 0);
}

static void addresses_of_one_network_are_one(void **state)
{
    (void)state;
    assert_int_equal(tries("aigul", "2001:db8:1:2::1", 20), 10);
    assert_int_equal(tries("aigul", "2001:db8:1:2:ffff::9", 20), 0);
    assert_int_equal(tries("aigul", "2001:db8:1:3::1", 20), 10);
}

static void note(struct password_check *check, bool matches)
{
    (void)check;
    (void)matches;
    loop_stop(loop);
}

static bool check_password(struct password_check *check)
{
    assert_int_equal(passwords_try(passwords, check), 0);
    assert_true(passwords_enter(passwords, check));
    check->checked = note;
    passwords_check(passwords, check);
    loop_run(loop);
    return true;
}

static void a_right_one_costs_nothing(void **state)
{
    (void)state;
    struct password_check check = {
        .login = STR("aigul"), .address = STR("192.0.2.1"), .password = STR("a password")};
    assert_true(password_hash(check.password, &check.hash, &arena));
    for (int i = 0; i < 12; i++)
        check_password(&check);
    check.hash = (struct str){0}; /* nobody's */
    check_password(&check);
    assert_int_equal(tries("aigul", "192.0.2.1", 20), 9);
}

static void what_was_not_checked_costs_nothing(void **state)
{
    (void)state;
    struct password_check check = {.login = STR("aigul"), .address = STR("192.0.2.1")};
    for (int i = 0; i < 12; i++) {
        assert_int_equal(passwords_try(passwords, &check), 0);
        assert_true(passwords_enter(passwords, &check));
        passwords_leave(passwords, &check);
    }
}

static void a_full_queue_costs_nothing(void **state)
{
    (void)state;
    struct password_check check = {.address = STR("192.0.2.1")};
    for (int i = 0; i < PASSWORDS_MOST_WAITING; i++) {
        check.login = str_from(numbered(i));
        assert_int_equal(passwords_try(passwords, &check), 0);
        assert_true(passwords_enter(passwords, &check));
    }
    check.login = STR("aigul");
    for (int i = 0; i < 12; i++) {
        assert_int_equal(passwords_try(passwords, &check), 0);
        assert_false(passwords_enter(passwords, &check));
    }
}

#define WITH_PASSWORDS(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PASSWORDS(ten_tries_then_one_each_ten_seconds),
        WITH_PASSWORDS(a_stranger_does_not_lock_the_owner_out),
        WITH_PASSWORDS(many_strangers_have_a_bound_all_the_same),
        WITH_PASSWORDS(an_address_has_a_bound_over_all_logins),
        WITH_PASSWORDS(addresses_of_one_network_are_one),
        WITH_PASSWORDS(a_right_one_costs_nothing),
        WITH_PASSWORDS(what_was_not_checked_costs_nothing),
        WITH_PASSWORDS(a_full_queue_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
