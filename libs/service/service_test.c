/* What needs no server: arguments, the description, the observer. */
#include "testkit/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "service/gather.h"
#include "service/service_internal.h"
#include "testkit/testkit.h"

/* ---- A service with one of everything ---- */

struct sample_settings {
    int64_t depth;
};

static const struct setting sample_items[] = {SETTING(
    sample_settings, depth, "EISO_TEST_DEPTH", .fallback = "7", .min = 1, .help = "depth of it")};

static void nothing(struct http_request *request)
{
    http_answer_empty(request, 204);
}

struct shown {
    struct uuid id;
    int32_t points;
};
static const struct field shown_fields[] = {
    FIELD(shown, id, .required = true),
    FIELD(shown, points, .max = 100, .about = "Of 100."),
};
static const struct record shown_record = RECORD(shown, shown_fields);
static const char *const sample_outcomes[] = {"created", "rejected", NULL};
static const struct entrance sample_entrance = {.record = &shown_record,
                                                .outcomes = sample_outcomes};
static const struct stream_event sample_events[] = {{"mark", &shown_record, "A mark."}, {0}};

static const struct route sample_routes[] = {
    {HTTP_POST, "/v1/marks", nothing, .body_bytes = 4194304, .scope = SCOPE_MARKS_WRITE,
     .query = &gather_query, .entrance = &sample_entrance, .answer = {ANSWER_OUTCOMES},
     .summary = "Takes marks."},
    {HTTP_GET, "/v1/marks/{id}", nothing, .answer = {ANSWER_ITEM, &shown_record},
     .summary = "A mark."},
    {HTTP_DELETE, "/v1/marks/{id}", nothing, .answer = {ANSWER_EMPTY},
     .problems = PROBLEMS({409, "in_use"}), .summary = "No mark."},
    {HTTP_GET, "/v1/marks/stream", nothing, .open = true, .stream = true,
     .query = QUERY({"after", PARAMETER_TEXT, .max = 9}),
     .answer = {ANSWER_EVENTS, .events = sample_events}, .summary = "Marks."}};

static int dig(struct process *process, struct db *db, int argc, char **argv)
{
    (void)process, (void)db, (void)argc, (void)argv;
    return EXIT_DONE;
}

static const struct listener sample_listeners[] = {
    {.role = "api", .processes = 2, .routes = ROUTES(sample_routes), .writes = true}};
static const struct subscription sample_subscriptions[] = {{&topic_classes, NULL}};
static const struct command sample_commands[] = {{"dig", "DEPTH", dig}};
static const char sample_exchanges[] =
    "### Two marks\n"
    "system POST /v1/marks?dry_run=1\n\n[\n  {\"id\": 1}\n]\n\n200\n\n{\"created\": 1}\n\n"
    "### One\n"
    "parent GET "
    "/v1/marks/"
    "01930000-0000-7000-8000-000000000071\n\n200\n\n{\"points\": "
    "5}\n\n"
    "### None\n"
    "parent GET /v1/marks/01930000-0000-7000-8000-000000000072\n\n404\n\n{\"code\": "
    "\"not_found\"}\n\n"
    "### As they come\n"
    "parent GET /v1/marks/stream\n\n200\n\nevent: mark\ndata: {}\n\ndata: 2\n";
static const struct embedded sample_examples[] = {
    {"examples.http", sample_exchanges, sizeof sample_exchanges - 1}};

static const char *const sample_demo[] = {"demo", NULL};

static const struct service sample = {.name = "grades",
                                      .settings = SETTINGS(sample_items),
                                      .settings_size = sizeof(struct sample_settings),
                                      .listeners = LISTENERS(sample_listeners),
                                      .subscriptions = SUBSCRIPTIONS(sample_subscriptions),
                                      .commands = COMMANDS(sample_commands),
                                      .examples = sample_examples,
                                      .demo = sample_demo};

/* ---- Running it ---- */

