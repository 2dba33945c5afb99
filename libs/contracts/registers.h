/* Lesson registers and re-coded absences: what a school system writes at POST /v1/registers and
 * /v1/absence-changes, and the events of eiso.attendance.registers.v1.
 *
 * A lesson is one event: everyone on the frozen roster without an exception was present. 21.5
 * million marks of "present" a day become 0.9 million events. Notes stay in the service's database.
 */
#ifndef CONTRACTS_REGISTERS_H
#define CONTRACTS_REGISTERS_H

#include "record/record.h"

enum absence_code {
    ABSENCE_UNEXCUSED = 1,
    ABSENCE_ILL,
    ABSENCE_EXCUSED,
    ABSENCE_LATE,
    ABSENCE_REMOTE, /* taking part from elsewhere: counts as present */
    ABSENCE_EXEMPT, /* there, but exempt (sports): counts as present */
    ABSENCE_CODES,
    ABSENCE_PRESENT = ABSENCE_CODES /* of no exception: what a learner is re-coded to, or was */
};
extern const struct values absence_codes;
extern const struct values recoded_codes; /* with "present" */

/* Instead of a lesson, where a whole day or half of it is registered. */
enum register_session { SESSION_DAY = 1, SESSION_AM, SESSION_PM };
extern const struct values register_sessions;

enum register_reason {
    REGISTER_REASON_CERTIFICATE = 1,
    REGISTER_REASON_PARENT_NOTE,
    REGISTER_REASON_ORDER,
    REGISTER_REASON_ERROR
};
extern const struct values register_reasons;

struct register_exception {
    struct uuid learner;
    enum absence_code code;
    struct optional minutes; /* late by so many, 1 to 240 */
    struct str note;         /* not on the topic */
};
extern const struct record register_exception_item, register_exception_event;

/* What a register said when it was replaced or withdrawn: exceptions as they stood, re-coded ones
 * included, each learner by the id that the replacing register has for the same person. */
struct register_before {
    struct str subject;
    struct date date;
    struct optional lesson;
    enum register_session session;
    int32_t learners;
    struct list exceptions;
};

struct lesson_register {
    struct uuid id;
    struct uuid class;
    struct str subject;
    struct date date;
    struct optional lesson;        /* 1 to 11, or */
    enum register_session session; /* instead */
    struct uuid teacher;
    struct instant taken_at;
    struct optional roster_count; /* what the sender counted; another number is a warning */
    struct list exceptions;       /* of struct register_exception */
    struct uuid replaces, withdraws;
    enum register_reason reason_code;
    struct str reason;

    /* Resolved by the transaction; a change keeps organisation and shift of the first one. */
    struct uuid organisation;
    int32_t shift;
    int32_t learners;              /* on the frozen roster */
    struct register_before before; /* of a replacement, withdrawal or recount */

    /* Derived at the door. */
    struct date month;
    struct uuid fingerprint;
};

extern const struct record register_item; /* POST /v1/registers */

/* On the topic; what the transaction resolves is appended. A withdrawal names the class. Recounted:
 * two on the roster turned out to be one child; the register is the same one, `id` its own. */
extern const struct record register_taken_event, register_replaced_event, register_withdrawn_event,
    register_recounted_event;

/* The one of an item. */
const struct record *register_event(const void *item);

/* The register as it was before this replacement, withdrawal or recount, as far as its event tells.
 */
struct lesson_register register_before(const struct lesson_register *change);

extern const struct record register_columns; /* for take_registers() */

/* ---- POST /v1/absence-changes ---- */

struct absence_before {
    enum absence_code code;
    struct optional minutes;
};

/* One learner's absence in one register is another one. A fact with a history of its own; its month
 * is the register's. */
struct absence_change {
    struct uuid id;
    struct uuid register_id;
    struct uuid learner;
    enum absence_code code;
    enum register_reason reason_code;
    struct str reason;

    /* Resolved by the transaction: the register's, and what was before. */
    struct uuid class, organisation;
    struct str subject;
    struct date date;
    struct optional lesson;
    enum register_session session;
    int32_t shift;
    struct optional minutes; /* late by so many: stays where the code does */
    struct absence_before before;

    /* Derived at the door. */
    struct uuid fingerprint;
};

extern const struct record absence_change_item;    /* POST /v1/absence-changes */
extern const struct record absence_changed_event;  /* on the topic */
extern const struct record absence_change_columns; /* for take_absence_changes() */

#endif
