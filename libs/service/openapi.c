/* The reference of a service, OpenAPI 3.1: made from its route table and the records in it, so that
 * it cannot say anything else than the program does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/cookies.h"
#include "base/json.h"
#include "record/schema.h"
#include "service/gather.h"
#include "service/service_internal.h"

/* ---- What answer.c and gather_answer.c write by hand ---- */

struct finding_view {
    struct str pointer, code, title;
    struct uuid existing;
    bool retriable;
};
static const struct field finding_fields[] = {
    FIELD(finding_view, pointer, .required = true, .max = 1000,
          .about = "JSON Pointer within the item; empty: the whole item."),
    FIELD(finding_view, code, .required = true, .max = 64, .text = TEXT_CODE),
    FIELD(finding_view, title, .required = true, .max = 500, .about = "By Accept-Language."),
    FIELD(finding_view, existing, .about = "The one that stands in the way."),
    FIELD(finding_view, retriable, .about = "Time may heal it: send the item again."),
};
static const struct record finding_record = RECORD(finding_view, finding_fields);

struct problem_item {
    int32_t index;
    struct str pointer, code, title;
    bool retriable;
};
static const struct field problem_item_fields[] = {
    FIELD(problem_item, index, .required = true, .max = BATCH_ITEMS_MAX),
    FIELD(problem_item, pointer, .required = true, .max = 1000),
    FIELD(problem_item, code, .required = true, .max = 64, .text = TEXT_CODE),
    FIELD(problem_item, title, .required = true, .max = 500),
    FIELD(problem_item, retriable),
};
static const struct record problem_item_record = RECORD(problem_item, problem_item_fields);

struct problem_view {
    struct str type, code, title, detail, request_id;
    int32_t status;
    struct list errors;
};
static const struct field problem_fields[] = {
    FIELD(problem_view, type, .required = true),
    FIELD(problem_view, status, .required = true, .min = 400, .max = 599),
    FIELD(problem_view, code, .required = true, .max = 64, .text = TEXT_CODE,
          .about = "What a program decides by."),
    FIELD(problem_view, title, .required = true, .max = 500, .about = "By Accept-Language."),
    FIELD(problem_view, detail, .max = 1000, .about = "English, for developers."),
    FIELD(problem_view, request_id, .about = "The X-Request-Id of the answer."),
    FIELD(problem_view, errors, .record = &problem_item_record),
};
static const struct record problem_record = RECORD(
    problem_view, problem_fields, .rules = "An error of a whole request (RFC 9457 with a code).");

/* ---- All routes of a service, whichever role answers them ---- */

struct document {
    const struct service *service;
    const struct openapi_settings *settings;
    struct schemas schemas;
    const struct route *routes[128];
    size_t count;
    struct buf *out;
};

static bool is_form(const struct route *route)
{
    return route->takes_media != NULL;
}

static void take_records(struct document *document, const struct route *route)
{
    struct schemas *schemas = &document->schemas;
    const struct stream_event *event = route->answer.events;
    if (route->takes)
        schemas_add(schemas, route->takes, SCHEMA_SENT);
    if (route->entrance)
        schemas_add(schemas, route->entrance->record, SCHEMA_SENT);
    if (route->answer.record)
        schemas_add(schemas, route->answer.record, SCHEMA_SHOWN);
    if (route->refusal)
        schemas_add(schemas, route->refusal, SCHEMA_SHOWN);
    for (; event && event->record; event++)
        schemas_add(schemas, event->record, SCHEMA_SHOWN);
}

static void take_routes(struct document *document)
{
    for (size_t l = 0; l < document->service->listeners.count; l++) {
        const struct routes *routes = &document->service->listeners.items[l].routes;
        for (size_t i = 0; i < routes->count; i++) {
            ensure(document->count < COUNT_OF(document->routes));
            document->routes[document->count++] = &routes->items[i];
            take_records(document, &routes->items[i]);
        }
    }
    schemas_add(&document->schemas, &problem_record, SCHEMA_SHOWN);
    schemas_add(&document->schemas, &finding_record, SCHEMA_SHOWN);
}

