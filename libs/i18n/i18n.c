#include "i18n/i18n_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

enum { KEY_BYTES = 80 };

struct str i18n_text(enum language language, enum message message)
{
    ensure(language < LANGUAGES && message < MESSAGE_COUNT);
    const struct message_texts *row = &i18n_messages[message];
    return message == MESSAGE_NONE ? STR("") : row->texts[language][PLURAL_OTHER];
}

enum message i18n_find(const char *group, struct str code)
{
    char text[KEY_BYTES];
    int length = snprintf(text, sizeof text, "%s.%.*s", group, STR_ARG(code));
    if (length < 0 || length >= (int)sizeof text)
        return MESSAGE_NONE;
    struct str key = {text, (size_t)length};
    int low = MESSAGE_NONE + 1, high = MESSAGE_COUNT - 1;
    while (low <= high) {
        int middle = (low + high) / 2;
        int order = str_compare(key, i18n_messages[middle].key);
        if (order == 0)
            return (enum message)middle;
        if (order < 0)
            high = middle - 1;
        else
            low = middle + 1;
    }
    return MESSAGE_NONE;
}

/* ---- Placeholders ---- */

static const struct i18n_value *find_value(struct str name, const struct i18n_value *values,
                                           size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(name, str_from(values[i].name)))
            return &values[i];
    return NULL;
}

static void add_value(struct buf *out, enum language language, const struct i18n_value *value)
{
    switch (value->type) {
    case I18N_TYPE_TEXT:
        buf_add_str(out, value->text);
        break;
    case I18N_TYPE_NUMBER:
        i18n_number(out, language, value->number);
        break;
    case I18N_TYPE_DATE:
        i18n_date(out, language, value->date);
        break;
    }
}

/* The form for the number that the message counts. */
static struct str choose_form(enum language language, const struct message_texts *row,
                              const struct i18n_value *values, size_t count)
{
    if (!str_present(row->count))
        return row->texts[language][PLURAL_OTHER];
    const struct i18n_value *number = find_value(row->count, values, count);
    ensure(number && number->type == I18N_TYPE_NUMBER);
    return row->texts[language][i18n_plural(language, number->number)];
}

void i18n_format_values(struct buf *out, enum language language, enum message message,
                        const struct i18n_value *values, size_t count)
{
    ensure(language < LANGUAGES && message > MESSAGE_NONE && message < MESSAGE_COUNT);
    struct str rest = choose_form(language, &i18n_messages[message], values, count);
    for (;;) {
        buf_add_str(out, str_cut(&rest, '{'));
        if (!str_present(rest))
            return;
        const struct i18n_value *value = find_value(str_cut(&rest, '}'), values, count);
        ensure(value && str_present(rest));
        add_value(out, language, value);
    }
}
