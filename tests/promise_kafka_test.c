/* The promise, with the small service: what was acknowledged has its effect exactly once, in order,
 * whatever dies.
 *
 * Each test has an installation of its own: a database (or a whole PostgreSQL or Kafka where that
 * is what dies), topics made anew, the roles as processes. Notes of one key carry ascending
 * numbers; `seen` holds an effect for each. */
#include "testkit/check.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/uuid.h"
#include "bus/bus.h"
#include "db/db.h"
#include "testkit/testkit.h"

enum { KEYS = 4, PER_POST = 25, WAIT_MS = 60000 };

struct house {
    struct arena arena;
    const char *folder, *conninfo, *brokers;
    int next_number; /* of the notes to be posted */
    int acknowledged;
};

/* ---- The installation ---- */

static void make_topics(const char *brokers)
{
    struct bus_settings settings = {brokers, NULL, "promise"};
    struct bus_topic_config append = {"message.timestamp.type", "LogAppendTime"};
    const struct bus_topic topics[] = {
        {"eiso.small.notes.v1", 4, 1, &append, 1},
        {"eiso.small.history.v1", 1, 1, &append, 1},
        {"eiso.registry.revocations.v1", 1, 1, &append, 1},
    };
    const char *names[COUNT_OF(topics)];
    struct bus_admin *admin;
    struct err err = {0};
    assert_int_equal(bus_admin_open(&admin, &settings, &err), ERROR_NONE);
    for (size_t i = 0; i < COUNT_OF(topics); i++)
        names[i] = topics[i].name;
    (void)!bus_admin_delete_topics(admin, names, COUNT_OF(names),
                                   &err); /* those of the test before */
    for (int tries = 0;
         bus_admin_create_topics(admin, topics, COUNT_OF(topics), &err) && tries < 50; tries++)
        clock_sleep_ms(100);
    for (int32_t partitions = 0; partitions != 4;) {
        clock_sleep_ms(50);
        if (bus_partitions(admin, topics[0].name, &partitions, &err))
            partitions = 0;
    }
    bus_admin_close(admin);
}

static pid_t start(struct house *house, const char *const *arguments, const char *role, int slot,
                   const char *fault)
{
    struct arena *arena = &house->arena;
    const char *environment[] = {
        arena_printf(arena, "EISO_SOCKET=%s/%s-%d", house->folder, role, slot),
        arena_printf(arena, "EISO_OBSERVER=%s/%s-%d.observer", house->folder, role, slot),
        arena_printf(arena, "EISO_PG=%s", house->conninfo),
        arena_printf(arena, "EISO_KAFKA=%s", house->brokers),
        "EISO_CELL=kz",
        "EISO_URL=http://127.0.0.1:8080",
        arena_printf(arena, "EISO_STATE=%s", house->folder),
        arena_printf(arena, "EISO_POKES=%s", house->folder),
        arena_printf(arena, "EISO_SLOT=%d", slot),
        arena_printf(arena, "EISO_FAULT=%s", fault ? fault : "none"),
        NULL,
    };
    const struct testkit_child child = {"eiso-small", arguments, environment,
                                        arena_printf(arena, "%s/log", house->folder)};
    return testkit_spawn(&child);
}

static pid_t start_role(struct house *house, const char *role, int slot, const char *fault)
{
    const char *const arguments[] = {"--role", role, NULL};
    return start(house, arguments, role, slot, fault);
}

static void house_open(struct house *house, const char *conninfo, const char *brokers)
{
    *house = (struct house){.brokers = brokers, .conninfo = conninfo};
    house->folder = testkit_folder(&house->arena);
    if (!conninfo)
        house->conninfo = testkit_database(&house->arena);
    make_topics(brokers);
    assert_int_equal(testkit_wait(start_role(house, "migrate", 0, NULL), WAIT_MS), 0);
}

/* ---- A sender that keeps at it until it has an answer ---- */

