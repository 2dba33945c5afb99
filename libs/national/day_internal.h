/* A date as a constant for tables of rules: DAY(2026, 9, 1) is date_make(2026, 9, 1). */
#ifndef NATIONAL_DAY_INTERNAL_H
#define NATIONAL_DAY_INTERNAL_H

/* Months counted from March, as in base/clock.c. */
#define DAY_NUMBER(y, m, d) \
    (365 * (y) + (y) / 4 - (y) / 100 + (y) / 400 + (153 * (m) + 2) / 5 + (d)-306)
#define DAY(year, month, day)                                                                   \
    {                                                                                           \
        DAY_NUMBER((month) > 2 ? (year) : (year)-1, (month) > 2 ? (month)-3 : (month) + 9, day) \
    }

#endif
