/* What this library's tests share. */
#ifndef BUS_BUS_TEST_INTERNAL_H
#define BUS_BUS_TEST_INTERNAL_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "bus/bus.h"
#include "testkit/check.h"
#include "testkit/testkit.h"

/* The call must do; says why where it does not. */
#define DO(call)                      \
    do {                              \
        struct err err = {0};         \
        if ((call) != ERROR_NONE)     \
            fail_msg("%s", err.text); \
    } while (0)

static inline struct bus_admin *test_admin(const char *brokers)
{
    struct bus_admin *admin = NULL;
    const struct bus_settings settings = {.brokers = brokers, .client_id = "test"};
    DO(bus_admin_open(&admin, &settings, &err));
    return admin;
}

static inline const char *test_topic(struct arena *arena, const char *brokers, int32_t partitions)
{
    struct bus_admin *admin = test_admin(brokers);
    const struct bus_topic topic = {testkit_name(arena, "test"), partitions, 1, NULL, 0};
    DO(bus_admin_create_topics(admin, &topic, 1, &err));
    bus_admin_close(admin);
    return topic.name;
}

static inline struct bus_producer *test_producer(const char *brokers,
                                                 bus_acknowledged *acknowledged, void *context)
{
    struct bus_producer *producer = NULL;
    const struct bus_producer_options options = {
        .settings = {.brokers = brokers, .client_id = "test"},
        .acknowledged = acknowledged,
        .context = context,
    };
    DO(bus_producer_open(&producer, &options, &err));
    return producer;
}

static inline void test_produce(struct bus_producer *producer,
                                const struct bus_message_out *message)
{
    struct err err = {0};
    enum error code;
    do
        code = bus_produce(producer, message, &err);
    while (code == ERROR_BUSY);
    if (code)
        fail_msg("%s", err.text);
}

/* Polls until all is acknowledged. */
static inline void test_drain(struct bus_producer *producer, int64_t timeout_ms)
{
    int64_t end_us = clock_monotonic() + timeout_ms * 1000;
    struct bus_progress progress = bus_producer_progress(producer);
    while (progress.acknowledged < progress.produced) {
        DO(bus_producer_poll(producer, 100, &err));
        assert_true(clock_monotonic() < end_us);
        progress = bus_producer_progress(producer);
    }
}

/* Puts `from`, `from` + 1, ... below `to` as decimal values on one partition. */
static inline void test_numbers(struct bus_producer *producer, const char *topic, int32_t partition,
                                int from, int to)
{
    for (int i = from; i < to; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        test_produce(producer, &(struct bus_message_out){.topic = topic,
                                                         .partition = partition,
                                                         .key = STR("one"),
                                                         .value = str_from(text)});
    }
}

/* The same with a producer of its own, acknowledged. */
static inline void test_fill(const char *brokers, const char *topic, int32_t partition, int from,
                             int to)
{
    struct bus_producer *producer = test_producer(brokers, NULL, NULL);
    test_numbers(producer, topic, partition, from, to);
    test_drain(producer, 20000);
    bus_producer_close(producer);
}

static inline enum error test_from_beginning(void *context, struct bus_assignment *assignments,
                                             size_t count, struct err *err)
{
    (void)context;
    (void)err;
    for (size_t i = 0; i < count; i++)
        assignments[i].next_offset = BUS_FROM_BEGINNING;
    return ERROR_NONE;
}

#endif
