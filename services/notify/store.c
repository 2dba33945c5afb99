#include "store.h"

/* ---- apply ---- */

static const struct field marks_fields[] = {
    FIELD(feed_fact, time),
    FIELD(feed_fact, learner),
    FIELD(feed_fact, event),
    FIELD(feed_fact, corrects),
    FIELD(feed_fact, kind, .values = &feed_kinds),
    FIELD_AS(feed_fact, facts.class, "class"),
    FIELD_AS(feed_fact, facts.subject, "subject"),
    FIELD_AS(feed_fact, facts.date, "date"),
    FIELD_AS(feed_fact, facts.lesson, "lesson"),
    FIELD_AS(feed_fact, facts.work, "work", .values = &mark_kinds),
    FIELD_AS(feed_fact, facts.points, "points"),
    FIELD_AS(feed_fact, facts.max_points, "max_points"),
    FIELD_AS(feed_fact, facts.value, "value", .values = &mark_values),
    FIELD_AS(feed_fact, before.points, "before_points"),
    FIELD_AS(feed_fact, before.max_points, "before_max_points"),
    FIELD_AS(feed_fact, before.value, "before_value", .values = &mark_values),
};
static const struct record marks_columns = RECORD(feed_fact, marks_fields);

enum error store_marks(struct db *db, const struct feed_marks *marks, struct arena *arena,
                       struct err *err)
{
    static const struct statement statement = {
        "marks", "select feed_marks($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
                 "                  $14, $15, $16)"};
    if (!marks->count)
        return ERROR_NONE;
    const void **items = ARENA_ARRAY(arena, marks->count, const void *);
    for (size_t i = 0; i < marks->count; i++)
        items[i] = &marks->items[i];
    struct params params = {0};
    param_records(&params, &marks_columns, items, marks->count, arena);
    return db_exec(db, &statement, &params, NULL, err);
}

static const struct field change_key_fields[] = {
    FIELD(feed_change, event),
    FIELD(feed_change, previous),
};
static const struct record change_keys = RECORD(feed_change, change_key_fields);

static const struct field absence_fields[] = {
    FIELD(feed_fact, time),
    FIELD(feed_fact, learner),
    FIELD(feed_fact, event),
    FIELD(feed_fact, previous),
    FIELD(feed_fact, kind, .values = &feed_kinds),
    FIELD_AS(feed_fact, facts.class, "class"),
    FIELD_AS(feed_fact, facts.subject, "subject"),
    FIELD_AS(feed_fact, facts.date, "date"),
    FIELD_AS(feed_fact, facts.lesson, "lesson"),
    FIELD_AS(feed_fact, facts.session, "session", .values = &register_sessions),
    FIELD_AS(feed_fact, facts.code, "code", .values = &absence_codes),
    FIELD_AS(feed_fact, facts.minutes, "minutes"),
    FIELD_AS(feed_fact, before.code, "before_code", .values = &absence_codes),
    FIELD_AS(feed_fact, before.minutes, "before_minutes"),
};
static const struct record absence_columns = RECORD(feed_fact, absence_fields);

enum error store_absences(struct db *db, const struct feed_absences *absences, struct arena *arena,
                          struct err *err)
{
    static const struct statement statement = {
        "absences", "select feed_absences($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
                    "                     $14, $15, $16)"};
    if (!absences->count && !absences->change_count)
        return ERROR_NONE;
    const void **changes = ARENA_ARRAY(arena, absences->change_count, const void *);
    const void **items = ARENA_ARRAY(arena, absences->count, const void *);
    for (size_t i = 0; i < absences->change_count; i++)
        changes[i] = &absences->changes[i];
    for (size_t i = 0; i < absences->count; i++)
        items[i] = &absences->items[i];
    struct params params = {0};
    param_records(&params, &change_keys, changes, absences->change_count, arena);
    param_records(&params, &absence_columns, items, absences->count, arena);
    return db_exec(db, &statement, &params, NULL, err);
}

static const struct field retracted_fields[] = {
    FIELD(feed_retracted, event),
    FIELD(feed_retracted, learner),
};
static const struct record retracted_columns = RECORD(feed_retracted, retracted_fields);

