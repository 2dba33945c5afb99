/* Settings: one table row each (name, type, default, range, help), read from the environment. The
 * same table prints --help, --print-config and the reference page. A variable that is empty counts
 * as not given. A secret is given as a file: NAME_FILE holds its path. */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

enum setting_type { SETTING_BOOL, SETTING_INT, SETTING_TEXT };

struct setting {
    const char *name; /* of the environment variable: "EISO_SLOT" */
    enum setting_type type;
    size_t offset;
    const char *fallback; /* as it would stand in the environment; NULL: it must be given */
    int64_t min, max;     /* of SETTING_INT; 0, 0: any; a max below min: no upper limit */
    bool secret; /* of SETTING_TEXT: read from the file that NAME_FILE names, at most 64 KiB, its
                  * last line break left out; never printed */
    const char *help; /* one English sentence with its unit */
};

struct settings {
    const struct setting *items;
    size_t count;
};
/* clang-format off */
#define SETTINGS(array) {(array), sizeof(array) / sizeof((array)[0])}

/* A row for a bool (true or false), int64_t or const char * member of struct `type_`. */
#define SETTING(type_, member, name_, ...)                                                  \
    {.name = (name_),                                                                       \
     .type = _Generic(((struct type_ *)0)->member,                                          \
                      bool: SETTING_BOOL, int64_t: SETTING_INT, const char *: SETTING_TEXT), \
     .offset = offsetof(struct type_, member), __VA_ARGS__}
/* clang-format on */

/* Fills the struct at `target` from the environment; texts live in the arena. ERROR_INVALID names
 * the variable, never a secret's value. */
enum error conf_read(const struct settings *settings, void *target, struct arena *arena,
                     struct err *err) MUST_CHECK;

/* For --help: a line or two for each setting. */
void conf_help(const struct settings *settings, struct buf *out);

/* NAME=value lines as an environment file has them; secrets as a comment that says whether they
 * were given. */
void conf_print(const struct settings *settings, const void *values, struct buf *out);

#endif
