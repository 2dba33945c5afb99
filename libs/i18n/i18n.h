/* What people read: messages in Kazakh, Russian and English from po/kk.po, ru.po and en.po, with
 * plurals, dates and numbers as each language writes them. Kazakh is the default.
 *
 * The build makes enum message from the keys: `problem.above_maximum` is
 * MESSAGE_PROBLEM_ABOVE_MAXIMUM. So a key that a program uses and no catalogue has does not
 * compile, and a key that one catalogue lacks, or whose {placeholders} differ, fails the build.
 * Texts are constant, valid UTF-8 and live as long as the program. Thread-safe, no locale of the
 * system is touched. */
#ifndef I18N_I18N_H
#define I18N_I18N_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "i18n/messages.h" /* enum message, made by the build; MESSAGE_NONE is 0 */

enum language { LANGUAGE_KK, LANGUAGE_RU, LANGUAGE_EN, LANGUAGES };

/* The best of the three for an Accept-Language header (RFC 9110, section 12.5.4: ranges with
 * quality values; "ru-KZ" is ru; q=0 refuses). Of equal ones the first named; kk where nothing fits
 * or the header is absent or broken. */
enum language i18n_language(struct str accept_language);

/* "kk", "ru", "en"; and back: kk for whatever is none of them (an account's locale). */
const char *i18n_language_code(enum language language);
enum language i18n_language_find(struct str code);

/* The message of a group and a code that is known only at run time: i18n_find("problem", "stale").
 * MESSAGE_NONE where there is none. */
enum message i18n_find(const char *group, struct str code);

/* The text as it stands in the catalogue; of a plural its general form ("other"). MESSAGE_NONE is
 * an empty text. NUL-terminated behind its end. */
struct str i18n_text(enum language language, enum message message);

enum i18n_type { I18N_TYPE_TEXT, I18N_TYPE_NUMBER, I18N_TYPE_DATE };

/* What stands for a {name} in a text. */
struct i18n_value {
    const char *name;
    enum i18n_type type;
    struct str text;
    int64_t number;
    struct date date;
};

#define I18N_STR(name_, value)  ((struct i18n_value){.name = (name_), .text = (value)})
#define I18N_TEXT(name_, value) I18N_STR(name_, str_from(value))
#define I18N_NUMBER(name_, value) \
    ((struct i18n_value){.name = (name_), .type = I18N_TYPE_NUMBER, .number = (value)})
#define I18N_DATE(name_, value) \
    ((struct i18n_value){.name = (name_), .type = I18N_TYPE_DATE, .date = (value)})

/* Appends the text with its placeholders filled in; values that it does not name are left out. A
 * plural is chosen by the number whose name stands in msgid_plural. A placeholder without a value
 * is our own bug (ensure). */
void i18n_format_values(struct buf *out, enum language language, enum message message,
                        const struct i18n_value *values, size_t count);

/* i18n_format(&text, LANGUAGE_KK, MESSAGE_FEED_MARK_FORMATIVE, I18N_STR("child", name), ...); */
#define i18n_format(out, language, message, ...)                                               \
    i18n_format_values((out), (language), (message), (const struct i18n_value[]){__VA_ARGS__}, \
                       sizeof((const struct i18n_value[]){__VA_ARGS__}) /                      \
                           sizeof(struct i18n_value))

/* The plural form of a whole number (CLDR): kk and en one, other; ru one (1, 21), few (2-4, 22),
 * many (0, 5-20). Russian `other` is for fractions only, which nothing here counts. */
enum plural { PLURAL_OTHER, PLURAL_ONE, PLURAL_FEW, PLURAL_MANY };
enum plural i18n_plural(enum language language, int64_t number);

/* "2026 ж. 3 қараша", "3 ноября 2026 г.", "3 November 2026". */
void i18n_date(struct buf *out, enum language language, struct date date);

/* 1 234 567 (no-break space) in kk and ru, 1,234,567 in en. */
void i18n_number(struct buf *out, enum language language, int64_t number);

/* A number of 10^-decimals units: 123456789 with 2 is 1 234 567,89. `decimals` is 0 to 18. */
void i18n_decimal(struct buf *out, enum language language, int64_t number, int decimals);

#endif
