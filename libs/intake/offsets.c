/* The offsets and watermarks in the consumer's database: they decide, Kafka's own are for lag
 * tools. */
#include <stdio.h>

#include "intake/intake_internal.h"

/* Lanes of one kind as columns (topic, partition, two offsets). */
struct lane_columns {
    struct str *topics;
    int32_t *partitions;
    int64_t *from, *to;
    size_t count;
};

static void collect(struct intake *intake, bool moved_only, struct lane_columns *columns)
{
    size_t most = intake->options->subscriptions.count * (size_t)intake->partitions;
    columns->topics = ARENA_ARRAY(&intake->batch, most, struct str);
    columns->partitions = ARENA_ARRAY(&intake->batch, most, int32_t);
    columns->from = ARENA_ARRAY(&intake->batch, most, int64_t);
    columns->to = ARENA_ARRAY(&intake->batch, most, int64_t);
    for (size_t i = 0; i < most; i++) {
        const struct lane *lane = &intake->lanes[i];
        if (!lane->assigned || (moved_only && !lane->moved))
            continue;
        columns->topics[columns->count] = str_from(intake->topics[i / (size_t)intake->partitions]);
        columns->partitions[columns->count] = (int32_t)(i % (size_t)intake->partitions);
        columns->from[columns->count] = lane->began_offset;
        columns->to[columns->count++] = lane->next_offset;
    }
}

static void param_lanes(struct params *params, struct intake *intake,
                        const struct lane_columns *columns)
{
    const struct column bound[] = {
        column_texts(&intake->batch, columns->topics, columns->count),
        column_ints(&intake->batch, columns->partitions, columns->count),
        column_bigints(&intake->batch, columns->from, columns->count),
        column_bigints(&intake->batch, columns->to, columns->count),
    };
    for (size_t i = 0; i < COUNT_OF(bound); i++)
        param_column(params, &bound[i]);
}

static enum error expect(struct db *db, const struct statement *statement, struct intake *intake,
                         bool moved_only, struct err *err)
{
    struct lane_columns columns = {0};
    collect(intake, moved_only, &columns);
    struct params params = {0};
    param_lanes(&params, intake, &columns);
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(db, statement, &params, &result, err);
    if (!code && result_bigint(&result, 0, 0) != (int64_t)columns.count)
        return err_set(
            err, ERROR_FENCED,
            "offsets are not where this process left them: another consumer, or a restore");
    return code;
}

enum error offsets_move(struct intake *intake, struct err *err)
{
    static const struct statement statement = {
        "intake_offsets_move", "with moved as ("
                               "  update consumer_offset o set next_offset = b.to_offset"
                               "    from unnest($1::text[], $2::integer[], $3::bigint[], "
                               "$4::bigint[]) b (topic, partition, from_offset, to_offset)"
                               "   where o.topic = b.topic and o.partition = b.partition and "
                               "o.next_offset = b.from_offset returning 1"
                               ") select count(*) from moved"};
    return expect(intake->db, &statement, intake, true, err);
}

enum error offsets_check(struct intake *intake, struct err *err)
{
    static const struct statement statement = {
        "intake_offsets_check",
        "select count(*) from consumer_offset o"
        "  join unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[]) b (topic, partition, "
        "from_offset, to_offset)"
        "    on o.topic = b.topic and o.partition = b.partition and o.next_offset = b.to_offset"};
    return expect(intake->db, &statement, intake, false, err);
}

static enum error offsets_make(struct intake *intake, struct err *err)
{
    static const struct statement statement = {
        "intake_offsets_make",
        "insert into consumer_offset (topic, partition, next_offset)"
        " select b.topic, b.partition, -2 from unnest($1::text[], $2::integer[], $3::bigint[], "
        "$4::bigint[]) b (topic, partition, f, t)"
        " on conflict do nothing"};
    struct lane_columns columns = {0};
    collect(intake, false, &columns);
    struct params params = {0};
    param_lanes(&params, intake, &columns);
    return db_exec(intake->db, &statement, &params, NULL, err);
}

