#include "contracts/small.h"

#define NOTE_FIELDS                                                                             \
    FIELD(note, id, .required = true), FIELD(note, key, .required = true, .min = 1, .max = 64), \
        FIELD(note, number, .min = 0, .max = 1000000000)

static const struct field note_fields[] = {NOTE_FIELDS};
const struct record note_item = RECORD(note, note_fields);
const struct record note_event = RECORD(note, note_fields);

static const struct field note_column_fields[] = {NOTE_FIELDS, FIELD(note, fingerprint)};
const struct record note_columns = RECORD(note, note_column_fields);
