/* Role relay: reads the log below the horizon, produces, waits for the acknowledgements, moves the
 * position. A crash sends some events again, from a position that was saved: consumers drop them by
 * their watermark. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "outbox/outbox_internal.h"

enum {
    ROWS_PER_READ = 200,
    BYTES_PER_READ = 4 << 20, /* of payloads; the row that passes it is still read */
    IDLE_WAIT_MS = 500,       /* without a poke */
    BEHIND_WAIT_MS = 5,       /* rows wait above the horizon: a writer is about to commit */
    STANDBY_WAIT_MS = 250,
    ADMIN_WAIT_MS = 500, /* no wait is longer: the lease is renewed each second */
    REST_MOST_MS = 20,   /* behind a step that left nothing behind (clock_rest) */
    LATE_US = 30000000
};

static struct metric metric_pending = {.name = "eiso_relay_pending",
                                       .help = "Rows of the log above the position, up to 1000.",
                                       .type = METRIC_GAUGE};
static struct metric metric_sent = {.name = "eiso_relay_sent_total",
                                    .help = "Events acknowledged by Kafka.",
                                    .type = METRIC_COUNTER};
static struct metric metric_horizon = {.name = "eiso_horizon_age_seconds",
                                       .help = "How long rows have waited for a writer to end.",
                                       .type = METRIC_GAUGE,
                                       .scale = 1e-6,
                                       .trouble = "a write transaction does not end, and the log "
                                                  "waits for it (pg_stat_activity, backend_xid)",
                                       .trouble_above = LATE_US};
static struct metric metric_age = {.name = "eiso_last_event_age_seconds",
                                   .help = "Age of the event sent last, when it was sent.",
                                   .type = METRIC_GAUGE,
                                   .scale = 1e-6};

struct lane *relay_lane(struct relay *relay, const struct topic *topic, int32_t partition)
{
    for (size_t i = 0; i < relay->lane_count; i += (size_t)relay->partitions)
        if (relay->lanes[i].topic == topic)
            return &relay->lanes[i + (size_t)partition];
    return NULL;
}

/* ---- Sending ---- */

enum error relay_send(struct relay *relay, struct lane *lane, const struct outgoing *event,
                      struct err *err)
{
    char id[UUID_TEXT_LEN + 1], time[INSTANT_TEXT_LEN + 1];
    char own[POSITION_TEXT_LEN + 1], before[POSITION_TEXT_LEN + 1],
        positions[2 * POSITION_TEXT_LEN + 2];
    snprintf(positions, sizeof positions, "%s %s", position_format(&event->position, own),
             position_format(&lane->last, before));
    const struct bus_header headers[] = {
        {STR("ce_specversion"), STR("1.0")},
        {STR("ce_id"), str_from(uuid_format(&event->id, id))},
        {STR("ce_source"), relay->source},
        {STR("ce_type"), event->type},
        {STR("ce_time"), str_from(instant_format(event->time, time))},
        {STR("content-type"), STR("application/vnd.msgpack")},
        {STR("eiso_position"), str_from(positions)},
    };
    struct bus_message_out message = {
        .topic = lane->topic->name,
        .partition = lane->partition,
        .key = event->key,
        .value = event->value,
        .headers = headers,
        .header_count = COUNT_OF(headers),
    };
    lane->last = event->position;
    lane->moved = true;
    for (;;) {
        enum error code = bus_produce(relay->producer, &message, err);
        if (code != ERROR_BUSY)
            return code;
        code = lease_renew(relay, err); /* the queue is full: Kafka is slow or away */
        if (code)
            return code;
        if (*relay->options->stop)
            return err_set(err, ERROR_UNAVAILABLE, "stopped before Kafka had taken");
    }
}

static void acknowledged(void *context, uint64_t number, const char *topic, int32_t partition,
                         int64_t offset)
{
    (void)number;
    struct relay *relay = context;
    for (size_t i = 0; i < relay->lane_count; i += (size_t)relay->partitions)
        if (strcmp(relay->lanes[i].topic->name, topic) == 0) {
            struct lane *lane = &relay->lanes[i + (size_t)partition];
            relay->shrunk |= !lane->gap.open && offset <= lane->last_offset;
            lane->last_offset = offset;
        }
}

