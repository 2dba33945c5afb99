#include "world.h"

#include <stdlib.h>
#include <string.h>

#include "contracts/registry.h"
#include "record/record.h"

enum { PAGE_ITEMS = 500, DEPTH_MOST = 8 /* of subordination */ };

/* Of a list's items what matters here; the rest is passed over. */
struct listed {
    struct uuid id, organisation;
    struct str type, mode;
    int32_t grade, shift;
};
static const struct field listed_fields[] = {
    FIELD(listed, id),   FIELD(listed, organisation), FIELD(listed, type),
    FIELD(listed, mode), FIELD(listed, grade),        FIELD(listed, shift),
};
static const struct record listed_record = RECORD(listed, listed_fields);

/* What stands behind the items. */
struct page_end {
    struct str next; /* absent: the last page */
};
static const struct field page_end_fields[] = {FIELD(page_end, next, .max = 4096)};
static const struct record page_end_record = RECORD(page_end, page_end_fields);

/* ---- Lists ---- */

/* {"items":[...],"next":"..."} by its outer brackets: an item of a batch is kept although it has
 * fields that are not in our table, an element of a nested list would not be. */
static bool page_cut(struct str answer, struct str *items, struct buf *rest)
{
    const char *first = memchr(answer.ptr, '[', answer.len);
    const char *last = memrchr(answer.ptr, ']', answer.len);
    if (!first || !last)
        return false;
    *items = (struct str){first, (size_t)(last + 1 - first)};
    struct str end = {last + 1, (size_t)(answer.ptr + answer.len - last - 1)};
    str_cut(&end, ',');
    buf_add_char(rest, '{');
    buf_add_str(rest, str_present(end) ? end : STR("}"));
    return true;
}

static enum error page_read(struct str answer, struct arena *arena, struct batch *items,
                            struct page_end *end, struct err *err)
{
    CLEANUP(buf_done) struct buf rest = {0};
    struct problems problems = {.arena = arena};
    struct body_error wrong = {.code = "no list"};
    struct str array;
    if (!page_cut(answer, &array, &rest) ||
        !record_decode_batch(&listed_record, RECORD_JSON, array, arena, items, &wrong) ||
        !record_decode_json(&page_end_record, str_copy(arena, buf_str(&rest)), arena, end,
                            &problems, &wrong))
        return err_set(err, ERROR_CORRUPT, "a list that is none: %s", wrong.code);
    return ERROR_NONE;
}

static const char *page_path(struct arena *arena, const char *path, struct str cursor)
{
    const char *separator = strchr(path, '?') ? "&" : "?";
    if (!str_present(cursor))
        return arena_printf(arena, "%s%slimit=%d", path, separator, PAGE_ITEMS);
    return arena_printf(arena, "%s%slimit=%d&cursor=%.*s", path, separator, PAGE_ITEMS,
                        STR_ARG(cursor));
}

struct listing {
    struct listed *items; /* in the arena */
    size_t count, capacity;
};

static void listing_add(struct listing *listing, const struct batch *items, struct arena *arena)
{
    if (listing->count + items->count > listing->capacity) {
        size_t capacity = MAX_OF(2 * listing->capacity, listing->count + items->count);
        struct listed *larger = ARENA_ARRAY(arena, capacity, struct listed);
        if (listing->count)
            memcpy(larger, listing->items, listing->count * sizeof *larger);
        listing->items = larger;
        listing->capacity = capacity;
    }
    if (items->count)
        memcpy(&listing->items[listing->count], items->items,
               items->count * sizeof *listing->items);
    listing->count += items->count;
}

/* All pages of a list; texts live in the arena. */
static enum error list_read(struct api *api, const char *path, struct arena *arena,
                            struct listing *listing, struct err *err)
{
    CLEANUP(call_done) struct call call = {0};
    struct str cursor = {0};
    *listing = (struct listing){0};
    do {
        struct batch items = {0};
        struct page_end end = {0};
        if (api_get(api, &call, page_path(arena, path, cursor), err))
            return err->code;
        if (page_read(str_copy(arena, buf_str(&call.answer)), arena, &items, &end, err))
            return err->code;
        listing_add(listing, &items, arena);
        cursor = end.next;
    } while (str_present(cursor));
    return ERROR_NONE;
}

/* ---- Homerooms ---- */

static void homeroom_add(struct world *world, const struct homeroom *homeroom)
{
    if (world->count == world->capacity) {
        world->capacity = MAX_OF(64, 2 * world->capacity);
        world->homerooms = mem_resize(world->homerooms, world->capacity * sizeof *world->homerooms);
    }
    world->homerooms[world->count++] = *homeroom;
}

