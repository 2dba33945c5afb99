#include <string.h>

#include <sodium.h>

#include "auth/auth.h"
#include "auth/auth_internal.h"

enum {
    SECRET_BYTES = 32,
    PASSWORD_PASSES = 2,                      /* OWASP's least for argon2id at 19 MiB */
    PASSWORD_MEMORY_BYTES = 19 * 1024 * 1024, /* reliability.md section 4 */
    PASSWORD_MAX_BYTES = 1024                 /* a body limit stands before; this one is for good */
};

void sodium_ready(void)
{
    ensure(sodium_init() >= 0);
}

bool password_hash(struct str password, struct str *hash, struct arena *arena)
{
    sodium_ready();
    char text[crypto_pwhash_STRBYTES];
    if (!str_present(password) || password.len > PASSWORD_MAX_BYTES ||
        crypto_pwhash_str(text, password.ptr, password.len, PASSWORD_PASSES,
                          PASSWORD_MEMORY_BYTES) != 0)
        return false;
    *hash = str_copy(arena, str_from(text));
    return true;
}

bool password_matches(struct str hash, struct str password)
{
    sodium_ready();
    char text[crypto_pwhash_STRBYTES] = {0};
    if (!str_present(password) || password.len > PASSWORD_MAX_BYTES || !str_present(hash) ||
        hash.len >= sizeof text)
        return false;
    memcpy(text, hash.ptr, hash.len);
    return crypto_pwhash_str_verify(text, password.ptr, password.len) == 0;
}

struct str secret_make(struct arena *arena)
{
    sodium_ready();
    uint8_t secret[SECRET_BYTES];
    randombytes_buf(secret, sizeof secret);
    struct str text = base64url(secret, sizeof secret, arena);
    sodium_memzero(secret, sizeof secret);
    return text;
}

struct str base64url(const uint8_t *bytes, size_t count, struct arena *arena)
{
    size_t size = sodium_base64_encoded_len(count, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *text = arena_alloc(arena, size);
    sodium_bin2base64(text, size, bytes, count, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return (struct str){text, size - 1};
}

void secret_digest(struct str secret, uint8_t digest[32])
{
    _Static_assert(crypto_hash_sha256_BYTES == 32, "the header promises 32");
    crypto_hash_sha256(digest, (const uint8_t *)secret.ptr, secret.len);
}

bool secret_equal(const uint8_t a[32], const uint8_t b[32])
{
    return sodium_memcmp(a, b, 32) == 0;
}
