/* What a batch is answered: an outcome for each item (api.md, "Writing"). */
#ifndef LOAD_ANSWER_H
#define LOAD_ANSWER_H

#include "record/record.h"

/* Whole, as api.md has it: an element with an unknown field would be left out. */
struct finding {
    struct str pointer, code, title;
    struct uuid existing;
    bool retriable;
};

struct result {
    int32_t index;
    struct uuid id, canonical;
    struct str outcome;
    struct list errors, warnings; /* of struct finding */
};

struct answer {
    int32_t created, duplicate, updated, unchanged, matched, rejected;
    struct list results; /* of struct result; with ?results=problems only of what did not go well */
};
extern const struct record answer_record;

/* Some of what was refused may be taken when it is sent again. */
bool answer_may_heal(const struct answer *answer);

#endif
