/* What the files of this library share. */
#ifndef AUTH_AUTH_INTERNAL_H
#define AUTH_AUTH_INTERNAL_H

#include <sys/queue.h>

#include <cjose/jwk.h>

#include "auth/auth.h"
#include "contracts/registry.h"

#define SECOND_US INT64_C(1000000)

/* ---- secrets.c ---- */

void sodium_ready(void); /* any number of times */
struct str base64url(const uint8_t *bytes, size_t count, struct arena *arena); /* no padding */

/* ---- keys.c ---- */

enum { KEY_ID_LEN = 43, KEY_ID_MAX = 64, KEY_SET_MAX = 16 };

struct signing_key {
    cjose_jwk_t *jwk;
    char id[KEY_ID_LEN + 1]; /* RFC 7638: the SHA-256 of the public key, base64url */
    char x[KEY_ID_LEN + 1], y[KEY_ID_LEN + 1]; /* coordinates, 32 bytes each, base64url */
};

/* NULL: not known. */
const cjose_jwk_t *key_set_get(const struct key_set *set, const char *id,
                               struct instant *retired_at);

/* ---- token.c ---- */

enum { TOKEN_SKEW_S = 60 };

/* ---- remembered.c: tokens whose signature was right, for 60 s ---- */

struct remembered;
struct remembered *remembered_new(void);
void remembered_free(struct remembered *remembered);

/* By the SHA-256 of the token; `now_us` is monotonic. */
bool remembered_get(const struct remembered *remembered, const uint8_t digest[32], int64_t now_us,
                    struct token_claims *claims);
void remembered_put(struct remembered *remembered, const uint8_t digest[32], int64_t now_us,
                    const struct token_claims *claims);

/* ---- revocations.c: what was taken away of late ---- */

/* `at` is the wall clock of the one who took it away, `seen_us` our monotonic one when we learned
 * of it; zeroed: never. */
struct revoked {
    struct instant at;
    int64_t seen_us;
};

struct revocations;
struct revocations *revocations_new(void);
void revocations_free(struct revocations *revocations);
void revocations_note(struct revocations *revocations, const struct revocation *revocation,
                      int64_t seen_us);
struct revoked revocations_find(const struct revocations *revocations, enum revoked_kind kind,
                                const struct uuid *subject);
size_t revocations_count(const struct revocations *revocations);

/* Whether the session, or its account or client, was ended after the token was issued. */
bool revocations_hit(const struct revocations *revocations, const struct principal *principal);

/* When we learned last that this person's rights were changed, or everybody's; 0: never. */
int64_t revocations_person_us(const struct revocations *revocations, const struct uuid *person);

/* For how long what the copies say about a person may be believed at `now_us`: each copy follows
 * its topic, which may be behind this one, so belief begins with a second and grows with the time
 * since the revocation. */
int64_t revocations_trust_us(const struct revocations *revocations, const struct uuid *person,
                             int64_t now_us);

/* ---- feed.c: the topic of revocations ---- */

/* Reads the topic from its beginning on the loop and goes on reading; while Kafka is away it tries
 * again. `changed` is called after each batch that was noted. What a batch says of grants goes to
 * the copies before, over the connection by which rights are read: who reads behind it does not see
 * an older state of them. */
struct feed;
struct feed *feed_open(const struct auth_options *options, struct revocations *revocations,
                       loop_callback *changed, void *context);
void feed_close(struct feed *feed); /* NULL is fine */

/* ---- rights.c: what the copies say about a client or an account ---- */

struct rights {
    struct principal principal; /* without what is the token's: session, issued, expires */
    bool active;
    int64_t asked_us; /* monotonic, when the statement was sent; 0: not yet */
};

typedef void rights_callback(void *context, const struct rights *rights, const struct err *err);

/* One who waits for rights; in the memory of whoever asks, until called back. */
struct rights_wait {
    rights_callback *callback;
    void *context;
    STAILQ_ENTRY(rights_wait) next;
};

enum { RIGHTS_MOST = 16384 }; /* beyond it the one that was not used for longest goes */

struct rights_cache;
struct rights_cache *rights_cache_new(struct db_async *read, const struct revocations *revocations,
                                      int64_t keep_us);
void rights_cache_free(struct rights_cache *cache);
size_t rights_cache_count(const struct rights_cache *cache);

/* Calls back now, with what is known and not too old, or after asking the copies; many who wait
 * share one statement. `rights` is borrowed for the call; NULL with `err` where the copies cannot
 * be read. */
void rights_find(struct rights_cache *cache, enum principal_kind kind, const struct uuid *id,
                 struct rights_wait *wait);

/* ---- keyring.c: the copy's public keys ---- */

struct keyring;
struct keyring *keyring_new(struct loop *loop, struct db_async *read);
void keyring_free(struct keyring *keyring);
const struct key_set *keyring_get(const struct keyring *keyring); /* NULL: not read yet */

struct keyring_wait {
    void (*callback)(void *context, const struct err *err); /* err NULL: read again */
    void *context;
    STAILQ_ENTRY(keyring_wait) next;
};

/* Reads the keys again, at most once a second; false: they were read just now, it does not help. */
bool keyring_refresh(struct keyring *keyring, struct keyring_wait *wait);

/* ---- watch.c: streams that end with their principal's access ---- */

struct watches;
struct watches *watches_new(struct loop *loop, const struct revocations *revocations);
void watches_free(struct watches *watches);  /* all must be released */
void watches_check(struct watches *watches); /* after revocations came */

/* ---- principal.c ---- */

/* How many ids its lists have, and the lists moved to where there is room for so many. */
size_t principal_ids(const struct principal *principal);
void principal_move_ids(struct principal *principal, struct uuid *room);

struct auth {
    struct auth_options options;
    struct remembered *remembered;
    struct revocations *revocations;
    struct feed *feed; /* NULL: no Kafka was given */
    struct keyring *keyring;
    struct rights_cache *rights;
    struct watches *watches;
};

#endif
