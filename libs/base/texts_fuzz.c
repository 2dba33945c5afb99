/* Texts that become numbers, ids and times: what is taken is what would be written. */
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"
#include "base/uuid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_uuid(struct str text)
{
    char written[UUID_TEXT_LEN + 1];
    struct uuid uuid, again;
    if (!uuid_parse(text, &uuid))
        return;
    ensure(uuid_present(&uuid) && text.len == UUID_TEXT_LEN);
    ensure(uuid_parse(str_from(uuid_format(&uuid, written)), &again) && uuid_equal(&uuid, &again));
}

static void check_date(struct str text)
{
    char written[DATE_TEXT_LEN + 1];
    struct date date;
    if (date_parse(text, &date))
        ensure(str_equal(text, str_from(date_format(date, written))));
}

static void check_instant(struct str text)
{
    char written[INSTANT_TEXT_LEN + 1];
    struct instant instant, again;
    if (!instant_parse(text, &instant))
        return;
    /* an offset may lead out of the years that can be written */
    if (instant_parse(str_from(instant_format(instant, written)), &again))
        ensure(instant.us == again.us);
}

static void check_number(struct str text)
{
    int64_t number, again;
    char written[24];
    if (!str_to_int64(text, -1000, INT64_MAX, &number))
        return;
    ensure(number >= -1000);
    snprintf(written, sizeof written, "%lld", (long long)number);
    ensure(str_to_int64(str_from(written), INT64_MIN, INT64_MAX, &again) && again == number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    check_uuid(text);
    check_date(text);
    check_instant(text);
    check_number(text);
    ensure(str_characters(text) <= size);
    return 0;
}
