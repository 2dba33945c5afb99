#include "api.h"

#include "contracts/marks.h"
#include "domain.h"
#include "national/calendar.h"
#include "service/access.h"
#include "service/gather.h"
#include "store.h"

/* ---- POST /v1/marks ---- */

static const char *const fact_outcomes[] = {"created", "duplicate", "rejected", NULL};
static const char *const told[] = {"relay", NULL};

static const struct entrance marks_entrance = {
    .name = "marks",
    .record = &mark_item,
    .id_offset = offsetof(struct mark, id),
    .prepare = mark_prepare,
    .columns = &mark_columns,
    .event = &mark_event,
    .statement = &store_take_marks,
    .outcomes = fact_outcomes,
    .pokes = told,
};

void post_marks(struct http_request *request)
{
    gather_batch(request, &marks_entrance);
}

/* ---- GET /v1/learners/{id}/marks ---- */

/* Where the next page begins. */
struct marks_cursor {
    struct date date;
    struct uuid id;
};

static void marks_arrived(void *context, const struct result *result, enum error code,
                          const struct err *err)
{
    struct http_request *request = context;
    if (code) {
        http_error(request, err);
        return;
    }
    int64_t limit;
    if (!http_query_int(request, "limit", 1, 500, 100, &limit))
        return;
    size_t count;
    struct mark *marks = result_records(result, &mark_view, &request->arena, &count);
    struct str next = {0};
    if (count > (size_t)limit) {
        count = (size_t)limit;
        struct marks_cursor last = {marks[count - 1].date, marks[count - 1].id};
        next = http_cursor_make(request, &last, sizeof last);
    }
    http_answer_list(request, &mark_view, marks, count, next);
}

static void read_marks(struct http_request *request)
{
    struct marks_wanted wanted = {0};
    struct marks_cursor cursor = {0};
    struct date today = date_today();
    int64_t limit;
    bool given;
    if (!http_path_uuid(request, 0, &wanted.learner) ||
        !http_query_int(request, "limit", 1, 500, 100, &limit) ||
        !http_query_date(request, "from", calendar_oldest_taken(today), &wanted.from) ||
        !http_query_date(request, "to", today, &wanted.to) ||
        !http_cursor_read(request, &cursor, sizeof cursor, &given))
        return;
    wanted.before_date = cursor.date;
    wanted.before_id = cursor.id;
    wanted.limit = (int32_t)limit + 1; /* one more tells whether there is a next page */
    store_learner_marks(process_of(request)->read, &wanted, marks_arrived, request);
}

void get_learner_marks(struct http_request *request)
{
    struct uuid learner;
    if (http_path_uuid(request, 0, &learner))
        access_learner(request, &learner, RIGHT_MARKS, read_marks);
}
