/* What a client sends to the token endpoint: its Authorization on the first line, the form behind
 * it. */
#include "base/cleanup.h"
#include "base/error.h"
#include "credentials.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"grant_type", "scope", "client_id", "client_secret", ""};
    CLEANUP(arena_done) struct arena arena = {0};
    struct str rest = {(const char *)data, size}, id, secret, value;
    if (basic_read(str_cut(&rest, '\n'), &arena, &id, &secret))
        ensure(str_present(id) && str_present(secret) && id.len + secret.len <= size);
    for (size_t i = 0; i < COUNT_OF(names) && str_present(rest); i++)
        if (form_get(rest, names[i], &arena, &value) && str_present(value))
            ensure(value.len <= rest.len);
    return 0;
}
