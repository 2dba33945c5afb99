/* What went wrong, and what follows from it.
 *
 * A function that can fail returns `enum error` and takes, last, a `struct err *` for the words.
 * The code tells the caller what to do (the table behind error_info), the words tell a person.
 * Libraries return errors and never log them; the program logs once, where it handles them.
 * "The environment is wrong" is an error; "our own bug" is ensure(), which aborts with file and
 * line.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

enum error {
    ERROR_NONE = 0,
    ERROR_INVALID,      /* the input is not what it has to be; repeating does not help */
    ERROR_UNAUTHORIZED, /* who is calling is not known */
    ERROR_FORBIDDEN,    /* known, but may not */
    ERROR_NOT_FOUND,    /* not there, or outside of the caller's subtree */
    ERROR_CONFLICT,     /* there is something else under this id */
    ERROR_TOO_LARGE,    /* over a limit that was checked before anything was allocated */
    ERROR_BUSY,         /* a bounded queue is full: later */
    ERROR_UNAVAILABLE,  /* PostgreSQL, Kafka or a peer is away; nothing was taken */
    ERROR_UNKNOWN,      /* the connection broke while a commit was under way: done or not done */
    ERROR_SERIALIZE,    /* PostgreSQL 40001 / 40P01: the same call again may do */
    ERROR_DUPLICATE,    /* PostgreSQL 23505: the careful path decides */
    ERROR_FENCED,       /* somebody else owns this now: the process must end */
    ERROR_CORRUPT,      /* a stored or received value breaks its own rules */
    ERROR_INTERNAL, /* a statement of ours is wrong, a limit of the system: not the caller's fault
                     */
    ERROR_COUNT
};

/* The code in words and what follows from it. */
struct error_info {
    const char *name;  /* "unavailable": in logs, and as `code` of a problem+json */
    int http_status;   /* of a whole request that failed so */
    bool retriable;    /* the same call may succeed later */
    bool ends_process; /* no loop goes on after it: exit non-zero, the supervisor starts anew */
};

const struct error_info *error_info(enum error code);

/* The words, in English, for logs; never a person's data. Zeroed before its first use. */
struct err {
    enum error code;
    char text[248];
};

/* Fills `err` (may be NULL) and returns `code`, so that a failure is one statement:
 * `return err_set(err, ERROR_INVALID, "port %d is not free", port);` */
enum error err_set(struct err *err, enum error code, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts "prefix: " in front of the words that are there, and returns their code. */
enum error err_prefix(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* An invariant of our own: aborts with file, line and the condition. Never for input, never for the
 * environment. */
#define ensure(condition) ((condition) ? (void)0 : ensure_failed(#condition, __FILE__, __LINE__))
_Noreturn void ensure_failed(const char *condition, const char *file, int line);

#endif
