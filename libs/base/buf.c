#include "base/buf.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"

void buf_reserve(struct buf *buf, size_t more_bytes)
{
    size_t needed;
    ensure(!__builtin_add_overflow(buf->len, more_bytes, &needed));
    if (needed <= buf->capacity)
        return;
    size_t capacity = buf->capacity ? buf->capacity : 256;
    while (capacity < needed)
        capacity *= 2;
    buf->ptr = mem_resize(buf->ptr, capacity);
    buf->capacity = capacity;
}

void buf_add(struct buf *buf, const void *bytes, size_t count)
{
    if (count == 0)
        return;
    buf_reserve(buf, count);
    memcpy(buf->ptr + buf->len, bytes, count);
    buf->len += count;
}

void buf_add_str(struct buf *buf, struct str s)
{
    buf_add(buf, s.ptr, s.len);
}

void buf_add_text(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

void buf_add_char(struct buf *buf, char c)
{
    buf_add(buf, &c, 1);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    ensure(length >= 0);
    buf_reserve(buf, (size_t)length + 1);
    vsnprintf(buf->ptr + buf->len, (size_t)length + 1, format, again);
    va_end(again);
    buf->len += (size_t)length;
}

void buf_add_u8(struct buf *buf, uint8_t value)
{
    buf_add(buf, &value, sizeof value);
}

void buf_add_u16(struct buf *buf, uint16_t value)
{
    value = htobe16(value);
    buf_add(buf, &value, sizeof value);
}

void buf_add_u32(struct buf *buf, uint32_t value)
{
    value = htobe32(value);
    buf_add(buf, &value, sizeof value);
}

void buf_add_u64(struct buf *buf, uint64_t value)
{
    value = htobe64(value);
    buf_add(buf, &value, sizeof value);
}

void buf_put_u32(struct buf *buf, size_t at, uint32_t value)
{
    ensure(at <= buf->len && buf->len - at >= sizeof value);
    value = htobe32(value);
    memcpy(buf->ptr + at, &value, sizeof value);
}

static void add_escape(struct buf *buf, unsigned char c)
{
    static const char short_forms[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (size_t i = 0; i + 1 < sizeof short_forms; i += 2)
        if (c == (unsigned char)short_forms[i]) {
            buf_add_char(buf, '\\');
            buf_add_char(buf, short_forms[i + 1]);
            return;
        }
    buf_printf(buf, "\\u%04x", c);
}

void buf_add_json(struct buf *buf, struct str s)
{
    buf_reserve(buf, s.len + 2);
    buf_add_char(buf, '"');
    size_t from = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_add(buf, s.ptr + from, i - from);
        add_escape(buf, c);
        from = i + 1;
    }
    buf_add(buf, s.ptr + from, s.len - from);
    buf_add_char(buf, '"');
}

struct str buf_str(const struct buf *buf)
{
    return (struct str){buf->ptr ? buf->ptr : "", buf->len};
}

void buf_reset(struct buf *buf)
{
    buf->len = 0;
}

void buf_done(struct buf *buf)
{
    free(buf->ptr);
    *buf = (struct buf){0};
}
