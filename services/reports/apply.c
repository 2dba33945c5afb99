#include "apply.h"

#include "domain.h"
#include "intake/copies.h"
#include "store.h"

enum { MOST_CELLS = 2 }; /* of one event */

/* What an event adds to cells, or takes back (`sign` -1); returns how many cells. 0 where this
 * version does not know how to count it. */
static size_t cells_of_event(const struct event *event, int sign, struct cell *cells)
{
    struct mark mark;
    struct lesson_register taken;
    size_t count = 1;
    switch (event->type->number) {
    case EVENT_MARK_RECORDED:
        cells[0] = cell_of_mark(event->value, sign);
        break;
    case EVENT_MARK_CORRECTED:
        mark = mark_before(event->value);
        cells[0] = cell_of_mark(event->value, sign);
        cells[1] = cell_of_mark(&mark, -sign);
        count = 2;
        break;
    case EVENT_MARK_WITHDRAWN:
        mark = mark_before(event->value);
        cells[0] = cell_of_mark(&mark, -sign);
        break;
    case EVENT_REGISTER_TAKEN:
        cells[0] = cell_of_register(event->value, sign);
        break;
    case EVENT_REGISTER_REPLACED:
    case EVENT_REGISTER_RECOUNTED:
        taken = register_before(event->value);
        cells[0] = cell_of_register(event->value, sign);
        cells[1] = cell_of_register(&taken, -sign);
        count = 2;
        break;
    case EVENT_REGISTER_WITHDRAWN:
        taken = register_before(event->value);
        cells[0] = cell_of_register(&taken, -sign);
        break;
    case EVENT_ABSENCE_CHANGED:
        cells[0] = cell_of_absence_change(event->value, sign);
        break;
    default:
        return 0;
    }
    if (sign > 0 && event->type->number != EVENT_REGISTER_RECOUNTED) /* nobody was heard from */
        cells[0].heard_at = event->time;
    return count;
}

static enum error add_cells(struct event_batch *batch, struct cell *cells, size_t count,
                            struct err *err)
{
    count = cells_merge(cells, count);
    return count ? store_add_cells(batch->db, cells, count, batch->arena, err) : ERROR_NONE;
}

static enum error count_facts(struct event_batch *batch, struct err *err)
{
    struct cell *cells = ARENA_ARRAY(batch->arena, batch->count * MOST_CELLS, struct cell);
    size_t count = 0;
    enum error code = ERROR_NONE;
    for (size_t i = 0; !code && i < batch->count; i++) {
        size_t more = cells_of_event(&batch->events[i], 1, &cells[count]);
        count += more;
        if (more == 0)
            code = intake_hold(batch, &batch->events[i], "it is not known how to count it", err);
    }
    return code ? code : add_cells(batch, cells, count, err);
}

enum error apply_marks(struct event_batch *batch, struct err *err)
{
    return count_facts(batch, err);
}

enum error apply_registers(struct event_batch *batch, struct err *err)
{
    return count_facts(batch, err);
}

/* What was held was not counted, and is not taken back. */
enum error retract_facts(struct event_batch *ghosts, struct err *err)
{
    struct cell *cells = ARENA_ARRAY(ghosts->arena, ghosts->count * MOST_CELLS, struct cell);
    size_t count = 0;
    for (size_t i = 0; i < ghosts->count; i++)
        count += cells_of_event(&ghosts->events[i], -1, &cells[count]);
    return add_cells(ghosts, cells, count, err);
}

enum error apply_registry(struct event_batch *batch, struct err *err)
{
    enum error code = store_note_registry(batch, err);
    if (!code)
        code = intake_copy(batch, err);
    return code ? code : store_note_registry(batch, err);
}
