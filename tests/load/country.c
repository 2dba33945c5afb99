#include "country.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "national/calendar.h"
#include "national/iin.h"
#include "national/names.h"

enum {
    CLASS_LEAST = 18,
    CLASS_MOST = 30,
    SEATS = 32,         /* numbers of a class's seats are apart by so many */
    SIBLINGS_APART = 5, /* grades */
    GROUPS_FROM_GRADE = 5,
    ASSIGNMENTS = 16,     /* numbers of a class's assignments are apart by so many */
    TEACHERS = 4096,      /* of a school's teachers */
    MOVE_LEAST_DAYS = 10, /* after the year's start */
    MOVE_DAYS = 250,
    YEAR_DAYS = 512, /* numbers of a year's days are apart by so many */
    MONTH_DAYS = 28,
    BIRTHDAYS = 12 * MONTH_DAYS,
    PARENT_LEAST_YEARS = 28,
    PARENT_YEARS = 16, /* so many years of birth */
    TEACHER_LEAST_YEARS = 44,
    TEACHER_YEARS = 20,
    SERIAL_FIRST = 4000, /* those below are the demo's */
    SERIAL_STEP = 1500,
    SERIAL_LAST = 9999
};

/* What an id is of; part of it. */
enum thing {
    THING_BODY = 1,
    THING_SCHOOL,
    THING_HOMEROOM,
    THING_GROUP,
    THING_LEARNER,
    THING_MOTHER,
    THING_FATHER,
    THING_TEACHER,
    THING_ENROLMENT,
    THING_GROUP_ENROLMENT,
    THING_MOTHER_LINK,
    THING_FATHER_LINK,
    THING_ASSIGNMENT,
    THING_MOVE,
    THING_GROUP_MOVE,
    THING_SUBSTITUTION,
    THING_CHANCE
};

/* ---- Numbers ---- */

struct key {
    uint64_t seed, thing, number;
};

static struct uuid hash_of(const struct country *country, enum thing thing, uint64_t number)
{
    const struct key key = {country->seed, thing, number};
    struct uuid hash;
    str_fingerprint((struct str){(const char *)&key, sizeof key}, &hash);
    return hash;
}

/* Chance, always the same for the same number. */
static uint64_t chance(const struct country *country, uint64_t number, uint64_t below)
{
    struct uuid hash = hash_of(country, THING_CHANCE, number);
    uint64_t value;
    memcpy(&value, hash.bytes, sizeof value);
    return value % below;
}

/* Version 8, our own. Ids of a third of the schools are scattered, as those are that a system
 * computes from its own (v5); the others rise with the numbers, as v7 does with time. */
static struct uuid id_of(const struct country *country, enum thing thing, uint64_t number,
                         bool scattered)
{
    struct uuid id = hash_of(country, thing, number);
    for (int i = 0; !scattered && i < 6; i++)
        id.bytes[i] = (uint8_t)(number >> (40 - 8 * i));
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x80);
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
    return id;
}

static bool is_scattered(const struct country_school *school)
{
    return school->number % 3 == 0;
}

/* ---- The territory ---- */

/* Schools for each unit of a kind, roughly: 68 of 100 are rural, 8 are in the three large cities.
 */
static unsigned weight_of(const struct kato_unit *unit)
{
    static const unsigned weights[KATO_KINDS] = {
        [KATO_DISTRICT] = 40, [KATO_CITY] = 62, [KATO_CITY_DISTRICT] = 43};
    return unit->child_count ? 0 : weights[unit->kind];
}

static bool is_rural(const struct kato_unit *unit)
{
    return unit->kind == KATO_DISTRICT;
}

/* Schools of the republican cities hang from the city's own department. */
static const struct kato_unit *place_of_department(const struct kato_unit *unit)
{
    return unit->kind == KATO_CITY_DISTRICT ? unit->parent : unit;
}

static struct uuid body_id(const struct country *country, const struct kato_unit *unit)
{
    size_t count;
    if (unit == kato_root())
        return country->root;
    return id_of(country, THING_BODY, (uint64_t)(unit - kato_units(&count)), true);
}

/* ---- Schools ---- */

