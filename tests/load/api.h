/* The public API as a school system calls it: a token by client credentials, lists, and batches.
 *
 * A call is one request with its answer. Lists are read one after the other, waiting (api_get);
 * batches go side by side (api_post, api_wait). The token is renewed on the way, without anyone
 * waiting: while the registry is away the one held serves on. */
#ifndef LOAD_API_H
#define LOAD_API_H

#include <curl/curl.h>

#include "base/buf.h"
#include "base/error.h"

struct call {
    CURL *easy;
    struct curl_slist *headers;
    struct buf body, answer;
    long status;            /* of the answer; 0: none came, nobody knows what was done */
    int64_t retry_after_ms; /* what the answer asked for; 0: nothing */
    bool done;
    bool deaf; /* to be set: the connection goes when all is sent, and no answer comes */
};

struct api {
    const char *url, *client_id, *client_secret;
    CURLM *multi;
    struct call token_call;
    struct buf authorization; /* the header, NUL-terminated */
    bool renewing;
    int64_t renew_at_us; /* monotonic */
};

/* `url` and credentials are borrowed. */
void api_open(struct api *api, const char *url, const char *client_id, const char *client_secret);
void api_close(struct api *api);
void call_done(struct call *call);

/* Gets the first token. Blocks for 10 s at most. */
enum error api_sign_in(struct api *api, struct err *err) MUST_CHECK;

/* GET of a path with its query. Blocks for 10 s at most; the answer is in `call`. */
enum error api_get(struct api *api, struct call *call, const char *path,
                   struct err *err) MUST_CHECK;

/* Sends call->body; `done` is set when its answer is there, after 30 s at the latest. */
void api_post(struct api *api, struct call *call, const char *path, const char *content_type);

/* Nobody waits for this call any more. */
void api_cancel(struct api *api, struct call *call);

/* Works on what is under way until something is done, at most `timeout_ms`. */
void api_wait(struct api *api, int timeout_ms);

/* The token was refused: the next one is asked for. */
void api_renew(struct api *api);

#endif
