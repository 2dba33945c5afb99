/* The consumer against a real broker: offsets that the caller decides, groups, ends, the event
 * loop. */
#include <librdkafka/rdkafka.h>

#include "bus/bus_test_internal.h"
#include "loop/loop.h"

enum { PARTITIONS = 4 };

/* A consumer and its database: next offsets by partition, and what came. */
struct member {
    struct bus_consumer *consumer;
    int64_t *next;      /* of all partitions; shared between members */
    int assigned_calls; /* so far */
    size_t assigned;    /* partitions at the last call */
    int revoked_calls;
    int seen;
    enum error answer; /* of `assigned` */
};

static enum error from_database(void *context, struct bus_assignment *assignments, size_t count,
                                struct err *err)
{
    struct member *member = context;
    member->assigned_calls++;
    member->assigned = count;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(assignments[i].next_offset, -1);
        assignments[i].next_offset = member->next[assignments[i].partition];
    }
    return member->answer ? err_set(err, member->answer, "no database") : ERROR_NONE;
}

static void on_revoked(void *context)
{
    struct member *member = context;
    member->revoked_calls++;
}

static void join_with(struct member *member, const char *config_file, const char *topic,
                      const char *group, const char *instance)
{
    const struct bus_consumer_options options = {
        .settings = {testkit_brokers(), config_file, "test", 0},
        .topics = &topic,
        .topic_count = 1,
        .group = group,
        .instance = instance,
        .assigned = from_database,
        .revoked = on_revoked,
        .context = member,
    };
    DO(bus_consumer_open(&member->consumer, &options, &err));
}

static void join(struct member *member, const char *topic, const char *group, const char *instance)
{
    join_with(member, NULL, topic, group, instance);
}

/* Consumes one batch: every message must be the one that the database waits for. */
static void step(struct member *member, int64_t timeout_ms)
{
    const struct bus_message *messages;
    size_t count;
    DO(bus_consume(member->consumer, 100, timeout_ms, &messages, &count, &err));
    for (size_t i = 0; i < count; i++) {
        char text[16];
        snprintf(text, sizeof text, "%lld", (long long)messages[i].offset);
        assert_true(str_equal(messages[i].value, str_from(text)));
        assert_int_equal(messages[i].offset, member->next[messages[i].partition]++);
    }
    member->seen += (int)count;
}

static int64_t deadline(int64_t ms)
{
    return clock_monotonic() + ms * 1000;
}

static void step_until_seen(struct member *member, int seen)
{
    for (int64_t end_us = deadline(20000); member->seen < seen;) {
        step(member, 100);
        assert_true(clock_monotonic() < end_us);
    }
}

static const char *topic_with(struct arena *arena, int32_t partitions, int each)
{
    const char *topic = test_topic(arena, testkit_brokers(), partitions);
    for (int32_t i = 0; i < partitions; i++)
        test_fill(testkit_brokers(), topic, i, 0, each);
    return topic;
}

/* ---- In a group ---- */

static void consuming_begins_where_the_database_says(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    const char *topic = topic_with(&arena, PARTITIONS, 300);
    int64_t next[PARTITIONS] = {0, 100, 299, BUS_NOT_TAKEN};
    struct member member = {.next = next};
    join(&member, topic, testkit_name(&arena, "group"), NULL);
    step_until_seen(&member, 300 + 200 + 1);
    for (int i = 0; i < 5; i++)
        step(&member, 100); /* and nothing else */
    assert_int_equal(member.seen, 501);
    assert_int_equal(next[3], BUS_NOT_TAKEN);
    assert_int_equal(member.assigned_calls, 1);
    bus_consumer_close(member.consumer);
}

static void await_end(struct member *member, int32_t partition, int64_t wanted)
{
    for (int64_t end_us = deadline(20000);
         bus_consumer_end(member->consumer, 0, partition) != wanted;) {
        step(member, 100);
        assert_true(clock_monotonic() < end_us);
    }
}

