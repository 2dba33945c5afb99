/* The country is one: what refers to something refers to what is there, nobody is there twice, and
 * it is the same each time. */
#include "testkit/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "country.h"
#include "national/iin.h"

enum { YEAR = 2026 };
static const struct uuid root = {{1}};

/* ---- Sets ---- */

struct set {
    struct uuid *items;
    size_t count, capacity;
};

static void set_done(struct set *set)
{
    free(set->items);
}

static void set_add(struct set *set, const struct uuid *id)
{
    if (set->count == set->capacity) {
        set->capacity = MAX_OF(1024, 2 * set->capacity);
        set->items = mem_resize(set->items, set->capacity * sizeof *set->items);
    }
    set->items[set->count++] = *id;
}

/* Sorted from here on; nothing comes twice. */
static void set_close(struct set *set)
{
    qsort(set->items, set->count, sizeof *set->items, uuid_compare);
    for (size_t i = 1; i < set->count; i++)
        assert_false(uuid_equal(&set->items[i - 1], &set->items[i]));
}

static void assert_known(const struct set *set, const struct uuid *id)
{
    assert_non_null(bsearch(id, set->items, set->count, sizeof *id, uuid_compare));
}

/* The ids of a list; each record begins with it. */
static void set_add_list(struct set *set, struct list list, size_t size)
{
    for (size_t i = 0; i < list.count; i++)
        set_add(set, (const struct uuid *)((const char *)list.items + i * size));
}

/* ---- Tests ---- */

struct known {
    struct set organisations, classes, people, links, numbers;
};

static void known_done(struct known *known)
{
    set_done(&known->organisations);
    set_done(&known->classes);
    set_done(&known->people);
    set_done(&known->links);
    set_done(&known->numbers);
}

static void look_at_people(struct known *known, struct list people)
{
    const struct person *items = people.items;
    for (size_t i = 0; i < people.count; i++) {
        const struct identifier *iin = items[i].identifiers.items;
        struct uuid number;
        assert_int_equal(iin_check(iin->value), IIN_VALID);
        assert_true(iin->value.ptr[6] == '1' || iin->value.ptr[6] == '2'); /* the 1800s */
        str_fingerprint(iin->value, &number);
        set_add(&known->numbers, &number);
    }
}

static void look_at_school(const struct country *country, const struct country_school *school,
                           struct known *known, struct arena *arena)
{
    struct list people = country_people(country, school, arena);
    set_add_list(&known->classes, country_classes(country, school, arena), sizeof(struct class));
    set_add_list(&known->people, people, sizeof(struct person));
    set_add_list(&known->links, country_enrolments(country, school, arena),
                 sizeof(struct enrolment));
    set_add_list(&known->links, country_guardians(country, school, arena), sizeof(struct guardian));
    set_add_list(&known->links, country_assignments(country, school, arena),
                 sizeof(struct assignment));
    look_at_people(known, people);
}

static void look_at_references(const struct country *country, const struct country_school *school,
                               const struct known *known, struct arena *arena)
{
    struct list list = country_enrolments(country, school, arena);
    for (const struct enrolment *e = list.items; list.count--; e++) {
        assert_known(&known->people, &e->learner);
        assert_known(&known->classes, &e->class);
    }
    list = country_guardians(country, school, arena);
    for (const struct guardian *g = list.items; list.count--; g++) {
        assert_known(&known->people, &g->learner);
        assert_known(&known->people, &g->guardian);
    }
    list = country_assignments(country, school, arena);
    for (const struct assignment *a = list.items; list.count--; a++) {
        assert_known(&known->people, &a->teacher);
        assert_known(&known->classes, &a->class);
    }
    list = country_classes(country, school, arena);
    for (const struct class *c = list.items; list.count--; c++) {
        assert_known(&known->organisations, &c->organisation);
        for (size_t i = 0; i < c->of.count; i++)
            assert_known(&known->classes, &c->of.items[i]);
    }
}

static void look_at_organisations(const struct country *country, struct known *known,
                                  struct arena *arena)
{
    struct list bodies = country_bodies(country, arena), schools = country_schools(country, arena);
    set_add(&known->organisations, &root);
    set_add_list(&known->organisations, bodies, sizeof(struct organisation));
    set_add_list(&known->organisations, schools, sizeof(struct organisation));
    set_close(&known->organisations);
    for (const struct organisation *o = bodies.items; bodies.count--; o++)
        assert_known(&known->organisations, &o->subordinate_to);
    for (const struct organisation *o = schools.items; schools.count--; o++)
        assert_known(&known->organisations, &o->subordinate_to);
}

static void what_refers_to_something_finds_it_and_nobody_is_there_twice(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(country_done) struct country country;
    CLEANUP(known_done) struct known known = {0};
    country_open(&country, 1, 0.01, &root, YEAR);
    assert_int_equal(country.school_count, 79);
    look_at_organisations(&country, &known, &arena);
    for (size_t i = 0; i < country.school_count; i++)
        look_at_school(&country, &country.schools[i], &known, &arena);
    set_close(&known.classes);
    set_close(&known.people);
    set_close(&known.links);
    set_close(&known.numbers);
    for (size_t i = 0; i < country.school_count; i++)
        look_at_references(&country, &country.schools[i], &known, &arena);
}

/* ---- What changes in the year ---- */

/* Of one learner, in the country's own list: so many end. */
static size_t ends_of(const struct country_move *move, const struct enrolment *of)
{
    const struct enrolment *items = move->enrolments.items;
    size_t count = 0;
    for (size_t i = 0; i < move->enrolments.count; i++)
        if (uuid_equal(&items[i].id, &of->id)) {
            assert_int_equal(items[i].to.day, move->date.day - 1);
            assert_true(uuid_equal(&items[i].class, &of->class));
            count++;
        }
    return count;
}

