/* Events into the feed. What main.c puts together. */
#ifndef NOTIFY_APPLY_H
#define NOTIFY_APPLY_H

#include "intake/intake.h"

intake_handler apply_marks;     /* eiso.grades.marks.v1 */
intake_handler apply_registers; /* eiso.attendance.registers.v1 */
intake_retract apply_retract;   /* of both */

#endif
