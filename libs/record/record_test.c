#include "testkit/check.h"

#include <json-c/json.h>
#include <msgpack/pack.h>

#include "record/sample_internal.h"

#define ID    "0192aaaa-bbbb-7ccc-8ddd-eeeeeeeeee01"
#define ID2   "0192aaaa-bbbb-7ccc-8ddd-eeeeeeeeee02"
#define BASIC "\"id\":\"" ID "\",\"kind\":\"formative\""

static const char full_json[] =
    "{" BASIC ",\"urgent\":true,\"points\":97,\"revision\":-9007199254740993,\"minutes\":-5,"
    "\"rights\":[\"marks\",\"messages\"],\"name\":\"Құрал\",\"comment\":\"бірінші\\nжол "
    "\\\"2\\\"\","
    "\"subject\":\"math-7.a\",\"date\":\"2026-11-23\",\"taken_at\":\"2026-11-23T08:30:00.5+05:00\","
    "\"of\":[\"" ID "\",\"" ID2 "\"],\"languages\":[\"kk\",\"ru\"],"
    "\"parts\":[{\"learner\":\"" ID2 "\",\"lesson\":3},"
    "{\"learner\":\"" ID "\",\"names\":{\"kk\":\"Айша\",\"ru\":\"Айша\"}}],"
    "\"title\":{\"kk\":\"Мектеп\"},\"valid/from\":-7}";

/* ---- A second way from JSON to msgpack, so that each case below is seen by both doors ---- */

static int write_to_buf(void *buf, const char *bytes, size_t count)
{
    buf_add(buf, bytes, count);
    return 0;
}

static void pack(msgpack_packer *packer, struct json_object *value);

static void pack_array(msgpack_packer *packer, struct json_object *array)
{
    size_t count = json_object_array_length(array);
    msgpack_pack_array(packer, count);
    for (size_t i = 0; i < count; i++)
        pack(packer, json_object_array_get_idx(array, i));
}

static void pack_object(msgpack_packer *packer, struct json_object *object)
{
    msgpack_pack_map(packer, (size_t)json_object_object_length(object));
    json_object_object_foreach(object, name, value)
    {
        msgpack_pack_str_with_body(packer, name, strlen(name));
        pack(packer, value);
    }
}

static void pack(msgpack_packer *packer, struct json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_null:
        msgpack_pack_nil(packer);
        break;
    case json_type_boolean:
        (void)(json_object_get_boolean(value) ? msgpack_pack_true(packer)
                                              : msgpack_pack_false(packer));
        break;
    case json_type_int:
        msgpack_pack_int64(packer, json_object_get_int64(value));
        break;
    case json_type_double:
        msgpack_pack_double(packer, json_object_get_double(value));
        break;
    case json_type_string:
        msgpack_pack_str_with_body(packer, json_object_get_string(value),
                                   (size_t)json_object_get_string_len(value));
        break;
    case json_type_array:
        pack_array(packer, value);
        break;
    case json_type_object:
        pack_object(packer, value);
        break;
    }
}

static void json_to_msgpack(const char *json, struct buf *out)
{
    struct json_object *value = json_tokener_parse(json);
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, write_to_buf);
    pack(&packer, value);
    json_object_put(value);
}

/* ---- A batch and its problems as words ---- */

struct seen {
    struct arena arena;
    struct batch batch;
    struct body_error error;
    bool taken;
};

static void seen_done(struct seen *seen)
{
    arena_done(&seen->arena);
}

static void look(struct seen *seen, enum record_format format, struct str body)
{
    arena_reset(&seen->arena);
    seen->taken =
        record_decode_batch(&sample_record, format, body, &seen->arena, &seen->batch, &seen->error);
}

/* "0:/points above_maximum; 1: wrong_type", or what is wrong with the whole body. */
static const char *words(struct seen *seen)
{
    CLEANUP(buf_done) struct buf out = {0};
    if (!seen->taken)
        return arena_printf(&seen->arena, "%s %d line %zu byte %zu", seen->error.code,
                            seen->error.http_status, seen->error.line, seen->error.offset);
    for (size_t i = 0; i < seen->batch.problems.count; i++) {
        const struct problem *problem = &seen->batch.problems.items[i];
        assert_true(seen->batch.bad[problem->index]);
        buf_printf(&out, "%s%u:%s %s", i ? "; " : "", problem->index, problem->pointer,
                   problem->code);
    }
    return arena_copy(&seen->arena, buf_str(&out).ptr, out.len);
}

static void expect(enum record_format format, struct str body, const char *expected)
{
    CLEANUP(seen_done) struct seen seen = {0};
    look(&seen, format, body);
    const char *got = words(&seen);
    if (strcmp(got, expected) != 0)
        print_error("body: %.*s\n", STR_ARG(body));
    assert_string_equal(got, expected);
}

/* An item in all three formats. */
static void expect_item(const char *item, const char *expected)
{
    CLEANUP(buf_done) struct buf json = {0};
    CLEANUP(buf_done) struct buf msgpack = {0};
    buf_printf(&json, "[ %s ]", item);
    json_to_msgpack(json.ptr, &msgpack);
    expect(RECORD_JSON, buf_str(&json), expected);
    expect(RECORD_NDJSON, str_from(item), expected);
    expect(RECORD_MSGPACK, buf_str(&msgpack), expected);
}

/* ---- There and back ---- */

