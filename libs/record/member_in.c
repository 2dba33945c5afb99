/* What a field may hold: a row of functions for each type. */
#include <string.h>

#include "record/decode_internal.h"

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
    decode_complain(decode, number < range.min ? "below_minimum" : "above_maximum");
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
        decode_complain(decode, "unknown_value");
}

static void take_uuid(struct decode *decode, const struct field *field, const struct token *token,
                      void *member)
{
    (void)field;
    if (!uuid_parse(token->text, member))
        decode_complain(decode, "not_a_uuid");
}

static void take_date(struct decode *decode, const struct field *field, const struct token *token,
                      void *member)
{
    (void)field;
    if (!date_parse(token->text, member))
        decode_complain(decode, "bad_date");
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
        decode_complain(decode, "bad_instant");
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
        decode_complain(decode, code);
    else
        *(struct str *)member = keep(decode, token->text);
}

static void take_bytes(struct decode *decode, const struct field *field, const struct token *token,
                       void *member)
{
    const char *code = length_problem(field, token->text, (int64_t)token->text.len);
    if (code)
        decode_complain(decode, code);
    else
        ((struct bytes *)member)->value = keep(decode, token->text);
}

/* ---- What holds several ---- */

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
        decode_complain(decode, "wrong_type");
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
    decode_complain(decode, (int64_t)count < range.min ? "too_short" : "too_long");
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
    decode_map(decode, field->record, token, member);
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

void decode_field(struct decode *decode, const struct field *field, const struct token *token,
                  void *item)
{
    if (kinds[field->type].token == token->kind) {
        kinds[field->type].take(decode, field, token, (char *)item + field->offset);
        return;
    }
    decode_complain(decode, "wrong_type");
    reader_skip(decode->reader, token);
}
