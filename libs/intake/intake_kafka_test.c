/* Apply among events as no relay of ours would send them: broken, unknown, twice, with holes, and
 * of histories that were lost. Topics have one partition; a test has a database and a source of its
 * own, and begins at the topics' ends. */
#include "testkit/check.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "bus/bus.h"
#include "contracts/history.h"
#include "contracts/marks.h"
#include "contracts/registry.h"
#include "intake/copies.h"
#include "testkit/testkit.h"

enum { WAIT_MS = 20000, REFUSED_POINTS = 13 };

static struct testkit_server *kafka;
static struct bus_producer *producer;
static struct bus_admin *admin;

struct house {
    struct arena arena;
    const char *conninfo;
    struct db *db;
    struct str source;
    struct position last[2]; /* sent to the topic of marks, to another */
    bool lenient;            /* the handler takes what it refuses else */
    volatile bool stop, ready;
    struct intake_options options;
    pthread_t thread;
    enum error ended;
    struct err err;
};

/* ---- The consumer ---- */

static enum error write_effects(struct event_batch *batch, int effect, struct err *err)
{
    static const struct statement statement = {
        "write_effect", "insert into effect (position, points, effect) values ($1, $2, $3)"};
    const struct house *house = batch->context;
    enum error code = ERROR_NONE;
    for (size_t i = 0; !code && i < batch->count; i++) {
        const struct mark *mark = batch->events[i].value;
        if (effect > 0 && mark->points.value == REFUSED_POINTS && !house->lenient) {
            code = intake_hold(batch, &batch->events[i], "an unlucky number", err);
            continue;
        }
        char text[POSITION_TEXT_LEN + 1];
        struct params params = {0};
        param_text(&params, str_from(position_format(&batch->events[i].position, text)));
        param_int(&params, mark->points.value);
        param_int(&params, effect);
        code = db_exec(batch->db, &statement, &params, NULL, err);
    }
    return code;
}

static enum error apply_marks(struct event_batch *batch, struct err *err)
{
    return write_effects(batch, 1, err);
}

static enum error retract_marks(struct event_batch *ghosts, struct err *err)
{
    return write_effects(ghosts, -1, err);
}

static const struct subscription subscriptions[] = {
    {&topic_keys, intake_copy},
    {&topic_aliases, intake_copy},
    {&topic_marks, apply_marks},
};

static void *run_intake(void *context)
{
    struct house *house = context;
    house->ended = intake_run(&house->options, &house->err);
    return NULL;
}

static void start(struct house *house)
{
    house->stop = house->ready = false;
    house->err = (struct err){0};
    assert_int_equal(pthread_create(&house->thread, NULL, run_intake, house), 0);
}

static enum error stop(struct house *house)
{
    house->stop = true;
    pthread_join(house->thread, NULL);
    return house->ended;
}

/* How it ended by itself. */
static enum error wait_for_end(struct house *house)
{
    pthread_join(house->thread, NULL);
    return house->ended;
}

/* ---- The database ---- */

static const char *ask(struct house *house, const char *sql)
{
    static int number;
    struct statement *statement = ARENA_NEW(&house->arena, struct statement);
    *statement = (struct statement){arena_printf(&house->arena, "ask_%d", number++), sql};
    struct result result = {0};
    struct err err = {0};
    if (db_exec(house->db, statement, NULL, &result, &err))
        fail_msg("%s: %s", sql, err.text);
    const char *text =
        result_rows(&result) ? str_copy(&house->arena, result_str(&result, 0, 0)).ptr : NULL;
    result_done(&result);
    return text;
}

static void run(struct house *house, const char *sql)
{
    struct err err = {0};
    if (db_run(house->db, sql, &err))
        fail_msg("%s: %s", sql, err.text);
}

/* All effects, in order: points, negative where taken back. */
static const char effects[] =
    "select coalesce(string_agg((points * effect)::text, ' ' order by id), '') from effect";
static const char held[] =
    "select coalesce(string_agg(reason || ' ' || \"offset\" - (select min(\"offset\") from "
    "quarantine), ', ' order by id), '') from quarantine where dropped_at is null";

struct question {
    struct house *house;
    const char *sql, *wanted, *got;
};

static bool answers(void *context)
{
    struct question *question = context;
    question->got = ask(question->house, question->sql);
    return strcmp(question->got, question->wanted) == 0;
}

