/* Who is calling: from the request to its principal, and no further without one. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/auth_internal.h"
#include "auth/cookies.h"
#include "base/clock.h"
#include "base/metric.h"

/* How long rights may be kept where no revocations arrive to end them earlier. */
#define KEEP_US        (60 * SECOND_US)
#define KEEP_UNTOLD_US SECOND_US

static struct metric tokens_verified = {
    .name = "eiso_tokens_verified_total",
    .help = "Tokens whose signature was verified and right; the others were remembered.",
    .type = METRIC_COUNTER,
};
static struct metric requests_unauthorized = {
    .name = "eiso_requests_unauthorized_total",
    .help = "Requests refused with 401.",
    .type = METRIC_COUNTER,
};

/* One request on its way; in the request's arena. */
struct call {
    struct http_request *request;
    struct auth *auth;
    struct str token;
    uint8_t digest[32];
    bool keys_renewed; /* once is enough */
    struct principal principal;
    struct keyring_wait keyring_wait;
    struct rights_wait rights_wait;
};

/* ---- Opening ---- */

static void revocations_came(void *context)
{
    watches_check(context);
}

enum error auth_open(struct auth **opened, const struct auth_options *options, struct err *err)
{
    (void)err;
    sodium_ready();
    metric_register(&tokens_verified);
    metric_register(&requests_unauthorized);
    struct auth *auth = mem_alloc(sizeof *auth);
    auth->options = *options;
    auth->remembered = remembered_new();
    auth->revocations = revocations_new();
    auth->watches = watches_new(options->loop, auth->revocations);
    auth->rights = rights_cache_new(options->read, auth->revocations,
                                    options->brokers ? KEEP_US : KEEP_UNTOLD_US);
    auth->keyring = keyring_new(options->loop, options->read);
    if (options->brokers)
        auth->feed = feed_open(options, auth->revocations, revocations_came, auth->watches);
    *opened = auth;
    return ERROR_NONE;
}

void auth_close(struct auth *auth)
{
    if (!auth)
        return;
    feed_close(auth->feed);
    keyring_free(auth->keyring);
    rights_cache_free(auth->rights);
    watches_free(auth->watches);
    revocations_free(auth->revocations);
    remembered_free(auth->remembered);
    free(auth);
}

/* ---- Refusing ---- */

/* RFC 6750 section 3: who brought no token is told how to, who brought a bad one why. */
static void unauthorized(struct http_request *request, const char *code, const char *challenge)
{
    metric_add(&requests_unauthorized, 1);
    http_add_header(request, "WWW-Authenticate", challenge);
    http_problem(request, 401, code, NULL);
}

static void refuse_unknown(struct http_request *request)
{
    unauthorized(request, "unauthorized", "Bearer");
}

static void refuse_false(struct http_request *request)
{
    unauthorized(request, "unauthorized", "Bearer error=\"invalid_token\"");
}

static void refuse_expired(struct http_request *request)
{
    unauthorized(request, "token_expired",
                 "Bearer error=\"invalid_token\", error_description=\"expired\"");
}

static void refuse_scope(struct http_request *request)
{
    struct buf needed = {0};
    scopes_print(request->route->scope, &needed);
    http_add_header(request, "WWW-Authenticate",
                    arena_printf(&request->arena,
                                 "Bearer error=\"insufficient_scope\", scope=\"%.*s\"",
                                 STR_ARG(buf_str(&needed))));
    buf_done(&needed);
    http_problem(request, 403, "forbidden", NULL);
}

/* Reading the copies commits nothing: whatever broke, nothing was done. */
static void refuse_unavailable(struct http_request *request, const struct err *err)
{
    struct err answer = *err;
    if (answer.code == ERROR_UNKNOWN)
        answer.code = ERROR_UNAVAILABLE;
    http_error(request, &answer);
}

/* ---- What the caller may do ---- */

/* A client may do what its token was asked for and it still has; a person what the roles say. */
static void principal_add_rights(struct principal *principal, const struct rights *rights,
                                 struct arena *arena)
{
    struct principal token = *principal;
    *principal = rights->principal;
    if (token.kind == PRINCIPAL_CLIENT)
        principal->scopes &= token.scopes;
    principal->session = token.session;
    principal->issued = token.issued;
    principal->expires = token.expires;
    principal_move_ids(principal, ARENA_ARRAY(arena, principal_ids(principal), struct uuid));
}

static void proceed_in_scope(struct call *call)
{
    struct http_request *request = call->request;
    if (request->route->scope & ~call->principal.scopes) {
        refuse_scope(request);
        return;
    }
    request->principal = &call->principal;
    http_proceed(request);
}

