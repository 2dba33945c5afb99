/* The copies of the registry: one row of the table below for each topic. */
#include "intake/copies.h"

#include <stdlib.h>
#include <string.h>

#include "contracts/registry.h"

struct copy {
    const struct topic *topic;
    const struct record *record;
    struct statement upsert; /* $1.. the record's columns, then bigint[] epochs */
    struct statement erase;  /* $1 text[]: keys */
    struct statement after;  /* $1 uuid[]: what has changed; no sql: nothing to do */
};

/* A row that is newer, by the epoch of its event and then by its revision, wins. */
#define NEWER(table) \
    " where (excluded.epoch, excluded.revision) > (" table ".epoch, " table ".revision)"

static const struct copy copies[] = {
    {
        &topic_organisations,
        &organisation_event,
        {"copy_organisations",
         "insert into copy_organisation as c (id, name_kk, name_ru, kind, bin, kato, "
         "subordinate_to, ownership, languages, shifts,"
         "                                    valid_from, valid_to, revision, epoch)"
         " select e.id, e.name->>'kk', e.name->>'ru', e.kind, e.bin, e.kato, e.subordinate_to, "
         "e.ownership, e.languages, e.shifts,"
         "        e.valid_from, e.valid_to, e.revision, e.epoch"
         "   from unnest($1::uuid[], $2::jsonb[], $3::smallint[], $4::text[], $5::text[], "
         "$6::text[], $7::uuid[], $8::smallint[],"
         "               $9::integer[], $10::integer[], $11::date[], $12::date[], $13::bigint[], "
         "$14::bigint[])"
         "     as e (id, name, kind, bin, kato, address_kato, subordinate_to, ownership, "
         "languages, shifts, valid_from, valid_to, revision, epoch)"
         " on conflict (id) do update set name_kk = excluded.name_kk, name_ru = excluded.name_ru, "
         "kind = excluded.kind, bin = excluded.bin,"
         "    kato = excluded.kato, subordinate_to = excluded.subordinate_to, ownership = "
         "excluded.ownership, languages = excluded.languages,"
         "    shifts = excluded.shifts, valid_from = excluded.valid_from, valid_to = "
         "excluded.valid_to, revision = excluded.revision,"
         "    epoch = excluded.epoch" NEWER("c")},
        {"copy_organisations_erase",
         "delete from copy_organisation where id = any ($1::text[]::uuid[])"},
        {"copy_organisations_paths", "select copy_paths($1::uuid[])"},
    },
    {
        &topic_people,
        &person_event,
        {"copy_people", "insert into copy_person as c (id, family, given, middle, revision, epoch)"
                        " select e.id, e.names->>'family', e.names->>'given', e.names->>'middle', "
                        "e.revision, e.epoch"
                        "   from unnest($1::uuid[], $2::jsonb[], $3::date[], $4::smallint[], "
                        "$5::integer[], $6::bigint[], $7::bigint[])"
                        "     as e (id, names, birth_date, sex, roles, revision, epoch)"
                        " on conflict (id) do update set family = excluded.family, given = "
                        "excluded.given, middle = excluded.middle,"
                        "    revision = excluded.revision, epoch = excluded.epoch" NEWER("c")},
        {"copy_people_erase", "delete from copy_person where id = any ($1::text[]::uuid[])"},
        {NULL, NULL},
    },
    {
        &topic_classes,
        &class_event,
        {"copy_classes",
         "insert into copy_class as c (id, organisation, name, type, homerooms, subject, grade, "
         "language, shift, academic_year, previous,"
         "                             revision, epoch)"
         " select e.id, e.organisation, e.name, e.type, (select array_agg(h::uuid) from "
         "jsonb_array_elements_text(e.homerooms) h), e.subject,"
         "        e.grade, e.language, e.shift, e.academic_year, e.previous, e.revision, e.epoch"
         "   from unnest($1::uuid[], $2::uuid[], $3::text[], $4::smallint[], $5::jsonb[], "
         "$6::text[], $7::integer[], $8::smallint[],"
         "               $9::integer[], $10::integer[], $11::uuid[], $12::bigint[], $13::bigint[])"
         "     as e (id, organisation, name, type, homerooms, subject, grade, language, shift, "
         "academic_year, previous, revision, epoch)"
         " on conflict (id) do update set organisation = excluded.organisation, name = "
         "excluded.name, type = excluded.type,"
         "    homerooms = excluded.homerooms, subject = excluded.subject, grade = excluded.grade, "
         "language = excluded.language,"
         "    shift = excluded.shift, academic_year = excluded.academic_year, previous = "
         "excluded.previous,"
         "    revision = excluded.revision, epoch = excluded.epoch" NEWER("c")},
        {"copy_classes_erase", "delete from copy_class where id = any ($1::text[]::uuid[])"},
        {NULL, NULL},
    },
    {
        &topic_enrolments,
        &enrolment_event,
        {"copy_enrolments", "insert into copy_enrolment as c (id, learner, class, valid_from, "
                            "valid_to, mode, revision, epoch)"
                            " select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::date[], "
                            "$5::date[], $6::smallint[], $7::bigint[], $8::bigint[])"
                            " on conflict (id) do update set learner = excluded.learner, class = "
                            "excluded.class, valid_from = excluded.valid_from,"
                            "    valid_to = excluded.valid_to, mode = excluded.mode, revision = "
                            "excluded.revision, epoch = excluded.epoch" NEWER("c")},
        {"copy_enrolments_erase", "delete from copy_enrolment where id = any ($1::text[]::uuid[])"},
        {NULL, NULL},
    },
    {
        &topic_assignments,
        &assignment_event,
        {"copy_assignments",
         "insert into copy_assignment as c (id, teacher, class, subject, kind, valid_from, "
         "valid_to, revision, epoch)"
         " select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::smallint[], "
         "$6::date[], $7::date[], $8::bigint[], $9::bigint[])"
         " on conflict (id) do update set teacher = excluded.teacher, class = excluded.class, "
         "subject = excluded.subject,"
         "    kind = excluded.kind, valid_from = excluded.valid_from, valid_to = "
         "excluded.valid_to, revision = excluded.revision,"
         "    epoch = excluded.epoch" NEWER("c")},
        {"copy_assignments_erase",
         "delete from copy_assignment where id = any ($1::text[]::uuid[])"},
        {NULL, NULL},
    },
    {
        &topic_guardians,
        &guardian_event,
        {"copy_links", "insert into copy_link as c (id, learner, guardian, rights, valid_from, "
                       "valid_to, status, revision, epoch)"
                       " select e.id, e.learner, e.guardian, e.rights, e.valid_from, e.valid_to, "
                       "e.status, e.revision, e.epoch"
                       "   from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::smallint[], "
                       "$5::smallint[], $6::integer[], $7::date[], $8::date[],"
                       "               $9::smallint[], $10::bigint[], $11::bigint[])"
                       "     as e (id, learner, guardian, relation, legal_basis, rights, "
                       "valid_from, valid_to, status, revision, epoch)"
                       " on conflict (id) do update set learner = excluded.learner, guardian = "
                       "excluded.guardian, rights = excluded.rights,"
                       "    valid_from = excluded.valid_from, valid_to = excluded.valid_to, status "
                       "= excluded.status, revision = excluded.revision,"
                       "    epoch = excluded.epoch" NEWER("c")},
        {"copy_links_erase", "delete from copy_link where id = any ($1::text[]::uuid[])"},
        {NULL, NULL},
    },
    {
        &topic_accounts,
        &account_event,
        {"copy_accounts",
         "insert into copy_account as c (id, person, active, locale, roles, revision, epoch)"
         " select * from unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::text[], $5::jsonb[], "
         "$6::bigint[], $7::bigint[])"
         " on conflict (id) do update set person = excluded.person, active = excluded.active, "
         "locale = excluded.locale,"
         "    roles = excluded.roles, revision = excluded.revision, epoch = excluded.epoch" NEWER(
             "c")},
        {"copy_accounts_erase", "delete from copy_account where id = any ($1::text[]::uuid[])"},
        {NULL, NULL},
    },
    {
        &topic_clients,
        &client_event,
        {"copy_clients",
         "insert into copy_client as c (id, name, node, scopes, active, revision, epoch)"
         " select * from unnest($1::uuid[], $2::text[], $3::uuid[], $4::integer[], $5::boolean[], "
         "$6::bigint[], $7::bigint[])"
         " on conflict (id) do update set name = excluded.name, node = excluded.node, scopes = "
         "excluded.scopes, active = excluded.active,"
         "    revision = excluded.revision, epoch = excluded.epoch" NEWER("c")},
        {"copy_clients_erase", "delete from copy_client where id = any ($1::text[]::uuid[])"},
        {NULL, NULL},
    },
    {
        &topic_aliases,
        &alias_event,
        {"copy_aliases",
         "insert into copy_alias as c (id, canonical, entity, revision, epoch)"
         " select * from unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::bigint[], $5::bigint[])"
         " on conflict (id) do update set canonical = excluded.canonical, entity = "
         "excluded.entity, revision = excluded.revision,"
         "    epoch = excluded.epoch" NEWER("c")},
        {"copy_aliases_erase", "delete from copy_alias where id = any ($1::text[]::uuid[])"},
        {NULL, NULL},
    },
    {
        &topic_reference,
        &reference_event,
        {"copy_reference", "insert into copy_reference as c (list, code, parent, kind, kk, ru, en, "
                           "valid_from, valid_to, revision, epoch)"
                           " select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], "
                           "$5::text[], $6::text[], $7::text[], $8::date[], $9::date[],"
                           "                      $10::bigint[], $11::bigint[])"
                           " on conflict (list, code) do update set parent = excluded.parent, kind "
                           "= excluded.kind, kk = excluded.kk, ru = excluded.ru,"
                           "    en = excluded.en, valid_from = excluded.valid_from, valid_to = "
                           "excluded.valid_to, revision = excluded.revision,"
                           "    epoch = excluded.epoch" NEWER("c")},
        {"copy_reference_erase",
         "delete from copy_reference where list || ':' || code = any ($1::text[])"},
        {NULL, NULL},
    },
    {
        &topic_keys,
        &key_event,
        {"copy_keys", "insert into copy_key as c (kid, jwk, retired_at, revision, epoch)"
                      " select * from unnest($1::text[], $2::text[], $3::timestamptz[], "
                      "$4::bigint[], $5::bigint[])"
                      " on conflict (kid) do update set jwk = excluded.jwk, retired_at = "
                      "excluded.retired_at, revision = excluded.revision,"
                      "    epoch = excluded.epoch" NEWER("c")},
        {"copy_keys_erase", "delete from copy_key where kid = any ($1::text[])"},
        {NULL, NULL},
    },
};

