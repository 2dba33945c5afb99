#include "domain.h"

#include <stdlib.h>

#include "national/calendar.h"

static void check_date(struct date date, struct date today, struct problems *problems)
{
    if (date.day > today.day)
        problem_add(problems, "/date", "date_in_future");
    else if (date.day < calendar_oldest_taken(today).day)
        problem_add(problems, "/date", "date_too_old");
}

static void check_learners(const struct lesson_register *taken, struct problems *problems,
                           struct arena *arena)
{
    const struct register_exception *exceptions = taken->exceptions.items;
    for (size_t i = 0; i < taken->exceptions.count; i++)
        for (size_t j = 0; j < i; j++)
            if (uuid_equal(&exceptions[i].learner, &exceptions[j].learner))
                problem_add(problems, arena_printf(arena, "/exceptions/%zu/learner", i),
                            "duplicate_in_batch");
}

static void fingerprint(const struct record *record, const void *item, struct uuid *fingerprint)
{
    CLEANUP(buf_done) struct buf content = {0};
    record_encode_value(record, item, &content);
    str_fingerprint(buf_str(&content), fingerprint);
}

void register_prepare(void *item, struct date today, struct problems *problems, struct arena *arena)
{
    struct lesson_register *taken = item;
    check_date(taken->date, today, problems);
    check_learners(taken, problems, arena);
    fingerprint(&register_item, taken, &taken->fingerprint);
    taken->month = date_month(taken->date);
}

void absence_change_prepare(void *item, struct date today, struct problems *problems,
                            struct arena *arena)
{
    (void)today;
    (void)problems;
    (void)arena;
    struct absence_change *change = item;
    fingerprint(&absence_change_item, change, &change->fingerprint);
}
