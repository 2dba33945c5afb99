#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct error_info error_infos[ERROR_COUNT] = {
    [ERROR_NONE] = {"ok", 200, false, false},
    [ERROR_INVALID] = {"invalid", 400, false, false},
    [ERROR_UNAUTHORIZED] = {"unauthorized", 401, false, false},
    [ERROR_FORBIDDEN] = {"forbidden", 403, false, false},
    [ERROR_NOT_FOUND] = {"not_found", 404, false, false},
    [ERROR_CONFLICT] = {"conflict", 409, false, false},
    [ERROR_TOO_LARGE] = {"body_too_large", 413, false, false},
    [ERROR_BUSY] = {"too_many_requests", 429, true, false},
    [ERROR_UNAVAILABLE] = {"unavailable", 503, true, false},
    [ERROR_UNKNOWN] = {"outcome_unknown", 503, true, false},
    [ERROR_SERIALIZE] = {"unavailable", 503, true, false},
    [ERROR_DUPLICATE] = {"conflict", 409, false, false},
    [ERROR_FENCED] = {"fenced", 503, true, true},
    [ERROR_CORRUPT] = {"corrupt", 500, false, true},
    [ERROR_INTERNAL] = {"internal", 500, false, true},
};

const struct error_info *error_info(enum error code)
{
    ensure((unsigned)code < ERROR_COUNT);
    return &error_infos[code];
}

enum error err_set(struct err *err, enum error code, const char *format, ...)
{
    if (!err)
        return code;
    err->code = code;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(err->text, sizeof err->text, format, arguments);
    va_end(arguments);
    return code;
}

enum error err_prefix(struct err *err, const char *format, ...)
{
    char tail[sizeof err->text];
    memcpy(tail, err->text, sizeof tail);
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(err->text, sizeof err->text, format, arguments);
    va_end(arguments);
    int room = (int)sizeof err->text - length - 3; /* ": " and the NUL; too long words are cut */
    if (length >= 0 && room > 0)
        snprintf(err->text + length, (size_t)room + 3, ": %.*s", room, tail);
    return err->code;
}

void ensure_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "{\"level\":\"bug\",\"msg\":\"%s does not hold\",\"at\":\"%s:%d\"}\n",
            condition, file, line);
    abort();
}
