/* Revocations over a real broker of its own, which may go away. */
#include "testkit/check.h"

#include <stdio.h>

#include "auth/auth_internal.h"
#include "base/clock.h"
#include "bus/bus.h"
#include "contracts/topics.h"
#include "intake/intake.h"
#include "testkit/testkit.h"

struct world {
    struct arena arena;
    struct testkit_server *kafka;
    struct loop *loop;
    struct db_async *read; /* of a database that is not there */
    struct revocations *revocations;
    struct feed *feed;
    int changed;
};

static struct world it;

#define DO(call)                      \
    do {                              \
        struct err err = {0};         \
        if (call)                     \
            fail_msg("%s", err.text); \
    } while (0)

static struct bus_settings settings(void)
{
    return (struct bus_settings){.brokers = testkit_server_address(it.kafka), .client_id = "test"};
}

static void make_topic(void)
{
    struct bus_settings given = settings();
    struct bus_admin *admin;
    struct bus_topic topic = {.name = topic_revocations.name, .partitions = 3};
    DO(bus_admin_open(&admin, &given, &err));
    DO(bus_admin_create_topics(admin, &topic, 1, &err));
    bus_admin_close(admin);
}

static int begin_all(void **state)
{
    (void)state;
    it.kafka = testkit_kafka_new();
    return 0;
}

static int end_all(void **state)
{
    (void)state;
    testkit_server_free(it.kafka);
    arena_done(&it.arena);
    return 0;
}

static void changed(void *context)
{
    (void)context;
    it.changed++;
}

static void open_feed(void)
{
    struct auth_options options = {.loop = it.loop,
                                   .read = it.read,
                                   .brokers = testkit_server_address(it.kafka),
                                   .client_id = "test"};
    it.feed = feed_open(&options, it.revocations, changed, NULL);
}

static int begin(void **state)
{
    (void)state;
    it.loop = loop_new();
    it.read = db_async_new(it.loop, &(struct db_async_options){.conninfo = "host=/nonexistent"});
    it.revocations = revocations_new();
    it.changed = 0;
    open_feed();
    return 0;
}

static int end(void **state)
{
    (void)state;
    feed_close(it.feed);
    db_async_free(it.read);
    revocations_free(it.revocations);
    loop_free(it.loop);
    return 0;
}

/* ---- Producing ---- */

static void produce(const char *type, struct str key, struct str value)
{
    const struct bus_header headers[] = {{STR("ce_type"), str_from(type)},
                                         {STR("eiso_position"), STR("2.10.1.0 2.9.1.0")}};
    struct bus_producer_options options = {.settings = settings()};
    struct bus_producer *producer;
    struct bus_message_out message = {.topic = topic_revocations.name,
                                      .partition = -1,
                                      .key = key,
                                      .value = value,
                                      .headers = headers,
                                      .header_count = COUNT_OF(headers)};
    DO(bus_producer_open(&producer, &options, &err));
    DO(bus_produce(producer, &message, &err));
    while (bus_producer_progress(producer).acknowledged < 1)
        DO(bus_producer_poll(producer, 100, &err));
    bus_producer_close(producer);
}

static void produce_whole(const struct revocation *revocation)
{
    const struct event_type *type = event_type_get(EVENT_ACCESS_REVOKED);
    struct buf value = {0};
    char key[UUID_TEXT_LEN + 1];
    record_encode_value(type->record, revocation, &value);
    produce(type->name, str_from(uuid_format(&revocation->subject, key)), buf_str(&value));
    buf_done(&value);
}

static void produce_revocation(enum revoked_kind kind, struct uuid subject)
{
    produce_whole(&(struct revocation){.kind = kind, .subject = subject, .at = {clock_now()}});
}

/* ---- Waiting on the loop ---- */

static void stop(void *context)
{
    (void)context;
    loop_stop(it.loop);
}

static void run_for(int64_t ms)
{
    struct loop_timer *timer = loop_timer_new(it.loop, stop, NULL);
    loop_timer_set(timer, ms);
    loop_run(it.loop);
    loop_timer_free(timer);
}

