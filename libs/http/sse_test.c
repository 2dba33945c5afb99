#include "testkit/check.h"

#include "http/client_internal.h"
#include "http/sse.h"

struct world {
    struct loop *loop;
    struct http_server *server;
    char folder[32], path[48];
    struct client client;
    struct sse *sse; /* the last one opened */
    int opened, closed;
    bool drains; /* while a stream is being opened */
    bool drained;
    char resumed_from[64];
};

static void stream_closed(struct sse *sse, void *context)
{
    struct world *world = context;
    world->closed++;
    if (world->sse == sse)
        world->sse = NULL;
}

static void note_drained(void *context)
{
    *(bool *)context = true;
}

static void get_stream(struct http_request *request)
{
    struct world *world = request->server;
    struct str from = sse_resume_from(request);
    snprintf(world->resumed_from, sizeof world->resumed_from, "%s%.*s",
             str_present(from) ? "" : "absent", STR_ARG(from));
    world->opened++;
    if (world->drains)
        http_server_drain(world->server, note_drained, &world->drained);
    world->sse = sse_open(request, stream_closed, world);
}

static void get_plain(struct http_request *request)
{
    http_answer(request, 200, "text/plain", STR("<plain>"));
}

static const struct route stream_routes[] = {
    {HTTP_GET, "/v1/stream", get_stream, .stream = true, .query = QUERY({"after", PARAMETER_TEXT})},
    {HTTP_GET, "/v1/plain", get_plain},
};

static void serve(struct world *world, int64_t ping_ms)
{
    const struct http_server_options options = {.loop = world->loop,
                                                .socket_path = world->path,
                                                .routes = ROUTES(stream_routes),
                                                .context = world,
                                                .ping_ms = ping_ms};
    struct err err;
    http_server_close(world->server);
    assert_int_equal(http_server_open(&world->server, &options, &err), ERROR_NONE);
}

static int world_new(void **state)
{
    struct world *world = mem_alloc(sizeof *world);
    strcpy(world->folder, "/tmp/eiso-sse-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    snprintf(world->path, sizeof world->path, "%s/socket", world->folder);
    world->loop = loop_new();
    serve(world, 0);
    client_open(&world->client, world->loop, world->path);
    *state = world;
    return 0;
}

static int world_free(void **state)
{
    struct world *world = *state;
    client_close(&world->client);
    http_server_close(world->server);
    assert_int_equal(world->closed, world->opened); /* each was told, once */
    loop_free(world->loop);
    unlink(world->path);
    rmdir(world->folder);
    free(world);
    return 0;
}

#define SUBSCRIBE "GET /v1/stream HTTP/1.1\r\nHost: eiso\r\n\r\n"

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no \"%s\" in:\n%s", part, text);
}

static struct sse_frame *frame_of_bytes(size_t bytes)
{
    char *data = mem_alloc(bytes);
    memset(data, 'x', bytes);
    struct sse_frame *frame = sse_frame_new((struct str){0}, NULL, (struct str){data, bytes});
    free(data);
    return frame;
}

static void a_stream_begins_and_carries_frames(void **state)
{
    struct world *world = *state;
    const char *got = client_expect(&world->client, SUBSCRIBE, "retry: 3000\n\n");
    assert_has(got, "HTTP/1.1 200 OK\r\n");
    assert_has(got, "Content-Type: text/event-stream\r\n");
    assert_has(got, "Cache-Control: no-store\r\n");
    assert_has(got, "X-Accel-Buffering: no\r\n");
    struct sse_frame *full = sse_frame_new(STR("1.2.3"), "mark", STR("{\"a\":\"қ\"}"));
    struct sse_frame *bare = sse_frame_new((struct str){0}, NULL, STR("x"));
    sse_send(world->sse, full);
    sse_send(world->sse, bare);
    sse_frame_free(full);
    sse_frame_free(bare);
    assert_has(client_expect(&world->client, "", "data: x\n\n"),
               "retry: 3000\n\nid: 1.2.3\nevent: mark\ndata: {\"a\":\"қ\"}\n\ndata: x\n\n");
    assert_int_equal(sse_waiting_bytes(world->sse), 0);
}

