#include "testkit/check.h"

#include "auth/auth.h"
#include "auth/cookies.h"

static void a_password_matches_its_own_hash_only(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct str hash = {0};
    assert_true(password_hash(STR("құпия сөз"), &hash, &arena));
    assert_true(password_matches(hash, STR("құпия сөз")));
    assert_false(password_matches(hash, STR("құпия сөз ")));
    assert_false(password_matches(hash, STR("")));
    assert_false(password_matches(hash, (struct str){0}));
}

static void a_hash_is_argon2id_of_19_mib_in_two_passes_with_its_own_salt(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct str first = {0}, second = {0};
    assert_true(password_hash(STR("same"), &first, &arena));
    assert_true(password_hash(STR("same"), &second, &arena));
    assert_true(str_starts(first, STR("$argon2id$v=19$m=19456,t=2,p=1$")));
    assert_false(str_equal(first, second));
}

static void what_is_no_hash_matches_nothing(void **state)
{
    (void)state;
    assert_false(password_matches((struct str){0}, STR("x")));
    assert_false(password_matches(STR(""), STR("")));
    assert_false(password_matches(STR("x"), STR("x")));
    assert_false(password_matches(STR("$argon2id$v=19$m=19456,t=2,p=1$"), STR("x")));
    static const char endless[4096] = "$argon2id$v=19$m=19456,t=2,p=1$";
    assert_false(password_matches((struct str){endless, sizeof endless}, STR("x")));
}

static void a_password_of_two_kilobytes_is_not_hashed(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    static const char endless[2048] = "x";
    struct str hash = {0};
    assert_false(password_hash((struct str){endless, sizeof endless}, &hash, &arena));
}

static bool is_base64url(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static void a_secret_has_43_characters_and_never_comes_again(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct str first = secret_make(&arena), second = secret_make(&arena);
    assert_int_equal(first.len, 43);
    for (size_t i = 0; i < first.len; i++)
        assert_true(is_base64url(first.ptr[i]));
    assert_false(str_equal(first, second));
}

static void a_digest_is_sha_256(void **state)
{
    (void)state;
    static const uint8_t of_abc[32] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41,
                                       0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03,
                                       0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff,
                                       0x61, 0xf2, 0x00, 0x15, 0xad}; /* FIPS 180-4 */
    uint8_t digest[32];
    secret_digest(STR("abc"), digest);
    assert_true(secret_equal(digest, of_abc));
    digest[31] ^= 1;
    assert_false(secret_equal(digest, of_abc));
}

static void scopes_go_to_bits_and_back(void **state)
{
    (void)state;
    bool all_known;
    assert_int_equal(scopes_parse(STR("marks.write registry.read"), &all_known),
                     SCOPE_MARKS_WRITE | SCOPE_REGISTRY_READ);
    assert_true(all_known);
    assert_int_equal(scopes_parse(STR("marks.write  everything"), &all_known), SCOPE_MARKS_WRITE);
    assert_false(all_known);
    assert_int_equal(scopes_parse((struct str){0}, &all_known), 0);
    assert_true(all_known);
    struct buf text = {0};
    scopes_print(SCOPE_MARKS_WRITE | SCOPE_REGISTRY_READ, &text);
    assert_true(str_equal(buf_str(&text), STR("registry.read marks.write")));
    buf_done(&text);
}

static void cookies_are_for_this_host_and_no_script(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    assert_string_equal(cookie_session(0, STR("a.b.c"), 900, &arena),
                        "__Host-eiso=a.b.c; Path=/; Max-Age=900; HttpOnly; SameSite=Lax; Secure");
    assert_string_equal(cookie_renew(0, STR("s"), 60, &arena),
                        "__Secure-eiso-renew=s; Path=/v1/session; Max-Age=60; HttpOnly; "
                        "SameSite=Lax; Secure");
    assert_string_equal(cookie_session(8080, (struct str){0}, 0, &arena),
                        "eiso_8080=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    assert_string_equal(cookie_renew_name(8080, &arena), "eiso_renew_8080");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_password_matches_its_own_hash_only),
        TEST(a_hash_is_argon2id_of_19_mib_in_two_passes_with_its_own_salt),
        TEST(what_is_no_hash_matches_nothing),
        TEST(a_password_of_two_kilobytes_is_not_hashed),
        TEST(a_secret_has_43_characters_and_never_comes_again),
        TEST(a_digest_is_sha_256),
        TEST(scopes_go_to_bits_and_back),
        TEST(cookies_are_for_this_host_and_no_script),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
