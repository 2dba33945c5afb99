/* Marks: what a school system writes at POST /v1/marks, and the events of eiso.grades.marks.v1.
 *
 * A mark is a fact: immutable, corrected by a new one with `replaces`, withdrawn by one with
 * `withdraws`. Kinds after order 125 (ФО / ҚБ, СОР / БЖБ, СОЧ / ТЖБ). Free text (comment, reason)
 * stays in the service's database and is on no topic. */
#ifndef CONTRACTS_MARKS_H
#define CONTRACTS_MARKS_H

#include "record/record.h"

enum mark_kind { MARK_FORMATIVE = 1, MARK_SUMMATIVE_UNIT, MARK_SUMMATIVE_TERM };
extern const struct values mark_kinds;

enum mark_value { MARK_PASS = 1, MARK_FAIL, MARK_EXEMPT, MARK_NOT_ATTESTED };
extern const struct values mark_values;

enum mark_reason {
    MARK_REASON_ERROR = 1,
    MARK_REASON_RECHECK,
    MARK_REASON_APPEAL,
    MARK_REASON_LATE_WORK
};
extern const struct values mark_reasons;

struct mark {
    struct uuid id;
    struct uuid class, learner;
    struct str subject; /* code of the reference data */
    enum mark_kind kind;
    struct uuid work;                   /* the work that several learners were marked for */
    struct optional points, max_points; /* 0 to max_points; max 1 to 100 */
    enum mark_value value;              /* instead of points */
    struct date date;
    struct optional lesson; /* 1 to 11 */
    struct uuid teacher;
    struct instant entered_at; /* when the teacher entered it */
    struct str comment;
    struct uuid replaces, withdraws; /* of the same month (`date_month` of the original) */
    enum mark_reason reason_code;
    struct str reason;

    /* Resolved by the transaction, for the class on the mark's date. */
    struct uuid organisation;
    int32_t shift; /* of the class */

    /* Derived at the door, for the columns. */
    struct date month;
    struct uuid fingerprint;
};

extern const struct record mark_item;    /* POST /v1/marks */
extern const struct record mark_event;   /* on the topic; organisation and shift are appended */
extern const struct record mark_columns; /* for take_marks() */
extern const struct record mark_view;    /* GET /v1/learners/{id}/marks */

#endif