static void a_reader_says_where_it_was(void **state)
{
    struct world *world = *state;
    client_expect(&world->client, SUBSCRIBE, "retry");
    assert_string_equal(world->resumed_from, "absent");
    client_close(&world->client);
    client_open(&world->client, world->loop, world->path);
    client_expect(&world->client, "GET /v1/stream?after=1.2 HTTP/1.1\r\nHost: eiso\r\n\r\n",
                  "retry");
    assert_string_equal(world->resumed_from, "1.2");
    client_close(&world->client);
    client_open(&world->client, world->loop, world->path);
    client_expect(&world->client,
                  "GET /v1/stream?after=1.2 HTTP/1.1\r\nHost: eiso\r\nLast-Event-ID: 1.3\r\n\r\n",
                  "retry");
    assert_string_equal(world->resumed_from, "1.3");
}

static void a_ping_goes_to_all_again_and_again(void **state)
{
    struct world *world = *state;
    serve(world, 20);
    client_close(&world->client);
    client_open(&world->client, world->loop, world->path);
    struct client other;
    client_open(&other, world->loop, world->path);
    client_expect(&other, SUBSCRIBE, "retry");
    client_expect(&world->client, SUBSCRIBE, ": ping\n\n: ping\n\n: ping\n\n");
    assert_has(other.got.ptr, ": ping\n\n: ping\n\n");
    client_close(&other);
}

static void a_reader_that_sleeps_is_cut_off_and_the_others_get_all(void **state)
{
    struct world *world = *state;
    struct client sleeper;
    client_open(&sleeper, world->loop, world->path);
    client_expect(&sleeper, SUBSCRIBE, "retry");
    struct sse *slow = world->sse;
    client_expect(&world->client, SUBSCRIBE, "retry");
    struct sse *quick = world->sse;
    sleeper.asleep = true;
    client_pause(&sleeper, 1);
    struct sse_frame *frame = frame_of_bytes(8000);
    size_t most = 0, sent = 0;
    while (world->closed == 0) {
        assert_true(++sent < 200);
        sse_send(slow, frame);
        if (world->closed == 0)
            most = MAX_OF(most, sse_waiting_bytes(slow));
        sse_send(quick, frame);
        client_pause(&world->client, 1);
    }
    sse_frame_free(frame); /* though somebody may still wait for it */
    assert_in_range(most, 50000, 65536);
    client_pause(&world->client, 20);
    assert_true(world->client.got.len > sent * 8000);
    assert_false(world->client.closed);
    client_close(&sleeper);
}

static void a_reader_that_takes_nothing_between_pings_is_cut_off(void **state)
{
    struct world *world = *state;
    serve(world, 30);
    client_close(&world->client);
    client_open(&world->client, world->loop, world->path);
    client_expect(&world->client, SUBSCRIBE, "retry");
    world->client.asleep = true;
    struct sse_frame *frame = frame_of_bytes(8000);
    client_pause(&world->client, 1);
    while (sse_waiting_bytes(world->sse) == 0)
        sse_send(world->sse, frame);
    sse_frame_free(frame);
    client_pause(&world->client, 500);
    assert_int_equal(world->closed, 1);
}

static void a_reader_that_wakes_in_time_gets_all(void **state)
{
    struct world *world = *state;
    client_expect(&world->client, SUBSCRIBE, "retry");
    world->client.asleep = true;
    client_pause(&world->client, 1);
    struct sse_frame *frame = frame_of_bytes(8000);
    size_t sent = 0;
    for (; sse_waiting_bytes(world->sse) < 40000; sent++)
        sse_send(world->sse, frame);
    struct sse_frame *last = sse_frame_new((struct str){0}, NULL, STR("last"));
    sse_send(world->sse, last);
    sse_frame_free(frame);
    sse_frame_free(last);
    world->client.asleep = false;
    client_expect(&world->client, "", "data: last\n\n");
    assert_true(world->client.got.len > sent * 8000);
    assert_int_equal(sse_waiting_bytes(world->sse), 0);
}

