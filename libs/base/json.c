#include "base/json.h"

#include <string.h>

static void separate(struct buf *out)
{
    if (out->len && !strchr("{[:", out->ptr[out->len - 1]))
        buf_add_char(out, ',');
}

static void add_name(struct buf *out, const char *name)
{
    separate(out);
    if (!name)
        return;
    buf_add_json(out, str_from(name));
    buf_add_char(out, ':');
}

void json_begin(struct buf *out, const char *name, char bracket)
{
    add_name(out, name);
    buf_add_char(out, bracket);
}

void json_end(struct buf *out, char bracket)
{
    buf_add_char(out, bracket);
}

void json_text(struct buf *out, const char *name, const char *text)
{
    json_str(out, name, str_from(text));
}

void json_str(struct buf *out, const char *name, struct str text)
{
    add_name(out, name);
    buf_add_json(out, text);
}

void json_number(struct buf *out, const char *name, int64_t number)
{
    add_name(out, name);
    buf_printf(out, "%lld", (long long)number);
}

void json_flag(struct buf *out, const char *name, bool flag)
{
    add_name(out, name);
    buf_add_text(out, flag ? "true" : "false");
}

void json_raw(struct buf *out, const char *name, struct str json)
{
    add_name(out, name);
    buf_add_str(out, json);
}
