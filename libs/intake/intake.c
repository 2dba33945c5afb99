#include "intake/intake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metric.h"
#include "intake/intake_internal.h"
#include "loop/loop.h"

enum {
    BATCH_MESSAGES = 4000,
    REST_MOST_MS = 20,
    WAIT_MS = 250,
    CHECK_EVERY_US = 2000000, /* while idle: is this database still the one we wrote? */
    SERIALIZE_TRIES = 3,
    ADMIN_WAIT_MS = 500
};

static struct metric metric_applied = {
    .name = "eiso_applied_total", .help = "Events that had their effect.", .type = METRIC_COUNTER};
static struct metric metric_skipped = {.name = "eiso_skipped_total",
                                       .help = "Events at or below the watermark: sent again.",
                                       .type = METRIC_COUNTER};
static struct metric metric_ghosts = {
    .name = "eiso_ghosts_total",
    .help = "Events taken back because their source's history was rewound.",
    .type = METRIC_COUNTER};
static struct metric metric_age = {.name = "eiso_last_event_age_seconds",
                                   .help = "Age of the event applied last, when it was applied.",
                                   .type = METRIC_GAUGE,
                                   .scale = 1e-6};

struct lane *intake_lane(struct intake *intake, size_t topic, int32_t partition)
{
    ensure(partition >= 0 && partition < intake->partitions);
    return &intake->lanes[topic * (size_t)intake->partitions + (size_t)partition];
}

struct watermark *lane_mark(struct intake *intake, struct lane *lane, struct str source)
{
    for (size_t i = 0; i < lane->mark_count; i++)
        if (str_equal(lane->marks[i].source, source))
            return &lane->marks[i];
    struct watermark *grown =
        ARENA_ARRAY(&intake->assigned, lane->mark_count + 1, struct watermark);
    for (size_t i = 0; i < lane->mark_count; i++)
        grown[i] = lane->marks[i];
    lane->marks = grown;
    struct watermark *mark = &lane->marks[lane->mark_count++];
    mark->source = str_copy(&intake->assigned, source);
    return mark;
}

/* ---- Handing over ---- */

static enum error hand_over_topic(struct intake *intake, size_t topic, struct err *err)
{
    struct event *events = ARENA_ARRAY(&intake->batch, intake->pending_count, struct event);
    size_t count = 0;
    for (size_t i = 0; i < intake->pending_count; i++)
        if (intake->pending_topic[i] == topic)
            events[count++] = intake->pending[i];
    if (count == 0)
        return ERROR_NONE;
    const struct subscription *subscription = &intake->options->subscriptions.items[topic];
    struct event_batch batch = {intake->db, &intake->batch, subscription->topic,
                                events,     count,          intake->options->context,
                                intake};
    enum error code = subscription->handler(&batch, err);
    if (code)
        return err_prefix(err, "%s", subscription->topic->name);
    intake->applied += (int64_t)count;
    metric_set(&metric_age, clock_now() - events[count - 1].time.us);
    return ERROR_NONE;
}

static enum error hand_over(struct intake *intake, struct err *err)
{
    enum error code = ERROR_NONE;
    for (size_t topic = 0; !code && topic < intake->options->subscriptions.count; topic++)
        code = hand_over_topic(intake, topic, err);
    intake->pending_count = 0;
    return code;
}

/* What came before it has its effect first; then its ghosts lose theirs. A copy of a state topic
 * cannot take back: what was before is not on the topic (README). */
static enum error take_back(struct intake *intake, size_t topic_index, const struct event *rewound,
                            struct err *err)
{
    const struct topic *topic = intake->options->subscriptions.items[topic_index].topic;
    enum error code = hand_over(intake, err);
    if (code || topic->cleanup != TOPIC_FACTS || !intake->options->retract)
        return code;
    int64_t count = 0;
    code = rewound_take_back(intake, topic_index, rewound, &count, err);
    if (code || count == 0)
        return code;
    log_line(LOG_WARNING, "history was rewound: events were taken back",
             LOG_STR("source", rewound->source), LOG_TEXT("topic", topic->name),
             LOG_NUMBER("partition", rewound->partition), LOG_NUMBER("events", count));
    metric_add(&metric_ghosts, count);
    return ERROR_NONE;
}