static bool comes(enum revoked_kind kind, struct uuid subject, int64_t timeout_ms)
{
    for (int64_t start = clock_monotonic(); clock_monotonic() - start < timeout_ms * 1000;) {
        if (revocations_find(it.revocations, kind, &subject).seen_us)
            return true;
        run_for(5);
    }
    return false;
}

/* ---- What holds ---- */

/* The first test: the topic is not there yet. */
static void a_topic_that_is_made_later_is_found(void **state)
{
    (void)state;
    run_for(1500);
    make_topic();
    struct uuid subject = uuid_v7();
    produce_revocation(REVOKED_SESSION, subject);
    assert_true(comes(REVOKED_SESSION, subject, 20000));
    assert_true(it.changed > 0);
}

static void what_was_revoked_before_is_read_from_the_beginning(void **state)
{
    (void)state;
    struct uuid subjects[20];
    for (size_t i = 0; i < COUNT_OF(subjects); i++) {
        subjects[i] = uuid_v7();
        produce_revocation(REVOKED_ACCOUNT, subjects[i]);
    }
    end(NULL);
    begin(NULL);
    for (size_t i = 0; i < COUNT_OF(subjects); i++)
        assert_true(comes(REVOKED_ACCOUNT, subjects[i], 10000));
}

static void a_revocation_arrives_within_a_second(void **state)
{
    (void)state;
    struct uuid first = uuid_v7(), second = uuid_v7();
    produce_revocation(REVOKED_CLIENT, first);
    assert_true(comes(REVOKED_CLIENT, first, 10000));
    produce_revocation(REVOKED_PERSON, second);
    int64_t start = clock_monotonic();
    assert_true(comes(REVOKED_PERSON, second, 1000));
    print_message("%.1f ms\n", (double)(clock_monotonic() - start) / 1e3);
}

static void what_is_no_revocation_is_passed_over(void **state)
{
    (void)state;
    struct uuid subject = uuid_v7();
    const char *type = event_type_get(EVENT_ACCESS_REVOKED)->name;
    produce(event_type_get(EVENT_HISTORY_REWOUND)->name, STR("~history|1|0"), STR("\x80"));
    produce(type, STR("x"), STR("\xc1 no msgpack"));
    produce(type, STR("x"), STR("\x80"));
    produce(type, STR("x"), (struct str){0});
    produce_revocation(REVOKED_SESSION, subject);
    assert_true(comes(REVOKED_SESSION, subject, 10000));
}

static void a_broker_that_goes_and_comes_back_is_followed_again(void **state)
{
    (void)state;
    struct uuid before = uuid_v7(), after = uuid_v7();
    produce_revocation(REVOKED_SESSION, before);
    assert_true(comes(REVOKED_SESSION, before, 10000));
    testkit_server_stop(it.kafka);
    run_for(1000);
    assert_true(revocations_find(it.revocations, REVOKED_SESSION, &before).seen_us > 0);
    testkit_server_start(it.kafka);
    produce_revocation(REVOKED_SESSION, after);
    assert_true(comes(REVOKED_SESSION, after, 30000));
}

static void without_kafka_it_begins_and_ends_all_the_same(void **state)
{
    (void)state;
    struct uuid subject = uuid_v7();
    end(NULL);
    testkit_server_stop(it.kafka);
    begin(NULL);
    run_for(1200);
    end(NULL);
    begin(NULL);
    testkit_server_start(it.kafka);
    produce_revocation(REVOKED_SESSION, subject);
    assert_true(comes(REVOKED_SESSION, subject, 30000));
}

/* ---- With the rest of the library ---- */

static struct auth *open_auth(struct db_async *read)
{
    struct auth *auth;
    struct auth_options options = {.loop = it.loop,
                                   .read = read,
                                   .issuer = "http://localhost",
                                   .url = "http://localhost",
                                   .brokers = testkit_server_address(it.kafka),
                                   .client_id = "test"};
    DO(auth_open(&auth, &options, &err));
    return auth;
}

