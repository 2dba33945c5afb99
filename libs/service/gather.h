/* The entrance for batches: one SQL call for all items that arrived while the previous call was in
 * flight, from however many requests, taken fairly from the callers in turn, at most 2,000 items or
 * about 2 MiB a call. No timer. Each request is answered with an outcome for each of its items when
 * all of them have one (api.md, "Writing").
 *
 * What differs between entrances is a `struct entrance`: what an item is, the rules that need no
 * database, and the statement.
 *
 * A service writes the function take_x, which a migration makes callable with `select
 * make_calls('take_x')`. Its parameters are
 *     $1 integer[]  caller of each item, an index into the callers of this call
 *     $2 integer[], $3 uuid[]  pairs (caller, node): the subtrees that the callers may write in
 *     $4 date       today in Kazakhstan
 *     $5..          a column for each field of `columns`
 *     then          bytea[], the heads of the items' events (record_encode_head with `event`),
 *                   where `event` is given
 *     last          uuid[], the account behind each number of $1 (nil: a client), where
 *                   `tells_officers`
 * and its statements have two more: integer[], the last item of each round, and integer[], the
 * place of each item in the order of their arrival. A call whose items name each other goes in
 * rounds, in one transaction: no id is named twice in what take_x is called with (`names_suffice`:
 * but by one item that is it and names none, and one behind that), the second item is of a later
 * round, and what keeps its place behind it, too; at most 16 rounds, the rest waits for the next
 * call. A function that locks rows locks them in the order of their ids; where
 * rounds of two processes meet in a deadlock, one call is made again. It returns a row for each
 * item that did not simply go well: item integer (from 1), outcome text, code text, pointer text,
 * other uuid. No row, or a NULL outcome: the first of `outcomes`. Where it returns four columns
 * more, id uuid, key text, type smallint, payload bytea, it returns a row for each item, and these
 * are the item's event (NULL payload: it has none); all are logged in the order of the places. Else
 * it logs its events itself.
 * An item may have several rows then, the last one's outcome counts: a code with outcome
 * `rejected` is one of its "errors", with another outcome of its "warnings"; `other` beside a code
 * is shown there as "existing"; without a code, as the item's "canonical". Codes are those of
 * i18n's `problem.*`; one that ends in "_unknown" is retriable. A pointer is "" for the whole item;
 * NULL is "".
 *
 * The statement commits by itself. It must be harmless to repeat: a call whose connection broke is
 * made again for up to 10 s. ERROR_SERIALIZE and ERROR_DUPLICATE (another process took the same id
 * meanwhile: the same call again finds it) are repeated at most three times. Then the items are
 * `rejected` with the retriable code `unavailable` or `outcome_unknown`, or, where nothing of a
 * request was taken, the answer is 503 with that code. Any other error is our bug: the call is cut
 * in halves until the item that it does not survive is found; that one is `rejected` / `internal`.
 */
#ifndef SERVICE_GATHER_H
#define SERVICE_GATHER_H

#include "http/http.h"
#include "record/record.h"
#include "service/service.h"

struct offsets {
    const size_t *items;
    size_t count;
};
#define OFFSETS(array)                              \
    {                                               \
        (array), sizeof(array) / sizeof((array)[0]) \
    }

struct entrance {
    const char *name;            /* "marks": in logs */
    const struct record *record; /* what a sender writes */
    size_t id_offset;            /* of `struct uuid id` in the item */
    /* Offsets of at most two further `struct uuid` members that name other items (`replaces`): one
     * that names what an item before it is or names goes in a later round, and finds what that one
     * did. */
    struct offsets names;
    /* What becomes of an item depends on those before it by what it names alone, and take_x returns
     * the events and does those of a round that name none before the others: then one that names an
     * item which names none may be of the same round. Else an item stays behind all that came
     * before it in its request. */
    bool names_suffice;
    /* Rules beyond the field table that need no database but know today; also fills what the
     * columns need (fingerprint, month...). Called only for items without problems. May be NULL. */
    void (*prepare)(void *item, struct date today, struct problems *problems, struct arena *arena);
    const struct record *columns; /* over the same struct */
    const struct record *event;   /* over the same struct; NULL: the statement makes its events */
    /* The record of an item's event, where not all are of `event`; NULL: all are. */
    const struct record *(*event_of)(const void *item);
    bool tells_officers;               /* the statement wants to know which people they are */
    const struct statement *statement; /* `select * from take_x_call(...)` */
    /* `select * from take_x_dry(...)`, which undoes all of it: `?dry_run=1`, with which a request
     * goes alone and whole. */
    const struct statement *dry;
    /* In the order of the answer's counters, the one of items that went well first, with "rejected"
     * among them: "created", "duplicate", "rejected", NULL. */
    const char *const *outcomes;
    const char *const *pokes; /* roles of this service to be told after a commit: "relay", NULL */
};

/* The handler of a route that has an entrance: reads the batch, checks, gathers, answers. 503 while
 * PostgreSQL is away; 429 where what waits would take longer than 500 ms, or memory would run out
 * (64 MiB waiting in all, 16 of one caller): both before the body is decoded. The listener needs
 * `writes`. */
void gather_post(struct http_request *request);

/* The row of such a route. */
#define BATCH_ROUTE(path_, entrance_, scope_, summary_)                                  \
    {                                                                                    \
        HTTP_POST, path_, gather_post, .body_bytes = 4 << 20, .scope = (scope_),         \
                                       .query = &gather_query, .entrance = &(entrance_), \
                                       .answer = {ANSWER_OUTCOMES}, .summary = summary_  \
    }
extern const struct parameters gather_query;

/* make_calls(); before the service's own. */
extern const struct migration_set service_migrations;

struct gather;
struct gather *gather_new(struct process *process); /* of process->write and process->loop */
void gather_free(struct gather *gather); /* answers whoever waits with 503; NULL is fine */

#endif
