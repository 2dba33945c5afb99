/* IIN, BIN and KATO as anybody may write them: a number is of one kind at most, and what it says
 * can be asked. */
#include "base/error.h"
#include "national/iin.h"
#include "national/kato.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_iin(struct str text)
{
    struct date birth_date = iin_birth_date(text);
    ensure(iin_agrees(text, birth_date, iin_sex(text)));
    ensure((iin_check_strict(text) == IIN_VALID) == (birth_date.day != 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    bool iin = iin_check(text) == IIN_VALID, bin = bin_check(text) == IIN_VALID;
    ensure(!(iin && bin));
    ensure(number_kind(text) == (iin ? NUMBER_IIN : bin ? NUMBER_BIN : NUMBER_NEITHER));
    if (iin)
        check_iin(text);
    const struct kato_unit *unit = kato_find(text);
    if (unit)
        ensure(str_equal(unit->code, text) && kato_region(unit));
    return 0;
}