static void expect(struct house *house, const char *sql, const char *wanted)
{
    struct question question = {house, sql, wanted, ""};
    testkit_wait_until(answers, &question, WAIT_MS);
    assert_string_equal(question.got, wanted);
}

/* ---- The source ---- */

struct sent {
    const struct topic *topic;
    struct position position, before;
    const char *type, *key;
    struct str value;
};

static void send(struct house *house, const struct sent *sent)
{
    char id[UUID_TEXT_LEN + 1], time[INSTANT_TEXT_LEN + 1];
    char own[POSITION_TEXT_LEN + 1], before[POSITION_TEXT_LEN + 1];
    struct uuid uuid = uuid_v7();
    const struct bus_header headers[] = {
        {STR("ce_id"), str_from(uuid_format(&uuid, id))},
        {STR("ce_source"), house->source},
        {STR("ce_type"), str_from(sent->type)},
        {STR("ce_time"), str_from(instant_format((struct instant){clock_now()}, time))},
        {STR("eiso_position"),
         str_from(arena_printf(&house->arena, "%s %s", position_format(&sent->position, own),
                               position_format(&sent->before, before)))},
    };
    struct bus_message_out message = {sent->topic->name, 0,       str_from(sent->key),
                                      sent->value,       headers, COUNT_OF(headers)};
    struct err err = {0};
    if (bus_produce(producer, &message, &err))
        fail_msg("%s", err.text);
    while (bus_producer_progress(producer).acknowledged != bus_producer_progress(producer).produced)
        if (bus_producer_poll(producer, 100, &err))
            fail_msg("%s", err.text);
    house->last[sent->topic != &topic_marks] = sent->position;
}

static struct str mark_value(struct house *house, int learner, int points)
{
    CLEANUP(buf_done) struct buf value = {0};
    struct mark mark = {.id = uuid_v7(), .points = {true, points}, .date = {20000}};
    mark.learner = mark.organisation = mark.class = mark.id;
    memset(&mark.learner, learner, sizeof mark.learner);
    record_encode_value(&mark_recorded_event, &mark, &value);
    return str_copy(&house->arena, buf_str(&value));
}

static const char recorded[] = "kz.eiso.grades.mark.recorded.v1";

/* The next mark in order, at (epoch, xid); its points are its name. */
static void send_mark(struct house *house, int64_t epoch, int64_t xid, int learner, int points)
{
    struct sent sent = {&topic_marks,   {epoch, xid, xid, 0},
                        house->last[0], recorded,
                        "school",       mark_value(house, learner, points)};
    send(house, &sent);
}

static void send_rewound(struct house *house, const struct history_rewound *story, int32_t part)
{
    CLEANUP(buf_done) struct buf value = {0};
    record_encode_value(&history_rewound_event, story, &value);
    struct sent sent = {&topic_marks,   {story->epoch, 0, 0, part},
                        house->last[0], "kz.eiso.grades.history.rewound.v1",
                        "~history",     buf_str(&value)};
    send(house, &sent);
}

/* ---- Begin and end ---- */

static int64_t end_of(const struct topic *topic)
{
    int64_t first, next;
    struct err err = {0};
    if (bus_offsets(admin, topic->name, 0, &first, &next, &err))
        fail_msg("%s", err.text);
    return next;
}

static void stand_at_the_ends(struct house *house)
{
    run(house, arena_printf(&house->arena,
                            "insert into consumer_offset values ('%s', 0, %lld), ('%s', 0, %lld)",
                            topic_marks.name, (long long)end_of(&topic_marks), topic_keys.name,
                            (long long)end_of(&topic_keys)));
}

static int begin(void **state)
{
    struct house *house = mem_alloc(sizeof *house);
    struct err err = {0};
    house->conninfo = testkit_database(&house->arena);
    house->source = str_from(testkit_name(&house->arena, "/test/grades"));
    if (db_open(&house->db, house->conninfo, &err) ||
        db_migrate(house->db, &intake_migrations, 1, &err))
        fail_msg("%s", err.text);
    run(house, "create table effect(id serial, position text, points integer, effect integer)");
    stand_at_the_ends(house);
    house->options = (struct intake_options){
        .service = testkit_name(&house->arena, "test"),
        .conninfo = house->conninfo,
        .brokers = testkit_server_address(kafka),
        .client_id = "test",
        .subscriptions = SUBSCRIPTIONS(subscriptions),
        .retract = retract_marks,
        .context = house,
        .stop = &house->stop,
        .ready = &house->ready,
    };
    *state = house;
    return 0;
}

