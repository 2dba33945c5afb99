/* A value from a topic: a good one stays what it is when it is written and read again. */
#include "record/fuzz_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct str value = {(const char *)data, size};
    struct sample sample, again;
    struct err err = {0};
    enum error code = record_decode_value(&sample_record, value, &arena, &sample, &err);
    ensure(arena.used_bytes <= 4096 + 128 * size);
    ensure(code == ERROR_NONE || (code == ERROR_CORRUPT && err.text[0]));
    if (code == ERROR_NONE)
        fuzz_through_msgpack(&sample, &again, &arena);
    return 0;
}
