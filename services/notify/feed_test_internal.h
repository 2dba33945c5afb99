/* A database of notify and events that are applied to it as intake would: what the tests share. */
#ifndef NOTIFY_FEED_TEST_INTERNAL_H
#define NOTIFY_FEED_TEST_INTERNAL_H

#include "testkit/check.h"

#include "apply.h"
#include "contracts/marks.h"
#include "contracts/registers.h"
#include "outbox/outbox.h"
#include "testkit/migrated.h"
#include "testkit/testkit.h"

extern const struct embedded notify_schema[];
extern const size_t notify_schema_count;

#define AIGUL    "00000000-0000-4000-8000-0000000000a1" /* children */
#define BOLAT    "00000000-0000-4000-8000-0000000000a2"
#define STRANGER "00000000-0000-4000-8000-0000000000a3"
#define CLASS    "00000000-0000-4000-8000-0000000000c1"

struct feed_house {
    struct arena arena;
    const char *conninfo;
    struct db *db;
};

static inline struct uuid id_of(const char *text)
{
    struct uuid id = {0};
    assert_true(uuid_parse(str_from(text), &id));
    return id;
}

static inline void house_run(struct feed_house *house, const char *sql)
{
    struct err err = {0};
    if (db_run(house->db, sql, &err))
        fail_msg("%s", err.text);
}

static inline int64_t house_number(struct feed_house *house, const char *sql)
{
    struct statement *statement = ARENA_NEW(&house->arena, struct statement);
    *statement =
        (struct statement){arena_printf(&house->arena, "number_%p", (void *)statement), sql};
    struct result result = {0};
    struct err err = {0};
    if (db_exec(house->db, statement, NULL, &result, &err))
        fail_msg("%s", err.text);
    assert_int_equal(result_rows(&result), 1);
    int64_t number = result_bigint(&result, 0, 0);
    result_done(&result);
    return number;
}

static inline void house_open(struct feed_house *house)
{
    const struct migration_set sets[] = {
        outbox_migrations, intake_migrations, {"notify", notify_schema, notify_schema_count}};
    struct err err = {0};
    *house = (struct feed_house){0};
    house->conninfo = migrated_database(sets, COUNT_OF(sets), NULL, &house->arena);
    if (db_open(&house->db, house->conninfo, &err) || outbox_open(house->db, NULL, &err))
        fail_msg("%s", err.text);
}

static inline void house_close(struct feed_house *house)
{
    db_close(house->db);
    arena_done(&house->arena);
}

/* ---- Events ---- */

static inline struct event event_of(int number, const void *value, struct uuid id)
{
    return (struct event){.type = event_type_get(number),
                          .source = STR("/kz/test"),
                          .id = id,
                          .time = {clock_now()},
                          .value = value};
}

static inline struct event *mark_recorded(struct feed_house *house, const char *learner, int points)
{
    struct mark *mark = ARENA_NEW(&house->arena, struct mark);
    struct event *event = ARENA_NEW(&house->arena, struct event);
    *mark = (struct mark){.id = uuid_v7(),
                          .class = id_of(CLASS),
                          .learner = id_of(learner),
                          .subject = STR("math"),
                          .kind = MARK_FORMATIVE,
                          .points = {true, points},
                          .max_points = {true, 10},
                          .date = date_make(2026, 11, 23),
                          .lesson = {true, 2}};
    *event = event_of(EVENT_MARK_RECORDED, mark, mark->id);
    return event;
}

/* As it was before a change. */
static inline struct mark_before before_of(const struct mark *mark)
{
    return (struct mark_before){.kind = mark->kind,
                                .points = mark->points,
                                .max_points = mark->max_points,
                                .value = mark->value,
                                .date = mark->date,
                                .lesson = mark->lesson};
}

static inline struct event *mark_corrected(struct feed_house *house, const struct event *before,
                                           int points)
{
    struct event *event = ARENA_NEW(&house->arena, struct event);
    struct mark *mark = ARENA_NEW(&house->arena, struct mark);
    *mark = *(const struct mark *)before->value;
    mark->replaces = before->id;
    mark->id = uuid_v7();
    mark->points.value = points;
    mark->reason_code = MARK_REASON_ERROR;
    mark->before = before_of(before->value);
    *event = event_of(EVENT_MARK_CORRECTED, mark, mark->id);
    return event;
}