static void note_the_end(void *context)
{
    *(bool *)context = true;
}

static void a_stream_hears_of_the_end_of_its_access(void **state)
{
    (void)state;
    struct db_async *read =
        db_async_new(it.loop, &(struct db_async_options){.conninfo = testkit_database(&it.arena)});
    struct auth *auth = open_auth(read);
    struct principal principal = {.kind = PRINCIPAL_ACCOUNT,
                                  .id = uuid_v7(),
                                  .person = uuid_v7(),
                                  .session = uuid_v7(),
                                  .issued = {clock_now()},
                                  .expires = {clock_now() + 900 * SECOND_US}};
    bool ended = false;
    struct auth_watch *watch = auth_hold(auth, &principal, note_the_end, &ended);
    produce_revocation(REVOKED_PERSON, uuid_v7());
    run_for(1500);
    assert_false(ended);
    produce_revocation(REVOKED_PERSON, principal.person);
    int64_t start = clock_monotonic();
    while (!ended && clock_monotonic() - start < SECOND_US)
        run_for(5);
    assert_true(ended);
    auth_release(watch);
    auth_close(auth);
    db_async_free(read);
}

/* ---- With the copies ---- */

static struct db *copies;

static void sql(const char *text)
{
    DO(db_run(copies, text, &err));
}

static int64_t counting(void)
{
    static const struct statement statement = {"counting",
                                               "select count(*) from copy_link where counts"};
    struct result result = {0};
    DO(db_exec(copies, &statement, NULL, &result, &err));
    int64_t number = result_bigint(&result, 0, 0);
    result_done(&result);
    return number;
}

static void wait_until_counting(int64_t wanted)
{
    for (int64_t start = clock_monotonic();
         counting() != wanted && clock_monotonic() - start < 20 * SECOND_US;)
        run_for(10);
    assert_int_equal(counting(), wanted);
}

/* Apply stands still: no newer state of the link comes for as long as it takes. */
static void a_copy_that_lags_behind_gives_no_right(void **state)
{
    (void)state;
    const char *conninfo = testkit_database(&it.arena);
    DO(db_open(&copies, conninfo, &err));
    DO(db_migrate(copies, &intake_migrations, 1, &err));
    struct revocation link = {.kind = REVOKED_PERSON,
                              .subject = uuid_v7(),
                              .at = {clock_now()},
                              .grant = {GRANT_GUARDIAN, uuid_v7(), 2}};
    char id[UUID_TEXT_LEN + 1];
    sql(arena_printf(&it.arena,
                     "insert into copy_link values ('%s', gen_random_uuid(), gen_random_uuid(),"
                     " 6, '2020-01-01', null, 2, 1, 7), (gen_random_uuid(), gen_random_uuid(),"
                     " gen_random_uuid(), 6, '2020-01-01', null, 2, 1, 1)",
                     uuid_format(&link.grant.id, id)));
    struct db_async *read =
        db_async_new(it.loop, &(struct db_async_options){.conninfo = conninfo, .pipeline = true});
    struct auth *auth = open_auth(read);
    wait_until_counting(2);
    produce_whole(&link); /* of epoch 2: newer than whatever the copy has of epoch 1 */
    wait_until_counting(1);
    auth_close(auth);
    db_async_free(read);
    db_close(copies);
}

#define WITH_FEED(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FEED(a_topic_that_is_made_later_is_found),
        WITH_FEED(what_was_revoked_before_is_read_from_the_beginning),
        WITH_FEED(a_revocation_arrives_within_a_second),
        WITH_FEED(what_is_no_revocation_is_passed_over),
        WITH_FEED(a_stream_hears_of_the_end_of_its_access),
        WITH_FEED(a_copy_that_lags_behind_gives_no_right),
        WITH_FEED(a_broker_that_goes_and_comes_back_is_followed_again),
        WITH_FEED(without_kafka_it_begins_and_ends_all_the_same),
    };
    return cmocka_run_group_tests(tests, begin_all, end_all);
}
