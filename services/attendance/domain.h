/* The rules of registers that need no database. Pure: today is handed in. */
#ifndef ATTENDANCE_DOMAIN_H
#define ATTENDANCE_DOMAIN_H

#include "base/clock.h"
#include "contracts/registers.h"

/* An entrance's `prepare`: dates that may be registered, no learner twice, month and fingerprint.
 */
void register_prepare(void *item, struct date today, struct problems *problems,
                      struct arena *arena);

/* The same of an absence change: its fingerprint. */
void absence_change_prepare(void *item, struct date today, struct problems *problems,
                            struct arena *arena);

#endif
