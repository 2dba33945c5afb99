/* State topics after a lost part of the history: an event of it is the last word on its key there,
 * and no later one may ever come. So the partitions are read again from where the relay stood at
 * the cut, and what the ghosts name is appended as it is now; the new epoch makes it newer. */
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/log.h"
#include "outbox/outbox_internal.h"

enum {
    KEYS_AT_ONCE = 500,
    PATIENCE_MS = 1000, /* within a transaction: the lease cannot be renewed there */
    LOOK_EVERY_MS = 5
};

/* What has to be read of one partition. */
struct stretch {
    struct lane *lane;
    int64_t next, end; /* offsets */
};

/* Keys of one topic; made distinct when there is no room, and at the end. */
struct keys {
    struct str *items;
    size_t count, capacity;
};

struct reading {
    struct relay *relay;
    struct history_rewound story; /* all survivors, whole range */
    const struct topic *topic;
    struct stretch *stretches; /* of the topic's partitions that hold more than the story */
    size_t stretch_count;
    struct keys keys;
    struct arena arena; /* of one topic */
};

/* ---- Keys ---- */

static int by_bytes(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static void keys_make_distinct(struct keys *keys)
{
    size_t kept = 0;
    if (keys->count)
        qsort(keys->items, keys->count, sizeof *keys->items, by_bytes);
    for (size_t i = 0; i < keys->count; i++)
        if (kept == 0 || !str_equal(keys->items[kept - 1], keys->items[i]))
            keys->items[kept++] = keys->items[i];
    keys->count = kept;
}

static void keys_make_room(struct keys *keys, struct arena *arena)
{
    if (keys->count < keys->capacity)
        return;
    keys_make_distinct(keys);
    if (keys->capacity && keys->count <= keys->capacity / 2)
        return;
    size_t capacity = MAX_OF((size_t)256, keys->capacity * 2);
    struct str *grown = ARENA_ARRAY(arena, capacity, struct str);
    for (size_t i = 0; i < keys->count; i++)
        grown[i] = keys->items[i];
    keys->items = grown;
    keys->capacity = capacity;
}

/* ---- Reading ---- */

static bool names_ghost(const struct reading *reading, const struct bus_message *message)
{
    struct str places = bus_header_get(message, STR("eiso_position"));
    struct position position;
    const struct event_type *type = event_type_find(bus_header_get(message, STR("ce_type")));
    return position_parse(str_cut(&places, ' '), &position) &&
           !(type && type->number == EVENT_HISTORY_REWOUND) &&
           history_is_ghost(&reading->story, &position);
}

static struct stretch *stretch_of(struct reading *reading, int32_t partition)
{
    for (size_t i = 0; i < reading->stretch_count; i++)
        if (reading->stretches[i].lane->partition == partition)
            return &reading->stretches[i];
    return NULL;
}

static void take_message(struct reading *reading, const struct bus_message *message)
{
    struct stretch *stretch = stretch_of(reading, message->partition);
    if (!stretch || message->offset < stretch->next)
        return;
    stretch->next = message->offset + 1;
    if (message->offset >= stretch->end || !names_ghost(reading, message))
        return;
    keys_make_room(&reading->keys, &reading->arena);
    reading->keys.items[reading->keys.count++] = str_copy(&reading->arena, message->key);
}

static bool all_read(const struct reading *reading)
{
    for (size_t i = 0; i < reading->stretch_count; i++)
        if (reading->stretches[i].next < reading->stretches[i].end)
            return false;
    return true;
}

static enum error stretches_assigned(void *context, struct bus_assignment *assignments,
                                     size_t count, struct err *err)
{
    (void)err;
    struct reading *reading = context;
    for (size_t i = 0; i < count; i++) {
        const struct stretch *stretch = stretch_of(reading, assignments[i].partition);
        assignments[i].next_offset = stretch ? stretch->next : BUS_NOT_TAKEN;
    }
    return ERROR_NONE;
}

static enum error read_some(struct reading *reading, struct bus_consumer *consumer, struct err *err)
{
    const struct bus_message *messages;
    size_t count;
    if (*reading->relay->options->stop)
        return err_set(err, ERROR_UNAVAILABLE, "stopped while reading what was lost");
    enum error code = bus_consume(consumer, 500, 200, &messages, &count, err);
    for (size_t i = 0; !code && i < count; i++)
        take_message(reading, &messages[i]);
    return code ? code : lease_renew(reading->relay, err);
}

static enum error read_keys(struct reading *reading, struct err *err)
{
    const struct relay_options *options = reading->relay->options;
    struct bus_consumer *consumer;
    struct bus_consumer_options wanted = {
        .settings = {options->brokers, options->kafka_config, options->client_id},
        .topics = &reading->topic->name,
        .topic_count = 1,
        .assigned = stretches_assigned,
        .context = reading,
    };
    enum error code = bus_consumer_open(&consumer, &wanted, err);
    if (code)
        return code;
    while (!code && !all_read(reading))
        code = read_some(reading, consumer, err);
    bus_consumer_close(consumer);
    keys_make_distinct(&reading->keys);
    return code;
}

/* A partition where nothing but the story stands behind the cut is not read: a plain restart. */
static enum error add_stretch(struct reading *reading, struct lane *lane, size_t parts,
                              struct err *err)
{
    struct relay *relay = reading->relay;
    int64_t cut, first, end;
    enum error code = epoch_cut_offset(relay, reading->story.epoch, lane, &cut, err);
    if (!code)
        code = bus_offsets(relay->admin, lane->topic->name, lane->partition, &first, &end, err);
    if (!code)
        code = lease_renew(relay, err);
    if (code)
        return code;
    int64_t from = MAX_OF(first, cut + 1);
    if (end - from > (int64_t)parts)
        reading->stretches[reading->stretch_count++] = (struct stretch){lane, from, end};
    return ERROR_NONE;
}

/* ---- Saying ---- */

/* Whether no transaction of this database with a lower xid runs any more. Our own xid is taken
 * before the look, so none can appear behind it; the activity view is cached within a transaction.
 */
static enum error look_for_older(struct db *db, int64_t own, bool *ended, struct err *err)
{
    static const struct statement statement = {
        "outbox_older_ended",
        "select not exists (select from pg_stat_activity a where a.datname = current_database()"
        "  and ((a.backend_xid::text::bigint - ($1 & 4294967295) + 2147483648) & 4294967295)"
        "      < 2147483648)"};
    struct params params = {0};
    param_bigint(&params, own);
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_run(db, "select pg_stat_clear_snapshot()", err);
    if (!code)
        code = db_exec(db, &statement, &params, &result, err);
    if (!code)
        *ended = result_bool(&result, 0, 0);
    return code;
}

/* Until every transaction with a lower xid has ended: whatever writes one of the keys is then
 * either seen, or stands behind in the log. */
static enum error wait_for_older(struct db *db, bool *ended, struct err *err)
{
    static const struct statement statement = {"outbox_own_xid",
                                               "select pg_current_xact_id()::text::bigint"};
    *ended = false;
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(db, &statement, NULL, &result, err);
    for (int waited_ms = 0; !code && !*ended && waited_ms < PATIENCE_MS;
         waited_ms += LOOK_EVERY_MS) {
        code = look_for_older(db, result_bigint(&result, 0, 0), ended, err);
        if (!code && !*ended)
            clock_sleep_ms(LOOK_EVERY_MS);
    }
    return code;
}

/* In a transaction of its own; `*said` is false where older ones took too long. */
static enum error say_keys(struct reading *reading, const struct str *keys, size_t count,
                           bool *said, struct err *err)
{
    const struct relay_options *options = reading->relay->options;
    struct db *db = reading->relay->db;
    enum error code = db_begin(db, err);
    if (code)
        return code;
    code = wait_for_older(db, said, err);
    if (!code && *said)
        code = options->state_again(db, reading->topic, keys, count, options->context, err);
    if (!code && *said)
        return db_commit(db, err);
    db_rollback(db);
    return code;
}

static enum error say_all(struct reading *reading, struct err *err)
{
    const struct keys *keys = &reading->keys;
    for (size_t done = 0; done < keys->count;) {
        size_t count = MIN_OF((size_t)KEYS_AT_ONCE, keys->count - done);
        bool said;
        enum error code = say_keys(reading, keys->items + done, count, &said, err);
        if (!code)
            code = lease_renew(reading->relay, err);
        if (code)
            return code;
        if (*reading->relay->options->stop)
            return err_set(err, ERROR_UNAVAILABLE, "stopped while saying state anew");
        done += said ? count : 0;
    }
    FAULT("relay_state_said");
    return ERROR_NONE;
}

static enum error say_topic(struct reading *reading, struct err *err)
{
    enum error code = reading->stretch_count ? read_keys(reading, err) : ERROR_NONE;
    if (code || reading->keys.count == 0)
        return code;
    bool able = reading->relay->options->state_again != NULL;
    log_line(
        able ? LOG_INFO : LOG_WARNING,
        able ? "state of lost events is said anew" : "nobody says the state of lost events anew",
        LOG_TEXT("topic", reading->topic->name), LOG_NUMBER("keys", (int64_t)reading->keys.count));
    return able ? say_all(reading, err) : ERROR_NONE;
}

static enum error topic_again(struct relay *relay, const struct epoch_story *story,
                              struct lane *lanes, struct err *err)
{
    CLEANUP(arena_done) struct arena arena = {0};
    char cut[POSITION_TEXT_LEN + 1];
    struct reading reading = {
        .relay = relay,
        .story = {.epoch = story->epoch,
                  .cut = str_from(position_format(&story->cut, cut)),
                  .survivors = {story->runs, story->run_count}},
        .topic = lanes[0].topic,
        .stretches = ARENA_ARRAY(&arena, (size_t)relay->partitions, struct stretch),
    };
    enum error code = ERROR_NONE;
    for (int32_t p = 0; !code && p < relay->partitions; p++)
        code = add_stretch(&reading, &lanes[p], epoch_parts(story), err);
    if (!code)
        code = say_topic(&reading, err);
    arena_done(&reading.arena);
    return code;
}

enum error state_say_again(struct relay *relay, const struct epoch_story *story, struct err *err)
{
    enum error code = relay_settle(relay, err); /* the story is the last thing that is read */
    for (size_t i = 0; !code && i < relay->lane_count; i += (size_t)relay->partitions)
        if (relay->lanes[i].topic->cleanup == TOPIC_STATE || relay->lanes[i].topic->again)
            code = topic_again(relay, story, &relay->lanes[i], err);
    return code;
}

/* ---- A topic that was lost as a whole ---- */

enum error state_say_all(struct relay *relay, const struct topic *topic, struct err *err)
{
    const struct relay_options *options = relay->options;
    struct str after = {0};
    struct reading reading = {.relay = relay, .topic = topic};
    enum error code = ERROR_NONE;
    CLEANUP(arena_done) struct arena last = {0};
    if (!options->state_keys)
        return err_set(err, ERROR_CORRUPT, "%s lost its state, and nobody can say it anew",
                       topic->name);
    for (size_t count = 1; !code && count;) {
        struct strs keys = {0};
        arena_reset(&reading.arena);
        code = options->state_keys(relay->db, topic, after, KEYS_AT_ONCE, &reading.arena, &keys,
                                   options->context, err);
        count = code ? 0 : keys.count;
        if (!count)
            break;
        reading.keys = (struct keys){ARENA_ARRAY(&reading.arena, count, struct str), count, count};
        memcpy(reading.keys.items, keys.items, count * sizeof *keys.items);
        arena_reset(&last);
        after = str_copy(&last, keys.items[count - 1]);
        code = say_all(&reading, err);
    }
    arena_done(&reading.arena);
    return code;
}
