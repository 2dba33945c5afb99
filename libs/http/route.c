/* The route table, its templates cut into segments once. A service has some dozens of routes:
 * comparing them in turn costs less than anything cleverer. */
#include <stdlib.h>

#include "http/http_internal.h"

const char *http_method_name(enum http_method method)
{
    switch (method) {
    case HTTP_GET:
        return "GET";
    case HTTP_POST:
        return "POST";
    case HTTP_DELETE:
        return "DELETE";
    }
    ensure(!"a method");
}

struct compiled {
    const struct route *route;
    struct str segments[TARGET_MAX_SEGMENTS]; /* absent: {any} */
    size_t count;
};

struct router {
    struct compiled *items;
    size_t count;
};

static struct compiled compile(const struct route *route)
{
    struct compiled compiled = {.route = route};
    struct str rest = str_from(route->path);
    size_t values = 0;
    ensure(route->handler && rest.len > 0 && rest.ptr[0] == '/');
    str_cut(&rest, '/');
    while (str_present(rest)) {
        struct str segment = str_cut(&rest, '/');
        ensure(compiled.count < TARGET_MAX_SEGMENTS);
        bool any = segment.len > 2 && segment.ptr[0] == '{' && segment.ptr[segment.len - 1] == '}';
        values += any;
        compiled.segments[compiled.count++] = any ? (struct str){0} : segment;
    }
    ensure(values <= HTTP_MAX_PATH_VALUES);
    return compiled;
}

struct router *router_new(struct routes routes)
{
    struct router *router = mem_alloc(sizeof *router);
    router->items = mem_alloc(routes.count * sizeof *router->items);
    router->count = routes.count;
    for (size_t i = 0; i < routes.count; i++)
        router->items[i] = compile(&routes.items[i]);
    return router;
}

void router_free(struct router *router)
{
    if (!router)
        return;
    free(router->items);
    free(router);
}

static bool fits(const struct compiled *compiled, const struct str *segments, size_t count,
                 struct str *values)
{
    if (compiled->count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (str_present(compiled->segments[i]) ? !str_equal(compiled->segments[i], segments[i])
                                               : segments[i].len == 0)
            return false;
    }
    for (size_t i = 0; i < count; i++)
        if (!str_present(compiled->segments[i]))
            *values++ = segments[i];
    return true;
}

struct route_match router_find(const struct router *router, enum http_method method,
                               const struct str *segments, size_t count)
{
    struct route_match match = {0};
    struct str values[HTTP_MAX_PATH_VALUES] = {0};
    for (size_t i = 0; i < router->count; i++) {
        const struct route *route = router->items[i].route;
        if (!fits(&router->items[i], segments, count, values))
            continue;
        match.methods |= route->method;
        if (route->method == method && !match.route) {
            match.route = route;
            for (size_t v = 0; v < HTTP_MAX_PATH_VALUES; v++)
                match.values[v] = values[v];
        }
    }
    return match;
}
