/* Access tokens: JWS compact, ES256, typ at+jwt (RFC 7515, RFC 9068). */
#include <stdlib.h>
#include <string.h>

#include <cjose/header.h>
#include <cjose/jws.h>
#include <sodium.h>

#include "auth/auth_internal.h"

enum {
    TOKEN_MAX_BYTES = 4096,
    TOKEN_MAX_LIFE_S = 3600 /* api.md; revocations need not be remembered for longer */
};

/* The client_id of people's tokens (RFC 9068 section 2.2 wants one): they come through our own
 * pages. */
static const struct str pages_client = {"eiso-web", 8};

/* ---- Claims ---- */

struct claims {
    struct str iss, aud, client_id, scope;
    struct uuid sub, sid, jti;
    int64_t iat, nbf, exp;
    /* `iat` to the microsecond: a password that is changed ends the sessions before it, not the one
     * that begins in the same second. */
    int64_t iat_us;
};

static const struct field claims_fields[] = {
    FIELD(claims, iss, .required = true),
    FIELD(claims, aud, .required = true),
    FIELD(claims, sub, .required = true),
    FIELD(claims, client_id, .required = true),
    FIELD(claims, sid),
    FIELD(claims, scope),
    FIELD(claims, jti, .required = true),
    FIELD(claims, iat, .required = true, .min = 1, .max = INT64_MAX / SECOND_US),
    FIELD(claims, nbf, .min = 0, .max = INT64_MAX / SECOND_US),
    FIELD(claims, exp, .required = true, .min = 1, .max = INT64_MAX / SECOND_US),
    FIELD(claims, iat_us, .required = true, .min = 1, .max = INT64_MAX),
};

static const struct record claims_record = RECORD(claims, claims_fields);

/* Claims that we do not know are skipped (RFC 7519 section 4); those that we know must be right. */
static bool claims_read(struct str json, struct arena *arena, struct claims *claims)
{
    struct problems problems = {.arena = arena};
    struct body_error error;
    bool read = record_decode_json(&claims_record, json, arena, claims, &problems, &error);
    for (size_t i = 0; i < problems.count; i++)
        if (strcmp(problems.items[i].code, "unknown_field") != 0)
            return false;
    return read || problems.count;
}

static enum principal_kind claims_kind(const struct claims *claims)
{
    char subject[UUID_TEXT_LEN + 1];
    bool session = uuid_present(&claims->sid);
    if (session && str_equal(claims->client_id, pages_client))
        return PRINCIPAL_ACCOUNT;
    if (!session && str_equal(claims->client_id, str_from(uuid_format(&claims->sub, subject))))
        return PRINCIPAL_CLIENT;
    return 0;
}

/* ---- Making ---- */

static void claims_fill(struct claims *out, const struct token_claims *claims, struct arena *arena)
{
    struct buf scope = {0};
    scopes_print(claims->scopes, &scope);
    char subject[UUID_TEXT_LEN + 1];
    *out = (struct claims){
        .iss = claims->issuer,
        .aud = claims->issuer,
        .sub = claims->subject,
        .client_id = claims->kind == PRINCIPAL_ACCOUNT
                         ? pages_client
                         : str_copy(arena, str_from(uuid_format(&claims->subject, subject))),
        .sid = claims->session,
        .scope = scope.len ? str_copy(arena, buf_str(&scope)) : (struct str){0},
        .jti = uuid_v7(),
        .iat = claims->issued.us / SECOND_US,
        .nbf = claims->issued.us / SECOND_US,
        .exp = claims->expires.us / SECOND_US,
        .iat_us = claims->issued.us,
    };
    buf_done(&scope);
}

static cjose_header_t *header_make(const char *key_id)
{
    cjose_header_t *header = cjose_header_new(NULL);
    ensure(header && cjose_header_set(header, CJOSE_HDR_ALG, CJOSE_HDR_ALG_ES256, NULL) &&
           cjose_header_set(header, "typ", "at+jwt", NULL) &&
           cjose_header_set(header, CJOSE_HDR_KID, key_id, NULL));
    return header;
}

struct str token_make(const struct signing_key *key, const struct token_claims *claims,
                      struct arena *arena)
{
    struct claims filled;
    claims_fill(&filled, claims, arena);
    struct buf json = {0};
    record_encode_json(&claims_record, &filled, &json);
    cjose_header_t *header = header_make(key->id);
    cjose_jws_t *jws = cjose_jws_sign(key->jwk, header, (const uint8_t *)json.ptr, json.len, NULL);
    const char *compact = NULL;
    ensure(jws && cjose_jws_export(jws, &compact, NULL));
    struct str token = str_copy(arena, str_from(compact));
    cjose_jws_release(jws);
    cjose_header_release(header);
    buf_done(&json);
    ensure(token.len <= TOKEN_MAX_BYTES);
    return token;
}

/* ---- Verifying ---- */

static void jws_release(cjose_jws_t **jws)
{
    cjose_jws_release(*jws);
}

