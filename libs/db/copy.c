/* COPY ... BINARY. An element of a binary array looks just like a field of a copied row (its
 * length, then its bytes), so rows are made by walking the columns of record_columns side by side.
 */
#include <endian.h>
#include <string.h>

#include "db/db_internal.h"

enum {
    ITEMS_AT_ONCE = 1000,  /* bounds the memory, whatever the caller brings */
    ARRAY_HEAD_BYTES = 20, /* dimensions, flags, type, length, lower bound */
    COPY_HEAD_BYTES = 19
};

static const char copy_head[COPY_HEAD_BYTES] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";

struct copy {
    const struct record *record;
    struct arena arena;
    struct buf rows;
};

static void copy_done(struct copy *copy)
{
    arena_done(&copy->arena);
    buf_done(&copy->rows);
}

static uint32_t element_bytes(const char *element)
{
    uint32_t length;
    memcpy(&length, element, sizeof length);
    length = be32toh(length);
    return sizeof length + (length == UINT32_MAX ? 0 : length); /* -1 is NULL */
}

static void add_rows(struct copy *copy, const void *const *items, size_t count)
{
    size_t fields = copy->record->count;
    struct column *columns = ARENA_ARRAY(&copy->arena, fields, struct column);
    record_columns(copy->record, items, count, &copy->arena, columns);
    for (size_t i = 0; i < fields; i++)
        columns[i].value.ptr += ARRAY_HEAD_BYTES;
    for (size_t row = 0; row < count; row++) {
        buf_add_u16(&copy->rows, (uint16_t)fields);
        for (size_t i = 0; i < fields; i++) {
            uint32_t bytes = element_bytes(columns[i].value.ptr);
            buf_add(&copy->rows, columns[i].value.ptr, bytes);
            columns[i].value.ptr += bytes;
        }
    }
}

static bool send_rows(struct db *db, struct copy *copy)
{
    bool sent = PQputCopyData(db->handle, copy->rows.ptr, (int)copy->rows.len) == 1;
    buf_reset(&copy->rows);
    arena_reset(&copy->arena);
    return sent;
}

/* False where it could not be sent; what the server thinks of it is in the answer of the COPY. */
static bool send_all(struct db *db, struct copy *copy, const void *const *items, size_t count)
{
    buf_add(&copy->rows, copy_head, COPY_HEAD_BYTES);
    for (size_t at = 0; at < count; at += ITEMS_AT_ONCE) {
        add_rows(copy, items + at, MIN_OF(count - at, (size_t)ITEMS_AT_ONCE));
        if (!send_rows(db, copy))
            return false;
    }
    buf_add_u16(&copy->rows, UINT16_MAX); /* the end of the rows */
    return send_rows(db, copy) && PQputCopyEnd(db->handle, NULL) == 1;
}

/* The last answer; those before it are cleared. */
static PGresult *last_answer(struct db *db)
{
    PGresult *last = NULL, *next;
    while ((next = PQgetResult(db->handle))) {
        PQclear(last);
        last = next;
    }
    return last;
}

static enum error begin_copy(struct db *db, const char *table, const struct record *record,
                             struct err *err)
{
    CLEANUP(buf_done) struct buf sql = {0};
    buf_printf(&sql, "copy %s (", table);
    for (size_t i = 0; i < record->count; i++)
        buf_printf(&sql, "%s\"%s\"", i ? ", " : "", record->fields[i].name);
    buf_add_text(&sql, ") from stdin (format binary)");
    buf_add_char(&sql, '\0');
    CLEANUP(result_done) struct result answer = {PQexec(db->handle, sql.ptr)};
    if (PQresultStatus(answer.handle) == PGRES_COPY_IN)
        return ERROR_NONE;
    return db_failure(db, table, answer.handle, ERROR_UNAVAILABLE, err);
}

enum error db_copy_in(struct db *db, const char *table, const struct record *record,
                      const void *const *items, size_t count, struct err *err)
{
    if (!count)
        return ERROR_NONE;
    enum error when_lost = db_in_transaction(db) ? ERROR_UNAVAILABLE : ERROR_UNKNOWN;
    enum error code = db_call_begin(db, table, err);
    if (!code)
        code = begin_copy(db, table, record, err);
    if (code)
        return code;
    CLEANUP(copy_done) struct copy copy = {.record = record};
    if (!send_all(db, &copy, items, count) && !db_lost(db))
        (void)PQputCopyEnd(db->handle, "the sender gave up");
    return db_answer_take(db, table, last_answer(db), when_lost, NULL, err);
}
