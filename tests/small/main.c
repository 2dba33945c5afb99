/* small: the template of a service, and what the promise is tested with before any real one uses
 * it. A note comes in by HTTP (api), goes over Kafka (relay), has its effect (apply) and is shown
 * as a stream (push). */
#include <stdlib.h>

#include "contracts/small.h"
#include "http/sse.h"
#include "outbox/follow.h"
#include "service/gather.h"
#include "service/service.h"
#include "store.h"

extern const struct embedded small_schema[];
extern const size_t small_schema_count;

/* ---- api ---- */

static void note_prepare(void *item, struct date today, struct problems *problems,
                         struct arena *arena)
{
    (void)today, (void)problems, (void)arena;
    struct note *note = item;
    CLEANUP(buf_done) struct buf content = {0};
    record_encode_value(&note_item, note, &content);
    str_fingerprint(buf_str(&content), &note->fingerprint);
}

static const char *const outcomes[] = {"created", "duplicate", "rejected", NULL};
static const char *const told[] = {"relay", NULL};

static const struct entrance notes_entrance = {
    .name = "notes",
    .record = &note_item,
    .id_offset = offsetof(struct note, id),
    .names_suffice = true,
    .prepare = note_prepare,
    .columns = &note_columns,
    .event = &note_event,
    .statement = &store_take_notes,
    .dry = &store_take_notes_dry,
    .outcomes = outcomes,
    .pokes = told,
};

/* ---- apply ---- */

static enum error apply_notes(struct event_batch *batch, struct err *err)
{
    return store_seen(batch, 1, err);
}

static enum error retract_notes(struct event_batch *ghosts, struct err *err)
{
    return store_seen(ghosts, -1, err);
}

/* ---- push: everyone gets everything from now on ---- */

struct reader {
    struct sse *sse;
    struct reader *next;
};

struct push {
    struct follow *follow;
    struct reader *readers;
};

static void send_all(const struct push *push, struct sse_frame *frame)
{
    for (struct reader *reader = push->readers; reader; reader = reader->next)
        sse_send(reader->sse, frame);
    sse_frame_free(frame);
}

static void rows_committed(void *context, const struct result *result)
{
    CLEANUP(buf_done) struct buf data = {0};
    for (size_t row = 0; row < result_rows(result); row++) {
        struct note note = {.id = result_uuid(result, row, 3),
                            .key = result_str(result, row, 4),
                            .number = result_int(result, row, 5)};
        struct position position = {result_bigint(result, row, 0), result_bigint(result, row, 1),
                                    result_bigint(result, row, 2), 0};
        char id[POSITION_TEXT_LEN + 1];
        buf_reset(&data);
        record_encode_json(&note_item, &note, &data);
        send_all(context,
                 sse_frame_new(str_from(position_format(&position, id)), "note", buf_str(&data)));
    }
}

static void reader_left(struct sse *sse, void *context)
{
    struct push *push = context;
    for (struct reader **link = &push->readers; *link; link = &(*link)->next)
        if ((*link)->sse == sse) {
            struct reader *left = *link;
            *link = left->next;
            free(left);
            return;
        }
}

static void get_stream(struct http_request *request)
{
    struct push *push = process_of(request)->state;
    struct reader *reader = mem_alloc(sizeof *reader);
    *reader = (struct reader){sse_open(request, reader_left, push), push->readers};
    push->readers = reader;
}

static enum error start_push(struct process *process, struct err *err)
{
    (void)err;
    struct push *push = mem_alloc(sizeof *push);
    struct follow_options options = {
        .loop = process->loop,
        .db = process->read,
        .read = &store_follow_seen,
        .rows = rows_committed,
        .context = push,
    };
    push->follow = follow_new(&options);
    process->state = push;
    return ERROR_NONE;
}

static void push_poked(struct process *process)
{
    const struct push *push = process->state;
    follow_look(push->follow);
}

static void stop_push(struct process *process)
{
    struct push *push = process->state;
    follow_free(push->follow);
    free(push);
}

/* ---- the service ---- */

static const struct route api_routes[] = {
    {HTTP_POST, "/small/notes", gather_post, .body_bytes = 4 << 20, .open = true,
     .query = &gather_query, .entrance = &notes_entrance, .answer = {ANSWER_OUTCOMES},
     .summary = "Takes notes."},
};
static const struct stream_event note_events[] = {
    {"note", &note_item, "A note."},
    {0},
};
static const struct route push_routes[] = {
    {HTTP_GET, "/small/stream", get_stream, .open = true, .stream = true,
     .answer = {ANSWER_EVENTS, .events = note_events}, .summary = "Shows notes as they arrive."},
};
static const struct listener listeners[] = {
    {"api", .routes = ROUTES(api_routes), .writes = true},
    {"push", .routes = ROUTES(push_routes), .start = start_push, .stop = stop_push,
     .poked = push_poked},
};
static const struct subscription subscriptions[] = {
    {&topic_small, apply_notes},
};

static const struct rebuilt rebuilt[] = {{"seen", .place = "id, effect"}};

int main(int argc, char **argv)
{
    static const struct service small = {
        .name = "small",
        .listeners = LISTENERS(listeners),
        .subscriptions = SUBSCRIPTIONS(subscriptions),
        .retract = retract_notes,
        .rebuild = {REBUILT(rebuilt)},
        .log_keep_days = 1,
        .schema = {small_schema, &small_schema_count},
    };
    return service_main(&small, argc, argv);
}
