#include "store.h"

#define PARAMETERS                                                  \
    "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, " \
    "$15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27"

const struct statement store_take_marks = {"take_marks",
                                           "select * from take_marks_call(" PARAMETERS ")"};
const struct statement store_take_marks_dry = {"take_marks_dry",
                                               "select * from take_marks_dry(" PARAMETERS ")"};

/* A page of what is `whose`; months are said for the planner, which knows no more of dates. */
#define PAGE_OF(whose)                                                                         \
    "select id, class, learner, subject, kind, work, points, max_points, value, date, lesson," \
    "       teacher, entered_at, replaces, reason_code, comment, reason, organisation,"        \
    "       recorded_at, withdrawn, history"                                                   \
    "  from mark_shown"                                                                        \
    " where " whose " and date between $2 and $3"                                              \
    "   and month between date_trunc('month', $2::timestamp)::date and $3"                     \
    "   and ($4::date is null or (date, id) < ($4, $5::uuid))"                                 \
    " order by date desc, id desc limit $6"

const struct statement store_learner_marks = {"learner_marks",
                                              PAGE_OF("learner in (select ids_of($1))")};
const struct statement store_journal = {"journal", PAGE_OF("class = $1")};

enum error store_make_months(struct db *db, struct date from, struct date to, struct err *err)
{
    static const struct statement statement = {"make_months", "select mark_make_months($1, $2)"};
    struct params params = {0};
    param_date(&params, from);
    param_date(&params, to);
    return db_exec(db, &statement, &params, NULL, err);
}