/* Also of partitions that give nothing: one that is empty, one that was read to its end. */
static void the_ends_come_with_what_is_fetched(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    const char *topic = test_topic(&arena, testkit_brokers(), 3);
    test_fill(testkit_brokers(), topic, 0, 0, 300);
    test_fill(testkit_brokers(), topic, 1, 0, 200);
    int64_t next[3] = {0, 200, 0};
    struct member member = {.next = next};
    join(&member, topic, testkit_name(&arena, "group"), NULL);
    assert_true(bus_consumer_end(member.consumer, 0, 0) < 0);
    await_end(&member, 0, 300);
    await_end(&member, 1, 200);
    await_end(&member, 2, 0);
    test_fill(testkit_brokers(), topic, 1, 200, 250);
    await_end(&member, 1, 250);
    bus_consumer_close(member.consumer);
}

static void two_members_share_and_each_begins_where_the_other_stopped(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    const char *topic = topic_with(&arena, PARTITIONS, 500);
    const char *group = testkit_name(&arena, "group");
    int64_t next[PARTITIONS] = {0};
    struct member one = {.next = next}, two = {.next = next};
    join(&one, topic, group, NULL);
    step_until_seen(&one, 100);
    assert_int_equal(one.assigned, PARTITIONS);
    join(&two, topic, group, NULL);
    int64_t end_us = deadline(20000);
    while (one.seen + two.seen < PARTITIONS * 500 || two.assigned != PARTITIONS / 2) {
        step(&one, 50);
        step(&two, 50);
        assert_true(clock_monotonic() < end_us);
    }
    assert_int_equal(one.assigned, PARTITIONS / 2);
    assert_int_equal(one.revoked_calls, 1);
    bus_consumer_close(two.consumer); /* leaves */
    for (int32_t i = 0; i < PARTITIONS; i++)
        test_fill(testkit_brokers(), topic, i, 500, 600);
    step_until_seen(&one, PARTITIONS * 600 - two.seen);
    assert_int_equal(one.assigned, PARTITIONS);
    bus_consumer_close(one.consumer);
}

static void a_static_member_that_comes_back_has_its_partitions_at_once(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    const char *topic = topic_with(&arena, PARTITIONS, 10);
    const char *group = testkit_name(&arena, "group");
    int64_t next[PARTITIONS] = {0};
    struct member before = {.next = next}, after = {.next = next};
    join(&before, topic, group, "test-apply-0");
    step_until_seen(&before, PARTITIONS * 10);
    bus_consumer_close(before.consumer); /* as a kill: it does not leave */
    test_fill(testkit_brokers(), topic, 0, 10, 20);
    int64_t begin_us = clock_monotonic();
    join(&after, topic, group, "test-apply-0");
    step_until_seen(&after, 10);
    assert_in_range(clock_monotonic() - begin_us, 0, 3000000); /* below the session's 6 s */
    bus_consumer_close(after.consumer);
}

/* PostgreSQL was away, say: the group gave the member up meanwhile. */
static void a_member_that_did_not_poll_for_too_long_goes_on(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    const char *path = arena_printf(&arena, "%s/client.conf", testkit_folder(&arena));
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs("max.poll.interval.ms=6000\n", file);
    fclose(file);
    const char *topic = topic_with(&arena, PARTITIONS, 10);
    int64_t next[PARTITIONS] = {0};
    struct member member = {.next = next};
    join_with(&member, path, topic, testkit_name(&arena, "group"), "test-apply-0");
    step_until_seen(&member, PARTITIONS * 10);
    clock_sleep_ms(7500);
    for (int32_t i = 0; i < PARTITIONS; i++)
        test_fill(testkit_brokers(), topic, i, 10, 20);
    step_until_seen(&member, PARTITIONS * 20);
    assert_int_equal(member.assigned, PARTITIONS);
    bus_consumer_close(member.consumer);
}

static void a_second_process_of_one_name_ends_the_first(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    const char *topic = topic_with(&arena, 1, 10);
    const char *group = testkit_name(&arena, "group");
    int64_t next[1] = {0}, other[1] = {0};
    struct member first = {.next = next}, second = {.next = other};
    join(&first, topic, group, "test-apply-0");
    step_until_seen(&first, 10);
    join(&second, topic, group, "test-apply-0");
    step_until_seen(&second, 10);
    const struct bus_message *messages;
    size_t count;
    struct err err = {0};
    enum error code = ERROR_NONE;
    for (int64_t end_us = deadline(20000); !code && clock_monotonic() < end_us;)
        code = bus_consume(first.consumer, 10, 100, &messages, &count, &err);
    assert_int_equal(code, ERROR_FENCED);
    bus_consumer_close(first.consumer);
    bus_consumer_close(second.consumer);
}

