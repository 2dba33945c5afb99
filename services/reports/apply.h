/* Events in. */
#ifndef REPORTS_APPLY_H
#define REPORTS_APPLY_H

#include "intake/intake.h"

intake_handler apply_marks, apply_registers;
intake_handler apply_registry; /* the copy, and what it changes here */

/* Ghosts of marks and registers. */
enum error retract_facts(struct event_batch *ghosts, struct err *err);

#endif
