/* What becomes of events in the feed, against a real PostgreSQL. */
#include "feed_test_internal.h"

static struct feed_house it;

static int begin(void **state)
{
    (void)state;
    house_open(&it);
    return 0;
}

static int end(void **state)
{
    (void)state;
    house_close(&it);
    return 0;
}

static int64_t rows_where(const char *condition)
{
    return house_number(&it,
                        arena_printf(&it.arena, "select count(*) from feed where %s", condition));
}

static const char *id_text(const struct event *event)
{
    char *text = arena_alloc(&it.arena, UUID_TEXT_LEN + 1);
    return uuid_format(&event->id, text);
}

static void a_mark_is_a_row_in_the_order_of_events(void **state)
{
    (void)state;
    const struct event *first = mark_recorded(&it, AIGUL, 7),
                       *second = mark_recorded(&it, BOLAT, 9);
    APPLY(&it, first, second);
    assert_int_equal(rows_where("true"), 2);
    assert_int_equal(rows_where(arena_printf(
                         &it.arena,
                         "event = '%s' and kind = 1 and learner = '" AIGUL "' and class = '" CLASS
                         "' and subject = 'math' and date = '2026-11-23' and lesson = 2 and work = "
                         "1 and points = 7 and max_points = 10 and corrects is null and code is "
                         "null and epoch = (select max(epoch) from history) and xid > 0",
                         id_text(first))),
                     1);
    assert_int_equal(
        rows_where(arena_printf(&it.arena,
                                "event = '%s' and seq > (select seq from feed where event = '%s')",
                                id_text(second), id_text(first))),
        1);
}

static void a_correction_says_what_was_before(void **state)
{
    (void)state;
    const struct event *mark = mark_recorded(&it, AIGUL, 4);
    const struct event *better = mark_corrected(&it, mark, 6);
    const struct event *best = mark_corrected(&it, better, 8);
    APPLY(&it, mark, better, best);
    assert_int_equal(rows_where("kind = 1 and before_points is null and corrects is null"), 1);
    assert_int_equal(rows_where("kind = 2 and before_points = 4 and points = 6"), 1);
    assert_int_equal(rows_where(arena_printf(&it.arena,
                                             "kind = 2 and before_points = 6 and points = 8 and "
                                             "before_max_points = 10 and before_value is null and "
                                             "learner = '" AIGUL "' and corrects = '%s'",
                                             id_text(better))),
                     1);
}

static void a_withdrawal_speaks_of_the_mark_that_is_gone(void **state)
{
    (void)state;
    const struct event *mark = mark_recorded(&it, BOLAT, 5);
    const struct event *gone = mark_withdrawn(&it, mark), *anew = mark_recorded(&it, BOLAT, 2);
    APPLY(&it, mark, gone, anew);
    assert_int_equal(
        rows_where(arena_printf(
            &it.arena,
            "kind = 3 and learner = '" BOLAT "' and class = '" CLASS
            "' and corrects = '%s' and before_points = 5 and points is null and work = "
            "1 and subject = 'math' and date = '2026-11-23' and lesson = 2",
            id_text(mark))),
        1);
    /* In the order of events. */
    assert_int_equal(
        rows_where(arena_printf(&it.arena,
                                "event = '%s' and seq > (select seq from feed where event = '%s')",
                                id_text(anew), id_text(gone))),
        1);
}

static void a_register_tells_of_absences_and_not_of_those_who_count_as_there(void **state)
{
    (void)state;
    const struct register_exception exceptions[] = {
        {.learner = id_of(AIGUL), .code = ABSENCE_ILL},
        {.learner = id_of(BOLAT), .code = ABSENCE_LATE, .minutes = {true, 5}},
        {.learner = id_of(STRANGER), .code = ABSENCE_REMOTE},
        {.learner = id_of(STRANGER), .code = ABSENCE_EXEMPT},
    };
    APPLY(&it, register_taken(&it, NULL, exceptions, COUNT_OF(exceptions)),
          register_taken(&it, NULL, NULL, 0));
    assert_int_equal(rows_where("true"), 2);
    assert_int_equal(rows_where("kind = 5 and learner = '" AIGUL
                                "' and code = 2 and minutes is null and lesson = 3"),
                     1);
    assert_int_equal(rows_where("kind = 5 and learner = '" BOLAT "' and code = 4 and minutes = 5"),
                     1);
}