static inline struct event *mark_withdrawn(struct feed_house *house, const struct event *before)
{
    struct event *event = ARENA_NEW(&house->arena, struct event);
    struct mark *mark = ARENA_NEW(&house->arena, struct mark);
    const struct mark *gone = before->value;
    *mark = (struct mark){.id = uuid_v7(),
                          .class = gone->class,
                          .learner = gone->learner,
                          .subject = gone->subject,
                          .withdraws = before->id,
                          .date = date_make(2026, 11, 24),
                          .reason_code = MARK_REASON_ERROR,
                          .before = before_of(gone)};
    *event = event_of(EVENT_MARK_WITHDRAWN, mark, mark->id);
    return event;
}

/* What a register said, as a change of it tells. */
static inline struct register_before said_by(const struct event *event)
{
    const struct lesson_register *former = event->value;
    return (struct register_before){former->subject, former->date,     former->lesson,
                                    former->session, former->learners, former->exceptions};
}

/* `replaced` NULL: taken. */
static inline struct event *register_taken(struct feed_house *house, const struct event *replaced,
                                           const struct register_exception *exceptions,
                                           size_t count)
{
    struct event *event = ARENA_NEW(&house->arena, struct event);
    struct lesson_register *taken = ARENA_NEW(&house->arena, struct lesson_register);
    *taken = (struct lesson_register){.id = uuid_v7(),
                                      .class = id_of(CLASS),
                                      .subject = STR("math"),
                                      .date = date_make(2026, 11, 23),
                                      .lesson = {true, 3},
                                      .exceptions = {exceptions, count}};
    if (replaced) {
        taken->replaces = replaced->id;
        taken->before = said_by(replaced);
    }
    *event = event_of(replaced ? EVENT_REGISTER_REPLACED : EVENT_REGISTER_TAKEN, taken, taken->id);
    return event;
}

static inline struct event *register_withdrawn(struct feed_house *house, const struct event *before)
{
    struct event *event = ARENA_NEW(&house->arena, struct event);
    struct lesson_register *taken = ARENA_NEW(&house->arena, struct lesson_register);
    *taken = (struct lesson_register){.id = uuid_v7(),
                                      .class = id_of(CLASS),
                                      .withdraws = before->id,
                                      .date = date_make(2026, 11, 24),
                                      .before = said_by(before)};
    *event = event_of(EVENT_REGISTER_WITHDRAWN, taken, taken->id);
    return event;
}

static inline struct event *absence_changed(struct feed_house *house, const struct event *of,
                                            const char *learner, enum absence_code before,
                                            enum absence_code code)
{
    const struct lesson_register *taken = of->value;
    struct event *event = ARENA_NEW(&house->arena, struct event);
    struct absence_change *change = ARENA_NEW(&house->arena, struct absence_change);
    *change = (struct absence_change){.id = uuid_v7(),
                                      .register_id = of->id,
                                      .learner = id_of(learner),
                                      .code = code,
                                      .class = taken->class,
                                      .subject = taken->subject,
                                      .date = taken->date,
                                      .lesson = taken->lesson,
                                      .before = {before, {0}}};
    *event = event_of(EVENT_ABSENCE_CHANGED, change, change->id);
    return event;
}

/* ---- Applying: one transaction a batch, as intake does ---- */

static inline intake_handler *handler_of(const struct topic *topic)
{
    return topic == &topic_marks ? apply_marks : apply_registers;
}

static inline void house_handle(struct feed_house *house, intake_handler *handler,
                                const struct event *const *events, size_t count)
{
    struct event *items = ARENA_ARRAY(&house->arena, count, struct event);
    struct err err = {0};
    for (size_t i = 0; i < count; i++)
        items[i] = *events[i];
    struct event_batch batch = {.db = house->db,
                                .arena = &house->arena,
                                .topic = items[0].type->topic,
                                .events = items,
                                .count = count};
    if (db_begin(house->db, &err) || handler(&batch, &err) || db_commit(house->db, &err))
        fail_msg("%s", err.text);
}

#define APPLY(house, ...)                                                                         \
    house_handle((house), handler_of((const struct event *const[]){__VA_ARGS__}[0]->type->topic), \
                 (const struct event *const[]){__VA_ARGS__},                                      \
                 sizeof((const struct event *const[]){__VA_ARGS__}) / sizeof(struct event *))
#define RETRACT(house, ...)                                                          \
    house_handle((house), apply_retract, (const struct event *const[]){__VA_ARGS__}, \
                 sizeof((const struct event *const[]){__VA_ARGS__}) / sizeof(struct event *))

#endif