static void add_notes(struct house *house, struct buf *body)
{
    char id[UUID_TEXT_LEN + 1];
    for (int i = 0; i < PER_POST; i++, house->next_number++) {
        struct uuid uuid = uuid_v7();
        buf_printf(body, "%s{\"id\":\"%s\",\"key\":\"key%d\",\"number\":%d}", i ? "," : "[",
                   uuid_format(&uuid, id), house->next_number % KEYS, house->next_number);
    }
    buf_add_char(body, ']');
}

/* Posts one batch; the same ids again until the answer says that they are there. */
static void post(struct house *house, int slot)
{
    CLEANUP(buf_done) struct buf body = {0};
    CLEANUP(buf_done) struct buf request = {0};
    CLEANUP(arena_done) struct arena arena = {0};
    add_notes(house, &body);
    buf_printf(&request,
               "POST /small/notes HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: "
               "application/json\r\n"
               "Content-Length: %zu\r\n\r\n",
               body.len);
    buf_add_str(&request, buf_str(&body));
    const char *path = arena_printf(&arena, "%s/api-%d", house->folder, slot);
    const char *answer = "";
    for (int64_t until = clock_monotonic() + WAIT_MS * 1000; clock_monotonic() < until;
         clock_sleep_ms(20)) {
        answer = testkit_ask(&arena, path, buf_str(&request));
        if (testkit_status(answer) == 200 && strstr(answer, "\"rejected\":0")) {
            house->acknowledged += PER_POST;
            return;
        }
    }
    fail_msg("not acknowledged within a minute: '%s'", answer);
}

/* ---- Counting ---- */

struct count {
    int64_t effects, distinct, sum, disorders;
};

static struct count count_seen(struct house *house)
{
    static const struct statement statement = {
        "count_seen", "select count(*), count(distinct id), coalesce(sum(effect), 0)::bigint,"
                      "       count(*) filter (where number <= before)"
                      "  from (select id, effect, number, lag(number) over (partition by key order "
                      "by epoch, xid, seq) as before from seen) s"};
    struct db *db;
    struct err err = {0};
    struct count count = {0};
    struct result result = {0};
    if (db_open(&db, house->conninfo, &err))
        return count;
    if (!db_exec(db, &statement, NULL, &result, &err))
        count = (struct count){result_bigint(&result, 0, 0), result_bigint(&result, 0, 1),
                               result_bigint(&result, 0, 2), result_bigint(&result, 0, 3)};
    result_done(&result);
    db_close(db);
    return count;
}

static bool all_arrived(void *context)
{
    struct house *house = context;
    return count_seen(house).distinct >= house->acknowledged;
}

static void show_log(const struct house *house)
{
    CLEANUP(arena_done) struct arena arena = {0};
    (void)!system(arena_printf(&arena, "tail -n 40 %s/log >&2", house->folder));
}

static void expect_exact(struct house *house)
{
    bool arrived = testkit_wait_until(all_arrived, house, WAIT_MS);
    clock_sleep_ms(500); /* what comes twice comes late */
    struct count count = count_seen(house);
    if (!arrived || count.effects != house->acknowledged || count.disorders)
        show_log(house);
    assert_int_equal(count.distinct, house->acknowledged);
    assert_int_equal(count.effects, house->acknowledged);
    assert_int_equal(count.sum, house->acknowledged);
    assert_int_equal(count.disorders, 0);
}

/* ---- Tests ---- */

static void notes_arrive_once_and_in_order(void **state)
{
    (void)state;
    struct house house;
    house_open(&house, NULL, testkit_brokers());
    pid_t api = start_role(&house, "api", 0, NULL), relay = start_role(&house, "relay", 0, NULL);
    pid_t apply = start_role(&house, "apply", 0, NULL);
    for (int i = 0; i < 40; i++)
        post(&house, 0);
    expect_exact(&house);
    assert_int_equal(testkit_drain(api, WAIT_MS), 0);
    assert_int_equal(testkit_drain(relay, WAIT_MS), 0);
    assert_int_equal(testkit_drain(apply, WAIT_MS), 0);
    arena_done(&house.arena);
}

/* The roles of a house, each with its pid; one may be told to die at a named point, at its third
 * time there. */
enum { API, RELAY, APPLY, ROLES };
static const char *const role_names[ROLES] = {"api", "relay", "apply"};