/* Three registers of one lesson, the middle one without news for Aigul: the third finds her all the
 * same. */
static void a_replacing_register_tells_whom_something_changed_for(void **state)
{
    (void)state;
    const struct register_exception ill[] = {{.learner = id_of(AIGUL), .code = ABSENCE_ILL}};
    const struct register_exception more[] = {{.learner = id_of(AIGUL), .code = ABSENCE_ILL},
                                              {.learner = id_of(BOLAT), .code = ABSENCE_UNEXCUSED},
                                              {.learner = id_of(STRANGER), .code = ABSENCE_REMOTE}};
    const struct register_exception less[] = {{.learner = id_of(BOLAT), .code = ABSENCE_EXCUSED}};
    const struct event *first = register_taken(&it, NULL, ill, 1);
    const struct event *second = register_taken(&it, first, more, 3);
    const struct event *third = register_taken(&it, second, less, 1);
    APPLY(&it, first, second);
    assert_int_equal(rows_where("true"), 2);
    assert_int_equal(rows_where("kind = 5 and learner = '" BOLAT "' and code = 1"), 1);
    APPLY(&it, third);
    assert_int_equal(rows_where("true"), 4);
    assert_int_equal(rows_where(arena_printf(&it.arena,
                                             "kind = 6 and learner = '" AIGUL
                                             "' and code is null and before_code = 2 and corrects "
                                             "= '%s'",
                                             id_text(first))),
                     1);
    assert_int_equal(
        rows_where("kind = 6 and learner = '" BOLAT "' and code = 3 and before_code = 1"), 1);
    APPLY(&it, register_withdrawn(&it, third));
    assert_int_equal(rows_where("true"), 5);
    assert_int_equal(rows_where("kind = 7 and learner = '" BOLAT
                                "' and before_code = 3 and code is null and lesson = 3 and date = "
                                "'2026-11-23'"),
                     1);
}

/* Recoded, present after all, and recorded again: each corrects the one before, and a replacement
 * finds the last. */
static void a_recoded_absence_corrects_what_was_said(void **state)
{
    (void)state;
    const struct register_exception ill[] = {{.learner = id_of(AIGUL), .code = ABSENCE_ILL}};
    const struct event *lesson = register_taken(&it, NULL, ill, 1);
    const struct event *excused = absence_changed(&it, lesson, AIGUL, ABSENCE_ILL, ABSENCE_EXCUSED);
    const struct event *there =
        absence_changed(&it, lesson, AIGUL, ABSENCE_EXCUSED, ABSENCE_PRESENT);
    const struct event *away =
        absence_changed(&it, lesson, AIGUL, ABSENCE_PRESENT, ABSENCE_UNEXCUSED);
    const struct event *exempt =
        absence_changed(&it, lesson, BOLAT, ABSENCE_PRESENT, ABSENCE_EXEMPT);
    APPLY(&it, lesson, excused, there, away, exempt);
    assert_int_equal(rows_where("true"), 4);
    assert_int_equal(rows_where(arena_printf(&it.arena,
                                             "event = '%s' and kind = 6 and corrects = '%s' and "
                                             "code = 3 and before_code = 2 and lesson = 3",
                                             id_text(excused), id_text(lesson))),
                     1);
    assert_int_equal(rows_where(arena_printf(&it.arena,
                                             "event = '%s' and kind = 6 and corrects = '%s' and "
                                             "code is null and before_code = 3",
                                             id_text(there), id_text(excused))),
                     1);
    assert_int_equal(rows_where(arena_printf(&it.arena,
                                             "event = '%s' and kind = 5 and corrects = '%s' and "
                                             "code = 1 and before_code is null",
                                             id_text(away), id_text(there))),
                     1);
    RETRACT(&it, away);
    assert_int_equal(rows_where(arena_printf(&it.arena, "event = '%s' and kind = 8 and code = 1",
                                             id_text(away))),
                     1);
    const struct event *again = absence_changed(&it, lesson, AIGUL, ABSENCE_PRESENT, ABSENCE_LATE);
    APPLY(&it, again);
    assert_int_equal(rows_where(arena_printf(&it.arena, "event = '%s' and corrects = '%s'",
                                             id_text(again), id_text(there))),
                     1);
}

