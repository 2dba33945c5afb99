#include "push.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "api.h"
#include "http/sse.h"
#include "outbox/follow.h"

enum { COALESCE_MS = 250, BUCKETS = 4096 };

struct change {
    struct str node;
    struct day_view day;
};

/* A node in a tree that at least one stream shows, and what has changed of it and its children
 * since the last message. */
struct subject {
    enum indicator_tree tree;
    char *node;
    LIST_HEAD(readers, reader) readers;
    size_t opening;         /* streams whose state is being read: nothing behind it may be missed */
    struct change *changes; /* one a node, the latest */
    size_t count, capacity;
    struct arena arena; /* of the next message */
    struct loop_timer *timer;
    LIST_ENTRY(subject) chain;
};

struct reader {
    struct push *push;
    struct sse *sse;
    struct auth_watch *watch;
    struct subject *subject;
    LIST_ENTRY(reader) next;
};

struct push {
    struct loop *loop;
    struct follow *follow;
    size_t subjects;
    struct arena rows; /* of one page of changed days */
    LIST_HEAD(bucket, subject) buckets[BUCKETS];
};

/* ---- Subjects ---- */

static struct bucket *bucket_of(struct push *push, struct str node)
{
    struct uuid hash;
    str_fingerprint(node, &hash);
    return &push->buckets[((size_t)hash.bytes[0] << 8 | hash.bytes[1]) % BUCKETS];
}

static struct subject *subject_find(struct push *push, enum indicator_tree tree, struct str node)
{
    struct subject *subject;
    LIST_FOREACH(subject, bucket_of(push, node), chain)
    if (subject->tree == tree && str_equal(str_from(subject->node), node))
        return subject;
    return NULL;
}

static void subject_send(struct subject *subject, struct sse_frame *frame)
{
    struct reader *reader;
    LIST_FOREACH(reader, &subject->readers, next)
    sse_send(reader->sse, frame);
    sse_frame_free(frame);
}

static struct list views_of(struct subject *subject)
{
    struct node_view *views = ARENA_ARRAY(&subject->arena, subject->count, struct node_view);
    for (size_t i = 0; i < subject->count; i++)
        views[i] = (struct node_view){.node = subject->changes[i].node,
                                      .tree = subject->tree,
                                      .days = {&subject->changes[i].day, 1}};
    return (struct list){views, subject->count};
}

/* One message for all that has changed. */
static void subject_tell(void *context)
{
    struct subject *subject = context;
    loop_timer_clear(subject->timer);
    if (subject->count == 0)
        return;
    CLEANUP(buf_done) struct buf data = {0};
    struct nodes_changed changed = {views_of(subject)};
    record_encode_json(&nodes_changed_record, &changed, &data);
    subject_send(subject, sse_frame_new((struct str){0}, "change", buf_str(&data)));
    subject->count = 0;
    arena_reset(&subject->arena);
}

static struct subject *subject_get(struct push *push, enum indicator_tree tree, struct str node)
{
    struct subject *subject = subject_find(push, tree, node);
    if (subject)
        return subject;
    subject = mem_alloc(sizeof *subject);
    subject->tree = tree;
    subject->node = mem_alloc(node.len + 1);
    memcpy(subject->node, node.ptr, node.len);
    subject->timer = loop_timer_new(push->loop, subject_tell, subject);
    LIST_INSERT_HEAD(bucket_of(push, node), subject, chain);
    push->subjects++;
    return subject;
}

/* Where nobody shows it any more. */
static void subject_release(struct push *push, struct subject *subject)
{
    if (subject->opening || !LIST_EMPTY(&subject->readers))
        return;
    push->subjects--;
    LIST_REMOVE(subject, chain);
    loop_timer_free(subject->timer);
    free(subject->changes);
    arena_done(&subject->arena);
    free(subject->node);
    free(subject);
}

/* ---- What has changed ---- */

/* The place of a node's day in the next message. */
static struct change *change_of(struct subject *subject, struct str node)
{
    for (size_t i = 0; i < subject->count; i++)
        if (str_equal(subject->changes[i].node, node))
            return &subject->changes[i];
    if (subject->count == subject->capacity) {
        subject->capacity = MAX_OF((size_t)16, 2 * subject->capacity);
        subject->changes =
            mem_resize(subject->changes, subject->capacity * sizeof *subject->changes);
    }
    struct change *change = &subject->changes[subject->count++];
    change->node = str_copy(&subject->arena, node);
    return change;
}

/* A day for those who show it under that node; the first of a message sets its time. */
static void note(struct push *push, enum indicator_tree tree, struct str node,
                 const struct changed_day *row)
{
    struct subject *subject = str_present(node) ? subject_find(push, tree, node) : NULL;
    if (!subject)
        return;
    if (subject->count == 0)
        loop_timer_set(subject->timer, COALESCE_MS);
    change_of(subject, row->day.node)->day = day_view_of(&row->day);
}

