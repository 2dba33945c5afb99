/* The rules of marks that need no database (order 125; domain.md section 4). Pure: today is handed
 * in. */
#ifndef GRADES_DOMAIN_H
#define GRADES_DOMAIN_H

#include "base/clock.h"
#include "contracts/marks.h"

/* An entrance's `prepare`: dates that may be recorded, what a kind allows, month and fingerprint.
 */
void mark_prepare(void *item, struct date today, struct problems *problems, struct arena *arena);

#endif
