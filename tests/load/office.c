#include "office.h"

#include "answer.h"
#include "base/clock.h"
#include "base/log.h"
#include "contracts/marks.h"
#include "contracts/registers.h"

enum { BATCH_ITEMS = 500, AGAIN_MS = 200 };

/* ---- What is sent ---- */

struct ask {
    const char *path;
    const struct record *record;
};
static const struct ask asks[OFFICE_STEPS] = {
    [OFFICE_SUBSTITUTIONS] = {"/v1/assignments?results=problems", &assignment_item},
    [OFFICE_MOVES] = {"/v1/enrolments?results=problems", &enrolment_item},
    [OFFICE_ASK_GRADES] = {"/v1/marks?dry_run=1", &mark_item},
    [OFFICE_ASK_ATTENDANCE] = {"/v1/registers?dry_run=1", &register_item},
};

static void add_items(struct office *office, struct list items, size_t *count)
{
    const struct record *record = asks[office->step].record;
    for (size_t i = 0; i < items.count; i++)
        record_encode_value(record, (const char *)items.items + i * record->size,
                            &office->call.body);
    *count += items.count;
}

/* Of the schools from `next` on, until it is enough. */
static void add_substitutions(struct office *office, size_t *count)
{
    const struct country *country = office->world->country;
    for (; office->next < country->school_count && *count < BATCH_ITEMS; office->next++) {
        struct list items = country_substitutions(country, &country->schools[office->next],
                                                  office->today, &office->arena);
        add_items(office, items, count);
    }
    office->substitutions += (int64_t)*count;
}

/* The next round: what is due and not known. */
static void add_moves(struct office *office, size_t *count)
{
    struct world *world = office->world;
    office->moves_count = 0;
    for (; office->next < world->moves_count && office->moves_count < COUNT_OF(office->moves);
         office->next++) {
        struct world_move *move = &world->moves[office->next];
        if (move->known || move->move.date.day > office->today.day)
            continue;
        office->moves[office->moves_count++] = move;
        add_items(office, move->move.enrolments, count);
    }
}

/* A fact of the first day, of each class that the learner comes to or is to have left. */
static void add_questions(struct office *office, size_t *count)
{
    for (size_t i = 0; i < office->moves_count; i++) {
        const struct country_move *move = &office->moves[i]->move;
        const struct enrolment *enrolments = move->enrolments.items;
        for (size_t k = 0; k < move->enrolments.count; k++) {
            struct register_exception ill = {.learner = move->learner, .code = ABSENCE_ILL};
            struct mark mark = {.id = uuid_v7(),
                                .class = enrolments[k].class,
                                .learner = move->learner,
                                .subject = STR("english"),
                                .kind = MARK_FORMATIVE,
                                .points = {true, 9},
                                .max_points = {true, 10},
                                .date = move->date};
            struct lesson_register taken = {.id = uuid_v7(),
                                            .class = enrolments[k].class,
                                            .date = move->date,
                                            .lesson = {true, 1},
                                            .taken_at = {clock_now()},
                                            .exceptions = {&ill, 1}};
            bool of_grades = office->step == OFFICE_ASK_GRADES;
            add_items(office, (struct list){of_grades ? (void *)&mark : (void *)&taken, 1}, count);
        }
    }
}

static void office_send(struct office *office)
{
    office->sent = true;
    api_post(office->api, &office->call, asks[office->step].path, "application/vnd.msgpack");
}

/* Of this step; returns whether there was something. */
static bool begin(struct office *office)
{
    static void (*const add[OFFICE_STEPS])(struct office *, size_t *) = {
        add_substitutions, add_moves, add_questions, add_questions};
    size_t count = 0;
    buf_reset(&office->call.body);
    buf_add_u8(&office->call.body, 0xDD); /* array 32 */
    buf_add_u32(&office->call.body, 0);
    add[office->step](office, &count);
    buf_put_u32(&office->call.body, 1, (uint32_t)count);
    arena_reset(&office->arena);
    if (count)
        office_send(office);
    return count;
}

/* ---- What is answered ---- */

