#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_now(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

void clock_sleep_ms(int64_t ms)
{
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&pause, NULL); /* a signal may end it early: whoever waits, waits in a loop */
}

void clock_rest(int64_t began_us, int64_t most_ms)
{
    int64_t worked_ms = (clock_monotonic() - began_us) / 1000;
    clock_sleep_ms(worked_ms < most_ms ? worked_ms : most_ms);
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days before 1 March of the year that begins in March: leap days come last, so months are regular.
 */
struct date date_make(int year, int month, int day)
{
    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month))
        return (struct date){0};
    int y = month > 2 ? year : year - 1, m = month > 2 ? month - 3 : month + 9;
    return (struct date){365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 306};
}

void date_split(struct date date, int *year, int *month, int *day)
{
    int z = date.day + 305; /* days since 0000-03-01 */
    int era = z / 146097, day_of_era = z % 146097;
    int year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int m = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * m + 2) / 5 + 1;
    *month = m < 10 ? m + 3 : m - 9;
    *year = era * 400 + year_of_era + (*month <= 2);
}

struct date date_month(struct date date)
{
    int year, month, day;
    date_split(date, &year, &month, &day);
    return (struct date){date.day - day + 1};
}

int date_weekday(struct date date)
{
    return (date.day + 6) % 7 + 1;
}

struct date date_of(struct instant instant, int offset_minutes)
{
    int64_t us_per_day = INT64_C(86400000000);
    int64_t local = instant.us + offset_minutes * INT64_C(60000000);
    int64_t day = local >= 0 ? local / us_per_day : -((-local + us_per_day - 1) / us_per_day);
    return (struct date){(int32_t)(day + DATE_UNIX_EPOCH)};
}

struct date date_today(void)
{
    return date_of((struct instant){clock_now()}, ALMATY_OFFSET_MINUTES);
}

/* Exactly `count` digits at `*at`, which moves behind them. */
static bool read_digits(struct str text, size_t *at, int count, int *value)
{
    if (text.len - *at < (size_t)count)
        return false;
    *value = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        int digit = text.ptr[*at] - '0';
        if (digit < 0 || digit > 9)
            return false;
        *value = *value * 10 + digit;
    }
    return true;
}

static bool read_char(struct str text, size_t *at, char c)
{
    if (*at == text.len || text.ptr[*at] != c)
        return false;
    (*at)++;
    return true;
}

static bool read_date(struct str text, size_t *at, struct date *date)
{
    int year, month, day;
    if (!read_digits(text, at, 4, &year) || !read_char(text, at, '-') ||
        !read_digits(text, at, 2, &month) || !read_char(text, at, '-') ||
        !read_digits(text, at, 2, &day))
        return false;
    *date = date_make(year, month, day);
    return date->day != 0;
}

bool date_parse(struct str text, struct date *date)
{
    size_t at = 0;
    struct date parsed;
    if (!read_date(text, &at, &parsed) || at != text.len)
        return false;
    *date = parsed;
    return true;
}

/* Writes `count` decimal digits and returns what is behind them. */
static char *write_digits(char *at, int count, unsigned value)
{
    for (int i = count - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + count;
}

char *date_format(struct date date, char text[DATE_TEXT_LEN + 1])
{
    int year, month, day;
    date_split(date, &year, &month, &day);
    char *at = write_digits(text, 4, (unsigned)year);
    *at++ = '-';
    at = write_digits(at, 2, (unsigned)month);
    *at++ = '-';
    at = write_digits(at, 2, (unsigned)day);
    *at = '\0';
    return text;
}

static bool read_time(struct str text, size_t *at, int64_t *us)
{
    int hour, minute, second;
    if (!read_digits(text, at, 2, &hour) || !read_char(text, at, ':') ||
        !read_digits(text, at, 2, &minute) || !read_char(text, at, ':') ||
        !read_digits(text, at, 2, &second))
        return false;
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    *us = ((hour * 60 + minute) * 60 + second) * INT64_C(1000000);
    return true;
}

static bool read_fraction(struct str text, size_t *at, int64_t *us)
{
    if (!read_char(text, at, '.'))
        return true;
    int digit, digits = 0;
    for (int64_t unit = 100000; read_digits(text, at, 1, &digit); unit /= 10, digits++)
        *us += digit * unit;
    return digits > 0;
}

static bool read_offset(struct str text, size_t *at, int *minutes)
{
    *minutes = 0;
    if (read_char(text, at, 'Z') || read_char(text, at, 'z'))
        return true;
    bool west = *at < text.len && text.ptr[*at] == '-';
    int hour, minute;
    if (!read_char(text, at, west ? '-' : '+') || !read_digits(text, at, 2, &hour) ||
        !read_char(text, at, ':') || !read_digits(text, at, 2, &minute) || hour > 23 || minute > 59)
        return false;
    *minutes = (west ? -1 : 1) * (hour * 60 + minute);
    return true;
}

bool instant_parse(struct str text, struct instant *instant)
{
    size_t at = 0;
    struct date date;
    int64_t us;
    int minutes;
    if (!read_date(text, &at, &date) || !(read_char(text, &at, 'T') || read_char(text, &at, 't')) ||
        !read_time(text, &at, &us) || !read_fraction(text, &at, &us) ||
        !read_offset(text, &at, &minutes) || at != text.len)
        return false;
    instant->us =
        (date.day - DATE_UNIX_EPOCH) * INT64_C(86400000000) + us - minutes * INT64_C(60000000);
    return true;
}

char *instant_format(struct instant instant, char text[INSTANT_TEXT_LEN + 1])
{
    struct date date = date_of(instant, 0);
    int64_t us = instant.us - (date.day - DATE_UNIX_EPOCH) * INT64_C(86400000000);
    unsigned seconds = (unsigned)(us / 1000000);
    date_format(date, text);
    char *at = text + DATE_TEXT_LEN;
    *at++ = 'T';
    at = write_digits(at, 2, seconds / 3600);
    *at++ = ':';
    at = write_digits(at, 2, seconds / 60 % 60);
    *at++ = ':';
    at = write_digits(at, 2, seconds % 60);
    *at++ = '.';
    at = write_digits(at, 6, (unsigned)(us % 1000000));
    *at++ = 'Z';
    *at = '\0';
    return text;
}
