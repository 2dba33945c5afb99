#include "store_imports.h"

#include "national/calendar.h"

/* ---- Records ---- */

static const struct value state_names[] = {
    {"waiting", IMPORT_WAITING}, {"reading", IMPORT_READING}, {"writing", IMPORT_WRITING},
    {"done", IMPORT_DONE},       {"failed", IMPORT_FAILED},
};
static const struct values states = VALUES(state_names);

static const struct field import_fields[] = {
    FIELD(import, id),
    FIELD(import, state, .values = &states),
    FIELD(import, source),
    FIELD(import, bytes, .about = "Of the bundle."),
    FIELD(import, read, .about = "Rows of the files that were read so far."),
    FIELD(import, total, .min = 1, .max = INT64_MAX - 1,
          .about = "Rows of the files; absent: not known yet."),
    FIELD(import, done, .about = "Rows that were written or refused."),
    FIELD(import, created),
    FIELD(import, updated),
    FIELD(import, unchanged),
    FIELD(import, rejected, .about = "Rows that were refused."),
    FIELD(
        import, kept,
        .about =
            "Of the refused ones: those that `/v1/imports/{id}/rejected` names, at most 100,000."),
    FIELD(import, problem, .about = "Why it failed: a code."),
    FIELD(import, title, .about = "The same in words, by Accept-Language."),
    FIELD(import, created_at),
    FIELD(import, started_at),
    FIELD(import, finished_at),
    FIELD(import, seconds_left, .about = "While it writes: about."),
};
const struct record import_record = RECORD(import, import_fields);

/* Rows as they are kept, over the structs of libs/oneroster: columns of the tables import_x. */
#define LINE(type_) FIELD_AS(type_, head.line, "line"), FIELD_AS(type_, head.id, "id")
#define HEAD(type_)                                              \
    LINE(type_), FIELD_AS(type_, head.sourced_id, "sourced_id"), \
        FIELD_AS(type_, head.status, "status"), FIELD_AS(type_, head.modified_at, "modified_at")
#define DAYS(type_)     FIELD_AS(type_, first, "first_day"), FIELD_AS(type_, end, "end_day")
#define SUBJECTS(type_) FIELD(type_, subjects), FIELD(type_, subject_codes)

static const struct field org_fields[] = {
    HEAD(oneroster_org),
    FIELD(oneroster_org, name),
    FIELD(oneroster_org, type),
    FIELD(oneroster_org, parent),
    FIELD(oneroster_org, name_kk),
    FIELD(oneroster_org, name_ru),
    FIELD(oneroster_org, bin),
    FIELD(oneroster_org, kato),
    FIELD(oneroster_org, kind),
    FIELD(oneroster_org, ownership),
    FIELD(oneroster_org, languages),
    FIELD(oneroster_org, shifts),
};
static const struct field session_fields[] = {LINE(oneroster_session), DAYS(oneroster_session)};
static const struct field course_fields[] = {
    LINE(oneroster_course), FIELD(oneroster_course, title), FIELD(oneroster_course, code),
    FIELD(oneroster_course, grade), SUBJECTS(oneroster_course)};
static const struct field class_fields[] = {
    HEAD(oneroster_class),          FIELD(oneroster_class, title), FIELD(oneroster_class, grade),
    FIELD(oneroster_class, course), FIELD(oneroster_class, type),  FIELD(oneroster_class, school),
    FIELD(oneroster_class, term),   SUBJECTS(oneroster_class),     FIELD(oneroster_class, language),
    FIELD(oneroster_class, shift),
};
static const struct field user_fields[] = {
    HEAD(oneroster_user),          FIELD(oneroster_user, given),  FIELD(oneroster_user, family),
    FIELD(oneroster_user, middle), FIELD(oneroster_user, email),  FIELD(oneroster_user, sms),
    FIELD(oneroster_user, phone),  FIELD(oneroster_user, agents), FIELD(oneroster_user, grade),
    FIELD(oneroster_user, org),    FIELD(oneroster_user, iin),
};
static const struct field role_fields[] = {
    LINE(oneroster_role),          FIELD_AS(oneroster_role, head.status, "status"),
    FIELD(oneroster_role, person), FIELD(oneroster_role, role),
    FIELD(oneroster_role, org),    DAYS(oneroster_role),
};
static const struct field demographics_fields[] = {LINE(oneroster_demographics),
                                                   FIELD(oneroster_demographics, birth_date),
                                                   FIELD(oneroster_demographics, sex)};
static const struct field enrollment_fields[] = {
    HEAD(oneroster_enrollment),           FIELD(oneroster_enrollment, class),
    FIELD(oneroster_enrollment, person),  FIELD(oneroster_enrollment, role),
    FIELD(oneroster_enrollment, primary), DAYS(oneroster_enrollment),
};

