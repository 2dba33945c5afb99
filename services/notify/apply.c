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
    struct feed_marks marks = {ARENA_ARRAY(batch->arena, batch->count, struct feed_fact),
                               batch->count};
    for (size_t i = 0; i < batch->count; i++) {
        const struct event *event = &batch->events[i];
        marks.items[i] = mark_fact(event->value, event->time, kind_of_mark(event));
    }
    return store_marks(batch->db, &marks, batch->arena, err);
}

/* ---- eiso.attendance.registers.v1 ---- */

static size_t count_absences(const struct event_batch *batch)
{
    size_t most = batch->count; /* re-coded ones */
    for (size_t i = 0; i < batch->count; i++) {
        const struct lesson_register *taken = batch->events[i].value;
        if (batch->events[i].type->number != EVENT_ABSENCE_CHANGED)
            most += taken->exceptions.count + register_before(taken).exceptions.count;
    }
    return most;
}

static size_t taken_absences(const struct lesson_register *taken, struct feed_fact *rows)
{
    const struct register_exception *exceptions = taken->exceptions.items;
    size_t count = 0;
    for (size_t i = 0; i < taken->exceptions.count; i++)
        if (absence_is_news(exceptions[i].code))
            rows[count++] = absence_fact(taken, &exceptions[i]);
    return count;
}

static size_t absences_of(const struct event *event, struct feed_fact *rows)
{
    switch (event->type->number) {
    case EVENT_REGISTER_TAKEN:
        return taken_absences(event->value, rows);
    case EVENT_REGISTER_REPLACED:
    case EVENT_REGISTER_WITHDRAWN:
    case EVENT_REGISTER_RECOUNTED:
        return register_changes(event->value, rows);
    case EVENT_ABSENCE_CHANGED:
        return absence_changes(event->value, rows);
    default:
        return 0;
    }
}

/* Nil: none. */
static struct uuid register_changed_by(const struct event *event)
{
    const struct absence_change *change = event->value;
    switch (event->type->number) {
    case EVENT_REGISTER_REPLACED:
    case EVENT_REGISTER_WITHDRAWN:
    case EVENT_REGISTER_RECOUNTED:
        return register_before(event->value).id;
    case EVENT_ABSENCE_CHANGED:
        return change->register_id;
    default:
        return (struct uuid){{0}};
    }
}

/* What a change finds of a register has to be in the database: not so where the register, or
 * another change of it, waits to be written. */
static bool is_pending(const struct feed_absences *absences, const struct uuid *previous)
{
    for (size_t i = 0; i < absences->change_count; i++)
        if (uuid_equal(&absences->changes[i].event, previous) ||
            uuid_equal(&absences->changes[i].previous, previous))
            return true;
    for (size_t i = 0; i < absences->count; i++)
        if (uuid_equal(&absences->items[i].event, previous))
            return true;
    return false;
}

static enum error write_absences(struct event_batch *batch, struct feed_absences *absences,
                                 struct err *err)
{
    enum error code = store_absences(batch->db, absences, batch->arena, err);
    absences->count = absences->change_count = 0;
    return code;
}

static enum error add_absences(struct event_batch *batch, const struct event *event,
                               struct feed_absences *absences, struct err *err)
{
    struct uuid previous = register_changed_by(event);
    enum error code = ERROR_NONE;
    if (uuid_present(&previous)) {
        if (is_pending(absences, &previous))
            code = write_absences(batch, absences, err);
        absences->changes[absences->change_count++] = (struct feed_change){event->id, previous};
    }
    struct feed_fact *rows = &absences->items[absences->count];
    size_t count = absences_of(event, rows);
    for (size_t i = 0; i < count; i++) {
        rows[i].time = event->time;
        rows[i].event = event->id;
        rows[i].previous = previous;
    }
    absences->count += count;
    return code;
}

/* Rows stand in the order of their events, in one statement up to the next change of what waits. */
enum error apply_registers(struct event_batch *batch, struct err *err)
{
    struct feed_absences absences = {
        .items = ARENA_ARRAY(batch->arena, count_absences(batch), struct feed_fact),
        .changes = ARENA_ARRAY(batch->arena, batch->count, struct feed_change)};
    enum error code = ERROR_NONE;
    for (size_t i = 0; i < batch->count && !code; i++)
        code = add_absences(batch, &batch->events[i], &absences, err);
    return code ? code : write_absences(batch, &absences, err);
}

/* ---- What a source took back ---- */

enum error apply_retract(struct event_batch *ghosts, struct err *err)
{
    struct feed_retracted *events =
        ARENA_ARRAY(ghosts->arena, ghosts->count, struct feed_retracted);
    bool marks = ghosts->topic == &topic_marks;
    for (size_t i = 0; i < ghosts->count; i++) {
        events[i] = (struct feed_retracted){.event = ghosts->events[i].id};
        if (marks)
            events[i].learner = ((const struct mark *)ghosts->events[i].value)->learner;
    }
    return store_retract(ghosts->db, events, ghosts->count, ghosts->arena, err);
}
