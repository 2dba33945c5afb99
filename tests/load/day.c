#include "day.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "national/calendar.h"

enum { GRADE_OF_NO_BREAK = 5 /* the first grade has a week more */ };

/* ---- Chance ---- */

/* splitmix64: good enough to choose who is late. */
uint64_t day_random(struct day *day, uint64_t below)
{
    uint64_t z = day->random += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return (z ^ (z >> 31)) % below;
}

static bool happens(struct day *day, unsigned percent)
{
    return day_random(day, 100) < percent;
}

static struct str any_subject(struct day *day)
{
    static const char *const codes[] = {"math",      "kazakh_language", "russian_language",
                                        "english",   "history_kz",      "natural_science",
                                        "geography", "informatics",     "pe"};
    return str_from(codes[day_random(day, COUNT_OF(codes))]);
}

/* ---- Dates and lessons ---- */

/* From today, or the last school day, back to the start of the year. */
static void find_dates(struct day *day)
{
    struct date first = calendar_year_start(calendar_year_of(day->today));
    for (struct date date = day->today; day->dates_count < DAYS_MOST && date.day >= first.day;
         date.day--)
        if (calendar_is_school_day(date, GRADE_OF_NO_BREAK))
            day->dates[day->dates_count++] = date;
}

static size_t slot_count(const struct day *day)
{
    return day->dates_count * LESSON_MAX * day->world->count;
}

void day_open(struct day *day, const struct world *world, struct date today, uint64_t seed)
{
    *day = (struct day){.world = world, .today = today, .random = seed};
    find_dates(day);
    if (!day->dates_count) /* a year that the calendar does not know */
        day->dates[day->dates_count++] = today;
    day->taken = mem_alloc(slot_count(day) / 8 + 1);
    day->begun = slot_count(day);
}

void day_done(struct day *day)
{
    free(day->taken);
    *day = (struct day){0};
}

void day_begin_lessons(struct day *day, size_t lessons)
{
    size_t all = day->dates_count * LESSON_MAX;
    day->begun = MIN_OF(lessons, all) * day->world->count;
}

/* Lessons are numbered through both shifts: those of the second begin at 7, and 11 is the last. */
static int first_lesson(const struct homeroom *homeroom)
{
    return homeroom->shift == 2 ? LESSONS_FIRST_SHIFT + 1 : 1;
}

static bool has_lesson(const struct homeroom *homeroom, int lesson)
{
    int first = first_lesson(homeroom);
    return first <= lesson && lesson < first + DAY_LESSONS && lesson <= LESSON_MAX;
}

static int any_lesson(struct day *day, const struct homeroom *homeroom)
{
    int first = first_lesson(homeroom), last = MIN_OF(first + DAY_LESSONS - 1, (int)LESSON_MAX);
    return first + (int)day_random(day, (uint64_t)(last - first + 1));
}

/* A lesson of a class on one of the dates; in the order in which they are registered. */
static size_t slot_of(const struct day *day, size_t date, int lesson,
                      const struct homeroom *homeroom)
{
    size_t class = (size_t)(homeroom - day->world->homerooms);
    return (date * LESSON_MAX + (size_t)lesson - 1) * day->world->count + class;
}

static bool is_taken(const struct day *day, size_t slot)
{
    return day->taken[slot / 8] >> slot % 8 & 1;
}

static void take(struct day *day, size_t slot)
{
    day->taken[slot / 8] |= (uint8_t)(1 << slot % 8);
}

void day_take(struct day *day, const struct uuid *class, struct date date, int lesson)
{
    const struct homeroom *homeroom = world_find(day->world, class);
    if (!homeroom || !has_lesson(homeroom, lesson))
        return;
    for (size_t i = 0; i < day->dates_count; i++)
        if (day->dates[i].day == date.day)
            take(day, slot_of(day, i, lesson, homeroom));
}

/* ---- Registers ---- */

