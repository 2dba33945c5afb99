/* take_registers() with the real migrations and a real PostgreSQL, and what is read afterwards. */
#include "testkit/school.h"

#include <sys/wait.h>
#include <unistd.h>

#include "apply.h"
#include "contracts/registers.h"
#include "contracts/registry.h"
#include "domain.h"
#include "store.h"

extern const struct embedded attendance_schema[];
extern const size_t attendance_schema_count;

static struct school it;

static const struct school_door door = {&store_take_registers, &register_columns,
                                        &register_taken_event, register_prepare, register_event};
static const struct school_door change_door = {&store_take_absence_changes, &absence_change_columns,
                                               &absence_changed_event, absence_change_prepare,
                                               NULL};

static int begin(void **state)
{
    (void)state;
    school_open(&it,
                (struct migration_set){"attendance", attendance_schema, attendance_schema_count});
    return 0;
}

static int end(void **state)
{
    (void)state;
    school_close(&it);
    return 0;
}

/* A good register of a class, everyone there. */
static struct lesson_register *register_of(uint32_t class, int lesson)
{
    struct lesson_register *taken = ARENA_NEW(&it.arena, struct lesson_register);
    *taken = (struct lesson_register){.id = uuid_v7(),
                                      .class = school_id(class),
                                      .subject = STR("math"),
                                      .date = date_today(),
                                      .lesson = {true, lesson},
                                      .taken_at = {clock_now()}};
    return taken;
}

static struct lesson_register *with_exceptions(struct lesson_register *taken,
                                               const struct register_exception *exceptions,
                                               size_t count)
{
    size_t bytes = count * sizeof *exceptions;
    taken->exceptions = (struct list){arena_copy(&it.arena, exceptions, bytes), count};
    return taken;
}

static int64_t number(const char *sql)
{
    return school_number(&it, sql);
}

static void a_register_is_taken_once(void **state)
{
    (void)state;
    struct lesson_register *taken = register_of(110, 3);
    assert_string_equal(school_take_one(&it, &door, taken, 0), "created");
    assert_string_equal(school_take_one(&it, &door, taken, 0), "duplicate");
    taken->subject = STR("kazakh");
    assert_string_equal(school_take_one(&it, &door, taken, 0), "rejected id_reused /id");
    assert_int_equal(number("select count(*) from register where slot = 3 and shift = 1 and active"
                            " and learners = 24 and organisation = id(11) and subject = 'math'"),
                     1);
    assert_int_equal(number("select count(*) from register"), 1);
    assert_int_equal(number("select count(*) from event_log where xid > 0"), 1);
}

static void what_does_not_fit_the_registry_is_refused(void **state)
{
    (void)state;
    struct lesson_register *subject = register_of(110, 1), *early = register_of(110, 2);
    subject->subject = STR("alchemy");
    early->date.day -= 70;
    void *items[] = {register_of(999, 1), register_of(130, 1), register_of(120, 1), subject, early,
                     register_of(110, 3)};
    static const char *const expected[] = {
        "rejected class_unknown /class",   "rejected organisation_unknown /class",
        "rejected out_of_scope /class",    "rejected subject_unknown /subject",
        "rejected learner_unknown /class", "created"};
    const char **outcomes = school_take(&it, &door, items, NULL, COUNT_OF(items));
    for (size_t i = 0; i < COUNT_OF(items); i++)
        assert_string_equal(outcomes[i], expected[i]);
    assert_int_equal(number("select count(*) from register"), 1);
    assert_int_equal(number("select count(*) from roster"), 1);
}

static void a_dry_run_answers_the_same_and_keeps_nothing(void **state)
{
    (void)state;
    struct school_door dry = door;
    dry.statement = &store_take_registers_dry;
    dry.dry = true;
    struct lesson_register *good = register_of(110, 1);
    char id[UUID_TEXT_LEN + 1];
    void *items[] = {good, register_of(110, 1)};
    const char **outcomes = school_take(&it, &dry, items, NULL, COUNT_OF(items));
    assert_string_equal(outcomes[0], "created");
    assert_string_equal(outcomes[1], arena_printf(&it.arena, "rejected register_exists /lesson %s",
                                                  uuid_format(&good->id, id)));
    assert_int_equal(number("select (select count(*) from register) + (select count(*) from roster)"
                            " + (select count(*) from event_log where xid > 0)"),
                     0);
    assert_string_equal(school_take_one(&it, &door, good, 0), "created");
}

static void callers_in_one_call_keep_their_own_scopes(void **state)
{
    (void)state;
    void *items[] = {register_of(110, 1), register_of(110, 2), register_of(120, 1),
                     register_of(120, 2), register_of(110, 3), register_of(120, 3)};
    static const int32_t callers[] = {0, 1, 0, 1, 2, 2};
    static const bool created[] = {true, false, false, true, true, true};
    const char **outcomes = school_take(&it, &door, items, callers, COUNT_OF(items));
    for (size_t i = 0; i < COUNT_OF(items); i++)
        assert_string_equal(outcomes[i], created[i] ? "created" : "rejected out_of_scope /class");
}

static void one_lesson_has_one_register(void **state)
{
    (void)state;
    struct lesson_register *first = register_of(110, 1), *twin = register_of(110, 1);
    struct lesson_register *other_lesson = register_of(110, 2), *yesterday = register_of(110, 1);
    struct lesson_register *day = register_of(110, 1), *forenoon = register_of(110, 1);
    yesterday->date.day--;
    day->lesson.present = forenoon->lesson.present = false;
    day->session = SESSION_DAY;
    forenoon->session = SESSION_AM;
    void *items[] = {first, twin, other_lesson, yesterday, day, forenoon};
    char id[UUID_TEXT_LEN + 1];
    const char *exists =
        arena_printf(&it.arena, "rejected register_exists /lesson %s", uuid_format(&first->id, id));
    const char **outcomes = school_take(&it, &door, items, NULL, COUNT_OF(items));
    for (size_t i = 0; i < COUNT_OF(items); i++)
        assert_string_equal(outcomes[i], i == 1 ? exists : "created");
    assert_string_equal(school_take_one(&it, &door, register_of(110, 1), 0), exists);
    assert_int_equal(number("select count(*) from register where slot in (101, 102)"), 2);
}

