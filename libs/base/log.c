#include "base/log.h"

#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

static struct {
    const char *service, *role;
    int slot;
    enum log_level least;
} speaker = {"eiso", "-", 0, LOG_INFO};

void log_open(const char *service, const char *role, int slot, enum log_level least)
{
    speaker.service = service;
    speaker.role = role;
    speaker.slot = slot;
    speaker.least = least;
}

static void add_pair(struct buf *line, const struct log_pair *pair)
{
    buf_add_char(line, ',');
    buf_add_json(line, str_from(pair->name));
    buf_add_char(line, ':');
    if (str_present(pair->text))
        buf_add_json(line, pair->text);
    else
        buf_printf(line, "%lld", (long long)pair->number);
}

void log_write(enum log_level level, const char *message, const struct log_pair *pairs,
               size_t count)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    if (level < speaker.least)
        return;
    CLEANUP(buf_done) struct buf line = {0};
    char now[INSTANT_TEXT_LEN + 1];
    buf_printf(
        &line,
        "{\"ts\":\"%s\",\"level\":\"%s\",\"service\":\"%s\",\"role\":\"%s\",\"slot\":%d,\"msg\":",
        instant_format((struct instant){clock_now()}, now), names[level], speaker.service,
        speaker.role, speaker.slot);
    buf_add_json(&line, str_from(message));
    for (size_t i = 0; i < count; i++)
        add_pair(&line, &pairs[i]);
    buf_add_text(&line, "}\n");
    /* One write a line, so that lines of several threads do not mix. Nobody can be told if it
     * fails. */
    ssize_t written = write(STDERR_FILENO, line.ptr, line.len);
    (void)written;
}

void log_error(const char *message, const struct err *err)
{
    const struct error_info *info = error_info(err->code);
    log_line(LOG_ERROR, message, LOG_TEXT("code", info->name), LOG_TEXT("error", err->text));
}
