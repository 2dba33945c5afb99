/* The school calendar: academic years, terms (quarters), holidays, days off, lessons and shifts.
 *
 * Dates change each year by an order of the minister, so years are rows of a table that names its
 * order (calendar.c). Known: 2025/26 and 2026/27. A year without a row is CALENDAR_UNKNOWN, and a
 * rule must not refuse anything for it. Closures for weather or quarantine are per district and
 * shift and not here. All functions are pure: today is handed in. */
#ifndef NATIONAL_CALENDAR_H
#define NATIONAL_CALENDAR_H

#include <stdbool.h>

#include "base/clock.h"

enum { CALENDAR_TERMS = 4 };

struct calendar_range {
    struct date first, last; /* both belong to it */
};

struct calendar_year {
    int year;           /* in which it begins: 2026 is 2026/27 */
    const char *source; /* the order that it is taken from */
    struct calendar_range terms[CALENDAR_TERMS];
    struct calendar_range first_grade_break; /* within the third term */
};

/* The rules of an academic year, or NULL where no order is known here. */
const struct calendar_year *calendar_find(int year);

/* The academic year of a date, known or not: it begins with its first term, where no order is known
 * on 1 September. The summer belongs to the year before. */
int calendar_year_of(struct date date);

/* The first day of an academic year. */
struct date calendar_year_start(int year);

/* The start of the school year before the one of `today`: older facts are refused
 * (`date_too_old`). */
struct date calendar_oldest_taken(struct date today);

enum calendar_day {
    CALENDAR_UNKNOWN, /* no order for that year */
    CALENDAR_SCHOOL,
    CALENDAR_WEEKEND,
    CALENDAR_HOLIDAYS, /* between terms, and the extra week of the first grade */
    CALENDAR_DAY_OFF   /* a national or state holiday, or the Monday that stands for it */
};

/* What a day is for a grade (0 to 12). Five days a week. */
enum calendar_day calendar_day(struct date date, int grade);

/* Whether it is CALENDAR_SCHOOL. */
bool calendar_is_school_day(struct date date, int grade);

/* 1 to 4, or 0 between terms and in a year without rules. */
int calendar_term_of(struct date date);

enum { LESSON_MAX = 11, LESSONS_FIRST_SHIFT = 6, SHIFTS = 2 };

/* Lessons of a day are numbered through both shifts: 1 to 6 are the first shift's, 7 to 11 the
 * second's. A default for schools that say nothing of their shifts; 0 outside of 1 to 11. */
int calendar_shift_of(int lesson);

#endif
