/* From tokens to structs: a row of functions for each type of field. */
#include "record/decode_internal.h"

#include <string.h>

enum { NAME_SHOWN_BYTES = 64 };

void token_set_real(struct token *token, double value)
{
    bool whole = value == __builtin_trunc(value) && !__builtin_isinf(value);
    token->kind = whole ? TOKEN_INT : TOKEN_REAL;
    if (!whole)
        return;
    if (value >= 0x1p63)
        token->number = INT64_MAX;
    else
        token->number = value < -0x1p63 ? INT64_MIN : (int64_t)value;
}

void reader_skip(struct reader *reader, const struct token *token)
{
    struct token passed = *token;
    size_t left = 0;
    do {
        if (passed.kind == TOKEN_ARRAY || passed.kind == TOKEN_MAP)
            left += passed.count * (passed.kind == TOKEN_MAP ? 2 : 1);
        if (left == 0)
            return;
        reader->next(reader, &passed);
    } while (left--);
}

/* ---- Problems and their pointers ---- */

/* RFC 6901: "~" and "/" in a name are written "~0" and "~1". */
static void add_name(struct buf *out, struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '~' || name.ptr[i] == '/')
            buf_add_text(out, name.ptr[i] == '~' ? "~0" : "~1");
        else
            buf_add_char(out, name.ptr[i]);
    }
}

static void add_place(struct buf *out, const struct place *place)
{
    if (!place)
        return;
    add_place(out, place->above);
    buf_add_char(out, '/');
    if (str_present(place->name))
        add_name(out, place->name);
    else
        buf_printf(out, "%zu", place->index);
}

static const char *place_pointer(struct decode *decode, const char *tail)
{
    CLEANUP(buf_done) struct buf out = {0};
    add_place(&out, decode->place);
    buf_add_text(&out, tail);
    return arena_copy(decode->arena, buf_str(&out).ptr, out.len);
}

static void complain(struct decode *decode, const char *code)
{
    decode->faults++;
    if (!problems_full(decode->problems))
        problem_add(decode->problems, place_pointer(decode, ""), code);
}

/* At most 64 bytes of what a sender wrote, and valid UTF-8 whatever that was. */
static struct str shown_name(struct str name, char room[NAME_SHOWN_BYTES])
{
    struct str shown = {room, MIN_OF(name.len, (size_t)NAME_SHOWN_BYTES)};
    while (shown.len < name.len && shown.len && ((unsigned char)name.ptr[shown.len] & 0xC0) == 0x80)
        shown.len--; /* not half a character */
    memcpy(room, name.ptr, shown.len);
    bool valid = str_is_utf8(shown);
    for (size_t i = 0; i < shown.len && !valid; i++)
        if ((signed char)room[i] <= 0)
            room[i] = '?';
    return shown;
}

/* ---- Scalars ---- */

static void take_bool(struct decode *decode, const struct field *field, const struct token *token,
                      void *member)
{
    (void)decode, (void)field;
    *(bool *)member = token->number != 0;
}

static bool in_range(struct decode *decode, const struct field *field, int64_t number)
{
    struct range range = field_range(field);
    if (number >= range.min && number <= range.max)
        return true;
    complain(decode, number < range.min ? "below_minimum" : "above_maximum");
    return false;
}

static void take_int(struct decode *decode, const struct field *field, const struct token *token,
                     void *member)
{
    if (in_range(decode, field, token->number))
        *(int32_t *)member = (int32_t)token->number;
}

static void take_bigint(struct decode *decode, const struct field *field, const struct token *token,
                        void *member)
{
    if (in_range(decode, field, token->number))
        *(int64_t *)member = token->number;
}

static void take_optional(struct decode *decode, const struct field *field,
                          const struct token *token, void *member)
{
    if (in_range(decode, field, token->number))
        *(struct optional *)member = (struct optional){true, (int32_t)token->number};
}

/* A sender's text may hold a NUL: lengths first. */
static bool is_name(const char *name, struct str text)
{
    return strlen(name) == text.len && memcmp(name, text.ptr, text.len) == 0;
}

