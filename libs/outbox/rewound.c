/* The story of an epoch: what a start of PostgreSQL found, told to every partition and to the
 * ledger. */
#include <stdio.h>

#include "outbox/outbox_internal.h"

/* A run takes about 60 bytes of msgpack: 900 of them stay below the 64 KiB of an event. */
enum { RUNS_PER_PART = 900 };

/* bigint[] in PostgreSQL's binary format, sent as bytea by array_send: a header of 20 bytes, then
 * each element with its length. */
static size_t read_bigints(struct str bytes, struct arena *arena, int64_t **values)
{
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    size_t count =
        bytes.len < 20 ? 0 : (size_t)p[12] << 24 | (size_t)p[13] << 16 | (size_t)p[14] << 8 | p[15];
    ensure(count == 0 || bytes.len == 20 + count * 12);
    *values = ARENA_ARRAY(arena, count, int64_t);
    for (size_t i = 0; i < count; i++) {
        uint64_t value = 0;
        for (size_t byte = 0; byte < 8; byte++)
            value = value << 8 | p[24 + i * 12 + byte];
        (*values)[i] = (int64_t)value;
    }
    return count;
}

static void read_story(const struct result *result, size_t row, struct arena *arena,
                       struct epoch_story *story)
{
    *story = (struct epoch_story){
        .epoch = result_bigint(result, row, 0),
        .cut = {result_bigint(result, row, 1), result_bigint(result, row, 2),
                result_bigint(result, row, 3), 0},
        .system = str_copy(arena, result_str(result, row, 4)),
        .started = str_copy(arena, result_str(result, row, 5)),
        .returned = result_bool(result, row, 9),
    };
    int64_t *epochs, *from, *to;
    story->run_count = read_bigints(result_str(result, row, 6), arena, &epochs);
    read_bigints(result_str(result, row, 7), arena, &from);
    read_bigints(result_str(result, row, 8), arena, &to);
    story->runs = ARENA_ARRAY(arena, story->run_count, struct survivors);
    for (size_t i = 0; i < story->run_count; i++)
        story->runs[i] = (struct survivors){epochs[i], from[i], to[i]};
}

enum error epoch_stories(struct db *db, struct arena *arena, struct epoch_story **stories,
                         size_t *count, struct err *err)
{
    static const struct statement statement = {
        "outbox_stories",
        "select epoch, cut_epoch, cut_xid, cut_seq, system_identifier::text,"
        "       to_char(postmaster_start at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),"
        "       array_send(run_epochs), array_send(run_from_xids), array_send(run_to_xids),"
        "       returned"
        "  from history order by epoch"};
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(db, &statement, NULL, &result, err);
    if (code)
        return code;
    *count = result_rows(&result);
    *stories = ARENA_ARRAY(arena, *count, struct epoch_story);
    for (size_t row = 0; row < *count; row++)
        read_story(&result, row, arena, &(*stories)[row]);
    return ERROR_NONE;
}

size_t epoch_parts(const struct epoch_story *story)
{
    return story->run_count == 0 ? 1 : (story->run_count + RUNS_PER_PART - 1) / RUNS_PER_PART;
}

/* The last position that a run can have. */
static struct str run_end(const struct survivors *run, struct arena *arena)
{
    struct position end = {run->epoch, run->to_xid, INT64_MAX, 0};
    char text[POSITION_TEXT_LEN + 1];
    return str_copy(arena, str_from(position_format(&end, text)));
}

struct str epoch_encode(const struct epoch_story *story, size_t part, int64_t cut_offset,
                        struct arena *arena)
{
    size_t parts = epoch_parts(story), first = part * RUNS_PER_PART;
    size_t count = MIN_OF((size_t)RUNS_PER_PART, story->run_count - first);
    char cut[POSITION_TEXT_LEN + 1];
    struct history_rewound event = {
        .epoch = story->epoch,
        .cut = str_from(position_format(&story->cut, cut)),
        .system = story->system,
        .started = story->started,
        .part = (int32_t)part + 1,
        .parts = (int32_t)parts,
        .survivors = {story->runs + first, count},
        .cut_offset = cut_offset,
    };
    if (part > 0)
        event.from = run_end(&story->runs[first - 1], arena);
    if (part + 1 < parts)
        event.to = run_end(&story->runs[first + count - 1], arena);
    CLEANUP(buf_done) struct buf value = {0};
    record_encode_value(&history_rewound_event, &event, &value);
    return str_copy(arena, buf_str(&value));
}

enum error epoch_cut_offset(struct relay *relay, int64_t epoch, const struct lane *lane,
                            int64_t *offset, struct err *err)
{
    static const struct statement statement = {"outbox_cut_offset",
                                               "select last_offset from history_partition where "
                                               "epoch = $1 and topic = $2 and partition = $3"};
    struct params params = {0};
    param_bigint(&params, epoch);
    param_text(&params, str_from(lane->topic->name));
    param_int(&params, lane->partition);
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(relay->db, &statement, &params, &result, err);
    if (!code)
        *offset = result_rows(&result) ? result_bigint(&result, 0, 0) : -1;
    return code;
}

void epoch_fill(struct relay *relay, const struct epoch_story *story, size_t part,
                int64_t cut_offset, struct outgoing *event)
{
    event->position = (struct position){story->epoch, 0, 0, (int32_t)part};
    event->key = str_from(
        arena_printf(&relay->batch, "~history|%lld|%zu", (long long)story->epoch, part + 1));
    event->value = epoch_encode(story, part, cut_offset, &relay->batch);
}

static enum error send_to_lane(struct relay *relay, struct lane *lane,
                               const struct epoch_story *story, struct outgoing *event,
                               struct err *err)
{
    int64_t cut_offset;
    enum error code = epoch_cut_offset(relay, story->epoch, lane, &cut_offset, err);
    for (size_t part = 0; !code && part < epoch_parts(story); part++) {
        epoch_fill(relay, story, part, cut_offset, event);
        code = relay_send(relay, lane, event, err);
    }
    return code;
}

enum error epoch_story_find(struct relay *relay, int64_t epoch, struct epoch_story **story,
                            struct err *err)
{
    struct epoch_story *stories;
    size_t count;
    enum error code = epoch_stories(relay->db, &relay->batch, &stories, &count, err);
    for (size_t i = 0; !code && i < count; i++)
        if (stories[i].epoch == epoch) {
            *story = &stories[i];
            return ERROR_NONE;
        }
    return code ? code
                : err_set(err, ERROR_CORRUPT, "the log names an epoch that history does not know");
}

enum error relay_send_epoch(struct relay *relay, int64_t epoch, struct uuid id, struct instant time,
                            struct err *err)
{
    struct epoch_story *story;
    struct outgoing event = {.id = id, .type = relay->history_type, .time = time};
    enum error code = epoch_story_find(relay, epoch, &story, err);
    for (size_t lane = 0; !code && lane < relay->lane_count; lane++)
        code = send_to_lane(relay, &relay->lanes[lane], story, &event, err);
    return code ? code : state_say_again(relay, story, err);
}
