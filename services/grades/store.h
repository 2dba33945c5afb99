/* The only file that talks SQL: a statement each, named for its meaning. */
#ifndef GRADES_STORE_H
#define GRADES_STORE_H

#include "db/async.h"

/* The columns of mark_columns behind the four of every entrance, and the events' heads
 * (schema/0002_take_marks.sql). */
extern const struct statement store_take_marks;
extern const struct statement store_take_marks_dry; /* keeps nothing */

/* A learner's marks and a class's journal, newest first (service/facts.h). Columns of mark_view. */
extern const struct statement store_learner_marks, store_journal;

/* Role jobs: months from the oldest that is taken to three ahead. */
enum error store_make_months(struct db *db, struct date from, struct date to, struct err *err);

#endif
