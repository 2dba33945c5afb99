#include "contracts/registers.h"

#define ABSENCE_CODE_NAMES                                                                       \
    {"absent_unexcused", ABSENCE_UNEXCUSED}, {"absent_ill", ABSENCE_ILL},                        \
        {"absent_excused", ABSENCE_EXCUSED}, {"late", ABSENCE_LATE}, {"remote", ABSENCE_REMOTE}, \
    {                                                                                            \
        "exempt", ABSENCE_EXEMPT                                                                 \
    }
static const struct value absence_code_names[] = {ABSENCE_CODE_NAMES};
const struct values absence_codes = VALUES(absence_code_names);

static const struct value recoded_code_names[] = {ABSENCE_CODE_NAMES, {"present", ABSENCE_PRESENT}};
const struct values recoded_codes = VALUES(recoded_code_names);

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

#define EXCEPTION_FACTS                                                             \
    FIELD(register_exception, learner, .required = true),                           \
        FIELD(register_exception, code, .required = true, .values = &absence_codes, \
              .about = "Late, remote and exempt count as there."),                  \
        FIELD(register_exception, minutes, .min = 1, .max = 240, .about = "Late by so many.")
static const struct field exception_item_fields[] = {
    EXCEPTION_FACTS,
    FIELD(register_exception, note, .max = 300, .text = TEXT_FREE, .about = "On no topic."),
};
static const struct field exception_event_fields[] = {EXCEPTION_FACTS};
const struct record register_exception_item =
    RECORD(register_exception, exception_item_fields, .check = exception_check,
           .rules = "`minutes` belong to `late`.");
const struct record register_exception_event = RECORD(register_exception, exception_event_fields);

/* ---- Registers ---- */

static void check_original(const struct lesson_register *taken, const struct uuid *original,
                           const char *pointer, struct problems *problems)
{
    if (uuid_equal(original, &taken->id))
        problem_add(problems, pointer, "names_itself");
    if (!taken->reason_code)
        problem_add(problems, "/reason_code", "missing");
}

/* A withdrawal is only {id, withdraws, date, reason_code, reason?}. */
static void check_withdrawal(const struct lesson_register *taken, struct problems *problems)
{
    const struct {
        bool given;
        const char *pointer;
    } others[] = {
        {uuid_present(&taken->replaces), "/replaces"},
        {uuid_present(&taken->class), "/class"},
        {str_present(taken->subject), "/subject"},
        {taken->lesson.present, "/lesson"},
        {taken->session, "/session"},
        {uuid_present(&taken->teacher), "/teacher"},
        {taken->taken_at.us, "/taken_at"},
        {taken->roster_count.present, "/roster_count"},
        {taken->exceptions.count, "/exceptions"},
    };
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (others[i].given)
            problem_add(problems, others[i].pointer, "not_allowed_together");
    check_original(taken, &taken->withdraws, "/withdraws", problems);
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
    if (uuid_present(&taken->replaces))
        check_original(taken, &taken->replaces, "/replaces", problems);
    else if (taken->reason_code || str_present(taken->reason))
        problem_add(problems, "/replaces", "missing");
}

static void register_check(const void *item, struct problems *problems)
{
    const struct lesson_register *taken = item;
    if (uuid_present(&taken->withdraws))
        check_withdrawal(taken, problems);
    else
        check_taken(taken, problems);
}

#define LESSON(type)                                                             \
    FIELD(type, lesson, .min = 1, .max = 11, .about = "Its number in the day."), \
        FIELD(type, session, .values = &register_sessions,                       \
              .about = "Instead of a lesson: a whole day, or half of it.")