/* Base64url as RFC 7515 has it: one spelling only, so that a token is equal to no other. */
static bool is_base64url(struct str text)
{
    uint8_t bytes[TOKEN_MAX_BYTES];
    size_t count;
    return text.len && sodium_base642bin(bytes, sizeof bytes, text.ptr, text.len, NULL, &count,
                                         NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0;
}

/* Exactly three parts: what is encrypted (RFC 7516) has five. */
static bool is_compact(struct str token)
{
    struct str header = str_cut(&token, '.');
    struct str payload = str_cut(&token, '.');
    return str_present(token) && is_base64url(header) && is_base64url(payload) &&
           is_base64url(token);
}

static bool header_is(cjose_header_t *header, const char *name, const char *value)
{
    const char *found = cjose_header_get(header, name, NULL);
    return found && strcmp(found, value) == 0;
}

static bool header_has(cjose_header_t *header, const char *name)
{
    char *raw = cjose_header_get_raw(header, name, NULL);
    free(raw);
    return raw;
}

/* The header is compared before any key is touched: it is the sender's word, and must not choose
 * how it is judged. An extension that must be understood (`crit`) is not understood. */
static bool header_right(cjose_header_t *header)
{
    return header_is(header, CJOSE_HDR_ALG, CJOSE_HDR_ALG_ES256) &&
           header_is(header, "typ", "at+jwt") && !header_has(header, "crit") &&
           cjose_header_get(header, CJOSE_HDR_KID, NULL);
}

static enum error refuse(struct err *err, const char *reason)
{
    return err_set(err, ERROR_UNAUTHORIZED, "token: %s", reason);
}

/* On success `jws` holds a token that was signed by one of the keys, and `retired_at` says until
 * when that key was in use. */
static enum error signature_check(const struct key_set *set, struct str token, cjose_jws_t **jws,
                                  struct instant *retired_at, struct err *err)
{
    if (token.len > TOKEN_MAX_BYTES)
        return refuse(err, "longer than 4 KiB");
    if (!is_compact(token))
        return refuse(err, "not of three parts in base64url");
    *jws = cjose_jws_import(token.ptr, token.len, NULL);
    cjose_header_t *header = *jws ? cjose_jws_get_protected(*jws) : NULL;
    if (!header || !header_right(header))
        return refuse(err, "header is not ES256, at+jwt with a kid");
    const cjose_jwk_t *key =
        key_set_get(set, cjose_header_get(header, CJOSE_HDR_KID, NULL), retired_at);
    if (!key)
        return err_set(err, ERROR_NOT_FOUND, "token: signed with a key that is not known");
    if (!cjose_jws_verify(*jws, key, NULL))
        return refuse(err, "signature is wrong");
    return ERROR_NONE;
}

static enum error times_check(const struct claims *claims, int64_t now_us, struct err *err)
{
    int64_t now = now_us / SECOND_US;
    if (claims->exp <= claims->iat || claims->exp - claims->iat > TOKEN_MAX_LIFE_S)
        return refuse(err, "lives for longer than an hour");
    if (claims->iat_us / SECOND_US != claims->iat)
        return refuse(err, "iat and iat_us differ");
    if (MAX_OF(claims->iat, claims->nbf) > now + TOKEN_SKEW_S)
        return refuse(err, "not yet valid");
    if (claims->exp <= now - TOKEN_SKEW_S)
        return refuse(err, "expired");
    return ERROR_NONE;
}

static struct token_claims claims_out(const struct claims *claims, struct str issuer)
{
    bool all_known;
    return (struct token_claims){
        .issuer = issuer,
        .kind = claims_kind(claims),
        .subject = claims->sub,
        .session = claims->sid,
        .scopes = scopes_parse(claims->scope, &all_known),
        .issued = {claims->iat_us},
        .expires = {claims->exp * SECOND_US},
    };
}

enum error token_verify(const struct key_set *set, struct str token, struct str issuer,
                        int64_t now_us, struct token_claims *out, struct err *err)
{
    *out = (struct token_claims){0};
    CLEANUP(jws_release) cjose_jws_t *jws = NULL;
    struct instant retired_at = {0};
    enum error code = signature_check(set, token, &jws, &retired_at, err);
    if (code)
        return code;
    uint8_t *payload;
    size_t payload_bytes;
    CLEANUP(arena_done) struct arena arena = {0};
    struct claims claims = {0};
    if (!cjose_jws_get_plaintext(jws, &payload, &payload_bytes, NULL) ||
        !claims_read((struct str){(const char *)payload, payload_bytes}, &arena, &claims))
        return refuse(err, "claims are missing or wrong");
    if (!str_equal(claims.iss, issuer) || !str_equal(claims.aud, issuer))
        return refuse(err, "of another issuer or for another audience");
    if (!claims_kind(&claims))
        return refuse(err, "neither of a client nor of an account");
    if (retired_at.us && claims.iat_us > retired_at.us)
        return refuse(err, "signed with a key that was retired before");
    *out = claims_out(&claims, issuer);
    return times_check(&claims, now_us, err);
}
