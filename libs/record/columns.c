/* Arrays as PostgreSQL's array_recv reads them: dimensions, whether there are NULLs, the element's
 * OID, length and lower bound, then each element with its length (-1: NULL). Network byte order. */
#include <endian.h>
#include <string.h>

#include "record/decode_internal.h"

enum { ARRAY_HEAD_BYTES = 20, NULLS_AT = 4, LENGTH_BYTES = 4, NULL_WIDTH = -1 };

/* How a type's members become elements. */
struct element {
    uint32_t array_oid, oid;
    int64_t (*width)(const void *member); /* bytes, or NULL_WIDTH */
    void (*write)(const void *member, uint8_t *at);
};

static void write_u16(uint16_t value, uint8_t *at)
{
    value = htobe16(value);
    memcpy(at, &value, sizeof value);
}

static void write_u32(uint32_t value, uint8_t *at)
{
    value = htobe32(value);
    memcpy(at, &value, sizeof value);
}

static void write_u64(uint64_t value, uint8_t *at)
{
    value = htobe64(value);
    memcpy(at, &value, sizeof value);
}

/* ---- Members ---- */

static int64_t width_1(const void *member)
{
    (void)member;
    return 1;
}

static int64_t width_2(const void *member)
{
    (void)member;
    return 2;
}

static int64_t width_4(const void *member)
{
    (void)member;
    return 4;
}

static int64_t width_8(const void *member)
{
    (void)member;
    return 8;
}

static int64_t width_optional(const void *member)
{
    return ((const struct optional *)member)->present ? 4 : NULL_WIDTH;
}

static int64_t width_enum(const void *member)
{
    return *(const unsigned *)member ? 2 : NULL_WIDTH;
}

static int64_t width_uuid(const void *member)
{
    return uuid_present(member) ? 16 : NULL_WIDTH;
}

static int64_t width_text(const void *member)
{
    const struct str *text = member;
    return str_present(*text) ? (int64_t)text->len : NULL_WIDTH;
}

static int64_t width_date(const void *member)
{
    return ((const struct date *)member)->day ? 4 : NULL_WIDTH;
}

static int64_t width_instant(const void *member)
{
    return ((const struct instant *)member)->us ? 8 : NULL_WIDTH;
}

static void write_bool(const void *member, uint8_t *at)
{
    *at = *(const bool *)member;
}

static void write_smallint(const void *member, uint8_t *at)
{
    write_u16((uint16_t) * (const int16_t *)member, at);
}

static void write_int(const void *member, uint8_t *at)
{
    write_u32((uint32_t) * (const int32_t *)member, at);
}

static void write_bigint(const void *member, uint8_t *at)
{
    write_u64((uint64_t) * (const int64_t *)member, at);
}

static void write_optional(const void *member, uint8_t *at)
{
    write_u32((uint32_t)((const struct optional *)member)->value, at);
}

static void write_enum(const void *member, uint8_t *at)
{
    write_u16((uint16_t) * (const unsigned *)member, at);
}

static void write_uuid(const void *member, uint8_t *at)
{
    memcpy(at, member, sizeof(struct uuid));
}

static void write_text(const void *member, uint8_t *at)
{
    const struct str *text = member;
    memcpy(at, text->ptr, text->len);
}

static void write_date(const void *member, uint8_t *at)
{
    write_u32((uint32_t)(((const struct date *)member)->day - DATE_POSTGRES_EPOCH), at);
}

static void write_instant(const void *member, uint8_t *at)
{
    write_u64((uint64_t)(((const struct instant *)member)->us - INSTANT_POSTGRES_EPOCH_US), at);
}

/* OIDs: pg_type.dat; they never change. */
static const struct element elements[] = {
    [FIELD_BOOL] = {1000, 16, width_1, write_bool},
    [FIELD_INT] = {1007, 23, width_4, write_int},
    [FIELD_BIGINT] = {1016, 20, width_8, write_bigint},
    [FIELD_OPTIONAL] = {1007, 23, width_optional, write_optional},
    [FIELD_ENUM] = {1005, 21, width_enum, write_enum},
    [FIELD_ENUM_SET] = {1007, 23, width_4, write_int},
    [FIELD_UUID] = {2951, 2950, width_uuid, write_uuid},
    [FIELD_TEXT] = {1009, 25, width_text, write_text},
    [FIELD_DATE] = {1182, 1082, width_date, write_date},
    [FIELD_INSTANT] = {1185, 1184, width_instant, write_instant},
    [FIELD_BYTES] = {1001, 17, width_text, write_text},
    [FIELD_UUIDS] = {3807, 3802, NULL, NULL}, /* jsonb: see jsonb_column */
    [FIELD_TEXTS] = {3807, 3802, NULL, NULL},
    [FIELD_LIST] = {3807, 3802, NULL, NULL},
    [FIELD_NESTED] = {3807, 3802, NULL, NULL},
};

static const struct element smallint_element = {1005, 21, width_2, write_smallint};

/* ---- Arrays ---- */

/* Members that lie at the same offset of items that are found by pointer or by step. */
struct members {
    const void *const *items; /* or NULL: */
    const char *first;
    size_t step, offset, count;
};