/* ---- One message ---- */

static enum error check_predecessor(struct intake *intake, const struct envelope *envelope,
                                    const struct topic *topic, const struct watermark *mark,
                                    bool contiguous, struct err *err)
{
    if (position_is_zero(&mark->position) ||
        position_compare(&envelope->predecessor, &mark->position) <= 0)
        return ERROR_NONE;
    if (topic->cleanup == TOPIC_STATE && !contiguous)
        return ERROR_NONE; /* compaction took what was between */
    char wanted[POSITION_TEXT_LEN + 1], have[POSITION_TEXT_LEN + 1];
    position_format(&mark->position, have);
    intake->missing = (struct missing){true, topic->name, envelope->event.partition, ""};
    snprintf(intake->missing.behind, sizeof intake->missing.behind, "%.*s %s",
             STR_ARG(mark->source), have);
    return err_set(err, ERROR_CORRUPT,
                   "%s[%d]@%lld follows %s, seen up to %s: something is missing", topic->name,
                   envelope->event.partition, (long long)envelope->event.offset,
                   position_format(&envelope->predecessor, wanted), have);
}

/* Behind whom it waits; absent: nobody. Behind its own subject first: what waits for one subject is
 * released together, in order. */
static struct str waits_for(const struct intake *intake, const struct topic *topic,
                            const struct event *event, char text[UUID_TEXT_LEN + 1])
{
    struct str subject = event_subject(event, text);
    if (quarantine_holds(intake, topic, subject))
        return subject;
    return quarantine_holds(intake, topic, event->key) ? event->key : (struct str){0};
}

static enum error hold(struct intake *intake, const struct topic *topic, const struct event *event,
                       const char *reason, struct err *err)
{
    char text[UUID_TEXT_LEN + 1];
    log_line(LOG_ERROR, "event goes to quarantine", LOG_TEXT("topic", topic->name),
             LOG_NUMBER("partition", event->partition), LOG_NUMBER("offset", event->offset),
             LOG_TEXT("reason", reason));
    return quarantine_add(intake, topic, event, event_subject(event, text), reason, err);
}

/* Why a handler would not have this event, in an earlier run of this batch. */
static const char *refusal_of(const struct intake *intake, const struct topic *topic,
                              const struct event *event)
{
    for (size_t i = 0; i < intake->refused_count; i++)
        if (intake->refused[i].offset == event->offset &&
            intake->refused[i].partition == event->partition && intake->refused[i].topic == topic)
            return intake->refused[i].reason;
    return NULL;
}

enum error intake_hold(struct event_batch *batch, const struct event *event, const char *reason,
                       struct err *err)
{
    struct intake *intake = batch->intake;
    if (!intake)
        return err_set(err, ERROR_CONFLICT, "cannot be applied: %s", reason);
    if (refusal_of(intake, batch->topic, event))
        return ERROR_NONE;
    if (intake->refused_count == intake->refused_capacity) {
        size_t capacity = MAX_OF((size_t)64, intake->refused_capacity * 2);
        struct refusal *grown = ARENA_ARRAY(&intake->refusals, capacity, struct refusal);
        for (size_t i = 0; i < intake->refused_count; i++)
            grown[i] = intake->refused[i];
        intake->refused = grown;
        intake->refused_capacity = capacity;
    }
    intake->refused[intake->refused_count++] =
        (struct refusal){batch->topic, event->partition, event->offset,
                         arena_printf(&intake->refusals, "%s", reason)};
    return ERROR_NONE;
}

/* A new event whose place is known. */
static enum error take_event(struct intake *intake, size_t topic_index,
                             const struct envelope *envelope, struct err *err)
{
    const struct topic *topic = intake->options->subscriptions.items[topic_index].topic;
    const struct event *event = &envelope->event;
    bool rewound = event->type && event->type->number == EVENT_HISTORY_REWOUND;
    if (rewound && envelope->reason)
        return err_set(err, ERROR_CORRUPT, "%s[%d]@%lld: history.rewound: %s", topic->name,
                       event->partition, (long long)event->offset, envelope->reason);
    if (rewound)
        return take_back(intake, topic_index, event, err);
    const char *reason = envelope->reason ? envelope->reason : refusal_of(intake, topic, event);
    if (reason)
        return hold(intake, topic, event, reason, err);
    char text[UUID_TEXT_LEN + 1];
    struct str first = waits_for(intake, topic, event, text);
    if (str_present(first))
        return quarantine_add(intake, topic, event, first, "waits behind another", err);
    intake->pending_topic[intake->pending_count] = topic_index;
    intake->pending[intake->pending_count++] = *event;
    return ERROR_NONE;
}

