#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "db/db_internal.h"
#include "db/oids.h"

/* ---- What a column may be read as; 0 ends a row ---- */

static const Oid as_bool[] = {OID_BOOL, 0};
static const Oid as_int[] = {OID_INT4, OID_INT2, 0};
static const Oid as_bigint[] = {OID_INT8, OID_INT4, OID_INT2, OID_XID8, OID_OID, 0};
static const Oid as_uuid[] = {OID_UUID, 0};
static const Oid as_str[] = {OID_TEXT, OID_BYTEA, OID_VARCHAR, OID_NAME, OID_JSON, 0};
static const Oid as_date[] = {OID_DATE, 0};
static const Oid as_instant[] = {OID_TIMESTAMPTZ, 0};
static const Oid as_enum[] = {OID_INT2, 0};
static const Oid as_uuids[] = {OID_UUID_ARRAY, OID_JSONB, 0};
static const Oid as_texts[] = {OID_TEXT_ARRAY, OID_JSONB, 0};
static const Oid as_nested[] = {OID_JSONB, 0};
static const Oid as_bytes[] = {OID_BYTEA, 0};

static const Oid *const as_field[] = {
    [FIELD_BOOL] = as_bool,       [FIELD_INT] = as_int,     [FIELD_BIGINT] = as_bigint,
    [FIELD_OPTIONAL] = as_int,    [FIELD_ENUM] = as_enum,   [FIELD_ENUM_SET] = as_int,
    [FIELD_UUID] = as_uuid,       [FIELD_TEXT] = as_str,    [FIELD_DATE] = as_date,
    [FIELD_INSTANT] = as_instant, [FIELD_UUIDS] = as_uuids, [FIELD_TEXTS] = as_texts,
    [FIELD_LIST] = as_nested,     [FIELD_BYTES] = as_bytes, [FIELD_NESTED] = as_nested,
};

/* A statement that returns another type than its reader wants is our own bug. */
static void check_type(const PGresult *answer, int column, const Oid *allowed)
{
    ensure(column >= 0 && column < PQnfields(answer));
    Oid type = PQftype(answer, column);
    while (*allowed && *allowed != type)
        allowed++;
    if (!*allowed)
        log_line(LOG_ERROR, "a column is of another type than it is read as",
                 LOG_TEXT("column", PQfname(answer, column)), LOG_NUMBER("oid", type));
    ensure(*allowed == type);
}

static struct str raw(const PGresult *answer, size_t row, int column)
{
    if (PQgetisnull(answer, (int)row, column))
        return (struct str){0};
    return (struct str){PQgetvalue(answer, (int)row, column),
                        (size_t)PQgetlength(answer, (int)row, column)};
}

static struct str value_of(const struct result *result, size_t row, int column, const Oid *allowed)
{
    ensure(row < result_rows(result));
    check_type(result->handle, column, allowed);
    return raw(result->handle, row, column);
}

/* Whole numbers of any width, in network order; absent is 0. */
static int64_t number_of(struct str value)
{
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (value.len) {
    case sizeof two:
        memcpy(&two, value.ptr, sizeof two);
        return (int16_t)be16toh(two);
    case sizeof four:
        memcpy(&four, value.ptr, sizeof four);
        return (int32_t)be32toh(four);
    case sizeof eight:
        memcpy(&eight, value.ptr, sizeof eight);
        return (int64_t)be64toh(eight);
    default:
        ensure(!str_present(value));
        return 0;
    }
}

/* ---- Values ---- */

size_t result_rows(const struct result *result)
{
    return result->handle ? (size_t)PQntuples(result->handle) : 0;
}

bool result_null(const struct result *result, size_t row, int column)
{
    ensure(row < result_rows(result) && column >= 0 && column < PQnfields(result->handle));
    return PQgetisnull(result->handle, (int)row, column);
}

bool result_bool(const struct result *result, size_t row, int column)
{
    struct str value = value_of(result, row, column, as_bool);
    return str_present(value) && *value.ptr;
}

int32_t result_int(const struct result *result, size_t row, int column)
{
    return (int32_t)number_of(value_of(result, row, column, as_int));
}

int64_t result_bigint(const struct result *result, size_t row, int column)
{
    struct str value = value_of(result, row, column, as_bigint);
    int64_t number = number_of(value);
    return PQftype(result->handle, column) == OID_OID ? (int64_t)(uint32_t)number : number;
}

struct uuid result_uuid(const struct result *result, size_t row, int column)
{
    struct uuid uuid = {0};
    struct str value = value_of(result, row, column, as_uuid);
    if (str_present(value))
        memcpy(uuid.bytes, value.ptr, sizeof uuid.bytes);
    return uuid;
}

struct str result_str(const struct result *result, size_t row, int column)
{
    return value_of(result, row, column, as_str);
}

struct date result_date(const struct result *result, size_t row, int column)
{
    struct str value = value_of(result, row, column, as_date);
    if (!str_present(value))
        return (struct date){0};
    return (struct date){(int32_t)number_of(value) + DATE_POSTGRES_EPOCH};
}

struct instant result_instant(const struct result *result, size_t row, int column)
{
    struct str value = value_of(result, row, column, as_instant);
    if (!str_present(value))
        return (struct instant){0};
    return (struct instant){number_of(value) + INSTANT_POSTGRES_EPOCH_US};
}

int64_t result_affected(const struct result *result)
{
    return result->handle ? strtoll(PQcmdTuples(result->handle), NULL, 10) : 0;
}

/* ---- Records ---- */

/* Whether the item would point into the result, which may go before it. */
static bool borrows(enum field_type type)
{
    return type == FIELD_TEXT || type == FIELD_BYTES || type == FIELD_TEXTS || type == FIELD_LIST ||
           type == FIELD_NESTED;
}

static void read_column(const PGresult *answer, int column, const struct record *record,
                        struct arena *arena, char *items)
{
    const struct field *field = record_field(record, PQfname(answer, column));
    check_type(answer, column, as_field[field->type]);
    for (size_t row = 0; row < (size_t)PQntuples(answer); row++) {
        struct str value = raw(answer, row, column);
        if (borrows(field->type))
            value = str_copy(arena, value);
        bool fits = record_field_from_sql(field, value, arena, items + row * record->size);
        ensure(fits);
    }
}

void *result_records_from(const struct result *result, int column, const struct record *record,
                          struct arena *arena, size_t *count)
{
    *count = result_rows(result);
    char *items = arena_array(arena, *count, record->size);
    int columns = result->handle ? PQnfields(result->handle) : 0;
    for (; column < columns; column++)
        if (PQfname(result->handle, column)[0] != '_')
            read_column(result->handle, column, record, arena, items);
    return items;
}

void *result_records(const struct result *result, const struct record *record, struct arena *arena,
                     size_t *count)
{
    return result_records_from(result, 0, record, arena, count);
}

void result_done(struct result *result)
{
    PQclear(result->handle);
    result->handle = NULL;
}
