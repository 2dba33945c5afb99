/* The producer against a real broker: acknowledgements, order, partitions, compression, a killed
 * broker. */
#include <fcntl.h>

#include "bus/bus_test_internal.h"

enum { PARTITIONS = 4, BATCH = 500 };

struct acknowledged {
    uint64_t count;
    int64_t next[PARTITIONS]; /* offset that must come next */
};

static void note(void *context, uint64_t number, const char *topic, int32_t partition,
                 int64_t offset)
{
    (void)number;
    (void)topic;
    struct acknowledged *acknowledged = context;
    assert_int_equal(offset, acknowledged->next[partition]++);
    acknowledged->count++;
}

static struct bus_producer *open_producer(const char *brokers, struct acknowledged *acknowledged)
{
    return test_producer(brokers, note, acknowledged);
}

static void produce(struct bus_producer *producer, const char *topic, struct str key,
                    struct str value)
{
    test_produce(producer, &(struct bus_message_out){
                               .topic = topic, .partition = -1, .key = key, .value = value});
}

/* ---- Reading back ---- */

static struct bus_consumer *open_reader(const char *brokers, const char *topic)
{
    struct err err = {0};
    struct bus_consumer *consumer = NULL;
    const struct bus_consumer_options options = {
        .settings = {.brokers = brokers, .client_id = "test"},
        .topics = &topic,
        .topic_count = 1,
        .assigned = test_from_beginning,
    };
    assert_int_equal(bus_consumer_open(&consumer, &options, &err), ERROR_NONE);
    return consumer;
}

typedef void reader(void *context, const struct bus_message *message);

/* Hands `total` messages to `see`, and makes sure that there are no more. */
static void read_all(const char *brokers, const char *topic, size_t total, reader *see,
                     void *context)
{
    struct err err = {0};
    struct bus_consumer *consumer = open_reader(brokers, topic);
    const struct bus_message *messages;
    size_t count, seen = 0;
    int64_t end_us = clock_monotonic() + 30000000;
    while (seen < total) {
        if (bus_consume(consumer, BATCH, 500, &messages, &count, &err))
            fail_msg("%s", err.text);
        for (size_t i = 0; i < count; i++)
            see(context, &messages[i]);
        seen += count;
        assert_true(clock_monotonic() < end_us);
    }
    assert_int_equal(bus_consume(consumer, BATCH, 500, &messages, &count, &err), ERROR_NONE);
    assert_int_equal(count, 0);
    bus_consumer_close(consumer);
}

/* ---- Tests ---- */

static void every_message_is_acknowledged_in_order(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    const char *topic = test_topic(&arena, testkit_brokers(), PARTITIONS);
    struct acknowledged acknowledged = {0};
    struct bus_producer *producer = open_producer(testkit_brokers(), &acknowledged);
    for (int i = 0; i < 5000; i++) {
        char key[16];
        snprintf(key, sizeof key, "key-%d", i % 97);
        produce(producer, topic, str_from(key), STR("value"));
    }
    assert_int_equal(bus_producer_progress(producer).produced, 5000);
    test_drain(producer, 20000);
    assert_int_equal(bus_producer_progress(producer).acknowledged, 5000);
    assert_int_equal(acknowledged.count, 5000);
    bus_producer_close(producer);
}

static void check_partition(void *context, const struct bus_message *message)
{
    int *seen = context;
    assert_int_equal(message->partition, bus_partition(message->key, PARTITIONS));
    seen[message->partition]++;
}

static void a_key_decides_the_partition(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    const char *topic = test_topic(&arena, testkit_brokers(), PARTITIONS);
    struct acknowledged acknowledged = {0};
    struct bus_producer *producer = open_producer(testkit_brokers(), &acknowledged);
    for (int i = 0; i < 200; i++) {
        char key[32];
        snprintf(key, sizeof key, "%.*s", i % 31 + 1, "abcdefghijklmnopqrstuvwxyz0123456789");
        produce(producer, topic, str_from(key), STR("x"));
    }
    test_drain(producer, 20000);
    bus_producer_close(producer);
    int seen[PARTITIONS] = {0};
    read_all(testkit_brokers(), topic, 200, check_partition, seen);
    for (int i = 0; i < PARTITIONS; i++)
        assert_true(seen[i] > 0);
}

