/* A request from its first byte to its handler. All limits are checked before the body is read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_internal.h"

enum { KEPT_INPUT_BYTES = 64 * 1024, REQUEST_ID_MAX = 64 };

static void prepare(struct http_exchange *exchange, struct arena arena)
{
    exchange->request = (struct http_request){
        .arena = arena, .exchange = exchange, .server = exchange->connection->server->context};
}

struct http_exchange *exchange_new(struct connection *connection)
{
    struct http_exchange *exchange = mem_alloc(sizeof *exchange);
    exchange->connection = connection;
    prepare(exchange, (struct arena){0});
    return exchange;
}

static void give_back_promise(struct http_exchange *exchange)
{
    if (exchange->connection)
        exchange->connection->server->body_bytes -= exchange->promised_bytes;
    exchange->promised_bytes = 0;
}

void exchange_free(struct http_exchange *exchange)
{
    give_back_promise(exchange);
    arena_done(&exchange->request.arena);
    buf_done(&exchange->input);
    buf_done(&exchange->headers);
    free(exchange);
}

void exchange_leave(struct http_exchange *exchange)
{
    if (!exchange->held) {
        exchange_free(exchange);
        return;
    }
    give_back_promise(exchange);
    exchange->connection = NULL;
}

void exchange_next(struct http_exchange *exchange)
{
    size_t used = MIN_OF(exchange->input.len, exchange->head_bytes + exchange->head.body_bytes);
    struct buf *input = &exchange->input;
    input->len -= used;
    memmove(input->ptr, input->ptr + used, input->len);
    if (input->len == 0 && input->capacity > KEPT_INPUT_BYTES)
        buf_done(input);
    give_back_promise(exchange);
    struct arena arena = exchange->request.arena;
    arena_reset(&arena);
    buf_reset(&exchange->headers);
    prepare(exchange, arena);
    exchange->head_bytes = 0;
    exchange->head.body_bytes = 0;
    exchange->has_cache_control = exchange->has_retry_after = false;
}

bool exchange_begun(const struct http_exchange *exchange)
{
    return exchange->input.len > 0;
}

size_t exchange_wanted_bytes(const struct http_exchange *exchange)
{
    if (exchange->head_bytes == 0)
        return HTTP_MAX_HEADER_BYTES - exchange->input.len;
    return exchange->head_bytes + exchange->head.body_bytes - exchange->input.len;
}

/* ---- Admission ---- */

static bool is_request_id(struct str id)
{
    static const char allowed[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.";
    for (size_t i = 0; i < id.len; i++)
        if (!memchr(allowed, id.ptr[i], sizeof allowed - 1))
            return false;
    return id.len > 0 && id.len <= REQUEST_ID_MAX;
}

static struct str request_id(struct http_exchange *exchange)
{
    struct str given = head_find(&exchange->head, STR("x-request-id"));
    if (is_request_id(given))
        return given;
    struct uuid id = uuid_v7();
    char *text = arena_alloc(&exchange->request.arena, UUID_TEXT_LEN + 1);
    return str_from(uuid_format(&id, text));
}

static bool refuse(struct refusal *refusal, int status, const char *code, const char *detail)
{
    *refusal = (struct refusal){status, code, detail};
    return false;
}

static void add_allow(struct http_request *request, unsigned methods)
{
    char allow[32];
    snprintf(allow, sizeof allow, "%s%s%s", methods & HTTP_GET ? ", GET" : "",
             methods & HTTP_POST ? ", POST" : "", methods & HTTP_DELETE ? ", DELETE" : "");
    http_add_header(request, "Allow", allow + 2);
}

static bool find_route(struct http_exchange *exchange, struct refusal *refusal)
{
    struct http_request *request = &exchange->request;
    const struct http_target *target = &exchange->target;
    struct route_match match =
        router_find(exchange->connection->server->router, exchange->head.method, target->segments,
                    target->segment_count);
    if (match.methods == 0)
        return refuse(refusal, 404, "no_such_path", NULL);
    if (!match.route) {
        add_allow(request, match.methods);
        return refuse(refusal, 405, "method_not_allowed", NULL);
    }
    request->route = match.route;
    memcpy(request->path_values, match.values, sizeof match.values);
    return true;
}

/* Memory is promised before the body is read: to the route's limit, and to the server's over all
 * requests. */
static bool promise_body(struct http_exchange *exchange, struct refusal *refusal)
{
    struct http_server *server = exchange->connection->server;
    size_t bytes = exchange->head.body_bytes;
    const struct route *route = exchange->request.route;
    if (bytes > (route->spooled ? 0 : route->body_bytes))
        return refuse(refusal, 413, "body_too_large", NULL);
    if (bytes > server->most_body_bytes - server->body_bytes)
        return refuse(refusal, 503, "unavailable", "too many bodies are being read at once");
    server->body_bytes += bytes;
    exchange->promised_bytes = bytes;
    return true;
}

static bool admit(struct http_exchange *exchange, struct str head, struct refusal *refusal)
{
    struct http_request *request = &exchange->request;
    bool whole = head_parse(head, &exchange->head, refusal);
    request->language = i18n_language(head_find(&exchange->head, STR("accept-language")));
    if (!whole)
        return false;
    exchange->head_bytes = head.len;
    request->method = exchange->head.method;
    request->id = request_id(exchange);
    if (!target_parse(exchange->head.target, &request->arena, &exchange->target, refusal))
        return false;
    request->path = exchange->target.path;
    request->query = exchange->target.query;
    return find_route(exchange, refusal) && promise_body(exchange, refusal);
}

/* ---- Receiving ---- */

/* What of the request has not been read yet would be taken for the next one: the connection ends.
 */
static void refuse_now(struct http_exchange *exchange, const struct refusal *refusal)
{
    bool complete = exchange->head_bytes > 0 &&
                    exchange->input.len >= exchange->head_bytes + exchange->head.body_bytes;
    if (!complete || !exchange->head.keep_alive)
        exchange->connection->close = true;
    exchange->held = true;
    http_problem(&exchange->request, refusal->status, refusal->code, refusal->detail);
}

/* The head is copied, for the input may move while the body grows behind it. */
static bool receive_head(struct http_exchange *exchange, struct refusal *refusal)
{
    struct http_request *request = &exchange->request;
    size_t bytes = head_length(buf_str(&exchange->input), refusal);
    if (bytes == 0)
        return false;
    struct str head = {arena_copy(&request->arena, exchange->input.ptr, bytes), bytes};
    return admit(exchange, head, refusal);
}

static void hand_over(struct http_exchange *exchange)
{
    struct http_request *request = &exchange->request;
    struct connection *connection = exchange->connection;
    request->body =
        (struct str){exchange->input.ptr + exchange->head_bytes, exchange->head.body_bytes};
    exchange->held = true;
    connection->phase = PHASE_HANDLING;
    connection->deadline_us = 0;
    connection->close = !exchange->head.keep_alive;
    connection->server->guard(request);
}

bool exchange_receive(struct http_exchange *exchange)
{
    struct refusal refusal = {0};
    if (exchange->head_bytes == 0 && !receive_head(exchange, &refusal)) {
        if (refusal.code)
            refuse_now(exchange, &refusal);
        return !refusal.code;
    }
    if (exchange->input.len < exchange->head_bytes + exchange->head.body_bytes)
        return true;
    hand_over(exchange);
    return false;
}

void http_proceed(struct http_request *request)
{
    if (!request->exchange->connection) /* the server was closed while the guard waited */
        http_answer_empty(request, 503);
    else if (query_fits(request))
        request->route->handler(request);
}