/* Those who sit in the class: with another mode nobody is on a roster. */
static struct uuids sitting(const struct listing *learners, struct arena *arena)
{
    struct uuid *ids = ARENA_ARRAY(arena, learners->count, struct uuid);
    size_t count = 0;
    for (size_t i = 0; i < learners->count; i++) {
        const struct listed *learner = &learners->items[i];
        bool sits = !str_present(learner->mode) || str_equal(learner->mode, STR("class"));
        if (sits && uuid_present(&learner->id))
            ids[count++] = learner->id;
    }
    return (struct uuids){ids, count};
}

static enum error homeroom_load(struct world *world, struct api *api, const struct listed *class,
                                struct arena *arena, struct err *err)
{
    char id[UUID_TEXT_LEN + 1];
    struct listing learners;
    uuid_format(&class->id, id);
    if (list_read(api, arena_printf(arena, "/v1/classes/%s/learners", id), arena, &learners, err))
        return err->code;
    struct homeroom homeroom = {class->id, class->organisation, class->grade, class->shift,
                                sitting(&learners, &world->arena)};
    if (homeroom.learners.count)
        homeroom_add(world, &homeroom);
    return ERROR_NONE;
}

static enum error organisation_load(struct world *world, struct api *api,
                                    const struct uuid *organisation, struct err *err)
{
    CLEANUP(arena_done) struct arena arena = {0};
    char id[UUID_TEXT_LEN + 1];
    struct listing classes;
    uuid_format(organisation, id);
    if (list_read(api, arena_printf(&arena, "/v1/classes?organisation=%s", id), &arena, &classes,
                  err))
        return err->code;
    for (size_t i = 0; i < classes.count; i++)
        if (str_equal(classes.items[i].type, STR("homeroom")) &&
            homeroom_load(world, api, &classes.items[i], &arena, err))
            return err->code;
    return ERROR_NONE;
}

/* The client's own node, or what is below `above`, with all that is below that. */
static enum error subtree_load(struct world *world, struct api *api, const struct uuid *above,
                               int depth, struct err *err)
{
    CLEANUP(arena_done) struct arena arena = {0};
    char id[UUID_TEXT_LEN + 1];
    const char *path = "/v1/organisations";
    struct listing organisations;
    if (above)
        path = arena_printf(&arena, "%s?parent=%s", path, uuid_format(above, id));
    if (depth > DEPTH_MOST)
        return err_set(err, ERROR_CORRUPT, "organisations are nested too deep");
    if (list_read(api, path, &arena, &organisations, err))
        return err->code;
    for (size_t i = 0; i < organisations.count; i++) {
        const struct uuid *organisation = &organisations.items[i].id;
        if (organisation_load(world, api, organisation, err) ||
            subtree_load(world, api, organisation, depth + 1, err))
            return err->code;
    }
    return ERROR_NONE;
}

enum error world_load(struct world *world, struct api *api, struct err *err)
{
    world_done(world);
    if (subtree_load(world, api, NULL, 0, err))
        return err->code;
    if (!world->count)
        return err_set(err, ERROR_NOT_FOUND, "there is no class with learners yet");
    qsort(world->homerooms, world->count, sizeof *world->homerooms, uuid_compare); /* id first */
    return ERROR_NONE;
}

void world_of_country(struct world *world, const struct country *country)
{
    CLEANUP(arena_done) struct arena arena = {0};
    world_done(world);
    for (size_t i = 0; i < country->school_count; i++) {
        const struct country_school *school = &country->schools[i];
        struct list classes = country_classes(country, school, &arena);
        const struct class *all = classes.items;
        for (size_t k = 0; k < classes.count && all[k].type == CLASS_HOMEROOM; k++)
            homeroom_add(world, &(struct homeroom){
                                    all[k].id, all[k].organisation, all[k].grade, all[k].shift,
                                    country_learners(country, school, k, &world->arena)});
        arena_reset(&arena);
    }
    qsort(world->homerooms, world->count, sizeof *world->homerooms, uuid_compare);
}

enum error world_own(struct api *api, struct uuid *organisation, struct err *err)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct listing own;
    if (list_read(api, "/v1/organisations", &arena, &own, err))
        return err->code;
    if (own.count != 1)
        return err_set(err, ERROR_NOT_FOUND, "the client speaks for %zu organisations", own.count);
    *organisation = own.items[0].id;
    return ERROR_NONE;
}

const struct homeroom *world_find(const struct world *world, const struct uuid *id)
{
    return bsearch(id, world->homerooms, world->count, sizeof *world->homerooms, uuid_compare);
}

void world_done(struct world *world)
{
    arena_done(&world->arena);
    free(world->homerooms);
    *world = (struct world){0};
}
