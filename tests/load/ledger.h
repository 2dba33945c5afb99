/* What was sent, and what became of it: the other side's books, by which tests/recount counts.
 *
 * Lines of words, only ever appended. An item is written before it is sent for the first time, its
 * outcome when it is known; an item without one may have been taken or not:
 *
 *     mark ID ORGANISATION CLASS LEARNER DATE LESSON SUBJECT KIND POINTS MAX_POINTS VALUE
 *     mark_correction ID REPLACES ORGANISATION CLASS ... (as of a mark)
 *     mark_withdrawal ID WITHDRAWS DATE
 *     register ID ORGANISATION CLASS DATE LESSON SUBJECT LEARNER:CODE:MINUTES,...
 *     register_replacement ID REPLACES ORGANISATION CLASS ... (as of a register)
 *     register_withdrawal ID WITHDRAWS DATE
 *     absence_change ID REGISTER LEARNER CODE
 *     accepted ID
 *     rejected ID CODE
 *
 * The last outcome counts: what was refused may be taken when it is sent again (a roster that was
 * learned late). What is absent is "-". Names are those of the API. A line that ends with "torn"
 * was never whole, and what it is about was not sent. */
#ifndef LOAD_LEDGER_H
#define LOAD_LEDGER_H

#include <stdio.h>

#include "contracts/marks.h"
#include "contracts/registers.h"

struct day;

struct ledger {
    FILE *file;
    const char *path;
};

/* Makes the folders above it, too. Refused while another sender has it open. */
enum error ledger_open(struct ledger *ledger, const char *path, struct err *err) MUST_CHECK;
void ledger_mark(struct ledger *ledger, const struct mark *mark);
void ledger_register(struct ledger *ledger, const struct lesson_register *taken);
void ledger_absence_change(struct ledger *ledger, const struct absence_change *change);
void ledger_accepted(struct ledger *ledger, const struct uuid *id);
void ledger_rejected(struct ledger *ledger, const struct uuid *id, struct str code);

/* Hands what was written to the system: from then on it survives the end of this process. */
enum error ledger_flush(struct ledger *ledger, struct err *err) MUST_CHECK;

/* Tells `day` which lessons have their register. */
enum error ledger_read_taken(const char *path, struct day *day, struct err *err) MUST_CHECK;
void ledger_close(struct ledger *ledger);

#endif
