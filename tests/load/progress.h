/* How far a sender is: a line for people every two seconds, or one in its log each minute. */
#ifndef LOAD_PROGRESS_H
#define LOAD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct totals {
    int64_t accepted, rejected, unknown; /* items; unknown: without an answer until the end */
    int64_t batches, repeated;           /* repeated on purpose */
    int64_t retried;    /* batches sent again, for want of an answer or of a final one */
    int64_t refused;    /* of them with 429 or 503 */
    int64_t wrong;      /* outcomes that cannot be right, whatever happened */
    int64_t lag_p99_ms; /* from when a batch was due until its answer */
    double seconds;
};

struct progress {
    bool shows;         /* lines for people */
    int64_t lag_ms;     /* the longest since the last line; the sender says it */
    int64_t told_us;    /* when that was */
    int64_t told_items; /* and how many were answered by then */
};

void progress_open(struct progress *progress, bool shows);

/* When it is time. `seconds_left` -1: until it is stopped. */
void progress_tell(struct progress *progress, const struct totals *totals, int64_t seconds_left);

#endif
