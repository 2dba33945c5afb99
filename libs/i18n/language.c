#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "i18n/i18n.h"

static const char *const codes[LANGUAGES] = {"kk", "ru", "en"};

const char *i18n_language_code(enum language language)
{
    ensure(language < LANGUAGES);
    return codes[language];
}

/* LANGUAGES where it is none of ours. */
static enum language find_code(struct str code)
{
    enum language language = LANGUAGE_KK;
    while (language < LANGUAGES &&
           !(code.len == 2 && strncasecmp(code.ptr, codes[language], 2) == 0))
        language++;
    return language;
}

enum language i18n_language_find(struct str code)
{
    enum language language = find_code(code);
    return language < LANGUAGES ? language : LANGUAGE_KK;
}

/* ---- Accept-Language ---- */

static struct str trim(struct str s)
{
    while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = (struct str){s.ptr + 1, s.len - 1};
    while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* The digits behind "0." or "1.", at most three, in thousandths; -1: more of them, or no digits. */
static int thousandths(struct str digits)
{
    int value = 0;
    if (digits.len > 3)
        return -1;
    for (size_t i = 0; i < 3; i++) {
        int digit = i < digits.len ? digits.ptr[i] - '0' : 0;
        if (digit < 0 || digit > 9)
            return -1;
        value = value * 10 + digit;
    }
    return value;
}

/* "q=0.8" in thousandths, 1000 where there is no parameter, -1 where it is broken. */
static int read_quality(struct str parameter)
{
    parameter = trim(parameter);
    if (parameter.len == 0)
        return 1000;
    if (parameter.len < 3 || strncasecmp(parameter.ptr, "q=", 2) != 0)
        return -1;
    struct str fraction = {parameter.ptr + 2, parameter.len - 2};
    struct str whole = str_cut(&fraction, '.');
    int part = thousandths(fraction);
    if (whole.len != 1 || part < 0 || (whole.ptr[0] != '0' && whole.ptr[0] != '1'))
        return -1;
    int quality = (whole.ptr[0] - '0') * 1000 + part;
    return quality <= 1000 ? quality : -1;
}

struct preference {
    int quality[LANGUAGES]; /* thousandths; -1: not named */
    int order[LANGUAGES];   /* which came first */
    int any;                /* of "*"; -1: not named */
};

static void read_range(struct preference *preference, struct str range, int at)
{
    struct str parameter = range;
    struct str tag = trim(str_cut(&parameter, ';'));
    int quality = read_quality(parameter);
    if (quality < 0)
        return;
    if (str_equal(tag, STR("*"))) {
        preference->any = quality;
        return;
    }
    enum language language = find_code(str_cut(&tag, '-'));
    if (language == LANGUAGES || quality <= preference->quality[language])
        return;
    preference->quality[language] = quality;
    preference->order[language] = at;
}

/* 0: refused, or covered by nothing. */
static int quality_of(const struct preference *preference, enum language language)
{
    int named = preference->quality[language];
    return named >= 0 ? named : MAX_OF(preference->any, 0);
}

enum language i18n_language(struct str accept_language)
{
    struct preference preference = {.quality = {-1, -1, -1}, .any = -1};
    for (enum language l = 0; l < LANGUAGES; l++)
        preference.order[l] = INT32_MAX; /* what only "*" means: behind those that are named */
    for (int at = 0; str_present(accept_language); at++)
        read_range(&preference, str_cut(&accept_language, ','), at);
    enum language best = LANGUAGE_KK;
    for (enum language l = LANGUAGE_RU; l < LANGUAGES; l++) {
        int quality = quality_of(&preference, l), better = quality - quality_of(&preference, best);
        if (better > 0 ||
            (quality > 0 && better == 0 && preference.order[l] < preference.order[best]))
            best = l;
    }
    return best;
}

/* ---- Plurals, numbers, dates ---- */

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
