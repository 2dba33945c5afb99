/* The entrance for batches: one SQL call for all items that arrived while the previous call was in flight, from however many
 * requests, taken fairly from the clients in turn, at most 2,000 items or 2 MiB a call. No timer. Each request is answered
 * with an outcome for each of its items when all of them have one (api.md, "Writing").
 *
 * What differs between entrances is an `entrance`: what an item is, the rules that need no database, and the statement.
 *
 * The statement is `select * from take_x($1 .. $n)` with
 *     $1 integer[]  caller of each item, an index into the next two
 *     $2 integer[], $3 uuid[]  pairs (caller, node): the subtrees that the callers may write in
 *     $4 date       today in Kazakhstan
 *     $5..          a column for each field of `columns`
 *     last          bytea[], the heads of the items' events (record_encode_head with `event`), where `event` is given
 * and returns a row for each item that did not simply go well: item integer (from 1), outcome text, code text,
 * pointer text, other uuid. No row: the first of `outcomes` ("created"). An item may have several rows (several errors).
 * It commits by itself. It must be harmless to repeat: a call whose connection broke is made again.
 * ERROR_SERIALIZE is repeated at most three times; then, as with a lost connection that does not come back in time, the
 * items are `rejected` / `unavailable`, or, where nothing of a request was taken, the answer is 503. */
#ifndef SERVICE_GATHER_H
#define SERVICE_GATHER_H

#include "http/http.h"
#include "record/record.h"
#include "service/service.h"

struct entrance {
    const char *name;             /* "marks": in metrics and logs */
    const struct record *record;  /* what a sender writes */
    size_t id_offset;             /* of `struct uuid id` in the item */
    /* Rules beyond the field table that need no database but know today; also fills what the columns need (fingerprint,
     * month...). Called only for items without problems. May be NULL. */
    void (*prepare)(void *item, struct date today, struct problems *problems, struct arena *arena);
    const struct record *columns; /* over the same struct */
    const struct record *event;   /* over the same struct; NULL: the statement makes its events by itself */
    const struct statement *statement;
    const char *const *outcomes;  /* in the order of the answer's counters: "created", "duplicate", "rejected", NULL */
    const char *const *pokes;     /* roles of this service to be told after a commit: "relay", NULL */
};

/* A route's handler in one line: reads the batch, checks, gathers, answers. 429 where what waits would take longer than
 * 500 ms. */
void gather_batch(struct http_request *request, const struct entrance *entrance);

struct gather;
struct gather *gather_new(struct process *process);
void gather_free(struct gather *gather);

#endif