static enum error take_message(struct intake *intake, const struct bus_message *message,
                               struct err *err)
{
    const struct topic *topic = intake->options->subscriptions.items[message->topic].topic;
    struct lane *lane = intake_lane(intake, message->topic, message->partition);
    bool contiguous = message->offset == lane->next_offset;
    lane->moved = true;
    lane->next_offset = message->offset + 1;
    struct envelope envelope;
    envelope_read(message, topic, &intake->batch, &envelope);
    struct event *event = &envelope.event;
    if (!str_present(event->source) || position_is_zero(&event->position))
        return hold(intake, topic, event, envelope.reason ? envelope.reason : "no position", err);
    struct watermark *mark = lane_mark(intake, lane, event->source);
    event->source = mark->source;
    if (position_compare(&event->position, &mark->position) <= 0) {
        metric_add(&metric_skipped, 1);
        return ERROR_NONE;
    }
    enum error code = check_predecessor(intake, &envelope, topic, mark, contiguous, err);
    if (code)
        return code;
    mark->position = event->position;
    return take_event(intake, message->topic, &envelope, err);
}

/* ---- One batch ---- */

/* Lanes are changed in memory while the batch is worked on; a batch that is rolled back puts them
 * back. */
struct saved_lane {
    struct lane *lane;
    int64_t next_offset;
    struct watermark *marks;
    size_t mark_count;
};

static struct saved_lane *save_lanes(struct intake *intake)
{
    size_t count = intake->options->subscriptions.count * (size_t)intake->partitions;
    struct saved_lane *saved = ARENA_ARRAY(&intake->batch, count, struct saved_lane);
    for (size_t i = 0; i < count; i++) {
        struct lane *lane = &intake->lanes[i];
        lane->moved = false;
        lane->began_offset = lane->next_offset;
        struct watermark *marks = ARENA_ARRAY(&intake->batch, lane->mark_count, struct watermark);
        if (lane->mark_count)
            memcpy(marks, lane->marks, lane->mark_count * sizeof *marks);
        saved[i] = (struct saved_lane){lane, lane->next_offset, marks, lane->mark_count};
    }
    return saved;
}

static void restore_lanes(struct intake *intake, const struct saved_lane *saved)
{
    size_t count = intake->options->subscriptions.count * (size_t)intake->partitions;
    for (size_t i = 0; i < count; i++) {
        struct lane *lane = saved[i].lane;
        lane->next_offset = saved[i].next_offset;
        for (size_t m = 0; m < lane->mark_count; m++)
            lane->marks[m].position =
                m < saved[i].mark_count ? saved[i].marks[m].position : (struct position){0};
    }
}

/* The offsets that this batch ends at, before anything is applied: their compare-and-move is also
 * the lock. */
static void foresee_offsets(struct intake *intake, const struct bus_message *messages, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct lane *lane = intake_lane(intake, messages[i].topic, messages[i].partition);
        ensure(lane->assigned);
        lane->moved = true;
        lane->next_offset = messages[i].offset + 1;
    }
}

/* Everything of the batch: what is new has its effect, in order. */
static enum error take_all(struct intake *intake, const struct bus_message *messages, size_t count,
                           struct err *err)
{
    size_t refused = intake->refused_count;
    enum error code = quarantine_load(intake, err);
    for (size_t i = 0; !code && i < count; i++)
        code = take_message(intake, &messages[i], err);
    if (!code)
        code = hand_over(intake, err);
    if (!code && intake->refused_count > refused)
        return err_set(err, ERROR_SERIALIZE, "again without what a handler refused");
    return code ? code : watermarks_save(intake, err);
}