/* The first of a lesson is refused for itself: it does not keep the second one out. */
static void a_refused_register_does_not_stand_in_the_way(void **state)
{
    (void)state;
    const struct register_exception stranger[] = {
        {.learner = school_id(120001), .code = ABSENCE_ILL}};
    void *items[] = {with_exceptions(register_of(110, 1), stranger, 1), register_of(110, 1)};
    const char **outcomes = school_take(&it, &door, items, NULL, COUNT_OF(items));
    assert_string_equal(outcomes[0], "rejected not_on_roster /exceptions/0/learner");
    assert_string_equal(outcomes[1], "created");
}

static void exceptions_are_of_the_roster(void **state)
{
    (void)state;
    const struct register_exception good[] = {
        {.learner = school_id(110001), .code = ABSENCE_LATE, .minutes = {true, 5}},
        {.learner = school_id(110002), .code = ABSENCE_ILL, .note = STR("Анасы қоңырау шалды")},
    };
    const struct register_exception bad[] = {{.learner = school_id(110003), .code = ABSENCE_ILL},
                                             {.learner = school_id(110004), .code = ABSENCE_ILL},
                                             {.learner = school_id(120001), .code = ABSENCE_ILL}};
    void *items[] = {with_exceptions(register_of(110, 1), good, COUNT_OF(good)),
                     with_exceptions(register_of(110, 2), bad, COUNT_OF(bad))};
    const char **outcomes = school_take(&it, &door, items, NULL, COUNT_OF(items));
    assert_string_equal(outcomes[0], "created");
    assert_string_equal(outcomes[1], "rejected not_on_roster /exceptions/2/learner");
    assert_int_equal(number("select count(*) from absence"), 2);
    assert_int_equal(number("select count(*) from absence where learner = id(110001) and code = 4"
                            " and minutes = 5 and note is null"),
                     1);
    assert_int_equal(number("select count(*) from absence where learner = id(110002) and code = 2"
                            " and note = 'Анасы қоңырау шалды'"),
                     1);
}

static void a_learner_may_be_named_by_an_alias(void **state)
{
    (void)state;
    const struct register_exception alias[] = {{.learner = school_id(7), .code = ABSENCE_ILL}};
    const struct register_exception stranger[] = {{.learner = school_id(8), .code = ABSENCE_ILL}};
    void *items[] = {with_exceptions(register_of(110, 1), alias, 1),
                     with_exceptions(register_of(110, 2), stranger, 1)};
    school_run(&it, "insert into copy_alias (id, canonical, entity, epoch, revision) values"
                    " (id(7), id(110001), 1, 1, 1), (id(8), id(120001), 1, 1, 1)");
    const char **outcomes = school_take(&it, &door, items, NULL, COUNT_OF(items));
    assert_string_equal(outcomes[0], "created");
    assert_string_equal(outcomes[1], "rejected not_on_roster /exceptions/0/learner");
}

static void the_event_holds_the_exceptions_without_notes(void **state)
{
    (void)state;
    const struct register_exception exceptions[] = {
        {.learner = school_id(110001), .code = ABSENCE_LATE, .minutes = {true, 5}},
        {.learner = school_id(110002), .code = ABSENCE_ILL, .note = STR("secret")},
    };
    struct lesson_register *taken = with_exceptions(register_of(111, 7), exceptions, 2);
    assert_string_equal(school_take_one(&it, &door, taken, 0), "created");
    const struct lesson_register *event = school_last_event(&it, &register_taken_event);
    struct uuid school = school_id(11);
    assert_memory_equal(&event->id, &taken->id, sizeof event->id);
    assert_memory_equal(&event->organisation, &school, sizeof school);
    assert_int_equal(event->shift, 2);
    assert_int_equal(event->learners, 8); /* a group has its own */
    assert_int_equal(event->exceptions.count, 2);
    const struct register_exception *read = event->exceptions.items;
    assert_memory_equal(&read[1].learner, &exceptions[1].learner, sizeof read[1].learner);
    assert_int_equal(read[0].minutes.value, 5);
    assert_int_equal(read[1].code, ABSENCE_ILL);
    assert_false(str_present(read[1].note));
    assert_int_equal(number("select count(*) from event_log where types = '{300}' and keys = "
                            "array[id(11)]::text[]"),
                     1);
}

static void another_count_is_a_warning(void **state)
{
    (void)state;
    struct lesson_register *taken = register_of(110, 1);
    taken->roster_count = (struct optional){true, 23};
    assert_string_equal(school_take_one(&it, &door, taken, 0),
                        "created roster_count_differs /roster_count");
    assert_int_equal(number("select learners from register"), 24);
}

static void a_roster_is_frozen_when_it_is_taken(void **state)
{
    (void)state;
    assert_string_equal(school_take_one(&it, &door, register_of(110, 1), 0), "created");
    assert_string_equal(school_take_one(&it, &door, register_of(110, 2), 0), "created");
    assert_int_equal(number("select count(*) from roster"), 1); /* shared */
    school_run(&it, "select enrol(777, 5, 110);"                /* backdated by 60 days */
                    "update copy_enrolment set valid_to = current_date - 10 where id = id(110024);"
                    "update copy_enrolment set mode = 2 where id = id(110023)");
    assert_int_equal(number("select count(*) from register r join roster o on o.id = r.roster"
                            " where cardinality(o.learners) = 24 and id(110024) = any (o.learners)"
                            "   and not id(5) = any (o.learners)"),
                     2);
    assert_string_equal(school_take_one(&it, &door, register_of(110, 3), 0), "created");
    assert_int_equal(number("select cardinality(o.learners) from register r"
                            "  join roster o on o.id = r.roster where r.slot = 3"
                            "   and id(5) = any (o.learners)"),
                     23);
}

/* ---- Replaced and withdrawn ---- */

static struct lesson_register *replacement_of(const struct lesson_register *former, int lesson)
{
    struct lesson_register *taken = ARENA_NEW(&it.arena, struct lesson_register);
    *taken = *former;
    taken->id = uuid_v7();
    taken->replaces = former->id;
    taken->reason_code = REGISTER_REASON_ERROR;
    taken->lesson.value = lesson;
    return taken;
}

static struct lesson_register *withdrawal_of(const struct lesson_register *former)
{
    struct lesson_register *taken = ARENA_NEW(&it.arena, struct lesson_register);
    *taken = (struct lesson_register){.id = uuid_v7(),
                                      .date = former->date,
                                      .withdraws = former->id,
                                      .reason_code = REGISTER_REASON_ERROR,
                                      .reason = STR("екі рет жазылған")};
    return taken;
}