/* What a row lacks; NULL: nothing. */
static const char *lacking(const struct route *route)
{
    bool takes = route->takes || route->takes_media || route->entrance;
    if (!route->summary)
        return "a summary";
    if (route->answer.shape == ANSWER_UNSAID)
        return "its answer";
    return route->body_bytes && !takes ? "what its body holds" : NULL;
}

static bool is_complete(const struct document *document, struct err *err)
{
    for (size_t i = 0; i < document->count; i++) {
        const struct route *route = document->routes[i];
        const char *what = lacking(route);
        if (what) {
            err_set(err, ERROR_INVALID, "the route %s %s does not say %s",
                    http_method_name(route->method), route->path, what);
            return false;
        }
    }
    return true;
}

/* ---- Parameters ---- */

static void draw_parameter_schema(const struct parameter *parameter, struct buf *out)
{
    json_begin(out, "schema", '{');
    json_text(out, "type", parameter->type == PARAMETER_INT ? "integer" : "string");
    switch (parameter->type) {
    case PARAMETER_TEXT:
        json_number(out, "minLength", parameter->min);
        if (parameter->max)
            json_number(out, "maxLength", parameter->max);
        break;
    case PARAMETER_INT:
        json_number(out, "minimum", parameter->min);
        json_number(out, "maximum", parameter->max);
        json_number(out, "default", parameter->absent);
        break;
    case PARAMETER_UUID:
        json_text(out, "format", "uuid");
        break;
    case PARAMETER_DATE:
        json_text(out, "format", "date");
        break;
    case PARAMETER_VALUE:
        json_begin(out, "enum", '[');
        for (size_t i = 0; i < parameter->values->count; i++)
            json_text(out, NULL, parameter->values->items[i].name);
        json_end(out, ']');
        break;
    }
    json_end(out, '}');
}

static void draw_parameter(const struct parameter *parameter, const char *in, struct buf *out)
{
    json_begin(out, NULL, '{');
    json_text(out, "name", parameter->name);
    json_text(out, "in", in);
    if (parameter->required)
        json_flag(out, "required", true);
    if (parameter->about)
        json_text(out, "description", parameter->about);
    draw_parameter_schema(parameter, out);
    json_end(out, '}');
}

/* Every {id} is a UUID. */
static void draw_path_parameters(const char *path, struct buf *out)
{
    for (const char *open = strchr(path, '{'); open; open = strchr(open + 1, '{')) {
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(open + 1, "}"), open + 1);
        struct parameter parameter = {
            name, strcmp(name, "id") == 0 ? PARAMETER_UUID : PARAMETER_TEXT, true};
        draw_parameter(&parameter, "path", out);
    }
}

static bool has_parameter(const struct route *route, const char *name)
{
    for (size_t i = 0; route->query && i < route->query->count; i++)
        if (strcmp(route->query->items[i].name, name) == 0)
            return true;
    return false;
}

static void draw_parameters(const struct route *route, struct buf *out)
{
    static const struct parameter last_event_id = {
        "Last-Event-ID", PARAMETER_TEXT, .about = "The `id` of the last event that arrived."};
    json_begin(out, "parameters", '[');
    draw_path_parameters(route->path, out);
    for (size_t i = 0; route->query && i < route->query->count; i++)
        draw_parameter(&route->query->items[i], "query", out);
    if (route->stream && has_parameter(route, "after"))
        draw_parameter(&last_event_id, "header", out);
    json_raw(out, NULL, STR("{\"$ref\":\"#/components/parameters/language\"}"));
    json_end(out, ']');
}

/* ---- Names ---- */

