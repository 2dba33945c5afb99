/* notify: what parents hear of marks and attendance: the feed, the inbox and its stream. */
#include "api.h"
#include "apply.h"
#include "contracts/notify.h"
#include "contracts/position.h"
#include "intake/copies.h"
#include "push.h"

extern const struct embedded notify_schema[];
extern const size_t notify_schema_count;
extern const struct embedded notify_examples[];

static const struct value language_names[] = {{"kk", 1}, {"ru", 2}, {"en", 3}};
static const struct values languages = VALUES(language_names);

#define LANGUAGE                                                          \
    {                                                                     \
        "language", PARAMETER_VALUE, .values = &languages,                \
                                     .about = "Of the texts; without it " \
                                              "the account's."            \
    }

static const struct route api_routes[] = {
    {HTTP_GET, "/v1/inbox", get_inbox, .scope = SCOPE_INBOX,
     .query = QUERY({"child", PARAMETER_UUID, .about = "Of this child only."}, LANGUAGE,
                    PARAMETER_LIMIT(50), PARAMETER_CURSOR),
     .answer = {ANSWER_LIST, &feed_inbox_item},
     .summary = "The caller's notifications of all its children, newest first."},
    {HTTP_GET, "/v1/inbox/children", get_inbox_children, .scope = SCOPE_INBOX,
     .answer = {ANSWER_LIST, &inbox_child_item},
     .summary = "The caller's children with what is unread of each."},
    {HTTP_POST, "/v1/inbox/read", post_inbox_read, .body_bytes = 4096, .scope = SCOPE_INBOX,
     .takes = &inbox_read_item, .answer = {ANSWER_EMPTY}, .problems = PROBLEMS({404, "not_found"}),
     .summary = "Marks a child's notifications as read up to a position."},
};

static const struct stream_event inbox_events[] = {
    {NULL, &feed_stream_item, "A notification; its `id` is the position to resume behind."},
    {0},
};

static const struct route push_routes[] = {
    {HTTP_GET, "/v1/inbox/stream", get_inbox_stream, .scope = SCOPE_INBOX, .stream = true,
     .query = QUERY({"after", PARAMETER_TEXT, .max = POSITION_TEXT_LEN,
                     .about = "As Last-Event-ID, for a reader that cannot send it."},
                    LANGUAGE),
     .answer = {ANSWER_EVENTS, .events = inbox_events}, .problems = PROBLEMS({400, "bad_position"}),
     .summary = "The caller's notifications as they arrive; resumes behind Last-Event-ID."},
};

static const struct listener listeners[] = {
    {"api", .routes = ROUTES(api_routes), .writes = true},
    {"push", .routes = ROUTES(push_routes), .start = push_start, .stop = push_stop,
     .poked = push_poked},
};

/* Of the registry who is whose guardian, and what stands in a text; an account's role at a school
 * gives nothing here. */
static const struct subscription subscriptions[] = {
    {&topic_people, intake_copy},        {&topic_guardians, intake_copy},
    {&topic_accounts, intake_copy},      {&topic_clients, intake_copy},
    {&topic_aliases, intake_copy},       {&topic_reference, intake_copy},
    {&topic_keys, intake_copy},          {&topic_marks, apply_marks},
    {&topic_registers, apply_registers},
};

static const struct rebuilt rebuilt[] = {
    {"feed", .date = "date", .place = "event, learner, kind"},
    {"register_chain"},
};

int main(int argc, char **argv)
{
    static const struct service notify = {
        .name = "notify",
        .listeners = LISTENERS(listeners),
        .subscriptions = SUBSCRIPTIONS(subscriptions),
        .retract = apply_retract,
        .rebuild = {REBUILT(rebuilt)},
        .schema = {notify_schema, &notify_schema_count},
        .examples = notify_examples,
    };
    return service_main(&notify, argc, argv);
}
