/* notify: what parents hear of marks and attendance: the feed, the inbox and its stream. */
#include "api.h"
#include "apply.h"
#include "intake/copies.h"
#include "push.h"

extern const struct embedded notify_schema[];
extern const size_t notify_schema_count;

static const struct route api_routes[] = {
    {HTTP_GET, "/v1/inbox", get_inbox, .scope = SCOPE_INBOX,
     .summary = "The caller's notifications of all its children, newest first."},
    {HTTP_GET, "/v1/inbox/children", get_inbox_children, .scope = SCOPE_INBOX,
     .summary = "The caller's children with what is unread of each."},
    {HTTP_POST, "/v1/inbox/read", post_inbox_read, .body_bytes = 4096, .scope = SCOPE_INBOX,
     .summary = "Marks a child's notifications as read up to a position."},
};

static const struct route push_routes[] = {
    {HTTP_GET, "/v1/inbox/stream", get_inbox_stream, .scope = SCOPE_INBOX, .stream = true,
     .summary = "The caller's notifications as they arrive; resumes behind Last-Event-ID."},
};

static const struct listener listeners[] = {
    {"api", .routes = ROUTES(api_routes), .writes = true},
    {"push", .routes = ROUTES(push_routes), .start = push_start, .stop = push_stop,
     .poked = push_poked},
};

static const struct subscription subscriptions[] = {
    COPY_SUBSCRIPTIONS,
    {&topic_people, intake_copy},
    {&topic_marks, apply_marks},
    {&topic_registers, apply_registers},
};

int main(int argc, char **argv)
{
    static const struct service notify = {
        .name = "notify",
        .listeners = LISTENERS(listeners),
        .subscriptions = SUBSCRIPTIONS(subscriptions),
        .retract = apply_retract,
        .schema = {notify_schema, &notify_schema_count},
    };
    return service_main(&notify, argc, argv);
}
