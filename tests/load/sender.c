#include "sender.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "base/log.h"
#include "progress.h"

enum {
    BATCH_MOST_ITEMS = 500,
    BATCHES_A_SECOND = 4,
    REPEAT_ONE_OF = 19, /* batches are sent once more although they were answered, the first one
                           too; prime, so that each kind and each format comes by */
    HEALING_TRIES = 20, /* for "learner_unknown" and the like */
    DRAIN_US = 30 * 1000 * 1000,
    BEHIND_MOST_US = 1000 * 1000, /* what was missed for longer is not made up for */
    WAIT_MS = 20,
    AGAIN_MS = 500,
    FIRST_WINDOW = 4
};

/* ---- Kinds of items ---- */

struct kind {
    const char *path;
    const struct record *record;
    size_t (*make)(struct day *day, void *items, size_t count, struct arena *arena);
    void (*write)(struct ledger *ledger, const void *item);
    void (*accepted)(struct day *day, const void *item);
};

static size_t make_registers(struct day *day, void *items, size_t count, struct arena *arena)
{
    return day_registers(day, items, count, arena);
}

static size_t make_marks(struct day *day, void *items, size_t count, struct arena *arena)
{
    (void)arena;
    day_marks(day, items, count);
    return count;
}

static void write_mark(struct ledger *ledger, const void *item)
{
    ledger_mark(ledger, item);
}

static void write_register(struct ledger *ledger, const void *item)
{
    ledger_register(ledger, item);
}

static void accepted_mark(struct day *day, const void *item)
{
    day_mark_accepted(day, item);
}

static void accepted_register(struct day *day, const void *item)
{
    day_register_accepted(day, item);
}

static size_t make_absence_changes(struct day *day, void *items, size_t count, struct arena *arena)
{
    (void)arena;
    return day_absence_changes(day, items, count);
}

static void write_absence_change(struct ledger *ledger, const void *item)
{
    ledger_absence_change(ledger, item);
}

static void accepted_absence_change(struct day *day, const void *item)
{
    day_absence_change_accepted(day, item);
}

static const struct kind marks = {"/v1/marks", &mark_item, make_marks, write_mark, accepted_mark};
static const struct kind registers = {"/v1/registers", &register_item, make_registers,
                                      write_register, accepted_register};
static const struct kind absence_changes = {"/v1/absence-changes", &absence_change_item,
                                            make_absence_changes, write_absence_change,
                                            accepted_absence_change};

/* ---- Parcels: a batch on its way ---- */

enum fate { FATE_OPEN, FATE_ACCEPTED, FATE_REJECTED };

enum stage { STAGE_FREE, STAGE_WAITING, STAGE_SENT };

struct parcel {
    enum stage stage;
    const struct kind *kind;
    struct arena arena;
    void *items;
    enum fate *fates;
    size_t count;
    struct call call;
    bool msgpack, again; /* again: on purpose, everything was answered */
    int tries;           /* that were answered with outcomes */
    int64_t due_us, send_at_us;
};

struct run {
    const struct sender *sender;
    struct totals *totals;
    struct parcel parcels[SENDER_BATCHES];
    int64_t started_us, due_us, stop_us;   /* stop_us: 0 while it runs */
    int64_t number;                        /* of batches made */
    int64_t settled;                       /* of them */
    size_t sent;                           /* batches on the wire, at most `window`: */
    double window;                         /* one more a round, half of it when one is refused */
    int64_t pause_until_us;                /* the system asked for it */
    uint32_t lags[SENDER_LAG_MOST_MS + 1]; /* how many took so many milliseconds */
    struct progress progress;
    struct err *err;
};

static const void *item_at(const struct parcel *parcel, size_t index)
{
    return (const char *)parcel->items + index * parcel->kind->record->size;
}

/* All kinds begin with their id. */
static const struct uuid *id_at(const struct parcel *parcel, size_t index)
{
    return item_at(parcel, index);
}
_Static_assert(offsetof(struct mark, id) == 0 && offsetof(struct lesson_register, id) == 0 &&
                   offsetof(struct absence_change, id) == 0,
               "an item begins with its id");

static void encode_json(const struct parcel *parcel, struct buf *out)
{
    for (size_t i = 0; i < parcel->count; i++) {
        buf_add_char(out, i ? ',' : '[');
        record_encode_json(parcel->kind->record, item_at(parcel, i), out);
    }
    buf_add_char(out, ']');
}