/* "get_v1_learners_id_marks" */
static void add_operation_id(const struct route *route, struct buf *id)
{
    for (const char *c = http_method_name(route->method); *c; c++)
        buf_add_char(id, (char)(*c + ('a' - 'A')));
    ensure(id->len);
    for (const char *c = route->path; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9');
        if (plain)
            buf_add_char(id, *c);
        else if (id->ptr[id->len - 1] != '_' && *c != '}')
            buf_add_char(id, '_');
    }
}

/* ---- Examples ---- */

enum example_part { EXAMPLE_REQUEST, EXAMPLE_ANSWER };

static void draw_example(const struct example *example, enum example_part part, int number,
                         bool json, struct buf *out)
{
    char name[16];
    struct str value = part == EXAMPLE_REQUEST ? example->request : example->answer;
    snprintf(name, sizeof name, "%d", number);
    json_begin(out, name, '{');
    json_str(out, "summary", example->title);
    json_str(out, "description", example->line);
    if (json)
        json_raw(out, "value", value);
    else
        json_str(out, "value", value);
    json_end(out, '}');
}

/* Those of a route that have this part, of the answer with this status; `json`: it is JSON. */
static void draw_examples(const struct document *document, const struct route *route,
                          enum example_part part, int status, bool json)
{
    const struct embedded *file = document->service->examples;
    struct str rest = file ? (struct str){file->bytes, file->length} : (struct str){0};
    struct example example;
    int count = 0;
    while (example_next(&rest, &example)) {
        struct str value = part == EXAMPLE_REQUEST ? example.request : example.answer;
        if (!str_present(value) || !example_is_of(&example, route) ||
            (part == EXAMPLE_ANSWER && example.status != status))
            continue;
        if (!count)
            json_begin(document->out, "examples", '{');
        draw_example(&example, part, ++count, json, document->out);
    }
    if (count)
        json_end(document->out, '}');
}

/* ---- Bodies ---- */

static void draw_record(struct document *document, const char *name, const struct record *record,
                        enum schema_side side)
{
    json_begin(document->out, name, '{');
    schemas_refer(&document->schemas, record, side, document->out);
    json_end(document->out, '}');
}

static void draw_batch(struct document *document, const struct route *route)
{
    static const char *const media[] = {"application/json", "application/x-ndjson",
                                        "application/vnd.msgpack"};
    for (size_t i = 0; i < COUNT_OF(media); i++) {
        json_begin(document->out, media[i], '{');
        json_begin(document->out, "schema", '{');
        json_text(document->out, "type", "array");
        json_number(document->out, "maxItems", BATCH_ITEMS_MAX);
        draw_record(document, "items", route->entrance->record, SCHEMA_SENT);
        json_end(document->out, '}');
        if (i == 0)
            draw_examples(document, route, EXAMPLE_REQUEST, 0, true);
        json_end(document->out, '}');
    }
}

static void draw_one_body(struct document *document, const struct route *route)
{
    json_begin(document->out, is_form(route) ? route->takes_media : "application/json", '{');
    if (route->takes)
        draw_record(document, "schema", route->takes, SCHEMA_SENT);
    else /* bytes: OpenAPI 3.1 says so by an empty schema */
        json_raw(document->out, "schema", STR("{}"));
    draw_examples(document, route, EXAMPLE_REQUEST, 0, true);
    json_end(document->out, '}');
}

static void draw_body(struct document *document, const struct route *route)
{
    if (!route->body_bytes)
        return;
    json_begin(document->out, "requestBody", '{');
    json_flag(document->out, "required", true);
    json_begin(document->out, "content", '{');
    if (route->entrance)
        draw_batch(document, route);
    else
        draw_one_body(document, route);
    json_end(document->out, '}');
    json_end(document->out, '}');
}

/* ---- Answers when all went well ---- */

