#include "api.h"

#include "contracts/registers.h"
#include "domain.h"
#include "national/calendar.h"
#include "service/access.h"
#include "service/gather.h"
#include "store.h"

/* ---- POST /v1/registers ---- */

static const char *const fact_outcomes[] = {"created", "duplicate", "rejected", NULL};
static const char *const told[] = {"relay", NULL};

static const struct entrance registers_entrance = {
    .name = "registers",
    .record = &register_item,
    .id_offset = offsetof(struct lesson_register, id),
    .prepare = register_prepare,
    .columns = &register_columns,
    .event = &register_event,
    .statement = &store_take_registers,
    .outcomes = fact_outcomes,
    .pokes = told,
};

void post_registers(struct http_request *request)
{
    gather_batch(request, &registers_entrance);
}

/* ---- GET /v1/learners/{id}/attendance ---- */

/* Where the next page begins. */
struct absences_cursor {
    struct date date;
    struct uuid register_id;
};

static void absences_arrived(void *context, const struct result *result, enum error code,
                             const struct err *err)
{
    struct http_request *request = context;
    int64_t limit;
    if (code) {
        http_error(request, err);
        return;
    }
    if (!http_query_int(request, "limit", 1, 500, 100, &limit))
        return;
    size_t count;
    struct absence_view *absences =
        result_records(result, &absence_view_record, &request->arena, &count);
    struct str next = {0};
    if (count > (size_t)limit) {
        count = (size_t)limit;
        struct absences_cursor last = {absences[count - 1].date, absences[count - 1].register_id};
        next = http_cursor_make(request, &last, sizeof last);
    }
    http_answer_list(request, &absence_view_record, absences, count, next);
}

static void read_absences(struct http_request *request)
{
    struct absences_wanted wanted = {0};
    struct absences_cursor cursor = {0};
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
    wanted.before_register = cursor.register_id;
    wanted.limit = (int32_t)limit + 1; /* one more tells whether there is a next page */
    store_learner_absences(process_of(request)->read, &wanted, absences_arrived, request);
}

void get_learner_attendance(struct http_request *request)
{
    struct uuid learner;
    if (http_path_uuid(request, 0, &learner))
        access_learner(request, &learner, RIGHT_ATTENDANCE, read_absences);
}
