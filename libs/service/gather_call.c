/* One call to PostgreSQL: taken from the lines in turn, each id named once a round, bound, made,
 * made again, cut in halves, and its rows given to the requests they belong to. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "service/gather_internal.h"

enum { ROW_ITEM, ROW_OUTCOME, ROW_CODE, ROW_POINTER, ROW_OTHER };

static const void *item_at(const struct waiter *waiter, size_t index)
{
    return (const char *)waiter->batch.items + index * waiter->lane->entrance->record->size;
}

/* ---- Each id named once a round ---- */

/* Where it is, or the free slot for it. */
static struct name *name_find(struct call *call, const struct uuid *id)
{
    uint64_t words[2];
    memcpy(words, id->bytes, sizeof words);
    size_t slot = (words[0] * call->salt[0] + words[1] * call->salt[1]) >> 49; /* 15 bits */
    while (call->names[slot].call == call->number && !uuid_equal(&call->names[slot].id, id))
        slot = (slot + 1) % GATHER_NAME_SLOTS;
    return &call->names[slot];
}
_Static_assert(GATHER_NAME_SLOTS == 1 << 15, "as many as name_find has bits for");
_Static_assert((GATHER_NAMES + 1) * GATHER_DRY_ITEMS < GATHER_NAME_SLOTS, "there is a free slot");

/* The first round of an item that is this one, or names it. */
static uint32_t name_next(struct call *call, const struct uuid *id, bool names)
{
    const struct name *name = name_find(call, id);
    if (name->call != call->number)
        return 0;
    return names ? name->named : name->next;
}

/* The ids that the next item of a request is or names; nil ones are none. */
static size_t next_names(const struct waiter *waiter, const struct uuid *names[GATHER_NAMES])
{
    const struct entrance *entrance = waiter->lane->entrance;
    const char *item = item_at(waiter, waiter->next);
    size_t count = 0;
    names[count++] = (const struct uuid *)(item + entrance->id_offset);
    for (size_t i = 0; i < entrance->names.count; i++) {
        const struct uuid *name = (const struct uuid *)(item + entrance->names.items[i]);
        if (uuid_present(name))
            names[count++] = name;
    }
    return count;
}

/* The first round that the next item of a request may be of. */
static uint32_t next_round(struct call *call, const struct waiter *waiter)
{
    const struct uuid *names[GATHER_NAMES];
    size_t count = next_names(waiter, names);
    uint32_t round = 0;
    if (!call->lane->entrance->names_suffice && waiter->taken_by == call->number)
        round = waiter->last;
    for (size_t i = 0; i < count; i++)
        round = MAX_OF(round, name_next(call, names[i], i > 0));
    return round;
}

static void take_next(struct call *call, struct waiter *waiter, uint32_t round)
{
    const struct uuid *names[GATHER_NAMES];
    size_t count = next_names(waiter, names);
    /* Those that name none come first in a round: behind one there is still room in it. */
    bool first = call->lane->entrance->names_suffice && count == 1;
    for (size_t i = 0; i < count; i++)
        *name_find(call, names[i]) =
            (struct name){*names[i], call->number, .next = round + 1, .named = round + !first};
    call->refs[call->count] =
        (struct ref){waiter, (uint32_t)waiter->next, (uint32_t)call->count, round};
    call->count++;
    waiter->next++;
    waiter->taken_by = call->number;
    waiter->last = round;
    call->bytes += waiter->item_bytes;
    call->rounds = MAX_OF(call->rounds, round + 1);
}

/* Round by round, each in the order in which its items were taken. */
static void sort_rounds(struct call *call)
{
    if (call->rounds == 1)
        return;
    arena_reset(&call->arena);
    struct ref *sorted = ARENA_ARRAY(&call->arena, call->count, struct ref);
    size_t *ends = ARENA_ARRAY(&call->arena, call->rounds + 1, size_t); /* of the round before */
    for (size_t i = 0; i < call->count; i++)
        ends[call->refs[i].round + 1]++;
    for (size_t round = 1; round <= call->rounds; round++)
        ends[round] += ends[round - 1];
    for (size_t i = 0; i < call->count; i++)
        sorted[ends[call->refs[i].round]++] = call->refs[i];
    memcpy(call->refs, sorted, call->count * sizeof *sorted);
}

/* ---- Taking ---- */

static bool has_room(const struct call *call)
{
    return call->count < GATHER_CALL_ITEMS && call->bytes < GATHER_CALL_BYTES;
}

static void skip_bad(struct waiter *waiter)
{
    while (waiter->next < waiter->batch.count && waiter->batch.bad[waiter->next])
        waiter->next++;
}

/* Takes good items of a request until the call holds `most`; true where none is left. */
static bool take_items(struct call *call, struct waiter *waiter, size_t most)
{
    for (skip_bad(waiter); waiter->next < waiter->batch.count; skip_bad(waiter)) {
        uint32_t round = next_round(call, waiter);
        if (call->count == most || !has_room(call) || round >= GATHER_ROUNDS)
            return false;
        take_next(call, waiter, round);
    }
    return true;
}

/* All its items go with this call. */
static void caller_drop(struct caller *caller, struct waiter **place)
{
    struct waiter *waiter = *place;
    *place = waiter->behind;
    if (caller->end == &waiter->behind)
        caller->end = place;
    caller->bytes -= waiter->bytes;
    waiter->behind = NULL;
}

/* One turn of a caller, from its requests in the order they came. One that needs too many rounds
 * does not keep those behind it waiting: order is promised within a request. True where
 * the caller may have another turn. */