#define REGISTER_WITHDRAWS(...) \
    FIELD(lesson_register, withdraws, .about = "The register that was none.", ##__VA_ARGS__)
#define REGISTER_FACTS                                                                           \
    FIELD(lesson_register, id, .required = true,                                                 \
          .about = "Minted by the sender, UUID v7 or v5: sent again, it is the same register."), \
        FIELD(lesson_register, class,                                                            \
              .about = "Homeroom or group: those enrolled in it that day with mode `class` are " \
                       "its roster."),                                                           \
        FIELD(lesson_register, subject, .max = 64, .text = TEXT_CODE,                            \
              .about = "Code of the reference data, list `subject`."),                           \
        FIELD(lesson_register, date, .required = true,                                           \
              .about = "The day of the lesson, in Kazakhstan."),                                 \
        LESSON(lesson_register), FIELD(lesson_register, teacher, .about = "Who took it."),       \
        FIELD(lesson_register, taken_at, .about = "When the teacher took it."),                  \
        FIELD(lesson_register, replaces,                                                         \
              .about = "The register that this one takes the place of."),                        \
        REGISTER_WITHDRAWS(), FIELD(lesson_register, reason_code, .values = &register_reasons)
#define REGISTER_DOOR                                                                           \
    FIELD(lesson_register, roster_count, .min = 0, .max = 200,                                  \
          .about = "How many learners the sender has: another number than ours is a warning."), \
        FIELD(lesson_register, reason, .max = 500, .text = TEXT_FREE,                           \
              .about = "In words; on no topic."),                                               \
        FIELD(lesson_register, exceptions, .max = 200, .record = &register_exception_item,      \
              .about = "Who was not simply there; a learner once.")

static const struct field register_item_fields[] = {REGISTER_FACTS, REGISTER_DOOR};
const struct record register_item = RECORD(
    lesson_register, register_item_fields, .check = register_check,
    .rules =
        "One lesson of a class or group: all who are enrolled in it that day were present, "
        "but for the exceptions. class, date, taken_at, and either lesson or session. "
        "Replaced: the same with `replaces` and reason_code. Withdrawn: id, `withdraws`, date, "
        "reason_code, reason and nothing else.");

static const struct field before_fields[] = {
    FIELD(register_before, subject, .max = 64, .text = TEXT_CODE),
    FIELD(register_before, date, .required = true),
    LESSON(register_before),
    FIELD(register_before, learners, .about = "On its roster."),
    FIELD(register_before, exceptions, .max = 200, .record = &register_exception_event,
          .about = "As they stood, re-coded ones included."),
};
static const struct record before_record = RECORD(register_before, before_fields);

#define REGISTER_EXCEPTIONS \
    FIELD(lesson_register, exceptions, .max = 200, .record = &register_exception_event)
#define REGISTER_BEFORE                                                                          \
    FIELD(lesson_register, before, .record = &before_record, .appended = true, .required = true, \
          .about = "The register that it takes the place of, as it stood.")
#define REGISTER_RESOLVED                                                    \
    FIELD(lesson_register, organisation, .appended = true, .required = true, \
          .about = "Of the class on the day of the first register."),        \
        FIELD(lesson_register, shift, .appended = true, .about = "Of the class.")
#define REGISTER_LEARNERS                              \
    FIELD(lesson_register, learners, .appended = true, \
          .about = "On the frozen roster: all of them without an exception were there.")

static const struct field taken_fields[] = {REGISTER_FACTS, REGISTER_EXCEPTIONS, REGISTER_RESOLVED,
                                            REGISTER_LEARNERS};
const struct record register_taken_event = RECORD(lesson_register, taken_fields);

static const struct field replaced_fields[] = {REGISTER_FACTS, REGISTER_EXCEPTIONS, REGISTER_BEFORE,
                                               REGISTER_RESOLVED, REGISTER_LEARNERS};
const struct record register_replaced_event = RECORD(lesson_register, replaced_fields);

static const struct field withdrawn_fields[] = {
    FIELD(lesson_register, id, .required = true),
    FIELD(lesson_register, date, .required = true),
    REGISTER_WITHDRAWS(.required = true),
    FIELD(lesson_register, reason_code, .values = &register_reasons),
    FIELD(lesson_register, class, .appended = true, .required = true),
    REGISTER_BEFORE,
    REGISTER_RESOLVED,
};
const struct record register_withdrawn_event = RECORD(lesson_register, withdrawn_fields);

static const struct field recounted_fields[] = {
    FIELD(lesson_register, id, .required = true),
    FIELD(lesson_register, class, .required = true),
    FIELD(lesson_register, subject, .max = 64, .text = TEXT_CODE),
    FIELD(lesson_register, date, .required = true),
    LESSON(lesson_register),
    REGISTER_EXCEPTIONS,
    FIELD(lesson_register, before, .record = &before_record, .required = true),
    FIELD(lesson_register, organisation, .required = true),
    FIELD(lesson_register, shift),
    FIELD(lesson_register, learners),
};
const struct record register_recounted_event = RECORD(lesson_register, recounted_fields);

const struct record *register_event(const void *item)
{
    const struct lesson_register *taken = item;
    if (uuid_present(&taken->withdraws))
        return &register_withdrawn_event;
    return uuid_present(&taken->replaces) ? &register_replaced_event : &register_taken_event;
}

struct lesson_register register_before(const struct lesson_register *change)
{
    struct lesson_register taken = *change;
    if (uuid_present(&change->withdraws))
        taken.id = change->withdraws;
    else if (uuid_present(&change->replaces))
        taken.id = change->replaces;
    taken.subject = change->before.subject;
    taken.date = change->before.date;
    taken.lesson = change->before.lesson;
    taken.session = change->before.session;
    taken.learners = change->before.learners;
    taken.exceptions = change->before.exceptions;
    return taken;
}

static const struct field register_column_fields[] = {
    REGISTER_FACTS,
    REGISTER_DOOR,
    FIELD(lesson_register, month),
    FIELD(lesson_register, fingerprint),
};
const struct record register_columns = RECORD(lesson_register, register_column_fields);

/* ---- Re-coded absences ---- */

#define CHANGE_OF                                                                              \
    FIELD(absence_change, id, .required = true,                                                \
          .about = "Minted by the sender, UUID v7 or v5: sent again, it is the same change."), \
        FIELD_AS(absence_change, register_id, "register", .required = true,                    \
                 .about = "In which the absence stands.")
#define CHANGE_LEARNER(...)                          \
    FIELD(absence_change, learner, .required = true, \
          .about = "On the frozen roster of the register.", ##__VA_ARGS__)
#define CHANGE_TO                                                           \
    FIELD(absence_change, code, .values = &recoded_codes, .required = true, \
          .about = "What it is now."),                                      \
        FIELD(absence_change, reason_code, .values = &register_reasons, .required = true)
#define CHANGE_REASON \
    FIELD(absence_change, reason, .max = 500, .text = TEXT_FREE, .about = "In words; on no topic.")

static const struct field change_item_fields[] = {CHANGE_OF, CHANGE_LEARNER(), CHANGE_TO,
                                                  CHANGE_REASON};
const struct record absence_change_item = RECORD(absence_change, change_item_fields);

static const struct field absence_before_fields[] = {
    FIELD(absence_before, code, .values = &recoded_codes, .required = true),
    FIELD(absence_before, minutes, .min = 1, .max = 240),
};
static const struct record absence_before_record = RECORD(absence_before, absence_before_fields);

static const struct field changed_fields[] = {
    CHANGE_OF,
    CHANGE_TO,
    FIELD(absence_change, class, .appended = true, .required = true),
    CHANGE_LEARNER(.appended = true),
    FIELD(absence_change, subject, .max = 64, .text = TEXT_CODE, .appended = true),
    FIELD(absence_change, date, .appended = true, .required = true),
    FIELD(absence_change, lesson, .min = 1, .max = 11, .appended = true),
    FIELD(absence_change, session, .values = &register_sessions, .appended = true),
    FIELD(absence_change, minutes, .min = 1, .max = 240, .appended = true,
          .about = "Late by so many."),
    FIELD(absence_change, before, .record = &absence_before_record, .appended = true,
          .required = true, .about = "What it was."),
    FIELD(absence_change, organisation, .appended = true, .required = true,
          .about = "Of the register."),
    FIELD(absence_change, shift, .appended = true, .about = "Of the class."),
};
const struct record absence_changed_event = RECORD(absence_change, changed_fields);

static const struct field change_column_fields[] = {
    CHANGE_OF, CHANGE_LEARNER(), CHANGE_TO, CHANGE_REASON, FIELD(absence_change, fingerprint)};
const struct record absence_change_columns = RECORD(absence_change, change_column_fields);
