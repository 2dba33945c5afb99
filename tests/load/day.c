#include "day.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "national/calendar.h"

enum {
    GRADE_OF_NO_BREAK = 5, /* the first grade has a week more */
    LANGUAGE_LESSON = 3,   /* of a class's day: parted homerooms learn it in groups */
    SHEET_LEAST = 4,       /* marks of one lesson */
    SHEET_MOST = 12
};

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

/* ---- Ids ---- */

/* A random one: all that v7 knows of time goes. */
static struct uuid uuid_v4(struct day *day)
{
    struct uuid id;
    for (size_t i = 0; i < sizeof id.bytes; i++)
        id.bytes[i] = (uint8_t)day_random(day, 256);
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x40);
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
    return id;
}

/* As the school's system does it: a third compute them from ids of their own, a sixth draw lots. */
static struct uuid new_id(struct day *day, const struct uuid *organisation)
{
    struct uuid id = uuid_v7();
    unsigned way = organisation->bytes[15] % 6;
    if (way < 2)
        return uuid_v5(organisation, (struct str){(const char *)id.bytes, sizeof id.bytes});
    return way == 2 ? uuid_v4(day) : id;
}

/* ---- Subjects and teachers ---- */

static struct str any_subject(struct day *day)
{
    static const char *const codes[] = {"math",      "kazakh_language", "russian_language",
                                        "english",   "history_kz",      "natural_science",
                                        "geography", "informatics",     "pe"};
    return str_from(codes[day_random(day, COUNT_OF(codes))]);
}

struct lesson {
    struct uuid class;
    struct str subject;
    struct uuid teacher; /* in a country of one's own */
};

