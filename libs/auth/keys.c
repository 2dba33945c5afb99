/* Signing keys and sets of public keys: P-256 only, as JWK (RFC 7517). Every number of a key passes
 * our own table before cjose sees it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "auth/auth_internal.h"

enum { JWK_MAX_BYTES = 4096, COORDINATE_BYTES = 32 };

static void str_wipe(struct str *text)
{
    if (text->ptr)
        sodium_memzero((void *)(uintptr_t)text->ptr, text->len);
}

static void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* ---- JWK ---- */

struct jwk {
    struct str kty, crv, x, y, d, kid, use, alg;
};

static const struct field jwk_fields[] = {
    FIELD(jwk, kty, .required = true),
    FIELD(jwk, crv, .required = true),
    FIELD(jwk, x, .required = true),
    FIELD(jwk, y, .required = true),
    FIELD(jwk, d),
    FIELD(jwk, kid),
    FIELD(jwk, use),
    FIELD(jwk, alg),
};

static const struct record jwk_record = RECORD(jwk, jwk_fields);

/* 32 bytes in base64url, canonical: no padding, no loose bits. */
static bool is_coordinate(struct str text)
{
    uint8_t bytes[COORDINATE_BYTES];
    size_t count = 0;
    bool right = text.len == KEY_ID_LEN &&
                 sodium_base642bin(bytes, sizeof bytes, text.ptr, text.len, NULL, &count, NULL,
                                   sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0;
    sodium_memzero(bytes, sizeof bytes);
    return right && count == COORDINATE_BYTES;
}

static bool jwk_read(struct str json, struct arena *arena, struct jwk *jwk)
{
    struct problems problems = {.arena = arena};
    struct body_error error;
    if (json.len > JWK_MAX_BYTES ||
        !record_decode_json(&jwk_record, json, arena, jwk, &problems, &error) || problems.count)
        return false;
    return str_equal(jwk->kty, STR("EC")) && str_equal(jwk->crv, STR("P-256")) &&
           (!str_present(jwk->alg) || str_equal(jwk->alg, STR("ES256"))) && is_coordinate(jwk->x) &&
           is_coordinate(jwk->y) && (!str_present(jwk->d) || is_coordinate(jwk->d));
}

/* RFC 7638: the required members in the order of their names, without a space. */
static void jwk_thumbprint(const struct jwk *jwk, char id[KEY_ID_LEN + 1], struct arena *arena)
{
    const char *canonical =
        arena_printf(arena, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%.*s\",\"y\":\"%.*s\"}",
                     STR_ARG(jwk->x), STR_ARG(jwk->y));
    uint8_t digest[32];
    secret_digest(str_from(canonical), digest);
    struct str text = base64url(digest, sizeof digest, arena);
    memcpy(id, text.ptr, KEY_ID_LEN + 1);
}

/* The key as cjose holds it; NULL where the point is not on the curve. */
static cjose_jwk_t *jwk_import(const struct jwk *jwk)
{
    char json[256];
    bool secret = str_present(jwk->d);
    int length = snprintf(
        json, sizeof json,
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%.*s\",\"y\":\"%.*s\"%s%.*s%s}", STR_ARG(jwk->x),
        STR_ARG(jwk->y), secret ? ",\"d\":\"" : "", STR_ARG(jwk->d), secret ? "\"" : "");
    ensure(length > 0 && (size_t)length < sizeof json);
    cjose_jwk_t *imported = cjose_jwk_import(json, (size_t)length, NULL);
    sodium_memzero(json, sizeof json);
    return imported;
}

/* ---- The signing key and its file ---- */

static enum error signing_key_read(struct signing_key **key, struct str json, struct arena *arena,
                                   struct err *err)
{
    struct jwk jwk = {0};
    if (!jwk_read(json, arena, &jwk) || !str_present(jwk.d))
        return err_set(err, ERROR_INVALID, "no private P-256 key as JWK");
    cjose_jwk_t *imported = jwk_import(&jwk);
    if (!imported)
        return err_set(err, ERROR_INVALID, "the key's point is not on P-256");
    *key = mem_alloc(sizeof **key);
    (*key)->jwk = imported;
    memcpy((*key)->x, jwk.x.ptr, KEY_ID_LEN);
    memcpy((*key)->y, jwk.y.ptr, KEY_ID_LEN);
    jwk_thumbprint(&jwk, (*key)->id, arena);
    return ERROR_NONE;
}

/* Whether what this key signs is what its public half verifies: a file may hold halves of two. */
static bool halves_match(const struct signing_key *key, struct arena *arena)
{
    struct token_claims claims = {
        .issuer = STR("probe"),
        .kind = PRINCIPAL_CLIENT,
        .subject = uuid_v7(),
        .issued = {INT64_C(1000000)},
        .expires = {INT64_C(2000000)},
    };
    struct key_set *set = key_set_new();
    bool match = key_set_add(set, signing_key_public(key, arena), (struct instant){0}) &&
                 token_verify(set, token_make(key, &claims, arena), claims.issuer, claims.issued.us,
                              &claims, NULL) == ERROR_NONE;
    key_set_free(set);
    return match;
}

static enum error file_read(int fd, const char *path, struct arena *arena, struct str *text,
                            struct err *err)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return err_set(err, ERROR_INVALID, "%s is no file", path);
    if (status.st_mode & 077)
        return err_set(err, ERROR_INVALID, "%s may be read by others: mode %o, needed is 0600",
                       path, (unsigned)status.st_mode & 0777U);
    if (status.st_size > JWK_MAX_BYTES)
        return err_set(err, ERROR_INVALID, "%s is longer than %d bytes", path, JWK_MAX_BYTES);
    char *bytes = arena_alloc(arena, (size_t)status.st_size + 1);
    ssize_t count = read(fd, bytes, (size_t)status.st_size);
    if (count != status.st_size)
        return err_set(err, ERROR_UNAVAILABLE, "%s cannot be read: %s", path, strerror(errno));
    *text = (struct str){bytes, (size_t)count};
    return ERROR_NONE;
}

