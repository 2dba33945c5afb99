/* Kafka for straight-line code: a producer whose messages are acknowledged in order and without
 * gaps, a consumer that takes batches, and what an installation needs of administration. Hides
 * librdkafka (2.0.2 and later).
 *
 * Settings come from a librdkafka properties file (name=value lines: SASL, TLS); those that the
 * promise rests on are set here and cannot be overridden (design.md, "Relay" and "Apply"). */
#ifndef BUS_BUS_H
#define BUS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

struct bus_settings {
    const char *brokers;     /* bootstrap servers */
    const char *config_file; /* NULL or "": none */
    const char *client_id;   /* "<service>-<role>-<slot>" */
    int64_t timeout_ms;      /* of one administrative request; 0: 10 s */
};

struct bus_header {
    struct str name, value;
};

/* ---- Producing (role relay) ---- */

struct bus_producer;

/* What has become of the messages so far. */
struct bus_progress {
    uint64_t produced;     /* handed over */
    uint64_t acknowledged; /* of those, in order from the first: all are on the topic */
};

/* Called from bus_producer_poll and bus_produce, in the caller's thread, for each acknowledged
 * message in its partition's order. `number` is the message's. */
typedef void bus_acknowledged(void *context, uint64_t number, const char *topic, int32_t partition,
                              int64_t offset);

struct bus_producer_options {
    struct bus_settings settings;
    bus_acknowledged *acknowledged; /* may be NULL */
    void *context;
};

/* Idempotent, gapless, acks=all, no message timeout, lz4, murmur2_random, linger 5 ms. Does not
 * wait for the broker. */
enum error bus_producer_open(struct bus_producer **producer,
                             const struct bus_producer_options *options,
                             struct err *err) MUST_CHECK;

/* Drops what is not acknowledged; never flushes. NULL is fine. */
void bus_producer_close(struct bus_producer *producer);

/* Hands one message over; its number is progress.produced before the call. partition -1: by the
 * key. Key, value and headers are copied. Waits (and polls) up to 200 ms while the queue is full,
 * 100,000 messages or 64 MiB, then ERROR_BUSY: nothing was taken, renew your lease and call again.
 * ERROR_FENCED after the first delivery error, fatal or not: the process must end without another
 * word. */
struct bus_message_out {
    const char *topic;
    int32_t partition;
    struct str key, value; /* absent value: tombstone */
    const struct bus_header *headers;
    size_t header_count;
};
enum error bus_produce(struct bus_producer *producer, const struct bus_message_out *message,
                       struct err *err) MUST_CHECK;

/* Serves deliveries; waits for a first one up to `timeout_ms`. ERROR_FENCED as above. */
enum error bus_producer_poll(struct bus_producer *producer, int64_t timeout_ms,
                             struct err *err) MUST_CHECK;
struct bus_progress bus_producer_progress(const struct bus_producer *producer);

/* Counts broker connections that were lost: a change means "compare the topics with what was
 * acknowledged". */
uint64_t bus_producer_disconnects(const struct bus_producer *producer);

/* The partition that murmur2_random gives a key (present keys are never random). */
int32_t bus_partition(struct str key, int32_t partitions);

/* ---- Consuming (role apply) ---- */

struct bus_consumer;

/* A message of a batch; everything borrowed until the next bus_consume. */
struct bus_message {
    size_t topic; /* index in the options' topics */
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;  /* LogAppendTime */
    struct str key, value; /* absent value: tombstone */
    struct bus_header *headers;
    size_t header_count;
};

/* One partition that was assigned, to be filled with where to begin. */
struct bus_assignment {
    size_t topic;
    int32_t partition;
    int64_t next_offset; /* in: -1; out: an offset, BUS_FROM_BEGINNING or BUS_NOT_TAKEN */
};
enum {
    BUS_FROM_BEGINNING = -2,
    BUS_NOT_TAKEN = -3 /* this partition is left alone */
};

/* Called from bus_consume when the group hands out partitions (all that this member has, maybe
 * none): fills each next_offset (from PostgreSQL). An error makes this and every later bus_consume
 * fail with it: nothing would be consumed any more. `revoked` is called before they are taken away;
 * messages that bus_consume had gathered by then are dropped, whoever gets the partitions reads
 * them again. */
typedef enum error bus_assigned(void *context, struct bus_assignment *assignments, size_t count,
                                struct err *err);
typedef void bus_revoked(void *context);