static enum error apply_transaction(struct intake *intake, const struct bus_message *messages,
                                    size_t count, struct err *err)
{
    struct saved_lane *saved = save_lanes(intake);
    foresee_offsets(intake, messages, count);
    enum error code = db_begin(intake->db, err);
    if (!code)
        code = offsets_move(intake, err);
    restore_lanes(intake, saved);
    FAULT("apply_began");
    if (!code)
        code = take_all(intake, messages, count, err);
    FAULT("apply_before_commit");
    if (!code)
        code = db_commit(intake->db, err);
    FAULT("apply_committed");
    if (code) {
        db_rollback(intake->db);
        restore_lanes(intake, saved);
        intake->pending_count = 0;
    }
    return code;
}

static void tell_others(struct intake *intake, const struct bus_message *messages, size_t count)
{
    const char *const *paths = intake->options->poke_paths;
    for (size_t i = 0; paths && paths[i]; i++)
        poke_send(paths[i]);
    struct bus_assignment *hints = ARENA_ARRAY(&intake->batch, count, struct bus_assignment);
    size_t hint_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct lane *lane = intake_lane(intake, messages[i].topic, messages[i].partition);
        if (lane->next_offset == messages[i].offset + 1)
            hints[hint_count++] = (struct bus_assignment){messages[i].topic, messages[i].partition,
                                                          lane->next_offset};
    }
    bus_commit_hint(intake->consumer, hints, hint_count);
}

/* Without a connection this process ends: the next one finds in the database whether its last
 * commit was one. */
enum error intake_apply(struct intake *intake, const struct bus_message *messages, size_t count,
                        struct err *err)
{
    enum error code = ERROR_SERIALIZE;
    arena_reset(&intake->refusals);
    intake->refused_count = intake->refused_capacity = 0;
    for (int attempt = 0; code == ERROR_SERIALIZE && attempt < SERIALIZE_TRIES; attempt++) {
        size_t refused = intake->refused_count;
        arena_reset(&intake->batch);
        intake->pending = ARENA_ARRAY(&intake->batch, count, struct event);
        intake->pending_topic = ARENA_ARRAY(&intake->batch, count, size_t);
        intake->held_now = ARENA_ARRAY(&intake->batch, count, struct held);
        intake->pending_count = intake->held_now_count = 0;
        intake->applied = 0;
        code = apply_transaction(intake, messages, count, err);
        if (intake->refused_count > refused)
            attempt = -1; /* fewer events are left each time */
    }
    if (code == ERROR_CORRUPT && intake->missing.found)
        code = offsets_look_back(intake, err);
    if (code)
        return code;
    metric_add(&metric_applied, intake->applied);
    tell_others(intake, messages, count);
    return ERROR_NONE;
}

/* ---- Beginning and the loop ---- */

static enum error partitions_assigned(void *context, struct bus_assignment *assignments,
                                      size_t count, struct err *err)
{
    struct intake *intake = context;
    arena_reset(&intake->batch);
    log_line(LOG_INFO, "partitions assigned", LOG_NUMBER("count", (int64_t)count));
    return offsets_load(intake, assignments, count, err);
}

static void partitions_revoked(void *context)
{
    struct intake *intake = context;
    size_t count = intake->options->subscriptions.count * (size_t)intake->partitions;
    for (size_t i = 0; i < count; i++)
        intake->lanes[i].assigned = false;
}

/* The most partitions of any topic; waits for Kafka and the topics. */
static enum error count_partitions(struct intake *intake, struct err *err)
{
    const struct intake_options *options = intake->options;
    struct bus_settings settings = {options->brokers, options->kafka_config, options->client_id,
                                    ADMIN_WAIT_MS};
    enum error code = bus_admin_open(&intake->admin, &settings, err);
    bool told = false;
    for (size_t i = 0; !code && i < options->subscriptions.count;) {
        int32_t partitions;
        code = bus_partitions(intake->admin, intake->topics[i], &partitions, err);
        if (code == ERROR_UNAVAILABLE || code == ERROR_NOT_FOUND) {
            if (!told)
                log_error("waiting for Kafka and the topics", err);
            told = true;
            if (*options->stop)
                return err_set(err, ERROR_UNAVAILABLE, "stopped while waiting for Kafka");
            if (options->beat)
                options->beat(options->context);
            clock_sleep_ms(500);
            code = ERROR_NONE;
            continue;
        }
        intake->partitions = code ? 0 : MAX_OF(intake->partitions, partitions);
        i++;
    }
    return code;
}