enum error relay_settle(struct relay *relay, struct err *err)
{
    enum error code = ERROR_NONE;
    for (;;) {
        struct bus_progress progress = bus_producer_progress(relay->producer);
        if (relay->shrunk)
            return err_set(err, ERROR_CORRUPT,
                           "a topic was made anew while it was written: the next relay fills it");
        if (progress.acknowledged == progress.produced)
            return ERROR_NONE;
        code = bus_producer_poll(relay->producer, 100, err);
        if (!code)
            code = lease_renew(relay, err);
        if (code)
            return code;
        if (*relay->options->stop)
            return err_set(err, ERROR_UNAVAILABLE, "stopped before Kafka had acknowledged");
    }
}

/* ---- One row of the log: arrays in PostgreSQL's binary format, sent as bytea by array_send ----
 */

struct elements {
    const unsigned char *at, *end;
    size_t left;
};

static uint32_t read_u32(struct elements *elements)
{
    ensure(elements->end - elements->at >= 4);
    const unsigned char *p = elements->at;
    elements->at += 4;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static struct elements elements_of(struct str array)
{
    const unsigned char *bytes = (const unsigned char *)array.ptr;
    struct elements elements = {bytes, bytes + array.len, 0};
    uint32_t dimensions = read_u32(&elements);
    read_u32(&elements); /* has NULLs: never */
    read_u32(&elements); /* element type */
    if (dimensions) {
        elements.left = read_u32(&elements);
        read_u32(&elements); /* lower bound */
    }
    return elements;
}

static struct str element_next(struct elements *elements)
{
    ensure(elements->left > 0);
    elements->left--;
    int32_t length = (int32_t)read_u32(elements);
    if (length < 0)
        return (struct str){0};
    ensure(elements->end - elements->at >= length);
    struct str value = {(const char *)elements->at, (size_t)length};
    elements->at += length;
    return value;
}

static enum error send_event(void *context, int number, struct outgoing *event, struct err *err)
{
    struct relay *relay = context;
    if (number == EVENT_HISTORY_REWOUND)
        return relay_send_epoch(relay, event->position.epoch, event->id, event->time, err);
    const struct event_type *type = event_type_get(number);
    if (!type)
        return err_set(err, ERROR_CORRUPT, "the log names event type %d, which nobody knows",
                       number);
    struct lane *lane =
        relay_lane(relay, type->topic, bus_partition(event->key, relay->partitions));
    if (!lane)
        return err_set(err, ERROR_CORRUPT, "%s is not of this service", type->name);
    event->type = str_from(type->name);
    if (event->value.len == 0)
        event->value = (struct str){0}; /* an erased state: a tombstone */
    return relay_send(relay, lane, event, err);
}

enum { ROW_EPOCH, ROW_XID, ROW_SEQ, ROW_TIME, ROW_IDS, ROW_KEYS, ROW_TYPES, ROW_PAYLOADS };

struct position relay_row_position(const struct result *result, size_t row)
{
    return (struct position){result_bigint(result, row, ROW_EPOCH),
                             result_bigint(result, row, ROW_XID),
                             result_bigint(result, row, ROW_SEQ), 0};
}

enum error relay_each_event(const struct result *result, size_t row, relay_send_event *send,
                            void *context, struct err *err)
{
    struct elements ids = elements_of(result_str(result, row, ROW_IDS));
    struct elements keys = elements_of(result_str(result, row, ROW_KEYS));
    struct elements types = elements_of(result_str(result, row, ROW_TYPES));
    struct elements payloads = elements_of(result_str(result, row, ROW_PAYLOADS));
    struct position position = relay_row_position(result, row);
    enum error code = ERROR_NONE;
    for (; !code && ids.left; position.index++) {
        struct outgoing event = {.position = position,
                                 .time = result_instant(result, row, ROW_TIME),
                                 .key = element_next(&keys),
                                 .value = element_next(&payloads)};
        memcpy(&event.id, element_next(&ids).ptr, sizeof event.id);
        struct str number = element_next(&types);
        code = send(context, (unsigned char)number.ptr[0] << 8 | (unsigned char)number.ptr[1],
                    &event, err);
    }
    return code;
}

static enum error send_row(struct relay *relay, const struct result *result, size_t row,
                           struct err *err)
{
    metric_set(&metric_age, clock_now() - result_instant(result, row, ROW_TIME).us);
    return relay_each_event(result, row, send_event, relay, err);
}

static enum error read_rows(struct relay *relay, const struct horizon *horizon,
                            struct result *result, struct err *err)
{
    static const struct statement statement = {
        "relay_read",
        "select" RELAY_ROW_COLUMNS
        "  from (select n.*, sum(n.bytes) over (order by n.epoch, n.xid, n.seq) as so_far"
        "          from (select * from event_log l"
        "                 where (l.epoch, l.xid, l.seq) > ($1, $2, $3)"
        "                   and (l.epoch < (select max(h.epoch) from history h) or l.xid < $4)"
        "                 order by l.epoch, l.xid, l.seq limit $5) n) l"
        " where l.so_far - l.bytes < $6"
        " order by l.epoch, l.xid, l.seq"};
    struct params params = {0};
    param_bigint(&params, relay->saved.epoch);
    param_bigint(&params, relay->saved.xid);
    param_bigint(&params, relay->saved.seq);
    param_bigint(&params, horizon->xid);
    param_int(&params, ROWS_PER_READ);
    param_bigint(&params, BYTES_PER_READ);
    return db_exec(relay->db, &statement, &params, result, err);
}

/* Reads, sends, waits, moves. `*rows` of the log were passed. */
static enum error relay_step(struct relay *relay, size_t *rows, struct err *err)
{
    arena_reset(&relay->batch);
    struct horizon horizon;
    CLEANUP(result_done) struct result result = {0};
    enum error code = outbox_horizon(relay->db, &horizon, err);
    if (!code)
        code = read_rows(relay, &horizon, &result, err);
    *rows = code ? 0 : result_rows(&result);
    if (code || *rows == 0)
        return code;
    uint64_t before = bus_producer_progress(relay->producer).acknowledged;
    FAULT("relay_read");
    for (size_t row = 0; !code && row < *rows; row++)
        code = send_row(relay, &result, row, err);
    FAULT("relay_produced");
    if (!code)
        code = relay_settle(relay, err);
    if (code)
        return code;
    FAULT("relay_acknowledged");
    struct position last = relay_row_position(&result, *rows - 1);
    code = lease_move(relay, &last, err);
    FAULT("relay_moved");
    metric_add(&metric_sent,
               (int64_t)(bus_producer_progress(relay->producer).acknowledged - before));
    return code;
}

/* Whether rows wait above the horizon; also what is pending, for people. */
static enum error count_pending(struct relay *relay, int64_t *pending, struct err *err)
{
    static const struct statement statement = {
        "relay_pending", "select count(*) from (select from event_log l where (l.epoch, l.xid, "
                         "l.seq) > ($1, $2, $3) limit 1000) p"};
    struct params params = {0};
    param_bigint(&params, relay->saved.epoch);
    param_bigint(&params, relay->saved.xid);
    param_bigint(&params, relay->saved.seq);
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(relay->db, &statement, &params, &result, err);
    if (!code) {
        *pending = result_bigint(&result, 0, 0);
        metric_set(&metric_pending, *pending);
    }
    return code;
}

/* ---- Beginning ---- */

/* Every topic of the service has as many partitions as were recorded when the first event was sent.
 */
static enum error check_partitions(struct relay *relay, struct err *err)
{
    static const struct statement statement = {
        "relay_partitions", "update relay set partitions = coalesce(partitions, $1), partitioner = "
                            "coalesce(partitioner, 'murmur2_random')"
                            " returning partitions, partitioner"};
    for (size_t i = 0; i < topics_all_count; i++) {
        const struct topic *topic = topics_all[i];
        int32_t partitions;
        if (strcmp(topic->service, relay->options->service) != 0 || topic->cleanup == TOPIC_LEDGER)
            continue;
        enum error code = bus_partitions(relay->admin, topic->name, &partitions, err);
        if (!code)
            code = lease_renew(relay, err);
        if (code)
            return code;
        if (relay->partitions && relay->partitions != partitions)
            return err_set(err, ERROR_FENCED, "%s has %d partitions, others have %d", topic->name,
                           partitions, relay->partitions);
        relay->partitions = partitions;
    }
    struct params params = {0};
    param_int(&params, relay->partitions);
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(relay->db, &statement, &params, &result, err);
    if (code)
        return code;
    if (result_int(&result, 0, 0) != relay->partitions ||
        !str_equal(result_str(&result, 0, 1), STR("murmur2_random")))
        return err_set(err, ERROR_FENCED,
                       "topics have %d partitions, the log was sent with %d: watermarks would lie",
                       relay->partitions, result_int(&result, 0, 0));
    return ERROR_NONE;
}

static void make_lanes(struct relay *relay)
{
    relay->lanes =
        ARENA_ARRAY(&relay->life, topics_all_count * (size_t)relay->partitions, struct lane);
    for (size_t i = 0; i < topics_all_count; i++) {
        const struct topic *topic = topics_all[i];
        if (strcmp(topic->service, relay->options->service) != 0 || topic->cleanup == TOPIC_LEDGER)
            continue;
        for (int32_t p = 0; p < relay->partitions; p++)
            relay->lanes[relay->lane_count++] =
                (struct lane){.topic = topic, .partition = p, .last_offset = -1};
    }
}

static enum error load_lanes(struct relay *relay, struct err *err)
{
    static const struct statement statement = {
        "relay_lanes",
        "select topic, partition, last_offset, epoch, xid, seq, index from relay_partition"};
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(relay->db, &statement, NULL, &result, err);
    for (size_t row = 0; !code && row < result_rows(&result); row++)
        for (size_t i = 0; i < relay->lane_count; i++) {
            struct lane *lane = &relay->lanes[i];
            if (lane->partition != result_int(&result, row, 1) ||
                !str_equal(str_from(lane->topic->name), result_str(&result, row, 0)))
                continue;
            lane->last_offset = result_bigint(&result, row, 2);
            lane->last =
                (struct position){result_bigint(&result, row, 3), result_bigint(&result, row, 4),
                                  result_bigint(&result, row, 5), result_int(&result, row, 6)};
        }
    return code;
}

/* A topic that is shorter than what was acknowledged has lost its tail: sending on would leave a
 * hole (refill.c). */
static enum error check_ends(struct relay *relay, struct err *err)
{
    for (size_t i = 0; i < relay->lane_count; i++) {
        struct lane *lane = &relay->lanes[i];
        int64_t first, next;
        if (lane->last_offset < 0)
            continue;
        enum error code =
            bus_offsets(relay->admin, lane->topic->name, lane->partition, &first, &next, err);
        if (!code)
            code = lease_renew(relay, err);
        if (code)
            return code;
        if (next <= lane->last_offset)
            lane->gap = (struct gap){
                .open = true, .unread = first < next, .end = next, .saved = lane->last};
    }
    relay->disconnects = bus_producer_disconnects(relay->producer);
    return ERROR_NONE;
}

/* What must be right between the log and Kafka before anything is sent. */
static enum error meet_kafka(struct relay *relay, struct err *err)
{
    relay->partitions = 0;
    relay->lane_count = 0;
    enum error code = check_partitions(relay, err);
    if (code)
        return code;
    make_lanes(relay);
    code = load_lanes(relay, err);
    if (!code)
        code = check_ends(relay, err);
    if (!code)
        code = ledger_settle(relay, err);
    return code ? code : refill_topics(relay, err);
}

/* Kafka may be away, or its topics not made yet: waits for it, holding the lease. */
static enum error wait_for_kafka(struct relay *relay, struct err *err)
{
    bool told = false;
    for (;;) {
        enum error code = meet_kafka(relay, err);
        if (code != ERROR_UNAVAILABLE && code != ERROR_NOT_FOUND)
            return code;
        if (!told)
            log_error("waiting for Kafka and the topics", err);
        told = true;
        if (*relay->options->stop)
            return err_set(err, ERROR_UNAVAILABLE, "stopped while waiting for Kafka");
        clock_sleep_ms(STANDBY_WAIT_MS);
        code = lease_renew(relay, err);
        if (code)
            return code;
    }
}

static enum error wait_for_lease(struct relay *relay, struct err *err)
{
    bool taken = false, told = false;
    while (!*relay->options->stop) {
        enum error code = lease_take(relay, &taken, err);
        if (code || taken)
            return code;
        if (!told)
            log_line(LOG_INFO, "another relay holds the lease: standing by",
                     LOG_TEXT("service", relay->options->service));
        told = true;
        clock_sleep_ms(STANDBY_WAIT_MS);
    }
    return err_set(err, ERROR_UNAVAILABLE, "stopped while standing by");
}

static enum error open_bus(struct relay *relay, struct err *err)
{
    const struct relay_options *options = relay->options;
    struct bus_settings settings = {options->brokers, options->kafka_config, options->client_id,
                                    ADMIN_WAIT_MS};
    struct bus_producer_options producer = {settings, acknowledged, relay};
    enum error code = bus_admin_open(&relay->admin, &settings, err);
    return code ? code : bus_producer_open(&relay->producer, &producer, err);
}

static enum error relay_begin(struct relay *relay, struct err *err)
{
    const struct outbox_waiting waiting = {relay->options->stop, relay->options->beat,
                                           relay->options->context};
    enum error code = db_open_wait(&relay->db, relay->options->conninfo, relay->options->stop, err);
    if (!code)
        code = db_run(relay->db, "set statement_timeout = '3s'", err);
    if (!code)
        code = outbox_open_wait(relay->db, &waiting, err);
    if (!code)
        code = open_bus(relay, err);
    if (!code)
        code = wait_for_lease(relay, err);
    if (!code)
        code = wait_for_kafka(relay, err);
    return code;
}

/* ---- The loop ---- */

/* Nothing can be read: rows wait above the horizon for a writer to end, or there are none. The
 * longer a writer takes, the rarer it is asked after. */
static enum error relay_idle(struct relay *relay, int poke_fd, struct err *err)
{
    int64_t pending = 0, now_us = clock_monotonic();
    enum error code = count_pending(relay, &pending, err);
    if (!code)
        code = lease_renew(relay, err);
    if (code)
        return code;
    if (pending == 0)
        relay->moved_us = now_us;
    int64_t waited_us = now_us - relay->moved_us;
    metric_set(&metric_horizon, waited_us);
    int64_t wait_ms = pending ? MAX_OF(BEHIND_WAIT_MS, waited_us / 8000) : IDLE_WAIT_MS;
    poke_wait(poke_fd, MIN_OF(wait_ms, IDLE_WAIT_MS));
    return ERROR_NONE;
}

/* After a lost connection nothing is sent before the topics were compared with what was
 * acknowledged. */
static enum error meet_again(struct relay *relay, bool *away, struct err *err)
{
    *away = false;
    enum error code = bus_producer_poll(relay->producer, 0, err);
    if (code || bus_producer_disconnects(relay->producer) == relay->disconnects)
        return code;
    code = check_ends(relay, err);
    if (code != ERROR_UNAVAILABLE)
        return code ? code : refill_topics(relay, err);
    *away = true;
    clock_sleep_ms(STANDBY_WAIT_MS);
    return lease_renew(relay, err);
}

static enum error relay_loop(struct relay *relay, int poke_fd, struct err *err)
{
    relay->moved_us = clock_monotonic();
    while (!*relay->options->stop) {
        size_t rows = 0;
        bool away;
        int64_t began_us = clock_monotonic();
        enum error code = meet_again(relay, &away, err);
        if (!code && away)
            continue;
        if (!code)
            code = relay_step(relay, &rows, err);
        if (code)
            return code;
        if (rows) {
            relay->moved_us = clock_monotonic();
            metric_set(&metric_horizon, 0);
        }
        if (rows && rows < ROWS_PER_READ)
            clock_rest(began_us, REST_MOST_MS);
        code = rows ? lease_renew(relay, err) : relay_idle(relay, poke_fd, err);
        if (code)
            return code;
    }
    return ERROR_NONE;
}

static void register_metrics(void)
{
    metric_register(&metric_pending);
    metric_register(&metric_sent);
    metric_register(&metric_horizon);
    metric_register(&metric_age);
}

static void relay_done(struct relay *relay)
{
    bus_producer_close(relay->producer);
    bus_admin_close(relay->admin);
    db_close(relay->db);
    arena_done(&relay->batch);
    arena_done(&relay->life);
}

enum error relay_run(const struct relay_options *options, struct err *err)
{
    CLEANUP(relay_done) struct relay relay = {.options = options, .holder = uuid_v7()};
    relay.source = str_from(arena_printf(&relay.life, "/%s/%s", options->cell, options->service));
    relay.history_type =
        str_from(arena_printf(&relay.life, "kz.eiso.%s.history.rewound.v1", options->service));
    register_metrics();
    int poke_fd = -1;
    enum error code =
        options->poke_path ? poke_open(options->poke_path, &poke_fd, err) : ERROR_NONE;
    if (!code)
        code = relay_begin(&relay, err);
    if (!code && options->ready)
        *options->ready = true;
    if (!code)
        code = relay_loop(&relay, poke_fd, err);
    return *options->stop && code == ERROR_UNAVAILABLE ? ERROR_NONE : code;
}
