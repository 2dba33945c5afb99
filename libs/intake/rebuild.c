/* A rebuild's way through the topics: in rounds, each up to where the live apply stood when it
 * began, the next one shorter; the last, of a moment, while apply is held back. Alone and without a
 * group: two of them are kept apart by a lock in the database. */
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/fault.h"
#include "intake/rebuild_internal.h"

enum {
    ROUND_MESSAGES = 4000,
    WAIT_MS = 200,
    SHORT_ROUND_US = 1000000, /* then it is close enough for the swap */
    LAST_ROUND_US = 10 * 1000000,
    SAY_EVERY_US = 5 * 1000000,
    SWAP_TRIES = 600,
    SWAP_PAUSE_MS = 500,
    NEVER = 0
};

static void say(const struct rebuild *rebuild, const char *format, ...) PRINTF_LIKE(2, 3);
static void say(const struct rebuild *rebuild, const char *format, ...)
{
    char line[240];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (rebuild->options->say)
        rebuild->options->say(line);
}

static size_t lane_count(const struct rebuild *rebuild)
{
    return rebuild->intake.options->subscriptions.count * (size_t)rebuild->intake.partitions;
}

static enum error stopped(const struct rebuild *rebuild, struct err *err)
{
    if (*rebuild->intake.options->stop)
        return err_set(err, ERROR_UNAVAILABLE, "stopped: the next rebuild goes on from here");
    return ERROR_NONE;
}

/* ---- One round ---- */

struct round {
    struct rebuild *rebuild;
    struct bus_consumer *consumer;
    bool began;      /* partitions were named */
    bool *reached;   /* of each lane: nothing below its goal is left */
    int64_t ends_us; /* monotonic; NEVER */
    int64_t said_us, taken;
};

static enum error read_goals(struct rebuild *rebuild, struct err *err)
{
    static const struct statement statement = {
        "rebuild_goals", "select topic, partition, next_offset from consumer_offset"};
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(rebuild->db, &statement, NULL, &result, err);
    for (size_t i = 0; i < lane_count(rebuild); i++)
        rebuild->goals[i] = BUS_FROM_BEGINNING;
    for (size_t row = 0; !code && row < result_rows(&result); row++)
        for (size_t t = 0; t < rebuild->intake.options->subscriptions.count; t++)
            if (str_equal(result_str(&result, row, 0), str_from(rebuild->intake.topics[t])))
                rebuild->goals[t * (size_t)rebuild->intake.partitions +
                               (size_t)result_int(&result, row, 1)] =
                    result_bigint(&result, row, 2);
    return code;
}

/* Whether the topic has anything for this lane below its goal. */
static enum error has_more(struct rebuild *rebuild, const struct bus_assignment *assignment,
                           int64_t goal, bool *more, struct err *err)
{
    const char *topic = rebuild->intake.topics[assignment->topic];
    int64_t first, next;
    enum error code =
        bus_offsets(rebuild->intake.admin, topic, assignment->partition, &first, &next, err);
    if (!code && next < goal)
        return err_set(err, ERROR_CONFLICT, "%s[%d] ends at %lld, apply stands at %lld", topic,
                       assignment->partition, (long long)next, (long long)goal);
    *more = first < goal;
    return code;
}

static enum error round_assigned(void *context, struct bus_assignment *assignments, size_t count,
                                 struct err *err)
{
    struct round *round = context;
    struct rebuild *rebuild = round->rebuild;
    struct intake *intake = &rebuild->intake;
    enum error code = offsets_load(intake, assignments, count, err);
    if (!code && intake->full)
        code = err_set(err, ERROR_FENCED, "too many events would be held (quarantine)");
    for (size_t i = 0; !code && i < count; i++) {
        struct lane *lane = intake_lane(intake, assignments[i].topic, assignments[i].partition);
        size_t index = (size_t)(lane - intake->lanes);
        bool more = lane->next_offset < rebuild->goals[index];
        if (more)
            code = has_more(rebuild, &assignments[i], rebuild->goals[index], &more, err);
        lane->assigned = more;
        round->reached[index] = !more;
        assignments[i].next_offset = more ? lane->next_offset : BUS_NOT_TAKEN;
    }
    round->began = true;
    return code;
}

