/* What an installation and its operators need: topics and their ends. Rights are in acl.c. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bus/bus_internal.h"

enum { DEFAULT_TIMEOUT_MS = 10000 };

static const struct bus_setting promises[] = {{"allow.auto.create.topics", "false"}};
static const struct bus_profile profile = {NULL, 0, promises, COUNT_OF(promises)};

enum error bus_admin_open(struct bus_admin **admin, const struct bus_settings *settings,
                          struct err *err)
{
    rd_kafka_conf_t *conf;
    enum error code = bus_config_new(&conf, &profile, settings, err);
    if (code)
        return code;
    struct bus_admin *made = mem_alloc(sizeof *made);
    made->timeout_ms =
        settings->timeout_ms ? bus_timeout(settings->timeout_ms) : DEFAULT_TIMEOUT_MS;
    code = bus_client_new(&made->client, RD_KAFKA_CONSUMER, conf, err);
    if (code)
        free(made);
    else
        *admin = made;
    return code;
}

void bus_admin_close(struct bus_admin *admin)
{
    if (!admin)
        return;
    rd_kafka_destroy(admin->client);
    free(admin);
}

/* ---- Asking ---- */

static enum error topic_error(const char *topic, rd_kafka_resp_err_t code, struct err *err)
{
    if (!code)
        return ERROR_NONE;
    return err_set(err, bus_code(code), "topic %s: %s", topic, rd_kafka_err2str(code));
}

enum error bus_partition_count(rd_kafka_t *client, const char *topic, int timeout_ms,
                               int32_t *partitions, struct err *err)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    if (!handle)
        return topic_error(topic, rd_kafka_last_error(), err);
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, handle, &metadata, timeout_ms);
    rd_kafka_topic_destroy(handle);
    if (code)
        return topic_error(topic, code, err);
    const struct rd_kafka_metadata_topic *found =
        metadata->topic_cnt == 1 ? &metadata->topics[0] : NULL;
    code = found ? found->err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (!code)
        *partitions = found->partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    return topic_error(topic, code, err);
}

enum error bus_partitions(struct bus_admin *admin, const char *topic, int32_t *partitions,
                          struct err *err)
{
    rd_kafka_poll(admin->client, 0);
    return bus_partition_count(admin->client, topic, admin->timeout_ms, partitions, err);
}

enum error bus_offsets(struct bus_admin *admin, const char *topic, int32_t partition,
                       int64_t *first, int64_t *next, struct err *err)
{
    rd_kafka_poll(admin->client, 0);
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(admin->client, topic, partition,
                                                                first, next, admin->timeout_ms);
    return topic_error(topic, code, err);
}

/* ---- Changing: one request, then the outcome of each item ---- */

void bus_queue_destroy(rd_kafka_queue_t **queue)
{
    rd_kafka_queue_destroy(*queue);
}

void bus_event_destroy(rd_kafka_event_t **event)
{
    if (*event)
        rd_kafka_event_destroy(*event);
}

rd_kafka_AdminOptions_t *bus_admin_options(const struct bus_admin *admin, rd_kafka_admin_op_t op)
{
    char text[256];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(admin->client, op);
    ensure(
        !rd_kafka_AdminOptions_set_request_timeout(options, admin->timeout_ms, text, sizeof text));
    return options;
}

/* For topics: the broker answers when the change is everywhere. */
static rd_kafka_AdminOptions_t *topic_options(const struct bus_admin *admin, rd_kafka_admin_op_t op)
{
    char text[256];
    rd_kafka_AdminOptions_t *options = bus_admin_options(admin, op);
    ensure(!rd_kafka_AdminOptions_set_operation_timeout(options, admin->timeout_ms, text,
                                                        sizeof text));
    return options;
}

enum error bus_admin_answer(rd_kafka_queue_t *queue, const char *what, rd_kafka_event_t **event,
                            struct err *err)
{
    *event = rd_kafka_queue_poll(queue, -1); /* one always comes, if only that the time is over */
    rd_kafka_resp_err_t code = rd_kafka_event_error(*event);
    if (!code)
        return ERROR_NONE;
    return err_set(err, bus_code(code), "%s: %s", what, rd_kafka_event_error_string(*event));
}

