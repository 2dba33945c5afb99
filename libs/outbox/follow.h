/* Following a table whose rows are stamped like the log (epoch, xid, seq), on the event loop: role
 * push hands out what its service has just committed. Rows are read below the horizon, so no
 * reader's place ever jumps over a row that commits later. Looks on each poke, and by itself twice
 * a second. */
#ifndef OUTBOX_FOLLOW_H
#define OUTBOX_FOLLOW_H

#include "contracts/position.h"
#include "db/async.h"
#include "loop/loop.h"

struct follow;

struct follow_options {
    struct loop *loop;
    struct db_async *db;
    /* $1, $2, $3 bigint: rows above this position (epoch, xid, seq); $4, $5 bigint: of older epochs
     * than $4, or of it with an xid below $5; $6 integer: at most so many, in the order of the
     * position. The first three columns are the position. */
    const struct statement *read;
    /* Asked before each read for what `read` takes besides, from $7 on; false: nobody wants any
     * rows now, and none are read. NULL: all rows, always. */
    bool (*wanted)(void *context, struct params *params, struct arena *arena);
    /* Rows in order, at least one; borrowed. */
    void (*rows)(void *context, const struct result *result);
    void *context;
};

/* Begins at the horizon as it is now: what is older is read by whoever wants it. */
struct follow *follow_new(const struct follow_options *options);
void follow_free(struct follow *follow);

/* Poked: look at once. */
void follow_look(struct follow *follow);

/* Everything up to here was handed out, or is under way as it was wanted when it was asked for: who
 * begins to want something reads it from the table up to here. False before the first look. Index
 * is unused. */
bool follow_position(const struct follow *follow, struct position *position);

#endif
