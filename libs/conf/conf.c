#include "conf/conf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECRET_MOST_BYTES = 64 * 1024 };

static void *member_of(const struct setting *setting, void *values)
{
    return (char *)values + setting->offset;
}

static bool has_range(const struct setting *setting)
{
    return setting->min != 0 || setting->max != 0;
}

static bool has_upper(const struct setting *setting)
{
    return has_range(setting) && setting->max >= setting->min;
}

static enum error read_bool(const struct setting *setting, const char *text, bool *value,
                            struct err *err)
{
    *value = strcmp(text, "true") == 0;
    if (*value || strcmp(text, "false") == 0)
        return ERROR_NONE;
    return err_set(err, ERROR_INVALID, "%s: \"%s\" is neither true nor false", setting->name, text);
}

static enum error read_int(const struct setting *setting, const char *text, int64_t *value,
                           struct err *err)
{
    int64_t min = has_range(setting) ? setting->min : INT64_MIN;
    int64_t max = has_upper(setting) ? setting->max : INT64_MAX;
    if (str_to_int64(str_from(text), min, max, value))
        return ERROR_NONE;
    return err_set(err, ERROR_INVALID,
                   "%s: \"%s\" is not a whole number from %" PRId64 " to %" PRId64, setting->name,
                   text, min, max);
}

static enum error read_value(const struct setting *setting, const char *text, void *values,
                             struct arena *arena, struct err *err)
{
    void *member = member_of(setting, values);
    switch (setting->type) {
    case SETTING_BOOL:
        return read_bool(setting, text, member, err);
    case SETTING_INT:
        return read_int(setting, text, member, err);
    case SETTING_TEXT:
        *(const char **)member = str_copy(arena, str_from(text)).ptr;
        return ERROR_NONE;
    }
    ensure(!"a type of setting");
}

static void file_close(FILE **file)
{
    if (*file)
        fclose(*file);
}

/* The whole file, NUL-terminated; absent with `err` filled where it cannot be read or holds a NUL.
 */
static const char *read_secret(const char *name, const char *path, struct arena *arena,
                               struct err *err)
{
    CLEANUP(file_close) FILE *file = fopen(path, "re");
    char *text = arena_alloc(arena, SECRET_MOST_BYTES + 2);
    size_t length = file ? fread(text, 1, SECRET_MOST_BYTES + 1, file) : 0;
    if (!file || ferror(file)) {
        err_set(err, ERROR_INVALID, "%s_FILE: %s: %s", name, path, strerror(errno));
        return NULL;
    }
    if (length > 0 && text[length - 1] == '\n')
        text[--length] = '\0';
    if (length == 0 || length > SECRET_MOST_BYTES || strlen(text) != length) {
        err_set(err, ERROR_INVALID, "%s_FILE: %s is empty, longer than 64 KiB, or no text", name,
                path);
        return NULL;
    }
    return text;
}

static const char *given(const char *name)
{
    const char *text = getenv(name);
    return text && *text ? text : NULL;
}

/* What was given, or the fallback; NULL with `err` filled where there is neither. */
static const char *text_of(const struct setting *setting, struct arena *arena, struct err *err)
{
    const char *name = setting->name;
    if (setting->secret) {
        ensure(setting->type == SETTING_TEXT);
        const char *path = given(arena_printf(arena, "%s_FILE", name));
        if (path)
            return read_secret(name, path, arena, err);
    } else if (given(name)) {
        return given(name);
    }
    if (!setting->fallback)
        err_set(err, ERROR_INVALID, "%s%s is not set: %s", name, setting->secret ? "_FILE" : "",
                setting->help);
    return setting->fallback;
}

enum error conf_read(const struct settings *settings, void *target, struct arena *arena,
                     struct err *err)
{
    for (size_t i = 0; i < settings->count; i++) {
        const struct setting *setting = &settings->items[i];
        struct err own = {0};
        const char *text = text_of(setting, arena, &own);
        if (!text || read_value(setting, text, target, arena, &own))
            return err_set(err, ERROR_INVALID, "%s", own.text);
    }
    return ERROR_NONE;
}

void conf_help(const struct settings *settings, struct buf *out)
{
    for (size_t i = 0; i < settings->count; i++) {
        const struct setting *setting = &settings->items[i];
        buf_printf(out, "  %s%s\n      %s", setting->name, setting->secret ? "_FILE" : "",
                   setting->help);
        if (has_upper(setting))
            buf_printf(out, "; %" PRId64 " to %" PRId64, setting->min, setting->max);
        else if (has_range(setting))
            buf_printf(out, "; at least %" PRId64, setting->min);
        if (setting->type == SETTING_BOOL)
            buf_add_text(out, "; true or false");
        if (!setting->fallback)
            buf_add_text(out, "; must be given");
        else if (*setting->fallback && !setting->secret)
            buf_printf(out, "; default %s", setting->fallback);
        buf_add_char(out, '\n');
    }
}

static void print_value(const struct setting *setting, const void *member, struct buf *out)
{
    switch (setting->type) {
    case SETTING_BOOL:
        buf_add_text(out, *(const bool *)member ? "true" : "false");
        return;
    case SETTING_INT:
        buf_printf(out, "%" PRId64, *(const int64_t *)member);
        return;
    case SETTING_TEXT:
        buf_add_text(out, *(const char *const *)member);
        return;
    }
}

void conf_print(const struct settings *settings, const void *values, struct buf *out)
{
    for (size_t i = 0; i < settings->count; i++) {
        const struct setting *setting = &settings->items[i];
        const char *member = (const char *)values + setting->offset;
        if (setting->secret) {
            bool there = **(const char *const *)(const void *)member != '\0';
            buf_printf(out, "# %s: %s\n", setting->name, there ? "given" : "not given");
            continue;
        }
        buf_printf(out, "%s=", setting->name);
        print_value(setting, member, out);
        buf_add_char(out, '\n');
    }
}