static void encode_msgpack(const struct parcel *parcel, struct buf *out)
{
    buf_add_u8(out, 0xDC); /* array 16 */
    buf_add_u16(out, (uint16_t)parcel->count);
    for (size_t i = 0; i < parcel->count; i++)
        record_encode_value(parcel->kind->record, item_at(parcel, i), out);
}

/* Registers while there are lessons without one, a batch of them between two of marks; of twelve
 * batches one re-codes absences. */
static const struct kind *kind_of(int64_t number)
{
    if (number % 12 == 8)
        return &absence_changes;
    return number % 3 == 0 ? &registers : &marks;
}

static void parcel_fill(struct parcel *parcel, struct day *day, int64_t number, size_t count)
{
    size_t largest = MAX_OF(sizeof(struct mark), sizeof(struct lesson_register));
    parcel->items = arena_array(&parcel->arena, count, largest);
    parcel->kind = kind_of(number);
    parcel->count = parcel->kind->make(day, parcel->items, count, &parcel->arena);
    if (!parcel->count) {
        parcel->kind = &marks;
        parcel->count = make_marks(day, parcel->items, count, &parcel->arena);
    }
    parcel->fates = ARENA_ARRAY(&parcel->arena, parcel->count, enum fate);
    parcel->msgpack = number % 2;
    if (parcel->msgpack)
        encode_msgpack(parcel, &parcel->call.body);
    else
        encode_json(parcel, &parcel->call.body);
}

/* In the books before it is on the wire. */
static enum error parcel_write(const struct parcel *parcel, struct ledger *ledger, struct err *err)
{
    for (size_t i = 0; i < parcel->count; i++)
        parcel->kind->write(ledger, item_at(parcel, i));
    return ledger_flush(ledger, err);
}

static void parcel_send(struct run *run, struct parcel *parcel)
{
    parcel->stage = STAGE_SENT;
    run->sent++;
    api_post(run->sender->api, &parcel->call, parcel->kind->path,
             parcel->msgpack ? "application/vnd.msgpack" : "application/json");
}

static void parcel_send_later(struct parcel *parcel, int64_t ms)
{
    parcel->stage = STAGE_WAITING;
    parcel->send_at_us = clock_monotonic() + ms * 1000;
}

static void parcel_free(struct parcel *parcel)
{
    arena_reset(&parcel->arena);
    buf_reset(&parcel->call.body);
    parcel->stage = STAGE_FREE;
}

/* ---- Answers ---- */

static bool is_unknown(const struct finding *finding)
{
    return str_equal(finding->code, STR("outcome_unknown")) ||
           str_equal(finding->code, STR("unavailable"));
}

/* Whether time may heal it; what nobody knows is asked for until somebody does. */
static bool is_worth_a_try(const struct parcel *parcel, const struct result *result)
{
    const struct finding *findings = result->errors.items;
    for (size_t i = 0; i < result->errors.count; i++)
        if (is_unknown(&findings[i]) || (findings[i].retriable && parcel->tries < HEALING_TRIES))
            return true;
    return false;
}

static void item_accept(struct run *run, struct parcel *parcel, size_t index, bool duplicate)
{
    if (parcel->again && parcel->fates[index] == FATE_ACCEPTED && !duplicate)
        run->totals->broken++;
    if (parcel->fates[index] == FATE_OPEN) {
        ledger_accepted(run->sender->ledger, id_at(parcel, index));
        run->totals->accepted++;
        parcel->kind->accepted(run->sender->day, item_at(parcel, index));
    }
    parcel->fates[index] = FATE_ACCEPTED;
}

static void item_reject(struct run *run, struct parcel *parcel, size_t index, struct str code)
{
    if (parcel->fates[index] == FATE_ACCEPTED)
        run->totals->broken++;
    if (parcel->fates[index] == FATE_OPEN) {
        ledger_rejected(run->sender->ledger, id_at(parcel, index), code);
        run->totals->rejected++;
        parcel->fates[index] = FATE_REJECTED;
    }
}

/* Returns whether the item is settled. */
static bool take_result(struct run *run, struct parcel *parcel, const struct result *result)
{
    const struct finding *first = result->errors.items;
    size_t index = (size_t)result->index;
    if (index >= parcel->count)
        return false;
    if (str_equal(result->outcome, STR("created")))
        item_accept(run, parcel, index, false);
    else if (str_equal(result->outcome, STR("duplicate")))
        item_accept(run, parcel, index, true);
    else if (is_worth_a_try(parcel, result))
        return false;
    else
        item_reject(run, parcel, index, result->errors.count ? first->code : STR("-"));
    return true;
}

