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
    LOSE_ONE_OF = 23,   /* batches are not listened to: the connection goes when all is sent */
    BAD_ONE_OF = 500,   /* items */
    TOLD_WRONGS = 20,   /* in the log */
    HEALING_TRIES = 20, /* for "learner_unknown" and the like */
    DRAIN_US = 30 * 1000 * 1000,
    BEHIND_MOST_US = 1000 * 1000, /* what was missed for longer is not made up for */
    WAIT_MS = 20,
    AGAIN_MS = 500,
    SLOW_US = 1000 * 1000, /* of an answer */
    FIRST_WINDOW = 4
};

/* ---- Kinds of items ---- */

struct kind {
    const char *name, *path;
    const struct record *record;
    size_t (*make)(struct day *day, void *items, size_t count, struct arena *arena);
    void (*write)(struct ledger *ledger, const void *item);
    void (*accepted)(struct day *day, const void *item);
    const char *(*spoil)(struct day *day, void *item, struct arena *arena); /* or NULL */
};

static size_t make_registers(struct day *day, void *items, size_t count, struct arena *arena)
{
    return day_registers(day, items, count, arena);
}

static size_t make_marks(struct day *day, void *items, size_t count, struct arena *arena)
{
    (void)arena;
    return day_marks(day, items, count);
}

static const char *spoil_mark(struct day *day, void *item, struct arena *arena)
{
    (void)arena;
    return day_bad_mark(day, item);
}

static const char *spoil_register(struct day *day, void *item, struct arena *arena)
{
    return day_bad_register(day, item, arena);
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
    return day_absence_changes(day, items, count, arena);
}

static void write_absence_change(struct ledger *ledger, const void *item)
{
    ledger_absence_change(ledger, item);
}

static void accepted_absence_change(struct day *day, const void *item)
{
    day_absence_change_accepted(day, item);
}

enum { MARKS, REGISTERS, ABSENCE_CHANGES, KINDS };

static const struct kind kinds[KINDS] = {
    [MARKS] = {"marks", "/v1/marks", &mark_item, make_marks, write_mark, accepted_mark, spoil_mark},
    [REGISTERS] = {"registers", "/v1/registers", &register_item, make_registers, write_register,
                   accepted_register, spoil_register},
    [ABSENCE_CHANGES] = {"absence-changes", "/v1/absence-changes", &absence_change_item,
                         make_absence_changes, write_absence_change, accepted_absence_change, NULL},
};

/* The day's mixture (pace.h): of ten batches one is of registers, while there are lessons without
 * one, at a quarter's end of 27; of a hundred one re-codes absences. */
static const struct kind *kind_of(int64_t number, bool quarter_end)
{
    if (number % 100 == 8)
        return &kinds[ABSENCE_CHANGES];
    return &kinds[number % (quarter_end ? 27 : 10) == 0 ? REGISTERS : MARKS];
}

/* ---- Parcels: a batch on its way ---- */

enum fate { FATE_OPEN, FATE_ACCEPTED, FATE_REJECTED };

enum stage { STAGE_FREE, STAGE_WAITING, STAGE_SENT };

struct parcel {
    enum stage stage;
    const struct kind *kind;
    struct arena arena;
    void *items;
    enum fate *fates;
    size_t count, bad; /* bad: which one, with `code`; `count`: none */
    const char *code;
    struct call call;
    bool msgpack;
    bool lose;  /* its answer, once */
    bool again; /* on purpose, everything was answered */
    bool torn;  /* some of it was unavailable: what hung on that may have been refused */
    int tries;  /* that were answered with outcomes */
    int64_t due_us, send_at_us, sent_us;
};