static bool round_ended(const struct round *round)
{
    for (size_t i = 0; round->began && i < lane_count(round->rebuild); i++)
        if (round->rebuild->intake.lanes[i].assigned && !round->reached[i])
            return false;
    return round->began;
}

/* What is below the goals, in order; what lies above tells that its lane is through. */
static size_t choose(struct round *round, const struct bus_message *messages, size_t count,
                     struct bus_message **chosen)
{
    struct rebuild *rebuild = round->rebuild;
    size_t kept = 0;
    arena_reset(&rebuild->round);
    *chosen = ARENA_ARRAY(&rebuild->round, count, struct bus_message);
    for (size_t i = 0; i < count; i++) {
        const struct lane *lane =
            intake_lane(&rebuild->intake, messages[i].topic, messages[i].partition);
        size_t index = (size_t)(lane - rebuild->intake.lanes);
        if (messages[i].offset < rebuild->goals[index])
            (*chosen)[kept++] = messages[i];
        round->reached[index] |= messages[i].offset + 1 >= rebuild->goals[index];
    }
    return kept;
}

static void say_progress(struct round *round)
{
    if (clock_monotonic() - round->said_us < SAY_EVERY_US)
        return;
    int64_t left = 0;
    for (size_t i = 0; i < lane_count(round->rebuild); i++) {
        const struct lane *lane = &round->rebuild->intake.lanes[i];
        if (lane->assigned && !round->reached[i])
            left += round->rebuild->goals[i] - MAX_OF(lane->next_offset, 0);
    }
    say(round->rebuild, "%lld events taken in, about %lld left", (long long)round->taken,
        (long long)left);
    round->said_us = clock_monotonic();
}

static enum error take_some(struct round *round, struct err *err)
{
    const struct bus_message *messages;
    struct bus_message *chosen;
    size_t count;
    enum error code = bus_consume(round->consumer, ROUND_MESSAGES, WAIT_MS, &messages, &count, err);
    if (code || count == 0)
        return code;
    count = choose(round, messages, count, &chosen);
    if (count)
        code = intake_apply(&round->rebuild->intake, chosen, count, err);
    round->taken += (int64_t)count;
    say_progress(round);
    FAULT("rebuild_round");
    return code;
}

static enum error run_round(struct round *round, struct err *err)
{
    enum error code = ERROR_NONE;
    while (!code && !round_ended(round)) {
        code = take_some(round, err);
        if (!code)
            code = stopped(round->rebuild, err);
        if (!code && round->ends_us && clock_monotonic() > round->ends_us)
            code = err_set(err, ERROR_UNAVAILABLE, "apply was held back for too long");
    }
    return code;
}

/* Up to where apply stands now. */
static enum error take_round(struct rebuild *rebuild, int64_t ends_us, struct err *err)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct intake *intake = &rebuild->intake;
    const struct intake_options *options = intake->options;
    struct round round = {.rebuild = rebuild,
                          .reached = ARENA_ARRAY(&arena, lane_count(rebuild), bool),
                          .ends_us = ends_us,
                          .said_us = clock_monotonic()};
    struct bus_consumer_options consumer = {
        .settings = {options->brokers, options->kafka_config, options->client_id},
        .topics = intake->topics,
        .topic_count = options->subscriptions.count,
        .assigned = round_assigned,
        .context = &round,
    };
    enum error code = read_goals(rebuild, err);
    if (!code)
        code = bus_consumer_open(&round.consumer, &consumer, err);
    if (code)
        return code;
    intake->consumer = round.consumer;
    code = run_round(&round, err);
    intake->consumer = NULL;
    bus_consumer_close(round.consumer);
    return code;
}

static enum error take_rounds(struct rebuild *rebuild, struct err *err)
{
    for (;;) {
        int64_t began_us = clock_monotonic();
        enum error code = take_round(rebuild, NEVER, err);
        if (code || clock_monotonic() - began_us < SHORT_ROUND_US)
            return code;
    }
}

