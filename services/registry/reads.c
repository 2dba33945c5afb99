/* What there is, by the rights of the caller: first whether they may, then the rows. */
#include "api.h"
#include "base/clock.h"
#include "contracts/registry.h"
#include "service/access.h"
#include "service/audit.h"
#include "store.h"

enum { SESSION_ENDED = -1 };

/* A read on its way; in the request's arena. */
struct reading {
    struct http_request *request;
    const struct record *view;
    struct page page;
    enum audit_subject audited; /* of page.of */
    void (*then)(struct reading *reading);
};

static struct db_async *read_of(const struct reading *reading)
{
    return process_of(reading->request)->read;
}

static struct reading *reading_new(struct http_request *request, const struct record *view,
                                   void (*then)(struct reading *reading))
{
    struct reading *reading = ARENA_NEW(&request->arena, struct reading);
    *reading = (struct reading){.request = request, .view = view, .then = then};
    return reading;
}

/* ---- May they? ---- */

static void proceed(void *context)
{
    struct reading *reading = context;
    reading->then(reading);
}

static void answered(void *context, const struct result *result, enum error code,
                     const struct err *err)
{
    struct reading *reading = context;
    if (code) {
        http_error(reading->request, err);
        return;
    }
    switch (result_int(result, 0, 0)) {
    case ACCESS_OFFICE:
        audit_read(reading->request, reading->audited, &reading->page.of, proceed, reading);
        break;
    case ACCESS_FAMILY:
        reading->then(reading);
        break;
    case ACCESS_REFUSED:
        http_problem(reading->request, 403, "forbidden", NULL);
        break;
    case SESSION_ENDED:
        http_problem(reading->request, 401, "unauthorized", NULL);
        break;
    default:
        http_problem(reading->request, 404, "not_found", NULL);
    }
}

static struct caller caller_of(struct http_request *request)
{
    return (struct caller){auth_principal(request), &request->arena};
}

/* ---- Answers ---- */

static void one_arrived(void *context, const struct result *result, enum error code,
                        const struct err *err)
{
    struct reading *reading = context;
    struct http_request *request = reading->request;
    size_t count;
    if (code) {
        http_error(request, err);
        return;
    }
    const void *item = result_records(result, reading->view, &request->arena, &count);
    if (count)
        http_answer_json(request, 200, reading->view, item);
    else
        http_problem(request, 404, "not_found", NULL);
}

/* One row more than asked for tells whether there is a next page, which begins behind the last id
 * shown. */
static void page_arrived(void *context, const struct result *result, enum error code,
                         const struct err *err)
{
    struct reading *reading = context;
    struct http_request *request = reading->request;
    size_t count, limit = (size_t)reading->page.limit - 1;
    if (code) {
        http_error(request, err);
        return;
    }
    char *items = result_records(result, reading->view, &request->arena, &count);
    struct str next = {0};
    if (count > limit) {
        const char *last = items + (limit - 1) * reading->view->size;
        size_t id_at = record_field(reading->view, "id")->offset;
        next = http_cursor_make(request, last + id_at, sizeof(struct uuid));
        count = limit;
    }
    http_answer_list(request, reading->view, items, count, next);
}

/* `limit` and `cursor`; false: answered. */
static bool read_page(struct reading *reading)
{
    bool given;
    reading->page.limit = (int32_t)http_query_int(reading->request, "limit") + 1;
    return http_cursor_read(reading->request, &reading->page.after, sizeof reading->page.after,
                            &given);
}

/* ---- Organisations ---- */

static void list_organisations(struct reading *reading)
{
    store_organisations(read_of(reading), &reading->page, &reading->request->arena, page_arrived,
                        reading);
}

void get_organisations(struct http_request *request)
{
    struct reading *reading = reading_new(request, &organisation_event, list_organisations);
    struct caller caller = caller_of(request);
    reading->page.of = http_query_uuid(request, "parent");
    reading->page.roots = caller.principal->overview;
    if (read_page(reading))
        store_may_see_organisation(read_of(reading), &reading->page.of, &caller, answered, reading);
}

static void show_organisation(struct reading *reading)
{
    store_organisation(read_of(reading), &reading->page.of, one_arrived, reading);
}

void get_organisation(struct http_request *request)
{
    struct reading *reading = reading_new(request, &organisation_event, show_organisation);
    struct caller caller = caller_of(request);
    if (http_path_uuid(request, 0, &reading->page.of))
        store_may_see_organisation(read_of(reading), &reading->page.of, &caller, answered, reading);
}

/* ---- Classes ---- */

static void list_classes(struct reading *reading)
{
    store_classes(read_of(reading), &reading->page, page_arrived, reading);
}

void get_classes(struct http_request *request)
{
    struct reading *reading = reading_new(request, &class_event, list_classes);
    struct caller caller = caller_of(request);
    reading->page.of = http_query_uuid(request, "organisation");
    if (read_page(reading))
        store_may_see_organisation(read_of(reading), &reading->page.of, &caller, answered, reading);
}

static void list_roster(struct reading *reading)
{
    store_roster(read_of(reading), &reading->page, page_arrived, reading);
}

void get_class_learners(struct http_request *request)
{
    struct reading *reading = reading_new(request, &roster_entry_record, list_roster);
    reading->audited = AUDIT_CLASS;
    struct caller caller = caller_of(request);
    reading->page.date = http_query_date(request, "date", date_today());
    if (http_path_uuid(request, 0, &reading->page.of) && read_page(reading))
        store_may_see_roster(read_of(reading), &reading->page.of, &caller, answered, reading);
}

/* ---- People ---- */

static void show_person(struct reading *reading)
{
    store_person(read_of(reading), &reading->page.of, one_arrived, reading);
}

/* Parents see their children and have no scope of the registry; a client needs it. */
void get_person(struct http_request *request)
{
    struct reading *reading = reading_new(request, &person_event, show_person);
    reading->audited = AUDIT_PERSON;
    struct caller caller = caller_of(request);
    if (caller.principal->kind == PRINCIPAL_CLIENT &&
        !(caller.principal->scopes & SCOPE_REGISTRY_READ))
        http_problem(request, 403, "forbidden", NULL);
    else if (http_path_uuid(request, 0, &reading->page.of))
        store_may_see_person(read_of(reading), &reading->page.of, &caller, answered, reading);
}
