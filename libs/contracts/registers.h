/* Lesson registers: what a school system writes at POST /v1/registers, and the events of
 * eiso.attendance.registers.v1.
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
    ABSENCE_CODES
};
extern const struct values absence_codes;

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

    /* Resolved by the transaction. */
    struct uuid organisation;
    int32_t shift;
    int32_t learners; /* on the frozen roster */

    /* Derived at the door. */
    struct date month;
    struct uuid fingerprint;
};

extern const struct record register_item; /* POST /v1/registers */
extern const struct record
    register_event; /* on the topic; organisation, shift and learners are appended */
extern const struct record register_columns; /* for take_registers() */

#endif
