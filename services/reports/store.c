#include "store.h"

#include "base/clock.h"

enum {
    LOOK_EVERY_MS = 200,
    ROLL_UP_PATIENCE_MS = 60000,
    NOTED_AT_ONCE =
        10000, /* days of organisations and nodes, between two waits: one day of the country */
};

#define COUNTS                                                                                     \
    "learners, organisations, organisations_heard, last_heard, registers, learner_lessons, "       \
    "absent_unexcused, absent_ill, absent_excused, late, late_minutes, remote, exempt, formative," \
    " summative_unit, summative_term, marks_with_points, percent_sum_hundredths, at_least_65, "    \
    "at_least_40"

/* The fields of a struct indicator that is the member `day` of a row. */
#define DAY_FIELD(type, name) FIELD_AS(type, day.name, #name)
#define DAY_FIELDS(type)                                                                           \
    DAY_FIELD(type, node), FIELD_AS(type, day.tree, "tree", .values = &indicator_trees),           \
        DAY_FIELD(type, date), DAY_FIELD(type, as_of), DAY_FIELD(type, learners),                  \
        DAY_FIELD(type, organisations), DAY_FIELD(type, organisations_heard),                      \
        DAY_FIELD(type, last_heard), DAY_FIELD(type, registers), DAY_FIELD(type, learner_lessons), \
        DAY_FIELD(type, absent_unexcused), DAY_FIELD(type, absent_ill),                            \
        DAY_FIELD(type, absent_excused), DAY_FIELD(type, late), DAY_FIELD(type, late_minutes),     \
        DAY_FIELD(type, remote), DAY_FIELD(type, exempt), DAY_FIELD(type, formative),              \
        DAY_FIELD(type, summative_unit), DAY_FIELD(type, summative_term),                          \
        DAY_FIELD(type, marks_with_points), DAY_FIELD(type, percent_sum_hundredths),               \
        DAY_FIELD(type, at_least_65), DAY_FIELD(type, at_least_40)

/* ---- apply ---- */

enum error store_add_cells(struct db *db, const struct cell *cells, size_t count,
                           struct arena *arena, struct err *err)
{
    static const struct statement statement = {
        "add_cells", "select add_cells($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, "
                     "$14, $15, $16, $17, $18, $19, $20, $21)"};
    const void **items = ARENA_ARRAY(arena, count, const void *);
    for (size_t i = 0; i < count; i++)
        items[i] = &cells[i];
    struct params params = {0};
    param_records(&params, &cell_columns, items, count, arena);
    return db_exec(db, &statement, &params, NULL, err);
}

/* $1 text[]: the keys of the batch. */
static const struct statement *note_of(const struct topic *topic)
{
    static const struct statement organisations = {
        "note_organisations",
        "insert into dirty_tree (organisation) select unnest($1::text[])::uuid"};
    static const struct statement territory = {
        "note_territory",
        "insert into dirty_tree (organisation) select null"
        " where exists (select from unnest($1::text[]) k where k like 'territory:%')"};
    static const struct statement classes = {
        "note_classes", "select note_learners(array(select e.learner from copy_enrolment e"
                        "                           where e.class = any ($1::text[]::uuid[])))"};
    static const struct statement enrolments = {
        "note_enrolments", "select note_learners(array(select e.learner from copy_enrolment e"
                           "                           where e.id = any ($1::text[]::uuid[])))"};
    static const struct statement aliases = {"note_aliases",
                                             "select note_learners($1::text[]::uuid[])"};
    const struct {
        const struct topic *topic;
        const struct statement *statement;
    } notes[] = {
        {&topic_organisations, &organisations},
        {&topic_reference, &territory},
        {&topic_classes, &classes},
        {&topic_enrolments, &enrolments},
        {&topic_aliases, &aliases},
    };
    for (size_t i = 0; i < COUNT_OF(notes); i++)
        if (notes[i].topic == topic)
            return notes[i].statement;
    return NULL;
}

