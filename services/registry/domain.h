/* The rules of the registry's records that need no database (domain.md sections 1 to 3). Pure:
 * today is handed in. Each is an entrance's `prepare`, and fills the fingerprint. */
#ifndef REGISTRY_DOMAIN_H
#define REGISTRY_DOMAIN_H

#include "base/clock.h"
#include "contracts/registry.h"

void organisation_prepare(void *item, struct date today, struct problems *problems,
                          struct arena *arena);
void person_prepare(void *item, struct date today, struct problems *problems, struct arena *arena);
void class_prepare(void *item, struct date today, struct problems *problems, struct arena *arena);
void enrolment_prepare(void *item, struct date today, struct problems *problems,
                       struct arena *arena);
void assignment_prepare(void *item, struct date today, struct problems *problems,
                        struct arena *arena);
void guardian_prepare(void *item, struct date today, struct problems *problems,
                      struct arena *arena);

void merge_prepare(void *item, struct date today, struct problems *problems, struct arena *arena);

/* The IIN among a person's identifiers; absent where there is none. */
struct str person_iin(const struct person *person);

#endif
