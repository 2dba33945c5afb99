/* Rights: who may read, write, describe what. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bus/bus_internal.h"

/* Owned bindings, filters among them: to librdkafka they are one type. */
struct bindings {
    rd_kafka_AclBinding_t **items;
    size_t count;
};

static void bindings_done(struct bindings *bindings)
{
    rd_kafka_AclBinding_destroy_array(bindings->items, bindings->count);
    free(bindings->items);
}

static struct bindings bindings_new(size_t most)
{
    return (struct bindings){mem_alloc(most * sizeof(rd_kafka_AclBinding_t *)), 0};
}

/* ---- Between our words and librdkafka's numbers ---- */

static rd_kafka_ResourceType_t resource_of(const char *name)
{
    if (strcmp(name, "topic") == 0)
        return RD_KAFKA_RESOURCE_TOPIC;
    return strcmp(name, "group") == 0 ? RD_KAFKA_RESOURCE_GROUP : RD_KAFKA_RESOURCE_UNKNOWN;
}

static rd_kafka_AclOperation_t operation_of(const char *name)
{
    if (strcmp(name, "read") == 0)
        return RD_KAFKA_ACL_OPERATION_READ;
    if (strcmp(name, "write") == 0)
        return RD_KAFKA_ACL_OPERATION_WRITE;
    return strcmp(name, "describe") == 0 ? RD_KAFKA_ACL_OPERATION_DESCRIBE
                                         : RD_KAFKA_ACL_OPERATION_UNKNOWN;
}

static rd_kafka_AclBinding_t *binding_new(const struct bus_acl *acl, struct err *err)
{
    char principal[256], text[256];
    snprintf(principal, sizeof principal, "User:%s", acl->principal);
    rd_kafka_AclBinding_t *made = rd_kafka_AclBinding_new(
        resource_of(acl->resource), acl->name,
        acl->prefixed ? RD_KAFKA_RESOURCE_PATTERN_PREFIXED : RD_KAFKA_RESOURCE_PATTERN_LITERAL,
        principal, "*", operation_of(acl->operation), RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW, text,
        sizeof text);
    if (!made)
        err_set(err, ERROR_INVALID, "%s may %s %s %s: %s", acl->principal, acl->operation,
                acl->resource, acl->name, text);
    return made;
}

static enum error bindings_from(struct bindings *wanted, const struct bus_acl *acls, size_t count,
                                struct err *err)
{
    *wanted = bindings_new(count);
    for (; wanted->count < count; wanted->count++) {
        wanted->items[wanted->count] = binding_new(&acls[wanted->count], err);
        if (!wanted->items[wanted->count])
            return ERROR_INVALID;
    }
    return ERROR_NONE;
}

/* ---- Comparing ---- */

static bool same_principal(const rd_kafka_AclBinding_t *a, const rd_kafka_AclBinding_t *b)
{
    return strcmp(rd_kafka_AclBinding_principal(a), rd_kafka_AclBinding_principal(b)) == 0;
}

static bool same_binding(const rd_kafka_AclBinding_t *a, const rd_kafka_AclBinding_t *b)
{
    return same_principal(a, b) &&
           rd_kafka_AclBinding_restype(a) == rd_kafka_AclBinding_restype(b) &&
           rd_kafka_AclBinding_operation(a) == rd_kafka_AclBinding_operation(b) &&
           rd_kafka_AclBinding_permission_type(a) == rd_kafka_AclBinding_permission_type(b) &&
           rd_kafka_AclBinding_resource_pattern_type(a) ==
               rd_kafka_AclBinding_resource_pattern_type(b) &&
           strcmp(rd_kafka_AclBinding_name(a), rd_kafka_AclBinding_name(b)) == 0 &&
           strcmp(rd_kafka_AclBinding_host(a), rd_kafka_AclBinding_host(b)) == 0;
}

/* What the broker has; of the event that brought it. */
struct present {
    const rd_kafka_AclBinding_t **items;
    size_t count;
};

static bool is_present(const struct present *present, const rd_kafka_AclBinding_t *binding)
{
    size_t i = 0;
    while (i < present->count && !same_binding(binding, present->items[i]))
        i++;
    return i < present->count;
}

/* A right that nobody asked for, of a principal that somebody spoke of. */
static bool is_surplus(const struct bindings *wanted, const rd_kafka_AclBinding_t *binding)
{
    bool ours = false;
    for (size_t i = 0; i < wanted->count; i++) {
        if (same_binding(binding, wanted->items[i]))
            return false;
        ours = ours || same_principal(binding, wanted->items[i]);
    }
    return ours;
}

/* ---- Requests ---- */

static enum error describe(struct bus_admin *admin, rd_kafka_queue_t *queue,
                           rd_kafka_event_t **event, struct err *err)
{
    char text[256];
    rd_kafka_AclBindingFilter_t *any = rd_kafka_AclBindingFilter_new(
        RD_KAFKA_RESOURCE_ANY, NULL, RD_KAFKA_RESOURCE_PATTERN_ANY, NULL, NULL,
        RD_KAFKA_ACL_OPERATION_ANY, RD_KAFKA_ACL_PERMISSION_TYPE_ANY, text, sizeof text);
    ensure(any);
    rd_kafka_AdminOptions_t *options = bus_admin_options(admin, RD_KAFKA_ADMIN_OP_DESCRIBEACLS);
    rd_kafka_DescribeAcls(admin->client, any, options, queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_AclBinding_destroy(any);
    return bus_admin_answer(queue, "asking for rights", event, err);
}

static enum error make_all(struct bus_admin *admin, rd_kafka_AclBinding_t **items, size_t count,
                           struct err *err)
{
    CLEANUP(bus_queue_destroy) rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->client);
    CLEANUP(bus_event_destroy) rd_kafka_event_t *event = NULL;
    rd_kafka_AdminOptions_t *options = bus_admin_options(admin, RD_KAFKA_ADMIN_OP_CREATEACLS);
    rd_kafka_CreateAcls(admin->client, items, count, options, queue);
    rd_kafka_AdminOptions_destroy(options);
    enum error code = bus_admin_answer(queue, "making rights", &event, err);
    if (code)
        return code;
    size_t results;
    const rd_kafka_acl_result_t **list =
        rd_kafka_CreateAcls_result_acls(rd_kafka_event_CreateAcls_result(event), &results);
    for (size_t i = 0; i < results; i++) {
        const rd_kafka_error_t *error = rd_kafka_acl_result_error(list[i]);
        if (error)
            return err_set(err, bus_code(rd_kafka_error_code(error)), "right of %s on %s: %s",
                           rd_kafka_AclBinding_principal(items[i]),
                           rd_kafka_AclBinding_name(items[i]), rd_kafka_error_string(error));
    }
    return ERROR_NONE;
}

