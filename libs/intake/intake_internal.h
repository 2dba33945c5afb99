/* What the files of the apply loop share. */
#ifndef INTAKE_INTERNAL_H
#define INTAKE_INTERNAL_H

#include "bus/bus.h"
#include "contracts/history.h"
#include "intake/intake.h"

/* How far one source has had its effect here, in one partition. */
struct watermark {
    struct str source; /* lives until partitions are assigned anew */
    struct position position;
};

struct lane {
    bool assigned, moved;
    int64_t next_offset;  /* as in the database; BUS_FROM_BEGINNING at first */
    int64_t began_offset; /* next_offset when this batch began */
    struct watermark *marks;
    size_t mark_count;
};

/* A message with its envelope read. */
struct envelope {
    struct event event;
    struct position predecessor;
    const char *reason; /* why it cannot be applied; NULL: it can */
};

/* A subject whose events wait. */
struct held {
    struct str topic, subject;
};

/* An event that a handler cannot apply (intake_hold): the batch runs again without it. */
struct refusal {
    const struct topic *topic;
    int32_t partition;
    int64_t offset;
    const char *reason;
};

/* An event that must stand between a watermark and what was read. */
struct missing {
    bool found;
    const char *topic;
    int32_t partition;
    char behind[POSITION_TEXT_LEN + 128]; /* source and watermark */
};

struct intake {
    const struct intake_options *options;
    struct db *db;
    struct bus_consumer *consumer;
    struct bus_admin *admin;
    struct lane *lanes; /* topic * partitions + partition */
    int32_t partitions; /* the most of any topic */
    const char **topics;
    struct held *held; /* sorted, as the database had them when the batch began */
    size_t held_count;
    struct held *held_now; /* by this batch */
    size_t held_now_count;
    bool full; /* too many are held: facts are left alone */
    struct refusal *refused;
    size_t refused_count, refused_capacity;
    struct missing missing;
    int64_t lag_looked_us;
    struct event *pending; /* accepted, not yet handed over; in order of arrival */
    size_t *pending_topic;
    size_t pending_count;
    int64_t applied; /* events of this batch */
    struct arena life, assigned, refusals, batch;
};

/* Waits for Kafka and the topics; makes the lanes. */
enum error intake_meet(struct intake *intake, struct err *err);
/* Everything of a batch has its effect, in one transaction. */
enum error intake_apply(struct intake *intake, const struct bus_message *messages, size_t count,
                        struct err *err);

struct lane *intake_lane(struct intake *intake, size_t topic, int32_t partition);
struct watermark *lane_mark(struct intake *intake, struct lane *lane,
                            struct str source); /* made where it is new */

/* envelope.c */
void envelope_read(const struct bus_message *message, const struct topic *topic,
                   struct arena *arena, struct envelope *envelope);
/* Source, position and type alone; false where there is no position. */
bool envelope_place(const struct bus_message *message, struct str *source,
                    struct position *position, const struct event_type **type);
/* The value by the type's record; NULL where it is broken. */
const void *envelope_decode(const struct event_type *type, struct str raw, struct arena *arena);
struct str event_subject(const struct event *event, char text[UUID_TEXT_LEN + 1]);

/* offsets.c: where consuming stands, in the database */
enum error offsets_load(struct intake *intake, struct bus_assignment *assignments, size_t count,
                        struct err *err);
enum error offsets_move(struct intake *intake,
                        struct err *err); /* first in the transaction: locks, compares, moves */
enum error offsets_check(struct intake *intake, struct err *err); /* while idle */
/* A topic that was filled again may have what is missing at a lower offset: the next process reads
 * the partition from its beginning, once for each watermark. Both return ERROR_FENCED where it
 * does; else the error that `err` holds. */
enum error offsets_look_back(struct intake *intake, struct err *err);
/* After an offset that a topic does not have: partitions that end before where we stand. */
enum error offsets_look_at_ends(struct intake *intake, struct err *err);
enum error watermarks_save(struct intake *intake, struct err *err);

/* quarantine.c */
enum error quarantine_load(struct intake *intake, struct err *err);
bool quarantine_holds(const struct intake *intake, const struct topic *topic, struct str subject);
enum error quarantine_add(struct intake *intake, const struct topic *topic,
                          const struct event *event, struct str subject, const char *reason,
                          struct err *err);
/* Deletes the ghosts that wait, or were dropped; the others, which had their effect, move to the
 * front. */
enum error quarantine_drop_ghosts(struct intake *intake, const struct topic *topic,
                                  struct event *ghosts, size_t *count, struct err *err);

/* lag.c: sets eiso_lag_events, once a second */
void lag_look(struct intake *intake);

/* rewound.c: takes back the ghosts of one partition, at the place of a history.rewound */
enum error rewound_take_back(struct intake *intake, size_t topic, const struct event *rewound,
                             int64_t *taken, struct err *err);

#endif