static void is_full_sample(const struct sample *sample)
{
    assert_int_equal(sample->id.bytes[15], 1);
    assert_true(sample->urgent);
    assert_int_equal(sample->points, 97);
    assert_true(sample->revision == INT64_C(-9007199254740993));
    assert_true(sample->minutes.present);
    assert_int_equal(sample->minutes.value, -5);
    assert_int_equal(sample->kind, SAMPLE_FORMATIVE);
    assert_int_equal(sample->rights.bits, 1U << RIGHT_MARKS | 1U << RIGHT_MESSAGES);
    assert_true(str_equal(sample->name, STR("Құрал")));
    assert_true(str_equal(sample->comment, STR("бірінші\nжол \"2\"")));
    assert_true(str_equal(sample->subject, STR("math-7.a")));
    assert_int_equal(sample->date.day, date_make(2026, 11, 23).day);
    assert_true(sample->taken_at.us == INT64_C(1795404600500000));
    assert_int_equal(sample->of.count, 2);
    assert_int_equal(sample->of.items[1].bytes[15], 2);
    assert_int_equal(sample->languages.count, 2);
    assert_true(str_equal(sample->languages.items[1], STR("ru")));
    assert_true(str_equal(sample->title.kk, STR("Мектеп")));
    assert_false(str_present(sample->title.ru));
    assert_int_equal(sample->from, -7);
    const struct sample_part *parts = sample->parts.items;
    assert_int_equal(sample->parts.count, 2);
    assert_int_equal(parts[0].lesson, 3);
    assert_true(str_equal(parts[1].names.ru, STR("Айша")));
}

static void every_type_goes_through_both_formats(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(buf_done) struct buf json = {0};
    CLEANUP(buf_done) struct buf value = {0};
    struct sample sample, again;
    struct problems problems;
    struct body_error error;
    assert_true(record_decode_json(&sample_record, str_from(full_json), &arena, &sample, &problems,
                                   &error));
    assert_int_equal(problems.count, 0);
    is_full_sample(&sample);
    sample.blob.value = STR("\x00\xFF");
    record_encode_value(&sample_record, &sample, &value);
    assert_int_equal(record_decode_value(&sample_record, buf_str(&value), &arena, &again, NULL), 0);
    is_full_sample(&again);
    assert_true(str_equal(again.blob.value, sample.blob.value));
    record_encode_json(&sample_record, &again, &json);
    assert_true(
        record_decode_json(&sample_record, buf_str(&json), &arena, &sample, &problems, &error));
    is_full_sample(&sample);
    assert_false(str_present(sample.blob.value));
}

static void json_has_the_order_of_the_table_and_no_absent_fields(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf json = {0};
    static const struct sample_part parts[] = {{.learner = {{1}}}};
    struct sample sample = {.id = {{0x01}}, .kind = SAMPLE_SUMMATIVE, .parts = {parts, 1}};
    record_encode_json(&sample_record, &sample, &json);
    buf_add_char(&json, '\0');
    assert_string_equal(
        json.ptr, "{\"id\":\"01000000-0000-0000-0000-000000000000\",\"urgent\":false,"
                  "\"points\":0,\"revision\":0,\"kind\":\"summative\",\"parts\":[{\"learner\":"
                  "\"01000000-0000-0000-0000-000000000000\"}],\"valid/from\":0}");
}

/* What SQL writes behind the head makes it a whole value. */
static void an_appended_field_is_counted_but_not_written(void **state)
{
    (void)state;
    static const struct field fields[] = {
        FIELD(sample, id, .required = true, .appended = true),
        FIELD(sample, kind, .values = &sample_kinds),
        FIELD(sample, revision, .appended = true),
    };
    static const struct record record = RECORD(sample, fields);
    CLEANUP(buf_done) struct buf head = {0};
    CLEANUP(arena_done) struct arena arena = {0};
    struct sample sample = {.kind = SAMPLE_FORMATIVE}, again;
    record_encode_head(&record, &sample, &head);
    assert_memory_equal(head.ptr,
                        "\x83\xA4kind\xA9"
                        "formative",
                        head.len);
    assert_int_equal(head.len, 16);
    buf_add_text(&head, "\xA2id\xD9\x24" ID "\xA8revision\x07");
    assert_int_equal(record_decode_value(&record, buf_str(&head), &arena, &again, NULL), 0);
    assert_int_equal(again.revision, 7);
    assert_int_equal(again.id.bytes[15], 1);
}

static void names_may_come_in_any_order_and_null_is_absence(void **state)
{
    (void)state;
    expect_item("{\"kind\":\"formative\",\"points\":null,\"id\":\"" ID "\",\"of\":null}", "");
    expect_item("{\"kind\":null,\"id\":\"" ID "\"}", "0:/kind missing");
}

/* ---- Problems ---- */

