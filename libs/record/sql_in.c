/* One value in PostgreSQL's binary format into a member. */
#include <endian.h>
#include <string.h>

#include "record/decode_internal.h"

enum { LENGTH_BYTES = 4, OID_UUID = 2950, OID_TEXT = 25 };

/* Takes a big-endian integer of the value's own width (2, 4 or 8 bytes), if that is at most
 * `max_bytes`: a statement may return smallint where the struct has an integer. */
static bool read_integer(struct str value, size_t max_bytes, int64_t *number)
{
    bool is_integer = value.len == 2 || value.len == 4 || value.len == 8;
    if (!is_integer || value.len > max_bytes)
        return false;
    uint64_t raw = 0;
    for (size_t i = 0; i < value.len; i++)
        raw = raw << 8 | (uint8_t)value.ptr[i];
    unsigned unused = 64 - 8 * (unsigned)value.len;
    *number = (int64_t)(raw << unused) >> unused;
    return true;
}

static bool read_bool(struct str value, struct arena *arena, void *member)
{
    (void)arena;
    if (value.len != 1)
        return false;
    *(bool *)member = value.ptr[0] != 0;
    return true;
}

static bool read_int(struct str value, struct arena *arena, void *member)
{
    (void)arena;
    int64_t number;
    if (!read_integer(value, 4, &number))
        return false;
    *(int32_t *)member = (int32_t)number;
    return true;
}

static bool read_bigint(struct str value, struct arena *arena, void *member)
{
    (void)arena;
    return read_integer(value, 8, member);
}

static bool read_optional(struct str value, struct arena *arena, void *member)
{
    struct optional *optional = member;
    optional->present = read_int(value, arena, &optional->value);
    return optional->present;
}

static bool read_enum(struct str value, struct arena *arena, void *member)
{
    (void)arena;
    int64_t number;
    if (!read_integer(value, 4, &number) || number < 0)
        return false;
    *(unsigned *)member = (unsigned)number;
    return true;
}

static bool read_uuid(struct str value, struct arena *arena, void *member)
{
    (void)arena;
    if (value.len != sizeof(struct uuid))
        return false;
    memcpy(member, value.ptr, sizeof(struct uuid));
    return true;
}

static bool read_text(struct str value, struct arena *arena, void *member)
{
    (void)arena;
    *(struct str *)member = value;
    return true;
}

/* Days since 2000; what is beyond the years 0001 to 9999 (infinity, too) is no date of ours. */
static bool read_date(struct str value, struct arena *arena, void *member)
{
    (void)arena;
    int64_t days;
    if (value.len != 4 || !read_integer(value, 4, &days))
        return false;
    int64_t day = days + DATE_POSTGRES_EPOCH;
    if (day < 1 || day > date_make(9999, 12, 31).day)
        return false;
    ((struct date *)member)->day = (int32_t)day;
    return true;
}

static bool read_instant(struct str value, struct arena *arena, void *member)
{
    (void)arena;
    int64_t us;
    if (value.len != 8 || !read_integer(value, 8, &us))
        return false;
    struct instant instant;
    if (__builtin_add_overflow(us, INSTANT_POSTGRES_EPOCH_US, &instant.us) ||
        !instant_in_years(instant))
        return false;
    *(struct instant *)member = instant;
    return true;
}

/* ---- Arrays ---- */

static bool take_u32(struct str *rest, uint32_t *number)
{
    if (rest->len < sizeof *number)
        return false;
    memcpy(number, rest->ptr, sizeof *number);
    *number = be32toh(*number);
    *rest = (struct str){rest->ptr + sizeof *number, rest->len - sizeof *number};
    return true;
}

/* Leaves the elements in `rest`. One dimension, or none for an empty array. */
static bool take_head(struct str *rest, uint32_t wanted_oid, uint32_t *count)
{
    uint32_t dimensions, nulls, oid, bound;
    *count = 0;
    if (!take_u32(rest, &dimensions) || !take_u32(rest, &nulls) || !take_u32(rest, &oid) ||
        oid != wanted_oid || dimensions > 1)
        return false;
    if (dimensions == 0)
        return rest->len == 0;
    return take_u32(rest, count) && take_u32(rest, &bound) && *count <= rest->len / LENGTH_BYTES;
}

/* A NULL within has a length of -1, which is never there. */
static bool take_element(struct str *rest, struct str *element)
{
    uint32_t length;
    if (!take_u32(rest, &length) || length > rest->len)
        return false;
    *element = (struct str){rest->ptr, length};
    *rest = (struct str){rest->ptr + length, rest->len - length};
    return true;
}

static bool read_uuids(struct str value, struct arena *arena, void *member)
{
    uint32_t count;
    if (!take_head(&value, OID_UUID, &count))
        return false;
    struct uuid *items = ARENA_ARRAY(arena, count, struct uuid);
    struct str element;
    for (size_t i = 0; i < count; i++)
        if (!take_element(&value, &element) || !read_uuid(element, arena, &items[i]))
            return false;
    *(struct uuids *)member = (struct uuids){items, count};
    return value.len == 0;
}

static bool read_texts(struct str value, struct arena *arena, void *member)
{
    uint32_t count;
    if (!take_head(&value, OID_TEXT, &count))
        return false;
    struct str *items = ARENA_ARRAY(arena, count, struct str);
    for (size_t i = 0; i < count; i++)
        if (!take_element(&value, &items[i]))
            return false;
    *(struct strs *)member = (struct strs){items, count};
    return value.len == 0;
}

/* What is nested comes as jsonb, and has no `read`. */
static const struct {
    size_t size;
    bool (*read)(struct str value, struct arena *arena, void *member);
} kinds[] = {
    [FIELD_BOOL] = {sizeof(bool), read_bool},
    [FIELD_INT] = {sizeof(int32_t), read_int},
    [FIELD_BIGINT] = {sizeof(int64_t), read_bigint},
    [FIELD_OPTIONAL] = {sizeof(struct optional), read_optional},
    [FIELD_ENUM] = {sizeof(unsigned), read_enum},
    [FIELD_ENUM_SET] = {sizeof(struct enum_set), read_int},
    [FIELD_UUID] = {sizeof(struct uuid), read_uuid},
    [FIELD_TEXT] = {sizeof(struct str), read_text},
    [FIELD_DATE] = {sizeof(struct date), read_date},
    [FIELD_INSTANT] = {sizeof(struct instant), read_instant},
    [FIELD_UUIDS] = {sizeof(struct uuids), read_uuids},
    [FIELD_TEXTS] = {sizeof(struct strs), read_texts},
    [FIELD_LIST] = {sizeof(struct list), NULL},
    [FIELD_BYTES] = {sizeof(struct bytes), read_text},
    [FIELD_NESTED] = {0, NULL}, /* the size of its record */
};

/* Version 1 and the text; an array begins with 0, the high byte of its dimensions. */
static bool is_jsonb(const struct field *field, struct str value)
{
    bool may_be =
        !kinds[field->type].read || field->type == FIELD_UUIDS || field->type == FIELD_TEXTS;
    return may_be && value.len > 0 && value.ptr[0] == 1;
}

bool record_field_from_sql(const struct field *field, struct str value, struct arena *arena,
                           void *item)
{
    void *member = (char *)item + field->offset;
    memset(member, 0, field->type == FIELD_NESTED ? field->record->size : kinds[field->type].size);
    if (!str_present(value))
        return true;
    if (is_jsonb(field, value))
        return decode_json_field(field, (struct str){value.ptr + 1, value.len - 1}, arena, item);
    return kinds[field->type].read && kinds[field->type].read(value, arena, member);
}
