/* The roles as processes of their own, with a real PostgreSQL; Kafka is away all the time. */
#include "testkit/check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include "base/clock.h"
#include "base/metric.h"
#include "service/service_internal.h"
#include "testkit/testkit.h"

/* ---- A service: a page that takes half a second, a job, a command ---- */

static const struct statement say_slowly = {"say_slowly", "select pg_sleep(0.5)::text"};
static const struct statement count_job = {"count_job",
                                           "insert into ran (job) values ('steady') returning 1"};

static void said(void *context, const struct result *result, enum error code, const struct err *err)
{
    (void)result, (void)err;
    http_answer_empty(context, code ? 503 : 204);
}

static void get_slow(struct http_request *request)
{
    struct params params = {0};
    db_async_exec(process_of(request)->read, &say_slowly, &params, said, request);
}

static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/slow", .handler = get_slow, .open = true}};

static const struct route stream_routes[] = {
    {.method = HTTP_GET, .path = "/stream", .handler = get_slow, .stream = true, .open = true}};

static struct metric poked = {.name = "eiso_test_poked_total", .help = "Pokes."};

static enum error start(struct process *process, struct err *err)
{
    (void)err;
    process->state = mem_alloc(1);
    metric_register(&poked);
    return ERROR_NONE;
}

static void stop(struct process *process)
{
    free(process->state);
}

static void was_poked(struct process *process)
{
    (void)process;
    metric_add(&poked, 1);
}

static enum error steady(struct process *process, struct db *db, struct err *err)
{
    (void)process;
    return db_exec(db, &count_job, NULL, NULL, err);
}

static enum error failing(struct process *process, struct db *db, struct err *err)
{
    (void)process;
    return db_run(db, "select no_such_function()", err) ? err_set(err, ERROR_SERIALIZE, "as ever")
                                                        : ERROR_NONE;
}

static enum error prepare(struct process *process, struct db *db, struct err *err)
{
    (void)process;
    return db_run(db, "insert into ran values ('first')", err);
}

static int whoami(struct process *process, struct db *db, int argc, char **argv)
{
    (void)db;
    printf("%s %s %d %s %d\n", process_operator(process), argv[0], argc, process->common.url,
           process->cookie_port);
    return EXIT_DONE;
}

static const struct listener listeners[] = {{.role = "api",
                                             .routes = ROUTES(routes),
                                             .writes = true,
                                             .start = start,
                                             .stop = stop,
                                             .poked = was_poked},
                                            {.role = "push", .routes = ROUTES(stream_routes)}};
static const struct job jobs[] = {{"failing", 20, failing},
                                  {"steady", 20, steady},
                                  {"prepare", 3600000, prepare, .with_migrate = true}};
static int die(struct process *process, struct db *db, int argc, char **argv)
{
    (void)process, (void)db, (void)argc, (void)argv;
    _exit(77);
}

static const struct command commands[] = {{"whoami", "", whoami}, {"die", "", die}};
static const char first_file[] = "create table ran (job text not null);";
static const struct embedded files[] = {{"0001_init.sql", first_file, sizeof first_file - 1}};
static const size_t file_count = COUNT_OF(files);

static const struct service sample = {.name = "grades",
                                      .listeners = LISTENERS(listeners),
                                      .schema = {files, &file_count},
                                      .jobs = JOBS(jobs),
                                      .commands = COMMANDS(commands)};

/* ---- Running it ---- */

struct fixture {
    struct arena arena;
    const char *folder;
    struct db *db;
};

/* A child ends without what its parent does at its end, so it looks for leaks by itself. */
static bool leaks(void)
{
#ifdef __SANITIZE_ADDRESS__
    return __lsan_do_recoverable_leak_check() != 0;
#else
    return false;
#endif
}

/* A child that runs the program with up to two arguments; `output` NULL: ours. */
static pid_t launch(const char *first, const char *second, const char *output)
{
    pid_t child = fork();
    if (child != 0)
        return child;
    char *argv[] = {strdup("eiso-grades"), strdup(first), second ? strdup(second) : NULL, NULL};
    if (output && !freopen(output, "we", stdout))
        _exit(99);
    int status = service_main(&sample, second ? 3 : 2, argv);
    fflush(stdout);
    _exit(leaks() ? 98 : status);
}

