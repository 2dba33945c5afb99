/* What our walk takes, msgpack-c takes, too, and reads to the same end. */
#include <msgpack.h>

#include "record/fuzz_internal.h"

static void compare_with_library(const uint8_t *data, size_t size)
{
    msgpack_unpacked unpacked;
    size_t at = 0;
    msgpack_unpacked_init(&unpacked);
    ensure(msgpack_unpack_next(&unpacked, (const char *)data, size, &at) == MSGPACK_UNPACK_SUCCESS);
    ensure(at == size && unpacked.data.type == MSGPACK_OBJECT_ARRAY);
    msgpack_unpacked_destroy(&unpacked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (fuzz_batch(RECORD_MSGPACK, (struct str){(const char *)data, size}))
        compare_with_library(data, size);
    return 0;
}
