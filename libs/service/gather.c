/* Who may come in, and the lines in which requests wait. */
#include "service/gather.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "service/gather_internal.h"

struct metric gather_calls = {.name = "eiso_gather_calls_total",
                              .help = "Calls that took a batch to PostgreSQL."};
struct metric gather_call_time = {
    .name = "eiso_gather_call_seconds_total", .help = "Time that those calls took.", .scale = 1e-6};
struct metric gather_repeats = {.name = "eiso_gather_repeats_total",
                                .help = "Calls that were made again, whole or in part."};
struct metric gather_refused = {.name = "eiso_gather_refused_total",
                                .help = "Batches refused for they would have waited too long."};
struct metric gather_waiting = {.name = "eiso_gather_waiting_bytes",
                                .help = "Memory of the batches that are not answered yet.",
                                .type = METRIC_GAUGE};

/* Items, by outcome. */
static struct {
    const char *outcome;
    struct metric metric;
} outcome_metrics[] = {
    {"created", {.name = "eiso_gather_created_total", .help = "Items created."}},
    {"updated", {.name = "eiso_gather_updated_total", .help = "Items updated."}},
    {"unchanged", {.name = "eiso_gather_unchanged_total", .help = "Items that changed nothing."}},
    {"matched", {.name = "eiso_gather_matched_total", .help = "Items known by another id."}},
    {"duplicate",
     {.name = "eiso_gather_duplicate_total", .help = "Items that were there already."}},
    {"rejected", {.name = "eiso_gather_rejected_total", .help = "Items rejected."}},
};

static struct metric *outcome_metric(const char *outcome)
{
    for (size_t i = 0; i < COUNT_OF(outcome_metrics); i++)
        if (strcmp(outcome_metrics[i].outcome, outcome) == 0)
            return &outcome_metrics[i].metric;
    ensure(!"an outcome of api.md");
    return NULL;
}

/* ---- Lanes: the few entrances of a service ---- */

static struct lane *lane_new(struct gather *gather, const struct entrance *entrance, bool dry)
{
    struct lane *lane = mem_alloc(sizeof *lane);
    *lane = (struct lane){.entrance = entrance, .dry = dry, .next = gather->lanes};
    for (uint8_t i = 0; entrance->outcomes[i]; i++) {
        ensure(i < GATHER_MOST_OUTCOMES);
        lane->metrics[i] = outcome_metric(entrance->outcomes[i]);
        if (strcmp(entrance->outcomes[i], "rejected") == 0)
            lane->rejected = i + 1;
    }
    ensure(lane->rejected && entrance->names.count < GATHER_NAMES);
    gather->lanes = lane;
    return lane;
}

static struct lane *lane_get(struct gather *gather, const struct entrance *entrance, bool dry)
{
    for (struct lane *lane = gather->lanes; lane; lane = lane->next)
        if (lane->entrance == entrance && lane->dry == dry)
            return lane;
    return lane_new(gather, entrance, dry);
}

static bool lane_has_work(const struct lane *lane)
{
    return lane->line.first;
}

/* The next lane with work, which then goes to the end: each has its turn. */
static struct lane *lane_turn(struct gather *gather)
{
    struct lane **place = &gather->lanes, *turn;
    while ((turn = *place) && !lane_has_work(turn))
        place = &turn->next;
    if (!turn)
        return NULL;
    *place = turn->next;
    while (*place)
        place = &(*place)->next;
    *place = turn;
    turn->next = NULL;
    return turn;
}

static void pump(struct gather *gather)
{
    struct lane *lane = gather->busy ? NULL : lane_turn(gather);
    if (lane)
        call_begin(gather, lane);
}

/* ---- Waiters ---- */

void waiter_settle(struct waiter *waiter, uint32_t index, uint8_t outcome)
{
    waiter->fates[index].outcome = outcome;
    waiter->open--;
    metric_add(waiter->lane->metrics[outcome - 1], 1);
}

void waiter_find(struct waiter *waiter, uint32_t index, const struct finding *finding)
{
    struct finding **end = &waiter->fates[index].findings;
    while (*end)
        end = &(*end)->next;
    *end = ARENA_NEW(&waiter->request->arena, struct finding);
    **end = *finding;
}

/* Problems from `from` on belong to bad items. */
static void waiter_reject(struct waiter *waiter, size_t from)
{
    const struct problems *problems = &waiter->batch.problems;
    for (size_t i = from; i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        waiter->batch.bad[problem->index] = true;
        waiter_find(waiter, problem->index,
                    &(struct finding){.pointer = problem->pointer,
                                      .code = problem->code,
                                      .retriable = problem->retriable});
    }
}

