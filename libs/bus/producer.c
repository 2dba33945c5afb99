/* Producing: what is acknowledged is on the topic, in order and without a gap. */
#include <stdlib.h>
#include <string.h>

#include "bus/bus_internal.h"

/* Numbers that may be under way at once: more than librdkafka's own queue takes, for what waits
 * behind a slow partition counts as well. A power of two. */
enum { WINDOW = 1 << 20, MAX_TOPICS = 64, MAX_HEADERS = 16, FULL_WAIT_MS = 200, FULL_STEP_MS = 20 };

struct bus_producer {
    rd_kafka_t *client;
    bus_acknowledged *acknowledged;
    void *context;
    struct bus_progress progress;
    uint64_t disconnects;
    struct err failed; /* the first delivery error: sticky */
    size_t topic_count;
    rd_kafka_topic_t *topics[MAX_TOPICS];
    uint64_t done[WINDOW / 64]; /* a bit for each number behind progress.acknowledged */
};

static const struct bus_setting promises[] = {
    {"enable.idempotence", "true"},
    {"enable.gapless.guarantee", "true"}, /* off by default in 2.0.2 */
    {"acks", "all"},
    {"message.timeout.ms", "0"}, /* timeouts are outside of that guarantee */
    {"partitioner", "murmur2_random"},
    {"log.connection.close", "true"}, /* else a lost connection is silent */
};
static const struct bus_setting defaults[] = {
    {"compression.codec", "lz4"},
    {"linger.ms", "5"},
    {"batch.num.messages", "10000"},
    {"batch.size", "1000000"},
    {"queue.buffering.max.messages", "100000"},
    {"queue.buffering.max.kbytes", "65536"},
};
static const struct bus_profile profile = {defaults, COUNT_OF(defaults), promises,
                                           COUNT_OF(promises)};

/* ---- Deliveries ---- */

static bool take_bit(struct bus_producer *producer, uint64_t number)
{
    uint64_t *word = &producer->done[number % WINDOW / 64];
    uint64_t bit = UINT64_C(1) << number % 64;
    bool set = *word & bit;
    *word &= ~bit;
    return set;
}

static void set_done(struct bus_producer *producer, uint64_t number)
{
    producer->done[number % WINDOW / 64] |= UINT64_C(1) << number % 64;
    while (take_bit(producer, producer->progress.acknowledged))
        producer->progress.acknowledged++;
}

static void fail(struct bus_producer *producer, const char *what, const char *reason)
{
    if (!producer->failed.code)
        err_set(&producer->failed, ERROR_FENCED, "%s: %s", what, reason);
}

/* Behind the first failure nothing is told any more: whoever believed it would leave a gap. */
static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    (void)client;
    struct bus_producer *producer = opaque;
    const char *topic = rd_kafka_topic_name(message->rkt);
    if (message->err)
        fail(producer, topic, rd_kafka_err2str(message->err));
    if (producer->failed.code)
        return;
    uint64_t number = (uint64_t)(uintptr_t)message->_private;
    if (producer->acknowledged)
        producer->acknowledged(producer->context, number, topic, message->partition,
                               message->offset);
    set_done(producer, number);
}

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
    (void)client;
    struct bus_producer *producer = opaque;
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        fail(producer, "Kafka client", reason);
    if (code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        producer->disconnects++;
}

static enum error failure(const struct bus_producer *producer, struct err *err)
{
    if (!producer->failed.code)
        return ERROR_NONE;
    return err_set(err, producer->failed.code, "%s", producer->failed.text);
}

/* ---- Life ---- */

enum error bus_producer_open(struct bus_producer **producer,
                             const struct bus_producer_options *options, struct err *err)
{
    rd_kafka_conf_t *conf;
    enum error code = bus_config_new(&conf, &profile, &options->settings, err);
    if (code)
        return code;
    struct bus_producer *made = mem_alloc(sizeof *made);
    made->acknowledged = options->acknowledged;
    made->context = options->context;
    rd_kafka_conf_set_opaque(conf, made);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_error_cb(conf, on_error);
    code = bus_client_new(&made->client, RD_KAFKA_PRODUCER, conf, err);
    if (code)
        free(made);
    else
        *producer = made;
    return code;
}