/* The lane of a row that begins with (topic, partition); NULL: not ours. */
static struct lane *row_lane(struct intake *intake, const struct result *result, size_t row)
{
    for (size_t topic = 0; topic < intake->options->subscriptions.count; topic++)
        if (str_equal(result_str(result, row, 0), str_from(intake->topics[topic]))) {
            struct lane *lane = intake_lane(intake, topic, result_int(result, row, 1));
            return lane->assigned ? lane : NULL;
        }
    return NULL;
}

static enum error load_offsets(struct intake *intake, struct err *err)
{
    static const struct statement statement = {
        "intake_offsets", "select topic, partition, next_offset from consumer_offset"};
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(intake->db, &statement, NULL, &result, err);
    for (size_t row = 0; !code && row < result_rows(&result); row++) {
        struct lane *lane = row_lane(intake, &result, row);
        if (lane)
            lane->next_offset = lane->began_offset = result_bigint(&result, row, 2);
    }
    return code;
}

static enum error load_watermarks(struct intake *intake, struct err *err)
{
    static const struct statement statement = {
        "intake_watermarks",
        "select topic, partition, source, epoch, xid, seq, index from consumer_watermark"};
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(intake->db, &statement, NULL, &result, err);
    for (size_t row = 0; !code && row < result_rows(&result); row++) {
        struct lane *lane = row_lane(intake, &result, row);
        if (lane)
            lane_mark(intake, lane, result_str(&result, row, 2))->position =
                (struct position){result_bigint(&result, row, 3), result_bigint(&result, row, 4),
                                  result_bigint(&result, row, 5), result_int(&result, row, 6)};
    }
    return code;
}

static bool is_state(const struct intake *intake, size_t topic)
{
    return intake->options->subscriptions.items[topic].topic->cleanup == TOPIC_STATE;
}

enum error offsets_load(struct intake *intake, struct bus_assignment *assignments, size_t count,
                        struct err *err)
{
    size_t lanes = intake->options->subscriptions.count * (size_t)intake->partitions;
    for (size_t i = 0; i < lanes; i++)
        intake->lanes[i] =
            (struct lane){.next_offset = BUS_FROM_BEGINNING, .began_offset = BUS_FROM_BEGINNING};
    arena_reset(&intake->assigned);
    enum error code = quarantine_load(intake, err);
    for (size_t i = 0; i < count; i++)
        intake_lane(intake, assignments[i].topic, assignments[i].partition)->assigned =
            !intake->full || is_state(intake, assignments[i].topic);
    if (!code)
        code = offsets_make(intake, err);
    if (!code)
        code = load_offsets(intake, err);
    if (!code)
        code = load_watermarks(intake, err);
    for (size_t i = 0; !code && i < count; i++) {
        const struct lane *lane =
            intake_lane(intake, assignments[i].topic, assignments[i].partition);
        assignments[i].next_offset = lane->assigned ? lane->next_offset : BUS_NOT_TAKEN;
    }
    return code;
}

