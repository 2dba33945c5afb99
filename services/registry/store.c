#include "store.h"

#include "contracts/topics.h"

/* ---- Entrances ---- */

#define PUT_STATEMENTS(what, parameters)                                                \
    const struct statement store_put_##what = {"put_" #what, "select * from put_" #what \
                                                             "_call(" parameters ")"};  \
    const struct statement store_put_##what##_dry = {                                   \
        "put_" #what "_dry", "select * from put_" #what "_dry(" parameters ")"}
#define SHARED "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13"

PUT_STATEMENTS(organisations, SHARED ", $14, $15, $16, $17, $18, $19, $20, $21, $22, $23");
PUT_STATEMENTS(people, SHARED ", $14, $15, $16, $17, $18, $19");
PUT_STATEMENTS(classes, SHARED ", $14, $15, $16, $17, $18, $19, $20, $21, $22");
PUT_STATEMENTS(enrolments, SHARED ", $14, $15, $16, $17");
PUT_STATEMENTS(assignments, SHARED ", $14, $15, $16, $17, $18");
PUT_STATEMENTS(guardians, SHARED ", $14, $15, $16, $17, $18, $19, $20, $21");
PUT_STATEMENTS(merges, SHARED);

/* ---- Role signin ---- */

void store_client(struct db_async *db, const struct uuid *client, db_async_callback *callback,
                  void *context)
{
    static const struct statement statement = {
        "client", "select c.active, c.scopes, s.digest, clock_timestamp() from client c"
                  "  join client_secret s on s.client = c.id where c.id = $1 for share"};
    struct params params = {0};
    param_uuid(&params, client);
    db_async_exec(db, &statement, &params, callback, context);
}

void store_login(struct db_async *db, struct str login, db_async_callback *callback, void *context)
{
    static const struct statement statement = {
        "login", "select a.id, p.hash from account a join password p on p.account = a.id"
                 " where a.login = $1 and a.active"};
    struct params params = {0};
    param_text(&params, login);
    db_async_exec(db, &statement, &params, callback, context);
}

void store_session_open(struct db_async *db, const struct session_opening *opening,
                        db_async_callback *callback, void *context)
{
    static const struct statement statement = {"session_open",
                                               "select session_open($1, $2, $3, $4, $5)"};
    struct params params = {0};
    param_uuid(&params, &opening->session);
    param_uuid(&params, &opening->account);
    param_text(&params, opening->hash);
    param_bytes(&params, opening->digest);
    param_instant(&params, opening->valid_until);
    db_async_exec(db, &statement, &params, callback, context);
}

void store_session_renew(struct db_async *db, const struct session_renewal *renewal,
                         db_async_callback *callback, void *context)
{
    static const struct statement statement = {"session_renew",
                                               "select * from session_renew($1, $2, $3)"};
    struct params params = {0};
    param_bytes(&params, renewal->digest);
    param_bytes(&params, renewal->next);
    param_instant(&params, renewal->valid_until);
    db_async_exec(db, &statement, &params, callback, context);
}

void store_session_end(struct db_async *db, struct str digest, db_async_callback *callback,
                       void *context)
{
    static const struct statement statement = {"session_end", "select session_end($1)"};
    struct params params = {0};
    param_bytes(&params, digest);
    db_async_exec(db, &statement, &params, callback, context);
}

void store_me(struct db_async *db, const struct me_wanted *wanted, db_async_callback *callback,
              void *context)
{
    static const struct statement of_account = {"me_account",
                                                "select * from me_account($1, $2, $3, $4)"};
    static const struct statement of_client = {
        "me_client", "select id, name, jsonb_build_array(jsonb_build_object('role', 'client', "
                     "'node', node)) as roles from client where id = $1"};
    struct params params = {0};
    param_uuid(&params, &wanted->id);
    if (!wanted->client) {
        param_uuid(&params, &wanted->session);
        param_text(&params, wanted->language);
        param_date(&params, date_today());
    }
    db_async_exec(db, wanted->client ? &of_client : &of_account, &params, callback, context);
}

void store_keys(struct db_async *db, db_async_callback *callback, void *context)
{
    static const struct statement statement = {
        "keys", "select jwk from public_key where retired_at is null or retired_at > now() - "
                "interval '2 hours' order by kid"};
    db_async_exec(db, &statement, NULL, callback, context);
}

