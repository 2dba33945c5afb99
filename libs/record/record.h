/* A record is described once: a struct and its field table. From the table come JSON and msgpack in
 * and out, validation with JSON Pointers, binary column arrays for set-based SQL, and JSON Schema
 * (schema.h).
 *
 *     struct mark { struct uuid id; enum mark_kind kind; struct optional points; struct str
 * comment; }; static const struct field mark_fields[] = { FIELD(mark, id, .required = true),
 *         FIELD(mark, kind, .values = &mark_kinds, .required = true),
 *         FIELD(mark, points, .max = 100),
 *         FIELD(mark, comment, .max = 500),
 *     };
 *     const struct record mark_record = RECORD(mark, mark_fields, .check = mark_check);
 *
 * FIELD takes the type from the member itself, so table and struct cannot disagree. Several tables
 * may describe one struct: what a sender writes, what is on a topic, what goes to a SQL function.
 *
 * Zero is absence: a nil uuid, a str without pointer, an enum's 0, a date 0. A number that may be
 * absent is a `struct optional`; a plain int or bool that is not given is 0 or false. JSON null is
 * absence, too.
 */
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"
#include "base/uuid.h"

/* A number that may be absent. */
struct optional {
    bool present;
    int32_t value;
};

/* Several values of an enum: bit n stands for value n (1 to 31). JSON: an array of their names. */
struct enum_set {
    uint32_t bits;
};

struct strs {
    const struct str *items;
    size_t count;
};

/* Items of a nested record, one behind the other: item i is at (char *)items + i * record->size. */
struct list {
    const void *items;
    size_t count;
};

/* Bytes that are neither looked at nor shown: msgpack bin, SQL bytea; not for JSON. */
struct bytes {
    struct str value;
};

enum field_type {
    FIELD_BOOL,     /* bool              JSON true/false   SQL boolean     */
    FIELD_INT,      /* int32_t           number            integer         */
    FIELD_BIGINT,   /* int64_t           number            bigint          */
    FIELD_OPTIONAL, /* struct optional   number            integer or NULL */
    FIELD_ENUM,     /* an enum           its name          smallint (0: NULL) */
    FIELD_ENUM_SET, /* struct enum_set   array of names    integer         */
    FIELD_UUID,     /* struct uuid       36 characters     uuid            */
    FIELD_TEXT,     /* struct str        string            text            */
    FIELD_DATE,     /* struct date       YYYY-MM-DD        date            */
    FIELD_INSTANT,  /* struct instant    RFC 3339          timestamptz     */
    FIELD_UUIDS,    /* struct uuids      array             jsonb           */
    FIELD_TEXTS,    /* struct strs       array             jsonb           */
    FIELD_LIST,     /* struct list       array of objects  jsonb           */
    FIELD_BYTES,    /* struct bytes      -                 bytea           */
    FIELD_NESTED    /* any other struct  object            jsonb           */
};

/* What a text may hold beyond valid UTF-8 without NUL (both are checked always). */
enum text_rule {
    TEXT_LINE = 0, /* no control characters */
    TEXT_FREE,     /* line breaks and tabs are fine */
    TEXT_CODE      /* a-z 0-9 _ - . : only; a code of reference data */
};

/* The names of an enum's values; value 0 is "absent" and has no name. */
struct value {
    const char *name;
    unsigned value;
};
struct values {
    const struct value *items;
    size_t count;
};
#define VALUES(array)                               \
    {                                               \
        (array), sizeof(array) / sizeof((array)[0]) \
    }

struct record;

struct field {
    const char *name;
    enum field_type type;
    size_t offset;
    bool required;
    bool appended; /* its value is left to the transaction: record_encode_head */
    int64_t min;   /* numbers: least value; texts: characters; lists: items */
    int64_t max;   /* greatest; 0 with min >= 0: the type's own, texts 200 characters, lists 1,000,
                      bytes 64 KiB; a bigint lacks the two ends of its range */
    enum text_rule text;
    const struct values *values; /* of FIELD_ENUM and FIELD_ENUM_SET */
    const struct record *record; /* of FIELD_LIST and FIELD_NESTED */
    const char *about;           /* one English sentence for the reference, where the name is not
                                    enough; may be NULL */
};

