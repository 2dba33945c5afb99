#include "base/uuid.h"

#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/error.h"

/* The millisecond and, behind it, twelve bits that count within one (RFC 9562 section 6.2, method
 * 1): ids of one process never go back, even when the clock does. */
static uint64_t next_tick(void)
{
    static _Thread_local uint64_t last;
    uint64_t now = (uint64_t)(clock_now() / 1000) << 12;
    last = now > last ? now : last + 1;
    return last;
}

struct uuid uuid_v7(void)
{
    struct uuid uuid;
    uint64_t tick = next_tick(), milliseconds = tick >> 12;
    ensure(getrandom(uuid.bytes + 8, 8, 0) == 8);
    for (int i = 0; i < 6; i++)
        uuid.bytes[i] = (uint8_t)(milliseconds >> (40 - 8 * i));
    uuid.bytes[6] = (uint8_t)(0x70 | (tick >> 8 & 0x0F));
    uuid.bytes[7] = (uint8_t)tick;
    uuid.bytes[8] = (uint8_t)((uuid.bytes[8] & 0x3F) | 0x80);
    return uuid;
}

/* 0x10 beside the value marks a digit: four ids of random digits an item make branches costly. */
enum { DIGIT = 0x10 };
static const uint8_t hex_digits[256] = {
    ['0'] = 0x10, ['1'] = 0x11, ['2'] = 0x12, ['3'] = 0x13, ['4'] = 0x14, ['5'] = 0x15,
    ['6'] = 0x16, ['7'] = 0x17, ['8'] = 0x18, ['9'] = 0x19, ['a'] = 0x1A, ['b'] = 0x1B,
    ['c'] = 0x1C, ['d'] = 0x1D, ['e'] = 0x1E, ['f'] = 0x1F, ['A'] = 0x1A, ['B'] = 0x1B,
    ['C'] = 0x1C, ['D'] = 0x1D, ['E'] = 0x1E, ['F'] = 0x1F,
};

static bool is_hyphen(size_t at)
{
    return at == 8 || at == 13 || at == 18 || at == 23;
}

bool uuid_parse(struct str text, struct uuid *uuid)
{
    if (text.len != UUID_TEXT_LEN)
        return false;
    struct uuid parsed;
    uint8_t digits = DIGIT;
    for (size_t at = 0, byte = 0; byte < sizeof parsed.bytes; at += 2, byte++) {
        if (is_hyphen(at) && text.ptr[at++] != '-')
            return false;
        uint8_t high = hex_digits[(uint8_t)text.ptr[at]];
        uint8_t low = hex_digits[(uint8_t)text.ptr[at + 1]];
        digits &= high & low;
        parsed.bytes[byte] = (uint8_t)(high << 4 | (low & 0x0F));
    }
    if (!digits)
        return false;
    if (!uuid_present(&parsed))
        return false;
    *uuid = parsed;
    return true;
}

char *uuid_format(const struct uuid *uuid, char text[UUID_TEXT_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    char *out = text;
    for (size_t byte = 0; byte < sizeof uuid->bytes; byte++) {
        if (is_hyphen((size_t)(out - text)))
            *out++ = '-';
        *out++ = digits[uuid->bytes[byte] >> 4];
        *out++ = digits[uuid->bytes[byte] & 0x0F];
    }
    *out = '\0';
    return text;
}

bool uuid_present(const struct uuid *uuid)
{
    static const struct uuid nil;
    return memcmp(uuid, &nil, sizeof nil) != 0;
}

bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

int uuid_compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct uuid));
}
