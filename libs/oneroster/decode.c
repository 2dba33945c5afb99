/* Cells into structs, by the tables of files.c. */
#include <stdio.h>
#include <string.h>

#include "national/iin.h"
#include "oneroster/oneroster_internal.h"

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool equal_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

static const char *pointer_of(const char *column, struct arena *arena)
{
    return arena_printf(arena, "/%s", column);
}

static void complain(struct problems *problems, const struct oneroster_column *column,
                     const char *code)
{
    problem_add(problems, pointer_of(column->field.name, problems->arena), code);
}

/* ---- The header ---- */

static void place_column(struct oneroster_layout *layout, const struct oneroster_table *table,
                         size_t index, const struct rows *rows, struct problems *problems)
{
    const struct oneroster_column *column = &table->columns[index];
    layout->places[index] = -1;
    for (size_t cell = 0; cell < layout->cells; cell++) {
        if (!equal_nocase(rows_cell(rows, cell), str_from(column->field.name)))
            continue;
        if (layout->places[index] >= 0)
            complain(problems, column, "duplicate_field");
        layout->places[index] = (int16_t)cell;
    }
    if (layout->places[index] < 0 && column->field.required)
        complain(problems, column, "missing_column");
}

void layout_read(struct oneroster_layout *layout, const struct oneroster_table *table,
                 const struct rows *rows, struct problems *problems)
{
    ensure(table->count <= TABLE_MOST_COLUMNS);
    layout->cells = MIN_OF(rows->count, (size_t)ROW_MAX_CELLS);
    for (size_t i = 0; i < table->count; i++)
        place_column(layout, table, i, rows, problems);
}

/* ---- Ids ---- */

static struct uuid id_of(const struct uuid *space, const char *entity, struct str sourced_id)
{
    char name[256];
    struct uuid id;
    if (uuid_parse(sourced_id, &id))
        return id;
    int length = snprintf(name, sizeof name, "%s:%.*s", entity, STR_ARG(sourced_id));
    return uuid_v5(space, (struct str){name, (size_t)length});
}

/* Fits `name` above: 128 characters may be longer in bytes than any real id is. */
enum { ID_MAX_BYTES = 200 };

static const char *id_problem(struct str sourced_id)
{
    if (!str_is_utf8(sourced_id))
        return "invalid_utf8";
    if (sourced_id.len > ID_MAX_BYTES || str_characters(sourced_id) > 128)
        return "too_long";
    return number_kind(sourced_id) == NUMBER_IIN ? "sourced_id_is_iin" : NULL;
}

/* What a row is being decoded with. */
struct decoding {
    const struct uuid *space;
    struct problems *problems;
    char *row;
};

static struct uuid reference(struct decoding *decoding, const struct oneroster_column *column,
                             struct str cell)
{
    const char *code = id_problem(cell);
    if (!code)
        return id_of(decoding->space, column->entity, cell);
    complain(decoding->problems, column, code);
    return (struct uuid){{0}};
}

static struct str next_element(struct str *rest)
{
    struct str element = str_cut(rest, ',');
    while (element.len && element.ptr[0] == ' ')
        element.ptr++, element.len--;
    while (element.len && element.ptr[element.len - 1] == ' ')
        element.len--;
    return element;
}

static void take_id(struct decoding *decoding, const struct oneroster_column *column,
                    struct str cell)
{
    struct oneroster_head *head = (struct oneroster_head *)(void *)decoding->row;
    head->id = reference(decoding, column, cell);
    if (uuid_present(&head->id))
        head->sourced_id = str_copy(decoding->problems->arena, cell);
}

static void take_refs(struct decoding *decoding, const struct oneroster_column *column,
                      struct str cell)
{
    struct uuid *ids =
        ARENA_ARRAY(decoding->problems->arena, (size_t)column->field.max, struct uuid);
    size_t count = 0;
    for (struct str rest = cell; str_present(rest);) {
        struct str element = next_element(&rest);
        if (element.len == 0)
            continue;
        if ((int64_t)count == column->field.max) {
            complain(decoding->problems, column, "too_long");
            return;
        }
        ids[count++] = reference(decoding, column, element);
    }
    *(struct uuids *)(void *)(decoding->row + column->field.offset) = (struct uuids){ids, count};
}

/* ---- Grades: Common Education Data Standards ---- */

