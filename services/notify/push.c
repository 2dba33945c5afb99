/* A reader that comes reads its children, then what it missed in pages, then joins the live ones:
 * the rows that the follower hands out to all, of the children of all readers alone. It joins in
 * the moment when it has everything up to the follower's place, so nothing is missed between, and a
 * row at or below its own place is never sent again. */
#include "push.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "contracts/registry.h"
#include "http/sse.h"
#include "outbox/follow.h"
#include "store.h"

enum {
    BUCKETS = 8192,    /* of children; a process holds some 4,096 readers */
    MOST_READING = 16, /* readers whose statement is under way; the others wait in a queue */
    PAGE_ROWS = 50,    /* some 40 KiB: below what a slow reader may have waiting */
    AGAIN_MS = 50
};

struct reader;

/* A child of a reader. */
struct interest {
    struct uuid child;
    int32_t rights; /* bits of enum guardian_right */
    struct reader *reader;
    LIST_ENTRY(interest) chain;
};
LIST_HEAD(bucket, interest);

enum phase { PHASE_WAITING /* in the queue */, PHASE_READING, PHASE_LIVE };

struct reader {
    struct push *push;
    struct sse *sse; /* NULL: gone, only its statement is still under way */
    struct auth_watch *watch;
    enum phase phase;
    struct position position; /* everything up to here was sent */
    struct position target;   /* of the page under way */
    bool placed;              /* `position` counts; else it begins where the follower stands */
    bool knows_children;
    bool asked; /* `language` was asked for by name: the account's does not count */
    enum language language;
    struct interest *interests;
    size_t interest_count;
    TAILQ_ENTRY(reader) queue;
};

struct push {
    struct process *process;
    struct follow *follow;
    struct loop_timer *again;
    TAILQ_HEAD(, reader) waiting;
    size_t reading;
    struct bucket buckets[BUCKETS];
    size_t interests;   /* in all buckets */
    struct arena arena; /* of one result */
};

static struct metric metric_sent = {
    .name = "eiso_inbox_sent_total",
    .help = "Inbox items handed to streams, live and missed ones.",
};
static struct metric metric_delay = {
    .name = "eiso_inbox_delay_seconds",
    .help = "From the commit at its source to the streams, of the last item handed out live.",
    .type = METRIC_GAUGE,
    .scale = 1e-6,
};

/* ---- Frames ---- */

static struct sse_frame *frame_make(const struct feed_row *row, enum language language,
                                    struct arena *arena)
{
    CLEANUP(buf_done) struct buf data = {0};
    struct feed_item item = feed_item_of(row, language, arena);
    record_encode_json(&feed_stream_item, &item, &data);
    return sse_frame_new(item.position, NULL, buf_str(&data));
}

static struct position position_of(const struct feed_row *row)
{
    return (struct position){row->epoch, row->xid, row->seq, 0};
}

static void reader_send(struct reader *reader, const struct feed_row *row, struct sse_frame *frame)
{
    reader->position = position_of(row);
    sse_send(reader->sse, frame);
    metric_add(&metric_sent, 1);
}

/* ---- Children ---- */

static struct bucket *bucket_of(struct push *push, const struct uuid *child)
{
    return &push->buckets[((size_t)child->bytes[14] << 8 | child->bytes[15]) % BUCKETS];
}

static bool wants(const struct interest *interest, const struct feed_row *row)
{
    enum guardian_right right = row->kind <= FEED_MARK_RETRACTED ? RIGHT_MARKS : RIGHT_ATTENDANCE;
    struct position position = position_of(row);
    return interest->reader->phase == PHASE_LIVE && interest->rights >> right & 1 &&
           uuid_equal(&interest->child, &row->child) &&
           position_compare(&position, &interest->reader->position) > 0;
}

static void interests_take(struct reader *reader, const struct result *result)
{
    struct push *push = reader->push;
    reader->interests = mem_alloc((result_rows(result) + 1) * sizeof *reader->interests);
    for (size_t row = 0; row < result_rows(result); row++) {
        if (result_null(result, row, CHILD_ID))
            continue;
        struct interest *interest = &reader->interests[reader->interest_count++];
        *interest = (struct interest){.child = result_uuid(result, row, CHILD_ID),
                                      .rights = result_int(result, row, CHILD_RIGHTS),
                                      .reader = reader};
        LIST_INSERT_HEAD(bucket_of(push, &interest->child), interest, chain);
    }
    push->interests += reader->interest_count;
    reader->knows_children = true;
}

