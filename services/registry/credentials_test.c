/* Forms and Basic, as clients send them and as they should not. */
#include "testkit/check.h"

#include "base/cleanup.h"
#include "credentials.h"

static struct arena arena;

static const char *field(const char *form, const char *name)
{
    struct str value;
    if (!form_get(str_from(form), name, &arena, &value))
        return "refused";
    return str_present(value) ? str_copy(&arena, value).ptr : "absent";
}

static void a_form_is_decoded(void **state)
{
    (void)state;
    assert_string_equal(field("a=1&scope=marks.read+marks.write&b=", "scope"),
                        "marks.read marks.write");
    assert_string_equal(field("scope=a%20b%2Bc", "scope"), "a b+c");
    assert_string_equal(field("a=1&b", "b"), "");
    assert_string_equal(field("a=1", "b"), "absent");
    assert_string_equal(field("", "b"), "absent");
}

static void a_broken_form_is_refused(void **state)
{
    (void)state;
    assert_string_equal(field("a=1&a=2", "a"), "refused");
    assert_string_equal(field("a=%", "a"), "refused");
    assert_string_equal(field("a=%2", "a"), "refused");
    assert_string_equal(field("a=%zz", "a"), "refused");
    assert_string_equal(field("a=%ff", "a"), "refused"); /* no UTF-8 */
    assert_string_equal(field("a=%00", "a"), "refused");
}

static bool basic(const char *authorization, const char *id, const char *secret)
{
    struct str got_id, got_secret;
    return basic_read(str_from(authorization), &arena, &got_id, &got_secret) &&
           str_equal(got_id, str_from(id)) && str_equal(got_secret, str_from(secret));
}

static void basic_is_read(void **state)
{
    (void)state;
    /* RFC 7617 section 2 */
    assert_true(basic("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"));
    assert_true(basic("basic YTpi", "a", "b"));
    assert_true(basic("Basic YTpiOmM=", "a", "b:c"));
    assert_true(basic("Basic JTYxOmI=", "a", "b")); /* RFC 6749 section 2.3.1: "%61:b" */
    assert_true(basic("Basic YTo=", "a", ""));
}

static void what_is_no_basic_is_refused(void **state)
{
    (void)state;
    static const char *const broken[] = {"Bearer YTpi", "Basic",      "Basic YTp",
                                         "Basic Y",     "Basic YWI=", "Basic YTpi=",
                                         "Basic Y*pi",  "Basic ====", "Basic YTpi YTpi"};
    struct str id, secret;
    for (size_t i = 0; i < COUNT_OF(broken); i++)
        assert_false(basic_read(str_from(broken[i]), &arena, &id, &secret));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_form_is_decoded),
        TEST(a_broken_form_is_refused),
        TEST(basic_is_read),
        TEST(what_is_no_basic_is_refused),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_done(&arena);
    return failed;
}
