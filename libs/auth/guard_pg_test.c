/* The guard in front of a real server over a real copy of the registry. */
#include "testkit/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "auth/auth_internal.h"
#include "base/clock.h"
#include "http/sse.h"
#include "intake/intake.h"
#include "testkit/testkit.h"

#define URL       "http://localhost:8080"
#define MINUTE_US (60 * SECOND_US)

/* Whoever is in the copies of every test. */
#define SYSTEM    "0192aaaa-0000-7000-8000-000000000001"
#define LOCKED    "0192aaaa-0000-7000-8000-000000000002"
#define HEAD      "0192aaaa-0000-7000-8000-000000000011"
#define OFFICIAL  "0192aaaa-0000-7000-8000-000000000012"
#define TEACHER   "0192aaaa-0000-7000-8000-000000000013"
#define PARENT    "0192aaaa-0000-7000-8000-000000000014"
#define LEARNER   "0192aaaa-0000-7000-8000-000000000015"
#define NEWCOMER  "0192aaaa-0000-7000-8000-000000000016"
#define SCHOOL    "0192bbbb-0000-7000-8000-000000000001"
#define OBLAST    "0192bbbb-0000-7000-8000-000000000002"
#define CLASS_NOW "0192cccc-0000-7000-8000-000000000001"
#define CLASS_OLD "0192cccc-0000-7000-8000-000000000002"
#define SESSION   "0192dddd-0000-7000-8000-000000000001"
#define CHILD     "0192eeee-0000-7000-8000-000000000001"

/* A person has the id of the account with another beginning. */
#define PERSON_OF(account) "overlay('" account "' placing '0192ffff' from 1 for 8)::uuid"
#define ACCOUNT(account, active, roles)          \
    "insert into copy_account values ('" account \
    "', " PERSON_OF(account) ", " active ", 'kk', " roles ", 1, 1);"

static const char registry[] =
    "insert into copy_client values"
    " ('" SYSTEM "', 'a school system', '" SCHOOL "', 1 | 4 | 8, true, 1, 1),"
    " ('" LOCKED "', 'another', '" SCHOOL "', 4, false, 1, 1);" ACCOUNT(
        HEAD, "true",
        "'[{\"role\": \"head\", \"node\": \"" SCHOOL "\"},"
        "  {\"role\": \"official\", \"node\": \"" OBLAST
        "\"}]'") ACCOUNT(OFFICIAL, "true",
                         "'[{\"role\": \"official\", \"node\": \"" OBLAST "\"},"
                         "  {\"role\": \"a role of a later version\", \"node\": \"" OBLAST
                         "\"}]'") ACCOUNT(TEACHER, "true", "null") ACCOUNT(PARENT, "true", "'[]'")
        ACCOUNT(LEARNER, "true", "null") ACCOUNT(
            NEWCOMER, "true",
            "null") "insert into copy_assignment values"
                    " (gen_random_uuid(), " PERSON_OF(
                        TEACHER) ", '" CLASS_NOW "', 'math', 1, current_date - 9, null, 1, 1),"
                                 " (gen_random_uuid(), " PERSON_OF(
                                     TEACHER) ", '" CLASS_NOW "', 'physics', 1, current_date - 9, "
                                              "current_date + 9, 1, 1),"
                                              " (gen_random_uuid(), " PERSON_OF(
                                                  TEACHER) ", '" CLASS_OLD
                                                           "', 'math', 1, '2020-09-01', "
                                                           "'2021-05-25', 1, 1);"
                                                           "insert into copy_link values"
                                                           " (gen_random_uuid(), '" CHILD
                                                           "', " PERSON_OF(
                                                               PARENT) ", 30, current_date - 9, "
                                                                       "null, 2, 1, 1),"
                                                                       " (gen_random_uuid(), "
                                                                       "'" CHILD "', " PERSON_OF(
                                                                           NEWCOMER) ", 30, "
                                                                                     "current_date "
                                                                                     "- 9, null, "
                                                                                     "1, 1, 1);"
                                                                                     "insert into "
                                                                                     "copy_"
                                                                                     "enrolment "
                                                                                     "values"
                                                                                     " (gen_random_"
                                                                                     "uuid(),"
                                                                                     " " PERSON_OF(
                                                                                         LEARNER) ", '" CLASS_NOW
                                                                                                  "', current_date - 9, null, 1, 1, 1);";

