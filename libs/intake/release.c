/* Releasing what was held: the event and all that waits for its subject, in order, in one
 * transaction that holds the offset rows' locks, so that apply adds none to them meanwhile; what is
 * deleted is exactly what was read (protocol-check.md, W15). */
#include "intake/intake_internal.h"

/* Apply locks the offset row first, too. */
static enum error lock_offsets(struct db *db, int64_t id, struct err *err)
{
    static const struct statement statement = {
        "release_lock",
        "select from consumer_offset o where o.topic = (select q.topic from quarantine q where "
        "q.id = $1) order by o.partition for update"};
    struct params params = {0};
    param_bigint(&params, id);
    return db_exec(db, &statement, &params, NULL, err);
}

static enum error read_held(struct db *db, int64_t id, struct result *result, struct err *err)
{
    static const struct statement statement = {
        "release_read",
        "select h.id, h.topic, h.partition, h.\"offset\", h.key, h.source, h.position, h.type,"
        "       h.event, h.event_time, h.value"
        "  from quarantine q join quarantine h on h.topic = q.topic and h.subject = q.subject"
        " where q.id = $1 and q.dropped_at is null and h.dropped_at is null"
        " order by h.id for update of h"};
    struct params params = {0};
    param_bigint(&params, id);
    enum error code = db_exec(db, &statement, &params, result, err);
    if (!code && result_rows(result) == 0)
        return err_set(err, ERROR_NOT_FOUND, "nothing is held under %lld", (long long)id);
    return code;
}

static enum error read_event(const struct result *result, size_t row, struct arena *arena,
                             struct event *event, struct err *err)
{
    *event = (struct event){
        .type = event_type_find(result_str(result, row, 7)),
        .source = result_str(result, row, 5),
        .id = result_uuid(result, row, 8),
        .time = result_instant(result, row, 9),
        .key = result_str(result, row, 4),
        .partition = result_int(result, row, 2),
        .offset = result_bigint(result, row, 3),
        .raw = result_str(result, row, 10),
    };
    bool erased = !str_present(event->raw);
    if (event->type && !erased)
        event->value = envelope_decode(event->type, event->raw, arena);
    if (!position_parse(result_str(result, row, 6), &event->position) ||
        position_is_zero(&event->position) || !uuid_present(&event->id) ||
        (!event->value && !erased))
        return err_set(err, ERROR_CONFLICT, "%lld still cannot be applied",
                       (long long)result_bigint(result, row, 0));
    return ERROR_NONE;
}

static const struct subscription *subscription_of(const struct intake_options *options,
                                                  struct str topic)
{
    for (size_t i = 0; i < options->subscriptions.count; i++)
        if (str_equal(str_from(options->subscriptions.items[i].topic->name), topic))
            return &options->subscriptions.items[i];
    return NULL;
}

static enum error hand_over(struct db *db, const struct intake_options *options,
                            const struct result *result, struct arena *arena, struct err *err)
{
    size_t count = result_rows(result);
    const struct subscription *subscription = subscription_of(options, result_str(result, 0, 1));
    if (!subscription)
        return err_set(err, ERROR_CONFLICT, "its topic is not taken any more");
    struct event *events = ARENA_ARRAY(arena, count, struct event);
    enum error code = ERROR_NONE;
    for (size_t row = 0; !code && row < count; row++)
        code = read_event(result, row, arena, &events[row], err);
    struct event_batch batch = {db,  arena, subscription->topic, events, count, options->context,
                                NULL};
    return code ? code : subscription->handler(&batch, err);
}

static enum error delete_read(struct db *db, const struct result *result, struct arena *arena,
                              struct err *err)
{
    static const struct statement statement = {"release_delete",
                                               "delete from quarantine where id = any ($1)"};
    size_t count = result_rows(result);
    int64_t *ids = ARENA_ARRAY(arena, count, int64_t);
    for (size_t row = 0; row < count; row++)
        ids[row] = result_bigint(result, row, 0);
    struct params params = {0};
    struct column column = column_bigints(arena, ids, count);
    param_column(&params, &column);
    return db_exec(db, &statement, &params, NULL, err);
}

enum error intake_quarantine_release(struct db *db, const struct intake_options *options,
                                     int64_t id, size_t *count, struct err *err)
{
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_begin(db, err);
    if (!code)
        code = lock_offsets(db, id, err);
    if (!code)
        code = read_held(db, id, &result, err);
    if (!code)
        code = hand_over(db, options, &result, &arena, err);
    if (!code)
        code = delete_read(db, &result, &arena, err);
    if (!code)
        code = db_commit(db, err);
    if (code)
        db_rollback(db);
    *count = code ? 0 : result_rows(&result);
    return code;
}
