/* Events that cannot be applied wait in the consumer's database, and what follows of their subject
 * behind them. */
#include <stdlib.h>

#include "base/metric.h"
#include "intake/intake_internal.h"

enum { MOST_HELD = 100000 };

static struct metric metric_held = {.name = "eiso_quarantined",
                                    .help = "Events held in quarantine.",
                                    .type = METRIC_GAUGE,
                                    .trouble = "events are held in quarantine",
                                    .mend = "quarantine ls"};
static struct metric metric_full = {.name = "eiso_facts_not_taken",
                                    .help = "1 where too many events are held.",
                                    .type = METRIC_GAUGE,
                                    .trouble = "facts are not taken: too many events are held",
                                    .mend = "quarantine ls"};

static int by_topic_and_subject(const void *a, const void *b)
{
    const struct held *left = a, *right = b;
    int order = str_compare(left->topic, right->topic);
    return order ? order : str_compare(left->subject, right->subject);
}

/* A full quarantine leaves the facts' partitions alone, and takes them again when a tenth of it is
 * free: both at the next start. */
static enum error check_full(struct intake *intake, int64_t events, struct err *err)
{
    int64_t most = intake->options->most_held ? intake->options->most_held : MOST_HELD;
    bool before = intake->full, full = events > (before ? most - (most + 9) / 10 : most);
    intake->full = full;
    metric_set(&metric_full, full);
    if (full == before || !intake->consumer)
        return ERROR_NONE;
    return err_set(err, ERROR_FENCED, "%lld events are held in quarantine, at most %lld: %s",
                   (long long)events, (long long)most,
                   full ? "facts are not taken any more" : "there is room again");
}

enum error quarantine_load(struct intake *intake, struct err *err)
{
    static const struct statement statement = {
        "intake_held",
        "select topic, subject, count(*) from quarantine where dropped_at is null"
        " group by topic, subject order by topic collate \"C\", subject collate \"C\""};
    metric_register(&metric_held);
    metric_register(&metric_full);
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
    return check_full(intake, events, err);
}

bool quarantine_holds(const struct intake *intake, const struct topic *topic, struct str subject)
{
    struct held wanted = {str_from(topic->name), subject};
    if (intake->held_count &&
        bsearch(&wanted, intake->held, intake->held_count, sizeof wanted, by_topic_and_subject))
        return true;
    for (size_t i = 0; i < intake->held_now_count; i++)
        if (by_topic_and_subject(&wanted, &intake->held_now[i]) == 0)
            return true;
    return false;
}

enum error quarantine_add(struct intake *intake, const struct topic *topic,
                          const struct event *event, struct str subject, const char *reason,
                          struct err *err)
{
    static const struct statement statement = {
        "quarantine_add",
        "insert into quarantine (topic, partition, \"offset\", key, subject, source, position,"
        "                        type, event, event_time, reason, value)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"};
    char position[POSITION_TEXT_LEN + 1];
    struct str key = str_present(event->key) ? event->key : STR("");
    subject = str_present(subject) ? subject : STR("");
    struct params params = {0};
    param_text(&params, str_from(topic->name));
    param_int(&params, event->partition);
    param_bigint(&params, event->offset);
    param_text(&params, key);
    param_text(&params, subject);
    param_text(&params, str_present(event->source) ? event->source : STR(""));
    param_text(&params, str_from(position_format(&event->position, position)));
    param_text(&params, str_from(event->type ? event->type->name : ""));
    param_uuid(&params, &event->id);
    param_instant(&params, event->time);
    param_text(&params, str_from(reason));
    param_bytes(&params, event->raw);
    intake->held_now[intake->held_now_count++] =
        (struct held){str_from(topic->name), str_copy(&intake->batch, subject)};
    return db_exec(intake->db, &statement, &params, NULL, err);
}

static bool was_deleted(const struct result *deleted, const struct event *event)
{
    char text[POSITION_TEXT_LEN + 1];
    struct str position = str_from(position_format(&event->position, text));
    for (size_t row = 0; row < result_rows(deleted); row++)
        if (str_equal(result_str(deleted, row, 0), position))
            return true;
    return false;
}

