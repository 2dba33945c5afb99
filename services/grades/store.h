/* The only file that talks SQL: a statement each, named for its meaning. */
#ifndef GRADES_STORE_H
#define GRADES_STORE_H

#include "db/async.h"

/* The columns of mark_columns behind the four of every entrance, and the events' heads
 * (schema/0002_take_marks.sql). */
extern const struct statement store_take_marks;

/* A learner's marks, newest first: those before (date, id), of dates from..to, at most `limit`.
 * Columns of mark_view. */
struct marks_wanted {
    struct uuid learner;
    struct date from, to;
    struct date before_date; /* absent: from the newest on */
    struct uuid before_id;
    int32_t limit;
};
void store_learner_marks(struct db_async *db, const struct marks_wanted *wanted,
                         db_async_callback *callback, void *context);

/* Role jobs: months from the oldest that is taken to three ahead. */
enum error store_make_months(struct db *db, struct date from, struct date to, struct err *err);

#endif