static int end(void **state)
{
    struct house *house = *state;
    db_close(house->db);
    arena_done(&house->arena);
    free(house);
    return 0;
}

static int open_kafka(void **state)
{
    (void)state;
    kafka = testkit_kafka_new();
    struct bus_settings settings = {testkit_server_address(kafka), NULL, "test", 0};
    struct bus_producer_options options = {settings, NULL, NULL};
    const struct bus_topic topics[] = {{topic_marks.name, 1, 1, NULL, 0},
                                       {topic_keys.name, 1, 1, NULL, 0},
                                       {topic_aliases.name, 1, 1, NULL, 0}};
    struct err err = {0};
    if (bus_admin_open(&admin, &settings, &err) ||
        bus_admin_create_topics(admin, topics, COUNT_OF(topics), &err) ||
        bus_producer_open(&producer, &options, &err))
        fail_msg("%s", err.text);
    return 0;
}

static int close_kafka(void **state)
{
    (void)state;
    bus_producer_close(producer);
    bus_admin_close(admin);
    testkit_server_free(kafka);
    return 0;
}

/* The operator sees the event as JSON, with both of these in it. */
static void expect_shown(struct house *house, int64_t id, const char *one, const char *other)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct err err = {0};
    assert_int_equal(intake_quarantine_show(house->db, id, &out, &err), ERROR_NONE);
    buf_add_char(&out, '\0');
    if (!strstr(out.ptr, one) || !strstr(out.ptr, other))
        fail_msg("%s", out.ptr);
}

/* ---- Tests ---- */

static void what_comes_twice_has_its_effect_once(void **state)
{
    struct house *house = *state;
    start(house);
    for (int i = 1; i <= 5; i++)
        send_mark(house, 10, i, 1, i);
    house->last[0] = (struct position){10, 2, 2, 0}; /* another relay, from an older position */
    for (int i = 3; i <= 6; i++)
        send_mark(house, 10, i, 1, i);
    expect(house, effects, "1 2 3 4 5 6");
    send_mark(house, 9, 100, 1, 9); /* of an older epoch: it comes too late */
    send_mark(house, 11, 1, 1, 7);
    expect(house, effects, "1 2 3 4 5 6 7");
    assert_int_equal(stop(house), ERROR_NONE);
    start(house);
    house->last[0] = (struct position){11, 1, 1, 0};
    send_mark(house, 11, 2, 1, 8);
    expect(house, effects, "1 2 3 4 5 6 7 8");
    assert_int_equal(stop(house), ERROR_NONE);
}

static void what_cannot_be_read_waits_and_its_key_behind_it(void **state)
{
    struct house *house = *state;
    struct sent sent = {&topic_marks, {10, 1, 1, 0}, {0}, recorded, "broken", STR("\xc1")};
    send(house, &sent);
    sent = (struct sent){&topic_marks, {10, 2, 2, 0}, {10, 1, 1, 0},
                         recorded,     "broken",      mark_value(house, 1, 2)};
    send(house, &sent);
    send_mark(house, 10, 3, 1, 3); /* another key */
    sent =
        (struct sent){&topic_marks,  {10, 4, 4, 0}, {10, 3, 3, 0}, "kz.eiso.grades.mark.split.v1",
                      "unknowntype", STR("\x80")};
    send(house, &sent);
    sent = (struct sent){&topic_marks,     {10, 5, 5, 0},
                         {10, 4, 4, 0},    "kz.eiso.grades.mark.recorded.v2",
                         "unknownversion", STR("\x80")};
    send(house, &sent);
    send_mark(house, 10, 6, 1, 6);
    start(house);
    expect(house, effects, "3 6");
    expect(house, held, "broken value 0, waits behind another 1, unknown type 3, unknown type 4");
    sent = (struct sent){&topic_marks, {10, 7, 7, 0}, {10, 6, 6, 0},
                         recorded,     "broken",      mark_value(house, 1, 7)};
    send(house, &sent); /* in another batch: still behind it */
    send_mark(house, 10, 8, 1, 8);
    expect(house, effects, "3 6 8");
    expect(house, "select count(*)::text from quarantine", "5");
    expect_shown(house, 1, "\"reason\" : \"broken value\"", "\"waiting\" : 2");
    expect_shown(house, 1, "\"type\" : \"kz.eiso.grades.mark.recorded.v1\"",
                 "\"value\" : \"0xc1\"}\n");
    expect_shown(house, 2, "\"waiting\" : 1", "\"points\":2,");
    size_t count;
    struct err err = {0};
    assert_int_equal(intake_quarantine_release(house->db, &house->options, 1, &count, &err),
                     ERROR_CONFLICT);
    assert_int_equal(intake_quarantine_drop(house->db, 1, "aigul", &err), ERROR_NONE);
    assert_int_equal(intake_quarantine_drop(house->db, 1, "aigul", &err), ERROR_NOT_FOUND);
    CLEANUP(buf_done) struct buf nothing = {0};
    assert_int_equal(intake_quarantine_show(house->db, 1, &nothing, &err), ERROR_NOT_FOUND);
    assert_int_equal(intake_quarantine_release(house->db, &house->options, 2, &count, &err),
                     ERROR_NONE);
    assert_int_equal(count, 2);
    expect(house, effects, "3 6 8 2 7");
    house->last[0] = (struct position){10, 8, 8, 0};
    sent = (struct sent){&topic_marks, {10, 9, 9, 0}, {10, 8, 8, 0},
                         recorded,     "broken",      mark_value(house, 1, 9)};
    send(house, &sent);
    expect(house, effects, "3 6 8 2 7 9"); /* nothing is in front of it any more */
    assert_int_equal(stop(house), ERROR_NONE);
}

