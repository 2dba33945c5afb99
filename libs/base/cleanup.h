/* Locals that clean themselves: `CLEANUP(arena_done) struct arena arena = {0};`
 *
 * The function gets a pointer to the local when it goes out of scope, on every way out. It must
 * accept a zeroed value. */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#define CLEANUP(function) __attribute__((cleanup(function)))

/* The caller must look at the result. */
#define MUST_CHECK __attribute__((warn_unused_result))

#define PRINTF_LIKE(format_at, first_at) __attribute__((format(printf, format_at, first_at)))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))

#endif