/* Outcomes of an answer 200. Returns whether every item is settled. */
static bool take_outcomes(struct run *run, struct parcel *parcel)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct problems problems = {.arena = &arena};
    struct body_error wrong;
    struct answer answer = {0};
    bool settled = true;
    if (!record_decode_json(&answer_record, buf_str(&parcel->call.answer), &arena, &answer,
                            &problems, &wrong))
        return false;
    parcel->tries++;
    const struct result *results = answer.results.items;
    for (size_t i = 0; i < answer.results.count; i++)
        settled &= take_result(run, parcel, &results[i]);
    return settled && answer.results.count == parcel->count;
}

/* The whole request was refused, and it would be again. */
static void take_refusal(struct run *run, struct parcel *parcel)
{
    log_line(LOG_ERROR, "a batch was refused", LOG_TEXT("path", parcel->kind->path),
             LOG_NUMBER("status", parcel->call.status));
    for (size_t i = 0; i < parcel->count; i++)
        item_reject(run, parcel, i, STR("refused"));
}

static void parcel_settled(struct run *run, struct parcel *parcel)
{
    if (!parcel->again) {
        int64_t lag_ms = (clock_monotonic() - parcel->due_us) / 1000;
        run->lags[MIN_OF(MAX_OF(lag_ms, 0), (int64_t)SENDER_LAG_MOST_MS)]++;
        run->progress.lag_ms = MAX_OF(run->progress.lag_ms, lag_ms);
        parcel->again = run->settled++ % REPEAT_ONE_OF == 0;
        run->totals->repeated += parcel->again;
        if (parcel->again) {
            parcel_send_later(parcel, AGAIN_MS);
            return;
        }
    }
    parcel_free(parcel);
}

static bool is_final_refusal(long status)
{
    return status >= 400 && status < 500 && status != 401 && status != 408 && status != 429;
}

/* 429 and 503: whatever else was to be sent waits, too. */
static void obey(struct run *run, const struct parcel *parcel)
{
    run->totals->refused++;
    run->window = fmax(run->window / 2, 1);
    run->pause_until_us =
        MAX_OF(run->pause_until_us, clock_monotonic() + parcel->call.retry_after_ms * 1000);
}

static void parcel_answered(struct run *run, struct parcel *parcel)
{
    long status = parcel->call.status;
    run->sent--;
    if (status == 429 || status == 503)
        obey(run, parcel);
    if (status == 200)
        run->window = fmin(run->window + 1 / run->window, SENDER_BATCHES);
    if (status == 401)
        api_renew(run->sender->api);
    if (is_final_refusal(status))
        take_refusal(run, parcel);
    if (is_final_refusal(status) || (status == 200 && take_outcomes(run, parcel))) {
        parcel_settled(run, parcel);
        return;
    }
    run->totals->retried++; /* the same ids */
    parcel_send_later(parcel, MAX_OF(parcel->call.retry_after_ms, (int64_t)AGAIN_MS));
}

/* ---- The run ---- */

static double seconds_since_start(const struct run *run)
{
    return (double)(clock_monotonic() - run->started_us) / 1e6;
}

/* `rate` 0: as fast as they are accepted. */
static size_t batch_items(double rate)
{
    double items = ceil(rate / BATCHES_A_SECOND);
    return rate == 0 ? BATCH_MOST_ITEMS : (size_t)fmin(fmax(items, 1), BATCH_MOST_ITEMS);
}

static enum error start_batch(struct run *run, struct parcel *parcel, double rate)
{
    size_t items = batch_items(rate);
    *parcel = (struct parcel){.arena = parcel->arena, .call = parcel->call, .due_us = run->due_us};
    parcel_fill(parcel, run->sender->day, run->number++, items);
    if (rate > 0)
        run->due_us += (int64_t)((double)items * 1e6 / rate);
    run->totals->batches++;
    if (parcel_write(parcel, run->sender->ledger, run->err))
        return run->err->code;
    parcel_send(run, parcel);
    return ERROR_NONE;
}