/* clang-format off */
#define FIELD_TYPE_OF(member)                                                                      \
    _Generic((member),                                                                             \
        bool: FIELD_BOOL,                                                                          \
        int32_t: FIELD_INT,                                                                        \
        int64_t: FIELD_BIGINT,                                                                     \
        unsigned: FIELD_ENUM,                                                                      \
        struct optional: FIELD_OPTIONAL,                                                           \
        struct enum_set: FIELD_ENUM_SET,                                                           \
        struct uuid: FIELD_UUID,                                                                   \
        struct str: FIELD_TEXT,                                                                    \
        struct date: FIELD_DATE,                                                                   \
        struct instant: FIELD_INSTANT,                                                             \
        struct uuids: FIELD_UUIDS,                                                                 \
        struct strs: FIELD_TEXTS,                                                                  \
        struct list: FIELD_LIST,                                                                   \
        struct bytes: FIELD_BYTES,                                                                 \
        default: FIELD_NESTED)
/* clang-format on */

#define FIELD(type_, member, ...) FIELD_AS(type_, member, #member, __VA_ARGS__)
/* A member whose name outside is another one ("from", "class"...). */
#define FIELD_AS(type_, member, name_, ...)                                  \
    {                                                                        \
        .name = (name_), .type = FIELD_TYPE_OF(((struct type_ *)0)->member), \
        .offset = offsetof(struct type_, member), ##__VA_ARGS__              \
    }

struct problems;

struct record {
    const char *name;
    size_t size;
    const struct field *fields;
    size_t count;
    /* What spans fields; called only where each field for itself was right. May be NULL. */
    void (*check)(const void *item, struct problems *problems);
    const char *rules; /* what `check` and the service ask for, in English, for the reference */
    const char *table; /* "mark_item_fields": names the record in the reference (schema.h) */
};

#define RECORD(type_, fields_, ...)                                                       \
    {                                                                                     \
        .name = #type_, .size = sizeof(struct type_), .fields = (fields_),                \
        .count = sizeof(fields_) / sizeof((fields_)[0]), .table = #fields_, ##__VA_ARGS__ \
    }

/* The row of that name; aborts where there is none. */
const struct field *record_field(const struct record *record, const char *name);

/* ---- Problems: what is wrong with an item, and where ---- */

/* Codes of this library:
 *   any field  missing, wrong_type, unknown_field, duplicate_field (JSON: of the whole item)
 *   numbers    below_minimum, above_maximum; 5.0 is a whole number, 5.5 is a wrong_type
 *   texts      empty, too_short, too_long, invalid_utf8 (NUL, too), control_character, bad_code
 *   others     unknown_value, not_a_uuid, bad_date, bad_instant (1970-01-01T00:00:00Z, too)
 *   lists      too_short, too_long
 *   an item    too_many_values (JSON with more than 32,768 of them) */

struct problem {
    uint32_t index;      /* of the item in its batch */
    const char *pointer; /* JSON Pointer within the item (RFC 6901), "" for the whole */
    const char *code; /* a literal such as "above_maximum"; its title is i18n's "problem.<code>" */
    bool retriable;   /* time may heal it */
};

/* At most 32 of one item are kept. */
struct problems {
    struct arena *arena; /* where they and their pointers live */
    struct problem *items;
    size_t count, capacity;
    uint32_t index; /* of the item under the hand */
};

/* `pointer` may be a literal ("/points") or live as long as the arena. */
void problem_add(struct problems *problems, const char *pointer, const char *code);

/* ---- In: a sender's batch ---- */

enum record_format { RECORD_JSON, RECORD_NDJSON, RECORD_MSGPACK };

enum { BATCH_ITEMS_MAX = 5000 };

struct batch {
    void *items; /* item i at (char *)items + i * record->size; a bad one is filled as far as it was
                    read */
    bool *bad;   /* whether item i has a problem */
    size_t count;             /* at most BATCH_ITEMS_MAX */
    struct problems problems; /* in the order of the items */
};

/* A body that is no batch at all. */
struct body_error {
    const char *code;    /* bad_json, bad_msgpack, batch_expected, too_many_items, nesting_too_deep,
                            body_too_large (over 64 MiB: the door's own limit comes first) */
    int http_status;     /* 400, 413 or 422 */
    size_t line, offset; /* where: line of NDJSON and JSON (from 1), byte (from 0) */
};