enum error store_retract(struct db *db, const struct feed_retracted *events, size_t count,
                         struct arena *arena, struct err *err)
{
    static const struct statement statement = {
        "retract", /* mark_retracted, absence_retracted */
        "insert into feed (epoch, xid, time, learner, event, kind, class, subject, date, lesson,"
        "                  session, work, points, max_points, value, code, minutes)"
        " select s.epoch, s.xid, now(), f.learner, f.event, case when f.kind < 4 then 4 else 8 end,"
        "        f.class, f.subject, f.date, f.lesson, f.session, f.work, f.points, f.max_points,"
        "        f.value, f.code, f.minutes"
        "   from outbox_stamp() s, (select distinct * from unnest($1::uuid[], $2::uuid[])) i"
        "        (event, learner) cross join"
        "        lateral (select f.* from feed_standing f where f.event = i.event and f.kind > 4"
        "                 union all"
        "                 select f.* from feed_standing f"
        "                  where f.learner = i.learner and f.event = i.event and f.kind < 4) f"
        "  order by f.epoch, f.xid, f.seq"};
    const void **items = ARENA_ARRAY(arena, count, const void *);
    for (size_t i = 0; i < count; i++)
        items[i] = &events[i];
    struct params params = {0};
    param_records(&params, &retracted_columns, items, count, arena);
    return db_exec(db, &statement, &params, NULL, err);
}

/* ---- api and push ---- */

#define ROW_COLUMNS                                                                            \
    " v.epoch, v.xid, v.seq, v.time, v.event, v.corrects, v.kind, v.class, v.subject, v.date," \
    " v.lesson, v.session, v.work, v.points, v.max_points, v.value, v.code, v.minutes,"        \
    " v.before_points, v.before_max_points, v.before_value, v.before_code, v.before_minutes,"  \
    " v.child, v.name, v.subject_kk, v.subject_ru, v.subject_en"

/* Who reads: $1 person, $2 today. */
static void param_reader(struct params *params, const struct inbox_wanted *wanted)
{
    param_uuid(params, &wanted->person);
    param_date(params, wanted->today);
}

static void param_position(struct params *params, const struct position *position)
{
    param_bigint(params, position->epoch);
    param_bigint(params, position->xid);
    param_bigint(params, position->seq);
}

static void param_bounds(struct params *params, const struct inbox_wanted *wanted)
{
    param_position(params, &wanted->up_to);
    param_int(params, wanted->limit);
}

void store_inbox(struct db_async *db, const struct inbox_wanted *wanted,
                 db_async_callback *callback, void *context)
{
    static const struct statement statement = {
        "inbox",
        "select" ROW_COLUMNS ", (select a.locale from copy_account a where a.id = $7) as locale,"
        "       (v.epoch, v.xid, v.seq) <= (r.epoch, r.xid, r.seq) as read"
        "  from inbox_children($1, $2) c"
        "       left join lateral read_position_of($1, c.child) r on true"
        "       left join lateral ("
        "         select w.* from feed_shown w"
        "          where w.learner = c.learner and (w.epoch, w.xid, w.seq) < ($3, $4, $5)"
        "            and feed_right(w.kind) & c.rights <> 0"
        "          order by w.epoch desc, w.xid desc, w.seq desc limit $6) v on true"
        " where $8::uuid is null or c.child = canonical_of($8)"
        " order by v.epoch desc nulls last, v.xid desc, v.seq desc limit $6"};
    struct params params = {0};
    param_reader(&params, wanted);
    param_bounds(&params, wanted);
    param_uuid(&params, &wanted->account);
    param_uuid(&params, &wanted->child);
    db_async_exec(db, &statement, &params, callback, context);
}

void store_backlog(struct db_async *db, const struct inbox_wanted *wanted,
                   db_async_callback *callback, void *context)
{
    static const struct statement statement = {
        "backlog",
        "select" ROW_COLUMNS "  from inbox_children($1, $2) c cross join lateral ("
        "         select w.* from feed_shown w"
        "          where w.learner = c.learner and (w.epoch, w.xid, w.seq) > ($7, $8, $9)"
        "            and (w.epoch, w.xid, w.seq) <= ($3, $4, $5)"
        "            and feed_right(w.kind) & c.rights <> 0"
        "          order by w.epoch, w.xid, w.seq limit $6) v"
        " order by v.epoch, v.xid, v.seq limit $6"};
    struct params params = {0};
    param_reader(&params, wanted);
    param_bounds(&params, wanted);
    param_position(&params, &wanted->after);
    db_async_exec(db, &statement, &params, callback, context);
}