static void draw_list(struct document *document, const struct record *record)
{
    struct buf *out = document->out;
    json_begin(out, "schema", '{');
    json_text(out, "type", "object");
    json_begin(out, "properties", '{');
    json_begin(out, "items", '{');
    json_text(out, "type", "array");
    draw_record(document, "items", record, SCHEMA_SHOWN);
    json_end(out, '}');
    json_raw(out, "next",
             STR("{\"type\":\"string\",\"description\":\"`cursor` of the next page; absent: this "
                 "is the last one.\"}"));
    json_end(out, '}');
    json_raw(out, "required", STR("[\"items\"]"));
    json_end(out, '}');
}

static void draw_findings(struct document *document, const char *name)
{
    json_begin(document->out, name, '{');
    json_text(document->out, "type", "array");
    draw_record(document, "items", &finding_record, SCHEMA_SHOWN);
    json_end(document->out, '}');
}

static void draw_outcome_names(const char *name, const char *const *outcomes, struct buf *out)
{
    json_begin(out, name, '[');
    for (; *outcomes; outcomes++)
        json_text(out, NULL, *outcomes);
    json_end(out, ']');
}

static void draw_result(struct document *document, const struct entrance *entrance)
{
    struct buf *out = document->out;
    json_begin(out, "items", '{');
    json_text(out, "type", "object");
    json_begin(out, "properties", '{');
    json_raw(out, "index", STR("{\"type\":\"integer\",\"minimum\":0}"));
    json_raw(out, "id",
             STR("{\"type\":\"string\",\"format\":\"uuid\",\"description\":\"Absent where it "
                 "could not be read.\"}"));
    json_begin(out, "outcome", '{');
    json_text(out, "type", "string");
    draw_outcome_names("enum", entrance->outcomes, out);
    json_end(out, '}');
    json_raw(out, "canonical",
             STR("{\"type\":\"string\",\"format\":\"uuid\",\"description\":\"The id under which "
                 "it was known already.\"}"));
    draw_findings(document, "errors");
    draw_findings(document, "warnings");
    json_end(out, '}');
    json_raw(out, "required", STR("[\"index\",\"outcome\"]"));
    json_end(out, '}');
}

static void draw_outcomes(struct document *document, const struct entrance *entrance)
{
    struct buf *out = document->out;
    json_begin(out, "schema", '{');
    json_text(out, "type", "object");
    json_begin(out, "properties", '{');
    for (size_t i = 0; entrance->outcomes[i]; i++)
        json_raw(out, entrance->outcomes[i], STR("{\"type\":\"integer\",\"minimum\":0}"));
    json_begin(out, "results", '{');
    json_text(out, "type", "array");
    draw_result(document, entrance);
    json_end(out, '}');
    json_end(out, '}');
    json_raw(out, "required", STR("[\"rejected\",\"results\"]"));
    json_end(out, '}');
}

/* The events of a stream stand beside its schema: OpenAPI 3.1 knows no stream. */
static void draw_events(struct document *document, const struct stream_event *event)
{
    struct buf *out = document->out;
    json_raw(out, "schema", STR("{\"type\":\"string\"}"));
    json_begin(out, "x-events", '[');
    for (; event->record; event++) {
        json_begin(out, NULL, '{');
        if (event->name)
            json_text(out, "event", event->name);
        json_text(out, "description", event->about);
        draw_record(document, "data", event->record, SCHEMA_SHOWN);
        json_end(out, '}');
    }
    json_end(out, ']');
}

static int answer_status(const struct route_answer *answer)
{
    if (answer->status)
        return answer->status;
    return answer->shape == ANSWER_EMPTY ? 204 : 200;
}

static const char *answer_media(const struct route_answer *answer)
{
    if (answer->shape == ANSWER_EVENTS)
        return "text/event-stream";
    return answer->shape == ANSWER_MEDIA ? answer->media : "application/json";
}