static int any_parallels(const struct country *country, const struct country_school *school)
{
    static const unsigned rural[] = {70, 95, 100}, urban[] = {0, 35, 70, 90, 100};
    const unsigned *below = is_rural(school->place) ? rural : urban;
    uint64_t throw = chance(country, school->number * 4, 100);
    int parallels = 1;
    while (throw >= below[parallels - 1])
        parallels++;
    return parallels;
}

static void school_open(const struct country *country, struct country_school *school)
{
    school->parallels = any_parallels(country, school);
    school->language =
        chance(country, school->number * 4 + 1, 100) < 70 ? TEACHING_KK : TEACHING_RU;
    school->mixed = school->parallels > 1 && chance(country, school->number * 4 + 2, 100) < 25;
    school->shifts = chance(country, school->number * 4 + 3, 100) < 63 ? 2 : 1;
    if (school->number)
        school->first_parallel = school[-1].first_parallel + (size_t)school[-1].parallels;
}

/* So many schools in all units up to that share of the weights. */
static size_t schools_until(const struct country *country, unsigned weight, unsigned all)
{
    return (country->school_count * weight + all / 2) / all;
}

static void place_schools(struct country *country)
{
    size_t count, next = 0;
    const struct kato_unit *units = kato_units(&count);
    unsigned all = 0, until = 0;
    for (size_t i = 0; i < count; i++)
        all += weight_of(&units[i]);
    for (size_t i = 0; i < count; i++) {
        until += weight_of(&units[i]);
        for (; next < schools_until(country, until, all); next++) {
            country->schools[next] = (struct country_school){.place = &units[i], .number = next};
            school_open(country, &country->schools[next]);
        }
    }
}

void country_open(struct country *country, uint64_t seed, double scale, const struct uuid *root,
                  int year)
{
    size_t schools = (size_t)fmax(1, round(COUNTRY_SCHOOLS * scale));
    *country = (struct country){.seed = seed, .root = *root, .year = year, .school_count = schools};
    country->schools = mem_alloc(schools * sizeof *country->schools);
    place_schools(country);
}

void country_done(struct country *country)
{
    free(country->schools);
    *country = (struct country){0};
}

/* ---- Organisations ---- */

static struct organisation make_body(const struct country *country, const struct kato_unit *unit,
                                     struct arena *arena)
{
    static const struct {
        const char *kk, *ru;
        enum organisation_kind kind;
    } of[] = {{"Білім басқармасы", "Управление образования", ORGANISATION_REGION_DEPARTMENT},
              {"Білім бөлімі", "Отдел образования", ORGANISATION_DISTRICT_DEPARTMENT}};
    size_t level = unit->parent == kato_root() ? 0 : 1;
    return (struct organisation){
        .id = body_id(country, unit),
        .name = {str_from(arena_printf(arena, "%s, %.*s", of[level].kk, STR_ARG(unit->kk))),
                 str_from(arena_printf(arena, "%s, %.*s", of[level].ru, STR_ARG(unit->ru)))},
        .kind = of[level].kind,
        .kato = unit->code,
        .subordinate_to = body_id(country, unit->parent),
        .ownership = OWNERSHIP_STATE,
        .valid_from = date_make(2020, 1, 1),
    };
}

struct list country_bodies(const struct country *country, struct arena *arena)
{
    size_t count, made = 0;
    const struct kato_unit *units = kato_units(&count);
    struct organisation *all = ARENA_ARRAY(arena, count, struct organisation);
    for (size_t i = 0; i < count; i++)
        if (units[i].parent && units[i].kind != KATO_CITY_DISTRICT)
            all[made++] = make_body(country, &units[i], arena);
    return (struct list){all, made};
}

static struct uuid school_id(const struct country *country, const struct country_school *school)
{
    return id_of(country, THING_SCHOOL, school->number, is_scattered(school));
}

static uint32_t languages_of(const struct country_school *school)
{
    return school->mixed ? 1u << TEACHING_KK | 1u << TEACHING_RU : 1u << school->language;
}

static struct organisation make_school(const struct country *country,
                                       const struct country_school *school, struct arena *arena)
{
    unsigned long number = (unsigned long)school->number + 1;
    const struct kato_unit *place = school->place;
    return (struct organisation){
        .id = school_id(country, school),
        .name = {str_from(
                     arena_printf(arena, "№ %lu орта мектеп, %.*s", number, STR_ARG(place->kk))),
                 str_from(
                     arena_printf(arena, "Средняя школа № %lu, %.*s", number, STR_ARG(place->ru)))},
        .kind = ORGANISATION_SCHOOL,
        .kato = place->code,
        .subordinate_to = body_id(country, place_of_department(place)),
        .ownership = OWNERSHIP_STATE,
        .languages.bits = languages_of(school),
        .shifts = school->shifts,
        .valid_from = date_make(2020, 1, 1),
    };
}