static void each_problem_names_its_place(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"\"points\":101", "0:/points above_maximum"},
        {"\"points\":-1", "0:/points below_minimum"},
        {"\"points\":5.0", ""},
        {"\"points\":1e2", ""},
        {"\"points\":5.5", "0:/points wrong_type"},
        {"\"points\":\"5\"", "0:/points wrong_type"},
        {"\"points\":true", "0:/points wrong_type"},
        {"\"points\":[1,[2,{\"a\":3}],4],\"urgent\":1",
         "0:/points wrong_type; 0:/urgent wrong_type"},
        {"\"valid/from\":2147483648", "0:/valid~1from above_maximum"},
        {"\"valid/from\":-2147483649", "0:/valid~1from below_minimum"},
        {"\"valid/from\":1e300", "0:/valid~1from above_maximum"},
        {"\"revision\":9223372036854775806", ""},
        {"\"revision\":9223372036854775807", "0:/revision above_maximum"},
        {"\"revision\":99999999999999999999", "0:/revision above_maximum"},
        {"\"revision\":-99999999999999999999", "0:/revision below_minimum"},
        {"\"minutes\":-6", "0:/minutes below_minimum"},
        {"\"minutes\":46", "0:/minutes above_maximum"},
        {"\"rights\":[]", ""},
        {"\"rights\":[\"marks\",\"all\",5]", "0:/rights/1 unknown_value; 0:/rights/2 wrong_type"},
        {"\"rights\":\"marks\"", "0:/rights wrong_type"},
        {"\"name\":\"\"", "0:/name empty"},
        {"\"name\":\"ә\"", "0:/name too_short"},
        {"\"name\":\"Құралай\"", "0:/name too_long"},
        {"\"name\":\"a\\nb\"", "0:/name control_character"},
        {"\"name\":\"a\\u0085b\"", "0:/name control_character"},
        {"\"name\":\"a\\u007fb\"", "0:/name control_character"},
        {"\"name\":\"a\\u0000b\"", "0:/name invalid_utf8"},
        {"\"name\":\"a\xFF\"", "0:/name invalid_utf8"},
        {"\"comment\":\"a\\n\\tb\"", ""},
        {"\"comment\":\"\"", ""},
        {"\"comment\":\"a\\u0001b\"", "0:/comment control_character"},
        {"\"subject\":\"Math\"", "0:/subject bad_code"},
        {"\"date\":\"2026-02-29\"", "0:/date bad_date"},
        {"\"date\":\"23.11.2026\"", "0:/date bad_date"},
        {"\"taken_at\":\"2026-11-23 08:30\"", "0:/taken_at bad_instant"},
        {"\"taken_at\":\"1970-01-01T00:00:00Z\"", "0:/taken_at bad_instant"},
        {"\"taken_at\":\"0001-01-01T00:00:00+05:00\"", "0:/taken_at bad_instant"},
        {"\"taken_at\":\"9999-12-31T23:59:59-05:00\"", "0:/taken_at bad_instant"},
        {"\"of\":[\"" ID "\",\"x\",null]", "0:/of/1 not_a_uuid; 0:/of/2 wrong_type"},
        {"\"of\":[\"" ID "\",\"" ID "\",\"" ID "\",\"" ID "\"]", "0:/of too_long"},
        {"\"languages\":[]", "0:/languages too_short"},
        {"\"languages\":[\"kk\",\"\"]", "0:/languages/1 empty"},
        {"\"blob\":\"text\"", "0:/blob wrong_type"},
        {"\"title\":{}", "0:/title/kk missing"},
        {"\"title\":[]", "0:/title wrong_type"},
        {"\"title\":{\"kk\":\"a\",\"en\":\"b\"}", "0:/title/en unknown_field"},
        {"\"parts\":[{\"learner\":\"" ID "\",\"lesson\":21},7]",
         "0:/parts/0/lesson above_maximum; 0:/parts/1 wrong_type"},
        {"\"parts\":[{\"learner\":\"" ID "\",\"lesson\":1},{\"learner\":\"" ID "\",\"lesson\":13}]",
         "0:/parts/1/lesson unlucky"},
        {"\"parts\":[{\"learner\":\"" ID "\",\"names\":{\"kk\":\"\"}}]",
         "0:/parts/0/names/kk empty"},
        {"\"a/b~c\":{\"x\":[1,{}]},\"points\":101",
         "0:/a~1b~0c unknown_field; 0:/points above_maximum"},
        {"\"\":1", "0:/ unknown_field"},
        {"\"ke\xFFy\":1", "0:/ke?y unknown_field"},
        {"\"pointsx\":1,\"point\":1", "0:/pointsx unknown_field; 0:/point unknown_field"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char item[600];
        snprintf(item, sizeof item, "{" BASIC ",%s}", cases[i][0]);
        expect_item(item, cases[i][1]);
    }
}

static void a_whole_item_may_be_wrong(void **state)
{
    (void)state;
    expect_item("{}", "0:/id missing; 0:/kind missing");
    expect_item("{\"id\":\"00000000-0000-0000-0000-000000000000\",\"kind\":\"exam\"}",
                "0:/id not_a_uuid; 0:/kind unknown_value");
    expect_item("{\"id\":\"" ID "\",\"kind\":\"summative\"}", "0:/points missing");
    static const char *const others[] = {"1", "\"x\"", "null", "[]", "[[1],{}]", "true", "-1.5"};
    for (size_t i = 0; i < COUNT_OF(others); i++)
        expect_item(others[i], "0: wrong_type");
}

static void bad_items_leave_the_good_ones_alone(void **state)
{
    (void)state;
    CLEANUP(seen_done) struct seen seen = {0};
    look(&seen, RECORD_JSON,
         STR("[{" BASIC "},5,{" BASIC ",\"points\":101},{" BASIC ",\"points\":9}]"));
    assert_string_equal(words(&seen), "1: wrong_type; 2:/points above_maximum");
    assert_int_equal(seen.batch.count, 4);
    const struct sample *items = seen.batch.items;
    assert_false(seen.batch.bad[0]);
    assert_false(seen.batch.bad[3]);
    assert_int_equal(items[3].points, 9);
}

static void a_long_unknown_name_is_cut_between_characters(void **state)
{
    (void)state;
    char item[400], expected[200];
    const char *name = "aққққққққққққққққққққққққққққққққ"; /* 1 + 32 * 2 bytes */
    snprintf(item, sizeof item, "{" BASIC ",\"%s\":1}", name);
    snprintf(expected, sizeof expected, "0:/%.63s unknown_field", name);
    expect_item(item, expected);
}

static void at_most_32_problems_of_an_item_are_kept(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf body = {0};
    CLEANUP(seen_done) struct seen seen = {0};
    buf_add_text(&body, "[{" BASIC);
    for (int i = 0; i < 100; i++)
        buf_printf(&body, ",\"x%d\":1", i);
    buf_add_text(&body, "},7]");
    look(&seen, RECORD_JSON, buf_str(&body));
    assert_true(seen.taken);
    assert_int_equal(seen.batch.problems.count, 33);
    assert_int_equal(seen.batch.problems.items[32].index, 1);
}

