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

/* What a mark was before it was corrected or withdrawn. */
struct mark_before {
    enum mark_kind kind;
    struct optional points, max_points;
    enum mark_value value;
    struct date date;
    struct optional lesson;
};

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

    /* Resolved by the transaction, for the class on the mark's date; a change keeps those of the
     * first one. */
    struct uuid organisation;
    int32_t shift;             /* of the class */
    struct mark_before before; /* of a correction or withdrawal */

    /* Derived at the door, for the columns. */
    struct date month;
    struct uuid fingerprint;
};

extern const struct record mark_item; /* POST /v1/marks */

/* On the topic; what the transaction resolves is appended. A withdrawal names whose mark, of which
 * class and subject, it was. */
extern const struct record mark_recorded_event, mark_corrected_event, mark_withdrawn_event;

/* The one of an item. */
const struct record *mark_event(const void *item);

/* The mark that this correction or withdrawal took the place of, as far as its event tells. */
struct mark mark_before(const struct mark *change);

extern const struct record mark_columns; /* for take_marks() */

/* ---- Reading ---- */

struct mark_withdrawal {
    struct uuid id;
    struct date date;
    enum mark_reason reason_code;
    struct str reason;
    struct instant recorded_at;
};

/* A mark as it stands now, and what it was. */
struct mark_shown {
    struct mark mark; /* with the reason of its last correction */
    struct instant recorded_at;
    struct mark_withdrawal withdrawn; /* absent: it counts */
    struct list history; /* of struct mark_shown: what it was, the newest first; at most 100 */
};
extern const struct record mark_view; /* GET /v1/learners/{id}/marks, /v1/classes/{id}/journal */

#endif