/* Under itself and under what it hangs on. An organisation without others below it is the same node
 * in both trees. */
static void note_everywhere(struct push *push, const struct changed_day *row)
{
    struct str node = row->day.node;
    note(push, row->day.tree, node, row);
    if (row->day.tree == TREE_TERRITORY)
        note(push, TREE_TERRITORY, row->territory, row);
    if (row->day.tree == TREE_TERRITORY && node.len == UUID_TEXT_LEN &&
        !str_equal(row->superior, node))
        note(push, TREE_SUBORDINATION, node, row);
    if (row->day.tree == TREE_SUBORDINATION || !str_equal(row->superior, node))
        note(push, TREE_SUBORDINATION, row->superior, row);
}

/* Days of today, of what somebody shows or what hangs on it. */
static bool nodes_wanted(void *context, struct params *params, struct arena *arena)
{
    struct push *push = context;
    struct str *nodes = ARENA_ARRAY(arena, push->subjects, struct str);
    struct subject *subject;
    size_t count = 0;
    for (size_t i = 0; push->subjects && i < BUCKETS; i++)
        LIST_FOREACH(subject, &push->buckets[i], chain)
        {
            nodes[count++] = str_from(subject->node);
        }
    struct column column = column_texts(arena, nodes, count);
    param_date(params, date_today());
    param_column(params, &column);
    return count > 0;
}

static void days_changed(void *context, const struct result *result)
{
    struct push *push = context;
    size_t count;
    const struct changed_day *rows =
        result_records(result, &changed_day_record, &push->rows, &count);
    for (size_t i = 0; i < count; i++)
        note_everywhere(push, &rows[i]);
    arena_reset(&push->rows);
}

/* ---- Readers ---- */

static void reader_left(struct sse *sse, void *context)
{
    (void)sse;
    struct reader *reader = context;
    LIST_REMOVE(reader, next);
    subject_release(reader->push, reader->subject);
    auth_release(reader->watch);
    free(reader);
}

static void access_ended(void *context)
{
    struct reader *reader = context;
    sse_close(reader->sse);
}

/* What waits was read before this state: it goes out first, so that no reader is told of a day that
 * is older than what it has seen. Rows come in the order in which they were asked for. */
static void reader_join(struct http_request *request, struct subject *subject,
                        struct sse_frame *state)
{
    struct process *process = process_of(request);
    struct reader *reader = mem_alloc(sizeof *reader);
    reader->push = process->state;
    reader->subject = subject;
    subject_tell(subject);
    reader->watch = auth_hold(process->auth, auth_principal(request), access_ended, reader);
    reader->sse = sse_open(request, reader_left, reader);
    sse_send(reader->sse, state);
    sse_frame_free(state);
    LIST_INSERT_HEAD(&subject->readers, reader, next);
}

/* A stream that is asked for, and what it will show. */
struct opening {
    struct http_request *request;
    struct subject *subject;
};

static void answer_state(struct opening *opening, const struct result *result)
{
    struct http_request *request = opening->request;
    size_t count;
    const struct indicator_row *rows =
        result_records(result, &indicator_row_record, &request->arena, &count);
    if (count == 0) {
        http_problem(request, 404, "not_found", NULL);
        return;
    }
    CLEANUP(buf_done) struct buf data = {0};
    record_encode_json(&node_view_record, node_view_of(rows, count, &request->arena), &data);
    reader_join(request, opening->subject, sse_frame_new((struct str){0}, "state", buf_str(&data)));
}

static void state_arrived(void *context, const struct result *result, enum error code,
                          const struct err *err)
{
    struct opening *opening = context;
    struct subject *subject = opening->subject;
    struct push *push = process_of(opening->request)->state;
    if (code)
        http_error(opening->request, err);
    else
        answer_state(opening, result);
    subject->opening--;
    subject_release(push, subject);
}

void get_stream(struct http_request *request)
{
    struct process *process = process_of(request);
    struct date today = date_today();
    struct indicators_wanted wanted = {.from = today, .to = today, .children = true};
    if (!wanted_node(request, &wanted))
        return;
    struct opening *opening = ARENA_NEW(&request->arena, struct opening);
    *opening = (struct opening){request, subject_get(process->state, wanted.tree, wanted.node)};
    opening->subject->opening++;
    store_indicators(process->read, &wanted, auth_principal(request), &request->arena,
                     state_arrived, opening);
}

/* ---- The role ---- */

enum error push_start(struct process *process, struct err *err)
{
    (void)err;
    struct push *push = mem_alloc(sizeof *push);
    push->loop = process->loop;
    push->follow = follow_new(&(struct follow_options){.loop = process->loop,
                                                       .db = process->read,
                                                       .read = &store_follow_days,
                                                       .wanted = nodes_wanted,
                                                       .rows = days_changed,
                                                       .context = push});
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
    arena_done(&push->rows);
    free(push);
}
