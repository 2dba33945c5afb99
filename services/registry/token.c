/* Tokens for clients (RFC 6749 section 4.4), and the keys by which all tokens are verified. */
#include "credentials.h"
#include "signin.h"
#include "store.h"

enum { TOKEN_LIFE_S = 3600, KEYS_MAX_AGE_S = 300 };

/* ---- Answers ---- */

struct token_answer {
    struct str access_token, token_type, scope;
    int32_t expires_in; /* seconds */
};

static const struct field token_answer_fields[] = {
    FIELD(token_answer, access_token, .required = true, .max = 4096, .about = "A bearer token."),
    FIELD(token_answer, token_type, .required = true),
    FIELD(token_answer, expires_in, .required = true, .about = "Seconds."),
    FIELD(token_answer, scope, .required = true, .about = "What was granted."),
};
const struct record token_answer_record = RECORD(token_answer, token_answer_fields);

struct token_refusal {
    struct str error, error_description;
};

static const struct field token_refusal_fields[] = {
    FIELD(token_refusal, error, .required = true),
    FIELD(token_refusal, error_description),
};
const struct record token_refusal_record = RECORD(token_refusal, token_refusal_fields);

/* RFC 6749 section 5.2, by which every OAuth library reads it; the words in English. */
static void refuse(struct http_request *request, int status, const char *error,
                   const char *description)
{
    if (status == 401)
        http_add_header(request, "WWW-Authenticate", "Basic realm=\"eiso\", charset=\"UTF-8\"");
    http_answer_json(request, status, &token_refusal_record,
                     &(struct token_refusal){str_from(error), str_from(description)});
}

static void refuse_client(struct http_request *request)
{
    refuse(request, 401, "invalid_client", "the client's id or secret is wrong");
}

/* ---- What is asked for ---- */

/* The form's fields, for the reference: they are read one by one (credentials.h), for who sends
 * them speaks OAuth and not our problems. */
struct token_form {
    unsigned grant_type;
    struct str scope, client_id, client_secret;
};
static const struct value grant_names[] = {{"client_credentials", 1}};
static const struct values grants = VALUES(grant_names);
static const struct field token_form_fields[] = {
    FIELD(token_form, grant_type, .required = true, .values = &grants),
    FIELD(token_form, scope),
    FIELD(token_form, client_id),
    FIELD(token_form, client_secret),
};
const struct record token_form_record = RECORD(token_form, token_form_fields);

struct token_request {
    struct http_request *request;
    struct uuid client;
    uint8_t digest[32];
    unsigned scopes;
    bool all_scopes; /* none were named */
};

/* Form fields and Basic; false: answered. */
static bool read_client(struct token_request *wanted, struct str *secret)
{
    struct http_request *request = wanted->request;
    struct arena *arena = &request->arena;
    struct str authorization = http_header(request, "Authorization"), id = {0};
    bool read = str_present(authorization)
                    ? basic_read(authorization, arena, &id, secret)
                    : form_get(request->body, "client_id", arena, &id) &&
                          form_get(request->body, "client_secret", arena, secret);
    if (read && uuid_parse(id, &wanted->client) && str_present(*secret))
        return true;
    refuse_client(request);
    return false;
}

static bool read_grant(struct http_request *request)
{
    struct str grant;
    if (!form_get(request->body, "grant_type", &request->arena, &grant) || !str_present(grant)) {
        refuse(request, 400, "invalid_request", "grant_type is missing");
        return false;
    }
    if (str_equal(grant, STR("client_credentials")))
        return true;
    refuse(request, 400, "unsupported_grant_type", "only client_credentials is");
    return false;
}

static bool read_scope(struct token_request *wanted)
{
    struct http_request *request = wanted->request;
    struct str scope;
    bool all_known = true;
    bool read = form_get(request->body, "scope", &request->arena, &scope);
    wanted->all_scopes = !str_present(scope) || scope.len == 0;
    if (read && !wanted->all_scopes)
        wanted->scopes = scopes_parse(scope, &all_known);
    if (read && all_known)
        return true;
    refuse(request, 400, "invalid_scope", "there is no such scope");
    return false;
}

/* ---- POST /oauth/token ---- */

static void answer_token(const struct token_request *wanted, struct instant issued)
{
    struct http_request *request = wanted->request;
    CLEANUP(buf_done) struct buf scope = {0};
    struct token_claims claims = {
        .issuer = str_from(process_of(request)->common.url),
        .kind = PRINCIPAL_CLIENT,
        .subject = wanted->client,
        .scopes = wanted->scopes,
        .issued = issued,
        .expires = {(issued.us / 1000000 + TOKEN_LIFE_S) * 1000000},
    };
    scopes_print(wanted->scopes, &scope);
    struct token_answer answer = {
        .access_token = token_make(signin_of(request)->key, &claims, &request->arena),
        .token_type = STR("Bearer"),
        .scope = buf_str(&scope),
        .expires_in = TOKEN_LIFE_S,
    };
    http_add_header(request, "Pragma", "no-cache");
    http_answer_json(request, 200, &token_answer_record, &answer);
}

static bool secret_is(const struct result *result, const uint8_t digest[32])
{
    struct str stored = result_str(result, 0, 2);
    return stored.len == 32 && secret_equal((const uint8_t *)stored.ptr, digest);
}

static void client_found(void *context, const struct result *result, enum error code,
                         const struct err *err)
{
    struct token_request *wanted = context;
    struct http_request *request = wanted->request;
    if (code) {
        http_error(request, err);
        return;
    }
    if (result_rows(result) == 0 || !secret_is(result, wanted->digest) ||
        !result_bool(result, 0, 0)) {
        refuse_client(request);
        return;
    }
    unsigned granted = (unsigned)result_int(result, 0, 1);
    if (wanted->all_scopes)
        wanted->scopes = granted;
    if (wanted->scopes & ~granted)
        refuse(request, 400, "invalid_scope", "a scope is not granted to this client");
    else
        answer_token(wanted, result_instant(result, 0, 3));
}

void post_token(struct http_request *request)
{
    struct token_request *wanted = ARENA_NEW(&request->arena, struct token_request);
    struct str secret = {0};
    wanted->request = request;
    if (!read_grant(request) || !read_client(wanted, &secret) || !read_scope(wanted))
        return;
    secret_digest(secret, wanted->digest);
    store_client(process_of(request)->read, &wanted->client, client_found, wanted);
}

/* ---- GET /.well-known/jwks.json ---- */

static void keys_found(void *context, const struct result *result, enum error code,
                       const struct err *err)
{
    struct http_request *request = context;
    CLEANUP(buf_done) struct buf body = {0};
    if (code) {
        http_error(request, err);
        return;
    }
    buf_add_text(&body, "{\"keys\":[");
    for (size_t row = 0; row < result_rows(result); row++) {
        if (row)
            buf_add_char(&body, ',');
        buf_add_str(&body, result_str(result, row, 0));
    }
    buf_add_text(&body, "]}");
    http_add_header(request, "Cache-Control",
                    arena_printf(&request->arena, "public, max-age=%d", (int)KEYS_MAX_AGE_S));
    http_answer(request, 200, "application/jwk-set+json", buf_str(&body));
}

void get_keys(struct http_request *request)
{
    store_keys(process_of(request)->read, keys_found, request);
}