static void start_all(struct house *house, pid_t pids[ROLES], int dying, const char *fault)
{
    for (int role = 0; role < ROLES; role++)
        pids[role] = start_role(house, role_names[role], 0, role == dying ? fault : NULL);
}

static void kill_all(struct house *house, pid_t pids[ROLES])
{
    for (int role = 0; role < ROLES; role++)
        testkit_kill(pids[role]);
    arena_done(&house->arena);
}

/* What s6 does: whoever has ended is started again. */
static void supervise(struct house *house, pid_t pids[ROLES])
{
    for (int role = 0; role < ROLES; role++)
        if (!testkit_is_running(pids[role]))
            pids[role] = start_role(house, role_names[role], 0, NULL);
}

struct supervised {
    struct house *house;
    pid_t *pids;
};

static bool all_arrived_supervised(void *context)
{
    const struct supervised *supervised = context;
    supervise(supervised->house, supervised->pids);
    return all_arrived(supervised->house);
}

static void wait_supervised(struct house *house, pid_t pids[ROLES])
{
    struct supervised supervised = {house, pids};
    testkit_wait_until(all_arrived_supervised, &supervised, WAIT_MS);
}

/* Everything that is on the topic has its effect. */
static bool all_taken_in(void *context)
{
    static const struct statement statement = {
        "taken_in", "select coalesce(sum(greatest(next_offset, 0)), 0)::bigint from consumer_offset"
                    " where topic = 'eiso.small.notes.v1'"};
    const struct house *house = context;
    struct bus_settings settings = {house->brokers, NULL, "promise", 0};
    struct bus_admin *admin = NULL;
    CLEANUP(db_close_at) struct db *db = NULL;
    CLEANUP(result_done) struct result result = {0};
    struct err err = {0};
    int64_t ends = 0, first = 0, next = 0;
    enum error code = bus_admin_open(&admin, &settings, &err);
    for (int partition = 0; !code && partition < 4; partition++, ends += next)
        code = bus_offsets(admin, "eiso.small.notes.v1", partition, &first, &next, &err);
    bus_admin_close(admin);
    if (!code)
        code = db_open(&db, house->conninfo, &err);
    if (!code)
        code = db_exec(db, &statement, NULL, &result, &err);
    return !code && result_bigint(&result, 0, 0) == ends;
}

static bool all_taken_in_supervised(void *context)
{
    const struct supervised *supervised = context;
    supervise(supervised->house, supervised->pids);
    return all_taken_in(supervised->house);
}

static void a_role_may_die_at_any_point(void **state)
{
    (void)state;
    static const struct {
        int role;
        const char *point;
    } deaths[] = {
        {RELAY, "relay_read:3"},      {RELAY, "relay_produced:3"}, {RELAY, "relay_acknowledged:3"},
        {RELAY, "relay_moved:3"},     {APPLY, "apply_began:3"},    {APPLY, "apply_before_commit:3"},
        {APPLY, "apply_committed:3"},
    };
    struct house house;
    house_open(&house, NULL, testkit_brokers());
    pid_t pids[ROLES];
    start_all(&house, pids, -1, NULL);
    for (size_t i = 0; i < COUNT_OF(deaths); i++) {
        int role = deaths[i].role;
        testkit_kill(pids[role]);
        pids[role] = start_role(&house, role_names[role], 0, deaths[i].point);
        for (int tries = 0; testkit_is_running(pids[role]) && tries < 400; tries++) {
            post(&house, 0);
            clock_sleep_ms(5);
        }
        assert_false(testkit_is_running(pids[role])); /* it did reach the point */
        if (role == RELAY) {
            assert_true(testkit_wait_until(all_taken_in, &house, WAIT_MS));
            testkit_kill(pids[APPLY]); /* what is sent again meets one that knows what was saved */
        }
        supervise(&house, pids);
    }
    expect_exact(&house);
    kill_all(&house, pids);
}

