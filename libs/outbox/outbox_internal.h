/* What the files of the relay share. */
#ifndef OUTBOX_INTERNAL_H
#define OUTBOX_INTERNAL_H

#include "bus/bus.h"
#include "contracts/history.h"
#include "outbox/outbox.h"

/* One partition of one topic, as far as this relay has sent. */
struct lane {
    const struct topic *topic;
    int32_t partition;
    struct position last; /* of the event that was sent last: the predecessor of the next */
    int64_t last_offset;  /* acknowledged; -1: none */
    bool moved;           /* since the position was saved */
};

struct relay {
    const struct relay_options *options;
    struct db *db;
    struct bus_admin *admin;
    struct bus_producer *producer;
    struct uuid holder;
    struct str source;       /* "/kz/grades" */
    struct str history_type; /* "kz.eiso.grades.history.rewound.v1" */
    struct position saved;   /* index unused */
    int32_t partitions;      /* of each topic */
    struct lane *lanes;      /* topic by topic */
    size_t lane_count;
    int64_t renewed_us; /* monotonic: when the lease was renewed */
    int64_t moved_us;   /* the same: when the position moved, or nothing was pending */
    uint64_t disconnects;
    struct arena life, batch;
};

struct lane *relay_lane(struct relay *relay, const struct topic *topic, int32_t partition);

/* An event on its way to a lane; fills its predecessor from the lane and moves the lane on. */
struct outgoing {
    struct position position;
    struct uuid id;
    struct str type;
    struct instant time;
    struct str key, value;
};
enum error relay_send(struct relay *relay, struct lane *lane, const struct outgoing *event,
                      struct err *err);

/* Waits until all that was sent is acknowledged, renewing the lease meanwhile. */
enum error relay_settle(struct relay *relay, struct err *err);

/* lease.c */
enum error lease_take(struct relay *relay, bool *taken, struct err *err);
enum error lease_renew(struct relay *relay,
                       struct err *err); /* at most once a second; ERROR_FENCED: lost */
enum error lease_move(struct relay *relay, const struct position *to, struct err *err);

/* rewound.c: one epoch of this database, as it is told to others. */
struct epoch_story {
    int64_t epoch;
    struct position cut;
    struct str system, started;
    struct survivors *runs;
    size_t run_count;
};
enum error epoch_stories(struct db *db, struct arena *arena, struct epoch_story **stories,
                         size_t *count, struct err *err);
size_t epoch_parts(const struct epoch_story *story);
struct str epoch_encode(const struct epoch_story *story, size_t part, int64_t cut_offset,
                        struct arena *arena);
/* Where the relay stood in this partition when the epoch began: -1 where nothing had been sent. */
enum error epoch_cut_offset(struct relay *relay, int64_t epoch, const struct lane *lane,
                            int64_t *offset, struct err *err);
/* Sends the story of an epoch to every partition of the service's topics. */
enum error relay_send_epoch(struct relay *relay, int64_t epoch, struct uuid id, struct instant time,
                            struct err *err);

/* state.c: what a lost part of the history left on the state topics is said anew. Behind the story,
 * and before the position moves over the epoch's row: a relay that dies in between does it again.
 */
enum error state_say_again(struct relay *relay, const struct epoch_story *story, struct err *err);

/* ledger.c: reads the ledger topic, judges, writes own epochs there. ERROR_FENCED: a return into an
 * abandoned history. */
enum error ledger_settle(struct relay *relay, struct err *err);

#endif
