#ifndef SMALL_STORE_H
#define SMALL_STORE_H

#include "db/db.h"
#include "intake/intake.h"

extern const struct statement store_take_notes;
extern const struct statement store_take_notes_dry; /* keeps nothing */
extern const struct statement store_follow_seen;    /* of struct follow_options.read */

/* `effect` 1 applies, -1 takes back. */
enum error store_seen(struct event_batch *batch, int32_t effect, struct err *err);

#endif