static void api_may_be_killed_at_any_time(void **state)
{
    (void)state;
    struct house house;
    house_open(&house, NULL, testkit_brokers());
    pid_t pids[ROLES];
    start_all(&house, pids, -1, NULL);
    for (int i = 0; i < 60; i++) {
        if (i % 6 == 5) {
            kill(pids[API], SIGKILL);
            testkit_wait(pids[API], WAIT_MS);
            supervise(&house, pids);
        }
        post(&house, 0);
    }
    expect_exact(&house);
    kill_all(&house, pids);
}

/* Of two relays one stands by; a paused one that comes back finds that it is no longer the holder
 * and ends. */
static void a_paused_relay_comes_back_late(void **state)
{
    (void)state;
    struct house house;
    house_open(&house, NULL, testkit_brokers());
    pid_t pids[ROLES];
    start_all(&house, pids, -1, NULL);
    for (int i = 0; i < 10; i++)
        post(&house, 0);
    expect_exact(&house);
    pid_t second = start_role(&house, "relay", 1, NULL);
    testkit_pause(pids[RELAY]);
    for (int i = 0; i < 10; i++)
        post(&house, 0);
    expect_exact(&house); /* the second took over when the lease ended */
    testkit_resume(pids[RELAY]);
    assert_true(testkit_wait(pids[RELAY], WAIT_MS) != 0);
    for (int i = 0; i < 10; i++)
        post(&house, 0);
    expect_exact(&house);
    testkit_kill(second);
    pids[RELAY] = start_role(&house, "relay", 0, NULL);
    kill_all(&house, pids);
}

/* Two apply processes share the partitions; a paused one loses them and ends when it comes back
 * late. */
static void a_paused_apply_comes_back_late(void **state)
{
    (void)state;
    struct house house;
    house_open(&house, NULL, testkit_brokers());
    pid_t pids[ROLES];
    start_all(&house, pids, -1, NULL);
    pid_t second = start_role(&house, "apply", 1, NULL);
    for (int i = 0; i < 20; i++)
        post(&house, 0);
    expect_exact(&house);
    testkit_pause(second);
    for (int i = 0; i < 20; i++) {
        post(&house, 0);
        clock_sleep_ms(50);
    }
    wait_supervised(&house, pids); /* its session ends after 6 s, the first takes all */
    testkit_resume(second);
    for (int i = 0; i < 20; i++) {
        post(&house, 0);
        clock_sleep_ms(20);
    }
    wait_supervised(&house, pids);
    expect_exact(&house);
    testkit_kill(second);
    kill_all(&house, pids);
}

static void kafka_may_be_killed_and_be_away(void **state)
{
    (void)state;
    struct testkit_server *kafka = testkit_kafka_new();
    struct house house;
    house_open(&house, NULL, testkit_server_address(kafka));
    pid_t pids[ROLES];
    start_all(&house, pids, -1, NULL);
    for (int i = 0; i < 10; i++)
        post(&house, 0);
    testkit_server_kill(kafka);
    for (int i = 0; i < 40; i++) {
        post(&house, 0); /* writing goes on */
        supervise(&house, pids);
    }
    testkit_server_start(kafka);
    wait_supervised(&house, pids);
    for (int i = 0; i < 10; i++)
        post(&house, 0);
    wait_supervised(&house, pids);
    expect_exact(&house);
    kill_all(&house, pids);
    testkit_server_free(kafka);
}

static void postgres_may_be_killed(void **state)
{
    (void)state;
    struct testkit_server *postgres = testkit_postgres_new();
    struct arena arena = {0};
    struct house house;
    house_open(&house, testkit_server_database(postgres, &arena), testkit_brokers());
    pid_t pids[ROLES];
    start_all(&house, pids, -1, NULL);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 10; i++)
            post(&house, 0);
        testkit_server_kill(postgres);
        testkit_server_start(postgres);
        supervise(&house, pids);
    }
    for (int i = 0; i < 10; i++)
        post(&house, 0);
    wait_supervised(&house, pids);
    expect_exact(&house);
    kill_all(&house, pids);
    testkit_server_free(postgres);
    arena_done(&arena);
}

/* A source goes back to a cold copy of its folder after events of the lost part were published and
 * applied: the consumer, whose database is another one, takes those back; nothing new is dropped as
 * old. */
