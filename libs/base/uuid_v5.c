/* Names become ids by SHA-1 (RFC 9562 section 5.5): not for secrecy, but because everybody's
 * library computes the same. */
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/uuid.h"

enum { BLOCK_BYTES = 64, WORDS = 5, ROUNDS = 80 };

static uint32_t turn_left(uint32_t word, int bits)
{
    return word << bits | word >> (32 - bits);
}

static uint32_t word_at(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* FIPS 180-4 section 4.1.1: one function for each twenty rounds. */
static uint32_t mix(int round, const uint32_t state[WORDS])
{
    uint32_t x = state[1], y = state[2], z = state[3];
    switch (round / 20) {
    case 0:
        return ((x & y) ^ (~x & z)) + 0x5A827999;
    case 1:
        return (x ^ y ^ z) + 0x6ED9EBA1;
    case 2:
        return ((x & y) ^ (x & z) ^ (y & z)) + 0x8F1BBCDC;
    default:
        return (x ^ y ^ z) + 0xCA62C1D6;
    }
}

static void sha1_block(uint32_t sum[WORDS], const uint8_t *block)
{
    uint32_t schedule[ROUNDS], state[WORDS];
    memcpy(state, sum, sizeof state);
    for (int i = 0; i < 16; i++)
        schedule[i] = word_at(block + (ptrdiff_t)4 * i);
    for (int i = 16; i < ROUNDS; i++)
        schedule[i] =
            turn_left(schedule[i - 3] ^ schedule[i - 8] ^ schedule[i - 14] ^ schedule[i - 16], 1);
    for (int i = 0; i < ROUNDS; i++) {
        uint32_t next = turn_left(state[0], 5) + mix(i, state) + state[4] + schedule[i];
        state[4] = state[3];
        state[3] = state[2];
        state[2] = turn_left(state[1], 30);
        state[1] = state[0];
        state[0] = next;
    }
    for (int i = 0; i < WORDS; i++)
        sum[i] += state[i];
}

/* The message is padded in place to whole blocks, its length in bits at the end. */
static void sha1(struct buf *message, uint32_t sum[WORDS])
{
    static const uint32_t initial[WORDS] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476,
                                            0xC3D2E1F0};
    uint64_t bits = (uint64_t)message->len * 8;
    buf_add_u8(message, 0x80);
    while (message->len % BLOCK_BYTES != BLOCK_BYTES - 8)
        buf_add_u8(message, 0);
    buf_add_u64(message, bits);
    memcpy(sum, initial, sizeof initial);
    for (size_t at = 0; at < message->len; at += BLOCK_BYTES)
        sha1_block(sum, (const uint8_t *)message->ptr + at);
}

struct uuid uuid_v5(const struct uuid *space, struct str name)
{
    CLEANUP(buf_done) struct buf message = {0};
    uint32_t sum[WORDS];
    struct uuid uuid;
    buf_add(&message, space, sizeof *space);
    buf_add_str(&message, name);
    sha1(&message, sum);
    for (size_t i = 0; i < sizeof uuid.bytes; i++)
        uuid.bytes[i] = (uint8_t)(sum[i / 4] >> (24 - 8 * (i % 4)));
    uuid.bytes[6] = (uint8_t)(0x50 | (uuid.bytes[6] & 0x0F));
    uuid.bytes[8] = (uint8_t)((uuid.bytes[8] & 0x3F) | 0x80);
    return uuid;
}
