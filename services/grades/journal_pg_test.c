/* Marks through the door: the real api over its socket, a real PostgreSQL, without Kafka. What a
 * batch that changes its own marks becomes, and who sees the journal. */
#include "testkit/school.h"

#include <stdio.h>
#include <stdlib.h>

#include "auth/auth.h"

#define URL "http://127.0.0.1:8080"

enum { WAIT_MS = 20000, OWN = 901, BLIND = 902, OTHER = 903, TEACHER = 904, PARENT = 905 };

extern const struct embedded grades_schema[];
extern const size_t grades_schema_count;

static struct school it;
static const char *folder;
static pid_t api;
static struct signing_key *key;

/* Clients of school 11 (one may not read) and 12; a teacher of class 110 and a parent of its first
 * learner, whose accounts have the ids of the persons. */
static const char callers[] =
    "insert into copy_client (id, name, node, scopes, active, epoch, revision) values"
    "  (id(901), 'a', id(11), 12, true, 1, 1), (id(902), 'b', id(11), 8, true, 1, 1),"
    "  (id(903), 'c', id(12), 12, true, 1, 1);"
    "insert into copy_account (id, person, active, epoch, revision) values"
    "  (id(904), id(904), true, 1, 1), (id(905), id(905), true, 1, 1);"
    "insert into copy_assignment (id, teacher, class, kind, valid_from, epoch, revision) values"
    "  (id(1), id(904), id(110), 1, current_date - 9, 1, 1);"
    "insert into copy_link (id, learner, guardian, rights, valid_from, status, epoch, revision)"
    "  values (id(1), id(110001), id(905), 6, current_date - 9, 2, 1, 1);";

static const char *socket_path(void)
{
    return arena_printf(&it.arena, "%s/api", folder);
}

static pid_t start_api(void)
{
    static const char *const arguments[] = {"--role", "api", NULL};
    const char *environment[] = {arena_printf(&it.arena, "EISO_SOCKET=%s", socket_path()),
                                 arena_printf(&it.arena, "EISO_OBSERVER=%s/observer", folder),
                                 arena_printf(&it.arena, "EISO_PG=%s", it.conninfo),
                                 "EISO_KAFKA=127.0.0.1:1", /* nobody */
                                 "EISO_CELL=kz",
                                 "EISO_URL=" URL,
                                 arena_printf(&it.arena, "EISO_STATE=%s", folder),
                                 arena_printf(&it.arena, "EISO_POKES=%s", folder),
                                 NULL};
    return testkit_spawn(&(struct testkit_child){"eiso-grades", arguments, environment,
                                                 arena_printf(&it.arena, "%s/log", folder)});
}

static int begin(void **state)
{
    struct err err = {0};
    (void)state;
    school_open(&it, (struct migration_set){"grades", grades_schema, grades_schema_count});
    folder = testkit_folder(&it.arena);
    if (signing_key_load(&key, arena_printf(&it.arena, "%s/key", folder), true, &err))
        fail_msg("%s", err.text);
    school_run(&it, callers);
    school_run(&it, arena_printf(&it.arena,
                                 "insert into copy_key (kid, jwk, epoch, revision)"
                                 " values ('%.*s', '%.*s', 1, 1)",
                                 STR_ARG(signing_key_id(key)),
                                 STR_ARG(signing_key_public(key, &it.arena))));
    api = start_api();
    testkit_wait_ready(arena_printf(&it.arena, "%s/observer", folder), WAIT_MS);
    return 0;
}

static int end(void **state)
{
    (void)state;
    assert_int_equal(testkit_drain(api, WAIT_MS), 0);
    signing_key_free(key);
    school_close(&it);
    return 0;
}

/* ---- Requests ---- */

static const char *authorization(uint32_t who)
{
    struct instant now = {clock_now()};
    bool client = who < TEACHER;
    struct token_claims claims = {.issuer = STR(URL),
                                  .kind = client ? PRINCIPAL_CLIENT : PRINCIPAL_ACCOUNT,
                                  .subject = school_id(who),
                                  .issued = {now.us / 1000000 * 1000000},
                                  .expires = {(now.us / 1000000 + 900) * 1000000}};
    if (client)
        claims.scopes = SCOPE_MARKS_WRITE | (who == BLIND ? 0 : (unsigned)SCOPE_MARKS_READ);
    else
        claims.session = school_id(who);
    return arena_printf(&it.arena, "Authorization: Bearer %s\r\n",
                        token_make(key, &claims, &it.arena).ptr);
}

/* The whole answer, head and body. `who` 0: nobody. */
static const char *ask(uint32_t who, const char *line, const char *body)
{
    return testkit_ask(
        &it.arena, socket_path(),
        str_from(arena_printf(
            &it.arena,
            "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s%sContent-Length: %zu\r\n\r\n%s",
            line, who ? authorization(who) : "", *body ? "Content-Type: application/json\r\n" : "",
            strlen(body), body)));
}

static size_t times(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)); at++)
        count++;
    return count;
}

/* ---- Tests ---- */

