/* A consumer on the event loop: librdkafka's threads wake it through a descriptor. */
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bus/bus_internal.h"
#include "loop/loop.h"

enum { START_EVERY_MS = 500 };

struct bus_watch {
    struct bus_consumer *consumer;
    int fd;
    struct loop_watch *watch;
    struct loop_timer *timer;
    void (*ready)(void *context);
    void *context;
};

static void on_readable(void *context, int wanted)
{
    (void)wanted;
    struct bus_watch *watch = context;
    uint64_t count;
    if (read(watch->fd, &count, sizeof count) == sizeof count)
        watch->ready(watch->context);
}

/* Without a group somebody has to ask for the partitions once Kafka is there. */
static void on_timer(void *context)
{
    struct bus_watch *watch = context;
    if (bus_consumer_start(watch->consumer, 0) || watch->consumer->failed.code)
        watch->ready(watch->context);
    else
        loop_timer_set(watch->timer, START_EVERY_MS);
}

void bus_watch_again(struct bus_watch *watch)
{
    const uint64_t one = 1;
    ssize_t written = write(watch->fd, &one, sizeof one);
    (void)written; /* the counter is full: then it is readable, too */
}

void bus_watch_free(struct bus_watch *watch)
{
    if (!watch)
        return;
    rd_kafka_queue_io_event_enable(watch->consumer->queue, -1, NULL, 0);
    loop_watch_free(watch->watch);
    loop_timer_free(watch->timer);
    close(watch->fd);
    free(watch);
}

enum error bus_consumer_watch(struct bus_consumer *consumer, struct loop *loop,
                              void (*ready)(void *context), void *context, struct err *err)
{
    static const uint64_t one = 1;
    ensure(!consumer->watch && !consumer->options.group);
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return err_set(err, ERROR_INTERNAL, "eventfd: %m");
    struct bus_watch *watch = mem_alloc(sizeof *watch);
    *watch = (struct bus_watch){.consumer = consumer, .fd = fd, .ready = ready, .context = context};
    watch->watch = loop_watch_new(loop, fd, on_readable, watch);
    loop_watch_set(watch->watch, LOOP_READ);
    watch->timer = loop_timer_new(loop, on_timer, watch);
    loop_timer_set(watch->timer, 0);
    rd_kafka_queue_io_event_enable(consumer->queue, fd, &one, sizeof one);
    consumer->watch = watch;
    return ERROR_NONE;
}