static void check_parts(void *context, const struct bus_message *message)
{
    int *index = context;
    if ((*index)++ == 0) {
        assert_false(str_present(message->value)); /* a tombstone */
        assert_int_equal(message->header_count, 2);
        assert_true(str_equal(bus_header_get(message, STR("ce_type")), STR("kz.eiso.test")));
        assert_true(str_equal(bus_header_get(message, STR("empty")), STR("")));
        assert_false(str_present(bus_header_get(message, STR("none"))));
    } else {
        assert_true(str_present(message->value)); /* empty is not absent */
        assert_int_equal(message->value.len, 0);
        assert_int_equal(message->header_count, 0);
    }
    assert_true(str_equal(message->key, STR("k")));
    assert_in_range(message->timestamp_ms, clock_now() / 1000 - 60000, clock_now() / 1000 + 1000);
}

static void tombstones_and_headers_arrive_as_sent(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct err err = {0};
    const char *topic = test_topic(&arena, testkit_brokers(), 1);
    struct acknowledged acknowledged = {0};
    struct bus_producer *producer = open_producer(testkit_brokers(), &acknowledged);
    const struct bus_header headers[] = {{STR("ce_type"), STR("kz.eiso.test")},
                                         {STR("empty"), STR("")}};
    const struct bus_message_out message = {
        .topic = topic, .partition = 0, .key = STR("k"), .headers = headers, .header_count = 2};
    assert_int_equal(bus_produce(producer, &message, &err), ERROR_NONE);
    produce(producer, topic, STR("k"), STR(""));
    test_drain(producer, 20000);
    bus_producer_close(producer);
    int index = 0;
    read_all(testkit_brokers(), topic, 2, check_parts, &index);
}

static void the_first_failure_is_the_last_word(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct err err = {0};
    const char *topic = test_topic(&arena, testkit_brokers(), 1);
    struct acknowledged acknowledged = {0};
    struct bus_producer *producer = open_producer(testkit_brokers(), &acknowledged);
    produce(producer, topic, STR("k"), STR("good"));
    test_drain(producer, 20000);
    char *large = mem_alloc(2 << 20); /* over message.max.bytes */
    memset(large, 'x', 2 << 20);
    const struct bus_message_out message = {
        .topic = topic, .partition = 0, .value = {large, 2 << 20}};
    assert_int_equal(bus_produce(producer, &message, &err), ERROR_FENCED);
    free(large);
    const struct bus_message_out next = {.topic = topic, .partition = 0, .value = STR("next")};
    assert_int_equal(bus_produce(producer, &next, &err), ERROR_FENCED);
    assert_int_equal(bus_producer_poll(producer, 0, &err), ERROR_FENCED);
    assert_int_equal(bus_producer_progress(producer).acknowledged, 1);
    bus_producer_close(producer);
}

/* A partition's segment on disk: the codec is in the low bits of a batch's attributes (Kafka's
 * record batch format: baseOffset 8, batchLength 4, partitionLeaderEpoch 4, magic 1, crc 4,
 * attributes 2). */
static int codec_on_disk(const char *data, const char *topic)
{
    char path[1024];
    unsigned char head[23];
    snprintf(path, sizeof path, "%s/%s-0/00000000000000000000.log", data, topic);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, head, sizeof head), sizeof head);
    close(fd);
    assert_int_equal(head[16], 2); /* magic */
    return head[22] & 7;
}

struct order {
    uint64_t next;
};

static void check_number(void *context, const struct bus_message *message)
{
    struct order *order = context;
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)order->next++);
    assert_true(str_equal(message->value, str_from(text)));
}

/* Kills it from another process while this one goes on. */
static pid_t kill_beside(struct testkit_server *kafka)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child > 0)
        return child;
    testkit_server_kill(kafka);
    _exit(0);
}