static void what_a_handler_refuses_waits_and_its_learner_behind_it(void **state)
{
    struct house *house = *state;
    send_mark(house, 10, 1, 1, 1);
    send_mark(house, 10, 2, 1, REFUSED_POINTS);
    send_mark(house, 10, 3, 2, 3);
    send_mark(house, 10, 4, 1, 4); /* in the same batch */
    send_mark(house, 10, 5, 3, REFUSED_POINTS);
    start(house);
    expect(house, effects, "1 3");
    send_mark(house, 10, 6, 1, 6);
    send_mark(house, 10, 7, 2, 7);
    expect(house, effects, "1 3 7");
    expect(house, held,
           "an unlucky number 0, waits behind another 2, an unlucky number 3, waits behind another "
           "4");
    size_t count;
    struct err err = {0};
    assert_int_equal(intake_quarantine_release(house->db, &house->options, 99, &count, &err),
                     ERROR_NOT_FOUND);
    assert_int_not_equal(intake_quarantine_release(
                             house->db, &house->options,
                             strtoll(ask(house, "select min(id)::text from quarantine"), NULL, 10),
                             &count, &err),
                         ERROR_NONE); /* it would not have it yet */
    expect(house, "select count(*)::text from quarantine", "4");
    house->lenient = true;
    assert_int_equal(intake_quarantine_release(
                         house->db, &house->options,
                         strtoll(ask(house, "select min(id)::text from quarantine"), NULL, 10),
                         &count, &err),
                     ERROR_NONE);
    assert_int_equal(count, 3);
    expect(house, effects, "1 3 7 13 4 6");
    send_mark(house, 10, 8, 1, 8);
    expect(house, effects, "1 3 7 13 4 6 8");
    assert_int_equal(stop(house), ERROR_NONE);
}

/* It might stand lower, where the topic was filled again: the partition is read once more from its
 * beginning, with what other tests have left there. */
static void a_missing_predecessor_stops_loudly(void **state)
{
    struct house *house = *state;
    static const char ours[] = "select coalesce(string_agg(points::text, ' ' order by id), '') "
                               "from effect where points > 90";
    send_mark(house, 10, 1, 1, 91);
    start(house);
    expect(house, ours, "91");
    house->last[0] = (struct position){10, 2, 2, 0}; /* which never came */
    send_mark(house, 10, 3, 1, 93);
    assert_int_equal(wait_for_end(house), ERROR_FENCED);
    assert_non_null(strstr(house->err.text, "is looked for from the beginning"));
    for (int i = 0; i < 2; i++) { /* it does not get used to it */
        start(house);
        assert_int_equal(wait_for_end(house), ERROR_CORRUPT);
        assert_non_null(strstr(house->err.text, "something is missing"));
    }
    expect(house, ours, "91");
}

