/* Role jobs: what facts have changed is summed up the trees, and told to push and the topic. */
#ifndef REPORTS_ROLL_UP_H
#define REPORTS_ROLL_UP_H

#include "service/service.h"

enum error job_months(struct process *process, struct db *db, struct err *err);
enum error job_contingents(struct process *process, struct db *db, struct err *err);
enum error job_roll_up(struct process *process, struct db *db, struct err *err);
enum error job_tell(struct process *process, struct db *db, struct err *err);

#endif
