/* A school's office in a country of one's own: what changes in the roster while lessons go on. It
 * writes through the registry's calls who substitutes today and who goes to another school, some
 * at a time, and asks with `dry_run` whether the services know it: until then the homerooms of a
 * move are held (world_is_held). What was written before is `unchanged`, so that each run may begin
 * at the start. */
#ifndef LOAD_OFFICE_H
#define LOAD_OFFICE_H

#include "api.h"
#include "world.h"

enum office_step {
    OFFICE_SUBSTITUTIONS, /* of all schools, then for each round of moves: */
    OFFICE_MOVES,
    OFFICE_ASK_GRADES,
    OFFICE_ASK_ATTENDANCE,
    OFFICE_STEPS
};

struct office {
    struct api *api;
    struct world *world;
    struct date today; /* absent: nothing is done yet */
    enum office_step step;
    size_t next;                  /* school or move */
    struct world_move *moves[32]; /* of this round */
    size_t moves_count;
    struct call call;
    struct arena arena; /* of what is under way */
    bool sent, again;   /* again: the same, at `send_at_us` */
    int64_t send_at_us;
    int64_t moved, substitutions, wrong; /* moves that are known; records; refused records */
};

/* Both are borrowed. */
void office_open(struct office *office, struct api *api, struct world *world);
void office_done(struct office *office);

/* Goes on with what is under way, and begins with what is due, not where it `stops`. Never blocks:
 * api_wait works on its calls. */
void office_work(struct office *office, struct date today, bool stops);

#endif
