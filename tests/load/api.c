#include "api.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "record/record.h"

enum {
    ANSWER_MOST_BYTES = 16 << 20,
    GET_TIMEOUT_MS = 10 * 1000,
    POST_TIMEOUT_MS = 30 * 1000,
    RENEW_AGAIN_US = 2 * 1000 * 1000
};

struct token {
    struct str access_token;
    int32_t expires_in; /* seconds */
};
static const struct field token_fields[] = {
    FIELD(token, access_token, .required = true, .max = 8192),
    FIELD(token, expires_in, .required = true, .min = 1, .max = 86400),
};
static const struct record token_record = RECORD(token, token_fields);

/* ---- A call ---- */

static size_t take_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct call *call = context;
    if (call->answer.len + size * count > ANSWER_MOST_BYTES)
        return 0; /* ends the transfer */
    buf_add(&call->answer, bytes, size * count);
    return size * count;
}

/* Ends the transfer of a deaf call when its body is out. */
static int look_at_progress(void *context, curl_off_t down, curl_off_t downloaded, curl_off_t up,
                            curl_off_t uploaded)
{
    (void)context, (void)down, (void)downloaded;
    return up > 0 && uploaded == up;
}

static void add_header(struct call *call, const char *line)
{
    struct curl_slist *longer = curl_slist_append(call->headers, line);
    ensure(longer);
    call->headers = longer;
}

static void call_reset(struct call *call)
{
    if (!call->easy)
        call->easy = curl_easy_init();
    ensure(call->easy);
    curl_easy_reset(call->easy);
    curl_slist_free_all(call->headers);
    call->headers = NULL;
    buf_reset(&call->answer);
    call->status = 0;
    call->retry_after_ms = 0;
    call->done = false;
}

static void call_prepare(const struct api *api, struct call *call, const char *path,
                         long timeout_ms)
{
    CLEANUP(buf_done) struct buf url = {0};
    buf_printf(&url, "%s%s", api->url, path);
    buf_add_char(&url, '\0');
    call_reset(call);
    curl_easy_setopt(call->easy, CURLOPT_URL, url.ptr);
    curl_easy_setopt(call->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(call->easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
}

/* With what call->body holds. */
static void call_set_body(struct call *call, const char *content_type)
{
    CLEANUP(buf_done) struct buf header = {0};
    buf_printf(&header, "Content-Type: %s", content_type);
    buf_add_char(&header, '\0');
    add_header(call, header.ptr);
    add_header(call, "Expect:"); /* no "100 Continue" round for a large body */
    curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, call->body.ptr);
    curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE, (long)call->body.len);
}

static void call_set_token(const struct api *api, struct call *call)
{
    add_header(call, api->authorization.ptr);
}

/* With the headers that it has by now. */
static CURL *call_ready(struct call *call)
{
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
    return call->easy;
}

static void call_finish(struct call *call, CURLcode result)
{
    curl_off_t retry_after_s = 0;
    call->done = true;
    call->status = 0;
    if (result == CURLE_OK)
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &call->status);
    curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    call->retry_after_ms = (int64_t)retry_after_s * 1000;
}

void call_done(struct call *call)
{
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    buf_done(&call->body);
    buf_done(&call->answer);
    *call = (struct call){0};
}

/* ---- The token ---- */

