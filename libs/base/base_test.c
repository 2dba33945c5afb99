#include "testkit/check.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"
#include "base/uuid.h"

static void arena_gives_zeroed_memory_again_after_a_reset(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    for (int round = 0; round < 3; round++) {
        char *big = arena_alloc(&arena, 200000);
        char *small = arena_alloc(&arena, 3);
        assert_int_equal((uintptr_t)small % 16, 0);
        for (size_t i = 0; i < 200000; i++)
            assert_int_equal(big[i], 0);
        memset(big, 'x', 200000);
        memset(small, 'y', 3);
        arena_reset(&arena);
        assert_int_equal(arena.used_bytes, 0);
    }
}

static void dates_go_there_and_back_over_eight_centuries(void **state)
{
    (void)state;
    char text[DATE_TEXT_LEN + 1];
    assert_int_equal(date_make(1970, 1, 1).day, DATE_UNIX_EPOCH);
    assert_int_equal(date_make(2000, 1, 1).day, DATE_POSTGRES_EPOCH);
    assert_int_equal(date_make(1, 1, 1).day, 1);
    for (int day = date_make(1600, 1, 1).day; day < date_make(2400, 1, 1).day; day++) {
        struct date back;
        assert_true(date_parse(str_from(date_format((struct date){day}, text)), &back));
        assert_int_equal(back.day, day);
    }
    assert_int_equal(date_weekday(date_make(2026, 11, 23)), 1);
    assert_int_equal(date_month(date_make(2026, 11, 23)).day, date_make(2026, 11, 1).day);
}

static void dates_that_do_not_exist_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"2026-02-29", "2026-13-01",  "2026-00-10", "2026-04-31",
                                        "2026-4-01",  "2026-04-01 ", "",           "0000-01-01",
                                        "20260401",   "2026-04-0a"};
    struct date date;
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(date_parse(str_from(wrong[i]), &date));
    assert_true(date_parse(STR("2024-02-29"), &date));
}

static void instants_are_read_with_offset_and_fraction(void **state)
{
    (void)state;
    struct instant a, b;
    char text[INSTANT_TEXT_LEN + 1];
    assert_true(instant_parse(STR("2026-11-23T08:30:00+05:00"), &a));
    assert_true(instant_parse(STR("2026-11-23T03:30:00.000Z"), &b));
    assert_int_equal(a.us, b.us);
    assert_true(instant_parse(STR("2026-11-23T03:30:00.1234567Z"), &b));
    assert_string_equal(instant_format(b, text), "2026-11-23T03:30:00.123456Z");
    assert_false(instant_parse(STR("2026-11-23T24:30:00Z"), &a));
    assert_false(instant_parse(STR("2026-11-23T03:30:00"), &a));
    assert_false(instant_parse(STR("2026-11-23T03:30:00.Z"), &a));
    struct instant evening = {0};
    assert_true(instant_parse(STR("2026-11-22T19:30:00Z"), &evening));
    assert_int_equal(date_of(evening, ALMATY_OFFSET_MINUTES).day, date_make(2026, 11, 23).day);
}

static void utf8_knows_overlong_forms_and_surrogates(void **state)
{
    (void)state;
    assert_true(str_is_utf8(STR("Құралай \xF0\x9F\x8E\x93")));
    assert_int_equal(str_characters(STR("Құралай")), 7);
    static const char *const wrong[] = {"\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                                        "\xE2\x82", "\x80",         "a\xFF"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(str_is_utf8(str_from(wrong[i])));
    assert_false(str_is_utf8((struct str){"a\0b", 3}));
}

static void integers_have_a_range_and_nothing_beside_digits(void **state)
{
    (void)state;
    int64_t value;
    assert_true(str_to_int64(STR("-9223372036854775808"), INT64_MIN, INT64_MAX, &value));
    assert_int_equal(value, INT64_MIN);
    assert_false(str_to_int64(STR("9223372036854775808"), INT64_MIN, INT64_MAX, &value));
    assert_false(str_to_int64(STR("101"), 0, 100, &value));
    assert_false(str_to_int64(STR("+1"), 0, 100, &value));
    assert_false(str_to_int64(STR(""), 0, 100, &value));
    assert_false(str_to_int64(STR("-"), 0, 100, &value));
}

static void json_strings_are_escaped(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf buf = {0};
    buf_add_json(&buf, STR("a\"b\\c\n\x01қ"));
    buf_add_char(&buf, '\0');
    assert_string_equal(buf.ptr, "\"a\\\"b\\\\c\\n\\u0001қ\"");
}

static void uuids_are_ordered_and_read_back(void **state)
{
    (void)state;
    struct uuid last = uuid_v7(), parsed;
    char text[UUID_TEXT_LEN + 1];
    for (int i = 0; i < 20000; i++) {
        struct uuid next = uuid_v7();
        assert_true(uuid_compare(&last, &next) < 0);
        assert_true(uuid_parse(str_from(uuid_format(&next, text)), &parsed));
        assert_true(uuid_equal(&next, &parsed));
        last = next;
    }
    assert_false(uuid_parse(STR("00000000-0000-0000-0000-000000000000"), &parsed));
    assert_false(uuid_parse(STR("0192aaaa-bbbb-7ccc-8ddd-eeeeeeeeeee"), &parsed));
    assert_false(uuid_parse(STR("0192aaaabbbb-7ccc-8ddd-eeeeeeeeeeeee"), &parsed));
}

/* As any other library computes them; the last name fills several blocks. */
static void names_become_the_same_ids_everywhere(void **state)
{
    (void)state;
    static const struct uuid dns = {{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4,
                                     0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}};
    char text[UUID_TEXT_LEN + 1], name[200];
    memset(name, 'x', sizeof name);
    struct uuid id = uuid_v5(&dns, STR("python.org"));
    assert_string_equal(uuid_format(&id, text), "886313e1-3b8a-5372-9b90-0c9aee199e5d");
    id = uuid_v5(&dns, (struct str){name, sizeof name});
    assert_string_equal(uuid_format(&id, text), "ddcc691a-b8e2-53e5-b059-6a232874b2eb");
}

static void words_are_prefixed_and_cut(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(err_set(&err, ERROR_BUSY, "queue of %d full", 5), ERROR_BUSY);
    assert_int_equal(err_prefix(&err, "marks"), ERROR_BUSY);
    assert_string_equal(err.text, "marks: queue of 5 full");
    assert_true(error_info(err.code)->retriable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(arena_gives_zeroed_memory_again_after_a_reset),
        TEST(dates_go_there_and_back_over_eight_centuries),
        TEST(dates_that_do_not_exist_are_refused),
        TEST(instants_are_read_with_offset_and_fraction),
        TEST(utf8_knows_overlong_forms_and_surrogates),
        TEST(integers_have_a_range_and_nothing_beside_digits),
        TEST(json_strings_are_escaped),
        TEST(uuids_are_ordered_and_read_back),
        TEST(names_become_the_same_ids_everywhere),
        TEST(words_are_prefixed_and_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
