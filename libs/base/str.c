#include "base/str.h"

#include <string.h>
#include <xxhash.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/uuid.h"

struct str str_from(const char *text)
{
    return (struct str){text, text ? strlen(text) : 0};
}

bool str_present(struct str s)
{
    return s.ptr != NULL;
}

bool str_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

int str_compare(struct str a, struct str b)
{
    size_t shorter = MIN_OF(a.len, b.len);
    int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

struct str str_copy(struct arena *arena, struct str s)
{
    return s.ptr ? (struct str){arena_copy(arena, s.ptr, s.len), s.len} : s;
}

struct str str_cut(struct str *rest, char separator)
{
    struct str head = *rest;
    const char *found = rest->len ? memchr(rest->ptr, separator, rest->len) : NULL;
    if (!found) {
        *rest = (struct str){0};
        return head;
    }
    head.len = (size_t)(found - rest->ptr);
    *rest = (struct str){found + 1, rest->len - head.len - 1};
    return head;
}

bool str_to_int64(struct str s, int64_t min, int64_t max, int64_t *value)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    size_t at = negative;
    if (at == s.len)
        return false;
    int64_t total = 0;
    for (; at < s.len; at++) {
        int digit = s.ptr[at] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(total, 10, &total) ||
            __builtin_sub_overflow(total, digit, &total))
            return false; /* counted downwards, so that INT64_MIN fits */
    }
    if (!negative && __builtin_sub_overflow(0, total, &total))
        return false;
    if (total < min || total > max)
        return false;
    *value = total;
    return true;
}

/* Length of the sequence at p (1 to 4), 0 where it is none. Table 3-7 of the Unicode standard. */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80)
        return p[0] != 0;
    size_t length = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || length > left)
        return 0;
    unsigned char low = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char high = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

bool str_is_utf8(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    for (size_t at = 0; at < s.len;) {
        size_t length = utf8_sequence(p + at, s.len - at);
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

size_t str_characters(struct str s)
{
    size_t characters = 0;
    for (size_t i = 0; i < s.len; i++)
        characters += ((unsigned char)s.ptr[i] & 0xC0) != 0x80;
    return characters;
}

void str_fingerprint(struct str s, struct uuid *fingerprint)
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(s.ptr ? s.ptr : "", s.len));
    memcpy(fingerprint->bytes, canonical.digest, sizeof fingerprint->bytes);
}
