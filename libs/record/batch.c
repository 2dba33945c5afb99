/* The ways in: a body or a value becomes items and their problems. */
#include <string.h>

#include "record/decode_internal.h"

enum { PIECE_VALUES_MAX = 32 * 1024 };

static bool refuse_body(struct body_error *error, const char *code, int http_status)
{
    *error = (struct body_error){.code = code, .http_status = http_status};
    return false;
}

static struct decode decode_of(struct reader *reader, struct problems *problems)
{
    return (struct decode){.reader = reader, .arena = problems->arena, .problems = problems};
}

/* ---- A batch ---- */

static void batch_open(struct batch *batch, const struct record *record, size_t count,
                       struct arena *arena)
{
    *batch = (struct batch){.count = count, .problems.arena = arena};
    batch->items = arena_array(arena, count, record->size);
    batch->bad = arena_array(arena, count, sizeof *batch->bad);
}

/* Turns the hand to an item, and gives its place. */
static void *batch_turn(struct batch *batch, const struct record *record, size_t index,
                        struct decode *decode)
{
    batch->problems.index = (uint32_t)index;
    decode->faults = 0;
    return (char *)batch->items + index * record->size;
}

static void decode_elements(struct msgpack_reader *reader, const struct record *record,
                            struct batch *batch)
{
    struct token array;
    reader->reader.next(&reader->reader, &array);
    struct decode decode = decode_of(&reader->reader, &batch->problems);
    for (size_t i = 0; i < batch->count; i++) {
        decode_item(&decode, record, batch_turn(batch, record, i, &decode));
        batch->bad[i] = decode.faults > 0;
    }
}

static bool decode_msgpack(const struct record *record, struct str body, struct arena *arena,
                           struct batch *batch, struct body_error *error)
{
    size_t count;
    bool is_array = msgpack_is_array(body, &count);
    if (count > BATCH_ITEMS_MAX)
        return refuse_body(error, "too_many_items", 413);
    if (!msgpack_walk(body, error))
        return false;
    if (!is_array)
        return refuse_body(error, "batch_expected", 422);
    batch_open(batch, record, count, arena);
    struct msgpack_reader reader;
    msgpack_reader_init(&reader, body);
    decode_elements(&reader, record, batch);
    return true;
}

/* ---- JSON ---- */

/* False where the piece is no JSON. */
static bool decode_piece(struct decode *decode, struct json_reader *reader,
                         const struct json_piece *piece, const struct record *record, void *item)
{
    if (piece->values > PIECE_VALUES_MAX) {
        decode_complain(decode, "too_many_values");
        return true;
    }
    if (!json_reader_open(reader, piece))
        return false;
    decode_item(decode, record, item);
    if (decode->faults == 0 && piece->nul)
        decode_complain(decode, "invalid_utf8"); /* no text here holds a NUL: it is in a name */
    if (decode->faults == 0 && reader->members != piece->members)
        decode_complain(decode, "duplicate_field"); /* json-c's tree has but the last of the name */
    return true;
}

static bool decode_pieces(struct json_reader *reader, const struct record *record,
                          const struct json_piece *pieces, struct batch *batch)
{
    struct decode decode = decode_of(&reader->reader, &batch->problems);
    for (size_t i = 0; i < batch->count; i++) {
        void *item = batch_turn(batch, record, i, &decode);
        if (!decode_piece(&decode, reader, &pieces[i], record, item))
            return false;
        batch->bad[i] = decode.faults > 0;
    }
    return true;
}

bool record_decode_batch(const struct record *record, enum record_format format, struct str body,
                         struct arena *arena, struct batch *batch, struct body_error *error)
{
    if (format == RECORD_MSGPACK)
        return decode_msgpack(record, body, arena, batch, error);
    struct vec pieces;
    if (!json_split(format, body, arena, &pieces, error))
        return false;
    CLEANUP(json_reader_done) struct json_reader reader;
    json_reader_init(&reader, body, error);
    batch_open(batch, record, pieces.count, arena);
    return decode_pieces(&reader, record, (const void *)pieces.items, batch);
}

bool record_decode_json(const struct record *record, struct str body, struct arena *arena,
                        void *item, struct problems *problems, struct body_error *error)
{
    struct json_piece piece;
    if (!json_split_one(body, &piece, error))
        return false;
    CLEANUP(json_reader_done) struct json_reader reader;
    json_reader_init(&reader, body, error);
    memset(item, 0, record->size);
    *problems = (struct problems){.arena = arena};
    struct decode decode = decode_of(&reader.reader, problems);
    return decode_piece(&decode, &reader, &piece, record, item);
}

/* ---- A value from SQL ---- */

bool decode_json_field(const struct field *field, struct str json, struct arena *arena, void *item)
{
    struct json_piece piece;
    struct body_error error;
    CLEANUP(json_reader_done) struct json_reader reader;
    json_reader_init(&reader, json, &error);
    if (!json_split_one(json, &piece, &error) || !json_reader_open(&reader, &piece))
        return false;
    struct problems problems = {.arena = arena};
    struct decode decode = decode_of(&reader.reader, &problems);
    decode.from_topic = true;
    struct token token;
    reader.reader.next(&reader.reader, &token);
    decode_field(&decode, field, &token, item);
    return decode.faults == 0;
}

/* ---- A value from a topic ---- */

enum error record_decode_value(const struct record *record, struct str value, struct arena *arena,
                               void *item, struct err *err)
{
    struct body_error broken;
    if (!msgpack_walk(value, &broken))
        return err_set(err, ERROR_CORRUPT, "value of %s: %s at byte %zu", record->name, broken.code,
                       broken.offset);
    struct msgpack_reader reader;
    msgpack_reader_init(&reader, value);
    memset(item, 0, record->size);
    struct problems problems = {.arena = arena};
    struct decode decode = decode_of(&reader.reader, &problems);
    decode.from_topic = true;
    decode_item(&decode, record, item);
    if (problems.count == 0)
        return ERROR_NONE;
    return err_set(err, ERROR_CORRUPT, "value of %s: %s at \"%s\"", record->name,
                   problems.items[0].code, problems.items[0].pointer);
}
