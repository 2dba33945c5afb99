#include "progress.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

enum { SHOWN_EACH_US = 2 * 1000 * 1000, TOLD_EACH_US = 60 * 1000 * 1000 };

void progress_open(struct progress *progress, bool shows)
{
    *progress = (struct progress){.shows = shows, .told_us = clock_monotonic()};
}

static void show(const struct progress *progress, const struct totals *totals, double rate,
                 int64_t seconds_left)
{
    char left[32] = "until stopped";
    if (seconds_left == 0)
        snprintf(left, sizeof left, "ends");
    else if (seconds_left > 0)
        snprintf(left, sizeof left, "%lld:%02lld left", (long long)seconds_left / 60,
                 (long long)seconds_left % 60);
    fprintf(stderr, "%13s %8.0f/s  accepted %lld  rejected %lld  retried %lld  lag %lld ms\n", left,
            rate, (long long)totals->accepted, (long long)totals->rejected,
            (long long)totals->retried, (long long)progress->lag_ms);
}

void progress_tell(struct progress *progress, const struct totals *totals, int64_t seconds_left)
{
    int64_t now = clock_monotonic(), items = totals->accepted + totals->rejected;
    int64_t passed_us = now - progress->told_us;
    if (passed_us < (progress->shows ? SHOWN_EACH_US : TOLD_EACH_US))
        return;
    double rate = (double)(items - progress->told_items) * 1e6 / (double)passed_us;
    if (progress->shows)
        show(progress, totals, rate, seconds_left);
    else
        log_line(LOG_INFO, "sending", LOG_NUMBER("rate", (int64_t)rate),
                 LOG_NUMBER("accepted", totals->accepted), LOG_NUMBER("rejected", totals->rejected),
                 LOG_NUMBER("retried", totals->retried), LOG_NUMBER("refused", totals->refused),
                 LOG_NUMBER("lag_ms", progress->lag_ms));
    progress->lag_ms = 0;
    progress->told_us = now;
    progress->told_items = items;
}
