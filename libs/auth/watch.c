/* Streams that end when the access of whoever reads them ends. */
#include <stdlib.h>

#include "auth/auth_internal.h"
#include "base/clock.h"

struct auth_watch {
    struct principal principal;
    struct uuid *ids; /* of the principal's lists */
    struct watches *watches;
    struct loop_timer *timer;
    int64_t opened_us; /* monotonic */
    void (*ended)(void *context);
    void *context;
    LIST_ENTRY(auth_watch) next; /* in one of the three lists */
};

LIST_HEAD(watch_list, auth_watch);

struct watches {
    struct loop *loop;
    const struct revocations *revocations;
    struct watch_list open, ending, told;
};

struct watches *watches_new(struct loop *loop, const struct revocations *revocations)
{
    struct watches *watches = mem_alloc(sizeof *watches);
    watches->loop = loop;
    watches->revocations = revocations;
    return watches;
}

void watches_free(struct watches *watches)
{
    ensure(LIST_EMPTY(&watches->open) && LIST_EMPTY(&watches->told));
    free(watches);
}

static void watch_tell(struct auth_watch *watch)
{
    LIST_REMOVE(watch, next);
    LIST_INSERT_HEAD(&watch->watches->told, watch, next);
    loop_timer_clear(watch->timer);
    watch->ended(watch->context);
}

static bool is_over(const struct auth_watch *watch)
{
    const struct principal *principal = &watch->principal;
    return revocations_hit(watch->watches->revocations, principal) ||
           revocations_person_us(watch->watches->revocations, &principal->person) >=
               watch->opened_us;
}

/* Whoever is told may release any watch, so those that end are set apart first. */
void watches_check(struct watches *watches)
{
    struct auth_watch *watch = LIST_FIRST(&watches->open);
    while (watch) {
        struct auth_watch *next = LIST_NEXT(watch, next);
        if (is_over(watch)) {
            LIST_REMOVE(watch, next);
            LIST_INSERT_HEAD(&watches->ending, watch, next);
        }
        watch = next;
    }
    while (!LIST_EMPTY(&watches->ending))
        watch_tell(LIST_FIRST(&watches->ending));
}

static void time_is_up(void *context)
{
    watch_tell(context);
}

/* Until the token is refused; or, shortly after a revocation of the person, until the copy has
 * probably caught up with it: whoever comes back at once may have met the old rights. */
static int64_t lifetime_ms(const struct auth_watch *watch)
{
    const struct principal *principal = &watch->principal;
    int64_t token_us = principal->expires.us + TOKEN_SKEW_S * SECOND_US - clock_now();
    int64_t trust_us =
        revocations_trust_us(watch->watches->revocations, &principal->person, watch->opened_us);
    return MAX_OF(MIN_OF(token_us, trust_us) / 1000, 0);
}

struct auth_watch *auth_hold(struct auth *auth, const struct principal *principal,
                             void (*ended)(void *context), void *context)
{
    struct auth_watch *watch = mem_alloc(sizeof *watch);
    watch->watches = auth->watches;
    watch->opened_us = clock_monotonic();
    watch->ended = ended;
    watch->context = context;
    watch->principal = *principal;
    watch->ids = mem_alloc(principal_ids(principal) * sizeof *watch->ids);
    principal_move_ids(&watch->principal, watch->ids);
    LIST_INSERT_HEAD(&auth->watches->open, watch, next);
    watch->timer = loop_timer_new(auth->watches->loop, time_is_up, watch);
    loop_timer_set(watch->timer, lifetime_ms(watch));
    return watch;
}

const struct principal *auth_watch_principal(const struct auth_watch *watch)
{
    return &watch->principal;
}

void auth_release(struct auth_watch *watch)
{
    LIST_REMOVE(watch, next);
    loop_timer_free(watch->timer);
    free(watch->ids);
    free(watch);
}
