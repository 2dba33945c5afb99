/* The roles as processes over a real PostgreSQL, with Kafka away: facts that were applied are
 * rolled up by jobs, answered by api, and shown by push. */
#include "testkit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "store.h"
#include "testkit/testkit.h"

#define URL      "http://localhost:8080"
#define MINISTRY "00000000-0000-7000-8000-000000000001"
#define OBLAST   "00000000-0000-7000-8000-000000000010"
#define SCHOOL   "00000000-0000-7000-8000-000000000101"
#define OTHER    "00000000-0000-7000-8000-000000000102"
#define CLASS    "00000000-0000-7000-8000-000000001001"
#define SYSTEM   "00000000-0000-7000-9000-000000000001" /* a client of the ministry */
#define DISTRICT "00000000-0000-7000-9000-000000000002" /* a client of the oblast */
#define NARROW   "00000000-0000-7000-9000-000000000003" /* a client of the ministry, marks only */

static const char registry[] =
    "insert into copy_reference (list, code, parent, kk, ru, epoch, revision) values"
    " ('territory', 'KZ', null, 'Қазақстан', 'Казахстан', 1, 1),"
    " ('territory', '10', 'KZ', 'Абай облысы', 'Абайская область', 1, 1),"
    " ('territory', '1010', '10', 'Семей', 'Семей', 1, 1);"
    "insert into copy_organisation (id, name_kk, name_ru, kind, kato, subordinate_to, ownership, "
    "shifts, valid_from, epoch, revision) values"
    " ('" MINISTRY "', 'Министрлік', 'Министерство', 1, 'KZ', null, 1, 0, '2020-01-01', 1, 1),"
    " ('" OBLAST "', 'Басқарма', 'Управление', 3, '10', '" MINISTRY "', 1, 0, '2020-01-01', 1, 1),"
    " ('" SCHOOL "', '№ 1 мектеп', 'Школа № 1', 8, '1010', '" OBLAST "', 1, 2, '2020-01-01', 1, 1),"
    " ('" OTHER "', '№ 2 мектеп', 'Школа № 2', 8, '10', null, 2, 1, '2020-01-01', 1, 1);"
    "select copy_paths(array(select id from copy_organisation));"
    "insert into copy_class values ('" CLASS "', '" SCHOOL
    "', '1 А', 1, null, null, 1, 1, 1, 2026, null, 1, 1);"
    "insert into copy_enrolment select gen_random_uuid(), gen_random_uuid(), '" CLASS
    "', '2026-01-01', null, 1, 1, 1 from generate_series(1, 25);"
    "insert into copy_client values ('" SYSTEM "', 'a', '" MINISTRY "', 64, true, 1, 1),"
    " ('" DISTRICT "', 'b', '" OBLAST "', 64, true, 1, 1), ('" NARROW "', 'c', '" MINISTRY
    "', 4, true, 1, 1);"
    "insert into dirty_tree select id from copy_organisation;"
    "insert into dirty_contingent values ('" SCHOOL "');";

struct world {
    struct arena arena;
    const char *folder;
    struct db *db;
    struct signing_key *key;
    pid_t jobs, api, push;
};

static struct world it;

static void sql(const char *statement)
{
    struct err err = {0};
    if (db_run(it.db, statement, &err))
        fail_msg("%s", err.text);
}

/* ---- The processes ---- */

static pid_t spawn(const char *role)
{
    const char *arguments[] = {"--role", role, NULL};
    const char *environment[] = {
        arena_printf(&it.arena, "EISO_SOCKET=%s/%s", it.folder, role),
        arena_printf(&it.arena, "EISO_OBSERVER=%s/%s-observer", it.folder, role),
        arena_printf(&it.arena, "EISO_POKES=%s", it.folder),
        arena_printf(&it.arena, "EISO_STATE=%s", it.folder),
        "EISO_KAFKA=127.0.0.1:1",
        "EISO_URL=" URL,
        NULL};
    struct testkit_child child = {.program = "eiso-reports",
                                  .arguments = arguments,
                                  .environment = environment,
                                  .output = arena_printf(&it.arena, "%s/log", it.folder)};
    return testkit_spawn(&child);
}

