/* The only file that talks SQL: a statement each, named for its meaning. */
#ifndef ATTENDANCE_STORE_H
#define ATTENDANCE_STORE_H

#include "db/async.h"
#include "record/record.h"

/* The columns of register_columns behind the four of every entrance, and the events' heads
 * (schema/0002_take_registers.sql). */
extern const struct statement store_take_registers;
extern const struct statement store_dry_take_registers; /* the same, and keeps nothing */

/* One absence as a reader sees it. */
struct absence_view {
    struct uuid register_id, class, learner;
    struct str subject;
    struct date date;
    struct optional lesson;
    unsigned session; /* enum register_session */
    unsigned code;    /* enum absence_code */
    struct optional minutes;
    struct str note;
};
extern const struct record absence_view_record;

/* A learner's absences, newest first (service/facts.h). Columns of absence_view_record. */
extern const struct statement store_learner_absences;

/* Role jobs: months from the oldest that is taken to three ahead. */
enum error store_make_months(struct db *db, struct date from, struct date to, struct err *err);

#endif
