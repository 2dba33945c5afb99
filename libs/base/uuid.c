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

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_hyphen(size_t at)
{
    return at == 8 || at == 13 || at == 18 || at == 23;
}

bool uuid_parse(struct str text, struct uuid *uuid)
{
    if (text.len != UUID_TEXT_LEN)
        return false;
    struct uuid parsed;
    for (size_t at = 0, byte = 0; at < text.len;) {
        if (is_hyphen(at)) {
            if (text.ptr[at++] != '-')
                return false;
            continue;
        }
        int high = hex_value(text.ptr[at]), low = hex_value(text.ptr[at + 1]);
        if (high < 0 || low < 0)
            return false;
        parsed.bytes[byte++] = (uint8_t)(high << 4 | low);
        at += 2;
    }
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
