#include "contracts/indicators.h"

static const struct value set_names[] = {
    {"contingent", SET_CONTINGENT},
    {"marks", SET_MARKS},
    {"attendance", SET_ATTENDANCE},
};
const struct values indicator_sets = VALUES(set_names);

static const struct value tree_names[] = {
    {"territory", TREE_TERRITORY},
    {"subordination", TREE_SUBORDINATION},
};
const struct values indicator_trees = VALUES(tree_names);

#define INDICATOR_HEAD                                                                       \
    FIELD(indicator, node, .required = true, .max = 36,                                      \
          .about = "KZ, a KATO code, or an organisation's id."),                             \
        FIELD(indicator, tree, .required = true, .values = &indicator_trees,                 \
              .about = "All organisations of the place, or those subordinate to the node."), \
        FIELD(indicator, date, .required = true),                                            \
        FIELD(indicator, set, .required = true, .values = &indicator_sets,                   \
              .about = "Which figures."),                                                    \
        FIELD(indicator, as_of, .required = true, .about = "What was known before is counted.")
#define CONTINGENT(type)                                                      \
    FIELD(type, learners, .about = "Enrolled in a homeroom on the day."),     \
        FIELD(type, organisations, .about = "Valid on the day."),             \
        FIELD(type, organisations_heard,                                      \
              .about = "Of which a mark or a register of the day is there."), \
        FIELD(type, last_heard, .about = "When the last mark or register of the day was taken.")
#define ATTENDANCE(type)                                                                      \
    FIELD(type, registers, .about = "Taken."),                                                \
        FIELD(type, learner_lessons, .about = "Sum of the frozen rosters of the registers."), \
        FIELD(type, absent_unexcused), FIELD(type, absent_ill), FIELD(type, absent_excused),  \
        FIELD(type, late, .about = "Counts as there, as do remote and exempt."),              \
        FIELD(type, late_minutes, .about = "Their sum, where they were told."),               \
        FIELD(type, remote), FIELD(type, exempt)
#define MARKS(type)                                                                               \
    FIELD(type, formative, .about = "Formative marks (ФО, ҚБ)."),                                 \
        FIELD(type, summative_unit, .about = "Marks for a unit (СОР, БЖБ)."),                     \
        FIELD(type, summative_term, .about = "Marks for a term (СОЧ, ТЖБ)."),                     \
        FIELD(type, marks_with_points,                                                            \
              .about = "Of all kinds: what the mean and the shares are of."),                     \
        FIELD(type, percent_sum_hundredths,                                                       \
              .about = "Sum over the marks of points in hundredths of a percent of max_points."), \
        FIELD(type, at_least_65, .about = "Marks with at least 65 percent of their max_points."), \
        FIELD(type, at_least_40, .about = "With at least 40 percent.")

static const struct field indicator_fields[] = {
    INDICATOR_HEAD,
    CONTINGENT(indicator),
    ATTENDANCE(indicator),
    MARKS(indicator),
};
const struct record indicator_event = RECORD(indicator, indicator_fields);

/* ---- What is written of a set: a zero of another set would be read as a figure ---- */

static const struct field contingent_event_fields[] = {INDICATOR_HEAD, CONTINGENT(indicator)};
static const struct field marks_event_fields[] = {INDICATOR_HEAD, MARKS(indicator)};
static const struct field attendance_event_fields[] = {INDICATOR_HEAD, ATTENDANCE(indicator)};
static const struct record set_events[] = {
    [SET_CONTINGENT] = RECORD(indicator, contingent_event_fields),
    [SET_MARKS] = RECORD(indicator, marks_event_fields),
    [SET_ATTENDANCE] = RECORD(indicator, attendance_event_fields),
};

const struct record *indicator_set_event(enum indicator_set set)
{
    return &set_events[set];
}

/* ---- Views ---- */

static const struct field contingent_view_fields[] = {CONTINGENT(contingent_view)};
static const struct record contingent_view_record = RECORD(contingent_view, contingent_view_fields);

static const struct field attendance_view_fields[] = {
    ATTENDANCE(attendance_view),
    FIELD(attendance_view, attendance_rate,
          .about =
              "Hundredths of a percent of learner_lessons: those not absent. Absent: no lesson."),
};
static const struct record attendance_view_record = RECORD(attendance_view, attendance_view_fields);

static const struct field marks_view_fields[] = {
    MARKS(marks_view),
    FIELD(marks_view, mean_percent,
          .about = "Hundredths of a percent. Absent: no marks with points."),
    FIELD(marks_view, share_at_least_65, .about = "Hundredths of a percent of marks_with_points."),
    FIELD(marks_view, share_at_least_40, .about = "Hundredths of a percent of marks_with_points."),
};
static const struct record marks_view_record = RECORD(marks_view, marks_view_fields);

static const struct field day_view_fields[] = {
    FIELD(day_view, date, .required = true),
    FIELD(day_view, contingent, .required = true, .record = &contingent_view_record),
    FIELD(day_view, attendance, .required = true, .record = &attendance_view_record),
    FIELD(day_view, marks, .required = true, .record = &marks_view_record),
};
const struct record day_view_record = RECORD(day_view, day_view_fields);

#define NODE_VIEW                                                                         \
    FIELD(node_view, node, .required = true,                                              \
          .about = "KZ, a KATO code, or an organisation's id."),                          \
        FIELD(node_view, tree, .required = true, .values = &indicator_trees,              \
              .about = "In which it was asked: all organisations of the place, or those " \
                       "subordinate to the node."),                                       \
        FIELD(node_view, name, .record = &name_record)
#define NODE_DAYS FIELD(node_view, days, .required = true, .record = &day_view_record)

static const struct field child_view_fields[] = {NODE_VIEW, NODE_DAYS};
const struct record child_view_record = RECORD(node_view, child_view_fields);

static const struct field node_view_fields[] = {
    NODE_VIEW,
    FIELD(node_view, as_of, .required = true, .about = "What was known before is counted."),
    NODE_DAYS,
    FIELD(node_view, children, .record = &child_view_record),
};
const struct record node_view_record = RECORD(node_view, node_view_fields);

static const struct field nodes_changed_fields[] = {
    FIELD(nodes_changed, nodes, .required = true, .record = &child_view_record),
};
const struct record nodes_changed_record = RECORD(nodes_changed, nodes_changed_fields);
