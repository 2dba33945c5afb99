/* The one skeleton of a service: arguments, settings, role, readiness, metrics, drain. A service is
 * data: tables of settings, routes, subscriptions, migrations and jobs; its main() hands them over
 * (design.md, "Processes: roles").
 *
 *     eiso-grades --role api|push|apply|relay|jobs|migrate   runs exactly one role
 *     eiso-grades --describe        what deploy needs: roles, routes, topics, ACLs, as JSON
 *     eiso-grades --openapi         the reference of its routes: OpenAPI 3.1
 *     eiso-grades --help | --print-config | --version
 *     eiso-grades history ls|accept | quarantine ls|show|release|drop | rebuild
 *     eiso-grades audit [of PERSON] [by READER] [from INSTANT] [to INSTANT] [most ROWS]
 *     eiso-grades COMMAND ...       what the service adds
 *
 * Exit codes: 0 done or drained; 1 it could not go on, and one log line says why; 2 wrong arguments
 * or settings. A role waits for PostgreSQL and Kafka inside; whatever else it cannot go on after
 * ends it, and the supervisor starts it anew. */
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
#include "intake/rebuild.h"
#include "loop/loop.h"
#include "outbox/outbox.h"

struct service;
struct audit;
struct gather;
struct health;

/* What every process is told by its environment. */
struct common_settings {
    const char *socket;   /* EISO_SOCKET: Unix socket of api, push, signin */
    const char *observer; /* EISO_OBSERVER: Unix socket of /livez /readyz /metrics /version */
    const char *database; /* EISO_PG: libpq connection string; completed with application_name */
    const char *brokers;  /* EISO_KAFKA */
    const char *kafka_config; /* EISO_KAFKA_CONFIG; "": none */
    const char *cell;         /* EISO_CELL: "kz" */
    const char *url;          /* EISO_URL: the front door as callers see it, no slash behind */
    const char *state;        /* EISO_STATE: private folder */
    const char *pokes;        /* EISO_POKES: folder of the poke sockets, "sock" */
    int64_t slot;             /* EISO_SLOT: number of this process among those of its role */
    int64_t most_held;        /* EISO_QUARANTINE_MOST: intake.h */
    const char *log_level;    /* EISO_LOG_LEVEL */
};

/* A running process. Begins with auth: http's guard finds it there. Roles without a loop leave the
 * event-driven members NULL. */
struct process {
    struct auth *auth;
    const struct service *service;
    const char *role;
    const char *client_id; /* of its Kafka connections: "grades-apply-0" */
    struct common_settings common;
    void *settings;  /* the service's own struct, filled */
    int cookie_port; /* names the cookies where EISO_URL has no TLS: eiso_<port>; 0: __Host-eiso */
    struct loop *loop;
    struct http_server *server;
    struct db_async *write; /* one call in flight; outbox_open on each connection */
    struct db_async *read;  /* pipelined */
    struct gather *gather;  /* of `write` */
    struct audit *audit;    /* audit.h; NULL: nothing was audited yet */
    void *state;            /* the service's own, made by `start` */
    volatile bool stop;     /* it was told to end */
    struct health *health;  /* what the observer shows */
    struct arena arena;     /* for the life of the process */
};

/* The process behind a request. */
static inline struct process *process_of(const struct http_request *request)
{
    return request->server;
}

/* Tells a role of this service to look again, each of its processes: "relay" after a commit that
 * appended to the log, or a listener that has `poked`. Never blocks, carries nothing, may be lost.
 */
void process_poke(const struct process *process, const char *role);

/* A sign of life, for /livez: from a job that takes longer than 30 s, now and then. */
void process_alive(const struct process *process);

/* Work that role jobs does again and again, on the owner's connection. The first time is at the
 * role's start. An error is logged and the job tried again when it is due; after a lost connection
 * at once. */
struct job {
    const char *name;
    int64_t every_ms;
    enum error (*run)(struct process *process, struct db *db, struct err *err);
    bool with_migrate; /* role migrate does it, too: partitions that the first writer needs */
};

/* An operator's command: `eiso-<service> <name> <arguments>`; runs on the owner's connection,
 * prints to stdout, returns the exit code. argv[0] is its name. Each run is a line of the table
 * `journal`, with all arguments: none of them may be a secret. */
struct command {
    const char *name, *usage;
    int (*run)(struct process *process, struct db *db, int argc, char **argv);
};

/* Who runs this command, as in the journal: the login name, the one behind sudo first. In the
 * process's arena. */
const char *process_operator(struct process *process);

/* An event-driven role: which routes it answers and how it begins. */
struct listener {
    const char *role; /* "api", "push", "signin" */
    int processes;    /* deploy starts so many; 0 means 1 */
    struct routes routes;
    bool writes; /* needs `write` and `gather` */
    /* After loop and connections are made, before the socket listens. Registers metrics of its own.
     * May be NULL. */
    enum error (*start)(struct process *process, struct err *err);
    /* After the last request, when the connections are closed and the loop is still there: gives
     * `state` back. May be NULL. */
    void (*stop)(struct process *process);
    /* Another process of this service has committed something: look again. Apply pokes every
     * listener that has this. It may be lost: look by yourself from time to time, too. May be NULL.
     */
    void (*poked)(struct process *process);
};

/* clang-format off */
#define JOBS(array) {(array), sizeof(array) / sizeof((array)[0])}
#define COMMANDS(array) {(array), sizeof(array) / sizeof((array)[0])}
#define LISTENERS(array) {(array), sizeof(array) / sizeof((array)[0])}
/* clang-format on */

struct jobs {
    const struct job *items;
    size_t count;
};

struct commands {
    const struct command *items;
    size_t count;
};

struct listeners {
    const struct listener *items;
    size_t count;
};

/* The tables that apply fills, and what stands on them (intake/rebuild.h). */
struct rebuild_definition {
    const struct rebuilt *tables;
    size_t count;
    enum error (*swapping)(struct db *db, struct err *err);
    enum error (*swapped)(struct db *db, const volatile bool *stop, struct err *err);
};
#define REBUILT(array) .tables = (array), .count = sizeof(array) / sizeof((array)[0])

struct service {
    const char *name;         /* "grades": database, schema, principal, topics' prefix */
    struct settings settings; /* its own, beyond common_settings */
    size_t settings_size;
    struct listeners listeners;
    struct subscriptions subscriptions; /* role apply exists where there are any */
    intake_retract *retract;
    struct rebuild_definition rebuild; /* of its read model, beside the copies */
    state_again *state_again;          /* has state topics: outbox.h; the context is the process */
    state_keys *state_keys;            /* the same */
    int apply_processes;               /* 0 means 1 */
    /* apply rests so long after a batch that left nothing behind: the next one is larger, and costs
     * less, where nobody sees the difference. What comes after a rest is taken at once. 0: as long
     * as the batch took, at most 20 ms. */
    int apply_rest_ms;
    int log_keep_days; /* of event_log; 0 means 35; -1: it emits nothing, no relay */
    struct {
        const struct embedded *files;
        const size_t *count;
    } schema; /* its own migrations, behind outbox's and intake's */
    struct jobs jobs;
    struct commands commands;
    const struct embedded
        *examples;           /* its examples.http, for the reference (examples.c); NULL: none */
    const char *const *demo; /* arguments of the command that makes the demo; ends with NULL; NULL:
                              * none */
};

/* The whole program. */
int service_main(const struct service *service, int argc, char **argv);

#endif
