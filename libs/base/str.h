/* A borrowed run of bytes, mostly UTF-8 text. Not NUL-terminated, never freed through this struct.
 * `ptr == NULL` means absent; an empty text that is present has a pointer. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

struct str {
    const char *ptr;
    size_t len; /* bytes */
};

/* A literal as a str, without counting at run time. */
#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})

/* printf("%.*s", STR_ARG(s)) */
#define STR_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

struct str str_from(const char *text); /* NULL gives an absent one */
bool str_present(struct str s);
bool str_equal(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
int str_compare(struct str a, struct str b); /* bytes, as memcmp; the shorter first */

/* Copy that lives as long as the arena; NUL-terminated behind its end. Absent stays absent. */
struct str str_copy(struct arena *arena, struct str s);

/* Cuts `*rest` at the first `separator`: returns what is before it and leaves what is behind.
 * Without one the whole is returned and `*rest` becomes absent. */
struct str str_cut(struct str *rest, char separator);

/* Decimal digits with an optional '-', nothing else, within the range. */
bool str_to_int64(struct str s, int64_t min, int64_t max, int64_t *value);

/* Valid UTF-8 (RFC 3629: no surrogates, no overlong forms) without NUL. */
bool str_is_utf8(struct str s);

/* Unicode code points; of valid UTF-8. What a limit of "500 characters" counts. */
size_t str_characters(struct str s);

/* 128 bits of XXH3 over the bytes: a fingerprint of content, not a secret and no signature. */
struct uuid;
void str_fingerprint(struct str s, struct uuid *fingerprint);

#endif
