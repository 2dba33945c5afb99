/* Examples of the reference: exchanges that took place, from the service's examples.http. An entry:
 *
 *     ### What it shows
 *     CALLER METHOD TARGET
 *
 *     JSON of the request, where there is one
 *
 *     STATUS
 *
 *     answer, where there is one
 *
 * tests/conformance/examples.py sends them and writes the answers. */
#include <string.h>

#include "service/service_internal.h"

/* Up to `mark`, or all; `rest` goes behind it. */
static struct str cut(struct str *rest, const char *mark)
{
    size_t length = strlen(mark);
    const char *found = rest->len ? memmem(rest->ptr, rest->len, mark, length) : NULL;
    struct str head = *rest;
    if (!found) {
        *rest = (struct str){0};
        return head;
    }
    head.len = (size_t)(found - head.ptr);
    *rest = (struct str){found + length, rest->len - head.len - length};
    return head;
}

static bool is_status(struct str paragraph, int64_t *status)
{
    return str_to_int64(paragraph, 100, 599, status);
}

bool example_next(struct str *rest, struct example *example)
{
    if (!str_present(*rest))
        return false;
    struct str entry = cut(rest, "\n### ");
    while (entry.len && entry.ptr[entry.len - 1] == '\n')
        entry.len--;
    struct str head = cut(&entry, "\n\n"), next = cut(&entry, "\n\n");
    *example = (struct example){.title = str_cut(&head, '\n')};
    str_cut(&head, ' '); /* who calls: for the test */
    example->line = head;
    if (str_starts(example->title, STR("### ")))
        example->title = (struct str){example->title.ptr + 4, example->title.len - 4};
    if (!is_status(next, &example->status)) {
        example->request = next;
        ensure(is_status(cut(&entry, "\n\n"), &example->status));
    }
    example->answer = entry;
    return true;
}

/* The template's {..} stand for a UUID each. */
static bool fits(const char *template, struct str path)
{
    while (*template && path.len) {
        bool is_id = *template == '{';
        size_t length = is_id ? UUID_TEXT_LEN : 1;
        if (path.len < length || (!is_id && *template != path.ptr[0]))
            return false;
        template = is_id ? strchr(template, '}') + 1 : template + 1;
        path = (struct str){path.ptr + length, path.len - length};
    }
    return !*template && !path.len;
}

bool example_is_of(const struct example *example, const struct route *route)
{
    struct str target = example->line, method = str_cut(&target, ' ');
    return str_equal(method, str_from(http_method_name(route->method))) &&
           fits(route->path, str_cut(&target, '?'));
}