void bus_producer_close(struct bus_producer *producer)
{
    if (!producer)
        return;
    for (size_t i = 0; i < producer->topic_count; i++)
        rd_kafka_topic_destroy(producer->topics[i]);
    rd_kafka_destroy(producer->client);
    free(producer);
}

/* ---- Producing ---- */

static rd_kafka_topic_t *topic_get(struct bus_producer *producer, const char *name)
{
    for (size_t i = 0; i < producer->topic_count; i++)
        if (strcmp(rd_kafka_topic_name(producer->topics[i]), name) == 0)
            return producer->topics[i];
    ensure(producer->topic_count < MAX_TOPICS);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(producer->client, name, NULL);
    ensure(topic);
    producer->topics[producer->topic_count++] = topic;
    return topic;
}

static rd_kafka_headers_t *headers_new(const struct bus_message_out *message)
{
    if (message->header_count == 0)
        return NULL;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(message->header_count);
    for (size_t i = 0; i < message->header_count; i++) {
        const struct bus_header *header = &message->headers[i];
        rd_kafka_resp_err_t code =
            rd_kafka_header_add(headers, header->name.ptr, (ssize_t)header->name.len,
                                header->value.ptr, (ssize_t)header->value.len);
        ensure(!code);
    }
    return headers;
}

/* The headers go over to librdkafka only where it takes the message. */
static rd_kafka_resp_err_t try_once(struct bus_producer *producer, rd_kafka_topic_t *topic,
                                    const struct bus_message_out *message,
                                    rd_kafka_headers_t *headers)
{
    uint64_t number = producer->progress.produced;
    rd_kafka_vu_t vus[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = message->partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY,
         .u.mem = {(void *)(uintptr_t)message->key.ptr, message->key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {(void *)(uintptr_t)message->value.ptr, message->value.len}},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = (void *)(uintptr_t)number},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    size_t count = COUNT_OF(vus) - (headers ? 0 : 1);
    rd_kafka_error_t *error = rd_kafka_produceva(producer->client, vus, count);
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    return code;
}

static bool window_full(const struct bus_producer *producer)
{
    return producer->progress.produced - producer->progress.acknowledged >= WINDOW;
}

static rd_kafka_resp_err_t try_while_full(struct bus_producer *producer, rd_kafka_topic_t *topic,
                                          const struct bus_message_out *message,
                                          rd_kafka_headers_t *headers)
{
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__QUEUE_FULL;
    for (int waited_ms = 0; waited_ms < FULL_WAIT_MS; waited_ms += FULL_STEP_MS) {
        if (!window_full(producer))
            code = try_once(producer, topic, message, headers);
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            break;
        rd_kafka_poll(producer->client, FULL_STEP_MS);
        if (producer->failed.code)
            break;
    }
    return code;
}

enum error bus_produce(struct bus_producer *producer, const struct bus_message_out *message,
                       struct err *err)
{
    if (producer->failed.code)
        return failure(producer, err);
    rd_kafka_topic_t *topic = topic_get(producer, message->topic);
    rd_kafka_headers_t *headers = headers_new(message);
    rd_kafka_resp_err_t code = try_while_full(producer, topic, message, headers);
    if (!code) {
        producer->progress.produced++;
        return ERROR_NONE;
    }
    if (headers)
        rd_kafka_headers_destroy(headers);
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
        fail(producer, message->topic, rd_kafka_err2str(code));
    if (producer->failed.code)
        return failure(producer, err);
    return err_set(err, ERROR_BUSY, "%s: the queue to Kafka is full", message->topic);
}

enum error bus_producer_poll(struct bus_producer *producer, int64_t timeout_ms, struct err *err)
{
    if (!producer->failed.code)
        rd_kafka_poll(producer->client, bus_timeout(timeout_ms));
    return failure(producer, err);
}

struct bus_progress bus_producer_progress(const struct bus_producer *producer)
{
    return producer->progress;
}

uint64_t bus_producer_disconnects(const struct bus_producer *producer)
{
    return producer->disconnects;
}
