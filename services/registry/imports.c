/* POST /v1/imports and what is seen of a job: once, as a stream, and the rows that were refused. */
#include "imports.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api.h"
#include "http/sse.h"
#include "store_imports.h"

enum { LOOK_EVERY_MS = 500, MOST_STREAMS = 256, REJECTS_A_PAGE = 10000 };

static const struct value charset_names[] = {{"utf-8", ONEROSTER_UTF8 + 1},
                                             {"windows-1251", ONEROSTER_WINDOWS_1251 + 1}};
const struct values import_charsets = VALUES(charset_names);

const struct stream_event import_events[] = {
    {"progress", &import_record, "How far it is; the first comes at once."},
    {"end", &import_record, "It has ended; the stream ends with it."},
    {0},
};

/* ---- As it is shown ---- */

static struct str title_of(struct str code, enum language language)
{
    return str_present(code) ? i18n_text(language, i18n_find("problem", code)) : (struct str){0};
}

static void answer_import(struct http_request *request, int status, struct import *import)
{
    import->title = title_of(import->problem, request->language);
    http_answer_json(request, status, &import_record, import);
}

/* ---- POST /v1/imports ---- */

/* A bundle that nginx has spooled, on its way to a job. */
struct arrival {
    struct http_request *request;
    struct import_adding adding;
    const char *path;
    const char *folder; /* that it is in */
    pid_t writer;
    int writer_fd;
    struct loop_watch *watch;
};

static bool is_zip(const struct http_request *request)
{
    struct str type = http_header(request, "content-type");
    return str_equal(str_cut(&type, ';'), STR("application/zip"));
}

static bool is_code(struct str text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_-.:";
    for (size_t i = 0; i < text.len; i++)
        if (!memchr(allowed, text.ptr[i], sizeof allowed - 1))
            return false;
    return text.len > 0 && text.len <= 64;
}

static bool read_source(struct http_request *request, struct str *source)
{
    *source = http_query(request, "source");
    if (!str_present(*source) || is_code(*source))
        return true;
    http_problem(request, 400, "bad_parameter", "source is at most 64 of a-z 0-9 _ - . :");
    return false;
}

/* nginx names the file in which it put the body (deploy/nginx/spool.conf; a caller's own header of
 * that name never passes it). Only the last part of the path counts: whoever could forge it would
 * still name a file of the spool. The file gets a second name here, and loses its first when the
 * answer is out. */
static bool take_file(struct arrival *arrival, const char *state)
{
    struct http_request *request = arrival->request;
    struct str spooled = http_header(request, "x-spooled");
    const char *name = arena_printf(&request->arena, "%.*s", STR_ARG(spooled));
    const char *last = strrchr(name, '/');
    struct stat status;
    if (!last || last[1] == '\0' || last[1] == '.')
        return false;
    const char *from = arena_printf(&request->arena, "%s/spool%s", state, last);
    arrival->folder = arena_printf(&request->arena, "%s/imports", state);
    mkdir(arrival->folder, 0700);
    if (link(from, arrival->path) != 0 || stat(arrival->path, &status) != 0)
        return false;
    arrival->adding.bytes = status.st_size;
    return true;
}

static void added(void *context, const struct result *result, enum error code,
                  const struct err *err)
{
    struct arrival *arrival = context;
    struct http_request *request = arrival->request;
    struct str problem = code ? (struct str){0} : result_str(result, 0, 0);
    char id[UUID_TEXT_LEN + 1];
    if (code && code != ERROR_UNKNOWN) /* then the sweep finds out */
        unlink(arrival->path);
    if (code) {
        http_error(request, err);
    } else if (str_present(problem)) {
        unlink(arrival->path);
        http_add_header(request, "Retry-After", "30");
        http_problem(request, 429,
                     str_equal(problem, STR("too_many_imports")) ? "too_many_imports"
                                                                 : "import_queue_full",
                     NULL);
    } else {
        struct import import = {.id = arrival->adding.id,
                                .state = IMPORT_WAITING,
                                .source = arrival->adding.source,
                                .bytes = arrival->adding.bytes};
        http_add_header(
            request, "Location",
            arena_printf(&request->arena, "/v1/imports/%s", uuid_format(&import.id, id)));
        answer_import(request, 202, &import);
    }
}