struct list country_schools(const struct country *country, struct arena *arena)
{
    struct organisation *all = ARENA_ARRAY(arena, country->school_count, struct organisation);
    for (size_t i = 0; i < country->school_count; i++)
        all[i] = make_school(country, &country->schools[i], arena);
    return (struct list){all, country->school_count};
}

/* ---- Homerooms ---- */

/* A homeroom of a school; `number` is its own in the whole country. */
struct room {
    const struct country_school *school;
    int grade, parallel;
    uint64_t number;
    int learners;
    enum teaching_language language;
    bool parted; /* into groups for foreign language */
};

static size_t room_count(const struct country_school *school)
{
    return (size_t)school->parallels * COUNTRY_GRADES;
}

static struct room room_of(const struct country *country, const struct country_school *school,
                           int grade, int parallel)
{
    struct room room = {.school = school, .grade = grade, .parallel = parallel};
    bool other = school->mixed && parallel % 2;
    room.number =
        (school->first_parallel + (uint64_t)parallel) * COUNTRY_GRADES + (uint64_t)grade - 1;
    uint64_t throw =
        chance(country, (UINT64_C(1) << 40) + room.number, 3 * (CLASS_MOST - CLASS_LEAST + 1));
    room.learners = CLASS_LEAST + (int)(throw / 3);
    room.language = other ? TEACHING_KK + TEACHING_RU - school->language : school->language;
    room.parted = grade >= GROUPS_FROM_GRADE && throw % 3 == 0;
    return room;
}

/* Rooms by number from 0 within the school. */
static struct room room_at(const struct country *country, const struct country_school *school,
                           size_t index)
{
    return room_of(country, school, 1 + (int)(index / (size_t)school->parallels),
                   (int)(index % (size_t)school->parallels));
}

static struct uuid room_id(const struct country *country, const struct room *room)
{
    return id_of(country, THING_HOMEROOM, room->number, is_scattered(room->school));
}

static struct uuid group_id(const struct country *country, const struct room *room, int group)
{
    return id_of(country, THING_GROUP, room->number * COUNTRY_GROUPS + (uint64_t)group,
                 is_scattered(room->school));
}

static struct class make_homeroom(const struct country *country, const struct room *room,
                                  struct arena *arena)
{
    static const char *const letters_kk[] = {"А", "Ә", "Б", "В", "Г"};
    static const char *const letters_ru[] = {"А", "Б", "В", "Г", "Д"};
    const char *const *letters = room->language == TEACHING_KK ? letters_kk : letters_ru;
    return (struct class){
        .id = room_id(country, room),
        .organisation = school_id(country, room->school),
        .name = str_from(arena_printf(arena, "%d «%s»", room->grade, letters[room->parallel])),
        .type = CLASS_HOMEROOM,
        .grade = room->grade,
        .language = room->language,
        .shift = room->school->shifts == 2 && room->grade % 3 == 0 ? 2 : 1,
        .academic_year = country->year,
    };
}

static struct class make_group(const struct country *country, const struct room *room, int group,
                               const struct class *homeroom, struct arena *arena)
{
    struct class made = *homeroom;
    made.id = group_id(country, room, group);
    made.name = str_from(arena_printf(arena, "%.*s, %d", STR_ARG(homeroom->name), group + 1));
    made.type = CLASS_GROUP;
    made.of = (struct uuids){&homeroom->id, 1};
    made.subject = STR("english");
    return made;
}

struct list country_classes(const struct country *country, const struct country_school *school,
                            struct arena *arena)
{
    size_t rooms = room_count(school), made = rooms;
    struct class *all = ARENA_ARRAY(arena, rooms * (1 + COUNTRY_GROUPS), struct class);
    for (size_t i = 0; i < rooms; i++) {
        struct room room = room_at(country, school, i);
        all[i] = make_homeroom(country, &room, arena);
        for (int group = 0; room.parted && group < COUNTRY_GROUPS; group++)
            all[made++] = make_group(country, &room, group, &all[i], arena);
    }
    return (struct list){all, made};
}

