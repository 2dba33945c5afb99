#include "store.h"

#include "contracts/registers.h"

#define PARAMETERS                                                   \
    "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, " \
    "$15, $16, $17, $18, $19, $20, $21)"

const struct statement store_take_registers = {"take_registers",
                                               "select * from take_registers" PARAMETERS};
const struct statement store_dry_take_registers = {"dry_take_registers",
                                                   "select * from dry_take_registers" PARAMETERS};

static const struct field absence_view_fields[] = {
    FIELD_AS(absence_view, register_id, "register"),
    FIELD(absence_view, class),
    FIELD(absence_view, learner),
    FIELD(absence_view, subject),
    FIELD(absence_view, date),
    FIELD(absence_view, lesson),
    FIELD(absence_view, session, .values = &register_sessions),
    FIELD(absence_view, code, .values = &absence_codes),
    FIELD(absence_view, minutes),
    FIELD(absence_view, note),
};
const struct record absence_view_record = RECORD(absence_view, absence_view_fields);

const struct statement store_learner_absences = {
    "learner_absences",
    "select a.register, r.class, a.learner, r.subject, a.date, case when r.slot < 100 then "
    "r.slot::integer end as lesson,"
    "       case when r.slot > 100 then (r.slot - 100)::smallint end as session, a.code, "
    "a.minutes::integer, a.note"
    "  from absence a join register r on r.id = a.register and r.month = a.month"
    " where a.learner in (select ids_of($1)) and a.date between $2 and $3 and r.active"
    "   and ($4::date is null or (a.date, a.register) < ($4, $5::uuid))"
    " order by a.date desc, a.register desc limit $6"};

enum error store_make_months(struct db *db, struct date from, struct date to, struct err *err)
{
    static const struct statement statement = {"make_months",
                                               "select register_make_months($1, $2)"};
    struct params params = {0};
    param_date(&params, from);
    param_date(&params, to);
    return db_exec(db, &statement, &params, NULL, err);
}
