/* Path, query and cookies: split first, decoded afterwards, so that an encoded separator stays
 * data. */
#include <string.h>

#include "http/http_internal.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static int escaped_byte(struct str s, size_t at)
{
    int high = at + 2 < s.len ? hex_digit(s.ptr[at + 1]) : -1;
    int low = at + 2 < s.len ? hex_digit(s.ptr[at + 2]) : -1;
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static bool is_text(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f)
            return false;
    return str_is_utf8(s);
}

/* %XX and, in a query, '+'. False for a broken escape, control characters, bytes that are no UTF-8.
 */
static bool decode(struct str s, bool plus_is_blank, struct arena *arena, struct str *decoded)
{
    char *out = arena_alloc(arena, s.len + 1);
    size_t length = 0;
    for (size_t i = 0; i < s.len; i++) {
        int c = (unsigned char)s.ptr[i];
        if (c == '%') {
            c = escaped_byte(s, i);
            if (c < 0)
                return false;
            i += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        out[length++] = (char)c;
    }
    *decoded = (struct str){out, length};
    return is_text(*decoded);
}

static bool split_path(struct str rest, struct arena *arena, struct http_target *target)
{
    str_cut(&rest, '/'); /* what is before the first one: nothing */
    while (str_present(rest)) {
        struct str segment;
        if (target->segment_count == TARGET_MAX_SEGMENTS ||
            !decode(str_cut(&rest, '/'), false, arena, &segment))
            return false;
        if (str_equal(segment, STR(".")) || str_equal(segment, STR("..")))
            return false;
        target->segments[target->segment_count++] = segment;
    }
    return decode(target->raw_path, false, arena, &target->path);
}

static bool is_known(const struct http_target *target, struct str name)
{
    for (size_t i = 0; i < target->argument_count; i++)
        if (str_equal(target->arguments[i].name, name))
            return true;
    return false;
}

static bool split_query(struct str rest, struct arena *arena, struct http_target *target)
{
    while (str_present(rest)) {
        struct str pair = str_cut(&rest, '&');
        if (pair.len == 0)
            continue;
        if (target->argument_count == TARGET_MAX_ARGUMENTS)
            return false;
        struct argument *argument = &target->arguments[target->argument_count];
        struct str name = str_cut(&pair, '=');
        if (!str_present(pair))
            pair = STR("");
        if (!decode(name, true, arena, &argument->name) ||
            !decode(pair, true, arena, &argument->value) || is_known(target, argument->name))
            return false;
        target->argument_count++;
    }
    return true;
}

bool target_parse(struct str text, struct arena *arena, struct http_target *target,
                  struct refusal *refusal)
{
    *target = (struct http_target){.query = text};
    target->raw_path = str_cut(&target->query, '?');
    if (!split_path(target->raw_path, arena, target)) {
        *refusal = (struct refusal){400, "bad_request", "the path is not plain UTF-8 segments"};
        return false;
    }
    if (!split_query(target->query, arena, target)) {
        *refusal = (struct refusal){400, "bad_parameter",
                                    "the query is not name=value pairs, each given once"};
        return false;
    }
    return true;
}

struct str cookie_find(struct str header, struct str name)
{
    while (str_present(header)) {
        struct str value = str_trim(str_cut(&header, ';'));
        struct str found = str_cut(&value, '=');
        if (str_present(value) && str_equal(found, name))
            return value;
    }
    return (struct str){0};
}