static enum error open_consumer(struct intake *intake, struct err *err)
{
    const struct intake_options *options = intake->options;
    struct bus_consumer_options consumer = {
        .settings = {options->brokers, options->kafka_config, options->client_id},
        .topics = intake->topics,
        .topic_count = options->subscriptions.count,
        .group = arena_printf(&intake->life, "eiso.%s.apply", options->service),
        .instance = arena_printf(&intake->life, "%s-apply-%d", options->service, options->slot),
        .assigned = partitions_assigned,
        .revoked = partitions_revoked,
        .context = intake,
    };
    return bus_consumer_open(&intake->consumer, &consumer, err);
}

enum error intake_meet(struct intake *intake, struct err *err)
{
    const struct intake_options *options = intake->options;
    intake->topics = ARENA_ARRAY(&intake->life, options->subscriptions.count, const char *);
    for (size_t i = 0; i < options->subscriptions.count; i++)
        intake->topics[i] = options->subscriptions.items[i].topic->name;
    enum error code = count_partitions(intake, err);
    if (code)
        return code;
    intake->lanes = ARENA_ARRAY(
        &intake->life, options->subscriptions.count * (size_t)intake->partitions, struct lane);
    return quarantine_load(intake, err);
}

static enum error intake_begin(struct intake *intake, struct err *err)
{
    const struct intake_options *options = intake->options;
    enum error code = db_open_wait(&intake->db, options->conninfo, options->stop, err);
    if (!code && options->opened)
        code = options->opened(intake->db, options->context, err);
    if (!code)
        code = intake_meet(intake, err);
    return code ? code : open_consumer(intake, err);
}

/* Behind a batch that left nothing behind. */
static void intake_rest(const struct intake *intake, int64_t began_us)
{
    if (intake->options->rest_ms)
        clock_sleep_ms(intake->options->rest_ms);
    else
        clock_rest(began_us, REST_MOST_MS);
}

static enum error intake_loop(struct intake *intake, struct err *err)
{
    int64_t checked_us = clock_monotonic(), began_us;
    while (!*intake->options->stop) {
        const struct bus_message *messages;
        size_t count;
        enum error code =
            bus_consume(intake->consumer, BATCH_MESSAGES, WAIT_MS, &messages, &count, err);
        began_us = clock_monotonic();
        if (code == ERROR_FENCED)
            code = offsets_look_at_ends(intake, err);
        if (!code && count)
            code = intake_apply(intake, messages, count, err);
        else if (!code && clock_monotonic() - checked_us > CHECK_EVERY_US) {
            arena_reset(&intake->batch);
            code = offsets_check(intake, err);
            if (!code)
                code = quarantine_load(intake, err);
            checked_us = clock_monotonic();
        }
        if (code)
            return code;
        lag_look(intake);
        if (intake->options->ready)
            *intake->options->ready = true;
        if (intake->options->beat)
            intake->options->beat(intake->options->context);
        if (count && count < BATCH_MESSAGES)
            intake_rest(intake, began_us);
    }
    return ERROR_NONE;
}

static void intake_done(struct intake *intake)
{
    if (intake->consumer)
        bus_consumer_close(intake->consumer);
    bus_admin_close(intake->admin);
    db_close(intake->db);
    arena_done(&intake->batch);
    arena_done(&intake->refusals);
    arena_done(&intake->assigned);
    arena_done(&intake->life);
}

enum error intake_run(const struct intake_options *options, struct err *err)
{
    CLEANUP(intake_done) struct intake intake = {.options = options};
    struct metric *const metrics[] = {&metric_applied, &metric_skipped, &metric_ghosts,
                                      &metric_age};
    for (size_t i = 0; i < COUNT_OF(metrics); i++)
        metric_register(metrics[i]);
    enum error code = intake_begin(&intake, err);
    if (!code)
        code = intake_loop(&intake, err);
    return *options->stop && code == ERROR_UNAVAILABLE ? ERROR_NONE : code;
}
