/* Indicators: one day of a node, as on eiso.reports.indicators.v1 (key `node|date|set`; the tree
 * stands before the node where it is not territory). Counts, never shares: who reads divides, so
 * that sums over days and nodes stay exact.
 *
 * Attendance rate = (learner_lessons - absent_unexcused - absent_ill - absent_excused) /
 * learner_lessons: present, late, remote and exempt count as there. Mean percent =
 * percent_sum_hundredths / 100 / marks_with_points, each mark's percent rounded half up to
 * hundredths first. */
#ifndef CONTRACTS_INDICATORS_H
#define CONTRACTS_INDICATORS_H

#include "contracts/registry.h"

enum indicator_set { SET_CONTINGENT = 1, SET_MARKS, SET_ATTENDANCE };
extern const struct values indicator_sets;

enum indicator_tree { TREE_TERRITORY = 1, TREE_SUBORDINATION };
extern const struct values indicator_trees;

struct indicator {
    struct str node; /* KZ, a KATO code, or an organisation's id */
    enum indicator_tree tree;
    struct date date;
    enum indicator_set set;
    struct instant as_of;
    /* contingent */
    int64_t learners, organisations, organisations_heard;
    struct instant last_heard;
    /* attendance */
    int64_t registers, learner_lessons, absent_unexcused, absent_ill, absent_excused, late,
        late_minutes, remote, exempt;
    /* marks */
    int64_t formative, summative_unit, summative_term, marks_with_points, percent_sum_hundredths,
        at_least_65, at_least_40;
};
extern const struct record indicator_event; /* what a reader may meet: the fields of all sets */

/* What is written of a set: node, tree, date, set, as_of, and the set's own counts. */
const struct record *indicator_set_event(enum indicator_set set);

/* ---- GET /v1/indicators, and its stream ---- */

/* Shares are in hundredths of a percent, rounded half up; absent where there is nothing to share.
 */
struct contingent_view {
    int64_t learners, organisations, organisations_heard;
    struct instant last_heard;
};
struct attendance_view {
    int64_t registers, learner_lessons, absent_unexcused, absent_ill, absent_excused, late,
        late_minutes, remote, exempt;
    struct optional attendance_rate;
};
struct marks_view {
    int64_t formative, summative_unit, summative_term, marks_with_points, percent_sum_hundredths,
        at_least_65, at_least_40;
    struct optional mean_percent, share_at_least_65, share_at_least_40;
};
struct day_view {
    struct date date;
    struct contingent_view contingent;
    struct attendance_view attendance;
    struct marks_view marks;
};
extern const struct record day_view_record;

struct node_view {
    struct str node;
    enum indicator_tree tree; /* that it was asked in */
    struct name name;
    struct instant as_of; /* what was known to the service before is counted; of the whole answer */
    struct list days;     /* of struct day_view */
    struct list children; /* of struct node_view, without their own */
};
extern const struct record node_view_record, child_view_record;

/* Event `change` of the stream: nodes whose day has changed, each with that day. */
struct nodes_changed {
    struct list nodes; /* of struct node_view, without names and children */
};
extern const struct record nodes_changed_record;

#endif