static void interests_drop(struct reader *reader)
{
    for (size_t i = 0; i < reader->interest_count; i++)
        LIST_REMOVE(&reader->interests[i], chain);
    reader->push->interests -= reader->interest_count;
    free(reader->interests);
    reader->interests = NULL;
    reader->interest_count = 0;
}

/* The children whose rows are read, from the moment when they are known: a child of two readers
 * twice. */
static bool children_wanted(void *context, struct params *params, struct arena *arena)
{
    struct push *push = context;
    struct uuid *children = ARENA_ARRAY(arena, push->interests, struct uuid);
    struct interest *interest;
    size_t count = 0;
    for (size_t i = 0; push->interests && i < BUCKETS; i++)
        LIST_FOREACH(interest, &push->buckets[i], chain)
        {
            children[count++] = interest->child;
        }
    struct column column = column_uuids(arena, children, count);
    param_column(params, &column);
    return count > 0;
}

/* ---- Live ---- */

static void row_committed(struct push *push, const struct feed_row *row)
{
    struct sse_frame *frames[LANGUAGES] = {0};
    struct interest *interest;
    LIST_FOREACH(interest, bucket_of(push, &row->child), chain)
    {
        struct reader *reader = interest->reader;
        if (!wants(interest, row))
            continue;
        if (!frames[reader->language])
            frames[reader->language] = frame_make(row, reader->language, &push->arena);
        reader_send(reader, row, frames[reader->language]);
    }
    for (int language = 0; language < LANGUAGES; language++)
        sse_frame_free(frames[language]);
}

static void rows_committed(void *context, const struct result *result)
{
    struct push *push = context;
    size_t count;
    const struct feed_row *rows = result_records(result, &feed_row_record, &push->arena, &count);
    for (size_t i = 0; i < count; i++)
        row_committed(push, &rows[i]);
    metric_set(&metric_delay, clock_now() - rows[count - 1].time.us);
    arena_reset(&push->arena);
}

/* ---- Catching up ---- */

static void pump(void *context);

static void reader_wait(struct reader *reader)
{
    reader->phase = PHASE_WAITING;
    TAILQ_INSERT_TAIL(&reader->push->waiting, reader, queue);
}

static void reader_free(struct reader *reader)
{
    interests_drop(reader);
    free(reader);
}

/* The reader's statement has ended. False: the reader is gone, or has to try again later. */
static bool reader_answered(struct reader *reader, enum error code)
{
    struct push *push = reader->push;
    push->reading--;
    if (!reader->sse) {
        reader_free(reader);
        return false;
    }
    reader_wait(reader);
    if (code)
        loop_timer_set(push->again, AGAIN_MS);
    return !code;
}

static void children_arrived(void *context, const struct result *result, enum error code,
                             const struct err *err)
{
    (void)err;
    struct reader *reader = context;
    if (!reader_answered(reader, code))
        return;
    if (!reader->asked)
        reader->language =
            inbox_language((struct str){0}, result_str(result, 0, CHILD_LOCALE), reader->language);
    interests_take(reader, result);
    pump(reader->push);
}

static void page_arrived(void *context, const struct result *result, enum error code,
                         const struct err *err)
{
    (void)err;
    struct reader *reader = context;
    struct push *push = reader->push;
    if (!reader_answered(reader, code))
        return;
    size_t count;
    const struct feed_row *rows = result_records(result, &feed_row_record, &push->arena, &count);
    for (size_t i = 0; i < count; i++) {
        struct sse_frame *frame = frame_make(&rows[i], reader->language, &push->arena);
        reader_send(reader, &rows[i], frame);
        sse_frame_free(frame);
    }
    if (count < PAGE_ROWS)
        reader->position = reader->target;
    arena_reset(&push->arena);
    pump(push);
}

