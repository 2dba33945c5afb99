#include "passwords.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { PLACES = 4096 };

#define SECOND_US INT64_C(1000000)

enum { OF_BOTH, OF_LOGIN, OF_ADDRESS };

/* Tries in a row, and how often another one comes. */
static const struct {
    int64_t most, every_us;
} limits[PASSWORDS_BUCKETS] = {
    [OF_BOTH] = {10, 10 * SECOND_US},
    [OF_LOGIN] = {100, 10 * SECOND_US},
    [OF_ADDRESS] = {100, SECOND_US},
};

struct passwords {
    struct loop_timer *turn;
    struct password_check *first, **last;
    int entered;
    struct arena arena;
    struct str nobody; /* hash of a password that nobody has: an unknown login takes as long */
    struct str key;    /* of the buckets' hash */
    int64_t full_at_us[PASSWORDS_BUCKETS]
                      [PLACES]; /* monotonic: when it holds all its tries again */
};

static void take_turn(void *context);

struct passwords *passwords_new(struct loop *loop)
{
    struct passwords *passwords = mem_alloc(sizeof *passwords);
    passwords->turn = loop_timer_new(loop, take_turn, passwords);
    passwords->last = &passwords->first;
    passwords->key = secret_make(&passwords->arena);
    ensure(password_hash(secret_make(&passwords->arena), &passwords->nobody, &passwords->arena));
    return passwords;
}

void passwords_free(struct passwords *passwords)
{
    if (!passwords)
        return;
    loop_timer_free(passwords->turn);
    arena_done(&passwords->arena);
    free(passwords);
}

/* ---- Tries ---- */

/* Whoever has one IPv6 address has 2^64 of them. */
static struct str network_of(struct str address, struct arena *arena)
{
    unsigned char *bytes = arena_alloc(arena, 16);
    bool long_one = inet_pton(AF_INET6, str_copy(arena, address).ptr, bytes) == 1;
    return long_one ? (struct str){(const char *)bytes, 8} : address;
}

static int64_t *bucket_of(struct passwords *passwords, int kind, struct str login,
                          struct str network)
{
    CLEANUP(buf_done) struct buf name = {0};
    uint8_t digest[32];
    buf_add_str(&name, passwords->key);
    buf_add_char(&name, (char)('0' + kind));
    if (kind != OF_ADDRESS)
        buf_add_str(&name, login);
    buf_add_char(&name, '\0');
    if (kind != OF_LOGIN)
        buf_add_str(&name, network);
    secret_digest(buf_str(&name), digest);
    return &passwords->full_at_us[kind][((size_t)digest[0] << 8 | digest[1]) % PLACES];
}

static int64_t lacking_us(const struct password_check *check, int kind)
{
    int64_t room_us = (limits[kind].most - 1) * limits[kind].every_us;
    return *check->buckets[kind] - clock_monotonic() - room_us;
}

int64_t passwords_try(struct passwords *passwords, struct password_check *check)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct str network = network_of(check->address, &arena);
    int64_t wait_us = 0;
    for (int kind = 0; kind < PASSWORDS_BUCKETS; kind++) {
        check->buckets[kind] = bucket_of(passwords, kind, check->login, network);
        wait_us = MAX_OF(wait_us, lacking_us(check, kind));
    }
    if (wait_us > 0)
        return (wait_us + SECOND_US - 1) / SECOND_US;
    for (int kind = 0; kind < PASSWORDS_BUCKETS; kind++)
        *check->buckets[kind] =
            MAX_OF(*check->buckets[kind], clock_monotonic()) + limits[kind].every_us;
    return 0;
}

static void give_back(struct password_check *check)
{
    for (int kind = 0; kind < PASSWORDS_BUCKETS; kind++)
        *check->buckets[kind] -= limits[kind].every_us;
}

/* ---- The queue ---- */

bool passwords_enter(struct passwords *passwords, struct password_check *check)
{
    if (passwords->entered >= PASSWORDS_MOST_WAITING) {
        give_back(check);
        return false;
    }
    passwords->entered++;
    return true;
}

void passwords_leave(struct passwords *passwords, struct password_check *check)
{
    ensure(passwords->entered > 0);
    passwords->entered--;
    give_back(check);
}

void passwords_check(struct passwords *passwords, struct password_check *check)
{
    check->next = NULL;
    *passwords->last = check;
    passwords->last = &check->next;
    loop_timer_set(passwords->turn, 0);
}

static void take_turn(void *context)
{
    struct passwords *passwords = context;
    struct password_check *check = passwords->first;
    passwords->first = check->next;
    if (!passwords->first)
        passwords->last = &passwords->first;
    else
        loop_timer_set(passwords->turn, 0);
    bool known = str_present(check->hash);
    bool matches = password_matches(known ? check->hash : passwords->nobody, check->password);
    passwords->entered--;
    if (known && matches)
        give_back(check);
    check->checked(check, known && matches);
}
