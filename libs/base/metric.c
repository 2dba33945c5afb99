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

static void print_value(const struct metric *m, struct buf *out)
{
    int64_t value = atomic_load_explicit(&m->value, memory_order_relaxed);
    if (m->scale != 0)
        buf_printf(out, "%.6f", (double)value * m->scale);
    else
        buf_printf(out, "%lld", (long long)value);
}

void metric_print(struct buf *out)
{
    for (struct metric *m = metrics; m; m = m->next) {
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s ", m->name, m->help, m->name,
                   m->type == METRIC_COUNTER ? "counter" : "gauge", m->name);
        print_value(m, out);
        buf_add_char(out, '\n');
    }
}

static void print_trouble(const struct metric *m, struct buf *out)
{
    buf_printf(out, "{\"metric\":\"%s\",\"value\":", m->name);
    print_value(m, out);
    buf_add_text(out, ",\"trouble\":");
    buf_add_json(out, str_from(m->trouble));
    if (m->mend) {
        buf_add_text(out, ",\"mend\":");
        buf_add_json(out, str_from(m->mend));
    }
    buf_add_char(out, '}');
}

void metric_print_troubles(struct buf *out)
{
    const char *between = "[";
    for (const struct metric *m = metrics; m; m = m->next) {
        if (!m->trouble || m->value <= m->trouble_above)
            continue;
        buf_add_text(out, between);
        print_trouble(m, out);
        between = ",";
    }
    buf_add_text(out, *between == '[' ? "[]" : "]");
}
