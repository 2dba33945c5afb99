#include <string.h>

#include "auth/auth_internal.h"

size_t principal_ids(const struct principal *principal)
{
    return principal->nodes.count + principal->overview.count + principal->classes.count;
}

static struct uuid *list_move(struct uuids *list, struct uuid *room)
{
    if (list->count)
        memcpy(room, list->items, list->count * sizeof *room);
    list->items = room;
    return room + list->count;
}

void principal_move_ids(struct principal *principal, struct uuid *room)
{
    room = list_move(&principal->nodes, room);
    room = list_move(&principal->overview, room);
    list_move(&principal->classes, room);
}

void param_scope(struct params *params, const struct principal *principal, struct arena *arena)
{
    enum { OID_INT2 = 21 };
    ensure(params->count < DB_MAX_PARAMS);
    size_t at = params->count++;
    params->types[at] = OID_INT2;
    params->scratch[at][1] = (char)principal->kind; /* network order */
    params->values[at] = params->scratch[at];
    params->lengths[at] = 2;
    param_uuid(params, &principal->person);
    struct column nodes = column_uuids(arena, principal->nodes.items, principal->nodes.count);
    param_column(params, &nodes);
    struct column classes = column_uuids(arena, principal->classes.items, principal->classes.count);
    param_column(params, &classes);
}
