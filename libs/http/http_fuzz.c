/* Whatever comes over the socket: head, path, query, cookies, cursors. Beyond "no crash": what was
 * taken must be what everybody else would read, so it is written again and read again. */
#include <stdlib.h>
#include <string.h>

#include "http/http_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_head(const struct http_head *head)
{
    ensure(head->target.len > 0 && head->target.ptr[0] == '/');
    for (size_t i = 0; i < head->count; i++) {
        ensure(head->headers[i].name.len > 0 &&
               !memchr(head->headers[i].name.ptr, ' ', head->headers[i].name.len));
        ensure(!memchr(head->headers[i].value.ptr, '\n', head->headers[i].value.len));
        ensure(!memchr(head->headers[i].value.ptr, '\0', head->headers[i].value.len));
    }
    ensure(!str_present(head_find(head, STR("Transfer-Encoding"))));
    ensure(str_present(head_find(head, STR("Host"))));
}

static void add_escaped(struct buf *text, struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        buf_printf(text, "%%%02X", (unsigned)(unsigned char)s.ptr[i]);
}

/* With everything escaped, path and query must give the same segments and parameters. */
static void check_target(const struct http_target *target, struct arena *arena)
{
    CLEANUP(buf_done) struct buf text = {0};
    struct http_target again;
    struct refusal refusal;
    for (size_t i = 0; i < target->segment_count; i++) {
        buf_add_char(&text, '/');
        add_escaped(&text, target->segments[i]);
    }
    for (size_t i = 0; i < target->argument_count; i++) {
        buf_add_char(&text, i == 0 ? '?' : '&');
        add_escaped(&text, target->arguments[i].name);
        buf_add_char(&text, '=');
        add_escaped(&text, target->arguments[i].value);
    }
    ensure(target_parse(buf_str(&text), arena, &again, &refusal));
    ensure(again.segment_count == target->segment_count &&
           again.argument_count == target->argument_count);
    for (size_t i = 0; i < target->segment_count; i++) {
        ensure(str_equal(again.segments[i], target->segments[i]) && str_is_utf8(again.segments[i]));
        ensure(!str_equal(again.segments[i], STR("..")));
    }
    for (size_t i = 0; i < target->argument_count; i++)
        ensure(str_equal(again.arguments[i].value, target->arguments[i].value));
}

/* A cursor that is taken has exactly one way to be written. */
static void check_cursor(struct str text)
{
    CLEANUP(buf_done) struct buf again = {0};
    uint8_t key[24];
    if (!cursor_parse(STR("/v1/list"), text, key, sizeof key))
        return;
    cursor_print(STR("/v1/list"), key, sizeof key, &again);
    ensure(str_equal(buf_str(&again), text));
}

static void check_cursor_of(const uint8_t *key, size_t key_bytes)
{
    CLEANUP(buf_done) struct buf text = {0};
    uint8_t again[256];
    cursor_print(STR("/v1/list"), key, key_bytes, &text);
    ensure(cursor_parse(STR("/v1/list"), buf_str(&text), again, key_bytes));
    ensure(memcmp(key, again, key_bytes) == 0);
    ensure(!cursor_parse(STR("/v1/other"), buf_str(&text), again, key_bytes));
}

static void read_request(struct str input, struct arena *arena)
{
    struct http_head head;
    struct http_target target;
    struct refusal refusal = {0};
    size_t length = head_length(input, &refusal);
    if (length == 0 || !head_parse((struct str){input.ptr, length}, &head, &refusal))
        return;
    check_head(&head);
    cookie_find(head_find(&head, STR("cookie")), STR("a"));
    if (!target_parse(head.target, arena, &target, &refusal))
        return;
    check_target(&target, arena);
    for (size_t i = 0; i < target.argument_count; i++)
        check_cursor(target.arguments[i].value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_done) struct arena arena = {0};
    if (size == 0)
        return 0;
    read_request((struct str){(const char *)data, size}, &arena);
    check_cursor((struct str){(const char *)data, size});
    check_cursor_of(data, MIN_OF(size, (size_t)256));
    return 0;
}
