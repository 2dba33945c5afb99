#include "service/audit.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/metric.h"
#include "service/service.h"

enum { AT_ONCE = 500, KEEP_DAYS = 1100, AHEAD_DAYS = 62, PURPOSE_MAX = 100 };

static struct metric metric_reads = {
    .name = "eiso_audited_reads_total",
    .help = "Reads of children's records that left a row in read_audit.",
    .type = METRIC_COUNTER,
};

/* A read that waits for its row; in the request's arena. */
struct note {
    struct http_request *request;
    enum audit_subject kind;
    struct uuid subject;
    struct str purpose;
    loop_callback *then;
    void *context;
    STAILQ_ENTRY(note) next;
};

STAILQ_HEAD(notes, note);

/* Bounded by the server's connections: each has one request, which waits once. */
struct audit {
    struct db_async *db;
    struct notes waiting, writing;
    bool closing;
};

/* ---- One call for all that wait ---- */

struct columns {
    int16_t reader_kinds[AT_ONCE], subject_kinds[AT_ONCE];
    struct uuid readers[AT_ONCE], subjects[AT_ONCE];
    struct str routes[AT_ONCE], purposes[AT_ONCE], requests[AT_ONCE];
    size_t count;
};

static void columns_add(struct columns *columns, const struct note *note)
{
    const struct principal *principal = auth_principal(note->request);
    size_t at = columns->count++;
    columns->reader_kinds[at] = (int16_t)principal->kind;
    columns->readers[at] = principal->kind == PRINCIPAL_CLIENT ? principal->id : principal->person;
    columns->subject_kinds[at] = (int16_t)note->kind;
    columns->subjects[at] = note->subject;
    columns->routes[at] = str_from(note->request->route->path);
    columns->purposes[at] = note->purpose;
    columns->requests[at] = note->request->id;
}

static void columns_bind(const struct columns *columns, struct params *params, struct arena *arena)
{
    size_t count = columns->count;
    const struct column all[] = {
        column_smallints(arena, columns->reader_kinds, count),
        column_uuids(arena, columns->readers, count),
        column_smallints(arena, columns->subject_kinds, count),
        column_uuids(arena, columns->subjects, count),
        column_texts(arena, columns->routes, count),
        column_texts(arena, columns->purposes, count),
        column_texts(arena, columns->requests, count),
    };
    for (size_t i = 0; i < COUNT_OF(all); i++)
        param_column(params, &all[i]);
}

static void written(void *context, const struct result *result, enum error code,
                    const struct err *err);

static void write_next(struct audit *audit)
{
    /* No function: of one in SQL, PostgreSQL 15 would make the plan anew in each call. */
    static const struct statement statement = {"audit_append",
                                               "insert into read_audit (reader_kind, reader, "
                                               "subject_kind, subject, route, purpose, request)"
                                               " select * from unnest($1, $2, $3, $4, $5, $6, $7)"};
    CLEANUP(arena_done) struct arena arena = {0};
    struct columns *columns = ARENA_NEW(&arena, struct columns);
    struct params params = {0};
    struct note *note;
    while (columns->count < AT_ONCE && (note = STAILQ_FIRST(&audit->waiting))) {
        STAILQ_REMOVE_HEAD(&audit->waiting, next);
        STAILQ_INSERT_TAIL(&audit->writing, note, next);
        columns_add(columns, note);
    }
    if (columns->count == 0)
        return;
    columns_bind(columns, &params, &arena);
    db_async_exec(audit->db, &statement, &params, written, audit);
}

/* Nothing was read: whatever broke, the caller may ask again. */
static void refuse(struct http_request *request, const struct err *err)
{
    struct err answer = *err;
    if (answer.code == ERROR_UNKNOWN)
        answer.code = ERROR_UNAVAILABLE;
    http_error(request, &answer);
}

static void answer_all(struct notes *notes, const struct err *err)
{
    struct note *note;
    while ((note = STAILQ_FIRST(notes))) {
        STAILQ_REMOVE_HEAD(notes, next);
        metric_add(&metric_reads, err == NULL);
        if (err)
            refuse(note->request, err);
        else
            note->then(note->context);
    }
}

/* The next call goes off before those who waited for this one read. */
static void written(void *context, const struct result *result, enum error code,
                    const struct err *err)
{
    struct audit *audit = context;
    struct notes done = STAILQ_HEAD_INITIALIZER(done);
    (void)result;
    STAILQ_CONCAT(&done, &audit->writing);
    if (!audit->closing)
        write_next(audit);
    answer_all(&done, code ? err : NULL);
}

