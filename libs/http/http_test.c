#include "testkit/check.h"

#include <sys/resource.h>
#include <time.h>

#include "http/client_internal.h"
#include "http/http.h"

/* ---- A service of the test's own ---- */

struct thing {
    struct uuid id;
    int32_t number;
    struct str text;
};
static const struct field thing_fields[] = {
    FIELD(thing, id, .required = true),
    FIELD(thing, number, .max = 100),
    FIELD(thing, text, .max = 10),
};
static const struct record thing_record = RECORD(thing, thing_fields);

static struct http_request *held; /* by get_later, to be answered by the test */

static void say(struct http_request *request, const char *text)
{
    http_answer(request, 200, "text/plain", str_from(text));
}

static void get_thing(struct http_request *request)
{
    say(request, arena_printf(&request->arena, "<%.*s|%.*s>", STR_ARG(request->path_values[0]),
                              STR_ARG(request->path_values[1])));
}

static void get_uuid(struct http_request *request)
{
    struct uuid id;
    if (http_path_uuid(request, 0, &id))
        say(request, "known");
}

static void delete_thing(struct http_request *request)
{
    http_answer_empty(request, 204);
}

static void get_query(struct http_request *request)
{
    struct uuid id = http_query_uuid(request, "id");
    struct str name = http_query(request, "name");
    say(request, arena_printf(&request->arena, "<%lld|%d|%d|%u|%s|%.*s>",
                              (long long)http_query_int(request, "limit"), uuid_present(&id),
                              http_query_date(request, "from", (struct date){7}).day,
                              http_query_value(request, "colour"),
                              str_present(name) ? "given" : "absent", STR_ARG(name)));
}

static void get_cookie(struct http_request *request)
{
    struct str value = http_cookie(request, "b");
    http_add_header(request, "X-Back", "one\r\nX-Evil: two");
    say(request,
        arena_printf(&request->arena, "<%.*s|%.*s>", STR_ARG(value), STR_ARG(request->id)));
}

static void post_things(struct http_request *request)
{
    struct batch batch;
    size_t bad = 0;
    if (!http_batch(request, &thing_record, &batch))
        return;
    for (size_t i = 0; i < batch.count; i++)
        bad += batch.bad[i];
    say(request, arena_printf(&request->arena, "<%zu items, %zu bad>", batch.count, bad));
}

static void post_thing(struct http_request *request)
{
    struct thing thing = {0};
    if (http_object(request, &thing_record, &thing))
        http_answer_json(request, 201, &thing_record, &thing);
}

static void post_length(struct http_request *request)
{
    say(request, arena_printf(&request->arena, "<%zu bytes>", request->body.len));
}

static void get_later(struct http_request *request)
{
    held = request;
}

static void get_big(struct http_request *request)
{
    size_t bytes = 3 << 20;
    char *body = arena_alloc(&request->arena, bytes);
    memset(body, 'x', bytes);
    http_answer(request, 200, "text/plain", (struct str){body, bytes});
}

static void get_list(struct http_request *request)
{
    int64_t key = 0;
    bool given;
    if (!http_cursor_read(request, &key, sizeof key, &given))
        return;
    int64_t next = given ? key + 1 : 41;
    const struct thing things[] = {{.id = {{1}}, .number = (int32_t)next}, {.id = {{2}}}};
    struct str cursor = next < 43 ? http_cursor_make(request, &next, sizeof next) : (struct str){0};
    http_answer_list(request, &thing_record, things, 2, cursor);
}

static void get_error(struct http_request *request)
{
    struct err err;
    err_set(&err, (enum error)http_query_int(request, "code"), "the words");
    http_error(request, &err);
}

static void get_other_list(struct http_request *request)
{
    get_list(request);
}

static const struct value colour_names[] = {{"red", 1}, {"blue", 2}};
static const struct values colours = VALUES(colour_names);

static const struct route routes_of_test[] = {
    {HTTP_GET, "/", get_cookie},
    {HTTP_GET, "/v1/things/first", get_cookie},
    {HTTP_GET, "/v1/things/{id}", get_thing},
    {HTTP_DELETE, "/v1/things/{id}", delete_thing},
    {HTTP_GET, "/v1/things/{id}/parts/{part}", get_thing},
    {HTTP_GET, "/v1/uuids/{id}", get_uuid},
    {HTTP_GET, "/v1/query", get_query,
     .query = QUERY(PARAMETER_LIMIT(50), {"id", PARAMETER_UUID}, {"from", PARAMETER_DATE},
                    {"name", PARAMETER_TEXT, .max = 8},
                    {"colour", PARAMETER_VALUE, .values = &colours})},
    {HTTP_GET, "/v1/required", get_cookie,
     .query = QUERY({"name", PARAMETER_TEXT, .required = true, .min = 1, .max = 8})},
    {HTTP_POST, "/v1/things", post_things, .body_bytes = 65536},
    {HTTP_POST, "/v1/thing", post_thing, .body_bytes = 4096},
    {HTTP_POST, "/v1/length", post_length, .body_bytes = 8 << 20},
    {HTTP_GET, "/v1/later", get_later},
    {HTTP_GET, "/v1/big", get_big},
    {HTTP_GET, "/v1/list", get_list,
     .query = QUERY({"kind", PARAMETER_TEXT}, PARAMETER_LIMIT(50), PARAMETER_CURSOR)},
    {HTTP_GET, "/v1/other", get_other_list, .query = QUERY(PARAMETER_CURSOR)},
    {HTTP_GET, "/v1/error", get_error,
     .query = QUERY({"code", PARAMETER_INT, .min = 1, .max = ERROR_COUNT - 1, .absent = 1})},
};

