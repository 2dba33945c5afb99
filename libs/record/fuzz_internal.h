/* What holds for every input of the fuzzers: bounds, valid pointers, and that whatever was taken
 * goes through both formats and SQL unchanged. */
#ifndef RECORD_FUZZ_INTERNAL_H
#define RECORD_FUZZ_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "record/sample_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_through_msgpack(const struct sample *sample, struct sample *again,
                                        struct arena *arena)
{
    CLEANUP(buf_done) struct buf first = {0};
    CLEANUP(buf_done) struct buf second = {0};
    record_encode_value(&sample_record, sample, &first);
    struct str value = str_copy(arena, buf_str(&first));
    ensure(record_decode_value(&sample_record, value, arena, again, NULL) == ERROR_NONE);
    record_encode_value(&sample_record, again, &second);
    ensure(str_equal(buf_str(&first), buf_str(&second)));
}

static inline void fuzz_through_json(const struct sample *sample, struct sample *again,
                                     struct arena *arena)
{
    CLEANUP(buf_done) struct buf first = {0};
    CLEANUP(buf_done) struct buf second = {0};
    struct problems problems;
    struct body_error error;
    record_encode_json(&sample_record, sample, &first);
    ensure(record_decode_json(&sample_record, buf_str(&first), arena, again, &problems, &error));
    ensure(problems.count == 0);
    record_encode_json(&sample_record, again, &second);
    ensure(str_equal(buf_str(&first), buf_str(&second)));
}

static inline void fuzz_through_sql(const struct sample *sample, struct sample *again,
                                    struct arena *arena)
{
    enum { HEAD = 20, LENGTH = 4 };
    struct column columns[COUNT_OF(sample_fields)];
    CLEANUP(buf_done) struct buf first = {0};
    CLEANUP(buf_done) struct buf second = {0};
    record_columns(&sample_record, (const void *const[]){sample}, 1, arena, columns);
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        struct str value = {columns[i].value.ptr + HEAD + LENGTH,
                            columns[i].value.len - HEAD - LENGTH};
        if ((uint8_t)columns[i].value.ptr[HEAD] == 0xFF) /* length -1 */
            value = (struct str){0};
        ensure(record_field_from_sql(&sample_fields[i], value, arena, again));
    }
    record_encode_value(&sample_record, sample, &first);
    record_encode_value(&sample_record, again, &second);
    ensure(str_equal(buf_str(&first), buf_str(&second)));
}

static inline void fuzz_good(const struct sample *sample, struct arena *arena)
{
    struct sample through_msgpack, through_json, through_sql;
    fuzz_through_msgpack(sample, &through_msgpack, arena);
    through_msgpack.blob = (struct bytes){0}; /* is not for JSON */
    fuzz_through_json(&through_msgpack, &through_json, arena);
    fuzz_through_msgpack(&through_json, &through_sql, arena);
    fuzz_through_sql(sample, &through_sql, arena);
}

static inline void fuzz_problems(const struct batch *batch)
{
    for (size_t i = 0; i < batch->problems.count; i++) {
        const struct problem *problem = &batch->problems.items[i];
        ensure(problem->index < batch->count && batch->bad[problem->index]);
        ensure(i == 0 || problem->index >= problem[-1].index);
        ensure(problem->pointer[0] == '\0' || problem->pointer[0] == '/');
        ensure(str_is_utf8(str_from(problem->pointer)));
    }
}

/* Whether the body was taken as a batch. */
static inline bool fuzz_batch(enum record_format format, struct str body)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct batch batch;
    struct body_error error = {0};
    bool taken = record_decode_batch(&sample_record, format, body, &arena, &batch, &error);
    ensure(arena.used_bytes <=
           4096 + 1024 * body.len); /* an item of two bytes is a struct and problems */
    if (!taken) {
        ensure(error.code && error.http_status >= 400 && error.offset <= body.len);
        return false;
    }
    fuzz_problems(&batch);
    for (size_t i = 0; i < batch.count; i++)
        if (!batch.bad[i])
            fuzz_good((const struct sample *)batch.items + i, &arena);
    return true;
}

#endif
