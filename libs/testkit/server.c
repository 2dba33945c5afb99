/* Servers of a test's own. The script `cluster` knows how; this only calls it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "testkit/testkit.h"
#include "testkit/testkit_internal.h"

struct testkit_server {
    struct arena arena;
    const char *part; /* "postgres" or "kafka" */
    const char *folder;
    const char *address, *data;
    bool freed;
};

static void call(const struct testkit_server *server, const char *verb, const char *argument)
{
    const char *argv[] = {TESTKIT_CLUSTER, verb, server->folder, server->part, argument, NULL};
    testkit_run(argv);
}

static void remove_server(void *context)
{
    struct testkit_server *server = context;
    if (!server->freed)
        testkit_run((const char *const[]){TESTKIT_CLUSTER, "remove", server->folder, NULL});
    arena_done(&server->arena);
    free(server);
}

static struct testkit_server *server_new(const char *part)
{
    static int number;
    struct testkit_server *server = mem_alloc(sizeof *server);
    server->part = part;
    server->folder =
        arena_printf(&server->arena, "%s/own/%d-%d", TESTKIT_FOLDER, (int)getpid(), ++number);
    server->data = arena_printf(&server->arena, "%s/%s/data", server->folder, part);
    testkit_at_exit(remove_server, server);
    testkit_server_start(server);
    return server;
}

struct testkit_server *testkit_postgres_new(void)
{
    struct testkit_server *server = server_new("postgres");
    server->address =
        arena_printf(&server->arena, "host=%s/postgres/sock user=eiso_admin", server->folder);
    return server;
}

struct testkit_server *testkit_kafka_new(void)
{
    struct testkit_server *server = server_new("kafka");
    char line[64] = "";
    FILE *file = fopen(arena_printf(&server->arena, "%s/kafka/address", server->folder), "re");
    if (!file || !fgets(line, sizeof line, file))
        testkit_fail("%s has no address", server->folder);
    fclose(file);
    server->address = arena_printf(&server->arena, "%.*s", (int)strcspn(line, "\n"), line);
    return server;
}

/* The memory goes at exit: an ending cannot be taken back. */
void testkit_server_free(struct testkit_server *server)
{
    testkit_run((const char *const[]){TESTKIT_CLUSTER, "remove", server->folder, NULL});
    server->freed = true;
}

const char *testkit_server_address(const struct testkit_server *server)
{
    return server->address;
}

const char *testkit_server_database(const struct testkit_server *server, struct arena *arena)
{
    return testkit_database_at(server->address, arena);
}

const char *testkit_server_data(const struct testkit_server *server)
{
    return server->data;
}

void testkit_server_start(struct testkit_server *server)
{
    char owner[16];
    snprintf(owner, sizeof owner, "%d", (int)getpid());
    setenv("EISO_TEST_OWNER", owner, 1);
    call(server, "start", NULL);
    unsetenv("EISO_TEST_OWNER");
}

void testkit_server_stop(struct testkit_server *server)
{
    call(server, "stop", NULL);
}

void testkit_server_kill(struct testkit_server *server)
{
    call(server, "kill", NULL);
}

void testkit_server_pause(struct testkit_server *server)
{
    call(server, "kill", "STOP");
}

void testkit_server_resume(struct testkit_server *server)
{
    call(server, "kill", "CONT");
}

void testkit_server_save(struct testkit_server *server, const char *name)
{
    call(server, "save", name);
}

void testkit_server_restore(struct testkit_server *server, const char *name)
{
    call(server, "restore", name);
}
