#include "testkit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/conf.h"

struct sample {
    const char *name;
    const char *key;
    int64_t slot;
    int64_t free, depth;
    bool loud;
};

static const struct setting sample_items[] = {
    SETTING(sample, name, "EISO_TEST_NAME", .help = "name of the thing"),
    SETTING(sample, key, "EISO_TEST_KEY", .secret = true, .fallback = "", .help = "the key"),
    SETTING(sample, slot, "EISO_TEST_SLOT", .fallback = "3", .min = 0, .max = 9, .help = "slot"),
    SETTING(sample, free, "EISO_TEST_FREE", .fallback = "-5", .help = "any number"),
    SETTING(sample, depth, "EISO_TEST_DEPTH", .fallback = "2", .min = 1, .help = "depth"),
    SETTING(sample, loud, "EISO_TEST_LOUD", .fallback = "false", .help = "whether it is loud"),
};
static const struct settings sample_settings = SETTINGS(sample_items);

struct fixture {
    struct arena arena;
    struct sample sample;
    struct err err;
    char path[40];
};

static int begin(void **state)
{
    static const char *const names[] = {"NAME", "NAME_FILE", "KEY",   "KEY_FILE",
                                        "SLOT", "FREE",      "DEPTH", "LOUD"};
    struct fixture *fixture = mem_alloc(sizeof *fixture);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        unsetenv(arena_printf(&fixture->arena, "EISO_TEST_%s", names[i]));
    setenv("EISO_TEST_NAME", "thing", 1);
    strcpy(fixture->path, "/tmp/eiso-conf-XXXXXX");
    int file = mkstemp(fixture->path);
    assert_true(file >= 0);
    close(file);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;
    unlink(fixture->path);
    arena_done(&fixture->arena);
    free(fixture);
    return 0;
}

static enum error read_all(struct fixture *fixture)
{
    return conf_read(&sample_settings, &fixture->sample, &fixture->arena, &fixture->err);
}

static void give_secret(struct fixture *fixture, const char *bytes, size_t length)
{
    FILE *file = fopen(fixture->path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    fclose(file);
    setenv("EISO_TEST_KEY_FILE", fixture->path, 1);
}

static void defaults_hold_where_nothing_is_given(void **state)
{
    struct fixture *fixture = *state;
    setenv("EISO_TEST_SLOT", "", 1);
    assert_int_equal(read_all(fixture), ERROR_NONE);
    assert_string_equal(fixture->sample.name, "thing");
    assert_string_equal(fixture->sample.key, "");
    assert_int_equal(fixture->sample.slot, 3);
    assert_int_equal(fixture->sample.free, -5);
    assert_false(fixture->sample.loud);
}

static void the_environment_goes_before_the_defaults(void **state)
{
    struct fixture *fixture = *state;
    setenv("EISO_TEST_SLOT", "9", 1);
    setenv("EISO_TEST_FREE", "-9223372036854775808", 1);
    setenv("EISO_TEST_LOUD", "true", 1);
    assert_int_equal(read_all(fixture), ERROR_NONE);
    assert_int_equal(fixture->sample.slot, 9);
    assert_true(fixture->sample.free == INT64_MIN);
    assert_true(fixture->sample.loud);
}

static void what_is_missing_is_named(void **state)
{
    struct fixture *fixture = *state;
    unsetenv("EISO_TEST_NAME");
    assert_int_equal(read_all(fixture), ERROR_INVALID);
    assert_string_equal(fixture->err.text, "EISO_TEST_NAME is not set: name of the thing");
}

static void a_number_out_of_its_range_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char *const wrong[] = {"10", "-1", "3x", " 3", "99999999999999999999"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        setenv("EISO_TEST_SLOT", wrong[i], 1);
        assert_int_equal(read_all(fixture), ERROR_INVALID);
        assert_non_null(strstr(fixture->err.text, "EISO_TEST_SLOT"));
        assert_non_null(strstr(fixture->err.text, "from 0 to 9"));
    }
}

static void a_number_may_have_a_least_value_alone(void **state)
{
    struct fixture *fixture = *state;
    setenv("EISO_TEST_DEPTH", "9223372036854775807", 1);
    assert_int_equal(read_all(fixture), ERROR_NONE);
    setenv("EISO_TEST_DEPTH", "0", 1);
    assert_int_equal(read_all(fixture), ERROR_INVALID);
}