static void look_at_move(const struct country_move *move, struct list enrolments,
                         const struct known *known)
{
    const struct enrolment *items = move->enrolments.items, *all = enrolments.items;
    for (size_t i = 0; i < enrolments.count; i++)
        assert_int_equal(ends_of(move, &all[i]), uuid_equal(&all[i].learner, &move->learner));
    for (size_t i = 0; i < move->enrolments.count; i++) {
        assert_true(uuid_equal(&items[i].learner, &move->learner));
        assert_known(&known->classes, &items[i].class);
        assert_true(items[i].to.day || items[i].from.day == move->date.day);
    }
    assert_known(&known->people, &move->learner);
}

static void who_moves_ends_everywhere_and_no_class_has_two(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(country_done) struct country country;
    CLEANUP(known_done) struct known known = {0};
    CLEANUP(set_done) struct set touched = {0};
    country_open(&country, 3, 0.002, &root, YEAR);
    for (size_t i = 0; i < country.school_count; i++)
        look_at_school(&country, &country.schools[i], &known, &arena);
    set_close(&known.classes);
    set_close(&known.people);
    for (size_t i = 0; i < country.school_count; i++) {
        struct list enrolments = country_enrolments(&country, &country.schools[i], &arena);
        struct list list = country_moves(&country, &country.schools[i], &arena);
        for (const struct country_move *move = list.items; list.count--; move++) {
            look_at_move(move, enrolments, &known);
            set_add(&touched, &move->from);
            set_add(&touched, &move->to);
        }
    }
    assert_in_range(touched.count, 2 * 20, 2 * 70); /* of 8 schools to 8, half of 11 grades */
    set_close(&touched);
}

/* What the country tells of a lesson and what its office tells of the teacher are one. */
static void look_at_substitution(const struct country *country, const struct country_school *school,
                                 struct date date, const struct assignment *made,
                                 struct arena *arena)
{
    struct list classes = country_classes(country, school, arena);
    const struct class *all = classes.items;
    size_t rooms = (size_t)school->parallels * COUNTRY_GRADES, found = 0;
    for (size_t i = 0; i < rooms; i++)
        for (int number = 0; number < COUNTRY_SUBJECTS && uuid_equal(&all[i].id, &made->class);
             number++) {
            struct country_lesson lesson = country_lesson(country, school, i, number, date);
            if (!str_equal(lesson.subject, made->subject))
                continue;
            assert_true(uuid_equal(&lesson.teacher, &made->teacher));
            found++;
        }
    assert_in_range(found, 0, 1); /* of a group: none */
}

static void who_is_ill_is_substituted(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(country_done) struct country country;
    size_t schools = 0;
    struct date date = date_make(YEAR, 11, 27);
    country_open(&country, 3, 0.005, &root, YEAR);
    for (size_t i = 0; i < country.school_count; i++) {
        struct list list = country_substitutions(&country, &country.schools[i], date, &arena);
        schools += list.count > 0;
        for (const struct assignment *made = list.items; list.count--; made++) {
            assert_int_equal(made->kind, ASSIGNMENT_SUBSTITUTE);
            assert_int_equal(made->to.day, date.day);
            look_at_substitution(&country, &country.schools[i], date, made, &arena);
        }
    }
    assert_in_range(schools, country.school_count / 6, country.school_count / 2);
}

/* Everything of a school as one text. */
static struct uuid print_of(const struct country *country, size_t school, struct arena *arena)
{
    struct list people = country_people(country, &country->schools[school], arena);
    CLEANUP(buf_done) struct buf text = {0};
    struct uuid print;
    for (size_t i = 0; i < people.count; i++)
        record_encode_json(&person_item, (const struct person *)people.items + i, &text);
    str_fingerprint(buf_str(&text), &print);
    return print;
}

static void a_seed_and_a_scale_are_a_country(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(country_done) struct country one, again, other;
    country_open(&one, 7, 0.002, &root, YEAR);
    country_open(&again, 7, 0.002, &root, YEAR);
    country_open(&other, 8, 0.002, &root, YEAR);
    for (size_t i = 0; i < one.school_count; i++) {
        struct uuid first = print_of(&one, i, &arena), second = print_of(&again, i, &arena);
        struct uuid third = print_of(&other, i, &arena);
        assert_true(uuid_equal(&first, &second));
        assert_false(uuid_equal(&first, &third));
    }
}

/* domain.md: more than 3.9 million learners in 7,859 schools, 68 of 100 of them rural. */
static void the_whole_nation_has_its_size(void **state)
{
    (void)state;
    CLEANUP(country_done) struct country country;
    size_t rural = 0, homerooms = 0;
    country_open(&country, 1, 1, &root, YEAR);
    assert_int_equal(country.school_count, COUNTRY_SCHOOLS);
    for (size_t i = 0; i < country.school_count; i++) {
        rural += country.schools[i].place->kind == KATO_DISTRICT;
        homerooms += (size_t)country.schools[i].parallels * COUNTRY_GRADES;
    }
    assert_in_range(rural * 100 / country.school_count, 66, 70);
    assert_in_range(homerooms * 24, 3800000, 4100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_refers_to_something_finds_it_and_nobody_is_there_twice),
        TEST(who_moves_ends_everywhere_and_no_class_has_two),
        TEST(who_is_ill_is_substituted),
        TEST(a_seed_and_a_scale_are_a_country),
        TEST(the_whole_nation_has_its_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