static void a_name_that_comes_twice_is_refused(void **state)
{
    (void)state;
    expect(RECORD_JSON, STR("[{" BASIC ",\"points\":1,\"points\":2},{" BASIC "}]"),
           "0: duplicate_field");
    expect(RECORD_NDJSON, STR("{" BASIC ",\"title\":{\"kk\":\"a:b\",\"kk\":\"a\"}}"),
           "0: duplicate_field");
    expect(RECORD_MSGPACK,
           STR("\x91\x84\xA2id\xD9\x24" ID "\xA4kind\xA9"
               "formative\xA6points\x01\xA6points\xC0"),
           "0:/points duplicate_field");
}

static void a_name_with_a_nul_is_another_name(void **state)
{
    (void)state;
    expect(RECORD_MSGPACK,
           STR("\x91\x83\xA2id\xD9\x24" ID "\xA4kind\xA9"
               "formative\xA7points\0\x01"),
           "0:/points? unknown_field");
    expect(RECORD_MSGPACK,
           STR("\x91\x82\xA2id\xD9\x24" ID "\xA4kind\xAA"
               "formative\0"),
           "0:/kind unknown_value");
    expect(RECORD_JSON, STR("[{" BASIC ",\"points\\u0000\":1}]"), "0: invalid_utf8");
    expect(RECORD_JSON, STR("[{" BASIC ",\"comment\":\"\\\\u0000\"}]"), "");
}

/* ---- Bodies that are no batch ---- */

static void a_broken_json_body_names_line_and_byte(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "bad_json 400 line 1 byte 0"},
        {"  hello", "bad_json 400 line 1 byte 2"},
        {" {\"id\":1}", "batch_expected 422 line 1 byte 1"},
        {"\"x\"", "batch_expected 422 line 1 byte 0"},
        {"[{},\n{\"a\" 1}]", "bad_json 400 line 2 byte 10"},
        {"[{},]", "bad_json 400 line 1 byte 4"},
        {"[,]", "bad_json 400 line 1 byte 1"},
        {"[1", "bad_json 400 line 1 byte 2"},
        {"[1}", "bad_json 400 line 1 byte 2"},
        {"[1] x", "bad_json 400 line 1 byte 4"},
        {"[1 2]", "bad_json 400 line 1 byte 3"},
        {"[[}]]", "bad_json 400 line 1 byte 4"},
        {"[\"a\tb\"]", "bad_json 400 line 1 byte 3"},
        {"[\"abc", "bad_json 400 line 1 byte 5"},
        {"[\"abc\\", "bad_json 400 line 1 byte 6"},
        {"['a']", "bad_json 400 line 1 byte 2"},
        {"[NaN]", "bad_json 400 line 1 byte 2"},
        {"[{\"a\":-Infinity}]", "bad_json 400 line 1 byte 8"},
        {"[{/**/}]", "bad_json 400 line 1 byte 2"},
        {"[[[[[[[[1]]]]]]]]", ""},
        {"[[[[[[[[[1]]]]]]]]]", "nesting_too_deep 400 line 1 byte 9"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        expect(RECORD_JSON, str_from(cases[i][0]), cases[i][1][0] ? cases[i][1] : "0: wrong_type");
    expect(RECORD_JSON, STR(" [ ] "), "");
}

static void an_absent_body_is_an_empty_one(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct sample sample;
    static const struct str absent = {0};
    expect(RECORD_JSON, absent, "bad_json 400 line 1 byte 0");
    expect(RECORD_NDJSON, absent, "");
    expect(RECORD_MSGPACK, absent, "bad_msgpack 400 line 0 byte 0");
    assert_int_equal(record_decode_value(&sample_record, absent, &arena, &sample, NULL),
                     ERROR_CORRUPT);
}

static void lines_are_items_and_empty_ones_are_skipped(void **state)
{
    (void)state;
    expect(RECORD_NDJSON, STR(""), "");
    expect(RECORD_NDJSON, STR("\n\r\n{" BASIC "}\r\n\n{" BASIC ",\"x\":1}"), "1:/x unknown_field");
    expect(RECORD_NDJSON, STR("{" BASIC "}\n{\"id\":\n\"\"}"), "bad_json 400 line 2 byte 71");
    expect(RECORD_NDJSON, STR("{}\n{} {}\n"), "bad_json 400 line 2 byte 6");
    expect(RECORD_NDJSON, STR("{},\n{}\n"), "bad_json 400 line 1 byte 2");
    expect(RECORD_NDJSON, STR("{}]\n"), "bad_json 400 line 1 byte 2");
}

