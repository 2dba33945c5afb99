#include "auth/cookies.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"

const char *cookie_session_name(int port, struct arena *arena)
{
    return port ? arena_printf(arena, "eiso_%d", port) : "__Host-eiso";
}

const char *cookie_renew_name(int port, struct arena *arena)
{
    return port ? arena_printf(arena, "eiso_renew_%d", port) : "__Secure-eiso-renew";
}

/* Nothing that could end the value and begin an attribute or a header. */
static bool is_plain(struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_' || c == '.'))
            return false;
    }
    return true;
}

static const char *set_cookie(const char *name, struct str value, const char *path,
                              int64_t max_age_s, bool tls, struct arena *arena)
{
    ensure(is_plain(value));
    return arena_printf(arena, "%s=%.*s; Path=%s; Max-Age=%" PRId64 "; HttpOnly; SameSite=Lax%s",
                        name, STR_ARG(value), path, max_age_s, tls ? "; Secure" : "");
}

const char *cookie_session(int port, struct str value, int64_t max_age_s, struct arena *arena)
{
    return set_cookie(cookie_session_name(port, arena), value, "/", max_age_s, !port, arena);
}

const char *cookie_renew(int port, struct str value, int64_t max_age_s, struct arena *arena)
{
    return set_cookie(cookie_renew_name(port, arena), value, "/v1/session", max_age_s, !port,
                      arena);
}
