/* The event loop of a process where thousands of clients wait (roles api, push, signin): timers,
 * signals, watched descriptors, and pokes between processes. Everything runs in the thread that
 * calls loop_run; a callback must not block. Straight-line roles use only the poke sender. */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct loop;

struct loop *loop_new(void);
void loop_free(struct loop *loop); /* NULL is fine; whatever was made on it must be freed before */

/* Returns after loop_stop, or when nothing is left to wait for. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

typedef void loop_callback(void *context);

/* ---- Timers: one shot, set again from their own callback where they should repeat ---- */

struct loop_timer;
struct loop_timer *loop_timer_new(struct loop *loop, loop_callback *callback, void *context);
void loop_timer_set(struct loop_timer *timer, int64_t delay_ms); /* replaces what was set */
void loop_timer_clear(struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer);

/* ---- Descriptors: level-triggered ---- */

enum { LOOP_READ = 1, LOOP_WRITE = 2 };
struct loop_watch;
typedef void loop_watch_callback(void *context, int ready); /* LOOP_READ and/or LOOP_WRITE */
struct loop_watch *loop_watch_new(struct loop *loop, int fd, loop_watch_callback *callback,
                                  void *context);
void loop_watch_set(struct loop_watch *watch, int wanted); /* 0 sleeps */
void loop_watch_free(struct loop_watch *watch);            /* leaves the descriptor open */

/* ---- Signals ---- */

/* For the life of the loop. */
void loop_on_signal(struct loop *loop, int signal, loop_callback *callback, void *context);

/* ---- Pokes: "look again", between processes of one installation ----
 *
 * A datagram on a Unix socket; it may be lost and several may melt into one, so whoever is poked
 * also looks by itself from time to time. Never carries data. */

/* Makes the socket at `path` (an old one is replaced): the descriptor, for a watch on the loop or
 * for poke_wait. */
enum error poke_open(const char *path, int *fd, struct err *err) MUST_CHECK;

/* Waits up to `timeout_ms` for a poke and drains all that came. True where there was one. `fd` -1
 * sleeps. */
bool poke_wait(int fd, int64_t timeout_ms);

/* Never blocks, ignores that nobody listens. */
void poke_send(const char *path);

#endif
