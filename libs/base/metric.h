/* Counters and gauges that the observer thread shows as Prometheus text while the role's own thread
 * writes them: plain atomics, nothing else is shared.
 *
 * A metric is a static variable, registered by the program before its threads start. Names begin
 * with "eiso_", units are base units, counters end in "_total"; no label may hold an id. */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include <stdatomic.h>
#include <stdint.h>

struct buf;

enum metric_type { METRIC_COUNTER, METRIC_GAUGE };

struct metric {
    const char *name;
    const char *help;
    enum metric_type type;
    double scale; /* the shown value is value * scale; 0 means 1 (1e-6: seconds from us) */
    /* A gauge that an operator must hear of while its value (not scaled) is above `trouble_above`:
     * what is wrong in words, and the command of the service that mends it; NULL: none does. */
    const char *trouble, *mend;
    int64_t trouble_above;
    _Atomic int64_t value;
    struct metric *next; /* of the registry */
};

void metric_register(struct metric *metric); /* twice does no harm */

static inline void metric_add(struct metric *metric, int64_t more)
{
    atomic_fetch_add_explicit(&metric->value, more, memory_order_relaxed);
}

static inline void metric_set(struct metric *metric, int64_t value)
{
    atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

/* Appends all registered metrics in the Prometheus text format 0.0.4. */
void metric_print(struct buf *out);

/* Appends the troubles as a JSON array: [{"metric":"eiso_quarantined","value":3,"trouble":"events
 * are held in quarantine","mend":"quarantine ls"}]. */
void metric_print_troubles(struct buf *out);

#endif