static const struct {
    const char *table;
    struct record record;
} kept[ONEROSTER_FILES] = {
    [ONEROSTER_ORGS] = {"import_org", RECORD(oneroster_org, org_fields)},
    [ONEROSTER_SESSIONS] = {"import_session", RECORD(oneroster_session, session_fields)},
    [ONEROSTER_COURSES] = {"import_course", RECORD(oneroster_course, course_fields)},
    [ONEROSTER_CLASSES] = {"import_class", RECORD(oneroster_class, class_fields)},
    [ONEROSTER_USERS] = {"import_user", RECORD(oneroster_user, user_fields)},
    [ONEROSTER_ROLES] = {"import_role", RECORD(oneroster_role, role_fields)},
    [ONEROSTER_DEMOGRAPHICS] = {"import_demographics",
                                RECORD(oneroster_demographics, demographics_fields)},
    [ONEROSTER_ENROLLMENTS] = {"import_enrollment",
                               RECORD(oneroster_enrollment, enrollment_fields)},
};

/* ---- Role api ---- */

static void param_uuids(struct params *params, struct uuids list, struct arena *arena)
{
    struct column column = column_uuids(arena, list.items, list.count);
    param_column(params, &column);
}

void store_import_add(struct db_async *db, const struct import_adding *adding, struct arena *arena,
                      db_async_callback *callback, void *context)
{
    static const struct statement statement = {
        "import_add", "select import_add($1, $2, $3::smallint, $4, $5, $6::smallint, $7, $8, $9, "
                      "$10, $11::smallint)"};
    int year = calendar_year_of(adding->today);
    struct params params = {0};
    param_uuid(&params, &adding->id);
    param_uuid(&params, &adding->principal->id);
    param_int(&params, (int32_t)adding->principal->kind);
    param_uuids(&params, adding->principal->nodes, arena);
    param_text(&params, adding->source);
    param_int(&params, (int32_t)adding->charset);
    param_bigint(&params, adding->bytes);
    param_date(&params, adding->today);
    param_int(&params, year);
    param_date(&params, calendar_year_start(year));
    param_int(&params, adding->change_threshold);
    db_async_exec(db, &statement, &params, callback, context);
}

#define IMPORT_VIEW                                                                     \
    "select id, state, source, bytes, read, total, done, created, updated, unchanged, " \
    "rejected, kept, problem, created_at, started_at, finished_at, seconds_left from import_view "

void store_imports(struct db_async *db, const struct uuid *principal, const struct uuid *after,
                   int32_t limit, db_async_callback *callback, void *context)
{
    static const struct statement statement = {
        "imports",
        IMPORT_VIEW "where principal = $1 and ($2::uuid is null or id < $2) order by id desc "
                    "limit $3"};
    struct params params = {0};
    param_uuid(&params, principal);
    param_uuid(&params, after);
    param_int(&params, limit);
    db_async_exec(db, &statement, &params, callback, context);
}

void store_import(struct db_async *db, const struct uuid *principal, const struct uuid *id,
                  db_async_callback *callback, void *context)
{
    static const struct statement statement = {"import",
                                               IMPORT_VIEW "where id = $1 and principal = $2"};
    struct params params = {0};
    param_uuid(&params, id);
    param_uuid(&params, principal);
    db_async_exec(db, &statement, &params, callback, context);
}

void store_imports_of(struct db_async *db, struct uuids ids, struct arena *arena,
                      db_async_callback *callback, void *context)
{
    static const struct statement statement = {"imports_of", IMPORT_VIEW "where id = any ($1)"};
    struct params params = {0};
    param_uuids(&params, ids, arena);
    db_async_exec(db, &statement, &params, callback, context);
}

void store_import_rejects(struct db_async *db, const struct uuid *principal, const struct uuid *id,
                          const struct import_place *after, int32_t limit,
                          db_async_callback *callback, void *context)
{
    static const struct statement statement = {
        "import_rejects",
        "select r.number, r.file, r.line, r.field, r.code from import_job j left join lateral ("
        "  select null::bigint as number, null::smallint as file, null::integer as line,"
        "         null::text as field, null::text as code"
        "  union all (select r.number, r.file, r.line, r.field, r.code from import_reject r"
        "             where r.job = j.id and (r.file, r.line, r.number) > ($3, $4, $5)"
        "             order by r.file, r.line, r.number limit $6)) r on true"
        " where j.id = $1 and j.principal = $2 order by r.file nulls first, r.line, r.number"};
    struct params params = {0};
    param_uuid(&params, id);
    param_uuid(&params, principal);
    param_int(&params, after->file);
    param_int(&params, after->line);
    param_bigint(&params, after->number);
    param_int(&params, limit);
    db_async_exec(db, &statement, &params, callback, context);
}

