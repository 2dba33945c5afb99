#include "contracts/asyncapi.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/embedded.h"
#include "base/json.h"
#include "contracts/topics.h"
#include "record/schema.h"

extern const struct embedded contracts_examples[];
extern const size_t contracts_examples_count;

enum { NUMBERS_END = 1000 };

struct document {
    struct schemas schemas;
    struct buf *out;
};

/* The service of the tests is nobody's to follow. */
static bool is_told(const struct topic *topic)
{
    return topic && strcmp(topic->service, topic_small.service) != 0;
}

/* history.rewound is of every service and on all of its topics. */
static bool is_on(const struct event_type *type, const struct topic *topic)
{
    return type->number == EVENT_HISTORY_REWOUND || type->topic == topic;
}

static bool is_shown(const struct event_type *type)
{
    return type && (type->number == EVENT_HISTORY_REWOUND || is_told(type->topic));
}

static void refer(struct buf *out, const char *name, const char *to, const char *what)
{
    CLEANUP(buf_done) struct buf reference = {0};
    buf_printf(&reference, "#/%s/%s", to, what);
    json_begin(out, name, '{');
    json_str(out, "$ref", buf_str(&reference));
    json_end(out, '}');
}

/* ---- Channels: the topics ---- */

static void draw_channel_words(const struct topic *topic, struct buf *out)
{
    CLEANUP(buf_done) struct buf words = {0};
    buf_printf(&words, "Key: %s. ", topic->key);
    switch (topic->cleanup) {
    case TOPIC_STATE:
        buf_add_text(&words, "Compacted: an event is the whole state of its key, a record without "
                             "a value erases it.");
        break;
    case TOPIC_FACTS:
        buf_printf(&words, "Facts, kept for %d days.", topic->retention_days);
        break;
    case TOPIC_LEDGER:
        buf_add_text(&words, "Kept for ever, one partition.");
        break;
    }
    if (topic->personal)
        buf_add_text(&words, " Holds people's data or who may log in.");
    json_str(out, "description", buf_str(&words));
}

static void draw_channel(const struct topic *topic, struct buf *out)
{
    json_begin(out, topic->name, '{');
    json_text(out, "address", topic->name);
    draw_channel_words(topic, out);
    json_begin(out, "messages", '{');
    for (int number = 1; number < NUMBERS_END; number++) {
        const struct event_type *type = event_type_get(number);
        if (type && is_on(type, topic))
            refer(out, type->name, "components/messages", type->name);
    }
    json_end(out, '}');
    json_begin(out, "bindings", '{');
    json_begin(out, "kafka", '{');
    json_text(out, "topic", topic->name);
    json_end(out, '}');
    json_end(out, '}');
    json_end(out, '}');
}

static void draw_channels(struct buf *out)
{
    json_begin(out, "channels", '{');
    for (size_t i = 0; i < topics_all_count; i++)
        if (is_told(topics_all[i]))
            draw_channel(topics_all[i], out);
    json_end(out, '}');
}

static void draw_operations(struct buf *out)
{
    json_begin(out, "operations", '{');
    for (size_t i = 0; i < topics_all_count; i++) {
        const struct topic *topic = topics_all[i];
        char words[96];
        if (!is_told(topic))
            continue;
        snprintf(words, sizeof words, "Written by %s alone.", topic->service);
        json_begin(out, topic->name, '{');
        json_text(out, "action", "send");
        json_text(out, "summary", words);
        refer(out, "channel", "channels", topic->name);
        json_begin(out, "security", '[');
        refer(out, NULL, "components/securitySchemes", "login");
        json_end(out, ']');
        json_end(out, '}');
    }
    json_end(out, '}');
}

/* ---- Messages: the event types ---- */

/* golden/ has "<type>.json" and "<type>.<case>.json"; those of history.rewound begin otherwise. */
static bool is_example(const struct event_type *type, const char *file)
{
    if (type->number == EVENT_HISTORY_REWOUND)
        return strstr(file, type->name) != NULL;
    return strncmp(file, type->name, strlen(type->name)) == 0;
}

