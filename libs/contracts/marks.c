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

/* A withdrawal is only {id, withdraws, date, reason_code, reason?}. */
static void check_withdrawal(const struct mark *mark, struct problems *problems)
{
    if (uuid_present(&mark->replaces))
        problem_add(problems, "/replaces", "not_allowed_together");
    if (uuid_present(&mark->class) || uuid_present(&mark->learner) || str_present(mark->subject) ||
        mark->kind || has_points(mark) || mark->value)
        problem_add(problems, "/withdraws", "not_allowed_together");
    if (!mark->reason_code)
        problem_add(problems, "/reason_code", "missing");
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
    if (uuid_present(&mark->replaces) && !mark->reason_code)
        problem_add(problems, "/reason_code", "missing");
}

static void mark_check(const void *item, struct problems *problems)
{
    const struct mark *mark = item;
    if (uuid_present(&mark->withdraws))
        check_withdrawal(mark, problems);
    else
        check_recorded(mark, problems);
}

/* What item, event, columns and view agree on. */
#define MARK_FACTS                                                                                \
    FIELD(mark, id, .required = true), FIELD(mark, class), FIELD(mark, learner),                  \
        FIELD(mark, subject, .max = 64, .text = TEXT_CODE),                                       \
        FIELD(mark, kind, .values = &mark_kinds), FIELD(mark, work),                              \
        FIELD(mark, points, .min = 0, .max = 100), FIELD(mark, max_points, .min = 1, .max = 100), \
        FIELD(mark, value, .values = &mark_values), FIELD(mark, date, .required = true),          \
        FIELD(mark, lesson, .min = 1, .max = 11), FIELD(mark, teacher), FIELD(mark, entered_at),  \
        FIELD(mark, replaces), FIELD(mark, withdraws),                                            \
        FIELD(mark, reason_code, .values = &mark_reasons)
#define MARK_WORDS                                       \
    FIELD(mark, comment, .max = 500, .text = TEXT_FREE), \
        FIELD(mark, reason, .max = 500, .text = TEXT_FREE)

static const struct field mark_item_fields[] = {MARK_FACTS, MARK_WORDS};
const struct record mark_item = RECORD(mark, mark_item_fields, .check = mark_check);

static const struct field mark_event_fields[] = {
    MARK_FACTS,
    FIELD(mark, organisation, .appended = true, .required = true),
    FIELD(mark, shift, .appended = true),
};
const struct record mark_event = RECORD(mark, mark_event_fields);

static const struct field mark_column_fields[] = {
    MARK_FACTS,
    MARK_WORDS,
    FIELD(mark, month),
    FIELD(mark, fingerprint),
};
const struct record mark_columns = RECORD(mark, mark_column_fields);

static const struct field mark_view_fields[] = {MARK_FACTS, MARK_WORDS, FIELD(mark, organisation)};
const struct record mark_view = RECORD(mark, mark_view_fields);
