/* Passwords on the event loop: a bounded queue, one hash a turn of the loop, and bounds on wrong
 * tries. */
#ifndef REGISTRY_PASSWORDS_H
#define REGISTRY_PASSWORDS_H

#include "auth/auth.h"
#include "loop/loop.h"

enum { PASSWORDS_MOST_WAITING = 16, PASSWORDS_BUCKETS = 3 };

struct passwords;
struct passwords *passwords_new(struct loop *loop);
void passwords_free(struct passwords *passwords); /* NULL is fine; who waits is forgotten */

/* In the memory of whoever asks, until called back. `hash` absent: nobody's; takes as long. */
struct password_check {
    struct str login, address; /* address: of the caller, as nginx says; "" where nobody does */
    struct str hash, password;
    void (*checked)(struct password_check *check, bool matches);
    int64_t *buckets[PASSWORDS_BUCKETS]; /* from which a try was taken */
    struct password_check *next;         /* in the queue */
};

/* Takes a try, which is given back when the password was right. 0, or for how many seconds there is
 * none: ten in a row for a login from one address, then one each ten seconds; a hundred for a login
 * from anywhere, so that a stranger does not lock its owner out at once; a hundred from an address
 * (an IPv6 one: its /64) for whichever logins, then one a second. Buckets are shared by a keyed
 * hash: bounded memory, nobody can aim at another's, and a login that is not there has one, too. */
int64_t passwords_try(struct passwords *passwords, struct password_check *check);

/* A place in the queue, behind passwords_try; false: all are taken, and the try is given back. The
 * place is given back by passwords_check's end, or by passwords_leave where there is nothing to
 * check: then the try, too. */
bool passwords_enter(struct passwords *passwords, struct password_check *check) MUST_CHECK;
void passwords_leave(struct passwords *passwords, struct password_check *check);

void passwords_check(struct passwords *passwords, struct password_check *check);

#endif