struct run {
    const struct sender *sender;
    struct totals *totals;
    struct parcel parcels[SENDER_BATCHES];
    int64_t started_us, due_us, stop_us; /* stop_us: 0 while it runs */
    int64_t number;                      /* of batches made */
    int64_t made[KINDS];                 /* of them */
    int64_t settled;                     /* of them */
    size_t sent;                         /* batches on the wire, at most `window`: */
    double window; /* one more a round, one less for a slow answer, half where one is refused */
    int64_t pause_until_us;                /* the system asked for it */
    uint32_t lags[SENDER_LAG_MOST_MS + 1]; /* how many took so many milliseconds */
    struct progress progress;
    struct arena arena; /* of an answer */
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

/* Now and then one more, which must be refused and take none of the others with it: the last. */
static void parcel_spoil(struct parcel *parcel, struct day *day)
{
    parcel->bad = parcel->count;
    if (!parcel->kind->spoil || day_random(day, BAD_ONE_OF) >= parcel->count)
        return;
    void *item = (char *)parcel->items + parcel->count * parcel->kind->record->size;
    parcel->code = parcel->kind->spoil(day, item, &parcel->arena);
    parcel->count += parcel->code != NULL;
}

/* With no items where all classes wait for something. */
static void parcel_fill(struct run *run, struct parcel *parcel, size_t count)
{
    enum { MORE = 2 }; /* a group, and a bad one */
    struct day *day = run->sender->day;
    size_t largest = MAX_OF(sizeof(struct mark), sizeof(struct lesson_register));
    parcel->items = arena_array(&parcel->arena, count + MORE, largest);
    parcel->kind = kind_of(run->number++, day->quarter_end);
    parcel->count = parcel->kind->make(day, parcel->items, count, &parcel->arena);
    if (!parcel->count) {
        parcel->kind = &kinds[MARKS];
        parcel->count = make_marks(day, parcel->items, count, &parcel->arena);
    }
    parcel_spoil(parcel, day);
    parcel->fates = ARENA_ARRAY(&parcel->arena, parcel->count, enum fate);
    parcel->msgpack = run->made[parcel->kind - kinds]++ % 2;
    parcel->lose = run->number % LOSE_ONE_OF == LOSE_ONE_OF / 2;
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
    parcel->sent_us = clock_monotonic();
    parcel->call.deaf = parcel->lose;
    parcel->lose = false;
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

/* Never right, whatever the system lived through. */
static void take_wrong(struct run *run, const struct parcel *parcel, size_t index, const char *what,
                       struct str code)
{
    char id[UUID_TEXT_LEN + 1];
    if (run->totals->wrong++ < TOLD_WRONGS)
        log_line(LOG_ERROR, what, LOG_TEXT("of", parcel->kind->name),
                 LOG_TEXT("id", uuid_format(id_at(parcel, index), id)), LOG_STR("code", code));
}

static void item_accept(struct run *run, struct parcel *parcel, size_t index, bool duplicate)
{
    if (index == parcel->bad)
        take_wrong(run, parcel, index, "a bad item was accepted", str_from(parcel->code));
    if (parcel->again && parcel->fates[index] == FATE_ACCEPTED && !duplicate)
        take_wrong(run, parcel, index, "an accepted item was no duplicate when sent again",
                   (struct str){0});
    if (parcel->fates[index] != FATE_ACCEPTED) {
        ledger_accepted(run->sender->ledger, id_at(parcel, index));
        run->totals->accepted++;
        run->totals->rejected -= parcel->fates[index] == FATE_REJECTED;
        parcel->kind->accepted(run->sender->day, item_at(parcel, index));
    }
    parcel->fates[index] = FATE_ACCEPTED;
}

static void look_at_rejection(struct run *run, const struct parcel *parcel, size_t index,
                              struct str code)
{
    if (parcel->fates[index] == FATE_ACCEPTED)
        take_wrong(run, parcel, index, "an accepted item was refused when sent again", code);
    else if (!run->sender->alone || parcel->torn)
        return;
    else if (index != parcel->bad)
        take_wrong(run, parcel, index, "a good item was refused", code);
    else if (!str_equal(code, str_from(parcel->code)))
        take_wrong(run, parcel, index, "a bad item was refused for something else", code);
}

static void item_reject(struct run *run, struct parcel *parcel, size_t index, struct str code)
{
    look_at_rejection(run, parcel, index, code);
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
    else if (is_worth_a_try(parcel, result)) {
        parcel->torn = true;
        return false;
    } else
        item_reject(run, parcel, index, result->errors.count ? first->code : STR("-"));
    return true;
}

/* Outcomes of an answer 200. Returns whether every item is settled. */
static bool take_outcomes(struct run *run, struct parcel *parcel)
{
    struct problems problems = {.arena = &run->arena};
    struct body_error wrong;
    struct answer answer = {0};
    bool settled = true;
    arena_reset(&run->arena);
    if (!record_decode_json(&answer_record, buf_str(&parcel->call.answer), &run->arena, &answer,
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

/* What is sent as fast as it is accepted shall not wait for its own kind. */
static void adapt(struct run *run, const struct parcel *parcel)
{
    bool fast = pace_rate(&run->sender->pace, 0) == 0;
    if (fast && clock_monotonic() > parcel->sent_us + SLOW_US)
        run->window = fmax(run->window - 1, 1);
    else
        run->window = fmin(run->window + 1 / run->window, SENDER_BATCHES);
}

static void parcel_answered(struct run *run, struct parcel *parcel)
{
    long status = parcel->call.status;
    run->sent--;
    if (status == 429 || status == 503)
        obey(run, parcel);
    if (status == 200)
        adapt(run, parcel);
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
static size_t batch_items(const struct sender *sender, double rate)
{
    if (sender->batch)
        return MIN_OF((size_t)sender->batch, (size_t)BATCH_MOST_ITEMS);
    double items = ceil(rate / BATCHES_A_SECOND);
    return rate == 0 ? BATCH_MOST_ITEMS : (size_t)fmin(fmax(items, 1), BATCH_MOST_ITEMS);
}

static enum error start_batch(struct run *run, struct parcel *parcel, double rate)
{
    size_t items = batch_items(run->sender, rate);
    *parcel = (struct parcel){.arena = parcel->arena, .call = parcel->call, .due_us = run->due_us};
    parcel_fill(run, parcel, items);
    if (rate > 0)
        run->due_us += (int64_t)((double)items * 1e6 / rate);
    if (!parcel->count) {
        parcel_free(parcel);
        return ERROR_NONE;
    }
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
    day_turn(day, today);
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
        if (run->sender->office)
            office_work(run->sender->office, run->sender->day->today, run->stop_us);
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
            api_cancel(run->sender->api, &parcel->call);
        call_done(&parcel->call);
        arena_done(&parcel->arena);
    }
    arena_done(&run->arena);
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
