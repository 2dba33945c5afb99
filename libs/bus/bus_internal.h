/* Shared by the files of this library. */
#ifndef BUS_BUS_INTERNAL_H
#define BUS_BUS_INTERNAL_H

#include <librdkafka/rdkafka.h>

#include "bus/bus.h"

struct bus_setting {
    const char *name, *value;
};

/* What a kind of client is made of. */
struct bus_profile {
    const struct bus_setting *defaults; /* config_file may set them otherwise */
    size_t default_count;
    const struct bus_setting *promises; /* config_file may not */
    size_t promise_count;
};

/* A configuration of the profile, the file, and the settings, in this order; ERROR_INVALID names
 * file, line and key. */
enum error bus_config_new(rd_kafka_conf_t **conf, const struct bus_profile *profile,
                          const struct bus_settings *settings, struct err *err) MUST_CHECK;

/* A client, which takes the configuration in any case. */
enum error bus_client_new(rd_kafka_t **client, rd_kafka_type_t type, rd_kafka_conf_t *conf,
                          struct err *err) MUST_CHECK;

/* Sets one of our own names to a value that we know to be good. */
void bus_config_set(rd_kafka_conf_t *conf, const char *name, const char *value);

/* What follows from an error of librdkafka or the broker. */
enum error bus_code(rd_kafka_resp_err_t code);

/* One warning, at most some in ten seconds for the whole process; from any thread. */
void bus_warn(const char *what, const char *text);

/* librdkafka counts waits in int. */
int bus_timeout(int64_t timeout_ms);

/* Number of partitions, asked of the cluster. */
enum error bus_partition_count(rd_kafka_t *client, const char *topic, int timeout_ms,
                               int32_t *partitions, struct err *err) MUST_CHECK;

/* ---- Administration ---- */

enum { BUS_SETTLE_MS = 20 }; /* between looks whether a change has reached the brokers */

struct bus_admin {
    rd_kafka_t *client;
    int timeout_ms;
};

rd_kafka_AdminOptions_t *bus_admin_options(const struct bus_admin *admin, rd_kafka_admin_op_t op);

/* Waits for the answer to one request; `what` was asked, for the error. */
enum error bus_admin_answer(rd_kafka_queue_t *queue, const char *what, rd_kafka_event_t **event,
                            struct err *err) MUST_CHECK;

void bus_queue_destroy(rd_kafka_queue_t **queue); /* for CLEANUP */
void bus_event_destroy(rd_kafka_event_t **event);

/* ---- Consuming ---- */

struct bus_watch;

struct bus_consumer {
    struct bus_consumer_options options; /* texts and topics in `arena` */
    struct arena arena;
    rd_kafka_t *client;
    rd_kafka_queue_t *queue; /* where messages come */
    struct err failed;       /* sticky */

    /* Without a group: what was started. */
    bool started;
    rd_kafka_topic_t **topics;
    rd_kafka_topic_partition_list_t *partitions;

    /* The batch. */
    rd_kafka_message_t **held;
    size_t held_count, held_capacity, held_bytes;
    struct bus_message *messages;
    struct arena headers;
    rd_kafka_topic_t *last_topic; /* of last_index */
    size_t last_index;

    struct bus_watch *watch;
};

/* Starts a consumer without a group where it is not yet; false while Kafka is away, or where it
 * failed. With `timeout_ms` 0 it never waits for a connection. */
bool bus_consumer_start(struct bus_consumer *consumer, int64_t timeout_ms);

/* Calls `ready` once more: a batch was cut short. */
void bus_watch_again(struct bus_watch *watch);
void bus_watch_free(struct bus_watch *watch);

#endif
