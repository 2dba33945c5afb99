/* The one skeleton of a service: arguments, settings, role, readiness, metrics, drain. A service is data: tables of
 * settings, routes, subscriptions, migrations and jobs; its main() hands them over (design.md, "Processes: roles").
 *
 *     eiso-grades --role api|push|apply|relay|jobs|migrate   runs exactly one role
 *     eiso-grades --describe                                  what deploy needs: roles, routes, topics, ACLs
 *     eiso-grades --help | --print-config | --version
 *     eiso-grades quarantine|history|... ...                  the operator's commands
 */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include <stdbool.h>

#include "auth/auth.h"
#include "base/error.h"
#include "conf/conf.h"
#include "db/async.h"
#include "db/db.h"
#include "http/http.h"
#include "intake/intake.h"
#include "loop/loop.h"
#include "outbox/outbox.h"

struct service;

/* What every process is told by its environment. */
struct common_settings {
    const char *socket;       /* EISO_SOCKET: Unix socket of api, push, signin */
    const char *observer;     /* EISO_OBSERVER: Unix socket of /livez /readyz /metrics /version */
    const char *database;     /* EISO_PG: libpq connection string */
    const char *brokers;      /* EISO_KAFKA */
    const char *kafka_config; /* EISO_KAFKA_CONFIG */
    const char *cell;         /* EISO_CELL: "kz" */
    const char *url;          /* EISO_URL: the front door as callers see it */
    const char *state;        /* EISO_STATE: private folder */
    const char *pokes;        /* EISO_POKES: folder of the poke sockets, "sock" */
    int64_t slot;             /* EISO_SLOT */
    const char *log_level;    /* EISO_LOG_LEVEL */
};

/* A running process. Begins with auth: http's guard finds it there. Roles without a loop leave the event-driven
 * members NULL. */
struct process {
    struct auth *auth;
    const struct service *service;
    const char *role;
    struct common_settings common;
    void *settings;              /* the service's own struct, filled */
    struct loop *loop;
    struct http_server *server;
    struct db_async *write;      /* one call in flight; outbox_open on each connection */
    struct db_async *read;       /* pipelined */
    struct gather *gather;       /* of `write` */
    void *state;                 /* the service's own, made by `start` */
    volatile bool stop;
    struct arena arena;          /* for the life of the process */
};

/* The process behind a request. */
static inline struct process *process_of(const struct http_request *request)
{
    return request->server;
}

/* Work that role jobs does again and again, on the owner's connection. */
struct job {
    const char *name;
    int64_t every_ms;
    enum error (*run)(struct process *process, struct db *db, struct err *err);
};
#define JOBS(array) {(array), sizeof(array) / sizeof((array)[0])}
struct jobs {
    const struct job *items;
    size_t count;
};

/* An operator's command: `eiso-<service> <name> <arguments>`; runs on the owner's connection, prints to stdout, returns the
 * exit code. */
struct command {
    const char *name, *usage;
    int (*run)(struct process *process, struct db *db, int argc, char **argv);
};
#define COMMANDS(array) {(array), sizeof(array) / sizeof((array)[0])}
struct commands {
    const struct command *items;
    size_t count;
};

/* An event-driven role: which routes it answers and how it begins. */
struct listener {
    const char *role;     /* "api", "push", "signin" */
    int processes;        /* deploy starts so many; 0 means 1 */
    struct routes routes;
    bool writes;          /* needs `write` and `gather` */
    /* After loop and connections are made, before the socket listens. May be NULL. */
    enum error (*start)(struct process *process, struct err *err);
};
#define LISTENERS(array) {(array), sizeof(array) / sizeof((array)[0])}

struct service {
    const char *name;              /* "grades": database, schema, principal, topics' prefix */
    struct settings settings;      /* its own, beyond common_settings */
    size_t settings_size;
    struct {
        const struct listener *items;
        size_t count;
    } listeners;
    struct subscriptions subscriptions; /* role apply exists where there are any */
    intake_retract *retract;
    int apply_processes;           /* 0 means 1 */
    int log_keep_days;             /* of event_log; 0 means 35; -1: it emits nothing, no relay */
    struct {
        const struct embedded *files;
        const size_t *count;
    } schema;                      /* its own migrations, behind outbox's and intake's */
    struct jobs jobs;
    struct commands commands;
    const char *const *demo;       /* arguments of the command that makes the demo; ends with NULL; NULL: none */
};

/* The whole program. */
int service_main(const struct service *service, int argc, char **argv);

#endif
