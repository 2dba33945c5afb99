#include <stdio.h>

#include "base/error.h"
#include "i18n/i18n.h"

/* ---- Plurals ---- */

static enum plural plural_ru(uint64_t n)
{
    uint64_t ten = n % 10, hundred = n % 100;
    if (ten == 1 && hundred != 11)
        return PLURAL_ONE;
    if (ten >= 2 && ten <= 4 && (hundred < 12 || hundred > 14))
        return PLURAL_FEW;
    return PLURAL_MANY;
}

static uint64_t magnitude(int64_t number)
{
    return number < 0 ? -(uint64_t)number : (uint64_t)number;
}

enum plural i18n_plural(enum language language, int64_t number)
{
    uint64_t n = magnitude(number);
    if (language == LANGUAGE_RU)
        return plural_ru(n);
    return n == 1 ? PLURAL_ONE : PLURAL_OTHER;
}

/* ---- Numbers and dates ---- */

void i18n_decimal(struct buf *out, enum language language, int64_t number, int decimals)
{
    ensure(decimals >= 0 && decimals <= 18);
    const char *group = language == LANGUAGE_EN ? "," : "\xC2\xA0"; /* U+00A0 */
    const char *point = language == LANGUAGE_EN ? "." : ",";
    char digits[24];
    int count = 0;
    for (uint64_t n = magnitude(number); n > 0 || count <= decimals; n /= 10)
        digits[count++] = (char)('0' + n % 10);
    if (number < 0)
        buf_add_char(out, '-');
    for (int i = count - 1; i >= 0; i--) { /* i: how many digits follow */
        buf_add_char(out, digits[i]);
        if (i == decimals && decimals > 0)
            buf_add_text(out, point);
        else if (i > decimals && (i - decimals) % 3 == 0)
            buf_add_text(out, group);
    }
}

void i18n_number(struct buf *out, enum language language, int64_t number)
{
    i18n_decimal(out, language, number, 0);
}

/* In the genitive where the language has one: a day of the month. */
static const enum message months[] = {
    MESSAGE_MONTH_JANUARY, MESSAGE_MONTH_FEBRUARY, MESSAGE_MONTH_MARCH,
    MESSAGE_MONTH_APRIL,   MESSAGE_MONTH_MAY,      MESSAGE_MONTH_JUNE,
    MESSAGE_MONTH_JULY,    MESSAGE_MONTH_AUGUST,   MESSAGE_MONTH_SEPTEMBER,
    MESSAGE_MONTH_OCTOBER, MESSAGE_MONTH_NOVEMBER, MESSAGE_MONTH_DECEMBER};

void i18n_date(struct buf *out, enum language language, struct date date)
{
    ensure(date.day > 0);
    int year, month, day;
    date_split(date, &year, &month, &day);
    char year_text[12];
    snprintf(year_text, sizeof year_text, "%d", year); /* a year is not grouped */
    i18n_format(out, language, MESSAGE_DATE_LONG, I18N_NUMBER("day", day),
                I18N_STR("month", i18n_text(language, months[month - 1])),
                I18N_TEXT("year", year_text));
}