static void a_source_set_back_takes_its_ghosts_along(void **state)
{
    (void)state;
    struct testkit_server *postgres = testkit_postgres_new();
    struct arena arena = {0};
    struct house source, sink;
    house_open(&source, testkit_server_database(postgres, &arena), testkit_brokers());
    sink = source; /* the same topics, another database */
    sink.conninfo = testkit_database(&arena);
    assert_int_equal(testkit_wait(start_role(&sink, "migrate", 0, NULL), WAIT_MS), 0);
    pid_t api = start_role(&source, "api", 0, NULL), relay = start_role(&source, "relay", 0, NULL);
    pid_t apply = start_role(&sink, "apply", 0, NULL);
    for (int i = 0; i < 20; i++)
        post(&source, 0);
    sink.acknowledged = source.acknowledged;
    expect_exact(&sink);
    testkit_kill(relay); /* what is posted now is not sent before the copy: survivors */
    for (int i = 0; i < 5; i++)
        post(&source, 0);
    testkit_server_stop(postgres);
    testkit_server_save(postgres, "cold");
    testkit_server_start(postgres);
    relay = start_role(&source, "relay", 0, NULL);
    int kept = source.acknowledged;
    for (int i = 0; i < 20; i++)
        post(&source, 0); /* the part that will be lost */
    sink.acknowledged = source.acknowledged;
    expect_exact(&sink);
    testkit_kill(relay);
    testkit_kill(api);
    testkit_server_stop(postgres);
    testkit_server_restore(postgres, "cold");
    testkit_server_start(postgres);
    api = start_role(&source, "api", 0, NULL);
    relay = start_role(&source, "relay", 0, NULL);
    int lost = source.acknowledged - kept;
    for (int i = 0; i < 20; i++)
        post(&source, 0);
    sink.acknowledged = source.acknowledged;
    testkit_wait_until(all_arrived, &sink, WAIT_MS);
    clock_sleep_ms(1000);
    struct count count = count_seen(&sink);
    if (count.effects != source.acknowledged + lost)
        show_log(&source);
    assert_int_equal(count.distinct, source.acknowledged);
    assert_int_equal(count.effects,
                     source.acknowledged + lost); /* each ghost once there, once back */
    assert_int_equal(count.sum, source.acknowledged - lost);
    testkit_kill(api);
    testkit_kill(relay);
    testkit_kill(apply);
    testkit_server_free(postgres);
    arena_done(&source.arena);
    arena_done(&arena);
}

static const char *ask(struct house *house, const char *sql)
{
    CLEANUP(db_close_at) struct db *db = NULL;
    CLEANUP(result_done) struct result result = {0};
    const struct statement statement = {"ask", sql};
    struct err err = {0};
    if (db_open(&db, house->conninfo, &err) || db_exec(db, &statement, NULL, &result, &err))
        fail_msg("%s: %s", sql, err.text);
    return str_copy(&house->arena, result_str(&result, 0, 0)).ptr;
}

static void run(struct house *house, const char *sql)
{
    CLEANUP(db_close_at) struct db *db = NULL;
    struct err err = {0};
    if (db_open(&db, house->conninfo, &err) || db_run(db, sql, &err))
        fail_msg("%s: %s", sql, err.text);
}

/* ---- A return into a history that others have left ---- */

static void stop_with_copy(struct testkit_server *postgres, const char *copy)
{
    testkit_server_stop(postgres);
    testkit_server_save(postgres, copy);
    testkit_server_start(postgres);
}

static void go_back(struct testkit_server *postgres, const char *copy)
{
    testkit_server_stop(postgres);
    testkit_server_restore(postgres, copy);
    testkit_server_start(postgres);
}

/* In force at the sink are exactly the notes that the source has. */
struct pair {
    struct house *source, *sink;
};

static bool says_the_same(void *context)
{
    const struct pair *pair = context;
    const char *here = ask(pair->source, "select count(*) || ' ' || md5(coalesce(string_agg("
                                         "id::text, ' ' order by id), '')) from note");
    const char *there = ask(pair->sink, "select count(*) || ' ' || md5(coalesce(string_agg("
                                        "id::text, ' ' order by id), '')) from (select id from seen"
                                        " group by id having sum(effect) = 1) s");
    return strcmp(here, there) == 0;
}