/* After midnight there are new lessons. */
static enum error turn_day(struct run *run)
{
    struct day *day = run->sender->day;
    struct date today = date_today();
    if (today.day == day->today.day)
        return ERROR_NONE;
    uint64_t random = day->random;
    const struct world *world = day->world;
    day_done(day);
    day_open(day, world, today, random);
    return ledger_read_taken(run->sender->ledger->path, day, run->err);
}

static bool may_send(const struct run *run)
{
    return (double)run->sent < run->window && clock_monotonic() >= run->pause_until_us;
}

static enum error start_due(struct run *run)
{
    int64_t now = clock_monotonic();
    double seconds = seconds_since_start(run), rate = pace_rate(&run->sender->pace, seconds);
    run->due_us = rate == 0 ? now : MAX_OF(run->due_us, now - BEHIND_MOST_US);
    if (turn_day(run))
        return run->err->code;
    day_begin_lessons(run->sender->day, pace_lessons(&run->sender->pace, seconds));
    for (size_t i = 0; i < SENDER_BATCHES && run->due_us <= now && may_send(run); i++)
        if (run->parcels[i].stage == STAGE_FREE && start_batch(run, &run->parcels[i], rate))
            return run->err->code;
    return ERROR_NONE;
}

/* Returns how many batches are not settled. */
static size_t work_batches(struct run *run)
{
    size_t open = 0;
    for (size_t i = 0; i < SENDER_BATCHES; i++) {
        struct parcel *parcel = &run->parcels[i];
        if (parcel->stage == STAGE_SENT && parcel->call.done)
            parcel_answered(run, parcel);
        else if (parcel->stage == STAGE_WAITING && parcel->send_at_us <= clock_monotonic() &&
                 may_send(run))
            parcel_send(run, parcel);
        open += parcel->stage != STAGE_FREE;
    }
    return open;
}

static bool is_stopping(struct run *run)
{
    int64_t now = clock_monotonic();
    int64_t end = run->started_us + run->sender->seconds * 1000000;
    if (!run->stop_us && (*run->sender->stopped || (run->sender->seconds && now >= end)))
        run->stop_us = now;
    return run->stop_us;
}

/* -1: until it is stopped. */
static int64_t seconds_left(const struct run *run)
{
    if (!run->sender->seconds && !run->stop_us)
        return -1;
    int64_t left = run->sender->seconds - (int64_t)seconds_since_start(run);
    return run->stop_us ? 0 : MAX_OF(left, 0);
}

static enum error run_loop(struct run *run)
{
    size_t open = 0;
    do {
        if (!is_stopping(run) && start_due(run))
            return run->err->code;
        api_wait(run->sender->api, WAIT_MS);
        open = work_batches(run);
        if (ledger_flush(run->sender->ledger, run->err))
            return run->err->code;
        progress_tell(&run->progress, run->totals, seconds_left(run));
    } while (!run->stop_us || (open && clock_monotonic() < run->stop_us + DRAIN_US));
    return ERROR_NONE;
}

static int64_t lag_p99(const struct run *run)
{
    int64_t all = 0, below = 0, ms = 0;
    for (size_t i = 0; i <= SENDER_LAG_MOST_MS; i++)
        all += run->lags[i];
    while (ms < SENDER_LAG_MOST_MS && (below += run->lags[ms]) * 100 < all * 99)
        ms++;
    return ms;
}

static void run_close(struct run *run)
{
    for (size_t i = 0; i < SENDER_BATCHES; i++) {
        struct parcel *parcel = &run->parcels[i];
        for (size_t j = 0; parcel->stage != STAGE_FREE && j < parcel->count; j++)
            run->totals->unknown += parcel->fates[j] == FATE_OPEN;
        if (parcel->stage == STAGE_SENT)
            curl_multi_remove_handle(run->sender->api->multi, parcel->call.easy);
        call_done(&parcel->call);
        arena_done(&parcel->arena);
    }
    run->totals->lag_p99_ms = lag_p99(run);
    run->totals->seconds =
        (double)((run->stop_us ? run->stop_us : clock_monotonic()) - run->started_us) / 1e6;
    free(run);
}

enum error sender_run(const struct sender *sender, struct totals *totals, struct err *err)
{
    struct run *run = mem_alloc(sizeof *run);
    *totals = (struct totals){0};
    run->sender = sender;
    run->totals = totals;
    run->err = err;
    run->window = FIRST_WINDOW;
    run->started_us = run->due_us = clock_monotonic();
    progress_open(&run->progress, sender->shows);
    enum error code = run_loop(run);
    run_close(run);
    return code;
}