/* The server's context begins with the auth; handlers leave here what they were given. */
struct world {
    struct auth *auth;
    struct arena arena;
    struct loop *loop;
    struct db_async *read;
    struct db *db;
    struct http_server *server;
    struct signing_key *key;
    const char *conninfo, *socket, *folder;
    struct principal seen; /* lists in the arena */
    int served;
    struct auth_watch *watch; /* of the stream */
    struct sse *stream;
    int streams_ended;
};

static struct world it;

static const char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));
static const char *text(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char made[4096];
    vsnprintf(made, sizeof made, format, arguments);
    va_end(arguments);
    return str_copy(&it.arena, str_from(made)).ptr;
}

static struct uuid uuid_of(const char *id)
{
    struct uuid uuid = {0};
    assert_true(uuid_parse(str_from(id), &uuid));
    return uuid;
}

/* ---- The server ---- */

static void serve(struct http_request *request)
{
    it.served++;
    if (auth_principal(request)) {
        it.seen = *auth_principal(request);
        principal_move_ids(&it.seen, ARENA_ARRAY(&it.arena, principal_ids(&it.seen), struct uuid));
    }
    http_answer_empty(request, 204);
}

static void stream_closed(struct sse *sse, void *context)
{
    (void)sse;
    (void)context;
    auth_release(it.watch);
    it.watch = NULL;
    it.stream = NULL;
    it.streams_ended++;
}

static void access_ended(void *context)
{
    (void)context;
    sse_close(it.stream);
}

static void serve_stream(struct http_request *request)
{
    it.watch = auth_hold(it.auth, auth_principal(request), access_ended, NULL);
    it.stream = sse_open(request, stream_closed, NULL);
}

static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/known", .handler = serve},
    {.method = HTTP_GET, .path = "/open", .handler = serve, .open = true},
    {.method = HTTP_GET, .path = "/marks", .handler = serve, .scope = SCOPE_MARKS_READ},
    {.method = HTTP_POST,
     .path = "/marks",
     .handler = serve,
     .body_bytes = 100,
     .scope = SCOPE_MARKS_WRITE},
    {.method = HTTP_DELETE, .path = "/known", .handler = serve},
    {.method = HTTP_GET, .path = "/figures", .handler = serve, .scope = SCOPE_INDICATORS_READ},
    {.method = HTTP_GET,
     .path = "/stream",
     .handler = serve_stream,
     .scope = SCOPE_INBOX,
     .stream = true},
};

static void sql(const char *statement)
{
    struct err err = {0};
    if (db_run(it.db, statement, &err))
        fail_msg("%s", err.text);
}

static void publish(const struct signing_key *key)
{
    sql(text("insert into copy_key values ('%.*s', '%.*s', null, 1, 1)",
             STR_ARG(signing_key_id(key)), STR_ARG(signing_key_public(key, &it.arena))));
}

static void open_server(const char *conninfo)
{
    it.loop = loop_new();
    it.read = db_async_new(
        it.loop,
        &(struct db_async_options){.conninfo = conninfo, .pipeline = true, .timeout_ms = 1000});
    assert_int_equal(
        auth_open(
            &it.auth,
            &(struct auth_options){
                .loop = it.loop, .read = it.read, .issuer = URL, .url = URL, .cookie_port = 8080},
            NULL),
        ERROR_NONE);
    assert_int_equal(http_server_open(&it.server,
                                      &(struct http_server_options){.loop = it.loop,
                                                                    .socket_path = it.socket,
                                                                    .routes = ROUTES(routes),
                                                                    .guard = auth_guard,
                                                                    .context = &it},
                                      NULL),
                     ERROR_NONE);
}

static void close_server(void)
{
    http_server_close(it.server);
    auth_close(it.auth);
    db_async_free(it.read);
    loop_free(it.loop);
}

static int begin(void **state)
{
    (void)state;
    it = (struct world){0};
    it.folder = testkit_folder(&it.arena);
    it.socket = text("%s/http", it.folder);
    it.conninfo = testkit_database(&it.arena);
    assert_int_equal(db_open(&it.db, it.conninfo, NULL), ERROR_NONE);
    assert_int_equal(db_migrate(it.db, &intake_migrations, 1, NULL), ERROR_NONE);
    sql(registry);
    assert_int_equal(signing_key_load(&it.key, text("%s/key", it.folder), true, NULL), ERROR_NONE);
    publish(it.key);
    open_server(it.conninfo);
    return 0;
}

static int end(void **state)
{
    (void)state;
    close_server();
    db_close(it.db);
    signing_key_free(it.key);
    arena_done(&it.arena);
    return 0;
}

/* ---- The client ---- */

