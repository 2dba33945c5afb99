/* The cookies of people's sessions: what registry's signin sets and every service reads.
 *
 * With TLS (`port` 0) their names carry the prefixes by which browsers refuse to take them from
 * anywhere else (RFC 6265bis section 4.1.3). Without it, on a developer's machine, cookies do not
 * know ports: so the names do. */
#ifndef AUTH_COOKIES_H
#define AUTH_COOKIES_H

#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/* `__Host-eiso` or `eiso_<port>`: the access token, for every path. */
const char *cookie_session_name(int port, struct arena *arena);

/* `__Secure-eiso-renew` or `eiso_renew_<port>`: the opaque secret, for /v1/session only. */
const char *cookie_renew_name(int port, struct arena *arena);

/* Values of Set-Cookie; `max_age_s` 0 with an absent value takes the cookie away. HttpOnly,
 * SameSite=Lax, and Secure with TLS. `value` must be of base64url and dots, as tokens and secrets
 * are: aborts otherwise. */
const char *cookie_session(int port, struct str value, int64_t max_age_s, struct arena *arena);
const char *cookie_renew(int port, struct str value, int64_t max_age_s, struct arena *arena);

#endif