static void token_prepare(struct api *api)
{
    struct call *call = &api->token_call;
    buf_reset(&call->body);
    buf_add_text(&call->body, "grant_type=client_credentials");
    call_prepare(api, call, "/oauth/token", GET_TIMEOUT_MS);
    call_set_body(call, "application/x-www-form-urlencoded");
    curl_easy_setopt(call->easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(call->easy, CURLOPT_USERNAME, api->client_id);
    curl_easy_setopt(call->easy, CURLOPT_PASSWORD, api->client_secret);
}

static void token_keep(struct api *api, const struct token *token)
{
    buf_reset(&api->authorization);
    buf_printf(&api->authorization, "Authorization: Bearer %.*s", STR_ARG(token->access_token));
    buf_add_char(&api->authorization, '\0');
    api->renew_at_us = clock_monotonic() + token->expires_in * INT64_C(800000); /* at 4/5 */
}

static enum error token_take(struct api *api, struct err *err)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct problems problems = {.arena = &arena};
    struct body_error wrong;
    struct token token = {0};
    const struct call *call = &api->token_call;
    api->renew_at_us = clock_monotonic() + RENEW_AGAIN_US;
    if (call->status != 200)
        return err_set(err, call->status == 401 ? ERROR_UNAUTHORIZED : ERROR_UNAVAILABLE,
                       "no token: HTTP %ld", call->status);
    if (!record_decode_json(&token_record, buf_str(&call->answer), &arena, &token, &problems,
                            &wrong) ||
        !str_present(token.access_token) || !token.expires_in)
        return err_set(err, ERROR_CORRUPT, "no token in the answer");
    token_keep(api, &token);
    return ERROR_NONE;
}

static void renewed(struct api *api)
{
    struct err err = {0};
    api->renewing = false;
    if (token_take(api, &err))
        log_error("the token could not be renewed; the one held serves on", &err);
}

static void renew_when_due(struct api *api)
{
    if (api->renewing || clock_monotonic() < api->renew_at_us)
        return;
    api->renewing = true;
    token_prepare(api);
    curl_multi_add_handle(api->multi, call_ready(&api->token_call));
}

enum error api_sign_in(struct api *api, struct err *err)
{
    token_prepare(api);
    call_finish(&api->token_call, curl_easy_perform(call_ready(&api->token_call)));
    return token_take(api, err);
}

void api_renew(struct api *api)
{
    api->renew_at_us = MIN_OF(api->renew_at_us, clock_monotonic() + RENEW_AGAIN_US / 10);
}

/* ---- Calls ---- */

enum error api_get(struct api *api, struct call *call, const char *path, struct err *err)
{
    call_prepare(api, call, path, GET_TIMEOUT_MS);
    call_set_token(api, call);
    call_finish(call, curl_easy_perform(call_ready(call)));
    if (call->status == 200)
        return ERROR_NONE;
    return err_set(err, ERROR_UNAVAILABLE, "GET %s: HTTP %ld", path, call->status);
}

void api_post(struct api *api, struct call *call, const char *path, const char *content_type)
{
    call_prepare(api, call, path, POST_TIMEOUT_MS);
    call_set_body(call, content_type);
    call_set_token(api, call);
    if (call->deaf) {
        curl_easy_setopt(call->easy, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(call->easy, CURLOPT_XFERINFOFUNCTION, look_at_progress);
    }
    curl_multi_add_handle(api->multi, call_ready(call));
}

void api_cancel(struct api *api, struct call *call)
{
    curl_multi_remove_handle(api->multi, call->easy);
}

static void take_finished(struct api *api)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(api->multi, &left))) {
        struct call *call = NULL;
        CURLcode result = message->data.result;
        CURL *easy = message->easy_handle;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&call);
        curl_multi_remove_handle(api->multi, easy);
        call_finish(call, result);
        if (call == &api->token_call)
            renewed(api);
    }
}

void api_wait(struct api *api, int timeout_ms)
{
    int running;
    renew_when_due(api);
    curl_multi_perform(api->multi, &running);
    curl_multi_poll(api->multi, NULL, 0, timeout_ms, NULL);
    curl_multi_perform(api->multi, &running);
    take_finished(api);
}

void api_open(struct api *api, const char *url, const char *client_id, const char *client_secret)
{
    *api = (struct api){.url = url, .client_id = client_id, .client_secret = client_secret};
    ensure(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    api->multi = curl_multi_init();
    ensure(api->multi);
}

void api_close(struct api *api)
{
    if (api->renewing)
        curl_multi_remove_handle(api->multi, api->token_call.easy);
    call_done(&api->token_call);
    buf_done(&api->authorization);
    curl_multi_cleanup(api->multi);
    curl_global_cleanup();
}
