/* Each service's own copy of the registry: tables copy_* made from its state topics, the last
 * revision wins.
 *
 * No foreign keys: topics are not ordered among each other. The columns are those of the records in
 * contracts/registry.h; beside them copy_organisation has `path uuid[]`, the chain of subordination
 * from the root down to itself, so that "is in the subtree of one of these nodes" is `path &&
 * $nodes`. SQL functions for rights stand in schema/0002_rights.sql. */
#ifndef INTAKE_COPIES_H
#define INTAKE_COPIES_H

#include "intake/intake.h"

/* The handler for every registry topic but revocations. */
intake_handler intake_copy;

/* The usual head of a service's subscription table. */
#define COPY_SUBSCRIPTIONS COPY_SUBSCRIPTIONS_WITH(intake_copy)
/* The same, aliases by a handler of the service's own. */
#define COPY_SUBSCRIPTIONS_WITH(aliases)                                     \
    {&topic_organisations, intake_copy}, {&topic_classes, intake_copy},      \
        {&topic_enrolments, intake_copy}, {&topic_assignments, intake_copy}, \
        {&topic_guardians, intake_copy}, {&topic_accounts, intake_copy},     \
        {&topic_clients, intake_copy}, {&topic_aliases, aliases},            \
        {&topic_reference, intake_copy},                                     \
    {                                                                        \
        &topic_keys, intake_copy                                             \
    }

#endif
