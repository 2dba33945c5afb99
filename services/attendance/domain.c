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

/* Replacing and withdrawing are not taken yet: a fact is recorded or refused, never half
 * understood. */
static void check_change(const struct lesson_register *taken, struct problems *problems)
{
    if (uuid_present(&taken->replaces))
        problem_add(problems, "/replaces", "unknown_field");
    if (uuid_present(&taken->withdraws))
        problem_add(problems, "/withdraws", "unknown_field");
}

void register_prepare(void *item, struct date today, struct problems *problems, struct arena *arena)
{
    struct lesson_register *taken = item;
    check_date(taken->date, today, problems);
    check_learners(taken, problems, arena);
    check_change(taken, problems);
    CLEANUP(buf_done) struct buf content = {0};
    record_encode_value(&register_item, taken, &content);
    str_fingerprint(buf_str(&content), &taken->fingerprint);
    taken->month = date_month(taken->date);
}
