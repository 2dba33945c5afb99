/* Bytes become rows of cells. libcsv is given a line at a time, so that the line on which a row
 * begins is known, and no more of a row than 64 KiB, so that its buffer cannot grow beyond. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "oneroster/oneroster_internal.h"

/* ---- The parser ---- */

/* A byte that stands for nothing in its charset stays what it is: no valid text. */
static void add_converted(struct rows *rows, const char *bytes, size_t count)
{
    char converted[256], *in = (char *)(uintptr_t)bytes;
    while (count > 0) {
        char *out = converted;
        size_t room = sizeof converted;
        bool stopped = iconv(rows->converter, &in, &count, &out, &room) == (size_t)-1;
        bool is_full = stopped && errno == E2BIG;
        buf_add(&rows->text, converted, sizeof converted - room);
        if (stopped && !is_full) {
            buf_add_char(&rows->text, '\xFF');
            in++, count--;
        }
    }
}

static bool is_break(char c)
{
    return c == '\n' || c == '\r';
}

/* One blank stands for each run of blanks, tabs and line breaks; none at the ends. */
static void tidy(struct buf *text, size_t from)
{
    size_t out = from;
    for (size_t at = from; at < text->len; at++) {
        char c = is_break(text->ptr[at]) || text->ptr[at] == '\t' ? ' ' : text->ptr[at];
        if (c != ' ' || (out > from && text->ptr[out - 1] != ' '))
            text->ptr[out++] = c;
    }
    text->len = out > from && text->ptr[out - 1] == ' ' ? out - 1 : out;
}

static void cell_ended(void *cell, size_t bytes, void *context)
{
    struct rows *rows = context;
    if (rows->count < ROW_MAX_CELLS) {
        size_t from = rows->text.len;
        if (rows->converter == (iconv_t)-1)
            buf_add(&rows->text, cell ? cell : "", bytes);
        else
            add_converted(rows, cell, bytes);
        tidy(&rows->text, from);
        rows->ends[rows->count] = rows->text.len;
    }
    rows->count++;
}

static void row_ended(int c, void *context)
{
    (void)c;
    struct rows *rows = context;
    rows->complete = true;
}

static void parser_start(struct rows *rows)
{
    unsigned char delimiter = rows->csv.delim_char;
    csv_free(&rows->csv);
    ensure(csv_init(&rows->csv, 0) == 0);
    if (delimiter)
        csv_set_delim(&rows->csv, delimiter);
}

void rows_open(struct rows *rows, enum oneroster_charset charset, rows_read *read, void *context)
{
    *rows = (struct rows){.read = read, .context = context, .line = 1};
    rows->bytes = mem_alloc(ROW_READ_BYTES);
    rows->converter = charset == ONEROSTER_UTF8 ? (iconv_t)-1 : iconv_open("UTF-8", "WINDOWS-1251");
    ensure(charset == ONEROSTER_UTF8 || rows->converter != (iconv_t)-1);
    ensure(csv_init(&rows->csv, 0) == 0);
}

void rows_close(struct rows *rows)
{
    if (!rows->bytes)
        return;
    if (rows->converter != (iconv_t)-1)
        iconv_close(rows->converter);
    csv_free(&rows->csv);
    buf_done(&rows->text);
    free(rows->bytes);
    *rows = (struct rows){0};
}

/* ---- The source ---- */

/* The byte order mark goes; whichever delimiter the header line has first, it is. */
static void look_at_beginning(struct rows *rows)
{
    rows->begun = true;
    if (rows->have >= 3 && memcmp(rows->bytes, "\xEF\xBB\xBF", 3) == 0)
        rows->at = 3;
    for (size_t i = rows->at; i < rows->have && !strchr("\r\n", rows->bytes[i]); i++)
        if (strchr(",;\t", rows->bytes[i])) {
            csv_set_delim(&rows->csv, (unsigned char)rows->bytes[i]);
            return;
        }
}