static const struct copy *copy_of(const struct topic *topic)
{
    for (size_t i = 0; i < COUNT_OF(copies); i++)
        if (copies[i].topic == topic)
            return &copies[i];
    return NULL;
}

static int by_key_then_arrival(const void *a, const void *b)
{
    const struct event *const *left = a, *const *right = b;
    int order = str_compare((*left)->key, (*right)->key);
    return order ? order : (*left > *right) - (*left < *right);
}

/* The last event of each key: a batch may change a record twice, a statement only once. */
static size_t last_of_each_key(const struct event_batch *batch, const struct event ***last)
{
    const struct event **sorted = ARENA_ARRAY(batch->arena, batch->count, const struct event *);
    for (size_t i = 0; i < batch->count; i++)
        sorted[i] = &batch->events[i];
    qsort(sorted, batch->count, sizeof(const struct event *), by_key_then_arrival);
    size_t kept = 0;
    for (size_t i = 0; i < batch->count; i++)
        if (i + 1 == batch->count || !str_equal(sorted[i]->key, sorted[i + 1]->key))
            sorted[kept++] = sorted[i];
    *last = sorted;
    return kept;
}

static enum error upsert(const struct event_batch *batch, const struct copy *copy,
                         const struct event **events, size_t count, struct err *err)
{
    const void **items = ARENA_ARRAY(batch->arena, count, const void *);
    int64_t *epochs = ARENA_ARRAY(batch->arena, count, int64_t);
    size_t changed = 0;
    for (size_t i = 0; i < count; i++)
        if (events[i]->value) {
            epochs[changed] = events[i]->position.epoch;
            items[changed++] = events[i]->value;
        }
    if (changed == 0)
        return ERROR_NONE;
    struct params params = {0};
    param_records(&params, copy->record, items, changed, batch->arena);
    struct column epoch_column = column_bigints(batch->arena, epochs, changed);
    param_column(&params, &epoch_column);
    return db_exec(batch->db, &copy->upsert, &params, NULL, err);
}

