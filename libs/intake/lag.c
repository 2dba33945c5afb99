/* How far behind this process is, for whoever looks at the installation. A request for each
 * partition: eight of them a second, in turn, so that a hundred partitions are a quarter of a
 * minute old at most, and nobody waits for them. */
#include "base/clock.h"
#include "base/metric.h"
#include "intake/intake_internal.h"

enum { LOOK_EVERY_US = 1000000, LANES_PER_LOOK = 8 };

static struct metric metric_lag = {
    .name = "eiso_lag_events",
    .help = "Events on the topics that were not taken in yet, in this process's partitions.",
    .type = METRIC_GAUGE,
    .trouble = "events wait on the topics: apply is far behind",
    .trouble_above = 100000};

static void look_at(struct intake *intake, size_t index)
{
    struct lane *lane = &intake->lanes[index];
    int64_t first, next;
    struct err err;
    if (bus_offsets(intake->admin, intake->topics[index / (size_t)intake->partitions],
                    (int32_t)(index % (size_t)intake->partitions), &first, &next, &err))
        return; /* Kafka is away: the next look will do */
    lane->end_offset = next;
    if (lane->next_offset < 0)
        lane->first_offset = first;
}

void lag_look(struct intake *intake)
{
    metric_register(&metric_lag);
    if (clock_monotonic() - intake->lag_looked_us < LOOK_EVERY_US)
        return;
    intake->lag_looked_us = clock_monotonic();
    size_t lanes = intake->options->subscriptions.count * (size_t)intake->partitions;
    for (size_t seen = 0, asked = 0; seen < lanes && asked < LANES_PER_LOOK; seen++) {
        size_t index = intake->lag_next++ % lanes;
        if (!intake->lanes[index].assigned)
            continue;
        look_at(intake, index);
        asked++;
    }
    int64_t lag = 0;
    for (size_t i = 0; i < lanes; i++) {
        const struct lane *lane = &intake->lanes[i];
        int64_t taken = MAX_OF(lane->next_offset, lane->first_offset);
        if (lane->assigned && lane->end_offset > taken)
            lag += lane->end_offset - taken;
    }
    metric_set(&metric_lag, lag);
}