/* ---- People ---- */

/* Who sits where in a room; a number that is one's own in the country. */
static uint64_t seat_number(const struct room *room, int seat)
{
    return room->number * SEATS + (uint64_t)seat;
}

static struct uuid learner_id(const struct country *country, const struct room *room, int seat)
{
    return id_of(country, THING_LEARNER, seat_number(room, seat), is_scattered(room->school));
}

static size_t learner_count(const struct country *country, const struct country_school *school)
{
    size_t count = 0;
    for (size_t i = 0; i < room_count(school); i++)
        count += (size_t)room_at(country, school, i).learners;
    return count;
}

/* The seat by which the family goes: one's own, or that of a sister or brother in a lower grade. */
static uint64_t family_of(const struct country *country, const struct room *room, int seat)
{
    if (seat % 3 || room->grade <= SIBLINGS_APART + 1)
        return seat_number(room, seat);
    struct room lower =
        room_of(country, room->school, room->grade - SIBLINGS_APART, room->parallel);
    return seat < lower.learners ? seat_number(&lower, seat) : seat_number(room, seat);
}

static bool has_father(const struct country *country, uint64_t family)
{
    return chance(country, (UINT64_C(2) << 40) + family, 3) == 0;
}

/* `number` is one's own among all who may be born in these `years` years. */
struct birth {
    int least_years, years;
    uint64_t number;
};

static struct date birth_date(const struct country *country, const struct birth *birth)
{
    int year = country->year - birth->least_years - (int)(birth->number % (uint64_t)birth->years);
    int day = (int)(birth->number / (uint64_t)birth->years % BIRTHDAYS);
    return date_make(year, 1 + day / MONTH_DAYS, 1 + day % MONTH_DAYS);
}

/* Each its own. Some serials have no control digit; who finds none has no IIN: a few in a billion.
 */
static struct list made_up_iin(const struct birth *birth, struct date date, enum iin_sex sex,
                               struct arena *arena)
{
    char text[IIN_LEN + 1];
    struct identifier *iin = ARENA_NEW(arena, struct identifier);
    unsigned serial = (unsigned)(birth->number / (uint64_t)birth->years / BIRTHDAYS);
    ensure(serial < SERIAL_STEP);
    for (serial += SERIAL_FIRST; !iin_make(date, sex, serial, text); serial += SERIAL_STEP)
        if (serial + SERIAL_STEP > SERIAL_LAST)
            return (struct list){0};
    *iin = (struct identifier){
        .type = IDENTIFIER_IIN,
        .value = str_copy(arena, str_from(text)),
        .status = IDENTIFIER_DECLARED,
    };
    return (struct list){iin, 1};
}

static struct person make_person(const struct country *country, struct uuid id,
                                 enum person_role role, bool female, bool russian,
                                 const struct birth *birth, struct arena *arena)
{
    struct names_person names = names_make(arena, birth->number, female);
    struct date date = birth_date(country, birth);
    return (struct person){
        .id = id,
        .names = russian ? (struct person_names){names.family_ru, names.given_ru, names.middle_ru}
                         : (struct person_names){names.family_kk, names.given_kk, names.middle_kk},
        .birth_date = date,
        .sex = female ? SEX_FEMALE : SEX_MALE,
        .identifiers = made_up_iin(birth, date, female ? IIN_FEMALE : IIN_MALE, arena),
        .roles.bits = 1u << role,
    };
}

static struct person make_learner(const struct country *country, const struct room *room, int seat,
                                  struct arena *arena)
{
    uint64_t in_grade = room->number / COUNTRY_GRADES * SEATS + (uint64_t)seat;
    struct birth birth = {room->grade + 6, 1, in_grade};
    return make_person(country, learner_id(country, room, seat), PERSON_LEARNER,
                       chance(country, seat_number(room, seat), 2), room->language == TEACHING_RU,
                       &birth, arena);
}

static struct uuid parent_id(const struct country *country, const struct country_school *school,
                             uint64_t family, bool mother)
{
    return id_of(country, mother ? THING_MOTHER : THING_FATHER, family, is_scattered(school));
}