/* ---- Role jobs ---- */

static const struct field job_fields[] = {
    FIELD(import_job, id),      FIELD(import_job, nodes),     FIELD(import_job, source),
    FIELD(import_job, state),   FIELD(import_job, step),      FIELD(import_job, position),
    FIELD(import_job, charset), FIELD(import_job, principal),
};
static const struct record job_record = RECORD(import_job, job_fields);

enum error store_import_next(struct db *db, struct arena *arena, struct import_job *job,
                             bool *found, struct err *err)
{
    static const struct statement statement = {
        "import_next", "select id, nodes, source, state, step, position, charset, principal"
                       "  from import_job where state < 4 order by state desc, created_at limit 1"};
    CLEANUP(result_done) struct result result = {0};
    size_t count;
    enum error code = db_exec(db, &statement, NULL, &result, err);
    const struct import_job *jobs = result_records(&result, &job_record, arena, &count);
    *found = count > 0;
    if (count)
        *job = *jobs;
    return code;
}

enum error store_import_begin(struct db *db, const struct import_job *job, struct str source,
                              const int16_t modes[ONEROSTER_FILES], struct err *err)
{
    static const struct statement statement = {"import_begin", "select import_begin($1, $2, $3)"};
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(result_done) struct result result = {0};
    struct params params = {0};
    struct column column = column_smallints(&arena, modes, ONEROSTER_FILES);
    param_uuid(&params, &job->id);
    param_text(&params, source);
    param_column(&params, &column);
    enum error code = db_exec(db, &statement, &params, &result, err);
    if (!code && !result_bool(&result, 0, 0))
        code = err_set(err, ERROR_CONFLICT, "another process has begun this import");
    return code;
}

enum error store_import_rows(struct db *db, enum oneroster_file file, const void *const *rows,
                             size_t count, struct err *err)
{
    return db_copy_in(db, kept[file].table, &kept[file].record, rows, count, err);
}

enum error store_import_named(struct db *db, const struct uuid *ids, size_t count, struct err *err)
{
    static const struct statement statement = {
        "import_named",
        "insert into import_named (id) select unnest($1::uuid[]) on conflict do nothing"};
    CLEANUP(arena_done) struct arena arena = {0};
    if (!count)
        return ERROR_NONE;
    struct column column = column_uuids(&arena, ids, count);
    struct params params = {0};
    param_column(&params, &column);
    return db_exec(db, &statement, &params, NULL, err);
}

enum error store_import_arrange(struct db *db, const struct uuid *id, int64_t part,
                                struct import_arranged *arranged, struct err *err)
{
    static const struct statement statement = {
        "import_arrange", "select rejected, last, too_much from import_arrange($1, $2)"};
    CLEANUP(result_done) struct result result = {0};
    struct params params = {0};
    param_uuid(&params, id);
    param_bigint(&params, part);
    enum error code = db_exec(db, &statement, &params, &result, err);
    if (!code)
        *arranged = (struct import_arranged){
            result_bigint(&result, 0, 0), result_bool(&result, 0, 1), result_bool(&result, 0, 2)};
    return code;
}

/* ---- Parts ---- */

#define UPTO(name_, table_, key_)                                                                  \
    {                                                                                              \
        "import_upto_" #name_, "select max(t." key_ ")::bigint from (select " key_ " from " table_ \
                               " where " key_ " > $1 order by " key_ " limit $2) t"                \
    }
