/* What there is, by the rights of the caller: first whether they may, then the rows. */
#include "api.h"

#include <string.h>

#include "base/clock.h"
#include "contracts/position.h"
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
    size_t audited_people;      /* of page.roots */
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
    enum { ACCESS, EPOCH, XID };
    if (reading->page.changes)
        reading->page.until =
            (struct position){result_bigint(result, 0, EPOCH), result_bigint(result, 0, XID), 0, 0};
    switch (result_int(result, 0, ACCESS)) {
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

/* RFC 9110 section 13.1.2, compared weakly: nginx weakens the tag of what it compresses. */
static bool is_known(const struct http_request *request, const char *tag)
{
    struct str known = http_header(request, "If-None-Match");
    while (known.len) {
        struct str one = str_cut(&known, ',');
        while (one.len && strchr(" W/", one.ptr[0]))
            one = (struct str){one.ptr + 1, one.len - 1};
        if (str_equal(one, str_from(tag)))
            return true;
    }
    return false;
}

/* The tag is of the content: a revision may come again after a restore, with another one. */
static void answer_tagged(struct http_request *request, struct str body)
{
    struct uuid digest;
    char text[UUID_TEXT_LEN + 1];
    str_fingerprint(body, &digest);
    const char *tag = arena_printf(&request->arena, "\"%s\"", uuid_format(&digest, text));
    http_add_header(request, "ETag", tag);
    http_add_header(request, "Cache-Control", "private, no-cache");
    if (is_known(request, tag))
        http_answer_empty(request, 304);
    else
        http_answer(request, 200, "application/json", body);
}

static void one_arrived(void *context, const struct result *result, enum error code,
                        const struct err *err)
{
    struct reading *reading = context;
    struct http_request *request = reading->request;
    CLEANUP(buf_done) struct buf body = {0};
    size_t count;
    if (code) {
        http_error(request, err);
        return;
    }
    const void *item = result_records(result, reading->view, &request->arena, &count);
    if (count == 0) {
        http_problem(request, 404, "not_found", NULL);
        return;
    }
    record_encode_json(reading->view, item, &body);
    answer_tagged(request, buf_str(&body));
}

static struct place place_of(const struct result *result, size_t row)
{
    return (struct place){result_bigint(result, row, 0), result_bigint(result, row, 1),
                          result_uuid(result, row, 2)};
}

/* Where the next list of changes begins, when this one has come to its end. */
static void say_until(struct reading *reading)
{
    char text[POSITION_TEXT_LEN + 1];
    if (reading->page.changes)
        http_add_header(reading->request, "Changed-Until",
                        position_format(&reading->page.until, text));
}

/* One row more than asked for tells whether there is a next page, which begins behind the place of
 * the last one shown. */
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
        struct place last = place_of(result, limit - 1);
        next = http_cursor_make(request, &last, sizeof last);
        count = limit;
    } else {
        say_until(reading);
    }
    http_answer_list(request, reading->view, items, count, next);
}

/* An instant, or where an earlier list of changes ended (Changed-Until). False: answered. */
static bool read_since(struct reading *reading)
{
    struct page *page = &reading->page;
    struct str since = http_query(reading->request, "changed_since");
    page->changes = str_present(since);
    if (!page->changes || instant_parse(since, &page->since) || position_parse(since, &page->from))
        return true;
    http_problem(reading->request, 400, "bad_parameter",
                 "changed_since is no instant, no position");
    return false;
}

/* `limit`, `cursor` and `changed_since`; false: answered. */
static bool read_page(struct reading *reading)
{
    bool given;
    reading->page.limit = (int32_t)http_query_int(reading->request, "limit") + 1;
    return read_since(reading) && http_cursor_read(reading->request, &reading->page.after,
                                                   sizeof reading->page.after, &given);
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
static bool may_read_people(struct http_request *request)
{
    const struct principal *principal = auth_principal(request);
    if (principal->kind != PRINCIPAL_CLIENT || principal->scopes & SCOPE_REGISTRY_READ)
        return true;
    http_problem(request, 403, "forbidden", NULL);
    return false;
}

void get_person(struct http_request *request)
{
    struct reading *reading = reading_new(request, &person_event, show_person);
    reading->audited = AUDIT_PERSON;
    struct caller caller = caller_of(request);
    if (may_read_people(request) && http_path_uuid(request, 0, &reading->page.of))
        store_may_see_person(read_of(reading), &reading->page.of, &caller, answered, reading);
}

static void people_arrived(void *context, const struct result *result, enum error code,
                           const struct err *err)
{
    struct reading *reading = context;
    size_t count;
    if (code) {
        http_error(reading->request, err);
        return;
    }
    const void *items = result_records(result, reading->view, &reading->request->arena, &count);
    http_answer_list(reading->request, reading->view, items, count, (struct str){0});
}

/* Each read is written down before any of them is shown. */
static void audit_next(void *context)
{
    struct reading *reading = context;
    struct uuids people = reading->page.roots;
    if (reading->audited_people < people.count)
        audit_read(reading->request, AUDIT_PERSON, &people.items[reading->audited_people++],
                   audit_next, reading);
    else
        store_people(read_of(reading), people, &reading->request->arena, people_arrived, reading);
}

/* Whom the caller may not see is not found. Families see theirs by their links, and search nobody.
 */
static void people_found(void *context, const struct result *result, enum error code,
                         const struct err *err)
{
    struct reading *reading = context;
    size_t rows = code ? 0 : result_rows(result), count = 0;
    struct uuid *people = ARENA_ARRAY(&reading->request->arena, rows, struct uuid);
    if (code) {
        http_error(reading->request, err);
        return;
    }
    for (size_t row = 0; row < rows; row++) {
        if (result_int(result, row, FOUND_ACCESS) == SESSION_ENDED) {
            http_problem(reading->request, 401, "unauthorized", NULL);
            return;
        }
        if (result_int(result, row, FOUND_ACCESS) == ACCESS_OFFICE)
            people[count++] = result_uuid(result, row, FOUND_ID);
    }
    reading->page.roots = (struct uuids){people, count};
    audit_next(reading);
}

void get_people(struct http_request *request)
{
    struct reading *reading = reading_new(request, &person_event, NULL);
    struct sourced sourced = {http_query(request, "source"), http_query(request, "sourced_id")};
    struct caller caller = caller_of(request);
    if (may_read_people(request))
        store_find_people(read_of(reading), &sourced, &caller, people_found, reading);
}
