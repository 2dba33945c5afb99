/* kz.eiso.<service>.history.rewound.v1: PostgreSQL was started, a new epoch begins (design.md,
 * "Every start of PostgreSQL begins a new epoch"). It goes to every partition of the service's
 * topics as the first event of the new epoch there, and to the ledger topic
 * eiso.<service>.history.v1. */
#ifndef CONTRACTS_HISTORY_H
#define CONTRACTS_HISTORY_H

#include "contracts/position.h"
#include "record/record.h"

/* Rows of consecutive xids that each have one: all of them survived. */
struct survivors {
    int64_t epoch, from_xid, to_xid; /* both ends included */
};
extern const struct record survivors_record;

struct history_rewound {
    int64_t epoch;      /* the new one */
    struct str cut;     /* position text: all at or below it is the same in both histories */
    struct str system;  /* system identifier of the cluster */
    struct str started; /* postmaster start, RFC 3339 */
    int32_t part,
        parts; /* from 1; where the list is too long for one event, each names its own range */
    struct str from, to; /* the range of positions this part speaks for: above `from`, at most `to`;
                            absent: open */
    struct list survivors; /* above the cut, within the range */
    int64_t cut_offset; /* in a partition of facts: ghosts stand behind this offset; -1: anywhere */
};
extern const struct record history_rewound_event;

/* Whether this part of a history.rewound takes the event at `position` back: it is of an older
 * epoch, above the cut, within the part's range and not among its survivors. */
bool history_is_ghost(const struct history_rewound *rewound, const struct position *position);

#endif
