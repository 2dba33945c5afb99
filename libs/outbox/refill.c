/* A topic that is shorter than what was acknowledged: it was made anew, or a broker lost its tail.
 * What is missing behind the last event that is there comes from the log, as far back as that
 * reaches; a state topic of which the log no longer has all says everything anew, from the tables.
 * Sent again are the same events at the same positions: who has taken them in drops them. */
#include "base/log.h"
#include "outbox/outbox_internal.h"

enum { ROWS_PER_READ = 200, BYTES_PER_READ = 4 << 20 };

struct refill {
    struct relay *relay;
    const struct topic *topic;
    struct lane *lanes;   /* of the topic */
    struct position from; /* the lowest that is missing lies behind */
    bool log_reaches;     /* back to it */
    int64_t sent;
};

/* ---- What is there ---- */

static enum error last_assigned(void *context, struct bus_assignment *assignments, size_t count,
                                struct err *err)
{
    const struct refill *refill = context;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        const struct gap *gap = &refill->lanes[assignments[i].partition].gap;
        assignments[i].next_offset = gap->open && gap->unread ? gap->end - 1 : BUS_NOT_TAKEN;
    }
    return ERROR_NONE;
}

/* An event above what was saved stands there alone: it was sent before anybody looked. */
static void take_last(struct refill *refill, const struct bus_message *message)
{
    struct lane *lane = &refill->lanes[message->partition];
    struct str places = bus_header_get(message, STR("eiso_position"));
    struct position position = {0};
    lane->gap.unread = false;
    if (position_parse(str_cut(&places, ' '), &position) &&
        position_compare(&position, &lane->last) <= 0)
        lane->gap.kept = position;
}

static bool all_seen(const struct refill *refill)
{
    for (int32_t p = 0; p < refill->relay->partitions; p++)
        if (refill->lanes[p].gap.open && refill->lanes[p].gap.unread)
            return false;
    return true;
}

static enum error read_last(struct refill *refill, struct err *err)
{
    const struct relay_options *options = refill->relay->options;
    struct bus_consumer *consumer;
    struct bus_consumer_options wanted = {
        .settings = {options->brokers, options->kafka_config, options->client_id},
        .topics = &refill->topic->name,
        .topic_count = 1,
        .assigned = last_assigned,
        .context = refill,
    };
    if (all_seen(refill))
        return ERROR_NONE;
    enum error code = bus_consumer_open(&consumer, &wanted, err);
    if (code)
        return code;
    while (!code && !all_seen(refill)) {
        const struct bus_message *messages;
        size_t count;
        code = bus_consume(consumer, 100, 200, &messages, &count, err);
        for (size_t i = 0; !code && i < count; i++)
            take_last(refill, &messages[i]);
        if (!code)
            code = lease_renew(refill->relay, err);
        if (!code && *options->stop)
            code = err_set(err, ERROR_UNAVAILABLE, "stopped while filling a topic again");
    }
    bus_consumer_close(consumer);
    return code;
}

/* The lowest of what is there, and whether the log still has everything behind it. */
static enum error find_beginning(struct refill *refill, struct err *err)
{
    static const struct statement statement = {
        "refill_reach",
        "select exists (select from event_log l where (l.epoch, l.xid, l.seq) <= ($1, $2, $3))"
        "    or exists (select from event_log l"
        "                where (l.epoch, l.xid, l.seq) = ((select min(epoch) from history), 0, "
        "0))"};
    bool first = true;
    for (int32_t p = 0; p < refill->relay->partitions; p++) {
        const struct gap *gap = &refill->lanes[p].gap;
        if (gap->open && (first || position_compare(&gap->kept, &refill->from) < 0))
            refill->from = gap->kept;
        first &= !gap->open;
    }
    struct params params = {0};
    param_bigint(&params, refill->from.epoch);
    param_bigint(&params, refill->from.xid);
    param_bigint(&params, refill->from.seq);
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(refill->relay->db, &statement, &params, &result, err);
    if (!code)
        refill->log_reaches = result_bool(&result, 0, 0);
    return code;
}

/* ---- What is missing ---- */

/* A predecessor that nobody has seen: what was before is not there any more, and who does not have
 * it must hear of that. */
static struct position just_below(struct position position)
{
    if (position.index > 0)
        position.index--;
    else if (position.seq > 0)
        position.seq--;
    else
        position.epoch--;
    return position;
}

static enum error send_missing(struct refill *refill, struct lane *lane,
                               const struct outgoing *event, struct err *err)
{
    if (!lane->gap.begun)
        lane->last = refill->log_reaches ? lane->gap.kept : just_below(event->position);
    lane->gap.begun = true;
    refill->sent++;
    return relay_send(refill->relay, lane, event, err);
}

