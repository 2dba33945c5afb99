/* What main.c puts together. */
#ifndef NOTIFY_APPLY_H
#define NOTIFY_APPLY_H

#include "intake/intake.h"

extern const struct subscriptions notify_subscriptions;

intake_retract apply_retract;

#endif
