/* grades: marks, recorded by school systems and followed by parents and the ministry. */
#include "api.h"
#include "contracts/marks.h"
#include "intake/copies.h"
#include "national/calendar.h"
#include "service/facts.h"
#include "store.h"

extern const struct embedded grades_schema[];
extern const size_t grades_schema_count;
extern const struct embedded grades_examples[];

static const struct route api_routes[] = {
    BATCH_ROUTE("/v1/marks", marks_entrance, SCOPE_MARKS_WRITE,
                "Records marks: a batch with an outcome for each item."),
    {HTTP_GET, "/v1/learners/{id}/marks", get_learner_marks, .scope = SCOPE_MARKS_READ,
     .query = &facts_query, .answer = {ANSWER_LIST, &mark_view},
     .summary = "A learner's marks as they stand, with what they were, newest first."},
    {HTTP_GET, "/v1/classes/{id}/journal", get_journal, .scope = SCOPE_MARKS_READ,
     .query = &facts_query, .answer = {ANSWER_LIST, &mark_view},
     .summary = "The journal of a class: its marks as they stand, with what they were."},
};

static const struct listener listeners[] = {
    {"api", .processes = 2, .routes = ROUTES(api_routes), .writes = true},
};

static const struct subscription subscriptions[] = {COPY_SUBSCRIPTIONS};

static enum error make_months(struct process *process, struct db *db, struct err *err)
{
    (void)process;
    struct date today = date_today();
    return store_make_months(db, calendar_oldest_taken(today), (struct date){today.day + 92}, err);
}

static const struct job jobs[] = {
    {"months", INT64_C(3600) * 1000, make_months, .with_migrate = true},
};

int main(int argc, char **argv)
{
    static const struct service grades = {
        .name = "grades",
        .listeners = LISTENERS(listeners),
        .subscriptions = SUBSCRIPTIONS(subscriptions),
        .schema = {grades_schema, &grades_schema_count},
        .examples = grades_examples,
        .jobs = JOBS(jobs),
    };
    return service_main(&grades, argc, argv);
}