static int begin(void **state)
{
    (void)state;
    struct err err = {0};
    it.folder = testkit_folder(&it.arena);
    const char *conninfo = testkit_database(&it.arena);
    setenv("EISO_PG", conninfo, 1);
    assert_int_equal(testkit_wait(spawn("migrate"), 30000), 0);
    assert_int_equal(db_open(&it.db, conninfo, &err), ERROR_NONE);
    const char *path = arena_printf(&it.arena, "%s/key", it.folder);
    assert_int_equal(signing_key_load(&it.key, path, true, &err), ERROR_NONE);
    struct str id = signing_key_id(it.key), jwk = signing_key_public(it.key, &it.arena);
    sql(arena_printf(&it.arena, "insert into copy_key values ('%.*s', '%.*s', null, 1, 1)",
                     STR_ARG(id), STR_ARG(jwk)));
    sql(registry);
    it.jobs = spawn("jobs");
    it.api = spawn("api");
    it.push = spawn("push");
    return 0;
}

static int end(void **state)
{
    (void)state;
    assert_int_equal(testkit_drain(it.push, 10000), 0);
    assert_int_equal(testkit_drain(it.api, 10000), 0);
    assert_int_equal(testkit_drain(it.jobs, 10000), 0);
    db_close(it.db);
    signing_key_free(it.key);
    arena_done(&it.arena);
    return 0;
}

/* ---- A caller ---- */

struct call {
    const char *role, *client, *target, *wanted;
    int fd;
    size_t length;
    char text[32768];
};

static const char *bearer(const char *client)
{
    struct token_claims claims = {.issuer = STR(URL), .kind = PRINCIPAL_CLIENT};
    assert_true(uuid_parse(str_from(client), &claims.subject));
    claims.scopes = SCOPE_INDICATORS_READ | SCOPE_MARKS_READ;
    claims.issued.us = clock_now();
    claims.expires.us = claims.issued.us + 600 * INT64_C(1000000);
    struct str token = token_make(it.key, &claims, &it.arena);
    return arena_printf(&it.arena, "%.*s", STR_ARG(token));
}

static bool call_open(struct call *call)
{
    const char *request = arena_printf(&it.arena,
                                       "GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: "
                                       "Bearer %s\r\nConnection: close\r\n\r\n",
                                       call->target, bearer(call->client));
    call->fd =
        testkit_send(arena_printf(&it.arena, "%s/%s", it.folder, call->role), str_from(request));
    return call->fd >= 0;
}

/* What is there, without waiting. */
static void call_read(struct call *call)
{
    ssize_t got = recv(call->fd, call->text + call->length, sizeof call->text - 1 - call->length,
                       MSG_DONTWAIT);
    if (got > 0)
        call->length += (size_t)got;
    call->text[call->length] = '\0';
}

static bool has_wanted(void *context)
{
    struct call *call = context;
    call_read(call);
    return strstr(call->text, call->wanted) != NULL;
}

/* Asks until the answer has the text: a process may be starting, a roll-up under way. */
static bool answers_so(void *context)
{
    struct call *call = context;
    if (!call_open(call))
        return false;
    snprintf(call->text, sizeof call->text, "%s", testkit_receive(&it.arena, call->fd));
    return strstr(call->text, call->wanted) != NULL;
}

static void expect(const char *client, const char *target, const char *wanted)
{
    struct call *call = ARENA_NEW(&it.arena, struct call);
    *call = (struct call){.role = "api", .client = client, .target = target, .wanted = wanted};
    if (!testkit_wait_until(answers_so, call, 10000))
        fail_msg("%s: no %s in %s", target, wanted, call->text);
}

