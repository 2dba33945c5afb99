#include "contracts/registers.h"

static const struct value absence_code_names[] = {
    {"absent_unexcused", ABSENCE_UNEXCUSED},
    {"absent_ill", ABSENCE_ILL},
    {"absent_excused", ABSENCE_EXCUSED},
    {"late", ABSENCE_LATE},
    {"remote", ABSENCE_REMOTE},
    {"exempt", ABSENCE_EXEMPT},
};
const struct values absence_codes = VALUES(absence_code_names);

static const struct value session_names[] = {
    {"day", SESSION_DAY}, {"am", SESSION_AM}, {"pm", SESSION_PM}};
const struct values register_sessions = VALUES(session_names);

static const struct value reason_names[] = {
    {"certificate", REGISTER_REASON_CERTIFICATE},
    {"parent_note", REGISTER_REASON_PARENT_NOTE},
    {"order", REGISTER_REASON_ORDER},
    {"error", REGISTER_REASON_ERROR},
};
const struct values register_reasons = VALUES(reason_names);

static void exception_check(const void *item, struct problems *problems)
{
    const struct register_exception *exception = item;
    if (exception->minutes.present && exception->code != ABSENCE_LATE)
        problem_add(problems, "/minutes", "not_allowed_together");
}

#define EXCEPTION_FACTS                                                              \
    FIELD(register_exception, learner, .required = true),                            \
        FIELD(register_exception, code, .required = true, .values = &absence_codes), \
        FIELD(register_exception, minutes, .min = 1, .max = 240)
static const struct field exception_item_fields[] = {
    EXCEPTION_FACTS,
    FIELD(register_exception, note, .max = 300, .text = TEXT_FREE),
};
static const struct field exception_event_fields[] = {EXCEPTION_FACTS};
const struct record register_exception_item =
    RECORD(register_exception, exception_item_fields, .check = exception_check);
const struct record register_exception_event = RECORD(register_exception, exception_event_fields);

/* A withdrawal is only {id, withdraws, date, reason_code, reason?}. */
static void check_withdrawal(const struct lesson_register *taken, struct problems *problems)
{
    if (uuid_present(&taken->class) || taken->exceptions.count || uuid_present(&taken->replaces))
        problem_add(problems, "/withdraws", "not_allowed_together");
    if (!taken->reason_code)
        problem_add(problems, "/reason_code", "missing");
}

static void check_taken(const struct lesson_register *taken, struct problems *problems)
{
    if (!uuid_present(&taken->class))
        problem_add(problems, "/class", "missing");
    if (!taken->lesson.present && !taken->session)
        problem_add(problems, "/lesson", "missing");
    if (taken->lesson.present && taken->session)
        problem_add(problems, "/session", "not_allowed_together");
    if (!taken->taken_at.us)
        problem_add(problems, "/taken_at", "missing");
    if (uuid_present(&taken->replaces) && !taken->reason_code)
        problem_add(problems, "/reason_code", "missing");
}

static void register_check(const void *item, struct problems *problems)
{
    const struct lesson_register *taken = item;
    if (uuid_present(&taken->withdraws))
        check_withdrawal(taken, problems);
    else
        check_taken(taken, problems);
}

#define REGISTER_FACTS                                                           \
    FIELD(lesson_register, id, .required = true), FIELD(lesson_register, class), \
        FIELD(lesson_register, subject, .max = 64, .text = TEXT_CODE),           \
        FIELD(lesson_register, date, .required = true),                          \
        FIELD(lesson_register, lesson, .min = 1, .max = 11),                     \
        FIELD(lesson_register, session, .values = &register_sessions),           \
        FIELD(lesson_register, teacher), FIELD(lesson_register, taken_at),       \
        FIELD(lesson_register, replaces), FIELD(lesson_register, withdraws),     \
        FIELD(lesson_register, reason_code, .values = &register_reasons)
#define REGISTER_DOOR                                                  \
    FIELD(lesson_register, roster_count, .min = 0, .max = 200),        \
        FIELD(lesson_register, reason, .max = 500, .text = TEXT_FREE), \
        FIELD(lesson_register, exceptions, .max = 200, .record = &register_exception_item)

static const struct field register_item_fields[] = {REGISTER_FACTS, REGISTER_DOOR};
const struct record register_item =
    RECORD(lesson_register, register_item_fields, .check = register_check);

static const struct field register_event_fields[] = {
    REGISTER_FACTS,
    FIELD(lesson_register, exceptions, .max = 200, .record = &register_exception_event),
    FIELD(lesson_register, organisation, .appended = true, .required = true),
    FIELD(lesson_register, shift, .appended = true),
    FIELD(lesson_register, learners, .appended = true),
};
const struct record register_event = RECORD(lesson_register, register_event_fields);

static const struct field register_column_fields[] = {
    REGISTER_FACTS,
    REGISTER_DOOR,
    FIELD(lesson_register, month),
    FIELD(lesson_register, fingerprint),
};
const struct record register_columns = RECORD(lesson_register, register_column_fields);
