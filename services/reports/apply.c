#include "apply.h"

#include "domain.h"
#include "intake/copies.h"
#include "store.h"

/* The fact as a cell. False where this version does not know how to count it. */
static bool cell_of_event(const struct event *event, int sign, struct cell *cell)
{
    switch (event->type->number) {
    case EVENT_MARK_RECORDED:
        *cell = cell_of_mark(event->value, sign);
        break;
    case EVENT_REGISTER_TAKEN:
        *cell = cell_of_register(event->value, sign);
        break;
    default:
        return false;
    }
    if (sign > 0)
        cell->heard_at = event->time;
    return true;
}

static enum error count_facts(struct event_batch *batch, struct err *err)
{
    struct cell *cells = ARENA_ARRAY(batch->arena, batch->count, struct cell);
    size_t count = 0;
    enum error code = ERROR_NONE;
    for (size_t i = 0; !code && i < batch->count; i++) {
        if (cell_of_event(&batch->events[i], 1, &cells[count]))
            count++;
        else
            code =
                intake_hold(batch, &batch->events[i], "changes of facts are not counted yet", err);
    }
    count = cells_merge(cells, count);
    return code || count == 0 ? code : store_add_cells(batch->db, cells, count, batch->arena, err);
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
    struct cell *cells = ARENA_ARRAY(ghosts->arena, ghosts->count, struct cell);
    size_t count = 0;
    for (size_t i = 0; i < ghosts->count; i++)
        count += cell_of_event(&ghosts->events[i], -1, &cells[count]);
    count = cells_merge(cells, count);
    return count ? store_add_cells(ghosts->db, cells, count, ghosts->arena, err) : ERROR_NONE;
}

enum error apply_registry(struct event_batch *batch, struct err *err)
{
    enum error code = store_note_registry(batch, err);
    if (!code)
        code = intake_copy(batch, err);
    return code ? code : store_note_registry(batch, err);
}
