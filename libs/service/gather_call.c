/* One call to PostgreSQL: taken from the lines in turn, each id named once, bound, made, made
 * again, cut in halves, and its rows given to the requests they belong to. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "service/gather_internal.h"

enum { ROW_ITEM, ROW_OUTCOME, ROW_CODE, ROW_POINTER, ROW_OTHER };

static const void *item_of(const struct ref *ref)
{
    const struct waiter *waiter = ref->waiter;
    return (const char *)waiter->batch.items + ref->index * waiter->lane->entrance->record->size;
}

/* ---- Taking ---- */

static bool has_room(const struct call *call)
{
    return call->count < GATHER_CALL_ITEMS && call->bytes < GATHER_CALL_BYTES;
}

static struct ref *ref_add(struct call *call, struct waiter *waiter, uint32_t index)
{
    struct ref *ref = &call->refs[call->count++];
    *ref = (struct ref){.index = index, .waiter = waiter};
    call->bytes += waiter->item_bytes;
    return ref;
}

/* The first of each chain goes now; the rest of it waits behind. */
static void take_twins(struct call *call)
{
    struct lane *lane = call->lane;
    while (lane->first_chain && has_room(call)) {
        struct twin *twin = lane->first_chain;
        lane->first_chain = twin->next_chain;
        struct ref *ref = ref_add(call, twin->waiter, twin->index);
        ref->twins = twin->behind;
        if (ref->twins)
            ref->twins->last = twin->last;
    }
    if (!lane->first_chain)
        lane->last_chain = NULL;
}

static void skip_bad(struct waiter *waiter)
{
    while (waiter->next < waiter->batch.count && waiter->batch.bad[waiter->next])
        waiter->next++;
}

/* Up to `most` good items of a request; true where none is left. */
static bool take_items(struct call *call, struct waiter *waiter, size_t most)
{
    size_t end = call->count + most;
    skip_bad(waiter);
    while (waiter->next < waiter->batch.count && call->count < end && has_room(call)) {
        ref_add(call, waiter, (uint32_t)waiter->next++);
        skip_bad(waiter);
    }
    return waiter->next == waiter->batch.count;
}

/* One turn of a caller, from its requests in the order they came. */
static void take_turn(struct call *call, struct caller *caller)
{
    size_t before = call->count, most = before + GATHER_TURN_ITEMS;
    while (caller->first && call->count < most && has_room(call)) {
        struct waiter *waiter = caller->first;
        if (!take_items(call, waiter, most - call->count))
            break;
        caller->first = waiter->behind;
        caller->bytes -= waiter->bytes;
        waiter->behind = NULL;
    }
    caller->items -= call->count - before;
}

static void take_callers(struct call *call)
{
    struct lane *lane = call->lane;
    while (lane->first && has_room(call)) {
        struct caller *caller = lane->first;
        take_turn(call, caller);
        if (caller->first && lane->last == caller)
            continue;
        lane->first = caller->behind;
        caller->behind = NULL;
        if (caller->first) {
            lane->last->behind = caller;
            lane->last = caller;
        } else {
            free(caller);
        }
        if (!lane->first)
            lane->last = NULL;
    }
}

/* ---- Each id once, in the order of arrival ---- */

/* An id that the item `order` of the call is or names. */
struct key {
    uint64_t high, low;
    uint32_t order;
};