static const char *state_of(struct house *source)
{
    return ask(source, "select state from history order by epoch desc limit 1");
}

/* Back to A, on from there, and back to B, which the topics have left: the relay stands still. An
 * operator accepts; what only B has is there again, what came after A is not. */
static void a_return_into_an_abandoned_history_has_a_way_out(void **state)
{
    (void)state;
    static const char *const accept[] = {"history", "accept", NULL};
    struct testkit_server *postgres = testkit_postgres_new();
    struct arena arena = {0};
    struct house source, sink;
    house_open(&source, testkit_server_database(postgres, &arena), testkit_brokers());
    sink = source;
    sink.conninfo = testkit_database(&arena);
    struct pair pair = {&source, &sink};
    assert_int_equal(testkit_wait(start_role(&sink, "migrate", 0, NULL), WAIT_MS), 0);
    pid_t api = start_role(&source, "api", 0, NULL), apply = start_role(&sink, "apply", 0, NULL);
    pid_t relay = start_role(&source, "relay", 0, NULL);
    for (int copy = 0; copy < 2; copy++) {
        for (int i = 0; i < 8; i++)
            post(&source, 0);
        assert_true(testkit_wait_until(says_the_same, &pair, WAIT_MS));
        testkit_kill(relay);
        post(&source, 0); /* not sent before the copy */
        stop_with_copy(postgres, copy ? "B" : "A");
        relay = start_role(&source, "relay", 0, NULL);
    }
    assert_true(testkit_wait_until(says_the_same, &pair, WAIT_MS));
    testkit_kill(relay);
    go_back(postgres, "A");
    relay = start_role(&source, "relay", 0, NULL);
    for (int i = 0; i < 6; i++)
        post(&source, 0);
    assert_true(testkit_wait_until(says_the_same, &pair, WAIT_MS));
    testkit_kill(relay);
    go_back(postgres, "B");
    relay = start_role(&source, "relay", 0, NULL);
    assert_true(testkit_wait(relay, WAIT_MS) != 0);
    assert_string_equal(state_of(&source), "abandoned");
    relay = start_role(&source, "relay", 0, NULL); /* stands still, inside */
    assert_int_equal(testkit_wait(start(&source, accept, "command", 0, NULL), WAIT_MS), 0);
    for (int i = 0; i < 6; i++)
        post(&source, 0);
    if (!testkit_wait_until(says_the_same, &pair, WAIT_MS))
        show_log(&source);
    assert_true(says_the_same(&pair));
    assert_true(testkit_is_running(relay) && testkit_is_running(apply));
    testkit_kill(relay);
    relay = start_role(&source, "relay", 0, NULL); /* it does not judge that again */
    post(&source, 0);
    assert_true(testkit_wait_until(says_the_same, &pair, WAIT_MS));
    testkit_kill(relay);
    testkit_kill(api);
    testkit_kill(apply);
    testkit_server_free(postgres);
    arena_done(&source.arena);
    arena_done(&arena);
}

/* ---- A topic that lost what it had acknowledged ---- */

static const char notes_topic[] = "eiso.small.notes.v1";

static enum error all_from_beginning(void *context, struct bus_assignment *assignments,
                                     size_t count, struct err *err)
{
    (void)context, (void)err;
    for (size_t i = 0; i < count; i++)
        assignments[i].next_offset = BUS_FROM_BEGINNING;
    return ERROR_NONE;
}