static const char *take(struct lesson_register *taken)
{
    return school_take_one(&it, &door, taken, 0);
}

static const char *with_id(const char *refusal, const struct uuid *id)
{
    char text[UUID_TEXT_LEN + 1];
    return arena_printf(&it.arena, "%s %s", refusal, uuid_format(id, text));
}

#define EXCEPTIONS(taken, ...)                                                 \
    with_exceptions((taken), (const struct register_exception[]){__VA_ARGS__}, \
                    sizeof((const struct register_exception[]){__VA_ARGS__}) / \
                        sizeof(struct register_exception))

static void a_replacement_says_what_was_before(void **state)
{
    (void)state;
    struct lesson_register *first =
        EXCEPTIONS(register_of(110, 3), {.learner = school_id(110001), .code = ABSENCE_ILL},
                   {.learner = school_id(110002), .code = ABSENCE_LATE, .minutes = {true, 5}});
    struct lesson_register *second = EXCEPTIONS(
        replacement_of(first, 4), {.learner = school_id(110001), .code = ABSENCE_EXCUSED});
    assert_string_equal(take(first), "created");
    assert_string_equal(take(second), "created");
    assert_string_equal(take(second), "duplicate");
    const struct lesson_register *event = school_last_event(&it, &register_replaced_event);
    const struct register_exception *now = event->exceptions.items;
    const struct register_exception *before = event->before.exceptions.items;
    assert_true(uuid_equal(&event->replaces, &first->id));
    assert_int_equal(event->lesson.value, 4);
    assert_int_equal(event->learners, 24);
    assert_int_equal(now[0].code, ABSENCE_EXCUSED);
    assert_int_equal(event->before.lesson.value, 3);
    assert_int_equal(event->before.date.day, first->date.day);
    assert_int_equal(event->before.learners, 24);
    assert_true(str_equal(event->before.subject, STR("math")));
    assert_int_equal(event->before.exceptions.count, 2);
    assert_int_equal(before[0].code, ABSENCE_ILL);
    assert_int_equal(before[1].code, ABSENCE_LATE);
    assert_int_equal(before[1].minutes.value, 5);
    assert_int_equal(number("select count(*) from register where active and slot = 4"), 1);
    assert_int_equal(number("select count(*) from event_log where types = '{301}' and keys = "
                            "array[id(11)]::text[]"),
                     1);
}

static void a_withdrawal_frees_the_lesson(void **state)
{
    (void)state;
    struct lesson_register *first =
        EXCEPTIONS(register_of(110, 3), {.learner = school_id(110001), .code = ABSENCE_ILL});
    struct lesson_register *withdrawal = withdrawal_of(first);
    assert_string_equal(take(first), "created");
    assert_string_equal(take(withdrawal), "created");
    const struct lesson_register *event = school_last_event(&it, &register_withdrawn_event);
    assert_true(uuid_equal(&event->class, &first->class));
    assert_int_equal(event->shift, 1);
    assert_int_equal(event->before.lesson.value, 3);
    assert_int_equal(event->before.exceptions.count, 1);
    assert_int_equal(number("select count(*) from register where active"), 0);
    assert_string_equal(take(register_of(110, 3)), "created");
    assert_int_equal(number("select count(*) from register where active"), 1);
}

/* Of a chain the last one is named, and only it may be changed. */
static void what_does_not_stand_is_not_changed_again(void **state)
{
    (void)state;
    struct lesson_register *first = register_of(110, 3), *second = replacement_of(first, 3);
    struct lesson_register *third = replacement_of(second, 3), *withdrawal = withdrawal_of(third);
    assert_string_equal(take(first), "created");
    assert_string_equal(take(second), "created");
    assert_string_equal(take(third), "created");
    assert_string_equal(take(replacement_of(first, 3)),
                        with_id("rejected already_corrected /replaces", &third->id));
    assert_string_equal(take(withdrawal_of(second)),
                        with_id("rejected already_corrected /withdraws", &third->id));
    assert_string_equal(take(withdrawal), "created");
    assert_string_equal(take(replacement_of(first, 3)),
                        with_id("rejected already_withdrawn /replaces", &withdrawal->id));
    assert_string_equal(take(withdrawal_of(withdrawal)),
                        with_id("rejected already_withdrawn /withdraws", &withdrawal->id));
}

static void a_change_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct lesson_register *first = register_of(110, 3), *unknown = register_of(110, 4);
    struct lesson_register *class = replacement_of(first, 3), *month = withdrawal_of(first);
    struct lesson_register *subject = replacement_of(first, 3), *taken = register_of(110, 5);
    struct lesson_register *stranger =
        EXCEPTIONS(replacement_of(first, 3), {.learner = school_id(120001), .code = ABSENCE_ILL});
    class->class = school_id(111);
    month->date.day -= 31;
    subject->subject = STR("alchemy");
    assert_string_equal(take(first), "created");
    assert_string_equal(take(taken), "created");
    assert_string_equal(take(withdrawal_of(unknown)), "rejected original_unknown /withdraws");
    assert_string_equal(take(class), "rejected differs_from_original /class");
    assert_string_equal(take(month), "rejected date_month /date");
    assert_string_equal(take(subject), "rejected subject_unknown /subject");
    assert_string_equal(take(stranger), "rejected not_on_roster /exceptions/0/learner");
    assert_string_equal(take(replacement_of(first, 5)),
                        with_id("rejected register_exists /lesson", &taken->id));
    assert_string_equal(school_take_one(&it, &door, withdrawal_of(first), 1),
                        "rejected out_of_scope /withdraws");
    /* The organisation of record decides, not where the class is today. */
    school_run(&it, "update copy_class set organisation = id(12) where id = id(110)");
    assert_string_equal(school_take_one(&it, &door, withdrawal_of(first), 1),
                        "rejected out_of_scope /withdraws");
    assert_string_equal(take(replacement_of(first, 3)), "created");
    assert_int_equal(number("select count(*) from register where organisation = id(11)"), 3);
    assert_int_equal(number("select count(*) from register where active"), 2);
}

