/* What a service says of itself, for whoever installs it: made from its tables alone. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "service/service_internal.h"

static void add_texts(struct buf *out, const char *name, const char *const *texts)
{
    json_begin(out, name, '[');
    for (; *texts; texts++)
        json_text(out, NULL, *texts);
    json_end(out, ']');
}

/* ---- Roles and routes ---- */

static void add_role(const struct service *service, const char *role, struct buf *out)
{
    json_begin(out, NULL, '{');
    json_text(out, "name", role);
    json_number(out, "processes", service_processes(service, role));
    json_flag(out, "listens", service_listener(service, role) != NULL);
    json_end(out, '}');
}

static void add_roles(const struct service *service, struct buf *out)
{
    static const char *const others[] = {"apply", "relay", "jobs", "migrate"};
    json_begin(out, "roles", '[');
    for (size_t i = 0; i < service->listeners.count; i++)
        add_role(service, service->listeners.items[i].role, out);
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (service_has_role(service, others[i]))
            add_role(service, others[i], out);
    json_end(out, ']');
}

static void add_route(const struct listener *listener, const struct route *route, struct buf *out)
{
    json_begin(out, NULL, '{');
    json_text(out, "role", listener->role);
    json_text(out, "method", http_method_name(route->method));
    json_text(out, "path", route->path);
    json_number(out, "body_bytes", (int64_t)route->body_bytes);
    json_flag(out, "stream", route->stream);
    json_flag(out, "spooled", route->spooled);
    json_flag(out, "guarded", route->guarded);
    json_end(out, '}');
}

static void add_routes(const struct service *service, struct buf *out)
{
    json_begin(out, "routes", '[');
    for (size_t i = 0; i < service->listeners.count; i++) {
        const struct listener *listener = &service->listeners.items[i];
        for (size_t k = 0; k < listener->routes.count; k++)
            add_route(listener, &listener->routes.items[k], out);
    }
    json_end(out, ']');
}

/* ---- Topics ---- */

static void add_state_config(struct buf *out)
{
    /* An erased person is gone within days; who was away for longer than 30 rebuilds its copy. */
    json_text(out, "cleanup.policy", "compact");
    json_text(out, "max.compaction.lag.ms", "259200000");
    json_text(out, "delete.retention.ms", "2592000000");
    json_text(out, "min.cleanable.dirty.ratio", "0.1");
}

static void add_retention(int64_t ms, struct buf *out)
{
    json_text(out, "cleanup.policy", "delete");
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)ms);
    json_text(out, "retention.ms", text);
}

static void add_topic_config(const struct topic *topic, struct buf *out)
{
    json_begin(out, "config", '{');
    json_text(out, "message.timestamp.type", "LogAppendTime");
    json_text(out, "segment.ms", "86400000");
    json_text(out, "max.message.bytes", "1048588"); /* of a compressed batch; an event has 64 KiB */
    switch (topic->cleanup) {
    case TOPIC_STATE:
        add_state_config(out);
        break;
    case TOPIC_FACTS:
        add_retention(topic->retention_days * INT64_C(86400000), out);
        break;
    case TOPIC_LEDGER:
        add_retention(-1, out);
        break;
    }
    json_end(out, '}');
}

static void add_topic(const struct topic *topic, int64_t partitions, struct buf *out)
{
    json_begin(out, NULL, '{');
    json_text(out, "name", topic->name);
    json_number(out, "partitions", topic->cleanup == TOPIC_LEDGER ? 1 : partitions);
    add_topic_config(topic, out);
    json_end(out, '}');
}

static bool owns(const struct service *service, const struct topic *topic)
{
    return strcmp(topic->service, service->name) == 0;
}

static void add_topics(const struct service *service, int64_t partitions, struct buf *out)
{
    json_begin(out, "topics", '[');
    for (size_t i = 0; i < topics_all_count; i++)
        if (owns(service, topics_all[i]))
            add_topic(topics_all[i], partitions, out);
    json_end(out, ']');
}

static void add_observer_topics(const struct service *service, struct buf *out)
{
    json_begin(out, "observer_topics", '[');
    for (size_t i = 0; i < topics_all_count; i++)
        if (owns(service, topics_all[i]) && !topics_all[i]->personal)
            json_text(out, NULL, topics_all[i]->name);
    json_end(out, ']');
}

/* ---- ACLs ---- */

struct acl {
    const char *role, *resource, *name, *pattern;
    const char *const *operations;
};

static const char *const read_only[] = {"read", "describe", NULL};
static const char *const read_and_write[] = {"read", "write", "describe", NULL};

static void add_acl(const struct acl *acl, struct buf *out)
{
    json_begin(out, NULL, '{');
    json_text(out, "role", acl->role);
    json_text(out, "resource", acl->resource);
    json_text(out, "name", acl->name);
    json_text(out, "pattern", acl->pattern);
    add_texts(out, "operations", acl->operations);
    json_end(out, '}');
}

/* A rebuild reads the same topics, as the owner of the schema: role jobs. */
static void add_apply_acls(const struct service *service, const char *prefix, struct buf *out)
{
    static const char *const roles[] = {"apply", "jobs"};
    for (size_t i = 0; i < service->subscriptions.count * COUNT_OF(roles); i++)
        add_acl(&(struct acl){roles[i % COUNT_OF(roles)], "topic",
                              service->subscriptions.items[i / COUNT_OF(roles)].topic->name,
                              "literal", read_only},
                out);
    if (service_applies(service))
        add_acl(&(struct acl){"apply", "group", prefix, "prefixed", read_only}, out);
}

static void add_acls(const struct service *service, struct buf *out)
{
    char prefix[64];
    snprintf(prefix, sizeof prefix, "eiso.%s.", service->name);
    json_begin(out, "acls", '[');
    if (service_emits(service))
        add_acl(&(struct acl){"relay", "topic", prefix, "prefixed", read_and_write}, out);
    add_apply_acls(service, prefix, out);
    for (size_t i = 0; i < service->listeners.count; i++)
        add_acl(&(struct acl){service->listeners.items[i].role, "topic", topic_revocations.name,
                              "literal", read_only},
                out);
    json_end(out, ']');
}

void service_describe(const struct service *service, int64_t partitions, struct buf *out)
{
    json_begin(out, NULL, '{');
    json_text(out, "service", service->name);
    add_roles(service, out);
    add_routes(service, out);
    add_topics(service, partitions, out);
    add_acls(service, out);
    add_observer_topics(service, out);
    if (service->demo)
        add_texts(out, "demo", service->demo);
    json_end(out, '}');
    buf_add_char(out, '\n');
}
