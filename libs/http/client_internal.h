/* A client for the tests, on the loop of the server it talks to: raw bytes out, raw bytes in. */
#ifndef HTTP_CLIENT_INTERNAL_H
#define HTTP_CLIENT_INTERNAL_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "loop/loop.h"

struct client {
    struct loop *loop;
    struct loop_watch *watch;
    struct loop_timer *patience;
    int fd;
    struct str unsent;
    struct buf got;     /* all that came, NUL-terminated behind its end */
    size_t wanted;      /* complete answers, after which the loop stops */
    const char *marker; /* or: text, after which it stops */
    bool closed;        /* by the server */
    bool broken;        /* the server took no more */
    bool impatient;     /* what it waited for did not come in time */
    bool asleep;        /* does not read */
    bool pausing;       /* waits for nothing but the time */
};

/* How many complete answers are in `got`; they all have a Content-Length or no body. */
static inline size_t client_answers(const struct client *client)
{
    size_t answers = 0;
    const char *at = client->got.ptr;
    const char *end = at + client->got.len;
    while (at && at < end) {
        const char *body = strstr(at, "\r\n\r\n");
        const char *length = strstr(at, "Content-Length: ");
        if (!body)
            break;
        at = body + 4 + (length && length < body ? strtoull(length + 16, NULL, 10) : 0);
        answers += at <= end;
    }
    return answers;
}

static inline bool client_content(const struct client *client)
{
    if (client->pausing || client->closed)
        return client->closed && !client->pausing;
    if (client->marker)
        return client->got.ptr && strstr(client->got.ptr, client->marker);
    return client->wanted && client_answers(client) >= client->wanted;
}

static inline void client_read(struct client *client)
{
    buf_reserve(&client->got, 65537);
    ssize_t count = recv(client->fd, client->got.ptr + client->got.len, 65536, MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN))
        client->closed = true;
    client->got.len += count > 0 ? (size_t)count : 0;
    client->got.ptr[client->got.len] = '\0';
}

static inline void client_write(struct client *client)
{
    ssize_t count =
        send(client->fd, client->unsent.ptr, client->unsent.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN) {
        client->broken = true;
        client->unsent.len = 0;
    }
    client->unsent.ptr += count > 0 ? count : 0;
    client->unsent.len -= count > 0 ? (size_t)count : 0;
}

static inline void client_ready(void *context, int ready)
{
    struct client *client = context;
    if (ready & LOOP_WRITE)
        client_write(client);
    if (ready & LOOP_READ)
        client_read(client);
    loop_watch_set(client->watch, (client->closed || client->asleep ? 0 : LOOP_READ) |
                                      (client->unsent.len ? LOOP_WRITE : 0));
    if (client_content(client))
        loop_stop(client->loop);
}

static inline void client_gives_up(void *context)
{
    struct client *client = context;
    client->impatient = true;
    loop_stop(client->loop);
}

static inline void client_open(struct client *client, struct loop *loop, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *client = (struct client){.loop = loop, .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    assert_int_equal(connect(client->fd, (const struct sockaddr *)&address, sizeof address), 0);
    client->watch = loop_watch_new(loop, client->fd, client_ready, client);
    client->patience = loop_timer_new(loop, client_gives_up, client);
}

static inline void client_close(struct client *client)
{
    loop_timer_free(client->patience);
    loop_watch_free(client->watch);
    close(client->fd);
    buf_done(&client->got);
}

/* Runs the loop until the client has what it waits for, or for so long. */
static inline void client_wait(struct client *client, int64_t at_most_ms)
{
    client->impatient = false;
    loop_watch_set(client->watch,
                   (client->asleep ? 0 : LOOP_READ) | (client->unsent.len ? LOOP_WRITE : 0));
    loop_timer_set(client->patience, at_most_ms);
    while (!client_content(client) && !client->impatient) /* others on the loop stop it, too */
        loop_run(client->loop);
    loop_timer_clear(client->patience);
}

/* Lets the loop turn for so long, sending what is unsent. */
static inline void client_pause(struct client *client, int64_t ms)
{
    client->pausing = true;
    client_wait(client, ms);
    client->pausing = false;
}

/* Sends `text` and waits for so many more answers, or for the server to close. */
static inline const char *client_ask(struct client *client, struct str text, size_t answers)
{
    client->wanted = client_answers(client) + answers;
    client->marker = NULL;
    client->unsent = text;
    client_wait(client, 10000);
    assert_false(client->impatient);
    return client->got.ptr ? client->got.ptr : "";
}

/* Sends `text` and waits until `marker` has come. */
static inline const char *client_expect(struct client *client, const char *text, const char *marker)
{
    client->marker = marker;
    client->unsent = str_from(text);
    client_wait(client, 10000);
    assert_false(client->impatient);
    return client->got.ptr ? client->got.ptr : "";
}

#endif
