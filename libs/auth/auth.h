/* Who is calling, and what they may do.
 *
 * The token (ES256 at+jwt, RFC 9068) says only who: a client or an account, and until when. What it may do comes from this
 * service's copies of clients, accounts, assignments and guardians (intake/copies.h), and ends within a second of a
 * revocation: every api and push process reads that small topic into memory, without a group. Hides cjose and libsodium. */
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

/* Who is calling. Shared by all requests of the same token; never written by handlers. */
struct principal {
    enum principal_kind kind;
    struct uuid id;       /* of the client or account */
    struct uuid person;   /* of the account; nil for a client */
    struct uuid session;  /* nil for a client */
    unsigned scopes;      /* what it may do somewhere: of the client, or from its roles */
    struct uuids nodes;   /* whose subtrees (subordination) it sees by client or official role */
    struct uuids classes; /* whose learners it sees by assignment (teacher) */
    bool parent;          /* has at least one confirmed link */
    struct instant expires; /* of the token */
    size_t users;         /* requests and streams that hold it */
};

struct auth;

struct auth_options {
    struct loop *loop;
    struct db_async *read;    /* the copies */
    const char *issuer;       /* EISO_URL: `iss` and `aud` of every token */
    const char *url;          /* same-origin check of writes by cookie */
    const char *brokers, *kafka_config, *client_id; /* revocations; brokers NULL: none (registry's own api reads its tables) */
    int cookie_port;          /* names the cookies without TLS: eiso_<port>; 0: __Host-eiso */
};

enum error auth_open(struct auth **auth, const struct auth_options *options, struct err *err) MUST_CHECK;
void auth_close(struct auth *auth);

/* For http_server_options.guard: finds the principal by bearer token or cookie, checks route.scope and, for writes by
 * cookie, the origin; answers 401 / 403 itself; proceeds with request->principal set. Open routes proceed at once.
 * Verified tokens are remembered for 60 s by their hash. 503 while the copies cannot be read. `auth` is found through
 * the server's context: it must begin with a `struct auth *` (struct process in service.h does). */
void auth_guard(struct http_request *request);

static inline const struct principal *auth_principal(const struct http_request *request)
{
    return request->principal;
}

/* A stream outlives its request: it holds the principal until auth_release, and is told when access ends (token, session,
 * client, account, a link or role of it). */
struct auth_watch;
struct auth_watch *auth_hold(struct auth *auth, const struct principal *principal, void (*ended)(void *context),
                             void *context);
void auth_release(struct auth_watch *watch);

/* Whether a node is in `nodes`' subtrees etc. is decided in SQL (schema/0002_rights.sql of intake). */
void param_scope(struct params *params, const struct principal *principal, struct arena *arena); /* $: kind, person, nodes[] */

/* ---- Tokens: made by registry's signin only ---- */

struct signing_key; /* private P-256 key with its kid */

enum error signing_key_load(struct signing_key **key, const char *path, bool create, struct err *err) MUST_CHECK; /* JWK file, 0600 */
void signing_key_free(struct signing_key *key);
struct str signing_key_public(const struct signing_key *key, struct arena *arena); /* public JWK as JSON */
struct str signing_key_id(const struct signing_key *key);

struct token_claims {
    struct str issuer;
    enum principal_kind kind;
    struct uuid subject, session;
    unsigned scopes; /* clients: what was asked for and is granted */
    struct instant issued, expires;
};
struct str token_make(const struct signing_key *key, const struct token_claims *claims, struct arena *arena);

/* Public keys by kid, as a service knows them. */
struct key_set;
struct key_set *key_set_new(void);
void key_set_free(struct key_set *set);
bool key_set_add(struct key_set *set, struct str jwk); /* false: no P-256 public key with a kid */

/* Checks form, `alg` ES256 and `typ` at+jwt before anything else, signature, issuer, audience, times (60 s of skew).
 * ERROR_UNAUTHORIZED with the reason otherwise; ERROR_NOT_FOUND: signed with a key that is not known. */
enum error token_verify(const struct key_set *set, struct str token, struct str issuer, int64_t now_us,
                        struct token_claims *claims, struct err *err) MUST_CHECK;

/* ---- Secrets ---- */

/* argon2id as a string; 19 MiB and about 30 ms each: only in registry's signin, with bounded workers. */
bool password_hash(struct str password, struct str *hash, struct arena *arena) MUST_CHECK;
bool password_matches(struct str hash, struct str password);

/* 256 random bits as 43 characters (base64url), and the SHA-256 under which such a secret is stored. */
struct str secret_make(struct arena *arena);
void secret_digest(struct str secret, uint8_t digest[32]);
bool secret_equal(const uint8_t a[32], const uint8_t b[32]); /* constant time */

#endif