static void param_key(struct params *params, const struct public_key *key, struct buf *head)
{
    record_encode_head(&key_event, key, head);
    param_text(params, key->kid);
    param_text(params, key->jwk);
    param_bytes(params, buf_str(head));
}

void store_key_signs(struct db_async *db, const struct public_key *key, db_async_callback *callback,
                     void *context)
{
    static const struct statement statement = {
        "key_signs", "select key_publish($1, $2, $3, 0), key_retire_older($1)"};
    CLEANUP(buf_done) struct buf head = {0};
    struct params params = {0};
    param_key(&params, key, &head);
    db_async_exec(db, &statement, &params, callback, context);
}

void store_key_is_due(struct db_async *db, struct str kid, db_async_callback *callback,
                      void *context)
{
    static const struct statement statement = {"key_is_due", "select key_is_due($1)"};
    struct params params = {0};
    param_text(&params, kid);
    db_async_exec(db, &statement, &params, callback, context);
}

/* ---- Reads: may they ---- */

static void param_uuids(struct params *params, struct uuids list, struct arena *arena)
{
    struct column column = column_uuids(arena, list.items, list.count);
    param_column(params, &column);
}

void store_may_see_organisation(struct db_async *db, const struct uuid *organisation,
                                const struct caller *caller, db_async_callback *callback,
                                void *context)
{
    static const struct statement statement = {
        "may_see_organisation",
        "select may_see_organisation($1, $2, $3, $4), h.* from changes_horizon() h"};
    struct params params = {0};
    param_uuid(&params, organisation);
    param_uuid(&params, &caller->principal->session);
    param_uuids(&params, caller->principal->overview, caller->arena);
    param_uuids(&params, caller->principal->classes, caller->arena);
    db_async_exec(db, &statement, &params, callback, context);
}

static void param_caller(struct params *params, const struct caller *caller)
{
    param_scope(params, caller->principal, caller->arena);
    param_uuid(params, &caller->principal->session);
    param_uuids(params, caller->principal->overview, caller->arena);
}

void store_may_see_roster(struct db_async *db, const struct uuid *class,
                          const struct caller *caller, db_async_callback *callback, void *context)
{
    static const struct statement statement = {
        "may_see_roster",
        "select may_see_roster($1, $2, $3, $4, $5, $6, $7), h.* from changes_horizon() h"};
    struct params params = {0};
    param_uuid(&params, class);
    param_caller(&params, caller);
    db_async_exec(db, &statement, &params, callback, context);
}

void store_may_see_person(struct db_async *db, const struct uuid *person,
                          const struct caller *caller, db_async_callback *callback, void *context)
{
    static const struct statement statement = {
        "may_see_person", "select may_see_person(canonical_of($1), $2, $3, $4, $5, $6, $7, $8)"};
    struct params params = {0};
    param_uuid(&params, person);
    param_date(&params, date_today());
    param_caller(&params, caller);
    db_async_exec(db, &statement, &params, callback, context);
}

void store_find_people(struct db_async *db, const struct sourced *sourced,
                       const struct caller *caller, db_async_callback *callback, void *context)
{
    static const struct statement statement = {
        "find_people",
        "select s.id, may_see_person(s.id, $3, $4, $5, $6, $7, $8, $9)"
        "  from (select p.id from person p where p.source = $1 and p.sourced_id = $2"
        "        union select a.canonical from alias a"
        "               where a.entity = 1 and a.source = $1 and a.sourced_id = $2) s"
        " union all select null, -1::smallint where not session_is_open($8) order by 1 limit 100"};
    struct params params = {0};
    param_text(&params, sourced->source);
    param_text(&params, sourced->id);
    param_date(&params, date_today());
    param_caller(&params, caller);
    db_async_exec(db, &statement, &params, callback, context);
}

/* ---- Reads: what there is ---- */

/* Of every list: $1 whose, $2 how many, $3 to $5 the place behind which it goes on, $6 whether it
 * is of changes, $7 to $11 of which. */
#define PLACE(row_)                                                                         \
    "case when $6 then " row_ ".epoch else 0 end as _epoch, case when $6 then " row_ ".xid" \
    " else 0 end as _xid, " row_ ".id as _id, "
#define BEHIND(row_)                                                                            \
    " (case when $6 then " row_ ".epoch else 0 end, case when $6 then " row_ ".xid else 0 end," \
    "  " row_ ".id) > ($3, $4, coalesce($5::uuid, '00000000-0000-0000-0000-000000000000'))"     \
    " and (not $6 or (($7::timestamptz is null or " row_ ".changed_at >= $7)"                   \
    "                 and (" row_ ".epoch, " row_ ".xid) >= ($8, $9)"                           \
    "                 and (" row_ ".epoch, " row_ ".xid) < ($10, $11)))"
