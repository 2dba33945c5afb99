/* What the files of the apply loop share. */
#ifndef INTAKE_INTERNAL_H
#define INTAKE_INTERNAL_H

#include "bus/bus.h"
#include "contracts/history.h"
#include "intake/intake.h"

/* How far one source has had its effect here, in one partition. */
struct watermark {
    struct str source; /* lives as long as the intake */
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

struct intake {
    const struct intake_options *options;
    struct db *db;
    struct bus_consumer *consumer;
    struct lane *lanes; /* topic * partitions + partition */
    int32_t partitions; /* the most of any topic */
    const char **topics;
    struct held *held;
    size_t held_count;
    struct event *pending; /* accepted, not yet handed over; in order of arrival */
    size_t *pending_topic;
    size_t pending_count;
    struct arena life, batch;
};

struct lane *intake_lane(struct intake *intake, size_t topic, int32_t partition);
struct watermark *lane_mark(struct intake *intake, struct lane *lane,
                            struct str source); /* made where it is new */

/* envelope.c */
void envelope_read(const struct bus_message *message, const struct topic *topic,
                   struct arena *arena, struct envelope *envelope);
struct str event_subject(const struct event *event, char text[UUID_TEXT_LEN + 1]);

/* offsets.c: where consuming stands, in the database */
enum error offsets_load(struct intake *intake, struct bus_assignment *assignments, size_t count,
                        struct err *err);
enum error offsets_move(struct intake *intake,
                        struct err *err); /* first in the transaction: locks, compares, moves */
enum error offsets_check(struct intake *intake, struct err *err); /* while idle */
enum error watermarks_save(struct intake *intake, struct err *err);

/* quarantine.c */
enum error quarantine_load(struct intake *intake, struct err *err);
bool quarantine_holds(const struct intake *intake, const struct topic *topic, struct str subject);
enum error quarantine_add(struct db *db, const struct topic *topic, const struct event *event,
                          const char *reason, struct err *err);
enum error quarantine_drop_ghosts(struct db *db, const struct topic *topic,
                                  const struct event *ghosts, size_t count, struct err *err);

/* rewound.c: the ghosts of one partition, at the place of a history.rewound */
enum error rewound_ghosts(struct intake *intake, size_t topic, const struct event *rewound,
                          const struct event **ghosts, size_t *count, struct err *err);

#endif
