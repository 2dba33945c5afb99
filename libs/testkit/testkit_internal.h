/* Shared by the files of this library. */
#ifndef TESTKIT_TESTKIT_INTERNAL_H
#define TESTKIT_TESTKIT_INTERNAL_H

#include "base/arena.h"
#include "base/cleanup.h"

/* Ends the test program with 1 and these words. */
_Noreturn void testkit_fail(const char *format, ...) PRINTF_LIKE(1, 2);

/* Runs a program to its end; anything but exit code 0 fails. */
void testkit_run(const char *const *argv);

/* Called once, when the test program ends; the latest first. */
void testkit_at_exit(void (*function)(void *context), void *context);

/* A new database at `address`; dropped at exit. */
const char *testkit_database_at(const char *address, struct arena *arena);

#endif