enum error watermarks_save(struct intake *intake, struct err *err)
{
    static const struct statement statement = {
        "intake_watermarks_save",
        "insert into consumer_watermark (source, topic, partition, epoch, xid, seq, index)"
        " select * from unnest($1::text[], $2::text[], $3::integer[], $4::bigint[], $5::bigint[], "
        "$6::bigint[], $7::integer[])"
        " on conflict (source, topic, partition) do update"
        "    set epoch = excluded.epoch, xid = excluded.xid, seq = excluded.seq, index = "
        "excluded.index"};
    struct arena *arena = &intake->batch;
    size_t lanes = intake->options->subscriptions.count * (size_t)intake->partitions, most = 0,
           count = 0;
    for (size_t i = 0; i < lanes; i++)
        most += intake->lanes[i].moved ? intake->lanes[i].mark_count : 0;
    struct str *texts[2] = {ARENA_ARRAY(arena, most, struct str),
                            ARENA_ARRAY(arena, most, struct str)};
    int32_t *ints[2] = {ARENA_ARRAY(arena, most, int32_t), ARENA_ARRAY(arena, most, int32_t)};
    int64_t *numbers[3];
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        numbers[i] = ARENA_ARRAY(arena, most, int64_t);
    for (size_t i = 0; i < lanes; i++)
        for (size_t m = 0; intake->lanes[i].moved && m < intake->lanes[i].mark_count;
             m++, count++) {
            const struct watermark *mark = &intake->lanes[i].marks[m];
            texts[0][count] = mark->source;
            texts[1][count] = str_from(intake->topics[i / (size_t)intake->partitions]);
            ints[0][count] = (int32_t)(i % (size_t)intake->partitions);
            numbers[0][count] = mark->position.epoch;
            numbers[1][count] = mark->position.xid;
            numbers[2][count] = mark->position.seq;
            ints[1][count] = mark->position.index;
        }
    const struct column columns[] = {
        column_texts(arena, texts[0], count),     column_texts(arena, texts[1], count),
        column_ints(arena, ints[0], count),       column_bigints(arena, numbers[0], count),
        column_bigints(arena, numbers[1], count), column_bigints(arena, numbers[2], count),
        column_ints(arena, ints[1], count),
    };
    struct params params = {0};
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        param_column(&params, &columns[i]);
    return db_exec(intake->db, &statement, &params, NULL, err);
}

/* ---- Looking back ---- */

static enum error begin_again(struct intake *intake, const char *topic, int32_t partition,
                              const char *behind, bool *changed, struct err *err)
{
    static const struct statement statement = {
        "intake_begin_again",
        "update consumer_offset set next_offset = -2, looked_for = $3"
        " where topic = $1 and partition = $2 and looked_for is distinct from $3"};
    struct params params = {0};
    param_text(&params, str_from(topic));
    param_int(&params, partition);
    param_text(&params, str_from(behind));
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(intake->db, &statement, &params, &result, err);
    *changed = !code && result_affected(&result) == 1;
    return code;
}

enum error offsets_look_back(struct intake *intake, struct err *err)
{
    const struct missing *missing = &intake->missing;
    struct err own = {0};
    bool changed = false;
    if (begin_again(intake, missing->topic, missing->partition, missing->behind, &changed, &own) ||
        !changed)
        return err->code;
    return err_set(err, ERROR_FENCED, "%s[%d]: what follows %s is looked for from the beginning",
                   missing->topic, missing->partition, missing->behind);
}

static bool ends_before_us(struct intake *intake, size_t index, int64_t *end)
{
    const struct lane *lane = &intake->lanes[index];
    int64_t first;
    struct err err;
    return lane->assigned && lane->next_offset > 0 &&
           !bus_offsets(intake->admin, intake->topics[index / (size_t)intake->partitions],
                        (int32_t)(index % (size_t)intake->partitions), &first, end, &err) &&
           *end < lane->next_offset;
}

enum error offsets_look_at_ends(struct intake *intake, struct err *err)
{
    size_t lanes = intake->options->subscriptions.count * (size_t)intake->partitions;
    for (size_t i = 0; i < lanes; i++) {
        const char *topic = intake->topics[i / (size_t)intake->partitions];
        int32_t partition = (int32_t)(i % (size_t)intake->partitions);
        int64_t end;
        char behind[64];
        struct err own = {0};
        bool changed = false;
        if (!ends_before_us(intake, i, &end))
            continue;
        snprintf(behind, sizeof behind, "offset %lld, end %lld",
                 (long long)intake->lanes[i].next_offset, (long long)end);
        if (!begin_again(intake, topic, partition, behind, &changed, &own) && changed)
            err_set(err, ERROR_FENCED,
                    "%s[%d] is shorter than it was: it is read from the beginning", topic,
                    partition);
    }
    return err->code;
}
