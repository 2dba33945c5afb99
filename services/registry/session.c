/* Sessions of people: signing in, renewing, signing out, and who one is. */
#include "auth/cookies.h"
#include "base/clock.h"
#include "signin.h"
#include "store.h"

enum { TOKEN_LIFE_S = 15 * 60, RENEWAL_LIFE_S = 30 * 24 * 3600 };

/* ---- The role's start ---- */

enum error signin_start(struct process *process, struct err *err)
{
    struct signin *signin = ARENA_NEW(&process->arena, struct signin);
    signin->process = process;
    enum error code = keys_open(signin, err);
    if (code)
        return code;
    signin->passwords = passwords_new(process->loop);
    process->state = signin;
    return ERROR_NONE;
}

void signin_stop(struct process *process)
{
    struct signin *signin = process->state;
    passwords_free(signin->passwords);
    keys_close(signin);
}

/* ---- Cookies ---- */

static void set_cookies(struct http_request *request, struct str token, struct str secret)
{
    int port = process_of(request)->cookie_port;
    struct arena *arena = &request->arena;
    bool given = str_present(token);
    http_add_header(request, "Set-Cookie",
                    cookie_session(port, token, given ? TOKEN_LIFE_S : 0, arena));
    http_add_header(request, "Set-Cookie",
                    cookie_renew(port, secret, given ? RENEWAL_LIFE_S : 0, arena));
}

struct opened {
    struct uuid session, account;
    struct instant issued;
    struct str secret;
};

static void answer_session(struct http_request *request, const struct opened *opened)
{
    struct token_claims claims = {
        .issuer = str_from(process_of(request)->common.url),
        .kind = PRINCIPAL_ACCOUNT,
        .subject = opened->account,
        .session = opened->session,
        .issued = opened->issued,
        .expires = {(opened->issued.us / 1000000 + TOKEN_LIFE_S) * 1000000},
    };
    set_cookies(request, token_make(signin_of(request)->key, &claims, &request->arena),
                opened->secret);
    http_answer_empty(request, 204);
}

/* A new secret in the request's arena, and its digest. */
static struct str make_secret(struct http_request *request, struct str *digest)
{
    uint8_t *bytes = arena_alloc(&request->arena, 32);
    struct str secret = secret_make(&request->arena);
    secret_digest(secret, bytes);
    *digest = (struct str){(const char *)bytes, 32};
    return secret;
}

static struct instant renewal_end(void)
{
    return (struct instant){clock_now() + RENEWAL_LIFE_S * INT64_C(1000000)};
}

/* ---- POST /v1/session ---- */

struct login {
    struct str login, password;
};

static const struct field login_fields[] = {
    FIELD(login, login, .required = true, .min = 1, .max = 64),
    FIELD(login, password, .required = true, .min = 1, .max = 1024, .text = TEXT_FREE),
};
const struct record login_record = RECORD(login, login_fields);

struct attempt {
    struct password_check check; /* first: found again from it */
    struct http_request *request;
    struct session_opening opening;
    struct str secret;
};

static void session_opened(void *context, const struct result *result, enum error code,
                           const struct err *err)
{
    struct attempt *attempt = context;
    if (code)
        http_error(attempt->request, err);
    else if (result_null(result, 0, 0))
        http_problem(attempt->request, 401, "login_failed", NULL);
    else
        answer_session(attempt->request,
                       &(struct opened){attempt->opening.session, attempt->opening.account,
                                        result_instant(result, 0, 0), attempt->secret});
}

static void password_checked(struct password_check *check, bool matches)
{
    struct attempt *attempt = (struct attempt *)check;
    struct http_request *request = attempt->request;
    if (!matches) {
        http_problem(request, 401, "login_failed", NULL);
        return;
    }
    attempt->secret = make_secret(request, &attempt->opening.digest);
    attempt->opening.hash = check->hash;
    attempt->opening.session = uuid_v7();
    attempt->opening.valid_until = renewal_end();
    store_session_open(process_of(request)->write, &attempt->opening, session_opened, attempt);
}

static void login_found(void *context, const struct result *result, enum error code,
                        const struct err *err)
{
    struct attempt *attempt = context;
    struct signin *signin = signin_of(attempt->request);
    if (code) {
        passwords_leave(signin->passwords, &attempt->check);
        http_error(attempt->request, err);
        return;
    }
    if (result_rows(result)) {
        attempt->opening.account = result_uuid(result, 0, 0);
        attempt->check.hash = str_copy(&attempt->request->arena, result_str(result, 0, 1));
    }
    attempt->check.checked = password_checked;
    passwords_check(signin->passwords, &attempt->check);
}

/* Another site's page may not sign its visitor in as somebody else. */
static bool is_cross_site(const struct http_request *request)
{
    struct str site = http_header(request, "Sec-Fetch-Site");
    struct str origin = http_header(request, "Origin");
    if (str_present(site))
        return !str_equal(site, STR("same-origin")) && !str_equal(site, STR("none"));
    return str_present(origin) && !str_equal(origin, str_from(process_of(request)->common.url));
}

/* A place in the queue for one try; false: answered. A login that is not there is told the same. */
static bool enter(struct attempt *attempt)
{
    struct http_request *request = attempt->request;
    struct passwords *passwords = signin_of(request)->passwords;
    int64_t wait_s = passwords_try(passwords, &attempt->check);
    if (wait_s) {
        http_add_header(request, "Retry-After",
                        arena_printf(&request->arena, "%lld", (long long)wait_s));
        http_problem(request, 429, "too_many_requests", NULL);
        return false;
    }
    if (passwords_enter(passwords, &attempt->check))
        return true;
    http_problem(request, 503, "unavailable", NULL);
    return false;
}

