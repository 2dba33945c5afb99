/* What a school day brings: a register a lesson, marks, and changes of both of this run.
 *
 * Lessons of today come first, then those of the days before in this year; each (class, date,
 * lesson) once: what the ledger has is not sent again. On a day without school the last school day
 * counts as today. Shares of absences follow what schools report, roughly: nothing is measured by
 * them. */
#ifndef LOAD_DAY_H
#define LOAD_DAY_H

#include "contracts/marks.h"
#include "contracts/registers.h"
#include "world.h"

enum { DAY_LESSONS = 6, DAYS_MOST = 60, DAY_STANDING_MOST = 256 };

/* A lesson whose marks a teacher enters, one after the other. */
struct sheet {
    const struct homeroom *homeroom;
    struct uuid class; /* the homeroom, or a group */
    struct uuids roster;
    struct str subject;
    struct uuid teacher;
    struct date date;
    enum mark_kind kind;
    int number, left; /* of the lesson; marks to come */
    struct arena arena;
};

struct day {
    const struct world *world;
    uint64_t random;
    bool quarter_end; /* many summative marks; to be set */
    struct sheet sheet;
    struct date today;            /* as the calendar has it */
    struct date dates[DAYS_MOST]; /* school days, the newest first */
    size_t dates_count;
    uint8_t *taken;     /* a bit a slot: [date][lesson][class] */
    size_t next, begun; /* slots; those from `begun` on are to come */
    struct mark
        standing[DAY_STANDING_MOST]; /* some accepted marks, which may be changed once more */
    size_t standing_count;
    struct standing_register {
        struct lesson_register taken; /* without its exceptions */
        size_t under_way;             /* items that change it; 0: it may be changed */
    } registers[DAY_STANDING_MOST];
    size_t registers_count;
};

/* `world` is borrowed; `seed` decides all that is random. */
void day_open(struct day *day, const struct world *world, struct date today, uint64_t seed);
void day_done(struct day *day);

/* After midnight there are new lessons, and nothing stands. */
void day_turn(struct day *day, struct date today);

/* This lesson has its register. */
void day_take(struct day *day, const struct uuid *class, struct date date, int lesson);

/* Only so many lessons have begun, LESSON_MAX a day: others have no registers yet. */
void day_begin_lessons(struct day *day, size_t lessons);

/* At most `count` registers of lessons that have none, or one more where a lesson is held in
 * groups; less when there are no more. A few replace or withdraw one that stands; behind a
 * withdrawal the lesson often has its register anew. */
size_t day_registers(struct day *day, struct lesson_register *items, size_t count,
                     struct arena *arena);

/* At most `count` changes of absences of registers that stand, now and then several of one learner.
 */
size_t day_absence_changes(struct day *day, struct absence_change *items, size_t count,
                           struct arena *arena);

/* This register or change was accepted: what it changed may be changed once more. */
void day_register_accepted(struct day *day, const struct lesson_register *taken);
void day_absence_change_accepted(struct day *day, const struct absence_change *change);

/* At most `count` marks, less where all classes are held; a few of them correct or withdraw one
 * that stands, or the one before them. */
size_t day_marks(struct day *day, struct mark *items, size_t count);

/* This mark was accepted: it stands in the place of the one that it replaces. */
void day_mark_accepted(struct day *day, const struct mark *mark);

/* An item that must be refused, whenever it is sent; returns with which code, or NULL where there
 * is none. */
const char *day_bad_mark(struct day *day, struct mark *mark);
const char *day_bad_register(struct day *day, struct lesson_register *taken, struct arena *arena);

/* A number below `below` (at least 1). */
uint64_t day_random(struct day *day, uint64_t below);

#endif
