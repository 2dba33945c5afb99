/* Where a key goes. Java's and librdkafka's murmur2_random agree, and so must we: the relay
 * compares partitions' ends and SQL may want to know a partition beforehand. */
#include "bus/bus_internal.h"

static uint32_t little_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

/* MurmurHash2, 32 bits, by Austin Appleby (public domain), with Kafka's seed. */
static uint32_t murmur2(struct str key)
{
    const uint32_t m = 0x5bd1e995, seed = 0x9747b28c;
    const unsigned char *bytes = (const unsigned char *)key.ptr;
    uint32_t hash = seed ^ (uint32_t)key.len;
    size_t at = 0;
    for (; at + 4 <= key.len; at += 4) {
        uint32_t k = little_endian(bytes + at) * m;
        k = (k ^ k >> 24) * m;
        hash = hash * m ^ k;
    }
    uint32_t rest = 0;
    for (size_t i = key.len; i > at; i--)
        rest = rest << 8 | bytes[i - 1];
    if (key.len > at)
        hash = (hash ^ rest) * m;
    hash = (hash ^ hash >> 13) * m;
    return hash ^ hash >> 15;
}

int32_t bus_partition(struct str key, int32_t partitions)
{
    ensure(str_present(key) && partitions > 0);
    return (int32_t)((murmur2(key) & 0x7fffffff) % (uint32_t)partitions);
}