static enum error take_rest(struct rebuild *rebuild, struct err *err)
{
    return take_round(rebuild, clock_monotonic() + LAST_ROUND_US, err);
}

/* ---- What the topics no longer have ---- */

/* One partition of facts: the first event that is there, and since when all of them are. */
struct beginning {
    int64_t first; /* offset; -1: nothing is to be read */
    bool seen;
};

struct beginnings {
    struct rebuild *rebuild;
    struct beginning *items; /* of each lane */
    size_t left;
    int64_t complete_from_us; /* the latest of them; 0: all has been there ever since */
};

/* Facts are taken after their date, and a transaction may begin before midnight and commit behind
 * it. */
static struct date boundary_of(int64_t complete_from_us)
{
    struct date day = date_of((struct instant){complete_from_us}, ALMATY_OFFSET_MINUTES);
    return (struct date){day.day + 2};
}

static enum error look_at_partition(struct beginnings *all, size_t index, struct err *err)
{
    struct rebuild *rebuild = all->rebuild;
    const struct intake *intake = &rebuild->intake;
    int64_t first, next;
    enum error code =
        bus_offsets(intake->admin, intake->topics[index / (size_t)intake->partitions],
                    (int32_t)(index % (size_t)intake->partitions), &first, &next, err);
    all->items[index].first = -1;
    if (code == ERROR_NOT_FOUND) /* a topic with fewer partitions than another */
        return ERROR_NONE;
    if (!code && first < next) {
        all->items[index].first = first;
        all->left++;
    } else if (!code && rebuild->goals[index] > 0) {
        all->complete_from_us = clock_now(); /* whatever was there is gone */
    }
    return code;
}

static enum error beginnings_assigned(void *context, struct bus_assignment *assignments,
                                      size_t count, struct err *err)
{
    const struct beginnings *all = context;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        const struct intake *intake = &all->rebuild->intake;
        size_t index =
            assignments[i].topic * (size_t)intake->partitions + (size_t)assignments[i].partition;
        int64_t first = all->items[index].first;
        assignments[i].next_offset = first >= 0 ? first : BUS_NOT_TAKEN;
    }
    return ERROR_NONE;
}

/* The first event names its predecessor: none means that nothing was before. A topic made anew and
 * filled again begins at 0 as well. */
static void take_beginning(struct beginnings *all, const struct bus_message *message)
{
    struct rebuild *rebuild = all->rebuild;
    struct beginning *beginning = &all->items[message->topic * (size_t)rebuild->intake.partitions +
                                              (size_t)message->partition];
    if (beginning->seen)
        return;
    beginning->seen = true;
    all->left--;
    struct envelope envelope;
    arena_reset(&rebuild->round);
    envelope_read(message, rebuild->intake.options->subscriptions.items[message->topic].topic,
                  &rebuild->round, &envelope);
    bool known = !position_is_zero(&envelope.event.position);
    if (known && position_is_zero(&envelope.predecessor))
        return;
    int64_t since_us =
        known && beginning->first == 0 ? envelope.event.time.us : message->timestamp_ms * 1000;
    all->complete_from_us = MAX_OF(all->complete_from_us, since_us);
}

static enum error read_beginnings(struct beginnings *all, struct err *err)
{
    const struct intake *intake = &all->rebuild->intake;
    const struct intake_options *options = intake->options;
    struct bus_consumer *consumer;
    struct bus_consumer_options wanted = {
        .settings = {options->brokers, options->kafka_config, options->client_id},
        .topics = intake->topics,
        .topic_count = options->subscriptions.count,
        .assigned = beginnings_assigned,
        .context = all,
    };
    enum error code = bus_consumer_open(&consumer, &wanted, err);
    if (code)
        return code;
    while (!code && all->left) {
        const struct bus_message *messages;
        size_t count;
        code = bus_consume(consumer, ROUND_MESSAGES, WAIT_MS, &messages, &count, err);
        for (size_t i = 0; !code && i < count; i++)
            take_beginning(all, &messages[i]);
        if (!code)
            code = stopped(all->rebuild, err);
    }
    bus_consumer_close(consumer);
    return code;
}