static void draw_content(struct document *document, const struct route *route)
{
    const struct route_answer *answer = &route->answer;
    json_begin(document->out, answer_media(answer), '{');
    switch (answer->shape) {
    case ANSWER_ITEM:
        draw_record(document, "schema", answer->record, SCHEMA_SHOWN);
        break;
    case ANSWER_LIST:
        draw_list(document, answer->record);
        break;
    case ANSWER_OUTCOMES:
        draw_outcomes(document, route->entrance);
        break;
    case ANSWER_EVENTS:
        draw_events(document, answer->events);
        break;
    case ANSWER_UNSAID:
    case ANSWER_EMPTY:
    case ANSWER_MEDIA:
        break;
    }
    const char *media = answer_media(answer);
    draw_examples(document, route, EXAMPLE_ANSWER, answer_status(answer),
                  strcmp(media + strlen(media) - 4, "json") == 0);
    json_end(document->out, '}');
}

static void draw_answer(struct document *document, const struct route *route)
{
    static const char *const words[] = {
        [ANSWER_EMPTY] = "Done.",        [ANSWER_ITEM] = "The one that was asked for.",
        [ANSWER_LIST] = "A page.",       [ANSWER_OUTCOMES] = "An outcome for each item.",
        [ANSWER_EVENTS] = "The stream.", [ANSWER_MEDIA] = "What was asked for.",
    };
    char status[8];
    snprintf(status, sizeof status, "%d", answer_status(&route->answer));
    json_begin(document->out, status, '{');
    json_text(document->out, "description", words[route->answer.shape]);
    if (route->answer.shape != ANSWER_EMPTY) {
        json_begin(document->out, "content", '{');
        draw_content(document, route);
        json_end(document->out, '}');
    }
    json_end(document->out, '}');
}

static void draw_known(struct document *document)
{
    json_begin(document->out, "304", '{');
    json_text(document->out, "description", "The caller has it: If-None-Match names its ETag.");
    json_end(document->out, '}');
}

/* ---- Refusals: those that follow from the row, and those that it names ---- */

static bool always(const struct route *route)
{
    (void)route;
    return true;
}

static bool has_cursor(const struct route *route)
{
    return has_parameter(route, "cursor");
}

static bool takes_body(const struct route *route)
{
    return route->body_bytes > 0;
}

static bool takes_batch(const struct route *route)
{
    return route->entrance != NULL;
}

static bool takes_object(const struct route *route)
{
    return route->takes && !is_form(route);
}

static bool takes_json(const struct route *route)
{
    return takes_batch(route) || takes_object(route);
}

static bool knows_caller(const struct route *route)
{
    return !route->open;
}

static bool is_checked(const struct route *route)
{
    return !route->open && (route->scope || strchr(route->path, '{') || route->query);
}

static bool writes_known(const struct route *route)
{
    return !route->open && route->method != HTTP_GET;
}

static bool names_one(const struct route *route)
{
    return strchr(route->path, '{') != NULL ||
           (route->query && !route->open && route->method == HTTP_GET);
}

static bool is_limited(const struct route *route)
{
    return takes_batch(route) || route->guarded;
}

static bool is_write(const struct route *route)
{
    return route->method != HTTP_GET;
}

static const struct {
    int status;
    const char *code;
    bool (*applies)(const struct route *route);
} refusals[] = {
    {400, "bad_request", always},
    {400, "bad_parameter", always},
    {400, "bad_cursor", has_cursor},
    {400, "bad_json", takes_json},
    {400, "bad_msgpack", takes_batch},
    {400, "nesting_too_deep", takes_json},
    {401, "unauthorized", knows_caller},
    {401, "token_expired", knows_caller},
    {403, "forbidden", is_checked},
    {403, "cross_site", writes_known},
    {404, "not_found", names_one},
    {408, "too_slow", takes_body},
    {413, "body_too_large", always},
    {413, "too_many_items", takes_batch},
    {414, "uri_too_long", always},
    {415, "unsupported_media_type", takes_json},
    {422, "batch_expected", takes_batch},
    {422, "invalid", takes_object},
    {429, "too_many_requests", is_limited},
    {431, "header_too_large", always},
    {500, "internal", always},
    {502, "outcome_unknown", always},
    {503, "unavailable", always},
    {503, "outcome_unknown", is_write},
    {504, "outcome_unknown", always},
};

