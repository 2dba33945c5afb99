#include "passwords.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { BUCKETS = 4096, MOST_TRIES = 10 };

#define TRY_EVERY_US INT64_C(10000000)

struct passwords {
    struct loop_timer *turn;
    struct password_check *first, **last;
    int entered;
    struct arena arena;
    struct str nobody; /* hash of a password that nobody has: an unknown login takes as long */
    int64_t full_at_us[BUCKETS]; /* monotonic: when the bucket holds all its tries again */
};

static void take_turn(void *context);

struct passwords *passwords_new(struct loop *loop)
{
    struct passwords *passwords = mem_alloc(sizeof *passwords);
    passwords->turn = loop_timer_new(loop, take_turn, passwords);
    passwords->last = &passwords->first;
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

/* ---- The queue ---- */

bool passwords_enter(struct passwords *passwords)
{
    if (passwords->entered >= PASSWORDS_MOST_WAITING)
        return false;
    passwords->entered++;
    return true;
}

void passwords_leave(struct passwords *passwords)
{
    ensure(passwords->entered > 0);
    passwords->entered--;
}

void passwords_check(struct passwords *passwords, struct password_check *check)
{
    check->next = NULL;
    *passwords->last = check;
    passwords->last = &check->next;
    loop_timer_set(passwords->turn, 0);
}

/* ---- Wrong tries ---- */

static int64_t *bucket_of(struct passwords *passwords, struct str login)
{
    struct uuid hash;
    str_fingerprint(login, &hash);
    return &passwords->full_at_us[((size_t)hash.bytes[0] << 8 | hash.bytes[1]) % BUCKETS];
}

bool passwords_may_try(struct passwords *passwords, struct str login)
{
    int64_t lacking_us = *bucket_of(passwords, login) - clock_monotonic();
    return lacking_us <= (MOST_TRIES - 1) * TRY_EVERY_US;
}

static void count_wrong(struct passwords *passwords, struct str login)
{
    int64_t *full_at_us = bucket_of(passwords, login);
    *full_at_us = MAX_OF(*full_at_us, clock_monotonic()) + TRY_EVERY_US;
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
    if (!known || !matches)
        count_wrong(passwords, check->login);
    check->checked(check, known && matches);
}
