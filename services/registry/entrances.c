#include "entrances.h"

#include <stdlib.h>

#include "contracts/registry.h"
#include "domain.h"
#include "identity.h"
#include "store.h"

static const char *const state_outcomes[] = {"created", "updated",  "unchanged",
                                             "matched", "rejected", NULL};
static const char *const told[] = {"relay", NULL};

/* Its IIN is found by a keyed hash, and the key is no matter of the rules. */
static void person_prepare_keyed(void *item, struct date today, struct problems *problems,
                                 struct arena *arena)
{
    struct person *person = item;
    person_prepare(item, today, problems, arena);
    person->iin_hash = identity_hash(person_iin(person));
}

#define ENTRANCE(name_, entity_, prepare_, ...)                                               \
    {                                                                                         \
        .name = #name_, .record = &entity_##_item, .id_offset = offsetof(struct entity_, id), \
        .prepare = (prepare_), .columns = &entity_##_columns, .event = &entity_##_event,      \
        .statement = &store_put_##name_, .dry_run = &store_dry_put_##name_,                   \
        .outcomes = state_outcomes, .pokes = told, ##__VA_ARGS__                              \
    }

const struct entrance organisations_entrance =
    ENTRANCE(organisations, organisation, organisation_prepare);
const struct entrance people_entrance = ENTRANCE(people, person, person_prepare_keyed);
const struct entrance classes_entrance = ENTRANCE(classes, class, class_prepare);
const struct entrance enrolments_entrance = ENTRANCE(enrolments, enrolment, enrolment_prepare);
const struct entrance assignments_entrance = ENTRANCE(assignments, assignment, assignment_prepare);
const struct entrance guardians_entrance = /* an officer lifts a restricted one */
    ENTRANCE(guardians, guardian, guardian_prepare, .tells_officers = true);

const struct entrance merges_entrance = {
    .name = "merges",
    .record = &merge_item,
    .id_offset = offsetof(struct merge, id),
    .prepare = merge_prepare,
    .columns = &merge_columns,
    .tells_officers = true,
    .statement = &store_put_merges,
    .dry_run = &store_dry_put_merges,
    .outcomes = state_outcomes,
    .pokes = told,
};

/* ---- Straight-line ---- */

static enum error prepare_all(const struct entrance *entrance, void *const *items, size_t count,
                              struct arena *arena, struct err *err)
{
    struct problems problems = {.arena = arena};
    struct date today = date_today();
    for (size_t i = 0; i < count; i++)
        entrance->prepare(items[i], today, &problems, arena);
    return problems.count ? err_set(err, ERROR_INVALID, "%s: %s: %s", entrance->name,
                                    problems.items[0].pointer, problems.items[0].code)
                          : ERROR_NONE;
}

/* The four that every statement of an entrance begins with: one caller. */
static void bind_caller(struct params *params, size_t count, const struct uuid *node,
                        struct arena *arena)
{
    static const int32_t only = 0;
    int32_t *callers = ARENA_ARRAY(arena, count, int32_t);
    struct column column = column_ints(arena, callers, count);
    param_column(params, &column);
    column = column_ints(arena, &only, 1);
    param_column(params, &column);
    column = column_uuids(arena, node, 1);
    param_column(params, &column);
    param_date(params, date_today());
}

static void bind_heads(struct params *params, const struct entrance *entrance, void *const *items,
                       size_t count, struct arena *arena)
{
    struct str *heads = ARENA_ARRAY(arena, count, struct str);
    for (size_t i = 0; i < count; i++) {
        CLEANUP(buf_done) struct buf head = {0};
        record_encode_head(entrance->event, items[i], &head);
        heads[i] = str_copy(arena, buf_str(&head));
    }
    struct column column = column_bytes(arena, heads, count);
    param_column(params, &column);
}

static void bind_officer(struct params *params, const struct uuid *officer, struct arena *arena)
{
    struct column column = column_uuids(arena, officer, 1);
    param_column(params, &column);
}

static enum error rejected(const struct entrance *entrance, const struct result *result,
                           struct err *err)
{
    for (size_t row = 0; row < result_rows(result); row++)
        if (str_equal(result_str(result, row, 1), STR("rejected")))
            return err_set(err, ERROR_INVALID, "%s: %.*s: %.*s", entrance->name,
                           STR_ARG(result_str(result, row, 3)),
                           STR_ARG(result_str(result, row, 2)));
    return ERROR_NONE;
}

static enum error put_some(struct db *db, const struct entrance *entrance, void *const *items,
                           size_t count, const struct uuid *node, const struct uuid *officer,
                           struct err *err)
{
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(result_done) struct result result = {0};
    struct params params = {0};
    enum error code = prepare_all(entrance, items, count, &arena, err);
    if (code)
        return code;
    bind_caller(&params, count, node, &arena);
    param_records(&params, entrance->columns, (const void *const *)items, count, &arena);
    if (entrance->event)
        bind_heads(&params, entrance, items, count, &arena);
    if (entrance->tells_officers)
        bind_officer(&params, officer, &arena);
    code = db_exec(db, entrance->statement, &params, &result, err);
    return code ? code : rejected(entrance, &result, err);
}

static size_t compared_at; /* qsort has no context: id_offset of the entrance under the hand */

static int by_id(const void *a, const void *b)
{
    const char *const *left = a, *const *right = b;
    return uuid_compare(*left + compared_at, *right + compared_at);
}

enum error entrance_put(struct db *db, const struct entrance *entrance, void *items, size_t count,
                        const struct uuid *node, struct err *err)
{
    static const struct uuid nobody;
    return entrance_put_by(db, entrance, items, count, node, &nobody, err);
}

enum error entrance_put_by(struct db *db, const struct entrance *entrance, void *items,
                           size_t count, const struct uuid *node, const struct uuid *officer,
                           struct err *err)
{
    CLEANUP(arena_done) struct arena arena = {0};
    void **sorted = ARENA_ARRAY(&arena, count, void *);
    for (size_t i = 0; i < count; i++)
        sorted[i] = (char *)items + i * entrance->record->size;
    compared_at = entrance->id_offset;
    qsort(sorted, count, sizeof *sorted, by_id);
    enum error code = ERROR_NONE;
    for (size_t from = 0; !code && from < count; from += ENTRANCE_MOST_ITEMS)
        code = put_some(db, entrance, sorted + from, MIN_OF(count - from, ENTRANCE_MOST_ITEMS),
                        node, officer, err);
    return code;
}
