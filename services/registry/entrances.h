/* The entrances of registry: what an item is, its rules, and the statement that takes them
 * (schema/00xx_put_x.sql). HTTP and the demo write through the same ones. */
#ifndef REGISTRY_ENTRANCES_H
#define REGISTRY_ENTRANCES_H

#include "service/gather.h"

extern const struct entrance organisations_entrance, people_entrance, classes_entrance,
    enrolments_entrance, assignments_entrance, guardians_entrance, merges_entrance;

enum { ENTRANCE_MOST_ITEMS = 2000 };

/* Straight-line: writes items (each id once) for a caller of that node's subtree, at most
 * ENTRANCE_MOST_ITEMS a call, sorted by id. ERROR_INVALID names the first that was rejected. */
enum error entrance_put(struct db *db, const struct entrance *entrance, void *items, size_t count,
                        const struct uuid *node, struct err *err) MUST_CHECK;

/* The same in the name of an officer: an account. */
enum error entrance_put_by(struct db *db, const struct entrance *entrance, void *items,
                           size_t count, const struct uuid *node, const struct uuid *officer,
                           struct err *err) MUST_CHECK;

#endif
