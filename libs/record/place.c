/* Problems and their pointers. */
#include "record/decode_internal.h"

/* RFC 6901: "~" and "/" in a name are written "~0" and "~1". */
static void add_name(struct buf *out, struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '~' || name.ptr[i] == '/')
            buf_add_text(out, name.ptr[i] == '~' ? "~0" : "~1");
        else
            buf_add_char(out, name.ptr[i]);
    }
}

static void add_place(struct buf *out, const struct place *place)
{
    if (!place)
        return;
    add_place(out, place->above);
    buf_add_char(out, '/');
    if (str_present(place->name))
        add_name(out, place->name);
    else
        buf_printf(out, "%zu", place->index);
}

const char *decode_pointer(struct decode *decode, const char *tail)
{
    CLEANUP(buf_done) struct buf out = {0};
    add_place(&out, decode->place);
    buf_add_text(&out, tail);
    return arena_copy(decode->arena, buf_str(&out).ptr, out.len);
}

void decode_complain(struct decode *decode, const char *code)
{
    decode->faults++;
    if (!problems_full(decode->problems))
        problem_add(decode->problems, decode_pointer(decode, ""), code);
}
