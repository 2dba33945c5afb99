/* What a sender knows of its schools: homeroom classes and their learners, read over the API or
 * known because the country is its own. */
#ifndef LOAD_WORLD_H
#define LOAD_WORLD_H

#include "api.h"
#include "base/arena.h"
#include "base/uuid.h"
#include "country.h"

/* A learner who goes from one homeroom to another. */
struct world_move {
    struct country_move move;
    bool known; /* to the services: then its homerooms have lessons again */
};

struct homeroom {
    struct uuid id, organisation;
    int32_t grade, shift;
    struct uuids learners; /* at least one; in the order of their seats; without moves */

    /* In a country of one's own: */
    const struct country_school *school;
    size_t index;                       /* in it */
    struct uuid groups[COUNTRY_GROUPS]; /* absent: not parted; who sits where decides */
    const struct world_move *move;      /* in or out, or NULL */
};

struct group {
    struct uuid id, homeroom;
};

struct world {
    struct arena arena;
    struct homeroom *homerooms; /* ascending by id */
    size_t count, capacity;
    const struct country *country; /* one's own, or NULL */
    struct group *groups;          /* ascending by id */
    struct world_move *moves;
    size_t groups_count, moves_count;
};

/* A homeroom, or a group of it. */
struct class_found {
    const struct homeroom *homeroom; /* NULL: there is none */
    size_t group;                    /* COUNTRY_GROUPS: all of it */
};

/* Reads everything within the client's subtree. Blocks: a call a class. */
enum error world_load(struct world *world, struct api *api, struct err *err) MUST_CHECK;
/* The homerooms of a country that was loaded, and who moves between them. The country is borrowed.
 */
void world_of_country(struct world *world, const struct country *country);

/* The organisation that the client speaks for. */
enum error world_own(struct api *api, struct uuid *organisation, struct err *err) MUST_CHECK;
struct class_found world_find(const struct world *world, const struct uuid *class);

/* Who is in it on that date. May be the homeroom's own list. */
struct uuids world_roster(const struct class_found *class, struct date date, struct arena *arena);

/* Whether a move up to `today` of one of its learners is not known to the services: what is sent of
 * this homeroom might count where it should not. */
bool world_is_held(const struct homeroom *homeroom, struct date today);

void world_done(struct world *world);

#endif
