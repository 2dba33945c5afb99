/* Ghosts: events of a history that its source has lost. At the place of history.rewound in a
 * partition the partition is read again from where the source's relay stood at the cut, and the
 * decisions are replayed: what was above the running watermark had its effect; what an earlier
 * history.rewound in between took back is not taken back twice (protocol-check.md, W1, W2, E3).
 *
 * Read once to find those in between and whether there is any ghost at all (after a plain restart
 * there is none), and once more to take them back, so that memory holds one read's messages. */
#include "base/log.h"
#include "intake/intake_internal.h"

/* A history.rewound in between. */
struct earlier {
    int64_t offset;
    const struct history_rewound *story;
    const struct earlier *next;
};

struct replay {
    struct intake *intake;
    const struct topic *topic;
    const struct event *rewound;
    const struct history_rewound *story;
    struct position cut;
    int64_t from; /* first offset; up to that of `rewound` */
    struct position running;
    const struct earlier *earlier;
    int64_t candidates;
    bool taking; /* the second time */
    int64_t taken;
    struct event *ghosts; /* of the messages read last */
    size_t ghost_count;
    struct arena life, read;
};

static bool taken_back_before(const struct replay *replay, int64_t offset,
                              const struct position *position)
{
    for (const struct earlier *earlier = replay->earlier; earlier; earlier = earlier->next)
        if (earlier->offset > offset && history_is_ghost(earlier->story, position))
            return true;
    return false;
}

static void add_earlier(struct replay *replay, const struct bus_message *message,
                        const struct event_type *type)
{
    struct earlier *earlier = ARENA_NEW(&replay->life, struct earlier);
    struct str value = str_copy(&replay->life, message->value);
    *earlier = (struct earlier){message->offset, envelope_decode(type, value, &replay->life),
                                replay->earlier};
    if (earlier->story)
        replay->earlier = earlier;
}

static void add_ghost(struct replay *replay, const struct bus_message *message)
{
    struct envelope envelope;
    envelope_read(message, replay->topic, &replay->read, &envelope);
    envelope.event.source = replay->rewound->source;
    replay->ghosts[replay->ghost_count++] = envelope.event;
}

static void replay_message(struct replay *replay, const struct bus_message *message)
{
    struct str source;
    struct position position;
    const struct event_type *type;
    if (!envelope_place(message, &source, &position, &type) ||
        !str_equal(source, replay->rewound->source) ||
        position_compare(&position, &replay->running) <= 0)
        return;
    replay->running = position;
    if (type && type->number == EVENT_HISTORY_REWOUND) {
        if (!replay->taking)
            add_earlier(replay, message, type);
    } else if (history_is_ghost(replay->story, &position)) {
        replay->candidates++;
        if (replay->taking && !taken_back_before(replay, message->offset, &position))
            add_ghost(replay, message);
    }
}

static enum error retract(struct replay *replay, struct err *err)
{
    const struct intake_options *options = replay->intake->options;
    size_t count = replay->ghost_count;
    if (count == 0)
        return ERROR_NONE;
    enum error code =
        quarantine_drop_ghosts(replay->intake, replay->topic, replay->ghosts, &count, err);
    if (code || count == 0)
        return code;
    struct event_batch batch = {
        replay->intake->db, &replay->read, replay->topic, replay->ghosts, count,
        options->context,   NULL};
    replay->taken += (int64_t)count;
    return options->retract(&batch, err);
}

static enum error replay_assigned(void *context, struct bus_assignment *assignments, size_t count,
                                  struct err *err)
{
    (void)err;
    const struct replay *replay = context;
    for (size_t i = 0; i < count; i++)
        assignments[i].next_offset =
            assignments[i].partition == replay->rewound->partition ? replay->from : BUS_NOT_TAKEN;
    return ERROR_NONE;
}

static enum error replay_some(struct replay *replay, struct bus_consumer *consumer, int64_t *next,
                              struct err *err)
{
    const struct intake_options *options = replay->intake->options;
    const struct bus_message *messages;
    size_t count;
    if (*options->stop)
        return err_set(err, ERROR_UNAVAILABLE, "stopped while taking events back");
    enum error code = bus_consume(consumer, 1000, 500, &messages, &count, err);
    if (code)
        return code;
    arena_reset(&replay->read);
    replay->ghosts = ARENA_ARRAY(&replay->read, count, struct event);
    replay->ghost_count = 0;
    for (size_t i = 0; i < count; i++) {
        *next = messages[i].offset + 1;
        if (messages[i].offset < replay->rewound->offset)
            replay_message(replay, &messages[i]);
    }
    if (options->beat)
        options->beat(options->context);
    return retract(replay, err);
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
    replay->running = replay->cut;
    replay->running.index = INT32_MAX;
    enum error code = bus_consumer_open(&consumer, &wanted, err);
    if (code)
        return code;
    for (int64_t next = replay->from; !code && next < replay->rewound->offset;)
        code = replay_some(replay, consumer, &next, err);
    bus_consumer_close(consumer);
    return code;
}

/* Behind the last event at or below the cut; what the topic no longer has cannot be taken back. */
static enum error replay_from(struct replay *replay, struct err *err)
{
    int64_t first, next, wanted = MAX_OF(replay->story->cut_offset, -1) + 1;
    enum error code = bus_offsets(replay->intake->admin, replay->topic->name,
                                  replay->rewound->partition, &first, &next, err);
    if (!code && first > wanted && wanted > 0)
        log_line(LOG_ERROR, "the topic no longer has all that may have to be taken back",
                 LOG_TEXT("topic", replay->topic->name),
                 LOG_NUMBER("partition", replay->rewound->partition), LOG_NUMBER("wanted", wanted),
                 LOG_NUMBER("first", first));
    replay->from = code ? 0 : MAX_OF(first, wanted);
    return code;
}

static enum error replay_twice(struct replay *replay, struct err *err)
{
    enum error code = replay_from(replay, err);
    if (!code && replay->from < replay->rewound->offset)
        code = replay_read(replay, err);
    if (code || replay->candidates == 0)
        return code;
    replay->taking = true;
    return replay_read(replay, err);
}

enum error rewound_take_back(struct intake *intake, size_t topic, const struct event *rewound,
                             int64_t *taken, struct err *err)
{
    struct replay replay = {
        .intake = intake,
        .topic = intake->options->subscriptions.items[topic].topic,
        .rewound = rewound,
        .story = rewound->value,
    };
    if (!position_parse(replay.story->cut, &replay.cut))
        return err_set(err, ERROR_CORRUPT, "history.rewound without a cut");
    enum error code = replay_twice(&replay, err);
    *taken = replay.taken;
    arena_done(&replay.read);
    arena_done(&replay.life);
    return code;
}