enum error store_note_registry(struct event_batch *batch, struct err *err)
{
    const struct statement *statement = note_of(batch->topic);
    ensure(statement);
    struct str *keys = ARENA_ARRAY(batch->arena, batch->count, struct str);
    for (size_t i = 0; i < batch->count; i++)
        keys[i] = batch->events[i].key;
    struct column column = column_texts(batch->arena, keys, batch->count);
    struct params params = {0};
    param_column(&params, &column);
    return db_exec(batch->db, statement, &params, NULL, err);
}

/* ---- Role jobs ---- */

/* One snapshot for the whole of it (schema/0004_roll_up.sql says why). */
static enum error roll_up_in_snapshot(struct db *db, struct date today, int32_t *changed,
                                      struct err *err)
{
    static const struct statement statement = {"roll_up", "select roll_up($1)"};
    struct params params = {0};
    param_date(&params, today);
    enum error code = db_run(db, "set transaction isolation level repeatable read", err);
    if (!code)
        code = db_exec_int(db, &statement, &params, changed, err);
    return code;
}

enum error store_roll_up(struct db *db, struct date today, int32_t *changed, struct err *err)
{
    enum error code = db_begin(db, err);
    if (code)
        return code;
    code = roll_up_in_snapshot(db, today, changed, err);
    if (!code)
        return db_commit(db, err);
    db_rollback(db);
    return code;
}

enum error store_make_contingents(struct db *db, int32_t most, int32_t *taken, struct err *err)
{
    static const struct statement statement = {"make_contingents", "select make_contingents($1)"};
    struct params params = {0};
    param_int(&params, most);
    return db_exec_int(db, &statement, &params, taken, err);
}

static const struct field untold_day_fields[] = {
    FIELD(untold_day, key),
    FIELD(untold_day, sets),
    DAY_FIELDS(untold_day),
};
static const struct record untold_day_record = RECORD(untold_day, untold_day_fields);

enum error store_take_untold(struct db *db, int32_t most, struct arena *arena,
                             struct untold_day **days, size_t *count, struct err *err)
{
    static const struct statement statement = {
        "take_untold", "select key, sets, node, tree, date, changed_at as as_of, " COUNTS
                       "  from (select key, sets, (day).* from take_untold($1)) t"};
    CLEANUP(result_done) struct result result = {0};
    struct params params = {0};
    param_int(&params, most);
    enum error code = db_exec(db, &statement, &params, &result, err);
    if (!code)
        *days = result_records(&result, &untold_day_record, arena, count);
    return code;
}

enum error store_append(struct db *db, const struct told *told, struct arena *arena,
                        struct err *err)
{
    static const struct statement statement = {"append_indicators",
                                               "select outbox_append($1, $2, $3, $4)"};
    struct column columns[] = {
        column_uuids(arena, told->ids, told->count),
        column_texts(arena, told->keys, told->count),
        column_smallints(arena, told->types, told->count),
        column_bytes(arena, told->payloads, told->count),
    };
    struct params params = {0};
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        param_column(&params, &columns[i]);
    return db_exec(db, &statement, &params, NULL, err);
}

enum error store_state_again(struct db *db, const struct topic *topic, const struct str *keys,
                             size_t count, void *context, struct err *err)
{
    static const struct statement statement = {
        "state_again",
        "with parts as ("
        "    select k.key, (case when t.above then 2 else 1 end)::smallint as tree,"
        "           split_part(t.rest, '|', 1) as node, split_part(t.rest, '|', 2)::date as date,"
        "           array_position(array['contingent', 'marks', 'attendance'],"
        "                          split_part(t.rest, '|', 3)) as set"
        "      from unnest($1::text[]) k (key) cross join lateral ("
        "           select k.key like 'subordination|%' as above,"
        "                  regexp_replace(k.key, '^subordination[|]', '') as rest) t"
        "), marked as ("
        "    update node_day d set untold = d.untold | p.sets"
        "      from (select tree, node, date, bit_or(1 << set) as sets from parts"
        "             group by tree, node, date) p"
        "     where d.tree = p.tree and d.node = p.node and d.date = p.date"
        "    returning d.tree, d.node, d.date, d.told_at"
        "), noted as ("
        "    insert into untold (tree, node, date, due_at)"
        "    select m.tree, m.node, m.date, due_at(m.tree, m.node, m.told_at) from marked m"
        "    on conflict do nothing"
        ") select outbox_append(array_agg(gen_random_uuid()), array_agg(p.key),"
        "                       array_agg(500::smallint), array_agg(''::bytea))"
        "    from parts p"
        "   where not exists (select from node_day d"
        "                      where d.tree = p.tree and d.node = p.node and d.date = p.date)"
        "  having count(*) > 0"};
    (void)topic, (void)context; /* it has one state topic */
    CLEANUP(arena_done) struct arena arena = {0};
    struct column column = column_texts(&arena, keys, count);
    struct params params = {0};
    param_column(&params, &column);
    return db_exec(db, &statement, &params, NULL, err);
}

