/* A position as Last-Event-ID, ?after= and eiso_position bring it. */
#include "base/error.h"
#include "contracts/position.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char written[POSITION_TEXT_LEN + 1];
    struct position position, again;
    if (!position_parse((struct str){(const char *)data, size}, &position))
        return 0;
    ensure(position_parse(str_from(position_format(&position, written)), &again));
    ensure(position_compare(&position, &again) == 0);
    return 0;
}
