#include "outbox/follow.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/log.h"
#include "outbox/outbox.h"

enum { LOOK_EVERY_MS = 500, ROWS_PER_READ = 1000 };

struct follow {
    struct follow_options options;
    struct loop_timer *timer;
    struct position position;
    struct horizon horizon;
    bool begun, looking, reading, poked, ended;
};

static void look(void *context);

/* Something may have been committed between the last snapshot and now: a poke that came meanwhile
 * looks again at once, and once more when the writers that were in progress are through. */
static void rest(struct follow *follow)
{
    follow->looking = false;
    if (follow->ended) {
        free(follow);
        return;
    }
    loop_timer_set(follow->timer, follow->poked ? 0 : LOOK_EVERY_MS);
    follow->poked = false;
}

/* All rows below the horizon were handed out. */
static struct position horizon_end(const struct horizon *horizon)
{
    return (struct position){horizon->epoch, horizon->xid - 1, INT64_MAX, 0};
}

static void hand_out(struct follow *follow, const struct result *result)
{
    size_t rows = result_rows(result);
    bool all = rows < ROWS_PER_READ;
    follow->poked |= !all;
    follow->position = all ? horizon_end(&follow->horizon)
                           : (struct position){result_bigint(result, rows - 1, 0),
                                               result_bigint(result, rows - 1, 1),
                                               result_bigint(result, rows - 1, 2), 0};
    if (rows)
        follow->options.rows(follow->options.context, result);
}

static void rows_arrived(void *context, const struct result *result, enum error code,
                         const struct err *err)
{
    struct follow *follow = context;
    follow->reading = false;
    if (code && code != ERROR_UNAVAILABLE)
        log_error("following", err);
    if (!code && !follow->ended)
        hand_out(follow, result);
    rest(follow);
}

static void read_rows(struct follow *follow)
{
    CLEANUP(arena_done) struct arena arena = {0};
    const struct follow_options *options = &follow->options;
    struct params params = {0};
    param_bigint(&params, follow->position.epoch);
    param_bigint(&params, follow->position.xid);
    param_bigint(&params, follow->position.seq);
    param_bigint(&params, follow->horizon.epoch);
    param_bigint(&params, follow->horizon.xid);
    param_int(&params, ROWS_PER_READ);
    if (options->wanted && !options->wanted(options->context, &params, &arena)) {
        follow->position = horizon_end(&follow->horizon);
        rest(follow);
        return;
    }
    follow->reading = true;
    db_async_exec(options->db, options->read, &params, rows_arrived, follow);
}

static void horizon_arrived(void *context, const struct horizon *horizon, enum error code,
                            const struct err *err)
{
    (void)err;
    struct follow *follow = context;
    if (code || follow->ended) {
        rest(follow);
        return;
    }
    follow->horizon = *horizon;
    if (!follow->begun) {
        follow->position = horizon_end(horizon);
        follow->begun = true;
        rest(follow);
        return;
    }
    read_rows(follow);
}

static void look(void *context)
{
    struct follow *follow = context;
    if (follow->looking) {
        follow->poked = true;
        return;
    }
    follow->looking = true;
    loop_timer_clear(follow->timer);
    outbox_horizon_async(follow->options.db, horizon_arrived, follow);
}

struct follow *follow_new(const struct follow_options *options)
{
    struct follow *follow = mem_alloc(sizeof *follow);
    follow->options = *options;
    follow->timer = loop_timer_new(options->loop, look, follow);
    look(follow);
    return follow;
}

void follow_look(struct follow *follow)
{
    look(follow);
}

void follow_free(struct follow *follow)
{
    if (!follow)
        return;
    loop_timer_free(follow->timer);
    follow->timer = NULL;
    follow->ended = true;
    if (!follow->looking)
        free(follow);
}

bool follow_position(const struct follow *follow, struct position *position)
{
    *position = follow->reading ? horizon_end(&follow->horizon) : follow->position;
    return follow->begun;
}
