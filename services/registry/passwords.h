/* Passwords on the event loop: a bounded queue, one hash a turn of the loop, and a bound on wrong
 * tries for each login. */
#ifndef REGISTRY_PASSWORDS_H
#define REGISTRY_PASSWORDS_H

#include "auth/auth.h"
#include "loop/loop.h"

enum { PASSWORDS_MOST_WAITING = 16 };

struct passwords;
struct passwords *passwords_new(struct loop *loop);
void passwords_free(struct passwords *passwords); /* NULL is fine; who waits is forgotten */

/* A place in the queue; false: all are taken. It is given back by passwords_check's end, or by
 * passwords_leave where there is nothing to check. */
bool passwords_enter(struct passwords *passwords) MUST_CHECK;
void passwords_leave(struct passwords *passwords);

/* In the memory of whoever asks, until called back. `hash` absent: nobody's; takes as long. */
struct password_check {
    struct str login, hash, password;
    void (*checked)(struct password_check *check, bool matches);
    struct password_check *next; /* in the queue */
};
void passwords_check(struct passwords *passwords, struct password_check *check);

/* Ten wrong tries in a row, then one each ten seconds. Logins share buckets by hash: bounded
 * memory, and nobody learns whether a login exists. */
bool passwords_may_try(struct passwords *passwords, struct str login);

#endif
