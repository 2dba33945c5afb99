/* Taking events in: each has its effect exactly once in this database, whatever dies (design.md,
 * "Apply").
 *
 * A service names its subscriptions, a topic and a handler each; intake consumes in batches, and in
 * one transaction drops what was seen, hands the rest to the handlers, moves offsets and
 * watermarks. The copies of the registry are handlers that are here already (intake/copies.h). The
 * schema is in schema/; its set is intake_migrations. */
#ifndef INTAKE_INTAKE_H
#define INTAKE_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "contracts/position.h"
#include "contracts/topics.h"
#include "db/db.h"

extern const struct migration_set intake_migrations;

/* One event, decoded by its type's record. */
struct event {
    const struct event_type *type; /* NULL: a tombstone of a state topic, only `key` counts */
    struct str source;             /* ce_source: "/kz/grades" */
    struct uuid id;                /* ce_id */
    struct instant time;           /* ce_time: when its transaction was */
    struct position position;
    struct str key;    /* of the message */
    const void *value; /* struct of type->record; NULL with a tombstone */
    int32_t partition; /* where it stood, and its bytes: for quarantine */
    int64_t offset;
    struct str raw;
};

struct event_batch {
    struct db *db;       /* in the effect's transaction */
    struct arena *arena; /* of this batch */
    const struct topic *topic;
    const struct event *events; /* in the order of each partition */
    size_t count;
    void *context;         /* of the options */
    struct intake *intake; /* of this library */
};

/* Writes the effects of all events of one topic. An error rolls the whole batch back:
 * ERROR_SERIALIZE is tried three times, all others end the process, and the next one begins with
 * this batch. What a single event makes impossible is not an error: hand it to intake_hold. */
typedef enum error intake_handler(struct event_batch *batch, struct err *err);

struct intake;
struct subscription {
    const struct topic *topic;
    intake_handler *handler;
};
#define SUBSCRIPTIONS(array)                        \
    {                                               \
        (array), sizeof(array) / sizeof((array)[0]) \
    }
struct subscriptions {
    const struct subscription
        *items; /* topics are handed over in this order within a batch: registry first */
    size_t count;
};

/* Events that were applied and are taken back: their source's history was rewound. Called in the
 * effect's transaction at the place of history.rewound in one partition, with every event of that
 * partition that is a ghost (read again from the topic), in order, at most 1,000 at a time. What
 * was held had no effect and is not among them. For fact topics only (README: state topics). NULL:
 * nothing to take back. */
typedef enum error intake_retract(struct event_batch *ghosts, struct err *err);

struct intake_options {
    const char *service; /* group "eiso.<service>.apply" */
    const char *conninfo;
    const char *brokers, *kafka_config, *client_id;
    int slot; /* group.instance.id "<service>-apply-<slot>" */
    struct subscriptions subscriptions;
    intake_retract *retract;
    int64_t most_held; /* above it fact topics are not taken; 0: 100,000 */
    int rest_ms; /* after a batch that left nothing behind (service.h); 0: as long as that took */
    const char *const *poke_paths; /* told after each commit; ends with NULL; NULL: nobody */
    /* As outbox_open, where the service has a log for what its handlers append; NULL: none. */
    enum error (*opened)(struct db *db, void *context, struct err *err);
    void *context;
    const volatile bool *stop;
    volatile bool *ready; /* set once partitions can be taken; may be NULL */
    void (*beat)(
        void *context); /* a sign of life after each batch and wait; gets `context`; may be NULL */
};

/* Runs until `*stop`, or until it cannot go on. Straight-line, blocking. Metrics: eiso_lag_events,
 * eiso_applied_total, eiso_skipped_total, eiso_ghosts_total, eiso_quarantined,
 * eiso_facts_not_taken, eiso_last_event_age_seconds. */
enum error intake_run(const struct intake_options *options, struct err *err) MUST_CHECK;

/* Puts one event of the batch into quarantine: when the handlers are through, all is rolled back,
 * and the batch is handed over again without it and without the later events of its subject, which
 * wait behind it. Not for ghosts and not while releasing (ERROR_CONFLICT). */
enum error intake_hold(struct event_batch *batch, const struct event *event, const char *reason,
                       struct err *err) MUST_CHECK;

/* ---- Operators ---- */

/* While more than `most_held` wait, fact topics are not taken, until a tenth of that is free again;
 * the registry's go on. */
enum error intake_quarantine_list(struct db *db, struct buf *out, struct err *err) MUST_CHECK;
/* One as JSON: where it stood, why it is held, its value, and what waits behind it (how many, and
 * the first 20). The value may be a person's data: for the operator's eyes. */
enum error intake_quarantine_show(struct db *db, int64_t id, struct buf *out,
                                  struct err *err) MUST_CHECK;
/* That event never has an effect; what waits behind it still waits. */
enum error intake_quarantine_drop(struct db *db, int64_t id, const char *who,
                                  struct err *err) MUST_CHECK;
/* Applies the event and all that waits for its subject, in order, in one transaction; none where
 * one still cannot be applied (ERROR_CONFLICT). Of the options only subscriptions and context are
 * used; `db` is open as for apply (outbox_open). `*count`: events applied. */
enum error intake_quarantine_release(struct db *db, const struct intake_options *options,
                                     int64_t id, size_t *count, struct err *err) MUST_CHECK;

#endif
