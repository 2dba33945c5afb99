/* An import, done by role jobs: first the rows of each file into tables of their own, then, entity
 * after entity, from there through the same entrances that the batches take.
 *
 * Each part is one short transaction that also moves the place where the job stands: whatever dies,
 * the next process goes on at that place, and what it finds there is the same. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/log.h"
#include "entrances.h"
#include "identity.h"
#include "store_imports.h"

enum {
    ROWS_AT_ONCE = 5000, /* read */
    TRIES = 5,           /* of a part that other transactions are in the way of */
    LONGEST_TURN_S = 600,
    ORPHAN_S = 3600 /* a bundle that no job names */
};

const char *import_path(const char *state_folder, const struct uuid *id, struct arena *arena)
{
    char text[UUID_TEXT_LEN + 1];
    return arena_printf(arena, "%s/imports/%s.zip", state_folder, uuid_format(id, text));
}

/* The job under the hand. */
struct importing {
    struct process *process;
    struct db *db;
    struct import_job job;
    struct arena arena; /* of the job */
    struct arena part;  /* of a part of it */
    struct oneroster *bundle;
    bool begun;          /* the file of this step is open and stands at the job's position */
    int32_t rows;        /* of the next part; fewer, where one of them cannot be survived */
    const char *problem; /* it has failed */
};

/* ---- The steps: 0 opens, one for each file, one arranges, the rest writes ---- */

enum { STEP_BEGIN, STEP_READ, STEP_ARRANGE = STEP_READ + ONEROSTER_FILES, STEP_WRITE };

struct writing {
    const struct import_part *part;
    const struct entrance *entrance;
    enum oneroster_file file;
    bool counts; /* its rows are done when it is */
    int32_t rows;
};

static const struct writing writings[] = {
    {&part_organisations, &organisations_entrance, ONEROSTER_ORGS, true, 2000},
    {&part_people, &people_entrance, ONEROSTER_USERS, true, 2000},
    {&part_enrolment_endings, &enrolments_entrance, ONEROSTER_ENROLLMENTS, false, 2000},
    {&part_assignment_endings, &assignments_entrance, ONEROSTER_ENROLLMENTS, false, 2000},
    {&part_guardian_endings, &guardians_entrance, ONEROSTER_USERS, false, 2000},
    {&part_homerooms, &classes_entrance, ONEROSTER_CLASSES, true, 2000},
    {&part_homeroom_enrolments, &enrolments_entrance, ONEROSTER_ENROLLMENTS, true, 2000},
    {&part_unmade_enrolments, &enrolments_entrance, ONEROSTER_USERS, false, 2000},
    {&part_made_homerooms, &classes_entrance, ONEROSTER_USERS, false, 2000},
    {&part_made_enrolments, &enrolments_entrance, ONEROSTER_USERS, false, 2000},
    {&part_groups, &classes_entrance, ONEROSTER_CLASSES, true, 500},
    {&part_group_enrolments, &enrolments_entrance, ONEROSTER_ENROLLMENTS, true, 2000},
    {&part_assignments, &assignments_entrance, ONEROSTER_ENROLLMENTS, true, 2000},
    {&part_guardians, &guardians_entrance, ONEROSTER_USERS, false, 500},
};

enum { STEP_END = STEP_WRITE + (int)COUNT_OF(writings) };

/* A failure that is the job's own, not this process's: the job ends with it. */
static enum error fail(struct importing *importing, const char *problem)
{
    importing->problem = problem;
    return ERROR_INVALID;
}

static void move(struct importing *importing, int32_t step, int64_t position)
{
    if (step != importing->job.step)
        importing->begun = false;
    importing->job.step = step;
    importing->job.position = position;
}

/* The end of a part's transaction. */
static enum error commit(struct importing *importing, int32_t step, int64_t position,
                         const struct import_counts *counts, struct err *err)
{
    FAULT("import-part");
    enum error code =
        store_import_move(importing->db, &importing->job, step, position, counts, err);
    if (!code)
        code = db_commit(importing->db, err);
    if (!code)
        move(importing, step, position);
    FAULT("import-committed");
    return code;
}

/* ---- The bundle ---- */

