/* The ledger outside the database: eiso.<service>.history.v1 holds every epoch that spoke. What the
 * database does not know of it tells that the database went back (protocol-check.md, E1, E2, E5).
 */
#include <stdio.h>

#include "base/log.h"
#include "outbox/outbox_internal.h"

/* One part of an epoch as the ledger has it. */
struct entry {
    struct history_rewound event;
    struct position cut;
};

struct ledger {
    struct entry *entries;
    size_t count, capacity;
};

static enum error from_beginning(void *context, struct bus_assignment *assignments, size_t count,
                                 struct err *err)
{
    (void)context, (void)err;
    for (size_t i = 0; i < count; i++)
        assignments[i].next_offset = BUS_FROM_BEGINNING;
    return ERROR_NONE;
}

static enum error ledger_add(struct relay *relay, struct ledger *ledger,
                             const struct bus_message *message, struct err *err)
{
    if (ledger->count == ledger->capacity) {
        size_t capacity = MAX_OF((size_t)16, ledger->capacity * 2);
        struct entry *grown = ARENA_ARRAY(&relay->life, capacity, struct entry);
        for (size_t i = 0; i < ledger->count; i++)
            grown[i] = ledger->entries[i];
        ledger->entries = grown;
        ledger->capacity = capacity;
    }
    struct entry *entry = &ledger->entries[ledger->count++];
    struct str value = str_copy(&relay->life, message->value);
    enum error code =
        record_decode_value(&history_rewound_event, value, &relay->life, &entry->event, err);
    if (!code && !position_parse(entry->event.cut, &entry->cut))
        code = err_set(err, ERROR_CORRUPT, "cut is no position");
    return code ? err_prefix(err, "ledger") : ERROR_NONE;
}

/* Everything up to the end as it is now. */
static enum error ledger_read(struct relay *relay, const char *topic, struct ledger *ledger,
                              struct err *err)
{
    int64_t first, end, next;
    enum error code = bus_offsets(relay->admin, topic, 0, &first, &end, err);
    if (code || first == end)
        return code;
    struct bus_consumer *consumer;
    struct bus_consumer_options options = {
        .settings = {relay->options->brokers, relay->options->kafka_config,
                     relay->options->client_id},
        .topics = &topic,
        .topic_count = 1,
        .assigned = from_beginning,
    };
    code = bus_consumer_open(&consumer, &options, err);
    if (code)
        return code;
    for (next = first; !code && next < end && !*relay->options->stop;) {
        const struct bus_message *messages;
        size_t count;
        code = bus_consume(consumer, 100, 200, &messages, &count, err);
        for (size_t i = 0; !code && i < count; i++) {
            code = ledger_add(relay, ledger, &messages[i], err);
            next = messages[i].offset + 1;
        }
        if (!code)
            code = lease_renew(relay, err);
    }
    bus_consumer_close(consumer);
    return code;
}

static bool same_epoch(const struct epoch_story *story, const struct entry *entry)
{
    return story->epoch == entry->event.epoch && str_equal(story->started, entry->event.started);
}

static bool ledger_has(const struct ledger *ledger, const struct epoch_story *story)
{
    for (size_t i = 0; i < ledger->count; i++)
        if (same_epoch(story, &ledger->entries[i]))
            return true;
    return false;
}

static bool story_known(const struct epoch_story *stories, size_t count, const struct entry *entry)
{
    for (size_t i = 0; i < count; i++)
        if (same_epoch(&stories[i], entry))
            return true;
    return false;
}

/* Whether a row of an older epoch lies above the entry's cut, in its part's range, and is not among
 * its survivors. */
static enum error has_lost_row(struct relay *relay, const struct entry *entry, bool *lost,
                               struct err *err)
{
    static const struct statement statement = {
        "outbox_lost_row",
        "select exists (select from event_log l"
        "  where l.epoch < $1 and (l.epoch, l.xid, l.seq) > ($2, $3, $4) and (l.epoch, l.xid) > "
        "($5, $6) and (l.epoch, l.xid) <= ($7, $8)"
        "    and not exists (select from unnest($9::bigint[], $10::bigint[], $11::bigint[]) s "
        "(epoch, from_xid, to_xid)"
        "                     where s.epoch = l.epoch and l.xid between s.from_xid and s.to_xid))"};
    struct position from = {0}, to = {INT64_MAX, INT64_MAX, INT64_MAX, 0};
    if ((str_present(entry->event.from) && !position_parse(entry->event.from, &from)) ||
        (str_present(entry->event.to) && !position_parse(entry->event.to, &to)))
        return err_set(err, ERROR_CORRUPT, "ledger: range is no position");
    size_t count = entry->event.survivors.count;
    const struct survivors *runs = entry->event.survivors.items;
    int64_t *columns[3];
    for (size_t c = 0; c < COUNT_OF(columns); c++)
        columns[c] = ARENA_ARRAY(&relay->batch, count, int64_t);
    for (size_t i = 0; i < count; i++) {
        columns[0][i] = runs[i].epoch;
        columns[1][i] = runs[i].from_xid;
        columns[2][i] = runs[i].to_xid;
    }
    struct params params = {0};
    const int64_t numbers[] = {entry->event.epoch, entry->cut.epoch, entry->cut.xid, entry->cut.seq,
                               from.epoch,         from.xid,         to.epoch,       to.xid};
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        param_bigint(&params, numbers[i]);
    for (size_t c = 0; c < COUNT_OF(columns); c++) {
        struct column column = column_bigints(&relay->batch, columns[c], count);
        param_column(&params, &column);
    }
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(relay->db, &statement, &params, &result, err);
    if (!code)
        *lost = result_bool(&result, 0, 0);
    return code;
}