struct world {
    struct loop *loop;
    struct http_server *server;
    char folder[32], path[48];
    struct client client;
};

static void guard(struct http_request *request)
{
    if (str_present(http_header(request, "X-Stranger")))
        http_problem(request, 401, "unauthorized", NULL);
    else if (str_present(http_header(request, "X-Slow-Guard")))
        held = request;
    else
        http_proceed(request);
}

static void serve(struct world *world, int64_t body_timeout_ms)
{
    const struct http_server_options options = {.loop = world->loop,
                                                .socket_path = world->path,
                                                .routes = ROUTES(routes_of_test),
                                                .guard = guard,
                                                .context = world,
                                                .body_timeout_ms = body_timeout_ms,
                                                .most_connections = 3,
                                                .most_body_bytes = 10 << 20};
    struct err err;
    http_server_close(world->server);
    assert_int_equal(http_server_open(&world->server, &options, &err), ERROR_NONE);
}

static int world_new(void **state)
{
    struct world *world = mem_alloc(sizeof *world);
    strcpy(world->folder, "/tmp/eiso-http-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    snprintf(world->path, sizeof world->path, "%s/socket", world->folder);
    world->loop = loop_new();
    serve(world, 5000);
    client_open(&world->client, world->loop, world->path);
    *state = world;
    return 0;
}

static int world_free(void **state)
{
    struct world *world = *state;
    client_close(&world->client);
    http_server_close(world->server);
    loop_free(world->loop);
    unlink(world->path);
    rmdir(world->folder);
    free(world);
    return 0;
}

/* ---- Helpers ---- */

#define HOST "Host: eiso\r\n"

static const char *ask(struct world *world, const char *text)
{
    return client_ask(&world->client, str_from(text), 1);
}

/* Each on a connection of its own, which stays open for what is looked at afterwards. */
static const char *ask_anew(struct world *world, const char *text)
{
    client_close(&world->client);
    client_open(&world->client, world->loop, world->path);
    return ask(world, text);
}

/* The loop sleeps while nothing can be done: no spinning on what is ready but not wanted. */
static bool is_quiet(struct client *client)
{
    clock_t start = clock();
    client_pause(client, 300);
    return clock() - start < CLOCKS_PER_SEC / 50;
}

/* Until the test holds it. */
static void ask_held(struct world *world, const char *text)
{
    held = NULL;
    world->client.unsent = str_from(text);
    for (int i = 0; i < 1000 && !held; i++)
        client_pause(&world->client, 5);
    assert_non_null(held);
}

static void assert_has(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fail_msg("no \"%s\" in:\n%s", part, text ? text : "nothing");
}

static void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("\"%s\" in:\n%s", part, text);
}

static const char *get(struct world *world, const char *target)
{
    CLEANUP(arena_done) struct arena arena = {0};
    return ask_anew(world, arena_printf(&arena, "GET %s HTTP/1.1\r\n" HOST "\r\n", target));
}

static const char *post(struct world *world, const char *target, const char *type, struct str body)
{
    CLEANUP(buf_done) struct buf text = {0};
    buf_printf(&text, "POST %s HTTP/1.1\r\n" HOST "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n",
               target, type, body.len);
    buf_add_str(&text, body);
    client_close(&world->client);
    client_open(&world->client, world->loop, world->path);
    return client_ask(&world->client, buf_str(&text), 1);
}

/* ---- Routes and parameters ---- */

static void a_path_finds_its_route_and_its_values(void **state)
{
    assert_has(get(*state, "/v1/things/abc"), "<abc|>");
    assert_has(get(*state, "/v1/things/a%2Fb%20c%D2%9B/parts/7"), "<a/b cқ|7>");
    assert_has(get(*state, "/v1/things/first"), "X-Back");
    assert_has(get(*state, "/"), "200 OK");
    assert_has(get(*state, "/v1/uuids/01920000-0000-7000-8000-000000000001"), "known");
    assert_has(get(*state, "/v1/uuids/7"), "\"code\":\"not_found\"");
}

static void a_query_is_decoded_and_checked(void **state)
{
    assert_has(get(*state, "/v1/query"), "<50|0|7|0|absent|>");
    assert_has(get(*state, "/v1/query?name=a+b%26c&limit=500&&"), "<500|0|7|0|given|a b&c>");
    assert_has(get(*state, "/v1/query?name&colour=blue"), "<50|0|7|2|given|>");
    assert_has(get(*state, "/v1/query?id=01920000-0000-7000-8000-000000000001&from=0001-01-02"),
               "<50|1|2|0|absent|>");
    assert_has(get(*state, "/v1/query?colour=red&wine=1"),
               "\"detail\":\"there are: limit, id, from, name, colour\"");
    assert_has(get(*state, "/v1/later?when=now"), "\"detail\":\"no parameter is taken here\"");
    assert_has(get(*state, "/v1/query?colour=pink"), "\"detail\":\"colour: one of red, blue\"");
}

