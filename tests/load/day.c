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

/* From today, or the last school day, back to the start of its term. */
static void find_dates(struct day *day)
{
    int term = 0;
    for (struct date date = day->today; day->dates_count < DAYS_MOST; date.day--) {
        if (date.day < calendar_oldest_taken(day->today).day)
            return;
        if (!calendar_is_school_day(date, GRADE_OF_NO_BREAK))
            continue;
        if (term && calendar_term_of(date) != term)
            return;
        term = calendar_term_of(date);
        day->dates[day->dates_count++] = date;
    }
}

void day_open(struct day *day, const struct world *world, struct date today, uint64_t seed)
{
    *day = (struct day){.world = world, .today = today, .random = seed};
    find_dates(day);
    if (!day->dates_count) /* a year that the calendar does not know */
        day->dates[day->dates_count++] = today;
    day->taken = mem_alloc(day->dates_count * DAY_LESSONS * world->count);
}

void day_done(struct day *day)
{
    free(day->taken);
    *day = (struct day){0};
}

/* Lessons are numbered through both shifts: those of the second begin at 7, and 11 is the last. */
static int first_lesson(const struct homeroom *homeroom)
{
    return homeroom->shift == 2 ? LESSONS_FIRST_SHIFT + 1 : 1;
}

static size_t slot_of(const struct day *day, size_t date, int lesson, size_t class)
{
    return (date * DAY_LESSONS + (size_t)lesson) * day->world->count + class;
}

void day_take(struct day *day, const struct uuid *class, struct date date, int lesson)
{
    const struct homeroom *homeroom = world_find(day->world, class);
    int at = homeroom ? lesson - first_lesson(homeroom) : -1;
    if (at < 0 || at >= DAY_LESSONS)
        return;
    for (size_t i = 0; i < day->dates_count; i++)
        if (day->dates[i].day == date.day)
            day->taken[slot_of(day, i, at, (size_t)(homeroom - day->world->homerooms))] = true;
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
    size_t lesson = slot / day->world->count % DAY_LESSONS;
    return (struct lesson_register){
        .id = uuid_v7(),
        .class = homeroom->id,
        .subject = any_subject(day),
        .date = day->dates[slot / day->world->count / DAY_LESSONS],
        .lesson = {true, first_lesson(homeroom) + (int32_t)lesson},
        .taken_at = {clock_now()},
        .exceptions = any_exceptions(day, &homeroom->learners, arena),
        .organisation = homeroom->organisation,
    };
}

size_t day_registers(struct day *day, struct lesson_register *items, size_t count,
                     struct arena *arena)
{
    size_t made = 0;
    size_t slots = day->dates_count * DAY_LESSONS * day->world->count;
    for (; day->next < slots && made < count; day->next++) {
        if (day->taken[day->next])
            continue;
        struct lesson_register item = make_register(day, day->next, arena);
        if (item.lesson.value <= LESSON_MAX)
            items[made++] = item;
    }
    return made;
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
        .lesson = {true, first_lesson(homeroom) + (int32_t)day_random(day, DAY_LESSONS - 1)},
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
