/* Assessment after order 125 of 18 March 2008, edition of 30 April 2025: limits of points, percent,
 * the scale 2 to 5, the marks of a term and a year.
 *
 * All of it is dated rule data (marks.c): orders change weights and scales. Arithmetic is exact:
 * fractions of whole numbers, rounded once, half up, never binary floating point. 84.5 % is 85 and
 * so a "5"; 64.46 % is 64 and so a "3", although one decimal would show 64.5. Pure functions. */
#ifndef NATIONAL_MARKS_H
#define NATIONAL_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

/* Numbered as contracts' enum mark_kind. */
enum work_kind {
    WORK_FORMATIVE = 1,  /* ҚБ / ФО */
    WORK_SUMMATIVE_UNIT, /* БЖБ / СОР */
    WORK_SUMMATIVE_TERM, /* ТЖБ / СОЧ */
    WORK_KINDS
};

enum { POINTS_MAX = 100 };

struct marks_limits {
    int points_min, points_max; /* of what may be given */
    int work_min, work_max;     /* of the work's own maximum */
    const char *source;
};

/* What a grade's work of that kind may have; `grade` is 0 to 12, -1 where it is not known. Where no
 * order is known to say it: 0 to 100 points. */
struct marks_limits marks_limits(enum work_kind kind, int grade, struct date date);

/* Whole percent of points, rounded half up. 0 <= points <= max_points, max_points > 0. */
int marks_percent(int64_t points, int64_t max_points);

/* The mark 2 to 5 of a whole percent; 0 where that grade is not marked (below grade 2) or no scale
 * is known for the date. */
int marks_of_percent(int percent, int grade, struct date date);

struct marks_work {
    enum work_kind kind;
    int points, max_points;
};

enum marks_period { PERIOD_TERM = 1, PERIOD_HALF_YEAR };

enum marks_status {
    MARKS_DONE,
    MARKS_INCOMPLETE, /* a kind that counts has no work: not attested for the time being */
    MARKS_NO_RULE     /* of that period, grade or date */
};

struct marks_result {
    enum marks_status status;
    int percent; /* rounded from the exact weighted sum */
    int mark;    /* 2 to 5 */
};

/* The mark of a term: formative 25 %, units 25 %, the term's work 50 % (point 28); of a half-year
 * (subjects of one lesson a week): formative 50 %, units 50 %. Within a kind: sum of points by sum
 * of maxima. `date` is in the period. */
struct marks_result marks_of_period(enum marks_period period, const struct marks_work *works,
                                    size_t count, int grade, struct date date);

/* The year's mark: the mean of the terms' (1 to 4 of them, 2 to 5 each), rounded half up. */
int marks_of_year(const int *terms, size_t count);

/* The final mark where there is an exam (grades 9 and 11): 70 % year and 30 % exam, half up. */
int marks_final(int year, int exam);

#endif