static void a_replacement_keeps_the_roster_of_its_day(void **state)
{
    (void)state;
    struct lesson_register *first = register_of(110, 3), *again = replacement_of(first, 3);
    struct lesson_register *day_before = replacement_of(again, 3);
    day_before->date.day--;
    if (date_month(day_before->date).day != date_month(again->date).day)
        day_before->date = again->date; /* the first of a month */
    assert_string_equal(take(first), "created");
    school_run(&it, "select enrol(777, 5, 110)"); /* backdated */
    assert_string_equal(take(EXCEPTIONS(again, {.learner = school_id(5), .code = ABSENCE_ILL})),
                        "rejected not_on_roster /exceptions/0/learner");
    again->exceptions = (struct list){0};
    assert_string_equal(take(again), "created");
    assert_int_equal(number("select learners from register where active"), 24);
    if (day_before->date.day == again->date.day)
        return;
    assert_string_equal(take(day_before), "created");
    assert_int_equal(number("select learners from register where active"), 25);
}

/* Within one call as one after the other: an item finds what the items before it did. */
static void lessons_change_hands_in_the_order_of_arrival(void **state)
{
    (void)state;
    struct lesson_register *first = register_of(110, 1), *other = register_of(110, 2);
    struct lesson_register *early = register_of(110, 1), *next = register_of(110, 1);
    struct lesson_register *moved = replacement_of(other, 3);
    void *items[] = {early,
                     withdrawal_of(first),
                     next,
                     register_of(110, 1),
                     moved,
                     register_of(110, 2),
                     register_of(110, 3)};
    assert_string_equal(take(first), "created");
    assert_string_equal(take(other), "created");
    const char **outcomes = school_take(&it, &door, items, NULL, COUNT_OF(items));
    assert_string_equal(outcomes[0], with_id("rejected register_exists /lesson", &first->id));
    assert_string_equal(outcomes[1], "created");
    assert_string_equal(outcomes[2], "created");
    assert_string_equal(outcomes[3], with_id("rejected register_exists /lesson", &next->id));
    assert_string_equal(outcomes[4], "created");
    assert_string_equal(outcomes[5], "created");
    assert_string_equal(outcomes[6], with_id("rejected register_exists /lesson", &moved->id));
    assert_int_equal(number("select count(*) from register where active"), 3);
}

/* Any items in one call have the outcomes that they have one after the other, in another school. */
enum { ROUNDS = 40, OF_ROUND = 8 };

static uint32_t below(uint64_t *chance, uint32_t limit)
{
    *chance = *chance * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(*chance >> 33) % limit;
}

/* A new register, or a change of one that an earlier round named; no two of a round name one. */
static struct lesson_register *any_item(uint64_t *chance, struct lesson_register **pool,
                                        size_t *count)
{
    struct lesson_register *item = register_of(110 + below(chance, 3), 1 + (int)below(chance, 8));
    uint32_t kind = *count ? below(chance, 10) : 0;
    if (kind < 5)
        return item;
    size_t chosen = below(chance, (uint32_t)*count);
    struct lesson_register *former = pool[chosen];
    pool[chosen] = pool[--*count];
    int lesson = below(chance, 2) ? former->lesson.value : 1 + (int)below(chance, 8);
    return kind < 8 ? replacement_of(former, lesson) : withdrawal_of(former);
}

static void one_call_is_as_one_after_the_other(void **state)
{
    (void)state;
    static const char groups[] =
        "select add_class(112, 11, 1, 2); "
        "select enrol(112000 + n, 110000 + n, 112) from generate_series(8, 16) n";
    struct lesson_register *pool[ROUNDS * OF_ROUND], *items[OF_ROUND];
    struct school other;
    uint64_t chance = 11;
    size_t pooled = 0;
    school_open(&other,
                (struct migration_set){"attendance", attendance_schema, attendance_schema_count});
    school_run(&it, groups);
    school_run(&other, groups);
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < OF_ROUND; i++)
            items[i] = any_item(&chance, pool, &pooled);
        const char **outcomes = school_take(&it, &door, (void *const *)items, NULL, OF_ROUND);
        for (size_t i = 0; i < OF_ROUND; i++) {
            assert_string_equal(outcomes[i], school_take_one(&other, &door, items[i], 0));
            if (strcmp(outcomes[i], "created") == 0 || below(&chance, 8) == 0)
                pool[pooled++] = items[i];
        }
    }
    assert_true(number("select count(*) from register where active") > 1);
    assert_true(number("select count(*) from register where replaces is not null") > 10);
    assert_true(number("select count(*) from register where withdraws is not null") > 10);
    school_close(&other);
}

/* ---- A learner is counted once ---- */

static void a_homeroom_and_its_group_overlap(void **state)
{
    (void)state;
    struct lesson_register *homeroom = register_of(110, 1), *group = register_of(111, 2);
    assert_string_equal(take(homeroom), "created");
    assert_string_equal(take(register_of(111, 1)),
                        with_id("rejected register_overlaps /lesson", &homeroom->id));
    assert_string_equal(take(group), "created");
    assert_string_equal(take(register_of(110, 2)),
                        with_id("rejected register_overlaps /lesson", &group->id));
    assert_string_equal(take(replacement_of(homeroom, 2)),
                        with_id("rejected register_overlaps /lesson", &group->id));
    assert_string_equal(take(withdrawal_of(group)), "created");
    assert_string_equal(take(register_of(110, 2)), "created");
    /* Another lesson, another day, a session: other slots. */
    struct lesson_register *day = register_of(111, 1);
    day->lesson.present = false;
    day->session = SESSION_DAY;
    assert_string_equal(take(day), "created");
    assert_string_equal(take(register_of(111, 3)), "created");
    assert_string_equal(take(register_of(120, 1)), "rejected out_of_scope /class");
    assert_string_equal(school_take_one(&it, &door, register_of(120, 1), 2), "created");
}

static void two_groups_overlap_where_they_share_a_learner(void **state)
{
    (void)state;
    struct lesson_register *first = register_of(111, 1);
    school_run(&it, "select add_class(112, 11, 1, 2), add_class(113, 11, 1, 2);"
                    "select enrol(112000 + n, 110000 + n, 112) from generate_series(8, 16) n;"
                    "select enrol(113000 + n, 110000 + n, 113) from generate_series(9, 16) n");
    void *items[] = {first, register_of(112, 1), register_of(113, 1), register_of(112, 1)};
    const char *overlap = with_id("rejected register_overlaps /lesson", &first->id);
    const char **outcomes = school_take(&it, &door, items, NULL, COUNT_OF(items));
    assert_string_equal(outcomes[0], "created");
    assert_string_equal(outcomes[1], overlap); /* the refused one does not stand in the way */
    assert_string_equal(outcomes[2], "created");
    assert_string_equal(outcomes[3], overlap);
    assert_string_equal(take(register_of(112, 1)), overlap);
    assert_int_equal(number("select count(*) from register"), 2);
}

