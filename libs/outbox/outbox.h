/* The transactional log of a service: what it commits, others will see, in order and exactly once.
 *
 * A service's SQL calls outbox_append(ids, keys, types, payloads) in the transaction that writes
 * its rows; role relay carries the log to Kafka; role push follows it, or a table stamped like it,
 * below the same horizon. Every start of PostgreSQL begins a new epoch (design.md). The schema is
 * in schema/; its set is outbox_migrations. */
#ifndef OUTBOX_OUTBOX_H
#define OUTBOX_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/metric.h"
#include "contracts/position.h"
#include "contracts/topics.h"
#include "db/async.h"
#include "db/db.h"

extern const struct migration_set outbox_migrations;

/* To be called on each new connection, before its first transaction: begins a new epoch where
 * PostgreSQL was started since the last one. Milliseconds; without Kafka. ERROR_FENCED where this
 * history must not be spoken for (a return into an abandoned one, another system identifier): an
 * operator decides, see `history ls|accept`. Fits db_async_options.opened. */
enum error outbox_open(struct db *db, void *unused, struct err *err) MUST_CHECK;

/* The same for a straight-line role: where this history must not be spoken for, it waits until an
 * operator has decided, and eiso_history_closed is 1 meanwhile. ERROR_UNAVAILABLE once `*stop` is
 * true. */
struct outbox_waiting {
    const volatile bool *stop;
    void (*beat)(void *context); /* a sign of life, each second; may be NULL */
    void *context;
};
enum error outbox_open_wait(struct db *db, const struct outbox_waiting *waiting,
                            struct err *err) MUST_CHECK;

/* ---- Horizon ---- */

/* Below it no transaction of this database can commit a row any more. Two statements, each its own
 * transaction; rows must be read by a third that begins afterwards. */
struct horizon {
    int64_t epoch; /* current */
    int64_t xid;   /* rows of the current epoch with a lower xid are final; older epochs are */
};
enum error outbox_horizon(struct db *db, struct horizon *horizon, struct err *err) MUST_CHECK;

/* The same on the event loop. */
typedef void outbox_horizon_callback(void *context, const struct horizon *horizon, enum error code,
                                     const struct err *err);
void outbox_horizon_async(struct db_async *db, outbox_horizon_callback *callback, void *context);

/* ---- Role relay ---- */

/* Appends (outbox_append), or has a job append soon, the whole present state of each of these keys
 * of a state topic, with the revision it has; and appends a tombstone (an empty payload) for each
 * that does not exist. Of a topic that is `again` without being state (contracts/topics.h): makes
 * good what followed from the lost events of these keys. At most 500 distinct keys, in a transaction that sees all that older ones
 * wrote; may be called again for the same keys. */
typedef enum error state_again(struct db *db, const struct topic *topic, const struct str *keys,
                               size_t count, void *context, struct err *err);

/* The keys of a state topic that has a state now, behind `after` (absent: from the first), in an
 * order of its own, at most `most`; in the arena. */
typedef enum error state_keys(struct db *db, const struct topic *topic, struct str after,
                              int32_t most, struct arena *arena, struct strs *keys, void *context,
                              struct err *err);

struct relay_options {
    const char *service; /* "grades" */
    const char *cell;    /* "kz": ce_source is /<cell>/<service> */
    const char *conninfo;
    const char *brokers, *kafka_config, *client_id;
    const char *poke_path; /* pokes come here; NULL: polls only */
    const volatile bool *stop;
    volatile bool *ready; /* set to true once it holds the lease and has begun; may be NULL */
    void (*beat)(void *context); /* a sign of life, each second or oftener; may be NULL */
    /* After a lost part of the history: what it left on state topics is said anew. NULL: the
     * service has no state topic. */
    state_again *state_again;
    state_keys *state_keys; /* with it: for a state topic that was lost as a whole */
    void *context;
};

/* Runs until `*stop` (ERROR_NONE), or until it cannot go on: the lease or the connection was lost,
 * a delivery failed, the partitions are not what they were. Straight-line, blocking. Metrics:
 * eiso_relay_pending (rows), eiso_relay_lag_seconds, eiso_relay_sent_total (events),
 * eiso_last_event_age_seconds, eiso_horizon_age_seconds. */
enum error relay_run(const struct relay_options *options, struct err *err) MUST_CHECK;

/* ---- Role jobs ---- */

/* Makes the log's day partitions 7 days ahead of `today` (UTC, as the log's), drops those older
 * than `keep_days` that the relay has passed, and goes on where an earlier run was interrupted.
 * Short statements, lock_timeout 200 ms (of the connection, from then on); run it each minute,
 * outside of a transaction. Metrics: eiso_log_partitions_missing (of today and the 7 ahead),
 * eiso_log_partitions_overdue. */
enum error outbox_partitions(struct db *db, struct date today, int keep_days,
                             struct err *err) MUST_CHECK;

/* ---- Operators ---- */

enum error outbox_history_list(struct db *db, struct buf *out, struct err *err) MUST_CHECK;
/* Accepts this history as the one that speaks. A foreign one (another cluster) goes on as it is. In
 * an abandoned one (the ledger knows a later one: a restore into a past that others have taken
 * back) one more epoch takes back what others have heard since the two parted, and all that is here
 * is said again: nothing of either is lost or doubled, at the price of sending it twice.
 * ERROR_NOT_FOUND: it is open; ERROR_INVALID: the log no longer has all of that. */
enum error outbox_history_accept(struct db *db, const char *who, struct buf *out,
                                 struct err *err) MUST_CHECK;

#endif