/* The error comes, and stays. */
static void check_ends(struct member *member, enum error expected)
{
    const struct bus_message *messages;
    size_t count;
    struct err err = {0};
    enum error code = ERROR_NONE;
    for (int64_t end_us = deadline(20000); !code && clock_monotonic() < end_us;)
        code = bus_consume(member->consumer, 10, 100, &messages, &count, &err);
    assert_int_equal(code, expected);
    assert_int_equal(bus_consume(member->consumer, 10, 0, &messages, &count, &err), expected);
    assert_int_equal(count, 0);
    assert_true(err.text[0] != '\0');
    bus_consumer_close(member->consumer);
}

static void an_offset_beyond_the_topic_ends_it(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    const char *topic = topic_with(&arena, 1, 10);
    int64_t next[1] = {11}; /* 10 would be the next one */
    struct member grouped = {.next = next}, alone = {.next = next};
    join(&grouped, topic, testkit_name(&arena, "group"), NULL);
    check_ends(&grouped, ERROR_FENCED);
    join(&alone, topic, NULL, NULL);
    check_ends(&alone, ERROR_FENCED);
}

static void what_the_database_says_wrong_is_told(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    const char *topic = topic_with(&arena, 1, 10);
    int64_t next[1] = {0};
    struct member grouped = {.next = next, .answer = ERROR_UNAVAILABLE}, alone = grouped;
    join(&grouped, topic, testkit_name(&arena, "group"), NULL);
    check_ends(&grouped, ERROR_UNAVAILABLE);
    join(&alone, topic, NULL, NULL);
    check_ends(&alone, ERROR_UNAVAILABLE);
}

static void hints_are_seen_by_lag_tools(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    const char *topic = topic_with(&arena, 1, 10), *group = testkit_name(&arena, "group");
    int64_t next[1] = {0};
    struct member member = {.next = next};
    join(&member, topic, group, NULL);
    step_until_seen(&member, 10);
    bus_commit_hint(member.consumer, &(struct bus_assignment){0, 0, next[0]}, 1);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", testkit_brokers(), NULL, 0);
    rd_kafka_conf_set(conf, "group.id", group, NULL, 0);
    rd_kafka_t *tool = rd_kafka_new(RD_KAFKA_CONSUMER, conf, NULL, 0);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, 0);
    for (int64_t end_us = deadline(10000); list->elems[0].offset != 10;) {
        step(&member, 50);
        rd_kafka_committed(tool, list, 1000);
        assert_true(clock_monotonic() < end_us);
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(tool);
    bus_consumer_close(member.consumer);
}

/* ---- Batches ---- */

static void a_batch_has_at_most_so_many_messages_and_bytes(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    const char *topic = test_topic(&arena, testkit_brokers(), 1);
    struct bus_producer *producer = test_producer(testkit_brokers(), NULL, NULL);
    static char value[64 * 1024];
    for (int i = 0; i < 100; i++)
        test_produce(producer,
                     &(struct bus_message_out){.topic = topic, .value = {value, sizeof value}});
    test_drain(producer, 20000);
    bus_producer_close(producer);
    struct bus_consumer *consumer = NULL;
    const struct bus_consumer_options options = {
        .settings = {.brokers = testkit_brokers(), .client_id = "test"},
        .topics = &topic,
        .topic_count = 1,
        .assigned = test_from_beginning,
    };
    DO(bus_consumer_open(&consumer, &options, &err));
    const struct bus_message *messages;
    size_t count, total = 0, largest = 0;
    for (int64_t end_us = deadline(20000); total < 100; total += count) {
        DO(bus_consume(consumer, total == 0 ? 3 : 1000, 200, &messages, &count, &err));
        assert_true(total > 0 || count <= 3);
        largest = MAX_OF(largest, count);
        clock_sleep_ms(200); /* more comes than one batch takes */
        assert_true(clock_monotonic() < end_us);
    }
    assert_in_range(largest, 4, (4 << 20) / sizeof value);
    bus_consumer_close(consumer);
}

/* ---- Without a group, on the event loop ---- */

struct watcher {
    struct loop *loop;
    struct bus_consumer *consumer;
    size_t seen, until, most;
    int64_t longest_us; /* that one bus_consume took */
    int64_t per_topic[2];
};

