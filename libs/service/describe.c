/* What a service says of itself, for whoever installs it: made from its tables alone. */
#include <stdio.h>
#include <string.h>

#include "service/service_internal.h"

/* ---- JSON: a comma goes before whatever follows a value ---- */

static void separate(struct buf *out)
{
    char last = out->ptr[out->len - 1]; /* at least the brace of the whole */
    if (last != '{' && last != '[' && last != ':')
        buf_add_char(out, ',');
}

static void add_name(struct buf *out, const char *name)
{
    separate(out);
    buf_add_json(out, str_from(name));
    buf_add_char(out, ':');
}

static void add_item(struct buf *out, const char *text)
{
    separate(out);
    buf_add_json(out, str_from(text));
}

static void add_text(struct buf *out, const char *name, const char *text)
{
    add_name(out, name);
    buf_add_json(out, str_from(text));
}

static void add_number(struct buf *out, const char *name, int64_t number)
{
    add_name(out, name);
    buf_printf(out, "%lld", (long long)number);
}

static void add_flag(struct buf *out, const char *name, bool flag)
{
    add_name(out, name);
    buf_add_text(out, flag ? "true" : "false");
}

static void open_list(struct buf *out, const char *name)
{
    add_name(out, name);
    buf_add_char(out, '[');
}

static void open_object(struct buf *out)
{
    separate(out);
    buf_add_char(out, '{');
}

static void add_texts(struct buf *out, const char *name, const char *const *texts)
{
    open_list(out, name);
    for (; *texts; texts++)
        add_item(out, *texts);
    buf_add_char(out, ']');
}

/* ---- Roles and routes ---- */

static void add_role(const struct service *service, const char *role, struct buf *out)
{
    open_object(out);
    add_text(out, "name", role);
    add_number(out, "processes", service_processes(service, role));
    add_flag(out, "listens", service_listener(service, role) != NULL);
    buf_add_char(out, '}');
}

static void add_roles(const struct service *service, struct buf *out)
{
    static const char *const others[] = {"apply", "relay", "jobs", "migrate"};
    open_list(out, "roles");
    for (size_t i = 0; i < service->listeners.count; i++)
        add_role(service, service->listeners.items[i].role, out);
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (service_has_role(service, others[i]))
            add_role(service, others[i], out);
    buf_add_char(out, ']');
}

static const char *method_name(enum http_method method)
{
    switch (method) {
    case HTTP_GET:
        return "GET";
    case HTTP_POST:
        return "POST";
    case HTTP_DELETE:
        return "DELETE";
    }
    ensure(!"a method");
}

static void add_route(const struct listener *listener, const struct route *route, struct buf *out)
{
    open_object(out);
    add_text(out, "role", listener->role);
    add_text(out, "method", method_name(route->method));
    add_text(out, "path", route->path);
    add_number(out, "body_bytes", (int64_t)route->body_bytes);
    add_flag(out, "stream", route->stream);
    add_flag(out, "guarded", route->guarded);
    buf_add_char(out, '}');
}

static void add_routes(const struct service *service, struct buf *out)
{
    open_list(out, "routes");
    for (size_t i = 0; i < service->listeners.count; i++) {
        const struct listener *listener = &service->listeners.items[i];
        for (size_t k = 0; k < listener->routes.count; k++)
            add_route(listener, &listener->routes.items[k], out);
    }
    buf_add_char(out, ']');
}

/* ---- Topics ---- */

static void add_state_config(struct buf *out)
{
    /* An erased person is gone within days; who was away for longer than 30 rebuilds its copy. */
    add_text(out, "cleanup.policy", "compact");
    add_text(out, "max.compaction.lag.ms", "259200000");
    add_text(out, "delete.retention.ms", "2592000000");
    add_text(out, "min.cleanable.dirty.ratio", "0.1");
}

static void add_retention(int64_t ms, struct buf *out)
{
    add_text(out, "cleanup.policy", "delete");
    add_name(out, "retention.ms");
    buf_printf(out, "\"%lld\"", (long long)ms);
}

static void add_topic_config(const struct topic *topic, struct buf *out)
{
    add_name(out, "config");
    buf_add_char(out, '{');
    add_text(out, "message.timestamp.type", "LogAppendTime");
    add_text(out, "segment.ms", "86400000");
    add_text(out, "max.message.bytes", "1048588"); /* of a compressed batch; an event has 64 KiB */
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
    buf_add_char(out, '}');
}

static void add_topic(const struct topic *topic, int64_t partitions, struct buf *out)
{
    open_object(out);
    add_text(out, "name", topic->name);
    add_number(out, "partitions", topic->cleanup == TOPIC_LEDGER ? 1 : partitions);
    add_topic_config(topic, out);
    buf_add_char(out, '}');
}

static bool owns(const struct service *service, const struct topic *topic)
{
    return strcmp(topic->service, service->name) == 0;
}

static void add_topics(const struct service *service, int64_t partitions, struct buf *out)
{
    open_list(out, "topics");
    for (size_t i = 0; i < topics_all_count; i++)
        if (owns(service, topics_all[i]))
            add_topic(topics_all[i], partitions, out);
    buf_add_char(out, ']');
}

static void add_observer_topics(const struct service *service, struct buf *out)
{
    open_list(out, "observer_topics");
    for (size_t i = 0; i < topics_all_count; i++)
        if (owns(service, topics_all[i]) && !topics_all[i]->personal)
            add_item(out, topics_all[i]->name);
    buf_add_char(out, ']');
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
    open_object(out);
    add_text(out, "role", acl->role);
    add_text(out, "resource", acl->resource);
    add_text(out, "name", acl->name);
    add_text(out, "pattern", acl->pattern);
    add_texts(out, "operations", acl->operations);
    buf_add_char(out, '}');
}

static void add_apply_acls(const struct service *service, const char *prefix, struct buf *out)
{
    for (size_t i = 0; i < service->subscriptions.count; i++)
        add_acl(&(struct acl){"apply", "topic", service->subscriptions.items[i].topic->name,
                              "literal", read_only},
                out);
    if (service_applies(service))
        add_acl(&(struct acl){"apply", "group", prefix, "prefixed", read_only}, out);
}

static void add_acls(const struct service *service, struct buf *out)
{
    char prefix[64];
    snprintf(prefix, sizeof prefix, "eiso.%s.", service->name);
    open_list(out, "acls");
    if (service_emits(service))
        add_acl(&(struct acl){"relay", "topic", prefix, "prefixed", read_and_write}, out);
    add_apply_acls(service, prefix, out);
    for (size_t i = 0; i < service->listeners.count; i++)
        add_acl(&(struct acl){service->listeners.items[i].role, "topic", topic_revocations.name,
                              "literal", read_only},
                out);
    buf_add_char(out, ']');
}

void service_describe(const struct service *service, int64_t partitions, struct buf *out)
{
    buf_add_char(out, '{');
    add_text(out, "service", service->name);
    add_roles(service, out);
    add_routes(service, out);
    add_topics(service, partitions, out);
    add_acls(service, out);
    add_observer_topics(service, out);
    if (service->demo)
        add_texts(out, "demo", service->demo);
    buf_add_text(out, "}\n");
}
