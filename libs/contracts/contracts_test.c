#include "testkit/check.h"

#include <string.h>

#include "base/cleanup.h"
#include "contracts/position.h"
#include "contracts/topics.h"

static void positions_are_ordered_epoch_first(void **state)
{
    (void)state;
    static const char *const ascending[] = {"0.0.0.0", "1.0.0.0",  "1.5.9.7", "1.6.1.0",
                                            "1.6.2.0", "1.6.2.11", "2.0.0.0", "2.1.1.0"};
    struct position last = {-1, 0, 0, 0}, position;
    char text[POSITION_TEXT_LEN + 1];
    for (size_t i = 0; i < COUNT_OF(ascending); i++) {
        assert_true(position_parse(str_from(ascending[i]), &position));
        assert_string_equal(position_format(&position, text), ascending[i]);
        assert_true(position_compare(&last, &position) < 0);
        last = position;
    }
}

static void positions_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",          "1",      "1.2",   "1.2.3.",
                                        "1.2.3.4.5", "-1.2.3", "1.2.x", "1.2.3.99999999999"};
    struct position position;
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(position_parse(str_from(wrong[i]), &position));
    assert_true(position_parse(STR("7.8.9"), &position));
    assert_int_equal(position.index, 0);
}

static void every_type_is_found_by_number_and_by_name(void **state)
{
    (void)state;
    int found = 0;
    for (int number = 2; number < 1000; number++) {
        const struct event_type *type = event_type_get(number);
        if (!type)
            continue;
        found++;
        assert_ptr_equal(event_type_find(str_from(type->name)), type);
        /* kz.eiso.<service>. is the owner's of the topic */
        assert_memory_equal(type->name + strlen("kz.eiso."), type->topic->service,
                            strlen(type->topic->service));
    }
    assert_int_equal(found, 22);
    assert_int_equal(event_type_find(STR("kz.eiso.grades.history.rewound.v1"))->number,
                     EVENT_HISTORY_REWOUND);
    assert_null(event_type_find(STR("kz.eiso.grades.mark.recorded.v2")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(positions_are_ordered_epoch_first),
        TEST(positions_that_are_none_are_refused),
        TEST(every_type_is_found_by_number_and_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
