/* The only file that talks SQL: a statement each, named for its meaning. */
#ifndef NOTIFY_STORE_H
#define NOTIFY_STORE_H

#include "contracts/position.h"
#include "db/async.h"
#include "domain.h"
#include "intake/intake.h"

/* ---- apply: in the effect's transaction ---- */

/* Marks as they came: a row each, corrections and withdrawals with what was before. */
enum error store_marks(struct db *db, const struct feed_marks *marks, struct arena *arena,
                       struct err *err);

/* Absences in their order. Each that follows from a change corrects the last row of its learner
 * that stands of the register and all that changed it before this call. A change without rows is
 * remembered all the same. */
enum error store_absences(struct db *db, const struct feed_absences *absences, struct arena *arena,
                          struct err *err);

/* Each row of these events that still stands is followed by one that takes it back. */
enum error store_retract(struct db *db, const struct feed_retracted *events, size_t count,
                         struct arena *arena, struct err *err);

/* ---- api and push ---- */

/* Of whom the inbox is, and what of it. */
struct inbox_wanted {
    struct uuid person, account; /* of the caller */
    struct date today;
    struct uuid child;            /* nil: all children */
    struct position after, up_to; /* a page of the inbox: below `up_to`; of the stream: above
                                     `after`, at most `up_to` */
    int32_t limit;
};

/* Newest first, rows of feed_row_record below `up_to`. A child without items gives one row without
 * a position, last; no row at all: not a child of the caller. */
void store_inbox(struct db_async *db, const struct inbox_wanted *wanted,
                 db_async_callback *callback, void *context);

/* Oldest first: what a stream missed. */
void store_backlog(struct db_async *db, const struct inbox_wanted *wanted,
                   db_async_callback *callback, void *context);

/* child uuid, name text, rights integer, unread integer, epoch, xid, seq bigint of what was read,
 * locale text of the account. `limit` is the most that is counted as unread. One row without a
 * child where there is none. */
enum {
    CHILD_ID,
    CHILD_NAME,
    CHILD_RIGHTS,
    CHILD_UNREAD,
    CHILD_EPOCH,
    CHILD_XID,
    CHILD_SEQ,
    CHILD_LOCALE
};
void store_children(struct db_async *db, const struct inbox_wanted *wanted,
                    db_async_callback *callback, void *context);

/* Moves what was read of `child` to the newest item at or below `up_to`, only forward. A row where
 * it is a child of the caller. */
void store_read(struct db_async *db, const struct inbox_wanted *wanted, db_async_callback *callback,
                void *context);

extern const struct statement store_follow_feed; /* of struct follow_options.read */

#endif