static void a_closed_stream_sends_what_waits_first(void **state)
{
    struct world *world = *state;
    client_expect(&world->client, SUBSCRIBE, "retry");
    world->client.asleep = true;
    client_pause(&world->client, 1);
    struct sse_frame *frame = frame_of_bytes(8000);
    while (sse_waiting_bytes(world->sse) == 0)
        sse_send(world->sse, frame);
    struct sse_frame *last = sse_frame_new((struct str){0}, NULL, STR("last"));
    sse_send(world->sse, last);
    sse_close(world->sse);
    sse_send(world->sse, frame); /* too late: goes nowhere */
    sse_frame_free(frame);
    sse_frame_free(last);
    assert_int_equal(world->closed, 0); /* never from within a call of ours */
    world->client.asleep = false;
    client_ask(&world->client, STR(""), 9);
    assert_true(world->client.closed);
    assert_string_equal(world->client.got.ptr + world->client.got.len - 12, "data: last\n\n");
    assert_int_equal(world->closed, 1);
}

static void a_closed_stream_waits_a_second_at_most(void **state)
{
    struct world *world = *state;
    client_expect(&world->client, SUBSCRIBE, "retry");
    world->client.asleep = true;
    client_pause(&world->client, 1);
    struct sse_frame *frame = frame_of_bytes(8000);
    while (sse_waiting_bytes(world->sse) == 0)
        sse_send(world->sse, frame);
    sse_frame_free(frame);
    sse_close(world->sse);
    client_pause(&world->client, 500);
    assert_int_equal(world->closed, 0);
    client_pause(&world->client, 1500);
    assert_int_equal(world->closed, 1);
}

static void a_reader_that_goes_is_told(void **state)
{
    struct world *world = *state;
    client_expect(&world->client, SUBSCRIBE, "retry");
    client_close(&world->client);
    client_open(&world->client, world->loop, world->path);
    client_pause(&world->client, 50);
    assert_int_equal(world->closed, 1);
    assert_null(world->sse);
}

static void what_a_reader_sends_is_thrown_away(void **state)
{
    struct world *world = *state;
    client_expect(&world->client, SUBSCRIBE, "retry");
    client_expect(&world->client, "GET /v1/plain HTTP/1.1\r\nHost: eiso\r\n\r\n", "retry");
    client_pause(&world->client, 20);
    assert_null(strstr(world->client.got.ptr, "<plain>"));
    assert_int_equal(world->closed, 0);
}

static void a_drain_closes_the_streams(void **state)
{
    struct world *world = *state;
    bool drained = false;
    client_expect(&world->client, SUBSCRIBE, "retry");
    http_server_drain(world->server, note_drained, &drained);
    client_ask(&world->client, STR(""), 9);
    client_pause(&world->client, 20);
    assert_true(world->client.closed && drained);
    assert_int_equal(world->closed, 1);
}

static void a_stream_that_opens_during_the_drain_is_closed(void **state)
{
    struct world *world = *state;
    world->drains = true;
    client_expect(&world->client, SUBSCRIBE, "retry");
    client_ask(&world->client, STR(""), 9);
    client_pause(&world->client, 20);
    assert_true(world->client.closed && world->drained);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_new, world_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(a_stream_begins_and_carries_frames),
        IN_WORLD(a_reader_says_where_it_was),
        IN_WORLD(a_ping_goes_to_all_again_and_again),
        IN_WORLD(a_reader_that_sleeps_is_cut_off_and_the_others_get_all),
        IN_WORLD(a_reader_that_takes_nothing_between_pings_is_cut_off),
        IN_WORLD(a_reader_that_wakes_in_time_gets_all),
        IN_WORLD(a_closed_stream_sends_what_waits_first),
        IN_WORLD(a_closed_stream_waits_a_second_at_most),
        IN_WORLD(a_reader_that_goes_is_told),
        IN_WORLD(what_a_reader_sends_is_thrown_away),
        IN_WORLD(a_drain_closes_the_streams),
        IN_WORLD(a_stream_that_opens_during_the_drain_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