void post_session(struct http_request *request)
{
    struct attempt *attempt = ARENA_NEW(&request->arena, struct attempt);
    struct login login;
    if (is_cross_site(request)) {
        http_problem(request, 403, "cross_site", NULL);
        return;
    }
    if (!http_object(request, &login_record, &login))
        return;
    struct str address = http_header(request, "X-Real-IP");
    attempt->request = request;
    attempt->check.login = login.login;
    attempt->check.address = str_present(address) ? address : STR("");
    attempt->check.password = login.password;
    if (enter(attempt))
        store_login(process_of(request)->read, login.login, login_found, attempt);
}

/* ---- By the renewal secret: it comes as a cookie, so from our own pages only ---- */

static bool read_secret(struct http_request *request, struct str *digest)
{
    const struct process *process = process_of(request);
    struct str secret =
        http_cookie(request, cookie_renew_name(process->cookie_port, &request->arena));
    if (!secret.len) {
        http_problem(request, 401, "unauthorized", NULL);
        return false;
    }
    if (!str_equal(http_header(request, "Sec-Fetch-Site"), STR("same-origin")) &&
        !str_equal(http_header(request, "Origin"), str_from(process->common.url))) {
        http_problem(request, 403, "cross_site", NULL);
        return false;
    }
    uint8_t *bytes = arena_alloc(&request->arena, 32);
    secret_digest(secret, bytes);
    *digest = (struct str){(const char *)bytes, 32};
    return true;
}

/* ---- POST /v1/session/renew ---- */

struct renewing {
    struct http_request *request;
    struct str secret;
};

static void session_renewed(void *context, const struct result *result, enum error code,
                            const struct err *err)
{
    struct renewing *renewing = context;
    struct http_request *request = renewing->request;
    if (code) {
        http_error(request, err);
        return;
    }
    if (result_rows(result) == 0) {
        set_cookies(request, (struct str){0}, (struct str){0});
        http_problem(request, 401, "unauthorized", NULL);
        process_poke(process_of(request), "relay"); /* a copied secret ends its session */
        return;
    }
    answer_session(request, &(struct opened){result_uuid(result, 0, 0), result_uuid(result, 0, 1),
                                             result_instant(result, 0, 2), renewing->secret});
}

void post_session_renew(struct http_request *request)
{
    struct renewing *renewing = ARENA_NEW(&request->arena, struct renewing);
    struct session_renewal renewal = {.valid_until = renewal_end()};
    if (!read_secret(request, &renewal.digest))
        return;
    renewing->request = request;
    renewing->secret = make_secret(request, &renewal.next);
    store_session_renew(process_of(request)->write, &renewal, session_renewed, renewing);
}

/* ---- DELETE /v1/session ---- */

static void session_ended(void *context, const struct result *result, enum error code,
                          const struct err *err)
{
    struct http_request *request = context;
    (void)result;
    if (code) {
        http_error(request, err);
        return;
    }
    process_poke(process_of(request), "relay");
    set_cookies(request, (struct str){0}, (struct str){0});
    http_answer_empty(request, 204);
}

void delete_session(struct http_request *request)
{
    struct str digest;
    if (read_secret(request, &digest))
        store_session_end(process_of(request)->write, digest, session_ended, request);
}

/* ---- GET /v1/me ---- */

struct me_role {
    struct str role;
    struct uuid node;
};

struct me_named {
    struct uuid id;
    struct str name;
};

struct me_child {
    struct uuid id;
    struct str name;
    struct me_named class, organisation;
    struct strs subjects;
};

struct me {
    struct uuid id;
    struct str name, locale;
    struct list roles, children;
};

static const struct field me_role_fields[] = {
    FIELD(me_role, role), FIELD(me_role, node, .about = "An organisation or body: its subtree.")};
static const struct record me_role_record = RECORD(me_role, me_role_fields);
static const struct field me_named_fields[] = {FIELD(me_named, id), FIELD(me_named, name)};
static const struct record me_named_record = RECORD(me_named, me_named_fields);
static const struct field me_child_fields[] = {
    FIELD(me_child, id),
    FIELD(me_child, name),
    FIELD(me_child, class, .record = &me_named_record, .about = "Its homeroom today."),
    FIELD(me_child, organisation, .record = &me_named_record),
    FIELD(me_child, subjects, .required = true,
          .about = "Codes of the reference data, list `subject`."),
};
static const struct record me_child_record = RECORD(me_child, me_child_fields);
static const struct field me_fields[] = {
    FIELD(me, id),
    FIELD(me, name),
    FIELD(me, locale, .about = "kk, ru or en."),
    FIELD(me, roles, .required = true, .record = &me_role_record),
    FIELD(me, children, .required = true, .record = &me_child_record),
};
const struct record me_record = RECORD(me, me_fields);

static void me_found(void *context, const struct result *result, enum error code,
                     const struct err *err)
{
    struct http_request *request = context;
    size_t count;
    if (code) {
        http_error(request, err);
        return;
    }
    const struct me *me = result_records(result, &me_record, &request->arena, &count);
    if (count)
        http_answer_json(request, 200, &me_record, me);
    else
        http_problem(request, 401, "unauthorized", NULL);
}

void get_me(struct http_request *request)
{
    const struct principal *principal = auth_principal(request);
    const struct me_wanted wanted = {
        .id = principal->id,
        .session = principal->session,
        .client = principal->kind == PRINCIPAL_CLIENT,
        .language = str_from(i18n_language_code(request->language)),
    };
    store_me(process_of(request)->read, &wanted, me_found, request);
}
