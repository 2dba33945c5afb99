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