static enum error open_bundle(struct importing *importing, struct err *err)
{
    char client[UUID_TEXT_LEN + 1];
    const char *problem = NULL;
    if (importing->bundle)
        return ERROR_NONE;
    const struct oneroster_options options = {
        .path =
            import_path(importing->process->common.state, &importing->job.id, &importing->arena),
        .charset = (enum oneroster_charset)importing->job.charset,
        .source = importing->job.source,
        .otherwise = str_from(uuid_format(&importing->job.principal, client)),
    };
    enum error code = oneroster_open(&importing->bundle, &options, &problem, err);
    if (problem)
        return fail(importing, problem);
    return code == ERROR_UNAVAILABLE ? fail(importing, "zip_broken") : code;
}

static enum error begin_import(struct importing *importing, struct err *err)
{
    int16_t modes[ONEROSTER_FILES];
    enum error code = open_bundle(importing, err);
    if (code)
        return code;
    for (int i = 0; i < ONEROSTER_FILES; i++)
        modes[i] = (int16_t)oneroster_mode(importing->bundle, (enum oneroster_file)i);
    struct str source = oneroster_source(importing->bundle);
    code = store_import_begin(importing->db, &importing->job, source, modes, err);
    if (!code) {
        importing->job.source = str_copy(&importing->arena, source);
        move(importing, STEP_READ, 0);
    }
    return code;
}

/* ---- Reading ---- */

/* Rows of one part, with what is wrong with the bad ones. */
struct reading {
    void **rows;
    struct import_refusal *refusals;
    struct uuid *named; /* by the bad ones, as far as they say whom */
    size_t count, read, refused, refusals_count, refusals_room, named_count;
    bool ended;
};

static void refuse(struct importing *importing, struct reading *reading, int32_t line,
                   enum oneroster_file file, const struct problems *problems)
{
    for (size_t i = 0; i < problems->count && reading->refusals_count < reading->refusals_room;
         i++) {
        const char *pointer = problems->items[i].pointer;
        struct str field = str_from(*pointer == '/' ? pointer + 1 : pointer);
        reading->refusals[reading->refusals_count++] = (struct import_refusal){
            file, line, str_copy(&importing->part, field), str_from(problems->items[i].code)};
    }
}

/* False at the end of the file. A header that is wrong is no row, but has its refusals. */
static bool read_row(struct importing *importing, enum oneroster_file file, struct reading *reading)
{
    struct problems problems = {.arena = &importing->part};
    void *row = arena_alloc(&importing->part, oneroster_row_size(file));
    enum oneroster_step step = oneroster_next(importing->bundle, row, &problems);
    const struct oneroster_head *head = row;
    refuse(importing, reading, head->line, file, &problems);
    if (step == ONEROSTER_BROKEN)
        importing->problem = problems.items[0].code;
    if (step == ONEROSTER_BROKEN || step == ONEROSTER_END)
        return false;
    reading->read++;
    if (step == ONEROSTER_ROW)
        reading->rows[reading->count++] = row;
    else
        reading->refused++;
    if (step == ONEROSTER_BAD && uuid_present(&head->id))
        reading->named[reading->named_count++] = head->id;
    return true;
}

/* As many rows as were read before are passed over. */
static enum error begin_file(struct importing *importing, enum oneroster_file file, struct err *err)
{
    const char *problem = NULL;
    enum error code = open_bundle(importing, err);
    if (code || importing->begun)
        return code;
    if (oneroster_begin(importing->bundle, file, &problem, err))
        return fail(importing, problem);
    void *row = arena_alloc(&importing->part, oneroster_row_size(file));
    for (int64_t i = 0; i < importing->job.position; i++) {
        CLEANUP(arena_done) struct arena passed = {0};
        struct problems problems = {.arena = &passed};
        memset(row, 0, oneroster_row_size(file));
        oneroster_next(importing->bundle, row, &problems);
    }
    importing->begun = true;
    return ERROR_NONE;
}

static enum error keep_rows(struct importing *importing, enum oneroster_file file,
                            const struct reading *reading, struct err *err)
{
    const struct import_counts counts = {.done = (int64_t)reading->read,
                                         .rejected = (int64_t)reading->refused};
    int64_t position = importing->job.position + (int64_t)reading->read;
    enum error code = db_begin(importing->db, err);
    if (!code)
        code = store_import_rows(importing->db, file, (const void *const *)reading->rows,
                                 reading->count, err);
    if (!code)
        code = store_import_named(importing->db, reading->named, reading->named_count, err);
    if (!code)
        code = store_import_refuse(importing->db, &importing->job.id, reading->refusals,
                                   reading->refusals_count, err);
    if (!code)
        code = reading->ended ? commit(importing, importing->job.step + 1, 0, &counts, err)
                              : commit(importing, importing->job.step, position, &counts, err);
    return code;
}

