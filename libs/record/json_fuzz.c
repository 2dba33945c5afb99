#include "record/fuzz_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_batch(RECORD_JSON, (struct str){(const char *)data, size});
    return 0;
}