#define ID(number) "00000000-0000-4000-8000-0000000000" number
#define CLASS      ID("6e")                               /* 110 */
#define LEARNER    "00000000-0000-4000-8000-00000001adb1" /* 110001 */
static const char *item_of(const char *id, const char *more)
{
    return arena_printf(&it.arena, "{\"id\":\"%s\",\"date\":\"%s\",%s}", id,
                        date_format(date_today(), (char[DATE_TEXT_LEN + 1]){0}), more);
}

static const char *mark_of(const char *id, int points, const char *more)
{
    return item_of(id, arena_printf(&it.arena,
                                    "\"class\":\"" CLASS "\",\"learner\":\"" LEARNER
                                    "\",\"subject\":\"math\",\"kind\":\"formative\","
                                    "\"points\":%d,\"max_points\":10%s",
                                    points, more));
}

#define REPLACES(number, reason) ",\"replaces\":\"" ID(number) "\",\"reason_code\":\"" reason "\""

/* A mark, its correction, the correction of that and its withdrawal, and one who comes too late, in
 * one batch: each finds what the one before did. */
static const char *change_all(void)
{
    return ask(
        OWN, "POST /v1/marks",
        arena_printf(&it.arena, "[%s,%s,%s,%s,%s]", mark_of(ID("a1"), 3, ""),
                     mark_of(ID("a2"), 7, REPLACES("a1", "appeal") ",\"reason\":\"y\""),
                     mark_of(ID("a3"), 9, REPLACES("a2", "recheck")),
                     item_of(ID("a4"), "\"withdraws\":\"" ID("a3") "\",\"reason_code\":\"error\""),
                     mark_of(ID("a5"), 1, REPLACES("a3", "error"))));
}

static void a_batch_may_change_its_own_marks(void **state)
{
    (void)state;
    const char *answer = change_all();
    assert_int_equal(testkit_status(answer), 200);
    assert_non_null(strstr(answer, "{\"created\":4,\"duplicate\":0,\"rejected\":1,"));
    assert_non_null(strstr(answer, "\"pointer\":\"/replaces\",\"code\":\"already_withdrawn\""));
    assert_non_null(strstr(answer, "\"existing\":\"" ID("a4") "\""));
    assert_int_equal(school_number(&it, "select count(*) from event_log_events where type > 200"),
                     3);
    assert_int_equal(
        school_number(&it, "select count(*) from (select type, lag(type) over (order by epoch, xid,"
                           "   seq, index) as former from event_log_events) e"
                           " where (former, type) in ((200, 201), (201, 201), (201, 202))"),
        3);
    assert_non_null(strstr(change_all(), "{\"created\":0,\"duplicate\":4,\"rejected\":1,"));
}

static void the_journal_shows_what_stands_and_what_it_was(void **state)
{
    (void)state;
    change_all();
    const char *journal = ask(OWN, "GET /v1/classes/" CLASS "/journal", "");
    assert_int_equal(testkit_status(journal), 200);
    const char *item = strstr(journal, "{\"items\":[{\"id\":\"" ID("a3") "\"");
    assert_non_null(item);
    const char *withdrawn = strstr(item, "\"withdrawn\":{\"id\":\"" ID("a4") "\"");
    const char *history = strstr(item, "\"history\":[{\"id\":\"" ID("a2") "\"");
    assert_true(withdrawn && history && withdrawn < history);
    assert_non_null(strstr(history, "\"reason_code\":\"appeal\",\"reason\":\"y\""));
    assert_non_null(strstr(history, "{\"id\":\"" ID("a1") "\""));
    assert_int_equal(times(journal, "\"recorded_at\""), 4);
    const char *own = ask(PARENT, "GET /v1/learners/" LEARNER "/marks", "");
    assert_int_equal(testkit_status(own), 200);
    assert_string_equal(strstr(own, "{\"items\""), strstr(journal, "{\"items\""));
}

static void who_sees_a_journal(void **state)
{
    (void)state;
    static const struct {
        uint32_t who;
        int status;
        const char *class;
    } cases[] = {
        {OWN, 200, CLASS},        {TEACHER, 200, CLASS},  {BLIND, 403, CLASS},
        {OTHER, 404, CLASS},      {PARENT, 404, CLASS},   {0, 401, CLASS},
        {OWN, 404, ID("78")},     {OTHER, 200, ID("78")}, /* 120 */
        {TEACHER, 404, ID("78")}, {OWN, 404, ID("ff")},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *line =
            arena_printf(&it.arena, "GET /v1/classes/%s/journal?limit=1", cases[i].class);
        const char *answer = ask(cases[i].who, line, "");
        if (testkit_status(answer) != cases[i].status)
            fail_msg("%u, %s: %s", cases[i].who, line, answer);
    }
}

#define JOURNAL_TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        JOURNAL_TEST(a_batch_may_change_its_own_marks),
        JOURNAL_TEST(the_journal_shows_what_stands_and_what_it_was),
        JOURNAL_TEST(who_sees_a_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