static void only_true_and_false_are_booleans(void **state)
{
    struct fixture *fixture = *state;
    setenv("EISO_TEST_LOUD", "TRUE", 1);
    assert_int_equal(read_all(fixture), ERROR_INVALID);
    assert_string_equal(fixture->err.text, "EISO_TEST_LOUD: \"TRUE\" is neither true nor false");
}

static void a_secret_comes_from_its_file_only(void **state)
{
    struct fixture *fixture = *state;
    setenv("EISO_TEST_KEY", "in the environment", 1);
    assert_int_equal(read_all(fixture), ERROR_NONE);
    assert_string_equal(fixture->sample.key, "");
    give_secret(fixture, "in the file\n", 12);
    assert_int_equal(read_all(fixture), ERROR_NONE);
    assert_string_equal(fixture->sample.key, "in the file");
}

static void a_secret_that_cannot_be_read_is_refused_without_a_word_of_it(void **state)
{
    struct fixture *fixture = *state;
    give_secret(fixture, "hush\0hush", 9);
    assert_int_equal(read_all(fixture), ERROR_INVALID);
    assert_null(strstr(fixture->err.text, "hush"));
    give_secret(fixture, "\n", 1);
    assert_int_equal(read_all(fixture), ERROR_INVALID);
    static char large[64 * 1024 + 1];
    memset(large, 'x', sizeof large);
    give_secret(fixture, large, sizeof large);
    assert_int_equal(read_all(fixture), ERROR_INVALID);
    setenv("EISO_TEST_KEY_FILE", "/nowhere/at/all", 1);
    assert_int_equal(read_all(fixture), ERROR_INVALID);
    assert_non_null(strstr(fixture->err.text, "EISO_TEST_KEY_FILE: /nowhere/at/all: No such file"));
}

static void what_is_printed_holds_no_secret_and_can_be_read_again(void **state)
{
    struct fixture *fixture = *state;
    give_secret(fixture, "hush", 4);
    assert_int_equal(read_all(fixture), ERROR_NONE);
    CLEANUP(buf_done) struct buf out = {0};
    conf_print(&sample_settings, &fixture->sample, &out);
    buf_add_char(&out, '\0');
    assert_string_equal(out.ptr, "EISO_TEST_NAME=thing\n"
                                 "# EISO_TEST_KEY: given\n"
                                 "EISO_TEST_SLOT=3\n"
                                 "EISO_TEST_FREE=-5\n"
                                 "EISO_TEST_DEPTH=2\n"
                                 "EISO_TEST_LOUD=false\n");
}

static void help_names_every_setting_with_its_default_and_range(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf out = {0};
    conf_help(&sample_settings, &out);
    buf_add_char(&out, '\0');
    assert_string_equal(out.ptr, "  EISO_TEST_NAME\n      name of the thing; must be given\n"
                                 "  EISO_TEST_KEY_FILE\n      the key\n"
                                 "  EISO_TEST_SLOT\n      slot; 0 to 9; default 3\n"
                                 "  EISO_TEST_FREE\n      any number; default -5\n"
                                 "  EISO_TEST_DEPTH\n      depth; at least 1; default 2\n"
                                 "  EISO_TEST_LOUD\n      whether it is loud; true or false; "
                                 "default false\n");
}

#define CONF_TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONF_TEST(defaults_hold_where_nothing_is_given),
        CONF_TEST(the_environment_goes_before_the_defaults),
        CONF_TEST(what_is_missing_is_named),
        CONF_TEST(a_number_out_of_its_range_is_refused),
        CONF_TEST(a_number_may_have_a_least_value_alone),
        CONF_TEST(only_true_and_false_are_booleans),
        CONF_TEST(a_secret_comes_from_its_file_only),
        CONF_TEST(a_secret_that_cannot_be_read_is_refused_without_a_word_of_it),
        CONF_TEST(what_is_printed_holds_no_secret_and_can_be_read_again),
        CONF_TEST(help_names_every_setting_with_its_default_and_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
