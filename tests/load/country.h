/* A country that does not exist over a territory that does: bodies, schools, classes, people and
 * what connects them, the same for the same seed, scale and year.
 *
 * Nothing of it is kept but a row a school: a school's records are made when they are asked for,
 * from numbers. Of the nation's 7,859 schools and 3.9 million learners there is a share (`scale`),
 * spread over all of KATO: two thirds of the schools are rural and small, classes have 18 to 30
 * learners, one of three seats in the lower grades has a brother or sister five grades above. Sizes
 * follow domain.md; nothing is measured by them. Names and IINs are made up (national/names.h,
 * iin_make). */
#ifndef LOAD_COUNTRY_H
#define LOAD_COUNTRY_H

#include "base/arena.h"
#include "contracts/registry.h"
#include "national/kato.h"
#include "national/subjects.h"

enum {
    COUNTRY_SCHOOLS = 7859, /* at scale 1 */
    COUNTRY_GRADES = 11,
    COUNTRY_SUBJECTS = SUBJECTS_OF_CLASS, /* of a homeroom */
    COUNTRY_GROUPS = 2                    /* of a homeroom that is parted, for foreign language */
};

struct country_school {
    const struct kato_unit *place;
    size_t number;                   /* in the country */
    int parallels;                   /* homerooms of each grade */
    size_t first_parallel;           /* of all schools before it */
    enum teaching_language language; /* of most classes */
    bool mixed;                      /* every other class is of the other language */
    int shifts;                      /* 1 or 2 */
};

struct country {
    uint64_t seed;
    struct uuid root; /* the organisation from which all else hangs: the ministry */
    int year;         /* the academic year in which everyone is enrolled */
    struct country_school *schools;
    size_t school_count;
};

/* `scale` is 0.0001 to 1; at least one school. */
void country_open(struct country *country, uint64_t seed, double scale, const struct uuid *root,
                  int year);
void country_done(struct country *country);

/* Records are made in the arena, each after what it refers to. Bodies: a department of education
 * for each unit of the territory but the districts of the large cities. */
struct list country_bodies(const struct country *country, struct arena *arena);
struct list country_schools(const struct country *country, struct arena *arena);

/* Of one school: homerooms before their groups; teachers, learners, their parents. */
struct list country_classes(const struct country *country, const struct country_school *school,
                            struct arena *arena);
struct list country_people(const struct country *country, const struct country_school *school,
                           struct arena *arena);
struct list country_enrolments(const struct country *country, const struct country_school *school,
                               struct arena *arena);
struct list country_assignments(const struct country *country, const struct country_school *school,
                                struct arena *arena);
struct list country_guardians(const struct country *country, const struct country_school *school,
                              struct arena *arena);

/* The learners of the school's homeroom `index`, 0 to COUNTRY_GRADES * parallels - 1: as in
 * country_classes. */
struct uuids country_learners(const struct country *country, const struct country_school *school,
                              size_t index, struct arena *arena);

/* ---- What changes in the year ---- */

/* A learner goes to a school elsewhere in mid-term: what ends, and what begins. */
struct country_move {
    struct uuid learner;
    struct uuid from, to;   /* homerooms */
    size_t group;           /* of both, where they are parted */
    struct date date;       /* the first day in the new one */
    struct list enrolments; /* of struct enrolment: the old ones with their end, the new ones */
};

/* Those out of this school, of the whole year; a homeroom has at most one learner who comes or
 * goes. country_enrolments knows nothing of them. */
struct list country_moves(const struct country *country, const struct country_school *school,
                          struct arena *arena);

/* What the school's homeroom `index` learns, `number` 0 to COUNTRY_SUBJECTS - 1, then its groups;
 * and who teaches it that day. */
struct country_lesson {
    struct str subject;
    struct uuid teacher;
};
struct country_lesson country_lesson(const struct country *country,
                                     const struct country_school *school, size_t index, int number,
                                     struct date date);

/* The assignments of that day for lessons of the one who is ill. */
struct list country_substitutions(const struct country *country,
                                  const struct country_school *school, struct date date,
                                  struct arena *arena);

#endif