static enum error read_part(struct importing *importing, struct err *err)
{
    enum oneroster_file file = (enum oneroster_file)(importing->job.step - STEP_READ);
    struct reading reading = {0};
    enum error code = open_bundle(importing, err);
    if (code)
        return code;
    reading.ended = oneroster_mode(importing->bundle, file) == ONEROSTER_ABSENT;
    if (!reading.ended)
        code = begin_file(importing, file, err);
    if (code)
        return code;
    reading.rows = ARENA_ARRAY(&importing->part, ROWS_AT_ONCE, void *);
    reading.named = ARENA_ARRAY(&importing->part, ROWS_AT_ONCE, struct uuid);
    reading.refusals_room = (size_t)2 * ROWS_AT_ONCE;
    reading.refusals = ARENA_ARRAY(&importing->part, reading.refusals_room, struct import_refusal);
    while (!reading.ended && reading.read < ROWS_AT_ONCE)
        reading.ended = !read_row(importing, file, &reading);
    if (importing->problem)
        return ERROR_INVALID;
    code = keep_rows(importing, file, &reading, err);
    if (code)
        importing->begun = false; /* it stands behind rows that were not kept */
    return code;
}

/* What is to be done between reading and writing, part by part. */
static enum error arrange(struct importing *importing, struct err *err)
{
    struct import_arranged arranged = {0};
    int64_t part = importing->job.position;
    oneroster_close(importing->bundle);
    importing->bundle = NULL;
    enum error code = db_begin(importing->db, err);
    if (!code)
        code = store_import_arrange(importing->db, &importing->job.id, part, &arranged, err);
    if (code)
        return code;
    if (arranged.too_much)
        return fail(importing, "change_threshold");
    const struct import_counts counts = {.rejected = arranged.rejected};
    return arranged.last ? commit(importing, STEP_WRITE, 0, &counts, err)
                         : commit(importing, STEP_ARRANGE, part + 1, &counts, err);
}

/* ---- Writing ---- */

/* Where in its file stands what an entrance's problem points to; what is not here is of the whole
 * row. */
static const struct {
    const struct entrance *entrance; /* NULL: any */
    const char *pointer, *column;
} columns[] = {
    {&guardians_entrance, "", "agentSourcedIds"},
    {&classes_entrance, "/organisation", "schoolSourcedId"},
    {&classes_entrance, "/subject", "courseSourcedId"},
    {NULL, "/id", "sourcedId"},
    {NULL, "/identifiers", "metadata.iin"},
    {NULL, "/sourced_id", "sourcedId"},
    {NULL, "/modified_at", "dateLastModified"},
    {NULL, "/birth_date", "birthDate"},
    {NULL, "/bin", "metadata.bin"},
    {NULL, "/kato", "metadata.kato"},
    {NULL, "/subordinate_to", "parentSourcedId"},
    {NULL, "/class", "classSourcedId"},
    {NULL, "/learner", "userSourcedId"},
    {NULL, "/teacher", "userSourcedId"},
    {NULL, "/to", "endDate"},
};

static bool points_to(struct str pointer, struct str place)
{
    return str_starts(pointer, place) &&
           (place.len == 0 || pointer.len == place.len || pointer.ptr[place.len] == '/');
}

static struct str column_of(const struct entrance *entrance, struct str pointer)
{
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        if ((!columns[i].entrance || columns[i].entrance == entrance) &&
            points_to(pointer, str_from(columns[i].pointer)))
            return str_from(columns[i].column);
    return STR("");
}

/* A part on its way. */
struct part {
    const struct writing *writing;
    int64_t upto;
    struct result result; /* line, field, code, item */
    char *items;
    size_t count;
    struct import_refusal *refusals;
    size_t refused;
    struct import_counts counts;
};

static void part_done(struct part *part)
{
    result_done(&part->result);
}

static void refuse_item(struct part *part, size_t row, struct str field, struct str code)
{
    int32_t line = result_int(&part->result, row, 0);
    part->refusals[part->refused++] =
        (struct import_refusal){part->writing->file, line, field, code};
}

static void count_outcome(struct part *part, size_t row, const struct entrance_outcome *outcome)
{
    if (str_equal(outcome->outcome, STR("created")))
        part->counts.created++;
    else if (str_equal(outcome->outcome, STR("updated")))
        part->counts.updated++;
    else if (!str_equal(outcome->outcome, STR("rejected")))
        part->counts.unchanged++;
    else
        refuse_item(part, row, column_of(part->writing->entrance, outcome->pointer), outcome->code);
}