static enum error topic_outcomes(const rd_kafka_topic_result_t **results, size_t count,
                                 rd_kafka_resp_err_t harmless, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[i]);
        if (code && code != harmless)
            return err_set(err, bus_code(code), "topic %s: %s",
                           rd_kafka_topic_result_name(results[i]),
                           rd_kafka_topic_result_error_string(results[i]));
    }
    return ERROR_NONE;
}

/* The controller answers before every broker knows. */
static enum error wait_for_topic(struct bus_admin *admin, const char *name, enum error expected,
                                 struct err *err)
{
    int64_t end_us = clock_monotonic() + admin->timeout_ms * INT64_C(1000);
    struct err found = {0};
    int32_t partitions;
    enum error code;
    while ((code = bus_partitions(admin, name, &partitions, &found)) != expected) {
        if (code && code != ERROR_NOT_FOUND && code != ERROR_UNAVAILABLE)
            return err_set(err, code, "%s", found.text);
        if (clock_monotonic() > end_us)
            return err_set(err, ERROR_UNAVAILABLE, "topic %s: the change did not arrive", name);
        clock_sleep_ms(BUS_SETTLE_MS);
    }
    return ERROR_NONE;
}

static rd_kafka_NewTopic_t *new_topic(const struct bus_topic *topic, struct err *err)
{
    char text[256];
    int replication = topic->replication ? topic->replication : -1;
    rd_kafka_NewTopic_t *made =
        rd_kafka_NewTopic_new(topic->name, topic->partitions, replication, text, sizeof text);
    if (!made) {
        err_set(err, ERROR_INVALID, "topic %s: %s", topic->name, text);
        return NULL;
    }
    for (size_t i = 0; i < topic->config_count; i++)
        rd_kafka_NewTopic_set_config(made, topic->config[i].name, topic->config[i].value);
    return made;
}

static enum error send_topics(struct bus_admin *admin, rd_kafka_NewTopic_t **items, size_t count,
                              struct err *err)
{
    CLEANUP(bus_queue_destroy) rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->client);
    CLEANUP(bus_event_destroy) rd_kafka_event_t *event = NULL;
    rd_kafka_AdminOptions_t *options = topic_options(admin, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_CreateTopics(admin->client, items, count, options, queue);
    rd_kafka_AdminOptions_destroy(options);
    enum error code = bus_admin_answer(queue, "making topics", &event, err);
    if (code)
        return code;
    size_t results;
    const rd_kafka_topic_result_t **list =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &results);
    return topic_outcomes(list, results, RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS, err);
}

enum error bus_admin_create_topics(struct bus_admin *admin, const struct bus_topic *topics,
                                   size_t count, struct err *err)
{
    if (count == 0)
        return ERROR_NONE;
    rd_kafka_NewTopic_t **items = mem_alloc(count * sizeof *items);
    size_t made = 0;
    while (made < count && (items[made] = new_topic(&topics[made], err)))
        made++;
    enum error code = made < count ? ERROR_INVALID : send_topics(admin, items, count, err);
    rd_kafka_NewTopic_destroy_array(items, made);
    free(items);
    for (size_t i = 0; i < count && !code; i++)
        code = wait_for_topic(admin, topics[i].name, ERROR_NONE, err);
    return code;
}

static enum error send_deletions(struct bus_admin *admin, const char *const *names, size_t count,
                                 struct err *err)
{
    CLEANUP(bus_queue_destroy) rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->client);
    CLEANUP(bus_event_destroy) rd_kafka_event_t *event = NULL;
    rd_kafka_DeleteTopic_t **items = mem_alloc(count * sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = rd_kafka_DeleteTopic_new(names[i]);
    rd_kafka_AdminOptions_t *options = topic_options(admin, RD_KAFKA_ADMIN_OP_DELETETOPICS);
    rd_kafka_DeleteTopics(admin->client, items, count, options, queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_DeleteTopic_destroy_array(items, count);
    free(items);
    enum error code = bus_admin_answer(queue, "deleting topics", &event, err);
    if (code)
        return code;
    size_t results;
    const rd_kafka_topic_result_t **list =
        rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &results);
    return topic_outcomes(list, results, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, err);
}

enum error bus_admin_delete_topics(struct bus_admin *admin, const char *const *names, size_t count,
                                   struct err *err)
{
    enum error code = count ? send_deletions(admin, names, count, err) : ERROR_NONE;
    for (size_t i = 0; i < count && !code; i++)
        code = wait_for_topic(admin, names[i], ERROR_NOT_FOUND, err);
    return code;
}
