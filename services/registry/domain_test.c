/* The rules that need no database. */
#include "testkit/check.h"

#include "domain.h"

static struct arena arena;

#define TODAY date_make(2026, 11, 23)

typedef void prepare(void *item, struct date today, struct problems *problems, struct arena *arena);

/* "pointer code" of the first problem; "" where there is none. */
static const char *problem_of(prepare *rules, void *item)
{
    struct problems problems = {.arena = &arena};
    rules(item, TODAY, &problems, &arena);
    if (problems.count == 0)
        return "";
    return arena_printf(&arena, "%s %s", problems.items[0].pointer, problems.items[0].code);
}

static struct person with_iin(const char *iin, const char *reason)
{
    struct identifier *identifier = ARENA_NEW(&arena, struct identifier);
    *identifier = (struct identifier){.type = IDENTIFIER_IIN,
                                      .value = str_from(iin),
                                      .status = IDENTIFIER_DECLARED,
                                      .override_reason = str_from(reason)};
    return (struct person){.names.given = STR("Айгүл"), .identifiers = {identifier, 1}};
}

static void an_iin_must_have_its_control_digit_or_a_reason(void **state)
{
    (void)state;
    struct person right = with_iin("150901500010", NULL), wrong = with_iin("150901500011", NULL);
    struct person excused = with_iin("150901500011", "on the birth certificate");
    struct person no_number = with_iin("15090150001", "on the birth certificate");
    assert_string_equal(problem_of(person_prepare, &right), "");
    assert_string_equal(problem_of(person_prepare, &wrong),
                        "/identifiers/0/value iin_control_digit");
    assert_string_equal(problem_of(person_prepare, &excused), "");
    assert_string_equal(problem_of(person_prepare, &no_number), "/identifiers/0/value iin_format");
}

static void a_sourced_id_is_no_iin(void **state)
{
    (void)state;
    struct person person = {.names.given = STR("Айгүл"), .origin.sourced_id = STR("150901500010")};
    assert_string_equal(problem_of(person_prepare, &person), "/sourced_id sourced_id_is_iin");
    person.origin.sourced_id = STR("150901500011");
    assert_string_equal(problem_of(person_prepare, &person), "");
}

static struct organisation school(void)
{
    return (struct organisation){.name = {STR("мектеп"), STR("школа")},
                                 .kind = ORGANISATION_SCHOOL,
                                 .kato = STR("114000000"),
                                 .ownership = OWNERSHIP_STATE,
                                 .valid_from = date_make(2020, 1, 1)};
}

static void an_organisation_has_a_bin_and_a_place_that_exist(void **state)
{
    (void)state;
    struct organisation organisation = school();
    assert_string_equal(problem_of(organisation_prepare, &organisation), "");
    organisation.bin = STR("230940000019");
    assert_string_equal(problem_of(organisation_prepare, &organisation), "");
    organisation.bin = STR("230940000018");
    assert_string_equal(problem_of(organisation_prepare, &organisation), "/bin bin_control_digit");
    organisation.bin = STR("150901500010"); /* a sole entrepreneur's */
    assert_string_equal(problem_of(organisation_prepare, &organisation), "");
    organisation.kato = STR("999999999");
    assert_string_equal(problem_of(organisation_prepare, &organisation), "/kato kato_unknown");
}

static void nothing_ends_before_it_starts(void **state)
{
    (void)state;
    struct enrolment enrolment = {.from = date_make(2026, 9, 1), .to = date_make(2026, 8, 31)};
    assert_string_equal(problem_of(enrolment_prepare, &enrolment), "/to ends_before_start");
    enrolment.to = enrolment.from;
    assert_string_equal(problem_of(enrolment_prepare, &enrolment), "");
}

static void a_group_names_its_homerooms(void **state)
{
    (void)state;
    struct uuid homeroom = uuid_v7();
    struct class class = {.type = CLASS_GROUP};
    assert_string_equal(problem_of(class_prepare, &class), "/of missing");
    class.of = (struct uuids){&homeroom, 1};
    assert_string_equal(problem_of(class_prepare, &class), "");
    class.type = CLASS_HOMEROOM;
    assert_string_equal(problem_of(class_prepare, &class), "/of not_allowed_together");
}

static void the_same_content_has_the_same_fingerprint_at_any_time(void **state)
{
    (void)state;
    struct organisation first = school(), later = school(), other = school();
    later.origin.modified_at.us = INT64_C(1790000000000000);
    other.shifts = 2;
    problem_of(organisation_prepare, &first);
    problem_of(organisation_prepare, &later);
    problem_of(organisation_prepare, &other);
    assert_true(uuid_equal(&first.origin.fingerprint, &later.origin.fingerprint));
    assert_false(uuid_equal(&first.origin.fingerprint, &other.origin.fingerprint));
    assert_int_equal(later.origin.modified_at.us, INT64_C(1790000000000000));
}

static void a_state_is_not_of_the_future(void **state)
{
    (void)state;
    struct organisation organisation = school();
    organisation.origin.modified_at.us = INT64_C(1795600000000000); /* 25 November */
    assert_string_equal(problem_of(organisation_prepare, &organisation),
                        "/modified_at date_in_future");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_iin_must_have_its_control_digit_or_a_reason),
        TEST(a_sourced_id_is_no_iin),
        TEST(an_organisation_has_a_bin_and_a_place_that_exist),
        TEST(nothing_ends_before_it_starts),
        TEST(a_group_names_its_homerooms),
        TEST(the_same_content_has_the_same_fingerprint_at_any_time),
        TEST(a_state_is_not_of_the_future),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_done(&arena);
    return failed;
}