/* The first date of which the topics have everything; absent where they have all there was. */
static enum error find_boundary(struct rebuild *rebuild, struct date *boundary, struct err *err)
{
    CLEANUP(arena_done) struct arena arena = {0};
    const struct subscriptions *subscriptions = &rebuild->intake.options->subscriptions;
    struct beginnings all = {.rebuild = rebuild,
                             .items = ARENA_ARRAY(&arena, lane_count(rebuild), struct beginning)};
    enum error code = read_goals(rebuild, err);
    for (size_t i = 0; !code && i < lane_count(rebuild); i++) {
        all.items[i].first = -1;
        if (subscriptions->items[i / (size_t)rebuild->intake.partitions].topic->cleanup ==
            TOPIC_FACTS)
            code = look_at_partition(&all, i, err);
    }
    if (!code && all.left)
        code = read_beginnings(&all, err);
    if (!code && all.complete_from_us)
        *boundary = boundary_of(all.complete_from_us);
    return code;
}

/* ---- All of it ---- */

static enum error make_model(struct rebuild *rebuild, struct err *err)
{
    struct intake *intake = &rebuild->intake;
    const struct intake_options *options = intake->options;
    struct date boundary = {0};
    bool prepared = false;
    char text[DATE_TEXT_LEN + 1];
    enum error code = db_open(&intake->db, options->conninfo, err);
    if (!code)
        code = model_migrate(rebuild, err);
    if (!code)
        code = intake_meet(intake, err);
    if (code)
        return code;
    rebuild->goals = ARENA_ARRAY(&rebuild->life, lane_count(rebuild), int64_t);
    code = model_prepared(rebuild, &prepared, err);
    if (!code && !prepared)
        code = find_boundary(rebuild, &boundary, err);
    if (!code && boundary.day)
        say(rebuild, "dates before %s are taken over: the topics begin later",
            date_format(boundary, text));
    if (!code && !prepared)
        code = model_prepare(rebuild, boundary, err);
    if (!code && options->opened)
        code = options->opened(intake->db, options->context, err);
    return code;
}

static enum error swap(struct rebuild *rebuild, struct err *err)
{
    for (int tries = 0;; tries++) {
        enum error code = model_swap(rebuild, take_rest, err);
        if (code != ERROR_BUSY || tries == SWAP_TRIES)
            return code;
        if (tries % 20 == 0)
            say(rebuild, "not swapped yet: %s", err->text);
        clock_sleep_ms(SWAP_PAUSE_MS);
        code = stopped(rebuild, err);
        if (!code)
            code = take_rounds(rebuild, err);
        if (code)
            return code;
    }
}

static enum error make_and_swap(struct rebuild *rebuild, struct err *err)
{
    enum error code = make_model(rebuild, err);
    if (!code)
        code = take_rounds(rebuild, err);
    if (!code)
        say(rebuild, "all is taken in");
    if (!code)
        code = model_analyze(rebuild, err);
    if (!code)
        code = swap(rebuild, err);
    if (!code)
        say(rebuild, "swapped");
    return code;
}

static void rebuild_done(struct rebuild *rebuild)
{
    struct intake *intake = &rebuild->intake;
    bus_admin_close(intake->admin);
    db_close(intake->db);
    arena_done(&intake->batch);
    arena_done(&intake->refusals);
    arena_done(&intake->assigned);
    arena_done(&intake->life);
    arena_done(&rebuild->round);
    arena_done(&rebuild->life);
}

enum error intake_rebuild(struct db *db, const struct rebuild_options *options, struct err *err)
{
    CLEANUP(rebuild_done)
    struct rebuild rebuild = {.options = options, .db = db, .intake = {.options = options->intake}};
    bool swapped = false;
    enum error code = model_lock(&rebuild, err);
    if (!code)
        code = model_there(&rebuild, rebuild.replaced, &swapped, err);
    if (!code && !swapped)
        code = make_and_swap(&rebuild, err);
    return code ? code : model_finish(&rebuild, err);
}
