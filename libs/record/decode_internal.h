/* Between the formats and the field table: both JSON and msgpack are read as the same run of
 * tokens, so what a field may hold is written once (decode.c). */
#ifndef RECORD_DECODE_INTERNAL_H
#define RECORD_DECODE_INTERNAL_H

#include "record/record.h"

enum {
    DEPTH_MAX = 8, /* containers within each other, the batch's array included */
    PROBLEMS_OF_AN_ITEM = 32
};

enum token_kind {
    TOKEN_NULL,
    TOKEN_BOOL,
    TOKEN_INT,
    TOKEN_REAL, /* a number that is not whole */
    TOKEN_TEXT,
    TOKEN_BYTES,
    TOKEN_ARRAY,
    TOKEN_MAP
};

struct token {
    enum token_kind kind;
    int64_t number;  /* TOKEN_INT, beyond int64 its ends; TOKEN_BOOL 0 or 1 */
    struct str text; /* TOKEN_TEXT (not checked for UTF-8), TOKEN_BYTES; until the item ends */
    size_t count;    /* TOKEN_ARRAY elements, TOKEN_MAP pairs; their tokens follow */
};

/* Tokens in the order of the document. The document was walked before: there is always a next one.
 */
struct reader {
    void (*next)(struct reader *reader, struct token *token);
    bool passing; /* texts do not outlive the item: copy what is kept */
};

/* A double as a token: whole ones are integers, whatever the sender's language writes (5.0). */
void token_set_real(struct token *token, double value);

/* Passes over what follows a container's token. */
void reader_skip(struct reader *reader, const struct token *token);

/* Where the hand is, as a chain on the stack: a pointer is only written when there is a problem. */
struct place {
    const struct place *above;
    struct str name; /* absent: `index` counts */
    size_t index;
};

struct decode {
    struct reader *reader;
    struct arena *arena;
    struct problems *problems;
    const struct place *place;
    size_t faults;   /* problems so far, also those that found no room */
    bool from_topic; /* unknown fields are passed over, `check` is not run */
};

/* A pointer to the place, followed by `tail`; in the arena. */
const char *decode_pointer(struct decode *decode, const char *tail);

/* The place under the hand has a problem. */
void decode_complain(struct decode *decode, const char *code);

/* A value into the field's member; its own tokens are read to their end, whatever is wrong. */
void decode_field(struct decode *decode, const struct field *field, const struct token *token,
                  void *item);

/* The pairs behind a map's token into a zeroed struct. */
void decode_map(struct decode *decode, const struct record *record, const struct token *token,
                void *item);

/* The field of an item from a JSON text of our own making (jsonb); false where it does not fit.
 * Texts are copied to the arena. */
bool decode_json_field(const struct field *field, struct str json, struct arena *arena, void *item);

/* Reads one item from the reader; problems go to `decode->problems`. */
void decode_item(struct decode *decode, const struct record *record, void *item);

/* Whether the item under the hand has as many problems as are kept. */
bool problems_full(const struct problems *problems);

/* A growing array in an arena. Slot `count` is always free and zeroed; counting it keeps it. */
struct vec {
    char *items;
    size_t count, capacity, size;
};

void *vec_slot(struct arena *arena, struct vec *vec);

/* Whether the field has nothing to say (record.h: zero is absence). */
bool field_absent(const struct field *field, const void *item);

bool is_name(const char *name, struct str text);

/* The range of a number or a length: what the table says, or the type's own. */
struct range {
    int64_t min, max;
};
struct range field_range(const struct field *field);

/* Years 0001 to 9999: what RFC 3339 can write. */
bool instant_in_years(struct instant instant);

/* The name of a value; aborts where there is none, for structs hold only what a table knows. */
const char *value_name(const struct values *values, unsigned value);

/* The value of a field as JSON; not for FIELD_BYTES. */
void json_add_field(const struct field *field, const void *item, struct buf *out);

static inline const void *field_get(const struct field *field, const void *item)
{
    return (const char *)item + field->offset;
}

/* ---- msgpack_in.c ---- */

struct cursor {
    const uint8_t *at, *end;
};

struct msgpack_reader {
    struct reader reader;
    struct cursor cursor;
};

/* Walks one value that has to fill `value`, without allocating. Fills code, status and offset of
 * `error` where it is broken or nested too deeply. */
bool msgpack_walk(struct str value, struct body_error *error);
void msgpack_reader_init(struct msgpack_reader *reader, struct str value);

/* Whether the body begins with an array, and of how many elements. */
bool msgpack_is_array(struct str body, size_t *count);

/* ---- json_in.c ---- */

struct json_object;
struct json_tokener;

/* One item of a body, found by its brackets before it is parsed. */
struct json_piece {
    struct str text;
    uint32_t values;  /* about how many objects json-c will make of it */
    bool nul;         /* "\\u0000" occurs, at which json-c would cut a name */
    uint32_t members; /* of all its objects together; fewer in the tree means a name came twice */
};

struct json_level {
    struct json_object *container;
    size_t at;
    void *entry; /* of an object: the member that comes next */
    bool named;  /* its name was handed out, its value was not */
};

struct json_reader {
    struct reader reader;
    struct json_tokener *tokener;
    struct json_object *root;
    struct json_level levels[DEPTH_MAX + 1];
    size_t depth;
    uint32_t members; /* whose names were handed out */
    struct str body;  /* for the line and byte of an error */
    struct body_error *error;
};

/* Finds the items of an array, of lines, or the one value of the body; as vec of struct json_piece.
 */
bool json_split(enum record_format format, struct str body, struct arena *arena, struct vec *pieces,
                struct body_error *error);
bool json_split_one(struct str body, struct json_piece *piece, struct body_error *error);

/* `error` is filled where a piece cannot be parsed. */
void json_reader_init(struct json_reader *reader, struct str body, struct body_error *error);
void json_reader_done(struct json_reader *reader);
/* Parses a piece of the body for reading; what was read before is gone. */
bool json_reader_open(struct json_reader *reader, const struct json_piece *piece);

#endif
