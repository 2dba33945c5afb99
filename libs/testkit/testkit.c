#include "testkit/testkit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"
#include "testkit/testkit_internal.h"

enum { POLL_MS = 10, MAX_ARGUMENTS = 64 };

void testkit_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("testkit: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

/* ---- What has to be done at the end ---- */

struct ending {
    void (*function)(void *context);
    void *context;
    pid_t process; /* a forked child of the test must not end what is its parent's */
    struct ending *next;
};
static struct ending *endings;

static void end_all(void)
{
    while (endings) {
        struct ending *ending = endings;
        endings = ending->next;
        if (ending->process == getpid())
            ending->function(ending->context);
        free(ending);
    }
}

void testkit_at_exit(void (*function)(void *context), void *context)
{
    static bool registered;
    if (!registered)
        atexit(end_all);
    registered = true;
    struct ending *ending = mem_alloc(sizeof *ending);
    *ending = (struct ending){function, context, getpid(), endings};
    endings = ending;
}

/* ---- Names and places ---- */

const char *testkit_name(struct arena *arena, const char *name)
{
    uint64_t number;
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        testkit_fail("getrandom: %s", strerror(errno));
    return arena_printf(arena, "%s.%016llx", name, (unsigned long long)number);
}

static void remove_folder(void *path)
{
    testkit_run((const char *const[]){"rm", "-rf", path, NULL});
    free(path);
}

const char *testkit_folder(struct arena *arena)
{
    const char *path = testkit_name(arena, TESTKIT_FOLDER ".tmp");
    if (mkdir(path, 0700) != 0)
        testkit_fail("%s: %s", path, strerror(errno));
    testkit_at_exit(remove_folder, strdup(path));
    return path;
}

/* The value of NAME=value in the file that `cluster start` leaves. */
static const char *read_address(const char *name)
{
    const char *path = TESTKIT_FOLDER "/env";
    FILE *file = fopen(path, "re");
    if (!file)
        testkit_fail("no servers: %s start %s", TESTKIT_CLUSTER, TESTKIT_FOLDER);
    char line[512];
    const char *found = NULL;
    while (!found && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        struct str rest = str_from(line);
        if (str_equal(str_cut(&rest, '='), str_from(name)))
            found = strdup(rest.ptr);
    }
    fclose(file);
    if (!found)
        testkit_fail("%s lacks %s", path, name);
    return found;
}

static const char *address(const char *name, const char **kept)
{
    if (!*kept)
        *kept = getenv(name);
    if (!*kept)
        *kept = read_address(name);
    return *kept;
}

const char *testkit_brokers(void)
{
    static const char *kept;
    return address("EISO_TEST_KAFKA", &kept);
}

const char *testkit_brokers_login(void)
{
    static const char *kept;
    return address("EISO_TEST_KAFKA_LOGIN", &kept);
}

const char *testkit_login_file(struct arena *arena, const char *user)
{
    const char *path = arena_printf(arena, "%s/login.conf", testkit_folder(arena));
    FILE *file = fopen(path, "we");
    if (!file)
        testkit_fail("%s: %s", path, strerror(errno));
    fprintf(file,
            "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n"
            "sasl.username=%s\nsasl.password=%s\n",
            user, user);
    fclose(file);
    return path;
}

/* ---- Databases ---- */

/* Not the one in PATH: Debian's is a Perl script around it, and starting that costs more than all
 * it does here. */
#define PSQL "/usr/lib/postgresql/15/bin/psql"

static void run_sql(const char *server, const char *sql)
{
    CLEANUP(arena_done) struct arena arena = {0};
    testkit_run((const char *const[]){PSQL, "-XqAt", "-v", "ON_ERROR_STOP=1", "-d",
                                      arena_printf(&arena, "%s dbname=postgres", server), "-c", sql,
                                      NULL});
}

static const char *create_database(const char *server, const char *like, struct arena *arena)
{
    const char *name = testkit_name(arena, "test");
    run_sql(server, arena_printf(arena, "CREATE DATABASE \"%s\" TEMPLATE \"%s\"", name, like));
    return arena_printf(arena, "%s dbname=%s", server, name);
}

const char *testkit_database_at(const char *server, struct arena *arena)
{
    return create_database(server, "template1", arena);
}

struct database {
    char *address, *name;
};

static void drop_database(void *context)
{
    struct database *database = context;
    CLEANUP(arena_done) struct arena arena = {0};
    run_sql(database->address,
            arena_printf(&arena, "DROP DATABASE IF EXISTS \"%s\" WITH (FORCE)", database->name));
    free(database->address);
    free(database->name);
    free(database);
}

const char *testkit_database(struct arena *arena)
{
    return testkit_database_like("dbname=template1", arena);
}

const char *testkit_database_like(const char *conninfo, struct arena *arena)
{
    static const char *kept;
    const char *server = address("EISO_TEST_PG", &kept);
    struct database *database = mem_alloc(sizeof *database);
    const char *made = create_database(server, strrchr(conninfo, '=') + 1, arena);
    database->address = strdup(server);
    database->name = strdup(strrchr(made, '=') + 1);
    testkit_at_exit(drop_database, database);
    return made;
}

/* ---- Waiting ---- */

bool testkit_wait_until(testkit_condition *holds, void *context, int64_t timeout_ms)
{
    int64_t end_us = clock_monotonic() + timeout_ms * 1000;
    while (!holds(context)) {
        if (clock_monotonic() > end_us)
            return false;
        clock_sleep_ms(POLL_MS);
    }
    return true;
}

/* ---- Child programs ---- */

static void redirect(const char *output)
{
    int fd = open(output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
        _exit(126);
}

/* The environment keeps the text, so it gets one of its own. */
static void set_variable(const char *assignment)
{
    size_t bytes = strlen(assignment) + 1;
    putenv(memcpy(mem_alloc(bytes), assignment, bytes));
}

/* In the child: becomes the program. */
static _Noreturn void become(const char *path, const struct testkit_child *child)
{
    const char *argv[MAX_ARGUMENTS + 2] = {path};
    for (size_t i = 0; child->arguments && child->arguments[i]; i++) {
        ensure(i < MAX_ARGUMENTS);
        argv[i + 1] = child->arguments[i];
    }
    for (size_t i = 0; child->environment && child->environment[i]; i++)
        set_variable(child->environment[i]);
    if (child->output)
        redirect(child->output);
    execvp(path, (char *const *)(uintptr_t)argv);
    fprintf(stderr, "testkit: %s: %s\n", path, strerror(errno));
    _exit(127);
}

const char *testkit_program(struct arena *arena, const char *name)
{
    return arena_printf(arena, "%s/%s", TESTKIT_PROGRAMS, name);
}

pid_t testkit_spawn(const struct testkit_child *child)
{
    CLEANUP(arena_done) struct arena arena = {0};
    const char *path = child->program;
    if (!strchr(path, '/'))
        path = testkit_program(&arena, path);
    fflush(NULL);
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        testkit_fail("fork: %s", strerror(errno));
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(126);
    become(path, child);
}

struct ended {
    pid_t pid;
    int status;
};

static bool has_ended(void *context)
{
    struct ended *ended = context;
    return waitpid(ended->pid, &ended->status, WNOHANG) == ended->pid;
}

int testkit_wait(pid_t child, int64_t timeout_ms)
{
    struct ended ended = {child, 0};
    if (!testkit_wait_until(has_ended, &ended, timeout_ms)) {
        testkit_kill(child);
        testkit_fail("process %d did not end within %lld ms", (int)child, (long long)timeout_ms);
    }
    return WIFEXITED(ended.status) ? WEXITSTATUS(ended.status) : -WTERMSIG(ended.status);
}

bool testkit_is_running(pid_t child)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

void testkit_kill(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

int testkit_drain(pid_t child, int64_t timeout_ms)
{
    kill(child, SIGTERM);
    return testkit_wait(child, timeout_ms);
}

void testkit_pause(pid_t child)
{
    kill(child, SIGSTOP);
    if (waitpid(child, NULL, WUNTRACED) != child)
        testkit_fail("process %d could not be paused", (int)child);
}

void testkit_resume(pid_t child)
{
    kill(child, SIGCONT);
}

void testkit_run(const char *const *argv)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        testkit_fail("fork: %s", strerror(errno));
    if (pid == 0) {
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    int status = 0;
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        testkit_fail("%s %s failed", argv[0], argv[1]);
}