/* The rules that need no database. */
static void waiter_check(struct waiter *waiter)
{
    const struct entrance *entrance = waiter->lane->entrance;
    struct problems *problems = &waiter->batch.problems;
    struct date today = date_today();
    waiter_reject(waiter, 0);
    for (size_t i = 0; i < waiter->batch.count; i++) {
        size_t before = problems->count;
        problems->index = (uint32_t)i;
        if (entrance->prepare && !waiter->batch.bad[i])
            entrance->prepare((char *)waiter->batch.items + i * entrance->record->size, today,
                              problems, &waiter->request->arena);
        waiter_reject(waiter, before);
        if (waiter->batch.bad[i])
            waiter_settle(waiter, (uint32_t)i, waiter->lane->rejected);
    }
}

/* NULL where the body was no batch and is answered. */
static struct waiter *waiter_new(struct http_request *request, struct lane *lane)
{
    struct batch batch;
    if (!http_batch(request, lane->entrance->record, &batch))
        return NULL;
    struct waiter *waiter = ARENA_NEW(&request->arena, struct waiter);
    waiter->request = request;
    waiter->lane = lane;
    waiter->batch = batch;
    waiter->fates = ARENA_ARRAY(&request->arena, batch.count, struct fate);
    waiter->open = batch.count;
    waiter->item_bytes = request->body.len / MAX_OF(batch.count, (size_t)1);
    waiter_check(waiter);
    return waiter;
}

static void waiters_add(struct gather *gather, struct waiter *waiter)
{
    waiter->bytes = waiter->request->body.len + waiter->request->arena.used_bytes;
    waiter->following = gather->waiters;
    if (gather->waiters)
        gather->waiters->previous = waiter;
    gather->waiters = waiter;
    gather->waiting_bytes += waiter->bytes;
    metric_set(&gather_waiting, (int64_t)gather->waiting_bytes);
}

static void waiters_remove(struct gather *gather, struct waiter *waiter)
{
    if (waiter->previous)
        waiter->previous->following = waiter->following;
    else
        gather->waiters = waiter->following;
    if (waiter->following)
        waiter->following->previous = waiter->previous;
    gather->waiting_bytes -= waiter->bytes;
    metric_set(&gather_waiting, (int64_t)gather->waiting_bytes);
}

/* ---- Callers ---- */

static struct uuid caller_id(const struct http_request *request)
{
    const struct principal *principal = auth_principal(request);
    return principal ? principal->id : (struct uuid){0};
}

static struct caller *caller_find(const struct lane *lane, const struct uuid *id)
{
    struct caller *caller = lane->line.first;
    while (caller && !uuid_equal(&caller->id, id))
        caller = caller->behind;
    return caller;
}

static struct caller *caller_add(struct lane *lane, const struct uuid *id)
{
    struct caller *caller = mem_alloc(sizeof *caller);
    caller->id = *id;
    caller->end = &caller->first;
    line_add(&lane->line, caller);
    return caller;
}

static void line_up(struct waiter *waiter)
{
    struct lane *lane = waiter->lane;
    struct uuid id = caller_id(waiter->request);
    struct caller *caller = caller_find(lane, &id);
    if (!caller)
        caller = caller_add(lane, &id);
    *caller->end = waiter;
    caller->end = &waiter->behind;
    caller->items += waiter->open;
    caller->bytes += waiter->bytes;
}

/* ---- Admission ---- */

/* What goes before a further request of this caller: its own items, and of each other caller as
 * many, for they are taken in turn. */
static size_t items_ahead(const struct lane *lane, const struct caller *own)
{
    size_t ahead = 0;
    for (const struct caller *caller = lane->line.first; own && caller; caller = caller->behind)
        ahead += MIN_OF(caller->items, own->items);
    return ahead;
}

static size_t lanes_with_work(const struct gather *gather)
{
    size_t count = 0;
    for (const struct lane *lane = gather->lanes; lane; lane = lane->next)
        count += lane_has_work(lane);
    return count;
}

static bool would_wait_too_long(const struct gather *gather, const struct lane *lane,
                                const struct caller *own)
{
    size_t calls = items_ahead(lane, own) / GATHER_CALL_ITEMS * lanes_with_work(gather);
    return gather->busy && ((int64_t)calls + 1) * gather->call_us > GATHER_MOST_WAIT_US;
}