/* Items of a part through the entrance, in as many calls as it needs. */
static enum error write_items(struct importing *importing, struct part *part, void **items,
                              const size_t *rows, size_t count, struct err *err)
{
    struct entrance_outcome *outcomes =
        ARENA_ARRAY(&importing->part, count, struct entrance_outcome);
    const struct entrance_caller caller = {.nodes = importing->job.nodes};
    enum error code = ERROR_NONE;
    for (size_t from = 0; !code && from < count; from += ENTRANCE_MOST_ITEMS)
        code = entrance_write(importing->db, part->writing->entrance, items + from,
                              MIN_OF(count - from, (size_t)ENTRANCE_MOST_ITEMS), &caller,
                              &importing->part, outcomes + from, err);
    for (size_t i = 0; !code && i < count; i++)
        count_outcome(part, rows[i], &outcomes[i]);
    return code;
}

/* What the rows themselves say is wrong is set aside; the rest goes through the entrance. */
static enum error take_items(struct importing *importing, struct part *part, struct err *err)
{
    void **items = ARENA_ARRAY(&importing->part, part->count, void *);
    size_t *rows = ARENA_ARRAY(&importing->part, part->count, size_t), count = 0;
    part->refusals = ARENA_ARRAY(&importing->part, part->count, struct import_refusal);
    for (size_t row = 0; row < part->count; row++) {
        struct str code = result_str(&part->result, row, 2);
        if (str_equal(code, STR("skipped"))) {
            part->counts.unchanged++;
        } else if (str_present(code)) {
            refuse_item(part, row, result_str(&part->result, row, 1), code);
        } else {
            rows[count] = row;
            items[count++] = part->items + row * part->writing->entrance->record->size;
        }
    }
    return write_items(importing, part, items, rows, count, err);
}

static enum error fetch_items(struct importing *importing, struct part *part, struct err *err)
{
    const struct import_job *job = &importing->job;
    enum error code = store_import_items(importing->db, part->writing->part, &job->id,
                                         job->position, part->upto, &part->result, err);
    if (!code)
        part->items = result_records_from(&part->result, 3, part->writing->entrance->record,
                                          &importing->part, &part->count);
    return code;
}

static enum error write_rows(struct importing *importing, struct part *part, struct err *err)
{
    enum error code = db_begin(importing->db, err);
    if (!code)
        code = fetch_items(importing, part, err);
    if (!code)
        code = take_items(importing, part, err);
    if (!code)
        code = store_import_refuse(importing->db, &importing->job.id, part->refusals, part->refused,
                                   err);
    part->counts.rejected = (int64_t)part->refused;
    part->counts.done = part->writing->counts ? (int64_t)part->count : 0;
    return code ? code : commit(importing, importing->job.step, part->upto, &part->counts, err);
}

/* The one row that a part was cut down to, and that even then cannot be written: our own bug, which
 * costs that row and not the import. */
static enum error pass_over(struct importing *importing, struct part *part, struct err *err)
{
    const struct import_refusal refusal = {part->writing->file, (int32_t)part->upto, STR(""),
                                           STR("internal")};
    const struct import_counts counts = {.done = part->writing->counts, .rejected = 1};
    log_line(LOG_ERROR, "a row cannot be imported",
             LOG_TEXT("file", oneroster_file_name(part->writing->file)),
             LOG_NUMBER("line", part->upto), LOG_TEXT("error", err->text));
    db_rollback(importing->db);
    enum error code = db_begin(importing->db, err);
    if (!code)
        code = store_import_refuse(importing->db, &importing->job.id, &refusal, 1, err);
    return code ? code : commit(importing, importing->job.step, part->upto, &counts, err);
}

static enum error write_part(struct importing *importing, struct err *err)
{
    CLEANUP(part_done)
    struct part part = {.writing = &writings[importing->job.step - STEP_WRITE]};
    const struct import_counts nothing = {0};
    int32_t rows = importing->rows ? importing->rows : part.writing->rows;
    enum error code = store_import_upto(importing->db, part.writing->part, importing->job.position,
                                        rows, &part.upto, err);
    if (!code && part.upto == 0) {
        code = db_begin(importing->db, err);
        return code ? code : commit(importing, importing->job.step + 1, 0, &nothing, err);
    }
    if (!code)
        code = write_rows(importing, &part, err);
    if (code == ERROR_INTERNAL || code == ERROR_DUPLICATE)
        code = rows > 1 ? ERROR_TOO_LARGE : pass_over(importing, &part, err);
    importing->rows = code == ERROR_TOO_LARGE ? rows / 2 : code ? rows : 0;
    return code;
}

