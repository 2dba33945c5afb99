#include "service/service.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "service/service_internal.h"

/* ---- Settings ---- */

static const struct setting common_items[] = {
    SETTING(common_settings, socket, "EISO_SOCKET", .fallback = "",
            .help = "Unix socket that a listening role answers on"),
    SETTING(common_settings, observer, "EISO_OBSERVER", .fallback = "",
            .help = "Unix socket of /livez, /readyz, /metrics and /version; empty: none"),
    SETTING(common_settings, database, "EISO_PG", .fallback = "",
            .help = "libpq connection string; a password belongs into a passfile"),
    SETTING(common_settings, brokers, "EISO_KAFKA", .fallback = "",
            .help = "bootstrap servers of Kafka, host:port with commas"),
    SETTING(common_settings, kafka_config, "EISO_KAFKA_CONFIG", .fallback = "",
            .help = "librdkafka properties file with the login; empty: none"),
    SETTING(common_settings, cell, "EISO_CELL", .fallback = "kz",
            .help = "cell that this installation speaks for, the first part of ce_source"),
    SETTING(common_settings, url, "EISO_URL", .fallback = "http://127.0.0.1:8080",
            .help = "front door as callers see it: issuer and audience of tokens"),
    SETTING(common_settings, state, "EISO_STATE", .fallback = ".",
            .help = "private folder of the service"),
    SETTING(common_settings, pokes, "EISO_POKES", .fallback = "sock",
            .help = "folder of the sockets on which processes wake each other"),
    SETTING(common_settings, slot, "EISO_SLOT", .fallback = "0", .min = 0, .max = 999,
            .help = "number of this process among those of its role"),
    SETTING(common_settings, most_held, "EISO_QUARANTINE_MOST", .fallback = "100000", .min = 1,
            .max = 10000000, .help = "events in quarantine above which apply takes no more facts"),
    SETTING(common_settings, log_level, "EISO_LOG_LEVEL", .fallback = "info",
            .help = "least level that is logged: debug, info, warning or error"),
};
static const struct settings common_settings = SETTINGS(common_items);

/* For --describe alone. */
struct describe_settings {
    int64_t partitions;
};
static const struct setting describe_items[] = {
    SETTING(describe_settings, partitions, "EISO_PARTITIONS", .fallback = "8", .min = 1,
            .max = 1000, .help = "partitions of the topics that --describe asks for"),
};
static const struct settings describe_settings = SETTINGS(describe_items);

static bool log_level_read(const char *name, enum log_level *level)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(names[i], name) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    return false;
}

/* libpq takes pairs or a URI. */
static const char *with_application(struct process *process)
{
    const char *given = process->common.database;
    bool uri = strncmp(given, "postgres://", 11) == 0 || strncmp(given, "postgresql://", 13) == 0;
    const char *between = !uri ? " " : strchr(given, '?') ? "&" : "?";
    return arena_printf(&process->arena, "%s%sapplication_name=%s", given, between,
                        process->client_id);
}

static int cookie_port(const char *url)
{
    int64_t port = 80;
    if (strncmp(url, "http://", 7) != 0)
        return 0;
    struct str host = str_from(url + 7);
    host = str_cut(&host, '/');
    str_cut(&host, ':');
    if (str_present(host) && !str_to_int64(host, 1, 65535, &port))
        port = 80;
    return (int)port;
}

/* Tokens and origins are compared with it, which never end so. */
static const char *without_slash(struct process *process, const char *url)
{
    size_t length = strlen(url);
    return length && url[length - 1] == '/' ? arena_copy(&process->arena, url, length - 1) : url;
}

/* How others know this process. */
static void process_name(struct process *process)
{
    process->common.url = without_slash(process, process->common.url);
    process->client_id = arena_printf(&process->arena, "%s-%s-%lld", process->service->name,
                                      process->role, (long long)process->common.slot);
    process->common.database = with_application(process);
    process->cookie_port = cookie_port(process->common.url);
}

