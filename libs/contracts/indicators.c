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

static const struct field indicator_fields[] = {
    FIELD(indicator, node, .required = true, .max = 36),
    FIELD(indicator, tree, .required = true, .values = &indicator_trees),
    FIELD(indicator, date, .required = true),
    FIELD(indicator, set, .required = true, .values = &indicator_sets),
    FIELD(indicator, as_of, .required = true),
    FIELD(indicator, learners),
    FIELD(indicator, organisations),
    FIELD(indicator, organisations_heard),
    FIELD(indicator, last_heard),
    FIELD(indicator, registers),
    FIELD(indicator, learner_lessons),
    FIELD(indicator, absent_unexcused),
    FIELD(indicator, absent_ill),
    FIELD(indicator, absent_excused),
    FIELD(indicator, late),
    FIELD(indicator, late_minutes),
    FIELD(indicator, remote),
    FIELD(indicator, exempt),
    FIELD(indicator, formative),
    FIELD(indicator, summative_unit),
    FIELD(indicator, summative_term),
    FIELD(indicator, marks_with_points),
    FIELD(indicator, percent_sum_hundredths),
    FIELD(indicator, at_least_65),
    FIELD(indicator, at_least_40),
};
const struct record indicator_event = RECORD(indicator, indicator_fields);
