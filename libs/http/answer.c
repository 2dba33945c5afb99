/* Answers: one head, one body, sent at once where the socket takes them. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/metric.h"
#include "http/http_internal.h"

const char *status_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } known[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (known[i].status == status)
            return known[i].phrase;
    return "Other"; /* the phrase means nothing to a client (RFC 9112) */
}

void http_add_header(struct http_request *request, const char *name, const char *value)
{
    struct http_exchange *exchange = request->exchange;
    exchange->has_cache_control |= str_equal_nocase(str_from(name), STR("Cache-Control"));
    exchange->has_retry_after |= str_equal_nocase(str_from(name), STR("Retry-After"));
    buf_printf(&exchange->headers, "%s: ", name);
    for (; *value; value++) /* a line break would begin a header of somebody else's */
        buf_add_char(&exchange->headers,
                     (unsigned char)*value < ' ' || *value == 0x7f ? ' ' : *value);
    buf_add_text(&exchange->headers, "\r\n");
}

void answer_head(struct http_request *request, int status, const char *content_type,
                 struct buf *head)
{
    const struct http_exchange *exchange = request->exchange;
    buf_printf(head, "HTTP/1.1 %d %s\r\n", status, status_phrase(status));
    if (content_type)
        buf_printf(head, "Content-Type: %s\r\n", content_type);
    if (!exchange->has_cache_control)
        buf_add_text(head, "Cache-Control: no-store\r\n");
    buf_add_text(head, "X-Content-Type-Options: nosniff\r\n");
    buf_add_str(head, buf_str(&exchange->headers));
}

static struct metric metric_requests = {.name = "eiso_http_requests_total",
                                        .help = "Requests answered, refused ones included",
                                        .type = METRIC_COUNTER};
static struct metric metric_refusals = {.name = "eiso_http_refusals_total",
                                        .help = "Requests answered with a 4xx",
                                        .type = METRIC_COUNTER};
static struct metric metric_failures = {.name = "eiso_http_failures_total",
                                        .help = "Requests answered with a 5xx",
                                        .type = METRIC_COUNTER};

void answer_metrics(void)
{
    metric_register(&metric_requests);
    metric_register(&metric_refusals);
    metric_register(&metric_failures);
}

static void count_answer(int status)
{
    metric_add(&metric_requests, 1);
    if (status >= 500)
        metric_add(&metric_failures, 1);
    else if (status >= 400)
        metric_add(&metric_refusals, 1);
}

void http_answer(struct http_request *request, int status, const char *content_type,
                 struct str body)
{
    struct http_exchange *exchange = request->exchange;
    struct connection *connection = exchange->connection;
    count_answer(status);
    ensure(exchange->held); /* answered exactly once */
    exchange->held = false;
    if (!connection) {
        exchange_free(exchange);
        return;
    }
    CLEANUP(buf_done) struct buf head = {0};
    answer_head(request, status, content_type, &head);
    if (status != 204 && status != 304)
        buf_printf(&head, "Content-Length: %zu\r\n", body.len);
    if (connection->close || connection->server->draining)
        buf_add_text(&head, "Connection: close\r\n");
    buf_add_text(&head, "\r\n");
    const struct iovec parts[] = {{head.ptr, head.len}, {(char *)(uintptr_t)body.ptr, body.len}};
    connection_send(connection, parts, body.len > 0 ? 2 : 1);
    connection_answered(connection);
}

void http_answer_empty(struct http_request *request, int status)
{
    http_answer(request, status, NULL, (struct str){0});
}

void http_answer_json(struct http_request *request, int status, const struct record *record,
                      const void *item)
{
    CLEANUP(buf_done) struct buf body = {0};
    record_encode_json(record, item, &body);
    http_answer(request, status, "application/json", buf_str(&body));
}

/* ---- Problems ---- */

static struct str title_of(enum language language, struct str code, int status)
{
    enum message message = i18n_find("problem", code);
    return message == MESSAGE_NONE ? str_from(status_phrase(status)) : i18n_text(language, message);
}

static void add_member(struct buf *out, const char *name, struct str text)
{
    buf_printf(out, ",\"%s\":", name);
    buf_add_json(out, text);
}

static void add_problem(struct http_request *request, const struct problem *problem,
                        struct buf *out)
{
    struct str code = str_from(problem->code);
    buf_printf(out, "{\"index\":%u", (unsigned)problem->index);
    add_member(out, "pointer", str_from(problem->pointer));
    add_member(out, "code", code);
    add_member(out, "title", title_of(request->language, code, 422));
    buf_add_text(out, problem->retriable ? ",\"retriable\":true}" : "}");
}

static void add_problems(struct http_request *request, const struct problems *problems,
                         struct buf *out)
{
    buf_add_text(out, ",\"errors\":[");
    for (size_t i = 0; i < problems->count; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        add_problem(request, &problems->items[i], out);
    }
    buf_add_char(out, ']');
}

static void answer_problem(struct http_request *request, int status, const char *code,
                           const char *detail, const struct problems *problems)
{
    CLEANUP(buf_done) struct buf body = {0};
    struct str title = title_of(request->language, str_from(code), status);
    buf_printf(&body, "{\"type\":\"/problems/%s\",\"status\":%d,\"code\":\"%s\"", code, status,
               code);
    add_member(&body, "title", title);
    if (detail)
        add_member(&body, "detail", str_from(detail));
    if (str_present(request->id)) /* absent where not even the head could be read */
        add_member(&body, "request_id", request->id);
    if (problems)
        add_problems(request, problems, &body);
    buf_add_char(&body, '}');
    http_add_header(request, "Content-Language", i18n_language_code(request->language));
    if ((status == 429 || status == 503) && !request->exchange->has_retry_after)
        http_add_header(request, "Retry-After", status == 429 ? "1" : "5");
    http_answer(request, status, "application/problem+json", buf_str(&body));
}

void http_problem(struct http_request *request, int status, const char *code, const char *detail)
{
    answer_problem(request, status, code, detail, NULL);
}

void http_problem_items(struct http_request *request, int status, const char *code,
                        const struct problems *problems)
{
    answer_problem(request, status, code, NULL, problems);
}

void http_error(struct http_request *request, const struct err *err)
{
    const struct error_info *info = error_info(err->code);
    bool ours = info->http_status >= 500;
    if (ours)
        log_line(LOG_ERROR, "request failed", LOG_STR("request_id", request->id),
                 LOG_TEXT("route", request->route ? request->route->path : ""),
                 LOG_TEXT("code", info->name), LOG_TEXT("error", err->text));
    http_problem(request, info->http_status, info->name, ours ? NULL : err->text);
}
