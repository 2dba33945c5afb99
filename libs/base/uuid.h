/* UUIDs (RFC 9562). Nil (all zero) means absent: it is never a valid id here. */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct uuid {
    uint8_t bytes[16]; /* network order, as in PostgreSQL's binary format */
};

enum { UUID_TEXT_LEN = 36 };

struct uuid uuid_v7(void); /* time-ordered; 74 random bits of getrandom; monotonic in a process */

/* The same for the same name in the same namespace, whoever computes it. */
struct uuid uuid_v5(const struct uuid *space, struct str name);

/* The 36 characters with hyphens, either case; nothing else, and not nil. */
bool uuid_parse(struct str text, struct uuid *uuid);

/* Writes 36 lower-case characters and a NUL. Returns `text`. */
char *uuid_format(const struct uuid *uuid, char text[UUID_TEXT_LEN + 1]);

bool uuid_present(const struct uuid *uuid);
bool uuid_equal(const struct uuid *a, const struct uuid *b);
int uuid_compare(const void *a, const void *b); /* of struct uuid; for qsort and bsearch */

/* A list that is borrowed or in an arena; `count` 0 may have any pointer. */
struct uuids {
    const struct uuid *items;
    size_t count;
};

#endif