/* Of whom both schools say on a day that it is theirs: each lesson is its own school's. */
static void a_learner_of_two_schools_is_in_the_registers_of_both(void **state)
{
    (void)state;
    school_run(&it, "select enrol(120100, 110001, 120)");
    assert_string_equal(take(register_of(110, 1)), "created");
    assert_string_equal(school_take_one(&it, &door, register_of(120, 1), 2), "created");
    void *items[] = {register_of(120, 2), register_of(110, 2)};
    const char **outcomes = school_take(&it, &door, items, (const int32_t[]){2, 2}, 2);
    assert_string_equal(outcomes[0], "created");
    assert_string_equal(outcomes[1], "created");
    assert_int_equal(number("select sum(learners) from register where slot = 1"), 24 + 25);
}

/* ---- A child that is known under two ids ---- */

enum { FORMER = 7, CHILD = 8 };

/* As apply and jobs do. */
static void match(void)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct alias alias = {school_id(FORMER), school_id(CHILD), ALIAS_PERSON, .revision = 1};
    char key[UUID_TEXT_LEN + 1];
    struct event event = {.type = event_type_get(EVENT_ALIAS_CHANGED),
                          .position = {1, 1, 1, 0},
                          .key = str_from(uuid_format(&alias.id, key)),
                          .value = &alias};
    struct event_batch batch = {it.db, &arena, &topic_aliases, &event, 1, NULL};
    struct err err = {0};
    assert_int_equal(apply_aliases(&batch, &err), ERROR_NONE);
}

static int32_t recount(void)
{
    struct err err = {0};
    int32_t taken = 0;
    if (store_recount_registers(it.db, 10, &taken, &err))
        fail_msg("%s", err.text);
    return taken;
}

/* Enrolled under two ids, matched, and a register taken: in any order. */
enum step { ENROL_FORMER, ENROL_CHILD, MATCH, FREEZE, RECOUNT, ALL_STEPS };

static void make_step(enum step step)
{
    static const char *const enrol[] = {"select enrol(771, 7, 110)", "select enrol(772, 8, 110)"};
    if (step == MATCH)
        match();
    else if (step == FREEZE)
        assert_string_equal(take(register_of(110, 1)), "created");
    else if (step == RECOUNT)
        recount();
    else
        school_run(&it, enrol[step]);
}

/* The register counts who was known when it was taken, and the child once. */
static void check_counts(bool enrolled)
{
    int64_t counted = SCHOOL_LEARNERS + enrolled;
    assert_int_equal(number("select learners from register"), counted);
    assert_int_equal(number("select cardinality(learners) from roster"), counted);
    assert_int_equal(number("select count(*) from roster where id(7) = any (learners)"), 0);
    if (number("select count(*) from event_log where types = '{304}'") == 0)
        return;
    const struct lesson_register *event = school_last_event(&it, &register_recounted_event);
    assert_int_equal(event->before.learners, counted + 1);
    assert_int_equal(event->learners, counted);
}

static void take_steps(unsigned done, bool enrolled)
{
    if (done + 1 == 1U << ALL_STEPS) {
        recount();
        check_counts(enrolled);
        assert_int_equal(recount(), 0);
    }
    for (int step = 0; step < ALL_STEPS; step++) {
        if (done & 1U << step)
            continue;
        bool frozen = done & 1U << FREEZE;
        school_run(&it, "savepoint before");
        make_step(step);
        take_steps(done | 1U << step,
                   enrolled || (!frozen && (step == ENROL_FORMER || step == ENROL_CHILD)));
        school_run(&it, "rollback to before; release before");
    }
}

static void a_matched_child_counts_once_in_all_orders(void **state)
{
    (void)state;
    school_run(&it, "begin");
    take_steps(0, false);
    school_run(&it, "rollback");
}

/* Two of its absences in one lesson were there: one stands, everywhere. */
static void two_absences_of_a_matched_child_become_one(void **state)
{
    (void)state;
    school_run(&it, "select enrol(771, 7, 110), enrol(772, 8, 110)");
    struct lesson_register *taken =
        EXCEPTIONS(register_of(110, 1), {.learner = school_id(FORMER), .code = ABSENCE_ILL},
                   {.learner = school_id(CHILD), .code = ABSENCE_LATE, .minutes = {true, 5}},
                   {.learner = school_id(110001), .code = ABSENCE_ILL});
    struct lesson_register *other = replacement_of(taken, 2);
    assert_string_equal(take(taken), "created");
    assert_string_equal(take(other), "created");
    match();
    assert_int_equal(recount(), 1);
    assert_int_equal(number("select count(*) from register where learners = 25"), 2);
    assert_int_equal(number("select count(*) from event_log where types = '{304}'"), 1);
    assert_int_equal(number("select count(*) from absence where learner = id(7)"), 0);
    const struct lesson_register *event = school_last_event(&it, &register_recounted_event);
    assert_true(uuid_equal(&event->id, &other->id));
    assert_int_equal(event->before.learners, 26);
    assert_int_equal(event->before.exceptions.count, 3);
    assert_int_equal(event->exceptions.count, 2);
    assert_int_equal(event->lesson.value, 2);
    /* Whoever goes on does so with one child, by either id. */
    struct absence_change change = {.id = uuid_v7(),
                                    .register_id = other->id,
                                    .learner = school_id(FORMER),
                                    .code = ABSENCE_EXCUSED,
                                    .reason_code = REGISTER_REASON_ERROR};
    assert_string_equal(school_take_one(&it, &change_door, &change, 0), "created");
    assert_int_equal(number("select count(*) from absence a join register r on r.id = a.register"
                            " where r.active and a.learner = id(8) and a.code = 3"),
                     1);
}

