/* Who is calling, and what they may do.
 *
 * The token (ES256 at+jwt, RFC 9068) says only who: a client or an account, and until when. What it
 * may do comes from this service's copies of clients, accounts, assignments and guardians
 * (intake/copies.h), and ends within a second of a revocation: every api and push process reads
 * that small topic into memory, without a group. Hides cjose and libsodium. */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/uuid.h"
#include "db/async.h"
#include "http/http.h"
#include "record/record.h"

/* Scopes of a school system, and what a role of a person allows. Bits in route.scope. */
enum scope {
    SCOPE_REGISTRY_READ = 1 << 0,
    SCOPE_REGISTRY_WRITE = 1 << 1,
    SCOPE_MARKS_READ = 1 << 2,
    SCOPE_MARKS_WRITE = 1 << 3,
    SCOPE_ATTENDANCE_READ = 1 << 4,
    SCOPE_ATTENDANCE_WRITE = 1 << 5,
    SCOPE_INDICATORS_READ = 1 << 6,
    SCOPE_INBOX = 1 << 7 /* people only */
};

/* "marks.read marks.write" <-> bits; unknown names are left out and make `*all_known` false. */
unsigned scopes_parse(struct str text, bool *all_known);
void scopes_print(unsigned scopes, struct buf *out);

enum principal_kind { PRINCIPAL_CLIENT = 1, PRINCIPAL_ACCOUNT = 2 };

/* Who is calling; with its lists in the request's arena. */
struct principal {
    enum principal_kind kind;
    struct uuid id;      /* of the client or account */
    struct uuid person;  /* of the account; nil for a client */
    struct uuid session; /* nil for a client */
    unsigned scopes;     /* what it may do somewhere: of the client, or from its roles */
    struct uuids
        nodes; /* whose subtrees' records (subordination) it sees: of the client, or of its roles */
    struct uuids overview; /* whose subtrees' figures it sees: nodes, and those of an official
                              without records */
    struct uuids classes;  /* whose learners it sees by assignment (teacher) */
    bool parent;           /* has at least one confirmed link */
    struct instant issued, expires; /* of the token */
};

struct auth;

/* Texts must live as long as the auth. */
struct auth_options {
    struct loop *loop;
    struct db_async *read; /* the copies */
    const char *issuer;    /* EISO_URL: `iss` and `aud` of every token */
    const char
        *url; /* same-origin check of writes by cookie: scheme, host and port, no slash behind */
    /* Revocations. brokers NULL: none; rights are then kept for 1 s instead of 60, and a session or
     * client counts until its token ends. */
    const char *brokers, *kafka_config, *client_id;
    int cookie_port; /* names the cookies without TLS: eiso_<port>; 0: __Host-eiso */
};

/* Begins to read keys and revocations on the loop; needs neither PostgreSQL nor Kafka to be there.
 */
enum error auth_open(struct auth **auth, const struct auth_options *options,
                     struct err *err) MUST_CHECK;

/* After the server was closed (a request that still waits is dropped) and all watches were
 * released. */
void auth_close(struct auth *auth); /* NULL is fine */

/* For http_server_options.guard: finds the principal by bearer token or cookie, checks route.scope
 * (all of its bits) and, for writes by cookie, the origin; proceeds with request->principal set, or
 * answers itself: 401 unauthorized, token_expired; 403 forbidden (scope), cross_site; 503 while the
 * copies cannot be read. Open routes proceed at once. Verified tokens are remembered for 60 s by
 * their hash, rights for 60 s or until a revocation. `auth` is found through the server's context:
 * it must begin with a `struct auth *` (struct process in service.h does). */
void auth_guard(struct http_request *request);

static inline const struct principal *auth_principal(const struct http_request *request)
{
    return request->principal;
}

/* A stream outlives its request: it holds a copy of the principal until auth_release, and is told
 * once, from the loop, when access ends (token, session, client, account) or may have changed (a
 * link or role was taken away): the reader comes back and is judged anew. `ended` may release any
 * watch, its own included; who does not must do it later. */
struct auth_watch;
struct auth_watch *auth_hold(struct auth *auth, const struct principal *principal,
                             void (*ended)(void *context), void *context);
const struct principal *auth_watch_principal(const struct auth_watch *watch);
void auth_release(struct auth_watch *watch);

/* Appends who is calling to a statement's parameters, as the SQL functions for rights take it
 * (intake's schema/0003_rights.sql): kind smallint, person uuid, nodes uuid[], classes uuid[]. The
 * lists are made in the arena. */
void param_scope(struct params *params, const struct principal *principal, struct arena *arena);

/* ---- Tokens: made by registry's signin only ---- */

struct signing_key; /* private P-256 key with its kid, the RFC 7638 thumbprint */

/* A JWK file of mode 0600. `create` makes one where there is none; of several processes that do so
 * at once, all get the same key. ERROR_INVALID: others may read it, or it holds no such key;
 * ERROR_NOT_FOUND; ERROR_UNAVAILABLE. */
enum error signing_key_load(struct signing_key **key, const char *path, bool create,
                            struct err *err) MUST_CHECK;
void signing_key_free(struct signing_key *key); /* NULL is fine */
struct str signing_key_public(const struct signing_key *key,
                              struct arena *arena);       /* the public JWK as JSON */
struct str signing_key_id(const struct signing_key *key); /* borrowed from the key */

/* Who a token speaks of. */
struct token_claims {
    struct str issuer;
    enum principal_kind kind;
    struct uuid subject, session;
    unsigned scopes;                /* clients: what was asked for and is granted */
    struct instant issued, expires; /* at most an hour apart; `expires` in whole seconds */
};

/* The compact form, some 600 bytes. */
struct str token_make(const struct signing_key *key, const struct token_claims *claims,
                      struct arena *arena);

/* Public keys by kid, as a service knows them. */
struct key_set;
struct key_set *key_set_new(void);
void key_set_free(struct key_set *set);

/* At most 16. `retired_at`: tokens signed later are refused; absent: in use. False: no public P-256
 * key with a kid. */
bool key_set_add(struct key_set *set, struct str jwk, struct instant retired_at) MUST_CHECK;

/* Checks size (4 KiB), form, `alg` ES256 and `typ` at+jwt before anything else; then signature,
 * issuer and audience, times (60 s of skew, at most an hour of life). ERROR_UNAUTHORIZED with the
 * reason otherwise; ERROR_NOT_FOUND: signed with a key that is not known. `claims` is filled as
 * soon as all but the times is right, so that an expired token can be told from a false one; zeroed
 * otherwise. `issuer` is borrowed in it. */
enum error token_verify(const struct key_set *set, struct str token, struct str issuer,
                        int64_t now_us, struct token_claims *claims, struct err *err) MUST_CHECK;

/* ---- Secrets ---- */

/* argon2id as a string; 19 MiB and about 30 ms each: only in registry's signin, with bounded
 * workers. A password of more than 1,024 bytes, or none, is neither hashed nor matched. */
bool password_hash(struct str password, struct str *hash, struct arena *arena) MUST_CHECK;
bool password_matches(struct str hash, struct str password);

/* 256 random bits as 43 characters (base64url), and the SHA-256 under which such a secret is
 * stored. */
struct str secret_make(struct arena *arena);
void secret_digest(struct str secret, uint8_t digest[32]);
bool secret_equal(const uint8_t a[32], const uint8_t b[32]); /* constant time */

#endif
