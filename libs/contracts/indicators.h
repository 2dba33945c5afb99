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

#include "record/record.h"

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
extern const struct record indicator_event;

#endif
