/* Server-sent events: one answer that does not end, frames made once and shared by all its
 * subscribers.
 *
 * A subscriber that does not read is cut off when more than 64 KiB wait for it; it comes back with
 * Last-Event-ID and loses nothing. A comment ping goes to all each 15 s; who took nothing between
 * two of them is cut off, too. */
#ifndef HTTP_SSE_H
#define HTTP_SSE_H

#include "http/http.h"

struct sse; /* one subscriber */

typedef void sse_closed(struct sse *sse, void *context);

/* Turns the request into a stream: 200, text/event-stream, no-store, "retry: 3000". The request
 * itself is gone afterwards (copy what is needed of it). `closed` is called once, when the client
 * has gone, was cut off, or after sse_close: always from the loop or http_server_close, never from
 * within a function below, so a list of subscribers may be walked while sending. `sse` is invalid
 * after it returns. */
struct sse *sse_open(struct http_request *request, sse_closed *closed, void *context);

/* A frame that many get: formatted once, reference counted. `id` absent: none. `data` must hold no
 * line break. */
struct sse_frame;
struct sse_frame *sse_frame_new(struct str id, const char *event, struct str data);
void sse_frame_free(struct sse_frame *frame); /* when nobody is to get it any more; those who wait
                                                 for it still do */

/* Tries the socket at once; what it does not take waits, by reference. Does nothing for one that is
 * being closed. */
void sse_send(struct sse *sse, struct sse_frame *frame);

/* What the socket did not take yet. A backlog is handed out in pages: the next one when this is 0,
 * for frames in a row beyond what socket (some hundred small ones) and queue hold would cut off a
 * reader that is only new. */
size_t sse_waiting_bytes(const struct sse *sse);
void sse_close(struct sse *sse); /* after what waits was sent, at most 1 s */

/* Last-Event-ID of the request, or `after` of its query; absent where neither is given. */
struct str sse_resume_from(struct http_request *request);

#endif