/* Also where what was taken and what changes it come in one batch. */
static void rows_stand_in_the_order_of_events(void **state)
{
    (void)state;
    const struct register_exception ill[] = {{.learner = id_of(AIGUL), .code = ABSENCE_ILL}};
    const struct event *first = register_taken(&it, NULL, ill, 1);
    const struct event *recoded = absence_changed(&it, first, AIGUL, ABSENCE_ILL, ABSENCE_LATE);
    const struct event *second = register_taken(&it, NULL, ill, 1);
    const struct event *gone = register_withdrawn(&it, second);
    const struct event *third = register_taken(&it, NULL, ill, 1);
    APPLY(&it, first, recoded, second, gone, third);
    assert_int_equal(rows_where("true"), 5);
    const struct event *order[] = {first, recoded, second, gone, third};
    for (size_t i = 0; i < COUNT_OF(order); i++)
        assert_int_equal(
            house_number(&it, arena_printf(&it.arena,
                                           "select count(*) from feed f where seq <"
                                           " (select seq from feed where event = '%s')",
                                           id_text(order[i]))),
            i);
}

/* An absence of lesson 3 becomes one of lesson 4, another one is void. */
static void a_moved_register_tells_of_the_new_lesson(void **state)
{
    (void)state;
    const struct register_exception both[] = {{.learner = id_of(AIGUL), .code = ABSENCE_ILL},
                                              {.learner = id_of(BOLAT), .code = ABSENCE_ILL}};
    struct event *first = register_taken(&it, NULL, both, 2);
    struct event *moved = register_taken(&it, first, both, 1);
    struct lesson_register shifted = *(const struct lesson_register *)moved->value;
    shifted.lesson.value = 4;
    moved->value = &shifted;
    APPLY(&it, first, moved);
    assert_int_equal(rows_where(arena_printf(&it.arena,
                                             "event = '%s' and kind = 5 and learner = '" AIGUL
                                             "' and lesson = 4 and code = 2 and corrects = '%s'",
                                             id_text(moved), id_text(first))),
                     1);
    assert_int_equal(
        rows_where(arena_printf(&it.arena,
                                "event = '%s' and kind = 7 and learner = '" BOLAT
                                "' and lesson = 3 and code is null and before_code = 2",
                                id_text(moved))),
        1);
    assert_int_equal(rows_where("true"), 4);
}

static void a_change_finds_what_was_said_under_another_id(void **state)
{
    (void)state;
    const struct register_exception ill[] = {{.learner = id_of(AIGUL), .code = ABSENCE_ILL}};
    const struct event *lesson = register_taken(&it, NULL, ill, 1);
    house_run(&it, "insert into copy_alias (id, canonical, entity, epoch, revision) values ('" AIGUL
                   "', '" BOLAT "', 1, 1, 1)");
    const struct event *late = absence_changed(&it, lesson, BOLAT, ABSENCE_ILL, ABSENCE_LATE);
    APPLY(&it, lesson, late);
    assert_int_equal(rows_where(arena_printf(&it.arena, "event = '%s' and corrects = '%s'",
                                             id_text(late), id_text(lesson))),
                     1);
}

/* Two ids turn out to be one child: one of its two absences in a lesson is void, nothing else is
 * news. */
static void an_absence_that_was_told_twice_is_void_once(void **state)
{
    (void)state;
    const struct register_exception both[] = {{.learner = id_of(AIGUL), .code = ABSENCE_ILL},
                                              {.learner = id_of(BOLAT), .code = ABSENCE_LATE}};
    struct event *lesson = register_taken(&it, NULL, both, 2);
    const struct lesson_register *taken = lesson->value;
    struct lesson_register recounted = *taken;
    recounted.exceptions = (struct list){&both[1], 1};
    recounted.before = (struct register_before){taken->subject, taken->date,     taken->lesson,
                                                taken->session, taken->learners, {both, 2}};
    struct event recount = *lesson;
    recount.type = event_type_get(EVENT_REGISTER_RECOUNTED);
    recount.id = uuid_v7();
    recount.value = &recounted;
    house_run(&it, "insert into copy_alias (id, canonical, entity, epoch, revision) values ('" AIGUL
                   "', '" BOLAT "', 1, 1, 1)");
    APPLY(&it, lesson, &recount);
    assert_int_equal(rows_where("true"), 3);
    assert_int_equal(rows_where(arena_printf(&it.arena,
                                             "event = '%s' and kind = 7 and learner = '" AIGUL
                                             "' and corrects = '%s' and before_code = 2",
                                             id_text(&recount), id_text(lesson))),
                     1);
}

