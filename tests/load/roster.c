#include "roster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "base/clock.h"
#include "base/log.h"

enum {
    LANES = 8,
    LANE_SCHOOLS = 3,        /* a call costs by itself what some hundred records do */
    BATCH_MOST_ITEMS = 2000, /* some 700 KB of people */
    WAIT_MS = 20,
    AGAIN_MS = 500,
    HEALING_TRIES = 20, /* of a batch with "class_unknown" and the like */
    SHOWN_EACH_US = 2 * 1000 * 1000,
    TOLD_EACH_US = 10 * 1000 * 1000
};

/* ---- What is loaded of some schools, in this order ---- */

struct step {
    const char *path;
    const struct record *record;
    struct list (*make)(const struct country *country, const struct country_school *school,
                        struct arena *arena);
};

static const struct step steps[] = {
    {"/v1/classes?results=problems", &class_item, country_classes},
    {"/v1/people?results=problems", &person_item, country_people},
    {"/v1/enrolments?results=problems", &enrolment_item, country_enrolments},
    {"/v1/assignments?results=problems", &assignment_item, country_assignments},
    {"/v1/guardians?results=problems", &guardian_item, country_guardians},
};

static struct list make_bodies(const struct country *country, const struct country_school *school,
                               struct arena *arena)
{
    (void)school;
    return country_bodies(country, arena);
}

static struct list make_schools(const struct country *country, const struct country_school *school,
                                struct arena *arena)
{
    (void)school;
    return country_schools(country, arena);
}

/* Before all schools: a phase each. */
static const struct step bodies = {"/v1/organisations?results=problems", &organisation_item,
                                   make_bodies};
static const struct step schools = {"/v1/organisations?results=problems", &organisation_item,
                                    make_schools};

/* ---- Lanes: some schools at a time, one batch under way ---- */

struct lane {
    const struct step *steps;
    size_t steps_count, step;
    const struct country_school *schools;
    size_t schools_count;
    struct arena arena; /* of the step's records */
    struct list items;
    size_t from, count; /* of the batch */
    struct call call;
    int tries; /* of this batch that were answered with outcomes */
    bool open, sent;
    int64_t send_at_us;
};

struct run {
    struct roster *roster;
    struct lane lanes[LANES];
    size_t next_school, finished; /* schools */
    int64_t started_us, told_us;
    struct err *err;
};

static const void *item_at(const struct lane *lane, size_t index)
{
    return (const char *)lane->items.items + index * lane->steps[lane->step].record->size;
}

static void encode(struct lane *lane)
{
    struct buf *body = &lane->call.body;
    buf_reset(body);
    buf_add_u8(body, 0xDC); /* array 16 */
    buf_add_u16(body, (uint16_t)lane->count);
    for (size_t i = 0; i < lane->count; i++)
        record_encode_value(lane->steps[lane->step].record, item_at(lane, lane->from + i), body);
}

static void lane_send(struct run *run, struct lane *lane)
{
    lane->sent = true;
    api_post(run->roster->api, &lane->call, lane->steps[lane->step].path,
             "application/vnd.msgpack");
}

static void list_append(struct list *list, const struct list *more, size_t size,
                        struct arena *arena)
{
    char *items = arena_alloc(arena, (list->count + more->count) * size);
    if (list->count)
        memcpy(items, list->items, list->count * size);
    if (more->count)
        memcpy(items + list->count * size, more->items, more->count * size);
    *list = (struct list){items, list->count + more->count};
}

static void step_begin(struct run *run, struct lane *lane)
{
    const struct step *step = &lane->steps[lane->step];
    arena_reset(&lane->arena);
    lane->items = (struct list){0};
    for (size_t i = 0; i < lane->schools_count; i++) {
        struct list some = step->make(run->roster->country, &lane->schools[i], &lane->arena);
        list_append(&lane->items, &some, step->record->size, &lane->arena);
    }
    lane->from = lane->count = 0;
}

/* The next batch, of this step or the next one; false where there is none. */
static bool lane_advance(struct run *run, struct lane *lane)
{
    lane->tries = 0;
    lane->from += lane->count;
    while (lane->from == lane->items.count) {
        if (++lane->step == lane->steps_count)
            return false;
        step_begin(run, lane);
    }
    lane->count = MIN_OF(lane->items.count - lane->from, (size_t)BATCH_MOST_ITEMS);
    encode(lane);
    lane_send(run, lane);
    return true;
}

static void lane_open(struct run *run, struct lane *lane, const struct step *of, size_t count)
{
    lane->steps = of;
    lane->steps_count = count;
    lane->step = 0;
    step_begin(run, lane);
    lane->open = lane_advance(run, lane);
}

/* ---- Answers ---- */

static void log_rejected(const struct lane *lane, const struct answer *answer)
{
    const struct result *result = answer->results.items;
    const struct finding *first = answer->results.count ? result->errors.items : NULL;
    log_line(LOG_ERROR, "records were rejected", LOG_TEXT("path", lane->steps[lane->step].path),
             LOG_NUMBER("count", answer->rejected), LOG_STR("code", first ? first->code : STR("-")),
             LOG_STR("pointer", first ? first->pointer : STR("-")));
}

static bool read_answer(const struct lane *lane, struct arena *arena, struct answer *answer)
{
    struct problems problems = {.arena = arena};
    struct body_error wrong;
    return record_decode_json(&answer_record, buf_str(&lane->call.answer), arena, answer, &problems,
                              &wrong);
}

