/* Settings: what the promise rests on, what may be tuned, and the operator's file for the rest. */
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "bus/bus_internal.h"

enum { VALUE_BYTES = 512, LINE_BYTES = 4096, WARNINGS = 20, WARNINGS_EVERY_US = 10000000 };

/* ---- librdkafka's own words ---- */

void bus_warn(const char *what, const char *text)
{
    static _Atomic int64_t since_us;
    static _Atomic int count;
    int64_t now_us = clock_monotonic();
    if (now_us - since_us > WARNINGS_EVERY_US) {
        since_us = now_us;
        count = 0;
    }
    int number = atomic_fetch_add(&count, 1);
    if (number < WARNINGS)
        log_line(LOG_WARNING, what, LOG_TEXT("text", text));
    else if (number == WARNINGS)
        log_line(LOG_WARNING, "further Kafka warnings are dropped", LOG_NUMBER("for_ms", 10000));
}

static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    enum { SYSLOG_WARNING = 4 };
    (void)client;
    /* One file serves clients of all kinds, and we do end producers with messages in them. */
    if (strcmp(facility, "CONFWARN") == 0 || strcmp(facility, "TERMINATE") == 0)
        return;
    if (level <= SYSLOG_WARNING)
        bus_warn("Kafka client", text);
}

/* The same comes as a log line; without a callback it would come twice. */
static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
    (void)client;
    (void)code;
    (void)reason;
    (void)opaque;
}

/* ---- The profile ---- */

void bus_config_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char text[256];
    ensure(rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK);
}

/* For every client: back soon when the broker is. */
static const struct bus_setting common[] = {
    {"reconnect.backoff.max.ms", "1000"},
    {"socket.nagle.disable", "true"},
    {"socket.keepalive.enable", "true"},
};

static rd_kafka_conf_t *profile_conf(const struct bus_profile *profile)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    for (size_t i = 0; i < COUNT_OF(common); i++)
        bus_config_set(conf, common[i].name, common[i].value);
    for (size_t i = 0; i < profile->default_count; i++)
        bus_config_set(conf, profile->defaults[i].name, profile->defaults[i].value);
    for (size_t i = 0; i < profile->promise_count; i++)
        bus_config_set(conf, profile->promises[i].name, profile->promises[i].value);
    return conf;
}

/* ---- The operator's file ---- */

static struct str trim(struct str s)
{
    while (s.len > 0 && strchr(" \t\r\n", s.ptr[0]))
        s = (struct str){s.ptr + 1, s.len - 1};
    while (s.len > 0 && strchr(" \t\r\n", s.ptr[s.len - 1]))
        s.len--;
    return s;
}

static const char *get_value(const rd_kafka_conf_t *conf, const char *name, char value[VALUE_BYTES])
{
    size_t bytes = VALUE_BYTES;
    value[0] = '\0';
    ensure(rd_kafka_conf_get(conf, name, value, &bytes) == RD_KAFKA_CONF_OK);
    return value;
}

/* Names have aliases, so we look at what a line did instead of what it said. */
static bool promises_hold(const rd_kafka_conf_t *conf, const rd_kafka_conf_t *before,
                          const struct bus_profile *profile)
{
    char now[VALUE_BYTES], then[VALUE_BYTES];
    for (size_t i = 0; i < profile->promise_count; i++) {
        const char *name = profile->promises[i].name;
        if (strcmp(get_value(conf, name, now), get_value(before, name, then)) != 0)
            return false;
    }
    return true;
}

/* The file as it is read. */
struct reading {
    rd_kafka_conf_t *conf;
    const struct bus_profile *profile;
    const char *path;
    int line;
};

/* Names the place and the key, never the value: it may be a secret. */
static enum error refuse(const struct reading *reading, const char *name, const char *why,
                         struct err *err)
{
    return err_set(err, ERROR_INVALID, "%s:%d: %s %s", reading->path, reading->line, name, why);
}