static unsigned value_of(const struct values *values, struct str name)
{
    for (size_t i = 0; i < values->count; i++)
        if (is_name(values->items[i].name, name))
            return values->items[i].value;
    return 0;
}

static void take_enum(struct decode *decode, const struct field *field, const struct token *token,
                      void *member)
{
    *(unsigned *)member = value_of(field->values, token->text);
    if (*(unsigned *)member == 0)
        complain(decode, "unknown_value");
}

static void take_uuid(struct decode *decode, const struct field *field, const struct token *token,
                      void *member)
{
    (void)field;
    if (!uuid_parse(token->text, member))
        complain(decode, "not_a_uuid");
}

static void take_date(struct decode *decode, const struct field *field, const struct token *token,
                      void *member)
{
    (void)field;
    if (!date_parse(token->text, member))
        complain(decode, "bad_date");
}

static void take_instant(struct decode *decode, const struct field *field,
                         const struct token *token, void *member)
{
    (void)field;
    struct instant instant;
    /* 1970-01-01T00:00:00Z would read as "absent": it is nobody's instant */
    if (instant_parse(token->text, &instant) && instant_in_years(instant) && instant.us != 0)
        *(struct instant *)member = instant;
    else
        complain(decode, "bad_instant");
}

/* ---- Texts ---- */

static bool is_code(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!plain && !memchr("_-.:", c, 4))
            return false;
    }
    return true;
}

/* C0, DEL and C1 (U+0080 to U+009F), which UTF-8 writes as C2 80 to C2 9F. */
static bool has_controls(struct str text, bool breaks_are_fine)
{
    unsigned char last = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool is_break = c == '\n' || c == '\r' || c == '\t';
        if ((c < 0x20 && !(is_break && breaks_are_fine)) || c == 0x7F || (last == 0xC2 && c < 0xA0))
            return true;
        last = c;
    }
    return false;
}

static const char *length_problem(const struct field *field, struct str text, int64_t characters)
{
    struct range range = field_range(field);
    if (text.len == 0)
        return field->required || range.min > 0 ? "empty" : NULL;
    if (characters > range.max)
        return "too_long";
    return characters < range.min ? "too_short" : NULL;
}

/* The code of what is wrong with the text, or NULL. */
static const char *text_problem(const struct field *field, struct str text)
{
    if (!str_is_utf8(text))
        return "invalid_utf8";
    const char *code = length_problem(field, text, (int64_t)str_characters(text));
    if (code)
        return code;
    if (field->text == TEXT_CODE)
        return is_code(text) ? NULL : "bad_code";
    return has_controls(text, field->text == TEXT_FREE) ? "control_character" : NULL;
}

static struct str keep(struct decode *decode, struct str text)
{
    return decode->reader->passing ? str_copy(decode->arena, text) : text;
}

static void take_text(struct decode *decode, const struct field *field, const struct token *token,
                      void *member)
{
    const char *code = text_problem(field, token->text);
    if (code)
        complain(decode, code);
    else
        *(struct str *)member = keep(decode, token->text);
}

static void take_bytes(struct decode *decode, const struct field *field, const struct token *token,
                       void *member)
{
    const char *code = length_problem(field, token->text, (int64_t)token->text.len);
    if (code)
        complain(decode, code);
    else
        ((struct bytes *)member)->value = keep(decode, token->text);
}

/* ---- What holds several ---- */

static void take_map(struct decode *decode, const struct record *record, const struct token *token,
                     void *item);

/* An element of a list into a slot; how depends on the list's type. */
struct element_kind {
    enum token_kind token;
    size_t size;
    void (*take)(struct decode *decode, const struct field *field, const struct token *token,
                 void *slot);
};

