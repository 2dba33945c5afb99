/* A map of tokens into a struct. */
#include <string.h>

#include "record/decode_internal.h"

enum { NAME_SHOWN_BYTES = 64 };

void token_set_real(struct token *token, double value)
{
    bool whole = value == __builtin_trunc(value) && !__builtin_isinf(value);
    token->kind = whole ? TOKEN_INT : TOKEN_REAL;
    if (!whole)
        return;
    if (value >= 0x1p63)
        token->number = INT64_MAX;
    else
        token->number = value < -0x1p63 ? INT64_MIN : (int64_t)value;
}

void reader_skip(struct reader *reader, const struct token *token)
{
    struct token passed = *token;
    size_t left = 0;
    do {
        if (passed.kind == TOKEN_ARRAY || passed.kind == TOKEN_MAP)
            left += passed.count * (passed.kind == TOKEN_MAP ? 2 : 1);
        if (left == 0)
            return;
        reader->next(reader, &passed);
    } while (left--);
}

/* At most 64 bytes of what a sender wrote, and valid UTF-8 whatever that was. */
static struct str shown_name(struct str name, char room[NAME_SHOWN_BYTES])
{
    struct str shown = {room, MIN_OF(name.len, (size_t)NAME_SHOWN_BYTES)};
    while (shown.len < name.len && shown.len && ((unsigned char)name.ptr[shown.len] & 0xC0) == 0x80)
        shown.len--; /* not half a character */
    memcpy(room, name.ptr, shown.len);
    bool valid = str_is_utf8(shown);
    for (size_t i = 0; i < shown.len && !valid; i++)
        if ((signed char)room[i] <= 0)
            room[i] = '?';
    return shown;
}

/* Index of the field, or the count of fields. Senders keep to an order: the one expected comes
 * first. */
static size_t field_index(const struct record *record, struct str name, size_t expected)
{
    for (size_t i = expected; i < record->count; i++)
        if (is_name(record->fields[i].name, name))
            return i;
    for (size_t i = 0; i < expected; i++)
        if (is_name(record->fields[i].name, name))
            return i;
    return record->count;
}

/* A map on its way into an item. */
struct map {
    const struct record *record;
    void *item;
    size_t expected;       /* index of the field that comes next if the sender keeps the order */
    uint64_t named, given; /* fields that came, as bits by their index; given: and not null */
};

static void refuse(struct decode *decode, const char *code, const struct token *token)
{
    if (code)
        decode_complain(decode, code);
    reader_skip(decode->reader, token);
}

static void take_known(struct decode *decode, struct map *map, size_t index,
                       const struct token *token)
{
    uint64_t bit = UINT64_C(1) << index;
    if (map->named & bit) {
        refuse(decode, "duplicate_field", token);
    } else if (token->kind != TOKEN_NULL) {
        map->given |= bit;
        decode_field(decode, &map->record->fields[index], token, map->item);
    }
    map->named |= bit;
    map->expected = index + 1;
}

static void take_unknown(struct decode *decode, const struct token *token)
{
    refuse(decode, decode->from_topic ? NULL : "unknown_field", token);
}

static void take_pair(struct decode *decode, struct map *map)
{
    struct token name, token;
    decode->reader->next(decode->reader, &name);
    decode->reader->next(decode->reader, &token);
    size_t index = field_index(map->record, name.text, map->expected);
    bool known = index < map->record->count;
    char room[NAME_SHOWN_BYTES];
    struct place place = {.above = decode->place};
    place.name = known ? str_from(map->record->fields[index].name) : shown_name(name.text, room);
    decode->place = &place;
    if (known)
        take_known(decode, map, index, &token);
    else
        take_unknown(decode, &token);
    decode->place = place.above;
}

static void demand_required(struct decode *decode, const struct record *record, uint64_t given)
{
    for (size_t i = 0; i < record->count; i++) {
        if (!record->fields[i].required || (given >> i & 1))
            continue;
        struct place place = {decode->place, str_from(record->fields[i].name), 0};
        decode->place = &place;
        decode_complain(decode, "missing");
        decode->place = place.above;
    }
}

/* What a check says of a nested record's "/field" gets the place of that record in front. */
static void run_check(struct decode *decode, const struct record *record, const void *item)
{
    struct problems *problems = decode->problems;
    size_t before = problems->count;
    record->check(item, problems);
    decode->faults += problems->count - before;
    for (size_t i = before; i < problems->count && decode->place; i++)
        problems->items[i].pointer = decode_pointer(decode, problems->items[i].pointer);
}

void decode_map(struct decode *decode, const struct record *record, const struct token *token,
                void *item)
{
    ensure(record->count <= 64);
    size_t before = decode->faults;
    struct map map = {.record = record, .item = item};
    for (size_t i = 0; i < token->count; i++)
        take_pair(decode, &map);
    demand_required(decode, record, map.given);
    if (record->check && !decode->from_topic && decode->faults == before)
        run_check(decode, record, item);
}

void decode_item(struct decode *decode, const struct record *record, void *item)
{
    struct token token;
    decode->reader->next(decode->reader, &token);
    if (token.kind == TOKEN_MAP)
        decode_map(decode, record, &token, item);
    else
        refuse(decode, "wrong_type", &token);
}
