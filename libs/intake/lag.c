/* How far behind this process is, for whoever looks at the installation. The ends of the partitions
 * come with what is fetched from them. */
#include "base/clock.h"
#include "base/metric.h"
#include "intake/intake_internal.h"

enum { LOOK_EVERY_US = 1000000, ASKED_A_LOOK = 8 };

static struct metric metric_lag = {
    .name = "eiso_lag_events",
    .help = "Events on the topics that were not taken in yet, in this process's partitions.",
    .type = METRIC_GAUGE,
    .trouble = "events wait on the topics: apply is far behind",
    .trouble_above = 100000};

/* Where a partition begins that nothing was taken from: it may have lost all that it had. */
static int64_t first_of(struct intake *intake, size_t topic, int32_t partition)
{
    int64_t first, next;
    struct err err;
    bool known = !bus_offsets(intake->admin, intake->topics[topic], partition, &first, &next, &err);
    return known ? first : 0; /* Kafka is away: the next look will do */
}

void lag_look(struct intake *intake)
{
    metric_register(&metric_lag);
    if (clock_monotonic() - intake->lag_looked_us < LOOK_EVERY_US)
        return;
    intake->lag_looked_us = clock_monotonic();
    size_t partitions = (size_t)intake->partitions;
    size_t lanes = intake->options->subscriptions.count * partitions;
    int64_t lag = 0;
    for (size_t i = 0, asked = 0; i < lanes; i++) {
        const struct lane *lane = &intake->lanes[i];
        if (!lane->assigned)
            continue;
        size_t topic = i / partitions;
        int32_t partition = (int32_t)(i % partitions);
        int64_t end = bus_consumer_end(intake->consumer, topic, partition);
        int64_t taken = lane->next_offset;
        if (taken < 0 && end > 0 && asked++ < ASKED_A_LOOK)
            taken = first_of(intake, topic, partition);
        if (end > MAX_OF(taken, 0))
            lag += end - MAX_OF(taken, 0);
    }
    metric_set(&metric_lag, lag);
}
