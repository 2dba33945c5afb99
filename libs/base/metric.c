#include "base/metric.h"

#include "base/buf.h"

/* Read by the observer's thread while the role's own registers: a new head is complete before it
 * shows. */
static struct metric *_Atomic metrics;

void metric_register(struct metric *metric)
{
    for (struct metric *known = metrics; known; known = known->next)
        if (known == metric)
            return;
    metric->next = atomic_load_explicit(&metrics, memory_order_relaxed);
    atomic_store_explicit(&metrics, metric, memory_order_release);
}

void metric_print(struct buf *out)
{
    for (struct metric *m = metrics; m; m = m->next) {
        int64_t value = atomic_load_explicit(&m->value, memory_order_relaxed);
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name,
                   m->type == METRIC_COUNTER ? "counter" : "gauge");
        if (m->scale != 0)
            buf_printf(out, "%s %.6f\n", m->name, (double)value * m->scale);
        else
            buf_printf(out, "%s %lld\n", m->name, (long long)value);
    }
}
