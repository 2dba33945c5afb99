/* The only file that talks SQL: a statement each, named for its meaning. */
#ifndef REGISTRY_STORE_H
#define REGISTRY_STORE_H

#include "auth/auth.h"
#include "contracts/position.h"
#include "contracts/registry.h"
#include "db/async.h"

/* ---- The entrances' (entrances.h): columns of X_columns behind the four of every entrance, and
 * the events' heads ---- */

extern const struct statement store_put_organisations, store_put_people, store_put_classes,
    store_put_enrolments, store_put_assignments, store_put_guardians, store_put_merges;
extern const struct statement store_put_organisations_dry, store_put_people_dry,
    store_put_classes_dry, store_put_enrolments_dry, store_put_assignments_dry,
    store_put_guardians_dry, store_put_merges_dry;

/* ---- Role signin ---- */

/* active, scopes, digest, the instant at which a token is issued; no row: there is no such client.
 */
void store_client(struct db_async *db, const struct uuid *client, db_async_callback *callback,
                  void *context);

/* id, hash; no row: there is no such login, or it is locked. */
void store_login(struct db_async *db, struct str login, db_async_callback *callback, void *context);

/* A session with the secret by which it is renewed. Answers the instant at which its token is
 * issued; NULL: the password was changed meanwhile, or the account locked. */
struct session_opening {
    struct uuid session, account;
    struct str hash;   /* of the password that was right */
    struct str digest; /* 32 bytes */
    struct instant valid_until;
};
void store_session_open(struct db_async *db, const struct session_opening *opening,
                        db_async_callback *callback, void *context);

/* session, account, issued; no row: nothing to be renewed. `next` and `valid_until`: of the secret
 * that comes instead. */
struct session_renewal {
    struct str digest, next; /* 32 bytes each */
    struct instant valid_until;
};
void store_session_renew(struct db_async *db, const struct session_renewal *renewal,
                         db_async_callback *callback, void *context);

/* Whether there was one. */
void store_session_end(struct db_async *db, struct str digest, db_async_callback *callback,
                       void *context);

/* Who somebody is, as GET /v1/me shows it: columns of me_record. `session` nil: of a client. No
 * row: the session was ended. */
struct me_wanted {
    struct uuid id, session;
    bool client;
    struct str language; /* "kk" or "ru": names of organisations */
};
void store_me(struct db_async *db, const struct me_wanted *wanted, db_async_callback *callback,
              void *context);

/* jwk, one a row. */
void store_keys(struct db_async *db, db_async_callback *callback, void *context);

/* The key that signs, once for each kid, and the end of those that signed before it. */
void store_key_signs(struct db_async *db, const struct public_key *key, db_async_callback *callback,
                     void *context);

/* Whether a key that was announced may sign now. */
void store_key_is_due(struct db_async *db, struct str kid, db_async_callback *callback,
                      void *context);

/* ---- Reads ---- */

/* One smallint: enum access (service/access.h), or -1: its session was ended
 * (schema/0012_reads.sql). The organisation may be nil: its own nodes. Then two bigints, epoch and
 * xid: what was changed before them is final, and seen by a statement from now on. */
struct caller {
    const struct principal *principal;
    struct arena *arena;
};
void store_may_see_organisation(struct db_async *db, const struct uuid *organisation,
                                const struct caller *caller, db_async_callback *callback,
                                void *context);
void store_may_see_roster(struct db_async *db, const struct uuid *class,
                          const struct caller *caller, db_async_callback *callback, void *context);
void store_may_see_person(struct db_async *db, const struct uuid *person,
                          const struct caller *caller, db_async_callback *callback, void *context);

/* Who is known by that id at that source: id uuid and, as above, what the caller may. */
struct sourced {
    struct str source, id;
};
enum { FOUND_ID, FOUND_ACCESS };
void store_find_people(struct db_async *db, const struct sourced *sourced,
                       const struct caller *caller, db_async_callback *callback, void *context);

/* Where a row stands in a list: by its id, and by its last change before that where changes are
 * listed. */
struct place {
    int64_t epoch, xid;
    struct uuid id;
};

/* What is listed: behind `after`, at most `limit`. The first three columns are the row's place, the
 * others those of the record. */
struct page {
    struct uuid of; /* parent, organisation or class; nil: of `roots` */
    struct uuids roots;
    struct date date;   /* of a roster */
    struct place after; /* zeroed: from the first on */
    int32_t limit;
    bool changes;                /* in the order of the last change, with what has ended since */
    struct instant since;        /* changed then or later; absent: */
    struct position from, until; /* changed there or behind it, and what is final */
};

/* Columns of organisation_event. */
void store_organisations(struct db_async *db, const struct page *page, struct arena *arena,
                         db_async_callback *callback, void *context);
void store_organisation(struct db_async *db, const struct uuid *id, db_async_callback *callback,
                        void *context);

/* Columns of class_event. */
void store_classes(struct db_async *db, const struct page *page, db_async_callback *callback,
                   void *context);

/* Who is enrolled in a class on a day. */
struct roster_entry {
    struct uuid id; /* of the learner */
    struct person_names names;
    struct uuid enrolment;
    struct date from, to;
    enum enrolment_mode mode;
};
extern const struct record roster_entry_record;
void store_roster(struct db_async *db, const struct page *page, db_async_callback *callback,
                  void *context);

/* Columns of person_event. */
void store_people(struct db_async *db, struct uuids ids, struct arena *arena,
                  db_async_callback *callback, void *context);
void store_person(struct db_async *db, const struct uuid *id, db_async_callback *callback,
                  void *context);

/* ---- Straight-line: commands, jobs, demo ---- */

/* Writes what differs; ERROR_SERIALIZE: again. `*changed`: how many. */
enum error store_put_references(struct db *db, const struct reference *references, size_t count,
                                int32_t *changed, struct err *err) MUST_CHECK;

/* These are parts of one transaction of the caller's; the events are appended. ERROR_NOT_FOUND:
 * there is no such node, client, person or login. */
enum error store_client_add(struct db *db, const struct client *client, struct str digest,
                            struct err *err) MUST_CHECK;
enum error store_client_rotate(struct db *db, const struct uuid *client, struct str digest,
                               struct err *err) MUST_CHECK;
enum error store_client_revoke(struct db *db, const struct uuid *client,
                               struct err *err) MUST_CHECK;

/* `roles` is JSON as the event has them; `node`: where the role is. ERROR_DUPLICATE: the login is
 * taken. */
struct account_adding {
    struct uuid id, person, node;
    struct str login, locale, roles, hash;
};
enum error store_account_add(struct db *db, const struct account_adding *adding,
                             struct err *err) MUST_CHECK;
/* Its sessions end. */
enum error store_account_reset(struct db *db, struct str login, struct str hash,
                               struct err *err) MUST_CHECK;
enum error store_account_lock(struct db *db, struct str login, struct err *err) MUST_CHECK;

/* A role given or taken away; `role` is its JSON as the event has it, at `node`. ERROR_NOT_FOUND:
 * no such login or organisation, or nothing to be taken away. Its rights are looked at again at
 * once.
 */
struct role_change {
    struct str login, role;
    struct uuid node;
    bool given;
};
enum error store_account_role(struct db *db, const struct role_change *change,
                              struct err *err) MUST_CHECK;

/* A key that signs in so many seconds; once for each kid. */
enum error store_key_announce(struct db *db, const struct public_key *key, int32_t lead_s,
                              struct err *err) MUST_CHECK;

enum error store_sweep_sessions(struct db *db, struct err *err) MUST_CHECK;

#endif