static void take_element(struct decode *decode, const struct field *field,
                         const struct element_kind *kind, struct vec *vec)
{
    struct token token;
    size_t before = decode->faults;
    decode->reader->next(decode->reader, &token);
    if (token.kind != kind->token) {
        complain(decode, "wrong_type");
        reader_skip(decode->reader, &token);
        return;
    }
    kind->take(decode, field, &token, vec_slot(decode->arena, vec));
    if (decode->faults == before)
        vec->count++; /* a bad element's slot serves the next: memory follows what is good */
}

static bool count_fits(struct decode *decode, const struct field *field, size_t count)
{
    struct range range = field_range(field);
    if ((int64_t)count >= range.min && (int64_t)count <= range.max)
        return true;
    complain(decode, (int64_t)count < range.min ? "too_short" : "too_long");
    return false;
}

static struct vec take_elements(struct decode *decode, const struct field *field,
                                const struct token *token, const struct element_kind *kind)
{
    struct vec vec = {.size = kind->size};
    if (!count_fits(decode, field, token->count)) {
        reader_skip(decode->reader, token);
        return vec;
    }
    struct place place = {.above = decode->place};
    decode->place = &place;
    for (; place.index < token->count; place.index++)
        take_element(decode, field, kind, &vec);
    decode->place = place.above;
    return vec;
}

static void take_uuids(struct decode *decode, const struct field *field, const struct token *token,
                       void *member)
{
    static const struct element_kind kind = {TOKEN_TEXT, sizeof(struct uuid), take_uuid};
    struct vec vec = take_elements(decode, field, token, &kind);
    *(struct uuids *)member = (struct uuids){(void *)vec.items, vec.count};
}

/* The field's own range counts its elements: a text within has the range of any text. */
static void take_text_element(struct decode *decode, const struct field *field,
                              const struct token *token, void *slot)
{
    struct field element = {.type = FIELD_TEXT, .required = true, .text = field->text};
    take_text(decode, &element, token, slot);
}

static void take_texts(struct decode *decode, const struct field *field, const struct token *token,
                       void *member)
{
    static const struct element_kind kind = {TOKEN_TEXT, sizeof(struct str), take_text_element};
    struct vec vec = take_elements(decode, field, token, &kind);
    *(struct strs *)member = (struct strs){(void *)vec.items, vec.count};
}

static void take_enum_set(struct decode *decode, const struct field *field,
                          const struct token *token, void *member)
{
    static const struct element_kind kind = {TOKEN_TEXT, sizeof(unsigned), take_enum};
    struct vec vec = take_elements(decode, field, token, &kind);
    const unsigned *values = (const void *)vec.items;
    for (size_t i = 0; i < vec.count; i++) {
        ensure(values[i] < 32);
        ((struct enum_set *)member)->bits |= UINT32_C(1) << values[i];
    }
}

static void take_nested(struct decode *decode, const struct field *field, const struct token *token,
                        void *member)
{
    take_map(decode, field->record, token, member);
}

static void take_list(struct decode *decode, const struct field *field, const struct token *token,
                      void *member)
{
    struct element_kind kind = {TOKEN_MAP, field->record->size, take_nested};
    struct vec vec = take_elements(decode, field, token, &kind);
    *(struct list *)member = (struct list){vec.items, vec.count};
}

static const struct {
    enum token_kind token;
    void (*take)(struct decode *decode, const struct field *field, const struct token *token,
                 void *member);
} kinds[] = {
    [FIELD_BOOL] = {TOKEN_BOOL, take_bool},    [FIELD_INT] = {TOKEN_INT, take_int},
    [FIELD_BIGINT] = {TOKEN_INT, take_bigint}, [FIELD_OPTIONAL] = {TOKEN_INT, take_optional},
    [FIELD_ENUM] = {TOKEN_TEXT, take_enum},    [FIELD_ENUM_SET] = {TOKEN_ARRAY, take_enum_set},
    [FIELD_UUID] = {TOKEN_TEXT, take_uuid},    [FIELD_TEXT] = {TOKEN_TEXT, take_text},
    [FIELD_DATE] = {TOKEN_TEXT, take_date},    [FIELD_INSTANT] = {TOKEN_TEXT, take_instant},
    [FIELD_UUIDS] = {TOKEN_ARRAY, take_uuids}, [FIELD_TEXTS] = {TOKEN_ARRAY, take_texts},
    [FIELD_LIST] = {TOKEN_ARRAY, take_list},   [FIELD_BYTES] = {TOKEN_BYTES, take_bytes},
    [FIELD_NESTED] = {TOKEN_MAP, take_nested},
};