static void add_code(struct buf *codes, const char *code)
{
    buf_printf(codes, "%s`%s`", codes->len ? ", " : "", code);
}

/* The codes of a status, as words; empty: none. */
static void gather_codes(const struct route *route, int status, struct buf *codes)
{
    const struct route_problem *problem = route->problems;
    for (size_t i = 0; i < COUNT_OF(refusals); i++)
        if (refusals[i].status == status && refusals[i].applies(route))
            add_code(codes, refusals[i].code);
    for (; problem && problem->status; problem++)
        if (problem->status == status)
            add_code(codes, problem->code);
    if (route->refusal && status == 401)
        add_code(codes, "invalid_client");
}

static void draw_refusal(struct document *document, const struct route *route, int status,
                         struct str codes)
{
    struct buf *out = document->out;
    char text[8];
    snprintf(text, sizeof text, "%d", status);
    json_begin(out, text, '{');
    json_str(out, "description", codes);
    if (status == 429 || status == 503)
        json_raw(out, "headers",
                 STR("{\"Retry-After\":{\"description\":\"Seconds.\","
                     "\"schema\":{\"type\":\"integer\"}}}"));
    json_begin(out, "content", '{');
    json_begin(out, "application/problem+json", '{');
    draw_record(document, "schema", &problem_record, SCHEMA_SHOWN);
    draw_examples(document, route, EXAMPLE_ANSWER, status, true);
    json_end(out, '}');
    if (route->refusal && (status == 400 || status == 401)) {
        json_begin(out, "application/json", '{');
        draw_record(document, "schema", route->refusal, SCHEMA_SHOWN);
        json_end(out, '}');
    }
    json_end(out, '}');
    json_end(out, '}');
}

static void draw_answers(struct document *document, const struct route *route)
{
    json_begin(document->out, "responses", '{');
    draw_answer(document, route);
    if (route->answer.tagged)
        draw_known(document);
    for (int status = 400; status < 600; status++) {
        CLEANUP(buf_done) struct buf codes = {0};
        gather_codes(route, status, &codes);
        if (codes.len)
            draw_refusal(document, route, status, buf_str(&codes));
    }
    json_end(document->out, '}');
}

/* ---- Who may ---- */

static void draw_scopes(unsigned scopes, struct buf *out)
{
    CLEANUP(buf_done) struct buf text = {0};
    scopes_print(scopes, &text);
    struct str rest = buf_str(&text);
    while (str_present(rest)) {
        struct str scope = str_cut(&rest, ' ');
        if (scope.len)
            json_str(out, NULL, scope);
    }
}

static void draw_security(const struct route *route, struct buf *out)
{
    json_begin(out, "security", '[');
    if (!route->open && !(route->scope & SCOPE_INBOX)) {
        json_begin(out, NULL, '{');
        json_begin(out, "client", '[');
        draw_scopes(route->scope, out);
        json_end(out, ']');
        json_end(out, '}');
    }
    if (!route->open)
        json_raw(out, NULL, STR("{\"person\":[]}"));
    json_end(out, ']');
}

