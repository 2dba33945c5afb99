/* A Kafka message as an event: CloudEvents headers and the value by its type's record. */
#include <string.h>

#include "intake/intake_internal.h"

static bool read_positions(struct str header, struct envelope *envelope)
{
    struct str rest = header;
    return position_parse(str_cut(&rest, ' '), &envelope->event.position) &&
           position_parse(rest, &envelope->predecessor);
}

const void *envelope_decode(const struct event_type *type, struct str raw, struct arena *arena)
{
    void *value = arena_alloc(arena, type->record->size);
    struct err err;
    return record_decode_value(type->record, raw, arena, value, &err) ? NULL : value;
}

bool envelope_place(const struct bus_message *message, struct str *source,
                    struct position *position, const struct event_type **type)
{
    struct envelope envelope = {0};
    *source = bus_header_get(message, STR("ce_source"));
    *type = event_type_find(bus_header_get(message, STR("ce_type")));
    bool there = read_positions(bus_header_get(message, STR("eiso_position")), &envelope);
    *position = envelope.event.position;
    return there;
}

static const char *read_value(struct envelope *envelope, const struct topic *topic,
                              struct str type_name, struct arena *arena)
{
    struct event *event = &envelope->event;
    if (!str_present(event->raw)) {
        event->type = NULL;
        return topic->cleanup == TOPIC_STATE ? NULL : "a fact without value";
    }
    event->type = event_type_find(type_name);
    if (!event->type)
        return "unknown type";
    if (event->type->topic && event->type->topic != topic)
        return "a type of another topic";
    event->value = envelope_decode(event->type, event->raw, arena);
    return event->value ? NULL : "broken value";
}

void envelope_read(const struct bus_message *message, const struct topic *topic,
                   struct arena *arena, struct envelope *envelope)
{
    *envelope = (struct envelope){
        .event = {.source = bus_header_get(message, STR("ce_source")),
                  .key = message->key,
                  .raw = message->value,
                  .partition = message->partition,
                  .offset = message->offset},
    };
    struct str type_name = bus_header_get(message, STR("ce_type"));
    if (!str_present(envelope->event.source) ||
        !read_positions(bus_header_get(message, STR("eiso_position")), envelope)) {
        envelope->reason = "no position";
        return;
    }
    if (!uuid_parse(bus_header_get(message, STR("ce_id")), &envelope->event.id) ||
        !instant_parse(bus_header_get(message, STR("ce_time")), &envelope->event.time))
        envelope->reason = "broken headers";
    else
        envelope->reason = read_value(envelope, topic, type_name, arena);
}

struct str event_subject(const struct event *event, char text[UUID_TEXT_LEN + 1])
{
    if (!event->value || !event->type->subject_at)
        return event->key;
    const char *value = event->value;
    struct uuid subject;
    memcpy(&subject, value + event->type->subject_at - 1, sizeof subject);
    return str_from(uuid_format(&subject, text));
}
