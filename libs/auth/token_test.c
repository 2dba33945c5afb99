#include "testkit/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjose/header.h>
#include <cjose/jwk.h>
#include <cjose/jws.h>
#include <sodium.h>

#include "auth/auth.h"
#include "testkit/testkit.h"

/* What every test has: a key, a set that knows it, and claims that are fine at `NOW`. */
struct fixture {
    struct arena arena;
    const char *folder;
    struct signing_key *key;
    struct key_set *set;
    struct token_claims claims;
};

#define NOW        (INT64_C(1795000000) * 1000000 + 123456)
#define SECONDS(n) (INT64_C(n) * 1000000)
#define MINUTE_US  SECONDS(60)

static struct fixture it;

static const char *path_of(const char *name)
{
    return arena_printf(&it.arena, "%s/%s", it.folder, name);
}

static struct uuid uuid_of(const char *text)
{
    struct uuid uuid = {0};
    assert_true(uuid_parse(str_from(text), &uuid));
    return uuid;
}

static int begin(void **state)
{
    (void)state;
    it = (struct fixture){0};
    it.folder = testkit_folder(&it.arena);
    assert_int_equal(signing_key_load(&it.key, path_of("key"), true, NULL), ERROR_NONE);
    it.set = key_set_new();
    assert_true(key_set_add(it.set, signing_key_public(it.key, &it.arena), (struct instant){0}));
    it.claims = (struct token_claims){
        .issuer = STR("https://eiso.example"),
        .kind = PRINCIPAL_ACCOUNT,
        .subject = uuid_of("0192aaaa-0000-7000-8000-000000000001"),
        .session = uuid_of("0192aaaa-0000-7000-8000-000000000002"),
        .issued = {NOW},
        .expires = {NOW + 15 * MINUTE_US},
    };
    return 0;
}

static int end(void **state)
{
    (void)state;
    signing_key_free(it.key);
    key_set_free(it.set);
    arena_done(&it.arena);
    return 0;
}

static enum error verify_at(struct str token, int64_t now_us, struct err *err)
{
    struct token_claims claims;
    return token_verify(it.set, token, it.claims.issuer, now_us, &claims, err);
}

static void refused(struct str token, const char *why)
{
    struct err err = {0};
    assert_int_equal(verify_at(token, NOW, &err), ERROR_UNAUTHORIZED);
    assert_string_equal(err.text, arena_printf(&it.arena, "token: %s", why));
}

static struct str good(void)
{
    return token_make(it.key, &it.claims, &it.arena);
}

/* ---- Forging ---- */

