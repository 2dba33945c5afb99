/* Inside of libs/http: the life of a connection and of a request on it.
 *
 *   server.c      socket, accepting, the sweep over deadlines, drain
 *   connection.c  bytes in and out, phases, what follows an answer
 *   head.c        request line and headers, strictly (RFC 9112)
 *   target.c      path, query, cookies: splitting and decoding
 *   route.c       the route table, compiled; which route a path means
 *   exchange.c    from a complete head to the handler: admission and its refusals
 *   read.c        what handlers ask of a request
 *   answer.c      what handlers answer
 *   cursor.c      keys of lists as opaque text
 *   sse.c         streams */
#ifndef HTTP_HTTP_INTERNAL_H
#define HTTP_HTTP_INTERNAL_H

#include <sys/uio.h>

#include "http/http.h"

struct evbuffer;
struct sse;

/* ---- head.c ---- */

enum { HEAD_MAX_HEADERS = 64 };

struct header {
    struct str name, value;
};

struct http_head {
    struct str method_name;
    enum http_method method; /* 0: none of ours */
    struct str target;
    bool keep_alive;
    size_t body_bytes; /* Content-Length; 0 without one */
    struct header headers[HEAD_MAX_HEADERS];
    size_t count;
};

/* Why a request is not taken. `code` NULL: it is. */
struct refusal {
    int status;
    const char *code;
    const char *detail;
};

/* The bytes of the head with its empty line; 0: more have to come. Refuses where they cannot become
 * one. */
size_t head_length(struct str input, struct refusal *refusal);

/* Reads a complete head; texts point into it. False with `refusal` filled where it breaks a rule.
 */
bool head_parse(struct str bytes, struct http_head *head, struct refusal *refusal) MUST_CHECK;

/* The first header of that name (any case); absent where there is none. */
struct str head_find(const struct http_head *head, struct str name);

bool str_equal_nocase(struct str a, struct str b);
struct str str_trim(struct str s); /* of blanks and tabs */

/* ---- target.c ---- */

enum { TARGET_MAX_SEGMENTS = 16, TARGET_MAX_ARGUMENTS = 32 };

struct argument {
    struct str name, value;
};

struct http_target {
    struct str raw_path, query;               /* as they came; query absent without '?' */
    struct str path;                          /* decoded, for people and logs */
    struct str segments[TARGET_MAX_SEGMENTS]; /* each decoded by itself: %2F stays inside of one */
    size_t segment_count;
    struct argument arguments[TARGET_MAX_ARGUMENTS];
    size_t argument_count;
};

/* Splits and decodes. Refuses broken escapes, NUL and other control characters, bytes that are not
 * UTF-8, the segments "." and "..", and a parameter given twice. */
bool target_parse(struct str text, struct arena *arena, struct http_target *target,
                  struct refusal *refusal) MUST_CHECK;

/* The first cookie of that name in a Cookie header; absent where there is none. */
struct str cookie_find(struct str header, struct str name);

/* ---- query.c ---- */

/* Whether the query fits the route's row; otherwise the request is answered with 400. */
bool query_fits(struct http_request *request);

/* ---- route.c ---- */

struct router;
struct router *router_new(
    struct routes routes); /* aborts on a template that is none: our own bug */
void router_free(struct router *router);

struct route_match {
    const struct route *route; /* NULL: no such path, or not with this method */
    unsigned methods;          /* of all routes with this path */
    struct str values[HTTP_MAX_PATH_VALUES];
};

/* The first route of the table whose template fits. */
struct route_match router_find(const struct router *router, enum http_method method,
                               const struct str *segments, size_t count);

/* ---- The server and its connections ---- */

struct http_server {
    struct loop *loop;
    struct router *router;
    http_handler *guard;
    void *context;
    int64_t body_timeout_us, ping_ms;
    size_t most_connections, most_body_bytes;

    int fd; /* -1: not listening any more */
    struct loop_watch *accepting;
    struct loop_timer *sweep; /* looks at the deadlines; runs only while there are connections */
    struct loop_timer *ping;
    struct loop_timer *reap;        /* frees what has ended, outside of everybody's callbacks */
    struct connection *connections; /* alive */
    struct connection *ended;
    size_t connection_count; /* both lists */
    size_t body_bytes;       /* promised to requests whose body is not complete or not answered */
    size_t stream_count;
    bool draining;
    loop_callback *drained;
    void *drained_context;
};

