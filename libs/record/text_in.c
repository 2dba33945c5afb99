/* A cell of a table as the tokens that member_in.c reads. */
#include <string.h>

#include "record/decode_internal.h"

struct text_reader {
    struct reader reader;
    struct str rest; /* of a list */
};

static struct str trimmed(struct str text)
{
    while (text.len && memchr(" \t\r\n", text.ptr[0], 4))
        text.ptr++, text.len--;
    while (text.len && memchr(" \t\r\n", text.ptr[text.len - 1], 4))
        text.len--;
    return text;
}

static void next_element(struct reader *reader, struct token *token)
{
    struct text_reader *texts = (struct text_reader *)reader;
    *token = (struct token){.kind = TOKEN_TEXT, .text = trimmed(str_cut(&texts->rest, ','))};
}

static size_t count_elements(struct str text)
{
    size_t count = 1;
    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == ',';
    return count;
}

static void read_number(struct str text, struct token *token)
{
    if (str_to_int64(text, INT64_MIN, INT64_MAX, &token->number))
        token->kind = TOKEN_INT;
}

static void read_bool(struct str text, struct token *token)
{
    token->number = str_equal(text, STR("true"));
    if (token->number || str_equal(text, STR("false")))
        token->kind = TOKEN_BOOL;
}

/* What is none of its type stays a text, and is of a wrong type. */
static struct token token_of(const struct field *field, struct str text)
{
    struct token token = {.kind = TOKEN_TEXT, .text = text};
    switch (field->type) {
    case FIELD_INT:
    case FIELD_BIGINT:
    case FIELD_OPTIONAL:
        read_number(text, &token);
        break;
    case FIELD_BOOL:
        read_bool(text, &token);
        break;
    case FIELD_ENUM_SET:
    case FIELD_UUIDS:
    case FIELD_TEXTS:
        token.kind = TOKEN_ARRAY;
        token.count = count_elements(text);
        break;
    default:
        ensure(field->type != FIELD_LIST && field->type != FIELD_NESTED &&
               field->type != FIELD_BYTES);
    }
    return token;
}

bool record_field_from_text(const struct field *field, struct str text, struct arena *arena,
                            struct problems *problems, void *item)
{
    if (text.len == 0)
        return true;
    struct text_reader texts = {{next_element, false}, text};
    struct place place = {NULL, str_from(field->name), 0};
    struct decode decode = {
        .reader = &texts.reader, .arena = arena, .problems = problems, .place = &place};
    struct token token = token_of(field, text);
    decode_field(&decode, field, &token, item);
    return decode.faults == 0;
}
