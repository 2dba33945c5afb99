/* Events in: the copy of the registry. */
#ifndef ATTENDANCE_APPLY_H
#define ATTENDANCE_APPLY_H

#include "intake/intake.h"

/* Aliases: the copy, and a note for role jobs to look at the rosters with these ids. */
enum error apply_aliases(struct event_batch *batch, struct err *err);

#endif