enum phase {
    PHASE_RECEIVING, /* a request, or waiting for one */
    PHASE_HANDLING,  /* somebody has the request */
    PHASE_FLUSHING,  /* the answer did not fit into the socket at once */
    PHASE_LINGERING, /* answered and closed for writing; what still comes is thrown away, so that
                        the peer reads the answer instead of a broken pipe */
    PHASE_STREAMING,
    PHASE_ENDED
};

struct connection {
    struct http_server *server;
    struct connection *next, **link; /* of the server's list */
    int fd;
    enum phase phase;
    bool advancing; /* connection_advance is on the stack */
    bool close;     /* after the answer under way */
    bool deaf;      /* something came while a handler has the request: it is read afterwards */
    int wanted;     /* what the watch waits for */
    struct loop_watch *watch;
    struct evbuffer *out;           /* what the socket did not take at once; made when needed */
    int64_t deadline_us;            /* 0: none */
    struct http_exchange *exchange; /* NULL while streaming */
    struct sse *sse;
};

void connection_new(struct http_server *server, int fd); /* takes the descriptor */

/* Sends at once what the socket takes, keeps a copy of the rest. */
void connection_send(struct connection *connection, const struct iovec *parts, int count);
/* The same for bytes with an owner: they are referenced, and released when sent or not wanted any
 * more. */
typedef void connection_release(const void *bytes, size_t count, void *owner);
void connection_send_shared(struct connection *connection, struct str bytes,
                            connection_release *release, void *owner);
size_t connection_waiting_bytes(const struct connection *connection);

/* The answer is sent or queued: on to what follows it. */
void connection_answered(struct connection *connection);

/* From an exchange, which is gone, to a stream. */
void connection_stream(struct connection *connection, struct sse *sse);

void connection_watch(struct connection *connection); /* waits for what its phase needs */
void connection_expired(struct connection *connection);
void connection_end(struct connection *connection);  /* freed by the reaper, after all callbacks */
void connection_free(struct connection *connection); /* of the reaper */

void server_reap_soon(struct http_server *server);
void server_watch_accepting(struct http_server *server);

/* ---- exchange.c ---- */

struct http_exchange {
    struct http_request request;
    struct connection *connection; /* NULL: the server was closed */
    bool held;                     /* by somebody who will answer */
    struct buf input;              /* what was read and not yet used up */
    size_t head_bytes;             /* 0: the head is not complete */
    size_t promised_bytes;         /* of the server's body_bytes */
    struct http_head head;
    struct http_target target;
    struct buf headers; /* more of the answer, as they will be sent */
    bool has_cache_control, has_retry_after;
};

struct http_exchange *exchange_new(struct connection *connection);
void exchange_free(struct http_exchange *exchange);
void exchange_leave(
    struct http_exchange *exchange); /* the connection is gone: freed now, or by the answer */

/* Looks at what was read. True where the connection has to wait for more bytes; otherwise a handler
 * has the request, or it was answered. */
bool exchange_receive(struct http_exchange *exchange);
size_t exchange_wanted_bytes(const struct http_exchange *exchange); /* how much to read at most */
bool exchange_begun(const struct http_exchange *exchange);
void exchange_next(
    struct http_exchange *exchange); /* forgets this request; what was read behind it stays */

/* ---- answer.c ---- */

const char *status_phrase(int status);
void answer_metrics(void); /* registers them */
void answer_head(struct http_request *request, int status, const char *content_type,
                 struct buf *head);

/* ---- cursor.c ---- */

void cursor_print(struct str route, const void *key, size_t key_bytes, struct buf *out);
bool cursor_parse(struct str route, struct str text, void *key, size_t key_bytes) MUST_CHECK;

/* ---- sse.c ---- */

void sse_metrics(void);           /* registers them */
void sse_ping_all(void *context); /* the server */
void sse_flushed(struct sse *sse);
void sse_gone(struct sse *sse); /* the reaper's: tells its owner, frees it */

#endif
