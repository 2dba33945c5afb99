/* The zip and its manifest. What a zip says of itself is not believed: entries are counted before
 * libzip makes a table of them, and bytes as they come. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include "oneroster/oneroster_internal.h"

enum { MOST_ENTRIES = 1000, MOST_RATIO = 200, SMALL_BYTES = 1024 * 1024, MOST_TAIL_BYTES = 65557 };

#define MOST_BYTES (INT64_C(4) << 30)

struct entry {
    enum oneroster_mode mode;
    int64_t index; /* -1: the zip has none */
    int64_t bytes;
};

struct oneroster {
    zip_t *zip;
    zip_file_t *file; /* the one that is read */
    int64_t left;     /* of its bytes */
    enum oneroster_charset charset;
    struct arena arena;
    struct str source;
    struct uuid space;
    struct entry entries[ONEROSTER_FILES], manifest;
    const struct oneroster_table *table;
    struct oneroster_layout layout;
    struct rows rows;
    bool refused; /* the header was wrong: there is nothing to read */
};

static enum error refuse(const char **problem, const char *code, struct err *err)
{
    *problem = code;
    return err_set(err, ERROR_INVALID, "%s", code);
}

const char *oneroster_file_name(enum oneroster_file file)
{
    static const char *const names[ONEROSTER_FILES] = {
        [ONEROSTER_ORGS] = "orgs.csv",
        [ONEROSTER_SESSIONS] = "academicSessions.csv",
        [ONEROSTER_COURSES] = "courses.csv",
        [ONEROSTER_CLASSES] = "classes.csv",
        [ONEROSTER_USERS] = "users.csv",
        [ONEROSTER_ROLES] = "roles.csv",
        [ONEROSTER_DEMOGRAPHICS] = "demographics.csv",
        [ONEROSTER_ENROLLMENTS] = "enrollments.csv",
    };
    return names[file];
}

size_t oneroster_row_size(enum oneroster_file file)
{
    return oneroster_tables[file].row_size;
}

/* ---- Before libzip looks ---- */

/* Wherever the end of the central directory may begin, it speaks of few entries: a real one has
 * its comment behind it, and libzip may prefer another than we would. */
static bool says_few(const uint8_t *tail, size_t bytes, bool *found)
{
    for (size_t i = 0; i + 22 <= bytes; i++) {
        if (memcmp(tail + i, "PK\x05\x06", 4) != 0)
            continue;
        *found = true;
        if ((tail[i + 10] | tail[i + 11] << 8) > MOST_ENTRIES)
            return false;
    }
    return true;
}

static void close_at(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static enum error check_tail(const char *path, const char **problem, struct err *err)
{
    CLEANUP(close_at) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0)
        return err_set(err, ERROR_UNAVAILABLE, "%s: %s", path, strerror(errno));
    CLEANUP(arena_done) struct arena arena = {0};
    uint8_t *tail = arena_alloc(&arena, MOST_TAIL_BYTES);
    off_t from = MAX_OF(status.st_size - MOST_TAIL_BYTES, 0);
    ssize_t got = pread(fd, tail, MOST_TAIL_BYTES, from);
    bool found = false;
    if (got > 0 && !says_few(tail, (size_t)got, &found))
        return refuse(problem, "zip_too_large", err);
    return found ? ERROR_NONE : refuse(problem, "zip_broken", err);
}

/* ---- Entries ---- */

static struct entry *entry_named(struct oneroster *bundle, const char *name)
{
    if (strcmp(name, "manifest.csv") == 0)
        return &bundle->manifest;
    for (int i = 0; i < ONEROSTER_FILES; i++)
        if (strcmp(name, oneroster_file_name((enum oneroster_file)i)) == 0)
            return &bundle->entries[i];
    return NULL;
}

static enum error take_entry(struct oneroster *bundle, const zip_stat_t *stat, int64_t *total,
                             const char **problem, struct err *err)
{
    const zip_uint64_t wanted = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE |
                                ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD | ZIP_STAT_INDEX;
    struct entry *entry = stat->valid & ZIP_STAT_NAME ? entry_named(bundle, stat->name) : NULL;
    if (!entry)
        return ERROR_NONE;
    if (entry->index >= 0)
        return refuse(problem, "zip_duplicate", err);
    if ((stat->valid & wanted) != wanted)
        return refuse(problem, "zip_broken", err);
    if (stat->encryption_method != ZIP_EM_NONE)
        return refuse(problem, "zip_encrypted", err);
    if (stat->comp_method != ZIP_CM_STORE && stat->comp_method != ZIP_CM_DEFLATE)
        return refuse(problem, "zip_broken", err);
    if (stat->size > (zip_uint64_t)(MOST_BYTES - *total) ||
        (stat->size > SMALL_BYTES && stat->size / MOST_RATIO > stat->comp_size))
        return refuse(problem, "zip_too_large", err);
    *total += (int64_t)stat->size;
    entry->index = (int64_t)stat->index;
    entry->bytes = (int64_t)stat->size;
    return ERROR_NONE;
}