static void admit(void *context, const struct rights *rights, const struct err *err)
{
    struct call *call = context;
    struct http_request *request = call->request;
    if (!rights) {
        refuse_unavailable(request, err);
    } else if (!rights->active || revocations_hit(call->auth->revocations, &call->principal)) {
        refuse_false(request);
    } else {
        principal_add_rights(&call->principal, rights, &request->arena);
        proceed_in_scope(call);
    }
}

/* ---- Who it is ---- */

static void authorise(struct call *call, const struct token_claims *claims)
{
    call->principal = (struct principal){
        .kind = claims->kind,
        .id = claims->subject,
        .session = claims->session,
        .scopes = claims->scopes,
        .issued = claims->issued,
        .expires = claims->expires,
    };
    if (claims->expires.us + TOKEN_SKEW_S * SECOND_US <= clock_now()) {
        refuse_expired(call->request);
        return;
    }
    call->rights_wait = (struct rights_wait){.callback = admit, .context = call};
    rights_find(call->auth->rights, claims->kind, &claims->subject, &call->rights_wait);
}

static void identify(struct call *call);

static void keys_renewed(void *context, const struct err *err)
{
    struct call *call = context;
    if (err)
        refuse_unavailable(call->request, err);
    else
        identify(call);
}

/* Waits for the keys to be read, once; false: that has been done. */
static bool wait_for_keys(struct call *call)
{
    if (call->keys_renewed)
        return false;
    call->keys_renewed = true;
    call->keyring_wait = (struct keyring_wait){.callback = keys_renewed, .context = call};
    return keyring_refresh(call->auth->keyring, &call->keyring_wait);
}

static void identify(struct call *call)
{
    struct auth *auth = call->auth;
    const struct key_set *keys = keyring_get(auth->keyring);
    if (!keys && wait_for_keys(call))
        return;
    struct token_claims claims;
    enum error code =
        token_verify(keys, call->token, str_from(auth->options.issuer), clock_now(), &claims, NULL);
    if (!code) {
        metric_add(&tokens_verified, 1);
        remembered_put(auth->remembered, call->digest, clock_monotonic(), &claims);
        authorise(call, &claims);
    } else if (claims.expires.us && claims.expires.us <= clock_now()) {
        refuse_expired(call->request);
    } else if (code != ERROR_NOT_FOUND || !wait_for_keys(call)) {
        refuse_false(call->request);
    }
}

/* ---- What was sent ---- */

/* RFC 9110 section 11.1: the scheme's case does not matter. */
static struct str bearer_of(struct str authorization)
{
    struct str scheme = str_cut(&authorization, ' ');
    bool bearer = scheme.len == 6 && strncasecmp(scheme.ptr, "Bearer", 6) == 0;
    return bearer && str_present(authorization) ? authorization : STR("");
}

static bool same_origin(const struct http_request *request, const char *url)
{
    return str_equal(http_header(request, "Sec-Fetch-Site"), STR("same-origin")) ||
           str_equal(http_header(request, "Origin"), str_from(url));
}

/* The cookie comes along whoever made the browser send the request: a write must come from our own
 * pages (OWASP ASVS 3.5.1). False: answered. */
static bool take_cookie(struct call *call)
{
    struct http_request *request = call->request;
    const struct auth_options *options = &call->auth->options;
    call->token = http_cookie(request, cookie_session_name(options->cookie_port, &request->arena));
    if (!call->token.len) {
        refuse_unknown(request);
        return false;
    }
    if (request->method != HTTP_GET && !same_origin(request, options->url)) {
        http_problem(request, 403, "cross_site", NULL);
        return false;
    }
    return true;
}

static bool take_token(struct call *call)
{
    struct str authorization = http_header(call->request, "Authorization");
    if (!str_present(authorization))
        return take_cookie(call);
    call->token = bearer_of(authorization);
    if (!call->token.len)
        refuse_unknown(call->request);
    return call->token.len;
}

void auth_guard(struct http_request *request)
{
    if (request->route->open) {
        http_proceed(request);
        return;
    }
    struct call *call = ARENA_NEW(&request->arena, struct call);
    call->request = request;
    call->auth = *(struct auth **)request->server;
    if (!take_token(call))
        return;
    secret_digest(call->token, call->digest);
    struct token_claims claims;
    if (remembered_get(call->auth->remembered, call->digest, clock_monotonic(), &claims))
        authorise(call, &claims);
    else
        identify(call);
}