static size_t add_parents(const struct country *country, const struct room *room, uint64_t family,
                          struct person *people, struct arena *arena)
{
    struct birth birth = {PARENT_LEAST_YEARS, PARENT_YEARS, family};
    size_t count = has_father(country, family) ? 2 : 1;
    for (size_t i = 0; i < count; i++)
        people[i] =
            make_person(country, parent_id(country, room->school, family, i == 0), PERSON_GUARDIAN,
                        i == 0, room->language == TEACHING_RU, &birth, arena);
    return count;
}

static size_t add_room(const struct country *country, const struct room *room,
                       struct person *people, struct arena *arena)
{
    size_t count = 0;
    for (int seat = 0; seat < room->learners; seat++) {
        uint64_t family = family_of(country, room, seat);
        people[count++] = make_learner(country, room, seat, arena);
        if (family == seat_number(room, seat))
            count += add_parents(country, room, family, people + count, arena);
    }
    return count;
}

static size_t teacher_count(const struct country_school *school)
{
    return 2 * room_count(school) + 2;
}

static uint64_t teacher_number(const struct country_school *school, size_t teacher)
{
    return school->number * TEACHERS + teacher % teacher_count(school);
}

static struct uuid teacher_id(const struct country *country, const struct country_school *school,
                              size_t teacher)
{
    return id_of(country, THING_TEACHER, teacher_number(school, teacher), is_scattered(school));
}

static struct person make_teacher(const struct country *country,
                                  const struct country_school *school, size_t teacher,
                                  struct arena *arena)
{
    /* Numbers without the gaps between schools. */
    uint64_t number = 2 * (school->first_parallel * COUNTRY_GRADES + school->number) + teacher;
    struct birth birth = {TEACHER_LEAST_YEARS, TEACHER_YEARS, number};
    return make_person(country, teacher_id(country, school, teacher), PERSON_STAFF, number % 5 != 0,
                       school->language == TEACHING_RU, &birth, arena);
}

struct list country_people(const struct country *country, const struct country_school *school,
                           struct arena *arena)
{
    size_t teachers = teacher_count(school), count = 0;
    struct person *all =
        ARENA_ARRAY(arena, teachers + 3 * learner_count(country, school), struct person);
    for (size_t i = 0; i < teachers; i++)
        all[count++] = make_teacher(country, school, i, arena);
    for (size_t i = 0; i < room_count(school); i++) {
        struct room room = room_at(country, school, i);
        count += add_room(country, &room, all + count, arena);
    }
    return (struct list){all, count};
}

/* ---- What connects them ---- */

static struct enrolment make_enrolment(const struct country *country, const struct room *room,
                                       int seat, bool in_group)
{
    uint64_t number = seat_number(room, seat);
    return (struct enrolment){
        .id = id_of(country, in_group ? THING_GROUP_ENROLMENT : THING_ENROLMENT, number,
                    is_scattered(room->school)),
        .learner = learner_id(country, room, seat),
        .class = in_group ? group_id(country, room, seat % COUNTRY_GROUPS) : room_id(country, room),
        .from = calendar_year_start(country->year),
        .mode = ENROLMENT_CLASS,
    };
}

struct list country_enrolments(const struct country *country, const struct country_school *school,
                               struct arena *arena)
{
    size_t count = 0;
    struct enrolment *all =
        ARENA_ARRAY(arena, 2 * learner_count(country, school), struct enrolment);
    for (size_t i = 0; i < room_count(school); i++) {
        struct room room = room_at(country, school, i);
        for (int seat = 0; seat < room.learners; seat++) {
            all[count++] = make_enrolment(country, &room, seat, false);
            if (room.parted)
                all[count++] = make_enrolment(country, &room, seat, true);
        }
    }
    return (struct list){all, count};
}

/* `slot`: 0 the class teacher, who teaches the first subject, too, then the subjects, then the
 * groups. */
static size_t teacher_of(const struct country_school *school, size_t room_index, int slot)
{
    return (room_index * 2 + (slot <= 1 ? 0 : (size_t)slot * 5)) % teacher_count(school);
}