void store_children(struct db_async *db, const struct inbox_wanted *wanted,
                    db_async_callback *callback, void *context)
{
    static const struct statement statement = {
        "children",
        "select c.child, p.given, c.rights, u.unread, r.epoch, r.xid, r.seq,"
        "       (select a.locale from copy_account a where a.id = $3)"
        "  from (values (1)) as one left join ("
        "         select k.child, k.rights, array_agg(k.learner) as learners"
        "           from inbox_children($1, $2) k group by k.child, k.rights) c on true"
        "       left join copy_person p on p.id = c.child"
        "       left join lateral read_position_of($1, c.child) r on true"
        "       left join lateral ("
        "         select count(*)::integer as unread from ("
        "           select from unnest(c.learners) l cross join lateral ("
        "             select from feed f where f.learner = l"
        "                and (f.epoch, f.xid, f.seq)"
        "                  > (coalesce(r.epoch, 0), coalesce(r.xid, 0), coalesce(r.seq, 0))"
        "                and feed_right(f.kind) & c.rights <> 0 limit $4) x"
        "            limit $4) y) u on true"
        " order by p.given, c.child"};
    struct params params = {0};
    param_reader(&params, wanted);
    param_uuid(&params, &wanted->account);
    param_int(&params, wanted->limit);
    db_async_exec(db, &statement, &params, callback, context);
}

void store_read(struct db_async *db, const struct inbox_wanted *wanted, db_async_callback *callback,
                void *context)
{
    static const struct statement statement = {
        "read",
        "with own as (select k.child, k.learner from inbox_children($1, $2) k"
        "              where k.child = canonical_of($6)),"
        " newest as ("
        "   select n.* from own o cross join lateral ("
        "     select f.epoch, f.xid, f.seq from feed f"
        "      where f.learner = o.learner and (f.epoch, f.xid, f.seq) <= ($3, $4, $5)"
        "      order by f.epoch desc, f.xid desc, f.seq desc limit 1) n"
        "    order by n.epoch desc, n.xid desc, n.seq desc limit 1),"
        " others as (" /* positions under former ids of the two */
        "   select r.guardian, r.child from read_position r"
        "    where r.guardian in (select ids_of($1)) and r.child in (select o.learner from own o)"
        "      and (r.guardian, r.child) <> ($1, (select o.child from own o limit 1))),"
        " moved as ("
        "   insert into read_position as r (guardian, child, epoch, xid, seq)"
        "   select $1, (select o.child from own o limit 1), n.epoch, n.xid, n.seq from newest n"
        "    where not exists (select from read_position_of($1, $6) p"
        "                       where (p.epoch, p.xid, p.seq) >= (n.epoch, n.xid, n.seq))"
        "   on conflict (guardian, child) do update"
        "      set epoch = excluded.epoch, xid = excluded.xid, seq = excluded.seq"
        "    where (excluded.epoch, excluded.xid, excluded.seq) > (r.epoch, r.xid, r.seq)"
        "       or exists (select from others)"
        "   returning 1),"
        " made_one as ("
        "   delete from read_position r using others o"
        "    where r.guardian = o.guardian and r.child = o.child and exists (select from moved))"
        " select o.child from own o limit 1"};
    struct params params = {0};
    param_reader(&params, wanted);
    param_position(&params, &wanted->up_to);
    param_uuid(&params, &wanted->child);
    db_async_exec(db, &statement, &params, callback, context);
}

/* $7: the children of those who read. Of others' rows no more is looked at than whose they are. */
const struct statement store_follow_feed = {
    "follow_feed",
    "select" ROW_COLUMNS "  from ("
    "         select f.epoch, f.xid, f.seq from feed f"
    "          where (f.epoch, f.xid, f.seq) > ($1, $2, $3)"
    "            and (f.epoch < $4 or (f.epoch = $4 and f.xid < $5))"
    "            and (coalesce((select a.canonical from copy_alias a where a.id = f.learner),"
    "                          f.learner) in (select unnest($7::uuid[]))) is true"
    "          order by f.epoch, f.xid, f.seq limit $6) w"
    "       cross join lateral ("
    "         select s.* from feed_shown s"
    "          where s.epoch = w.epoch and s.xid = w.xid and s.seq = w.seq offset 0) v"
    " order by v.epoch, v.xid, v.seq"};
