/* msgpack by hand: the library's unpacker allocates by the counts it is told (five bytes make it
 * take 16 GiB), ours takes nothing, and texts stay where they are. */
#include <string.h>

#include "record/decode_internal.h"

enum form_kind {
    FORM_NONE,
    FORM_NULL,
    FORM_FALSE,
    FORM_TRUE,
    FORM_FLOAT,
    FORM_UINT,
    FORM_INT,
    FORM_TEXT,
    FORM_BYTES,
    FORM_ARRAY,
    FORM_MAP
};

/* What a first byte from 0xC0 to 0xDF means, and how many bytes of number or length follow. */
static const struct form {
    uint8_t kind, bytes;
} forms[32] = {
    [0x00] = {FORM_NULL, 0},  [0x02] = {FORM_FALSE, 0}, [0x03] = {FORM_TRUE, 0},
    [0x04] = {FORM_BYTES, 1}, [0x05] = {FORM_BYTES, 2}, [0x06] = {FORM_BYTES, 4},
    [0x0A] = {FORM_FLOAT, 4}, [0x0B] = {FORM_FLOAT, 8}, [0x0C] = {FORM_UINT, 1},
    [0x0D] = {FORM_UINT, 2},  [0x0E] = {FORM_UINT, 4},  [0x0F] = {FORM_UINT, 8},
    [0x10] = {FORM_INT, 1},   [0x11] = {FORM_INT, 2},   [0x12] = {FORM_INT, 4},
    [0x13] = {FORM_INT, 8},   [0x19] = {FORM_TEXT, 1},  [0x1A] = {FORM_TEXT, 2},
    [0x1B] = {FORM_TEXT, 4},  [0x1C] = {FORM_ARRAY, 2}, [0x1D] = {FORM_ARRAY, 4},
    [0x1E] = {FORM_MAP, 2},   [0x1F] = {FORM_MAP, 4},
}; /* the rest: never used, and ext types, which have no place here */

static size_t left(const struct cursor *cursor)
{
    return (size_t)(cursor->end - cursor->at);
}

static bool take_run(struct cursor *cursor, enum token_kind kind, uint64_t bytes,
                     struct token *token)
{
    if (bytes > left(cursor))
        return false;
    token->kind = kind;
    token->text = (struct str){(const char *)cursor->at, (size_t)bytes};
    cursor->at += bytes;
    return true;
}

/* Each element takes a byte at least: a count beyond the bytes that are left is a lie. */
static bool take_count(struct cursor *cursor, enum token_kind kind, uint64_t count,
                       struct token *token)
{
    token->kind = kind;
    token->count = (size_t)count;
    return count <= left(cursor) / (kind == TOKEN_MAP ? 2 : 1);
}

static bool take_number(enum token_kind kind, int64_t number, struct token *token)
{
    token->kind = kind;
    token->number = number;
    return true;
}

static bool take_float(uint64_t raw, unsigned bytes, struct token *token)
{
    double value;
    if (bytes == 8) {
        memcpy(&value, &raw, sizeof value);
    } else {
        uint32_t raw32 = (uint32_t)raw;
        float value32;
        memcpy(&value32, &raw32, sizeof value32);
        value = (double)value32;
    }
    token_set_real(token, value);
    return true;
}

static bool take_form(struct cursor *cursor, struct form form, struct token *token)
{
    if (form.bytes > left(cursor))
        return false;
    uint64_t raw = 0;
    for (unsigned i = 0; i < form.bytes; i++)
        raw = raw << 8 | *cursor->at++;
    unsigned unused = 64 - 8 * form.bytes; /* bits above the number */
    switch ((enum form_kind)form.kind) {
    case FORM_NULL:
        return take_number(TOKEN_NULL, 0, token);
    case FORM_FALSE:
    case FORM_TRUE:
        return take_number(TOKEN_BOOL, form.kind == FORM_TRUE, token);
    case FORM_FLOAT:
        return take_float(raw, form.bytes, token);
    case FORM_UINT:
        return take_number(TOKEN_INT, raw > INT64_MAX ? INT64_MAX : (int64_t)raw, token);
    case FORM_INT:
        return take_number(TOKEN_INT, (int64_t)(raw << unused) >> unused, token);
    case FORM_TEXT:
        return take_run(cursor, TOKEN_TEXT, raw, token);
    case FORM_BYTES:
        return take_run(cursor, TOKEN_BYTES, raw, token);
    case FORM_ARRAY:
        return take_count(cursor, TOKEN_ARRAY, raw, token);
    case FORM_MAP:
        return take_count(cursor, TOKEN_MAP, raw, token);
    case FORM_NONE:
        break;
    }
    return false;
}

