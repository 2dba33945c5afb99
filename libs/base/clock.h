/* Instants, civil dates, and the clocks they come from.
 *
 * An instant is microseconds since 1970-01-01T00:00:00Z; 0 means absent. A date is a day number
 * with 1 = 0001-01-01 (proleptic Gregorian); 0 means absent. Rules are given "today" and "now" by
 * their caller: only programs look at the clock. What people see is Asia/Almaty: UTC+05:00 since 1
 * March 2024 (domain.md section 8). */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct instant {
    int64_t us;
};

struct date {
    int32_t day;
};

int64_t clock_now(void);       /* wall clock, microseconds since 1970 */
int64_t clock_monotonic(void); /* microseconds since some start; never goes back */
void clock_sleep_ms(int64_t ms);

/* Sleeps as long as has passed since `began_us` (monotonic), at most `most_ms`: a process that
 * rests as long as it works finds more to do at once when everybody is busy, where each turn costs
 * all of them something, and is as quick as before when nobody is. */
void clock_rest(int64_t began_us, int64_t most_ms);

enum {
    DATE_UNIX_EPOCH = 719163,     /* day number of 1970-01-01 */
    DATE_POSTGRES_EPOCH = 730120, /* day number of 2000-01-01, PostgreSQL's day 0 */
    DATE_TEXT_LEN = 10,           /* 2026-11-23 */
    INSTANT_TEXT_LEN = 27         /* 2026-11-23T08:00:00.000000Z */
};

/* Microseconds from 1970 to 2000, PostgreSQL's timestamp 0. */
#define INSTANT_POSTGRES_EPOCH_US INT64_C(946684800000000)

struct date date_make(int year, int month, int day); /* absent where there is no such day */
void date_split(struct date date, int *year, int *month, int *day);
struct date date_month(struct date date); /* the first day of its month */
int date_weekday(struct date date);       /* 1 = Monday ... 7 = Sunday (ISO 8601) */
struct date date_of(struct instant instant, int offset_minutes);
struct date date_today(void); /* in Asia/Almaty */

/* Exactly YYYY-MM-DD of a day that exists, years 0001 to 9999. */
bool date_parse(struct str text, struct date *date);
char *date_format(struct date date, char text[DATE_TEXT_LEN + 1]);

/* RFC 3339 with seconds, an optional fraction (to microseconds, more is cut) and Z or an offset.
 * Formatted in UTC with six digits. */
bool instant_parse(struct str text, struct instant *instant);
char *instant_format(struct instant instant, char text[INSTANT_TEXT_LEN + 1]);

enum { ALMATY_OFFSET_MINUTES = 300 };

#endif
