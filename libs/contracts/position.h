/* Where an event stands in its source's log: (epoch, xid, seq, index in the row). Positions of one
 * source are totally ordered and never used twice (design.md, "event_log, relay, apply"). */
#ifndef CONTRACTS_POSITION_H
#define CONTRACTS_POSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct position {
    int64_t epoch; /* begins at every start of PostgreSQL; microseconds since 1970 */
    int64_t xid;   /* of the writing transaction; 0 for history.rewound */
    int64_t seq;   /* of the event_log row */
    int32_t index; /* of the event in the row, from 0 */
};

enum { POSITION_TEXT_LEN = 70 };

int position_compare(const struct position *a, const struct position *b); /* <0, 0, >0 */
bool position_is_zero(const struct position *position);                   /* before everything */

/* "epoch.xid.seq.index" or, without the last part, index 0. */
bool position_parse(struct str text, struct position *position);
char *position_format(const struct position *position, char text[POSITION_TEXT_LEN + 1]);

#endif
