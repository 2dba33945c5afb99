/* An event-driven role: connections, who is calling, requests, and an orderly end. */
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "service/audit.h"
#include "service/gather.h"
#include "service/service_internal.h"

enum {
    LOOK_EVERY_MS = 250,
    DRAIN_MS = 25000,
    OWN_FILES = 256,     /* sockets to PostgreSQL and Kafka, logs, what is opened now and then */
    MOST_STREAMS = 32768 /* some kilobytes each */
};

enum { CHECK_READ, CHECK_WRITE, CHECK_OPEN };

struct listening {
    struct process *process;
    const struct listener *listener;
    struct health health;
    struct observer *observer;
    struct loop_timer *look, *patience;
    int pokes; /* socket; -1: none */
    struct loop_watch *watch;
};

/* ---- Health ---- */

static void look(void *context)
{
    struct listening *listening = context;
    const struct process *process = listening->process;
    struct check *checks = listening->health.checks;
    checks[CHECK_READ].ok = db_async_ready(process->read);
    checks[CHECK_WRITE].ok = !process->write || db_async_ready(process->write);
    checks[CHECK_OPEN].ok = process->server && !process->stop;
    health_beat(&listening->health);
    loop_timer_set(listening->look, LOOK_EVERY_MS);
}

/* ---- The end ---- */

static void ended(void *context)
{
    struct listening *listening = context;
    loop_stop(listening->process->loop);
}

static void told_to_end(void *context)
{
    struct listening *listening = context;
    struct process *process = listening->process;
    if (process->stop) { /* told twice */
        loop_stop(process->loop);
        return;
    }
    process->stop = true;
    look(listening);
    loop_timer_set(listening->patience, DRAIN_MS);
    http_server_drain(process->server, ended, listening);
}

/* ---- The beginning, in the order of need ---- */

static void connect_databases(struct process *process, const struct listener *listener)
{
    process->read =
        db_async_new(process->loop, &(struct db_async_options){.conninfo = process->common.database,
                                                               .pipeline = true});
    if (!listener->writes)
        return;
    process->write = db_async_new(
        process->loop,
        &(struct db_async_options){.conninfo = process->common.database,
                                   .opened = service_emits(process->service) ? outbox_open : NULL});
    process->gather = gather_new(process);
}

static enum error open_auth(struct process *process, struct err *err)
{
    const struct common_settings *common = &process->common;
    return auth_open(&process->auth,
                     &(struct auth_options){.loop = process->loop,
                                            .read = process->read,
                                            .issuer = common->url,
                                            .url = common->url,
                                            .brokers = common->brokers,
                                            .kafka_config = common->kafka_config,
                                            .client_id = process->client_id,
                                            .cookie_port = process->cookie_port},
                     err);
}

static void was_poked(void *context, int ready)
{
    struct listening *listening = context;
    (void)ready;
    if (poke_wait(listening->pokes, 0))
        listening->listener->poked(listening->process);
}

static enum error listen_for_pokes(struct listening *listening, struct err *err)
{
    struct process *process = listening->process;
    if (!listening->listener->poked)
        return ERROR_NONE;
    const char *path = process_poke_path(process, process->role, process->common.slot);
    enum error code = poke_open(path, &listening->pokes, err);
    if (code)
        return code;
    listening->watch = loop_watch_new(process->loop, listening->pokes, was_poked, listening);
    loop_watch_set(listening->watch, LOOP_READ);
    return ERROR_NONE;
}

/* Streams stay open by the thousand: a role that has any takes as many as it may have files for.
 * 0: as http has it. */
static size_t most_connections(const struct routes *routes)
{
    struct rlimit files;
    bool streams = false;
    for (size_t i = 0; i < routes->count; i++)
        streams |= routes->items[i].stream;
    if (!streams || getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur <= OWN_FILES)
        return 0;
    return MIN_OF((size_t)files.rlim_cur - OWN_FILES, (size_t)MOST_STREAMS);
}

static enum error open_server(struct listening *listening, struct err *err)
{
    struct process *process = listening->process;
    return http_server_open(&process->server,
                            &(struct http_server_options){
                                .loop = process->loop,
                                .socket_path = process->common.socket,
                                .routes = listening->listener->routes,
                                .guard = auth_guard,
                                .context = process,
                                .most_connections = most_connections(&listening->listener->routes)},
                            err);
}

static void open_timers(struct listening *listening)
{
    struct loop *loop = listening->process->loop;
    listening->look = loop_timer_new(loop, look, listening);
    listening->patience = loop_timer_new(loop, ended, listening);
    loop_on_signal(loop, SIGTERM, told_to_end, listening);
    loop_on_signal(loop, SIGINT, told_to_end, listening);
    look(listening);
}

static enum error begin(struct listening *listening, struct err *err)
{
    struct process *process = listening->process;
    process->loop = loop_new();
    connect_databases(process, listening->listener);
    enum error code = open_auth(process, err);
    if (!code && listening->listener->start)
        code = listening->listener->start(process, err);
    if (!code)
        code = listen_for_pokes(listening, err);
    if (!code)
        code = observer_open(&listening->observer, process, &listening->health, err);
    if (!code)
        code = open_server(listening, err);
    if (!code)
        open_timers(listening);
    return code;
}

/* Whatever was not made is NULL. First those whose last answers go to requests and to the service.
 */
static void end(struct listening *listening)
{
    struct process *process = listening->process;
    observer_close(listening->observer);
    if (process->server)
        http_server_close(process->server);
    gather_free(process->gather);
    audit_free(process->audit);
    db_async_free(process->write);
    db_async_free(process->read);
    if (process->state && listening->listener->stop)
        listening->listener->stop(process);
    auth_close(process->auth);
    loop_watch_free(listening->watch);
    if (listening->pokes >= 0)
        close(listening->pokes);
    loop_timer_free(listening->look);
    loop_timer_free(listening->patience);
    loop_free(process->loop);
}

enum error role_listener(struct process *process, const struct listener *listener, struct err *err)
{
    struct listening listening = {
        .process = process,
        .listener = listener,
        .pokes = -1,
        .health = {.checks = {{.name = "read"}, {.name = "write"}, {.name = "open"}}}};
    enum error code = begin(&listening, err);
    if (!code && !process->stop)
        loop_run(process->loop);
    end(&listening);
    return code;
}
