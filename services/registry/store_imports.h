/* The statements of imports (schema/0015_imports.sql, 0016_import_rows.sql). */
#ifndef REGISTRY_STORE_IMPORTS_H
#define REGISTRY_STORE_IMPORTS_H

#include "auth/auth.h"
#include "imports.h"

/* ---- Role api ---- */

struct import_adding {
    struct uuid id;
    const struct principal *principal;
    struct str source; /* absent: the bundle's own */
    enum oneroster_charset charset;
    int64_t bytes;
    struct date today;
    int32_t change_threshold; /* percent of what stands that a bulk file may end */
};

/* One text: NULL, or the code of why there is no room for it. */
void store_import_add(struct db_async *db, const struct import_adding *adding, struct arena *arena,
                      db_async_callback *callback, void *context);

/* Columns of import_record: those of this principal; `after` nil: from the latest on. */
void store_imports(struct db_async *db, const struct uuid *principal, const struct uuid *after,
                   int32_t limit, db_async_callback *callback, void *context);
void store_import(struct db_async *db, const struct uuid *principal, const struct uuid *id,
                  db_async_callback *callback, void *context);
/* Of whoever's. */
void store_imports_of(struct db_async *db, struct uuids ids, struct arena *arena,
                      db_async_callback *callback, void *context);

/* The place of a refused row among those of its job. */
struct import_place {
    int64_t number;
    int32_t file, line;
};
/* number, file, line, field, code of refused rows behind `after`, in the order of files and lines;
 * nothing where the job is not this principal's. A first row of NULLs tells that it is. */
void store_import_rejects(struct db_async *db, const struct uuid *principal, const struct uuid *id,
                          const struct import_place *after, int32_t limit,
                          db_async_callback *callback, void *context);

/* ---- Role jobs: parts of one transaction of the caller's ---- */

struct import_job {
    struct uuid id;
    struct uuids nodes;
    struct str source;
    enum import_state state;
    int32_t charset, step;
    int64_t position;
    struct uuid principal;
};

/* The one that is next, in the arena. False: none waits. */
enum error store_import_next(struct db *db, struct arena *arena, struct import_job *job,
                             bool *found, struct err *err) MUST_CHECK;

/* Empties what is kept of rows. ERROR_CONFLICT: another process was quicker. */
enum error store_import_begin(struct db *db, const struct import_job *job, struct str source,
                              const int16_t modes[ONEROSTER_FILES], struct err *err) MUST_CHECK;

enum error store_import_rows(struct db *db, enum oneroster_file file, const void *const *rows,
                             size_t count, struct err *err) MUST_CHECK;

/* Ids that refused rows name: they are not missing. */
enum error store_import_named(struct db *db, const struct uuid *ids, size_t count,
                              struct err *err) MUST_CHECK;

/* What follows from all rows together. */
struct import_arranged {
    int64_t rejected; /* rows */
    bool last;        /* part */
    bool too_much;    /* would end */
};
enum error store_import_arrange(struct db *db, const struct uuid *id, int64_t part,
                                struct import_arranged *arranged, struct err *err) MUST_CHECK;

/* A step of the writing: the rows of a part of a file as items. */
struct import_part {
    struct statement upto;  /* the end of the next part: its last position, NULL: none is left */
    struct statement items; /* line, field, code, then columns of the entrance's record */
};
extern const struct import_part part_organisations, part_people, part_enrolment_endings,
    part_assignment_endings, part_guardian_endings, part_homerooms, part_homeroom_enrolments,
    part_unmade_enrolments, part_made_homerooms, part_made_enrolments, part_groups,
    part_group_enrolments, part_assignments, part_guardians;

/* `*upto` 0: none. */
enum error store_import_upto(struct db *db, const struct import_part *part, int64_t after,
                             int32_t rows, int64_t *upto, struct err *err) MUST_CHECK;
enum error store_import_items(struct db *db, const struct import_part *part, const struct uuid *id,
                              int64_t after, int64_t upto, struct result *result,
                              struct err *err) MUST_CHECK;

struct import_refusal {
    enum oneroster_file file;
    int32_t line;
    struct str field, code;
};
enum error store_import_refuse(struct db *db, const struct uuid *id,
                               const struct import_refusal *refusals, size_t count,
                               struct err *err) MUST_CHECK;

/* What a part has done. */
struct import_counts {
    int64_t done, created, updated, unchanged, rejected;
};
/* ERROR_CONFLICT: another process has done it meanwhile; ERROR_FORBIDDEN: whoever made the job may
 * not write there any more. */
enum error store_import_move(struct db *db, const struct import_job *job, int32_t next, int64_t to,
                             const struct import_counts *counts, struct err *err) MUST_CHECK;

/* `problem` NULL: it went well. */
enum error store_import_finish(struct db *db, const struct uuid *id, const char *problem,
                               struct err *err) MUST_CHECK;

enum error store_import_sweep(struct db *db, struct err *err) MUST_CHECK;
enum error store_import_is_open(struct db *db, const struct uuid *id, bool *open,
                                struct err *err) MUST_CHECK;

#endif
