/* HTTP/1.1 on the event loop, behind nginx, on a Unix socket: routes, limits, requests and answers,
 * problem+json, cursors. Streams are in http/sse.h. Hides evbuffer.
 *
 * Refused before a handler sees it, each time as a problem with a code: any Transfer-Encoding
 * (nginx sends lengths), two lengths, hosts or other headers that may come once, no Host, bare line
 * feeds, methods but GET, POST, DELETE, headers over 16 KiB, bodies over the route's limit or
 * beyond what the server may hold at once, requests that dribble, broken escapes, "..", control
 * characters and bytes that are no UTF-8 in path and query, a parameter given twice, or one that
 * the route's row does not have or that does not fit it. Every answer is `no-store` unless its
 * handler says otherwise. */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "base/uuid.h"
#include "i18n/i18n.h"
#include "loop/loop.h"
#include "record/record.h"

enum http_method { HTTP_GET = 1, HTTP_POST = 2, HTTP_DELETE = 4 };
const char *http_method_name(enum http_method method); /* "GET" */

enum { HTTP_MAX_PATH_VALUES = 4, HTTP_MAX_HEADER_BYTES = 16384 };

/* A request whose body is complete, and the answer to it. It lives until it was answered, whether
 * or not the client is still there: whoever holds it answers it exactly once. */
struct http_request {
    struct arena arena; /* of this request: items, answer, whatever */
    enum http_method method;
    struct str path;  /* decoded, without the query */
    struct str query; /* raw; http_query reads it */
    struct str body;
    struct str path_values[HTTP_MAX_PATH_VALUES]; /* of {..} in the route's path, in order */
    enum language language;                       /* from Accept-Language, kk where nothing fits */
    struct str id; /* X-Request-Id from nginx, or one of ours; in logs and problems */
    const struct route *route;
    void *principal; /* of the service's skeleton: who is calling (auth/auth.h); NULL: nobody */
    void *server;    /* what was given as `context` to http_server_new */
    struct http_exchange *exchange; /* the connection; hidden */
};

typedef void http_handler(struct http_request *request);

/* ---- The route table: what is served, and what the reference is made of ---- */

enum parameter_type {
    PARAMETER_TEXT, /* `min` to `max` bytes; 0: any */
    PARAMETER_INT,
    PARAMETER_UUID,
    PARAMETER_DATE, /* YYYY-MM-DD */
    PARAMETER_VALUE /* one of the names in `values` */
};

/* A parameter of the query: checked before the handler runs, which reads it by its name. */
struct parameter {
    const char *name;
    enum parameter_type type;
    bool required;
    int64_t min, max;
    int64_t absent; /* PARAMETER_INT: its value where it is not given */
    const struct values *values;
    const char *about; /* one English sentence for the reference */
};
struct parameters {
    const struct parameter *items;
    size_t count;
};
/* In a route's row: .query = QUERY(PARAMETER_LIMIT(100), {"date", PARAMETER_DATE, .about = "..."})
 */
#define QUERY(...)                                                                     \
    &(const struct parameters)                                                         \
    {                                                                                  \
        (const struct parameter[]){__VA_ARGS__},                                       \
            sizeof((const struct parameter[]){__VA_ARGS__}) / sizeof(struct parameter) \
    }
/* What a list takes: http_answer_list. */
#define PARAMETER_LIMIT(absent_)                                              \
    {                                                                         \
        "limit", PARAMETER_INT, .min = 1, .max = 500, .absent = (absent_),    \
                                .about = "How many items a page has at most." \
    }
#define PARAMETER_CURSOR                                                                       \
    {                                                                                          \
        "cursor", PARAMETER_TEXT, .about = "`next` of the page before: the page that follows." \
    }

/* What a route answers when all went well. */
enum answer_shape {
    ANSWER_UNSAID,   /* refused by the reference */
    ANSWER_EMPTY,    /* 204 */
    ANSWER_ITEM,     /* one `record` as JSON */
    ANSWER_LIST,     /* http_answer_list of `record` */
    ANSWER_OUTCOMES, /* of the batch in `entrance` */
    ANSWER_EVENTS,   /* a stream; its `events` */
    ANSWER_MEDIA     /* something of its own: `media` */
};

/* The data of an event of a stream is `record` as JSON. */
struct stream_event {
    const char *name; /* of its `event:` line; NULL: none */
    const struct record *record;
    const char *about;
};

struct route_answer {
    enum answer_shape shape;
    const struct record *record;
    const struct stream_event *events; /* ends with a row without record */
    const char *media;
    int status;  /* 0: 200, or 204 */
    bool tagged; /* with an ETag: 304 where the caller has it already */
};

/* A refusal that does not follow from the rest of the row. */
struct route_problem {
    int status;
    const char *code;
};
/* In a route's row: .problems = PROBLEMS({401, "login_failed"}) */
#define PROBLEMS(...)              \
    (const struct route_problem[]) \
    {                              \
        __VA_ARGS__,               \
        {                          \
            0                      \
        }                          \
    }

struct entrance;