#define IN_PLACES " order by 1, 2, 3 limit $2"

#define NAME_JSON "jsonb_build_object('kk', o.name_kk, 'ru', o.name_ru) as name"
#define ORGANISATION_COLUMNS                                                          \
    " o.id, " NAME_JSON ", o.kind, o.bin, o.kato, o.address_kato, o.subordinate_to,"  \
    "       o.ownership, o.languages, o.shifts, o.valid_from, o.valid_to, o.revision" \
    "  from organisation o "
#define NAMES_JSON                                                                          \
    "jsonb_strip_nulls(jsonb_build_object('family', p.family, 'given', p.given, 'middle', " \
    "p.middle)) as names"

static void param_page(struct params *params, const struct page *page)
{
    param_uuid(params, &page->of);
    param_int(params, page->limit);
    param_bigint(params, page->after.epoch);
    param_bigint(params, page->after.xid);
    param_uuid(params, &page->after.id);
    param_bool(params, page->changes);
    param_instant(params, page->since);
    param_bigint(params, page->from.epoch);
    param_bigint(params, page->from.xid);
    param_bigint(params, page->until.epoch);
    param_bigint(params, page->until.xid);
}

/* What was merged into another one is no more, and one of the changes. */
void store_organisations(struct db_async *db, const struct page *page, struct arena *arena,
                         db_async_callback *callback, void *context)
{
    static const struct statement below = {
        "organisations_below", "select " PLACE("o") ORGANISATION_COLUMNS
        " where o.subordinate_to = canonical_of($1) and" BEHIND(
            "o") "   and ($6 or not exists (select from alias a where a.id = o.id))" IN_PLACES};
    static const struct statement roots = {
        "organisations_roots", "select " PLACE("o") ORGANISATION_COLUMNS
        " where $1::uuid is null and o.id = any ($12) and" BEHIND("o") IN_PLACES};
    struct params params = {0};
    bool given = uuid_present(&page->of);
    param_page(&params, page);
    if (!given)
        param_uuids(&params, page->roots, arena);
    db_async_exec(db, given ? &below : &roots, &params, callback, context);
}

void store_organisation(struct db_async *db, const struct uuid *id, db_async_callback *callback,
                        void *context)
{
    static const struct statement statement = {"organisation", "select " ORGANISATION_COLUMNS
                                                               "where o.id = canonical_of($1)"};
    struct params params = {0};
    param_uuid(&params, id);
    db_async_exec(db, &statement, &params, callback, context);
}

void store_classes(struct db_async *db, const struct page *page, db_async_callback *callback,
                   void *context)
{
    static const struct statement statement = {
        "classes",
        "select " PLACE(
            "c") "c.id, c.organisation, c.name, c.type, c.homerooms as of, c.subject,"
                 "       c.grade, c.language, c.shift, c.academic_year, c.previous, c.revision"
                 "  from class c where c.organisation = canonical_of($1) and" BEHIND("c")
                     IN_PLACES};
    struct params params = {0};
    param_page(&params, page);
    db_async_exec(db, &statement, &params, callback, context);
}

static const struct field roster_entry_fields[] = {
    FIELD(roster_entry, id, .about = "Of the person."),
    FIELD(roster_entry, names, .record = &person_names_record),
    FIELD(roster_entry, enrolment, .about = "Its id."),
    FIELD(roster_entry, from, .about = "The first day."),
    FIELD(roster_entry, to, .about = "The last day; absent: open."),
    FIELD(roster_entry, mode, .values = &enrolment_modes),
};
const struct record roster_entry_record = RECORD(roster_entry, roster_entry_fields);

void store_roster(struct db_async *db, const struct page *page, db_async_callback *callback,
                  void *context)
{
    static const struct statement statement = {
        "roster",
        "select " PLACE(
            "e") "p.id, " NAMES_JSON ", e.id as enrolment, e.valid_from as from,"
                 "       e.valid_to as to, e.mode"
                 "  from enrolment e join person p on p.id = e.learner"
                 " where e.class = $1 and" BEHIND(
                     "e") "   and ($6 or ($12 between e.valid_from and coalesce(e.valid_to, $12)"
                          "               and not exists (" /* once, where two people turned out to
                                                               be one */
                          "                 select from enrolment d"
                          "                  where d.class = e.class and d.learner = e.learner and "
                          "d.id > e.id"
                          "                    and $12 between d.valid_from and "
                          "coalesce(d.valid_to, $12))))" IN_PLACES};
    struct params params = {0};
    param_page(&params, page);
    param_date(&params, page->date);
    db_async_exec(db, &statement, &params, callback, context);
}