static void send_key(struct house *house, int64_t xid, const char *kid)
{
    CLEANUP(buf_done) struct buf value = {0};
    struct public_key key = {.kid = str_from(kid), .jwk = STR("{}"), .revision = xid};
    record_encode_value(&key_event, &key, &value);
    struct sent sent = {
        &topic_keys, {10, xid, xid, 0}, house->last[1], "kz.eiso.registry.key.changed.v1",
        kid,         buf_str(&value)};
    send(house, &sent);
}

static void send_alias(struct house *house, int64_t xid)
{
    CLEANUP(buf_done) struct buf value = {0};
    struct alias alias = {.id = uuid_v7(), .entity = ALIAS_PERSON, .revision = xid};
    char key[UUID_TEXT_LEN + 1];
    alias.canonical = alias.id;
    record_encode_value(&alias_event, &alias, &value);
    struct sent sent = {&topic_aliases,
                        {10, xid, xid, 0},
                        house->last[1],
                        "kz.eiso.registry.alias.changed.v1",
                        uuid_format(&alias.id, key),
                        buf_str(&value)};
    send(house, &sent);
}

/* Where offsets are not contiguous, compaction took what was between; where they are, nothing may
 * be missing on a state topic either. The first of a topic has no neighbour. */
static void on_a_state_topic_a_jump_is_compaction(void **state)
{
    struct house *house = *state;
    run(house, arena_printf(&house->arena,
                            "insert into consumer_watermark values ('%.*s', '%s', 0, 10, 1, 1, 0)",
                            STR_ARG(house->source), topic_aliases.name));
    house->last[1] = (struct position){10, 3, 3, 0};
    send_alias(house, 4);
    send_alias(house, 5);
    start(house);
    expect(house, "select count(*)::text from copy_alias", "2");
    house->last[1] = (struct position){10, 6, 6, 0};
    send_alias(house, 7);
    assert_int_equal(wait_for_end(house), ERROR_FENCED); /* looks for it, once */
    start(house);
    assert_int_equal(wait_for_end(house), ERROR_CORRUPT);
    expect(house, "select count(*)::text from copy_alias", "2");
}

static void offsets_that_are_not_ours_end_the_process(void **state)
{
    struct house *house = *state;
    send_mark(house, 10, 1, 1, 1);
    start(house);
    expect(house, effects, "1");
    run(house, "update consumer_offset set next_offset = next_offset - 1");
    assert_int_equal(wait_for_end(house), ERROR_FENCED); /* idle: a restore would look so */
    run(house, "update consumer_offset set next_offset = next_offset + 1");
    start(house);
    send_mark(house, 10, 2, 1, 2);
    expect(house, effects, "1 2");
    run(house, "update consumer_offset set next_offset = next_offset + 5");
    send_mark(house, 10, 3, 1, 3);
    assert_int_equal(wait_for_end(house), ERROR_FENCED);
    expect(house, effects, "1 2");
}

/* Marks 1 to 8 of epoch 10; the source goes back to 2, of what followed 4 and 5 survived. */
static void ghosts_are_taken_back_once(void **state)
{
    struct house *house = *state;
    char broken[] = "\xc1";
    for (int i = 1; i <= 3; i++)
        send_mark(house, 10, i, i, i);
    int64_t cut_offset = end_of(&topic_marks) - 2;
    send_mark(house, 10, 4, 4, 4);
    send_mark(house, 10, 5, 5, 5);
    send_mark(house, 10, 6, 6, 6);
    send_mark(house, 10, 7, 7, REFUSED_POINTS); /* held: no effect to be taken back */
    send_mark(house, 10, 8, 8, REFUSED_POINTS); /* dropped: the same */
    struct sent sent = {&topic_marks, {10, 9, 9, 0}, house->last[0],
                        recorded,     "unreadable",  str_from(broken)};
    send(house, &sent);
    start(house);
    expect(house, "select count(*)::text from quarantine", "3");
    expect(house, effects, "1 2 3 4 5 6");
    struct err err = {0};
    assert_int_equal(
        intake_quarantine_drop(house->db,
                               strtoll(ask(house, "select id::text from quarantine order by id "
                                                  "offset 1 limit 1"),
                                       NULL, 10),
                               "aigul", &err),
        ERROR_NONE);
    const struct survivors run4_5 = {10, 4, 5};
    struct history_rewound story = {.epoch = 20,
                                    .cut = STR("10.2.2.0"),
                                    .system = STR("1"),
                                    .started = STR("2026-11-23T00:00:00Z"),
                                    .survivors = {&run4_5, 1},
                                    .cut_offset = cut_offset};
    send_rewound(house, &story, 0);
    send_mark(house, 20, 5, 1, 21);
    expect(house, effects, "1 2 3 4 5 6 -3 -6 21");
    expect(house, "select count(*)::text from quarantine", "0");
    story.epoch = 30; /* a second start, before anything else was sent: the same cut (E3) */
    const struct survivors again[] = {{10, 4, 5}, {20, 0, 0}, {20, 5, 5}};
    story.survivors = (struct list){again, COUNT_OF(again)};
    send_rewound(house, &story, 0);
    send_mark(house, 30, 6, 1, 31);
    expect(house, effects, "1 2 3 4 5 6 -3 -6 21 31");
    assert_int_equal(stop(house), ERROR_NONE);
}