static void an_answer_carries_its_headers_and_no_smuggled_ones(void **state)
{
    const char *answer = ask(*state, "GET / HTTP/1.1\r\n" HOST
                                     "Cookie: a=1; b=x=y; bb=3\r\nX-Request-Id: r-1\r\n\r\n");
    assert_has(answer, "<x=y|r-1>");
    assert_has(answer, "Cache-Control: no-store\r\n");
    assert_has(answer, "X-Content-Type-Options: nosniff\r\n");
    assert_has(answer, "X-Back: one  X-Evil: two\r\n");
}

static void the_guard_stands_before_the_handler(void **state)
{
    const char *answer = ask(*state, "GET / HTTP/1.1\r\n" HOST "X-Stranger: 1\r\n\r\n");
    assert_has(answer, "401 Unauthorized");
    assert_has(answer, "application/problem+json");
}

/* ---- Refusals ---- */

static const struct {
    const char *request;
    int status;
    const char *code;
} refused[] = {
    {"GET /nothing HTTP/1.1\r\n" HOST "\r\n", 404, "no_such_path"},
    {"GET /v1/things HTTP/1.1\r\n" HOST "\r\n", 405, "method_not_allowed"},
    {"GET /v1/things/ HTTP/1.1\r\n" HOST "\r\n", 404, "no_such_path"},
    {"GET //v1/things/1 HTTP/1.1\r\n" HOST "\r\n", 404, "no_such_path"},
    {"PUT /v1/things/1 HTTP/1.1\r\n" HOST "\r\n", 405, "method_not_allowed"},
    {"HEAD / HTTP/1.1\r\n" HOST "\r\n", 405, "method_not_allowed"},
    {"BREW / HTTP/1.1\r\n" HOST "\r\n", 405, "method_not_allowed"},
    {"get / HTTP/1.1\r\n" HOST "\r\n", 405, "method_not_allowed"},
    {"GET / HTTP/2.0\r\n" HOST "\r\n", 505, "bad_request"},
    {"GET  / HTTP/1.1\r\n" HOST "\r\n", 400, "bad_request"},
    {"GET /\r\n" HOST "\r\n", 400, "bad_request"},
    {"\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 400, "bad_request"},
    {"GET http://other/ HTTP/1.1\r\n" HOST "\r\n", 400, "bad_request"},
    {"GET * HTTP/1.1\r\n" HOST "\r\n", 400, "bad_request"},
    {"GET /#x HTTP/1.1\r\n" HOST "\r\n", 400, "bad_request"},
    {"GET /\xd2\x9b HTTP/1.1\r\n" HOST "\r\n", 400, "bad_request"},
    {"GET / HTTP/1.1\r\n\r\n", 400, "bad_request"},
    {"GET / HTTP/1.1\n" HOST "\n", 400, "bad_request"},
    {"GET / HTTP/1.1\r\nX: a\nY: b\r\n" HOST "\r\n", 400, "bad_request"},
    {"GET / HTTP/1.1\r\nX: a\rY: b\r\n" HOST "\r\n", 400, "bad_request"},
    {"GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400, "bad_request"},
    {"GET / HTTP/1.1\r\n" HOST "X : 1\r\n\r\n", 400, "bad_request"},
    {"GET / HTTP/1.1\r\n" HOST "X: 1\r\n folded\r\n\r\n", 400, "bad_request"},
    {"GET / HTTP/1.1\r\n" HOST "X\r\n\r\n", 400, "bad_request"},
    {"GET / HTTP/1.1\r\n" HOST "X: \x01\r\n\r\n", 400, "bad_request"},
    {"GET / HTTP/1.1\r\n" HOST "Cookie: a=1\r\nCookie: b=1\r\n\r\n", 400, "bad_request"},
    {"GET / HTTP/1.1\r\n" HOST "Authorization: a\r\nauthorization: b\r\n\r\n", 400, "bad_request"},
    {"POST /v1/things HTTP/1.1\r\n" HOST "Content-Length: 2\r\nContent-Length: 3\r\n\r\n[]", 400,
     "bad_request"},
    {"POST /v1/things HTTP/1.1\r\n" HOST "Content-Length: +2\r\n\r\n[]", 400, "bad_request"},
    {"POST /v1/things HTTP/1.1\r\n" HOST "Content-Length: -2\r\n\r\n[]", 400, "bad_request"},
    {"POST /v1/things HTTP/1.1\r\n" HOST "Content-Length: 2, 2\r\n\r\n[]", 400, "bad_request"},
    {"POST /v1/things HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n[]", 400,
     "bad_request"},
    {"POST /v1/things HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n[]", 400, "bad_request"},
    {"POST /v1/things HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
     "bad_request"},
    {"POST /v1/things HTTP/1.1\r\n" HOST
     "Content-Length: 2\r\nTransfer-Encoding: gzip, chunked\r\n\r\n[]",
     400, "bad_request"},
    {"POST /v1/things HTTP/1.1\r\n" HOST "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n", 417,
     "bad_request"},
    {"POST /v1/things HTTP/1.1\r\n" HOST "Content-Length: 65537\r\n\r\n", 413, "body_too_large"},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx", 413, "body_too_large"},
    {"GET /v1/things/.. HTTP/1.1\r\n" HOST "\r\n", 400, "bad_request"},
    {"GET /v1/things/%2e%2E HTTP/1.1\r\n" HOST "\r\n", 400, "bad_request"},
    {"GET /v1/./things/1 HTTP/1.1\r\n" HOST "\r\n", 400, "bad_request"},
    {"GET /v1/things/a%00b HTTP/1.1\r\n" HOST "\r\n", 400, "bad_request"},
    {"GET /v1/things/a%0Ab HTTP/1.1\r\n" HOST "\r\n", 400, "bad_request"},
    {"GET /v1/things/a%4 HTTP/1.1\r\n" HOST "\r\n", 400, "bad_request"},
    {"GET /v1/things/a%zz HTTP/1.1\r\n" HOST "\r\n", 400, "bad_request"},
    {"GET /v1/things/a%ff HTTP/1.1\r\n" HOST "\r\n", 400, "bad_request"},
    {"GET /1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17 HTTP/1.1\r\n" HOST "\r\n", 400, "bad_request"},
    {"GET /v1/query?a=1&a=2 HTTP/1.1\r\n" HOST "\r\n", 400, "bad_parameter"},
    {"GET /v1/query?a=%00 HTTP/1.1\r\n" HOST "\r\n", 400, "bad_parameter"},
    {"GET /v1/query?a=% HTTP/1.1\r\n" HOST "\r\n", 400, "bad_parameter"},
    {"GET /v1/query?limit=0 HTTP/1.1\r\n" HOST "\r\n", 400, "bad_parameter"},
    {"GET /v1/query?limit=501 HTTP/1.1\r\n" HOST "\r\n", 400, "bad_parameter"},
    {"GET /v1/query?limit= HTTP/1.1\r\n" HOST "\r\n", 400, "bad_parameter"},
    {"GET /v1/query?id=7 HTTP/1.1\r\n" HOST "\r\n", 400, "bad_parameter"},
    {"GET /v1/query?from=2026-02-30 HTTP/1.1\r\n" HOST "\r\n", 400, "bad_parameter"},
    {"GET /v1/query?name=123456789 HTTP/1.1\r\n" HOST "\r\n", 400, "bad_parameter"},
    {"GET /v1/query?colour=Red HTTP/1.1\r\n" HOST "\r\n", 400, "bad_parameter"},
    {"GET /v1/query?Limit=5 HTTP/1.1\r\n" HOST "\r\n", 400, "bad_parameter"},
    {"GET /v1/required HTTP/1.1\r\n" HOST "\r\n", 400, "bad_parameter"},
    {"GET /v1/required?name= HTTP/1.1\r\n" HOST "\r\n", 400, "bad_parameter"},
    {"POST /v1/length?x=1 HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 400, "bad_parameter"},
    {"GET /v1/list?cursor= HTTP/1.1\r\n" HOST "\r\n", 400, "bad_cursor"},
    {"GET /v1/list?cursor=AAAAAAAAAAAAAAAAAAAAAA HTTP/1.1\r\n" HOST "\r\n", 400, "bad_cursor"},
};

static void what_two_readers_could_read_differently_is_refused(void **state)
{
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        CLEANUP(arena_done) struct arena arena = {0};
        const char *answer = ask_anew(*state, refused[i].request);
        const char *status = arena_printf(&arena, "HTTP/1.1 %d ", refused[i].status);
        if (strncmp(answer, status, strlen(status)) != 0)
            fail_msg("%s\n got instead of %d:\n%s", refused[i].request, refused[i].status, answer);
        assert_has(answer, arena_printf(&arena, "\"code\":\"%s\"", refused[i].code));
        assert_has(answer, "Content-Type: application/problem+json\r\n");
        assert_has(answer, "Cache-Control: no-store\r\n");
        assert_int_not_equal(i18n_find("problem", str_from(refused[i].code)), MESSAGE_NONE);
    }
}

static void a_method_that_is_not_allowed_is_told_which_are(void **state)
{
    assert_has(ask_anew(*state, "POST /v1/things/1 HTTP/1.1\r\n" HOST "\r\n"),
               "Allow: GET, DELETE\r\n");
}

static void a_header_over_16_KiB_is_refused(void **state)
{
    CLEANUP(buf_done) struct buf text = {0};
    buf_add_text(&text, "GET / HTTP/1.1\r\n" HOST "X: ");
    while (text.len < 17000)
        buf_add_char(&text, 'x');
    buf_add_text(&text, "\r\n\r\n");
    struct world *world = *state;
    const char *answer = client_ask(&world->client, buf_str(&text), 1);
    assert_has(answer, "431 ");
    assert_has(answer, "\"code\":\"header_too_large\"");
}

static void more_than_64_headers_are_refused(void **state)
{
    CLEANUP(buf_done) struct buf text = {0};
    buf_add_text(&text, "GET / HTTP/1.1\r\n" HOST "Accept-Language: ru\r\n");
    for (int i = 0; i < 64; i++)
        buf_add_text(&text, "X: x\r\n");
    buf_add_text(&text, "\r\n");
    struct world *world = *state;
    const char *answer = client_ask(&world->client, buf_str(&text), 1);
    assert_has(answer, "\"code\":\"header_too_large\"");
    assert_has(answer, "Content-Language: ru\r\n");
}

static void a_NUL_in_the_head_is_refused(void **state)
{
    struct world *world = *state;
    assert_has(client_ask(&world->client, STR("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n"), 1),
               "400 Bad Request");
}

/* ---- Connections ---- */

static void requests_sent_at_once_are_answered_in_order(void **state)
{
    struct world *world = *state;
    const char *answer =
        client_ask(&world->client,
                   STR("GET /v1/things/1 HTTP/1.1\r\n" HOST "\r\n"
                       "POST /v1/length HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"
                       "GET /nothing HTTP/1.1\r\n" HOST "\r\n"
                       "GET /v1/things/2 HTTP/1.1\r\n" HOST "\r\n"),
                   4);
    const char *first = strstr(answer, "<1|>");
    const char *second = strstr(answer, "<3 bytes>");
    const char *third = strstr(answer, "no_such_path");
    const char *last = strstr(answer, "<2|>");
    assert_true(first && second && third && last && first < second && second < third &&
                third < last);
    assert_lacks(answer, "Connection: close");
    assert_false(world->client.closed);
}

static void a_request_in_single_bytes_is_one_request(void **state)
{
    struct world *world = *state;
    static const char text[] = "POST /v1/length HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc";
    for (size_t i = 0; i + 1 < sizeof text - 1; i++) {
        assert_int_equal(send(world->client.fd, text + i, 1, MSG_NOSIGNAL), 1);
        client_pause(&world->client, 1);
    }
    assert_has(client_ask(&world->client, STR("c"), 1), "<3 bytes>");
}

static void a_connection_ends_when_the_client_says_so(void **state)
{
    struct world *world = *state;
    const char *answer =
        client_ask(&world->client, STR("GET / HTTP/1.1\r\n" HOST "Connection: Close\r\n\r\n"), 2);
    assert_has(answer, "Connection: close\r\n");
    assert_true(world->client.closed);
    ask_anew(world, "GET / HTTP/1.0\r\n" HOST "\r\n");
    client_ask(&world->client, STR(""), 1);
    assert_true(world->client.closed);
}

static void a_refused_body_ends_the_connection_after_its_answer_was_read(void **state)
{
    struct world *world = *state;
    CLEANUP(buf_done) struct buf text = {0};
    buf_add_text(&text, "POST /v1/things HTTP/1.1\r\n" HOST "Content-Length: 3000000\r\n\r\n");
    size_t head = text.len;
    buf_reserve(&text, 3000000);
    memset(text.ptr + head, 'x', 3000000);
    text.len += 3000000;
    const char *answer = client_ask(&world->client, buf_str(&text), 2);
    assert_has(answer, "413 ");
    assert_has(answer, "Connection: close\r\n");
    assert_false(world->client.broken);
    assert_true(world->client.closed);
    assert_int_equal(client_answers(&world->client), 1);
}

static void large_bodies_and_answers_pass(void **state)
{
    CLEANUP(buf_done) struct buf body = {0};
    buf_reserve(&body, 8 << 20);
    memset(body.ptr, 'x', 8 << 20);
    body.len = 8 << 20;
    assert_has(post(*state, "/v1/length", "text/plain", buf_str(&body)), "<8388608 bytes>");
    get(*state, "/v1/big");
    struct world *world = *state;
    assert_true(world->client.got.len > 3 << 20);
}

static void bodies_beyond_what_the_server_may_hold_are_put_off(void **state)
{
    struct world *world = *state;
    struct client other;
    client_open(&other, world->loop, world->path);
    other.unsent = STR("POST /v1/length HTTP/1.1\r\n" HOST "Content-Length: 8000000\r\n\r\n");
    client_pause(&other, 20);
    const char *answer =
        ask(world, "POST /v1/length HTTP/1.1\r\n" HOST "Content-Length: 8000000\r\n\r\n");
    assert_has(answer, "503 ");
    assert_has(answer, "Retry-After: 5\r\n");
    assert_has(ask_anew(world, "POST /v1/length HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"),
               "<3 bytes>");
    client_close(&other);
    client_pause(&world->client, 20); /* the other one's promise is given back */
    CLEANUP(buf_done) struct buf body = {0};
    buf_reserve(&body, 8000000);
    memset(body.ptr, 'x', 8000000);
    body.len = 8000000;
    assert_has(post(world, "/v1/length", "text/plain", buf_str(&body)), "<8000000 bytes>");
}

static void a_request_that_dribbles_is_cut_at_its_deadline(void **state)
{
    struct world *world = *state;
    static const char text[] = "POST /v1/length HTTP/1.1\r\n" HOST "Content-Length: 300\r\n\r\n";
    int64_t start = clock_monotonic();
    serve(world, 200); /* in the place of the other one */
    client_close(&world->client);
    client_open(&world->client, world->loop, world->path);
    world->client.unsent = str_from(text);
    world->client.wanted = 1;
    for (int i = 0; i < 100 && client_answers(&world->client) == 0; i++) {
        client_pause(&world->client, 10);
        send(world->client.fd, "x", 1, MSG_NOSIGNAL); /* never silent for long */
    }
    assert_has(world->client.got.ptr, "408 Request Timeout");
    assert_has(world->client.got.ptr, "\"code\":\"timeout\"");
    assert_in_range(clock_monotonic() - start, 190000, 2000000);
}

static void a_client_that_goes_while_its_answer_is_awaited_does_no_harm(void **state)
{
    struct world *world = *state;
    ask_held(world, "GET /v1/later HTTP/1.1\r\n" HOST "\r\n");
    client_close(&world->client);
    client_open(&world->client, world->loop, world->path);
    client_pause(&world->client, 20);
    assert_true(str_equal(held->path, STR("/v1/later"))); /* it lives */
    say(held, "nobody hears it");
    assert_has(ask(world, "GET /v1/things/1 HTTP/1.1\r\n" HOST "\r\n"), "<1|>");
}

static void a_client_that_goes_in_the_middle_does_no_harm(void **state)
{
    struct world *world = *state;
    world->client.unsent = STR("POST /v1/length HTTP/1.1\r\n" HOST "Content-Length: 30\r\n\r\nx");
    client_pause(&world->client, 20);
    assert_has(get(world, "/v1/things/1"), "<1|>");
    world->client.unsent = STR("GET /v1/big HTTP/1.1\r\n" HOST "\r\n");
    world->client.asleep = true; /* the answer does not fit into the socket */
    client_pause(&world->client, 20);
    assert_has(get(world, "/v1/things/1"), "<1|>");
}

static void what_comes_while_a_handler_works_is_read_afterwards(void **state)
{
    struct world *world = *state;
    ask_held(world, "GET /v1/later HTTP/1.1\r\n" HOST "\r\n");
    world->client.unsent = STR("GET /v1/things/2 HTTP/1.1\r\n" HOST "\r\n");
    assert_true(is_quiet(&world->client));
    assert_int_equal(world->client.got.len, 0);
    say(held, "<first>");
    const char *answer = client_ask(&world->client, STR(""), 2);
    assert_true(strstr(answer, "<first>") < strstr(answer, "<2|>"));
}

static void a_held_request_outlives_the_server(void **state)
{
    struct world *world = *state;
    ask_held(world, "GET /v1/later HTTP/1.1\r\n" HOST "\r\n");
    http_server_close(world->server);
    world->server = NULL;
    http_add_header(held, "X", "y");
    http_problem(held, 503, "unavailable", NULL); /* frees it */
}

static void a_guard_may_take_its_time(void **state)
{
    struct world *world = *state;
    ask_held(world, "GET /v1/things/1 HTTP/1.1\r\n" HOST "X-Slow-Guard: 1\r\n\r\n");
    http_proceed(held);
    assert_has(client_ask(&world->client, STR(""), 1), "<1|>");
    ask_held(world, "GET /v1/later HTTP/1.1\r\n" HOST "X-Slow-Guard: 1\r\n\r\n");
    http_server_close(world->server);
    world->server = NULL;
    struct http_request *waited = held;
    held = NULL;
    http_proceed(waited);
    assert_null(held); /* the handler was not called any more */
}

static void beyond_the_limit_clients_wait_until_others_go(void **state)
{
    struct world *world = *state;
    struct client more[3];
    ask(world, "GET /v1/things/1 HTTP/1.1\r\n" HOST "\r\n");
    for (int i = 0; i < 3; i++)
        client_open(&more[i], world->loop, world->path);
    for (int i = 0; i < 2; i++)
        client_ask(&more[i], STR("GET /v1/things/1 HTTP/1.1\r\n" HOST "\r\n"), 1);
    more[2].unsent = STR("GET /v1/things/2 HTTP/1.1\r\n" HOST "\r\n");
    client_pause(&more[2], 50);
    assert_int_equal(more[2].got.len, 0);
    client_close(&more[0]);
    client_expect(&more[2], "", "<2|>");
    client_close(&more[1]);
    client_close(&more[2]);
}

static void a_server_without_descriptors_accepts_when_it_has_some_again(void **state)
{
    struct world *world = *state;
    struct rlimit before, none;
    struct client other;
    ask(world, "GET /v1/things/1 HTTP/1.1\r\n" HOST "\r\n");
    client_open(&other, world->loop, world->path);
    other.unsent = STR("GET /v1/things/2 HTTP/1.1\r\n" HOST "\r\n");
    getrlimit(RLIMIT_NOFILE, &before);
    none = (struct rlimit){(rlim_t)other.fd + 1, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    bool quiet = is_quiet(&other);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(other.got.len, 0);
    assert_true(quiet);
    assert_has(client_ask(&other, STR(""), 1), "<2|>");
    client_close(&other);
}

static void note_drained(void *context)
{
    *(bool *)context = true;
}

static void a_drain_answers_what_is_under_way_and_takes_nothing_more(void **state)
{
    struct world *world = *state;
    struct client idle;
    bool drained = false;
    client_open(&idle, world->loop, world->path);
    client_ask(&idle, STR("GET / HTTP/1.1\r\n" HOST "\r\n"), 1);
    ask_held(world, "GET /v1/later HTTP/1.1\r\n" HOST "\r\n");
    http_server_drain(world->server, note_drained, &drained);
    client_ask(&idle, STR(""), 1);
    assert_true(idle.closed);
    assert_false(drained);
    say(held, "<done>");
    const char *answer = client_ask(&world->client, STR(""), 2);
    assert_has(answer, "<done>");
    assert_has(answer, "Connection: close\r\n");
    close(world->client.fd);
    world->client.fd = -1;
    client_pause(&idle, 50);
    assert_true(drained);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", world->path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_not_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    client_close(&idle);
}

/* ---- Bodies ---- */

#define ID "01920000-0000-7000-8000-000000000001"

static void a_batch_comes_in_three_formats(void **state)
{
    static const char msgpack[] =
        "\x92\x81\xa2id\xd9\x24" ID "\x82\xa2id\xd9\x24" ID "\xa6number\xcc\xff";
    assert_has(post(*state, "/v1/things", "application/json; charset=UTF-8",
                    STR("[{\"id\":\"" ID "\"},{\"number\":101}]")),
               "<2 items, 1 bad>");
    assert_has(post(*state, "/v1/things", "application/x-ndjson",
                    STR("{\"id\":\"" ID "\"}\n\n{\"id\":\"" ID "\"}\n")),
               "<2 items, 0 bad>");
    assert_has(post(*state, "/v1/things", "application/vnd.msgpack",
                    (struct str){msgpack, sizeof msgpack - 1}),
               "<2 items, 1 bad>");
}

static void a_body_that_is_no_batch_is_refused_with_its_place(void **state)
{
    const char *answer = post(*state, "/v1/things", "application/json", STR("[{\n{"));
    assert_has(answer, "400 ");
    assert_has(answer, "\"code\":\"bad_json\"");
    assert_has(answer, "\"detail\":\"line 2, byte ");
    assert_has(post(*state, "/v1/things", "application/json", STR("{\"id\":1}")),
               "\"code\":\"batch_expected\"");
    assert_has(post(*state, "/v1/things", "application/vnd.msgpack", STR("\x92")),
               "\"code\":\"bad_msgpack\"");
    assert_has(post(*state, "/v1/things", "text/csv", STR("[]")),
               "\"code\":\"unsupported_media_type\"");
    assert_has(post(*state, "/v1/things", "application/json; charset=koi8-r", STR("[]")), "415 ");
}

static void one_object_is_read_and_shown(void **state)
{
    const char *answer =
        post(*state, "/v1/thing", "application/json", STR("{\"id\":\"" ID "\",\"text\":\"қа\"}"));
    assert_has(answer, "201 Created");
    assert_has(answer, "\"text\":\"қа\"");
    answer = post(*state, "/v1/thing", "application/json", STR("{\"number\":101}"));
    assert_has(answer, "422 ");
    assert_has(answer, "\"pointer\":\"/number\",\"code\":\"above_maximum\",\"title\":\"");
    assert_has(answer, "\"pointer\":\"/id\",\"code\":\"missing\"");
}

/* ---- Problems ---- */

static void a_problem_speaks_the_readers_language(void **state)
{
    static const struct {
        const char *accept, *code;
        enum language language;
    } spoken[] = {{"ru-KZ,ru;q=0.9", "ru", LANGUAGE_RU},
                  {"en", "en", LANGUAGE_EN},
                  {"kk", "kk", LANGUAGE_KK},
                  {"fr", "kk", LANGUAGE_KK}};
    for (size_t i = 0; i < COUNT_OF(spoken); i++) {
        CLEANUP(arena_done) struct arena arena = {0};
        const char *answer =
            ask_anew(*state, arena_printf(&arena,
                                          "GET /x HTTP/1.1\r\n" HOST
                                          "X-Request-Id: r7\r\nAccept-Language: %s\r\n\r\n",
                                          spoken[i].accept));
        struct str title = i18n_text(spoken[i].language, MESSAGE_PROBLEM_NO_SUCH_PATH);
        assert_has(answer, arena_printf(&arena, "Content-Language: %s\r\n", spoken[i].code));
        assert_has(answer, arena_printf(&arena, "\"title\":\"%.*s\"", STR_ARG(title)));
        assert_has(answer, "\"type\":\"/problems/no_such_path\",\"status\":404,");
        assert_has(answer, "\"request_id\":\"r7\"");
    }
}

static void every_error_has_a_title(void **state)
{
    for (int code = 1; code < ERROR_COUNT; code++) {
        const char *name = error_info((enum error)code)->name;
        if (i18n_find("problem", str_from(name)) == MESSAGE_NONE)
            fail_msg("problem.%s", name);
    }
    (void)state;
}

static void an_error_becomes_a_problem_that_says_what_follows(void **state)
{
    CLEANUP(arena_done) struct arena arena = {0};
    const char *answer = get(*state, arena_printf(&arena, "/v1/error?code=%d", ERROR_BUSY));
    assert_has(answer, "429 Too Many Requests");
    assert_has(answer, "Retry-After: 1\r\n");
    assert_has(answer, "the words");
    answer = get(*state, arena_printf(&arena, "/v1/error?code=%d", ERROR_UNKNOWN));
    assert_has(answer, "503 Service Unavailable");
    assert_has(answer, "Retry-After: 5\r\n");
    assert_has(answer, "\"code\":\"outcome_unknown\"");
    assert_lacks(answer, "the words"); /* what went wrong inside is nobody's business */
}

/* ---- Lists ---- */

static char *between(const char *text, const char *before, const char *after, struct arena *arena)
{
    const char *start = strstr(text, before);
    assert_non_null(start);
    start += strlen(before);
    const char *end = strstr(start, after);
    assert_non_null(end);
    return arena_copy(arena, start, (size_t)(end - start));
}

static void a_list_is_walked_by_its_links(void **state)
{
    CLEANUP(arena_done) struct arena arena = {0};
    const char *answer = get(*state, "/v1/list?kind=%20&limit=2");
    assert_has(answer, "{\"items\":[{\"id\":\"01");
    const char *link = between(answer, "Link: <", ">; rel=\"next\"\r\n", &arena);
    const char *next = between(answer, "\"next\":\"", "\"", &arena);
    assert_string_equal(link, arena_printf(&arena, "/v1/list?kind=%%20&limit=2&cursor=%s", next));
    answer = get(*state, link);
    assert_has(answer, "\"number\":42");
    link = between(answer, "Link: <", ">; rel=\"next\"\r\n", &arena);
    answer = get(*state, link);
    assert_has(answer, "\"number\":43");
    assert_lacks(answer, "Link: ");
    assert_lacks(answer, "\"next\"");
}

static void a_cursor_that_was_changed_or_made_elsewhere_is_refused(void **state)
{
    CLEANUP(arena_done) struct arena arena = {0};
    char *cursor = between(get(*state, "/v1/list"), "\"next\":\"", "\"", &arena);
    assert_has(get(*state, arena_printf(&arena, "/v1/other?cursor=%s", cursor)),
               "\"code\":\"bad_cursor\"");
    for (size_t i = 0; cursor[i]; i++) {
        char was = cursor[i];
        cursor[i] = was == 'B' ? 'C' : 'B';
        assert_has(get(*state, arena_printf(&arena, "/v1/list?cursor=%s", cursor)),
                   "\"code\":\"bad_cursor\"");
        cursor[i] = was;
    }
    cursor[strlen(cursor) - 1] = '\0';
    assert_has(get(*state, arena_printf(&arena, "/v1/list?cursor=%s", cursor)),
               "\"code\":\"bad_cursor\"");
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_new, world_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(a_path_finds_its_route_and_its_values),
        IN_WORLD(a_query_is_decoded_and_checked),
        IN_WORLD(an_answer_carries_its_headers_and_no_smuggled_ones),
        IN_WORLD(the_guard_stands_before_the_handler),
        IN_WORLD(what_two_readers_could_read_differently_is_refused),
        IN_WORLD(a_method_that_is_not_allowed_is_told_which_are),
        IN_WORLD(a_header_over_16_KiB_is_refused),
        IN_WORLD(more_than_64_headers_are_refused),
        IN_WORLD(a_NUL_in_the_head_is_refused),
        IN_WORLD(requests_sent_at_once_are_answered_in_order),
        IN_WORLD(a_request_in_single_bytes_is_one_request),
        IN_WORLD(a_connection_ends_when_the_client_says_so),
        IN_WORLD(a_refused_body_ends_the_connection_after_its_answer_was_read),
        IN_WORLD(large_bodies_and_answers_pass),
        IN_WORLD(bodies_beyond_what_the_server_may_hold_are_put_off),
        IN_WORLD(a_request_that_dribbles_is_cut_at_its_deadline),
        IN_WORLD(a_client_that_goes_while_its_answer_is_awaited_does_no_harm),
        IN_WORLD(a_client_that_goes_in_the_middle_does_no_harm),
        IN_WORLD(what_comes_while_a_handler_works_is_read_afterwards),
        IN_WORLD(a_held_request_outlives_the_server),
        IN_WORLD(a_guard_may_take_its_time),
        IN_WORLD(beyond_the_limit_clients_wait_until_others_go),
        IN_WORLD(a_server_without_descriptors_accepts_when_it_has_some_again),
        IN_WORLD(a_drain_answers_what_is_under_way_and_takes_nothing_more),
        IN_WORLD(a_batch_comes_in_three_formats),
        IN_WORLD(a_body_that_is_no_batch_is_refused_with_its_place),
        IN_WORLD(one_object_is_read_and_shown),
        IN_WORLD(a_problem_speaks_the_readers_language),
        TEST(every_error_has_a_title),
        IN_WORLD(an_error_becomes_a_problem_that_says_what_follows),
        IN_WORLD(a_list_is_walked_by_its_links),
        IN_WORLD(a_cursor_that_was_changed_or_made_elsewhere_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
