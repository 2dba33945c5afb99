/* Lines are items as the elements of an array are: joined by commas they are taken alike. */
#include <string.h>

#include "record/fuzz_internal.h"

static size_t count_of(enum record_format format, struct str body, size_t *problems)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct batch batch;
    struct body_error error;
    ensure(record_decode_batch(&sample_record, format, body, &arena, &batch, &error));
    *problems = batch.problems.count;
    return batch.count;
}

static void add_lines(struct str body, struct buf *json)
{
    buf_add_char(json, '[');
    for (struct str rest = body; str_present(rest);) {
        struct str line = str_cut(&rest, '\n');
        bool is_empty = true;
        for (size_t i = 0; i < line.len; i++)
            is_empty &= memchr(" \t\r", line.ptr[i], 3) != NULL;
        if (is_empty)
            continue;
        if (json->len > 1)
            buf_add_char(json, ',');
        buf_add_str(json, line);
    }
    buf_add_char(json, ']');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = {(const char *)data, size};
    if (!fuzz_batch(RECORD_NDJSON, body))
        return 0;
    CLEANUP(buf_done) struct buf json = {0};
    add_lines(body, &json);
    size_t of_lines, of_array;
    ensure(count_of(RECORD_NDJSON, body, &of_lines) ==
           count_of(RECORD_JSON, buf_str(&json), &of_array));
    ensure(of_lines == of_array);
    return 0;
}
