/* Values of events as they stand on topics and in logs for years (golden/, README): today's records
 * read every one of them, see in it what it said, and write it the same. */
#include "testkit/check.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/embedded.h"
#include "contracts/indicators.h"
#include "contracts/topics.h"

extern const struct embedded contracts_golden[];
extern const size_t contracts_golden_count;

struct golden {
    const char *name; /* event type, and what is special behind it: "kz....taken.v1.session" */
    const struct event_type *type;
    struct str json;  /* one line, as record_encode_json writes it */
    struct str value; /* msgpack */
};

static struct str line_of(const struct embedded *file)
{
    assert_true(file->length > 1 && file->bytes[file->length - 1] == '\n');
    return (struct str){file->bytes, file->length - 1};
}

static const struct embedded *find_file(const char *name)
{
    for (size_t i = 0; i < contracts_golden_count; i++)
        if (strcmp(contracts_golden[i].name, name) == 0)
            return &contracts_golden[i];
    return NULL;
}

/* "kz.eiso.grades.mark.recorded.v1.value" is of type "kz.eiso.grades.mark.recorded.v1". */
static const struct event_type *type_of(const char *name)
{
    const char *version = strstr(name, ".v1");
    assert_non_null(version);
    const struct event_type *type =
        event_type_find((struct str){name, (size_t)(version - name) + strlen(".v1")});
    if (!type)
        fail_msg("%s is an example of no event type", name);
    return type;
}

/* An indicator is written set by set. */
static const struct record *written_as(const struct event_type *type, const void *item)
{
    if (type->record != &indicator_event)
        return type->record;
    return indicator_set_event(((const struct indicator *)item)->set);
}

static int digit_of(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *digit = memchr(digits, c, sizeof digits - 1);
    assert_non_null(digit);
    return (int)(digit - digits);
}

static struct str bytes_of(struct str hex, struct arena *arena)
{
    assert_int_equal(hex.len % 2, 0);
    char *bytes = arena_alloc(arena, hex.len / 2);
    for (size_t i = 0; i < hex.len / 2; i++)
        bytes[i] = (char)(digit_of(hex.ptr[2 * i]) << 4 | digit_of(hex.ptr[2 * i + 1]));
    return (struct str){bytes, hex.len / 2};
}

/* A new example is its line of JSON; this says what its bytes are. */
static void fail_without_bytes(const struct golden *golden, struct arena *arena)
{
    CLEANUP(buf_done) struct buf value = {0}, hex = {0};
    void *item = arena_alloc(arena, golden->type->record->size);
    struct problems problems = {.arena = arena};
    struct body_error error = {0};
    if (!record_decode_json(golden->type->record, golden->json, arena, item, &problems, &error))
        fail_msg("%s.json: %s %s", golden->name,
                 problems.count ? problems.items[0].pointer : "the whole",
                 problems.count ? problems.items[0].code : error.code);
    record_encode_value(written_as(golden->type, item), item, &value);
    for (size_t i = 0; i < value.len; i++)
        buf_printf(&hex, "%02x", (unsigned char)value.ptr[i]);
    fail_msg("golden/%s.hex is to be\n%.*s", golden->name, STR_ARG(buf_str(&hex)));
}

static bool golden_read(struct golden *golden, const struct embedded *file, struct arena *arena)
{
    size_t stem = file->length && strlen(file->name) > 5 ? strlen(file->name) - 5 : 0;
    if (strcmp(file->name + stem, ".json") != 0)
        return false;
    *golden = (struct golden){.name = arena_copy(arena, file->name, stem), .json = line_of(file)};
    golden->type = type_of(golden->name);
    const struct embedded *hex = find_file(arena_printf(arena, "%s.hex", golden->name));
    if (!hex)
        fail_without_bytes(golden, arena);
    else
        golden->value = bytes_of(line_of(hex), arena);
    return true;
}

static void assert_same(const struct golden *golden, const char *what, struct str expected,
                        struct str actual)
{
    if (!str_equal(expected, actual))
        fail_msg("%s: %s differs:\n%.*s\n%.*s", golden->name, what, STR_ARG(expected),
                 STR_ARG(actual));
}

/* Reads `value` with today's record and compares what it says; returns the item. */
static const void *assert_reads(const struct golden *golden, struct str value, struct arena *arena)
{
    CLEANUP(buf_done) struct buf json = {0};
    struct err err = {0};
    void *item = arena_alloc(arena, golden->type->record->size);
    if (record_decode_value(golden->type->record, value, arena, item, &err))
        fail_msg("%s: %s", golden->name, err.text);
    record_encode_json(written_as(golden->type, item), item, &json);
    assert_same(golden, "what it says", golden->json, buf_str(&json));
    return item;
}

typedef void golden_check(const struct golden *golden, struct arena *arena);

static void each_golden(golden_check *check)
{
    for (size_t i = 0; i < contracts_golden_count; i++) {
        CLEANUP(arena_done) struct arena arena = {0};
        struct golden golden;
        if (golden_read(&golden, &contracts_golden[i], &arena))
            check(&golden, &arena);
    }
}

static void check_kept(const struct golden *golden, struct arena *arena)
{
    CLEANUP(buf_done) struct buf again = {0};
    const void *item = assert_reads(golden, golden->value, arena);
    record_encode_value(written_as(golden->type, item), item, &again);
    assert_same(golden, "its bytes", golden->value, buf_str(&again));
}

static void what_was_written_once_is_read_and_written_the_same(void **state)
{
    (void)state;
    each_golden(check_kept);
}

/* The same map with one more member, as a later release may send it. */
static void check_later(const struct golden *golden, struct arena *arena)
{
    static const char member[] = "\xa5later\x81\xa3" /* "later": {"how": [1, nil]} */
                                 "how\x92\x01\xc0";
    CLEANUP(buf_done) struct buf later = {0};
    unsigned char head = (unsigned char)golden->value.ptr[0];
    struct str members = {golden->value.ptr + 1, golden->value.len - 1};
    size_t count = head & 0x0f; /* fixmap */
    if (head == 0xde) {         /* map 16 */
        count = (size_t)(unsigned char)members.ptr[0] << 8 | (unsigned char)members.ptr[1];
        members = (struct str){members.ptr + 2, members.len - 2};
    }
    buf_add_u8(&later, 0xde);
    buf_add_u16(&later, (uint16_t)(count + 1));
    buf_add_str(&later, members);
    buf_add(&later, member, sizeof member - 1);
    assert_reads(golden, buf_str(&later), arena);
}

static void a_member_that_is_not_known_yet_is_skipped(void **state)
{
    (void)state;
    each_golden(check_later);
}

static bool has_example(const struct event_type *type)
{
    for (size_t i = 0; i < contracts_golden_count; i++)
        if (type_of(contracts_golden[i].name) == type)
            return true;
    return false;
}

static void every_event_type_has_an_example(void **state)
{
    (void)state;
    for (int number = 1; number < 1000; number++) {
        const struct event_type *type = event_type_get(number);
        if (type && !has_example(type))
            fail_msg("golden/ has no example of %s", type->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_written_once_is_read_and_written_the_same),
        TEST(a_member_that_is_not_known_yet_is_skipped),
        TEST(every_event_type_has_an_example),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