static void a_killed_broker_loses_doubles_and_turns_nothing(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    enum { FIRST = 20000, MORE = 20000, LZ4 = 3 };
    struct testkit_server *kafka = testkit_kafka_new();
    const char *brokers = testkit_server_address(kafka);
    const char *topic = test_topic(&arena, brokers, 1);
    struct acknowledged acknowledged = {0};
    struct bus_producer *producer = open_producer(brokers, &acknowledged);
    test_numbers(producer, topic, 0, 0, FIRST);
    test_drain(producer, 20000);
    assert_int_equal(codec_on_disk(testkit_server_data(kafka), topic), LZ4);
    uint64_t disconnects = bus_producer_disconnects(producer);
    pid_t killer = kill_beside(kafka);
    int next = FIRST;
    for (int64_t end_us = clock_monotonic() + 20000000; /* it dies while we are at it */
         bus_producer_disconnects(producer) == disconnects; next += 100) {
        test_numbers(producer, topic, 0, next, next + 100);
        DO(bus_producer_poll(producer, 1, &err));
        assert_true(clock_monotonic() < end_us);
    }
    assert_int_equal(testkit_wait(killer, 10000), 0);
    test_numbers(producer, topic, 0, next, next + MORE); /* nobody is there */
    size_t all = (size_t)next + MORE;
    testkit_server_start(kafka);
    test_drain(producer, 60000);
    assert_true(bus_producer_disconnects(producer) > disconnects);
    assert_int_equal(acknowledged.count, all);
    bus_producer_close(producer);
    struct order order = {0};
    read_all(brokers, topic, all, check_number, &order);
}

/* With idempotence the broker sees the gap; who went on in silence would have lost 100 messages. */
static void a_broker_that_lost_its_tail_ends_the_producer(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct testkit_server *kafka = testkit_kafka_new();
    const char *topic = test_topic(&arena, testkit_server_address(kafka), 1);
    struct acknowledged acknowledged = {0};
    struct bus_producer *producer = open_producer(testkit_server_address(kafka), &acknowledged);
    test_numbers(producer, topic, 0, 0, 100);
    test_drain(producer, 20000);
    testkit_server_stop(kafka);
    testkit_server_save(kafka, "shorter");
    testkit_server_start(kafka);
    test_numbers(producer, topic, 0, 100, 200);
    test_drain(producer, 20000);
    testkit_server_stop(kafka);
    testkit_server_restore(kafka, "shorter");
    testkit_server_start(kafka);
    struct err err = {0};
    const struct bus_message_out message = {.topic = topic, .partition = 0, .value = STR("200")};
    enum error code = bus_produce(producer, &message, &err);
    for (int i = 0; i < 200 && !code && acknowledged.count == 200; i++)
        code = bus_producer_poll(producer, 100, &err);
    assert_int_equal(code, ERROR_FENCED);
    assert_int_equal(acknowledged.count, 200);
    bus_producer_close(producer);
    testkit_server_free(kafka);
}

static void a_full_queue_is_busy_and_takes_nothing(void **state)
{
    (void)state;
    struct err err = {0};
    struct acknowledged acknowledged = {0};
    struct bus_producer *producer = open_producer("127.0.0.1:1", &acknowledged); /* nobody there */
    char value[1024] = {0};
    const struct bus_message_out message = {
        .topic = "any", .partition = 0, .value = {value, sizeof value}};
    enum error code = ERROR_NONE;
    for (int i = 0; i < 70000 && !code; i++) /* 64 MiB hold 65,536 at most */
        code = bus_produce(producer, &message, &err);
    assert_int_equal(code, ERROR_BUSY);
    uint64_t produced = bus_producer_progress(producer).produced;
    assert_int_equal(bus_produce(producer, &message, &err), ERROR_BUSY);
    assert_int_equal(bus_producer_progress(producer).produced, produced);
    assert_int_equal(bus_producer_progress(producer).acknowledged, 0);
    bus_producer_close(producer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_message_is_acknowledged_in_order),
        TEST(a_key_decides_the_partition),
        TEST(tombstones_and_headers_arrive_as_sent),
        TEST(the_first_failure_is_the_last_word),
        TEST(a_full_queue_is_busy_and_takes_nothing),
        TEST(a_killed_broker_loses_doubles_and_turns_nothing),
        TEST(a_broker_that_lost_its_tail_ends_the_producer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
