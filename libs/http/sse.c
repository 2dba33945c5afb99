/* Streams. A frame is formatted once; each subscriber's socket is tried at once, and only where it
 * is full does the subscriber hold a reference to the rest of the frame. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/metric.h"
#include "http/http_internal.h"
#include "http/sse.h"

enum { MOST_WAITING_BYTES = 64 * 1024, CLOSE_MS = 1000 };

struct sse_frame {
    size_t users; /* its owner and the connections that wait to send it */
    size_t length;
    char bytes[];
};

struct sse {
    struct connection *connection;
    sse_closed *closed;
    void *context;
    bool closing;
    bool stuck; /* nothing has moved since the last ping */
};

static struct metric metric_streams = {
    .name = "eiso_sse_subscribers", .help = "Streams that are open", .type = METRIC_GAUGE};
static struct metric metric_cut_off = {.name = "eiso_sse_cut_off_total",
                                       .help = "Streams ended because their client did not read",
                                       .type = METRIC_COUNTER};

/* ---- Frames ---- */

static struct sse_frame *frame_of(struct str bytes)
{
    struct sse_frame *frame = mem_alloc(sizeof *frame + bytes.len);
    frame->users = 1;
    frame->length = bytes.len;
    memcpy(frame->bytes, bytes.ptr, bytes.len);
    return frame;
}

static void add_field(struct buf *text, const char *name, struct str value)
{
    ensure(!memchr(value.ptr, '\n', value.len) && !memchr(value.ptr, '\r', value.len));
    buf_add_text(text, name);
    buf_add_text(text, ": ");
    buf_add_str(text, value);
    buf_add_char(text, '\n');
}

struct sse_frame *sse_frame_new(struct str id, const char *event, struct str data)
{
    CLEANUP(buf_done) struct buf text = {0};
    if (str_present(id))
        add_field(&text, "id", id);
    if (event)
        add_field(&text, "event", str_from(event));
    add_field(&text, "data", data);
    buf_add_char(&text, '\n');
    return frame_of(buf_str(&text));
}

void sse_frame_free(struct sse_frame *frame)
{
    if (frame && --frame->users == 0)
        free(frame);
}

static void frame_release(const void *bytes, size_t count, void *frame)
{
    (void)bytes, (void)count;
    sse_frame_free(frame);
}

/* ---- Subscribers ---- */

void sse_metrics(void)
{
    metric_register(&metric_streams);
    metric_register(&metric_cut_off);
}

static void count_stream(struct http_server *server)
{
    metric_add(&metric_streams, 1);
    if (server->stream_count++ == 0)
        loop_timer_set(server->ping, server->ping_ms);
}

struct sse *sse_open(struct http_request *request, sse_closed *closed, void *context)
{
    struct http_exchange *exchange = request->exchange;
    struct connection *connection = exchange->connection;
    struct sse *sse = mem_alloc(sizeof *sse);
    CLEANUP(buf_done) struct buf head = {0};
    ensure(connection && exchange->held);
    *sse = (struct sse){.connection = connection, .closed = closed, .context = context};
    /* No length and no chunks: the stream is what comes until the connection closes. */
    http_add_header(request, "X-Accel-Buffering", "no");
    http_add_header(request, "Connection", "close");
    answer_head(request, 200, "text/event-stream", &head);
    buf_add_text(&head, "\r\nretry: 3000\n\n");
    exchange_free(exchange);
    connection_stream(connection, sse);
    count_stream(connection->server);
    connection_send(connection, &(struct iovec){head.ptr, head.len}, 1);
    if (connection->server->draining)
        sse_close(sse);
    connection_watch(connection);
    return sse;
}

size_t sse_waiting_bytes(const struct sse *sse)
{
    return connection_waiting_bytes(sse->connection);
}

static void cut_off(struct sse *sse)
{
    metric_add(&metric_cut_off, 1);
    connection_end(sse->connection);
}

void sse_send(struct sse *sse, struct sse_frame *frame)
{
    struct connection *connection = sse->connection;
    if (sse->closing || connection->phase != PHASE_STREAMING)
        return;
    size_t waiting = connection_waiting_bytes(connection);
    if (waiting > 0 && waiting + frame->length > MOST_WAITING_BYTES) {
        cut_off(sse);
        return;
    }
    frame->users++;
    connection_send_shared(connection, (struct str){frame->bytes, frame->length}, frame_release,
                           frame);
}

void sse_close(struct sse *sse)
{
    struct connection *connection = sse->connection;
    sse->closing = true;
    if (connection_waiting_bytes(connection) == 0)
        connection_end(connection);
    else
        connection->deadline_us = clock_monotonic() + CLOSE_MS * INT64_C(1000);
}

void sse_flushed(struct sse *sse)
{
    sse->stuck = false;
    if (sse->closing && connection_waiting_bytes(sse->connection) == 0)
        connection_end(sse->connection);
}

void sse_gone(struct sse *sse)
{
    sse->connection->server->stream_count--;
    metric_add(&metric_streams, -1);
    sse->closed(sse, sse->context);
    free(sse);
}

/* ---- Pings ---- */

static void ping(struct sse *sse, struct sse_frame *frame)
{
    if (sse->stuck) {
        cut_off(sse);
        return;
    }
    sse->stuck = connection_waiting_bytes(sse->connection) > 0;
    sse_send(sse, frame);
}

/* One frame and one timer for all. */
void sse_ping_all(void *context)
{
    struct http_server *server = context;
    struct sse_frame *frame = frame_of(STR(": ping\n\n"));
    struct connection *next;
    for (struct connection *connection = server->connections; connection; connection = next) {
        next = connection->next;
        if (connection->phase == PHASE_STREAMING)
            ping(connection->sse, frame);
    }
    sse_frame_free(frame);
    if (server->stream_count > 0)
        loop_timer_set(server->ping, server->ping_ms);
}

struct str sse_resume_from(struct http_request *request)
{
    struct str id = http_header(request, "last-event-id");
    return str_present(id) ? id : http_query(request, "after");
}
