#include "apply.h"

#include "contracts/registers.h"
#include "store.h"

/* ---- eiso.grades.marks.v1 ---- */

static enum feed_kind kind_of_mark(const struct event *event)
{
    switch (event->type->number) {
    case EVENT_MARK_CORRECTED:
        return FEED_MARK_CORRECTED;
    case EVENT_MARK_WITHDRAWN:
        return FEED_MARK_WITHDRAWN;
    default:
        return FEED_MARK_RECORDED;
    }
}

enum error apply_marks(struct event_batch *batch, struct err *err)
{
    struct feed_facts_batch facts = {ARENA_ARRAY(batch->arena, batch->count, struct feed_fact),
                                     batch->count};
    for (size_t i = 0; i < batch->count; i++) {
        const struct event *event = &batch->events[i];
        facts.items[i] = mark_fact(event->value, event->time, kind_of_mark(event));
    }
    return store_facts(batch->db, &facts, batch->arena, err);
}

/* ---- eiso.attendance.registers.v1 ---- */

static size_t count_exceptions(const struct event_batch *batch)
{
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const struct lesson_register *taken = batch->events[i].value;
        if (batch->events[i].type->number == EVENT_REGISTER_TAKEN)
            count += taken->exceptions.count;
    }
    return count;
}

static void add_absences(const struct event *event, struct feed_facts_batch *facts)
{
    const struct lesson_register *taken = event->value;
    const struct register_exception *exceptions = taken->exceptions.items;
    for (size_t i = 0; i < taken->exceptions.count; i++)
        if (absence_is_news(exceptions[i].code))
            facts->items[facts->count++] = absence_fact(taken, &exceptions[i], event->time);
}

static enum error apply_register_change(struct event_batch *batch, const struct event *event,
                                        struct err *err)
{
    const struct lesson_register *change = event->value;
    struct lesson_register former = register_before(change);
    size_t most = change->exceptions.count + former.exceptions.count;
    struct feed_absence *rows = ARENA_ARRAY(batch->arena, most, struct feed_absence);
    return store_absence_changes(batch->db, event, &former.id, rows, register_changes(change, rows),
                                 batch->arena, err);
}

static enum error apply_absence_change(struct event_batch *batch, const struct event *event,
                                       struct err *err)
{
    const struct absence_change *change = event->value;
    struct feed_absence row = {0};
    return store_absence_changes(batch->db, event, &change->register_id, &row,
                                 absence_changes(change, &row), batch->arena, err);
}

static enum error apply_change(struct event_batch *batch, const struct event *event,
                               struct err *err)
{
    switch (event->type->number) {
    case EVENT_REGISTER_REPLACED:
    case EVENT_REGISTER_WITHDRAWN:
    case EVENT_REGISTER_RECOUNTED:
        return apply_register_change(batch, event, err);
    case EVENT_ABSENCE_CHANGED:
        return apply_absence_change(batch, event, err);
    default:
        return ERROR_NONE;
    }
}

/* Rows stand in the order of their events: registers that were taken go in one statement up to the
 * next one that changes something, which is rare. */
enum error apply_registers(struct event_batch *batch, struct err *err)
{
    struct feed_facts_batch facts = {
        ARENA_ARRAY(batch->arena, count_exceptions(batch), struct feed_fact), 0};
    enum error code = ERROR_NONE;
    for (size_t i = 0; i < batch->count && !code; i++) {
        const struct event *event = &batch->events[i];
        if (event->type->number == EVENT_REGISTER_TAKEN) {
            add_absences(event, &facts);
            continue;
        }
        code = store_facts(batch->db, &facts, batch->arena, err);
        facts.count = 0;
        if (!code)
            code = apply_change(batch, event, err);
    }
    return code ? code : store_facts(batch->db, &facts, batch->arena, err);
}

/* ---- What a source took back ---- */

enum error apply_retract(struct event_batch *ghosts, struct err *err)
{
    struct uuid *events = ARENA_ARRAY(ghosts->arena, ghosts->count, struct uuid);
    for (size_t i = 0; i < ghosts->count; i++)
        events[i] = ghosts->events[i].id;
    return store_retract(ghosts->db, events, ghosts->count, ghosts->arena, err);
}