/* Makes the topics anew; of the notes the first `keep` of each partition stand there again. */
static void lose_the_tail(struct house *house, int64_t keep)
{
    struct bus_settings settings = {house->brokers, NULL, "promise", 0};
    const char *topic = notes_topic;
    struct bus_consumer_options from = {
        .settings = settings, .topics = &topic, .topic_count = 1, .assigned = all_from_beginning};
    struct bus_producer_options to = {settings, NULL, NULL};
    struct bus_consumer *consumer;
    struct bus_producer *producer;
    const struct bus_message *messages;
    size_t count, copied = 0;
    struct err err = {0};
    assert_int_equal(bus_consumer_open(&consumer, &from, &err), ERROR_NONE);
    do
        assert_int_equal(bus_consume(consumer, 4000, 2000, &messages, &count, &err), ERROR_NONE);
    while (keep && count == 0);
    make_topics(house->brokers);
    assert_int_equal(bus_producer_open(&producer, &to, &err), ERROR_NONE);
    for (size_t i = 0; i < count; i++) {
        struct bus_message_out message = {notes_topic,         messages[i].partition,
                                          messages[i].key,     messages[i].value,
                                          messages[i].headers, messages[i].header_count};
        if (messages[i].offset < keep && ++copied)
            assert_int_equal(bus_produce(producer, &message, &err), ERROR_NONE);
    }
    while (bus_producer_progress(producer).acknowledged < copied)
        assert_int_equal(bus_producer_poll(producer, 100, &err), ERROR_NONE);
    bus_producer_close(producer);
    bus_consumer_close(consumer);
}

/* Who has taken all in goes on, and who begins now gets all. A relay that died before it had moved
 * its position has sent some events twice, so that nothing stands where it stood. */
static void filled_again(int64_t keep)
{
    struct house house, fresh;
    pid_t pids[ROLES];
    house_open(&house, NULL, testkit_brokers());
    start_all(&house, pids, RELAY, "relay_acknowledged:4");
    for (int i = 0; i < 20 || testkit_is_running(pids[RELAY]); i++)
        post(&house, 0);
    supervise(&house, pids);
    for (int i = 0; i < 20; i++)
        post(&house, 0);
    expect_exact(&house);
    assert_true(testkit_wait_until(all_taken_in, &house, WAIT_MS));
    testkit_kill(pids[RELAY]);
    testkit_kill(pids[APPLY]);
    lose_the_tail(&house, keep);
    pids[RELAY] = start_role(&house, "relay", 0, NULL);
    for (int i = 0; i < (keep ? 40 : 1); i++)
        post(&house,
             0); /* behind a tail: as long as it was, so that nobody sees it by its length */
    fresh = house;
    fresh.conninfo = testkit_database(&house.arena);
    assert_int_equal(testkit_wait(start_role(&fresh, "migrate", 0, NULL), WAIT_MS), 0);
    pid_t apply = start_role(&fresh, "apply", 1, NULL);
    expect_exact(&fresh);
    testkit_kill(apply);
    pids[APPLY] = start_role(&house, "apply", 0, NULL);
    struct supervised supervised = {&house, pids};
    assert_true(testkit_wait_until(all_taken_in_supervised, &supervised, WAIT_MS));
    for (int i = 0; i < 5; i++)
        post(&house, 0);
    wait_supervised(&house, pids); /* it may only see now that the topic is another one */
    expect_exact(&house);
    kill_all(&house, pids);
}

static void a_topic_made_anew_is_filled_again(void **state)
{
    (void)state;
    filled_again(0);
}

static void a_topic_that_lost_its_tail_is_filled_again(void **state)
{
    (void)state;
    filled_again(100);
}

/* ---- A read model made anew ---- */

/* Who posts, and who reads the stream, while the model is made anew. */
struct witnesses {
    struct house *house;
    volatile bool stop;
    pthread_t poster, reader;
    int stream;
    int last[KEYS]; /* the number that each key showed last */
    int64_t shown, disorders;
};

static void *keep_posting(void *context)
{
    struct witnesses *witnesses = context;
    while (!witnesses->stop)
        post(witnesses->house, 0);
    return NULL;
}

static void take_line(struct witnesses *witnesses, const char *line)
{
    const char *number = strstr(line, "\"number\":");
    if (!number)
        return;
    int shown = (int)strtol(number + 9, NULL, 10), *last = &witnesses->last[shown % KEYS];
    witnesses->disorders += *last && shown != *last + KEYS; /* none twice, none left out */
    *last = shown;
    witnesses->shown++;
}

static void *keep_reading(void *context)
{
    struct witnesses *witnesses = context;
    FILE *stream = fdopen(witnesses->stream, "r");
    char line[512];
    while (fgets(line, sizeof line, stream))
        take_line(witnesses, line);
    fclose(stream);
    return NULL;
}

