/* What is on a topic, for people, whatever its record: one that cannot be applied may have none. */
#include "record/decode_internal.h"

static void show_next(struct reader *reader, struct buf *out);

static void show_bytes(struct str bytes, struct buf *out)
{
    buf_add_text(out, "\"0x");
    for (size_t i = 0; i < bytes.len; i++)
        buf_printf(out, "%02x", (unsigned char)bytes.ptr[i]);
    buf_add_char(out, '"');
}

static void show_text(struct str text, struct buf *out)
{
    if (str_is_utf8(text))
        buf_add_json(out, text);
    else
        show_bytes(text, out);
}

static void show_array(struct reader *reader, size_t count, struct buf *out)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        buf_add_text(out, i ? "," : "");
        show_next(reader, out);
    }
    buf_add_char(out, ']');
}

static void show_map(struct reader *reader, size_t count, struct buf *out)
{
    buf_add_char(out, '{');
    for (size_t i = 0; i < count; i++) {
        buf_add_text(out, i ? "," : "");
        show_next(reader, out);
        buf_add_char(out, ':');
        show_next(reader, out);
    }
    buf_add_char(out, '}');
}

static void show_next(struct reader *reader, struct buf *out)
{
    struct token token;
    reader->next(reader, &token);
    switch (token.kind) {
    case TOKEN_NULL:
        buf_add_text(out, "null");
        break;
    case TOKEN_BOOL:
        buf_add_text(out, token.number ? "true" : "false");
        break;
    case TOKEN_INT:
        buf_printf(out, "%lld", (long long)token.number);
        break;
    case TOKEN_REAL:
        buf_add_text(out, "\"a number that is not whole\"");
        break;
    case TOKEN_TEXT:
        show_text(token.text, out);
        break;
    case TOKEN_BYTES:
        show_bytes(token.text, out);
        break;
    case TOKEN_ARRAY:
        show_array(reader, token.count, out);
        break;
    case TOKEN_MAP:
        show_map(reader, token.count, out);
        break;
    }
}

void record_show_value(struct str value, struct buf *out)
{
    struct body_error error;
    struct msgpack_reader reader;
    if (!str_present(value)) {
        buf_add_text(out, "null");
    } else if (msgpack_walk(value, &error)) {
        msgpack_reader_init(&reader, value);
        show_next(&reader.reader, out);
    } else {
        show_bytes(value, out);
    }
}