/* Three keys a day, in the order of the days. */
enum error store_state_keys(struct db *db, const struct topic *topic, struct str after,
                            int32_t most, struct arena *arena, struct strs *keys, void *context,
                            struct err *err)
{
    static const struct statement statement = {
        "state_keys",
        "with last as ("
        "    select case when $1 like 'subordination|%' then 2 else 1 end as tree,"
        "           regexp_replace($1, '^subordination[|]', '') as rest"
        ") select indicator_key(d.tree, d.node, d.date) || '|' || s.name"
        "    from (select d.tree, d.node, d.date from node_day d"
        "           where $1::text is null or (d.tree, d.node, d.date) > ((select tree from last),"
        "                 (select split_part(rest, '|', 1) from last),"
        "                 (select split_part(rest, '|', 2)::date from last))"
        "           order by d.tree, d.node, d.date limit $2) d"
        "         cross join unnest(array['contingent', 'marks', 'attendance'])"
        "                    with ordinality s (name, place)"
        "   order by d.tree, d.node, d.date, s.place"};
    (void)topic, (void)context;
    CLEANUP(result_done) struct result result = {0};
    struct params params = {0};
    param_text(&params, after);
    param_int(&params, most / 3);
    enum error code = db_exec(db, &statement, &params, &result, err);
    if (code)
        return code;
    struct str *items = ARENA_ARRAY(arena, result_rows(&result), struct str);
    for (size_t row = 0; row < result_rows(&result); row++)
        items[row] = str_copy(arena, result_str(&result, row, 0));
    *keys = (struct strs){items, result_rows(&result)};
    return ERROR_NONE;
}

enum error store_make_months(struct db *db, struct date from, struct date to, struct err *err)
{
    static const struct statement statement = {"make_months", "select cell_make_months($1, $2)"};
    struct params params = {0};
    param_date(&params, from);
    param_date(&params, to);
    return db_exec(db, &statement, &params, NULL, err);
}

/* ---- A rebuild ---- */

enum error store_hold_roll_up(struct db *db, struct err *err)
{
    return db_run(db, "select pg_advisory_xact_lock(504)", err);
}

struct noted {
    size_t count;
    struct instant at;
};

/* Adds a day to what is noted. */
static enum error note_day(struct db *db, struct date date, struct noted *noted, struct err *err)
{
    static const struct statement statement = {"note_day",
                                               "select noted, noted_at from note_day($1)"};
    struct params params = {0};
    param_date(&params, date);
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(db, &statement, &params, &result, err);
    if (code)
        return code;
    noted->count += (size_t)result_bigint(&result, 0, 0);
    noted->at = result_instant(&result, 0, 1);
    return ERROR_NONE;
}

/* A roll-up takes all that is noted, of nodes, too; what is noted later is not waited for. */
static enum error wait_for_roll_up(struct db *db, struct instant noted, const volatile bool *stop,
                                   struct err *err)
{
    static const struct statement statement = {
        "all_summed", "select not exists (select from dirty where noted_at <= $1)"};
    bool summed = false;
    struct params params = {0};
    param_instant(&params, noted);
    for (int waited_ms = 0; !summed && !*stop && waited_ms < ROLL_UP_PATIENCE_MS;
         waited_ms += LOOK_EVERY_MS) {
        CLEANUP(result_done) struct result result = {0};
        enum error code = db_exec(db, &statement, &params, &result, err);
        if (code)
            return code;
        summed = result_bool(&result, 0, 0);
        if (!summed)
            clock_sleep_ms(LOOK_EVERY_MS);
    }
    return ERROR_NONE;
}

