#include "apply.h"

#include "intake/copies.h"
#include "store.h"

enum error apply_aliases(struct event_batch *batch, struct err *err)
{
    enum error code = intake_copy(batch, err);
    return code ? code : store_note_aliases(batch, err);
}
