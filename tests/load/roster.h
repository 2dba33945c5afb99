/* Loads a country through the public API: its bodies, then its schools, then each school's classes,
 * people and what connects them, several schools side by side, a batch of each under way. */
#ifndef LOAD_ROSTER_H
#define LOAD_ROSTER_H

#include <signal.h>

#include "api.h"
#include "country.h"

struct roster {
    struct api *api;
    const struct country *country;
    bool shows; /* progress, as lines for people */
    const volatile sig_atomic_t *stopped;
    /* Filled by the run. */
    int64_t written, kept,
        rejected;    /* records: created or updated; unchanged or matched; refused */
    int64_t retried; /* batches that were sent again */
    double seconds;
};

/* Until everything was answered; may be repeated: what is there is `unchanged`. Batches without an
 * answer and with a retriable one are sent again, at the pace that the system asks for. Tells how
 * far it is every 2 s (`shows`) or in its log every 10 s. An error where the system refuses a whole
 * batch. */
enum error roster_load(struct roster *roster, struct err *err) MUST_CHECK;

#endif
