/* The listening socket, the deadlines of all connections, and the orderly end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metric.h"
#include "http/http_internal.h"
#include "http/sse.h"

enum {
    BODY_TIMEOUT_MS = 10000,
    PING_MS = 15000,
    MOST_CONNECTIONS = 4096,
    MOST_BODY_BYTES = 256 * 1024 * 1024,
    ACCEPTED_AT_ONCE = 64,
    BACKLOG = 1024
};

static struct metric metric_connections = {.name = "eiso_http_connections",
                                           .help =
                                               "Connections from the front door, streams included",
                                           .type = METRIC_GAUGE};

static enum error socket_listen(const char *path, int *fd, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return err_set(err, ERROR_INVALID, "socket path is too long: %s", path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    int made = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (made < 0)
        return err_set(err, ERROR_INTERNAL, "socket: %s", strerror(errno));
    unlink(path);
    /* Nobody can connect before listen(), so the mode is in force from the first connection on. */
    if (bind(made, (const struct sockaddr *)&address, sizeof address) != 0 ||
        chmod(path, 0660) != 0 || listen(made, BACKLOG) != 0) {
        enum error code = err_set(err, ERROR_INTERNAL, "listen on %s: %s", path, strerror(errno));
        close(made);
        return code;
    }
    *fd = made;
    return ERROR_NONE;
}

static bool has_room(const struct http_server *server)
{
    return server->connection_count < server->most_connections;
}

/* At the limit nobody is accepted: who comes waits in the backlog until somebody goes. */
void server_watch_accepting(struct http_server *server)
{
    if (server->accepting)
        loop_watch_set(server->accepting, has_room(server) ? LOOP_READ : 0);
}

static int64_t sweep_interval_ms(const struct http_server *server)
{
    int64_t interval = server->body_timeout_us / 1000 / 4;
    return MAX_OF(10, MIN_OF(interval, 250));
}

/* Out of descriptors or memory: whoever waits would wake the loop again at once, so nobody is
 * listened to until the next sweep. */
static void accept_later(struct http_server *server)
{
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
        return;
    loop_watch_set(server->accepting, 0);
    loop_timer_set(server->sweep, sweep_interval_ms(server));
}

static void accept_ready(void *context, int ready)
{
    (void)ready;
    struct http_server *server = context;
    for (int i = 0; i < ACCEPTED_AT_ONCE && has_room(server); i++) {
        int fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            accept_later(server);
            break;
        }
        connection_new(server, fd);
    }
    metric_set(&metric_connections, (int64_t)server->connection_count);
    if (!has_room(server))
        server_watch_accepting(server);
}

/* ---- Deadlines ---- */

static void sweep(void *context)
{
    struct http_server *server = context;
    int64_t now = clock_monotonic();
    struct connection *next;
    for (struct connection *connection = server->connections; connection; connection = next) {
        next = connection->next;
        if (connection->deadline_us && connection->deadline_us <= now)
            connection_expired(connection);
    }
    server_watch_accepting(server);
    if (server->connection_count > 0)
        loop_timer_set(server->sweep, sweep_interval_ms(server));
}

/* ---- The end of connections ---- */

void server_reap_soon(struct http_server *server)
{
    loop_timer_set(server->reap, 0);
}

static void reap(void *context)
{
    struct http_server *server = context;
    bool was_full = !has_room(server);
    while (server->ended)
        connection_free(server->ended);
    metric_set(&metric_connections, (int64_t)server->connection_count);
    if (was_full && has_room(server))
        server_watch_accepting(server);
    if (server->connection_count > 0 || !server->drained)
        return;
    loop_callback *drained = server->drained;
    server->drained = NULL;
    drained(server->drained_context);
}

static void stop_accepting(struct http_server *server)
{
    loop_watch_free(server->accepting);
    server->accepting = NULL;
    if (server->fd >= 0)
        close(server->fd);
    server->fd = -1;
}

static bool is_idle(const struct connection *connection)
{
    return connection->phase == PHASE_RECEIVING && !exchange_begun(connection->exchange);
}

void http_server_drain(struct http_server *server, loop_callback *drained, void *context)
{
    server->draining = true;
    server->drained = drained;
    server->drained_context = context;
    stop_accepting(server);
    struct connection *next;
    for (struct connection *connection = server->connections; connection; connection = next) {
        next = connection->next;
        if (connection->phase == PHASE_STREAMING)
            sse_close(connection->sse);
        else if (is_idle(connection))
            connection_end(connection);
    }
    server_reap_soon(server);
}

/* ---- Open and close ---- */

static int64_t or_default(int64_t value, int64_t otherwise)
{
    return value > 0 ? value : otherwise;
}

static struct http_server *server_new(const struct http_server_options *options)
{
    struct http_server *server = mem_alloc(sizeof *server);
    *server = (struct http_server){
        .loop = options->loop,
        .router = router_new(options->routes),
        .guard = options->guard ? options->guard : http_proceed,
        .context = options->context,
        .body_timeout_us = or_default(options->body_timeout_ms, BODY_TIMEOUT_MS) * 1000,
        .ping_ms = or_default(options->ping_ms, PING_MS),
        .most_connections =
            options->most_connections ? options->most_connections : MOST_CONNECTIONS,
        .most_body_bytes = options->most_body_bytes ? options->most_body_bytes : MOST_BODY_BYTES,
        .fd = -1,
    };
    server->sweep = loop_timer_new(server->loop, sweep, server);
    server->reap = loop_timer_new(server->loop, reap, server);
    server->ping = loop_timer_new(server->loop, sse_ping_all, server);
    return server;
}

enum error http_server_open(struct http_server **server, const struct http_server_options *options,
                            struct err *err)
{
    int fd = -1;
    enum error code = socket_listen(options->socket_path, &fd, err);
    if (code)
        return code;
    metric_register(&metric_connections);
    answer_metrics();
    sse_metrics();
    struct http_server *made = server_new(options);
    made->fd = fd;
    made->accepting = loop_watch_new(made->loop, fd, accept_ready, made);
    server_watch_accepting(made);
    *server = made;
    return ERROR_NONE;
}

void http_server_close(struct http_server *server)
{
    if (!server)
        return;
    stop_accepting(server);
    server->drained = NULL;
    while (server->connections)
        connection_end(server->connections);
    while (server->ended)
        connection_free(server->ended);
    loop_timer_free(server->sweep);
    loop_timer_free(server->reap);
    loop_timer_free(server->ping);
    router_free(server->router);
    free(server);
}