#define PERSON_COLUMNS "p.id, " NAMES_JSON ", p.birth_date, p.sex, p.roles, p.revision"

void store_people(struct db_async *db, struct uuids ids, struct arena *arena,
                  db_async_callback *callback, void *context)
{
    static const struct statement statement = {
        "people", "select " PERSON_COLUMNS " from person p where p.id = any ($1) order by p.id"};
    struct params params = {0};
    param_uuids(&params, ids, arena);
    db_async_exec(db, &statement, &params, callback, context);
}

void store_person(struct db_async *db, const struct uuid *id, db_async_callback *callback,
                  void *context)
{
    static const struct statement statement = {
        "person", "select " PERSON_COLUMNS "  from person p where p.id = canonical_of($1)"};
    struct params params = {0};
    param_uuid(&params, id);
    db_async_exec(db, &statement, &params, callback, context);
}

/* ---- Straight-line ---- */

enum error store_put_references(struct db *db, const struct reference *references, size_t count,
                                int32_t *changed, struct err *err)
{
    static const struct statement statement = {
        "put_references", "select put_references($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"};
    CLEANUP(arena_done) struct arena arena = {0};
    struct params params = {0};
    const void **items = ARENA_ARRAY(&arena, count, const void *);
    struct str *heads = ARENA_ARRAY(&arena, count, struct str);
    for (size_t i = 0; i < count; i++) {
        CLEANUP(buf_done) struct buf head = {0};
        items[i] = &references[i];
        record_encode_head(&reference_event, items[i], &head);
        heads[i] = str_copy(&arena, buf_str(&head));
    }
    param_records(&params, &reference_columns, items, count, &arena);
    struct column column = column_bytes(&arena, heads, count);
    param_column(&params, &column);
    return db_exec_int(db, &statement, &params, changed, err);
}

/* The event of a row that was written in this transaction: its whole state. */
static enum error append_state(struct db *db, enum event_number number, const struct uuid *id,
                               const void *item, struct err *err)
{
    static const struct statement statement = {
        "append_state", "select outbox_append(array[gen_random_uuid()], array[$1::uuid::text], "
                        "array[$2::smallint], array[$3::bytea])"};
    CLEANUP(buf_done) struct buf value = {0};
    struct params params = {0};
    record_encode_value(event_type_get(number)->record, item, &value);
    param_uuid(&params, id);
    param_int(&params, number);
    param_bytes(&params, buf_str(&value));
    return db_exec(db, &statement, &params, NULL, err);
}

static enum error lock_row(struct db *db, const char *table, const struct uuid *id, struct err *err)
{
    static const struct statement statement = {"put_lock", "select put_lock($1, array[$2::uuid])"};
    struct params params = {0};
    param_text(&params, str_from(table));
    param_uuid(&params, id);
    return db_exec(db, &statement, &params, NULL, err);
}

static enum error revoke(struct db *db, const struct uuid *client, struct err *err)
{
    static const struct statement statement = {"revoke_client",
                                               "select access_revoke('client', array[$1::uuid])"};
    struct params params = {0};
    param_uuid(&params, client);
    return db_exec(db, &statement, &params, NULL, err);
}

static enum error put_client_secret(struct db *db, const struct uuid *client, struct str digest,
                                    struct err *err)
{
    static const struct statement statement = {
        "client_secret", "insert into client_secret (client, digest) values ($1, $2)"
                         " on conflict (client) do update set digest = excluded.digest"};
    struct params params = {0};
    param_uuid(&params, client);
    param_bytes(&params, digest);
    return db_exec(db, &statement, &params, NULL, err);
}

