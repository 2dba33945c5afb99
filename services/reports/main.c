/* reports: indicators of each day and node, moved by facts, rolled up the trees, watched live. */
#include "api.h"
#include "apply.h"
#include "intake/copies.h"
#include "push.h"
#include "roll_up.h"
#include "store.h"

extern const struct embedded reports_schema[];
extern const size_t reports_schema_count;
extern const struct embedded reports_examples[];

static const struct value grain_names[] = {{"day", 1}};
static const struct values grains = VALUES(grain_names);

#define NODE                                                                                \
    {"node",   PARAMETER_TEXT,       .required = true,                                      \
     .min = 1, .max = MOST_NODE_LEN, .about = "KZ, a KATO code or an organisation's id."},  \
    {                                                                                       \
        "tree", PARAMETER_VALUE, .values = &indicator_trees,                                \
                                 .about = "Without it `subordination` for an organisation " \
                                          "and `territory` for a place."                    \
    }

static const struct route api_routes[] = {
    {HTTP_GET, "/v1/indicators", get_indicators, .scope = SCOPE_INDICATORS_READ,
     .query = QUERY(NODE, {"from", PARAMETER_DATE, .about = "The first day; without it today."},
                    {"to", PARAMETER_DATE, .about = "The last day; without it today."},
                    {"grain", PARAMETER_VALUE, .values = &grains, .about = "Of the figures."},
                    {"children", PARAMETER_INT, .max = 1,
                     .about = "1: the node's children, too; then at most 31 days."}),
     .answer = {ANSWER_ITEM, &node_view_record}, .summary = "Days of a node, and of its children."},
};
static const struct stream_event indicator_events[] = {
    {"state", &node_view_record, "Once, at the beginning: today of the node and its children."},
    {"change", &nodes_changed_record, "The nodes whose day has changed, at most 4 times a second."},
    {0},
};
static const struct route push_routes[] = {
    {HTTP_GET, "/v1/indicators/stream", get_stream, .scope = SCOPE_INDICATORS_READ, .stream = true,
     .query = QUERY(NODE), .answer = {ANSWER_EVENTS, .events = indicator_events},
     .problems = PROBLEMS({404, "not_found"}),
     .summary = "Today of a node and its children, then what changes."},
};

static const struct listener listeners[] = {
    {"api", .routes = ROUTES(api_routes)},
    {"push", .routes = ROUTES(push_routes), .start = push_start, .stop = push_stop,
     .poked = push_poked},
};

/* Registry first; what the trees and the counts of learners stand on is noted besides. Figures are
 * for those who hold a role: what gives a right to a person's record is not needed. */
static const struct subscription subscriptions[] = {
    {&topic_organisations, apply_registry},
    {&topic_classes, apply_registry},
    {&topic_enrolments, apply_registry},
    {&topic_aliases, apply_registry},
    {&topic_reference, apply_registry},
    {&topic_accounts, intake_copy},
    {&topic_clients, intake_copy},
    {&topic_keys, intake_copy},
    {&topic_marks, apply_marks},
    {&topic_registers, apply_registers},
};

static const struct job jobs[] = {
    {"months", 3600 * 1000, job_months},
    {"contingents", 2000, job_contingents},
    {"roll_up", 500, job_roll_up},
    {"tell", 1000, job_tell},
};

/* The roll-up keeps what it makes; it sums everything again afterwards. */
static const struct rebuilt rebuilt[] = {{"cell", .date = "date"}};

int main(int argc, char **argv)
{
    static const struct service reports = {
        .name = "reports",
        .listeners = LISTENERS(listeners),
        .subscriptions = SUBSCRIPTIONS(subscriptions),
        .apply_rest_ms = 100, /* sums are made twice a second */
        .retract = retract_facts,
        .rebuild = {REBUILT(rebuilt), store_hold_roll_up, store_note_all},
        .state_again = store_state_again,
        .state_keys = store_state_keys,
        .schema = {reports_schema, &reports_schema_count},
        .examples = reports_examples,
        .jobs = JOBS(jobs),
    };
    return service_main(&reports, argc, argv);
}
