#include "contracts/marks.h"

static const struct value mark_kind_names[] = {
    {"formative", MARK_FORMATIVE},
    {"summative_unit", MARK_SUMMATIVE_UNIT},
    {"summative_term", MARK_SUMMATIVE_TERM},
};
const struct values mark_kinds = VALUES(mark_kind_names);

static const struct value mark_value_names[] = {
    {"pass", MARK_PASS},
    {"fail", MARK_FAIL},
    {"exempt", MARK_EXEMPT},
    {"not_attested", MARK_NOT_ATTESTED},
};
const struct values mark_values = VALUES(mark_value_names);

static const struct value mark_reason_names[] = {
    {"error", MARK_REASON_ERROR},
    {"recheck", MARK_REASON_RECHECK},
    {"appeal", MARK_REASON_APPEAL},
    {"late_work", MARK_REASON_LATE_WORK},
};
const struct values mark_reasons = VALUES(mark_reason_names);

static bool has_points(const struct mark *mark)
{
    return mark->points.present || mark->max_points.present;
}

static void check_original(const struct mark *mark, const struct uuid *original,
                           const char *pointer, struct problems *problems)
{
    if (uuid_equal(original, &mark->id))
        problem_add(problems, pointer, "names_itself");
    if (!mark->reason_code)
        problem_add(problems, "/reason_code", "missing");
}

/* A withdrawal is only {id, withdraws, date, reason_code, reason?}. */
static void check_withdrawal(const struct mark *mark, struct problems *problems)
{
    const struct {
        bool given;
        const char *pointer;
    } others[] = {
        {uuid_present(&mark->replaces), "/replaces"},
        {uuid_present(&mark->class), "/class"},
        {uuid_present(&mark->learner), "/learner"},
        {str_present(mark->subject), "/subject"},
        {mark->kind, "/kind"},
        {uuid_present(&mark->work), "/work"},
        {mark->points.present, "/points"},
        {mark->max_points.present, "/max_points"},
        {mark->value, "/value"},
        {mark->lesson.present, "/lesson"},
        {uuid_present(&mark->teacher), "/teacher"},
        {mark->entered_at.us, "/entered_at"},
        {str_present(mark->comment), "/comment"},
    };
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (others[i].given)
            problem_add(problems, others[i].pointer, "not_allowed_together");
    check_original(mark, &mark->withdraws, "/withdraws", problems);
}

static void check_points(const struct mark *mark, struct problems *problems)
{
    if (has_points(mark) == (mark->value != 0)) {
        problem_add(problems, "/points", "points_or_value");
        return;
    }
    if (!has_points(mark))
        return;
    if (!mark->points.present)
        problem_add(problems, "/points", "missing");
    else if (!mark->max_points.present)
        problem_add(problems, "/max_points", "missing");
    else if (mark->points.value > mark->max_points.value)
        problem_add(problems, "/points", "above_maximum");
}

static void check_recorded(const struct mark *mark, struct problems *problems)
{
    if (!uuid_present(&mark->class))
        problem_add(problems, "/class", "missing");
    if (!uuid_present(&mark->learner))
        problem_add(problems, "/learner", "missing");
    if (!str_present(mark->subject))
        problem_add(problems, "/subject", "missing");
    if (!mark->kind)
        problem_add(problems, "/kind", "missing");
    check_points(mark, problems);
    if (uuid_present(&mark->replaces))
        check_original(mark, &mark->replaces, "/replaces", problems);
    else if (mark->reason_code || str_present(mark->reason))
        problem_add(problems, "/replaces", "missing");
}

static void mark_check(const void *item, struct problems *problems)
{
    const struct mark *mark = item;
    if (uuid_present(&mark->withdraws))
        check_withdrawal(mark, problems);
    else
        check_recorded(mark, problems);
}

/* What was marked, and how. */
#define MARK_RESULT                                                                                \
    FIELD(                                                                                         \
        mark, kind, .values = &mark_kinds,                                                         \
        .about =                                                                                   \
            "After order 125: formative (ФО, ҚБ), for a unit (СОР, БЖБ), for a term (СОЧ, ТЖБ)."), \
        FIELD(mark, work, .about = "The work that several learners were marked for."),             \
        FIELD(mark, points, .min = 0, .max = 100, .about = "Of `max_points`."),                    \
        FIELD(mark, max_points, .min = 1, .max = 100,                                              \
              .about = "What the work is worth; formative: 10 at most."),                          \
        FIELD(                                                                                     \
            mark, value, .values = &mark_values,                                                   \
            .about =                                                                               \
                "Where no points are given: pass and fail (зачёт, сынақ), exempt, not_attested."), \
        FIELD(mark, date, .required = true, .about = "The day of the lesson, in Kazakhstan."),     \
        FIELD(mark, lesson, .min = 1, .max = 11, .about = "Its number in the day."),               \
        FIELD(mark, teacher, .about = "Who gave it."),                                             \
        FIELD(mark, entered_at, .about = "When the teacher entered it.")
#define MARK_ID                       \
    FIELD(mark, id, .required = true, \
          .about = "Minted by the sender, UUID v7 or v5: sent again, it is the same mark.")
#define MARK_OF                                                                                    \
    FIELD(                                                                                         \
        mark, class,                                                                               \
        .about =                                                                                   \
            "Homeroom or group in which it was given: its organisation on `date` is the mark's."), \
        FIELD(mark, learner, .about = "Any id by which the person is known."),                     \
        FIELD(mark, subject, .max = 64, .text = TEXT_CODE,                                         \
              .about = "Code of the reference data, list `subject`.")
#define MARK_REASON \
    FIELD(mark, reason_code, .values = &mark_reasons, .about = "Why it was corrected or withdrawn.")
