/* One client: bytes in, bytes out, and what its phase makes of them. Sending is tried at once; only
 * what the socket does not take is queued and waited for (an epoll_ctl for each answer would cost
 * more than the send). */
#include <errno.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/http_internal.h"

enum { IDLE_MS = 120000, FLUSH_MS = 30000, LINGER_MS = 1000, PARTS_AT_ONCE = 16 };

static void connection_ready(void *context, int ready);

static void set_deadline(struct connection *connection, int64_t after_ms)
{
    connection->deadline_us = clock_monotonic() + after_ms * 1000;
}

static void list_insert(struct connection **list, struct connection *connection)
{
    connection->link = list;
    connection->next = *list;
    if (connection->next)
        connection->next->link = &connection->next;
    *list = connection;
}

static void list_remove(struct connection *connection)
{
    *connection->link = connection->next;
    if (connection->next)
        connection->next->link = connection->link;
}

void connection_new(struct http_server *server, int fd)
{
    struct connection *connection = mem_alloc(sizeof *connection);
    connection->server = server;
    connection->fd = fd;
    connection->watch = loop_watch_new(server->loop, fd, connection_ready, connection);
    connection->exchange = exchange_new(connection);
    list_insert(&server->connections, connection);
    if (server->connection_count++ == 0)
        loop_timer_set(server->sweep, 0);
    set_deadline(connection, IDLE_MS);
    connection_watch(connection);
}

void connection_end(struct connection *connection)
{
    if (connection->phase == PHASE_ENDED)
        return;
    connection->phase = PHASE_ENDED;
    connection_watch(connection);
    list_remove(connection);
    list_insert(&connection->server->ended, connection);
    server_reap_soon(connection->server);
}

void connection_free(struct connection *connection)
{
    list_remove(connection);
    connection->server->connection_count--;
    if (connection->exchange)
        exchange_leave(connection->exchange);
    if (connection->sse)
        sse_gone(connection->sse);
    if (connection->out)
        evbuffer_free(connection->out);
    loop_watch_free(connection->watch);
    close(connection->fd);
    free(connection);
}

size_t connection_waiting_bytes(const struct connection *connection)
{
    return connection->out ? evbuffer_get_length(connection->out) : 0;
}

/* While a handler has the request nothing is read: a client that sends on waits, and one that has
 * gone is found when it is answered. The watch is taken away only when something does come
 * meanwhile: mostly nothing does. */
static int wanted_by(const struct connection *connection)
{
    if (connection->phase == PHASE_ENDED)
        return 0;
    int wanted = connection_waiting_bytes(connection) > 0 ? LOOP_WRITE : 0;
    bool reads = connection->phase == PHASE_HANDLING ? !connection->deaf
                                                     : connection->phase != PHASE_FLUSHING;
    return wanted | (reads ? LOOP_READ : 0);
}

void connection_watch(struct connection *connection)
{
    int wanted = wanted_by(connection);
    if (wanted != connection->wanted)
        loop_watch_set(connection->watch, wanted);
    connection->wanted = wanted;
}

/* ---- Out ---- */

static struct evbuffer *out_of(struct connection *connection)
{
    if (!connection->out)
        connection->out = evbuffer_new();
    ensure(connection->out);
    return connection->out;
}

/* What the socket takes now: 0 where it is full or something waits already. A broken one ends the
 * connection. */
static size_t send_now(struct connection *connection, const struct iovec *parts, int count)
{
    if (connection->phase == PHASE_ENDED || connection_waiting_bytes(connection) > 0)
        return 0;
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts,
                             .msg_iovlen = (size_t)count};
    ssize_t sent = sendmsg(connection->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0)
        return (size_t)sent;
    if (errno != EAGAIN && errno != EINTR)
        connection_end(connection);
    return 0;
}

void connection_send(struct connection *connection, const struct iovec *parts, int count)
{
    size_t sent = send_now(connection, parts, count);
    if (connection->phase == PHASE_ENDED)
        return;
    for (int i = 0; i < count; i++) {
        size_t skipped = MIN_OF(sent, parts[i].iov_len);
        sent -= skipped;
        if (skipped < parts[i].iov_len)
            evbuffer_add(out_of(connection), (const char *)parts[i].iov_base + skipped,
                         parts[i].iov_len - skipped);
    }
}

void connection_send_shared(struct connection *connection, struct str bytes,
                            connection_release *release, void *owner)
{
    struct iovec part = {(char *)(uintptr_t)bytes.ptr, bytes.len};
    size_t sent = send_now(connection, &part, 1);
    if (sent == bytes.len || connection->phase == PHASE_ENDED) {
        release(bytes.ptr, bytes.len, owner);
        return;
    }
    int added = evbuffer_add_reference(out_of(connection), bytes.ptr + sent, bytes.len - sent,
                                       release, owner);
    ensure(added == 0);
    connection_watch(connection);
}