static struct assignment make_assignment(const struct country *country, const struct room *room,
                                         size_t room_index, int slot)
{
    bool of_group = slot > COUNTRY_SUBJECTS;
    return (struct assignment){
        .id = id_of(country, THING_ASSIGNMENT, room->number * ASSIGNMENTS + (uint64_t)slot,
                    is_scattered(room->school)),
        .teacher = teacher_id(country, room->school, teacher_of(room->school, room_index, slot)),
        .class = of_group ? group_id(country, room, slot - COUNTRY_SUBJECTS - 1)
                          : room_id(country, room),
        .subject = of_group ? STR("english")
                   : slot   ? str_from(subject_of_grade(room->grade, slot - 1))
                            : (struct str){0},
        .kind = slot ? ASSIGNMENT_MAIN : ASSIGNMENT_CLASS_TEACHER,
        .from = calendar_year_start(country->year),
    };
}

struct list country_assignments(const struct country *country, const struct country_school *school,
                                struct arena *arena)
{
    enum { MOST = 1 + COUNTRY_SUBJECTS + COUNTRY_GROUPS };
    size_t rooms = room_count(school), count = 0;
    struct assignment *all = ARENA_ARRAY(arena, rooms * MOST, struct assignment);
    for (size_t i = 0; i < rooms; i++) {
        struct room room = room_at(country, school, i);
        for (int slot = 0; slot <= COUNTRY_SUBJECTS + (room.parted ? COUNTRY_GROUPS : 0); slot++)
            all[count++] = make_assignment(country, &room, i, slot);
    }
    return (struct list){all, count};
}

static struct guardian make_link(const struct country *country, const struct room *room, int seat,
                                 uint64_t family, bool mother)
{
    return (struct guardian){
        .id = id_of(country, mother ? THING_MOTHER_LINK : THING_FATHER_LINK,
                    seat_number(room, seat), is_scattered(room->school)),
        .learner = learner_id(country, room, seat),
        .guardian = parent_id(country, room->school, family, mother),
        .relation = mother ? GUARDIAN_MOTHER : GUARDIAN_FATHER,
        .legal_basis = BASIS_PARENT,
        .rights.bits = 1u << RIGHT_MARKS | 1u << RIGHT_ATTENDANCE | 1u << RIGHT_MESSAGES |
                       1u << RIGHT_APPLICATIONS,
        .from = calendar_year_start(country->year),
        .status = GUARDIAN_CONFIRMED,
    };
}

struct list country_guardians(const struct country *country, const struct country_school *school,
                              struct arena *arena)
{
    size_t count = 0;
    struct guardian *all = ARENA_ARRAY(arena, 2 * learner_count(country, school), struct guardian);
    for (size_t i = 0; i < room_count(school); i++) {
        struct room room = room_at(country, school, i);
        for (int seat = 0; seat < room.learners; seat++) {
            uint64_t family = family_of(country, &room, seat);
            all[count++] = make_link(country, &room, seat, family, true);
            if (has_father(country, family))
                all[count++] = make_link(country, &room, seat, family, false);
        }
    }
    return (struct list){all, count};
}

struct uuids country_learners(const struct country *country, const struct country_school *school,
                              size_t index, struct arena *arena)
{
    struct room room = room_at(country, school, index);
    struct uuid *ids = ARENA_ARRAY(arena, (size_t)room.learners, struct uuid);
    for (int seat = 0; seat < room.learners; seat++)
        ids[seat] = learner_id(country, &room, seat);
    return (struct uuids){ids, (size_t)room.learners};
}

/* ---- What changes in the year ---- */

/* From every other school to the next one, in half of the grades, one learner. */
static bool has_move(const struct country *country, const struct country_school *school,
                     const struct room *room)
{
    return school->number % 2 == 0 && school->number + 1 < country->school_count &&
           chance(country, (UINT64_C(3) << 40) + room->number, 2) == 0;
}

static void enrol_anew(const struct country *country, const struct room *from, int seat,
                       const struct room *to, struct country_move *move,
                       struct enrolment enrolments[])
{
    for (int in_group = 0; in_group <= from->parted; in_group++) {
        enrolments[move->enrolments.count] = make_enrolment(country, from, seat, in_group);
        enrolments[move->enrolments.count++].to = (struct date){move->date.day - 1};
    }
    for (int in_group = 0; in_group <= to->parted; in_group++)
        enrolments[move->enrolments.count++] = (struct enrolment){
            .id = id_of(country, in_group ? THING_GROUP_MOVE : THING_MOVE, seat_number(from, seat),
                        is_scattered(to->school)),
            .learner = move->learner,
            .class = in_group ? group_id(country, to, seat % COUNTRY_GROUPS) : move->to,
            .from = move->date,
            .mode = ENROLMENT_CLASS,
        };
}

