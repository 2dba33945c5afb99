/* One JSON line on stderr for each thing worth a person's or a machine's eye (s6-log and journald
 * take it from there). Never a person's data, never a secret: ids, counts, places, codes.
 *
 * A line holds ts, level, service, role, slot, msg, and the pairs given. Programs log; libraries
 * return. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

/* Who speaks; the texts must live as long as the process. Lines below `least` are dropped. */
void log_open(const char *service, const char *role, int slot, enum log_level least);

struct log_pair {
    const char *name;
    struct str text; /* absent: `number` counts */
    int64_t number;
};

#define LOG_TEXT(name, value)   ((struct log_pair){(name), str_from(value), 0})
#define LOG_STR(name, value)    ((struct log_pair){(name), (value), 0})
#define LOG_NUMBER(name, value) ((struct log_pair){(name), {0}, (value)})

void log_write(enum log_level level, const char *message, const struct log_pair *pairs,
               size_t count);

/* log_line(LOG_INFO, "partitions assigned", LOG_NUMBER("count", n)); at least one pair. */
#define log_line(level, message, ...)                                     \
    log_write((level), (message), (const struct log_pair[]){__VA_ARGS__}, \
              sizeof((const struct log_pair[]){__VA_ARGS__}) / sizeof(struct log_pair))

/* An error with its code and words. */
void log_error(const char *message, const struct err *err);

#endif
