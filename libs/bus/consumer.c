/* Consuming in batches. The group only spreads the work: where to begin is what `assigned` says. */
#include <stdlib.h>
#include <string.h>

#include "bus/bus_internal.h"

enum { BATCH_BYTES = 4 << 20, START_WAIT_MS = 50 };

static const struct bus_setting promises[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.commit.enable", "false"}, /* the same for consumers without a group */
    {"auto.offset.reset", "error"},
    {"check.crcs", "true"},
    {"partition.assignment.strategy", "range"}, /* cooperative-sticky loses assignments in 2.0.2 */
    {"session.timeout.ms", "6000"},
    {"allow.auto.create.topics", "false"},
};
static const struct bus_setting defaults[] = {
    {"heartbeat.interval.ms", "1500"},
    {"fetch.min.bytes", "1"},
    {"fetch.wait.max.ms",
     "500"}, /* each idle consumer asks twice a second, and gets news at once */
    {"fetch.error.backoff.ms", "100"},
    {"fetch.message.max.bytes", "4194304"},
    {"queued.min.messages", "50000"},
    {"queued.max.messages.kbytes", "65536"},
    {"topic.metadata.refresh.interval.ms", "10000"}, /* a topic that is made later */
};
static const struct bus_profile profile = {defaults, COUNT_OF(defaults), promises,
                                           COUNT_OF(promises)};

/* ---- The batch ---- */

static void drop_batch(struct bus_consumer *consumer)
{
    for (size_t i = 0; i < consumer->held_count; i++)
        rd_kafka_message_destroy(consumer->held[i]);
    consumer->held_count = consumer->held_bytes = 0;
    arena_reset(&consumer->headers);
}

static void hold(struct bus_consumer *consumer, rd_kafka_message_t *message)
{
    if (consumer->held_count == consumer->held_capacity) {
        size_t capacity = MAX_OF(consumer->held_capacity * 2, 64);
        consumer->held = mem_resize(consumer->held, capacity * sizeof *consumer->held);
        consumer->messages = mem_resize(consumer->messages, capacity * sizeof *consumer->messages);
        consumer->held_capacity = capacity;
    }
    consumer->held[consumer->held_count++] = message;
    consumer->held_bytes += message->len + message->key_len;
}

/* ---- Where to begin ---- */

static size_t topic_index(const struct bus_consumer *consumer, const char *name)
{
    size_t i = 0;
    while (strcmp(consumer->options.topics[i], name) != 0) {
        i++;
        ensure(i < consumer->options.topic_count);
    }
    return i;
}

/* A new list with the offsets that `assigned` gives; NULL where it failed. */
static rd_kafka_topic_partition_list_t *ask_offsets(
    struct bus_consumer *consumer, const rd_kafka_topic_partition_list_t *partitions)
{
    CLEANUP(arena_done) struct arena arena = {0};
    size_t count = (size_t)partitions->cnt;
    struct bus_assignment *items = ARENA_ARRAY(&arena, count, struct bus_assignment);
    for (size_t i = 0; i < count; i++)
        items[i] = (struct bus_assignment){topic_index(consumer, partitions->elems[i].topic),
                                           partitions->elems[i].partition, -1};
    enum error code =
        consumer->options.assigned(consumer->options.context, items, count, &consumer->failed);
    if (code) {
        consumer->failed.code = code;
        return NULL;
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++) {
        ensure(items[i].next_offset != -1 && items[i].next_offset >= BUS_NOT_TAKEN);
        if (items[i].next_offset != BUS_NOT_TAKEN)
            rd_kafka_topic_partition_list_add(list, consumer->options.topics[items[i].topic],
                                              items[i].partition)
                ->offset = items[i].next_offset;
    }
    return list;
}

/* ---- In a group ---- */