/* Who comes second waits for the first, and then finds what it did: at once, without a conflict. */
static void assert_second_finds(struct lesson_register *first, struct lesson_register *second,
                                const char *expected)
{
    struct err err = {0};
    int status;
    assert_int_equal(db_begin(it.db, &err), ERROR_NONE);
    assert_string_equal(take(first), "created");
    pid_t child = fork();
    if (child == 0) {
        struct db *db = school_connect(it.conninfo);
        const char *outcome = "";
        enum error code = school_try(&it, db, &door, (void *[]){second}, NULL, 1, &outcome);
        _exit(code || strcmp(outcome, expected) != 0);
    }
    assert_true(testkit_wait_until(school_someone_waits, &it, 10000));
    assert_int_equal(db_commit(it.db, &err), ERROR_NONE);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void two_at_once_do_not_count_a_learner_twice(void **state)
{
    (void)state;
    struct lesson_register *lesson = register_of(110, 1), *group = register_of(111, 2);
    assert_second_finds(lesson, register_of(110, 1),
                        with_id("rejected register_exists /lesson", &lesson->id));
    assert_second_finds(group, register_of(110, 2),
                        with_id("rejected register_overlaps /lesson", &group->id));
    assert_int_equal(number("select count(*) from register"), 2);
}

static void two_at_once_change_one_register_in_the_order_of_the_log(void **state)
{
    (void)state;
    struct lesson_register *first = register_of(110, 1), *second = replacement_of(first, 1);
    struct lesson_register *third = replacement_of(second, 3);
    assert_string_equal(take(first), "created");
    assert_second_finds(second, replacement_of(first, 2),
                        with_id("rejected already_corrected /replaces", &second->id));
    assert_second_finds(third, withdrawal_of(first),
                        with_id("rejected already_corrected /withdraws", &third->id));
    assert_second_finds(withdrawal_of(third), register_of(110, 3), "created");
    assert_int_equal(number("select string_agg(types[1]::text, '' order by epoch, xid, seq)::bigint"
                            "  from event_log where xid > 0"),
                     INT64_C(300301301302300));
}

/* ---- Re-coded absences ---- */

static struct absence_change *change_of(const struct lesson_register *taken, uint32_t learner,
                                        enum absence_code code)
{
    struct absence_change *change = ARENA_NEW(&it.arena, struct absence_change);
    *change = (struct absence_change){.id = uuid_v7(),
                                      .register_id = taken->id,
                                      .learner = school_id(learner),
                                      .code = code,
                                      .reason_code = REGISTER_REASON_CERTIFICATE,
                                      .reason = STR("анықтама")};
    return change;
}

static const char *recode(struct absence_change *change)
{
    return school_take_one(&it, &change_door, change, 0);
}

static void assert_changed(enum absence_code before, int before_minutes, enum absence_code code,
                           int minutes)
{
    const struct absence_change *event = school_last_event(&it, &absence_changed_event);
    struct uuid class = school_id(110), school = school_id(11);
    assert_true(uuid_equal(&event->class, &class) && uuid_equal(&event->organisation, &school));
    assert_int_equal(event->before.code, before);
    assert_int_equal(event->before.minutes.value, before_minutes);
    assert_int_equal(event->code, code);
    assert_int_equal(event->minutes.value, minutes);
    assert_int_equal(event->date.day, date_today().day);
    assert_int_equal(event->lesson.value, 3);
    assert_int_equal(event->session, 0);
    assert_int_equal(event->shift, 1);
}

static struct lesson_register *register_with_absences(void)
{
    struct lesson_register *taken =
        EXCEPTIONS(register_of(110, 3), {.learner = school_id(110001), .code = ABSENCE_UNEXCUSED},
                   {.learner = school_id(110002), .code = ABSENCE_LATE, .minutes = {true, 5}});
    assert_string_equal(take(taken), "created");
    return taken;
}

static void anyone_on_the_roster_is_recoded(void **state)
{
    (void)state;
    struct lesson_register *taken = register_with_absences();
    struct absence_change *ill = change_of(taken, 110001, ABSENCE_ILL);
    assert_string_equal(recode(ill), "created");
    assert_string_equal(recode(ill), "duplicate");
    assert_changed(ABSENCE_UNEXCUSED, 0, ABSENCE_ILL, 0);
    ill->code = ABSENCE_EXCUSED;
    assert_string_equal(recode(ill), "rejected id_reused /id");
    assert_string_equal(recode(change_of(taken, 110003, ABSENCE_EXEMPT)), "created");
    assert_changed(ABSENCE_PRESENT, 0, ABSENCE_EXEMPT, 0);
    assert_string_equal(recode(change_of(taken, 110002, ABSENCE_LATE)), "created");
    assert_changed(ABSENCE_LATE, 5, ABSENCE_LATE, 5);
    assert_string_equal(recode(change_of(taken, 110002, ABSENCE_PRESENT)), "created");
    assert_changed(ABSENCE_LATE, 5, ABSENCE_PRESENT, 0);
    assert_int_equal(number("select count(*) from absence where learner = id(110001) and code = 2"
                            " or learner = id(110002) and code = 7 and minutes is null"
                            " or learner = id(110003) and code = 6"),
                     3);
    assert_int_equal(number("select count(*) from absence_change where by = id(11)"), 4);
    assert_int_equal(number("select count(*) from event_log where types = '{303}' and keys = "
                            "array[id(11)]::text[]"),
                     4);
}

static void a_recoding_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct lesson_register *taken = register_with_absences(), *other = register_of(110, 4);
    struct lesson_register *second = replacement_of(taken, 3), *withdrawal = withdrawal_of(second);
    assert_string_equal(recode(change_of(other, 110001, ABSENCE_ILL)),
                        "rejected original_unknown /register");
    school_run(&it, "select enrol(777, 5, 110)");
    assert_string_equal(recode(change_of(taken, 5, ABSENCE_ILL)),
                        "rejected not_on_roster /learner");
    assert_string_equal(
        school_take_one(&it, &change_door, change_of(taken, 110001, ABSENCE_ILL), 1),
        "rejected out_of_scope /register");
    assert_string_equal(take(second), "created");
    assert_string_equal(recode(change_of(taken, 110001, ABSENCE_ILL)),
                        with_id("rejected already_corrected /register", &second->id));
    assert_string_equal(take(withdrawal), "created");
    assert_string_equal(recode(change_of(second, 110001, ABSENCE_ILL)),
                        with_id("rejected already_withdrawn /register", &withdrawal->id));
    assert_int_equal(number("select count(*) from absence_change"), 0);
}

