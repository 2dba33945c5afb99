/* JSON by json-c, an item at a time. A scan finds the items by their brackets first: it counts
 * them, their depth and what the tree would take before json-c allocates anything (an empty object
 * of two bytes costs it 700). */
#include <json-c/json.h>
#include <string.h>

#include "record/decode_internal.h"

enum { BODY_BYTES_MAX = 64 * 1024 * 1024 };

/* ---- The scan ---- */

struct scan {
    const char *at, *end;
    size_t depth;
    const char *code; /* of what is wrong here, or NULL */
};

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static void pass_space(struct scan *scan)
{
    while (scan->at < scan->end && is_space(*scan->at))
        scan->at++;
}

static bool fail(struct scan *scan, const char *code)
{
    scan->code = code;
    return false;
}

/* From behind the opening quote to behind the closing one. */
static bool pass_string(struct scan *scan, struct json_piece *piece)
{
    for (; scan->at < scan->end; scan->at++) {
        unsigned char c = (unsigned char)*scan->at;
        if (c == '"') {
            scan->at++;
            return true;
        }
        if (c < 0x20)
            break;
        if (c != '\\')
            continue;
        piece->nul |= scan->end - scan->at >= 6 && memcmp(scan->at, "\\u0000", 6) == 0;
        if (++scan->at == scan->end)
            break;
    }
    return fail(scan, "bad_json");
}

/* What json-c reads although it is no JSON: 'text', NaN, Infinity, form feeds. */
static bool is_stray(char c)
{
    return c == '\'' || c == 'N' || c == 'I' || ((unsigned char)c < 0x20 && !is_space(c));
}

static bool pass_char(struct scan *scan, struct json_piece *piece)
{
    char c = *scan->at++;
    piece->values += c == ',' || c == '{' || c == '[';
    piece->members += c == ':';
    if (c == '"')
        return pass_string(scan, piece);
    if (c == '{' || c == '[')
        return ++scan->depth <= DEPTH_MAX || fail(scan, "nesting_too_deep");
    if (c == '}' || c == ']')
        scan->depth--;
    return !is_stray(c) || fail(scan, "bad_json");
}

/* One value, to the comma or bracket that ends it, or to the end. */
static bool scan_value(struct scan *scan, struct json_piece *piece)
{
    pass_space(scan);
    *piece = (struct json_piece){.text = {scan->at, 0}};
    size_t outside = scan->depth;
    while (scan->at < scan->end && (scan->depth > outside || !memchr(",]}", *scan->at, 3)))
        if (!pass_char(scan, piece))
            return false;
    piece->text.len = (size_t)(scan->at - piece->text.ptr);
    while (piece->text.len && is_space(piece->text.ptr[piece->text.len - 1]))
        piece->text.len--;
    return (scan->depth == outside && piece->text.len > 0) || fail(scan, "bad_json");
}

static bool add_piece(struct scan *scan, struct arena *arena, struct vec *pieces)
{
    if (pieces->count == BATCH_ITEMS_MAX)
        return fail(scan, "too_many_items");
    if (!scan_value(scan, vec_slot(arena, pieces)))
        return false;
    pieces->count++;
    return true;
}

static bool pass_comma(struct scan *scan)
{
    bool comma = scan->at < scan->end && *scan->at == ',';
    scan->at += comma;
    return comma;
}

/* Nothing but space until the end. */
static bool pass_end(struct scan *scan)
{
    pass_space(scan);
    return scan->at == scan->end || fail(scan, "bad_json");
}

static bool split_elements(struct scan *scan, struct arena *arena, struct vec *pieces)
{
    pass_space(scan);
    if (scan->at < scan->end && *scan->at == ']')
        return true;
    do
        if (!add_piece(scan, arena, pieces))
            return false;
    while (pass_comma(scan));
    return true;
}

static bool split_array(struct scan *scan, struct arena *arena, struct vec *pieces)
{
    pass_space(scan);
    if (scan->at == scan->end || *scan->at != '[') {
        bool is_value = scan->at < scan->end && memchr("{\"tfn-0123456789", *scan->at, 16);
        return fail(scan, is_value ? "batch_expected" : "bad_json");
    }
    scan->at++;
    if (!split_elements(scan, arena, pieces))
        return false;
    if (scan->at == scan->end || *scan->at != ']')
        return fail(scan, "bad_json");
    scan->at++;
    return pass_end(scan);
}

static bool split_lines(struct scan *scan, struct arena *arena, struct vec *pieces)
{
    const char *end = scan->end;
    for (pass_space(scan); scan->at < end; scan->end = end, pass_space(scan)) {
        const char *line_end = memchr(scan->at, '\n', (size_t)(end - scan->at));
        scan->end = line_end ? line_end : end;
        if (!add_piece(scan, arena, pieces) || !pass_end(scan))
            return false;
    }
    return true;
}

static int status_of(const char *code)
{
    if (strcmp(code, "batch_expected") == 0)
        return 422;
    return strcmp(code, "too_many_items") == 0 || strcmp(code, "body_too_large") == 0 ? 413 : 400;
}

static void set_error(struct body_error *error, const char *code, struct str body, const char *at)
{
    *error = (struct body_error){code, status_of(code), 1, (size_t)(at - body.ptr)};
    for (const char *c = body.ptr; c < at; c++)
        error->line += *c == '\n';
}

/* A batch's lines count as deep as the elements of an array, so that a body may be written either
 * way. */
