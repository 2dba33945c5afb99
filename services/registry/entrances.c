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
        .statement = &store_put_##name_, .dry = &store_put_##name_##_dry,                     \
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
    .dry = &store_put_merges_dry,
    .outcomes = state_outcomes,
    .pokes = told,
};

/* ---- Straight-line ---- */

static const struct str created = STR("created"), is_rejected = STR("rejected");

/* Those that their own rules let through, in the order of ids; where each stood. */
struct chosen {
    void **items;
    size_t *places;
    size_t count;
};

static struct chosen prepare_all(const struct entrance *entrance, void *const *items, size_t count,
                                 struct arena *arena, struct entrance_outcome *outcomes)
{
    struct date today = date_today();
    struct chosen chosen = {ARENA_ARRAY(arena, count, void *), ARENA_ARRAY(arena, count, size_t),
                            0};
    for (size_t i = 0; i < count; i++) {
        struct problems problems = {.arena = arena};
        entrance->prepare(items[i], today, &problems, arena);
        outcomes[i] = (struct entrance_outcome){.outcome = created};
        if (problems.count)
            outcomes[i] = (struct entrance_outcome){is_rejected, str_from(problems.items[0].code),
                                                    str_from(problems.items[0].pointer)};
        else
            chosen.places[chosen.count++] = i;
    }
    return chosen;
}

struct sorting {
    void *const *items;
    size_t id_offset;
};

static int by_id(const void *a, const void *b, void *context)
{
    const struct sorting *sorting = context;
    const size_t *left = a, *right = b;
    return uuid_compare((char *)sorting->items[*left] + sorting->id_offset,
                        (char *)sorting->items[*right] + sorting->id_offset);
}

static void sort(struct chosen *chosen, const struct entrance *entrance, void *const *items)
{
    struct sorting sorting = {items, entrance->id_offset};
    qsort_r(chosen->places, chosen->count, sizeof *chosen->places, by_id, &sorting);
    for (size_t i = 0; i < chosen->count; i++)
        chosen->items[i] = items[chosen->places[i]];
}

/* The four that every statement of an entrance begins with: one caller. */
static void bind_caller(struct params *params, size_t count, struct uuids nodes,
                        struct arena *arena)
{
    int32_t *callers = ARENA_ARRAY(arena, MAX_OF(count, nodes.count), int32_t);
    struct column column = column_ints(arena, callers, count);
    param_column(params, &column);
    column = column_ints(arena, callers, nodes.count);
    param_column(params, &column);
    column = column_uuids(arena, nodes.items, nodes.count);
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

/* All in one round, in their order (gather.h). */
static void bind_round(struct params *params, size_t count, struct arena *arena)
{
    int32_t *places = ARENA_ARRAY(arena, count, int32_t);
    for (size_t i = 0; i < count; i++)
        places[i] = (int32_t)i + 1;
    struct column column =
        column_ints(arena, &places[count - 1], 1); /* the last item of the round */
    param_column(params, &column);
    column = column_ints(arena, places, count);
    param_column(params, &column);
}

/* Of several rows of an item the first that rejects it says why. */
static void take_outcomes(const struct chosen *chosen, const struct result *result,
                          struct arena *arena, struct entrance_outcome *outcomes)
{
    for (size_t row = 0; row < result_rows(result); row++) {
        size_t place = chosen->places[result_int(result, row, 0) - 1];
        struct entrance_outcome *outcome = &outcomes[place];
        if (str_equal(outcome->outcome, is_rejected))
            continue;
        outcome->outcome = str_copy(arena, result_str(result, row, 1));
        if (!str_equal(outcome->outcome, is_rejected))
            continue;
        outcome->code = str_copy(arena, result_str(result, row, 2));
        outcome->pointer = str_copy(arena, result_str(result, row, 3));
    }
}

enum error entrance_write(struct db *db, const struct entrance *entrance, void *const *items,
                          size_t count, const struct entrance_caller *caller, struct arena *arena,
                          struct entrance_outcome *outcomes, struct err *err)
{
    CLEANUP(result_done) struct result result = {0};
    struct params params = {0};
    ensure(count <= ENTRANCE_MOST_ITEMS);
    struct chosen chosen = prepare_all(entrance, items, count, arena, outcomes);
    if (chosen.count == 0)
        return ERROR_NONE;
    sort(&chosen, entrance, items);
    bind_caller(&params, chosen.count, caller->nodes, arena);
    param_records(&params, entrance->columns, (const void *const *)chosen.items, chosen.count,
                  arena);
    if (entrance->event)
        bind_heads(&params, entrance, chosen.items, chosen.count, arena);
    if (entrance->tells_officers)
        bind_officer(&params, &caller->officer, arena);
    bind_round(&params, chosen.count, arena);
    enum error code = db_exec(db, entrance->statement, &params, &result, err);
    take_outcomes(&chosen, &result, arena, outcomes);
    return code;
}

static enum error first_rejected(const struct entrance *entrance,
                                 const struct entrance_outcome *outcomes, size_t count,
                                 struct err *err)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(outcomes[i].outcome, is_rejected))
            return err_set(err, ERROR_INVALID, "%s: %.*s: %.*s", entrance->name,
                           STR_ARG(outcomes[i].pointer), STR_ARG(outcomes[i].code));
    return ERROR_NONE;
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
    const struct entrance_caller caller = {{node, 1}, *officer};
    enum error code = ERROR_NONE;
    for (size_t from = 0; !code && from < count; from += ENTRANCE_MOST_ITEMS) {
        CLEANUP(arena_done) struct arena arena = {0};
        size_t some = MIN_OF(count - from, (size_t)ENTRANCE_MOST_ITEMS);
        void **part = ARENA_ARRAY(&arena, some, void *);
        struct entrance_outcome *outcomes = ARENA_ARRAY(&arena, some, struct entrance_outcome);
        for (size_t i = 0; i < some; i++)
            part[i] = (char *)items + (from + i) * entrance->record->size;
        code = entrance_write(db, entrance, part, some, &caller, &arena, outcomes, err);
        if (!code)
            code = first_rejected(entrance, outcomes, some, err);
    }
    return code;
}
