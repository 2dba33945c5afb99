/* The whole present state of what registry's topics name, said anew after a lost part of its
 * history, or where a topic was lost (outbox.h, state_again, state_keys). */
#ifndef REGISTRY_STATE_H
#define REGISTRY_STATE_H

#include "outbox/outbox.h"
#include "service/service.h"

enum error registry_state_again(struct db *db, const struct topic *topic, const struct str *keys,
                                size_t count, void *context, struct err *err) MUST_CHECK;

enum error registry_state_keys(struct db *db, const struct topic *topic, struct str after,
                               int32_t most, struct arena *arena, struct strs *keys, void *context,
                               struct err *err) MUST_CHECK;

/* Tells the state of rows that a merge has changed (table untold), some hundred at a time. It is
 * that of the moment when it is told: a change that comes in between has a higher revision, and
 * wins whichever is told first. `*count`: how many; 0: there was nothing left. */
enum error registry_tell_some(struct db *db, size_t *count, struct err *err) MUST_CHECK;

enum error registry_tell(struct process *process, struct db *db,
                         struct err *err) MUST_CHECK; /* a job: all of them */

#endif
