/* What the files of the relay share. */
#ifndef OUTBOX_INTERNAL_H
#define OUTBOX_INTERNAL_H

#include "bus/bus.h"
#include "contracts/history.h"
#include "outbox/outbox.h"

/* What a partition has lost behind its end (refill.c). */
struct gap {
    bool open;
    bool unread, begun;    /* its last event was not looked at yet; something was sent */
    int64_t end;           /* next offset */
    struct position kept;  /* of the last event that is there; zero: none */
    struct position saved; /* of the last event that was acknowledged */
};

/* One partition of one topic, as far as this relay has sent. */
struct lane {
    const struct topic *topic;
    int32_t partition;
    struct position last; /* of the event that was sent last: the predecessor of the next */
    int64_t last_offset;  /* acknowledged; -1: none */
    bool moved;           /* since the position was saved */
    struct gap gap;
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
    bool shrunk; /* Kafka acknowledged an offset that had been acknowledged before */
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

/* A row of the log, columns as named: each event is handed to `send`, its type left to that. */
#define RELAY_ROW_COLUMNS                                                    \
    " l.epoch, l.xid, l.seq, l.time, array_send(l.ids), array_send(l.keys)," \
    " array_send(l.types), array_send(l.payloads)"
typedef enum error relay_send_event(void *context, int number, struct outgoing *event,
                                    struct err *err);
enum error relay_each_event(const struct result *result, size_t row, relay_send_event *send,
                            void *context, struct err *err);
struct position relay_row_position(const struct result *result, size_t row);

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
    bool returned; /* the way out of a return: all that the ledger knew before is dealt with */
};
enum error epoch_stories(struct db *db, struct arena *arena, struct epoch_story **stories,
                         size_t *count, struct err *err);
size_t epoch_parts(const struct epoch_story *story);
struct str epoch_encode(const struct epoch_story *story, size_t part, int64_t cut_offset,
                        struct arena *arena);
/* Where the relay stood in this partition when the epoch began: -1 where nothing had been sent. */
enum error epoch_cut_offset(struct relay *relay, int64_t epoch, const struct lane *lane,
                            int64_t *offset, struct err *err);
/* ERROR_CORRUPT where history does not know it. In the batch's arena. */
enum error epoch_story_find(struct relay *relay, int64_t epoch, struct epoch_story **story,
                            struct err *err);
/* Position, key and value of one part of it. */
void epoch_fill(struct relay *relay, const struct epoch_story *story, size_t part,
                int64_t cut_offset, struct outgoing *event);
/* Sends the story of an epoch to every partition of the service's topics. */
enum error relay_send_epoch(struct relay *relay, int64_t epoch, struct uuid id, struct instant time,
                            struct err *err);

/* state.c: what a lost part of the history left on the state topics is said anew. Behind the story,
 * and before the position moves over the epoch's row: a relay that dies in between does it again.
 */
enum error state_say_again(struct relay *relay, const struct epoch_story *story, struct err *err);

/* The whole state of a topic, key after key, where the service can say it. */
enum error state_say_all(struct relay *relay, const struct topic *topic, struct err *err);

/* refill.c: fills what has a gap (lane.gap) from the log and the tables, and saves that. */
enum error refill_topics(struct relay *relay, struct err *err);

/* ledger.c: reads the ledger topic, judges, writes own epochs there. ERROR_FENCED: a return into an
 * abandoned history. */
enum error ledger_settle(struct relay *relay, struct err *err);

#endif