static enum error take_entries(struct oneroster *bundle, const char **problem, struct err *err)
{
    enum error code = ERROR_NONE;
    int64_t total = 0, count = zip_get_num_entries(bundle->zip, 0);
    if (count > MOST_ENTRIES)
        return refuse(problem, "zip_too_large", err);
    for (int64_t i = 0; !code && i < count; i++) {
        zip_stat_t stat;
        if (zip_stat_index(bundle->zip, (zip_uint64_t)i, 0, &stat) != 0)
            return refuse(problem, "zip_broken", err);
        code = take_entry(bundle, &stat, &total, problem, err);
    }
    return code;
}

/* ---- The bytes of a file ---- */

static int64_t read_file(void *context, char *bytes, size_t count)
{
    struct oneroster *bundle = context;
    int64_t got = zip_fread(bundle->file, bytes, count);
    bundle->left -= MAX_OF(got, 0);
    if (bundle->left < 0 || (got == 0 && bundle->left > 0))
        return -1; /* more or less than the zip said */
    return got;
}

static void end_file(struct oneroster *bundle)
{
    rows_close(&bundle->rows);
    if (bundle->file)
        zip_fclose(bundle->file);
    bundle->file = NULL;
}

static enum error begin_file(struct oneroster *bundle, const struct entry *entry,
                             const char **problem, struct err *err)
{
    end_file(bundle);
    bundle->file = zip_fopen_index(bundle->zip, (zip_uint64_t)entry->index, 0);
    bundle->left = entry->bytes;
    if (!bundle->file)
        return refuse(problem, "zip_broken", err);
    rows_open(&bundle->rows, bundle->charset, read_file, bundle);
    return ERROR_NONE;
}

/* ---- The manifest ---- */

struct manifest {
    bool is_1_2;
    struct str system_code;
};

static bool mode_of(struct str text, enum oneroster_mode *mode)
{
    static const struct str names[] = {STR("absent"), STR("bulk"), STR("delta")};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (equal_nocase(text, names[i])) {
            *mode = (enum oneroster_mode)i;
            return true;
        }
    return false;
}

/* Files that are not read may say what they like. */
static bool take_property(struct oneroster *bundle, struct manifest *manifest, struct str name,
                          struct str value)
{
    if (equal_nocase(name, STR("oneroster.version")))
        manifest->is_1_2 = str_equal(value, STR("1.2"));
    if (equal_nocase(name, STR("source.systemCode")))
        manifest->system_code = str_copy(&bundle->arena, value);
    struct str file = name, word = str_cut(&file, '.');
    for (size_t i = 0; i < ONEROSTER_FILES && equal_nocase(word, STR("file")); i++)
        if (equal_nocase(file, str_from(oneroster_tables[i].name)))
            return mode_of(value, &bundle->entries[i].mode);
    return true;
}

static bool manifest_is_whole(struct oneroster *bundle, const struct manifest *manifest)
{
    for (size_t i = 0; i < ONEROSTER_FILES; i++)
        if (bundle->entries[i].mode != ONEROSTER_ABSENT && bundle->entries[i].index < 0)
            return false;
    return manifest->is_1_2;
}

static enum error read_manifest(struct oneroster *bundle, struct manifest *manifest,
                                const char **problem, struct err *err)
{
    enum rows_step step;
    bool good = true;
    if (bundle->manifest.index < 0)
        return refuse(problem, "manifest_missing", err);
    enum error code = begin_file(bundle, &bundle->manifest, problem, err);
    if (code)
        return code;
    while (good && (step = rows_next(&bundle->rows)) == ROWS_ROW)
        good =
            bundle->rows.count >= 2 && take_property(bundle, manifest, rows_cell(&bundle->rows, 0),
                                                     rows_cell(&bundle->rows, 1));
    end_file(bundle);
    if (step == ROWS_BROKEN)
        return refuse(problem, "zip_broken", err);
    good = good && step == ROWS_END && manifest_is_whole(bundle, manifest);
    return good ? ERROR_NONE : refuse(problem, "manifest_broken", err);
}

/* ---- The source ---- */

/* A code of record's TEXT_CODE, at most 64 characters: what else there is becomes '-'. */
static struct str as_code(struct str text, struct arena *arena)
{
    struct str kept = {text.ptr, MIN_OF(text.len, (size_t)64)};
    struct str code = str_copy(arena, kept);
    char *at = (char *)(uintptr_t)code.ptr;
    for (size_t i = 0; i < code.len; i++) {
        if (at[i] >= 'A' && at[i] <= 'Z')
            at[i] += 'a' - 'A';
        bool plain = (at[i] >= 'a' && at[i] <= 'z') || (at[i] >= '0' && at[i] <= '9');
        if (!plain && !memchr("_-.:", at[i], 4))
            at[i] = '-';
    }
    return code;
}