static enum error set_value(const struct reading *reading, const char *name, const char *value,
                            struct err *err)
{
    static const char promised[] = "must not be changed, delivery and order rest on it";
    if (strcmp(name, "transactional.id") == 0)
        return refuse(reading, name, promised, err);
    rd_kafka_conf_t *before = rd_kafka_conf_dup(reading->conf);
    char text[512];
    rd_kafka_conf_res_t result = rd_kafka_conf_set(reading->conf, name, value, text, sizeof text);
    bool hold = promises_hold(reading->conf, before, reading->profile);
    rd_kafka_conf_destroy(before);
    if (result == RD_KAFKA_CONF_UNKNOWN)
        return refuse(reading, name, "is no setting of Kafka clients", err);
    if (result != RD_KAFKA_CONF_OK)
        return refuse(reading, name, "has a value that it cannot have", err);
    return hold ? ERROR_NONE : refuse(reading, name, promised, err);
}

static enum error read_line(const struct reading *reading, char *line, struct err *err)
{
    struct str value = trim(str_from(line));
    if (value.len == 0 || value.ptr[0] == '#')
        return ERROR_NONE;
    struct str name = trim(str_cut(&value, '='));
    if (!str_present(value) || name.len == 0)
        return refuse(reading, "line", "is not name=value", err);
    value = trim(value);
    line[name.ptr + name.len - line] = '\0';
    line[value.ptr + value.len - line] = '\0';
    return set_value(reading, name.ptr, value.ptr, err);
}

static void close_file(FILE **file)
{
    if (*file)
        fclose(*file);
}

static enum error read_file(rd_kafka_conf_t *conf, const struct bus_profile *profile,
                            const char *path, struct err *err)
{
    CLEANUP(close_file) FILE *file = fopen(path, "re");
    if (!file)
        return err_set(err, ERROR_INVALID, "%s: %s", path, strerror(errno));
    struct reading reading = {conf, profile, path, 0};
    char line[LINE_BYTES];
    enum error code = ERROR_NONE;
    while (!code && fgets(line, sizeof line, file)) {
        reading.line++;
        code = strlen(line) < sizeof line - 1 ? read_line(&reading, line, err)
                                              : refuse(&reading, "line", "is too long", err);
    }
    explicit_bzero(line, sizeof line); /* passwords */
    return code;
}

enum error bus_config_new(rd_kafka_conf_t **conf, const struct bus_profile *profile,
                          const struct bus_settings *settings, struct err *err)
{
    rd_kafka_conf_t *made = profile_conf(profile);
    enum error code = ERROR_NONE;
    if (settings->config_file && settings->config_file[0])
        code = read_file(made, profile, settings->config_file, err);
    if (code) {
        rd_kafka_conf_destroy(made);
        return code;
    }
    bus_config_set(made, "bootstrap.servers", settings->brokers);
    if (settings->client_id)
        bus_config_set(made, "client.id", settings->client_id);
    *conf = made;
    return ERROR_NONE;
}

enum error bus_client_new(rd_kafka_t **client, rd_kafka_type_t type, rd_kafka_conf_t *conf,
                          struct err *err)
{
    char text[512];
    *client = rd_kafka_new(type, conf, text, sizeof text);
    if (*client)
        return ERROR_NONE;
    rd_kafka_conf_destroy(conf);
    return err_set(err, ERROR_INVALID, "Kafka client: %s", text);
}

/* ---- Errors and times ---- */

enum error bus_code(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return ERROR_NONE;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__WAIT_CACHE:
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
        return ERROR_UNAVAILABLE;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
        return ERROR_UNAUTHORIZED;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        return ERROR_FORBIDDEN;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        return ERROR_NOT_FOUND;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return ERROR_TOO_LARGE;
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
        return ERROR_CORRUPT;
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        return ERROR_FENCED;
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
        return ERROR_INVALID;
    default:
        return ERROR_INTERNAL;
    }
}

int bus_timeout(int64_t timeout_ms)
{
    return timeout_ms > INT_MAX ? INT_MAX : timeout_ms < 0 ? 0 : (int)timeout_ms;
}
