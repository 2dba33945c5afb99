/* The answer to a batch: counters, then what became of each item. */
#include <string.h>

#include "service/gather_internal.h"

static void add_number(struct buf *out, size_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    buf_add(out, digits + at, sizeof digits - at);
}

static void add_uuid(struct buf *out, const char *before, const struct uuid *uuid)
{
    char text[UUID_TEXT_LEN + 1];
    if (!uuid_present(uuid))
        return;
    buf_add_text(out, before);
    buf_add(out, uuid_format(uuid, text), UUID_TEXT_LEN);
    buf_add_char(out, '"');
}

static void add_finding(struct buf *out, const struct finding *finding, enum language language)
{
    struct str code = str_from(finding->code);
    buf_add_text(out, "{\"pointer\":");
    buf_add_json(out, str_from(finding->pointer));
    buf_add_text(out, ",\"code\":");
    buf_add_json(out, code);
    buf_add_text(out, ",\"title\":");
    buf_add_json(out, i18n_text(language, i18n_find("problem", code)));
    add_uuid(out, ",\"existing\":\"", &finding->existing);
    if (finding->retriable)
        buf_add_text(out, ",\"retriable\":true");
    buf_add_char(out, '}');
}

static void add_findings(struct buf *out, const char *name, const struct finding *finding,
                         enum language language)
{
    buf_add_text(out, name);
    for (const char *between = ""; finding; finding = finding->next, between = ",") {
        buf_add_text(out, between);
        add_finding(out, finding, language);
    }
    buf_add_char(out, ']');
}

static void add_result(struct buf *out, const struct waiter *waiter, size_t index)
{
    const struct entrance *entrance = waiter->lane->entrance;
    const struct fate *fate = &waiter->fates[index];
    const char *item = (const char *)waiter->batch.items + index * entrance->record->size;
    buf_add_text(out, "{\"index\":");
    add_number(out, index);
    add_uuid(out, ",\"id\":\"", (const struct uuid *)(const void *)(item + entrance->id_offset));
    buf_add_text(out, ",\"outcome\":\"");
    buf_add_text(out, entrance->outcomes[fate->outcome - 1]);
    buf_add_char(out, '"');
    add_uuid(out, ",\"canonical\":\"", &fate->canonical);
    if (fate->findings)
        add_findings(out,
                     fate->outcome == waiter->lane->rejected ? ",\"errors\":[" : ",\"warnings\":[",
                     fate->findings, waiter->request->language);
    buf_add_char(out, '}');
}

static void add_counters(struct buf *out, const struct waiter *waiter)
{
    size_t counts[GATHER_MOST_OUTCOMES + 1] = {0};
    for (size_t i = 0; i < waiter->batch.count; i++)
        counts[waiter->fates[i].outcome]++;
    for (size_t i = 0; waiter->lane->entrance->outcomes[i]; i++) {
        buf_add_char(out, '"');
        buf_add_text(out, waiter->lane->entrance->outcomes[i]);
        buf_add_text(out, "\":");
        add_number(out, counts[i + 1]);
        buf_add_char(out, ',');
    }
}

static bool is_shown(const struct waiter *waiter, size_t index)
{
    const struct fate *fate = &waiter->fates[index];
    return !waiter->only_problems || fate->findings || uuid_present(&fate->canonical);
}

static void add_results(struct buf *out, const struct waiter *waiter)
{
    const char *between = "";
    buf_add_text(out, "\"results\":[");
    for (size_t i = 0; i < waiter->batch.count; i++) {
        if (!is_shown(waiter, i))
            continue;
        buf_add_text(out, between);
        add_result(out, waiter, i);
        between = ",";
    }
    buf_add_char(out, ']');
}

void waiter_answer(struct waiter *waiter, struct buf *out)
{
    if (waiter->failure && waiter->decided == 0) { /* nothing was taken, or nobody knows */
        const struct error_info *info = error_info(waiter->failure);
        http_problem(waiter->request, info->http_status, info->name, NULL);
        return;
    }
    buf_reset(out);
    buf_add_char(out, '{');
    add_counters(out, waiter);
    add_results(out, waiter);
    buf_add_text(out, "}\n");
    http_answer(waiter->request, 200, "application/json", buf_str(out));
}