static bool stream_opened(void *context)
{
    struct witnesses *witnesses = context;
    CLEANUP(arena_done) struct arena arena = {0};
    witnesses->stream = testkit_send(arena_printf(&arena, "%s/push-0", witnesses->house->folder),
                                     STR("GET /small/stream HTTP/1.1\r\nHost: x\r\n\r\n"));
    return witnesses->stream >= 0;
}

static void witnesses_start(struct witnesses *witnesses)
{
    assert_true(testkit_wait_until(stream_opened, witnesses, WAIT_MS));
    assert_int_equal(pthread_create(&witnesses->reader, NULL, keep_reading, witnesses), 0);
    assert_int_equal(pthread_create(&witnesses->poster, NULL, keep_posting, witnesses), 0);
}

static void witnesses_stop(struct witnesses *witnesses)
{
    witnesses->stop = true;
    pthread_join(witnesses->poster, NULL);
}

static int rebuild(struct house *house, const char *fault)
{
    static const char *const arguments[] = {"rebuild", NULL};
    return testkit_wait(start(house, arguments, "rebuild", 0, fault), 2 * WAIT_MS);
}

/* Killed at each point where it can be, the model made anew equals the old one, row by row and
 * place by place; apply, the stream and who posts notice nothing. */
static void a_read_model_is_made_anew_while_notes_arrive(void **state)
{
    (void)state;
    struct house house;
    house_open(&house, NULL, testkit_brokers());
    pid_t pids[ROLES], push = start_role(&house, "push", 0, NULL);
    start_all(&house, pids, -1, NULL);
    for (int i = 0; i < 40; i++)
        post(&house, 0);
    expect_exact(&house);
    struct witnesses witnesses = {.house = &house};
    witnesses_start(&witnesses);
    assert_int_equal(rebuild(&house, "rebuild_round"), -SIGKILL);
    assert_int_equal(rebuild(&house, "rebuild_before_swap"), -SIGKILL);
    assert_string_equal(ask(&house, "select (to_regnamespace('public_rebuild') is not null)::text"),
                        "true");
    run(&house, "create table before as select * from seen");
    assert_int_equal(rebuild(&house, "rebuild_swapped"), -SIGKILL);
    assert_string_equal(
        ask(&house, "select (to_regclass('public_replaced.seen') is not null)::text"), "true");
    assert_int_equal(rebuild(&house, NULL), 0);
    witnesses_stop(&witnesses);
    expect_exact(&house);
    assert_string_equal(ask(&house, "select count(*)::text from (select * from before"
                                    " except select * from seen) d"),
                        "0");
    assert_string_equal(
        ask(&house, "select count(*)::text from pg_namespace where nspname like 'public\\_re%'"),
        "0");
    assert_string_equal(ask(&house,
                            "select string_agg(coalesce(status::text, '?'), ' ' order by id)"
                            " from journal"),
                        "? ? ? 0");
    for (int role = 0; role < ROLES; role++)
        assert_true(testkit_is_running(pids[role]));
    testkit_kill(push); /* ends the stream */
    pthread_join(witnesses.reader, NULL);
    assert_true(witnesses.shown > 0);
    assert_int_equal(witnesses.disorders, 0);
    kill_all(&house, pids);
}

/* One argument: the tests whose names match it ("*kafka*"). */
int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        TEST(notes_arrive_once_and_in_order),
        TEST(a_role_may_die_at_any_point),
        TEST(api_may_be_killed_at_any_time),
        TEST(a_paused_relay_comes_back_late),
        TEST(a_paused_apply_comes_back_late),
        TEST(kafka_may_be_killed_and_be_away),
        TEST(postgres_may_be_killed),
        TEST(a_source_set_back_takes_its_ghosts_along),
        TEST(a_return_into_an_abandoned_history_has_a_way_out),
        TEST(a_topic_made_anew_is_filled_again),
        TEST(a_topic_that_lost_its_tail_is_filled_again),
        TEST(a_read_model_is_made_anew_while_notes_arrive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
