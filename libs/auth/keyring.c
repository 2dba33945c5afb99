/* The public keys as this service's copy has them: read at the start, each minute, and when a token
 * names a key that is not among them. */
#include <stdlib.h>

#include "auth/auth_internal.h"
#include "base/clock.h"

enum { REFRESH_MS = 60000, AGAIN_MS = 1000 };

#define LEAST_PAUSE_US SECOND_US

struct keyring {
    struct db_async *read;
    struct loop_timer *timer;
    struct key_set *set; /* NULL: not read yet */
    int64_t asked_us;    /* monotonic; of the last statement, 0: none yet */
    bool reading;
    bool closed; /* lives on until what is being read has come */
    STAILQ_HEAD(, keyring_wait) waiting;
};

/* Keys that were retired more than an hour and a bit ago have signed nothing that still lives. */
static const struct statement read_keys = {
    .name = "auth_keys",
    .sql = "select jwk, retired_at from copy_key"
           " where retired_at is null or retired_at > now() - interval '2 hours'"
           " order by retired_at desc nulls first limit 16",
};

/* What is no key is left out: its tokens are refused as those of an unknown one. */
static struct key_set *key_set_from(const struct result *result)
{
    struct key_set *set = key_set_new();
    for (size_t row = 0; row < result_rows(result); row++)
        if (!key_set_add(set, result_str(result, row, 0), result_instant(result, row, 1)))
            continue;
    return set;
}

static void keyring_answer(struct keyring *keyring, const struct err *err)
{
    STAILQ_HEAD(, keyring_wait) waiting = STAILQ_HEAD_INITIALIZER(waiting);
    STAILQ_CONCAT(&waiting, &keyring->waiting);
    while (!STAILQ_EMPTY(&waiting)) {
        struct keyring_wait *wait = STAILQ_FIRST(&waiting);
        STAILQ_REMOVE_HEAD(&waiting, next);
        wait->callback(wait->context, err);
    }
}

static void keyring_end(struct keyring *keyring)
{
    key_set_free(keyring->set);
    free(keyring);
}

static void keys_read(void *context, const struct result *result, enum error code,
                      const struct err *err)
{
    struct keyring *keyring = context;
    keyring->reading = false;
    if (keyring->closed) {
        keyring_end(keyring);
        return;
    }
    if (!code) {
        key_set_free(keyring->set);
        keyring->set = key_set_from(result);
    }
    loop_timer_set(keyring->timer, code ? AGAIN_MS : REFRESH_MS);
    keyring_answer(keyring, code ? err : NULL);
}

static void keyring_ask(void *context)
{
    struct keyring *keyring = context;
    if (keyring->reading)
        return;
    keyring->reading = true;
    keyring->asked_us = clock_monotonic();
    db_async_exec(keyring->read, &read_keys, NULL, keys_read, keyring);
}

struct keyring *keyring_new(struct loop *loop, struct db_async *read)
{
    struct keyring *keyring = mem_alloc(sizeof *keyring);
    keyring->read = read;
    keyring->timer = loop_timer_new(loop, keyring_ask, keyring);
    STAILQ_INIT(&keyring->waiting);
    keyring_ask(keyring);
    return keyring;
}

void keyring_free(struct keyring *keyring)
{
    static const struct err closing = {ERROR_UNAVAILABLE, "the process ends"};
    loop_timer_free(keyring->timer);
    keyring->closed = true;
    keyring_answer(keyring, &closing);
    if (!keyring->reading)
        keyring_end(keyring);
}

const struct key_set *keyring_get(const struct keyring *keyring)
{
    return keyring->set;
}

bool keyring_refresh(struct keyring *keyring, struct keyring_wait *wait)
{
    if (!keyring->reading && keyring->set && clock_monotonic() - keyring->asked_us < LEAST_PAUSE_US)
        return false;
    STAILQ_INSERT_TAIL(&keyring->waiting, wait, next);
    keyring_ask(keyring);
    return true;
}
