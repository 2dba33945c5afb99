/* The straight-line roles: one thing after the other, blocking. */
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "service/audit.h"
#include "service/service_internal.h"

enum {
    MIGRATE_PATIENCE_S = 60,
    PARTITIONS_EVERY_MS = 60000,
    AUDIT_EVERY_MS = 3600 * 1000,
    LOOK_EVERY_MS = 5000,
    LONGEST_SLEEP_MS = 1000
};

/* ---- apply ---- */

/* Whom apply tells of a commit: the relay, and the listeners that want to hear it. */
static const char *const *apply_pokes(struct process *process)
{
    const struct service *service = process->service;
    size_t most = 2, count = 0;
    for (size_t i = 0; i < service->listeners.count; i++)
        most += (size_t)service_processes(service, service->listeners.items[i].role);
    const char **paths = ARENA_ARRAY(&process->arena, most, const char *);
    if (service_emits(service))
        paths[count++] = process_poke_path(process, "relay", 0);
    for (size_t i = 0; i < service->listeners.count; i++) {
        const char *role = service->listeners.items[i].role;
        for (int slot = 0;
             service->listeners.items[i].poked && slot < service_processes(service, role); slot++)
            paths[count++] = process_poke_path(process, role, slot);
    }
    return paths;
}

static void beat(void *context)
{
    process_alive(context);
}

static enum error open_log(struct db *db, void *context, struct err *err)
{
    struct process *process = context;
    return outbox_open_wait(db, &(struct outbox_waiting){&process->stop, beat, process}, err);
}

enum error role_apply(struct process *process, struct err *err)
{
    struct health health = {.checks = {{.name = "partitions"}}};
    CLEANUP(observer_close_at) struct observer *observer;
    enum error code = observer_open(&observer, process, &health, err);
    if (code)
        return code;
    const struct service *service = process->service;
    return intake_run(&(struct intake_options){.service = service->name,
                                               .conninfo = process->common.database,
                                               .brokers = process->common.brokers,
                                               .kafka_config = process->common.kafka_config,
                                               .client_id = process->client_id,
                                               .slot = (int)process->common.slot,
                                               .subscriptions = service->subscriptions,
                                               .retract = service->retract,
                                               .most_held = process->common.most_held,
                                               .rest_ms = service->apply_rest_ms,
                                               .poke_paths = apply_pokes(process),
                                               .opened = service_emits(service) ? open_log : NULL,
                                               .context = process,
                                               .stop = &process->stop,
                                               .ready = &health.checks[0].ok,
                                               .beat = beat},
                      err);
}

/* ---- relay ---- */

enum error role_relay(struct process *process, struct err *err)
{
    struct health health = {.checks = {{.name = "lease"}}};
    CLEANUP(observer_close_at) struct observer *observer;
    enum error code = observer_open(&observer, process, &health, err);
    if (code)
        return code;
    return relay_run(&(struct relay_options){.service = process->service->name,
                                             .cell = process->common.cell,
                                             .conninfo = process->common.database,
                                             .brokers = process->common.brokers,
                                             .kafka_config = process->common.kafka_config,
                                             .client_id = process->client_id,
                                             .poke_path = process_poke_path(process, "relay", 0),
                                             .stop = &process->stop,
                                             .ready = &health.checks[0].ok,
                                             .beat = beat,
                                             .state_again = process->service->state_again,
                                             .state_keys = process->service->state_keys,
                                             .context = process},
                     err);
}

/* ---- The owner's connection ---- */

/* Waits for PostgreSQL; begins a new epoch where the service has a log. */
static enum error owner_open(struct process *process, struct db **db, struct err *err)
{
    enum error code = db_open_wait(db, process->common.database, &process->stop, err);
    if (!code && service_emits(process->service))
        code = open_log(*db, process, err);
    return code;
}

/* ---- jobs ---- */

static enum error make_partitions(struct process *process, struct db *db, struct err *err)
{
    int days = process->service->log_keep_days;
    struct date today = date_of((struct instant){clock_now()}, 0);
    return outbox_partitions(db, today, days ? days : LOG_KEEP_DAYS, err);
}

static enum error keep_audit(struct process *process, struct db *db, struct err *err)
{
    (void)process;
    return audit_keep(db, err);
}

static const struct job partitions_job = {"partitions", PARTITIONS_EVERY_MS, make_partitions};
static const struct job audit_job = {"audit", AUDIT_EVERY_MS, keep_audit};

static enum error look_at_rebuild(struct process *process, struct db *db, struct err *err)
{
    (void)process;
    return intake_rebuild_look(db, err);
}

static const struct job rebuild_job = {"rebuild", LOOK_EVERY_MS, look_at_rebuild};

/* A job and when it is due again (monotonic). */
struct turn {
    const struct job *job;
    int64_t due_us;
};

struct turns {
    struct turn *items;
    size_t count;
};

