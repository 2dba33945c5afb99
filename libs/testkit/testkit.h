/* What tests need of the world: a new database, a topic of their own, brokers, child programs, and
 * servers that may be stopped, killed and set back. Everything is real.
 *
 * A whole run of ctest shares one PostgreSQL and one Kafka (libs/testkit/cluster). By hand:
 * `libs/testkit/cluster start build/sanitize/cluster`, then run any test binary of that build.
 * EISO_TEST_PG and EISO_TEST_KAFKA in the environment point to other ones.
 *
 * Nothing here returns an error: what fails says so on stderr and ends the test program with 1.
 * What a test makes here goes when its program ends, however it ends. */
#ifndef TESTKIT_TESTKIT_H
#define TESTKIT_TESTKIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/str.h"

/* ---- The shared servers ---- */

/* A connection string of a new, empty database (about 50 ms); the role is a superuser. */
const char *testkit_database(struct arena *arena);

/* The same with all that is in another one of testkit_database, to which nobody may be connected:
 * for many tests on a schema that takes long to make. */
const char *testkit_database_like(const char *conninfo, struct arena *arena);

/* Bootstrap servers. Topics are not made by themselves. The principal is User:ANONYMOUS, a super
 * user. */
const char *testkit_brokers(void);

/* The same broker where it asks for a login: a properties file for SASL/PLAIN as `user`, "aigul" or
 * "bolat". They have no right until a test gives it. */
const char *testkit_brokers_login(void);
const char *testkit_login_file(struct arena *arena, const char *user);

/* A name that no other test and no other run has: "<name>.<16 hex digits>". For topics, groups,
 * principals. */
const char *testkit_name(struct arena *arena, const char *name);

/* A new empty folder, short enough for sockets in it. */
const char *testkit_folder(struct arena *arena);

/* ---- Waiting ---- */

/* Asks every 10 ms until it holds. False where it does not within `timeout_ms`. */
typedef bool testkit_condition(void *context);
bool testkit_wait_until(testkit_condition *holds, void *context, int64_t timeout_ms);

/* ---- Child programs; they are killed when the test program ends ---- */

struct testkit_child {
    const char *program;            /* "eiso-grades": of this build; with a '/': a path */
    const char *const *arguments;   /* behind the program's name, NULL at the end; NULL: none */
    const char *const *environment; /* "NAME=value" besides ours, NULL at the end; NULL: none */
    const char *output;             /* file for stdout and stderr, appended; NULL: ours */
};
pid_t testkit_spawn(const struct testkit_child *child);
const char *testkit_program(struct arena *arena, const char *name); /* its path in this build */

/* Waits for its end: the exit code, or the negative signal number. Past `timeout_ms` the test
 * fails. */
int testkit_wait(pid_t child, int64_t timeout_ms);

bool testkit_is_running(pid_t child);
void testkit_kill(pid_t child);                     /* SIGKILL, and its end */
int testkit_drain(pid_t child, int64_t timeout_ms); /* SIGTERM, then as testkit_wait */
void testkit_pause(pid_t child);                    /* SIGSTOP; returns when it stands */
void testkit_resume(pid_t child);

/* ---- Talking to a role's Unix sockets ---- */

/* One request and its answer, head and body, to the end of the connection; blocks. "" where nobody
 * listens. */
char *testkit_ask(struct arena *arena, const char *path, struct str request);

/* The same in steps: the connection with all sent, -1 where nobody listens; and what comes until
 * the other end closes, "" for -1. */
int testkit_connect(const char *path);
int testkit_send(const char *path, struct str request);
char *testkit_receive(struct arena *arena, int fd); /* closes it */

/* Of an answer's first line; 0 where it is none. */
int testkit_status(const char *answer);

/* Until the role whose observer is at `path` says that it is ready: a role that listens may still
 * be connecting to PostgreSQL, and answers 503. Past `timeout_ms` the test fails. */
void testkit_wait_ready(const char *path, int64_t timeout_ms);

/* ---- Servers of one's own, for faults ---- */

struct testkit_server;

struct testkit_server *testkit_postgres_new(void); /* started, about 1.5 s */
struct testkit_server *testkit_kafka_new(void);    /* started, about 3 s */
void testkit_server_free(struct testkit_server *server);

/* Kafka: bootstrap servers. PostgreSQL: a connection string without dbname. The same after each
 * start. */
const char *testkit_server_address(const struct testkit_server *server);
const char *testkit_server_database(const struct testkit_server *server,
                                    struct arena *arena);             /* as testkit_database */
const char *testkit_server_data(const struct testkit_server *server); /* its data folder */

void testkit_server_start(struct testkit_server *server); /* returns when it answers */
void testkit_server_stop(struct testkit_server *server);  /* PostgreSQL: fast shutdown */
void testkit_server_kill(struct testkit_server *server);  /* kill -9, with its children */
void testkit_server_pause(
    struct testkit_server *server); /* the postmaster or broker alone: SIGSTOP */
void testkit_server_resume(struct testkit_server *server);

/* A cold copy of its data under a name, and back; the server must be down (stopped, or killed: as
 * after power loss). */
void testkit_server_save(struct testkit_server *server, const char *name);
void testkit_server_restore(struct testkit_server *server, const char *name);

#endif