static struct country_move make_move(const struct country *country, const struct room *from,
                                     const struct room *to, struct arena *arena)
{
    enum { MOST = 4 };
    uint64_t throw =
        chance(country, (UINT64_C(4) << 40) + from->number, (uint64_t)from->learners * MOVE_DAYS);
    int seat = (int)(throw / MOVE_DAYS), days = MOVE_LEAST_DAYS + (int)(throw % MOVE_DAYS);
    struct enrolment *enrolments = ARENA_ARRAY(arena, MOST, struct enrolment);
    struct country_move move = {
        .learner = learner_id(country, from, seat),
        .from = room_id(country, from),
        .to = room_id(country, to),
        .group = (size_t)seat % COUNTRY_GROUPS,
        .date = {calendar_year_start(country->year).day + days},
        .enrolments = {enrolments, 0},
    };
    enrol_anew(country, from, seat, to, &move, enrolments);
    return move;
}

struct list country_moves(const struct country *country, const struct country_school *school,
                          struct arena *arena)
{
    struct country_move *all = ARENA_ARRAY(arena, COUNTRY_GRADES, struct country_move);
    size_t count = 0;
    for (int grade = 1; grade <= COUNTRY_GRADES; grade++) {
        struct room from = room_of(country, school, grade, 0);
        if (!has_move(country, school, &from))
            continue;
        struct room to = room_of(country, school + 1, grade, 0);
        all[count++] = make_move(country, &from, &to, arena);
    }
    return (struct list){all, count};
}

/* In a third of the schools a teacher is ill on a day; the number of teachers: nobody is. */
static size_t teacher_who_is_ill(const struct country *country, const struct country_school *school,
                                 struct date date)
{
    size_t teachers = teacher_count(school);
    uint64_t day = (uint64_t)(date.day - calendar_year_start(country->year).day) % YEAR_DAYS;
    uint64_t throw =
        chance(country, (UINT64_C(5) << 40) + school->number * YEAR_DAYS + day, 3 * teachers);
    return MIN_OF((size_t) throw, teachers);
}

struct country_lesson country_lesson(const struct country *country,
                                     const struct country_school *school, size_t index, int number,
                                     struct date date)
{
    struct room room = room_at(country, school, index);
    struct assignment assignment = make_assignment(country, &room, index, 1 + number);
    struct country_lesson lesson = {assignment.subject, assignment.teacher};
    size_t teacher = teacher_of(school, index, 1 + number);
    if (teacher == teacher_who_is_ill(country, school, date))
        lesson.teacher = teacher_id(country, school, teacher + 1);
    return lesson;
}

static struct assignment make_substitution(const struct country *country, const struct room *room,
                                           size_t room_index, int slot, struct date date)
{
    struct assignment made = make_assignment(country, room, room_index, slot);
    uint64_t day = (uint64_t)(date.day - calendar_year_start(country->year).day) % YEAR_DAYS;
    uint64_t number = (room->number * ASSIGNMENTS + (uint64_t)slot) * YEAR_DAYS + day;
    made.id = id_of(country, THING_SUBSTITUTION, number, is_scattered(room->school));
    made.teacher =
        teacher_id(country, room->school, teacher_of(room->school, room_index, slot) + 1);
    made.kind = ASSIGNMENT_SUBSTITUTE;
    made.from = made.to = date;
    return made;
}

struct list country_substitutions(const struct country *country,
                                  const struct country_school *school, struct date date,
                                  struct arena *arena)
{
    size_t ill = teacher_who_is_ill(country, school, date), count = 0, rooms = room_count(school);
    struct assignment *all =
        ARENA_ARRAY(arena, rooms * (COUNTRY_SUBJECTS + COUNTRY_GROUPS), struct assignment);
    for (size_t i = 0; i < rooms; i++) {
        struct room room = room_at(country, school, i);
        int last = COUNTRY_SUBJECTS + (room.parted ? COUNTRY_GROUPS : 0);
        for (int slot = 1; slot <= last; slot++)
            if (teacher_of(school, i, slot) == ill)
                all[count++] = make_substitution(country, &room, i, slot, date);
    }
    return (struct list){all, count};
}