static enum absence_code any_absence(struct day *day)
{
    static const struct {
        unsigned below; /* of 1,000 learners */
        enum absence_code code;
    } shares[] = {{30, ABSENCE_ILL},  {40, ABSENCE_EXCUSED}, {45, ABSENCE_UNEXCUSED},
                  {65, ABSENCE_LATE}, {68, ABSENCE_REMOTE},  {70, ABSENCE_EXEMPT}};
    uint64_t chance = day_random(day, 1000);
    for (size_t i = 0; i < COUNT_OF(shares); i++)
        if (chance < shares[i].below)
            return shares[i].code;
    return 0;
}

static struct list any_exceptions(struct day *day, const struct uuids *learners,
                                  struct arena *arena)
{
    struct register_exception *items =
        ARENA_ARRAY(arena, learners->count, struct register_exception);
    size_t count = 0;
    for (size_t i = 0; i < learners->count; i++) {
        enum absence_code code = any_absence(day);
        if (!code)
            continue;
        items[count] = (struct register_exception){.learner = learners->items[i], .code = code};
        if (code == ABSENCE_LATE)
            items[count].minutes = (struct optional){true, 1 + (int32_t)day_random(day, 20)};
        count++;
    }
    return (struct list){items, count};
}

static struct lesson_register make_register(struct day *day, size_t slot, struct arena *arena)
{
    const struct homeroom *homeroom = &day->world->homerooms[slot % day->world->count];
    size_t lesson = slot / day->world->count;
    return (struct lesson_register){
        .id = uuid_v7(),
        .class = homeroom->id,
        .subject = any_subject(day),
        .date = day->dates[lesson / LESSON_MAX],
        .lesson = {true, 1 + (int32_t)(lesson % LESSON_MAX)},
        .taken_at = {clock_now()},
        .exceptions = any_exceptions(day, &homeroom->learners, arena),
        .organisation = homeroom->organisation,
    };
}

/* ---- Changes of registers ---- */

static struct standing_register *find_standing(struct day *day, const struct uuid *id)
{
    for (size_t i = 0; i < day->registers_count; i++)
        if (uuid_equal(&day->registers[i].taken.id, id))
            return &day->registers[i];
    return NULL;
}

/* Some register that nothing is under way for, or NULL. */
static struct standing_register *any_standing(struct day *day)
{
    if (!day->registers_count)
        return NULL;
    struct standing_register *chosen = &day->registers[day_random(day, day->registers_count)];
    return chosen->under_way ? NULL : chosen;
}

/* Now and then to another lesson or school day of the month, where it has no register yet. */
static void move_lesson(struct day *day, struct lesson_register *taken,
                        const struct homeroom *homeroom)
{
    size_t date = day_random(day, day->dates_count);
    int lesson = any_lesson(day, homeroom);
    size_t slot = slot_of(day, date, lesson, homeroom);
    if (slot < day->next || is_taken(day, slot) ||
        date_month(day->dates[date]).day != date_month(taken->date).day)
        return;
    take(day, slot);
    taken->date = day->dates[date];
    taken->lesson.value = lesson;
}

static struct lesson_register make_replacement(struct day *day,
                                               const struct lesson_register *former,
                                               struct arena *arena)
{
    const struct homeroom *homeroom = world_find(day->world, &former->class);
    struct lesson_register taken = *former;
    taken.id = uuid_v7();
    taken.replaces = former->id;
    taken.reason_code = REGISTER_REASON_ERROR;
    taken.exceptions = any_exceptions(day, &homeroom->learners, arena);
    if (happens(day, 40))
        move_lesson(day, &taken, homeroom);
    return taken;
}

static struct lesson_register make_register_withdrawal(const struct lesson_register *former)
{
    return (struct lesson_register){.id = uuid_v7(),
                                    .withdraws = former->id,
                                    .date = former->date,
                                    .reason_code = REGISTER_REASON_ERROR};
}

static struct lesson_register make_anew(struct day *day, const struct lesson_register *former,
                                        struct arena *arena)
{
    const struct homeroom *homeroom = world_find(day->world, &former->class);
    struct lesson_register taken = *former;
    taken.id = uuid_v7();
    taken.replaces = (struct uuid){{0}};
    taken.reason_code = 0;
    taken.exceptions = any_exceptions(day, &homeroom->learners, arena);
    return taken;
}

