/* The only file that talks SQL: a statement each, named for its meaning. */
#ifndef ATTENDANCE_STORE_H
#define ATTENDANCE_STORE_H

#include "contracts/registers.h"
#include "db/async.h"
#include "intake/intake.h"

/* The columns of register_columns behind the four of every entrance, and the events' heads
 * (schema/0002_take_registers.sql). */
extern const struct statement store_take_registers;
extern const struct statement store_take_registers_dry; /* keeps nothing */

/* The same of absence_change_columns (schema/0003_take_absence_changes.sql). */
extern const struct statement store_take_absence_changes;
extern const struct statement store_take_absence_changes_dry;

/* ---- Reading ---- */

/* One change of an absence: what it became, and what it was. */
struct recoding {
    struct uuid id;
    enum absence_code code;
    struct optional minutes;
    struct absence_before before;
    enum register_reason reason_code;
    struct str reason;
    struct uuid by; /* the organisation in whose name it was sent */
    struct instant recorded_at;
};
extern const struct record recoding_record;

/* One absence as it stands. */
struct absence_view {
    struct uuid register_id, class, learner;
    struct str subject;
    struct date date;
    struct optional lesson;
    enum register_session session;
    enum absence_code code; /* ABSENCE_PRESENT: it was one, or was re-coded to none */
    struct optional minutes;
    struct str note;
    struct list history; /* of struct recoding, the newest first; at most 100 */
};
extern const struct record absence_view_record;
extern const struct record exception_view_record; /* within its register */

struct withdrawal_view {
    struct uuid id;
    struct date date;
    enum register_reason reason_code;
    struct str reason;
    struct instant recorded_at;
};

/* One register as it stands, or stood until it was replaced or withdrawn. */
struct register_view {
    struct uuid id, class;
    struct str subject;
    struct date date;
    struct optional lesson;
    enum register_session session;
    struct uuid teacher;
    struct instant taken_at;
    int32_t learners;       /* on the frozen roster */
    struct list exceptions; /* of struct absence_view */
    struct uuid replaces;
    enum register_reason reason_code; /* of the replacement */
    struct str reason;
    struct uuid organisation;
    struct instant recorded_at;
    struct uuid replaced_by;
    struct withdrawal_view withdrawn;
};
extern const struct record register_view_record;

/* Pages (service/facts.h): absences of a learner under all of its ids, registers of a class. */
extern const struct statement store_learner_absences, store_class_registers;

/* Role apply: ids that have become other names. */
enum error store_note_aliases(struct event_batch *batch, struct err *err);

/* Role jobs: at most `most` of them; how many were looked at (schema/0006_recount_registers.sql).
 */
enum error store_recount_registers(struct db *db, int32_t most, int32_t *taken, struct err *err);

/* Role jobs: months from the oldest that is taken to three ahead. */
enum error store_make_months(struct db *db, struct date from, struct date to, struct err *err);

#endif