static void draw_security_schemes(struct document *document)
{
    struct buf *out = document->out;
    CLEANUP(arena_done) struct arena arena = {0};
    const char *url = document->settings->url;
    json_begin(out, "securitySchemes", '{');
    json_begin(out, "client", '{');
    json_text(out, "type", "oauth2");
    json_text(out, "description", "A school system: its token as Authorization: Bearer.");
    json_begin(out, "flows", '{');
    json_begin(out, "clientCredentials", '{');
    json_text(out, "tokenUrl", arena_printf(&arena, "%s/oauth/token", url));
    json_begin(out, "scopes", '{');
    for (unsigned scope = 1; scope < SCOPE_INBOX; scope <<= 1) {
        CLEANUP(buf_done) struct buf name = {0};
        scopes_print(scope, &name);
        buf_add_char(&name, '\0');
        json_text(out, name.ptr, "");
    }
    json_end(out, '}');
    json_end(out, '}');
    json_end(out, '}');
    json_end(out, '}');
    json_begin(out, "person", '{');
    json_text(out, "type", "apiKey");
    json_text(out, "in", "cookie");
    json_text(out, "name", cookie_session_name(document->settings->cookie_port, &arena));
    json_text(out, "description",
              "A person: the cookie of POST /v1/session. A write needs Sec-Fetch-Site: same-origin "
              "or the front door as Origin besides.");
    json_end(out, '}');
    json_end(out, '}');
}

/* ---- Operations and paths ---- */

static void draw_operation(struct document *document, const struct route *route)
{
    struct buf *out = document->out;
    const char *name = route->method == HTTP_GET    ? "get"
                       : route->method == HTTP_POST ? "post"
                                                    : "delete";
    CLEANUP(buf_done) struct buf id = {0};
    add_operation_id(route, &id);
    json_begin(out, name, '{');
    json_str(out, "operationId", buf_str(&id));
    json_text(out, "summary", route->summary);
    draw_parameters(route, out);
    draw_body(document, route);
    draw_answers(document, route);
    draw_security(route, out);
    json_end(out, '}');
}

static bool was_drawn(const struct document *document, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(document->routes[i]->path, document->routes[index]->path) == 0)
            return true;
    return false;
}

static void draw_paths(struct document *document)
{
    json_begin(document->out, "paths", '{');
    for (size_t i = 0; i < document->count; i++) {
        if (was_drawn(document, i))
            continue;
        json_begin(document->out, document->routes[i]->path, '{');
        for (size_t k = i; k < document->count; k++)
            if (strcmp(document->routes[k]->path, document->routes[i]->path) == 0)
                draw_operation(document, document->routes[k]);
        json_end(document->out, '}');
    }
    json_end(document->out, '}');
}

/* ---- The whole ---- */

static void draw_head(const struct document *document)
{
    struct buf *out = document->out;
    char title[64];
    snprintf(title, sizeof title, "EISO %s", document->service->name);
    json_text(out, "openapi", "3.1.0");
    json_begin(out, "info", '{');
    json_text(out, "title", title);
    json_text(out, "version", EISO_VERSION);
    json_end(out, '}');
    json_begin(out, "servers", '[');
    json_begin(out, NULL, '{');
    json_text(out, "url", document->settings->url);
    json_end(out, '}');
    json_end(out, ']');
}

static void draw_components(struct document *document)
{
    struct buf *out = document->out;
    json_begin(out, "components", '{');
    json_begin(out, "schemas", '{');
    schemas_print(&document->schemas, out);
    json_end(out, '}');
    json_raw(out, "parameters",
             STR("{\"language\":{\"name\":\"Accept-Language\",\"in\":\"header\","
                 "\"description\":\"kk, ru or en; kk where nothing fits.\","
                 "\"schema\":{\"type\":\"string\"}}}"));
    draw_security_schemes(document);
    json_end(out, '}');
}

bool service_openapi(const struct service *service, const struct openapi_settings *settings,
                     struct buf *out, struct err *err)
{
    struct document document = {.service = service,
                                .settings = settings,
                                .schemas.at = "#/components/schemas/",
                                .out = out};
    take_routes(&document);
    if (!is_complete(&document, err))
        return false;
    json_begin(out, NULL, '{');
    draw_head(&document);
    draw_paths(&document);
    draw_components(&document);
    json_end(out, '}');
    buf_add_char(out, '\n');
    return true;
}