/* A key that is no id names nothing here. */
static bool names_a_row(const struct copy *copy, struct str key)
{
    struct uuid id;
    return copy->record->fields[0].type != FIELD_UUID || uuid_parse(key, &id);
}

static enum error erase(const struct event_batch *batch, const struct copy *copy,
                        const struct event **events, size_t count, struct err *err)
{
    struct str *keys = ARENA_ARRAY(batch->arena, count, struct str);
    size_t erased = 0;
    for (size_t i = 0; i < count; i++)
        if (!events[i]->value && names_a_row(copy, events[i]->key))
            keys[erased++] = events[i]->key;
    if (erased == 0)
        return ERROR_NONE;
    struct params params = {0};
    struct column column = column_texts(batch->arena, keys, erased);
    param_column(&params, &column);
    return db_exec(batch->db, &copy->erase, &params, NULL, err);
}

static enum error after(const struct event_batch *batch, const struct copy *copy,
                        const struct event **events, size_t count, struct err *err)
{
    struct uuid *ids = ARENA_ARRAY(batch->arena, count, struct uuid);
    size_t known = 0;
    for (size_t i = 0; i < count; i++)
        known += uuid_parse(events[i]->key, &ids[known]);
    struct params params = {0};
    struct column column = column_uuids(batch->arena, ids, known);
    param_column(&params, &column);
    return db_exec(batch->db, &copy->after, &params, NULL, err);
}

enum error intake_copy(struct event_batch *batch, struct err *err)
{
    const struct copy *copy = copy_of(batch->topic);
    ensure(copy);
    const struct event **events;
    size_t count = last_of_each_key(batch, &events);
    enum error code = upsert(batch, copy, events, count, err);
    if (!code)
        code = erase(batch, copy, events, count, err);
    if (!code && copy->after.sql)
        code = after(batch, copy, events, count, err);
    return code;
}

extern const struct embedded intake_schema[];

const struct migration_set intake_migrations = {"intake", intake_schema, 4};
