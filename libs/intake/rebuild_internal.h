/* What the two halves of a rebuild share: the schemas (rebuild_model.c), the topics (rebuild.c). */
#ifndef INTAKE_REBUILD_INTERNAL_H
#define INTAKE_REBUILD_INTERNAL_H

#include "intake/intake_internal.h"
#include "intake/rebuild.h"

struct rebuild {
    const struct rebuild_options *options;
    struct db *db; /* finds the live schema: whoever holds its transaction swaps */
    const char *live, *made, *replaced; /* schemas, quoted where they must be */
    struct intake intake;               /* its connection finds the new schema first */
    int64_t *goals;                     /* of each lane: where the live apply stands */
    struct arena life, round;
};

/* One rebuild at a time (ERROR_CONFLICT), until the connection ends. Names the schemas. */
enum error model_lock(struct rebuild *rebuild, struct err *err);

enum error model_there(struct rebuild *rebuild, const char *schema, bool *there, struct err *err);

/* Makes the new schema, or brings one that was begun up to date. */
enum error model_migrate(struct rebuild *rebuild, struct err *err);
/* Once, before the first event: `boundary` is the first date of which the topics have everything;
 * absent: of all. */
enum error model_prepared(struct rebuild *rebuild, bool *prepared, struct err *err);
enum error model_prepare(struct rebuild *rebuild, struct date boundary, struct err *err);

enum error model_analyze(struct rebuild *rebuild, struct err *err);

/* Holds apply back, calls `rest` for what is missing, and swaps. ERROR_BUSY: not now, again. */
enum error model_swap(struct rebuild *rebuild,
                      enum error (*rest)(struct rebuild *rebuild, struct err *err),
                      struct err *err);
/* Behind the swap, also for one that died there. */
enum error model_finish(struct rebuild *rebuild, struct err *err);

#endif
