/* attendance: lesson registers over frozen rosters, and the absences in them. */
#include "api.h"
#include "apply.h"
#include "intake/copies.h"
#include "national/calendar.h"
#include "service/facts.h"
#include "store.h"

extern const struct embedded attendance_schema[];
extern const size_t attendance_schema_count;
extern const struct embedded attendance_examples[];

static const struct route api_routes[] = {
    BATCH_ROUTE("/v1/registers", registers_entrance, SCOPE_ATTENDANCE_WRITE,
                "Takes lesson registers: a batch with an outcome for each item."),
    BATCH_ROUTE("/v1/absence-changes", absence_changes_entrance, SCOPE_ATTENDANCE_WRITE,
                "Re-codes absences: a batch with an outcome for each item."),
    {HTTP_GET, "/v1/learners/{id}/attendance", get_learner_attendance,
     .scope = SCOPE_ATTENDANCE_READ, .query = &facts_query,
     .answer = {ANSWER_LIST, &absence_view_record},
     .summary = "A learner's absences as they stand, newest first."},
    {HTTP_GET, "/v1/classes/{id}/registers", get_class_registers, .scope = SCOPE_ATTENDANCE_READ,
     .query = &facts_query, .answer = {ANSWER_LIST, &register_view_record},
     .summary = "A class's registers, newest first, replaced and withdrawn ones as such."},
};

static const struct listener listeners[] = {
    {"api", .processes = 2, .routes = ROUTES(api_routes), .writes = true},
};

static const struct subscription subscriptions[] = {COPY_SUBSCRIPTIONS_WITH(apply_aliases)};

static enum error make_months(struct process *process, struct db *db, struct err *err)
{
    (void)process;
    struct date today = date_today();
    return store_make_months(db, calendar_oldest_taken(today), (struct date){today.day + 92}, err);
}

enum { ALIASES_A_TURN = 20 };

static enum error recount_registers(struct process *process, struct db *db, struct err *err)
{
    int32_t taken = 0;
    enum error code = store_recount_registers(db, ALIASES_A_TURN, &taken, err);
    if (!code && taken > 0)
        process_poke(process, "relay");
    return code;
}

static const struct job jobs[] = {
    {"recount", 2000, recount_registers},
    {"months", INT64_C(3600) * 1000, make_months, .with_migrate = true},
};

int main(int argc, char **argv)
{
    static const struct service attendance = {
        .name = "attendance",
        .listeners = LISTENERS(listeners),
        .subscriptions = SUBSCRIPTIONS(subscriptions),
        .schema = {attendance_schema, &attendance_schema_count},
        .examples = attendance_examples,
        .jobs = JOBS(jobs),
    };
    return service_main(&attendance, argc, argv);
}