/* One register of 25 with three absences, and five marks, in lesson 2. */
static void facts_come(const char *school)
{
    sql(arena_printf(&it.arena,
                     "select add_cells('{%s}', array[(now() at time zone 'Asia/Almaty')::date], "
                     "'{1}', '{2}', '{1}', '{25}', '{1}', '{2}', '{0}', '{1}', '{7}', '{0}', "
                     "'{0}', '{5}', '{0}', '{0}', '{5}', '{36667}', '{4}', '{5}', array[now()])",
                     school));
}

/* ---- Tests ---- */

static void figures_are_answered_for_node_and_children(void **state)
{
    (void)state;
    expect(SYSTEM, "/v1/indicators?node=KZ",
           "\"contingent\":{\"learners\":25,\"organisations\":2,\"organisations_heard\":0}");
    facts_come(SCHOOL);
    expect(SYSTEM, "/v1/indicators?node=KZ&children=1",
           "\"registers\":1,\"learner_lessons\":25,\"absent_unexcused\":1,\"absent_ill\":2,"
           "\"absent_excused\":0,\"late\":1,\"late_minutes\":7,\"remote\":0,\"exempt\":0,"
           "\"attendance_rate\":8800");
    expect(SYSTEM, "/v1/indicators?node=1010&children=1",
           "\"children\":[{\"node\":\"" SCHOOL
           "\",\"tree\":\"territory\",\"name\":{\"kk\":\"№ 1 мектеп\",\"ru\":\"Школа № 1\"},"
           "\"days\":[{");
    expect(SYSTEM, "/v1/indicators?node=" OBLAST,
           "\"tree\":\"subordination\",\"name\":{\"kk\":\"Басқарма\",\"ru\":\"Управление\"}");
    expect(SYSTEM, "/v1/indicators?node=" OBLAST "&grain=day",
           "\"marks_with_points\":5,\"percent_sum_hundredths\":36667,\"at_least_65\":4,"
           "\"at_least_40\":5,\"mean_percent\":7333,\"share_at_least_65\":8000,"
           "\"share_at_least_40\":10000");
}

static void what_is_not_the_callers_does_not_exist(void **state)
{
    (void)state;
    expect(DISTRICT, "/v1/indicators?node=" SCHOOL, "HTTP/1.1 200");
    expect(DISTRICT, "/v1/indicators?node=1010", "HTTP/1.1 200");
    expect(DISTRICT, "/v1/indicators?node=10", "HTTP/1.1 404"); /* a private school stands there */
    expect(DISTRICT, "/v1/indicators?node=KZ", "HTTP/1.1 404");
    expect(DISTRICT, "/v1/indicators?node=" OTHER, "HTTP/1.1 404");
    expect(DISTRICT, "/v1/indicators?node=" MINISTRY, "HTTP/1.1 404");
    expect(SYSTEM, "/v1/indicators?node=9999", "HTTP/1.1 404");
    expect(NARROW, "/v1/indicators?node=KZ", "HTTP/1.1 403");
    expect(DISTRICT, "/v1/indicators/stream?node=KZ", "HTTP/1.1 404");
}

static void parameters_are_checked(void **state)
{
    (void)state;
    expect(SYSTEM, "/v1/indicators", "bad_parameter");
    expect(SYSTEM, "/v1/indicators?node=KZ&grain=week", "bad_parameter");
    expect(SYSTEM, "/v1/indicators?node=KZ&tree=family", "bad_parameter");
    expect(SYSTEM, "/v1/indicators?node=KZ&from=2026-11-02&to=2026-11-01", "bad_parameter");
    expect(SYSTEM, "/v1/indicators?node=KZ&from=2025-01-01", "bad_parameter");
    expect(SYSTEM, "/v1/indicators?node=KZ&from=2026-09-01&to=2026-11-01&children=1",
           "bad_parameter");
    expect(SYSTEM, "/v1/indicators?node=zzzzzzzz-0000-7000-8000-000000000001", "bad_parameter");
}

static void call_expect(struct call *call, const char *wanted)
{
    call->wanted = wanted;
    if (!testkit_wait_until(has_wanted, call, 5000))
        fail_msg("%s: no %s in %s", call->target, wanted, call->text);
}

static bool can_open(void *context)
{
    return call_open(context);
}