/* ---- A map into a struct ---- */

/* Index of the field, or the count of fields. Senders keep to an order: the one expected comes
 * first. */
static size_t field_index(const struct record *record, struct str name, size_t expected)
{
    for (size_t i = expected; i < record->count; i++)
        if (is_name(record->fields[i].name, name))
            return i;
    for (size_t i = 0; i < expected; i++)
        if (is_name(record->fields[i].name, name))
            return i;
    return record->count;
}

static void take_field(struct decode *decode, const struct field *field, const struct token *token,
                       void *item)
{
    if (kinds[field->type].token == token->kind) {
        kinds[field->type].take(decode, field, token, (char *)item + field->offset);
        return;
    }
    complain(decode, "wrong_type");
    reader_skip(decode->reader, token);
}

/* Which fields came, as bits by their index. */
struct came {
    uint64_t named, given; /* given: and not null */
};

static void refuse(struct decode *decode, const char *code, const struct token *token)
{
    if (code)
        complain(decode, code);
    reader_skip(decode->reader, token);
}

static size_t take_pair(struct decode *decode, const struct record *record, struct str name,
                        size_t expected, void *item, struct came *came)
{
    size_t index = field_index(record, name, expected);
    bool known = index < record->count;
    char room[NAME_SHOWN_BYTES];
    struct str shown = known ? str_from(record->fields[index].name) : shown_name(name, room);
    struct place place = {decode->place, shown, 0};
    decode->place = &place;
    struct token token;
    decode->reader->next(decode->reader, &token);
    uint64_t bit = known ? UINT64_C(1) << index : 0;
    if (!known)
        refuse(decode, decode->from_topic ? NULL : "unknown_field", &token);
    else if (came->named & bit)
        refuse(decode, "duplicate_field", &token);
    else if (token.kind != TOKEN_NULL) {
        came->given |= bit;
        take_field(decode, &record->fields[index], &token, item);
    }
    came->named |= bit;
    decode->place = place.above;
    return known ? index + 1 : expected;
}

static void demand_required(struct decode *decode, const struct record *record, uint64_t given)
{
    for (size_t i = 0; i < record->count; i++) {
        if (!record->fields[i].required || (given >> i & 1))
            continue;
        struct place place = {decode->place, str_from(record->fields[i].name), 0};
        decode->place = &place;
        complain(decode, "missing");
        decode->place = place.above;
    }
}

/* What a check says of a nested record's "/field" gets the place of that record in front. */
static void run_check(struct decode *decode, const struct record *record, const void *item)
{
    struct problems *problems = decode->problems;
    size_t before = problems->count;
    record->check(item, problems);
    decode->faults += problems->count - before;
    for (size_t i = before; i < problems->count && decode->place; i++)
        problems->items[i].pointer = place_pointer(decode, problems->items[i].pointer);
}

static void take_map(struct decode *decode, const struct record *record, const struct token *token,
                     void *item)
{
    ensure(record->count <= 64);
    size_t before = decode->faults, expected = 0;
    struct came came = {0};
    for (size_t i = 0; i < token->count; i++) {
        struct token name;
        decode->reader->next(decode->reader, &name);
        expected = take_pair(decode, record, name.text, expected, item, &came);
    }
    demand_required(decode, record, came.given);
    if (record->check && !decode->from_topic && decode->faults == before)
        run_check(decode, record, item);
}

void decode_item(struct decode *decode, const struct record *record, void *item)
{
    struct token token;
    decode->reader->next(decode->reader, &token);
    if (token.kind == TOKEN_MAP)
        take_map(decode, record, &token, item);
    else
        refuse(decode, "wrong_type", &token);
}