/* What the ledger's epochs that are not known here say together. */
struct verdict {
    bool lost;
    struct position lowest_cut;
    int64_t highest_epoch;
};

static enum error mark_abandoned(struct relay *relay, const struct verdict *verdict,
                                 struct err *err)
{
    static const struct statement statement = {
        "outbox_abandon", "update history set state = 'abandoned', unknown_cut_epoch = $1,"
                          " unknown_cut_xid = $2, unknown_cut_seq = $3, unknown_epoch = $4"
                          " where epoch = (select max(epoch) from history)"};
    struct params params = {0};
    param_bigint(&params, verdict->lowest_cut.epoch);
    param_bigint(&params, verdict->lowest_cut.xid);
    param_bigint(&params, verdict->lowest_cut.seq);
    param_bigint(&params, verdict->highest_epoch);
    enum error code = db_exec(relay->db, &statement, &params, NULL, err);
    if (code)
        return code;
    char cut[POSITION_TEXT_LEN + 1];
    return err_set(err, ERROR_FENCED,
                   "return into an abandoned history: the ledger has epoch %lld, lowest cut %s",
                   (long long)verdict->highest_epoch, position_format(&verdict->lowest_cut, cut));
}

static enum error judge_entry(struct relay *relay, const struct entry *entry,
                              int64_t lowest_unwritten, struct verdict *verdict, struct err *err)
{
    bool lost = position_compare(&entry->cut, &relay->saved) < 0 ||
                (lowest_unwritten && lowest_unwritten <= entry->event.epoch);
    enum error code = lost ? ERROR_NONE : has_lost_row(relay, entry, &lost, err);
    if (!verdict->highest_epoch || position_compare(&entry->cut, &verdict->lowest_cut) < 0)
        verdict->lowest_cut = entry->cut;
    verdict->highest_epoch = MAX_OF(verdict->highest_epoch, entry->event.epoch);
    verdict->lost |= lost;
    return code;
}

/* Judged are the ledger's epochs that the database does not know and that are newer than the newest
 * own one it has, or that was the way out; an own epoch that the ledger lacks must be higher than
 * all of those. */
static enum error judge(struct relay *relay, const struct ledger *ledger,
                        const struct epoch_story *stories, size_t count, struct err *err)
{
    int64_t newest_common = 0, lowest_unwritten = 0;
    struct verdict verdict = {0};
    for (size_t i = count; i-- > 0;) {
        if (stories[i].returned || ledger_has(ledger, &stories[i]))
            newest_common = MAX_OF(newest_common, stories[i].epoch);
        else
            lowest_unwritten = stories[i].epoch;
    }
    enum error code = ERROR_NONE;
    for (size_t i = 0; !code && i < ledger->count; i++) {
        const struct entry *entry = &ledger->entries[i];
        if (entry->event.epoch > newest_common && !story_known(stories, count, entry))
            code = judge_entry(relay, entry, lowest_unwritten, &verdict, err);
    }
    return code || !verdict.lost ? code : mark_abandoned(relay, &verdict, err);
}

static enum error write_story(struct relay *relay, struct lane *lane,
                              const struct epoch_story *story, struct err *err)
{
    enum error code = ERROR_NONE;
    for (size_t part = 0; !code && part < epoch_parts(story); part++) {
        struct outgoing event = {
            .position = {story->epoch, 0, 0, (int32_t)part},
            .id = uuid_v7(),
            .type = relay->history_type,
            .time = {clock_now()},
            .key = str_from(arena_printf(&relay->batch, "%lld", (long long)story->epoch)),
            .value = epoch_encode(story, part, -1, &relay->batch),
        };
        code = relay_send(relay, lane, &event, err);
    }
    return code;
}

enum error ledger_settle(struct relay *relay, struct err *err)
{
    const char *topic = topic_history(relay->options->service)->name;
    struct ledger ledger = {0};
    struct epoch_story *stories;
    size_t count;
    enum error code = ledger_read(relay, topic, &ledger, err);
    if (!code)
        code = epoch_stories(relay->db, &relay->batch, &stories, &count, err);
    if (!code)
        code = judge(relay, &ledger, stories, count, err);
    if (code)
        return code;
    struct lane lane = {.topic = topic_history(relay->options->service), .last_offset = -1};
    for (size_t i = 0; !code && i < count; i++) {
        if (ledger_has(&ledger, &stories[i]))
            continue;
        log_line(LOG_INFO, "epoch goes to the ledger", LOG_NUMBER("epoch", stories[i].epoch));
        code = write_story(relay, &lane, &stories[i], err);
    }
    return code ? code : relay_settle(relay, err);
}