#define PART(name_, table_, key_, call_)                                \
    const struct import_part part_##name_ = {UPTO(name_, table_, key_), \
                                             {"import_" #name_, "select * from import_" call_}};
#define LINES(name_, table_, call_) PART(name_, table_, "line", call_)
#define ENDINGS(name_, kind_)                                                                      \
    const struct import_part part_##name_ = {                                                      \
        {"import_upto_" #name_, "select max(t.place) from (select place from import_ending where " \
                                "kind = " kind_ " and place > $1 order by place limit $2) t"},     \
        {"import_" #name_, "select * from import_" #name_ "($1, $2, $3)"}}

PART(organisations, "import_org", "place", "organisations($1, $2, $3)")
LINES(people, "import_user", "people($1, $2, $3)")
ENDINGS(enrolment_endings, "1");
ENDINGS(assignment_endings, "2");
ENDINGS(guardian_endings, "3");
LINES(homerooms, "import_class", "classes($1, $2, $3, 1::smallint)")
LINES(homeroom_enrolments, "import_enrollment", "enrolments($1, $2, $3, 1::smallint)")
LINES(unmade_enrolments, "import_user", "unmade_enrolments($1, $2, $3)")
LINES(made_homerooms, "import_user", "made_homerooms($1, $2, $3)")
LINES(made_enrolments, "import_user", "made_enrolments($1, $2, $3)")
LINES(groups, "import_class", "classes($1, $2, $3, 2::smallint)")
LINES(group_enrolments, "import_enrollment", "enrolments($1, $2, $3, 2::smallint)")
LINES(assignments, "import_enrollment", "assignments($1, $2, $3)")
LINES(guardians, "import_user", "guardians($1, $2, $3)")

enum error store_import_upto(struct db *db, const struct import_part *part, int64_t after,
                             int32_t rows, int64_t *upto, struct err *err)
{
    CLEANUP(result_done) struct result result = {0};
    struct params params = {0};
    param_bigint(&params, after);
    param_int(&params, rows);
    enum error code = db_exec(db, &part->upto, &params, &result, err);
    *upto = code ? 0 : result_bigint(&result, 0, 0);
    return code;
}

enum error store_import_items(struct db *db, const struct import_part *part, const struct uuid *id,
                              int64_t after, int64_t upto, struct result *result, struct err *err)
{
    struct params params = {0};
    param_uuid(&params, id);
    param_bigint(&params, after);
    param_bigint(&params, upto);
    return db_exec(db, &part->items, &params, result, err);
}

/* ---- What came of it ---- */

static void bind_refusals(struct params *params, const struct import_refusal *refusals,
                          size_t count, struct arena *arena)
{
    int16_t *files = ARENA_ARRAY(arena, count, int16_t);
    int32_t *lines = ARENA_ARRAY(arena, count, int32_t);
    struct str *fields = ARENA_ARRAY(arena, count, struct str);
    struct str *codes = ARENA_ARRAY(arena, count, struct str);
    for (size_t i = 0; i < count; i++) {
        files[i] = (int16_t)refusals[i].file;
        lines[i] = refusals[i].line;
        fields[i] = refusals[i].field;
        codes[i] = refusals[i].code;
    }
    const struct column columns[] = {
        column_smallints(arena, files, count), column_ints(arena, lines, count),
        column_texts(arena, fields, count), column_texts(arena, codes, count)};
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        param_column(params, &columns[i]);
}

enum error store_import_refuse(struct db *db, const struct uuid *id,
                               const struct import_refusal *refusals, size_t count, struct err *err)
{
    static const struct statement statement = {"import_refuse",
                                               "select import_refuse($1, $2, $3, $4, $5)"};
    CLEANUP(arena_done) struct arena arena = {0};
    struct params params = {0};
    if (count == 0)
        return ERROR_NONE;
    param_uuid(&params, id);
    bind_refusals(&params, refusals, count, &arena);
    return db_exec(db, &statement, &params, NULL, err);
}

enum error store_import_move(struct db *db, const struct import_job *job, int32_t next, int64_t to,
                             const struct import_counts *counts, struct err *err)
{
    static const struct statement statement = {
        "import_move", "select import_move($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"};
    CLEANUP(result_done) struct result result = {0};
    struct params params = {0};
    param_uuid(&params, &job->id);
    param_int(&params, job->step);
    param_bigint(&params, job->position);
    param_int(&params, next);
    param_bigint(&params, to);
    param_bigint(&params, counts->done);
    param_bigint(&params, counts->created);
    param_bigint(&params, counts->updated);
    param_bigint(&params, counts->unchanged);
    param_bigint(&params, counts->rejected);
    enum error code = db_exec(db, &statement, &params, &result, err);
    if (code || str_equal(result_str(&result, 0, 0), STR("moved")))
        return code;
    if (str_equal(result_str(&result, 0, 0), STR("forbidden")))
        return err_set(err, ERROR_FORBIDDEN, "whoever made the import may not write any more");
    return err_set(err, ERROR_CONFLICT, "another process is at this import");
}

enum error store_import_finish(struct db *db, const struct uuid *id, const char *problem,
                               struct err *err)
{
    static const struct statement statement = {"import_finish", "select import_finish($1, $2)"};
    struct params params = {0};
    param_uuid(&params, id);
    param_text(&params, str_from(problem));
    return db_exec(db, &statement, &params, NULL, err);
}

enum error store_import_sweep(struct db *db, struct err *err)
{
    static const struct statement statement = {"import_sweep", "select import_sweep()"};
    return db_exec(db, &statement, NULL, NULL, err);
}

enum error store_import_is_open(struct db *db, const struct uuid *id, bool *open, struct err *err)
{
    static const struct statement statement = {
        "import_is_open", "select exists (select from import_job where id = $1 and state < 4)"};
    CLEANUP(result_done) struct result result = {0};
    struct params params = {0};
    param_uuid(&params, id);
    enum error code = db_exec(db, &statement, &params, &result, err);
    *open = code || result_bool(&result, 0, 0);
    return code;
}
