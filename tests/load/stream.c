#include "stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

enum {
    OPENED_EACH_US = 10 * 1000, /* so many at a time: */
    OPENED_AT_ONCE = 20,
    AGAIN_US = 1000 * 1000,
    READ_BYTES = 16 * 1024,
    LINE_MOST_BYTES = 1024 * 1024,
    EVENTS = 256
};

static void stream_end(struct streams *streams, struct stream *stream)
{
    if (stream->fd >= 0)
        close(stream->fd);
    streams->open -= stream->answered;
    streams->ended += stream->answered;
    stream->fd = -1;
    stream->connected = stream->answered = false;
    stream->open_at_us = clock_monotonic() + AGAIN_US;
    buf_reset(&stream->line);
}

static void stream_begin(struct streams *streams, struct stream *stream)
{
    struct epoll_event event = {.events = EPOLLOUT,
                                .data.u64 = (uint64_t)(stream - streams->items)};
    stream->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (stream->fd < 0 ||
        (connect(stream->fd, (const struct sockaddr *)&streams->address, sizeof streams->address) &&
         errno != EINPROGRESS) ||
        epoll_ctl(streams->epoll, EPOLL_CTL_ADD, stream->fd, &event))
        stream_end(streams, stream);
}

static void stream_ask(struct streams *streams, struct stream *stream)
{
    CLEANUP(buf_done) struct buf request = {0};
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)(stream - streams->items)};
    buf_printf(&request,
               "GET %s HTTP/1.0\r\nHost: %s\r\nAccept: text/event-stream\r\nCookie: %s\r\n",
               stream->path, streams->host, stream->cookie);
    if (*stream->last_id)
        buf_printf(&request, "Last-Event-ID: %s\r\n", stream->last_id);
    buf_add_text(&request, "\r\n");
    stream->connected = true;
    if (send(stream->fd, request.ptr, request.len, MSG_NOSIGNAL) != (ssize_t)request.len ||
        epoll_ctl(streams->epoll, EPOLL_CTL_MOD, stream->fd, &event))
        stream_end(streams, stream);
}

static void take_line(struct streams *streams, struct stream *stream, struct str line)
{
    size_t index = (size_t)(stream - streams->items);
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    if (!stream->answered && str_starts(line, STR("HTTP/1.1 200"))) {
        stream->answered = true;
        streams->open++;
    } else if (str_starts(line, STR("id: ")))
        snprintf(stream->last_id, sizeof stream->last_id, "%.*s", (int)line.len - 4, line.ptr + 4);
    else if (str_starts(line, STR("data: ")))
        streams->event(streams->context, index, (struct str){line.ptr + 6, line.len - 6});
}

/* Whole lines; what is behind the last one stays. */
static void take_lines(struct streams *streams, struct stream *stream)
{
    struct buf *kept = &stream->line;
    size_t from = 0;
    const char *end;
    while ((end = memchr(kept->ptr + from, '\n', kept->len - from))) {
        size_t length = (size_t)(end - kept->ptr) - from;
        take_line(streams, stream, (struct str){kept->ptr + from, length});
        from += length + 1;
    }
    memmove(kept->ptr, kept->ptr + from, kept->len - from);
    kept->len -= from;
}

static void stream_read(struct streams *streams, struct stream *stream)
{
    char bytes[READ_BYTES];
    ssize_t count = recv(stream->fd, bytes, sizeof bytes, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0 || stream->line.len + (size_t)count > LINE_MOST_BYTES) {
        stream_end(streams, stream);
        return;
    }
    buf_add(&stream->line, bytes, (size_t)count);
    take_lines(streams, stream);
    if (!stream->line.len)
        buf_done(&stream->line); /* thousands of them wait most of the time */
}

static void begin_some(struct streams *streams)
{
    int64_t now = clock_monotonic();
    size_t begun = 0;
    if (now < streams->opened_us + OPENED_EACH_US)
        return;
    streams->opened_us = now;
    for (size_t i = 0; i < streams->count && begun < OPENED_AT_ONCE; i++)
        if (streams->items[i].fd < 0 && streams->items[i].open_at_us <= now) {
            stream_begin(streams, &streams->items[i]);
            begun++;
        }
}

void streams_work(struct streams *streams, int timeout_ms)
{
    struct epoll_event events[EVENTS];
    begin_some(streams);
    int count = epoll_wait(streams->epoll, events, EVENTS, timeout_ms);
    for (int i = 0; i < count; i++) {
        struct stream *stream = &streams->items[events[i].data.u64];
        if (!stream->connected)
            stream_ask(streams, stream);
        else
            stream_read(streams, stream);
    }
}

static void raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool read_address(const char *url, struct sockaddr_in *address)
{
    char host[INET_ADDRSTRLEN];
    int64_t port;
    struct str rest = str_from(url), scheme = STR("http://");
    if (!str_starts(rest, scheme))
        return false;
    rest = (struct str){rest.ptr + scheme.len, rest.len - scheme.len};
    struct str name = str_cut(&rest, ':');
    snprintf(host, sizeof host, "%.*s", STR_ARG(name));
    if (inet_pton(AF_INET, host, &address->sin_addr) != 1 || !str_to_int64(rest, 1, 65535, &port))
        return false;
    address->sin_family = AF_INET;
    address->sin_port = htons((uint16_t)port);
    return true;
}

enum error streams_open(struct streams *streams, const char *url, struct stream *items,
                        size_t count, struct err *err)
{
    if (!read_address(url, &streams->address))
        return err_set(err, ERROR_INVALID, "%s: not http://ADDRESS:PORT", url);
    raise_limit();
    streams->host = url + strlen("http://");
    streams->items = items;
    streams->count = count;
    for (size_t i = 0; i < count; i++)
        items[i].fd = -1;
    streams->epoll = epoll_create1(EPOLL_CLOEXEC);
    return streams->epoll < 0 ? err_set(err, ERROR_INTERNAL, "epoll: %s", strerror(errno))
                              : ERROR_NONE;
}

void streams_close(struct streams *streams)
{
    for (size_t i = 0; i < streams->count; i++) {
        if (streams->items[i].fd >= 0)
            close(streams->items[i].fd);
        buf_done(&streams->items[i].line);
    }
    if (streams->count)
        close(streams->epoll);
    *streams = (struct streams){0};
}