/* One or two items, of which a second is the lesson's new register. */
static size_t change_register(struct day *day, struct lesson_register *items, size_t count,
                              struct arena *arena)
{
    struct standing_register *chosen = any_standing(day);
    if (!chosen)
        return 0;
    chosen->under_way = 1;
    if (happens(day, 60)) {
        items[0] = make_replacement(day, &chosen->taken, arena);
        return 1;
    }
    items[0] = make_register_withdrawal(&chosen->taken);
    if (count < 2 || happens(day, 30))
        return 1;
    items[1] = make_anew(day, &chosen->taken, arena);
    return 2;
}

static bool has_lesson_at(const struct day *day, size_t slot)
{
    const struct homeroom *homeroom = &day->world->homerooms[slot % day->world->count];
    return has_lesson(homeroom, 1 + (int)(slot / day->world->count % LESSON_MAX));
}

size_t day_registers(struct day *day, struct lesson_register *items, size_t count,
                     struct arena *arena)
{
    size_t made = 0;
    for (size_t i = 0; i < count / 8; i++)
        made += change_register(day, items + made, count - made, arena);
    for (; day->next < day->begun && made < count; day->next++)
        if (has_lesson_at(day, day->next) && !is_taken(day, day->next))
            items[made++] = make_register(day, day->next, arena);
    return made;
}

void day_register_accepted(struct day *day, const struct lesson_register *taken)
{
    struct standing_register *former =
        find_standing(day, uuid_present(&taken->withdraws) ? &taken->withdraws : &taken->replaces);
    if (former)
        *former = day->registers[--day->registers_count];
    if (uuid_present(&taken->withdraws))
        return;
    size_t place = day->registers_count < DAY_STANDING_MOST ? day->registers_count
                                                            : day_random(day, DAY_STANDING_MOST);
    if (place == day->registers_count)
        day->registers_count++;
    else if (day->registers[place].under_way)
        return; /* that one is not to be forgotten now */
    day->registers[place] = (struct standing_register){*taken, 0};
    day->registers[place].taken.exceptions = (struct list){0};
}

static struct absence_change make_absence_change(struct day *day,
                                                 const struct lesson_register *taken,
                                                 const struct uuid *learner)
{
    return (struct absence_change){
        .id = uuid_v7(),
        .register_id = taken->id,
        .learner = *learner,
        .code = ABSENCE_UNEXCUSED + (unsigned)day_random(day, ABSENCE_PRESENT),
        .reason_code =
            REGISTER_REASON_CERTIFICATE + (unsigned)day_random(day, REGISTER_REASON_ERROR)};
}

/* Up to four of one register; some of a learner who was just re-coded. */
static size_t change_absences(struct day *day, struct absence_change *items, size_t count)
{
    struct standing_register *chosen = any_standing(day);
    if (!chosen)
        return 0;
    const struct uuids *learners = &world_find(day->world, &chosen->taken.class)->learners;
    size_t most = MIN_OF(count, 1 + day_random(day, 4));
    const struct uuid *learner = NULL;
    for (size_t i = 0; i < most; i++) {
        if (!learner || happens(day, 70))
            learner = &learners->items[day_random(day, learners->count)];
        items[i] = make_absence_change(day, &chosen->taken, learner);
    }
    chosen->under_way = most;
    return most;
}

size_t day_absence_changes(struct day *day, struct absence_change *items, size_t count)
{
    size_t made = 0;
    for (size_t tries = 0; tries < count / 2 + 1 && made < count; tries++)
        made += change_absences(day, items + made, count - made);
    return made;
}

void day_absence_change_accepted(struct day *day, const struct absence_change *change)
{
    struct standing_register *of = find_standing(day, &change->register_id);
    if (of)
        of->under_way--;
}

/* ---- Marks ---- */

