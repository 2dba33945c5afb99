#include "pace.h"

#include <math.h>
#include <stdint.h>

#include "base/error.h"
#include "national/calendar.h"

enum { PERIOD_SECONDS = 55 * 60 /* a lesson and its break */ };

/* Thousandths of the day's items in each lesson of the first shift, where five of six classes are,
 * of the second, and in the evening, when teachers enter what they did not. */
static const int shares[] = {120, 120, 120, 120, 120, 120, 22, 22, 22, 22, 22, 60, 50, 40, 20};
_Static_assert(COUNT_OF(shares) >= LESSON_MAX, "lessons come first");

double pace_nation(bool quarter_end)
{
    return PACE_REGISTERS + (quarter_end ? PACE_QUARTER_END : 1) * (double)PACE_MARKS;
}

/* Of the day's rhythm, from 0 at its first start. */
static size_t period_at(const struct pace *pace, double seconds)
{
    return (size_t)(seconds * pace->rhythm / PERIOD_SECONDS);
}

double pace_rate(const struct pace *pace, double seconds)
{
    if (pace->rhythm == 0)
        return pace->rate;
    int share = shares[period_at(pace, seconds) % COUNT_OF(shares)];
    return pace->day_items * share / 1000 / PERIOD_SECONDS * pace->rhythm;
}

size_t pace_lessons(const struct pace *pace, double seconds)
{
    if (pace->rhythm == 0)
        return SIZE_MAX;
    size_t period = period_at(pace, seconds), today = period % COUNT_OF(shares) + 1;
    return period / COUNT_OF(shares) * LESSON_MAX + (today < LESSON_MAX ? today : LESSON_MAX);
}