static struct str base64url(const char *text, size_t count)
{
    size_t size = sodium_base64_encoded_len(count, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *out = arena_alloc(&it.arena, size);
    sodium_bin2base64(out, size, (const unsigned char *)text, count,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return str_from(out);
}

static struct str part(struct str token, int index)
{
    struct str found = {0};
    for (int i = 0; i <= index; i++)
        found = str_cut(&token, '.');
    return found;
}

static struct str joined(struct str header, struct str payload, struct str signature)
{
    return str_from(arena_printf(&it.arena, "%.*s.%.*s.%.*s", STR_ARG(header), STR_ARG(payload),
                                 STR_ARG(signature)));
}

static struct str with_header(const char *header)
{
    struct str token = good();
    return joined(base64url(header, strlen(header)), part(token, 1), part(token, 2));
}

/* The token's claims signed by another key under another algorithm. */
static struct str signed_by(cjose_jwk_t *jwk, const char *alg, const char *typ, const char *kid,
                            struct str payload)
{
    cjose_header_t *header = cjose_header_new(NULL);
    assert_true(cjose_header_set(header, "alg", alg, NULL));
    assert_true(cjose_header_set(header, "kid", kid, NULL));
    if (typ)
        assert_true(cjose_header_set(header, "typ", typ, NULL));
    cjose_jws_t *jws = cjose_jws_sign(jwk, header, (const uint8_t *)payload.ptr, payload.len, NULL);
    const char *compact = NULL;
    assert_non_null(jws);
    assert_true(cjose_jws_export(jws, &compact, NULL));
    struct str token = str_copy(&it.arena, str_from(compact));
    cjose_jws_release(jws);
    cjose_header_release(header);
    cjose_jwk_release(jwk);
    return token;
}

static struct str payload_of(struct str token)
{
    struct str payload = part(token, 1);
    char *out = arena_alloc(&it.arena, payload.len);
    size_t count = 0;
    assert_int_equal(sodium_base642bin((unsigned char *)out, payload.len, payload.ptr, payload.len,
                                       NULL, &count, NULL,
                                       sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                     0);
    return (struct str){out, count};
}

/* Our own private key, as cjose holds it. */
static cjose_jwk_t *own_key(void)
{
    char json[1024] = {0};
    FILE *file = fopen(path_of("key"), "r");
    assert_non_null(file);
    size_t count = fread(json, 1, sizeof json - 1, file);
    fclose(file);
    cjose_jwk_t *jwk = cjose_jwk_import(json, count, NULL);
    assert_non_null(jwk);
    return jwk;
}

static struct str with_claims(const char *json)
{
    const char *kid = str_copy(&it.arena, signing_key_id(it.key)).ptr;
    return signed_by(own_key(), "ES256", "at+jwt", kid, str_from(json));
}

static const char *kid(void)
{
    return str_copy(&it.arena, signing_key_id(it.key)).ptr;
}

/* ---- What holds ---- */

static void a_token_comes_back_as_it_was_made(void **state)
{
    (void)state;
    struct token_claims claims;
    assert_int_equal(token_verify(it.set, good(), it.claims.issuer, NOW, &claims, NULL),
                     ERROR_NONE);
    assert_int_equal(claims.kind, PRINCIPAL_ACCOUNT);
    assert_true(uuid_equal(&claims.subject, &it.claims.subject));
    assert_true(uuid_equal(&claims.session, &it.claims.session));
    assert_int_equal(claims.issued.us, NOW);
    assert_int_equal(claims.expires.us, it.claims.expires.us / 1000000 * 1000000);
}

static void a_client_has_scopes_and_no_session(void **state)
{
    (void)state;
    it.claims.kind = PRINCIPAL_CLIENT;
    it.claims.session = (struct uuid){0};
    it.claims.scopes = SCOPE_MARKS_WRITE | SCOPE_REGISTRY_READ;
    struct token_claims claims;
    assert_int_equal(token_verify(it.set, good(), it.claims.issuer, NOW, &claims, NULL),
                     ERROR_NONE);
    assert_int_equal(claims.kind, PRINCIPAL_CLIENT);
    assert_int_equal(claims.scopes, it.claims.scopes);
    assert_false(uuid_present(&claims.session));
}

static void an_unsigned_token_is_refused(void **state)
{
    (void)state;
    const char *header =
        arena_printf(&it.arena, "{\"alg\":\"none\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", kid());
    refused(with_header(header), "header is not ES256, at+jwt with a kid");
    struct str token = good();
    struct str empty = joined(base64url(header, strlen(header)), part(token, 1), STR(""));
    refused(empty, "not of three parts in base64url");
}

static void a_public_key_is_no_shared_secret(void **state)
{
    (void)state;
    struct str jwk = signing_key_public(it.key, &it.arena);
    struct str payload = payload_of(good());
    cjose_jwk_t *secret = cjose_jwk_create_oct_spec((const uint8_t *)jwk.ptr, jwk.len, NULL);
    refused(signed_by(secret, "HS256", "at+jwt", kid(), payload),
            "header is not ES256, at+jwt with a kid");
}

static void rsa_is_refused(void **state)
{
    (void)state;
    static const uint8_t exponent[] = {1, 0, 1};
    cjose_jwk_t *rsa = cjose_jwk_create_RSA_random(2048, exponent, sizeof exponent, NULL);
    refused(signed_by(rsa, "RS256", "at+jwt", kid(), payload_of(good())),
            "header is not ES256, at+jwt with a kid");
}

static void only_the_type_at_jwt_is_a_token(void **state)
{
    (void)state;
    struct str payload = payload_of(good());
    refused(signed_by(own_key(), "ES256", "JWT", kid(), payload),
            "header is not ES256, at+jwt with a kid");
    refused(signed_by(own_key(), "ES256", NULL, kid(), payload),
            "header is not ES256, at+jwt with a kid");
    assert_int_equal(verify_at(signed_by(own_key(), "ES256", "at+jwt", kid(), payload), NOW, NULL),
                     ERROR_NONE);
}

static void an_extension_that_must_be_understood_is_refused(void **state)
{
    (void)state;
    refused(with_header(arena_printf(&it.arena,
                                     "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"%s\","
                                     "\"crit\":[\"b64\"],\"b64\":false}",
                                     kid())),
            "header is not ES256, at+jwt with a kid");
}

static void headers_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "",
        "{",
        "null",
        "[]",
        "{}",
        "{\"alg\":\"ES256\"}",
        "{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}",
        "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":7}",
        "{\"alg\":[\"ES256\"],\"typ\":\"at+jwt\",\"kid\":\"x\"}",
    };
    for (size_t i = 0; i < COUNT_OF(headers); i++)
        assert_int_equal(verify_at(with_header(headers[i]), NOW, NULL), ERROR_UNAUTHORIZED);
}