static struct call *stream_open(const char *client, const char *target)
{
    struct call *call = ARENA_NEW(&it.arena, struct call);
    *call = (struct call){.role = "push", .client = client, .target = target};
    assert_true(testkit_wait_until(can_open, call, 10000));
    return call;
}

static void a_stream_shows_the_state_and_then_what_changes(void **state)
{
    (void)state;
    struct call *district = stream_open(DISTRICT, "/v1/indicators/stream?node=1010");
    struct call *country = stream_open(SYSTEM, "/v1/indicators/stream?node=KZ");
    struct call *school = stream_open(DISTRICT, "/v1/indicators/stream?node=" SCHOOL);
    call_expect(district, "event: state\ndata: {\"node\":\"1010\",\"tree\":\"territory\"");
    call_expect(district, "\"registers\":1,");
    call_expect(country, "event: state\ndata: {\"node\":\"KZ\"");
    call_expect(school, "event: state\ndata: {\"node\":\"" SCHOOL "\",\"tree\":\"subordination\"");
    int64_t sent_us = clock_monotonic();
    facts_come(SCHOOL);
    call_expect(district, "event: change\ndata: {\"nodes\":[{\"node\":\"");
    print_message("a change is seen after %lld ms\n",
                  (long long)(clock_monotonic() - sent_us) / 1000);
    call_expect(district, "\"registers\":2,");
    call_expect(country, "\"registers\":2,");
    call_expect(school, "\"registers\":2,");
    assert_null(strstr(country->text, SCHOOL)); /* neither itself nor a child */
    call_expect(country, "{\"node\":\"10\",\"tree\":\"territory\",\"days\":[{");
    close(district->fd);
    close(country->fd);
    close(school->fd);
}

static bool is_logged(void *context)
{
    static const struct statement statement = {
        "logged", "select count(*) from event_log_events where type = 500 and key = $1"
                  "   and payload <> ''"};
    CLEANUP(result_done) struct result result = {0};
    struct params params = {0};
    struct err err = {0};
    param_text(&params, str_from(context));
    if (db_exec(it.db, &statement, &params, &result, &err))
        fail_msg("%s", err.text);
    return result_bigint(&result, 0, 0) > 0;
}

static void figures_go_to_the_topic(void **state)
{
    (void)state;
    static const char *const heads[] = {"KZ|", SCHOOL "|", "subordination|" OBLAST "|"};
    char today[DATE_TEXT_LEN + 1];
    date_format(date_today(), today);
    facts_come(SCHOOL);
    for (size_t i = 0; i < COUNT_OF(heads); i++)
        for (size_t set = 0; set < indicator_sets.count; set++) {
            char *key =
                arena_printf(&it.arena, "%s%s|%s", heads[i], today, indicator_sets.items[set].name);
            if (!testkit_wait_until(is_logged, key, 15000))
                fail_msg("no event with key %s", key);
        }
}

/* A school that comes under the body is in its stream from then on. */
static void a_stream_follows_the_tree(void **state)
{
    (void)state;
    struct call *oblast = stream_open(DISTRICT, "/v1/indicators/stream?node=" OBLAST);
    call_expect(oblast, "event: state");
    sql("update copy_organisation set subordinate_to = '" OBLAST "', path = array['" MINISTRY
        "', '" OBLAST "', '" OTHER "']::uuid[] where id = '" OTHER
        "'; insert into dirty_tree values ('" OTHER "')");
    call_expect(oblast, "\"organisations\":2");
    facts_come(OTHER);
    call_expect(oblast, "{\"node\":\"" OTHER "\",\"tree\":\"subordination\",\"days\"");
    close(oblast->fd);
    expect(DISTRICT, "/v1/indicators?node=10", "HTTP/1.1 200");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(figures_are_answered_for_node_and_children),
        TEST(what_is_not_the_callers_does_not_exist),
        TEST(parameters_are_checked),
        TEST(a_stream_shows_the_state_and_then_what_changes),
        TEST(a_stream_follows_the_tree),
        TEST(figures_go_to_the_topic),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
