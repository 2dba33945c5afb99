/* Reference data that the program brings along: territory (KATO) and subjects, in kk, ru and en. */
#ifndef REGISTRY_REFERENCE_H
#define REGISTRY_REFERENCE_H

#include "service/service.h"

/* A job: writes what differs from the tables, as events. */
enum error reference_load(struct process *process, struct db *db, struct err *err);

#endif