static void take_error(struct bus_consumer *consumer, rd_kafka_resp_err_t reason, const char *text)
{
    char fatal[256];
    enum error code = bus_code(reason);
    if (reason == RD_KAFKA_RESP_ERR__FATAL) {
        rd_kafka_fatal_error(consumer->client, fatal, sizeof fatal);
        text = fatal;
    }
    if (code == ERROR_UNAVAILABLE || code == ERROR_NOT_FOUND)
        bus_warn("Kafka consumer", text); /* librdkafka goes on trying */
    else if (!consumer->failed.code)
        err_set(&consumer->failed, code, "Kafka: %s", text);
}

static void assign(struct bus_consumer *consumer, const rd_kafka_topic_partition_list_t *partitions)
{
    rd_kafka_resp_err_t code = rd_kafka_assign(consumer->client, partitions);
    if (code)
        take_error(consumer, code, rd_kafka_err2str(code));
}

static void on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    (void)client;
    struct bus_consumer *consumer = opaque;
    drop_batch(consumer); /* eager: it is all taken away, or has just been given anew */
    rd_kafka_topic_partition_list_t *list = NULL;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        list = ask_offsets(consumer, partitions);
    else if (consumer->options.revoked)
        consumer->options.revoked(consumer->options.context);
    assign(consumer, list);
    if (list)
        rd_kafka_topic_partition_list_destroy(list);
}

static enum error join_group(struct bus_consumer *consumer, struct err *err)
{
    rd_kafka_poll_set_consumer(consumer->client);
    consumer->queue = rd_kafka_queue_get_consumer(consumer->client);
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)consumer->options.topic_count);
    for (size_t i = 0; i < consumer->options.topic_count; i++)
        rd_kafka_topic_partition_list_add(list, consumer->options.topics[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(consumer->client, list);
    rd_kafka_topic_partition_list_destroy(list);
    consumer->started = true;
    if (!code)
        return ERROR_NONE;
    return err_set(err, bus_code(code), "subscribe: %s", rd_kafka_err2str(code));
}

/* ---- Without a group: librdkafka's simple consumer, which needs no right on any group ---- */

static void go_alone(struct bus_consumer *consumer)
{
    consumer->queue = rd_kafka_queue_new(consumer->client);
    rd_kafka_queue_t *events = rd_kafka_queue_get_main(consumer->client);
    rd_kafka_queue_forward(events, consumer->queue); /* served by the same poll */
    rd_kafka_queue_destroy(events);
    size_t count = consumer->options.topic_count;
    consumer->topics = ARENA_ARRAY(&consumer->arena, count, rd_kafka_topic_t *);
    for (size_t i = 0; i < count; i++)
        consumer->topics[i] =
            rd_kafka_topic_new(consumer->client, consumer->options.topics[i], NULL);
}

/* All partitions of all topics, or NULL where the cluster does not say. */
static rd_kafka_topic_partition_list_t *list_partitions(struct bus_consumer *consumer,
                                                        int timeout_ms)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    for (size_t i = 0; i < consumer->options.topic_count; i++) {
        const char *topic = consumer->options.topics[i];
        struct err err = {0};
        int32_t partitions;
        enum error code =
            bus_partition_count(consumer->client, topic, timeout_ms, &partitions, &err);
        if (code) {
            if (code == ERROR_NOT_FOUND)
                bus_warn("Kafka consumer", err.text);
            else if (code != ERROR_UNAVAILABLE)
                consumer->failed = err;
            rd_kafka_topic_partition_list_destroy(list);
            return NULL;
        }
        rd_kafka_topic_partition_list_add_range(list, topic, 0, partitions - 1);
    }
    return list;
}

static void start_partitions(struct bus_consumer *consumer)
{
    for (int i = 0; i < consumer->partitions->cnt; i++) {
        const rd_kafka_topic_partition_t *item = &consumer->partitions->elems[i];
        rd_kafka_topic_t *topic = consumer->topics[topic_index(consumer, item->topic)];
        if (rd_kafka_consume_start_queue(topic, item->partition, item->offset, consumer->queue)) {
            rd_kafka_resp_err_t code = rd_kafka_last_error();
            take_error(consumer, code, rd_kafka_err2str(code));
        }
    }
}

