#include "record/decode_internal.h"

static void add_record(const struct record *record, const void *item, struct buf *out);

static void add_bool(const struct field *field, const void *member, struct buf *out)
{
    (void)field;
    buf_add_text(out, *(const bool *)member ? "true" : "false");
}

static void add_number(int64_t number, struct buf *out)
{
    char digits[20];
    size_t at = sizeof digits;
    uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;
    do
        digits[--at] = (char)('0' + left % 10);
    while (left /= 10);
    if (number < 0)
        digits[--at] = '-';
    buf_add(out, digits + at, sizeof digits - at);
}

static void add_int(const struct field *field, const void *member, struct buf *out)
{
    (void)field;
    add_number(*(const int32_t *)member, out);
}

static void add_bigint(const struct field *field, const void *member, struct buf *out)
{
    (void)field;
    add_number(*(const int64_t *)member, out);
}

static void add_optional(const struct field *field, const void *member, struct buf *out)
{
    (void)field;
    add_number(((const struct optional *)member)->value, out);
}

/* What needs no escaping. */
static void add_plain(struct str text, struct buf *out)
{
    buf_add_char(out, '"');
    buf_add_str(out, text);
    buf_add_char(out, '"');
}

static void add_enum(const struct field *field, const void *member, struct buf *out)
{
    add_plain(str_from(value_name(field->values, *(const unsigned *)member)), out);
}

static void add_enum_set(const struct field *field, const void *member, struct buf *out)
{
    const char *between = "[";
    uint32_t bits = ((const struct enum_set *)member)->bits;
    for (unsigned value = 1; value < 32; value++) {
        if (!(bits >> value & 1))
            continue;
        buf_add_text(out, between);
        add_enum(field, &value, out);
        between = ",";
    }
    buf_add_text(out, bits ? "]" : "[]");
}

static void add_uuid(const struct field *field, const void *member, struct buf *out)
{
    (void)field;
    char text[UUID_TEXT_LEN + 1];
    add_plain((struct str){uuid_format(member, text), UUID_TEXT_LEN}, out);
}

static void add_text(const struct field *field, const void *member, struct buf *out)
{
    (void)field;
    buf_add_json(out, *(const struct str *)member);
}

static void add_date(const struct field *field, const void *member, struct buf *out)
{
    (void)field;
    char text[DATE_TEXT_LEN + 1];
    add_plain((struct str){date_format(*(const struct date *)member, text), DATE_TEXT_LEN}, out);
}

static void add_instant(const struct field *field, const void *member, struct buf *out)
{
    (void)field;
    char text[INSTANT_TEXT_LEN + 1];
    instant_format(*(const struct instant *)member, text);
    add_plain((struct str){text, INSTANT_TEXT_LEN}, out);
}

static void add_uuids(const struct field *field, const void *member, struct buf *out)
{
    const struct uuids *uuids = member;
    for (size_t i = 0; i < uuids->count; i++) {
        buf_add_char(out, i ? ',' : '[');
        add_uuid(field, &uuids->items[i], out);
    }
    buf_add_text(out, uuids->count ? "]" : "[]");
}

static void add_texts(const struct field *field, const void *member, struct buf *out)
{
    const struct strs *texts = member;
    for (size_t i = 0; i < texts->count; i++) {
        buf_add_char(out, i ? ',' : '[');
        add_text(field, &texts->items[i], out);
    }
    buf_add_text(out, texts->count ? "]" : "[]");
}

static void add_list(const struct field *field, const void *member, struct buf *out)
{
    const struct list *list = member;
    for (size_t i = 0; i < list->count; i++) {
        buf_add_char(out, i ? ',' : '[');
        add_record(field->record, (const char *)list->items + i * field->record->size, out);
    }
    buf_add_text(out, list->count ? "]" : "[]");
}

static void add_nested(const struct field *field, const void *member, struct buf *out)
{
    add_record(field->record, member, out);
}

/* FIELD_BYTES has no JSON and is left out. */
static void (*const adders[])(const struct field *field, const void *member, struct buf *out) = {
    [FIELD_BOOL] = add_bool,         [FIELD_INT] = add_int,       [FIELD_BIGINT] = add_bigint,
    [FIELD_OPTIONAL] = add_optional, [FIELD_ENUM] = add_enum,     [FIELD_ENUM_SET] = add_enum_set,
    [FIELD_UUID] = add_uuid,         [FIELD_TEXT] = add_text,     [FIELD_DATE] = add_date,
    [FIELD_INSTANT] = add_instant,   [FIELD_UUIDS] = add_uuids,   [FIELD_TEXTS] = add_texts,
    [FIELD_LIST] = add_list,         [FIELD_NESTED] = add_nested, [FIELD_BYTES] = NULL,
};

void json_add_field(const struct field *field, const void *item, struct buf *out)
{
    adders[field->type](field, field_get(field, item), out);
}

static void add_record(const struct record *record, const void *item, struct buf *out)
{
    char between = '{';
    for (size_t i = 0; i < record->count; i++) {
        const struct field *field = &record->fields[i];
        if (!adders[field->type] || field_absent(field, item))
            continue;
        buf_add_char(out, between);
        add_plain(str_from(field->name), out);
        buf_add_char(out, ':');
        json_add_field(field, item, out);
        between = ',';
    }
    buf_add_text(out, between == '{' ? "{}" : "}");
}

void record_encode_json(const struct record *record, const void *item, struct buf *out)
{
    add_record(record, item, out);
}