static void changes_of_one_learner_follow_each_other(void **state)
{
    (void)state;
    struct lesson_register *taken = register_with_absences();
    void *items[] = {change_of(taken, 110002, ABSENCE_LATE), change_of(taken, 110004, ABSENCE_ILL),
                     change_of(taken, 110002, ABSENCE_ILL), change_of(taken, 110002, ABSENCE_LATE)};
    const char **outcomes = school_take(&it, &change_door, items, NULL, COUNT_OF(items));
    for (size_t i = 0; i < COUNT_OF(items); i++)
        assert_string_equal(outcomes[i], "created");
    assert_changed(ABSENCE_ILL, 0, ABSENCE_LATE, 0);
    assert_int_equal(number("select count(*) from absence_change where learner = id(110002)"
                            " and (before_code, before_minutes, code, minutes)"
                            "  is not distinct from (4, 5, 4, 5)"),
                     1);
    assert_int_equal(number("select count(*) from absence_change where learner = id(110002)"
                            " and (before_code, before_minutes, code, minutes)"
                            "  is not distinct from (4, 5, 2, null)"),
                     1);
    assert_int_equal(number("select count(*) from absence where learner = id(110002) and code = 4"
                            " and minutes is null"),
                     1);
}

static void a_person_has_one_absence_whatever_the_id(void **state)
{
    (void)state;
    struct lesson_register *taken = register_with_absences(), *again = replacement_of(taken, 3);
    school_run(&it, "insert into copy_alias (id, canonical, entity, epoch, revision) values"
                    " (id(7), id(110001), 1, 1, 1), (id(8), id(110005), 1, 1, 1)");
    void *items[] = {change_of(taken, 7, ABSENCE_ILL), change_of(taken, 8, ABSENCE_ILL),
                     change_of(taken, 110005, ABSENCE_EXCUSED)};
    const char **outcomes = school_take(&it, &change_door, items, NULL, COUNT_OF(items));
    for (size_t i = 0; i < COUNT_OF(items); i++)
        assert_string_equal(outcomes[i], "created");
    assert_int_equal(number("select count(*) from absence where learner = id(110001) and code = 2"
                            " or learner = id(8) and code = 3"),
                     2);
    assert_int_equal(number("select count(*) from absence"), 3);
    /* Named by another id again, it is the same person before and now. */
    again = EXCEPTIONS(again, {.learner = school_id(7), .code = ABSENCE_EXCUSED});
    assert_string_equal(take(again), "created");
    const struct lesson_register *event = school_last_event(&it, &register_replaced_event);
    const struct register_exception *before = event->before.exceptions.items;
    struct uuid alias = school_id(7);
    size_t found = 0;
    assert_int_equal(event->before.exceptions.count, 3);
    for (size_t i = 0; i < 3; i++)
        found += uuid_equal(&before[i].learner, &alias) && before[i].code == ABSENCE_ILL;
    assert_int_equal(found, 1);
    again = EXCEPTIONS(replacement_of(again, 3), {.learner = school_id(7), .code = ABSENCE_ILL},
                       {.learner = school_id(110001), .code = ABSENCE_LATE});
    assert_string_equal(take(again), "rejected duplicate_in_batch /exceptions/0/learner");
}

static void what_is_replaced_is_what_was_recoded(void **state)
{
    (void)state;
    struct lesson_register *taken = register_with_absences();
    assert_string_equal(recode(change_of(taken, 110001, ABSENCE_PRESENT)), "created");
    assert_string_equal(recode(change_of(taken, 110003, ABSENCE_REMOTE)), "created");
    assert_string_equal(take(withdrawal_of(taken)), "created");
    const struct lesson_register *event = school_last_event(&it, &register_withdrawn_event);
    const struct register_exception *before = event->before.exceptions.items;
    assert_int_equal(event->before.exceptions.count, 2);
    assert_int_equal(before[0].code, ABSENCE_LATE);
    assert_int_equal(before[1].code, ABSENCE_REMOTE);
}

/* ---- Reading ---- */

enum { OF_LEARNER = 20 };

/* Each of them once, newest first, over page after page. */
static size_t read_all(uint32_t learner)
{
    struct absence_view last = {0};
    size_t total = 0, count;
    do {
        const struct absence_view *absences =
            school_page(&it, &store_learner_absences, &absence_view_record, learner, last.date,
                        last.register_id, &count);
        for (size_t i = 0; i < count; last = absences[i++], total++)
            assert_true(total == 0 || absences[i].date.day < last.date.day ||
                        (absences[i].date.day == last.date.day &&
                         uuid_compare(&absences[i].register_id, &last.register_id) < 0));
    } while (count);
    return total;
}

static void a_learners_absences_come_in_pages_newest_first(void **state)
{
    (void)state;
    void *items[OF_LEARNER];
    const struct register_exception away[] = {
        {.learner = school_id(110001), .code = ABSENCE_ILL},
        {.learner = school_id(110002),
         .code = ABSENCE_LATE,
         .minutes = {true, 9},
         .note = STR("x")},
    };
    for (int i = 0; i < OF_LEARNER; i++) {
        struct lesson_register *taken =
            with_exceptions(register_of(110, 1 + i % 5), away, i == 0 ? 2 : 1);
        taken->date.day -= i / 5;
        items[i] = taken;
    }
    school_take(&it, &door, items, NULL, OF_LEARNER);
    assert_int_equal(read_all(110001), OF_LEARNER);
    assert_int_equal(read_all(110002), 1);
    assert_int_equal(read_all(110003), 0);
    size_t count;
    const struct absence_view *read =
        school_page(&it, &store_learner_absences, &absence_view_record, 110002, (struct date){0},
                    (struct uuid){0}, &count);
    assert_int_equal(read->code, ABSENCE_LATE);
    assert_int_equal(read->minutes.value, 9);
    assert_int_equal(read->lesson.value, 1);
    assert_int_equal(read->session, 0);
    assert_true(str_equal(read->note, STR("x")) && str_equal(read->subject, STR("math")));
}