enum error store_note_all(struct db *db, const volatile bool *stop, struct err *err)
{
    static const struct statement days = {
        "noted_days", "select date from day union select distinct date from cell order by 1 desc"};
    struct noted noted = {0};
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_run(db, "select note_registry()", err);
    if (!code)
        code = db_exec(db, &days, NULL, &result, err);
    for (size_t row = 0; !code && row < result_rows(&result); row++) {
        if (*stop)
            return err_set(err, ERROR_UNAVAILABLE, "stopped: the next rebuild notes all again");
        code = note_day(db, result_date(&result, row, 0), &noted, err);
        if (code || (noted.count < NOTED_AT_ONCE && row + 1 < result_rows(&result)))
            continue;
        code = wait_for_roll_up(db, noted.at, stop, err);
        noted.count = 0;
    }
    return code;
}

/* ---- api, push ---- */

static const struct field indicator_row_fields[] = {
    FIELD(indicator_row, child),
    FIELD(indicator_row, name_kk),
    FIELD(indicator_row, name_ru),
    DAY_FIELDS(indicator_row),
};
const struct record indicator_row_record = RECORD(indicator_row, indicator_row_fields);

void store_indicators(struct db_async *db, const struct indicators_wanted *wanted,
                      const struct principal *principal, struct arena *arena,
                      db_async_callback *callback, void *context)
{
    static const struct statement statement = {
        "indicators", "select * from indicators($1::smallint, $2, $3, $4, $5, $6)"};
    struct column overview =
        column_uuids(arena, principal->overview.items, principal->overview.count);
    struct params params = {0};
    param_int(&params, (int32_t)wanted->tree);
    param_text(&params, wanted->node);
    param_date(&params, wanted->from);
    param_date(&params, wanted->to);
    param_bool(&params, wanted->children);
    param_column(&params, &overview);
    db_async_exec(db, &statement, &params, callback, context);
}

static const struct field changed_day_fields[] = {
    FIELD(changed_day, epoch), FIELD(changed_day, xid),       FIELD(changed_day, seq),
    DAY_FIELDS(changed_day),   FIELD(changed_day, territory), FIELD(changed_day, superior),
};
const struct record changed_day_record = RECORD(changed_day, changed_day_fields);

/* $7 date; $8 text[]: the nodes that somebody shows. Looked up are their days and those of what
 * hangs on them. Above a day that stands in the territory are a place (of an organisation: its own)
 * and, of an organisation, the superior (one with others below it: itself); above one in
 * subordination its superior. */
const struct statement store_follow_days = {
    "follow_days",
    "select d.epoch, d.xid, d.seq, d.node, d.tree, d.date, d.changed_at as as_of, " COUNTS ","
    "       case when d.tree = 1 then coalesce("
    "         (select n.parent from node n where n.tree = 1 and n.node = d.node),"
    "         (select p.node from place p where p.tree = 1 and p.organisation = o.id)) end"
    "         as territory,"
    "       case when d.tree = 2"
    "            then (select n.parent from node n where n.tree = 2 and n.node = d.node)"
    "            else (select p.node from place p where p.tree = 2 and p.organisation = o.id) end"
    "         as superior"
    "  from (select t.tree, s.node from unnest($8::text[]) s (node),"
    "                                   (values (1::smallint), (2::smallint)) t (tree)"
    "        union select n.tree, n.node from unnest($8::text[]) s (node)"
    "                join node n on n.tree in (1, 2) and n.parent = s.node"
    "        union select 1::smallint, p.organisation::text from unnest($8::text[]) s (node)"
    "                join place p on p.tree in (1, 2) and p.node = s.node) k"
    "       cross join lateral ("
    "         select d.* from node_day d"
    "          where d.tree = k.tree and d.node = k.node and d.date = $7"
    "            and (d.epoch, d.xid, d.seq) > ($1, $2, $3)"
    "            and (d.epoch < $4 or (d.epoch = $4 and d.xid < $5)) offset 0) d"
    "       cross join lateral"
    "         (select case when length(d.node) = 36 then d.node::uuid end as id) o"
    " order by d.epoch, d.xid, d.seq limit $6"};
