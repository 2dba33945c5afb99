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
    struct homeroom homeroom = {.id = class->id,
                                .organisation = class->organisation,
                                .grade = class->grade,
                                .shift = class->shift,
                                .learners = sitting(&learners, &world->arena)};
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

/* ---- A country of one's own ---- */

static const struct homeroom *homeroom_find(const struct world *world, const struct uuid *id)
{
    return bsearch(id, world->homerooms, world->count, sizeof *world->homerooms, uuid_compare);
}

/* Groups stand behind the homerooms. */
static void groups_add(struct world *world, const struct class *groups, size_t count)
{
    if (!count)
        return;
    world->groups =
        mem_resize(world->groups, (world->groups_count + count) * sizeof *world->groups);
    for (size_t i = 0; i < count; i++)
        world->groups[world->groups_count++] = (struct group){groups[i].id, groups[i].of.items[0]};
}

/* Those of a homeroom are one behind the other. */
static void homeroom_part(struct homeroom *homeroom, const struct class *groups, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (uuid_equal(&groups[i].of.items[0], &homeroom->id))
            homeroom->groups[i % COUNTRY_GROUPS] = groups[i].id;
}

static void school_add(struct world *world, const struct country_school *school,
                       struct arena *arena)
{
    struct list classes = country_classes(world->country, school, arena);
    const struct class *all = classes.items;
    size_t rooms = (size_t)school->parallels * COUNTRY_GRADES;
    for (size_t i = 0; i < rooms; i++) {
        struct homeroom homeroom = {
            .id = all[i].id,
            .organisation = all[i].organisation,
            .grade = all[i].grade,
            .shift = all[i].shift,
            .learners = country_learners(world->country, school, i, &world->arena),
            .school = school,
            .index = i,
        };
        homeroom_part(&homeroom, all + rooms, classes.count - rooms);
        homeroom_add(world, &homeroom);
    }
    groups_add(world, all + rooms, classes.count - rooms);
}

static void moves_add(struct world *world, struct list moves)
{
    const struct country_move *items = moves.items;
    if (!moves.count)
        return;
    world->moves =
        mem_resize(world->moves, (world->moves_count + moves.count) * sizeof *world->moves);
    for (size_t i = 0; i < moves.count; i++)
        world->moves[world->moves_count++] = (struct world_move){.move = items[i]};
}

/* When nothing is added any more. */
static void moves_connect(struct world *world)
{
    for (size_t i = 0; i < world->moves_count; i++) {
        const struct world_move *move = &world->moves[i];
        const struct homeroom *from = homeroom_find(world, &move->move.from);
        const struct homeroom *to = homeroom_find(world, &move->move.to);
        ensure(from && to);
        world->homerooms[from - world->homerooms].move = move;
        world->homerooms[to - world->homerooms].move = move;
    }
}

void world_of_country(struct world *world, const struct country *country)
{
    CLEANUP(arena_done) struct arena arena = {0};
    world_done(world);
    world->country = country;
    for (size_t i = 0; i < country->school_count; i++) {
        school_add(world, &country->schools[i], &arena);
        moves_add(world, country_moves(country, &country->schools[i], &world->arena));
        arena_reset(&arena);
    }
    qsort(world->homerooms, world->count, sizeof *world->homerooms, uuid_compare); /* id first */
    if (world->groups_count)
        qsort(world->groups, world->groups_count, sizeof *world->groups, uuid_compare);
    moves_connect(world);
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

/* ---- Who is where ---- */

struct class_found world_find(const struct world *world, const struct uuid *class)
{
    struct class_found found = {homeroom_find(world, class), COUNTRY_GROUPS};
    if (found.homeroom || !world->groups_count)
        return found;
    const struct group *group =
        bsearch(class, world->groups, world->groups_count, sizeof *group, uuid_compare);
    if (!group)
        return found;
    found.homeroom = homeroom_find(world, &group->homeroom);
    for (size_t i = 0; i < COUNTRY_GROUPS; i++)
        if (uuid_equal(&found.homeroom->groups[i], class))
            found.group = i;
    return found;
}

static bool moves_out(const struct homeroom *homeroom)
{
    return uuid_equal(&homeroom->move->move.from, &homeroom->id);
}

static bool has_come(const struct class_found *class, struct date date)
{
    const struct world_move *move = class->homeroom->move;
    return move && !moves_out(class->homeroom) && date.day >= move->move.date.day &&
           (class->group == COUNTRY_GROUPS || class->group == move->move.group);
}

static bool has_left(const struct homeroom *homeroom, const struct uuid *learner, struct date date)
{
    return homeroom->move && date.day >= homeroom->move->move.date.day && moves_out(homeroom) &&
           uuid_equal(&homeroom->move->move.learner, learner);
}

struct uuids world_roster(const struct class_found *class, struct date date, struct arena *arena)
{
    const struct homeroom *homeroom = class->homeroom;
    const struct uuids *all = &homeroom->learners;
    if (class->group == COUNTRY_GROUPS &&
        (!homeroom->move || date.day < homeroom->move->move.date.day))
        return *all;
    struct uuid *ids = ARENA_ARRAY(arena, all->count + 1, struct uuid);
    size_t count = 0;
    for (size_t seat = 0; seat < all->count; seat++)
        if ((class->group == COUNTRY_GROUPS || seat % COUNTRY_GROUPS == class->group) &&
            !has_left(homeroom, &all->items[seat], date))
            ids[count++] = all->items[seat];
    if (has_come(class, date))
        ids[count++] = homeroom->move->move.learner;
    return (struct uuids){ids, count};
}

bool world_is_held(const struct homeroom *homeroom, struct date today)
{
    const struct world_move *move = homeroom->move;
    return move && !move->known && move->move.date.day <= today.day;
}

void world_done(struct world *world)
{
    struct world was = *world;
    *world = (struct world){0};
    arena_done(&was.arena);
    free(was.homerooms);
    free(was.groups);
    free(was.moves);
}