static enum error process_configure(struct process *process, struct err *err)
{
    enum log_level least;
    process->settings = arena_alloc(&process->arena, process->service->settings_size);
    enum error code = conf_read(&common_settings, &process->common, &process->arena, err);
    if (!code)
        code = conf_read(&process->service->settings, process->settings, &process->arena, err);
    if (code)
        return code;
    if (!log_level_read(process->common.log_level, &least))
        return err_set(err, ERROR_INVALID, "EISO_LOG_LEVEL: there is no level \"%s\"",
                       process->common.log_level);
    log_open(process->service->name, process->role, (int)process->common.slot, least);
    return ERROR_NONE;
}

/* ---- Signals and limits ---- */

static volatile bool *told_to_stop;

static void stop_on_signal(int signal)
{
    (void)signal;
    *told_to_stop = true;
}

/* Listeners put the loop's handlers over these when they are ready for them. Without SA_RESTART, so
 * that a blocking wait ends. SIGALRM: migrate's patience. */
static void signals_open(struct process *process)
{
    told_to_stop = &process->stop;
    struct sigaction stopping = {.sa_handler = stop_on_signal};
    sigaction(SIGTERM, &stopping, NULL);
    sigaction(SIGINT, &stopping, NULL);
    sigaction(SIGALRM, &stopping, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* A core file would hold tokens, passwords and people's data. */
static void forbid_core_files(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
}

/* ---- Roles ---- */

static enum error role_run(struct process *process, struct err *err)
{
    static const struct {
        const char *name;
        enum error (*run)(struct process *process, struct err *err);
    } roles[] = {{"apply", role_apply},
                 {"relay", role_relay},
                 {"jobs", role_jobs},
                 {"migrate", role_migrate}};
    for (size_t i = 0; i < COUNT_OF(roles); i++)
        if (strcmp(roles[i].name, process->role) == 0)
            return roles[i].run(process, err);
    return role_listener(process, service_listener(process->service, process->role), err);
}

static bool needs_kafka(const struct process *process)
{
    return strcmp(process->role, "apply") == 0 || strcmp(process->role, "relay") == 0 ||
           service_listener(process->service, process->role);
}

static enum error settings_suffice(const struct process *process, struct err *err)
{
    const char *missing = NULL;
    if (!*process->common.database)
        missing = "EISO_PG";
    else if (needs_kafka(process) && !*process->common.brokers)
        missing = "EISO_KAFKA";
    else if (service_listener(process->service, process->role) && !*process->common.socket)
        missing = "EISO_SOCKET";
    return missing
               ? err_set(err, ERROR_INVALID, "%s is not set: %s needs it", missing, process->role)
               : ERROR_NONE;
}

static int run_role(struct process *process)
{
    struct err err = {0};
    log_line(LOG_INFO, "starting", LOG_TEXT("version", EISO_VERSION));
    enum error code = role_run(process, &err);
    if (code == ERROR_UNAVAILABLE && process->stop)
        code = ERROR_NONE; /* it was told to end while it waited */
    if (code)
        log_error("cannot go on", &err);
    else
        log_line(LOG_INFO, "ended", LOG_NUMBER("told", process->stop));
    return code ? EXIT_FAILED : EXIT_DONE;
}

/* ---- Arguments ---- */

enum action { RUN_ROLE, RUN_COMMAND, DESCRIBE, OPENAPI, HELP, PRINT_CONFIG, VERSION, MISUSED };

struct arguments {
    enum action action;
    const char *role;
    int rest; /* index of the first argument behind the options */
};

static struct arguments arguments_read(int argc, char **argv)
{
    static const struct option options[] = {{"role", required_argument, NULL, RUN_ROLE},
                                            {"describe", no_argument, NULL, DESCRIBE},
                                            {"openapi", no_argument, NULL, OPENAPI},
                                            {"help", no_argument, NULL, HELP},
                                            {"print-config", no_argument, NULL, PRINT_CONFIG},
                                            {"version", no_argument, NULL, VERSION},
                                            {0}};
    struct arguments arguments = {.action = RUN_COMMAND};
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "+", options, NULL)) >= 0;) {
        arguments.action = option == '?' ? MISUSED : (enum action)option;
        if (option == RUN_ROLE)
            arguments.role = optarg;
        if (option == '?')
            break;
    }
    arguments.rest = optind;
    bool wants_rest = arguments.action == RUN_COMMAND;
    if (wants_rest != (optind < argc))
        arguments.action = MISUSED;
    return arguments;
}

