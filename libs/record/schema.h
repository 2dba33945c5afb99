/* JSON Schema 2020-12 of records, from their field tables: the schemas of a reference (OpenAPI,
 * AsyncAPI), gathered in one set in which nested records are named once.
 *
 * A record is named by its table: mark_item_fields is "mark_item". Two tables of one name in one
 * set are our bug: aborts. */
#ifndef RECORD_SCHEMA_H
#define RECORD_SCHEMA_H

#include "record/record.h"

/* What we write may get members with a later release. What a sender writes may not have others
 * (`unknown_field`), and its null is absence. A record of both sides is two schemas: "name" and
 * "name_sent". */
enum schema_side { SCHEMA_SHOWN, SCHEMA_SENT };

enum { SCHEMAS_MAX = 128 };

struct schemas {
    const char *at; /* where the set stands in its document: "#/components/schemas/" */
    struct {
        const struct record *record;
        enum schema_side side;
    } items[SCHEMAS_MAX];
    size_t count;
};

/* Takes a record and those nested in it into the set. */
void schemas_add(struct schemas *schemas, const struct record *record, enum schema_side side);

/* The set as members of an object that is open in `out`; it is complete by then. */
void schemas_print(const struct schemas *schemas, struct buf *out);

/* A member "$ref" of an object that is open in `out`: the record's schema in the complete set. */
void schemas_refer(const struct schemas *schemas, const struct record *record,
                   enum schema_side side, struct buf *out);

#endif
