/* What the tests against PostgreSQL share: a new database with a small tree in it.
 *
 *     ministry - district - school (class)
 *             \- elsewhere (a school of another district, with a class) */
#ifndef REGISTRY_TEST_INTERNAL_H
#define REGISTRY_TEST_INTERNAL_H

#include "testkit/check.h"

#include <stdlib.h>

#include "contracts/registry.h"
#include "contracts/topics.h"
#include "entrances.h"
#include "identity.h"
#include "outbox/outbox.h"
#include "store.h"
#include "testkit/testkit.h"

extern const struct embedded registry_schema[];
extern const size_t registry_schema_count;

static struct {
    struct arena arena;
    const char *conninfo;
    struct db *db;
    struct uuid ministry, district, school, elsewhere, class, class_elsewhere;
    struct err err;
} it;

static inline void sql(const char *text)
{
    struct err err = {0};
    if (db_run(it.db, text, &err))
        fail_msg("%s: %s", text, err.text);
}

/* One number. A statement is known by its address, so each call has one of its own. */
static inline int64_t count(const char *query)
{
    static int calls;
    struct statement *statement = ARENA_NEW(&it.arena, struct statement);
    struct result result = {0};
    struct err err = {0};
    *statement = (struct statement){arena_printf(&it.arena, "count_%d", calls++), query};
    if (db_exec(it.db, statement, NULL, &result, &err))
        fail_msg("%s: %s", query, err.text);
    int64_t number = result_bigint(&result, 0, 0);
    result_done(&result);
    return number;
}

/* "" where all went well, or "entrance: pointer: code" of the first that was rejected. */
static inline const char *put_as(const struct uuid *node, const struct entrance *entrance,
                                 void *items, size_t items_count)
{
    it.err = (struct err){0};
    return entrance_put(it.db, entrance, items, items_count, node, &it.err) ? it.err.text : "";
}

/* An officer of that node: its id stands for the account. */
static inline const char *put_by_officer(const struct uuid *node, const struct entrance *entrance,
                                         void *items, size_t items_count)
{
    it.err = (struct err){0};
    return entrance_put_by(it.db, entrance, items, items_count, node, node, &it.err) ? it.err.text
                                                                                     : "";
}

#define PUT(entrance, ...)          put_as(&it.district, &entrance, __VA_ARGS__, 1)
#define PUT_AT(node, entrance, ...) put_as(&it.node, &entrance, __VA_ARGS__, 1)

static inline struct organisation organisation_of(struct uuid id, struct uuid above)
{
    return (struct organisation){.id = id,
                                 .name = {STR("мектеп"), STR("школа")},
                                 .kind = ORGANISATION_SCHOOL,
                                 .kato = STR("114000000"),
                                 .subordinate_to = above,
                                 .ownership = OWNERSHIP_STATE,
                                 .valid_from = date_make(2020, 1, 1)};
}

static inline struct class class_of(struct uuid id, struct uuid organisation)
{
    return (struct class){.id = id,
                          .organisation = organisation,
                          .name = STR("5 «Ә»"),
                          .type = CLASS_HOMEROOM,
                          .grade = 5,
                          .language = TEACHING_KK,
                          .shift = 1,
                          .academic_year = 2026};
}

static inline struct person person_of(struct uuid id)
{
    return (struct person){.id = id,
                           .names = {.family = STR("Ахметова"), .given = STR("Айгүл")},
                           .roles.bits = 1 << PERSON_LEARNER};
}

static inline struct enrolment enrolment_of(struct uuid learner, struct uuid class)
{
    return (struct enrolment){.id = uuid_v7(),
                              .learner = learner,
                              .class = class,
                              .from = date_make(2026, 9, 1),
                              .mode = ENROLMENT_CLASS};
}

static inline void connect_again(void)
{
    db_close(it.db);
    assert_int_equal(db_open(&it.db, it.conninfo, NULL), ERROR_NONE);
    assert_int_equal(outbox_open(it.db, NULL, NULL), ERROR_NONE);
}

/* In an empty database. */
static inline void make_tree(const char *conninfo)
{
    struct err err = {0};
    it.conninfo = conninfo;
    assert_int_equal(db_open(&it.db, it.conninfo, NULL), ERROR_NONE);
    const struct migration_set sets[] = {outbox_migrations,
                                         service_migrations,
                                         {"registry", registry_schema, registry_schema_count}};
    if (db_migrate(it.db, sets, COUNT_OF(sets), &err))
        fail_msg("%s", err.text);
    connect_again();
    assert_int_equal(identity_open(testkit_folder(&it.arena), NULL), ERROR_NONE);
    for (struct uuid *id = &it.ministry; id <= &it.class_elsewhere; id++)
        *id = uuid_v7();
    struct organisation tree[] = {organisation_of(it.school, it.district),
                                  organisation_of(it.district, it.ministry),
                                  organisation_of(it.elsewhere, it.ministry),
                                  organisation_of(it.ministry, (struct uuid){{0}})};
    struct class classes[] = {class_of(it.class, it.school),
                              class_of(it.class_elsewhere, it.elsewhere)};
    assert_string_equal(put_as(&it.ministry, &organisations_entrance, tree, COUNT_OF(tree)), "");
    assert_string_equal(put_as(&it.ministry, &classes_entrance, classes, COUNT_OF(classes)), "");
}

static inline int begin(void **state)
{
    (void)state;
    make_tree(testkit_database(&it.arena));
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    db_close(it.db);
    arena_done(&it.arena);
    it.arena = (struct arena){0};
    return 0;
}

#define WITH_TREE(test) cmocka_unit_test_setup_teardown(test, begin, end)

#endif
