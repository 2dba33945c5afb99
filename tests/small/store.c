#include "store.h"

#include "contracts/small.h"

const struct statement store_take_notes = {
    "take_notes", "select * from take_notes_call($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"};
const struct statement store_take_notes_dry = {
    "take_notes_dry", "select * from take_notes_dry($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"};

const struct statement store_follow_seen = {
    "follow_seen", "select epoch, xid, seq, id, key, number, effect from seen"
                   " where (epoch, xid, seq) > ($1, $2, $3) and (epoch < $4 or (epoch = $4 and xid "
                   "< $5)) order by epoch, xid, seq limit $6"};

enum error store_seen(struct event_batch *batch, int32_t effect, struct err *err)
{
    static const struct statement statement = {
        "store_seen", "insert into seen (epoch, xid, id, key, number, effect)"
                      " select s.epoch, s.xid, n.id, n.key, n.number, $4"
                      "   from outbox_stamp() s, unnest($1::uuid[], $2::text[], $3::integer[]) "
                      "with ordinality as n (id, key, number, place)"
                      "  order by n.place"};
    const void **notes = ARENA_ARRAY(batch->arena, batch->count, const void *);
    for (size_t i = 0; i < batch->count; i++)
        notes[i] = batch->events[i].value;
    struct params params = {0};
    param_records(&params, &note_item, notes, batch->count, batch->arena);
    param_int(&params, effect);
    return db_exec(batch->db, &statement, &params, NULL, err);
}