/* One token; false where the bytes end too early or mean nothing. */
static bool take_token(struct cursor *cursor, struct token *token)
{
    if (cursor->at == cursor->end)
        return false;
    uint8_t first = *cursor->at++;
    if (first < 0x80 || first >= 0xE0)
        return take_number(TOKEN_INT, (int8_t)first, token);
    if (first >= 0xC0)
        return take_form(cursor, forms[first - 0xC0], token);
    if (first >= 0xA0)
        return take_run(cursor, TOKEN_TEXT, first & 0x1F, token);
    return take_count(cursor, first >= 0x90 ? TOKEN_ARRAY : TOKEN_MAP, first & 0x0F, token);
}

/* ---- The walk ---- */

struct level {
    size_t left; /* tokens */
    bool map;
};

struct walk {
    struct cursor cursor;
    struct level levels[DEPTH_MAX + 1]; /* the first one holds the value itself */
    size_t depth;
};

static const char *walk_down(struct walk *walk, const struct token *token)
{
    if (token->kind != TOKEN_ARRAY && token->kind != TOKEN_MAP)
        return NULL;
    if (walk->depth == DEPTH_MAX)
        return "nesting_too_deep";
    bool map = token->kind == TOKEN_MAP;
    walk->levels[++walk->depth] = (struct level){token->count * (map ? 2 : 1), map};
    return NULL;
}

static const char *walk_token(struct walk *walk)
{
    struct level *level = &walk->levels[walk->depth];
    bool is_name = level->map && level->left % 2 == 0;
    level->left--;
    struct token token;
    if (!take_token(&walk->cursor, &token) || (is_name && token.kind != TOKEN_TEXT))
        return "bad_msgpack";
    return walk_down(walk, &token);
}

static const char *walk_all(struct walk *walk)
{
    for (;;) {
        while (walk->levels[walk->depth].left == 0) {
            if (walk->depth == 0)
                return walk->cursor.at == walk->cursor.end ? NULL : "bad_msgpack";
            walk->depth--;
        }
        const char *code = walk_token(walk);
        if (code)
            return code;
    }
}

static struct cursor cursor_of(struct str value)
{
    const uint8_t *at = (const uint8_t *)value.ptr;
    return (struct cursor){at, at + value.len};
}

bool msgpack_walk(struct str value, struct body_error *error)
{
    struct walk walk = {.cursor = cursor_of(value), .levels[0] = {1, false}};
    const char *code = walk_all(&walk);
    if (code)
        *error =
            (struct body_error){code, 400, 0, (size_t)((const char *)walk.cursor.at - value.ptr)};
    return !code;
}

bool msgpack_is_array(struct str body, size_t *count)
{
    struct cursor cursor = cursor_of(body);
    struct token token;
    bool is_array = take_token(&cursor, &token) && token.kind == TOKEN_ARRAY;
    *count = is_array ? token.count : 0;
    return is_array;
}

/* ---- The reader ---- */

static void next(struct reader *reader, struct token *token)
{
    struct msgpack_reader *msgpack = (struct msgpack_reader *)(void *)reader;
    ensure(take_token(&msgpack->cursor, token));
}

void msgpack_reader_init(struct msgpack_reader *reader, struct str value)
{
    *reader = (struct msgpack_reader){{next, false}, cursor_of(value)};
}