struct bus_consumer_options {
    struct bus_settings settings;
    const char *const *topics;
    size_t topic_count;
    const char *group;    /* NULL: alone, all partitions (revocations, replays) */
    const char *instance; /* group.instance.id; NULL: none */
    bus_assigned *assigned;
    bus_revoked *revoked; /* may be NULL */
    void *context;
};

/* Eager range assignor, static membership, session.timeout 6 s, auto.offset.reset=error,
 * check.crcs, no automatic commit, offsets assigned and never sought or paused. Read-committed does
 * not matter: we write no transactions. Does not wait for the broker; bus_consume gives no messages
 * until it is there. Names and topics are copied. */
enum error bus_consumer_open(struct bus_consumer **consumer,
                             const struct bus_consumer_options *options,
                             struct err *err) MUST_CHECK;

/* NULL is fine. A static member does not leave its group: its partitions wait for it (6 s). One
 * without an instance leaves, which takes up to 5 s where the broker does not answer. */
void bus_consumer_close(struct bus_consumer *consumer);

/* Waits up to `timeout_ms` for a first message, then takes what is there without waiting, at most
 * `most` messages and about 4 MiB. `*count` 0 is no error, nor is a broker that is away. Errors are
 * for good: ERROR_FENCED, an offset that is not on the topic, or another process has our instance's
 * name; ERROR_FORBIDDEN; ERROR_CORRUPT, a broken message; what `assigned` returned. */
enum error bus_consume(struct bus_consumer *consumer, size_t most, int64_t timeout_ms,
                       const struct bus_message **messages, size_t *count,
                       struct err *err) MUST_CHECK;

/* Tells the group how far we are, for lag tools only; never waited for. Next offsets. */
void bus_commit_hint(struct bus_consumer *consumer, const struct bus_assignment *positions,
                     size_t count);

/* The offset behind the last message of a partition, as its broker's last answer had it: half a
 * second old at most while it is there. Makes no request. Below 0: not known yet. `topic` as in
 * the options. */
int64_t bus_consumer_end(const struct bus_consumer *consumer, size_t topic, int32_t partition);

/* A header's value; absent where there is none. */
struct str bus_header_get(const struct bus_message *message, struct str name);

/* A consumer without a group on the event loop: calls `ready` when bus_consume(..., 0, ...) may
 * have something, again as long as it has more, and starts it once the broker is there (looks each
 * 500 ms). bus_consume with a timeout of 0 never waits for a connection, and at most 50 ms for a
 * connected broker to name the partitions. Until bus_consumer_close. */
struct loop;
enum error bus_consumer_watch(struct bus_consumer *consumer, struct loop *loop,
                              void (*ready)(void *context), void *context,
                              struct err *err) MUST_CHECK;

/* ---- Administration ---- */

struct bus_admin;
enum error bus_admin_open(struct bus_admin **admin, const struct bus_settings *settings,
                          struct err *err) MUST_CHECK;
void bus_admin_close(struct bus_admin *admin);

struct bus_topic_config {
    const char *name, *value;
};
struct bus_topic {
    const char *name;
    int32_t partitions;
    int16_t replication; /* 0: the broker's default */
    const struct bus_topic_config *config;
    size_t config_count;
};
/* Topics that are there already are left as they are; returns when the new ones can be used. */
enum error bus_admin_create_topics(struct bus_admin *admin, const struct bus_topic *topics,
                                   size_t count, struct err *err) MUST_CHECK;
/* Topics that are not there are no error. */
enum error bus_admin_delete_topics(struct bus_admin *admin, const char *const *names, size_t count,
                                   struct err *err) MUST_CHECK;

struct bus_acl {
    const char *principal; /* "grades-relay" */
    const char *resource;  /* "topic" or "group" */
    const char *name;
    bool prefixed;         /* name is a prefix */
    const char *operation; /* "read", "write", "describe" */
};
struct bus_acl_changes {
    size_t made, taken_away;
};

/* Makes the rights of every principal that occurs in `acls` exactly these: what else such a
 * principal had is taken away, behind the new ones. Other principals keep theirs. Rights hold from
 * any host. */
enum error bus_admin_set_acls(struct bus_admin *admin, const struct bus_acl *acls, size_t count,
                              struct bus_acl_changes *changes, struct err *err) MUST_CHECK;

/* Number of partitions; ERROR_NOT_FOUND where there is no such topic. */
enum error bus_partitions(struct bus_admin *admin, const char *topic, int32_t *partitions,
                          struct err *err) MUST_CHECK;

/* First offset kept and next offset to be written. */
enum error bus_offsets(struct bus_admin *admin, const char *topic, int32_t partition,
                       int64_t *first, int64_t *next, struct err *err) MUST_CHECK;

#endif