static struct str code_of(const struct answer *answer, size_t index)
{
    const struct result *results = answer->results.items;
    for (size_t i = 0; i < answer->results.count; i++) {
        const struct finding *first = results[i].errors.items;
        if ((size_t)results[i].index == index && results[i].errors.count)
            return first->code;
    }
    return (struct str){0};
}

static bool is_away(struct str code)
{
    return str_equal(code, STR("not_enrolled")) || str_equal(code, STR("not_on_roster"));
}

static bool is_unknown(struct str code)
{
    return str_equal(code, STR("learner_unknown")) || str_equal(code, STR("class_unknown"));
}

/* Whether each of the questions was answered as it should be once the move is known. */
static bool is_known(const struct office *office, const struct answer *answer)
{
    size_t index = 0;
    for (size_t i = 0; i < office->moves_count; i++) {
        const struct list *enrolments = &office->moves[i]->move.enrolments;
        const struct enrolment *items = enrolments->items;
        for (size_t k = 0; k < enrolments->count; k++) {
            struct str code = code_of(answer, index++);
            if (items[k].to.day ? !is_away(code) : is_away(code) || is_unknown(code))
                return false;
        }
    }
    return true;
}

static void look_at_refused(struct office *office, const struct answer *answer)
{
    if (!answer->rejected)
        return;
    office->wrong += answer->rejected;
    log_line(LOG_ERROR, "the office's records were refused",
             LOG_TEXT("path", asks[office->step].path), LOG_NUMBER("count", answer->rejected),
             LOG_STR("code", code_of(answer, 0)));
}

static void moves_known(struct office *office)
{
    for (size_t i = 0; i < office->moves_count; i++)
        office->moves[i]->known = true;
    office->moved += (int64_t)office->moves_count;
}

/* Whether this step is done; else the same is sent again. */
static bool take_answer(struct office *office, const struct answer *answer)
{
    switch (office->step) {
    case OFFICE_SUBSTITUTIONS:
    case OFFICE_MOVES:
        if (answer_may_heal(answer))
            return false;
        look_at_refused(office, answer);
        if (office->step == OFFICE_MOVES)
            office->step = OFFICE_ASK_GRADES;
        return true;
    case OFFICE_ASK_GRADES:
        if (!is_known(office, answer))
            return false;
        office->step = OFFICE_ASK_ATTENDANCE;
        return true;
    default:
        if (!is_known(office, answer))
            return false;
        moves_known(office);
        office->step = OFFICE_MOVES;
        return true;
    }
}

/* ---- Its day ---- */

static void answered(struct office *office)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct problems problems = {.arena = &arena};
    struct body_error wrong;
    struct answer answer = {0};
    office->sent = false;
    office->again = true;
    if (office->call.status == 401)
        api_renew(office->api);
    if (office->call.status == 200 &&
        record_decode_json(&answer_record, buf_str(&office->call.answer), &arena, &answer,
                           &problems, &wrong))
        office->again = !take_answer(office, &answer);
    if (office->again)
        office->send_at_us =
            clock_monotonic() + MAX_OF(office->call.retry_after_ms, (int64_t)AGAIN_MS) * 1000;
}

static void begin_next(struct office *office)
{
    if (begin(office) || office->step != OFFICE_SUBSTITUTIONS)
        return;
    office->step = OFFICE_MOVES;
    office->next = 0;
    begin(office);
}

void office_work(struct office *office, struct date today, bool stops)
{
    if (office->sent && office->call.done)
        answered(office);
    if (office->sent || stops || clock_monotonic() < office->send_at_us)
        return;
    if (office->again) {
        office_send(office);
        return;
    }
    if (today.day != office->today.day && office->step <= OFFICE_MOVES) {
        office->today = today;
        office->step = OFFICE_SUBSTITUTIONS;
        office->next = 0;
    }
    begin_next(office);
}

void office_open(struct office *office, struct api *api, struct world *world)
{
    *office = (struct office){.api = api, .world = world};
}

void office_done(struct office *office)
{
    if (office->sent)
        api_cancel(office->api, &office->call);
    call_done(&office->call);
    arena_done(&office->arena);
    *office = (struct office){0};
}