static struct inbox_wanted wanted_by(const struct reader *reader)
{
    const struct principal *principal = auth_watch_principal(reader->watch);
    return (struct inbox_wanted){.person = principal->person,
                                 .account = principal->id,
                                 .today = date_today(),
                                 .after = reader->position,
                                 .up_to = reader->target,
                                 .limit = reader->knows_children ? PAGE_ROWS : 0};
}

static void reader_read(struct reader *reader)
{
    struct push *push = reader->push;
    reader->phase = PHASE_READING;
    push->reading++;
    struct inbox_wanted wanted = wanted_by(reader);
    if (reader->knows_children)
        store_backlog(push->process->read, &wanted, page_arrived, reader);
    else
        store_children(push->process->read, &wanted, children_arrived, reader);
}

/* What comes next for a reader of the queue. False: nothing yet. */
static bool reader_step(struct reader *reader)
{
    struct push *push = reader->push;
    if (!follow_position(push->follow, &reader->target) || sse_waiting_bytes(reader->sse) > 0)
        return false;
    if (!reader->placed)
        reader->position = reader->target;
    reader->placed = true;
    TAILQ_REMOVE(&push->waiting, reader, queue);
    if (reader->knows_children && position_compare(&reader->position, &reader->target) >= 0)
        reader->phase = PHASE_LIVE;
    else
        reader_read(reader);
    return true;
}

/* Who has nothing to do yet (its socket is full, the follower has not begun) is asked again soon.
 */
static void pump(void *context)
{
    struct push *push = context;
    struct reader *reader = TAILQ_FIRST(&push->waiting);
    while (reader && push->reading < MOST_READING) {
        struct reader *next = TAILQ_NEXT(reader, queue);
        if (!reader_step(reader))
            loop_timer_set(push->again, AGAIN_MS);
        reader = next;
    }
}

/* ---- Coming and going ---- */

static void reader_left(struct sse *sse, void *context)
{
    struct reader *reader = context;
    (void)sse;
    reader->sse = NULL;
    auth_release(reader->watch);
    if (reader->phase == PHASE_READING)
        return;
    if (reader->phase == PHASE_WAITING)
        TAILQ_REMOVE(&reader->push->waiting, reader, queue);
    reader_free(reader);
}

static void access_ended(void *context)
{
    struct reader *reader = context;
    if (reader->sse)
        sse_close(reader->sse);
}

void get_inbox_stream(struct http_request *request)
{
    struct process *process = process_of(request);
    struct str from = sse_resume_from(request), language = http_query(request, "language");
    struct position position = {0};
    if (str_present(from) && !position_parse(from, &position)) {
        http_problem(request, 400, "bad_position", "Last-Event-ID or after");
        return;
    }
    struct reader *reader = mem_alloc(sizeof *reader);
    *reader = (struct reader){
        .push = process->state,
        .position = position,
        .placed = str_present(from),
        .asked = str_present(language),
        .language = inbox_language(language, (struct str){0}, request->language),
    };
    reader->watch = auth_hold(process->auth, auth_principal(request), access_ended, reader);
    reader->sse = sse_open(request, reader_left, reader);
    reader_wait(reader);
    pump(reader->push);
}

/* ---- The role ---- */

enum error push_start(struct process *process, struct err *err)
{
    (void)err;
    struct push *push = mem_alloc(sizeof *push);
    push->process = process;
    push->again = loop_timer_new(process->loop, pump, push);
    TAILQ_INIT(&push->waiting);
    push->follow = follow_new(&(struct follow_options){.loop = process->loop,
                                                       .db = process->read,
                                                       .read = &store_follow_feed,
                                                       .wanted = children_wanted,
                                                       .rows = rows_committed,
                                                       .context = push});
    metric_register(&metric_sent);
    metric_register(&metric_delay);
    process->state = push;
    return ERROR_NONE;
}

void push_poked(struct process *process)
{
    const struct push *push = process->state;
    follow_look(push->follow);
}

void push_stop(struct process *process)
{
    struct push *push = process->state;
    follow_free(push->follow);
    loop_timer_free(push->again);
    arena_done(&push->arena);
    free(push);
}
