#include <string.h>

#include "record/decode_internal.h"

enum { TEXT_CHARACTERS = 200, LIST_ITEMS = 1000, BYTES_MAX = 64 * 1024 };

const struct field *record_field(const struct record *record, const char *name)
{
    const struct field *found = NULL;
    for (size_t i = 0; i < record->count && !found; i++)
        if (strcmp(record->fields[i].name, name) == 0)
            found = &record->fields[i];
    ensure(found);
    return found;
}

/* A sender's text may hold a NUL: lengths first. */
bool is_name(const char *name, struct str text)
{
    return strlen(name) == text.len && memcmp(name, text.ptr, text.len) == 0;
}

/* The ends of int64 are in no range: a number that does not fit into 64 bits is read as one of
 * them. */
static const struct range own_ranges[] = {
    [FIELD_BOOL] = {0, 1},
    [FIELD_INT] = {INT32_MIN, INT32_MAX},
    [FIELD_BIGINT] = {INT64_MIN + 1, INT64_MAX - 1},
    [FIELD_OPTIONAL] = {INT32_MIN, INT32_MAX},
    [FIELD_ENUM_SET] = {0, 31},
    [FIELD_TEXT] = {0, TEXT_CHARACTERS},
    [FIELD_UUIDS] = {0, LIST_ITEMS},
    [FIELD_TEXTS] = {0, LIST_ITEMS},
    [FIELD_LIST] = {0, LIST_ITEMS},
    [FIELD_BYTES] = {0, BYTES_MAX},
    [FIELD_NESTED] = {0, 0},
};

struct range field_range(const struct field *field)
{
    struct range own = own_ranges[field->type];
    if (field->min == 0 && field->max == 0)
        return own;
    bool open = field->min > 0 && field->max == 0;
    return (struct range){field->min, open ? own.max : field->max};
}

bool instant_in_years(struct instant instant)
{
    static const int64_t first_us = (1 - DATE_UNIX_EPOCH) * INT64_C(86400000000);
    static const int64_t end_us = INT64_C(253402300800000000); /* 10000-01-01 */
    return instant.us >= first_us && instant.us < end_us;
}

const char *value_name(const struct values *values, unsigned value)
{
    const char *name = NULL;
    for (size_t i = 0; i < values->count && !name; i++)
        if (values->items[i].value == value)
            name = values->items[i].name;
    ensure(name);
    return name;
}

bool problems_full(const struct problems *problems)
{
    return problems->count >= PROBLEMS_OF_AN_ITEM &&
           problems->items[problems->count - PROBLEMS_OF_AN_ITEM].index == problems->index;
}

void problem_add(struct problems *problems, const char *pointer, const char *code)
{
    if (problems_full(problems))
        return;
    struct vec vec = {(char *)problems->items, problems->count, problems->capacity,
                      sizeof(struct problem)};
    struct problem *problem = vec_slot(problems->arena, &vec);
    *problem = (struct problem){.index = problems->index, .pointer = pointer, .code = code};
    problems->items = (struct problem *)(void *)vec.items;
    problems->capacity = vec.capacity;
    problems->count++;
}

void *vec_slot(struct arena *arena, struct vec *vec)
{
    if (vec->count == vec->capacity) {
        size_t capacity = vec->capacity ? 2 * vec->capacity : 8;
        char *grown = arena_array(arena, capacity, vec->size);
        if (vec->count)
            memcpy(grown, vec->items, vec->count * vec->size);
        vec->items = grown;
        vec->capacity = capacity;
    }
    return memset(vec->items + vec->count * vec->size, 0, vec->size);
}
