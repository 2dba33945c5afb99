/* Events that cannot be applied wait in the consumer's database, and what follows of their subject
 * behind them. */
#include "base/metric.h"
#include "intake/intake_internal.h"

static struct metric metric_held = {
    .name = "eiso_quarantined", .help = "Events held in quarantine.", .type = METRIC_GAUGE};

enum error quarantine_load(struct intake *intake, struct err *err)
{
    static const struct statement statement = {
        "intake_held", "select topic, subject, count(*) from quarantine group by topic, subject"};
    metric_register(&metric_held);
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(intake->db, &statement, NULL, &result, err);
    if (code)
        return code;
    int64_t events = 0;
    intake->held_count = result_rows(&result);
    intake->held = ARENA_ARRAY(&intake->batch, intake->held_count, struct held);
    for (size_t row = 0; row < intake->held_count; row++) {
        intake->held[row] = (struct held){str_copy(&intake->batch, result_str(&result, row, 0)),
                                          str_copy(&intake->batch, result_str(&result, row, 1))};
        events += result_bigint(&result, row, 2);
    }
    metric_set(&metric_held, events);
    return ERROR_NONE;
}

bool quarantine_holds(const struct intake *intake, const struct topic *topic, struct str subject)
{
    for (size_t i = 0; i < intake->held_count; i++)
        if (str_equal(intake->held[i].subject, subject) &&
            str_equal(intake->held[i].topic, str_from(topic->name)))
            return true;
    return false;
}

enum error quarantine_add(struct db *db, const struct topic *topic, const struct event *event,
                          const char *reason, struct err *err)
{
    static const struct statement statement = {
        "quarantine_add", "insert into quarantine (topic, partition, \"offset\", key, subject, "
                          "source, position, type, reason, value)"
                          " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"};
    char subject[UUID_TEXT_LEN + 1], position[POSITION_TEXT_LEN + 1];
    struct params params = {0};
    param_text(&params, str_from(topic->name));
    param_int(&params, event->partition);
    param_bigint(&params, event->offset);
    param_text(&params, str_present(event->key) ? event->key : STR(""));
    param_text(&params, str_present(event->key) ? event_subject(event, subject) : STR(""));
    param_text(&params, str_present(event->source) ? event->source : STR(""));
    param_text(&params, str_from(position_format(&event->position, position)));
    param_text(&params, str_from(event->type ? event->type->name : ""));
    param_text(&params, str_from(reason));
    param_bytes(&params, event->raw);
    return db_exec(db, &statement, &params, NULL, err);
}

enum error intake_hold(struct event_batch *batch, const struct event *event, const char *reason,
                       struct err *err)
{
    return quarantine_add(batch->db, batch->topic, event, reason, err);
}

/* A ghost that waits never had an effect: it is deleted, not taken back. */
enum error quarantine_drop_ghosts(struct db *db, const struct topic *topic,
                                  const struct event *ghosts, size_t count, struct err *err)
{
    static const struct statement statement = {
        "quarantine_drop_ghost",
        "delete from quarantine where topic = $1 and source = $2 and position = $3"};
    enum error code = ERROR_NONE;
    for (size_t i = 0; !code && i < count; i++) {
        char position[POSITION_TEXT_LEN + 1];
        struct params params = {0};
        param_text(&params, str_from(topic->name));
        param_text(&params, ghosts[i].source);
        param_text(&params, str_from(position_format(&ghosts[i].position, position)));
        code = db_exec(db, &statement, &params, NULL, err);
    }
    return code;
}

/* ---- Operators ---- */

enum error intake_quarantine_list(struct db *db, struct buf *out, struct err *err)
{
    static const struct statement statement = {
        "quarantine_list", "select format('%s  %s[%s]@%s  %s  subject %s  %s  %s  held %s', id, "
                           "topic, partition, \"offset\", type, subject, position, reason, held_at)"
                           "  from quarantine order by id limit 1000"};
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(db, &statement, NULL, &result, err);
    for (size_t row = 0; !code && row < result_rows(&result); row++) {
        buf_add_str(out, result_str(&result, row, 0));
        buf_add_char(out, '\n');
    }
    return code;
}

enum error intake_quarantine_drop(struct db *db, int64_t id, const char *who, struct err *err)
{
    static const struct statement statement = {"quarantine_drop",
                                               "delete from quarantine where id = $1"};
    (void)who; /* the program journals who ran it */
    struct params params = {0};
    param_bigint(&params, id);
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(db, &statement, &params, &result, err);
    if (!code && result_affected(&result) == 0)
        return err_set(err, ERROR_NOT_FOUND, "nothing is held under %lld", (long long)id);
    return code;
}