/* Nothing was lost from this topic that a ghost could stand in: the story says "anywhere". */
static enum error send_missing_epoch(struct refill *refill, struct outgoing *event, struct err *err)
{
    struct relay *relay = refill->relay;
    struct epoch_story *story;
    enum error code = epoch_story_find(relay, event->position.epoch, &story, err);
    event->type = relay->history_type;
    for (int32_t p = 0; !code && p < relay->partitions; p++) {
        struct lane *lane = &refill->lanes[p];
        for (size_t part = 0; !code && part < epoch_parts(story); part++) {
            epoch_fill(relay, story, part, -1, event);
            if (lane->gap.open && position_compare(&event->position, &lane->gap.kept) > 0)
                code = send_missing(refill, lane, event, err);
        }
    }
    return code;
}

static enum error send_event(void *context, int number, struct outgoing *event, struct err *err)
{
    struct refill *refill = context;
    if (number == EVENT_HISTORY_REWOUND)
        return send_missing_epoch(refill, event, err);
    const struct event_type *type = event_type_get(number);
    if (!type || type->topic != refill->topic)
        return ERROR_NONE;
    struct lane *lane = &refill->lanes[bus_partition(event->key, refill->relay->partitions)];
    if (!lane->gap.open || position_compare(&event->position, &lane->gap.kept) <= 0)
        return ERROR_NONE;
    event->type = str_from(type->name);
    if (event->value.len == 0)
        event->value = (struct str){0};
    return send_missing(refill, lane, event, err);
}

static enum error read_page(struct refill *refill, const struct position *behind,
                            struct result *result, struct err *err)
{
    static const struct statement statement = {
        "refill_read",
        "select" RELAY_ROW_COLUMNS
        "  from (select n.*, sum(n.bytes) over (order by n.epoch, n.xid, n.seq) as so_far"
        "          from (select * from event_log l"
        "                 where (l.epoch, l.xid, l.seq) > ($1, $2, $3)"
        "                   and (l.epoch, l.xid, l.seq) <= ($4, $5, $6)"
        "                 order by l.epoch, l.xid, l.seq limit $7) n) l"
        " where l.so_far - l.bytes < $8"
        " order by l.epoch, l.xid, l.seq"};
    const struct position *saved = &refill->relay->saved;
    struct params params = {0};
    const int64_t numbers[] = {behind->epoch, behind->xid, behind->seq,
                               saved->epoch,  saved->xid,  saved->seq};
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        param_bigint(&params, numbers[i]);
    param_int(&params, ROWS_PER_READ);
    param_bigint(&params, BYTES_PER_READ);
    return db_exec(refill->relay->db, &statement, &params, result, err);
}

/* Everything behind `from` up to the saved position: the row of `from` itself, too, of which a part
 * may be there. */
static enum error send_all(struct refill *refill, struct err *err)
{
    struct position behind = refill->from;
    behind.seq--;
    for (;;) {
        CLEANUP(result_done) struct result result = {0};
        arena_reset(&refill->relay->batch);
        enum error code = read_page(refill, &behind, &result, err);
        size_t rows = code ? 0 : result_rows(&result);
        for (size_t row = 0; !code && row < rows; row++)
            code = relay_each_event(&result, row, send_event, refill, err);
        if (!code)
            code = relay_settle(refill->relay, err);
        if (code || rows == 0)
            return code;
        behind = relay_row_position(&result, rows - 1);
    }
}

/* ---- One topic ---- */

static void close_gaps(struct refill *refill)
{
    for (int32_t p = 0; p < refill->relay->partitions; p++) {
        struct lane *lane = &refill->lanes[p];
        if (!lane->gap.open)
            continue;
        if (!lane->gap.begun)
            lane->last_offset = lane->gap.end - 1;
        lane->last = lane->gap.saved;
        lane->gap = (struct gap){0};
        lane->moved = true;
    }
}

/* The state first: a relay that dies in between finds the gap again. */
static enum error fill_topic(struct relay *relay, struct lane *lanes, struct err *err)
{
    struct refill refill = {.relay = relay, .topic = lanes[0].topic, .lanes = lanes};
    enum error code = read_last(&refill, err);
    if (!code)
        code = find_beginning(&refill, err);
    if (!code && !refill.log_reaches && refill.topic->cleanup == TOPIC_STATE)
        code = state_say_all(relay, refill.topic, err);
    if (!code)
        code = send_all(&refill, err);
    if (code)
        return code;
    close_gaps(&refill);
    log_line(LOG_WARNING, "a topic was shorter than what it had acknowledged: filled again",
             LOG_TEXT("topic", refill.topic->name), LOG_NUMBER("events", refill.sent),
             LOG_NUMBER("complete", refill.log_reaches));
    return lease_move(relay, &relay->saved, err);
}

enum error refill_topics(struct relay *relay, struct err *err)
{
    enum error code = ERROR_NONE;
    for (size_t i = 0; !code && i < relay->lane_count; i += (size_t)relay->partitions) {
        bool open = false;
        for (int32_t p = 0; p < relay->partitions; p++)
            open |= relay->lanes[i + (size_t)p].gap.open;
        if (open)
            code = fill_topic(relay, &relay->lanes[i], err);
    }
    return code;
}