static void a_key_that_is_not_known_is_told_apart(void **state)
{
    (void)state;
    struct signing_key *other;
    assert_int_equal(signing_key_load(&other, path_of("other"), true, NULL), ERROR_NONE);
    struct str foreign = token_make(other, &it.claims, &it.arena);
    assert_int_equal(verify_at(foreign, NOW, NULL), ERROR_NOT_FOUND);
    /* ... and under our own kid it is just wrong */
    struct str token = good();
    refused(joined(part(token, 0), part(token, 1), part(foreign, 2)), "signature is wrong");
    signing_key_free(other);
}

static void times_count_with_a_minute_of_skew(void **state)
{
    (void)state;
    struct str token = good();
    struct err err = {0};
    int64_t end_us = it.claims.expires.us / 1000000 * 1000000;
    assert_int_equal(verify_at(token, end_us + SECONDS(59), NULL), ERROR_NONE);
    assert_int_equal(verify_at(token, end_us + MINUTE_US, &err), ERROR_UNAUTHORIZED);
    assert_string_equal(err.text, "token: expired");
    assert_int_equal(verify_at(token, NOW - SECONDS(59), NULL), ERROR_NONE);
    assert_int_equal(verify_at(token, NOW - 2 * MINUTE_US, &err), ERROR_UNAUTHORIZED);
    assert_string_equal(err.text, "token: not yet valid");
}

static void an_expired_token_still_says_until_when_it_was_good(void **state)
{
    (void)state;
    struct token_claims claims;
    assert_int_equal(
        token_verify(it.set, good(), it.claims.issuer, NOW + 60 * MINUTE_US, &claims, NULL),
        ERROR_UNAUTHORIZED);
    assert_true(claims.expires.us > 0);
}

static void nobody_gets_a_token_for_longer_than_an_hour(void **state)
{
    (void)state;
    it.claims.expires.us = NOW + 61 * MINUTE_US;
    refused(good(), "lives for longer than an hour");
}

static void issuer_and_audience_must_be_ours(void **state)
{
    (void)state;
    struct token_claims claims;
    assert_int_equal(
        token_verify(it.set, good(), STR("https://eiso.example.org"), NOW, &claims, NULL),
        ERROR_UNAUTHORIZED);
    it.claims.issuer = STR("https://other.example");
    struct str foreign = good();
    it.claims.issuer = STR("https://eiso.example");
    refused(foreign, "of another issuer or for another audience");
}

#define CLAIMS_OF(iss, aud, iat_us, more)                                  \
    "{\"iss\":\"" iss "\",\"aud\":\"" aud "\","                            \
    "\"sub\":\"0192aaaa-0000-7000-8000-000000000001\","                    \
    "\"jti\":\"0192aaaa-0000-7000-8000-000000000003\",\"iat\":1795000000," \
    "\"iat_us\":" iat_us ",\"exp\":1795000900" more "}"
#define OURS         "https://eiso.example"
#define CLAIMS(more) CLAIMS_OF(OURS, OURS, "1795000000123456", more)
#define SID          ",\"sid\":\"0192aaaa-0000-7000-8000-000000000002\""
#define PAGES        ",\"client_id\":\"eiso-web\""
#define ITSELF       ",\"client_id\":\"0192aaaa-0000-7000-8000-000000000001\""

static void claims_must_be_whole_and_agree(void **state)
{
    (void)state;
    assert_int_equal(verify_at(with_claims(CLAIMS(PAGES SID)), NOW, NULL), ERROR_NONE);
    assert_int_equal(verify_at(with_claims(CLAIMS(ITSELF)), NOW, NULL), ERROR_NONE);
    refused(with_claims(CLAIMS(PAGES)), "neither of a client nor of an account");
    refused(with_claims(CLAIMS(ITSELF SID)), "neither of a client nor of an account");
    refused(with_claims(CLAIMS(SID)), "claims are missing or wrong");
    refused(with_claims(CLAIMS(PAGES SID ",\"nbf\":1795000900")), "not yet valid");
    refused(with_claims(CLAIMS(PAGES SID ",\"nbf\":\"1795000900\"")),
            "claims are missing or wrong");
    refused(with_claims(CLAIMS_OF("https://other.example", OURS, "1795000000123456", PAGES SID)),
            "of another issuer or for another audience");
    refused(with_claims(CLAIMS_OF(OURS, "https://other.example", "1795000000123456", PAGES SID)),
            "of another issuer or for another audience");
    refused(with_claims(CLAIMS_OF(OURS, OURS, "1795000001123456", PAGES SID)),
            "iat and iat_us differ");
    refused(with_claims("[]"), "claims are missing or wrong");
    refused(with_claims("not JSON"), "claims are missing or wrong");
}