/* False at the end or where it is broken. */
static bool fill(struct rows *rows, bool *broken)
{
    int64_t got = rows->ended ? 0 : rows->read(rows->context, rows->bytes, ROW_READ_BYTES);
    *broken = got < 0;
    rows->ended = got <= 0;
    rows->at = 0;
    rows->have = got > 0 ? (size_t)got : 0;
    if (rows->have && !rows->begun)
        look_at_beginning(rows);
    return rows->have > 0;
}

/* What is left up to the end of a line, its line break included. */
static struct str next_piece(struct rows *rows)
{
    struct str piece = {rows->bytes + rows->at, 0};
    size_t most = MIN_OF(rows->have - rows->at, (size_t)ROW_MAX_BYTES + 1 - rows->row_bytes);
    while (piece.len < most) {
        char c = piece.ptr[piece.len++];
        if (is_break(c))
            break;
    }
    rows->at += piece.len;
    return piece;
}

/* CRLF is one line break: its line feed comes alone. */
static void count_line(struct rows *rows, struct str piece)
{
    char last = piece.ptr[piece.len - 1];
    bool belongs_to_cr = rows->after_cr && piece.len == 1;
    if (last == '\r' || (last == '\n' && !belongs_to_cr))
        rows->line++;
    rows->after_cr = last == '\r';
}

/* ---- Rows ---- */

static void row_start(struct rows *rows)
{
    rows->count = 0;
    rows->row_bytes = 0;
    rows->row_line = rows->line;
    rows->complete = false;
    rows->blank = true;
    buf_reset(&rows->text);
}

static bool is_blank(struct str piece)
{
    for (size_t i = 0; i < piece.len; i++)
        if (!memchr(" \t\r\n", piece.ptr[i], 4))
            return false;
    return true;
}

/* A line, or what of it is there, into the parser. It passes over an empty one without a word. */
static void take_piece(struct rows *rows, struct str piece)
{
    char last = piece.ptr[piece.len - 1];
    rows->row_bytes += piece.len;
    rows->blank &= is_blank(piece);
    size_t parsed = csv_parse(&rows->csv, piece.ptr, piece.len, cell_ended, row_ended, rows);
    ensure(parsed == piece.len); /* memory aside, only strict mode refuses anything */
    count_line(rows, piece);
    if (is_break(last) && rows->blank && !rows->complete)
        row_start(rows);
}

static void skip_piece(struct rows *rows, struct str piece)
{
    char last = piece.ptr[piece.len - 1];
    rows->skipping = !is_break(last);
    count_line(rows, piece);
    row_start(rows);
}

/* Nothing of the row is kept. What is left of its line is skipped; then a new row begins, so that a
 * quote which is not closed costs 64 KiB and not the file. */
static enum rows_step give_up(struct rows *rows, char last)
{
    parser_start(rows);
    rows->skipping = !is_break(last);
    return ROWS_TOO_LONG;
}

/* libcsv knows of an open quote in strict mode alone, in which the rest would be too strict. */
static enum rows_step at_end(struct rows *rows)
{
    csv_set_opts(&rows->csv, CSV_STRICT | CSV_STRICT_FINI);
    if (csv_fini(&rows->csv, cell_ended, row_ended, rows) != 0) {
        parser_start(rows);
        return ROWS_UNCLOSED;
    }
    return rows->complete ? ROWS_ROW : ROWS_END;
}

enum rows_step rows_next(struct rows *rows)
{
    bool broken = false;
    row_start(rows);
    while (rows->at < rows->have || fill(rows, &broken)) {
        struct str piece = next_piece(rows);
        if (rows->skipping) {
            skip_piece(rows, piece);
            continue;
        }
        take_piece(rows, piece);
        if (rows->complete)
            return ROWS_ROW;
        if (rows->row_bytes > ROW_MAX_BYTES)
            return give_up(rows, piece.ptr[piece.len - 1]);
    }
    return broken ? ROWS_BROKEN : at_end(rows);
}

struct str rows_cell(const struct rows *rows, size_t index)
{
    size_t from = index ? rows->ends[index - 1] : 0;
    return (struct str){rows->text.ptr ? rows->text.ptr + from : "", rows->ends[index] - from};
}
