/* Who carries the log: one row, five seconds at a time, on the connection that took it. */
#include "base/clock.h"
#include "base/metric.h"
#include "outbox/outbox_internal.h"

enum { RENEW_EVERY_US = 1000000, LATE_US = 30000000 };

static struct metric metric_lag = {.name = "eiso_relay_lag_seconds",
                                   .help = "Age of the oldest row that Kafka has not taken yet.",
                                   .type = METRIC_GAUGE,
                                   .scale = 1e-6,
                                   .trouble = "events wait to be sent to Kafka",
                                   .trouble_above = LATE_US};

/* Who holds it is alive; under load it moves more often than it would have to renew. */
static void held(struct relay *relay)
{
    relay->renewed_us = clock_monotonic();
    if (relay->options->beat)
        relay->options->beat(relay->options->context);
}

enum error lease_take(struct relay *relay, bool *taken, struct err *err)
{
    static const struct statement statement = {
        "relay_take",
        "update relay r set holder = $1, backend_pid = pg_backend_pid(), lease_until = "
        "clock_timestamp() + interval '5 s',"
        "       backend_start = (select a.backend_start from pg_stat_activity a where a.pid = "
        "pg_backend_pid())"
        " where r.lease_until < clock_timestamp() or r.holder is null or r.holder = $1"
        "    or not exists (select from pg_stat_activity a where a.pid = r.backend_pid and "
        "a.backend_start = r.backend_start)"
        " returning r.epoch, r.xid, r.seq"};
    struct params params = {0};
    param_uuid(&params, &relay->holder);
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(relay->db, &statement, &params, &result, err);
    if (code)
        return code;
    *taken = result_rows(&result) == 1;
    if (*taken) {
        relay->saved = (struct position){result_bigint(&result, 0, 0), result_bigint(&result, 0, 1),
                                         result_bigint(&result, 0, 2), 0};
        held(relay);
    }
    return ERROR_NONE;
}

/* Also how long the oldest row waits: whatever this relay waits for, it renews. */
enum error lease_renew(struct relay *relay, struct err *err)
{
    static const struct statement statement = {
        "relay_renew",
        "with renewed as (update relay set lease_until = clock_timestamp() + interval '5 s'"
        "                  where holder = $1 and backend_pid = pg_backend_pid() returning 1)"
        " select (select count(*) from renewed),"
        "        coalesce((select (extract(epoch from clock_timestamp() - l.time) * "
        "1000000)::bigint"
        "                    from event_log l where (l.epoch, l.xid, l.seq) > ($2, $3, $4)"
        "                   order by l.epoch, l.xid, l.seq limit 1), 0)"};
    if (clock_monotonic() - relay->renewed_us < RENEW_EVERY_US)
        return ERROR_NONE;
    metric_register(&metric_lag);
    struct params params = {0};
    param_uuid(&params, &relay->holder);
    param_bigint(&params, relay->saved.epoch);
    param_bigint(&params, relay->saved.xid);
    param_bigint(&params, relay->saved.seq);
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(relay->db, &statement, &params, &result, err);
    if (code)
        return code;
    held(relay);
    metric_set(&metric_lag, result_bigint(&result, 0, 1));
    if (result_bigint(&result, 0, 0) == 1)
        return ERROR_NONE;
    return err_set(err, ERROR_FENCED, "another relay holds the lease");
}

/* The lanes that moved, as columns. */
static void param_lanes(struct params *params, struct relay *relay)
{
    struct arena *arena = &relay->batch;
    size_t count = 0;
    struct str *topics = ARENA_ARRAY(arena, relay->lane_count, struct str);
    int32_t *partitions = ARENA_ARRAY(arena, relay->lane_count, int32_t);
    int64_t *numbers[4];
    int32_t *indexes = ARENA_ARRAY(arena, relay->lane_count, int32_t);
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        numbers[i] = ARENA_ARRAY(arena, relay->lane_count, int64_t);
    for (size_t i = 0; i < relay->lane_count; i++) {
        const struct lane *lane = &relay->lanes[i];
        if (!lane->moved)
            continue;
        topics[count] = str_from(lane->topic->name);
        partitions[count] = lane->partition;
        numbers[0][count] = lane->last_offset;
        numbers[1][count] = lane->last.epoch;
        numbers[2][count] = lane->last.xid;
        numbers[3][count] = lane->last.seq;
        indexes[count++] = lane->last.index;
    }
    struct column columns[7] = {column_texts(arena, topics, count),
                                column_ints(arena, partitions, count)};
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        columns[2 + i] = column_bigints(arena, numbers[i], count);
    columns[6] = column_ints(arena, indexes, count);
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        param_column(params, &columns[i]);
}

enum error lease_move(struct relay *relay, const struct position *to, struct err *err)
{
    static const struct statement statement = {
        "relay_move",
        "with moved as ("
        "  update relay set epoch = $2, xid = $3, seq = $4, lease_until = clock_timestamp() + "
        "interval '5 s'"
        "   where holder = $1 and backend_pid = pg_backend_pid() returning 1"
        "), lanes as ("
        "  insert into relay_partition (topic, partition, last_offset, epoch, xid, seq, index)"
        "  select l.* from unnest($5::text[], $6::integer[], $7::bigint[], $8::bigint[], "
        "$9::bigint[], $10::bigint[], $11::integer[]) l, moved"
        "  on conflict (topic, partition) do update"
        "     set last_offset = excluded.last_offset, epoch = excluded.epoch, xid = excluded.xid, "
        "seq = excluded.seq, index = excluded.index"
        ") select count(*) from moved"};
    struct params params = {0};
    param_uuid(&params, &relay->holder);
    param_bigint(&params, to->epoch);
    param_bigint(&params, to->xid);
    param_bigint(&params, to->seq);
    param_lanes(&params, relay);
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(relay->db, &statement, &params, &result, err);
    if (code)
        return code;
    if (result_bigint(&result, 0, 0) != 1)
        return err_set(err, ERROR_FENCED, "another relay holds the lease");
    held(relay);
    relay->saved = *to;
    for (size_t i = 0; i < relay->lane_count; i++)
        relay->lanes[i].moved = false;
    return ERROR_NONE;
}