static const void *member_at(const struct members *members, size_t index)
{
    const char *item =
        members->items ? members->items[index] : members->first + index * members->step;
    return item + members->offset;
}

static size_t array_bytes(const struct element *element, const struct members *members, bool *nulls)
{
    size_t bytes = ARRAY_HEAD_BYTES;
    for (size_t i = 0; i < members->count; i++) {
        int64_t width = element->width(member_at(members, i));
        *nulls |= width == NULL_WIDTH;
        bytes += LENGTH_BYTES + (width == NULL_WIDTH ? 0 : (size_t)width);
    }
    return bytes;
}

static uint8_t *write_head(const struct element *element, size_t count, bool nulls, uint8_t *at)
{
    write_u32(count ? 1 : 0, at); /* dimensions */
    write_u32(nulls, at + NULLS_AT);
    write_u32(element->oid, at + 8);
    if (count == 0)
        return at + 12;
    write_u32((uint32_t)count, at + 12);
    write_u32(1, at + 16); /* lower bound */
    return at + ARRAY_HEAD_BYTES;
}

static uint8_t *write_element(const struct element *element, const void *member, uint8_t *at)
{
    int64_t width = element->width(member);
    write_u32((uint32_t)width, at);
    if (width == NULL_WIDTH)
        return at + LENGTH_BYTES;
    element->write(member, at + LENGTH_BYTES);
    return at + LENGTH_BYTES + width;
}

static struct column column_of(const struct element *element, const struct members *members,
                               struct arena *arena)
{
    bool nulls = false;
    size_t bytes = array_bytes(element, members, &nulls);
    ensure(members->count <= INT32_MAX && bytes <= INT32_MAX); /* PostgreSQL takes 1 GiB at most */
    uint8_t *array = arena_alloc(arena, bytes);
    uint8_t *at = write_head(element, members->count, nulls, array);
    for (size_t i = 0; i < members->count; i++)
        at = write_element(element, member_at(members, i), at);
    return (struct column){element->array_oid, {(char *)array, (size_t)(at - array)}};
}

/* A jsonb in binary is its version and the text. */
static void add_jsonb(const struct field *field, const void *item, struct buf *array)
{
    size_t at = array->len;
    buf_add_u32(array, 0); /* the length, once it is known */
    buf_add_u8(array, 1);
    json_add_field(field, item, array);
    buf_put_u32(array, at, (uint32_t)(array->len - at - LENGTH_BYTES));
}

static struct column jsonb_column(const struct field *field, const struct members *members,
                                  struct arena *arena)
{
    const struct element *element = &elements[field->type];
    CLEANUP(buf_done) struct buf array = {0};
    buf_reserve(&array, ARRAY_HEAD_BYTES);
    array.len = (size_t)(write_head(element, members->count, false, (uint8_t *)array.ptr) -
                         (uint8_t *)array.ptr);
    for (size_t i = 0; i < members->count; i++) {
        if (!field_absent(field, members->items[i])) {
            add_jsonb(field, members->items[i], &array);
            continue;
        }
        buf_add_u32(&array, (uint32_t)NULL_WIDTH);
        buf_put_u32(&array, NULLS_AT, 1);
    }
    ensure(array.len <= INT32_MAX);
    return (struct column){element->array_oid, str_copy(arena, buf_str(&array))};
}

void record_columns(const struct record *record, const void *const *items, size_t count,
                    struct arena *arena, struct column *columns)
{
    for (size_t i = 0; i < record->count; i++) {
        const struct field *field = &record->fields[i];
        const struct element *element = &elements[field->type];
        struct members members = {.items = items, .offset = field->offset, .count = count};
        columns[i] = element->width ? column_of(element, &members, arena)
                                    : jsonb_column(field, &members, arena);
    }
}

static struct column plain_column(struct arena *arena, const struct element *element,
                                  const void *values, size_t step, size_t count)
{
    struct members members = {.first = values, .step = step, .count = count};
    return column_of(element, &members, arena);
}

struct column column_uuids(struct arena *arena, const struct uuid *values, size_t count)
{
    return plain_column(arena, &elements[FIELD_UUID], values, sizeof *values, count);
}

struct column column_ints(struct arena *arena, const int32_t *values, size_t count)
{
    return plain_column(arena, &elements[FIELD_INT], values, sizeof *values, count);
}

struct column column_bigints(struct arena *arena, const int64_t *values, size_t count)
{
    return plain_column(arena, &elements[FIELD_BIGINT], values, sizeof *values, count);
}

struct column column_smallints(struct arena *arena, const int16_t *values, size_t count)
{
    return plain_column(arena, &smallint_element, values, sizeof *values, count);
}

struct column column_texts(struct arena *arena, const struct str *values, size_t count)
{
    return plain_column(arena, &elements[FIELD_TEXT], values, sizeof *values, count);
}

struct column column_bytes(struct arena *arena, const struct str *values, size_t count)
{
    return plain_column(arena, &elements[FIELD_BYTES], values, sizeof *values, count);
}