struct answer {
    struct loop_watch *watch;
    size_t len;
    int fd;
    bool done;
    char text[8192];
};

static void answer_read(void *context, int ready)
{
    (void)ready;
    struct answer *answer = context;
    ssize_t count =
        read(answer->fd, answer->text + answer->len, sizeof answer->text - 1 - answer->len);
    if (count > 0)
        answer->len += (size_t)count;
    else if (count == 0 || errno != EAGAIN)
        answer->done = true;
    if (answer->done || strstr(answer->text, "text/event-stream"))
        loop_stop(it.loop);
}

static void ask_start(struct answer *answer, const char *request)
{
    *answer = (struct answer){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", it.socket);
    assert_int_equal(connect(answer->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(answer->fd, request, strlen(request)), strlen(request));
    answer->watch = loop_watch_new(it.loop, answer->fd, answer_read, answer);
    loop_watch_set(answer->watch, LOOP_READ);
}

static void ask_end(struct answer *answer)
{
    loop_watch_free(answer->watch);
    close(answer->fd);
}

/* The whole answer; its status is what most tests look at. */
static int ask_for(const char *request, const char *wanted)
{
    struct answer answer;
    ask_start(&answer, request);
    loop_run(it.loop);
    ask_end(&answer);
    assert_memory_equal(answer.text, "HTTP/1.1 ", 9);
    if (wanted && !strstr(answer.text, wanted))
        fail_msg("no %s in: %s", wanted, answer.text);
    return (int)strtol(answer.text + 9, NULL, 10);
}

static const char *request_with(const char *line, const char *headers)
{
    return text("%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", line, headers);
}

static int ask(const char *line, const char *headers)
{
    return ask_for(request_with(line, headers), NULL);
}

static struct token_claims claims_of(enum principal_kind kind, const char *id)
{
    struct token_claims claims = {.issuer = STR(URL), .kind = kind, .subject = uuid_of(id)};
    if (kind == PRINCIPAL_ACCOUNT)
        claims.session = uuid_of(SESSION);
    else
        claims.scopes = SCOPE_MARKS_READ | SCOPE_MARKS_WRITE;
    claims.issued.us = clock_now();
    claims.expires.us = claims.issued.us + 15 * MINUTE_US;
    return claims;
}

static const char *bearer(const struct token_claims *claims)
{
    return text("Authorization: Bearer %.*s\r\n", STR_ARG(token_make(it.key, claims, &it.arena)));
}

static const char *client(const char *id)
{
    struct token_claims claims = claims_of(PRINCIPAL_CLIENT, id);
    return bearer(&claims);
}

static const char *account(const char *id)
{
    struct token_claims claims = claims_of(PRINCIPAL_ACCOUNT, id);
    return bearer(&claims);
}

static const char *cookie(const char *id)
{
    struct token_claims claims = claims_of(PRINCIPAL_ACCOUNT, id);
    return text("Cookie: a=b; eiso_8080=%.*s\r\n", STR_ARG(token_make(it.key, &claims, &it.arena)));
}

static bool lists(struct uuids list, const char *id)
{
    struct uuid uuid = uuid_of(id);
    return list.count == 1 && uuid_equal(&list.items[0], &uuid);
}

/* ---- Who is let in ---- */

static void an_open_route_asks_nobody(void **state)
{
    (void)state;
    assert_int_equal(ask("GET /open", ""), 204);
    assert_int_equal(ask("GET /open", "Authorization: Bearer nonsense\r\n"), 204);
}

static void without_a_token_nobody_is_known(void **state)
{
    (void)state;
    assert_int_equal(ask_for(request_with("GET /known", ""), "WWW-Authenticate: Bearer\r\n"), 401);
    assert_int_equal(ask("GET /known", "Authorization: Basic eDp5\r\n"), 401);
    assert_int_equal(ask("GET /known", "Authorization: Bearer\r\n"), 401);
    assert_int_equal(ask("GET /known", "Cookie: eiso_8080=\r\n"), 401);
    assert_int_equal(ask("GET /known", "Cookie: __Host-eiso=x\r\n"), 401);
    assert_int_equal(it.served, 0);
}

static void what_is_no_token_of_ours_is_refused(void **state)
{
    (void)state;
    assert_int_equal(ask_for(request_with("GET /known", "Authorization: Bearer a.b.c\r\n"),
                             "WWW-Authenticate: Bearer error=\"invalid_token\"\r\n"),
                     401);
    struct token_claims claims = claims_of(PRINCIPAL_CLIENT, SYSTEM);
    claims.issuer = STR("http://elsewhere");
    assert_int_equal(ask_for(request_with("GET /known", bearer(&claims)), "\"unauthorized\""), 401);
}

static void a_client_sees_its_node_within_its_scopes(void **state)
{
    (void)state;
    assert_int_equal(ask("GET /marks", client(SYSTEM)), 204);
    struct uuid id = uuid_of(SYSTEM);
    assert_int_equal(it.seen.kind, PRINCIPAL_CLIENT);
    assert_true(uuid_equal(&it.seen.id, &id));
    assert_false(uuid_present(&it.seen.person));
    assert_int_equal(it.seen.scopes, SCOPE_MARKS_READ | SCOPE_MARKS_WRITE);
    assert_true(lists(it.seen.nodes, SCHOOL));
    assert_true(lists(it.seen.overview, SCHOOL));
    assert_int_equal(it.seen.classes.count, 0);
}

static void a_scope_counts_if_asked_for_and_granted(void **state)
{
    (void)state;
    struct token_claims claims = claims_of(PRINCIPAL_CLIENT, SYSTEM);
    claims.scopes = SCOPE_MARKS_READ | SCOPE_INDICATORS_READ;
    assert_int_equal(ask("GET /marks", bearer(&claims)), 204);
    assert_int_equal(ask_for(request_with("POST /marks", bearer(&claims)),
                             "error=\"insufficient_scope\", scope=\"marks.write\""),
                     403);
    assert_int_equal(ask_for(request_with("GET /figures", bearer(&claims)), "\"forbidden\""), 403);
}

static void who_is_locked_or_not_there_is_not_known(void **state)
{
    (void)state;
    assert_int_equal(ask("GET /known", client(LOCKED)), 401);
    assert_int_equal(ask("GET /known", client(OFFICIAL)), 401);
    assert_int_equal(ask("GET /known", account(SYSTEM)), 401);
}

static void a_head_sees_records_of_the_school_and_an_official_figures_only(void **state)
{
    (void)state;
    assert_int_equal(ask("GET /marks", account(HEAD)), 204);
    assert_true(lists(it.seen.nodes, SCHOOL));
    assert_int_equal(it.seen.overview.count, 2);
    assert_int_equal(ask("GET /figures", account(OFFICIAL)), 204);
    assert_int_equal(it.seen.nodes.count, 0);
    assert_true(lists(it.seen.overview, OBLAST));
    assert_int_equal(ask("GET /marks", account(OFFICIAL)), 403);
}

static void a_teacher_sees_the_classes_of_today(void **state)
{
    (void)state;
    assert_int_equal(ask("GET /marks", account(TEACHER)), 204);
    assert_true(lists(it.seen.classes, CLASS_NOW));
    assert_int_equal(it.seen.nodes.count, 0);
    assert_false(it.seen.parent);
    assert_int_equal(ask("POST /marks", account(TEACHER)), 403);
}

static void a_parent_needs_a_confirmed_link_and_a_learner_none(void **state)
{
    (void)state;
    assert_int_equal(ask("GET /marks", account(PARENT)), 204);
    assert_true(it.seen.parent);
    assert_int_equal(ask("GET /marks", account(LEARNER)), 204);
    assert_false(it.seen.parent);
    assert_int_equal(ask("GET /marks", account(NEWCOMER)), 403);
    assert_int_equal(ask("GET /known", account(NEWCOMER)), 204);
}

/* ---- Cookies ---- */

static void a_cookie_reads_from_anywhere_and_writes_from_our_pages_only(void **state)
{
    (void)state;
    const char *token = cookie(PARENT);
    assert_int_equal(ask("GET /known", token), 204);
    assert_int_equal(ask_for(request_with("DELETE /known", token), "\"cross_site\""), 403);
    assert_int_equal(ask("DELETE /known", text("%sSec-Fetch-Site: cross-site\r\n", token)), 403);
    assert_int_equal(ask("DELETE /known", text("%sSec-Fetch-Site: same-site\r\n", token)), 403);
    assert_int_equal(ask("DELETE /known", text("%sOrigin: http://localhost:8081\r\n", token)), 403);
    assert_int_equal(ask("DELETE /known", text("%sOrigin: null\r\n", token)), 403);
    assert_int_equal(it.served, 1);
    assert_int_equal(ask("DELETE /known", text("%sSec-Fetch-Site: same-origin\r\n", token)), 204);
    assert_int_equal(ask("DELETE /known", text("%sOrigin: " URL "\r\n", token)), 204);
    assert_int_equal(ask("DELETE /known", account(PARENT)), 204);
}

static void a_bearer_token_goes_before_a_cookie(void **state)
{
    (void)state;
    assert_int_equal(ask("GET /known", text("%s%s", cookie(PARENT), client(SYSTEM))), 204);
    assert_int_equal(it.seen.kind, PRINCIPAL_CLIENT);
    assert_int_equal(
        ask("GET /known", text("%sAuthorization: Bearer nonsense\r\n", cookie(PARENT))), 401);
}

/* ---- Time ---- */

static void an_expired_token_is_told_so(void **state)
{
    (void)state;
    struct token_claims claims = claims_of(PRINCIPAL_ACCOUNT, PARENT);
    claims.issued.us -= 20 * MINUTE_US;
    claims.expires.us = clock_now() - 2 * MINUTE_US;
    assert_int_equal(ask_for(request_with("GET /known", bearer(&claims)), "\"token_expired\""),
                     401);
}

static void a_remembered_token_ends_all_the_same(void **state)
{
    (void)state;
    struct token_claims claims = claims_of(PRINCIPAL_ACCOUNT, PARENT);
    claims.issued.us -= 10 * MINUTE_US;
    /* with the minute of skew: two seconds are left, at least one of them whole */
    claims.expires.us = clock_now() - 58 * SECOND_US;
    const char *token = bearer(&claims);
    assert_int_equal(ask("GET /known", token), 204);
    clock_sleep_ms(2100);
    assert_int_equal(ask_for(request_with("GET /known", token), "\"token_expired\""), 401);
}

/* ---- Keys ---- */

static void a_new_key_is_found_without_a_restart(void **state)
{
    (void)state;
    assert_int_equal(ask("GET /known", client(SYSTEM)), 204);
    signing_key_free(it.key);
    assert_int_equal(signing_key_load(&it.key, text("%s/new", it.folder), true, NULL), ERROR_NONE);
    clock_sleep_ms(1000); /* keys are read at most once a second */
    publish(it.key);
    assert_int_equal(ask("GET /known", client(SYSTEM)), 204);
}

static void unknown_keys_do_not_make_us_ask_without_end(void **state)
{
    (void)state;
    struct signing_key *stranger;
    assert_int_equal(signing_key_load(&stranger, text("%s/stranger", it.folder), true, NULL),
                     ERROR_NONE);
    struct signing_key *own = it.key;
    it.key = stranger;
    int64_t before = clock_monotonic();
    for (int i = 0; i < 50; i++)
        assert_int_equal(ask("GET /known", client(SYSTEM)), 401);
    /* all but the first of each second are refused without a look */
    assert_true(clock_monotonic() - before < 5 * SECOND_US);
    it.key = own;
    signing_key_free(stranger);
    assert_int_equal(ask("GET /known", client(SYSTEM)), 204);
}

/* ---- Revocations ---- */

static void revoke_now(enum revoked_kind kind, struct uuid subject)
{
    struct revocation revocation = {.kind = kind, .subject = subject, .at = {clock_now()}};
    revocations_note(it.auth->revocations, &revocation, clock_monotonic());
    watches_check(it.auth->watches);
}

static void a_session_that_ended_is_not_known(void **state)
{
    (void)state;
    const char *token = account(PARENT);
    assert_int_equal(ask("GET /known", token), 204);
    revoke_now(REVOKED_SESSION, uuid_of(SESSION));
    assert_int_equal(ask("GET /known", token), 401);
    assert_int_equal(ask("GET /known", account(PARENT)), 401);
}

static void a_lock_voids_the_tokens_before_it_and_not_those_behind(void **state)
{
    (void)state;
    const char *person = account(HEAD), *system = client(SYSTEM);
    assert_int_equal(ask("GET /known", person), 204);
    assert_int_equal(ask("GET /known", system), 204);
    revoke_now(REVOKED_ACCOUNT, uuid_of(HEAD));
    revoke_now(REVOKED_CLIENT, uuid_of(SYSTEM));
    assert_int_equal(ask("GET /known", person), 401);
    assert_int_equal(ask("GET /known", system), 401);
    assert_int_equal(ask("GET /known", account(HEAD)), 204);
    assert_int_equal(ask("GET /known", client(SYSTEM)), 204);
}

static void with_a_feed_rights_are_kept_until_they_are_taken_away(void **state)
{
    (void)state;
    rights_cache_free(it.auth->rights);
    it.auth->rights = rights_cache_new(it.read, it.auth->revocations, 60 * SECOND_US);
    assert_int_equal(ask("GET /marks", account(HEAD)), 204);
    sql("update copy_account set roles = null where id = '" HEAD "'");
    clock_sleep_ms(1100);
    assert_int_equal(ask("GET /marks", account(HEAD)), 204);
    revoke_now(REVOKED_PERSON, it.seen.person);
    assert_int_equal(ask("GET /marks", account(HEAD)), 403);
}

/* The topic of revocations may be ahead of the copy: what was read just behind one counts shortly.
 */
static void a_copy_that_is_behind_is_asked_again(void **state)
{
    (void)state;
    rights_cache_free(it.auth->rights);
    it.auth->rights = rights_cache_new(it.read, it.auth->revocations, 60 * SECOND_US);
    assert_int_equal(ask("GET /marks", account(HEAD)), 204);
    revoke_now(REVOKED_PERSON, it.seen.person);
    assert_int_equal(ask("GET /marks", account(HEAD)), 204);
    sql("update copy_account set roles = null where id = '" HEAD "'");
    clock_sleep_ms(1200);
    assert_int_equal(ask("GET /marks", account(HEAD)), 403);
}

static void what_registry_has_changed_gives_no_right(void **state)
{
    (void)state;
    assert_int_equal(ask("GET /marks", account(TEACHER)), 204);
    assert_int_equal(ask("GET /marks", account(PARENT)), 204);
    assert_int_equal(ask("GET /figures", account(OFFICIAL)), 204);
    sql("select copy_withhold(array_agg(t.g::smallint), array_agg(t.id),"
        "                     array_agg(1::bigint), array_agg(2::bigint))"
        "  from (select 2, id from copy_assignment union all select 1, id from copy_link"
        "        union all select 3, id from copy_account) t (g, id)");
    clock_sleep_ms(1100);
    assert_int_equal(ask("GET /marks", account(TEACHER)), 403);
    assert_int_equal(ask("GET /marks", account(PARENT)), 403);
    assert_int_equal(ask("GET /figures", account(OFFICIAL)), 403);
    assert_int_equal(ask("GET /known", account(OFFICIAL)), 204);
}

static void without_a_feed_rights_are_kept_for_a_second(void **state)
{
    (void)state;
    assert_int_equal(ask("GET /marks", account(HEAD)), 204);
    sql("update copy_account set roles = null where id = '" HEAD "'");
    clock_sleep_ms(1100);
    assert_int_equal(ask("GET /marks", account(HEAD)), 403);
}

/* ---- Streams ---- */

static void stop(void *context)
{
    (void)context;
    loop_stop(it.loop);
}

static void run_for(int64_t ms)
{
    struct loop_timer *timer = loop_timer_new(it.loop, stop, NULL);
    loop_timer_set(timer, ms);
    loop_run(it.loop);
    loop_timer_free(timer);
}

static void open_stream(struct answer *answer, const char *token)
{
    ask_start(answer, request_with("GET /stream", token));
    loop_run(it.loop);
    assert_non_null(it.watch);
    loop_watch_set(answer->watch, 0);
}

static void stream_ends_by(enum revoked_kind kind, const char *subject)
{
    struct answer answer;
    int before = it.streams_ended;
    open_stream(&answer, account(PARENT));
    run_for(50);
    assert_int_equal(it.streams_ended, before);
    revoke_now(kind, subject ? uuid_of(subject) : auth_watch_principal(it.watch)->person);
    run_for(200);
    assert_int_equal(it.streams_ended, before + 1);
    ask_end(&answer);
}

static void a_stream_ends_with_its_persons_links(void **state)
{
    (void)state;
    stream_ends_by(REVOKED_PERSON, NULL);
}

static void a_stream_ends_with_its_account(void **state)
{
    (void)state;
    stream_ends_by(REVOKED_ACCOUNT, PARENT);
}

static void a_stream_ends_with_its_session(void **state)
{
    (void)state;
    stream_ends_by(REVOKED_SESSION, SESSION);
}

static void a_stream_does_not_end_with_anothers(void **state)
{
    (void)state;
    struct answer answer;
    open_stream(&answer, account(PARENT));
    revoke_now(REVOKED_ACCOUNT, uuid_of(HEAD));
    revoke_now(REVOKED_SESSION, uuid_v7());
    revoke_now(REVOKED_PERSON, uuid_v7());
    run_for(100);
    assert_int_equal(it.streams_ended, 0);
    ask_end(&answer);
    run_for(100);
    assert_int_equal(it.streams_ended, 1);
}

static void a_stream_ends_with_its_token(void **state)
{
    (void)state;
    struct token_claims claims = claims_of(PRINCIPAL_ACCOUNT, PARENT);
    claims.issued.us -= 10 * MINUTE_US;
    claims.expires.us = clock_now() - 58 * SECOND_US;
    struct answer answer;
    open_stream(&answer, bearer(&claims));
    run_for(2200);
    assert_int_equal(it.streams_ended, 1);
    ask_end(&answer);
}

/* Whoever comes back at once may have met the old rights: he is asked to come again. */
static void a_stream_that_follows_a_revocation_is_short(void **state)
{
    (void)state;
    stream_ends_by(REVOKED_PERSON, NULL);
    struct answer answer;
    open_stream(&answer, account(PARENT));
    run_for(2000);
    assert_int_equal(it.streams_ended, 2);
    ask_end(&answer);
}

/* ---- Trouble ---- */

/* Each look into the clients counts itself and takes a while; it is a view, as registry's own
 * processes have it. */
static void count_looks(const char *seconds)
{
    sql(text("create sequence looks; alter table copy_client rename to clients;"
             "create view copy_client as with look as materialized"
             " (select nextval('looks'), pg_sleep(%s)) select c.* from clients c, look",
             seconds));
}

static int64_t looks(void)
{
    static const struct statement last = {"test_looks", "select last_value from looks"};
    struct result result = {0};
    assert_int_equal(db_exec(it.db, &last, NULL, &result, NULL), ERROR_NONE);
    int64_t count = result_bigint(&result, 0, 0);
    result_done(&result);
    return count;
}

static void many_at_once_share_one_look(void **state)
{
    (void)state;
    enum { MANY = 40 };
    static struct answer answers[MANY];
    count_looks("0.1");
    const char *request = request_with("GET /marks", client(SYSTEM));
    for (int i = 0; i < MANY; i++)
        ask_start(&answers[i], request);
    for (int64_t start = clock_monotonic(); it.served < MANY;) {
        assert_true(clock_monotonic() - start < 10 * SECOND_US);
        run_for(10);
    }
    for (int i = 0; i < MANY; i++)
        ask_end(&answers[i]);
    assert_int_equal(looks(), 1);
}

static void what_is_taken_away_during_a_look_is_looked_at_again(void **state)
{
    (void)state;
    struct answer answer;
    count_looks("0.3");
    struct token_claims claims = claims_of(PRINCIPAL_CLIENT, SYSTEM);
    claims.issued.us += 10 * SECOND_US; /* within the skew; so the lock itself does not void it */
    ask_start(&answer, request_with("GET /marks", bearer(&claims)));
    run_for(150);
    assert_int_equal(looks(), 1);
    revoke_now(REVOKED_CLIENT, uuid_of(SYSTEM));
    while (!answer.done)
        loop_run(it.loop);
    ask_end(&answer);
    assert_int_equal(it.served, 1);
    assert_int_equal(looks(), 2);
}

static void count_answer(void *context, const struct rights *rights, const struct err *err)
{
    assert_null(err);
    assert_false(rights->active);
    ++*(int *)context;
}

static void rights_do_not_grow_without_end(void **state)
{
    (void)state;
    enum { MANY = RIGHTS_MOST + 500, AT_ONCE = 500 };
    static struct rights_wait waits[AT_ONCE];
    int answered = 0;
    for (int i = 0; i < MANY; i++) {
        struct uuid id = uuid_v7();
        struct rights_wait *wait = &waits[i % AT_ONCE];
        *wait = (struct rights_wait){.callback = count_answer, .context = &answered};
        rights_find(it.auth->rights, PRINCIPAL_CLIENT, &id, wait);
        while (i % AT_ONCE == AT_ONCE - 1 && answered < i + 1)
            run_for(1);
    }
    while (answered < MANY)
        run_for(1);
    assert_int_equal(rights_cache_count(it.auth->rights), RIGHTS_MOST);
    assert_int_equal(ask("GET /marks", client(SYSTEM)), 204);
}

static void without_the_copies_it_is_503_and_good_again_with_them(void **state)
{
    (void)state;
    struct testkit_server *postgres = testkit_postgres_new();
    const char *conninfo = testkit_server_database(postgres, &it.arena);
    struct db *db;
    assert_int_equal(db_open(&db, conninfo, NULL), ERROR_NONE);
    assert_int_equal(db_migrate(db, &intake_migrations, 1, NULL), ERROR_NONE);
    struct db *own = it.db;
    it.db = db;
    sql(registry);
    publish(it.key);
    it.db = own;
    db_close(db);
    testkit_server_stop(postgres);
    close_server();
    open_server(conninfo);
    assert_int_equal(ask_for(request_with("GET /marks", client(SYSTEM)), "Retry-After: "), 503);
    assert_int_equal(ask("GET /open", ""), 204);
    testkit_server_start(postgres);
    run_for(2500);
    assert_int_equal(ask("GET /marks", client(SYSTEM)), 204);
    testkit_server_stop(postgres);
    clock_sleep_ms(1100);
    assert_int_equal(ask("GET /marks", client(SYSTEM)), 503);
    testkit_server_free(postgres);
}

static void the_end_comes_while_somebody_waits(void **state)
{
    (void)state;
    close_server();
    open_server("host=/nonexistent dbname=none");
    struct answer answer;
    ask_start(&answer, request_with("GET /marks", client(SYSTEM)));
    run_for(50);
    /* `end` closes all of it: the sanitizers see what is left */
    ask_end(&answer);
}

/* ---- SQL ---- */

static void the_scope_goes_to_sql_as_the_functions_for_rights_take_it(void **state)
{
    (void)state;
    static const struct statement may = {
        .name = "test_may",
        .sql = "select may_see_class('" CLASS_NOW "', $1, $2, $3, $4)",
    };
    assert_int_equal(ask("GET /marks", account(TEACHER)), 204);
    struct params params = {0};
    struct result result = {0};
    struct err err = {0};
    param_scope(&params, &it.seen, &it.arena);
    if (db_exec(it.db, &may, &params, &result, &err))
        fail_msg("%s", err.text);
    assert_int_equal(result_int(&result, 0, 0), 3);
    result_done(&result);
    assert_int_equal(ask("GET /known", account(NEWCOMER)), 204);
    params = (struct params){0};
    param_scope(&params, &it.seen, &it.arena);
    assert_int_equal(db_exec(it.db, &may, &params, &result, NULL), ERROR_NONE);
    assert_int_equal(result_int(&result, 0, 0), 0);
    result_done(&result);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(an_open_route_asks_nobody),
        WITH_SERVER(without_a_token_nobody_is_known),
        WITH_SERVER(what_is_no_token_of_ours_is_refused),
        WITH_SERVER(a_client_sees_its_node_within_its_scopes),
        WITH_SERVER(a_scope_counts_if_asked_for_and_granted),
        WITH_SERVER(who_is_locked_or_not_there_is_not_known),
        WITH_SERVER(a_head_sees_records_of_the_school_and_an_official_figures_only),
        WITH_SERVER(a_teacher_sees_the_classes_of_today),
        WITH_SERVER(a_parent_needs_a_confirmed_link_and_a_learner_none),
        WITH_SERVER(a_cookie_reads_from_anywhere_and_writes_from_our_pages_only),
        WITH_SERVER(a_bearer_token_goes_before_a_cookie),
        WITH_SERVER(an_expired_token_is_told_so),
        WITH_SERVER(a_remembered_token_ends_all_the_same),
        WITH_SERVER(a_new_key_is_found_without_a_restart),
        WITH_SERVER(unknown_keys_do_not_make_us_ask_without_end),
        WITH_SERVER(a_session_that_ended_is_not_known),
        WITH_SERVER(a_lock_voids_the_tokens_before_it_and_not_those_behind),
        WITH_SERVER(with_a_feed_rights_are_kept_until_they_are_taken_away),
        WITH_SERVER(a_copy_that_is_behind_is_asked_again),
        WITH_SERVER(what_registry_has_changed_gives_no_right),
        WITH_SERVER(without_a_feed_rights_are_kept_for_a_second),
        WITH_SERVER(a_stream_ends_with_its_persons_links),
        WITH_SERVER(a_stream_ends_with_its_account),
        WITH_SERVER(a_stream_ends_with_its_session),
        WITH_SERVER(a_stream_does_not_end_with_anothers),
        WITH_SERVER(a_stream_ends_with_its_token),
        WITH_SERVER(a_stream_that_follows_a_revocation_is_short),
        WITH_SERVER(many_at_once_share_one_look),
        WITH_SERVER(what_is_taken_away_during_a_look_is_looked_at_again),
        WITH_SERVER(rights_do_not_grow_without_end),
        WITH_SERVER(without_the_copies_it_is_503_and_good_again_with_them),
        WITH_SERVER(the_end_comes_while_somebody_waits),
        WITH_SERVER(the_scope_goes_to_sql_as_the_functions_for_rights_take_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