/* One line of a service's route table. Of two templates that fit a path the first counts. */
struct route {
    enum http_method method;
    const char *path; /* "/v1/learners/{id}/marks" */
    http_handler *handler;
    size_t body_bytes; /* limit; 0: no body is taken */
    unsigned scope;    /* what the caller needs (auth/auth.h); 0: nothing beyond being known */
    bool open;         /* nobody needs to be known (token, sign-in, keys) */
    bool stream;       /* handler turns it into a stream (http/sse.h) */
    bool spooled; /* nginx puts the body into a file and names it in X-Spooled; nothing of it comes
                     here. Whoever may GET the same path may send one. */
    bool guarded; /* nginx limits it by address, for the caller is not known yet */

    const struct parameters *query; /* NULL: none is taken */
    const struct record *takes;     /* the body: one object, as JSON unless `takes_media` says so */
    const char *takes_media;        /* "application/zip"; NULL: JSON */
    const struct entrance *entrance; /* the body: a batch (service/gather.h) */
    struct route_answer answer;
    const struct record *refusal; /* what 400 and 401 answer where it is no problem (RFC 6749) */
    const struct route_problem *problems;
    const char *summary; /* one English sentence for the reference */
};
#define ROUTES(array)                               \
    {                                               \
        (array), sizeof(array) / sizeof((array)[0]) \
    }
struct routes {
    const struct route *items;
    size_t count;
};

struct http_server;

struct http_server_options {
    struct loop *loop;
    const char *socket_path; /* Unix socket, mode 0660, an old one is replaced */
    struct routes routes;
    /* Called for each request that matches a route, before its handler: finds out who is calling,
     * checks, and calls http_proceed now or later, or answers. NULL: http_proceed at once. */
    http_handler *guard;
    void *context;
    int64_t body_timeout_ms; /* of a request, from its first byte to its last; 0 means 10,000 */
    size_t most_connections; /* 0 means 4,096; at the limit who comes waits in the backlog */
    size_t most_body_bytes;  /* of all requests not yet answered; 0 means 256 MiB; beyond it 503 */
    int64_t ping_ms;         /* of streams; 0 means 15,000 */
};

enum error http_server_open(struct http_server **server, const struct http_server_options *options,
                            struct err *err) MUST_CHECK;
/* Stops accepting, closes idle connections and all streams; requests under way are answered with
 * "Connection: close". `drained` is called from the loop when no connection is left. */
void http_server_drain(struct http_server *server, loop_callback *drained, void *context);
/* Ends all connections at once. A request that is still held may be answered later (its answer goes
 * nowhere), but must not become a stream. Not from within a handler. */
void http_server_close(struct http_server *server);

/* From the guard: on to the route's handler, where the query fits the route's row (400
 * `bad_parameter`); to nothing where the server was closed meanwhile. */
void http_proceed(struct http_request *request);

/* ---- Reading the request ---- */

struct str http_header(const struct http_request *request,
                       const char *name); /* absent where not sent */
struct str http_cookie(const struct http_request *request, const char *name);

/* A parameter of the query, by its name in the route's row; it fits its row. The text as it was
 * given, decoded; absent where it was not. */
struct str http_query(const struct http_request *request, const char *name);
int64_t http_query_int(const struct http_request *request, const char *name);
struct uuid http_query_uuid(const struct http_request *request, const char *name); /* absent: nil */
struct date http_query_date(const struct http_request *request, const char *name,
                            struct date absent);
unsigned http_query_value(const struct http_request *request, const char *name); /* absent: 0 */

bool http_path_uuid(struct http_request *request, int index, struct uuid *value); /* wrong: 404 */

/* The batch in the body by its Content-Type (application/json, application/x-ndjson,
 * application/vnd.msgpack); answers 415, 400, 413, 422 itself and returns false where there is
 * none. In the request's arena. */
bool http_batch(struct http_request *request, const struct record *record, struct batch *batch);

/* One JSON object in the body; answers 400 / 415 / 422 itself. */
bool http_object(struct http_request *request, const struct record *record, void *item);

/* ---- Answering: exactly one of these for each request, after which it is gone ---- */

/* More headers of the answer, before it. Control characters in `value` become blanks. */
void http_add_header(struct http_request *request, const char *name, const char *value);

/* `body` may go away after the call. `content_type` NULL: none. */
void http_answer(struct http_request *request, int status, const char *content_type,
                 struct str body);
void http_answer_json(struct http_request *request, int status, const struct record *record,
                      const void *item);
void http_answer_empty(struct http_request *request, int status);

/* application/problem+json (RFC 9457) with `code`, title in the request's language, `request_id`;
 * Retry-After with 429 and 503. `detail` is English, for developers; NULL: none. */
void http_problem(struct http_request *request, int status, const char *code, const char *detail);
void http_problem_items(struct http_request *request, int status, const char *code,
                        const struct problems *problems);
void http_error(struct http_request *request,
                const struct err *err); /* from error_info; logs 5xx once */

/* A list with its next page: {"items": [...], "next": "..."} and the Link header. `next` absent:
 * the last page. */
void http_answer_list(struct http_request *request, const struct record *record, const void *items,
                      size_t count, struct str next);

/* ---- Cursors: opaque, of fixed-size keys (at most 256 bytes); not secret and no signature, but
 * checked when they come back: cut, changed, or made by another route they are refused ---- */

struct str http_cursor_make(struct http_request *request, const void *key, size_t key_bytes);
/* `cursor` of the query. False where it is given but not ours (answered with 400 `bad_cursor`);
 * `*given` tells. */
bool http_cursor_read(struct http_request *request, void *key, size_t key_bytes, bool *given);

#endif
