#include "roll_up.h"

#include "national/calendar.h"
#include "store.h"

enum { MONTHS_AHEAD_DAYS = 92, CONTINGENTS_A_TURN = 200, TOLD_A_TURN = 2000 };

enum error job_months(struct process *process, struct db *db, struct err *err)
{
    (void)process;
    struct date today = date_today();
    return store_make_months(db, calendar_oldest_taken(today),
                             (struct date){today.day + MONTHS_AHEAD_DAYS}, err);
}

enum error job_contingents(struct process *process, struct db *db, struct err *err)
{
    (void)process;
    int32_t taken;
    return store_make_contingents(db, CONTINGENTS_A_TURN, &taken, err);
}

enum error job_roll_up(struct process *process, struct db *db, struct err *err)
{
    int32_t changed = 0;
    enum error code = store_roll_up(db, date_today(), &changed, err);
    if (!code && changed > 0) {
        process_poke(process, "push");
        process_poke(process, "relay"); /* nodes that are none any more are erased on the topic */
    }
    return code;
}

/* ---- The topic ---- */

/* An event for each set that has changed. */
static void tell_day(const struct untold_day *untold, struct told *told, struct arena *arena)
{
    for (unsigned set = SET_CONTINGENT; set <= SET_ATTENDANCE; set++) {
        if (!(untold->sets & 1 << set))
            continue;
        struct indicator day = untold->day;
        day.set = (enum indicator_set)set;
        CLEANUP(buf_done) struct buf value = {0};
        record_encode_value(indicator_set_event(day.set), &day, &value);
        told->ids[told->count] = uuid_v7();
        told->keys[told->count] = str_from(arena_printf(arena, "%.*s|%s", STR_ARG(untold->key),
                                                        indicator_sets.items[set - 1].name));
        told->types[told->count] = EVENT_INDICATOR_CHANGED;
        told->payloads[told->count] = str_copy(arena, buf_str(&value));
        told->count++;
    }
}

/* Takes what is due and appends it, within one transaction. `*told`: how many events. */
static enum error tell_due(struct db *db, struct arena *arena, size_t *count, struct err *err)
{
    struct untold_day *days;
    size_t taken = 0;
    enum error code = store_take_untold(db, TOLD_A_TURN, arena, &days, &taken, err);
    if (code || taken == 0)
        return code;
    size_t most = taken * indicator_sets.count;
    struct told told = {.ids = ARENA_ARRAY(arena, most, struct uuid),
                        .keys = ARENA_ARRAY(arena, most, struct str),
                        .payloads = ARENA_ARRAY(arena, most, struct str),
                        .types = ARENA_ARRAY(arena, most, int16_t)};
    for (size_t i = 0; i < taken; i++)
        tell_day(&days[i], &told, arena);
    *count = told.count;
    return store_append(db, &told, arena, err);
}

enum error job_tell(struct process *process, struct db *db, struct err *err)
{
    CLEANUP(arena_done) struct arena arena = {0};
    size_t count = 0;
    enum error code = db_begin(db, err);
    if (code)
        return code;
    code = tell_due(db, &arena, &count, err);
    if (!code)
        code = db_commit(db, err);
    else
        db_rollback(db);
    if (!code && count)
        process_poke(process, "relay");
    return code;
}
