#include "domain.h"

#include <stdlib.h>

enum { HUNDREDTHS = 100 * 100, SESSION_SLOTS = 100 };

/* ---- Cells ---- */

static const struct field cell_column_fields[] = {
    FIELD(cell, organisation),
    FIELD(cell, date),
    FIELD(cell, shift),
    FIELD(cell, slot),
    FIELD(cell, registers),
    FIELD(cell, learner_lessons),
    FIELD(cell, absent_unexcused),
    FIELD(cell, absent_ill),
    FIELD(cell, absent_excused),
    FIELD(cell, late),
    FIELD(cell, late_minutes),
    FIELD(cell, remote),
    FIELD(cell, exempt),
    FIELD(cell, formative),
    FIELD(cell, summative_unit),
    FIELD(cell, summative_term),
    FIELD(cell, marks_with_points),
    FIELD(cell, percent_sum_hundredths),
    FIELD(cell, at_least_65),
    FIELD(cell, at_least_40),
    FIELD(cell, heard_at),
};
const struct record cell_columns = RECORD(cell, cell_column_fields);

int64_t percent_hundredths(int64_t points, int64_t max_points)
{
    return (2 * HUNDREDTHS * points + max_points) / (2 * max_points);
}

static void add_points(struct cell *cell, int64_t points, int64_t max_points, int sign)
{
    cell->marks_with_points += sign;
    cell->percent_sum_hundredths += sign * percent_hundredths(points, max_points);
    cell->at_least_65 += points * 100 >= max_points * 65 ? sign : 0;
    cell->at_least_40 += points * 100 >= max_points * 40 ? sign : 0;
}

struct cell cell_of_mark(const struct mark *mark, int sign)
{
    struct cell cell = {.organisation = mark->organisation,
                        .date = mark->date,
                        .shift = mark->shift,
                        .slot = mark->lesson.present ? mark->lesson.value : 0};
    cell.formative = mark->kind == MARK_FORMATIVE ? sign : 0;
    cell.summative_unit = mark->kind == MARK_SUMMATIVE_UNIT ? sign : 0;
    cell.summative_term = mark->kind == MARK_SUMMATIVE_TERM ? sign : 0;
    if (mark->points.present && mark->max_points.value > 0)
        add_points(&cell, mark->points.value, mark->max_points.value, sign);
    return cell;
}

static void add_absence(struct cell *cell, enum absence_code code, struct optional minutes,
                        int sign)
{
    static const size_t counters[ABSENCE_CODES] = {
        [ABSENCE_UNEXCUSED] = offsetof(struct cell, absent_unexcused),
        [ABSENCE_ILL] = offsetof(struct cell, absent_ill),
        [ABSENCE_EXCUSED] = offsetof(struct cell, absent_excused),
        [ABSENCE_LATE] = offsetof(struct cell, late),
        [ABSENCE_REMOTE] = offsetof(struct cell, remote),
        [ABSENCE_EXEMPT] = offsetof(struct cell, exempt),
    };
    if (code == ABSENCE_PRESENT)
        return;
    *(int64_t *)((char *)cell + counters[code]) += sign;
    if (minutes.present)
        cell->late_minutes += (int64_t)sign * minutes.value;
}

static int32_t slot_of(struct optional lesson, enum register_session session)
{
    return lesson.present ? lesson.value : SESSION_SLOTS + (int32_t)session;
}

struct cell cell_of_register(const struct lesson_register *taken, int sign)
{
    struct cell cell = {.organisation = taken->organisation,
                        .date = taken->date,
                        .shift = taken->shift,
                        .slot = slot_of(taken->lesson, taken->session),
                        .registers = sign,
                        .learner_lessons = (int64_t)sign * taken->learners};
    const struct register_exception *exceptions = taken->exceptions.items;
    for (size_t i = 0; i < taken->exceptions.count; i++)
        add_absence(&cell, exceptions[i].code, exceptions[i].minutes, sign);
    return cell;
}

struct cell cell_of_absence_change(const struct absence_change *change, int sign)
{
    struct cell cell = {.organisation = change->organisation,
                        .date = change->date,
                        .shift = change->shift,
                        .slot = slot_of(change->lesson, change->session)};
    add_absence(&cell, change->before.code, change->before.minutes, -sign);
    add_absence(&cell, change->code, change->minutes, sign);
    return cell;
}

static int compare_numbers(int32_t a, int32_t b)
{
    return (a > b) - (a < b);
}

static int by_key(const void *a, const void *b)
{
    const struct cell *left = a, *right = b;
    int order = uuid_compare(&left->organisation, &right->organisation);
    if (order == 0)
        order = compare_numbers(left->date.day, right->date.day);
    if (order == 0)
        order = compare_numbers(left->shift, right->shift);
    return order ? order : compare_numbers(left->slot, right->slot);
}

