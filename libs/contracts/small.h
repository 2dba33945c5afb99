/* The record of the small service in tests/: a note, taken in, carried over Kafka, kept and shown.
 */
#ifndef CONTRACTS_SMALL_H
#define CONTRACTS_SMALL_H

#include "record/record.h"

struct note {
    struct uuid id;
    struct str key; /* its order counts within one */
    int32_t number;
    struct uuid fingerprint;
};
extern const struct record note_item, note_event, note_columns;

#endif