static void absences_are_read_with_their_history(void **state)
{
    (void)state;
    struct lesson_register *taken = register_with_absences();
    struct lesson_register *gone =
        EXCEPTIONS(register_of(110, 4), {.learner = school_id(110001), .code = ABSENCE_ILL});
    size_t count;
    assert_string_equal(recode(change_of(taken, 110001, ABSENCE_ILL)), "created");
    assert_string_equal(recode(change_of(taken, 110001, ABSENCE_PRESENT)), "created");
    assert_string_equal(take(gone), "created");
    assert_string_equal(take(withdrawal_of(gone)), "created");
    const struct absence_view *read =
        school_page(&it, &store_learner_absences, &absence_view_record, 110001, (struct date){0},
                    (struct uuid){0}, &count);
    assert_int_equal(count, 1);
    assert_int_equal(read->code, ABSENCE_PRESENT);
    assert_int_equal(read->history.count, 2);
    const struct recoding *history = read->history.items;
    struct uuid school = school_id(11);
    assert_int_equal(history[0].code, ABSENCE_PRESENT);
    assert_int_equal(history[0].before.code, ABSENCE_ILL);
    assert_int_equal(history[1].before.code, ABSENCE_UNEXCUSED);
    assert_int_equal(history[1].reason_code, REGISTER_REASON_CERTIFICATE);
    assert_true(str_equal(history[1].reason, STR("анықтама")));
    assert_true(uuid_equal(&history[1].by, &school) && history[1].recorded_at.us > 0);
}

static void registers_of_a_class_are_read_with_what_became_of_them(void **state)
{
    (void)state;
    struct lesson_register *first = register_with_absences(), *second = replacement_of(first, 5);
    struct lesson_register *withdrawal = withdrawal_of(second);
    struct register_view last = {0};
    size_t count, seen = 0;
    assert_string_equal(recode(change_of(first, 110003, ABSENCE_ILL)), "created");
    assert_string_equal(take(second), "created");
    assert_string_equal(take(withdrawal), "created");
    for (int i = 0; i < 12; i++) {
        struct lesson_register *taken = register_of(110, 1 + i % 6);
        taken->date.day -= 1 + i / 6;
        assert_string_equal(take(taken), "created");
    }
    do {
        const struct register_view *page = school_page(
            &it, &store_class_registers, &register_view_record, 110, last.date, last.id, &count);
        for (size_t i = 0; i < count; last = page[i++], seen++) {
            const struct register_view *shown = &page[i];
            assert_int_equal(shown->learners, 24);
            if (uuid_equal(&shown->id, &first->id)) {
                assert_true(uuid_equal(&shown->replaced_by, &second->id));
                assert_int_equal(shown->exceptions.count, 3);
                const struct absence_view *exceptions = shown->exceptions.items;
                assert_int_equal(exceptions[2].code, ABSENCE_ILL);
                assert_int_equal(exceptions[2].history.count, 1);
            }
            if (uuid_equal(&shown->id, &second->id)) {
                assert_true(uuid_equal(&shown->withdrawn.id, &withdrawal->id));
                assert_true(str_equal(shown->withdrawn.reason, withdrawal->reason));
                assert_int_equal(shown->lesson.value, 5);
            }
        }
    } while (count);
    assert_int_equal(seen, 14);
}

/* ---- In bulk ---- */

enum { MANY = 500 };

/* Two of 24 are away: a common day. */
static void five_hundred_go_by_index(void **state)
{
    (void)state;
    void *items[2 * MANY + 2];
    for (uint32_t i = 0; i < COUNT_OF(items); i++) {
        uint32_t class = 1000 + i / 4;
        const struct register_exception away[] = {
            {.learner = school_id(class * 1000 + 1), .code = ABSENCE_ILL},
            {.learner = school_id(class * 1000 + 9), .code = ABSENCE_LATE, .minutes = {true, 3}},
        };
        items[i] = with_exceptions(register_of(class, 1 + (int)(i % 4)), away, 2);
    }
    school_run(&it, "select add_homeroom(c, 11) from generate_series(1000, 1250) c; analyze");
    school_take_in_bulk(&it, &door, items, MANY);
    assert_int_equal(number("select count(*) from absence"), 2 * COUNT_OF(items));
}

#define REGISTERS_TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REGISTERS_TEST(a_register_is_taken_once),
        REGISTERS_TEST(what_does_not_fit_the_registry_is_refused),
        REGISTERS_TEST(a_dry_run_answers_the_same_and_keeps_nothing),
        REGISTERS_TEST(callers_in_one_call_keep_their_own_scopes),
        REGISTERS_TEST(one_lesson_has_one_register),
        REGISTERS_TEST(a_refused_register_does_not_stand_in_the_way),
        REGISTERS_TEST(exceptions_are_of_the_roster),
        REGISTERS_TEST(a_learner_may_be_named_by_an_alias),
        REGISTERS_TEST(the_event_holds_the_exceptions_without_notes),
        REGISTERS_TEST(another_count_is_a_warning),
        REGISTERS_TEST(a_roster_is_frozen_when_it_is_taken),
        REGISTERS_TEST(a_replacement_says_what_was_before),
        REGISTERS_TEST(a_withdrawal_frees_the_lesson),
        REGISTERS_TEST(what_does_not_stand_is_not_changed_again),
        REGISTERS_TEST(a_change_that_does_not_fit_is_refused),
        REGISTERS_TEST(a_replacement_keeps_the_roster_of_its_day),
        REGISTERS_TEST(lessons_change_hands_in_the_order_of_arrival),
        REGISTERS_TEST(one_call_is_as_one_after_the_other),
        REGISTERS_TEST(a_homeroom_and_its_group_overlap),
        REGISTERS_TEST(two_groups_overlap_where_they_share_a_learner),
        REGISTERS_TEST(a_learner_of_two_schools_is_in_the_registers_of_both),
        REGISTERS_TEST(a_matched_child_counts_once_in_all_orders),
        REGISTERS_TEST(two_absences_of_a_matched_child_become_one),
        REGISTERS_TEST(two_at_once_do_not_count_a_learner_twice),
        REGISTERS_TEST(two_at_once_change_one_register_in_the_order_of_the_log),
        REGISTERS_TEST(anyone_on_the_roster_is_recoded),
        REGISTERS_TEST(a_recoding_that_does_not_fit_is_refused),
        REGISTERS_TEST(changes_of_one_learner_follow_each_other),
        REGISTERS_TEST(a_person_has_one_absence_whatever_the_id),
        REGISTERS_TEST(what_is_replaced_is_what_was_recoded),
        REGISTERS_TEST(a_learners_absences_come_in_pages_newest_first),
        REGISTERS_TEST(absences_are_read_with_their_history),
        REGISTERS_TEST(registers_of_a_class_are_read_with_what_became_of_them),
        REGISTERS_TEST(five_hundred_go_by_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