/* ---- A job ---- */

static enum error take_step(struct importing *importing, struct err *err)
{
    int32_t step = importing->job.step;
    if (step == STEP_BEGIN)
        return begin_import(importing, err);
    if (step < STEP_ARRANGE)
        return read_part(importing, err);
    return step == STEP_ARRANGE ? arrange(importing, err) : write_part(importing, err);
}

/* Others may be in the way of a part: it is tried again, and a smaller one at once. */
static enum error take_part(struct importing *importing, struct err *err)
{
    enum error code;
    int tries = 0;
    do {
        code = take_step(importing, err);
        if (code)
            db_rollback(importing->db);
        arena_reset(&importing->part);
    } while (code == ERROR_TOO_LARGE || (code == ERROR_SERIALIZE && ++tries < TRIES));
    process_alive(importing->process);
    process_poke(importing->process, "relay");
    return code;
}

static enum error finish(struct importing *importing, struct err *err)
{
    const char *path =
        import_path(importing->process->common.state, &importing->job.id, &importing->arena);
    char id[UUID_TEXT_LEN + 1];
    enum error code =
        store_import_finish(importing->db, &importing->job.id, importing->problem, err);
    if (!code && unlink(path) != 0 && errno != ENOENT)
        log_line(LOG_WARNING, "a bundle cannot be removed", LOG_TEXT("path", path));
    if (!code)
        log_line(LOG_INFO, "import ended", LOG_TEXT("id", uuid_format(&importing->job.id, id)),
                 LOG_TEXT("problem", importing->problem ? importing->problem : "none"));
    return code;
}

static void importing_done(struct importing *importing)
{
    oneroster_close(importing->bundle);
    arena_done(&importing->arena);
    arena_done(&importing->part);
}

/* Until it has ended, the time is over, or this process cannot go on. */
static enum error run_job(struct importing *importing, int64_t until_us, struct err *err)
{
    enum error code = ERROR_NONE;
    while (!code && importing->job.step < STEP_END && !importing->process->stop &&
           clock_monotonic() < until_us)
        code = take_part(importing, err);
    if (code == ERROR_FORBIDDEN)
        code = fail(importing, "forbidden");
    if (importing->problem || (!code && importing->job.step == STEP_END))
        code = finish(importing, err);
    return code == ERROR_CONFLICT ? ERROR_NONE : code;
}

/* One job; false where none waits. */
static enum error run_next(struct process *process, struct db *db, int64_t until_us, bool *found,
                           struct err *err)
{
    CLEANUP(importing_done) struct importing importing = {.process = process, .db = db};
    enum error code = store_import_next(db, &importing.arena, &importing.job, found, err);
    return code || !*found ? code : run_job(&importing, until_us, err);
}

enum error imports_run(struct process *process, struct db *db, struct err *err)
{
    int64_t until_us = clock_monotonic() + LONGEST_TURN_S * INT64_C(1000000);
    bool found = true;
    enum error code = identity_open(process->common.state, err);
    while (!code && found && !process->stop && clock_monotonic() < until_us)
        code = run_next(process, db, until_us, &found, err);
    return code;
}

/* ---- The sweep ---- */

static bool is_old(int folder, const char *name)
{
    struct stat status;
    return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           status.st_ctime < clock_now() / 1000000 - ORPHAN_S;
}

static enum error sweep_bundle(struct db *db, int folder, const char *name, struct err *err)
{
    struct uuid id;
    bool open = false;
    struct str stem = {name, MIN_OF(strlen(name), (size_t)UUID_TEXT_LEN)};
    if (name[0] == '.' || !is_old(folder, name))
        return ERROR_NONE;
    enum error code =
        uuid_parse(stem, &id) ? store_import_is_open(db, &id, &open, err) : ERROR_NONE;
    if (!open)
        unlinkat(folder, name, 0);
    return code;
}

static void close_folder(DIR **folder)
{
    if (*folder)
        closedir(*folder);
}

enum error imports_sweep(struct process *process, struct db *db, struct err *err)
{
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(close_folder)
    DIR *folder = opendir(arena_printf(&arena, "%s/imports", process->common.state));
    enum error code = store_import_sweep(db, err);
    struct dirent *entry;
    while (!code && folder && (entry = readdir(folder)))
        code = sweep_bundle(db, dirfd(folder), entry->d_name, err);
    return code;
}
