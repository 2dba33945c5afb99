#include "state.h"

#include "contracts/registry.h"

/* One row of each state topic: what is there now. $1 text[]: keys; a row for each in their order,
 * its columns named as the event's fields; the first is NULL where there is no such key. */
struct state {
    enum event_number number;
    struct statement now;
    struct statement keys; /* all of them, behind $1 text (NULL: from the first), at most $2 */
};

#define EACH_KEY     " from unnest($1::text[]) with ordinality k (key, place) left join "
#define BY_ID(table) EACH_KEY table " t on t.id = k.key::uuid order by k.place"
#define IN_ORDER     " order by k.place"
#define IDS(name, table)                                                                     \
    {                                                                                        \
        name, "select id::text from " table " where $1::text is null or id > $1::text::uuid" \
              " order by id limit $2"                                                        \
    }

static const struct state states[] = {
    {EVENT_ORGANISATION_CHANGED,
     {"now_organisations",
      "select t.id, case when t.id is not null then jsonb_build_object('kk', t.name_kk, 'ru', "
      "t.name_ru) end as name, t.kind, t.bin, t.kato, t.address_kato, t.subordinate_to, "
      "t.ownership, t.languages, t.shifts, t.valid_from, t.valid_to, "
      "t.revision" BY_ID("organisation")},
     IDS("keys_of_organisations", "organisation")},
    {EVENT_PERSON_CHANGED,
     {"now_people",
      "select t.id, case when t.id is not null then jsonb_strip_nulls(jsonb_build_object('family', "
      "t.family, 'given', t.given, 'middle', t.middle)) end as names, t.birth_date, t.sex, "
      "t.roles, t.revision" BY_ID("person")},
     IDS("keys_of_people", "person")},
    {EVENT_CLASS_CHANGED,
     {"now_classes", "select t.id, t.organisation, t.name, t.type, t.homerooms as of, t.subject, "
                     "t.grade, t.language, t.shift, t.academic_year, t.previous, "
                     "t.revision" BY_ID("class")},
     IDS("keys_of_classes", "class")},
    {EVENT_ENROLMENT_CHANGED,
     {"now_enrolments", "select t.id, t.learner, t.class, t.valid_from as from, t.valid_to as to, "
                        "t.mode, t.revision" BY_ID("enrolment")},
     IDS("keys_of_enrolments", "enrolment")},
    {EVENT_ASSIGNMENT_CHANGED,
     {"now_assignments",
      "select t.id, t.teacher, t.class, t.subject, t.kind, t.valid_from as from, t.valid_to as to, "
      "t.revision" BY_ID("assignment")},
     IDS("keys_of_assignments", "assignment")},
    {EVENT_GUARDIAN_CHANGED,
     {"now_guardians",
      "select t.id, t.learner, t.guardian, t.relation, t.legal_basis, t.rights, t.valid_from as "
      "from, t.valid_to as to, t.status, t.revision" BY_ID("guardian")},
     IDS("keys_of_guardians", "guardian")},
    {EVENT_ACCOUNT_CHANGED,
     {"now_accounts",
      "select t.id, t.person, t.active, t.locale, t.roles, t.revision" BY_ID("account")},
     IDS("keys_of_accounts", "account")},
    {EVENT_CLIENT_CHANGED,
     {"now_clients", "select t.id, t.name, t.node, t.scopes, t.active, t.revision" BY_ID("client")},
     IDS("keys_of_clients", "client")},
    {EVENT_ALIAS_CHANGED,
     {"now_aliases", "select t.id, t.canonical, t.entity, t.revision" BY_ID("alias")},
     IDS("keys_of_aliases", "alias")},
    {EVENT_REFERENCE_CHANGED,
     {"now_reference",
      "select t.list, t.code, t.parent, t.kind, t.kk, t.ru, t.en, t.valid_from, t.valid_to, "
      "t.revision" EACH_KEY "reference t on t.list = split_part(k.key, ':', 1)"
      " and t.code = substr(k.key, strpos(k.key, ':') + 1)" IN_ORDER},
     {"keys_of_reference", "select list || ':' || code from reference"
                           " where $1::text is null or (list, code) > (split_part($1, ':', 1),"
                           "       substr($1, strpos($1, ':') + 1)) order by list, code limit $2"}},
    {EVENT_KEY_CHANGED,
     {"now_keys", "select t.kid, t.jwk, t.retired_at, t.revision" EACH_KEY
                  "public_key t on t.kid = k.key" IN_ORDER},
     {"keys_of_keys", "select kid from public_key where $1::text is null or kid > $1"
                      " order by kid limit $2"}},
};

static const struct state *state_of(const struct topic *topic)
{
    for (size_t i = 0; i < COUNT_OF(states); i++)
        if (event_type_get(states[i].number)->topic == topic)
            return &states[i];
    return NULL;
}

static enum error append(struct db *db, enum event_number number, const struct column *keys,
                         const struct column *payloads, struct err *err)
{
    static const struct statement statement = {
        "append_states", "select outbox_append(array_agg(gen_random_uuid()), array_agg(e.key), "
                         "array_agg($1::smallint),"
                         "                     array_agg(e.payload))"
                         "  from unnest($2::text[], $3::bytea[]) e (key, payload)"};
    struct params params = {0};
    param_int(&params, number);
    param_column(&params, keys);
    param_column(&params, payloads);
    return db_exec(db, &statement, &params, NULL, err);
}

