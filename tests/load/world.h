/* What a sender knows of its schools: homeroom classes and their learners, read over the API or
 * known because the country is its own. */
#ifndef LOAD_WORLD_H
#define LOAD_WORLD_H

#include "api.h"
#include "base/arena.h"
#include "base/uuid.h"
#include "country.h"

struct homeroom {
    struct uuid id, organisation;
    int32_t grade, shift;
    struct uuids learners; /* at least one */
};

struct world {
    struct arena arena;
    struct homeroom *homerooms; /* ascending by id */
    size_t count, capacity;
};

/* Reads everything within the client's subtree. Blocks: a call a class. */
enum error world_load(struct world *world, struct api *api, struct err *err) MUST_CHECK;
/* The homerooms of a country that was loaded. */
void world_of_country(struct world *world, const struct country *country);

/* The organisation that the client speaks for. */
enum error world_own(struct api *api, struct uuid *organisation, struct err *err) MUST_CHECK;
const struct homeroom *world_find(const struct world *world, const struct uuid *id); /* or NULL */
void world_done(struct world *world);

#endif
