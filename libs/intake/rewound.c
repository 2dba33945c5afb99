/* Ghosts: events of a history that its source has lost. At the place of history.rewound in a
 * partition the partition is read again from where the source's relay stood at the cut, and the
 * decisions are replayed: what was above the running watermark had its effect; what an earlier
 * history.rewound in between took back is not taken back twice (protocol-check.md, W1, W2, E3). */
#include "intake/intake_internal.h"

struct replay {
    struct intake *intake;
    const struct topic *topic;
    int32_t partition;
    int64_t from, to; /* offsets: from inclusive, to exclusive */
    struct str source;
    struct position running;
    struct event *events; /* had their effect, not taken back so far */
    size_t count, capacity;
};

static bool among_survivors(const struct history_rewound *rewound, const struct position *position)
{
    const struct survivors *runs = rewound->survivors.items;
    for (size_t i = 0; i < rewound->survivors.count; i++)
        if (runs[i].epoch == position->epoch && runs[i].from_xid <= position->xid &&
            position->xid <= runs[i].to_xid)
            return true;
    return false;
}

/* Whether this part of a history.rewound takes the event back. */
static bool is_ghost(const struct history_rewound *rewound, const struct position *position)
{
    struct position cut = {0}, from = {0}, to = {INT64_MAX, 0, 0, 0};
    position_parse(rewound->cut, &cut);
    position_parse(rewound->from, &from);
    position_parse(rewound->to, &to);
    cut.index = from.index = INT32_MAX; /* they name whole rows */
    to.index = INT32_MAX;
    return position->epoch < rewound->epoch && position_compare(position, &cut) > 0 &&
           position_compare(position, &from) > 0 && position_compare(position, &to) <= 0 &&
           !among_survivors(rewound, position);
}

/* Splits the events into ghosts, which are given back, and the rest, which stays. */
static size_t take_ghosts(struct replay *replay, const struct history_rewound *rewound,
                          struct event *ghosts)
{
    size_t kept = 0, taken = 0;
    for (size_t i = 0; i < replay->count; i++) {
        if (!is_ghost(rewound, &replay->events[i].position))
            replay->events[kept++] = replay->events[i];
        else if (ghosts)
            ghosts[taken++] = replay->events[i];
    }
    replay->count = kept;
    return taken;
}

static void replay_add(struct replay *replay, const struct event *event)
{
    if (replay->count == replay->capacity) {
        size_t capacity = MAX_OF((size_t)256, replay->capacity * 2);
        struct event *grown = ARENA_ARRAY(&replay->intake->batch, capacity, struct event);
        for (size_t i = 0; i < replay->count; i++)
            grown[i] = replay->events[i];
        replay->events = grown;
        replay->capacity = capacity;
    }
    replay->events[replay->count++] = *event;
}

static void replay_message(struct replay *replay, const struct bus_message *message)
{
    struct arena *arena = &replay->intake->batch;
    struct bus_message copy = *message; /* the batch must outlive the next poll */
    copy.key = str_copy(arena, message->key);
    copy.value = str_copy(arena, message->value);
    struct envelope envelope;
    envelope_read(&copy, replay->topic, arena, &envelope);
    struct event *event = &envelope.event;
    if (!str_equal(event->source, replay->source) ||
        position_compare(&event->position, &replay->running) <= 0)
        return;
    event->source = replay->source;
    replay->running = event->position;
    if (event->type && event->type->number == EVENT_HISTORY_REWOUND && event->value)
        take_ghosts(replay, event->value, NULL);
    else if (!envelope.reason)
        replay_add(replay, event);
}

static enum error replay_assigned(void *context, struct bus_assignment *assignments, size_t count,
                                  struct err *err)
{
    (void)err;
    const struct replay *replay = context;
    for (size_t i = 0; i < count; i++)
        assignments[i].next_offset =
            assignments[i].partition == replay->partition ? replay->from : BUS_NOT_TAKEN;
    return ERROR_NONE;
}

static enum error replay_read(struct replay *replay, struct err *err)
{
    const struct intake_options *options = replay->intake->options;
    struct bus_consumer *consumer;
    struct bus_consumer_options wanted = {
        .settings = {options->brokers, options->kafka_config, options->client_id},
        .topics = &replay->topic->name,
        .topic_count = 1,
        .assigned = replay_assigned,
        .context = replay,
    };
    enum error code = bus_consumer_open(&consumer, &wanted, err);
    if (code)
        return code;
    for (int64_t next = replay->from; !code && next < replay->to && !*options->stop;) {
        const struct bus_message *messages;
        size_t count;
        code = bus_consume(consumer, 1000, 500, &messages, &count, err);
        for (size_t i = 0; !code && i < count; i++) {
            if (messages[i].partition != replay->partition)
                continue;
            next = messages[i].offset + 1;
            if (messages[i].offset < replay->to)
                replay_message(replay, &messages[i]);
        }
    }
    bus_consumer_close(consumer);
    return code;
}

enum error rewound_ghosts(struct intake *intake, size_t topic, const struct event *rewound,
                          const struct event **ghosts, size_t *count, struct err *err)
{
    const struct history_rewound *story = rewound->value;
    struct replay replay = {
        .intake = intake,
        .topic = intake->options->subscriptions.items[topic].topic,
        .partition = rewound->partition,
        .from = story->cut_offset < 0 ? 0 : story->cut_offset + 1,
        .to = rewound->offset,
        .source = rewound->source,
    };
    *count = 0;
    if (!position_parse(story->cut, &replay.running))
        return err_set(err, ERROR_CORRUPT, "history.rewound without a cut");
    replay.running.index = INT32_MAX;
    if (replay.from >= replay.to)
        return ERROR_NONE;
    enum error code = replay_read(&replay, err);
    if (code)
        return code;
    struct event *found = ARENA_ARRAY(&intake->batch, replay.count, struct event);
    *count = take_ghosts(&replay, story, found);
    *ghosts = found;
    return ERROR_NONE;
}
