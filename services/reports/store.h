/* The only file that talks SQL: a statement each, named for its meaning. */
#ifndef REPORTS_STORE_H
#define REPORTS_STORE_H

#include "auth/auth.h"
#include "db/async.h"
#include "domain.h"
#include "intake/intake.h"

/* ---- apply ---- */

/* Adds merged cells (cells_merge) and notes them for the roll-up. */
enum error store_add_cells(struct db *db, const struct cell *cells, size_t count,
                           struct arena *arena, struct err *err);

/* Notes for the roll-up what a batch of a registry topic may change: called before and after the
 * copy, for a record may leave one organisation and come to another. Topics: organisations,
 * reference (trees); classes, enrolments, aliases (contingent). */
enum error store_note_registry(struct event_batch *batch, struct err *err);

/* ---- Role jobs ---- */

/* Sums again what is dirty, in a transaction of its own; today begins where it has not. `*changed`:
 * days of nodes. */
enum error store_roll_up(struct db *db, struct date today, int32_t *changed, struct err *err);

/* Counts learners anew for at most `most` organisations that are noted; `*taken`: for how many. */
enum error store_make_contingents(struct db *db, int32_t most, int32_t *taken, struct err *err);

/* A day of a node with sets that are not on the topic yet. */
struct untold_day {
    struct str key;       /* without its set */
    int32_t sets;         /* bit n: enum indicator_set n */
    struct indicator day; /* `set` is left to the caller */
};

/* Takes at most `most` that are due, in the caller's transaction. In the arena. */
enum error store_take_untold(struct db *db, int32_t most, struct arena *arena,
                             struct untold_day **days, size_t *count, struct err *err);

/* Appends events of type indicator.changed to the log. */
struct told {
    struct uuid *ids;
    struct str *keys, *payloads;
    int16_t *types;
    size_t count;
};
enum error store_append(struct db *db, const struct told *told, struct arena *arena,
                        struct err *err);

/* outbox.h, state_again: days that are there are told again by job `tell`, of others the topic
 * forgets the keys. */
enum error store_state_again(struct db *db, const struct topic *topic, const struct str *keys,
                             size_t count, void *context, struct err *err) MUST_CHECK;

/* outbox.h, state_keys. */
enum error store_state_keys(struct db *db, const struct topic *topic, struct str after,
                            int32_t most, struct arena *arena, struct strs *keys, void *context,
                            struct err *err) MUST_CHECK;

/* Months from the oldest that is taken to three ahead. */
enum error store_make_months(struct db *db, struct date from, struct date to, struct err *err);

/* ---- A rebuild (intake/rebuild.h) ---- */

/* Waits for a roll-up that is under way, and keeps the next one out until the transaction ends: its
 * snapshot would see the new cells as they were before. */
enum error store_hold_roll_up(struct db *db, struct err *err) MUST_CHECK;

/* Notes everything to be summed again, the newest day first and each when the one before is done,
 * so that today's figures never wait long; a minute a day where nobody sums. */
enum error store_note_all(struct db *db, const volatile bool *stop, struct err *err) MUST_CHECK;

/* ---- api, push ---- */

struct indicators_wanted {
    enum indicator_tree tree;
    struct str node; /* KZ, a KATO code, or an organisation's id in lower case */
    struct date from, to;
    bool children;
};

/* Rows of indicator_row_record, as node_view_of wants them; none where the caller does not see the
 * node. */
void store_indicators(struct db_async *db, const struct indicators_wanted *wanted,
                      const struct principal *principal, struct arena *arena,
                      db_async_callback *callback, void *context);
extern const struct record indicator_row_record;

/* A changed day, and what it hangs on. */
struct changed_day {
    int64_t epoch, xid, seq;
    struct indicator day;
    struct str territory, superior; /* absent: on none in that tree */
};
extern const struct record changed_day_record;
extern const struct statement store_follow_days; /* of struct follow_options.read */

#endif