static int key_compare(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    if (x->high != y->high)
        return x->high < y->high ? -1 : 1;
    if (x->low != y->low)
        return x->low < y->low ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

static void key_add(struct key *keys, size_t *count, const void *id, uint32_t order)
{
    uint64_t words[2];
    memcpy(words, id, sizeof words);
    if (words[0] || words[1])
        keys[(*count)++] = (struct key){be64toh(words[0]), be64toh(words[1]), order};
}

/* The ids of all items, sorted, those of one id by arrival. */
static struct key *keys_of(struct call *call, size_t *count)
{
    const struct entrance *entrance = call->lane->entrance;
    struct key *keys =
        ARENA_ARRAY(&call->arena, call->count * (1 + entrance->names.count), struct key);
    *count = 0;
    for (uint32_t i = 0; i < call->count; i++) {
        const char *item = item_of(&call->refs[i]);
        key_add(keys, count, item + entrance->id_offset, i);
        for (size_t k = 0; k < entrance->names.count; k++)
            key_add(keys, count, item + entrance->names.items[k], i);
    }
    qsort(keys, *count, sizeof *keys, key_compare);
    return keys;
}

static uint32_t first_of(const uint32_t *before, uint32_t order)
{
    while (before[order] != order)
        order = before[order];
    return order;
}

/* Of each item an earlier one that it hangs together with, over whatever ids; itself where there is
 * none. */
static const uint32_t *find_earlier(struct call *call)
{
    size_t count;
    const struct key *keys = keys_of(call, &count);
    uint32_t *before = ARENA_ARRAY(&call->arena, call->count, uint32_t);
    for (uint32_t i = 0; i < call->count; i++)
        before[i] = i;
    for (size_t i = 1; i < count; i++) {
        if (keys[i].high != keys[i - 1].high || keys[i].low != keys[i - 1].low)
            continue;
        uint32_t one = first_of(before, keys[i - 1].order), other = first_of(before, keys[i].order);
        before[MAX_OF(one, other)] = MIN_OF(one, other);
    }
    return before;
}

/* The repeat, with those that wait for it, goes behind those that wait for the first. */
static void twin_append(struct ref *first, const struct ref *repeat)
{
    struct twin *twin = ARENA_NEW(&repeat->waiter->request->arena, struct twin);
    *twin = (struct twin){.waiter = repeat->waiter, .index = repeat->index, .last = twin};
    if (repeat->twins) {
        twin->behind = repeat->twins;
        twin->last = repeat->twins->last;
    }
    if (first->twins) {
        first->twins->last->behind = twin;
        first->twins->last = twin->last;
    } else {
        first->twins = twin;
    }
}

static void part_twins(struct call *call)
{
    const uint32_t *before = find_earlier(call);
    size_t kept = 0;
    for (uint32_t i = 0; i < call->count; i++)
        if (before[i] != i)
            twin_append(&call->refs[first_of(before, i)], &call->refs[i]);
    for (uint32_t i = 0; i < call->count; i++)
        if (before[i] == i)
            call->refs[kept++] = call->refs[i];
    call->count = kept;
}

static void twins_release(struct lane *lane, struct twin *chain)
{
    if (!chain)
        return;
    chain->next_chain = NULL;
    if (lane->last_chain)
        lane->last_chain->next_chain = chain;
    else
        lane->first_chain = chain;
    lane->last_chain = chain;
}

/* ---- Binding ---- */

/* The callers of a part, each once: requests of one caller have a principal each, as a rule with
 * the same nodes. */
struct callers {
    const struct principal **items;
    size_t count, pairs;
};

static bool is_same(const struct principal *a, const struct principal *b)
{
    if (!a || !b)
        return a == b;
    return uuid_equal(&a->id, &b->id) && a->nodes.count == b->nodes.count &&
           (a->nodes.count == 0 ||
            memcmp(a->nodes.items, b->nodes.items, a->nodes.count * sizeof(struct uuid)) == 0);
}

static int32_t caller_index(struct callers *callers, const struct principal *principal)
{
    for (size_t i = 0; i < callers->count; i++)
        if (is_same(callers->items[i], principal))
            return (int32_t)i;
    callers->items[callers->count] = principal;
    callers->pairs += principal ? principal->nodes.count : 0;
    return (int32_t)callers->count++;
}

static int32_t waiter_caller(struct waiter *waiter, struct callers *callers, uint64_t number)
{
    if (waiter->in_call != number) {
        waiter->in_call = number;
        waiter->caller = caller_index(callers, auth_principal(waiter->request));
    }
    return waiter->caller;
}

static void bind_pairs(struct call *call, const struct callers *callers)
{
    int32_t *owners = ARENA_ARRAY(&call->arena, callers->pairs, int32_t);
    struct uuid *nodes = ARENA_ARRAY(&call->arena, callers->pairs, struct uuid);
    size_t count = 0;
    for (size_t i = 0; i < callers->count; i++)
        for (size_t k = 0; callers->items[i] && k < callers->items[i]->nodes.count; k++) {
            owners[count] = (int32_t)i;
            nodes[count++] = callers->items[i]->nodes.items[k];
        }
    struct column column = column_ints(&call->arena, owners, count);
    param_column(&call->params, &column);
    column = column_uuids(&call->arena, nodes, count);
    param_column(&call->params, &column);
}

static void bind_callers(struct call *call, const struct ref *refs, size_t count)
{
    int32_t *indexes = ARENA_ARRAY(&call->arena, count, int32_t);
    struct callers callers = {ARENA_ARRAY(&call->arena, count, const struct principal *), 0, 0};
    uint64_t number = ++call->gather->call_number;
    for (size_t i = 0; i < count; i++)
        indexes[i] = waiter_caller(refs[i].waiter, &callers, number);
    struct column column = column_ints(&call->arena, indexes, count);
    param_column(&call->params, &column);
    bind_pairs(call, &callers);
}

static void bind_heads(struct call *call, const void *const *items, size_t count)
{
    struct str *heads = ARENA_ARRAY(&call->arena, count, struct str);
    buf_reset(&call->heads);
    for (size_t i = 0; i < count; i++) {
        size_t before = call->heads.len;
        record_encode_head(call->lane->entrance->event, items[i], &call->heads);
        heads[i].len = call->heads.len - before;
    }
    const char *at = call->heads.ptr; /* it moves while it grows, so only now */
    for (size_t i = 0; i < count; at += heads[i++].len)
        heads[i].ptr = at;
    struct column column = column_bytes(&call->arena, heads, count);
    param_column(&call->params, &column);
}

static void bind(struct call *call)
{
    const struct entrance *entrance = call->lane->entrance;
    const struct ref *refs = &call->refs[call->part.from];
    size_t count = call->part.count;
    arena_reset(&call->arena);
    call->params.count = 0;
    const void **items = ARENA_ARRAY(&call->arena, count, const void *);
    for (size_t i = 0; i < count; i++)
        items[i] = item_of(&refs[i]);
    bind_callers(call, refs, count);
    param_date(&call->params, date_today());
    param_records(&call->params, entrance->columns, items, count, &call->arena);
    if (entrance->event)
        bind_heads(call, items, count);
}

/* ---- Outcomes ---- */

static uint8_t outcome_find(const struct entrance *entrance, struct str name)
{
    for (uint8_t i = 0; entrance->outcomes[i]; i++)
        if (str_equal(str_from(entrance->outcomes[i]), name))
            return i + 1;
    ensure(!"an outcome of the entrance");
    return 0;
}

static bool is_retriable(struct str code)
{
    struct str end = STR("_unknown");
    return code.len > end.len && memcmp(code.ptr + code.len - end.len, end.ptr, end.len) == 0;
}

/* A row of the statement's result: what did not simply go well. */
static void row_take(const struct call *call, const struct result *result, size_t row,
                     uint8_t *outcomes)
{
    int32_t item = result_int(result, row, ROW_ITEM);
    ensure(item >= 1 && (size_t)item <= call->part.count);
    const struct ref *ref = &call->refs[call->part.from + (size_t)item - 1];
    struct arena *arena = &ref->waiter->request->arena;
    struct str code = str_copy(arena, result_str(result, row, ROW_CODE));
    struct str pointer = str_copy(arena, result_str(result, row, ROW_POINTER));
    struct uuid other = result_uuid(result, row, ROW_OTHER);
    outcomes[item - 1] = outcome_find(call->lane->entrance, result_str(result, row, ROW_OUTCOME));
    if (!str_present(code))
        ref->waiter->fates[ref->index].canonical = other;
    else
        waiter_find(ref->waiter, ref->index,
                    &(struct finding){.pointer = pointer.ptr ? pointer.ptr : "",
                                      .code = code.ptr,
                                      .existing = other,
                                      .retriable = is_retriable(code)});
}

static void ref_settle(struct call *call, const struct ref *ref, uint8_t outcome)
{
    struct gather *gather = call->gather;
    struct waiter *waiter = ref->waiter;
    waiter_settle(waiter, ref->index, outcome);
    twins_release(call->lane, ref->twins);
    if (waiter->open > 0)
        return;
    waiter->behind = gather->finished;
    gather->finished = waiter;
}

static void part_succeeded(struct call *call, const struct result *result)
{
    uint8_t *outcomes = arena_alloc(&call->arena, call->part.count);
    memset(outcomes, 1, call->part.count);
    for (size_t row = 0; row < result_rows(result); row++)
        row_take(call, result, row, outcomes);
    for (size_t i = 0; i < call->part.count; i++) {
        const struct ref *ref = &call->refs[call->part.from + i];
        ref->waiter->decided++;
        ref_settle(call, ref, outcomes[i]);
    }
    for (const char *const *role = call->lane->entrance->pokes; role && *role && !call->lane->dry;
         role++)
        process_poke(call->gather->process, *role);
}

static void part_failed(struct call *call, enum error code, const struct err *err)
{
    log_line(LOG_ERROR, "batch failed", LOG_TEXT("entrance", call->lane->entrance->name),
             LOG_TEXT("code", error_info(code)->name), LOG_TEXT("error", err->text),
             LOG_NUMBER("items", (int64_t)call->part.count));
    for (size_t i = 0; i < call->part.count; i++) {
        const struct ref *ref = &call->refs[call->part.from + i];
        ref->waiter->failure = code;
        waiter_find(ref->waiter, ref->index,
                    &(struct finding){.pointer = "",
                                      .code = error_info(code)->name,
                                      .retriable = error_info(code)->retriable});
        ref_settle(call, ref, call->lane->rejected);
    }
}

/* ---- Making the call ---- */

static void part_done(void *context, const struct result *result, enum error code,
                      const struct err *err);

static void part_send(struct call *call)
{
    call->sent = true;
    call->sent_us = clock_monotonic();
    metric_add(&gather_calls, 1);
    db_async_exec(call->gather->process->write, call->lane->statement, &call->params, part_done,
                  call);
}

static void part_next(struct call *call)
{
    if (call->part_count == 0) {
        call_ended(call->gather);
        return;
    }
    call->part = call->parts[--call->part_count];
    call->repeats = 0;
    call->unknown = false;
    bind(call);
    part_send(call);
}

static void part_halve(struct call *call)
{
    size_t half = call->part.count / 2;
    call->splits++;
    call->parts[call->part_count++] =
        (struct range){call->part.from + half, call->part.count - half};
    call->parts[call->part_count++] = (struct range){call->part.from, half};
    part_next(call);
}

void call_repeat(void *context)
{
    struct gather *gather = context;
    metric_add(&gather_repeats, 1);
    part_send(gather->call);
}

static bool is_lost(enum error code)
{
    return code == ERROR_UNAVAILABLE || code == ERROR_UNKNOWN;
}

/* What an item is told that no call could decide. */
static enum error final_error(const struct call *call, enum error code)
{
    if (call->unknown)
        return ERROR_UNKNOWN;
    return error_info(code)->retriable ? ERROR_UNAVAILABLE : ERROR_INTERNAL;
}

static void part_decide(struct call *call, enum error code, const struct err *err)
{
    bool patient = clock_monotonic() - call->begun_us < GATHER_PATIENCE_US;
    if (is_lost(code) && patient)
        loop_timer_set(call->gather->pause, GATHER_PAUSE_MS);
    else if (code == ERROR_SERIALIZE && call->repeats++ < GATHER_REPEATS)
        call_repeat(call->gather);
    else if (!error_info(code)->retriable && call->part.count > 1 && call->splits < GATHER_SPLITS)
        part_halve(call);
    else {
        part_failed(call, final_error(call, code), err);
        part_next(call);
    }
}

static void measure(struct call *call)
{
    int64_t us = clock_monotonic() - call->sent_us;
    struct gather *gather = call->gather;
    metric_add(&gather_call_time, us);
    gather->call_us += (us - gather->call_us) / 4;
}

static void part_done(void *context, const struct result *result, enum error code,
                      const struct err *err)
{
    struct call *call = context;
    call->sent = false;
    if (!call->gather) {
        call_free(call);
        return;
    }
    call->unknown = call->unknown || code == ERROR_UNKNOWN;
    if (code) {
        part_decide(call, code, err);
        return;
    }
    measure(call);
    part_succeeded(call, result);
    part_next(call);
}

void call_begin(struct gather *gather, struct lane *lane)
{
    struct call *call = gather->call;
    gather->busy = true;
    call->lane = lane;
    call->count = call->bytes = 0;
    call->splits = 0;
    call->begun_us = clock_monotonic();
    take_twins(call);
    take_callers(call);
    part_twins(call);
    call->parts[0] = (struct range){0, call->count};
    call->part_count = 1;
    part_next(call);
}

void call_free(struct call *call)
{
    arena_done(&call->arena);
    buf_done(&call->heads);
    free(call);
}