static int wait_for_end(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int begin(void **state)
{
    struct fixture *fixture = mem_alloc(sizeof *fixture);
    struct err err;
    const char *conninfo = testkit_database(&fixture->arena);
    fixture->folder = testkit_folder(&fixture->arena);
    setenv("EISO_PG", conninfo, 1);
    setenv("EISO_KAFKA", "127.0.0.1:1", 1);
    setenv("EISO_POKES", fixture->folder, 1);
    setenv("EISO_SOCKET", arena_printf(&fixture->arena, "%s/http", fixture->folder), 1);
    setenv("EISO_OBSERVER", arena_printf(&fixture->arena, "%s/observer", fixture->folder), 1);
    assert_int_equal(db_open(&fixture->db, conninfo, &err), ERROR_NONE);
    assert_int_equal(wait_for_end(launch("--role", "migrate", NULL)), EXIT_DONE);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;
    db_close(fixture->db);
    arena_done(&fixture->arena);
    free(fixture);
    return 0;
}

/* ---- Looking at it ---- */

static const char *path_of(struct fixture *fixture, const char *name)
{
    return arena_printf(&fixture->arena, "%s/%s", fixture->folder, name);
}

static int send_get(struct fixture *fixture, const char *name, const char *path)
{
    const char *request = arena_printf(
        &fixture->arena, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
    return testkit_send(path_of(fixture, name), str_from(request));
}

static const char *receive(struct fixture *fixture, int fd)
{
    return testkit_receive(&fixture->arena, fd);
}

static int64_t ran(struct fixture *fixture, const char *job)
{
    static const struct statement count = {"count", "select count(*) from ran where job = $1"};
    CLEANUP(result_done) struct result result = {0};
    struct params params = {0};
    struct err err = {0};
    param_text(&params, str_from(job));
    if (db_exec(fixture->db, &count, &params, &result, &err))
        fail_msg("%s", err.text);
    return result_bigint(&result, 0, 0);
}

static bool ran_ten_times(void *context)
{
    return ran(context, "steady") >= 10;
}

/* ---- What holds ---- */

static void migrate_makes_the_schema_and_what_the_first_writer_needs(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    assert_int_equal(ran(fixture, "first"), 1);
    assert_int_equal(db_run(fixture->db, "select from event_log", &err), ERROR_NONE);
    assert_int_equal(wait_for_end(launch("--role", "migrate", NULL)), EXIT_DONE);
}

static void jobs_go_on_behind_a_failure_and_a_lost_connection(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    pid_t jobs_process = launch("--role", "jobs", NULL);
    testkit_wait_ready(path_of(fixture, "observer"), 10000);
    assert_true(testkit_wait_until(ran_ten_times, fixture, 10000));
    assert_int_equal(db_run(fixture->db,
                            "truncate ran; select pg_terminate_backend(pid) from pg_stat_activity"
                            " where application_name = 'grades-jobs-0'"
                            " and datname = current_database()",
                            &err),
                     ERROR_NONE);
    assert_true(testkit_wait_until(ran_ten_times, fixture, 10000));
    kill(jobs_process, SIGTERM);
    assert_int_equal(wait_for_end(jobs_process), EXIT_DONE);
}

static void a_listener_is_ready_without_kafka_and_drains(void **state)
{
    struct fixture *fixture = *state;
    pid_t api = launch("--role", "api", NULL);
    testkit_wait_ready(path_of(fixture, "observer"), 10000);
    int slow = send_get(fixture, "http", "/slow");
    clock_sleep_ms(150);
    kill(api, SIGTERM);
    clock_sleep_ms(100);
    assert_int_equal(send_get(fixture, "http", "/slow"), -1);
    const char *text = receive(fixture, send_get(fixture, "observer", "/readyz"));
    assert_int_equal(testkit_status(text), 503);
    assert_non_null(strstr(text, "\"open\":false"));
    assert_int_equal(testkit_status(receive(fixture, slow)), 204);
    assert_int_equal(wait_for_end(api), EXIT_DONE);
}

static bool was_told(void *context)
{
    const char *text = receive(context, send_get(context, "observer", "/metrics"));
    return strstr(text, "\neiso_test_poked_total 1\n") != NULL;
}

static void a_poke_reaches_the_listener_that_wants_it(void **state)
{
    struct fixture *fixture = *state;
    struct process teller = {.service = &sample, .common = {.pokes = fixture->folder}};
    pid_t api = launch("--role", "api", NULL);
    testkit_wait_ready(path_of(fixture, "observer"), 10000);
    process_poke(&teller, "api");
    assert_true(testkit_wait_until(was_told, fixture, 5000));
    kill(api, SIGINT);
    assert_int_equal(wait_for_end(api), EXIT_DONE);
}

enum { CROWD = 4500 };

static bool all_are_in(void *context)
{
    const char *text = receive(context, send_get(context, "observer", "/metrics"));
    const char *found = strstr(text, "\neiso_http_connections ");
    return found && atoi(found + strlen("\neiso_http_connections ")) >= CROWD;
}

/* More than a role without streams takes; as many as there may be files. */
static void who_streams_takes_thousands(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit before, raised;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    raised = before;
    raised.rlim_cur = raised.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &raised), 0);
    if (raised.rlim_cur < CROWD + 1000)
        skip();
    int *crowd = ARENA_ARRAY(&fixture->arena, CROWD, int);
    pid_t push = launch("--role", "push", NULL);
    testkit_wait_ready(path_of(fixture, "observer"), 10000);
    for (size_t i = 0; i < CROWD; i++)
        assert_true((crowd[i] = testkit_connect(path_of(fixture, "http"))) >= 0);
    assert_true(testkit_wait_until(all_are_in, fixture, 10000));
    for (size_t i = 0; i < CROWD; i++)
        close(crowd[i]);
    kill(push, SIGINT);
    assert_int_equal(wait_for_end(push), EXIT_DONE);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void commands_run_on_the_owners_connection(void **state)
{
    struct fixture *fixture = *state;
    char text[256] = "";
    const char *output = arena_printf(&fixture->arena, "%s/output", fixture->folder);
    setenv("EISO_URL", "http://127.0.0.1:8123/", 1);
    assert_int_equal(wait_for_end(launch("whoami", NULL, output)), EXIT_DONE);
    FILE *file = fopen(output, "re");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    assert_non_null(strstr(text, " whoami 1 http://127.0.0.1:8123 8123\n"));
    assert_int_equal(wait_for_end(launch("history", "ls", output)), EXIT_DONE);
    assert_int_equal(wait_for_end(launch("history", "burn", output)), EXIT_USAGE);
    assert_int_equal(wait_for_end(launch("quarantine", "ls", output)), EXIT_USAGE);
}

/* A command that is killed in the middle, too; who it was is what deploy/run says. */
static void what_operators_do_is_journalled(void **state)
{
    struct fixture *fixture = *state;
    setenv("EISO_OPERATOR", "aigul", 1);
    assert_int_equal(wait_for_end(launch("whoami", NULL, "/dev/null")), EXIT_DONE);
    assert_int_equal(wait_for_end(launch("history", "accept", "/dev/null")), EXIT_FAILED);
    assert_int_equal(wait_for_end(launch("history", "burn", "/dev/null")), EXIT_USAGE);
    assert_true(wait_for_end(launch("die", NULL, "/dev/null")) != EXIT_DONE);
    unsetenv("EISO_OPERATOR");
    static const struct statement statement = {
        "journal", "select string_agg(who || ' ' || what || ' ' || coalesce(status::text, '?'),"
                   " ', ' order by id) from journal"};
    CLEANUP(result_done) struct result result = {0};
    struct err err = {0};
    assert_int_equal(db_exec(fixture->db, &statement, NULL, &result, &err), ERROR_NONE);
    char text[256];
    snprintf(text, sizeof text, "%.*s", STR_ARG(result_str(&result, 0, 0)));
    assert_string_equal(text, "aigul whoami 0, aigul history accept 1, aigul history burn 2, "
                              "aigul die ?");
}

static void who_waits_for_postgres_can_be_told_to_end(void **state)
{
    (void)state;
    setenv("EISO_PG", "host=/nowhere dbname=x", 1);
    static const char *const roles[] = {"jobs", "api"};
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        pid_t child = launch("--role", roles[i], NULL);
        clock_sleep_ms(600);
        kill(child, SIGTERM);
        assert_int_equal(wait_for_end(child), EXIT_DONE);
    }
}

#define ROLE_TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROLE_TEST(migrate_makes_the_schema_and_what_the_first_writer_needs),
        ROLE_TEST(jobs_go_on_behind_a_failure_and_a_lost_connection),
        ROLE_TEST(a_listener_is_ready_without_kafka_and_drains),
        ROLE_TEST(a_poke_reaches_the_listener_that_wants_it),
        ROLE_TEST(who_streams_takes_thousands),
        ROLE_TEST(commands_run_on_the_owners_connection),
        ROLE_TEST(what_operators_do_is_journalled),
        ROLE_TEST(who_waits_for_postgres_can_be_told_to_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
