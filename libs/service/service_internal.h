/* What the files of this library share. */
#ifndef SERVICE_SERVICE_INTERNAL_H
#define SERVICE_SERVICE_INTERNAL_H

#include <stdatomic.h>

#include "service/service.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, LOG_KEEP_DAYS = 35 };

/* ---- What a definition means ---- */

bool service_emits(const struct service *service);   /* has a log and a relay */
bool service_applies(const struct service *service); /* has subscriptions */
const struct listener *service_listener(const struct service *service,
                                        const char *role); /* or NULL */
int service_processes(const struct service *service, const char *role);
bool service_has_role(const struct service *service, const char *role);

void service_describe(const struct service *service, int64_t partitions, struct buf *out);

/* Where the service is met. */
struct openapi_settings {
    const char *url;
    int cookie_port;
};

/* The reference, OpenAPI 3.1. False: a route's row lacks something, and `err` says what. */
bool service_openapi(const struct service *service, const struct openapi_settings *settings,
                     struct buf *out, struct err *err) MUST_CHECK;

/* An exchange that took place (examples.c). */
struct example {
    struct str title, line; /* "POST /v1/marks?dry_run=1" */
    struct str request;     /* JSON; absent: none */
    int64_t status;
    struct str answer; /* absent: none */
};

/* Cuts the next one off what is left of an examples.http; false: there is none. */
bool example_next(struct str *rest, struct example *example);
bool example_is_of(const struct example *example, const struct route *route);

/* "<pokes>/<service>-<role>-<slot>.poke", in the process's arena. */
char *process_poke_path(struct process *process, const char *role, int64_t slot);

/* ---- Roles ---- */

enum error role_listener(struct process *process, const struct listener *listener,
                         struct err *err) MUST_CHECK;
enum error role_apply(struct process *process, struct err *err) MUST_CHECK;
enum error role_relay(struct process *process, struct err *err) MUST_CHECK;
enum error role_jobs(struct process *process, struct err *err) MUST_CHECK;
enum error role_migrate(struct process *process, struct err *err) MUST_CHECK;

/* The migrations of a service, in order; returns how many sets. */
enum { SCHEMA_SETS = 4 };
size_t service_schema_sets(const struct service *service, struct migration_set sets[SCHEMA_SETS]);

extern const struct command rebuild_command;

/* Finds the command in argv[0] and runs it; the exit code. */
int command_run(struct process *process, int argc, char **argv);
void command_help(const struct service *service, struct buf *out);

/* ---- The observer: what the role's thread says, and the thread that tells it to others ---- */

/* A condition of readiness. One byte with one writer: the role's thread. */
struct check {
    const char *name;
    volatile bool ok;
};

enum { HEALTH_CHECKS = 3, HEALTH_STALE_US = 30 * 1000 * 1000 };

struct health {
    _Atomic int64_t beat_us; /* monotonic, of the last sign of life; 0: nobody beats here */
    struct check checks[HEALTH_CHECKS]; /* up to the first without a name */
};

void health_beat(struct health *health);
void health_rest(struct health *health); /* a wait without an end begins: no beat is expected */

/* Answers on the Unix socket at `path` (an old one is replaced) from a thread of its own, which
 * touches nothing but `health`, the metrics and /proc. An empty path: no observer, `*observer` is
 * NULL. `process` and `health` must outlive it. */
struct observer;
enum error observer_open(struct observer **observer, struct process *process, struct health *health,
                         struct err *err) MUST_CHECK;
void observer_close(struct observer *observer); /* NULL is fine */
void observer_close_at(struct observer **observer);

#endif