static void a_claim_that_we_do_not_know_does_no_harm(void **state)
{
    (void)state;
    struct str token = with_claims(CLAIMS(PAGES SID ",\"acr\":\"urn:x\",\"amr\":[\"pwd\",1,{}]"));
    assert_int_equal(verify_at(token, NOW, NULL), ERROR_NONE);
}

static void every_cut_of_a_token_is_refused(void **state)
{
    (void)state;
    struct str token = good();
    for (size_t len = 0; len < token.len; len++) {
        /* a copy of exactly that length: reading beyond it is seen */
        char *cut = mem_alloc(len + 1);
        memcpy(cut, token.ptr, len);
        assert_int_equal(verify_at((struct str){cut, len}, NOW, NULL), ERROR_UNAUTHORIZED);
        free(cut);
    }
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    struct str token = good();
    char *flipped = arena_copy(&it.arena, token.ptr, token.len);
    for (size_t i = 0; i < token.len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            flipped[i] = (char)(token.ptr[i] ^ (1 << bit));
            enum error code = verify_at((struct str){flipped, token.len}, NOW, NULL);
            assert_true(code == ERROR_UNAUTHORIZED || code == ERROR_NOT_FOUND);
        }
        flipped[i] = token.ptr[i];
    }
    assert_int_equal(verify_at((struct str){flipped, token.len}, NOW, NULL), ERROR_NONE);
}

static void a_token_of_a_megabyte_is_refused_before_it_is_read(void **state)
{
    (void)state;
    size_t size = 1 << 20;
    char *endless = mem_alloc(size);
    memset(endless, 'A', size);
    refused((struct str){endless, size}, "longer than 4 KiB");
    free(endless);
}

static void five_parts_are_no_token(void **state)
{
    (void)state;
    struct str token = good();
    refused(str_from(arena_printf(&it.arena, "%.*s.AAAA.AAAA", STR_ARG(token))),
            "not of three parts in base64url");
    refused(str_from(arena_printf(&it.arena, "%.*s=", STR_ARG(token))),
            "not of three parts in base64url");
}

/* ---- Keys ---- */