/* The class's lesson on that date; a group's where `group` says so. */
static struct lesson any_lesson_of(struct day *day, const struct class_found *class,
                                   struct date date)
{
    const struct homeroom *homeroom = class->homeroom;
    const struct country *country = day->world->country;
    if (!country)
        return (struct lesson){.class = homeroom->id, .subject = any_subject(day)};
    bool whole = class->group == COUNTRY_GROUPS;
    int number =
        whole ? (int)day_random(day, COUNTRY_SUBJECTS) : COUNTRY_SUBJECTS + (int)class->group;
    struct country_lesson lesson =
        country_lesson(country, homeroom->school, homeroom->index, number, date);
    return (struct lesson){whole ? homeroom->id : homeroom->groups[class->group], lesson.subject,
                           lesson.teacher};
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

void day_turn(struct day *day, struct date today)
{
    const struct world *world = day->world;
    bool quarter_end = day->quarter_end;
    uint64_t random = day->random;
    day_done(day);
    day_open(day, world, today, random);
    day->quarter_end = quarter_end;
}

void day_done(struct day *day)
{
    free(day->taken);
    arena_done(&day->sheet.arena);
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

static bool is_by_groups(const struct homeroom *homeroom, int lesson)
{
    return uuid_present(&homeroom->groups[0]) &&
           lesson == first_lesson(homeroom) + LANGUAGE_LESSON - 1;
}

static int any_lesson(struct day *day, const struct homeroom *homeroom)
{
    int first = first_lesson(homeroom), last = MIN_OF(first + DAY_LESSONS - 1, (int)LESSON_MAX);
    return first + (int)day_random(day, (uint64_t)last - (uint64_t)first + 1);
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
    const struct homeroom *homeroom = world_find(day->world, class).homeroom;
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

static struct list any_exceptions(struct day *day, const struct class_found *class,
                                  struct date date, struct arena *arena)
{
    struct uuids roster = world_roster(class, date, arena);
    struct register_exception *items = ARENA_ARRAY(arena, roster.count, struct register_exception);
    size_t count = 0;
    for (size_t i = 0; i < roster.count; i++) {
        enum absence_code code = any_absence(day);
        if (!code)
            continue;
        items[count] = (struct register_exception){.learner = roster.items[i], .code = code};
        if (code == ABSENCE_LATE)
            items[count].minutes = (struct optional){true, 1 + (int32_t)day_random(day, 20)};
        count++;
    }
    return (struct list){items, count};
}

static struct lesson_register make_register(struct day *day, const struct class_found *class,
                                            struct date date, int number, struct arena *arena)
{
    const struct homeroom *homeroom = class->homeroom;
    struct lesson lesson = any_lesson_of(day, class, date);
    return (struct lesson_register){
        .id = new_id(day, &homeroom->organisation),
        .class = lesson.class,
        .subject = lesson.subject,
        .date = date,
        .lesson = {true, number},
        .teacher = lesson.teacher,
        .taken_at = {clock_now()},
        .exceptions = any_exceptions(day, class, date, arena),
        .organisation = homeroom->organisation,
    };
}

/* One, or one a group; none where the class has no such lesson, or it must wait. */
static size_t make_registers(struct day *day, size_t slot, struct lesson_register *items,
                             struct arena *arena)
{
    const struct homeroom *homeroom = &day->world->homerooms[slot % day->world->count];
    size_t lesson = slot / day->world->count, count = 0;
    int number = 1 + (int)(lesson % LESSON_MAX);
    struct date date = day->dates[lesson / LESSON_MAX];
    if (!has_lesson(homeroom, number) || is_taken(day, slot) || world_is_held(homeroom, day->today))
        return 0;
    struct class_found class = {homeroom, COUNTRY_GROUPS};
    if (!is_by_groups(homeroom, number)) {
        items[0] = make_register(day, &class, date, number, arena);
        return 1;
    }
    for (class.group = 0; class.group < COUNTRY_GROUPS; class.group++)
        items[count++] = make_register(day, &class, date, number, arena);
    return count;
}

/* ---- Changes of registers ---- */

static struct standing_register *find_standing(struct day *day, const struct uuid *id)
{
    for (size_t i = 0; i < day->registers_count && uuid_present(id); i++)
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
    struct class_found class = world_find(day->world, &chosen->taken.class);
    return chosen->under_way || world_is_held(class.homeroom, day->today) ? NULL : chosen;
}

/* Later on the day that is lived now. */
static bool is_to_come(const struct day *day, size_t slot)
{
    size_t slots = LESSON_MAX * day->world->count;
    return slot >= day->begun && slot / slots == (day->begun - 1) / slots;
}

/* Now and then to another lesson or school day of the month, where it has no register yet. */
static void move_lesson(struct day *day, struct lesson_register *taken,
                        const struct homeroom *homeroom)
{
    size_t date = day_random(day, day->dates_count);
    int lesson = any_lesson(day, homeroom);
    size_t slot = slot_of(day, date, lesson, homeroom);
    if (slot < day->next || is_taken(day, slot) || is_to_come(day, slot) ||
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
    struct class_found class = world_find(day->world, &former->class);
    struct lesson_register taken = *former;
    taken.id = new_id(day, &former->organisation);
    taken.replaces = former->id;
    taken.reason_code = REGISTER_REASON_ERROR;
    if (class.group == COUNTRY_GROUPS && happens(day, 40))
        move_lesson(day, &taken, class.homeroom);
    taken.exceptions = any_exceptions(day, &class, taken.date, arena);
    return taken;
}

static struct lesson_register make_register_withdrawal(struct day *day,
                                                       const struct lesson_register *former)
{
    return (struct lesson_register){.id = new_id(day, &former->organisation),
                                    .withdraws = former->id,
                                    .date = former->date,
                                    .reason_code = REGISTER_REASON_ERROR};
}

static struct lesson_register make_anew(struct day *day, const struct lesson_register *former,
                                        struct arena *arena)
{
    struct class_found class = world_find(day->world, &former->class);
    struct lesson_register taken = *former;
    taken.id = new_id(day, &former->organisation);
    taken.replaces = (struct uuid){{0}};
    taken.reason_code = 0;
    taken.exceptions = any_exceptions(day, &class, taken.date, arena);
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
    items[0] = make_register_withdrawal(day, &chosen->taken);
    if (count < 2 || happens(day, 30))
        return 1;
    items[1] = make_anew(day, &chosen->taken, arena);
    return 2;
}

size_t day_registers(struct day *day, struct lesson_register *items, size_t count,
                     struct arena *arena)
{
    size_t made = 0;
    for (size_t i = 0; i < count; i++)
        if (happens(day, 12) && made < count)
            made += change_register(day, items + made, count - made, arena);
    while (day->next < day->begun && made < count)
        made += make_registers(day, day->next++, items + made, arena);
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
        .id = new_id(day, &taken->organisation),
        .register_id = taken->id,
        .learner = *learner,
        .code = ABSENCE_UNEXCUSED + (unsigned)day_random(day, ABSENCE_PRESENT),
        .reason_code =
            REGISTER_REASON_CERTIFICATE + (unsigned)day_random(day, REGISTER_REASON_ERROR)};
}

/* Up to four of one register; some of a learner who was just re-coded. */
static size_t change_absences(struct day *day, struct absence_change *items, size_t count,
                              struct arena *arena)
{
    struct standing_register *chosen = any_standing(day);
    if (!chosen)
        return 0;
    struct class_found class = world_find(day->world, &chosen->taken.class);
    struct uuids roster = world_roster(&class, chosen->taken.date, arena);
    size_t most = MIN_OF(count, 1 + day_random(day, 4));
    const struct uuid *learner = NULL;
    for (size_t i = 0; i < most; i++) {
        if (!learner || happens(day, 70))
            learner = &roster.items[day_random(day, roster.count)];
        items[i] = make_absence_change(day, &chosen->taken, learner);
    }
    chosen->under_way = most;
    return most;
}

size_t day_absence_changes(struct day *day, struct absence_change *items, size_t count,
                           struct arena *arena)
{
    size_t made = 0;
    for (size_t tries = 0; tries < count / 2 + 1 && made < count; tries++)
        made += change_absences(day, items + made, count - made, arena);
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
    if (day->quarter_end)
        return chance < 40   ? MARK_FORMATIVE
               : chance < 70 ? MARK_SUMMATIVE_UNIT
                             : MARK_SUMMATIVE_TERM;
    return chance < 80 ? MARK_FORMATIVE : chance < 95 ? MARK_SUMMATIVE_UNIT : MARK_SUMMATIVE_TERM;
}

/* A class that nothing holds, the next one from a random place. */
static const struct homeroom *any_homeroom(struct day *day)
{
    const struct world *world = day->world;
    size_t from = day_random(day, world->count);
    for (size_t i = 0; i < world->count; i++) {
        const struct homeroom *homeroom = &world->homerooms[(from + i) % world->count];
        if (!world_is_held(homeroom, day->today))
            return homeroom;
    }
    return NULL;
}

/* The next lesson whose marks a teacher enters. */
static void turn_sheet(struct day *day, const struct homeroom *homeroom)
{
    struct sheet *sheet = &day->sheet;
    size_t date = happens(day, 90) ? 0 : day_random(day, day->dates_count);
    struct class_found class = {homeroom, COUNTRY_GROUPS};
    sheet->number = any_lesson(day, homeroom);
    if (is_by_groups(homeroom, sheet->number))
        class.group = day_random(day, COUNTRY_GROUPS);
    struct lesson lesson = any_lesson_of(day, &class, day->dates[date]);
    arena_reset(&sheet->arena);
    sheet->homeroom = homeroom;
    sheet->roster = world_roster(&class, day->dates[date], &sheet->arena);
    sheet->class = lesson.class;
    sheet->subject = lesson.subject;
    sheet->teacher = lesson.teacher;
    sheet->date = day->dates[date];
    sheet->kind = any_kind(day);
    sheet->left = SHEET_LEAST + (int)day_random(day, SHEET_MOST - SHEET_LEAST + 1);
}

/* Whether there is a lesson to make a mark of. */
static bool has_sheet(struct day *day)
{
    const struct homeroom *homeroom = NULL;
    if (day->sheet.left > 0 && !world_is_held(day->sheet.homeroom, day->today))
        return true;
    homeroom = any_homeroom(day);
    if (homeroom)
        turn_sheet(day, homeroom);
    return homeroom;
}

static struct mark make_mark(struct day *day)
{
    struct sheet *sheet = &day->sheet;
    sheet->left--;
    struct mark mark = {
        .id = new_id(day, &sheet->homeroom->organisation),
        .class = sheet->class,
        .learner = sheet->roster.items[day_random(day, sheet->roster.count)],
        .subject = sheet->subject,
        .kind = sheet->kind,
        .date = sheet->date,
        .lesson = {true, sheet->number},
        .teacher = sheet->teacher,
        .entered_at = {clock_now()},
        .organisation = sheet->homeroom->organisation,
    };
    choose_result(day, &mark);
    return mark;
}

/* ---- Changes of marks ---- */

static bool moves(const struct day *day, const struct mark *mark)
{
    const struct world_move *move = world_find(day->world, &mark->class).homeroom->move;
    return move && uuid_equal(&move->move.learner, &mark->learner);
}

/* Another result, now and then of another lesson or school day of the month. */
static struct mark make_correction(struct day *day, const struct mark *original)
{
    struct mark mark = *original;
    struct date date = day->dates[day_random(day, day->dates_count)];
    mark.id = new_id(day, &original->organisation);
    mark.replaces = original->id;
    mark.reason_code = MARK_REASON_ERROR + (unsigned)day_random(day, MARK_REASON_LATE_WORK);
    mark.points = mark.max_points = (struct optional){0};
    mark.value = 0;
    choose_result(day, &mark);
    if (happens(day, 20) && date_month(date).day == date_month(mark.date).day && !moves(day, &mark))
        mark.date = date;
    if (happens(day, 20))
        mark.lesson = (struct optional){0};
    return mark;
}

static struct mark make_withdrawal(struct day *day, const struct mark *original)
{
    return (struct mark){.id = new_id(day, &original->organisation),
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
    return happens(day, 70) ? make_correction(day, &original) : make_withdrawal(day, &original);
}

static void forget(struct day *day, const struct uuid *id)
{
    for (size_t i = 0; i < day->standing_count; i++)
        if (uuid_equal(&day->standing[i].id, id))
            day->standing[i] = day->standing[--day->standing_count];
}

void day_mark_accepted(struct day *day, const struct mark *mark)
{
    if (uuid_present(&mark->replaces))
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

size_t day_marks(struct day *day, struct mark *items, size_t count)
{
    size_t made = 0;
    for (; made < count; made++) {
        if (made > 0 && is_corrected_at_once(day, &items[made - 1]))
            items[made] = make_correction(day, &items[made - 1]);
        else if (day->standing_count && happens(day, 4))
            items[made] = make_change(day);
        else if (has_sheet(day))
            items[made] = make_mark(day);
        else
            break;
    }
    return made;
}

/* ---- What a sender gets wrong ---- */

enum { WRONG_CONTENT, WRONG_LEARNER, WRONG_DATE, WRONGS };

static struct date date_to_come(const struct day *day)
{
    return (struct date){day->today.day + 30};
}

/* A learner of another class, or NULL. */
static const struct uuid *any_stranger(struct day *day, const struct homeroom *homeroom)
{
    size_t own = (size_t)(homeroom - day->world->homerooms), count = day->world->count;
    if (count == 1)
        return NULL;
    size_t other = (own + 1 + day_random(day, count - 1)) % count;
    const struct homeroom *elsewhere = &day->world->homerooms[other];
    if (elsewhere->move && elsewhere->move == homeroom->move)
        return NULL;
    return &elsewhere->learners.items[day_random(day, elsewhere->learners.count)];
}

const char *day_bad_mark(struct day *day, struct mark *mark)
{
    if (!has_sheet(day))
        return NULL;
    *mark = make_mark(day);
    const struct uuid *stranger = any_stranger(day, day->sheet.homeroom);
    switch (day_random(day, WRONGS)) {
    case WRONG_CONTENT:
        mark->value = 0;
        mark->max_points = (struct optional){true, 10};
        mark->points = (struct optional){true, 11};
        return "above_maximum";
    case WRONG_LEARNER:
        if (stranger) {
            mark->learner = *stranger;
            return "not_enrolled";
        } /* fallthrough */
    default:
        mark->date = date_to_come(day);
        return "date_in_future";
    }
}

const char *day_bad_register(struct day *day, struct lesson_register *taken, struct arena *arena)
{
    struct class_found class = {any_homeroom(day), COUNTRY_GROUPS};
    if (!class.homeroom)
        return NULL;
    *taken = make_register(day, &class, day->dates[0], any_lesson(day, class.homeroom), arena);
    const struct uuid *stranger = any_stranger(day, class.homeroom);
    struct register_exception *exceptions = ARENA_ARRAY(arena, 2, struct register_exception);
    for (size_t i = 0; i < 2; i++)
        exceptions[i] = (struct register_exception){.learner = class.homeroom->learners.items[0],
                                                    .code = ABSENCE_ILL};
    switch (day_random(day, WRONGS)) {
    case WRONG_CONTENT:
        taken->exceptions = (struct list){exceptions, 2};
        return "duplicate_in_batch";
    case WRONG_LEARNER:
        if (stranger) {
            exceptions[0].learner = *stranger;
            taken->exceptions = (struct list){exceptions, 1};
            return "not_on_roster";
        } /* fallthrough */
    default:
        taken->date = date_to_come(day);
        return "date_in_future";
    }
}
