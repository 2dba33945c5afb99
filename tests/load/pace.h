/* How fast a sender sends: at a steady rate, at the school day's own rhythm, or as fast as it is
 * accepted. */
#ifndef LOAD_PACE_H
#define LOAD_PACE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    /* What the nation sends on a day (domain.md). */
    PACE_REGISTERS = 900000,
    PACE_MARKS = 7800000,
    PACE_QUARTER_END = 3 /* times the marks, when the quarter ends */
};

struct pace {
    double rate;   /* items a second; 0: as fast as they are accepted */
    double rhythm; /* instead: the day's own rhythm, so many times faster than the clock; 0: none */
    double day_items; /* for the rhythm */
};

/* Items of the nation's day. */
double pace_nation(bool quarter_end);

/* Items a second, so many seconds after the start; 0: as fast as they are accepted. With a rhythm
 * the start is eight o'clock, and after the last marks of the evening it is eight again. */
double pace_rate(const struct pace *pace, double seconds);

/* How many lessons (numbered through both shifts, LESSON_MAX a day) have begun since the start;
 * SIZE_MAX without a rhythm. */
size_t pace_lessons(const struct pace *pace, double seconds);

#endif