static void print_and_free(struct buf *out)
{
    fwrite(out->ptr, 1, out->len, stdout);
    fflush(stdout);
    buf_done(out);
}

static void help_print(const struct service *service, struct buf *out)
{
    buf_printf(
        out,
        "eiso-%s --role ROLE | --describe | --openapi | --help | --print-config | --version\n"
        "eiso-%s COMMAND ARGUMENT...\n\nRoles:",
        service->name, service->name);
    for (size_t i = 0; i < service->listeners.count; i++)
        buf_printf(out, " %s", service->listeners.items[i].role);
    buf_printf(out, "%s%s jobs migrate\n\nCommands:\n", service_applies(service) ? " apply" : "",
               service_emits(service) ? " relay" : "");
    command_help(service, out);
    buf_add_text(out, "\nSettings, from the environment:\n");
    conf_help(&common_settings, out);
    conf_help(&service->settings, out);
    conf_help(&describe_settings, out);
}

static int misused(const struct service *service)
{
    fprintf(stderr, "eiso-%s: see --help\n", service->name);
    return EXIT_USAGE;
}

/* What needs no settings. */
static int print_help(const struct service *service)
{
    struct buf out = {0};
    help_print(service, &out);
    print_and_free(&out);
    return EXIT_DONE;
}

static int print_version(const struct service *service)
{
    printf("eiso-%s %s\n", service->name, EISO_VERSION);
    return EXIT_DONE;
}

static int print_description(const struct service *service)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct describe_settings settings;
    struct err err = {0};
    struct buf out = {0};
    if (conf_read(&describe_settings, &settings, &arena, &err)) {
        log_error("wrong settings", &err);
        return EXIT_USAGE;
    }
    service_describe(service, settings.partitions, &out);
    print_and_free(&out);
    return EXIT_DONE;
}

static int print_openapi(const struct service *service)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct common_settings common;
    struct err err = {0};
    struct buf out = {0};
    if (conf_read(&common_settings, &common, &arena, &err)) {
        log_error("wrong settings", &err);
        return EXIT_USAGE;
    }
    const struct openapi_settings settings = {common.url, cookie_port(common.url)};
    bool complete = service_openapi(service, &settings, &out, &err);
    if (!complete)
        fprintf(stderr, "eiso-%s: %s\n", service->name, err.text);
    print_and_free(&out);
    return complete ? EXIT_DONE : EXIT_FAILED;
}

static int print_config(const struct process *process)
{
    struct buf out = {0};
    conf_print(&common_settings, &process->common, &out);
    conf_print(&process->service->settings, process->settings, &out);
    print_and_free(&out);
    return EXIT_DONE;
}

/* ---- The program ---- */

static void process_done(struct process *process)
{
    arena_done(&process->arena);
}

/* What needs the settings. */
static int run_process(const struct service *service, const struct arguments *arguments, int argc,
                       char **argv)
{
    CLEANUP(process_done) struct process process = {.service = service};
    struct err err = {0};
    process.role = arguments->action == RUN_ROLE      ? arguments->role
                   : arguments->action == RUN_COMMAND ? argv[arguments->rest]
                                                      : "-";
    if (arguments->action == RUN_ROLE && !service_has_role(service, process.role))
        return misused(service);
    enum error code = process_configure(&process, &err);
    if (!code && arguments->action != PRINT_CONFIG)
        code = settings_suffice(&process, &err);
    if (code) {
        log_error("wrong settings", &err);
        return EXIT_USAGE;
    }
    signals_open(&process);
    forbid_core_files();
    if (arguments->action == PRINT_CONFIG)
        return print_config(&process);
    process_name(&process);
    return arguments->action == RUN_ROLE
               ? run_role(&process)
               : command_run(&process, argc - arguments->rest, argv + arguments->rest);
}

int service_main(const struct service *service, int argc, char **argv)
{
    struct arguments arguments = arguments_read(argc, argv);
    switch (arguments.action) {
    case MISUSED:
        return misused(service);
    case HELP:
        return print_help(service);
    case VERSION:
        return print_version(service);
    case DESCRIBE:
        return print_description(service);
    case OPENAPI:
        return print_openapi(service);
    case PRINT_CONFIG:
    case RUN_ROLE:
    case RUN_COMMAND:
        break;
    }
    return run_process(service, &arguments, argc, argv);
}
