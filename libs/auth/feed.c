/* The topic of revocations, read from its beginning (it keeps a day) without a group: every process
 * has them all in memory. */
#include <stdlib.h>

#include "auth/auth_internal.h"
#include "base/clock.h"
#include "base/metric.h"
#include "bus/bus.h"
#include "contracts/topics.h"

enum { AT_ONCE = 500, AGAIN_MS = 1000 };

static struct metric revocations_total = {
    .name = "eiso_revocations_total",
    .help = "Revocations read from their topic since the start.",
    .type = METRIC_COUNTER,
};
static struct metric revocations_corrupt = {
    .name = "eiso_revocations_corrupt_total",
    .help = "Events on the topic of revocations that could not be read: look at the topic.",
    .type = METRIC_COUNTER,
};
static struct metric revocations_connected = {
    .name = "eiso_revocations_connected",
    .help = "1 while the topic of revocations is followed.",
    .type = METRIC_GAUGE,
};

struct feed {
    struct loop *loop;
    struct bus_settings settings;
    struct bus_consumer *consumer; /* NULL: to be opened by the timer */
    struct loop_timer *timer;
    struct revocations *revocations;
    loop_callback *changed;
    void *context;
    struct arena arena; /* of one batch */
};

static enum error from_beginning(void *context, struct bus_assignment *assignments, size_t count,
                                 struct err *err)
{
    (void)context;
    (void)err;
    for (size_t i = 0; i < count; i++)
        assignments[i].next_offset = BUS_FROM_BEGINNING;
    return ERROR_NONE;
}

static void note(struct feed *feed, const struct bus_message *message, int64_t now_us)
{
    const struct event_type *type = event_type_get(EVENT_ACCESS_REVOKED);
    if (!str_equal(bus_header_get(message, STR("ce_type")), str_from(type->name)))
        return; /* history.rewound: what was revoked stays so */
    struct revocation revocation = {0};
    if (record_decode_value(type->record, message->value, &feed->arena, &revocation, NULL)) {
        metric_add(&revocations_corrupt, 1);
        return;
    }
    metric_add(&revocations_total, 1);
    revocations_note(feed->revocations, &revocation, now_us);
}

static enum error take(struct feed *feed, size_t *count)
{
    const struct bus_message *messages;
    enum error code = bus_consume(feed->consumer, AT_ONCE, 0, &messages, count, NULL);
    if (code)
        return code;
    int64_t now_us = clock_monotonic();
    for (size_t i = 0; i < *count; i++)
        note(feed, &messages[i], now_us);
    arena_reset(&feed->arena);
    if (*count)
        feed->changed(feed->context);
    return ERROR_NONE;
}

/* What goes wrong heals by beginning anew: an offset that the topic no longer has, above all. */
static void ready(void *context)
{
    struct feed *feed = context;
    size_t count = 0;
    enum error code;
    do {
        code = take(feed, &count);
    } while (!code && count);
    if (code)
        loop_timer_set(feed->timer, AGAIN_MS);
}

static enum error follow(struct feed *feed)
{
    static const char *topic;
    topic = topic_revocations.name;
    struct bus_consumer_options options = {
        .settings = feed->settings,
        .topics = &topic,
        .topic_count = 1,
        .assigned = from_beginning,
    };
    enum error code = bus_consumer_open(&feed->consumer, &options, NULL);
    if (!code)
        code = bus_consumer_watch(feed->consumer, feed->loop, ready, feed, NULL);
    return code;
}

static void feed_stop(struct feed *feed)
{
    if (feed->consumer)
        bus_consumer_close(feed->consumer);
    feed->consumer = NULL;
    metric_set(&revocations_connected, 0);
}

static void feed_start(void *context)
{
    struct feed *feed = context;
    feed_stop(feed);
    if (follow(feed))
        loop_timer_set(feed->timer, AGAIN_MS);
    else
        metric_set(&revocations_connected, 1);
}

struct feed *feed_open(const struct auth_options *options, struct revocations *revocations,
                       loop_callback *changed, void *context)
{
    metric_register(&revocations_total);
    metric_register(&revocations_corrupt);
    metric_register(&revocations_connected);
    struct feed *feed = mem_alloc(sizeof *feed);
    feed->loop = options->loop;
    feed->settings = (struct bus_settings){
        .brokers = options->brokers,
        .config_file = options->kafka_config,
        .client_id = options->client_id,
    };
    feed->timer = loop_timer_new(options->loop, feed_start, feed);
    feed->revocations = revocations;
    feed->changed = changed;
    feed->context = context;
    feed_start(feed);
    return feed;
}

void feed_close(struct feed *feed)
{
    if (!feed)
        return;
    feed_stop(feed);
    loop_timer_free(feed->timer);
    arena_done(&feed->arena);
    free(feed);
}