#define MARK_REPLACES FIELD(mark, replaces, .about = "The mark that this one takes the place of.")
#define MARK_WITHDRAWS(...) \
    FIELD(mark, withdraws, .about = "The mark that was none.", ##__VA_ARGS__)
#define MARK_WORDS                                                                \
    FIELD(mark, comment, .max = 500, .text = TEXT_FREE, .about = "On no topic."), \
        FIELD(mark, reason, .max = 500, .text = TEXT_FREE, .about = "In words; on no topic.")

/* What item, event and columns agree on. */
#define MARK_FACTS MARK_ID, MARK_OF, MARK_RESULT, MARK_REPLACES, MARK_WITHDRAWS(), MARK_REASON

static const struct field mark_item_fields[] = {MARK_FACTS, MARK_WORDS};
const struct record mark_item = RECORD(
    mark, mark_item_fields, .check = mark_check,
    .rules = "Recorded: class, learner, subject, kind, date, and either points with max_points or "
             "value; formative work has 1 to 10 points. Corrected: the same with `replaces` and "
             "reason_code. Withdrawn: id, `withdraws`, date, reason_code, reason and nothing else. "
             "Both have a date in the month of the original.");

static const struct field mark_before_fields[] = {
    FIELD(mark_before, kind, .values = &mark_kinds, .required = true),
    FIELD(mark_before, points, .min = 0, .max = 100),
    FIELD(mark_before, max_points, .min = 1, .max = 100),
    FIELD(mark_before, value, .values = &mark_values),
    FIELD(mark_before, date, .required = true),
    FIELD(mark_before, lesson, .min = 1, .max = 11),
};
static const struct record before_record = RECORD(mark_before, mark_before_fields);

#define MARK_RESOLVED                                             \
    FIELD(mark, organisation, .appended = true, .required = true, \
          .about = "Of the class on the day of the first mark."), \
        FIELD(mark, shift, .appended = true, .about = "Of the class.")
#define MARK_BEFORE                                                                   \
    FIELD(mark, before, .record = &before_record, .appended = true, .required = true, \
          .about = "The mark that it takes the place of, as it stood.")

static const struct field mark_recorded_event_fields[] = {MARK_FACTS, MARK_RESOLVED};
const struct record mark_recorded_event = RECORD(mark, mark_recorded_event_fields);

static const struct field mark_corrected_event_fields[] = {MARK_FACTS, MARK_BEFORE, MARK_RESOLVED};
const struct record mark_corrected_event = RECORD(mark, mark_corrected_event_fields);

static const struct field mark_withdrawn_event_fields[] = {
    FIELD(mark, id, .required = true),
    FIELD(mark, date, .required = true),
    MARK_WITHDRAWS(.required = true),
    FIELD(mark, reason_code, .values = &mark_reasons),
    FIELD(mark, class, .appended = true, .required = true),
    FIELD(mark, learner, .appended = true, .required = true),
    FIELD(mark, subject, .max = 64, .text = TEXT_CODE, .appended = true, .required = true),
    MARK_BEFORE,
    MARK_RESOLVED,
};
const struct record mark_withdrawn_event = RECORD(mark, mark_withdrawn_event_fields);

const struct record *mark_event(const void *item)
{
    const struct mark *mark = item;
    if (uuid_present(&mark->withdraws))
        return &mark_withdrawn_event;
    return uuid_present(&mark->replaces) ? &mark_corrected_event : &mark_recorded_event;
}

struct mark mark_before(const struct mark *change)
{
    struct mark mark = *change;
    mark.id = uuid_present(&change->withdraws) ? change->withdraws : change->replaces;
    mark.kind = change->before.kind;
    mark.points = change->before.points;
    mark.max_points = change->before.max_points;
    mark.value = change->before.value;
    mark.date = change->before.date;
    mark.lesson = change->before.lesson;
    return mark;
}

static const struct field mark_column_fields[] = {
    MARK_FACTS,
    MARK_WORDS,
    FIELD(mark, month),
    FIELD(mark, fingerprint),
};
const struct record mark_columns = RECORD(mark, mark_column_fields);

/* ---- Reading ---- */

_Static_assert(offsetof(struct mark_shown, mark) == 0, "rows of a mark are rows of what is shown");

#define MARK_RECORDED_AT(type) FIELD(type, recorded_at, .about = "When it was taken here.")

static const struct field mark_version_fields[] = {
    MARK_ID, MARK_RESULT, MARK_REASON, MARK_WORDS, MARK_RECORDED_AT(mark_shown),
};
static const struct record version_record = RECORD(mark_shown, mark_version_fields);

static const struct field mark_withdrawal_fields[] = {
    FIELD(mark_withdrawal, id, .required = true),
    FIELD(mark_withdrawal, date, .required = true),
    FIELD(mark_withdrawal, reason_code, .values = &mark_reasons),
    FIELD(mark_withdrawal, reason, .max = 500, .text = TEXT_FREE),
    MARK_RECORDED_AT(mark_withdrawal),
};
static const struct record withdrawal_record = RECORD(mark_withdrawal, mark_withdrawal_fields);

static const struct field mark_view_fields[] = {
    MARK_ID,
    MARK_OF,
    MARK_RESULT,
    MARK_REPLACES,
    MARK_REASON,
    MARK_WORDS,
    FIELD(mark, organisation, .about = "Of the class on the day of the first mark."),
    MARK_RECORDED_AT(mark_shown),
    FIELD(mark_shown, withdrawn, .record = &withdrawal_record, .about = "Absent: it counts."),
    FIELD(mark_shown, history, .record = &version_record,
          .about = "What it was before its corrections, the newest first; at most 100."),
};
const struct record mark_view = RECORD(mark_shown, mark_view_fields);