enum error store_client_add(struct db *db, const struct client *client, struct str digest,
                            struct err *err)
{
    static const struct statement statement = {
        "client_add", "insert into client (id, name, node, scopes, epoch, xid)"
                      " select $1, $2, o.id, $4, s.epoch, s.xid from organisation o, "
                      "outbox_stamp() s where o.id = canonical_of($3)"};
    CLEANUP(result_done) struct result result = {0};
    struct params params = {0};
    param_uuid(&params, &client->id);
    param_text(&params, client->name);
    param_uuid(&params, &client->node);
    param_int(&params, client->scopes);
    enum error code = db_exec(db, &statement, &params, &result, err);
    if (!code && result_affected(&result) == 0)
        code = err_set(err, ERROR_NOT_FOUND, "there is no such organisation");
    if (!code)
        code = put_client_secret(db, &client->id, digest, err);
    return code ? code : append_state(db, EVENT_CLIENT_CHANGED, &client->id, client, err);
}

/* Tokens that the old secret got are void. */
enum error store_client_rotate(struct db *db, const struct uuid *client, struct str digest,
                               struct err *err)
{
    static const struct statement statement = {"client_is_active",
                                               "select from client where id = $1 and active"};
    CLEANUP(result_done) struct result result = {0};
    struct params params = {0};
    param_uuid(&params, client);
    enum error code = db_exec(db, &statement, &params, &result, err);
    if (!code && result_rows(&result) == 0)
        code = err_set(err, ERROR_NOT_FOUND, "there is no such client");
    if (!code)
        code = put_client_secret(db, client, digest, err);
    return code ? code : revoke(db, client, err);
}

enum error store_client_revoke(struct db *db, const struct uuid *client, struct err *err)
{
    static const struct statement statement = {
        "client_revoke", "update client c set active = false, revision = c.revision + 1, epoch = "
                         "s.epoch, xid = s.xid from outbox_stamp() s where c.id = $1"
                         " returning c.id, c.name, c.node, c.scopes, c.active, c.revision"};
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(result_done) struct result result = {0};
    struct params params = {0};
    param_uuid(&params, client);
    enum error code = lock_row(db, "client", client, err);
    if (!code)
        code = db_exec(db, &statement, &params, &result, err);
    if (code)
        return code;
    size_t count;
    const struct client *changed = result_records(&result, &client_event, &arena, &count);
    if (count == 0)
        return err_set(err, ERROR_NOT_FOUND, "there is no such client");
    code = append_state(db, EVENT_CLIENT_CHANGED, client, changed, err);
    return code ? code : revoke(db, client, err);
}

/* ---- Accounts ---- */

static enum error put_password(struct db *db, const struct uuid *account, struct str hash,
                               struct err *err)
{
    static const struct statement statement = {
        "password", "insert into password (account, hash) values ($1, $2)"
                    " on conflict (account) do update set hash = excluded.hash"};
    struct params params = {0};
    param_uuid(&params, account);
    param_text(&params, hash);
    return db_exec(db, &statement, &params, NULL, err);
}

/* The account of a row that was just written, as its event. */
static enum error append_account(struct db *db, const struct result *result, struct err *err)
{
    CLEANUP(arena_done) struct arena arena = {0};
    size_t count;
    const struct account *account = result_records(result, &account_event, &arena, &count);
    return count
               ? append_state(db, EVENT_ACCOUNT_CHANGED, &account->id, account, err)
               : err_set(err, ERROR_NOT_FOUND, "there is no such person, organisation or account");
}

enum error store_account_add(struct db *db, const struct account_adding *adding, struct err *err)
{
    static const struct statement statement = {
        "account_add", "insert into account (id, person, login, locale, roles, epoch, xid)"
                       " select $1, p.id, $3, $4, $5::text::jsonb, s.epoch, s.xid"
                       "   from person p, outbox_stamp() s where p.id = canonical_of($2)"
                       "    and ($6::uuid is null or exists (select from organisation where id = "
                       "$6))"
                       " returning id, person, active, locale, roles, revision"};
    CLEANUP(result_done) struct result result = {0};
    struct params params = {0};
    param_uuid(&params, &adding->id);
    param_uuid(&params, &adding->person);
    param_text(&params, adding->login);
    param_text(&params, adding->locale);
    param_text(&params, adding->roles);
    param_uuid(&params, &adding->node);
    enum error code = db_exec(db, &statement, &params, &result, err);
    if (!code)
        code = append_account(db, &result, err);
    return code ? code : put_password(db, &adding->id, adding->hash, err);
}