static struct turns turns_make(struct process *process)
{
    const struct jobs *own = &process->service->jobs;
    struct turns turns = {ARENA_ARRAY(&process->arena, own->count + 3, struct turn), 0};
    if (service_emits(process->service))
        turns.items[turns.count++].job = &partitions_job;
    turns.items[turns.count++].job = &audit_job;
    if (service_applies(process->service))
        turns.items[turns.count++].job = &rebuild_job;
    for (size_t i = 0; i < own->count; i++)
        turns.items[turns.count++].job = &own->items[i];
    return turns;
}

/* An error that ends the process is returned; any other is logged, and the job has another turn. */
static enum error turn_take(struct turn *turn, struct process *process, struct db *db,
                            struct err *err)
{
    struct err own = {0};
    enum error code = turn->job->run(process, db, &own);
    if (code && error_info(code)->ends_process)
        return err_set(err, code, "job %s: %s", turn->job->name, own.text);
    if (code)
        log_line(LOG_WARNING, "job failed", LOG_TEXT("job", turn->job->name),
                 LOG_TEXT("code", error_info(code)->name), LOG_TEXT("error", own.text));
    if (!db_lost(db))
        turn->due_us = clock_monotonic() + turn->job->every_ms * 1000;
    return ERROR_NONE;
}

/* Until the next one is due, or a second: a signal may fall between the look at `stop` and the
 * sleep. */
static void turns_sleep(const struct turns *turns)
{
    int64_t now_us = clock_monotonic(), sleep_ms = LONGEST_SLEEP_MS;
    for (size_t i = 0; i < turns->count; i++)
        sleep_ms = MIN_OF(sleep_ms, (turns->items[i].due_us - now_us) / 1000 + 1);
    if (sleep_ms > 0)
        clock_sleep_ms(sleep_ms);
}

/* Until it is told to stop (ERROR_NONE), the connection is lost (ERROR_NONE), or a job ends it all.
 */
static enum error turns_run(struct turns *turns, struct process *process, struct db *db,
                            struct health *health, struct err *err)
{
    while (!process->stop && !db_lost(db)) {
        health_beat(health);
        for (size_t i = 0; i < turns->count && !process->stop && !db_lost(db); i++) {
            struct turn *turn = &turns->items[i];
            enum error code =
                turn->due_us <= clock_monotonic() ? turn_take(turn, process, db, err) : ERROR_NONE;
            if (code)
                return code;
        }
        turns_sleep(turns);
    }
    return ERROR_NONE;
}

static enum error jobs_connect_and_run(struct turns *turns, struct process *process,
                                       struct health *health, struct err *err)
{
    CLEANUP(db_close_at) struct db *db = NULL;
    health_rest(health);
    enum error code = owner_open(process, &db, err);
    if (code)
        return code;
    health->checks[0].ok = true;
    code = turns_run(turns, process, db, health, err);
    health->checks[0].ok = false;
    return code;
}

enum error role_jobs(struct process *process, struct err *err)
{
    struct health health = {.checks = {{.name = "database"}}};
    CLEANUP(observer_close_at) struct observer *observer;
    struct turns turns = turns_make(process);
    enum error code = observer_open(&observer, process, &health, err);
    while (!code && !process->stop)
        code = jobs_connect_and_run(&turns, process, &health, err);
    return code;
}

/* ---- migrate ---- */

extern const struct embedded service_schema[];
const struct migration_set service_migrations = {"service", service_schema, 3};

size_t service_schema_sets(const struct service *service, struct migration_set sets[SCHEMA_SETS])
{
    size_t count = 0;
    if (service_emits(service))
        sets[count++] = outbox_migrations;
    if (service_applies(service))
        sets[count++] = intake_migrations;
    sets[count++] = service_migrations;
    if (service->schema.count)
        sets[count++] =
            (struct migration_set){service->name, service->schema.files, *service->schema.count};
    return count;
}

static enum error schema_apply(struct process *process, struct db *db, struct err *err)
{
    struct migration_set sets[SCHEMA_SETS];
    size_t count = service_schema_sets(process->service, sets);
    return db_migrate(db, sets, count, err);
}

/* What must be there from the first moment on. */
static enum error first_jobs(struct process *process, struct db *db, struct err *err)
{
    const struct jobs *jobs = &process->service->jobs;
    enum error code = ERROR_NONE;
    if (service_emits(process->service))
        code = make_partitions(process, db, err);
    if (!code)
        code = audit_keep(db, err);
    for (size_t i = 0; !code && i < jobs->count; i++)
        if (jobs->items[i].with_migrate)
            code = jobs->items[i].run(process, db, err);
    return code;
}

/* Waits a minute for PostgreSQL: whoever installs waits for it, and wants to hear. */
enum error role_migrate(struct process *process, struct err *err)
{
    CLEANUP(db_close_at) struct db *db = NULL;
    alarm(MIGRATE_PATIENCE_S);
    enum error code = db_open_wait(&db, process->common.database, &process->stop, err);
    alarm(0);
    process->stop = false; /* an alarm is a failure, and what has begun goes to its end */
    if (!code)
        code = schema_apply(process, db, err);
    return code ? code : first_jobs(process, db, err);
}
