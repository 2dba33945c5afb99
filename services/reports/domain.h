/* The arithmetic of indicators: what a fact adds to its cell, and what readers are told of a day.
 * Pure and exact: whole numbers only, rounded once. */
#ifndef REPORTS_DOMAIN_H
#define REPORTS_DOMAIN_H

#include "contracts/indicators.h"
#include "contracts/marks.h"
#include "contracts/registers.h"

/* ---- In: cells ---- */

/* What facts add to one organisation's day, shift and lesson. Record: the columns of add_cells().
 */
struct cell {
    struct uuid organisation;
    struct date date;
    int32_t shift; /* 0: not known */
    int32_t slot;  /* lesson 1 to 11; 100 + enum register_session; 0: not known */
    int64_t registers, learner_lessons, absent_unexcused, absent_ill, absent_excused, late,
        late_minutes, remote, exempt;
    int64_t formative, summative_unit, summative_term, marks_with_points, percent_sum_hundredths,
        at_least_65, at_least_40;
    struct instant heard_at; /* when the service took the fact; absent in what is taken back */
};
extern const struct record cell_columns;

/* One fact by itself. `sign` 1 adds it, -1 takes it back. */
struct cell cell_of_mark(const struct mark *mark, int sign);
struct cell cell_of_register(const struct lesson_register *taken, int sign);
struct cell cell_of_absence_change(const struct absence_change *change, int sign);

/* Adds up what has the same key, in the order of the keys. Returns how many are left, in front. */
size_t cells_merge(struct cell *cells, size_t count);

/* Points as hundredths of a percent, rounded half up; 0 <= points <= max_points, max_points > 0. */
int64_t percent_hundredths(int64_t points, int64_t max_points);

/* ---- Out: views ---- */

/* One row of store_indicators: a day of a node or of one of its children. */
struct indicator_row {
    bool child;
    struct indicator day; /* `set` unused; `date` absent where no day has begun */
    struct str name_kk, name_ru;
};

struct day_view day_view_of(const struct indicator *day);

/* The answer from its rows (at least one), ordered: itself, then a child after the other, each by
 * date. In the arena; texts are borrowed from the rows. */
const struct node_view *node_view_of(const struct indicator_row *rows, size_t count,
                                     struct arena *arena);

#endif
