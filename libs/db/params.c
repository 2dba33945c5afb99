#include <endian.h>
#include <limits.h>
#include <string.h>

#include "db/db.h"
#include "db/oids.h"

static void add(struct params *params, uint32_t type, const char *value, size_t bytes)
{
    ensure(params->count < DB_MAX_PARAMS && bytes <= INT_MAX);
    size_t at = params->count++;
    params->types[at] = type;
    params->values[at] = value;
    params->lengths[at] = (int)bytes;
}

/* A number or an id lives in the parameters themselves. */
static void add_copy(struct params *params, uint32_t type, const void *value, size_t bytes)
{
    ensure(params->count < DB_MAX_PARAMS && bytes <= sizeof params->scratch[0]);
    char *copy = memcpy(params->scratch[params->count], value, bytes);
    add(params, type, copy, bytes);
}

static void add_32(struct params *params, uint32_t type, int32_t value)
{
    uint32_t network = htobe32((uint32_t)value);
    add_copy(params, type, &network, sizeof network);
}

static void add_64(struct params *params, uint32_t type, int64_t value)
{
    uint64_t network = htobe64((uint64_t)value);
    add_copy(params, type, &network, sizeof network);
}

void param_null(struct params *params, uint32_t type_oid)
{
    add(params, type_oid, NULL, 0);
}

void param_bool(struct params *params, bool value)
{
    add_copy(params, OID_BOOL, value ? "\1" : "\0", 1);
}

void param_int(struct params *params, int32_t value)
{
    add_32(params, OID_INT4, value);
}

void param_bigint(struct params *params, int64_t value)
{
    add_64(params, OID_INT8, value);
}

void param_xid(struct params *params, int64_t value)
{
    add_64(params, OID_XID8, value);
}

void param_uuid(struct params *params, const struct uuid *value)
{
    if (uuid_present(value))
        add_copy(params, OID_UUID, value->bytes, sizeof value->bytes);
    else
        param_null(params, OID_UUID);
}

void param_text(struct params *params, struct str value)
{
    add(params, OID_TEXT, value.ptr, value.len);
}

void param_bytes(struct params *params, struct str value)
{
    add(params, OID_BYTEA, value.ptr, value.len);
}

void param_date(struct params *params, struct date value)
{
    if (value.day)
        add_32(params, OID_DATE, value.day - DATE_POSTGRES_EPOCH);
    else
        param_null(params, OID_DATE);
}

void param_instant(struct params *params, struct instant value)
{
    if (value.us)
        add_64(params, OID_TIMESTAMPTZ, value.us - INSTANT_POSTGRES_EPOCH_US);
    else
        param_null(params, OID_TIMESTAMPTZ);
}

void param_column(struct params *params, const struct column *column)
{
    add(params, column->type, column->value.ptr, column->value.len);
}

void param_records(struct params *params, const struct record *record, const void *const *items,
                   size_t count, struct arena *arena)
{
    struct column columns[DB_MAX_PARAMS];
    ensure(params->count + record->count <= DB_MAX_PARAMS);
    record_columns(record, items, count, arena, columns);
    for (size_t i = 0; i < record->count; i++)
        param_column(params, &columns[i]);
}