static enum error remove_all(struct bus_admin *admin, struct bindings *filters, struct err *err)
{
    CLEANUP(bus_queue_destroy) rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->client);
    CLEANUP(bus_event_destroy) rd_kafka_event_t *event = NULL;
    rd_kafka_AdminOptions_t *options = bus_admin_options(admin, RD_KAFKA_ADMIN_OP_DELETEACLS);
    rd_kafka_DeleteAcls(admin->client, filters->items, filters->count, options, queue);
    rd_kafka_AdminOptions_destroy(options);
    enum error code = bus_admin_answer(queue, "taking rights away", &event, err);
    if (code)
        return code;
    size_t results;
    const rd_kafka_DeleteAcls_result_response_t **list =
        rd_kafka_DeleteAcls_result_responses(rd_kafka_event_DeleteAcls_result(event), &results);
    for (size_t i = 0; i < results; i++) {
        const rd_kafka_error_t *error = rd_kafka_DeleteAcls_result_response_error(list[i]);
        if (error)
            return err_set(err, bus_code(rd_kafka_error_code(error)), "taking rights away: %s",
                           rd_kafka_error_string(error));
    }
    return ERROR_NONE;
}

/* ---- The difference ---- */

static rd_kafka_AclBindingFilter_t *filter_of(const rd_kafka_AclBinding_t *acl)
{
    char text[256];
    rd_kafka_AclBindingFilter_t *filter = rd_kafka_AclBindingFilter_new(
        rd_kafka_AclBinding_restype(acl), rd_kafka_AclBinding_name(acl),
        rd_kafka_AclBinding_resource_pattern_type(acl), rd_kafka_AclBinding_principal(acl),
        rd_kafka_AclBinding_host(acl), rd_kafka_AclBinding_operation(acl),
        rd_kafka_AclBinding_permission_type(acl), text, sizeof text);
    ensure(filter);
    return filter;
}

static enum error make_missing(struct bus_admin *admin, const struct bindings *wanted,
                               const struct present *present, size_t *made, struct err *err)
{
    rd_kafka_AclBinding_t **missing = mem_alloc(wanted->count * sizeof *missing);
    *made = 0;
    for (size_t i = 0; i < wanted->count; i++)
        if (!is_present(present, wanted->items[i]))
            missing[(*made)++] = wanted->items[i];
    enum error code = *made ? make_all(admin, missing, *made, err) : ERROR_NONE;
    free(missing);
    return code;
}

static enum error take_surplus(struct bus_admin *admin, const struct bindings *wanted,
                               const struct present *present, size_t *taken_away, struct err *err)
{
    CLEANUP(bindings_done) struct bindings surplus = bindings_new(present->count);
    for (size_t i = 0; i < present->count; i++)
        if (is_surplus(wanted, present->items[i]))
            surplus.items[surplus.count++] = filter_of(present->items[i]);
    *taken_away = surplus.count;
    return surplus.count ? remove_all(admin, &surplus, err) : ERROR_NONE;
}

/* Looks, and changes what differs; where nothing does, `changes` stays zero. */
static enum error settle(struct bus_admin *admin, const struct bindings *wanted,
                         struct bus_acl_changes *changes, struct err *err)
{
    CLEANUP(bus_queue_destroy) rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->client);
    CLEANUP(bus_event_destroy) rd_kafka_event_t *event = NULL;
    *changes = (struct bus_acl_changes){0};
    enum error code = describe(admin, queue, &event, err);
    if (code)
        return code;
    struct present present;
    present.items = rd_kafka_DescribeAcls_result_acls(rd_kafka_event_DescribeAcls_result(event),
                                                      &present.count);
    code = make_missing(admin, wanted, &present, &changes->made, err);
    if (!code)
        code = take_surplus(admin, wanted, &present, &changes->taken_away, err);
    return code;
}

enum error bus_admin_set_acls(struct bus_admin *admin, const struct bus_acl *acls, size_t count,
                              struct bus_acl_changes *changes, struct err *err)
{
    CLEANUP(bindings_done) struct bindings wanted = {0};
    *changes = (struct bus_acl_changes){0};
    enum error code = bindings_from(&wanted, acls, count, err);
    if (code || count == 0)
        return code;
    int64_t end_us = clock_monotonic() + admin->timeout_ms * INT64_C(1000);
    code = settle(admin, &wanted, changes, err);
    struct bus_acl_changes rest = *changes;
    while (!code && rest.made + rest.taken_away > 0) { /* brokers learn of it a little later */
        if (clock_monotonic() > end_us)
            return err_set(err, ERROR_UNAVAILABLE, "the rights did not come into force");
        clock_sleep_ms(BUS_SETTLE_MS);
        code = settle(admin, &wanted, &rest, err);
    }
    return code;
}