/* A fresh private key as JSON of its own memory; to be wiped and freed with free(). */
static char *key_generate(void)
{
    cjose_jwk_t *jwk = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, NULL);
    char *json = jwk ? cjose_jwk_to_json(jwk, true, NULL) : NULL;
    cjose_jwk_release(jwk);
    ensure(json);
    return json;
}

static bool write_whole(const char *path, const char *text)
{
    CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    size_t length = strlen(text);
    return fd >= 0 && write(fd, text, length) == (ssize_t)length && fsync(fd) == 0;
}

/* Written aside and linked: whoever comes first names the key, and nobody reads half of one. */
static enum error file_create(const char *path, struct arena *arena, struct err *err)
{
    char name[UUID_TEXT_LEN + 1];
    struct uuid unique = uuid_v7();
    const char *aside = arena_printf(arena, "%s.%s", path, uuid_format(&unique, name));
    char *json = key_generate();
    bool done = write_whole(aside, json) && (link(aside, path) == 0 || errno == EEXIST);
    int reason = errno;
    sodium_memzero(json, strlen(json));
    free(json);
    unlink(aside);
    if (!done)
        return err_set(err, ERROR_UNAVAILABLE, "%s cannot be made: %s", path, strerror(reason));
    return ERROR_NONE;
}

static enum error file_open(int *fd, const char *path, bool create, struct arena *arena,
                            struct err *err)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0 && errno == ENOENT && create) {
        enum error code = file_create(path, arena, err);
        if (code)
            return code;
        *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    }
    if (*fd < 0)
        return err_set(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_UNAVAILABLE,
                       "%s cannot be opened: %s", path, strerror(errno));
    return ERROR_NONE;
}

enum error signing_key_load(struct signing_key **key, const char *path, bool create,
                            struct err *err)
{
    sodium_ready();
    *key = NULL;
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(fd_close) int fd = -1;
    CLEANUP(str_wipe) struct str json = {0}; /* wiped before the arena goes */
    enum error code = file_open(&fd, path, create, &arena, err);
    if (!code)
        code = file_read(fd, path, &arena, &json, err);
    if (!code)
        code = signing_key_read(key, json, &arena, err);
    if (code || halves_match(*key, &arena))
        return code;
    signing_key_free(*key);
    *key = NULL;
    return err_set(err, ERROR_INVALID, "%s: private and public half do not match", path);
}

void signing_key_free(struct signing_key *key)
{
    if (!key)
        return;
    cjose_jwk_release(key->jwk);
    free(key);
}

struct str signing_key_public(const struct signing_key *key, struct arena *arena)
{
    return str_from(arena_printf(arena,
                                 "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\","
                                 "\"kid\":\"%s\",\"use\":\"sig\",\"alg\":\"ES256\"}",
                                 key->x, key->y, key->id));
}

struct str signing_key_id(const struct signing_key *key)
{
    return str_from(key->id);
}

/* ---- Sets of public keys ---- */

struct key_set {
    size_t count;
    struct known_key {
        char id[KEY_ID_MAX + 1];
        cjose_jwk_t *jwk;
        struct instant retired_at;
    } keys[KEY_SET_MAX];
};

struct key_set *key_set_new(void)
{
    return mem_alloc(sizeof(struct key_set));
}

void key_set_free(struct key_set *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->count; i++)
        cjose_jwk_release(set->keys[i].jwk);
    free(set);
}

/* A key with its private half is refused, too: nobody has to know that one. */
bool key_set_add(struct key_set *set, struct str json, struct instant retired_at)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct jwk jwk = {0};
    if (set->count == KEY_SET_MAX || !jwk_read(json, &arena, &jwk) || str_present(jwk.d) ||
        !jwk.kid.len || jwk.kid.len > KEY_ID_MAX)
        return false;
    cjose_jwk_t *imported = jwk_import(&jwk);
    if (!imported)
        return false;
    struct known_key *key = &set->keys[set->count++];
    key->jwk = imported;
    key->retired_at = retired_at;
    memcpy(key->id, jwk.kid.ptr, jwk.kid.len);
    return true;
}

const cjose_jwk_t *key_set_get(const struct key_set *set, const char *id,
                               struct instant *retired_at)
{
    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(set->keys[i].id, id) != 0)
            continue;
        *retired_at = set->keys[i].retired_at;
        return set->keys[i].jwk;
    }
    return NULL;
}
