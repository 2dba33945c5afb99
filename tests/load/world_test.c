/* Who is in a class on a date: its own, without who left, with who came, and each in one group. */
#include "testkit/check.h"

#include "base/cleanup.h"
#include "world.h"

enum { YEAR = 2026 };
static const struct uuid root = {{1}};

struct fixture {
    struct country country;
    struct world world;
    struct arena arena;
};

static void fixture_open(struct fixture *it)
{
    *it = (struct fixture){0};
    country_open(&it->country, 5, 0.002, &root, YEAR);
    world_of_country(&it->world, &it->country);
}

static void fixture_done(struct fixture *it)
{
    world_done(&it->world);
    country_done(&it->country);
    arena_done(&it->arena);
}

static bool has(struct fixture *it, const struct uuid *class, const struct uuid *learner, int day)
{
    struct class_found found = world_find(&it->world, class);
    struct uuids roster = world_roster(&found, (struct date){day}, &it->arena);
    size_t times = 0;
    assert_non_null(found.homeroom);
    for (size_t i = 0; i < roster.count; i++)
        times += uuid_equal(&roster.items[i], learner);
    assert_in_range(times, 0, 1);
    return times;
}

static void who_moves_is_here_until_that_day_and_then_there(void **state)
{
    (void)state;
    CLEANUP(fixture_done) struct fixture it;
    fixture_open(&it);
    assert_true(it.world.moves_count > 10);
    for (size_t i = 0; i < it.world.moves_count; i++) {
        const struct country_move *move = &it.world.moves[i].move;
        const struct enrolment *enrolments = move->enrolments.items;
        for (size_t k = 0; k < move->enrolments.count; k++) {
            bool ends = enrolments[k].to.day;
            assert_int_equal(has(&it, &enrolments[k].class, &move->learner, move->date.day - 1),
                             ends);
            assert_int_equal(has(&it, &enrolments[k].class, &move->learner, move->date.day), !ends);
        }
    }
}

static void groups_part_their_homeroom(void **state)
{
    (void)state;
    CLEANUP(fixture_done) struct fixture it;
    size_t parted = 0;
    fixture_open(&it);
    struct date date = date_make(YEAR + 1, 5, 20);
    for (size_t i = 0; i < it.world.count; i++) {
        const struct homeroom *homeroom = &it.world.homerooms[i];
        struct class_found class = world_find(&it.world, &homeroom->id);
        size_t all = world_roster(&class, date, &it.arena).count, in_groups = 0;
        if (!uuid_present(&homeroom->groups[0]))
            continue;
        parted++;
        for (size_t group = 0; group < COUNTRY_GROUPS; group++) {
            struct class_found found = world_find(&it.world, &homeroom->groups[group]);
            assert_ptr_equal(found.homeroom, homeroom);
            assert_int_equal(found.group, group);
            in_groups += world_roster(&found, date, &it.arena).count;
        }
        assert_int_equal(in_groups, all);
    }
    assert_int_equal(2 * parted, it.world.groups_count);
    assert_true(parted > 10);
}

static void a_class_waits_until_its_move_is_known(void **state)
{
    (void)state;
    CLEANUP(fixture_done) struct fixture it;
    fixture_open(&it);
    struct world_move *move = &it.world.moves[0];
    const struct homeroom *from = world_find(&it.world, &move->move.from).homeroom;
    assert_false(world_is_held(from, (struct date){move->move.date.day - 1}));
    assert_true(world_is_held(from, move->move.date));
    move->known = true;
    assert_false(world_is_held(from, move->move.date));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_moves_is_here_until_that_day_and_then_there),
        TEST(groups_part_their_homeroom),
        TEST(a_class_waits_until_its_move_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
