#include "national/calendar.h"

#include <stddef.h>

#include "base/cleanup.h"
#include "national/day_internal.h"

/* Edges of terms follow from the holidays that the orders set. */
static const struct calendar_year years[] = {
    {2025,
     "order of the minister of education for 2025/26",
     {{DAY(2025, 9, 1), DAY(2025, 10, 26)},
      {DAY(2025, 11, 3), DAY(2025, 12, 28)},
      {DAY(2026, 1, 8), DAY(2026, 3, 18)},
      {DAY(2026, 3, 30), DAY(2026, 5, 25)}},
     {DAY(2026, 2, 9), DAY(2026, 2, 15)}},
    {2026,
     "order 213-НҚ of 29 July 2026 (adilet G26HP000213)",
     {{DAY(2026, 9, 1), DAY(2026, 10, 25)},
      {DAY(2026, 11, 2), DAY(2026, 12, 27)},
      {DAY(2027, 1, 11), DAY(2027, 3, 21)},
      {DAY(2027, 3, 29), DAY(2027, 5, 25)}},
     {DAY(2027, 2, 8), DAY(2027, 2, 14)}},
};

/* Days off within terms, by the law on holidays of 13 December 2001, since 1 July 2026 as amended
 * by law 306-VIII (Constitution Day is on 15 March). For one on a weekend the Monday behind it is
 * off. Kurban-ait, and what the government moves in a year, is not known ahead: not here. */
static const struct date days_off[] = {
    DAY(2025, 12, 16), /* Independence Day */
    DAY(2026, 3, 9),   /* for Sunday 8 March, Women's Day */
    DAY(2026, 5, 1),   /* Unity Day */
    DAY(2026, 5, 7),   /* Defender of the Fatherland Day */
    DAY(2026, 5, 11),  /* for Saturday 9 May, Victory Day */
    DAY(2026, 12, 16), /* Independence Day */
    DAY(2027, 3, 8),   /* Women's Day */
    DAY(2027, 3, 15),  /* Constitution Day */
    DAY(2027, 5, 3),   /* for Saturday 1 May, Unity Day */
    DAY(2027, 5, 7),   /* Defender of the Fatherland Day */
    DAY(2027, 5, 10),  /* for Sunday 9 May, Victory Day */
};

static bool within(struct date date, const struct calendar_range *range)
{
    return date.day >= range->first.day && date.day <= range->last.day;
}

const struct calendar_year *calendar_find(int year)
{
    for (size_t i = 0; i < COUNT_OF(years); i++)
        if (years[i].year == year)
            return &years[i];
    return NULL;
}

struct date calendar_year_start(int year)
{
    const struct calendar_year *rules = calendar_find(year);
    return rules ? rules->terms[0].first : date_make(year, 9, 1);
}

int calendar_year_of(struct date date)
{
    int year, month, day;
    date_split(date, &year, &month, &day);
    return date.day >= calendar_year_start(year).day ? year : year - 1;
}

struct date calendar_oldest_taken(struct date today)
{
    return calendar_year_start(calendar_year_of(today) - 1);
}

int calendar_term_of(struct date date)
{
    const struct calendar_year *rules = calendar_find(calendar_year_of(date));
    for (int i = 0; rules && i < CALENDAR_TERMS; i++)
        if (within(date, &rules->terms[i]))
            return i + 1;
    return 0;
}

static bool is_day_off(struct date date)
{
    for (size_t i = 0; i < COUNT_OF(days_off); i++)
        if (days_off[i].day == date.day)
            return true;
    return false;
}

enum calendar_day calendar_day(struct date date, int grade)
{
    const struct calendar_year *rules = calendar_find(calendar_year_of(date));
    if (!rules)
        return CALENDAR_UNKNOWN;
    if (date_weekday(date) > 5)
        return CALENDAR_WEEKEND;
    if (calendar_term_of(date) == 0 || (grade == 1 && within(date, &rules->first_grade_break)))
        return CALENDAR_HOLIDAYS;
    return is_day_off(date) ? CALENDAR_DAY_OFF : CALENDAR_SCHOOL;
}

bool calendar_is_school_day(struct date date, int grade)
{
    return calendar_day(date, grade) == CALENDAR_SCHOOL;
}

int calendar_shift_of(int lesson)
{
    if (lesson < 1 || lesson > LESSON_MAX)
        return 0;
    return lesson <= LESSONS_FIRST_SHIFT ? 1 : 2;
}
