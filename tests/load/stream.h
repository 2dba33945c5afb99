/* Many server-sent event streams in one process: each a socket with HTTP/1.0 (no chunks between the
 * lines), opened some at a time, opened again behind its last event when it ends. Plain HTTP to an
 * IPv4 address, as the front door on this machine has it. */
#ifndef LOAD_STREAM_H
#define LOAD_STREAM_H

#include <netinet/in.h>

#include "base/buf.h"
#include "base/error.h"

struct streams;

/* A line "data: ..." of a stream, the text behind the colon; borrowed. */
typedef void stream_event(void *context, size_t stream, struct str data);

struct stream {
    int fd;             /* -1: not open */
    const char *path;   /* borrowed, as is `cookie` */
    const char *cookie; /* "name=value" */
    struct buf line;
    char last_id[64];         /* empty: none yet */
    bool connected, answered; /* answered: 200 was read */
    int64_t open_at_us;
};

struct streams {
    struct sockaddr_in address;
    const char *host; /* for the header, borrowed */
    struct stream *items;
    size_t count, open; /* open: answered with 200 */
    int64_t ended;      /* so many were opened again */
    int epoll;
    int64_t opened_us;
    stream_event *event;
    void *context;
};

/* `url` is http://ADDRESS:PORT; `items` have path and cookie, all else zero. Raises the limit of
 * open files as far as it goes. */
enum error streams_open(struct streams *streams, const char *url, struct stream *items,
                        size_t count, struct err *err) MUST_CHECK;

/* Works for at most `timeout_ms`. */
void streams_work(struct streams *streams, int timeout_ms);
void streams_close(struct streams *streams);

#endif
