#include "domain.h"

#include "national/calendar.h"

enum { FORMATIVE_MOST_POINTS = 10 }; /* order 125: formative work is marked with 1 to 10 points */

static void check_date(struct date date, struct date today, struct problems *problems)
{
    if (date.day > today.day)
        problem_add(problems, "/date", "date_in_future");
    else if (date.day < calendar_oldest_taken(today).day)
        problem_add(problems, "/date", "date_too_old");
}

static void check_kind(const struct mark *mark, struct problems *problems)
{
    if (mark->kind != MARK_FORMATIVE || !mark->points.present)
        return;
    if (mark->max_points.value > FORMATIVE_MOST_POINTS)
        problem_add(problems, "/max_points", "above_maximum");
    if (mark->points.value < 1)
        problem_add(problems, "/points", "below_minimum");
}

void mark_prepare(void *item, struct date today, struct problems *problems, struct arena *arena)
{
    (void)arena;
    struct mark *mark = item;
    check_date(mark->date, today, problems);
    check_kind(mark, problems);
    CLEANUP(buf_done) struct buf content = {0};
    record_encode_value(&mark_item, mark, &content);
    str_fingerprint(buf_str(&content), &mark->fingerprint);
    mark->month = date_month(mark->date);
}