static void draw_examples(const struct event_type *type, struct buf *out)
{
    json_begin(out, "examples", '[');
    for (size_t i = 0; i < contracts_examples_count; i++) {
        const struct embedded *file = &contracts_examples[i];
        if (!is_example(type, file->name))
            continue;
        json_begin(out, NULL, '{');
        json_str(out, "name", (struct str){file->name, strlen(file->name) - strlen(".json")});
        json_raw(out, "payload", (struct str){file->bytes, file->length - 1}); /* its line */
        json_end(out, '}');
    }
    json_end(out, ']');
}

static void draw_message(struct document *document, const struct event_type *type)
{
    struct buf *out = document->out;
    bool rewound = type->number == EVENT_HISTORY_REWOUND;
    json_begin(out, type->name, '{');
    json_text(out, "name", rewound ? "kz.eiso.<service>.history.rewound.v1" : type->name);
    json_text(out, "contentType", "application/vnd.msgpack");
    refer(out, "headers", "components/schemas", "headers");
    json_begin(out, "payload", '{');
    schemas_refer(&document->schemas, type->record, SCHEMA_SHOWN, out);
    json_end(out, '}');
    draw_examples(type, out);
    json_end(out, '}');
}

static void draw_messages(struct document *document)
{
    json_begin(document->out, "messages", '{');
    for (int number = 1; number < NUMBERS_END; number++)
        if (is_shown(event_type_get(number)))
            draw_message(document, event_type_get(number));
    json_end(document->out, '}');
}

/* ---- Headers: CloudEvents 1.0, binary mode (outbox/relay.c writes them) ---- */

static void draw_headers(struct buf *out)
{
    static const struct {
        const char *name, *about;
        bool required;
    } headers[] = {
        {"ce_specversion", "1.0", true},
        {"ce_id", "Of a fact the sender's id; of state a fresh UUIDv7.", true},
        {"ce_source", "/<cell>/<service>", true},
        {"ce_type", "The message's name.", true},
        {"ce_time", "When its source committed it, RFC 3339 UTC.", true},
        {"content-type", "application/vnd.msgpack", true},
        {"eiso_position",
         "epoch.xid.seq.index in the source's log, a blank, and the position of the event before "
         "it from this source in this partition.",
         true},
        {"traceparent", "Where a trace was asked for.", false},
    };
    json_begin(out, "headers", '{');
    json_text(out, "type", "object");
    json_begin(out, "properties", '{');
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        json_begin(out, headers[i].name, '{');
        json_text(out, "type", "string");
        json_text(out, "description", headers[i].about);
        json_end(out, '}');
    }
    json_end(out, '}');
    json_begin(out, "required", '[');
    for (size_t i = 0; i < COUNT_OF(headers); i++)
        if (headers[i].required)
            json_text(out, NULL, headers[i].name);
    json_end(out, ']');
    json_end(out, '}');
}

/* ---- The whole ---- */

void asyncapi_print(struct buf *out)
{
    struct document document = {.schemas.at = "#/components/schemas/", .out = out};
    for (int number = 1; number < NUMBERS_END; number++)
        if (is_shown(event_type_get(number)))
            schemas_add(&document.schemas, event_type_get(number)->record, SCHEMA_SHOWN);
    json_begin(out, NULL, '{');
    json_text(out, "asyncapi", "3.0.0");
    json_begin(out, "info", '{');
    json_text(out, "title", "EISO events");
    json_text(out, "version", EISO_VERSION);
    json_text(out, "description",
              "Values are msgpack maps with string keys: UUIDs, dates (YYYY-MM-DD) and instants "
              "(RFC 3339 UTC) are texts. Members are only added within a major version: skip what "
              "you do not know.");
    json_end(out, '}');
    json_text(out, "defaultContentType", "application/vnd.msgpack");
    draw_channels(out);
    draw_operations(out);
    json_begin(out, "components", '{');
    draw_messages(&document);
    json_raw(out, "securitySchemes",
             STR("{\"login\":{\"type\":\"plain\",\"description\":\"SASL/PLAIN, behind TLS in "
                 "production; what a login may read is in the ACLs.\"}}"));
    json_begin(out, "schemas", '{');
    draw_headers(out);
    schemas_print(&document.schemas, out);
    json_end(out, '}');
    json_end(out, '}');
    json_end(out, '}');
    buf_add_char(out, '\n');
}
