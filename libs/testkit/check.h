/* cmocka with what it wants to be included before it. A test is a function named for what holds;
 * main() is `return cmocka_run_group_tests(tests, NULL, NULL);`. */
#ifndef TESTKIT_CHECK_H
#define TESTKIT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h> /* behind the others: it does not include them itself */

#define TEST(function) cmocka_unit_test(function)

#endif