static void send_again(struct run *run, struct lane *lane)
{
    lane->sent = false;
    lane->send_at_us =
        clock_monotonic() + MAX_OF(lane->call.retry_after_ms, (int64_t)AGAIN_MS) * 1000;
    run->roster->retried++;
}

static void take_outcomes(struct run *run, struct lane *lane, const struct answer *answer)
{
    run->roster->written += answer->created + answer->updated;
    run->roster->kept += answer->unchanged + answer->matched;
    run->roster->rejected += answer->rejected;
    if (answer->rejected)
        log_rejected(lane, answer);
    lane->open = lane_advance(run, lane);
    if (!lane->open && lane->steps == steps)
        run->finished += lane->schools_count;
}

static enum error lane_answered(struct run *run, struct lane *lane)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct answer answer = {0};
    long status = lane->call.status;
    bool refused = status >= 400 && status < 500;
    if (status == 401)
        api_renew(run->roster->api);
    else if (refused && status != 408 && status != 429)
        return err_set(run->err, ERROR_INVALID, "%s: HTTP %ld: %.*s", lane->steps[lane->step].path,
                       status, STR_ARG(buf_str(&lane->call.answer)));
    if (status != 200 || !read_answer(lane, &arena, &answer) ||
        (answer_may_heal(&answer) && ++lane->tries < HEALING_TRIES))
        send_again(run, lane);
    else
        take_outcomes(run, lane, &answer);
    return ERROR_NONE;
}

/* ---- The run ---- */

/* A lane without work takes the next schools, where schools are the phase. */
static void lane_fill(struct run *run, struct lane *lane)
{
    const struct country *country = run->roster->country;
    size_t left = country->school_count - run->next_school;
    if (left == 0)
        return;
    lane->schools = &country->schools[run->next_school];
    lane->schools_count = MIN_OF(left, (size_t)LANE_SCHOOLS);
    run->next_school += lane->schools_count;
    lane_open(run, lane, steps, COUNT_OF(steps));
}

static enum error lanes_work(struct run *run, bool by_school, size_t *open)
{
    *open = 0;
    for (size_t i = 0; i < LANES; i++) {
        struct lane *lane = &run->lanes[i];
        if (lane->open && lane->sent && lane->call.done && lane_answered(run, lane))
            return run->err->code;
        if (lane->open && !lane->sent && lane->send_at_us <= clock_monotonic())
            lane_send(run, lane);
        if (!lane->open && by_school)
            lane_fill(run, lane);
        *open += lane->open;
    }
    return ERROR_NONE;
}

static void show(const struct roster *roster, int64_t finished, int64_t seconds_left)
{
    char left[32] = "begins";
    if (finished)
        snprintf(left, sizeof left, "%lld:%02lld left", (long long)seconds_left / 60,
                 (long long)seconds_left % 60);
    fprintf(stderr, "%13s  schools %lld of %zu  records %lld  rejected %lld  retried %lld\n", left,
            (long long)finished, roster->country->school_count,
            (long long)roster->written + (long long)roster->kept, (long long)roster->rejected,
            (long long)roster->retried);
}

static void tell(struct run *run)
{
    const struct roster *roster = run->roster;
    int64_t now = clock_monotonic(), finished = (int64_t)run->finished;
    if (now < run->told_us + (roster->shows ? SHOWN_EACH_US : TOLD_EACH_US))
        return;
    run->told_us = now;
    double seconds = (double)(now - run->started_us) / 1e6;
    double all = (double)roster->country->school_count / (double)MAX_OF(finished, 1);
    int64_t seconds_left = (int64_t)(seconds * (all - 1));
    if (roster->shows)
        show(roster, finished, seconds_left);
    else
        log_line(LOG_INFO, "loading", LOG_NUMBER("schools", finished),
                 LOG_NUMBER("of", (int64_t)roster->country->school_count),
                 LOG_NUMBER("records", roster->written + roster->kept),
                 LOG_NUMBER("rejected", roster->rejected), LOG_NUMBER("retried", roster->retried),
                 LOG_NUMBER("seconds_left", seconds_left));
}

static enum error run_phase(struct run *run, bool by_school)
{
    size_t open;
    do {
        if (lanes_work(run, by_school, &open))
            return run->err->code;
        api_wait(run->roster->api, WAIT_MS);
        tell(run);
    } while (open && !*run->roster->stopped);
    return ERROR_NONE;
}

static enum error run_phases(struct run *run)
{
    static const struct step *const first[] = {&bodies, &schools};
    for (size_t i = 0; i < COUNT_OF(first); i++) {
        run->lanes[0].schools = run->roster->country->schools; /* which are not asked for */
        run->lanes[0].schools_count = 1;
        lane_open(run, &run->lanes[0], first[i], 1);
        if (run_phase(run, false))
            return run->err->code;
    }
    return run_phase(run, true);
}

static void run_close(struct run *run)
{
    for (size_t i = 0; i < LANES; i++) {
        struct lane *lane = &run->lanes[i];
        if (lane->open && lane->sent && !lane->call.done)
            curl_multi_remove_handle(run->roster->api->multi, lane->call.easy);
        call_done(&lane->call);
        arena_done(&lane->arena);
    }
    run->roster->seconds = (double)(clock_monotonic() - run->started_us) / 1e6;
    free(run);
}

enum error roster_load(struct roster *roster, struct err *err)
{
    struct run *run = mem_alloc(sizeof *run);
    run->roster = roster;
    run->err = err;
    run->started_us = run->told_us = clock_monotonic();
    enum error code = run_phases(run);
    run_close(run);
    return code;
}
