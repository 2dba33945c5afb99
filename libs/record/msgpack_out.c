#include <msgpack/pack.h>

#include "record/decode_internal.h"

static void pack_record(const struct record *record, const void *item, msgpack_packer *packer);

static int write_to_buf(void *buf, const char *bytes, size_t count)
{
    buf_add(buf, bytes, count);
    return 0;
}

static void pack_text(msgpack_packer *packer, struct str text)
{
    msgpack_pack_str_with_body(packer, text.ptr, text.len);
}

static void add_bool(const struct field *field, const void *member, msgpack_packer *packer)
{
    (void)field;
    if (*(const bool *)member)
        msgpack_pack_true(packer);
    else
        msgpack_pack_false(packer);
}

static void add_int(const struct field *field, const void *member, msgpack_packer *packer)
{
    (void)field;
    msgpack_pack_int32(packer, *(const int32_t *)member);
}

static void add_bigint(const struct field *field, const void *member, msgpack_packer *packer)
{
    (void)field;
    msgpack_pack_int64(packer, *(const int64_t *)member);
}

static void add_optional(const struct field *field, const void *member, msgpack_packer *packer)
{
    (void)field;
    msgpack_pack_int32(packer, ((const struct optional *)member)->value);
}

static void add_enum(const struct field *field, const void *member, msgpack_packer *packer)
{
    pack_text(packer, str_from(value_name(field->values, *(const unsigned *)member)));
}

static void add_enum_set(const struct field *field, const void *member, msgpack_packer *packer)
{
    uint32_t bits = ((const struct enum_set *)member)->bits & ~UINT32_C(1);
    msgpack_pack_array(packer, (size_t)__builtin_popcount(bits));
    for (unsigned value = 1; value < 32; value++)
        if (bits >> value & 1)
            add_enum(field, &value, packer);
}

static void add_uuid(const struct field *field, const void *member, msgpack_packer *packer)
{
    (void)field;
    char text[UUID_TEXT_LEN + 1];
    pack_text(packer, (struct str){uuid_format(member, text), UUID_TEXT_LEN});
}

static void add_text(const struct field *field, const void *member, msgpack_packer *packer)
{
    (void)field;
    pack_text(packer, *(const struct str *)member);
}

static void add_date(const struct field *field, const void *member, msgpack_packer *packer)
{
    (void)field;
    char text[DATE_TEXT_LEN + 1];
    date_format(*(const struct date *)member, text);
    pack_text(packer, (struct str){text, DATE_TEXT_LEN});
}

static void add_instant(const struct field *field, const void *member, msgpack_packer *packer)
{
    (void)field;
    char text[INSTANT_TEXT_LEN + 1];
    instant_format(*(const struct instant *)member, text);
    pack_text(packer, (struct str){text, INSTANT_TEXT_LEN});
}

static void add_uuids(const struct field *field, const void *member, msgpack_packer *packer)
{
    const struct uuids *uuids = member;
    msgpack_pack_array(packer, uuids->count);
    for (size_t i = 0; i < uuids->count; i++)
        add_uuid(field, &uuids->items[i], packer);
}

static void add_texts(const struct field *field, const void *member, msgpack_packer *packer)
{
    const struct strs *texts = member;
    msgpack_pack_array(packer, texts->count);
    for (size_t i = 0; i < texts->count; i++)
        add_text(field, &texts->items[i], packer);
}

static void add_list(const struct field *field, const void *member, msgpack_packer *packer)
{
    const struct list *list = member;
    msgpack_pack_array(packer, list->count);
    for (size_t i = 0; i < list->count; i++)
        pack_record(field->record, (const char *)list->items + i * field->record->size, packer);
}

static void add_bytes(const struct field *field, const void *member, msgpack_packer *packer)
{
    (void)field;
    struct str value = ((const struct bytes *)member)->value;
    msgpack_pack_bin_with_body(packer, value.ptr, value.len);
}

static void add_nested(const struct field *field, const void *member, msgpack_packer *packer)
{
    pack_record(field->record, member, packer);
}

static void (*const adders[])(const struct field *field, const void *member,
                              msgpack_packer *packer) = {
    [FIELD_BOOL] = add_bool,         [FIELD_INT] = add_int,     [FIELD_BIGINT] = add_bigint,
    [FIELD_OPTIONAL] = add_optional, [FIELD_ENUM] = add_enum,   [FIELD_ENUM_SET] = add_enum_set,
    [FIELD_UUID] = add_uuid,         [FIELD_TEXT] = add_text,   [FIELD_DATE] = add_date,
    [FIELD_INSTANT] = add_instant,   [FIELD_UUIDS] = add_uuids, [FIELD_TEXTS] = add_texts,
    [FIELD_LIST] = add_list,         [FIELD_BYTES] = add_bytes, [FIELD_NESTED] = add_nested,
};

static size_t count_said(const struct record *record, const void *item, bool head)
{
    size_t count = 0;
    for (size_t i = 0; i < record->count; i++)
        count += (head && record->fields[i].appended) || !field_absent(&record->fields[i], item);
    return count;
}

/* `head`: the appended fields are counted, and written by the transaction. */
static void pack_map(const struct record *record, const void *item, bool head,
                     msgpack_packer *packer)
{
    msgpack_pack_map(packer, count_said(record, item, head));
    for (size_t i = 0; i < record->count; i++) {
        const struct field *field = &record->fields[i];
        if ((head && field->appended) || field_absent(field, item))
            continue;
        pack_text(packer, str_from(field->name));
        adders[field->type](field, field_get(field, item), packer);
    }
}

static void pack_record(const struct record *record, const void *item, msgpack_packer *packer)
{
    pack_map(record, item, false, packer);
}

static void encode(const struct record *record, const void *item, bool head, struct buf *out)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, write_to_buf);
    pack_map(record, item, head, &packer);
}

void record_encode_value(const struct record *record, const void *item, struct buf *out)
{
    encode(record, item, false, out);
}

void record_encode_head(const struct record *record, const void *item, struct buf *out)
{
    encode(record, item, true, out);
}
