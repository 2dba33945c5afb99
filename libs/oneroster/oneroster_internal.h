/* Cells from bytes (rows.c), structs from cells (decode.c), tables of the files (files.c), the zip
 * (zip.c). */
#ifndef ONEROSTER_INTERNAL_H
#define ONEROSTER_INTERNAL_H

#include <csv.h>
#include <iconv.h>

#include "oneroster/oneroster.h"

/* ---- rows.c ---- */

enum { ROW_MAX_BYTES = 64 * 1024, ROW_MAX_CELLS = 256, ROW_READ_BYTES = 64 * 1024 };

/* Up to `count` bytes; 0 at the end, -1 where the source is broken. */
typedef int64_t rows_read(void *context, char *bytes, size_t count);

struct rows {
    rows_read *read;
    void *context;
    struct csv_parser csv;
    iconv_t converter; /* (iconv_t)-1: none is needed */
    char *bytes;
    size_t at, have;  /* of `bytes` */
    int32_t line;     /* under the hand */
    bool after_cr;    /* a line feed would belong to it */
    bool begun;       /* the first bytes were looked at: mark and delimiter */
    bool ended;       /* the source has no more */
    bool skipping;    /* to the end of a line of a row that was too long */
    size_t row_bytes; /* of the row under the hand */
    struct buf text;  /* its cells, one behind the other */
    size_t ends[ROW_MAX_CELLS];
    size_t count;     /* of its cells; more than ROW_MAX_CELLS are counted and not kept */
    int32_t row_line; /* on which it began */
    bool complete;
    bool blank; /* nothing but blanks so far */
};

enum rows_step { ROWS_ROW, ROWS_TOO_LONG, ROWS_UNCLOSED, ROWS_END, ROWS_BROKEN };

void rows_open(struct rows *rows, enum oneroster_charset charset, rows_read *read, void *context);
void rows_close(struct rows *rows); /* zeroed is fine */

/* The next row that is not empty: `count` cells, `row_line`. */
enum rows_step rows_next(struct rows *rows);

/* A cell without blanks around it and with a blank for each run of line breaks and tabs; until the
 * next row. */
struct str rows_cell(const struct rows *rows, size_t index);

/* ---- files.c ---- */

/* How a cell becomes a member, beyond what the field's type says. */
enum column_kind {
    COLUMN_PLAIN,
    COLUMN_ID,     /* the row's own: struct oneroster_head */
    COLUMN_REF,    /* struct uuid; of several the first */
    COLUMN_REFS,   /* struct uuids */
    COLUMN_GRADE,  /* struct optional; of several the first */
    COLUMN_INSTANT /* a plain date is taken, too: its midnight in Almaty */
};

struct oneroster_column {
    struct field field;
    enum column_kind kind;
    const char *entity; /* of ids */
};

struct oneroster_table {
    const char *name; /* "users": users.csv, and file.users of the manifest */
    size_t row_size;
    const struct oneroster_column *columns;
    size_t count;
    void (*finish)(void *row); /* what follows from several columns; may be NULL */
};
extern const struct oneroster_table oneroster_tables[ONEROSTER_FILES];

enum { TABLE_MOST_COLUMNS = 24 };

/* ---- decode.c ---- */

/* Where the columns of a file stand; -1: nowhere. */
struct oneroster_layout {
    size_t cells; /* of the header */
    int16_t places[TABLE_MOST_COLUMNS];
};

/* From the header under the hand; problems: missing_column, duplicate_field. */
void layout_read(struct oneroster_layout *layout, const struct oneroster_table *table,
                 const struct rows *rows, struct problems *problems);

/* The row under the hand; texts in the arena of the problems. */
void row_decode(const struct oneroster_layout *layout, const struct oneroster_table *table,
                const struct uuid *space, const struct rows *rows, void *row,
                struct problems *problems);

bool equal_nocase(struct str a, struct str b); /* ASCII */

#endif