static void choose_result(struct day *day, struct mark *mark)
{
    static const int most_points[] = {
        [MARK_FORMATIVE] = 10, [MARK_SUMMATIVE_UNIT] = 20, [MARK_SUMMATIVE_TERM] = 30};
    int most = most_points[mark->kind];
    if (happens(day, 2)) {
        mark->value = MARK_PASS + (unsigned)day_random(day, MARK_NOT_ATTESTED);
        return;
    }
    mark->max_points = (struct optional){true, most};
    /* Rather good than bad: the better of two throws. */
    uint64_t one = day_random(day, (uint64_t)most), other = day_random(day, (uint64_t)most);
    mark->points = (struct optional){true, 1 + (int32_t)MAX_OF(one, other)};
}

static enum mark_kind any_kind(struct day *day)
{
    uint64_t chance = day_random(day, 100);
    return chance < 80 ? MARK_FORMATIVE : chance < 95 ? MARK_SUMMATIVE_UNIT : MARK_SUMMATIVE_TERM;
}

static struct mark make_mark(struct day *day)
{
    const struct homeroom *homeroom = &day->world->homerooms[day_random(day, day->world->count)];
    size_t date = happens(day, 90) ? 0 : day_random(day, day->dates_count);
    struct mark mark = {
        .id = uuid_v7(),
        .class = homeroom->id,
        .learner = homeroom->learners.items[day_random(day, homeroom->learners.count)],
        .subject = any_subject(day),
        .kind = any_kind(day),
        .date = day->dates[date],
        .lesson = {true, any_lesson(day, homeroom)},
        .entered_at = {clock_now()},
        .organisation = homeroom->organisation,
    };
    choose_result(day, &mark);
    return mark;
}

/* ---- Changes of marks ---- */

/* Another result, now and then of another lesson or school day of the month. */
static struct mark make_correction(struct day *day, const struct mark *original)
{
    struct mark mark = *original;
    struct date date = day->dates[day_random(day, day->dates_count)];
    mark.id = uuid_v7();
    mark.replaces = original->id;
    mark.reason_code = MARK_REASON_ERROR + (unsigned)day_random(day, MARK_REASON_LATE_WORK);
    mark.points = mark.max_points = (struct optional){0};
    mark.value = 0;
    choose_result(day, &mark);
    if (happens(day, 20) && date_month(date).day == date_month(mark.date).day)
        mark.date = date;
    if (happens(day, 20))
        mark.lesson = (struct optional){0};
    return mark;
}

static struct mark make_withdrawal(const struct mark *original)
{
    return (struct mark){.id = uuid_v7(),
                         .withdraws = original->id,
                         .date = original->date,
                         .reason_code = MARK_REASON_ERROR};
}

/* Each is changed by one item at a time: it stands again when that was accepted. */
static struct mark make_change(struct day *day)
{
    size_t chosen = day_random(day, day->standing_count);
    struct mark original = day->standing[chosen];
    day->standing[chosen] = day->standing[--day->standing_count];
    return happens(day, 70) ? make_correction(day, &original) : make_withdrawal(&original);
}

static void forget(struct day *day, const struct uuid *id)
{
    for (size_t i = 0; i < day->standing_count; i++)
        if (uuid_equal(&day->standing[i].id, id))
            day->standing[i] = day->standing[--day->standing_count];
}

void day_mark_accepted(struct day *day, const struct mark *mark)
{
    forget(day, &mark->replaces);
    if (uuid_present(&mark->withdraws))
        return;
    size_t place = day->standing_count < DAY_STANDING_MOST ? day->standing_count++
                                                           : day_random(day, DAY_STANDING_MOST);
    day->standing[place] = *mark;
}

/* Whether the one behind it in the batch corrects it; a correction often is corrected again. */
static bool is_corrected_at_once(struct day *day, const struct mark *mark)
{
    return !uuid_present(&mark->withdraws) && happens(day, uuid_present(&mark->replaces) ? 40 : 1);
}

void day_marks(struct day *day, struct mark *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && is_corrected_at_once(day, &items[i - 1]))
            items[i] = make_correction(day, &items[i - 1]);
        else if (day->standing_count && happens(day, 4))
            items[i] = make_change(day);
        else
            items[i] = make_mark(day);
    }
}
