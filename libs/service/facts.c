#include "service/facts.h"

#include <string.h>

#include "national/calendar.h"
#include "service/service.h"

/* Where the next page begins. */
struct place {
    struct date date;
    struct uuid id;
};

struct page {
    struct http_request *request;
    const struct facts *facts;
    struct uuid whose;
    struct date from, to;
    struct place before;
    int64_t limit;
};

static struct str cursor_behind(const struct page *page, const char *row)
{
    struct place place;
    memcpy(&place.date, row + page->facts->date_offset, sizeof place.date);
    memcpy(&place.id, row + page->facts->id_offset, sizeof place.id);
    return http_cursor_make(page->request, &place, sizeof place);
}

static void arrived(void *context, const struct result *result, enum error code,
                    const struct err *err)
{
    const struct page *page = context;
    const struct record *view = page->facts->view;
    struct str next = {0};
    size_t count;
    if (code) {
        http_error(page->request, err);
        return;
    }
    const char *rows = result_records(result, view, &page->request->arena, &count);
    if (count > (size_t)page->limit) {
        count = (size_t)page->limit;
        next = cursor_behind(page, rows + (count - 1) * view->size);
    }
    http_answer_list(page->request, view, rows, count, next);
}

static const struct parameter facts_parameters[] = {
    {"from", PARAMETER_DATE, .about = "The first day; without it the oldest that is taken."},
    {"to", PARAMETER_DATE, .about = "The last day; without it today."},
    PARAMETER_LIMIT(100),
    PARAMETER_CURSOR,
};
const struct parameters facts_query = {facts_parameters, COUNT_OF(facts_parameters)};

static bool page_read(struct http_request *request, struct page *page)
{
    struct date today = date_today();
    bool given;
    page->limit = http_query_int(request, "limit");
    page->from = http_query_date(request, "from", calendar_oldest_taken(today));
    page->to = http_query_date(request, "to", today);
    return http_path_uuid(request, 0, &page->whose) &&
           http_cursor_read(request, &page->before, sizeof page->before, &given);
}

void facts_page(struct http_request *request, const struct facts *facts)
{
    struct page *page = ARENA_NEW(&request->arena, struct page);
    struct params params = {0};
    *page = (struct page){.request = request, .facts = facts};
    if (!page_read(request, page))
        return;
    param_uuid(&params, &page->whose);
    param_date(&params, page->from);
    param_date(&params, page->to);
    param_date(&params, page->before.date);
    param_uuid(&params, &page->before.id);
    param_int(&params, (int32_t)page->limit + 1); /* one more tells whether there is a next page */
    db_async_exec(process_of(request)->read, facts->statement, &params, arrived, page);
}
