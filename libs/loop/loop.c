#include "loop/loop.h"

#include <event2/event.h>
#include <stdlib.h>

#include "base/arena.h"

struct loop {
    struct event_base *base;
    struct signal_handler *signals;
};

struct signal_handler {
    struct event *event;
    loop_callback *callback;
    void *context;
    struct signal_handler *next;
};

struct loop_timer {
    struct event *event;
    loop_callback *callback;
    void *context;
};

struct loop_watch {
    struct event_base *base;
    struct event *event;
    int fd;
    loop_watch_callback *callback;
    void *context;
};

struct loop *loop_new(void)
{
    struct loop *loop = mem_alloc(sizeof *loop);
    loop->base = event_base_new();
    ensure(loop->base);
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    while (loop->signals) {
        struct signal_handler *handler = loop->signals;
        loop->signals = handler->next;
        event_free(handler->event);
        free(handler);
    }
    event_base_free(loop->base);
    free(loop);
}

void loop_run(struct loop *loop)
{
    event_base_dispatch(loop->base);
}

void loop_stop(struct loop *loop)
{
    event_base_loopbreak(loop->base);
}

static void timer_fired(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct loop_timer *timer = context;
    timer->callback(timer->context);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_callback *callback, void *context)
{
    struct loop_timer *timer = mem_alloc(sizeof *timer);
    *timer = (struct loop_timer){evtimer_new(loop->base, timer_fired, timer), callback, context};
    ensure(timer->event);
    return timer;
}

void loop_timer_set(struct loop_timer *timer, int64_t delay_ms)
{
    struct timeval delay = {delay_ms / 1000, delay_ms % 1000 * 1000};
    evtimer_add(timer->event, &delay);
}

void loop_timer_clear(struct loop_timer *timer)
{
    evtimer_del(timer->event);
}

void loop_timer_free(struct loop_timer *timer)
{
    if (!timer)
        return;
    event_free(timer->event);
    free(timer);
}

static void watch_fired(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    struct loop_watch *watch = context;
    watch->callback(watch->context,
                    (what & EV_READ ? LOOP_READ : 0) | (what & EV_WRITE ? LOOP_WRITE : 0));
}

struct loop_watch *loop_watch_new(struct loop *loop, int fd, loop_watch_callback *callback,
                                  void *context)
{
    struct loop_watch *watch = mem_alloc(sizeof *watch);
    *watch = (struct loop_watch){loop->base, NULL, fd, callback, context};
    watch->event = event_new(loop->base, fd, EV_PERSIST, watch_fired, watch);
    ensure(watch->event);
    return watch;
}

void loop_watch_set(struct loop_watch *watch, int wanted)
{
    short events = EV_PERSIST;
    if (wanted & LOOP_READ)
        events |= EV_READ;
    if (wanted & LOOP_WRITE)
        events |= EV_WRITE;
    event_del(watch->event);
    event_assign(watch->event, watch->base, watch->fd, events, watch_fired, watch);
    if (wanted)
        event_add(watch->event, NULL);
}

void loop_watch_free(struct loop_watch *watch)
{
    if (!watch)
        return;
    event_free(watch->event);
    free(watch);
}

static void signal_fired(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct signal_handler *handler = context;
    handler->callback(handler->context);
}

void loop_on_signal(struct loop *loop, int signal, loop_callback *callback, void *context)
{
    struct signal_handler *handler = mem_alloc(sizeof *handler);
    *handler = (struct signal_handler){evsignal_new(loop->base, signal, signal_fired, handler),
                                       callback, context, loop->signals};
    ensure(handler->event);
    evsignal_add(handler->event, NULL);
    loop->signals = handler;
}
