#include "testkit/check.h"

#include "base/cleanup.h"
#include "national/kato.h"
#include "national/names.h"

static void the_file_is_whole(void **state)
{
    (void)state;
    static const size_t expected[KATO_KINDS] = {
        [KATO_REPUBLIC] = 1,   [KATO_OBLAST] = 17, [KATO_REPUBLICAN_CITY] = 3,
        [KATO_DISTRICT] = 167, [KATO_CITY] = 39,   [KATO_CITY_DISTRICT] = 18};
    size_t count, kinds[KATO_KINDS] = {0};
    const struct kato_unit *units = kato_units(&count);
    for (size_t i = 0; i < count; i++)
        kinds[units[i].kind]++;
    assert_int_equal(count, 245);
    assert_memory_equal(kinds, expected, sizeof kinds);
}

static void every_unit_hangs_from_the_republic_and_knows_its_children(void **state)
{
    (void)state;
    size_t count, children = 0;
    const struct kato_unit *units = kato_units(&count);
    for (size_t i = 0; i < count; i++) {
        const struct kato_unit *unit = &units[i];
        assert_ptr_equal(kato_find(unit->code), unit);
        assert_true(unit == kato_root() || unit->parent < unit); /* no ring */
        children += unit->child_count;
        for (size_t c = 0; c < unit->child_count; c++)
            assert_ptr_equal(unit->children[c].parent, unit);
    }
    assert_int_equal(children, count - 1);
}

static void names_are_in_one_script(void **state)
{
    (void)state;
    size_t count;
    const struct kato_unit *units = kato_units(&count);
    for (size_t i = 0; i < count; i++) {
        assert_true(str_is_utf8(units[i].kk) && str_is_utf8(units[i].ru));
        assert_false(names_mixed_script(units[i].kk));
        assert_false(names_mixed_script(units[i].ru));
        assert_true(units[i].en.len > 0);
    }
}

static void a_unit_is_found_by_code_with_its_kind_and_region(void **state)
{
    (void)state;
    const struct kato_unit *unit = kato_find(STR("101010000"));
    assert_non_null(unit);
    assert_string_equal(unit->kk.ptr, "Жаңасемей ауданы");
    assert_int_equal(unit->kind, KATO_DISTRICT); /* though its digits look like a city's */
    assert_string_equal(kato_region(unit)->ru.ptr, "область Абай");
    assert_string_equal(kato_kind_name(kato_find(STR("711110000"))->kind), "city_district");
    assert_string_equal(kato_region(kato_find(STR("711110000")))->kk.ptr, "Астана қаласы");
    assert_ptr_equal(kato_region(kato_root()), kato_root());
    assert_int_equal(kato_root()->child_count, 20);
    assert_int_equal(kato_find(STR("710000000"))->child_count, 5);
    assert_null(kato_find(STR("632810000"))); /* Semey before 2022 */
    assert_null(kato_find((struct str){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_file_is_whole),
        TEST(every_unit_hangs_from_the_republic_and_knows_its_children),
        TEST(names_are_in_one_script),
        TEST(a_unit_is_found_by_code_with_its_kind_and_region),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
