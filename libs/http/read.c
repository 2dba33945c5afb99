/* What a handler asks of its request. Readers that find something wrong answer themselves. */
#include <string.h>

#include "http/http_internal.h"

struct str http_header(const struct http_request *request, const char *name)
{
    return head_find(&request->exchange->head, str_from(name));
}

struct str http_cookie(const struct http_request *request, const char *name)
{
    return cookie_find(http_header(request, "cookie"), str_from(name));
}

bool http_path_uuid(struct http_request *request, int index, struct uuid *value)
{
    ensure(index >= 0 && index < HTTP_MAX_PATH_VALUES);
    if (uuid_parse(request->path_values[index], value))
        return true;
    http_problem(request, 404, "not_found", NULL);
    return false;
}

/* ---- Bodies ---- */

/* The media type without its parameters; absent where a charset other than UTF-8 is claimed. */
static struct str media_type(const struct http_request *request)
{
    struct str parameters = http_header(request, "content-type");
    struct str type = str_trim(str_cut(&parameters, ';'));
    while (str_present(parameters)) {
        struct str value = str_trim(str_cut(&parameters, ';'));
        struct str name = str_trim(str_cut(&value, '='));
        bool utf8 =
            str_equal_nocase(value, STR("utf-8")) || str_equal_nocase(value, STR("\"utf-8\""));
        if (str_equal_nocase(name, STR("charset")) && !utf8)
            return (struct str){0};
    }
    return type;
}

static bool batch_format(const struct http_request *request, enum record_format *format)
{
    static const struct {
        struct str type;
        enum record_format format;
    } known[] = {{STR("application/json"), RECORD_JSON},
                 {STR("application/x-ndjson"), RECORD_NDJSON},
                 {STR("application/vnd.msgpack"), RECORD_MSGPACK}};
    struct str type = media_type(request);
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        *format = known[i].format;
        if (str_equal_nocase(type, known[i].type))
            return true;
    }
    return false;
}

static bool bad_type(struct http_request *request, const char *taken)
{
    http_problem(request, 415, "unsupported_media_type",
                 arena_printf(&request->arena, "in UTF-8: %s", taken));
    return false;
}

static bool bad_body(struct http_request *request, const struct body_error *error)
{
    const char *place = error->line ? arena_printf(&request->arena, "line %zu, byte %zu",
                                                   error->line, error->offset)
                                    : arena_printf(&request->arena, "byte %zu", error->offset);
    http_problem(request, error->http_status, error->code, place);
    return false;
}

bool http_batch(struct http_request *request, const struct record *record, struct batch *batch)
{
    enum record_format format;
    struct body_error error = {0};
    if (!batch_format(request, &format))
        return bad_type(request, "application/json, application/x-ndjson, application/vnd.msgpack");
    if (!record_decode_batch(record, format, request->body, &request->arena, batch, &error))
        return bad_body(request, &error);
    return true;
}

bool http_object(struct http_request *request, const struct record *record, void *item)
{
    struct body_error error = {0};
    struct problems problems = {.arena = &request->arena};
    if (!str_equal_nocase(media_type(request), STR("application/json")))
        return bad_type(request, "application/json");
    if (!record_decode_json(record, request->body, &request->arena, item, &problems, &error))
        return bad_body(request, &error);
    if (problems.count == 0)
        return true;
    http_problem_items(request, 422, "invalid", &problems);
    return false;
}
