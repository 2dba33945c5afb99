#include "store.h"

#define PARAMETERS                                                  \
    "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, " \
    "$15, $16, $17, $18, $19, $20, $21, $22, $23"

const struct statement store_take_registers = {"take_registers",
                                               "select * from take_registers_call(" PARAMETERS ")"};
const struct statement store_take_registers_dry = {
    "take_registers_dry", "select * from take_registers_dry(" PARAMETERS ")"};

#define CHANGE_PARAMETERS "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14"

const struct statement store_take_absence_changes = {
    "take_absence_changes", "select * from take_absence_changes_call(" CHANGE_PARAMETERS ")"};
const struct statement store_take_absence_changes_dry = {
    "take_absence_changes_dry", "select * from take_absence_changes_dry(" CHANGE_PARAMETERS ")"};

/* ---- Reading ---- */

static const struct field before_fields[] = {
    FIELD(absence_before, code, .values = &recoded_codes),
    FIELD(absence_before, minutes),
};
static const struct record before_record = RECORD(absence_before, before_fields);

static const struct field recoding_fields[] = {
    FIELD(recoding, id),
    FIELD(recoding, code, .values = &recoded_codes),
    FIELD(recoding, minutes, .about = "Late by so many."),
    FIELD(recoding, before, .record = &before_record, .about = "What it was."),
    FIELD(recoding, reason_code, .values = &register_reasons),
    FIELD(recoding, reason, .max = 500, .text = TEXT_FREE),
    FIELD(recoding, by, .about = "The organisation or body whose system sent it."),
    FIELD(recoding, recorded_at, .about = "When it was taken here."),
};
const struct record recoding_record = RECORD(recoding, recoding_fields);

#define ABSENCE_FIELDS                                                             \
    FIELD(absence_view, code, .values = &recoded_codes, .about = "As it stands."), \
        FIELD(absence_view, minutes, .about = "Late by so many."),                 \
        FIELD(absence_view, note, .max = 300, .text = TEXT_FREE),                  \
        FIELD(absence_view, history, .record = &recoding_record,                   \
              .about = "Its re-codings, the newest first.")

static const struct field absence_view_fields[] = {
    FIELD_AS(absence_view, register_id, "register"),
    FIELD(absence_view, class),
    FIELD(absence_view, learner),
    FIELD(absence_view, subject, .about = "Code of the reference data, list `subject`."),
    FIELD(absence_view, date),
    FIELD(absence_view, lesson, .about = "Its number in the day."),
    FIELD(absence_view, session, .values = &register_sessions, .about = "Instead of a lesson."),
    ABSENCE_FIELDS,
};
const struct record absence_view_record = RECORD(absence_view, absence_view_fields);

static const struct field exception_fields[] = {FIELD(absence_view, learner), ABSENCE_FIELDS};
const struct record exception_view_record = RECORD(absence_view, exception_fields);

static const struct field withdrawal_fields[] = {
    FIELD(withdrawal_view, id),
    FIELD(withdrawal_view, date),
    FIELD(withdrawal_view, reason_code, .values = &register_reasons),
    FIELD(withdrawal_view, reason, .max = 500, .text = TEXT_FREE),
    FIELD(withdrawal_view, recorded_at, .about = "When it was taken here."),
};
static const struct record withdrawal_record = RECORD(withdrawal_view, withdrawal_fields);

static const struct field register_view_fields[] = {
    FIELD(register_view, id),
    FIELD(register_view, class),
    FIELD(register_view, subject, .about = "Code of the reference data, list `subject`."),
    FIELD(register_view, date),
    FIELD(register_view, lesson, .about = "Its number in the day."),
    FIELD(register_view, session, .values = &register_sessions, .about = "Instead of a lesson."),
    FIELD(register_view, teacher),
    FIELD(register_view, taken_at),
    FIELD(register_view, learners,
          .about = "On the frozen roster: all of them without an exception were there."),
    FIELD(register_view, exceptions, .record = &exception_view_record, .required = true),
    FIELD(register_view, replaces, .about = "The register that this one takes the place of."),
    FIELD(register_view, reason_code, .values = &register_reasons),
    FIELD(register_view, reason),
    FIELD(register_view, organisation, .about = "Of the class on the day of the first register."),
    FIELD(register_view, recorded_at, .about = "When it was taken here."),
    FIELD(register_view, replaced_by, .about = "Absent: by none."),
    FIELD(register_view, withdrawn, .record = &withdrawal_record,
          .about = "Absent: it counts, unless it was replaced."),
};
const struct record register_view_record = RECORD(register_view, register_view_fields);

/* Dates $2 to $3, behind the place ($4, $5); months are said for the planner, which knows no more
 * of dates. */
#define PAGE_OF(id)                                                      \
    " and date between $2 and $3"                                        \
    " and month between date_trunc('month', $2::timestamp)::date and $3" \
    " and ($4::date is null or (date, " id ") < ($4, $5::uuid))"         \
    " order by date desc, " id " desc limit $6"

const struct statement store_learner_absences = {
    "learner_absences",
    "select register, class, learner, subject, date, lesson, session, code, minutes, note, history"
    "  from absence_shown where learner in (select ids_of($1))" PAGE_OF("register")};

const struct statement store_class_registers = {
    "class_registers",
    "with page as materialized ("
    "  select * from ((select id, month, date from register"
    "                   where class = $1 and active" PAGE_OF(
        "id") ")"
              "                 union all"
              "                 (select id, month, date from register"
              "                   where class = $1 and not active and withdraws is null" PAGE_OF(
                  "id") ")) p"
                        "   order by date desc, id desc limit $6)"
                        " select s.id, s.class, s.subject, s.date, s.lesson, s.session, s.teacher, "
                        "s.taken_at,"
                        "        s.learners, s.exceptions, s.replaces, s.reason_code, s.reason, "
                        "s.organisation,"
                        "        s.recorded_at, s.replaced_by, s.withdrawn"
                        "   from page p cross join lateral ("
                        "          select * from register_shown r where r.id = p.id and r.month = "
                        "p.month limit 1) s"
                        "  order by p.date desc, p.id desc"};

enum error store_make_months(struct db *db, struct date from, struct date to, struct err *err)
{
    static const struct statement statement = {"make_months",
                                               "select register_make_months($1, $2)"};
    struct params params = {0};
    param_date(&params, from);
    param_date(&params, to);
    return db_exec(db, &statement, &params, NULL, err);
}

enum error store_note_aliases(struct event_batch *batch, struct err *err)
{
    static const struct statement statement = {
        "note_aliases", "insert into dirty_alias (id) select unnest($1::text[])::uuid"};
    struct str *keys = ARENA_ARRAY(batch->arena, batch->count, struct str);
    for (size_t i = 0; i < batch->count; i++)
        keys[i] = batch->events[i].key;
    struct column column = column_texts(batch->arena, keys, batch->count);
    struct params params = {0};
    param_column(&params, &column);
    return db_exec(batch->db, &statement, &params, NULL, err);
}

enum error store_recount_registers(struct db *db, int32_t most, int32_t *taken, struct err *err)
{
    static const struct statement statement = {"recount_registers", "select recount_registers($1)"};
    struct params params = {0};
    param_int(&params, most);
    return db_exec_int(db, &statement, &params, taken, err);
}
