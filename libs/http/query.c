/* The query: checked against the route's row before its handler runs, so that a handler only reads.
 * What the row does not have is refused: a misspelt `?dry_run` must not write. */
#include <string.h>

#include "http/http_internal.h"

/* ---- What fits a parameter ---- */

static bool fits_text(const struct parameter *parameter, struct str text)
{
    return text.len >= (size_t)parameter->min &&
           (!parameter->max || text.len <= (size_t)parameter->max);
}

static bool fits_int(const struct parameter *parameter, struct str text)
{
    int64_t value;
    return str_to_int64(text, parameter->min, parameter->max, &value);
}

static bool fits_uuid(const struct parameter *parameter, struct str text)
{
    struct uuid value;
    (void)parameter;
    return uuid_parse(text, &value);
}

static bool fits_date(const struct parameter *parameter, struct str text)
{
    struct date value;
    (void)parameter;
    return date_parse(text, &value);
}

static unsigned value_of(const struct values *values, struct str text)
{
    for (size_t i = 0; i < values->count; i++)
        if (str_equal(str_from(values->items[i].name), text))
            return values->items[i].value;
    return 0;
}

static bool fits_value(const struct parameter *parameter, struct str text)
{
    return value_of(parameter->values, text) != 0;
}

static bool (*const fits[])(const struct parameter *parameter, struct str text) = {
    [PARAMETER_TEXT] = fits_text, [PARAMETER_INT] = fits_int,     [PARAMETER_UUID] = fits_uuid,
    [PARAMETER_DATE] = fits_date, [PARAMETER_VALUE] = fits_value,
};

/* ---- What is said of one that does not fit: our own words, never the sender's ---- */

static void add_names(struct buf *words, const struct values *values)
{
    for (size_t i = 0; i < values->count; i++)
        buf_printf(words, "%s%s", i ? ", " : "one of ", values->items[i].name);
}

static void add_expected(struct buf *words, const struct parameter *parameter)
{
    switch (parameter->type) {
    case PARAMETER_TEXT:
        if (parameter->max)
            buf_printf(words, "%lld to %lld bytes of text", (long long)parameter->min,
                       (long long)parameter->max);
        else
            buf_add_text(words, "a text");
        break;
    case PARAMETER_INT:
        buf_printf(words, "a whole number from %lld to %lld", (long long)parameter->min,
                   (long long)parameter->max);
        break;
    case PARAMETER_UUID:
        buf_add_text(words, "a UUID");
        break;
    case PARAMETER_DATE:
        buf_add_text(words, "a date as YYYY-MM-DD");
        break;
    case PARAMETER_VALUE:
        add_names(words, parameter->values);
        break;
    }
}

static bool refuse(struct http_request *request, const struct parameter *parameter)
{
    CLEANUP(buf_done) struct buf words = {0};
    buf_printf(&words, "%s: ", parameter->name);
    add_expected(&words, parameter);
    buf_add_char(&words, '\0');
    http_problem(request, 400, "bad_parameter", words.ptr);
    return false;
}

static bool refuse_unknown(struct http_request *request)
{
    const struct parameters *query = request->route->query;
    CLEANUP(buf_done) struct buf words = {0};
    buf_add_text(&words, query ? "there are: " : "no parameter is taken here");
    for (size_t i = 0; query && i < query->count; i++)
        buf_printf(&words, "%s%s", i ? ", " : "", query->items[i].name);
    buf_add_char(&words, '\0');
    http_problem(request, 400, "bad_parameter", words.ptr);
    return false;
}

/* ---- The check ---- */

static const struct parameter *row_of(const struct parameters *query, struct str name)
{
    for (size_t i = 0; query && i < query->count; i++)
        if (str_equal(str_from(query->items[i].name), name))
            return &query->items[i];
    return NULL;
}

static struct str given(const struct http_request *request, const char *name)
{
    const struct http_target *target = &request->exchange->target;
    struct str wanted = str_from(name);
    for (size_t i = 0; i < target->argument_count; i++)
        if (str_equal(target->arguments[i].name, wanted))
            return target->arguments[i].value;
    return (struct str){0};
}

bool query_fits(struct http_request *request)
{
    const struct parameters *query = request->route->query;
    const struct http_target *target = &request->exchange->target;
    for (size_t i = 0; i < target->argument_count; i++)
        if (!row_of(query, target->arguments[i].name))
            return refuse_unknown(request);
    for (size_t i = 0; query && i < query->count; i++) {
        const struct parameter *parameter = &query->items[i];
        struct str text = given(request, parameter->name);
        if (str_present(text) ? !fits[parameter->type](parameter, text) : parameter->required)
            return refuse(request, parameter);
    }
    return true;
}

/* ---- For handlers: a name that is in no row is our bug ---- */

static const struct parameter *row(const struct http_request *request, const char *name)
{
    const struct parameter *found = row_of(request->route->query, str_from(name));
    ensure(found);
    return found;
}

struct str http_query(const struct http_request *request, const char *name)
{
    return given(request, row(request, name)->name);
}

int64_t http_query_int(const struct http_request *request, const char *name)
{
    const struct parameter *parameter = row(request, name);
    int64_t value = parameter->absent;
    ensure(parameter->type == PARAMETER_INT);
    struct str text = given(request, name);
    ensure(!str_present(text) || str_to_int64(text, parameter->min, parameter->max, &value));
    return value;
}

struct uuid http_query_uuid(const struct http_request *request, const char *name)
{
    struct uuid value = {0};
    ensure(row(request, name)->type == PARAMETER_UUID);
    struct str text = given(request, name);
    ensure(!str_present(text) || uuid_parse(text, &value));
    return value;
}

struct date http_query_date(const struct http_request *request, const char *name,
                            struct date absent)
{
    struct date value = absent;
    ensure(row(request, name)->type == PARAMETER_DATE);
    struct str text = given(request, name);
    ensure(!str_present(text) || date_parse(text, &value));
    return value;
}

unsigned http_query_value(const struct http_request *request, const char *name)
{
    const struct parameter *parameter = row(request, name);
    ensure(parameter->type == PARAMETER_VALUE);
    struct str text = given(request, name);
    return str_present(text) ? value_of(parameter->values, text) : 0;
}