static void on_ready(void *context)
{
    struct watcher *watcher = context;
    const struct bus_message *messages;
    size_t count;
    int64_t begin_us = clock_monotonic();
    DO(bus_consume(watcher->consumer, watcher->most, 0, &messages, &count, &err));
    watcher->longest_us = MAX_OF(watcher->longest_us, clock_monotonic() - begin_us);
    for (size_t i = 0; i < count; i++)
        watcher->per_topic[messages[i].topic]++;
    watcher->seen += count;
    if (watcher->seen >= watcher->until)
        loop_stop(watcher->loop);
}

static void give_up(void *context)
{
    struct watcher *watcher = context;
    loop_stop(watcher->loop);
}

static void watch(struct watcher *watcher, const char *brokers, const char *const *topics,
                  size_t topic_count)
{
    watcher->loop = loop_new();
    const struct bus_consumer_options options = {
        .settings = {.brokers = brokers, .client_id = "test"},
        .topics = topics,
        .topic_count = topic_count,
        .assigned = test_from_beginning,
    };
    DO(bus_consumer_open(&watcher->consumer, &options, &err));
    DO(bus_consumer_watch(watcher->consumer, watcher->loop, on_ready, watcher, &err));
}

static void run(struct watcher *watcher, size_t until, int64_t timeout_ms)
{
    watcher->until = until;
    struct loop_timer *timer = loop_timer_new(watcher->loop, give_up, watcher);
    loop_timer_set(timer, timeout_ms);
    loop_run(watcher->loop);
    loop_timer_free(timer);
}

static void unwatch(struct watcher *watcher)
{
    bus_consumer_close(watcher->consumer);
    loop_free(watcher->loop);
}

static void the_loop_is_told_until_all_is_taken(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    const char *topics[] = {topic_with(&arena, 2, 50), topic_with(&arena, 1, 30)};
    struct watcher watcher = {.most = 7}; /* many batches from one wake-up */
    watch(&watcher, testkit_brokers(), topics, 2);
    run(&watcher, 130, 20000);
    assert_int_equal(watcher.seen, 130);
    assert_int_equal(watcher.per_topic[0], 100);
    assert_int_equal(watcher.per_topic[1], 30);
    test_fill(testkit_brokers(), topics[1], 0, 30, 31); /* a later one wakes it, too */
    run(&watcher, 131, 20000);
    assert_int_equal(watcher.seen, 131);
    run(&watcher, 132, 300);
    assert_int_equal(watcher.seen, 131);
    unwatch(&watcher);
}

static void the_loop_goes_on_while_kafka_is_away(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct testkit_server *kafka = testkit_kafka_new();
    const char *topic = test_topic(&arena, testkit_server_address(kafka), 1);
    test_fill(testkit_server_address(kafka), topic, 0, 0, 10);
    testkit_server_stop(kafka);
    struct watcher watcher = {.most = 100};
    watch(&watcher, testkit_server_address(kafka), &topic, 1);
    for (int i = 0; i < 20; i++) {
        run(&watcher, 10, 50);
        on_ready(&watcher); /* asked without a reason: returns at once */
    }
    assert_int_equal(watcher.seen, 0);
    assert_in_range(watcher.longest_us, 0, 50000);
    testkit_server_start(kafka);
    run(&watcher, 10, 20000);
    assert_int_equal(watcher.seen, 10);
    testkit_server_kill(kafka); /* and again, once it runs */
    testkit_server_start(kafka);
    test_fill(testkit_server_address(kafka), topic, 0, 10, 20);
    run(&watcher, 20, 20000);
    assert_int_equal(watcher.seen, 20);
    unwatch(&watcher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(consuming_begins_where_the_database_says),
        TEST(the_ends_come_with_what_is_fetched),
        TEST(two_members_share_and_each_begins_where_the_other_stopped),
        TEST(a_static_member_that_comes_back_has_its_partitions_at_once),
        TEST(a_member_that_did_not_poll_for_too_long_goes_on),
        TEST(a_second_process_of_one_name_ends_the_first),
        TEST(an_offset_beyond_the_topic_ends_it),
        TEST(what_the_database_says_wrong_is_told),
        TEST(hints_are_seen_by_lag_tools),
        TEST(a_batch_has_at_most_so_many_messages_and_bytes),
        TEST(the_loop_is_told_until_all_is_taken),
        TEST(the_loop_goes_on_while_kafka_is_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