static void a_ghost_is_taken_back_once_by_a_row_of_its_own(void **state)
{
    (void)state;
    const struct event *kept = mark_recorded(&it, AIGUL, 3), *ghost = mark_recorded(&it, AIGUL, 7);
    const struct register_exception ill[] = {{.learner = id_of(AIGUL), .code = ABSENCE_ILL},
                                             {.learner = id_of(BOLAT), .code = ABSENCE_ILL}};
    const struct event *lesson = register_taken(&it, NULL, ill, 2);
    APPLY(&it, kept, ghost);
    APPLY(&it, lesson);
    RETRACT(&it, ghost, ghost);
    RETRACT(&it, lesson);
    RETRACT(&it, ghost);
    assert_int_equal(rows_where("kind = 4"), 1);
    assert_int_equal(rows_where(arena_printf(&it.arena, "kind = 4 and event = '%s' and points = 7",
                                             id_text(ghost))),
                     1);
    assert_int_equal(rows_where("kind = 8 and code = 2"), 2);
    APPLY(&it, ghost); /* its source takes it again: it stands, and may go again */
    assert_int_equal(house_number(&it, "select count(*) from feed_standing"), 2);
    RETRACT(&it, ghost);
    assert_int_equal(rows_where("kind = 4"), 2);
}

static void changes_of_a_mark_that_were_ghosts_are_taken_back(void **state)
{
    (void)state;
    const struct event *mark = mark_recorded(&it, AIGUL, 4);
    const struct event *better = mark_corrected(&it, mark, 6);
    const struct event *gone = mark_withdrawn(&it, better);
    APPLY(&it, mark, better, gone);
    RETRACT(&it, better, gone);
    assert_int_equal(house_number(&it, "select count(*) from feed_standing"), 1);
    assert_int_equal(rows_where(arena_printf(&it.arena, "kind = 4 and event = '%s' and points = 6",
                                             id_text(better))),
                     1);
    assert_int_equal(rows_where(arena_printf(
                         &it.arena, "kind = 4 and event = '%s' and points is null", id_text(gone))),
                     1);
}

static void a_correction_that_was_a_ghost_leaves_what_it_corrected(void **state)
{
    (void)state;
    const struct register_exception ill[] = {{.learner = id_of(AIGUL), .code = ABSENCE_ILL}};
    const struct register_exception late[] = {{.learner = id_of(AIGUL), .code = ABSENCE_LATE}};
    const struct event *first = register_taken(&it, NULL, ill, 1);
    const struct event *ghost = register_taken(&it, first, late, 1);
    const struct event *again = register_taken(&it, first, NULL, 0);
    APPLY(&it, first, ghost);
    RETRACT(&it, ghost);
    APPLY(&it, again);
    assert_int_equal(rows_where(arena_printf(&it.arena,
                                             "event = '%s' and kind = 6 and before_code = 2 and "
                                             "code is null and corrects = '%s'",
                                             id_text(again), id_text(first))),
                     1);
}

#define FEED_TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FEED_TEST(a_mark_is_a_row_in_the_order_of_events),
        FEED_TEST(a_correction_says_what_was_before),
        FEED_TEST(a_withdrawal_speaks_of_the_mark_that_is_gone),
        FEED_TEST(a_register_tells_of_absences_and_not_of_those_who_count_as_there),
        FEED_TEST(a_replacing_register_tells_whom_something_changed_for),
        FEED_TEST(a_recoded_absence_corrects_what_was_said),
        FEED_TEST(rows_stand_in_the_order_of_events),
        FEED_TEST(a_moved_register_tells_of_the_new_lesson),
        FEED_TEST(a_change_finds_what_was_said_under_another_id),
        FEED_TEST(an_absence_that_was_told_twice_is_void_once),
        FEED_TEST(a_ghost_is_taken_back_once_by_a_row_of_its_own),
        FEED_TEST(changes_of_a_mark_that_were_ghosts_are_taken_back),
        FEED_TEST(a_correction_that_was_a_ghost_leaves_what_it_corrected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
