/* The whole present state of what registry's topics name, said anew after a lost part of its
 * history (outbox.h, state_again). */
#ifndef REGISTRY_STATE_H
#define REGISTRY_STATE_H

#include "outbox/outbox.h"

enum error registry_state_again(struct db *db, const struct topic *topic, const struct str *keys,
                                size_t count, void *context, struct err *err) MUST_CHECK;

#endif
