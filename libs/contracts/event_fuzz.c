/* A value from a topic: its type's name on the first line, msgpack behind it. What is read is
 * written so that it reads the same. */
#include "base/cleanup.h"
#include "contracts/topics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const void *read_value(const struct record *record, struct str value, struct arena *arena)
{
    struct err err;
    void *item = arena_alloc(arena, record->size);
    return record_decode_value(record, value, arena, item, &err) ? NULL : item;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(buf_done) struct buf first = {0};
    CLEANUP(buf_done) struct buf second = {0};
    struct str rest = {(const char *)data, size};
    const struct event_type *type = event_type_find(str_cut(&rest, '\n'));
    const void *item = type && str_present(rest) ? read_value(type->record, rest, &arena) : NULL;
    ensure(arena.used_bytes <= 65536 + 256 * size);
    if (!item)
        return 0;
    record_encode_value(type->record, item, &first);
    item = read_value(type->record, buf_str(&first), &arena);
    ensure(item);
    record_encode_value(type->record, item, &second);
    ensure(str_equal(buf_str(&first), buf_str(&second)));
    return 0;
}