static bool grade_of(struct str code, int64_t *grade)
{
    static const struct str before_school[] = {STR("IT"), STR("PR"), STR("PK"), STR("TK"),
                                               STR("KG")};
    *grade = 0;
    for (size_t i = 0; i < COUNT_OF(before_school); i++)
        if (equal_nocase(code, before_school[i]))
            return true;
    if (code.len == 2 && code.ptr[0] == '0')
        code.ptr++, code.len--;
    return str_to_int64(code, 0, 12, grade);
}

static void take_grade(struct decoding *decoding, const struct oneroster_column *column,
                       struct str cell)
{
    int64_t grade;
    if (grade_of(next_element(&cell), &grade))
        *(struct optional *)(void *)(decoding->row + column->field.offset) =
            (struct optional){true, (int32_t)grade};
    else
        complain(decoding->problems, column, "unknown_value");
}

/* ---- A cell ---- */

static void take_plain(struct decoding *decoding, const struct oneroster_column *column,
                       struct str cell)
{
    struct str kept = str_copy(decoding->problems->arena, cell);
    record_field_from_text(&column->field, kept, decoding->problems->arena, decoding->problems,
                           decoding->row);
}

static void take_instant(struct decoding *decoding, const struct oneroster_column *column,
                         struct str cell)
{
    struct date date;
    if (date_parse(cell, &date))
        ((struct instant *)(void *)(decoding->row + column->field.offset))->us =
            (date.day - DATE_UNIX_EPOCH) * INT64_C(86400000000) -
            ALMATY_OFFSET_MINUTES * INT64_C(60000000);
    else
        take_plain(decoding, column, cell);
}

static void take_cell(struct decoding *decoding, const struct oneroster_column *column,
                      struct str cell)
{
    switch (column->kind) {
    case COLUMN_PLAIN:
        take_plain(decoding, column, cell);
        break;
    case COLUMN_ID:
        take_id(decoding, column, cell);
        break;
    case COLUMN_REF:
        *(struct uuid *)(void *)(decoding->row + column->field.offset) =
            reference(decoding, column, next_element(&cell));
        break;
    case COLUMN_REFS:
        take_refs(decoding, column, cell);
        break;
    case COLUMN_GRADE:
        take_grade(decoding, column, cell);
        break;
    case COLUMN_INSTANT:
        take_instant(decoding, column, cell);
    }
}

/* ---- A row ---- */

static struct str cell_at(const struct oneroster_layout *layout, const struct rows *rows,
                          size_t column)
{
    int place = layout->places[column];
    return place < 0 ? (struct str){0} : rows_cell(rows, (size_t)place);
}

/* The first two columns of every table are the id and the status. */
static void demand_required(const struct oneroster_layout *layout,
                            const struct oneroster_table *table, const struct rows *rows,
                            struct decoding *decoding)
{
    const struct oneroster_head *head = (const void *)decoding->row;
    size_t count = head->status == ONEROSTER_TOBEDELETED ? 1 : table->count;
    for (size_t i = 0; i < count; i++)
        if (table->columns[i].field.required && cell_at(layout, rows, i).len == 0)
            complain(decoding->problems, &table->columns[i], "missing");
}

/* Whose row it is: mostly its first cell, which is there where others are missing. */
static void name_row(const struct oneroster_layout *layout, const struct oneroster_table *table,
                     const struct rows *rows, struct decoding *decoding)
{
    int place = layout->places[0];
    if (place < 0 || (size_t)place >= rows->count)
        return;
    struct str cell = rows_cell(rows, (size_t)place);
    if (cell.len)
        take_cell(decoding, &table->columns[0], cell);
}

void row_decode(const struct oneroster_layout *layout, const struct oneroster_table *table,
                const struct uuid *space, const struct rows *rows, void *row,
                struct problems *problems)
{
    struct decoding decoding = {space, problems, row};
    ((struct oneroster_head *)row)->line = rows->row_line;
    if (rows->count != layout->cells) {
        problem_add(problems, "", "wrong_cell_count");
        name_row(layout, table, rows, &decoding);
        return;
    }
    for (size_t i = 0; i < table->count; i++) {
        struct str cell = cell_at(layout, rows, i);
        if (cell.len)
            take_cell(&decoding, &table->columns[i], cell);
    }
    demand_required(layout, table, rows, &decoding);
    if (table->finish)
        table->finish(row);
}
