/* The schema says what decode.c takes. That the two agree on every field of the API is seen from
 * outside: tests/conformance makes its bad inputs from the schemas. */
#include "testkit/check.h"

#include <string.h>

#include "record/sample_internal.h"
#include "record/schema.h"

static char *printed(struct schemas *schemas, struct arena *arena)
{
    CLEANUP(buf_done) struct buf out = {0};
    schemas->at = "#/$defs/";
    buf_add_char(&out, '{');
    schemas_print(schemas, &out);
    buf_add_char(&out, '}');
    return arena_copy(arena, out.ptr, out.len);
}

static void assert_has(const char *document, const char *part)
{
    if (!strstr(document, part))
        fail_msg("no %s in\n%s", part, document);
}

static void what_a_sender_writes_is_closed_and_may_be_null(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct schemas schemas = {0};
    schemas_add(&schemas, &sample_record, SCHEMA_SENT);
    const char *document = printed(&schemas, &arena);
    static const char *const parts[] = {
        "{\"sample\":{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\","
        "\"format\":\"uuid\",",
        "\"points\":{\"type\":[\"integer\",\"null\"],\"format\":\"int32\",\"minimum\":0,"
        "\"maximum\":100}",
        "\"minutes\":{\"type\":[\"integer\",\"null\"],\"format\":\"int32\",\"minimum\":-5,"
        "\"maximum\":45}",
        "\"kind\":{\"type\":\"string\",\"enum\":[\"formative\",\"summative\"]}",
        "\"name\":{\"type\":[\"string\",\"null\"],\"maxLength\":5,\"minLength\":2,",
        "\"maxLength\":20,\"minLength\":0,\"pattern\":\"^[a-z0-9_.:-]*$\"",
        "\"of\":{\"type\":[\"array\",\"null\"],\"minItems\":0,\"maxItems\":3,\"items\":",
        "\"parts\":{\"type\":[\"array\",\"null\"],\"minItems\":0,\"maxItems\":1000,\"items\":{"
        "\"$ref\":\"#/$defs/sample_part\"}}",
        "\"title\":{\"anyOf\":[{\"$ref\":\"#/$defs/sample_names\"},{\"type\":\"null\"}],"
        "\"description\":\"As printed.\"}",
        "\"valid/from\":{",
        "},\"required\":[\"id\",\"kind\"],\"additionalProperties\":false}",
        ",\"sample_names\":{\"type\":\"object\"",
    };
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        assert_has(document, parts[i]);
    assert_null(strstr(document, "blob")); /* bytes have no JSON */
}

static void what_we_write_is_open_and_never_null(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct schemas schemas = {0};
    schemas_add(&schemas, &sample_part_record, SCHEMA_SHOWN);
    schemas_add(&schemas, &sample_part_record, SCHEMA_SHOWN);
    schemas_add(&schemas, &sample_names_record, SCHEMA_SENT);
    const char *document = printed(&schemas, &arena);
    assert_has(document, "\"names\":{\"$ref\":\"#/$defs/sample_names\"}},\"required\":[\"learner\"]"
                         "},\"sample_names\":{");
    assert_has(document, ",\"sample_names_sent\":{"); /* of both sides: two schemas */
    assert_null(strstr(strstr(document, "sample_names_sent") + 1, "sample_part"));
    assert_null(strstr(document, "\"integer\",\"null\""));
}

static void what_is_nested_may_be_described(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct schemas schemas = {0};
    schemas_add(&schemas, &sample_record, SCHEMA_SHOWN);
    assert_has(printed(&schemas, &arena),
               "\"title\":{\"allOf\":[{\"$ref\":\"#/$defs/sample_names\"}],"
               "\"description\":\"As printed.\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_a_sender_writes_is_closed_and_may_be_null),
        TEST(what_we_write_is_open_and_never_null),
        TEST(what_is_nested_may_be_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
