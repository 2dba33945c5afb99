/* The entrances of registry: what an item is, its rules, and the statement that takes them
 * (schema/00xx_put_x.sql). HTTP and the demo write through the same ones. */
#ifndef REGISTRY_ENTRANCES_H
#define REGISTRY_ENTRANCES_H

#include "service/gather.h"

extern const struct entrance organisations_entrance, people_entrance, classes_entrance,
    enrolments_entrance, assignments_entrance, guardians_entrance, merges_entrance;

enum { ENTRANCE_MOST_ITEMS = 2000 };

/* What became of an item. */
struct entrance_outcome {
    struct str outcome;       /* one of the entrance's: "created" */
    struct str code, pointer; /* why it was rejected */
};

struct entrance_caller {
    struct uuids nodes;  /* in whose subtrees it may write */
    struct uuid officer; /* an account; nil: none */
};

/* Straight-line, in the caller's transaction where one is open: writes at most ENTRANCE_MOST_ITEMS
 * items (each id once) for a caller, in the order of their ids.
 * `outcomes` has a place for each; texts are in the arena. */
enum error entrance_write(struct db *db, const struct entrance *entrance, void *const *items,
                          size_t count, const struct entrance_caller *caller, struct arena *arena,
                          struct entrance_outcome *outcomes, struct err *err) MUST_CHECK;

/* The same for any number of items one behind the other, in calls of their own. ERROR_INVALID names
 * the first that was rejected. */
enum error entrance_put(struct db *db, const struct entrance *entrance, void *items, size_t count,
                        const struct uuid *node, struct err *err) MUST_CHECK;

/* The same in the name of an officer: an account. */
enum error entrance_put_by(struct db *db, const struct entrance *entrance, void *items,
                           size_t count, const struct uuid *node, const struct uuid *officer,
                           struct err *err) MUST_CHECK;

#endif
