/* Any bytes as a token, as the claims of a token that is signed right, and as a public key.
 *
 * The private key is known (RFC 7517 appendix A.2), so that claims reach what stands behind the
 * signature. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjose/header.h>
#include <cjose/jws.h>

#include "auth/auth_internal.h"

#define NOW_US (INT64_C(1795000000) * SECOND_US)

static const char jwk[] = "{\"kty\":\"EC\",\"crv\":\"P-256\","
                          "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
                          "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\","
                          "\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\"}";

static struct signing_key *key;
static struct key_set *set;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    char path[] = "/tmp/eiso-fuzz-XXXXXX";
    int fd = mkstemp(path);
    ensure(fd >= 0 && write(fd, jwk, strlen(jwk)) == (ssize_t)strlen(jwk));
    ensure(!signing_key_load(&key, path, false, NULL));
    close(fd);
    unlink(path);
    CLEANUP(arena_done) struct arena arena = {0};
    set = key_set_new();
    ensure(key_set_add(set, signing_key_public(key, &arena), (struct instant){0}));
    return 0;
}

static void check_accepted(const struct token_claims *claims)
{
    ensure(claims->kind == PRINCIPAL_CLIENT || claims->kind == PRINCIPAL_ACCOUNT);
    ensure(uuid_present(&claims->subject));
    ensure(uuid_present(&claims->session) == (claims->kind == PRINCIPAL_ACCOUNT));
    ensure(claims->expires.us > NOW_US - TOKEN_SKEW_S * SECOND_US);
    ensure(claims->issued.us < NOW_US + (TOKEN_SKEW_S + 1) * SECOND_US);
    ensure(claims->expires.us - claims->issued.us <= 3600 * SECOND_US);
}

/* What was understood is what we would have said. */
static void check_made_again(const struct token_claims *claims)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct token_claims again;
    struct str token = token_make(key, claims, &arena);
    ensure(!token_verify(set, token, claims->issuer, NOW_US, &again, NULL));
    ensure(again.kind == claims->kind && again.scopes == claims->scopes &&
           again.issued.us == claims->issued.us && again.expires.us == claims->expires.us &&
           uuid_equal(&again.subject, &claims->subject) &&
           uuid_equal(&again.session, &claims->session));
}

static enum error verify(struct str token)
{
    struct token_claims claims;
    enum error code = token_verify(set, token, STR("https://eiso.example"), NOW_US, &claims, NULL);
    if (code)
        return code;
    check_accepted(&claims);
    check_made_again(&claims);
    return ERROR_NONE;
}

/* A signature cannot be guessed: what is accepted begins as the seed that was signed. */
static void try_as_token(struct str text)
{
    if (verify(text) == ERROR_NONE)
        ensure(str_starts(text, STR("eyJhbGciOiJFUzI1NiIs")));
}

static void try_as_claims(struct str text)
{
    cjose_header_t *header = cjose_header_new(NULL);
    ensure(cjose_header_set(header, "alg", "ES256", NULL) &&
           cjose_header_set(header, "typ", "at+jwt", NULL) &&
           cjose_header_set(header, "kid", key->id, NULL));
    cjose_jws_t *jws = cjose_jws_sign(key->jwk, header, (const uint8_t *)text.ptr, text.len, NULL);
    const char *compact = NULL;
    if (jws && cjose_jws_export(jws, &compact, NULL)) {
        enum error code = verify(str_from(compact));
        ensure(!code || code == ERROR_UNAUTHORIZED);
    }
    cjose_jws_release(jws);
    cjose_header_release(header);
}

/* Nobody is known under an id that stands nowhere, written out or escaped. */
static void try_as_key(struct str text)
{
    struct key_set *keys = key_set_new();
    struct instant retired_at;
    bool named =
        memmem(text.ptr, text.len, key->id, KEY_ID_LEN) || memchr(text.ptr, '\\', text.len);
    if (key_set_add(keys, text, (struct instant){0}))
        ensure(text.len <= 4096 && (named || !key_set_get(keys, key->id, &retired_at)));
    key_set_free(keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    if (size == 0 || size > 8192)
        return 0;
    try_as_token(text);
    try_as_key(text);
    if (text.ptr[0] == '{')
        try_as_claims(text);
    return 0;
}
