#include "api.h"

#include "store.h"

enum { MOST_UNREAD = 100 };

static struct inbox_wanted wanted_by(const struct http_request *request)
{
    const struct principal *principal = auth_principal(request);
    return (struct inbox_wanted){
        .person = principal->person, .account = principal->id, .today = date_today()};
}

/* ---- GET /v1/inbox ---- */

/* Where the next page begins: below this. */
struct inbox_cursor {
    int64_t epoch, xid, seq;
};

struct inbox_page {
    struct http_request *request;
    struct inbox_wanted wanted; /* limit: one more than the page, which tells whether there is a
                                   next one */
};

static size_t rows_with_item(const struct feed_row *rows, size_t count)
{
    while (count > 0 && !rows[count - 1].epoch)
        count--;
    return count;
}

static void answer_page(struct http_request *request, const struct feed_row *rows, size_t count,
                        struct str next)
{
    struct feed_item *items = ARENA_ARRAY(&request->arena, count, struct feed_item);
    for (size_t i = 0; i < count; i++) {
        enum language language =
            inbox_language(http_query(request, "language"), rows[i].locale, request->language);
        items[i] = feed_item_of(&rows[i], language, &request->arena);
    }
    http_answer_list(request, &feed_inbox_item, items, count, next);
}

static void inbox_arrived(void *context, const struct result *result, enum error code,
                          const struct err *err)
{
    struct inbox_page *page = context;
    struct http_request *request = page->request;
    if (code) {
        http_error(request, err);
        return;
    }
    size_t count, most = (size_t)page->wanted.limit - 1;
    struct feed_row *rows = result_records(result, &feed_row_record, &request->arena, &count);
    if (count == 0 && uuid_present(&page->wanted.child)) {
        http_problem(request, 404, "not_found", NULL);
        return;
    }
    struct str next = {0};
    count = rows_with_item(rows, count);
    if (count > most) {
        count = most;
        struct inbox_cursor last = {rows[count - 1].epoch, rows[count - 1].xid,
                                    rows[count - 1].seq};
        next = http_cursor_make(request, &last, sizeof last);
    }
    answer_page(request, rows, count, next);
}

void get_inbox(struct http_request *request)
{
    struct inbox_page *page = ARENA_NEW(&request->arena, struct inbox_page);
    struct inbox_cursor cursor = {INT64_MAX, INT64_MAX, INT64_MAX};
    bool given;
    *page = (struct inbox_page){request, wanted_by(request)};
    if (!http_cursor_read(request, &cursor, sizeof cursor, &given))
        return;
    page->wanted.child = http_query_uuid(request, "child");
    page->wanted.up_to = (struct position){cursor.epoch, cursor.xid, cursor.seq, 0};
    page->wanted.limit = (int32_t)http_query_int(request, "limit") + 1;
    store_inbox(process_of(request)->read, &page->wanted, inbox_arrived, page);
}

/* ---- GET /v1/inbox/children ---- */

static struct inbox_child child_of(const struct result *result, size_t row, struct arena *arena)
{
    struct inbox_child child = {.id = result_uuid(result, row, CHILD_ID),
                                .name = result_str(result, row, CHILD_NAME),
                                .unread = result_int(result, row, CHILD_UNREAD)};
    if (!result_null(result, row, CHILD_EPOCH))
        child.position = feed_position_text(result_bigint(result, row, CHILD_EPOCH),
                                            result_bigint(result, row, CHILD_XID),
                                            result_bigint(result, row, CHILD_SEQ), arena);
    return child;
}

static void children_arrived(void *context, const struct result *result, enum error code,
                             const struct err *err)
{
    struct http_request *request = context;
    if (code) {
        http_error(request, err);
        return;
    }
    size_t count = 0;
    struct inbox_child *children =
        ARENA_ARRAY(&request->arena, result_rows(result), struct inbox_child);
    for (size_t row = 0; row < result_rows(result); row++)
        if (!result_null(result, row, CHILD_ID))
            children[count++] = child_of(result, row, &request->arena);
    http_answer_list(request, &inbox_child_item, children, count, (struct str){0});
}

void get_inbox_children(struct http_request *request)
{
    struct inbox_wanted wanted = wanted_by(request);
    wanted.limit = MOST_UNREAD;
    store_children(process_of(request)->read, &wanted, children_arrived, request);
}

/* ---- POST /v1/inbox/read ---- */

static void read_moved(void *context, const struct result *result, enum error code,
                       const struct err *err)
{
    struct http_request *request = context;
    if (code)
        http_error(request, err);
    else if (result_rows(result) == 0)
        http_problem(request, 404, "not_found", NULL);
    else
        http_answer_empty(request, 204);
}

void post_inbox_read(struct http_request *request)
{
    struct inbox_wanted wanted = wanted_by(request);
    struct inbox_read read = {0};
    if (!http_object(request, &inbox_read_item, &read) ||
        !position_parse(read.position, &wanted.up_to))
        return;
    wanted.child = read.child;
    store_read(process_of(request)->write, &wanted, read_moved, request);
}