/* Each row as its event's value; empty, a tombstone, where there is none. */
static struct column encode(const struct result *result, const struct record *record,
                            struct arena *arena)
{
    size_t count;
    const char *items = result_records(result, record, arena, &count);
    struct str *payloads = ARENA_ARRAY(arena, count, struct str);
    for (size_t i = 0; i < count; i++) {
        CLEANUP(buf_done) struct buf value = {0};
        if (!result_null(result, i, 0))
            record_encode_value(record, items + i * record->size, &value);
        payloads[i] = result_null(result, i, 0) ? STR("") : str_copy(arena, buf_str(&value));
    }
    return column_bytes(arena, payloads, count);
}

/* What a lost part of the history had changed may have been a right; cached ones end here. Of a
 * link or an assignment that is gone nobody knows whose it was. */
static enum error revoke_again(struct db *db, enum event_number number, const struct column *keys,
                               struct err *err)
{
    static const struct statement clients = {"revoke_clients_again",
                                             "select access_revoke('client', $1::text[]::uuid[])"};
    static const struct statement accounts = {
        "revoke_accounts_again", "select access_revoke('account', $1::text[]::uuid[])"};
    static const struct statement everybody = {"revoke_everybody",
                                               "select access_revoke_everybody()"};
    struct params params = {0};
    if (number == EVENT_GUARDIAN_CHANGED || number == EVENT_ASSIGNMENT_CHANGED)
        return db_exec(db, &everybody, NULL, NULL, err);
    if (number != EVENT_CLIENT_CHANGED && number != EVENT_ACCOUNT_CHANGED)
        return ERROR_NONE;
    param_column(&params, keys);
    return db_exec(db, number == EVENT_CLIENT_CHANGED ? &clients : &accounts, &params, NULL, err);
}

static enum error end_sessions_again(struct db *db, const struct column *keys, struct err *err)
{
    static const struct statement statement = {"sessions_end_again",
                                               "select sessions_end_again($1)"};
    struct params params = {0};
    param_column(&params, keys);
    return db_exec(db, &statement, &params, NULL, err);
}

enum error registry_state_again(struct db *db, const struct topic *topic, const struct str *keys,
                                size_t count, void *context, struct err *err)
{
    (void)context;
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(result_done) struct result result = {0};
    struct column names = column_texts(&arena, keys, count);
    if (topic == &topic_revocations)
        return end_sessions_again(db, &names, err);
    const struct state *state = state_of(topic);
    ensure(state);
    struct params params = {0};
    param_column(&params, &names);
    enum error code = db_exec(db, &state->now, &params, &result, err);
    if (code)
        return code;
    struct column payloads = encode(&result, event_type_get(state->number)->record, &arena);
    code = append(db, state->number, &names, &payloads, err);
    return code ? code : revoke_again(db, state->number, &names, err);
}

enum error registry_state_keys(struct db *db, const struct topic *topic, struct str after,
                               int32_t most, struct arena *arena, struct strs *keys, void *context,
                               struct err *err)
{
    (void)context;
    const struct state *state = state_of(topic);
    ensure(state);
    CLEANUP(result_done) struct result result = {0};
    struct params params = {0};
    param_text(&params, after);
    param_int(&params, most);
    enum error code = db_exec(db, &state->keys, &params, &result, err);
    if (code)
        return code;
    struct str *items = ARENA_ARRAY(arena, result_rows(&result), struct str);
    for (size_t row = 0; row < result_rows(&result); row++)
        items[row] = str_copy(arena, result_str(&result, row, 0));
    *keys = (struct strs){items, result_rows(&result)};
    return ERROR_NONE;
}

/* ---- What a merge has changed ---- */

enum { TOLD_AT_ONCE = 500 };

struct untold_row {
    int32_t number; /* of the event type */
    struct str key;
};
static const struct field untold_row_fields[] = {FIELD(untold_row, number), FIELD(untold_row, key)};
static const struct record untold_row_record = RECORD(untold_row, untold_row_fields);

static enum error take_untold(struct db *db, struct arena *arena, struct untold_row **rows,
                              size_t *count, struct err *err)
{
    static const struct statement statement = {
        "take_untold",
        "with taken as (delete from untold where ctid in (select ctid from untold limit $1)"
        "               returning number, key)"
        " select distinct number::integer, key from taken order by 1, 2"};
    CLEANUP(result_done) struct result result = {0};
    struct params params = {0};
    param_int(&params, TOLD_AT_ONCE);
    enum error code = db_exec(db, &statement, &params, &result, err);
    if (!code)
        *rows = result_records(&result, &untold_row_record, arena, count);
    return code;
}

/* Rows of one type stand together. */
static enum error tell_rows(struct db *db, const struct untold_row *rows, size_t count,
                            struct arena *arena, struct err *err)
{
    struct str *keys = ARENA_ARRAY(arena, count, struct str);
    enum error code = ERROR_NONE;
    for (size_t from = 0, to; !code && from < count; from = to) {
        for (to = from; to < count && rows[to].number == rows[from].number; to++)
            keys[to - from] = rows[to].key;
        code = registry_state_again(db, event_type_get(rows[from].number)->topic, keys, to - from,
                                    NULL, err);
    }
    return code;
}

enum error registry_tell_some(struct db *db, size_t *count, struct err *err)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct untold_row *rows;
    enum error code = db_begin(db, err);
    if (code)
        return code;
    code = take_untold(db, &arena, &rows, count, err);
    if (!code)
        code = tell_rows(db, rows, *count, &arena, err);
    if (!code)
        return db_commit(db, err);
    db_rollback(db);
    return code;
}

enum error registry_tell(struct process *process, struct db *db, struct err *err)
{
    size_t count = TOLD_AT_ONCE;
    enum error code = ERROR_NONE;
    while (!code && count > 0) {
        code = registry_tell_some(db, &count, err);
        if (!code && count > 0)
            process_poke(process, "relay");
    }
    return code;
}