enum error quarantine_drop_ghosts(struct intake *intake, const struct topic *topic,
                                  struct event *ghosts, size_t *count, struct err *err)
{
    static const struct statement statement = {
        "quarantine_drop_ghosts",
        "delete from quarantine where topic = $1 and source = $2 and position = any ($3)"
        " returning position"};
    CLEANUP(arena_done) struct arena arena = {0};
    struct str *positions = ARENA_ARRAY(&arena, *count, struct str);
    for (size_t i = 0; i < *count; i++) {
        char text[POSITION_TEXT_LEN + 1];
        positions[i] = str_copy(&arena, str_from(position_format(&ghosts[i].position, text)));
    }
    struct params params = {0};
    param_text(&params, str_from(topic->name));
    param_text(&params, ghosts[0].source);
    struct column column = column_texts(&arena, positions, *count);
    param_column(&params, &column);
    CLEANUP(result_done) struct result deleted = {0};
    enum error code = db_exec(intake->db, &statement, &params, &deleted, err);
    size_t kept = 0;
    for (size_t i = 0; !code && i < *count; i++)
        if (!was_deleted(&deleted, &ghosts[i]))
            ghosts[kept++] = ghosts[i];
    *count = kept;
    return code;
}

/* ---- Operators ---- */

enum error intake_quarantine_list(struct db *db, struct buf *out, struct err *err)
{
    static const struct statement statement = {
        "quarantine_list", "select format('%s  %s[%s]@%s  %s  subject %s  %s  %s  held %s', id, "
                           "topic, partition, \"offset\", type, subject, position, reason, held_at)"
                           "  from quarantine where dropped_at is null order by id limit 1000"};
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(db, &statement, NULL, &result, err);
    for (size_t row = 0; !code && row < result_rows(&result); row++) {
        buf_add_str(out, result_str(&result, row, 0));
        buf_add_char(out, '\n');
    }
    return code;
}

enum error intake_quarantine_show(struct db *db, int64_t id, struct buf *out, struct err *err)
{
    static const struct statement statement = {
        "quarantine_show",
        "select json_build_object('id', q.id, 'topic', q.topic, 'partition', q.partition,"
        "         'offset', q.\"offset\", 'key', q.key, 'subject', q.subject, 'source', q.source,"
        "         'position', q.position, 'type', q.type, 'event', q.event,"
        "         'event_time', q.event_time, 'reason', q.reason, 'held_at', q.held_at,"
        "         'waiting', b.count, 'behind_it', b.first)::text, q.value"
        "  from quarantine q cross join lateral ("
        "       select count(*), json_agg(json_build_object('id', w.id, 'offset', w.\"offset\","
        "                'type', w.type, 'event_time', w.event_time) order by w.id)"
        "                filter (where w.place <= 20) as first"
        "         from (select h.*, row_number() over (order by h.id) as place from quarantine h"
        "                where h.topic = q.topic and h.subject = q.subject and h.id > q.id"
        "                  and h.dropped_at is null) w) b"
        " where q.id = $1 and q.dropped_at is null"};
    struct params params = {0};
    param_bigint(&params, id);
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(db, &statement, &params, &result, err);
    if (code)
        return code;
    if (result_rows(&result) == 0)
        return err_set(err, ERROR_NOT_FOUND, "nothing is held under %lld", (long long)id);
    struct str place = result_str(&result, 0, 0);
    buf_add_str(out, (struct str){place.ptr, place.len - 1}); /* the value comes before its end */
    buf_add_text(out, ", \"value\" : ");
    record_show_value(result_str(&result, 0, 1), out);
    buf_add_text(out, "}\n");
    return ERROR_NONE;
}

enum error intake_quarantine_drop(struct db *db, int64_t id, const char *who, struct err *err)
{
    static const struct statement statement = {
        "quarantine_drop", "update quarantine set dropped_at = now(), dropped_by = $2, value = null"
                           " where id = $1 and dropped_at is null"};
    struct params params = {0};
    param_bigint(&params, id);
    param_text(&params, str_from(who));
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(db, &statement, &params, &result, err);
    if (!code && result_affected(&result) == 0)
        return err_set(err, ERROR_NOT_FOUND, "nothing is held under %lld", (long long)id);
    return code;
}