/* Two parts, each with a range of its own: the first must not take what the second lets live. */
static void parts_of_a_long_history_take_back_in_their_range_only(void **state)
{
    struct house *house = *state;
    for (int i = 1; i <= 6; i++)
        send_mark(house, 10, i, i, i);
    start(house);
    expect(house, effects, "1 2 3 4 5 6");
    const struct survivors first = {10, 2, 2}, second = {10, 5, 5};
    struct history_rewound story = {.epoch = 20,
                                    .cut = STR("10.1.1.0"),
                                    .system = STR("1"),
                                    .started = STR("2026-11-23T00:00:00Z"),
                                    .part = 1,
                                    .parts = 2,
                                    .to = STR("10.3.9223372036854775807.0"),
                                    .survivors = {&first, 1},
                                    .cut_offset = end_of(&topic_marks) - 6};
    send_rewound(house, &story, 0);
    expect(house, effects, "1 2 3 4 5 6 -3");
    story.part = 2;
    story.from = story.to;
    story.to = (struct str){0};
    story.survivors.items = &second;
    send_rewound(house, &story, 1);
    send_mark(house, 20, 2, 1, 21);
    expect(house, effects, "1 2 3 4 5 6 -3 -4 -6 21");
    assert_int_equal(stop(house), ERROR_NONE);
}

/* At most ten are held; it goes on by itself when there is room again, a tenth of it. */
static void a_full_quarantine_leaves_facts_alone_and_the_registry_goes_on(void **state)
{
    struct house *house = *state;
    house->options.most_held = 10;
    start(house);
    for (int i = 1; i <= 11; i++)
        send_mark(house, 10, i, i, REFUSED_POINTS);
    expect(house, "select count(*)::text from quarantine", "11");
    assert_int_equal(wait_for_end(house), ERROR_FENCED); /* begins anew, without the facts */
    start(house);
    send_mark(house, 10, 12, 12, 12);
    send_key(house, 1, "full");
    expect(house, "select count(*)::text from copy_key where kid = 'full'", "1");
    assert_string_equal(ask(house, effects), "");
    struct err err = {0};
    assert_int_equal(intake_quarantine_drop(house->db, 1, "aigul", &err), ERROR_NONE);
    clock_sleep_ms(2500); /* ten: still full, for it would be again after the next one */
    assert_string_equal(ask(house, effects), "");
    assert_int_equal(intake_quarantine_drop(house->db, 2, "aigul", &err), ERROR_NONE);
    assert_int_equal(wait_for_end(house), ERROR_FENCED);
    start(house);
    expect(house, effects, "12");
    assert_int_equal(stop(house), ERROR_NONE);
}

#define WITH_HOUSE(test) cmocka_unit_test_setup_teardown(test, begin, end)

/* One argument: the tests whose names match it. */
int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        WITH_HOUSE(what_comes_twice_has_its_effect_once),
        WITH_HOUSE(what_cannot_be_read_waits_and_its_key_behind_it),
        WITH_HOUSE(what_a_handler_refuses_waits_and_its_learner_behind_it),
        WITH_HOUSE(a_missing_predecessor_stops_loudly),
        WITH_HOUSE(offsets_that_are_not_ours_end_the_process),
        WITH_HOUSE(ghosts_are_taken_back_once),
        WITH_HOUSE(parts_of_a_long_history_take_back_in_their_range_only),
        WITH_HOUSE(a_full_quarantine_leaves_facts_alone_and_the_registry_goes_on),
        WITH_HOUSE(on_a_state_topic_a_jump_is_compaction), /* leaves a hole: the last */
    };
    return cmocka_run_group_tests(tests, open_kafka, close_kafka);
}