static void a_key_file_is_made_once_and_for_its_owner_alone(void **state)
{
    (void)state;
    struct stat status;
    assert_int_equal(stat(path_of("key"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    struct signing_key *again;
    assert_int_equal(signing_key_load(&again, path_of("key"), true, NULL), ERROR_NONE);
    assert_true(str_equal(signing_key_id(again), signing_key_id(it.key)));
    signing_key_free(again);
}

static void a_key_that_others_may_read_is_not_used(void **state)
{
    (void)state;
    assert_int_equal(chmod(path_of("key"), 0640), 0);
    struct signing_key *key;
    struct err err = {0};
    assert_int_equal(signing_key_load(&key, path_of("key"), true, &err), ERROR_INVALID);
    assert_null(key);
    assert_non_null(strstr(err.text, "may be read by others"));
}

static void without_create_a_missing_key_is_not_found(void **state)
{
    (void)state;
    struct signing_key *key;
    assert_int_equal(signing_key_load(&key, path_of("none"), false, NULL), ERROR_NOT_FOUND);
}

static void write_file(const char *name, const char *text)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* RFC 7517 appendix A: a public key, its private half, and another's. */
#define X         "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"
#define Y         "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
#define D         "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"
#define JWK(more) "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y "\"" more "}"

static void a_known_key_has_its_known_thumbprint(void **state)
{
    (void)state;
    write_file("known", JWK(",\"d\":\"" D "\""));
    struct signing_key *key;
    assert_int_equal(signing_key_load(&key, path_of("known"), false, NULL), ERROR_NONE);
    assert_true(str_equal(signing_key_id(key), STR("cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s")));
    signing_key_free(key);
}

static void key_files_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const files[] = {
        "",
        "{}",
        JWK(""),                 /* no private half */
        JWK(",\"d\":\"" X "\""), /* of another key */
        JWK(",\"d\":\"short\""),
        "{\"kty\":\"oct\",\"k\":\"AAAA\"}",
    };
    struct signing_key *key;
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        write_file("wrong", files[i]);
        assert_int_equal(signing_key_load(&key, path_of("wrong"), true, NULL), ERROR_INVALID);
        assert_null(key);
    }
}

static void a_retired_key_counts_for_what_it_signed_before(void **state)
{
    (void)state;
    key_set_free(it.set);
    it.set = key_set_new();
    struct str jwk = signing_key_public(it.key, &it.arena);
    assert_true(key_set_add(it.set, jwk, (struct instant){NOW}));
    assert_int_equal(verify_at(good(), NOW, NULL), ERROR_NONE);
    it.claims.issued.us += 1;
    refused(good(), "signed with a key that was retired before");
}

static bool fits(struct key_set *set, const char *jwk)
{
    return key_set_add(set, str_from(jwk), (struct instant){0});
}

static void only_public_p256_keys_with_a_kid_enter_a_set(void **state)
{
    (void)state;
    struct key_set *set = key_set_new();
    assert_true(fits(set, JWK(",\"kid\":\"k\",\"use\":\"sig\",\"alg\":\"ES256\"")));
    assert_false(fits(set, JWK("")));
    assert_false(fits(set, JWK(",\"kid\":\"\"")));
    assert_false(fits(set, JWK(",\"kid\":\"k\",\"alg\":\"HS256\"")));
    assert_false(fits(set, JWK(",\"kid\":\"k\",\"d\":\"" D "\"")));
    assert_false(fits(set, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"" X
                           "\",\"y\":\"" X "\"}")); /* not on the curve */
    assert_false(fits(set, "{\"kty\":\"oct\",\"k\":\"AAAA\",\"kid\":\"k\"}"));
    assert_false(fits(set, ""));
    key_set_free(set);
}

/* One key in 256 has a coordinate that begins with a zero byte. */
static void keys_keep_their_leading_zeros(void **state)
{
    (void)state;
    for (int i = 0; i < 600; i++) {
        cjose_jwk_t *jwk = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, NULL);
        char *json = cjose_jwk_to_json(jwk, true, NULL);
        write_file("fresh", json);
        struct signing_key *key;
        assert_int_equal(signing_key_load(&key, path_of("fresh"), false, NULL), ERROR_NONE);
        signing_key_free(key);
        free(json);
        cjose_jwk_release(jwk);
    }
}

#define WITH_KEY(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_KEY(a_token_comes_back_as_it_was_made),
        WITH_KEY(a_client_has_scopes_and_no_session),
        WITH_KEY(an_unsigned_token_is_refused),
        WITH_KEY(a_public_key_is_no_shared_secret),
        WITH_KEY(rsa_is_refused),
        WITH_KEY(only_the_type_at_jwt_is_a_token),
        WITH_KEY(an_extension_that_must_be_understood_is_refused),
        WITH_KEY(headers_that_are_none_are_refused),
        WITH_KEY(a_key_that_is_not_known_is_told_apart),
        WITH_KEY(times_count_with_a_minute_of_skew),
        WITH_KEY(an_expired_token_still_says_until_when_it_was_good),
        WITH_KEY(nobody_gets_a_token_for_longer_than_an_hour),
        WITH_KEY(issuer_and_audience_must_be_ours),
        WITH_KEY(claims_must_be_whole_and_agree),
        WITH_KEY(a_claim_that_we_do_not_know_does_no_harm),
        WITH_KEY(every_cut_of_a_token_is_refused),
        WITH_KEY(every_flipped_bit_is_refused),
        WITH_KEY(a_token_of_a_megabyte_is_refused_before_it_is_read),
        WITH_KEY(five_parts_are_no_token),
        WITH_KEY(a_key_file_is_made_once_and_for_its_owner_alone),
        WITH_KEY(a_key_that_others_may_read_is_not_used),
        WITH_KEY(without_create_a_missing_key_is_not_found),
        WITH_KEY(a_known_key_has_its_known_thumbprint),
        WITH_KEY(key_files_that_are_none_are_refused),
        WITH_KEY(a_retired_key_counts_for_what_it_signed_before),
        WITH_KEY(only_public_p256_keys_with_a_kid_enter_a_set),
        WITH_KEY(keys_keep_their_leading_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