static void a_broken_msgpack_body_names_its_byte(void **state)
{
    (void)state;
    static const struct {
        struct str body;
        const char *expected;
    } cases[] = {
        {STR(""), "bad_msgpack 400 line 0 byte 0"},
        {STR("\x90"), ""},
        {STR("\x80"), "batch_expected 422 line 0 byte 0"},
        {STR("\xC0"), "batch_expected 422 line 0 byte 0"},
        {STR("\x90\x90"), "bad_msgpack 400 line 0 byte 1"},
        {STR("\x91"), "bad_msgpack 400 line 0 byte 1"},
        {STR("\xDD\x7F\xFF\xFF\xFF"), "bad_msgpack 400 line 0 byte 5"},
        {STR("\xDD\x20\x00\x00\x00"), "bad_msgpack 400 line 0 byte 5"},
        {STR("\x91\xDF\x7F\xFF\xFF\xFF"), "bad_msgpack 400 line 0 byte 6"},
        {STR("\x91\xDB\x7F\xFF\xFF\xFF"), "bad_msgpack 400 line 0 byte 6"},
        {STR("\x91\xC6\xFF\xFF\xFF\xFF"), "bad_msgpack 400 line 0 byte 6"},
        {STR("\x91\xC1"), "bad_msgpack 400 line 0 byte 2"},
        {STR("\x91\xD6\xFF\x01\x01\x01\x01"), "bad_msgpack 400 line 0 byte 2"}, /* a timestamp */
        {STR("\x91\xC7\x01\x01\x01"), "bad_msgpack 400 line 0 byte 2"},
        {STR("\x91\x81\x01\x01"), "bad_msgpack 400 line 0 byte 3"}, /* a name that is no text */
        {STR("\x91\x91\x91\x91\x91\x91\x91\x91\x91\x01"), "nesting_too_deep 400 line 0 byte 9"},
        {STR("\x91\x91\x91\x91\x91\x91\x91\x91\x01"), "0: wrong_type"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        expect(RECORD_MSGPACK, cases[i].body, cases[i].expected);
}

static void add_many(struct buf *body, const char *text, size_t length, size_t times)
{
    for (size_t i = 0; i < times; i++)
        buf_add(body, text, length);
}

static void more_than_5000_items_are_too_many(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf json = {0};
    CLEANUP(buf_done) struct buf msgpack = {0};
    CLEANUP(seen_done) struct seen seen = {0};
    buf_add_char(&json, '[');
    add_many(&json, "1,", 2, 4999);
    buf_add_text(&json, "1]");
    look(&seen, RECORD_JSON, buf_str(&json));
    assert_true(seen.taken);
    assert_int_equal(seen.batch.count, 5000);
    json.ptr[json.len - 1] = ',';
    buf_add_text(&json, "1]");
    expect(RECORD_JSON, buf_str(&json), "too_many_items 413 line 1 byte 10001");
    buf_add(&msgpack, "\xDC\x13\x89", 3);
    add_many(&msgpack, "\x01", 1, 5001);
    expect(RECORD_MSGPACK, buf_str(&msgpack), "too_many_items 413 line 0 byte 0");
}

/* ---- Memory follows the body ---- */

enum { MIB = 1024 * 1024 };

/* `times` elements in one item's list, as JSON or msgpack: what the arena gave must stay small. */
static void expect_used(enum record_format format, const struct buf *body, size_t most_bytes)
{
    CLEANUP(seen_done) struct seen seen = {0};
    look(&seen, format, buf_str(body));
    if (seen.arena.used_bytes > most_bytes)
        print_error("format %d: %zu bytes for %zu\n", (int)format, seen.arena.used_bytes,
                    body->len);
    assert_true(seen.arena.used_bytes <= most_bytes);
}

static void a_million_nested_arrays_take_nothing(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf json = {0};
    CLEANUP(buf_done) struct buf msgpack = {0};
    add_many(&json, "[", 1, MIB);
    add_many(&msgpack, "\x91", 1, MIB);
    expect(RECORD_JSON, buf_str(&json), "nesting_too_deep 400 line 1 byte 9");
    expect(RECORD_MSGPACK, buf_str(&msgpack), "nesting_too_deep 400 line 0 byte 9");
    expect_used(RECORD_JSON, &json, 1024);
    expect_used(RECORD_MSGPACK, &msgpack, 0);
}

static void four_mib_of_tiny_things_stay_within_bounds(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf body = {0};
    buf_add(&body, "\x91\xDD\x00\x3F\xFF\x00", 6);
    add_many(&body, "\x80", 1, 4 * MIB - 256);
    expect(RECORD_MSGPACK, buf_str(&body), "0: wrong_type");
    expect_used(RECORD_MSGPACK, &body, 1024);
    buf_reset(&body);
    buf_add_text(&body, "[{" BASIC ",\"parts\":[");
    add_many(&body, "{},", 3, 4 * MIB / 3);
    buf_add_text(&body, "{}]}]");
    expect(RECORD_JSON, buf_str(&body), "0: too_many_values");
    expect_used(RECORD_JSON, &body, 4096);
    buf_reset(&body);
    add_many(&body, "{}\n", 3, 5000);
    expect_used(RECORD_NDJSON, &body, 8 * MIB);
}

/* 5,000 items, each with a list of empty parts: every part is bad, so none takes a slot for good.
 */
static void bad_elements_share_one_slot(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf body = {0};
    buf_add(&body, "\xDC\x13\x88", 3);
    for (int i = 0; i < 5000; i++) {
        buf_add(&body, "\x81\xA5parts\xDC\x03\x20", 10);
        add_many(&body, "\x80", 1, 800);
    }
    expect_used(RECORD_MSGPACK, &body, 8 * body.len);
}

/* ---- Values from a topic ---- */

static void a_value_may_hold_fields_of_a_later_release(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(buf_done) struct buf value = {0};
    struct sample sample;
    struct err err = {0};
    json_to_msgpack("{\"later\":{\"a\":[1,2,{\"b\":null}]}," BASIC ",\"also\":3}", &value);
    assert_int_equal(record_decode_value(&sample_record, buf_str(&value), &arena, &sample, &err),
                     0);
    assert_int_equal(sample.kind, SAMPLE_FORMATIVE);
    buf_reset(&value);
    json_to_msgpack("{\"kind\":\"summative\",\"id\":\"" ID "\"}", &value); /* check is not run */
    assert_int_equal(record_decode_value(&sample_record, buf_str(&value), &arena, &sample, &err),
                     0);
}

static void a_corrupt_value_names_its_place(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(buf_done) struct buf value = {0};
    struct sample sample;
    struct err err = {0};
    json_to_msgpack("{" BASIC ",\"points\":101}", &value);
    assert_int_equal(record_decode_value(&sample_record, buf_str(&value), &arena, &sample, &err),
                     ERROR_CORRUPT);
    assert_string_equal(err.text, "value of sample: above_maximum at \"/points\"");
    assert_int_equal(record_decode_value(&sample_record, STR("\x81"), &arena, &sample, &err),
                     ERROR_CORRUPT);
    assert_string_equal(err.text, "value of sample: bad_msgpack at byte 1");
    assert_int_equal(record_decode_value(&sample_record, STR("\x80"), &arena, &sample, &err),
                     ERROR_CORRUPT);
    assert_string_equal(err.text, "value of sample: missing at \"/id\"");
}

/* ---- SQL ---- */

#define HEAD(nulls, oid, count) "\0\0\0\1\0\0\0" nulls "\0\0" oid "\0\0\0" count "\0\0\0\1"

static const struct field column_fields[] = {
    FIELD(sample, urgent), FIELD(sample, points),   FIELD(sample, revision), FIELD(sample, minutes),
    FIELD(sample, kind),   FIELD(sample, rights),   FIELD(sample, id),       FIELD(sample, name),
    FIELD(sample, date),   FIELD(sample, taken_at), FIELD(sample, blob),
};
static const struct record column_record = RECORD(sample, column_fields);

/* Whatever stands on a topic can be shown. */
static void any_value_is_shown(void **state)
{
    (void)state;
    static const struct {
        struct str value;
        const char *shown;
    } cases[] = {
        {STR("\x83\xa1"
             "a\x01\xa1"
             "b\x93\xff\xc3\xc0\xa1"
             "c\x81\xa1"
             "d\xa3"
             "x\"y"),
         "{\"a\":1,\"b\":[-1,true,null],\"c\":{\"d\":\"x\\\"y\"}}"},
        {STR("\x92\xc4\x02\x00\xff\xa1\xff"), "[\"0x00ff\",\"0xff\"]"},
        {STR("\xc1"), "\"0xc1\""},
        {STR("\x92\x01"), "\"0x9201\""},
        {{0}, "null"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CLEANUP(buf_done) struct buf out = {0};
        record_show_value(cases[i].value, &out);
        buf_add_char(&out, '\0');
        assert_string_equal(out.ptr, cases[i].shown);
    }
}

static void columns_are_arrays_in_postgresqls_format(void **state)
{
    (void)state;
    static const struct sample one = {.id = {{1, 2}},
                                      .urgent = true,
                                      .points = -2,
                                      .revision = 258,
                                      .minutes = {true, 3},
                                      .kind = SAMPLE_SUMMATIVE,
                                      .rights = {6},
                                      .name = {"ab", 2},
                                      .date = {DATE_POSTGRES_EPOCH - 1},
                                      .taken_at = {INSTANT_POSTGRES_EPOCH_US + 1},
                                      .blob = {{"\0", 1}}};
    static const struct sample none = {0};
    static const struct {
        uint32_t type;
        struct str bytes;
    } expected[] = {
        {1000, STR(HEAD("\0", "\0\x10", "\2") "\0\0\0\1\1"
                                              "\0\0\0\1\0")},
        {1007, STR(HEAD("\0", "\0\x17", "\2") "\0\0\0\4\xFF\xFF\xFF\xFE"
                                              "\0\0\0\4\0\0\0\0")},
        {1016, STR(HEAD("\0", "\0\x14", "\2") "\0\0\0\10\0\0\0\0\0\0\1\2"
                                              "\0\0\0\10\0\0\0\0\0\0\0\0")},
        {1007, STR(HEAD("\1", "\0\x17", "\2") "\0\0\0\4\0\0\0\3"
                                              "\xFF\xFF\xFF\xFF")},
        {1005, STR(HEAD("\1", "\0\x15", "\2") "\0\0\0\2\0\2"
                                              "\xFF\xFF\xFF\xFF")},
        {1007, STR(HEAD("\0", "\0\x17", "\2") "\0\0\0\4\0\0\0\6"
                                              "\0\0\0\4\0\0\0\0")},
        {2951, STR(HEAD("\1", "\x0B\x86", "\2") "\0\0\0\x10\1\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                                "\xFF\xFF\xFF\xFF")},
        {1009, STR(HEAD("\1", "\0\x19", "\2") "\0\0\0\2ab"
                                              "\xFF\xFF\xFF\xFF")},
        {1182, STR(HEAD("\1", "\x04\x3A", "\2") "\0\0\0\4\xFF\xFF\xFF\xFF"
                                                "\xFF\xFF\xFF\xFF")},
        {1185, STR(HEAD("\1", "\x04\xA0", "\2") "\0\0\0\10\0\0\0\0\0\0\0\1"
                                                "\xFF\xFF\xFF\xFF")},
        {1001, STR(HEAD("\1", "\0\x11", "\2") "\0\0\0\1\0"
                                              "\xFF\xFF\xFF\xFF")},
    };
    CLEANUP(arena_done) struct arena arena = {0};
    struct column columns[COUNT_OF(column_fields)];
    record_columns(&column_record, (const void *const[]){&one, &none}, 2, &arena, columns);
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        assert_int_equal(columns[i].type, expected[i].type);
        assert_int_equal(columns[i].value.len, expected[i].bytes.len);
        assert_memory_equal(columns[i].value.ptr, expected[i].bytes.ptr, expected[i].bytes.len);
    }
}

/* A jsonb is 1 and its text. */
static void what_is_nested_goes_as_jsonb(void **state)
{
    (void)state;
    static const struct field fields[] = {
        FIELD(sample, languages),
        FIELD(sample, title, .record = &sample_names_record),
        FIELD(sample, parts, .record = &sample_part_record, .required = true),
    };
    static const struct record record = RECORD(sample, fields);
    static const struct str languages[] = {{"kk", 2}};
    static const struct sample one = {.languages = {languages, 1}, .title.kk = {"a", 1}};
    static const struct sample none = {0};
    CLEANUP(arena_done) struct arena arena = {0};
    struct column columns[COUNT_OF(fields)];
    struct sample back = {0};
    record_columns(&record, (const void *const[]){&one, &none}, 2, &arena, columns);
    assert_int_equal(columns[0].type, 3807);
    assert_true(str_equal(columns[0].value,
                          STR(HEAD("\1", "\x0E\xDA", "\2") "\0\0\0\7\1[\"kk\"]\xFF\xFF\xFF\xFF")));
    assert_true(
        str_equal(columns[1].value,
                  STR(HEAD("\1", "\x0E\xDA", "\2") "\0\0\0\13\1{\"kk\":\"a\"}\xFF\xFF\xFF\xFF")));
    assert_true(
        str_equal(columns[2].value, STR(HEAD("\0", "\x0E\xDA", "\2") "\0\0\0\3\1[]\0\0\0\3\1[]")));
    struct str value = {columns[0].value.ptr + 24, 7};
    assert_true(record_field_from_sql(&fields[0], value, &arena, &back));
    assert_true(str_equal(back.languages.items[0], STR("kk")));
    static const char *const wrong[] = {"\1[1]", "\1{}", "\1[", "\1", "\2[]", "\1[]x", ""};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(record_field_from_sql(&fields[0], str_from(wrong[i]), &arena, &back));
    assert_false(record_field_from_sql(&fields[1], STR("\1{\"ru\":\"a\"}"), &arena, &back));
    assert_true(record_field_from_sql(&fields[1], STR("\1{\"ru\":\"a\", \"kk\": \"b\", \"x\": 1}"),
                                      &arena, &back));
    assert_true(str_equal(back.title.kk, STR("b")));
}

static void an_empty_column_has_no_dimension(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct column column = column_uuids(&arena, NULL, 0);
    assert_int_equal(column.type, 2951);
    assert_true(str_equal(column.value, STR("\0\0\0\0\0\0\0\0\0\0\x0B\x86")));
}

static void plain_arrays_become_columns(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    static const int16_t smallints[] = {-2};
    static const int32_t ints[] = {7};
    static const int64_t bigints[] = {-1};
    static const struct str texts[] = {{"", 0}, {NULL, 0}};
    struct column column = column_smallints(&arena, smallints, 1);
    assert_int_equal(column.type, 1005);
    assert_true(str_equal(column.value, STR(HEAD("\0", "\0\x15", "\1") "\0\0\0\2\xFF\xFE")));
    column = column_ints(&arena, ints, 1);
    assert_true(str_equal(column.value, STR(HEAD("\0", "\0\x17", "\1") "\0\0\0\4\0\0\0\7")));
    column = column_bigints(&arena, bigints, 1);
    assert_true(str_equal(
        column.value, STR(HEAD("\0", "\0\x14", "\1") "\0\0\0\10\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF")));
    column = column_texts(&arena, texts, 2);
    assert_true(
        str_equal(column.value, STR(HEAD("\1", "\0\x19", "\2") "\0\0\0\0\xFF\xFF\xFF\xFF")));
    column = column_bytes(&arena, texts, 1);
    assert_int_equal(column.type, 1001);
}

/* Behind an array's head (20 bytes) lies an element with its length: what a result holds, too. */
static void what_goes_out_in_a_column_comes_back_from_a_row(void **state)
{
    (void)state;
    static const struct sample one = {.id = {{1, 2}},
                                      .urgent = true,
                                      .points = -2,
                                      .revision = INT64_MIN,
                                      .minutes = {true, 0},
                                      .kind = SAMPLE_SUMMATIVE,
                                      .rights = {6},
                                      .name = {"ab", 2},
                                      .date = {1},
                                      .taken_at = {-1},
                                      .blob = {{"\0", 1}}};
    CLEANUP(arena_done) struct arena arena = {0};
    struct column columns[COUNT_OF(column_fields)];
    struct sample back, nothing = {0};
    memset(&back, 0, sizeof back);
    record_columns(&column_record, (const void *const[]){&one}, 1, &arena, columns);
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        struct str value = {columns[i].value.ptr + 24, columns[i].value.len - 24};
        assert_true(record_field_from_sql(&column_fields[i], value, &arena, &back));
        value.len += 20; /* no type but text and bytes has so many */
        bool any = column_fields[i].type == FIELD_TEXT || column_fields[i].type == FIELD_BYTES;
        assert_true(any ||
                    !record_field_from_sql(&column_fields[i], columns[i].value, &arena, &nothing));
        assert_true(record_field_from_sql(&column_fields[i], (struct str){0}, &arena, &nothing));
    }
    assert_true(uuid_equal(&back.id, &one.id));
    assert_true(back.urgent && back.points == -2 && back.revision == INT64_MIN);
    assert_true(back.minutes.present && back.minutes.value == 0);
    assert_true(back.kind == one.kind && back.rights.bits == 6 && back.date.day == 1);
    assert_true(str_equal(back.name, one.name) && back.taken_at.us == -1);
    assert_true(str_equal(back.blob.value, one.blob.value));
    assert_false(uuid_present(&nothing.id) || nothing.minutes.present);
}

static void narrow_integers_and_infinity(void **state)
{
    (void)state;
    struct sample sample = {0};
    assert_true(record_field_from_sql(record_field(&column_record, "points"), STR("\xFF\xFE"), NULL,
                                      &sample));
    assert_int_equal(sample.points, -2);
    assert_false(record_field_from_sql(record_field(&column_record, "date"),
                                       STR("\x7F\xFF\xFF\xFF"), NULL, &sample));
    assert_false(record_field_from_sql(record_field(&column_record, "taken_at"),
                                       STR("\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), NULL, &sample));
    assert_false(record_field_from_sql(record_field(&column_record, "kind"), STR("\xFF\xFF"), NULL,
                                       &sample));
}

static void arrays_of_uuid_and_text_are_read(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    static const struct uuid uuids[] = {{{1}}, {{2}}};
    static const struct uuid with_null[] = {{{1}}, {{0}}};
    static const struct str texts[] = {{"kk", 2}, {"", 0}};
    const struct field *of = record_field(&sample_record, "of");
    const struct field *languages = record_field(&sample_record, "languages");
    struct sample sample = {0};
    struct str value = column_uuids(&arena, uuids, 2).value;
    assert_true(record_field_from_sql(of, value, &arena, &sample));
    assert_int_equal(sample.of.count, 2);
    assert_true(uuid_equal(&sample.of.items[1], &uuids[1]));
    for (size_t cut = 0; cut < value.len; cut++)
        assert_false(record_field_from_sql(of, (struct str){value.ptr, cut}, &arena, &sample));
    assert_false(record_field_from_sql(languages, value, &arena, &sample));
    assert_false(
        record_field_from_sql(of, column_uuids(&arena, with_null, 2).value, &arena, &sample));
    assert_true(record_field_from_sql(of, column_uuids(&arena, NULL, 0).value, &arena, &sample));
    assert_int_equal(sample.of.count, 0);
    assert_true(
        record_field_from_sql(languages, column_texts(&arena, texts, 2).value, &arena, &sample));
    assert_true(str_equal(sample.languages.items[0], STR("kk")));
    assert_false(
        record_field_from_sql(record_field(&sample_record, "parts"), value, &arena, &sample));
    static const struct str bomb = STR(HEAD("\0", "\x0B\x86", "\2"));
    assert_false(record_field_from_sql(of, bomb, &arena, &sample));
}

/* ---- Cells ---- */

/* "" or "pointer code" of what is wrong with a cell. */
static const char *cell(struct arena *arena, const char *name, const char *text,
                        struct sample *sample)
{
    static char said[100];
    struct problems problems = {.arena = arena};
    *said = '\0';
    bool good = record_field_from_text(record_field(&sample_record, name), str_from(text), arena,
                                       &problems, sample);
    assert_int_equal(good, problems.count == 0);
    if (problems.count)
        snprintf(said, sizeof said, "%s %s", problems.items[0].pointer, problems.items[0].code);
    return said;
}

static void a_cell_becomes_a_member(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct sample sample = {0};
    assert_string_equal(cell(&arena, "points", "7", &sample), "");
    assert_string_equal(cell(&arena, "minutes", "-5", &sample), "");
    assert_string_equal(cell(&arena, "urgent", "true", &sample), "");
    assert_string_equal(cell(&arena, "kind", "summative", &sample), "");
    assert_string_equal(cell(&arena, "rights", "marks, messages", &sample), "");
    assert_string_equal(cell(&arena, "languages", "kk,ru ", &sample), "");
    assert_string_equal(cell(&arena, "date", "2026-11-23", &sample), "");
    assert_string_equal(cell(&arena, "name", "", &sample), ""); /* absence */
    assert_int_equal(sample.points, 7);
    assert_int_equal(sample.minutes.value, -5);
    assert_true(sample.urgent);
    assert_int_equal(sample.kind, SAMPLE_SUMMATIVE);
    assert_int_equal(sample.rights.bits, 1u << RIGHT_MARKS | 1u << RIGHT_MESSAGES);
    assert_int_equal(sample.languages.count, 2);
    assert_true(str_equal(sample.languages.items[1], STR("ru")));
    assert_int_equal(sample.date.day, date_make(2026, 11, 23).day);
    assert_false(str_present(sample.name));
}

static void a_cell_that_is_wrong_names_its_field(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct sample sample = {0};
    assert_string_equal(cell(&arena, "points", "101", &sample), "/points above_maximum");
    assert_string_equal(cell(&arena, "points", "7.5", &sample), "/points wrong_type");
    assert_string_equal(cell(&arena, "urgent", "yes", &sample), "/urgent wrong_type");
    assert_string_equal(cell(&arena, "kind", "exam", &sample), "/kind unknown_value");
    assert_string_equal(cell(&arena, "rights", "marks,all", &sample), "/rights/1 unknown_value");
    assert_string_equal(cell(&arena, "name", "abcdef", &sample), "/name too_long");
    assert_string_equal(cell(&arena, "name", "\xFF\xFF", &sample), "/name invalid_utf8");
    assert_string_equal(cell(&arena, "date", "2026-02-30", &sample), "/date bad_date");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_type_goes_through_both_formats),
        TEST(json_has_the_order_of_the_table_and_no_absent_fields),
        TEST(an_appended_field_is_counted_but_not_written),
        TEST(names_may_come_in_any_order_and_null_is_absence),
        TEST(each_problem_names_its_place),
        TEST(a_whole_item_may_be_wrong),
        TEST(bad_items_leave_the_good_ones_alone),
        TEST(a_long_unknown_name_is_cut_between_characters),
        TEST(at_most_32_problems_of_an_item_are_kept),
        TEST(a_name_that_comes_twice_is_refused),
        TEST(a_name_with_a_nul_is_another_name),
        TEST(a_broken_json_body_names_line_and_byte),
        TEST(an_absent_body_is_an_empty_one),
        TEST(lines_are_items_and_empty_ones_are_skipped),
        TEST(a_broken_msgpack_body_names_its_byte),
        TEST(more_than_5000_items_are_too_many),
        TEST(a_million_nested_arrays_take_nothing),
        TEST(four_mib_of_tiny_things_stay_within_bounds),
        TEST(bad_elements_share_one_slot),
        TEST(a_value_may_hold_fields_of_a_later_release),
        TEST(a_corrupt_value_names_its_place),
        TEST(any_value_is_shown),
        TEST(columns_are_arrays_in_postgresqls_format),
        TEST(what_is_nested_goes_as_jsonb),
        TEST(an_empty_column_has_no_dimension),
        TEST(plain_arrays_become_columns),
        TEST(what_goes_out_in_a_column_comes_back_from_a_row),
        TEST(narrow_integers_and_infinity),
        TEST(arrays_of_uuid_and_text_are_read),
        TEST(a_cell_becomes_a_member),
        TEST(a_cell_that_is_wrong_names_its_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
