/* A message as Kafka hands it over, whoever wrote it: lines "name value" are its headers, behind an
 * empty line is its value. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "intake/intake_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADERS_MAX = 16 };

/* Up to the empty line. */
static size_t read_headers(struct str *rest, struct bus_header headers[HEADERS_MAX])
{
    size_t count = 0;
    while (str_present(*rest) && count < HEADERS_MAX) {
        struct str value = str_cut(rest, '\n');
        if (value.len == 0)
            break;
        headers[count].name = str_cut(&value, ' ');
        headers[count++].value = value;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct str rest = {(const char *)data, size};
    struct bus_header headers[HEADERS_MAX];
    struct bus_message message = {.key = STR("key"), .headers = headers};
    struct envelope envelope;
    char subject[UUID_TEXT_LEN + 1];
    message.header_count = read_headers(&rest, headers);
    message.value = rest;
    envelope_read(&message, &topic_marks, &arena, &envelope);
    if (!envelope.reason) {
        const struct event *event = &envelope.event;
        ensure(event->type && event->value && str_present(event->source));
        ensure(!event->type->topic || event->type->topic == &topic_marks);
        ensure(event_subject(event, subject).len > 0);
    }
    return 0;
}
