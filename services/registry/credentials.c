#include "credentials.h"

#include <string.h>
#include <strings.h>

/* ---- Forms ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* False: a broken escape, or what is no text. */
static bool form_decode(struct str coded, struct arena *arena, struct str *text)
{
    char *out = arena_alloc(arena, coded.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < coded.len; i++) {
        char c = coded.ptr[i];
        if (c == '%') {
            int high = i + 2 < coded.len ? hex_digit(coded.ptr[i + 1]) : -1;
            int low = i + 2 < coded.len ? hex_digit(coded.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        out[len++] = coded.ptr[i] == '+' && c == '+' ? ' ' : c;
    }
    *text = (struct str){out, len};
    return str_is_utf8(*text);
}

bool form_get(struct str form, const char *name, struct arena *arena, struct str *value)
{
    *value = (struct str){0};
    while (str_present(form)) {
        struct str pair = str_cut(&form, '&');
        struct str key = str_cut(&pair, '=');
        if (!str_equal(key, str_from(name)))
            continue;
        if (str_present(*value) || !form_decode(str_present(pair) ? pair : STR(""), arena, value))
            return false;
    }
    return true;
}

/* ---- Basic ---- */

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* RFC 4648 section 4, with its padding; false where it is none. */
static bool base64_decode(struct str coded, struct arena *arena, struct str *bytes)
{
    char *out = arena_alloc(arena, coded.len);
    size_t len = 0, padding = 0;
    unsigned bits = 0;
    for (; padding < 2 && coded.len && coded.ptr[coded.len - 1] == '='; coded.len--)
        padding++;
    if ((coded.len + padding) % 4 != 0)
        return false;
    for (size_t i = 0; i < coded.len; i++) {
        int digit = base64_digit(coded.ptr[i]);
        if (digit < 0)
            return false;
        bits = bits << 6 | (unsigned)digit;
        if (i % 4 != 0)
            out[len++] = (char)(bits >> (6 - 2 * (i % 4)));
    }
    *bytes = (struct str){out, len};
    return true;
}

bool basic_read(struct str authorization, struct arena *arena, struct str *id, struct str *secret)
{
    struct str scheme = str_cut(&authorization, ' ');
    struct str pair;
    if (scheme.len != 5 || strncasecmp(scheme.ptr, "Basic", 5) != 0 ||
        !str_present(authorization) || !base64_decode(authorization, arena, &pair))
        return false;
    struct str user = str_cut(&pair, ':');
    return str_present(pair) && form_decode(user, arena, id) && form_decode(pair, arena, secret);
}