static void stop_partitions(struct bus_consumer *consumer)
{
    for (int i = 0; consumer->partitions && i < consumer->partitions->cnt; i++) {
        const rd_kafka_topic_partition_t *item = &consumer->partitions->elems[i];
        rd_kafka_consume_stop(consumer->topics[topic_index(consumer, item->topic)],
                              item->partition);
    }
    if (consumer->partitions)
        rd_kafka_topic_partition_list_destroy(consumer->partitions);
    for (size_t i = 0; consumer->topics && i < consumer->options.topic_count; i++)
        rd_kafka_topic_destroy(consumer->topics[i]);
}

/* A broker answered once: then asking takes milliseconds, else it would wait for a connection. */
static bool cluster_known(struct bus_consumer *consumer, int64_t timeout_ms)
{
    return rd_kafka_controllerid(consumer->client, bus_timeout(timeout_ms)) >= 0;
}

bool bus_consumer_start(struct bus_consumer *consumer, int64_t timeout_ms)
{
    if (consumer->started || consumer->failed.code)
        return consumer->started;
    if (!cluster_known(consumer, timeout_ms))
        return false;
    int wait_ms = MAX_OF(bus_timeout(timeout_ms), START_WAIT_MS);
    rd_kafka_topic_partition_list_t *all = list_partitions(consumer, wait_ms);
    if (!all)
        return false;
    consumer->partitions = ask_offsets(consumer, all);
    rd_kafka_topic_partition_list_destroy(all);
    if (!consumer->partitions)
        return false;
    start_partitions(consumer);
    consumer->started = true;
    return true;
}

/* ---- Life ---- */

static void copy_options(struct bus_consumer *consumer, const struct bus_consumer_options *options)
{
    consumer->options = *options;
    const char **topics = ARENA_ARRAY(&consumer->arena, options->topic_count, const char *);
    for (size_t i = 0; i < options->topic_count; i++)
        topics[i] = arena_printf(&consumer->arena, "%s", options->topics[i]);
    consumer->options.topics = topics;
}

static void add_membership(rd_kafka_conf_t *conf, const struct bus_consumer_options *options)
{
    if (!options->group)
        return;
    bus_config_set(conf, "group.id", options->group);
    if (options->instance)
        bus_config_set(conf, "group.instance.id", options->instance);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
}

enum error bus_consumer_open(struct bus_consumer **consumer,
                             const struct bus_consumer_options *options, struct err *err)
{
    ensure(options->assigned && options->topic_count > 0);
    rd_kafka_conf_t *conf;
    enum error code = bus_config_new(&conf, &profile, &options->settings, err);
    if (code)
        return code;
    struct bus_consumer *made = mem_alloc(sizeof *made);
    copy_options(made, options);
    add_membership(conf, options);
    rd_kafka_conf_set_opaque(conf, made);
    code = bus_client_new(&made->client, RD_KAFKA_CONSUMER, conf, err);
    if (!code && options->group)
        code = join_group(made, err);
    else if (!code)
        go_alone(made);
    if (code)
        bus_consumer_close(made);
    else
        *consumer = made;
    return code;
}

