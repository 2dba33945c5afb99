/* Any valid text: folding twice is folding once, and an order is the same from both sides. */
#include "base/cleanup.h"
#include "base/error.h"
#include "national/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    if (!str_is_utf8(text))
        return 0;
    CLEANUP(buf_done) struct buf once = {0}, twice = {0};
    names_fold(text, &once);
    names_fold(buf_str(&once), &twice);
    ensure(str_is_utf8(buf_str(&once)) && str_equal(buf_str(&once), buf_str(&twice)));
    ensure(names_compare(ALPHABET_KK, text, text) == 0);
    int there = names_compare(ALPHABET_KK, text, buf_str(&once));
    int back = names_compare(ALPHABET_KK, buf_str(&once), text);
    ensure((there > 0) == (back < 0) && (there < 0) == (back > 0));
    names_mixed_script(text);
    return 0;
}
