/* Any bytes as the rows of each file: they arrive whole or in small pieces and are the same, and no
 * cell or line leaves its bounds. */
#include <string.h>

#include "oneroster/oneroster_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct source {
    const char *bytes;
    size_t left, at_once;
};

static int64_t read_some(void *context, char *bytes, size_t count)
{
    struct source *source = context;
    size_t got = MIN_OF(MIN_OF(count, source->left), source->at_once);
    if (got)
        memcpy(bytes, source->bytes, got);
    source->bytes += got;
    source->left -= got;
    return (int64_t)got;
}

static void add_row(const struct rows *rows, enum rows_step step, struct buf *out)
{
    buf_printf(out, "%d %d %zu", (int)step, (int)rows->row_line, rows->count);
    for (size_t i = 0; step == ROWS_ROW && i < MIN_OF(rows->count, (size_t)ROW_MAX_CELLS); i++) {
        struct str cell = rows_cell(rows, i);
        ensure(cell.len <= 3 * (size_t)ROW_MAX_BYTES);
        buf_add_char(out, '|');
        buf_add_str(out, cell);
    }
    buf_add_char(out, '\n');
}

static void walk(struct source source, enum oneroster_charset charset, struct buf *out)
{
    struct rows rows;
    enum rows_step step;
    int32_t line = 0;
    rows_open(&rows, charset, read_some, &source);
    while ((step = rows_next(&rows)) != ROWS_END) {
        ensure(rows.row_line >= line && rows.text.len <= 4 * (size_t)ROW_MAX_BYTES);
        line = rows.row_line;
        add_row(&rows, step, out);
    }
    rows_close(&rows);
}

static void decode(struct source source, enum oneroster_file file)
{
    static const struct uuid space = {{1}};
    CLEANUP(arena_done) struct arena arena = {0};
    const struct oneroster_table *table = &oneroster_tables[file];
    struct oneroster_layout layout = {0};
    struct rows rows;
    rows_open(&rows, ONEROSTER_UTF8, read_some, &source);
    while (rows_next(&rows) == ROWS_ROW) {
        struct problems problems = {.arena = &arena};
        void *row = arena_alloc(&arena, table->row_size);
        if (layout.cells == 0)
            layout_read(&layout, table, &rows, &problems);
        else
            row_decode(&layout, table, &space, &rows, row, &problems);
        arena_reset(&arena);
    }
    rows_close(&rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(buf_done) struct buf whole = {0};
    CLEANUP(buf_done) struct buf pieces = {0};
    if (size < 4) /* the first read shows the beginning of the header */
        return 0;
    struct source source = {(const char *)data + 1, size - 1, SIZE_MAX};
    enum oneroster_charset charset = data[0] & 0x80 ? ONEROSTER_WINDOWS_1251 : ONEROSTER_UTF8;
    decode(source, data[0] % ONEROSTER_FILES);
    walk(source, charset, &whole);
    /* What tells the delimiter has to come at once, as it does from a zip. */
    const char *end = memchr(source.bytes, '\n', source.left);
    source.at_once = end ? (size_t)(end - source.bytes) + 1 : source.left;
    walk(source, charset, &pieces);
    ensure(str_equal(buf_str(&whole), buf_str(&pieces)));
    return 0;
}