static enum error account_find(struct db *db, struct str login, struct uuid *id, struct err *err)
{
    static const struct statement statement = {"account_find",
                                               "select id from account where login = $1"};
    CLEANUP(result_done) struct result result = {0};
    struct params params = {0};
    param_text(&params, login);
    enum error code = db_exec(db, &statement, &params, &result, err);
    if (!code && result_rows(&result) == 0)
        code = err_set(err, ERROR_NOT_FOUND, "there is no such login");
    if (!code)
        *id = result_uuid(&result, 0, 0);
    return code;
}

static enum error account_set_active(struct db *db, const struct uuid *id, bool active,
                                     struct err *err)
{
    static const struct statement statement = {
        "account_set_active",
        "update account a set active = $2, revision = a.revision + 1, epoch = s.epoch, xid = s.xid"
        "  from outbox_stamp() s where a.id = $1"
        " returning a.id, a.person, a.active, a.locale, a.roles, a.revision"};
    CLEANUP(result_done) struct result result = {0};
    struct params params = {0};
    param_uuid(&params, id);
    param_bool(&params, active);
    enum error code = lock_row(db, "account", id, err);
    if (!code)
        code = db_exec(db, &statement, &params, &result, err);
    return code ? code : append_account(db, &result, err);
}

static enum error account_end_sessions(struct db *db, const struct uuid *id, struct err *err)
{
    static const struct statement statement = {"account_sessions_end",
                                               "select account_sessions_end($1)"};
    struct params params = {0};
    param_uuid(&params, id);
    return db_exec(db, &statement, &params, NULL, err);
}

enum error store_account_reset(struct db *db, struct str login, struct str hash, struct err *err)
{
    struct uuid id;
    enum error code = account_find(db, login, &id, err);
    if (!code)
        code = put_password(db, &id, hash, err);
    if (!code)
        code = account_set_active(db, &id, true, err);
    return code ? code : account_end_sessions(db, &id, err);
}

enum error store_account_lock(struct db *db, struct str login, struct err *err)
{
    struct uuid id;
    enum error code = account_find(db, login, &id, err);
    if (!code)
        code = account_set_active(db, &id, false, err);
    return code ? code : account_end_sessions(db, &id, err);
}

static enum error account_roles_revoke(struct db *db, const struct uuid *id, struct err *err)
{
    static const struct statement statement = {
        "account_roles_revoke",
        "select access_revoke_grants('account', array[id], array[person], array[revision])"
        "  from account where id = $1"};
    struct params params = {0};
    param_uuid(&params, id);
    return db_exec(db, &statement, &params, NULL, err);
}

enum error store_account_role(struct db *db, const struct role_change *change, struct err *err)
{
    static const struct statement statement = {
        "account_role",
        "update account a set revision = a.revision + 1, epoch = s.epoch, xid = s.xid,"
        "       roles = (select coalesce(jsonb_agg(r), '[]') from jsonb_array_elements(a.roles) r"
        "                 where r <> $2::text::jsonb)"
        "               || case when $4 then jsonb_build_array($2::text::jsonb) else '[]' end"
        "  from outbox_stamp() s"
        " where a.id = $1"
        "   and case when $4 then exists (select from organisation o where o.id = $3)"
        "            else a.roles @> jsonb_build_array($2::text::jsonb) end"
        " returning a.id, a.person, a.active, a.locale, a.roles, a.revision"};
    CLEANUP(result_done) struct result result = {0};
    struct params params = {0};
    struct uuid id;
    enum error code = account_find(db, change->login, &id, err);
    if (!code)
        code = lock_row(db, "account", &id, err);
    if (code)
        return code;
    param_uuid(&params, &id);
    param_text(&params, change->role);
    param_uuid(&params, &change->node);
    param_bool(&params, change->given);
    code = db_exec(db, &statement, &params, &result, err);
    if (!code)
        code = append_account(db, &result, err);
    return code ? code : account_roles_revoke(db, &id, err);
}

enum error store_key_announce(struct db *db, const struct public_key *key, int32_t lead_s,
                              struct err *err)
{
    static const struct statement statement = {"key_announce",
                                               "select key_publish($1, $2, $3, $4)"};
    CLEANUP(buf_done) struct buf head = {0};
    struct params params = {0};
    param_key(&params, key, &head);
    param_int(&params, lead_s);
    return db_exec(db, &statement, &params, NULL, err);
}

enum error store_sweep_sessions(struct db *db, struct err *err)
{
    static const struct statement statement = {"session_sweep", "select session_sweep()"};
    return db_exec(db, &statement, NULL, NULL, err);
}