/* ---- A read ---- */

static struct audit *audit_of(struct process *process)
{
    if (process->audit)
        return process->audit;
    struct audit *audit = mem_alloc(sizeof *audit);
    metric_register(&metric_reads);
    audit->db = db_async_new(process->loop,
                             &(struct db_async_options){.conninfo = process->common.database});
    STAILQ_INIT(&audit->waiting);
    STAILQ_INIT(&audit->writing);
    process->audit = audit;
    return audit;
}

void audit_free(struct audit *audit)
{
    static const struct err closing = {ERROR_UNAVAILABLE, "the process ends"};
    if (!audit)
        return;
    audit->closing = true;
    db_async_free(audit->db);
    answer_all(&audit->waiting, &closing);
    free(audit);
}

static bool is_purpose(struct str purpose)
{
    for (size_t i = 0; i < purpose.len; i++)
        if (purpose.ptr[i] < ' ' || purpose.ptr[i] > '~')
            return false;
    return purpose.len <= PURPOSE_MAX;
}

void audit_read(struct http_request *request, enum audit_subject kind, const struct uuid *subject,
                loop_callback *then, void *context)
{
    struct audit *audit = audit_of(process_of(request));
    struct str purpose = http_header(request, "Eiso-Purpose");
    if (!is_purpose(purpose)) {
        http_problem(request, 400, "bad_parameter", "Eiso-Purpose");
        return;
    }
    struct note *note = ARENA_NEW(&request->arena, struct note);
    *note = (struct note){.request = request,
                          .kind = kind,
                          .subject = *subject,
                          .purpose = purpose,
                          .then = then,
                          .context = context};
    STAILQ_INSERT_TAIL(&audit->waiting, note, next);
    if (STAILQ_EMPTY(&audit->writing))
        write_next(audit);
}

/* ---- Straight-line ---- */

static enum error exec_with_date(struct db *db, const struct statement *statement, struct date date,
                                 struct err *err)
{
    struct params params = {0};
    param_date(&params, date);
    return db_exec(db, statement, &params, NULL, err);
}

enum error audit_keep(struct db *db, struct err *err)
{
    static const struct statement make = {"audit_make_months", "select audit_make_months($1)"};
    static const struct statement drop = {"audit_drop_months", "select audit_drop_months($1)"};
    struct date today = date_today();
    enum error code = exec_with_date(db, &make, (struct date){today.day + AHEAD_DAYS}, err);
    return code ? code : exec_with_date(db, &drop, (struct date){today.day - KEEP_DAYS}, err);
}

static void print_row(const struct result *result, size_t row, struct buf *out)
{
    enum { AT, READER_KIND, READER, SUBJECT_KIND, SUBJECT, ROUTE, PURPOSE, REQUEST };
    char at[INSTANT_TEXT_LEN + 1], reader[UUID_TEXT_LEN + 1], subject[UUID_TEXT_LEN + 1];
    struct uuid reader_id = result_uuid(result, row, READER);
    struct uuid subject_id = result_uuid(result, row, SUBJECT);
    buf_printf(out, "%s\t%s\t%s\t%s\t%s\t%.*s\t%.*s\t%.*s\n",
               instant_format(result_instant(result, row, AT), at),
               result_int(result, row, READER_KIND) == PRINCIPAL_CLIENT ? "client" : "person",
               uuid_format(&reader_id, reader),
               result_int(result, row, SUBJECT_KIND) == AUDIT_CLASS ? "class" : "person",
               uuid_format(&subject_id, subject), STR_ARG(result_str(result, row, ROUTE)),
               STR_ARG(result_str(result, row, PURPOSE)),
               STR_ARG(result_str(result, row, REQUEST)));
}

enum error audit_list(struct db *db, const struct audit_wanted *wanted, struct buf *out,
                      struct err *err)
{
    static const struct statement statement = {
        "audit_find", "select at, reader_kind, reader, subject_kind, subject, route, purpose, "
                      "request from audit_find($1, $2, $3, $4, $5)"};
    CLEANUP(result_done) struct result result = {0};
    struct params params = {0};
    param_uuid(&params, &wanted->person);
    param_uuid(&params, &wanted->reader);
    param_instant(&params, wanted->from);
    param_instant(&params, wanted->to);
    param_int(&params, wanted->limit);
    enum error code = db_exec(db, &statement, &params, &result, err);
    for (size_t row = 0; !code && row < result_rows(&result); row++)
        print_row(&result, row, out);
    return code;
}
