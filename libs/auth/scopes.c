#include "auth/auth.h"

static const struct {
    const char *name;
    unsigned bit;
} scope_names[] = {
    {"registry.read", SCOPE_REGISTRY_READ},     {"registry.write", SCOPE_REGISTRY_WRITE},
    {"marks.read", SCOPE_MARKS_READ},           {"marks.write", SCOPE_MARKS_WRITE},
    {"attendance.read", SCOPE_ATTENDANCE_READ}, {"attendance.write", SCOPE_ATTENDANCE_WRITE},
    {"indicators.read", SCOPE_INDICATORS_READ}, {"inbox", SCOPE_INBOX},
};

static unsigned scope_bit(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(scope_names); i++)
        if (str_equal(name, str_from(scope_names[i].name)))
            return scope_names[i].bit;
    return 0;
}

unsigned scopes_parse(struct str text, bool *all_known)
{
    unsigned scopes = 0;
    *all_known = true;
    while (str_present(text)) {
        struct str name = str_cut(&text, ' ');
        unsigned bit = scope_bit(name);
        scopes |= bit;
        if (name.len && !bit)
            *all_known = false;
    }
    return scopes;
}

void scopes_print(unsigned scopes, struct buf *out)
{
    const char *separator = "";
    for (size_t i = 0; i < COUNT_OF(scope_names); i++) {
        if (!(scopes & scope_names[i].bit))
            continue;
        buf_add_text(out, separator);
        buf_add_text(out, scope_names[i].name);
        separator = " ";
    }
}