bool json_split(enum record_format format, struct str body, struct arena *arena, struct vec *pieces,
                struct body_error *error)
{
    *pieces = (struct vec){.size = sizeof(struct json_piece)};
    struct scan scan = {body.ptr, body.ptr + body.len, 1, NULL};
    if (body.len > BODY_BYTES_MAX)
        fail(&scan, "body_too_large");
    else if (format == RECORD_NDJSON)
        split_lines(&scan, arena, pieces);
    else
        split_array(&scan, arena, pieces);
    if (scan.code)
        set_error(error, scan.code, body, scan.at);
    return !scan.code;
}

bool json_split_one(struct str body, struct json_piece *piece, struct body_error *error)
{
    struct scan scan = {body.ptr, body.ptr + body.len, 1, NULL};
    if (body.len > BODY_BYTES_MAX)
        fail(&scan, "body_too_large");
    else if (scan_value(&scan, piece))
        pass_end(&scan);
    if (scan.code)
        set_error(error, scan.code, body, scan.at);
    return !scan.code;
}

/* ---- The reader: a walk over json-c's tree ---- */

static void number_token(struct json_object *value, struct token *token)
{
    int64_t number = json_object_get_int64(value); /* saturates at INT64_MAX */
    *token = (struct token){.kind = TOKEN_INT, .number = number};
}

static void text_token(struct json_object *value, struct token *token)
{
    token->kind = TOKEN_TEXT;
    token->text =
        (struct str){json_object_get_string(value), (size_t)json_object_get_string_len(value)};
}

static void push(struct json_reader *reader, struct json_object *container)
{
    struct json_level *level = &reader->levels[reader->depth++];
    *level = (struct json_level){.container = container};
    if (json_object_is_type(container, json_type_object))
        level->entry = json_object_get_object(container)->head;
}

static void container_token(struct json_reader *reader, struct json_object *value,
                            struct token *token)
{
    bool map = json_object_is_type(value, json_type_object);
    token->kind = map ? TOKEN_MAP : TOKEN_ARRAY;
    token->count = map ? (size_t)json_object_object_length(value) : json_object_array_length(value);
    push(reader, value);
}

static void value_token(struct json_reader *reader, struct json_object *value, struct token *token)
{
    switch (json_object_get_type(value)) {
    case json_type_null:
        token->kind = TOKEN_NULL;
        break;
    case json_type_boolean:
        *token = (struct token){.kind = TOKEN_BOOL, .number = json_object_get_boolean(value)};
        break;
    case json_type_int:
        number_token(value, token);
        break;
    case json_type_double:
        token_set_real(token, json_object_get_double(value));
        break;
    case json_type_string:
        text_token(value, token);
        break;
    case json_type_object:
    case json_type_array:
        container_token(reader, value, token);
        break;
    }
}

static void member_token(struct json_reader *reader, struct json_level *level, struct token *token)
{
    struct lh_entry *entry = level->entry;
    if (!level->named) {
        level->named = true;
        reader->members++;
        token->kind = TOKEN_TEXT;
        token->text = str_from(lh_entry_k(entry));
        return;
    }
    level->named = false;
    level->entry = entry->next;
    value_token(reader, lh_entry_v(entry), token);
}

static bool level_is_over(const struct json_level *level)
{
    if (json_object_is_type(level->container, json_type_object))
        return !level->entry;
    return level->at == json_object_array_length(level->container);
}

static void next(struct reader *base, struct token *token)
{
    struct json_reader *reader = (struct json_reader *)(void *)base;
    while (reader->depth && level_is_over(&reader->levels[reader->depth - 1]))
        reader->depth--;
    struct json_level *level = reader->depth ? &reader->levels[reader->depth - 1] : NULL;
    if (!level)
        value_token(reader, reader->root, token);
    else if (json_object_is_type(level->container, json_type_object))
        member_token(reader, level, token);
    else
        value_token(reader, json_object_array_get_idx(level->container, level->at++), token);
}

void json_reader_init(struct json_reader *reader, struct str body, struct body_error *error)
{
    *reader = (struct json_reader){.reader = {next, true}, .body = body, .error = error};
    reader->tokener = json_tokener_new_ex(32);
    ensure(reader->tokener);
    /* UTF-8 is checked where a text is kept: there the problem has a pointer. */
    json_tokener_set_flags(reader->tokener, JSON_TOKENER_STRICT);
}

void json_reader_done(struct json_reader *reader)
{
    json_object_put(reader->root);
    json_tokener_free(reader->tokener);
}

/* A number has no end of its own: the NUL behind it says that nothing follows. */
static enum json_tokener_error parse(struct json_reader *reader, struct str text)
{
    reader->root = json_tokener_parse_ex(reader->tokener, text.ptr, (int)text.len);
    if (json_tokener_get_error(reader->tokener) == json_tokener_continue)
        reader->root = json_tokener_parse_ex(reader->tokener, "", 1);
    return json_tokener_get_error(reader->tokener);
}

bool json_reader_open(struct json_reader *reader, const struct json_piece *piece)
{
    json_object_put(reader->root);
    reader->root = NULL;
    reader->depth = 0;
    reader->members = 0;
    json_tokener_reset(reader->tokener);
    enum json_tokener_error code = parse(reader, piece->text);
    if (code == json_tokener_success)
        return true;
    size_t parsed = MIN_OF(json_tokener_get_parse_end(reader->tokener), piece->text.len);
    set_error(reader->error, "bad_json", reader->body, piece->text.ptr + parsed);
    return false;
}
