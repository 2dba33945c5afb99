/* The topic of revocations, read from its beginning (it keeps a day) without a group: every process
 * has them all in memory. */
#include <stdlib.h>

#include "auth/auth_internal.h"
#include "base/clock.h"
#include "base/metric.h"
#include "bus/bus.h"
#include "contracts/position.h"
#include "contracts/topics.h"

enum { AT_ONCE = 500, AGAIN_MS = 1000, TELL_AGAIN_MS = 100 };

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

/* What a batch says of grants, until the copies have it. */
struct telling {
    struct feed *feed; /* NULL: closed meanwhile */
    struct loop_timer *again;
    bool sent; /* its answer is still to come */
    int16_t grants[AT_ONCE];
    struct uuid ids[AT_ONCE];
    int64_t epochs[AT_ONCE], revisions[AT_ONCE];
    size_t count;
    LIST_ENTRY(telling) next;
};

struct feed {
    struct loop *loop;
    struct db_async *read;
    struct bus_settings settings;
    struct bus_consumer *consumer; /* NULL: to be opened by the timer */
    struct loop_timer *timer;
    struct revocations *revocations;
    loop_callback *changed;
    void *context;
    struct arena arena;            /* of one batch */
    struct telling *telling;       /* of the batch at hand; NULL: nothing yet */
    LIST_HEAD(, telling) tellings; /* under way */
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

/* ---- The copies are told ---- */

static void telling_add(struct feed *feed, const struct revocation *revocation,
                        const struct bus_message *message)
{
    struct position position;
    struct str places = bus_header_get(message, STR("eiso_position"));
    if (!revocation->grant.kind || !position_parse(str_cut(&places, ' '), &position))
        return;
    if (!feed->telling)
        feed->telling = mem_alloc(sizeof *feed->telling);
    struct telling *telling = feed->telling;
    size_t at = telling->count++;
    telling->grants[at] = (int16_t)revocation->grant.kind;
    telling->ids[at] = revocation->grant.id;
    telling->epochs[at] = position.epoch;
    telling->revisions[at] = revocation->grant.revision;
}

static void telling_free(struct telling *telling)
{
    loop_timer_free(telling->again);
    free(telling);
}

/* What failed is told again: another process of this service may have done it, but who knows. */
static void told(void *context, const struct result *result, enum error code, const struct err *err)
{
    struct telling *telling = context;
    (void)result;
    (void)err;
    telling->sent = false;
    if (code && telling->feed) {
        loop_timer_set(telling->again, TELL_AGAIN_MS);
        return;
    }
    if (telling->feed)
        LIST_REMOVE(telling, next);
    telling_free(telling);
}

static void tell(void *context)
{
    static const struct statement statement = {"copy_withhold",
                                               "select copy_withhold($1, $2, $3, $4)"};
    CLEANUP(arena_done) struct arena arena = {0};
    struct telling *telling = context;
    const struct column columns[] = {
        column_smallints(&arena, telling->grants, telling->count),
        column_uuids(&arena, telling->ids, telling->count),
        column_bigints(&arena, telling->epochs, telling->count),
        column_bigints(&arena, telling->revisions, telling->count),
    };
    struct params params = {0};
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        param_column(&params, &columns[i]);
    telling->sent = true;
    db_async_exec(telling->feed->read, &statement, &params, told, telling);
}

static void tell_copies(struct feed *feed)
{
    struct telling *telling = feed->telling;
    if (!telling)
        return;
    feed->telling = NULL;
    telling->feed = feed;
    telling->again = loop_timer_new(feed->loop, tell, telling);
    LIST_INSERT_HEAD(&feed->tellings, telling, next);
    tell(telling);
}

/* ---- Reading ---- */

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
    telling_add(feed, &revocation, message);
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
    tell_copies(feed);
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
    feed->read = options->read;
    LIST_INIT(&feed->tellings);
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

/* What was sent is freed by its answer. */
static void feed_forget_tellings(struct feed *feed)
{
    struct telling *telling;
    while ((telling = LIST_FIRST(&feed->tellings))) {
        LIST_REMOVE(telling, next);
        telling->feed = NULL;
        if (!telling->sent)
            telling_free(telling);
    }
}

void feed_close(struct feed *feed)
{
    if (!feed)
        return;
    feed_stop(feed);
    feed_forget_tellings(feed);
    loop_timer_free(feed->timer);
    arena_done(&feed->arena);
    free(feed);
}
