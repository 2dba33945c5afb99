/* What a client sends to the token endpoint: a form, and HTTP Basic (RFC 6749 sections 2.3.1 and
 * 4.4.2, RFC 7617). */
#ifndef REGISTRY_CREDENTIALS_H
#define REGISTRY_CREDENTIALS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

/* The value of a name in an application/x-www-form-urlencoded text, decoded; absent where it is not
 * there. False: it is there twice, or its escapes are broken. */
bool form_get(struct str form, const char *name, struct arena *arena, struct str *value);

/* Id and secret of an Authorization header; false where it is no well-formed Basic. */
bool basic_read(struct str authorization, struct arena *arena, struct str *id, struct str *secret);

#endif