/* Reads an array of items (NDJSON: a line each, empty ones skipped). Texts point into `body` or
 * into the arena, which both must outlive the batch. Unknown fields are problems (`unknown_field`),
 * duplicate ids within the batch are left to the caller. Never allocates more than a small multiple
 * of the body beside the items: a body is walked without allocating first (lengths against what is
 * left, depth at most 8, the array of the batch counted), and JSON becomes a tree one item at a
 * time. Returns false with `*error` filled where the whole body is refused. Does not block. */
bool record_decode_batch(const struct record *record, enum record_format format, struct str body,
                         struct arena *arena, struct batch *batch,
                         struct body_error *error) MUST_CHECK;

/* One JSON object, for requests that are no batch (a login). Same rules. */
bool record_decode_json(const struct record *record, struct str body, struct arena *arena,
                        void *item, struct problems *problems, struct body_error *error) MUST_CHECK;

/* ---- In: a value from a topic ---- */

/* Reads one msgpack map. Unknown fields are skipped, required ones must be there; `check` is not
 * run. Texts point into `value`. ERROR_CORRUPT with the place in `err` otherwise. */
enum error record_decode_value(const struct record *record, struct str value, struct arena *arena,
                               void *item, struct err *err) MUST_CHECK;

/* ---- In: a cell of a table (CSV) ---- */

/* Fills the field of an item from its text: numbers in digits, booleans as "true" or "false", an
 * enum by its name, lists with commas between their elements (blanks around them are dropped).
 * An empty text is absence, also of a required field: the caller knows better. What is nested is
 * not for cells (abort). Problems get the field's name as their pointer. Texts point into
 * `text`; it need not be valid UTF-8. False: there was a problem. */
bool record_field_from_text(const struct field *field, struct str text, struct arena *arena,
                            struct problems *problems, void *item);

/* ---- Out ---- */

/* Absent fields are left out. Field order of the table, so equal items give equal bytes. A number
 * or bool that is 0 is written, unless 0 is out of its range and it is not required; an empty list
 * or an all-zero nested record only where it is required. FIELD_BYTES is not for JSON and left out
 * there. */
void record_encode_json(const struct record *record, const void *item, struct buf *out);
void record_encode_value(const struct record *record, const void *item, struct buf *out);

/* As record_encode_value, for the producer of an event: fields marked `appended` are counted in the
 * map's header but not written; the transaction writes them behind the rest, in table order, by the
 * SQL functions event_uuid(name, uuid), event_int(name, integer), event_text(name, text) of
 * libs/outbox. */
void record_encode_head(const struct record *record, const void *item, struct buf *out);

/* What stands on a topic as JSON, whatever its record, for people: bytes, texts that are no UTF-8,
 * and a value that is no msgpack as "0x..." */
void record_show_value(struct str value, struct buf *out);

/* ---- Columns for SQL ---- */

/* One array parameter in PostgreSQL's binary format. */
struct column {
    uint32_t type;    /* OID of the array type: uuid[] is 2951 */
    struct str value; /* in the arena */
};

/* A column for each field of the table, in its order, over `count` items given by pointer: what a
 * statement `select ... from f($1, ..., $n)` takes. What is nested goes as jsonb (its JSON as
 * record_encode_json has it): rare and small beside the rest. An absent value is NULL. `columns`
 * has record->count places. */
void record_columns(const struct record *record, const void *const *items, size_t count,
                    struct arena *arena, struct column *columns);

/* Arrays that are no field of a record. `present` may be NULL. */
struct column column_uuids(struct arena *arena, const struct uuid *values, size_t count);
struct column column_ints(struct arena *arena, const int32_t *values, size_t count);
struct column column_bigints(struct arena *arena, const int64_t *values, size_t count);
struct column column_smallints(struct arena *arena, const int16_t *values, size_t count);
struct column column_texts(struct arena *arena, const struct str *values,
                           size_t count); /* absent: NULL */
struct column column_bytes(struct arena *arena, const struct str *values,
                           size_t count); /* bytea[] */

/* Fills the field of an item from one value in PostgreSQL's binary format (`value` absent: SQL
 * NULL). Texts point into `value`. Arrays of uuid and text are read into FIELD_UUIDS and
 * FIELD_TEXTS; jsonb into whatever is nested. Returns false where the bytes do not fit the field's
 * type. */
bool record_field_from_sql(const struct field *field, struct str value, struct arena *arena,
                           void *item);

#endif