/* ---- On disk before it is acknowledged ---- */

static bool sync_path(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

static void written_out(void *context, int ready)
{
    (void)ready;
    struct arrival *arrival = context;
    int status = 1;
    loop_watch_free(arrival->watch);
    close(arrival->writer_fd);
    waitpid(arrival->writer, &status, 0);
    if (status == 0) {
        store_import_add(process_of(arrival->request)->write, &arrival->adding,
                         &arrival->request->arena, added, arrival);
        return;
    }
    unlink(arrival->path);
    http_problem(arrival->request, 503, "unavailable", "the bundle cannot be written to disk");
}

/* A child does it: half a gigabyte takes the disk seconds, for which this loop must not stand
 * still.
 */
static bool write_out(struct arrival *arrival, const char *state)
{
    arrival->writer = fork();
    if (arrival->writer == 0)
        _exit(sync_path(arrival->path) && sync_path(arrival->folder) && sync_path(state) ? 0 : 1);
    if (arrival->writer < 0)
        return false;
    arrival->writer_fd = pidfd_open(arrival->writer, 0);
    ensure(arrival->writer_fd >= 0);
    arrival->watch = loop_watch_new(process_of(arrival->request)->loop, arrival->writer_fd,
                                    written_out, arrival);
    loop_watch_set(arrival->watch, LOOP_READ);
    return true;
}

void post_import(struct http_request *request)
{
    const struct process *process = process_of(request);
    struct arrival *arrival = ARENA_NEW(&request->arena, struct arrival);
    *arrival = (struct arrival){
        .request = request,
        .adding = {.id = uuid_v7(), .principal = auth_principal(request), .today = date_today()},
    };
    arrival->path = import_path(process->common.state, &arrival->adding.id, &request->arena);
    if (!is_zip(request)) {
        http_problem(request, 415, "unsupported_media_type", "application/zip");
        return;
    }
    arrival->adding.change_threshold = (int32_t)http_query_int(request, "change_threshold");
    unsigned charset = http_query_value(request, "charset");
    arrival->adding.charset = charset ? (enum oneroster_charset)(charset - 1) : ONEROSTER_UTF8;
    if (!read_source(request, &arrival->adding.source))
        return;
    if (str_present(http_query(request, "dry_run")))
        http_problem(request, 400, "bad_parameter", "this call has no dry_run");
    else if (!take_file(arrival, process->common.state))
        http_problem(request, 422, "zip_broken", "the body is empty, or was not spooled");
    else if (!write_out(arrival, process->common.state))
        http_problem(request, 503, "unavailable", "no process for writing the bundle to disk");
}

/* ---- GET /v1/imports, /v1/imports/{id} ---- */

static void list_arrived(void *context, const struct result *result, enum error code,
                         const struct err *err)
{
    struct http_request *request = context;
    size_t count, limit = (size_t)http_query_int(request, "limit");
    if (code) {
        http_error(request, err);
        return;
    }
    struct import *imports = result_records(result, &import_record, &request->arena, &count);
    for (size_t i = 0; i < count; i++)
        imports[i].title = title_of(imports[i].problem, request->language);
    struct str next = {0};
    if (count > limit)
        next = http_cursor_make(request, &imports[limit - 1].id, sizeof imports->id);
    http_answer_list(request, &import_record, imports, MIN_OF(count, limit), next);
}

void get_imports(struct http_request *request)
{
    struct uuid after = {0};
    bool given;
    if (http_cursor_read(request, &after, sizeof after, &given))
        store_imports(process_of(request)->read, &auth_principal(request)->id, &after,
                      (int32_t)http_query_int(request, "limit") + 1, list_arrived, request);
}

static void one_arrived(void *context, const struct result *result, enum error code,
                        const struct err *err)
{
    struct http_request *request = context;
    size_t count;
    if (code) {
        http_error(request, err);
        return;
    }
    struct import *import = result_records(result, &import_record, &request->arena, &count);
    if (count)
        answer_import(request, 200, import);
    else
        http_problem(request, 404, "not_found", NULL);
}

void get_import(struct http_request *request)
{
    struct uuid id;
    if (http_path_uuid(request, 0, &id))
        store_import(process_of(request)->read, &auth_principal(request)->id, &id, one_arrived,
                     request);
}

/* ---- GET /v1/imports/{id}/rejected ---- */

/* A spreadsheet takes a cell for a formula that begins with one of these. */
static void add_cell(struct buf *out, struct str cell)
{
    buf_add_char(out, '"');
    if (cell.len && memchr("=+-@\t\r", cell.ptr[0], 6))
        buf_add_char(out, '\'');
    for (size_t i = 0; i < cell.len; i++) {
        if (cell.ptr[i] == '"')
            buf_add_char(out, '"');
        buf_add_char(out, cell.ptr[i]);
    }
    buf_add_char(out, '"');
}

static void add_reject(struct buf *out, const struct result *result, size_t row,
                       enum language language)
{
    enum oneroster_file file = (enum oneroster_file)result_int(result, row, 1);
    struct str code = result_str(result, row, 4);
    buf_printf(out, "%s,%d,", oneroster_file_name(file), (int)result_int(result, row, 2));
    add_cell(out, result_str(result, row, 3));
    buf_printf(out, ",%.*s,", STR_ARG(code));
    add_cell(out, title_of(code, language));
    buf_add_text(out, "\r\n");
}

/* Pages one behind the other are the whole file: only the first begins with the header. */
static void rejects_arrived(void *context, const struct result *result, enum error code,
                            const struct err *err)
{
    struct http_request *request = context;
    CLEANUP(buf_done) struct buf out = {0};
    struct import_place after;
    bool given;
    if (code) {
        http_error(request, err);
        return;
    }
    size_t rows = result_rows(result), shown = MIN_OF(rows, (size_t)REJECTS_A_PAGE + 1);
    if (rows == 0) {
        http_problem(request, 404, "not_found", NULL);
        return;
    }
    if (!http_cursor_read(request, &after, sizeof after, &given))
        return;
    if (!given)
        buf_add_text(&out, "file,line,column,code,title\r\n");
    for (size_t row = 1; row < shown; row++)
        add_reject(&out, result, row, request->language);
    if (rows > shown) {
        after = (struct import_place){result_bigint(result, shown - 1, 0),
                                      result_int(result, shown - 1, 1),
                                      result_int(result, shown - 1, 2)};
        struct str next = http_cursor_make(request, &after, sizeof after);
        http_add_header(request, "Link",
                        arena_printf(&request->arena, "<%.*s?cursor=%.*s>; rel=\"next\"",
                                     STR_ARG(request->path), STR_ARG(next)));
    }
    http_add_header(request, "Content-Disposition", "attachment; filename=\"rejected.csv\"");
    http_answer(request, 200, "text/csv; charset=utf-8", buf_str(&out));
}

void get_import_rejected(struct http_request *request)
{
    struct uuid id;
    struct import_place after = {0};
    bool given;
    if (http_path_uuid(request, 0, &id) && http_cursor_read(request, &after, sizeof after, &given))
        store_import_rejects(process_of(request)->read, &auth_principal(request)->id, &id, &after,
                             REJECTS_A_PAGE + 1, rejects_arrived, request);
}

/* ---- GET /v1/imports/{id}/stream ---- */

struct reader {
    struct sse *sse;
    struct auth_watch *watch;
    struct import_streams *streams;
    struct uuid import, shown; /* shown: fingerprint of the last message */
    enum language language;
    LIST_ENTRY(reader) next;
};

/* Whoever watches; the jobs that they watch are looked at together. */
struct import_streams {
    struct process *process;
    struct loop_timer *look;
    struct arena arena; /* of one look */
    size_t count;
    bool looking;
    LIST_HEAD(readers, reader) readers;
};

static void look(void *context);

struct import_streams *import_streams_new(struct process *process)
{
    struct import_streams *streams = mem_alloc(sizeof *streams);
    streams->process = process;
    streams->look = loop_timer_new(process->loop, look, streams);
    return streams;
}

void import_streams_free(struct import_streams *streams)
{
    if (!streams)
        return;
    loop_timer_free(streams->look);
    arena_done(&streams->arena);
    free(streams);
}

static bool has_ended(const struct import *import)
{
    return import->state == IMPORT_DONE || import->state == IMPORT_FAILED;
}

/* Each message is the whole state; the last one is that the job has ended. */
static void show(struct reader *reader, struct import *import)
{
    CLEANUP(buf_done) struct buf data = {0};
    struct uuid shown;
    import->title = title_of(import->problem, reader->language);
    record_encode_json(&import_record, import, &data);
    str_fingerprint(buf_str(&data), &shown);
    if (!uuid_equal(&shown, &reader->shown)) {
        struct sse_frame *frame =
            sse_frame_new((struct str){0}, has_ended(import) ? "end" : "progress", buf_str(&data));
        sse_send(reader->sse, frame);
        sse_frame_free(frame);
        reader->shown = shown;
    }
    if (has_ended(import))
        sse_close(reader->sse);
}

static void looked(void *context, const struct result *result, enum error code,
                   const struct err *err)
{
    struct import_streams *streams = context;
    (void)err;
    size_t count;
    struct import *imports = result_records(result, &import_record, &streams->arena, &count);
    struct reader *reader;
    LIST_FOREACH(reader, &streams->readers, next)
    for (size_t i = 0; !code && i < count; i++)
        if (uuid_equal(&imports[i].id, &reader->import))
            show(reader, &imports[i]);
    streams->looking = false;
    arena_reset(&streams->arena);
    if (streams->count)
        loop_timer_set(streams->look, LOOK_EVERY_MS);
}

static void look(void *context)
{
    struct import_streams *streams = context;
    if (streams->count == 0 || streams->looking)
        return;
    struct uuid *ids = ARENA_ARRAY(&streams->arena, streams->count, struct uuid);
    struct reader *reader;
    size_t count = 0;
    LIST_FOREACH(reader, &streams->readers, next)
    ids[count++] = reader->import;
    streams->looking = true;
    store_imports_of(streams->process->read, (struct uuids){ids, count}, &streams->arena, looked,
                     streams);
}

static void reader_left(struct sse *sse, void *context)
{
    (void)sse;
    struct reader *reader = context;
    reader->streams->count--;
    LIST_REMOVE(reader, next);
    auth_release(reader->watch);
    free(reader);
}

static void access_ended(void *context)
{
    struct reader *reader = context;
    sse_close(reader->sse);
}

static void stream_arrived(void *context, const struct result *result, enum error code,
                           const struct err *err)
{
    struct http_request *request = context;
    struct process *process = process_of(request);
    struct import_streams *streams = process->state;
    size_t count;
    if (code) {
        http_error(request, err);
        return;
    }
    struct import *import = result_records(result, &import_record, &request->arena, &count);
    if (count == 0) {
        http_problem(request, 404, "not_found", NULL);
        return;
    }
    if (streams->count == MOST_STREAMS) {
        http_problem(request, 503, "unavailable", "too many streams");
        return;
    }
    CLEANUP(arena_done) struct arena arena = {0}; /* the request's goes before the first message */
    struct import first = *import;
    first.source = str_copy(&arena, import->source);
    first.problem = str_copy(&arena, import->problem);
    struct reader *reader = mem_alloc(sizeof *reader);
    *reader =
        (struct reader){.streams = streams, .import = first.id, .language = request->language};
    reader->watch = auth_hold(process->auth, auth_principal(request), access_ended, reader);
    reader->sse = sse_open(request, reader_left, reader);
    LIST_INSERT_HEAD(&streams->readers, reader, next);
    if (streams->count++ == 0)
        loop_timer_set(streams->look, LOOK_EVERY_MS);
    show(reader, &first);
}

void get_import_stream(struct http_request *request)
{
    struct uuid id;
    if (http_path_uuid(request, 0, &id))
        store_import(process_of(request)->read, &auth_principal(request)->id, &id, stream_arrived,
                     request);
}