/* Before anything is decoded. Answers the request where it may not come in. */
static bool admit(struct gather *gather, const struct lane *lane, struct http_request *request)
{
    struct uuid id = caller_id(request);
    const struct caller *own = caller_find(lane, &id);
    size_t own_bytes = own ? own->bytes : 0;
    if (!db_async_ready(gather->process->write)) {
        http_problem(request, 503, "unavailable", NULL);
        return false;
    }
    if (would_wait_too_long(gather, lane, own) ||
        gather->waiting_bytes + request->body.len > GATHER_MOST_BYTES ||
        own_bytes + request->body.len > GATHER_CALLER_BYTES) {
        metric_add(&gather_refused, 1);
        http_problem(request, 429, "too_many_requests", NULL);
        return false;
    }
    return true;
}

/* ---- The route ---- */

static const struct value shown_names[] = {{"problems", 1}};
static const struct values shown = VALUES(shown_names);
static const struct parameter gather_parameters[] = {
    {"dry_run", PARAMETER_INT, .max = 1, .about = "1: answers the outcomes and keeps nothing."},
    {"results", PARAMETER_VALUE, .values = &shown,
     .about = "`problems`: leaves out the results of the items that went well."},
};
const struct parameters gather_query = {gather_parameters, COUNT_OF(gather_parameters)};

void gather_post(struct http_request *request)
{
    struct gather *gather = process_of(request)->gather;
    const struct entrance *entrance = request->route->entrance;
    bool dry = http_query_int(request, "dry_run") == 1;
    struct lane *lane = lane_get(gather, entrance, dry);
    struct waiter *waiter = admit(gather, lane, request) ? waiter_new(request, lane) : NULL;
    if (!waiter)
        return;
    waiter->only_problems = http_query_value(request, "results") != 0;
    if (waiter->open == 0) {
        waiter_answer(waiter, &gather->answer);
        return;
    }
    waiters_add(gather, waiter);
    line_up(waiter);
    pump(gather);
}

/* ---- Turn of the calls ---- */

/* The next call goes out first: PostgreSQL works while the answers are written. */
void call_ended(struct gather *gather)
{
    struct waiter *finished = gather->finished;
    gather->finished = NULL;
    gather->busy = false;
    pump(gather);
    while (finished) {
        struct waiter *waiter = finished;
        finished = waiter->behind;
        waiters_remove(gather, waiter);
        waiter_answer(waiter, &gather->answer);
    }
}

/* ---- Life ---- */

struct gather *gather_new(struct process *process)
{
    struct gather *gather = mem_alloc(sizeof *gather);
    gather->process = process;
    gather->call = mem_alloc(sizeof *gather->call);
    gather->call->gather = gather;
    struct uuid chance[2] = {uuid_v7(), uuid_v7()};
    for (size_t i = 0; i < COUNT_OF(chance); i++)
        memcpy(&gather->call->salt[i], chance[i].bytes + 8, sizeof gather->call->salt[i]);
    gather->pause = loop_timer_new(process->loop, call_repeat, gather);
    metric_register(&gather_calls);
    metric_register(&gather_call_time);
    metric_register(&gather_repeats);
    metric_register(&gather_refused);
    metric_register(&gather_waiting);
    for (size_t i = 0; i < COUNT_OF(outcome_metrics); i++)
        metric_register(&outcome_metrics[i].metric);
    return gather;
}

static void lane_free(struct lane *lane)
{
    while (lane->line.first) {
        struct caller *caller = line_take(&lane->line);
        free(caller);
    }
    free(lane);
}

/* What a call holds, or a former call has decided in part, may be done or not. */
static void answer_the_rest(struct gather *gather)
{
    for (size_t i = 0; gather->busy && i < gather->call->count; i++)
        gather->call->refs[i].waiter->failure = ERROR_UNKNOWN;
    while (gather->waiters) {
        struct waiter *waiter = gather->waiters;
        const struct error_info *info =
            error_info(waiter->failure || waiter->decided ? ERROR_UNKNOWN : ERROR_UNAVAILABLE);
        waiters_remove(gather, waiter);
        http_problem(waiter->request, info->http_status, info->name, NULL);
    }
}

void gather_free(struct gather *gather)
{
    if (!gather)
        return;
    struct call *call = gather->call;
    answer_the_rest(gather);
    while (gather->lanes) {
        struct lane *lane = gather->lanes;
        gather->lanes = lane->next;
        lane_free(lane);
    }
    call->gather = NULL;
    if (!call->sent)
        call_free(call);
    loop_timer_free(gather->pause);
    buf_done(&gather->answer);
    free(gather);
}