/* All counters, by the table: what is not part of the key is a bigint and adds up. */
static void cell_add(struct cell *sum, const struct cell *more)
{
    for (size_t i = 0; i < cell_columns.count; i++) {
        const struct field *field = &cell_columns.fields[i];
        if (field->type == FIELD_BIGINT)
            *(int64_t *)((char *)sum + field->offset) +=
                *(const int64_t *)((const char *)more + field->offset);
    }
    sum->heard_at.us = MAX_OF(sum->heard_at.us, more->heard_at.us);
}

size_t cells_merge(struct cell *cells, size_t count)
{
    if (count == 0)
        return 0;
    qsort(cells, count, sizeof *cells, by_key);
    size_t last = 0;
    for (size_t i = 1; i < count; i++) {
        if (by_key(&cells[last], &cells[i]) == 0)
            cell_add(&cells[last], &cells[i]);
        else
            cells[++last] = cells[i];
    }
    return last + 1;
}

/* ---- Views ---- */

/* Hundredths of a percent, rounded half up; absent where there is nothing to share. */
static struct optional share(int64_t part, int64_t whole)
{
    if (whole <= 0)
        return (struct optional){0};
    return (struct optional){true, (int32_t)percent_hundredths(part, whole)};
}

/* Of a sum of hundredths over a count, rounded half up. */
static struct optional mean(int64_t sum, int64_t count)
{
    if (count <= 0)
        return (struct optional){0};
    return (struct optional){true, (int32_t)((2 * sum + count) / (2 * count))};
}

static struct attendance_view attendance_view_of(const struct indicator *day)
{
    int64_t absent = day->absent_unexcused + day->absent_ill + day->absent_excused;
    return (struct attendance_view){
        .registers = day->registers,
        .learner_lessons = day->learner_lessons,
        .absent_unexcused = day->absent_unexcused,
        .absent_ill = day->absent_ill,
        .absent_excused = day->absent_excused,
        .late = day->late,
        .late_minutes = day->late_minutes,
        .remote = day->remote,
        .exempt = day->exempt,
        .attendance_rate = share(day->learner_lessons - absent, day->learner_lessons),
    };
}

static struct marks_view marks_view_of(const struct indicator *day)
{
    return (struct marks_view){
        .formative = day->formative,
        .summative_unit = day->summative_unit,
        .summative_term = day->summative_term,
        .marks_with_points = day->marks_with_points,
        .percent_sum_hundredths = day->percent_sum_hundredths,
        .at_least_65 = day->at_least_65,
        .at_least_40 = day->at_least_40,
        .mean_percent = mean(day->percent_sum_hundredths, day->marks_with_points),
        .share_at_least_65 = share(day->at_least_65, day->marks_with_points),
        .share_at_least_40 = share(day->at_least_40, day->marks_with_points),
    };
}

struct day_view day_view_of(const struct indicator *day)
{
    return (struct day_view){
        .date = day->date,
        .contingent = {day->learners, day->organisations, day->organisations_heard,
                       day->last_heard},
        .attendance = attendance_view_of(day),
        .marks = marks_view_of(day),
    };
}

static bool same_node(const struct indicator_row *a, const struct indicator_row *b)
{
    return a->child == b->child && str_equal(a->day.node, b->day.node);
}

/* The node that begins at rows[0] and its days; `*used` rows were its own. */
static struct node_view node_take(const struct indicator_row *rows, size_t count, size_t *used,
                                  struct arena *arena)
{
    struct day_view *days = ARENA_ARRAY(arena, count, struct day_view);
    size_t taken = 0, kept = 0;
    for (; taken < count && same_node(&rows[0], &rows[taken]); taken++)
        if (rows[taken].day.date.day)
            days[kept++] = day_view_of(&rows[taken].day);
    *used = taken;
    return (struct node_view){.node = rows[0].day.node,
                              .tree = rows[0].day.tree,
                              .name = {rows[0].name_kk, rows[0].name_ru},
                              .as_of = rows[0].day.as_of,
                              .days = {days, kept}};
}

const struct node_view *node_view_of(const struct indicator_row *rows, size_t count,
                                     struct arena *arena)
{
    struct node_view *nodes = ARENA_ARRAY(arena, count, struct node_view);
    size_t made = 0;
    for (size_t at = 0, used; at < count; at += used)
        nodes[made++] = node_take(rows + at, count - at, &used, arena);
    nodes[0].children = (struct list){nodes + 1, made - 1};
    return nodes;
}
