/* Keyset cursors: the key's bytes and a check of them, as base64url. The check binds a cursor to
 * its route, so that what is pasted from elsewhere or cut short is refused here instead of reaching
 * SQL as a strange key. */
#include <string.h>

#include "http/http_internal.h"

enum { CHECK_BYTES = 8, KEY_MAX_BYTES = 256 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(const uint8_t *bytes, size_t count, struct buf *out)
{
    uint32_t bits = 0;
    int held = 0;
    for (size_t i = 0; i < count; i++) {
        bits = (bits << 8 | bytes[i]) & 0xffff;
        held += 8;
        while (held >= 6) {
            held -= 6;
            buf_add_char(out, alphabet[bits >> held & 63]);
        }
    }
    if (held > 0)
        buf_add_char(out, alphabet[bits << (6 - held) & 63]);
}

/* Exactly `count` bytes, with no bit left over. */
static bool decode(struct str text, uint8_t *bytes, size_t count)
{
    uint32_t bits = 0;
    int held = 0;
    size_t made = 0;
    if (text.len != (count * 8 + 5) / 6)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const char *digit = memchr(alphabet, text.ptr[i], sizeof alphabet - 1);
        if (!digit)
            return false;
        bits = (bits << 6 | (uint32_t)(digit - alphabet)) & 0xffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            bytes[made++] = (uint8_t)(bits >> held);
        }
    }
    return (bits & ((1u << held) - 1)) == 0;
}

static void check_of(struct str route, const uint8_t *key, size_t key_bytes,
                     uint8_t check[CHECK_BYTES])
{
    CLEANUP(buf_done) struct buf text = {0};
    struct uuid fingerprint;
    buf_add_str(&text, route);
    buf_add_char(&text, '\0');
    buf_add(&text, key, key_bytes);
    str_fingerprint(buf_str(&text), &fingerprint);
    memcpy(check, fingerprint.bytes, CHECK_BYTES);
}

void cursor_print(struct str route, const void *key, size_t key_bytes, struct buf *out)
{
    uint8_t bytes[KEY_MAX_BYTES + CHECK_BYTES];
    ensure(key_bytes > 0 && key_bytes <= KEY_MAX_BYTES);
    memcpy(bytes, key, key_bytes);
    check_of(route, bytes, key_bytes, bytes + key_bytes);
    encode(bytes, key_bytes + CHECK_BYTES, out);
}

bool cursor_parse(struct str route, struct str text, void *key, size_t key_bytes)
{
    uint8_t bytes[KEY_MAX_BYTES + CHECK_BYTES], check[CHECK_BYTES];
    ensure(key_bytes > 0 && key_bytes <= KEY_MAX_BYTES);
    if (!decode(text, bytes, key_bytes + CHECK_BYTES))
        return false;
    check_of(route, bytes, key_bytes, check);
    if (memcmp(check, bytes + key_bytes, CHECK_BYTES) != 0)
        return false;
    memcpy(key, bytes, key_bytes);
    return true;
}

struct str http_cursor_make(struct http_request *request, const void *key, size_t key_bytes)
{
    CLEANUP(buf_done) struct buf text = {0};
    cursor_print(str_from(request->route->path), key, key_bytes, &text);
    return str_copy(&request->arena, buf_str(&text));
}

bool http_cursor_read(struct http_request *request, void *key, size_t key_bytes, bool *given)
{
    struct str text = http_query(request, "cursor");
    *given = str_present(text);
    if (!*given || cursor_parse(str_from(request->route->path), text, key, key_bytes))
        return true;
    http_problem(request, 400, "bad_cursor", NULL);
    return false;
}

/* ---- Lists ---- */

/* The same request with another cursor; path and query stay as they were sent. */
static void next_link(const struct http_request *request, struct str next, struct buf *link)
{
    const struct http_target *target = &request->exchange->target;
    struct str rest = target->query;
    buf_add_char(link, '<');
    buf_add_str(link, target->raw_path);
    buf_add_char(link, '?');
    while (str_present(rest)) {
        struct str pair = str_cut(&rest, '&');
        if (pair.len == 0 || str_starts(pair, STR("cursor=")))
            continue;
        buf_add_str(link, pair);
        buf_add_char(link, '&');
    }
    buf_add_text(link, "cursor=");
    buf_add_str(link, next);
    buf_add(link, ">; rel=\"next\"", sizeof ">; rel=\"next\""); /* with its NUL */
}

void http_answer_list(struct http_request *request, const struct record *record, const void *items,
                      size_t count, struct str next)
{
    CLEANUP(buf_done) struct buf body = {0};
    CLEANUP(buf_done) struct buf link = {0};
    buf_add_text(&body, "{\"items\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_char(&body, ',');
        record_encode_json(record, (const char *)items + i * record->size, &body);
    }
    buf_add_char(&body, ']');
    if (str_present(next)) {
        buf_add_text(&body, ",\"next\":");
        buf_add_json(&body, next);
        next_link(request, next, &link);
        http_add_header(request, "Link", link.ptr);
    }
    buf_add_char(&body, '}');
    http_answer(request, 200, "application/json", buf_str(&body));
}