/* A static member never leaves: closing in order would only wait. */
static void close_client(struct bus_consumer *consumer)
{
    stop_partitions(consumer);
    rd_kafka_queue_destroy(consumer->queue);
    if (consumer->options.group && !consumer->options.instance)
        rd_kafka_destroy(consumer->client);
    else
        rd_kafka_destroy_flags(consumer->client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

void bus_consumer_close(struct bus_consumer *consumer)
{
    if (!consumer)
        return;
    bus_watch_free(consumer->watch);
    drop_batch(consumer);
    if (consumer->client)
        close_client(consumer);
    arena_done(&consumer->headers);
    arena_done(&consumer->arena);
    free(consumer->held);
    free(consumer->messages);
    free(consumer);
}

/* ---- Messages ---- */

static rd_kafka_message_t *poll_one(struct bus_consumer *consumer, int timeout_ms)
{
    return consumer->options.group ? rd_kafka_consumer_poll(consumer->client, timeout_ms)
                                   : rd_kafka_consume_queue(consumer->queue, timeout_ms);
}

static bool batch_full(const struct bus_consumer *consumer, size_t most)
{
    return consumer->held_count >= most || consumer->held_bytes >= BATCH_BYTES;
}

static void fill_batch(struct bus_consumer *consumer, size_t most, int64_t timeout_ms)
{
    int wait_ms = bus_timeout(timeout_ms);
    while (!batch_full(consumer, most) && !consumer->failed.code) {
        rd_kafka_message_t *message = poll_one(consumer, wait_ms);
        if (!message)
            return;
        wait_ms = 0;
        if (!message->err) {
            hold(consumer, message);
            continue;
        }
        take_error(consumer, message->err, rd_kafka_message_errstr(message));
        rd_kafka_message_destroy(message);
    }
}

static void read_headers(struct bus_consumer *consumer, const rd_kafka_message_t *message,
                         struct bus_message *out)
{
    rd_kafka_headers_t *headers;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    out->header_count = rd_kafka_header_cnt(headers);
    out->headers = ARENA_ARRAY(&consumer->headers, out->header_count, struct bus_header);
    for (size_t i = 0; i < out->header_count; i++) {
        const char *name;
        const void *value;
        size_t length;
        rd_kafka_header_get_all(headers, i, &name, &value, &length);
        out->headers[i] = (struct bus_header){str_from(name), {value, length}};
    }
}

static size_t message_topic(struct bus_consumer *consumer, const rd_kafka_message_t *message)
{
    if (message->rkt != consumer->last_topic) {
        consumer->last_index = topic_index(consumer, rd_kafka_topic_name(message->rkt));
        consumer->last_topic = message->rkt;
    }
    return consumer->last_index;
}

static void describe(struct bus_consumer *consumer, size_t index)
{
    rd_kafka_message_t *message = consumer->held[index];
    rd_kafka_timestamp_type_t type;
    struct bus_message *out = &consumer->messages[index];
    *out = (struct bus_message){
        .topic = message_topic(consumer, message),
        .partition = message->partition,
        .offset = message->offset,
        .timestamp_ms = rd_kafka_message_timestamp(message, &type),
        .key = {message->key, message->key_len},
        .value = {message->payload, message->len},
    };
    read_headers(consumer, message, out);
}

enum error bus_consume(struct bus_consumer *consumer, size_t most, int64_t timeout_ms,
                       const struct bus_message **messages, size_t *count, struct err *err)
{
    ensure(most > 0);
    drop_batch(consumer);
    if (bus_consumer_start(consumer, timeout_ms))
        fill_batch(consumer, most, timeout_ms);
    for (size_t i = 0; i < consumer->held_count; i++)
        describe(consumer, i);
    if (consumer->watch && batch_full(consumer, most))
        bus_watch_again(consumer->watch);
    *messages = consumer->messages;
    *count = consumer->held_count;
    if (consumer->held_count > 0 || !consumer->failed.code)
        return ERROR_NONE;
    return err_set(err, consumer->failed.code, "%s", consumer->failed.text);
}

struct str bus_header_get(const struct bus_message *message, struct str name)
{
    for (size_t i = 0; i < message->header_count; i++)
        if (str_equal(message->headers[i].name, name))
            return message->headers[i].value;
    return (struct str){0};
}

int64_t bus_consumer_end(const struct bus_consumer *consumer, size_t topic, int32_t partition)
{
    int64_t first, end;
    if (rd_kafka_get_watermark_offsets(consumer->client, consumer->options.topics[topic], partition,
                                       &first, &end))
        return -1;
    return end;
}

void bus_commit_hint(struct bus_consumer *consumer, const struct bus_assignment *positions,
                     size_t count)
{
    if (!consumer->options.group || count == 0)
        return;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, consumer->options.topics[positions[i].topic],
                                          positions[i].partition)
            ->offset = positions[i].next_offset;
    rd_kafka_commit(consumer->client, list, 1);
    rd_kafka_topic_partition_list_destroy(list);
}
