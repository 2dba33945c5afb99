/* A read model made anew from the topics beside the old one, and swapped in: after a new rule, a
 * bug, a damaged table (design.md, "A read model made anew").
 *
 * The schema of the service is made once more (<schema>_rebuild); the same handlers fill it, in the
 * same transactions with offsets and watermarks of its own, so that it can be killed and goes on.
 * It never passes the live apply. When both stand close together, apply is held back for a moment,
 * the rest is taken in, and the tables are exchanged in one transaction: readers and streams see
 * the new rows in the old places, and apply goes on as if nothing had happened.
 *
 * Made anew are the copies of the registry, offsets, watermarks, quarantine (what an operator
 * dropped stays dropped), and the tables that the service names; everything else is kept. What the
 * topics no longer have is taken over from the live tables: all dates up to the day after the
 * oldest fact that is still there. */
#ifndef INTAKE_REBUILD_H
#define INTAKE_REBUILD_H

#include "intake/intake.h"

/* A table that apply alone writes. */
struct rebuilt {
    const char *table;
    const char *date;  /* column of the fact's date; NULL: what is missing is taken over by key */
    const char *place; /* columns by which a row is found in the live table, by index: its
                          (epoch, xid, seq) is kept ("event, learner"); NULL: it has no place */
};

struct rebuild_options {
    const struct intake_options *intake; /* as for apply; slot and pokes are not used */
    const struct migration_set *schema;  /* all sets of the service, in order */
    size_t schema_count;
    const struct rebuilt *tables;
    size_t table_count;
    /* First in the swap's transaction: whoever else reads a table in a long transaction is kept
     * away. May be NULL. */
    enum error (*swapping)(struct db *db, struct err *err);
    /* Behind the swap: notes whatever is made from these tables to be made again. Again after a
     * death. May be NULL. */
    enum error (*swapped)(struct db *db, const volatile bool *stop, struct err *err);
    void (*say)(const char *line); /* how far it is, for who waits */
};

/* `db` is the owner's connection. Runs until it is done (seconds to hours), or told to stop
 * (ERROR_UNAVAILABLE): the next one goes on. ERROR_CONFLICT: another one is at work, or the schema
 * that was begun is of another program (drop it). ERROR_FENCED: too many events would be held. */
enum error intake_rebuild(struct db *db, const struct rebuild_options *options,
                          struct err *err) MUST_CHECK;

/* Removes what was begun; the live model is not touched. ERROR_CONFLICT: it is at work. */
enum error intake_rebuild_drop(struct db *db, struct err *err) MUST_CHECK;

/* For role jobs: sets the gauges eiso_rebuild_running and eiso_rebuild_interrupted. */
enum error intake_rebuild_look(struct db *db, struct err *err) MUST_CHECK;

#endif