static bool take_turn(struct call *call, struct caller *caller)
{
    size_t before = call->count, most = before + GATHER_TURN_ITEMS;
    struct waiter **place = &caller->first;
    while (*place && call->count < most && has_room(call)) {
        if (take_items(call, *place, most))
            caller_drop(caller, place);
        else
            place = &(*place)->behind;
    }
    caller->items -= call->count - before;
    return call->count == most;
}

void line_add(struct line *line, struct caller *caller)
{
    caller->behind = NULL;
    if (line->last)
        line->last->behind = caller;
    else
        line->first = caller;
    line->last = caller;
}

struct caller *line_take(struct line *line)
{
    struct caller *caller = line->first;
    line->first = caller->behind;
    if (!line->first)
        line->last = NULL;
    return caller;
}

/* Dry, a request goes alone and whole: its items find what those before them would have done, and
 * nobody else does. */
static void take_request(struct call *call)
{
    struct line *line = &call->lane->line;
    struct caller *caller = line_take(line);
    struct waiter *waiter = caller->first;
    for (skip_bad(waiter); waiter->next < waiter->batch.count; skip_bad(waiter))
        take_next(call, waiter, next_round(call, waiter));
    caller_drop(caller, &caller->first);
    caller->items -= call->count;
    if (caller->first)
        line_add(line, caller);
    else
        free(caller);
}

/* In turn; who has nothing left but what has to wait for a later call stands in front then. */
static void take_callers(struct call *call)
{
    struct line *line = &call->lane->line, waiting = {0};
    while (line->first && has_room(call)) {
        struct caller *caller = line_take(line);
        bool again = take_turn(call, caller);
        if (caller->first)
            line_add(again ? line : &waiting, caller);
        else
            free(caller);
    }
    while (line->first)
        line_add(&waiting, line_take(line));
    *line = waiting;
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
    if (waiter->in_part != number) {
        waiter->in_part = number;
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

static struct callers bind_callers(struct call *call, const struct ref *refs, size_t count)
{
    int32_t *indexes = ARENA_ARRAY(&call->arena, count, int32_t);
    struct callers callers = {ARENA_ARRAY(&call->arena, count, const struct principal *), 0, 0};
    uint64_t number = ++call->gather->part_number;
    for (size_t i = 0; i < count; i++)
        indexes[i] = waiter_caller(refs[i].waiter, &callers, number);
    struct column column = column_ints(&call->arena, indexes, count);
    param_column(&call->params, &column);
    bind_pairs(call, &callers);
    return callers;
}

static void bind_officers(struct call *call, const struct callers *callers)
{
    struct uuid *ids = ARENA_ARRAY(&call->arena, callers->count, struct uuid);
    for (size_t i = 0; i < callers->count; i++)
        if (callers->items[i] && callers->items[i]->kind == PRINCIPAL_ACCOUNT)
            ids[i] = callers->items[i]->id;
    struct column column = column_uuids(&call->arena, ids, callers->count);
    param_column(&call->params, &column);
}

static void bind_heads(struct call *call, const void *const *items, size_t count)
{
    const struct entrance *entrance = call->lane->entrance;
    struct str *heads = ARENA_ARRAY(&call->arena, count, struct str);
    buf_reset(&call->heads);
    for (size_t i = 0; i < count; i++) {
        size_t before = call->heads.len;
        record_encode_head(entrance->event_of ? entrance->event_of(items[i]) : entrance->event,
                           items[i], &call->heads);
        heads[i].len = call->heads.len - before;
    }
    const char *at = call->heads.ptr; /* it moves while it grows, so only now */
    for (size_t i = 0; i < count; at += heads[i++].len)
        heads[i].ptr = at;
    struct column column = column_bytes(&call->arena, heads, count);
    param_column(&call->params, &column);
}

/* The last item of each round, and where each item stood. */
static void bind_rounds(struct call *call, const struct ref *refs, size_t count)
{
    int32_t *ends = ARENA_ARRAY(&call->arena, count, int32_t);
    int32_t *places = ARENA_ARRAY(&call->arena, count, int32_t);
    size_t rounds = 0;
    for (size_t i = 0; i < count; i++) {
        places[i] = (int32_t)refs[i].place;
        if (i + 1 == count || refs[i + 1].round != refs[i].round)
            ends[rounds++] = (int32_t)i + 1;
    }
    struct column column = column_ints(&call->arena, ends, rounds);
    param_column(&call->params, &column);
    column = column_ints(&call->arena, places, count);
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
        items[i] = item_at(refs[i].waiter, refs[i].index);
    struct callers callers = bind_callers(call, refs, count);
    param_date(&call->params, date_today());
    param_records(&call->params, entrance->columns, items, count, &call->arena);
    if (entrance->event)
        bind_heads(call, items, count);
    if (entrance->tells_officers)
        bind_officers(call, &callers);
    bind_rounds(call, refs, count);
    call->statement = call->lane->dry ? entrance->dry : entrance->statement;
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
    db_async_exec(call->gather->process->write, call->statement, &call->params, part_done, call);
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

static bool is_race(enum error code)
{
    return code == ERROR_SERIALIZE || code == ERROR_DUPLICATE;
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
    else if (is_race(code) && call->repeats++ < GATHER_REPEATS)
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
    call->number++;
    call->rounds = 0;
    if (lane->dry)
        take_request(call);
    else
        take_callers(call);
    sort_rounds(call);
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
