/* Sends batches until it is told to stop, and takes each to its end: what has no answer is sent
 * again with the same ids, at the pace that the system asks for. */
#ifndef LOAD_SENDER_H
#define LOAD_SENDER_H

#include <signal.h>

#include "day.h"
#include "ledger.h"
#include "office.h"
#include "pace.h"
#include "progress.h"

enum {
    SENDER_BATCHES = 16,       /* under way side by side, at most */
    SENDER_LAG_MOST_MS = 60000 /* what took longer counts as this */
};

struct sender {
    struct api *api;
    struct day *day;
    struct ledger *ledger;
    struct office *office; /* or NULL */
    struct pace pace;
    int64_t seconds; /* how long; 0: until stopped */
    int64_t batch;   /* items of one, at most 500; 0: what is due in a quarter of a second */
    bool shows;      /* progress, as lines for people */
    bool alone;      /* nobody else writes of these classes: what is refused tells of a fault */
    const volatile sig_atomic_t *stopped;
};

/* Runs to its end; batches that are under way then have 30 s more. An error only where the ledger
 * cannot be written. */
enum error sender_run(const struct sender *sender, struct totals *totals,
                      struct err *err) MUST_CHECK;

#endif