static void set_source(struct oneroster *bundle, const struct oneroster_options *options,
                       struct str system_code)
{
    static const struct uuid dns = {{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4,
                                     0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}};
    struct str source = options->source;
    if (!str_present(source) && system_code.len)
        source = system_code;
    if (!str_present(source))
        source = options->otherwise;
    struct uuid ours = uuid_v5(&dns, STR("eiso.kz"));
    bundle->source = as_code(source, &bundle->arena);
    bundle->space = uuid_v5(&ours, bundle->source);
}

/* ---- Open and close ---- */

static enum error open_zip(struct oneroster *bundle, const char *path, const char **problem,
                           struct err *err)
{
    int why = 0;
    enum error code = check_tail(path, problem, err);
    if (code)
        return code;
    bundle->zip = zip_open(path, ZIP_RDONLY, &why);
    return bundle->zip ? take_entries(bundle, problem, err) : refuse(problem, "zip_broken", err);
}

enum error oneroster_open(struct oneroster **opened, const struct oneroster_options *options,
                          const char **problem, struct err *err)
{
    struct oneroster *bundle = mem_alloc(sizeof *bundle);
    struct manifest manifest = {0};
    bundle->charset = options->charset;
    bundle->manifest.index = -1;
    for (size_t i = 0; i < ONEROSTER_FILES; i++)
        bundle->entries[i].index = -1;
    enum error code = open_zip(bundle, options->path, problem, err);
    if (!code)
        code = read_manifest(bundle, &manifest, problem, err);
    if (code) {
        oneroster_close(bundle);
        return code;
    }
    set_source(bundle, options, manifest.system_code);
    *opened = bundle;
    return ERROR_NONE;
}

void oneroster_close(struct oneroster *bundle)
{
    if (!bundle)
        return;
    end_file(bundle);
    if (bundle->zip)
        zip_discard(bundle->zip);
    arena_done(&bundle->arena);
    free(bundle);
}

struct str oneroster_source(const struct oneroster *bundle)
{
    return bundle->source;
}

enum oneroster_mode oneroster_mode(const struct oneroster *bundle, enum oneroster_file file)
{
    return bundle->entries[file].mode;
}

/* ---- Rows ---- */

enum error oneroster_begin(struct oneroster *bundle, enum oneroster_file file, const char **problem,
                           struct err *err)
{
    ensure(bundle->entries[file].mode != ONEROSTER_ABSENT);
    bundle->table = &oneroster_tables[file];
    bundle->layout = (struct oneroster_layout){0};
    bundle->refused = false;
    return begin_file(bundle, &bundle->entries[file], problem, err);
}

static enum oneroster_step bad(struct problems *problems, const char *code)
{
    problem_add(problems, "", code);
    return ONEROSTER_BAD;
}

/* What is no row; the line is known in any case. */
static enum oneroster_step step_of(enum rows_step step, struct problems *problems)
{
    switch (step) {
    case ROWS_TOO_LONG:
        return bad(problems, "row_too_long");
    case ROWS_UNCLOSED:
        return bad(problems, "unclosed_quote");
    case ROWS_BROKEN:
        problem_add(problems, "", "zip_broken");
        return ONEROSTER_BROKEN;
    case ROWS_ROW:
        return ONEROSTER_ROW;
    case ROWS_END:
        return ONEROSTER_END;
    }
    ensure(false);
}

/* The header comes before the first row; one that is wrong is all there is to say of the file. */
static enum oneroster_step take_header(struct oneroster *bundle, struct problems *problems)
{
    enum oneroster_step step = step_of(rows_next(&bundle->rows), problems);
    if (step == ONEROSTER_END)
        step = bad(problems, "missing_column");
    if (step == ONEROSTER_ROW)
        layout_read(&bundle->layout, bundle->table, &bundle->rows, problems);
    bundle->refused = problems->count > 0;
    return bundle->refused && step == ONEROSTER_ROW ? ONEROSTER_BAD : step;
}

enum oneroster_step oneroster_next(struct oneroster *bundle, void *row, struct problems *problems)
{
    size_t before = problems->count;
    struct oneroster_head *head = row;
    if (bundle->refused)
        return ONEROSTER_END;
    enum oneroster_step step = ONEROSTER_ROW;
    if (bundle->layout.cells == 0)
        step = take_header(bundle, problems);
    if (step == ONEROSTER_ROW)
        step = step_of(rows_next(&bundle->rows), problems);
    head->line = bundle->rows.row_line;
    if (step != ONEROSTER_ROW)
        return step;
    row_decode(&bundle->layout, bundle->table, &bundle->space, &bundle->rows, row, problems);
    return problems->count > before ? ONEROSTER_BAD : ONEROSTER_ROW;
}
