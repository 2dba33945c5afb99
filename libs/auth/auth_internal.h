/* What the files of this library share. */
#ifndef AUTH_AUTH_INTERNAL_H
#define AUTH_AUTH_INTERNAL_H

#include <cjose/jwk.h>

#include "auth/auth.h"

/* ---- secrets.c ---- */

void sodium_ready(void); /* any number of times */
struct str base64url(const uint8_t *bytes, size_t count, struct arena *arena); /* no padding */

/* ---- keys.c ---- */

enum { KEY_ID_LEN = 43, KEY_ID_MAX = 64, KEY_SET_MAX = 16 };

struct signing_key {
    cjose_jwk_t *jwk;
    char id[KEY_ID_LEN + 1]; /* RFC 7638: the SHA-256 of the public key, base64url */
    char x[KEY_ID_LEN + 1], y[KEY_ID_LEN + 1]; /* coordinates, 32 bytes each, base64url */
};

const cjose_jwk_t *key_set_get(const struct key_set *set, const char *id); /* NULL: not known */

#endif
