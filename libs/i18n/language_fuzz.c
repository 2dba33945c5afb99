/* A header that comes from anywhere chooses one of the languages, and the same each time. */
#include "base/error.h"
#include "i18n/i18n.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str header = {(const char *)data, size};
    enum language language = i18n_language(header);
    ensure(language < LANGUAGES && i18n_language(header) == language);
    return 0;
}