/* The exit code of the program with these arguments; what it said is in `said`. */
static int run(const char *const *arguments, char said[32768])
{
    int argc = 1, pipes[2], status;
    char name[] = "eiso-grades", *argv[8] = {name};
    for (; arguments[argc - 1]; argc++)
        argv[argc] = strdup(arguments[argc - 1]);
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(pipes[1], STDOUT_FILENO);
        dup2(pipes[1], STDERR_FILENO);
        status = service_main(&sample, argc, argv);
        fflush(stdout);
        _exit(status);
    }
    close(pipes[1]);
    size_t length = 0;
    for (ssize_t got; (got = read(pipes[0], said + length, 32767 - length)) > 0;)
        length += (size_t)got;
    said[length] = '\0';
    close(pipes[0]);
    while (--argc > 0)
        free(argv[argc]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

#define RUN(said, ...) run((const char *const[]){__VA_ARGS__, NULL}, said)

static void clear_environment(void)
{
    unsetenv("EISO_PG");
    unsetenv("EISO_SLOT");
    unsetenv("EISO_TEST_DEPTH");
    unsetenv("EISO_PARTITIONS");
}

/* ---- What holds ---- */

static void a_description_has_all_that_an_installation_needs(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf out = {0};
    service_describe(&sample, 3, &out);
    buf_add_char(&out, '\0');
    static const char *const parts[] = {
        "{\"service\":\"grades\",\"roles\":[{\"name\":\"api\",\"processes\":2,\"listens\":true},"
        "{\"name\":\"apply\",\"processes\":1,\"listens\":false},"
        "{\"name\":\"relay\",\"processes\":1,\"listens\":false},"
        "{\"name\":\"jobs\",\"processes\":1,\"listens\":false},"
        "{\"name\":\"migrate\",\"processes\":1,\"listens\":false}],",
        "{\"role\":\"api\",\"method\":\"POST\",\"path\":\"/v1/marks\",\"body_bytes\":4194304,"
        "\"stream\":false,\"spooled\":false,\"guarded\":false}",
        "{\"name\":\"eiso.grades.marks.v1\",\"partitions\":3,\"config\":{"
        "\"message.timestamp.type\":\"LogAppendTime\",\"segment.ms\":\"86400000\","
        "\"max.message.bytes\":\"1048588\",\"cleanup.policy\":\"delete\","
        "\"retention.ms\":\"34560000000\"}}",
        "{\"name\":\"eiso.grades.history.v1\",\"partitions\":1,",
        "{\"role\":\"relay\",\"resource\":\"topic\",\"name\":\"eiso.grades.\","
        "\"pattern\":\"prefixed\",\"operations\":[\"read\",\"write\",\"describe\"]}",
        "{\"role\":\"apply\",\"resource\":\"topic\",\"name\":\"eiso.registry.classes.v1\","
        "\"pattern\":\"literal\",\"operations\":[\"read\",\"describe\"]}",
        "{\"role\":\"apply\",\"resource\":\"group\",\"name\":\"eiso.grades.\","
        "\"pattern\":\"prefixed\",",
        "{\"role\":\"api\",\"resource\":\"topic\",\"name\":\"eiso.registry.revocations.v1\",",
        "\"observer_topics\":[\"eiso.grades.marks.v1\",\"eiso.grades.history.v1\"]",
        ",\"demo\":[\"demo\"]}\n"};
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (!strstr(out.ptr, parts[i]))
            fail_msg("%s is not in %s", parts[i], out.ptr);
}

static void a_state_topic_is_compacted_and_people_are_not_observed(void **state)
{
    (void)state;
    static const struct service registry = {.name = "registry",
                                            .listeners = LISTENERS(sample_listeners)};
    CLEANUP(buf_done) struct buf out = {0};
    service_describe(&registry, 8, &out);
    buf_add_char(&out, '\0');
    assert_non_null(strstr(out.ptr, "{\"name\":\"eiso.registry.people.v1\",\"partitions\":8,"));
    assert_non_null(strstr(out.ptr, "\"cleanup.policy\":\"compact\","
                                    "\"max.compaction.lag.ms\":\"259200000\","
                                    "\"delete.retention.ms\":\"2592000000\","
                                    "\"min.cleanable.dirty.ratio\":\"0.1\""));
    assert_null(strstr(out.ptr, "\"name\":\"apply\""));
    const char *observed = strstr(out.ptr, "\"observer_topics\"");
    assert_non_null(strstr(observed, "eiso.registry.organisations.v1"));
    assert_null(strstr(observed, "eiso.registry.people.v1"));
}

static void assert_parts(struct buf *out, const char *const *parts, size_t count)
{
    buf_add_char(out, '\0');
    for (size_t i = 0; i < count; i++)
        if (!strstr(out->ptr, parts[i]))
            fail_msg("no %s in %s", parts[i], out->ptr);
}

static void the_reference_follows_from_the_route_table(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf out = {0};
    const struct openapi_settings settings = {"http://there:81", 81};
    assert_true(service_openapi(&sample, &settings, &out, NULL));
    static const char *const parts[] = {
        "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"EISO grades\"",
        "\"servers\":[{\"url\":\"http://there:81\"}]",
        "\"/v1/marks\":{\"post\":{\"operationId\":\"post_v1_marks\"",
        "\"application/vnd.msgpack\":{\"schema\":{\"type\":\"array\",\"maxItems\":5000,\"items\":{"
        "\"$ref\":\"#/components/schemas/shown_sent\"}}}",
        "\"enum\":[\"created\",\"rejected\"]",
        "\"security\":[{\"client\":[\"marks.write\"]},{\"person\":[]}]",
        "\"/v1/marks/{id}\":{\"get\":{\"operationId\":\"get_v1_marks_id\"",
        "},\"delete\":{\"operationId\":\"delete_v1_marks_id\"",
        "\"409\":{\"description\":\"`in_use`\"",
        "\"text/event-stream\":{\"schema\":{\"type\":\"string\"},\"x-events\":[{\"event\":\"mark\"",
        "\"name\":\"Last-Event-ID\",\"in\":\"header\"",
        "\"maximum\":100,\"description\":\"Of 100.\"",
        "\"in\":\"cookie\",\"name\":\"eiso_81\"",
    };
    assert_parts(&out, parts, COUNT_OF(parts));
}

static void examples_stand_with_their_route_and_status(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf out = {0};
    const struct openapi_settings settings = {"http://there:81", 81};
    assert_true(service_openapi(&sample, &settings, &out, NULL));
    static const char *const parts[] = {
        "\"examples\":{\"1\":{\"summary\":\"Two marks\",\"description\":\"POST "
        "/v1/marks?dry_run=1\",\"value\":[\n  {\"id\": 1}\n]}}",
        "\"summary\":\"Two marks\",\"description\":\"POST /v1/marks?dry_run=1\",\"value\":{"
        "\"created\": 1}}}",
        "\"examples\":{\"1\":{\"summary\":\"One\",\"description\":\"GET "
        "/v1/marks/"
        "01930000-0000-7000-8000-000000000071\",\"value\":{"
        "\"points\": 5}}}",
        "problem\"},\"examples\":{\"1\":{\"summary\":\"None\",",
        "\"value\":\"event: mark\\ndata: {}\\n\\ndata: 2\"}}",
    };
    assert_parts(&out, parts, COUNT_OF(parts));
}

/* The route as it is, without a part of its row. */
static void assert_lacks(struct route route, const char *what)
{
    CLEANUP(buf_done) struct buf out = {0};
    const struct openapi_settings settings = {"http://there", 80};
    struct err err = {0};
    const struct route routes[] = {route};
    const struct listener listeners[] = {{.role = "api", .routes = ROUTES(routes)}};
    const struct service service = {.name = "grades", .listeners = LISTENERS(listeners)};
    assert_false(service_openapi(&service, &settings, &out, &err));
    assert_non_null(strstr(err.text, what));
}

static void a_route_that_lacks_its_reference_is_refused(void **state)
{
    (void)state;
    struct route route = sample_routes[0];
    route.summary = NULL;
    assert_lacks(route, "POST /v1/marks does not say a summary");
    route = sample_routes[0];
    route.answer.shape = ANSWER_UNSAID;
    assert_lacks(route, "its answer");
    route = sample_routes[0];
    route.entrance = NULL;
    route.answer = (struct route_answer){ANSWER_EMPTY};
    assert_lacks(route, "what its body holds");
}

static void the_program_describes_itself_without_settings(void **state)
{
    (void)state;
    char said[32768];
    clear_environment();
    setenv("EISO_PARTITIONS", "24", 1);
    assert_int_equal(RUN(said, "--describe"), EXIT_DONE);
    assert_non_null(strstr(said, "{\"name\":\"eiso.grades.marks.v1\",\"partitions\":24,"));
    assert_int_equal(RUN(said, "--openapi"), EXIT_DONE);
    assert_non_null(strstr(said, "{\"openapi\":\"3.1.0\""));
    assert_int_equal(RUN(said, "--version"), EXIT_DONE);
    assert_string_equal(said, "eiso-grades " EISO_VERSION "\n");
    assert_int_equal(RUN(said, "--help"), EXIT_DONE);
    assert_non_null(strstr(said, "Roles: api apply relay jobs migrate"));
    assert_non_null(strstr(said, "  quarantine ls | show ID | release ID | drop ID\n"));
    assert_non_null(strstr(said, "  rebuild [drop]\n  dig DEPTH\n"));
    assert_non_null(strstr(said, "EISO_TEST_DEPTH"));
}

/* A static initializer cannot read the count of another file: nobody forgets one here. */
static void no_migration_is_left_out(void **state)
{
    (void)state;
    extern const size_t service_schema_count, intake_schema_count, outbox_schema_count;
    assert_int_equal(service_migrations.count, service_schema_count);
    assert_int_equal(intake_migrations.count, intake_schema_count);
    assert_int_equal(outbox_migrations.count, outbox_schema_count);
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    char said[32768];
    clear_environment();
    setenv("EISO_PG", "host=/nowhere", 1);
    assert_int_equal(run((const char *const[]){NULL}, said), EXIT_USAGE);
    assert_int_equal(RUN(said, "--role", "push"), EXIT_USAGE);
    assert_int_equal(RUN(said, "--role", "api", "more"), EXIT_USAGE);
    assert_int_equal(RUN(said, "--unheard"), EXIT_USAGE);
    assert_int_equal(RUN(said, "bury"), EXIT_USAGE);
    assert_non_null(strstr(said, "there is no command bury"));
    assert_int_equal(RUN(said, "dig", "3"), EXIT_FAILED);
    assert_non_null(strstr(said, "unavailable: "));
}

static void wrong_settings_are_refused(void **state)
{
    (void)state;
    char said[32768];
    clear_environment();
    assert_int_equal(RUN(said, "dig"), EXIT_USAGE);
    assert_non_null(strstr(said, "EISO_PG is not set: dig needs it"));
    setenv("EISO_PG", "", 1);
    assert_int_equal(RUN(said, "--role", "jobs"), EXIT_USAGE);
    assert_non_null(strstr(said, "EISO_PG is not set: jobs needs it"));
    setenv("EISO_PG", "dbname=x", 1);
    assert_int_equal(RUN(said, "--role", "apply"), EXIT_USAGE);
    assert_non_null(strstr(said, "EISO_KAFKA is not set"));
    setenv("EISO_TEST_DEPTH", "deep", 1);
    assert_int_equal(RUN(said, "--role", "jobs"), EXIT_USAGE);
    assert_non_null(strstr(said, "EISO_TEST_DEPTH"));
    setenv("EISO_TEST_DEPTH", "12", 1);
    assert_int_equal(RUN(said, "--print-config"), EXIT_DONE);
    assert_non_null(strstr(said, "EISO_PG=dbname=x\n"));
    assert_non_null(strstr(said, "EISO_TEST_DEPTH=12\n"));
}

/* ---- The observer ---- */

static void the_observer_tells_life_readiness_version_and_metrics(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(observer_close_at) struct observer *observer = NULL;
    struct health health = {.checks = {{.name = "read"}}};
    struct process process = {.service = &sample, .role = "api"};
    struct err err;
    const char *said;
    const char *path = arena_printf(&arena, "%s/observer", testkit_folder(&arena));
    process.common.observer = path;
    assert_int_equal(observer_open(&observer, &process, &health, &err), ERROR_NONE);
    said = testkit_ask(&arena, path, STR("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_non_null(strstr(said, "HTTP/1.1 503 "));
    assert_non_null(strstr(
        said, "{\"checks\":{\"alive\":true,\"read\":false},\"troubles\":[],\"ready\":false}"));
    health.checks[0].ok = true;
    health_beat(&health);
    said = testkit_ask(&arena, path, STR("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_non_null(strstr(said, "HTTP/1.1 200 OK\r\n"));
    said = testkit_ask(&arena, path, STR("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_non_null(strstr(said, "HTTP/1.1 200 OK\r\n"));
    health.beat_us = clock_monotonic() - HEALTH_STALE_US - 1;
    said = testkit_ask(&arena, path, STR("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_non_null(strstr(said, "HTTP/1.1 503 "));
    said = testkit_ask(&arena, path, STR("GET /version HTTP/1.1\r\n\r\n"));
    assert_non_null(
        strstr(said, "{\"service\":\"grades\",\"role\":\"api\",\"version\":\"" EISO_VERSION));
    said = testkit_ask(&arena, path, STR("GET /metrics HTTP/1.1\r\n\r\n"));
    assert_non_null(strstr(said, "\nprocess_resident_memory_bytes "));
    said = testkit_ask(&arena, path, STR("GET /metricsandmore HTTP/1.1\r\n\r\n"));
    assert_non_null(strstr(said, "HTTP/1.1 404 "));
    said = testkit_ask(&arena, path, STR("POST /livez HTTP/1.1\r\n\r\n"));
    assert_non_null(strstr(said, "HTTP/1.1 404 "));
}

/* Beside readiness: who is in trouble may be ready. */
static void troubles_are_told_with_what_mends_them(void **state)
{
    (void)state;
    static struct metric waits = {.name = "eiso_test_wait_seconds",
                                  .help = "Nothing.",
                                  .scale = 1e-6,
                                  .trouble = "it takes long",
                                  .trouble_above = 1500000};
    static struct metric lost = {.name = "eiso_test_lost",
                                 .help = "Nothing.",
                                 .trouble = "something is lost",
                                 .mend = "find it"};
    CLEANUP(buf_done) struct buf out = {0};
    metric_register(&waits);
    metric_register(&lost);
    metric_set(&waits, 1500000);
    metric_print_troubles(&out);
    assert_true(str_equal(buf_str(&out), STR("[]")));
    buf_reset(&out);
    metric_set(&waits, 2000000);
    metric_set(&lost, 3);
    metric_print_troubles(&out);
    assert_true(str_equal(
        buf_str(&out),
        STR("[{\"metric\":\"eiso_test_lost\",\"value\":3,\"trouble\":\"something is lost\","
            "\"mend\":\"find it\"},{\"metric\":\"eiso_test_wait_seconds\",\"value\":2.000000,"
            "\"trouble\":\"it takes long\"}]")));
    metric_set(&waits, 0);
    metric_set(&lost, 0);
}

static void whoever_dribbles_or_floods_does_not_stop_the_observer(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(observer_close_at) struct observer *observer = NULL;
    struct health health = {0};
    struct process process = {.service = &sample, .role = "api"};
    struct err err;
    char flood[5000];
    const char *path = arena_printf(&arena, "%s/observer", testkit_folder(&arena));
    process.common.observer = path;
    assert_int_equal(observer_open(&observer, &process, &health, &err), ERROR_NONE);
    int silent = testkit_connect(path), flooding = testkit_connect(path);
    memset(flood, 'x', sizeof flood);
    assert_true(send(flooding, flood, sizeof flood, MSG_NOSIGNAL) > 0);
    /* Behind the silent one's second. */
    assert_int_equal(testkit_status(testkit_ask(&arena, path, STR("GET /livez HTTP/1.1\r\n\r\n"))),
                     200);
    close(silent);
    close(flooding);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_description_has_all_that_an_installation_needs),
        TEST(a_state_topic_is_compacted_and_people_are_not_observed),
        TEST(the_reference_follows_from_the_route_table),
        TEST(examples_stand_with_their_route_and_status),
        TEST(a_route_that_lacks_its_reference_is_refused),
        TEST(the_program_describes_itself_without_settings),
        TEST(no_migration_is_left_out),
        TEST(wrong_arguments_are_refused),
        TEST(wrong_settings_are_refused),
        TEST(the_observer_tells_life_readiness_version_and_metrics),
        TEST(troubles_are_told_with_what_mends_them),
        TEST(whoever_dribbles_or_floods_does_not_stop_the_observer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