/* False where the connection ended over it. */
static bool flush(struct connection *connection)
{
    struct evbuffer *out = connection->out;
    while (connection_waiting_bytes(connection) > 0) {
        struct iovec parts[PARTS_AT_ONCE];
        int count = evbuffer_peek(out, -1, NULL, parts, PARTS_AT_ONCE);
        struct msghdr message = {.msg_iov = parts,
                                 .msg_iovlen = (size_t)MIN_OF(count, PARTS_AT_ONCE)};
        ssize_t sent = sendmsg(connection->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR))
            return true;
        if (sent < 0) {
            connection_end(connection);
            return false;
        }
        evbuffer_drain(out, (size_t)sent);
    }
    return true;
}

/* ---- What follows an answer ---- */

static void linger(struct connection *connection)
{
    connection->phase = PHASE_LINGERING;
    set_deadline(connection, LINGER_MS);
    shutdown(connection->fd, SHUT_WR);
    connection_watch(connection);
}

static void advance(struct connection *connection);

static void next_request(struct connection *connection)
{
    exchange_next(connection->exchange);
    connection->phase = PHASE_RECEIVING;
    connection->deaf = false;
    set_deadline(connection, IDLE_MS);
    advance(connection);
}

static void answer_sent(struct connection *connection)
{
    if (connection->close || connection->server->draining)
        linger(connection);
    else
        next_request(connection);
}

void connection_answered(struct connection *connection)
{
    if (connection->phase == PHASE_ENDED)
        return;
    if (connection_waiting_bytes(connection) == 0) {
        answer_sent(connection);
        return;
    }
    connection->phase = PHASE_FLUSHING;
    set_deadline(connection, FLUSH_MS);
    connection_watch(connection);
}

void connection_stream(struct connection *connection, struct sse *sse)
{
    connection->sse = sse;
    connection->exchange = NULL;
    if (connection->phase == PHASE_ENDED)
        return;
    connection->phase = PHASE_STREAMING;
    connection->deadline_us = 0;
    connection_watch(connection);
}

/* ---- In ---- */

/* Handlers may answer at once, and clients may have sent the next request already: a loop, not a
 * recursion. */
static void advance(struct connection *connection)
{
    if (connection->advancing)
        return;
    connection->advancing = true;
    while (connection->phase == PHASE_RECEIVING) {
        bool waits = exchange_receive(connection->exchange);
        if (waits)
            break;
    }
    connection->advancing = false;
    connection_watch(connection);
}

static ssize_t receive(struct connection *connection, void *bytes, size_t count)
{
    ssize_t received = recv(connection->fd, bytes, count, MSG_DONTWAIT);
    bool nothing_yet = received < 0 && (errno == EAGAIN || errno == EINTR);
    if (received <= 0 && !nothing_yet)
        connection_end(connection);
    return received;
}

static void receive_request(struct connection *connection)
{
    struct buf *input = &connection->exchange->input;
    size_t wanted = exchange_wanted_bytes(connection->exchange);
    bool first = !exchange_begun(connection->exchange);
    buf_reserve(input, wanted);
    ssize_t received = receive(connection, input->ptr + input->len, wanted);
    if (received <= 0)
        return;
    input->len += (size_t)received;
    if (first)
        connection->deadline_us = clock_monotonic() + connection->server->body_timeout_us;
    advance(connection);
}

static void discard(struct connection *connection)
{
    char nowhere[16384];
    receive(connection, nowhere, sizeof nowhere);
}

static void flushed(struct connection *connection)
{
    if (!flush(connection))
        return;
    if (connection->phase == PHASE_FLUSHING && connection_waiting_bytes(connection) == 0)
        answer_sent(connection);
    else if (connection->phase == PHASE_STREAMING)
        sse_flushed(connection->sse);
    connection_watch(connection);
}

static void connection_ready(void *context, int ready)
{
    struct connection *connection = context;
    if (ready & LOOP_WRITE)
        flushed(connection);
    if (!(ready & LOOP_READ))
        return;
    if (connection->phase == PHASE_RECEIVING)
        receive_request(connection);
    else if (connection->phase == PHASE_STREAMING || connection->phase == PHASE_LINGERING)
        discard(connection);
    else
        connection->deaf = true;
    connection_watch(connection);
}

void connection_expired(struct connection *connection)
{
    bool dribbles = connection->phase == PHASE_RECEIVING && exchange_begun(connection->exchange);
    if (!dribbles) {
        connection_end(connection);
        return;
    }
    connection->close = true;
    connection->exchange->held = true;
    http_problem(&connection->exchange->request, 408, "timeout",
                 "the request took too long to arrive");
}
