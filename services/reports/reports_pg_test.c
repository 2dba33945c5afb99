/* Figures against an independent recount: random facts, ghosts, organisations, territories and
 * enrolments go through the real handlers in any order, with roll-ups in between; then every day
 * and cell of every node must equal what brute force finds in the primary rows. EISO_TEST_SEED
 * repeats one run. */
#include "testkit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "apply.h"
#include "outbox/outbox.h"
#include "store.h"
#include "testkit/testkit.h"

extern const struct embedded reports_schema[];
extern const size_t reports_schema_count;

enum { ORGANISATIONS = 24, BODIES = 5, PLACES = 9, CLASSES = 30, LEARNERS = 60, ENROLMENTS = 120 };
enum { FACTS = 4000, DAYS = 3, STEPS = 120, SEEDS = 4 };

extern const struct embedded reports_recount[];

/* ---- A world ---- */

enum { VERSIONS = 4 };

struct fact {
    bool is_mark;
    struct mark marks[VERSIONS]; /* as recorded, then its corrections; the last one may withdraw */
    size_t versions;             /* that are there; 0: taken back. A register has one */
    struct lesson_register taken;
    struct register_exception exceptions[3];
};

struct world {
    struct arena arena;
    struct db *db;
    uint64_t random;
    int64_t revision;
    struct date first;
    struct fact facts[FACTS];
    size_t fact_count;
};

static uint32_t below(struct world *world, uint32_t limit)
{
    world->random ^= world->random << 13;
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return (uint32_t)(world->random >> 16) % limit;
}

static bool chance(struct world *world, uint32_t percent)
{
    return below(world, 100) < percent;
}

enum kind { KIND_ORGANISATION = 1, KIND_CLASS, KIND_LEARNER, KIND_ENROLMENT };

static struct uuid id_of(enum kind kind, uint32_t number)
{
    return (struct uuid){.bytes = {[0] = (uint8_t)kind,
                                   [6] = 0x70,
                                   [8] = 0x80,
                                   [14] = (uint8_t)(number >> 8),
                                   [15] = (uint8_t)number}};
}

static struct str text_of(struct arena *arena, const struct uuid *id)
{
    char *text = arena_alloc(arena, UUID_TEXT_LEN + 1);
    return str_from(uuid_format(id, text));
}

static void check(enum error code, const struct err *err)
{
    if (code)
        fail_msg("%s: %s", error_info(code)->name, err->text);
}

static void run(struct world *world, const char *sql)
{
    struct err err = {0};
    check(db_run(world->db, sql, &err), &err);
}

/* Through a handler, in a transaction, as intake does. */
static void hand_over(struct world *world, intake_handler *handler, const struct topic *topic,
                      const struct event *events, size_t count)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct err err = {0};
    struct event_batch batch = {world->db, &arena, topic, events, count, NULL};
    check(db_begin(world->db, &err), &err);
    check(handler(&batch, &err), &err);
    check(db_commit(world->db, &err), &err);
}

static void change(struct world *world, int type, struct str key, const void *value)
{
    const struct event_type *event_type = event_type_get(type);
    struct event event = {
        .type = value ? event_type : NULL, .position = {1, 1, 1, 0}, .key = key, .value = value};
    hand_over(world, apply_registry, event_type->topic, &event, 1);
}

/* ---- What may happen ---- */

static struct str place_code(struct world *world, uint32_t number)
{
    return number == 0 ? STR("KZ") : str_from(arena_printf(&world->arena, "%u", 10 + number));
}

static void change_place(struct world *world)
{
    uint32_t number = below(world, PLACES);
    struct str code = place_code(world, number);
    struct reference place = {.list = STR("territory"),
                              .code = code,
                              .kk = STR("ауыл"),
                              .ru = STR("село"),
                              .revision = ++world->revision};
    if (number > 0)
        place.parent = place_code(world, below(world, number));
    struct str key = str_from(arena_printf(&world->arena, "territory:%.*s", STR_ARG(code)));
    change(world, EVENT_REFERENCE_CHANGED, key, number && chance(world, 10) ? NULL : &place);
}

/* Superiors have lower numbers: no circle. A school may have others below it, too. */
static void change_organisation(struct world *world)
{
    uint32_t number = below(world, ORGANISATIONS);
    struct organisation organisation = {
        .id = id_of(KIND_ORGANISATION, number),
        .name = {STR("мектеп"), STR("школа")},
        .kind = number ? ORGANISATION_SCHOOL : ORGANISATION_MINISTRY,
        .kato = place_code(world, below(world, PLACES + 1)), /* the last one is never known */
        .ownership = OWNERSHIP_STATE,
        .shifts = number < BODIES ? 0 : (int32_t)below(world, 3),
        .valid_from = {world->first.day - 400 + (int32_t)(chance(world, 20) ? 401 : 0)},
        .revision = ++world->revision,
    };
    if (chance(world, 10))
        organisation.valid_to = (struct date){world->first.day + 1};
    if (number && chance(world, 80))
        organisation.subordinate_to = id_of(KIND_ORGANISATION, below(world, MIN_OF(number, 8U)));
    change(world, EVENT_ORGANISATION_CHANGED, text_of(&world->arena, &organisation.id),
           chance(world, 7) ? NULL : &organisation);
}

static void change_class(struct world *world)
{
    struct class class = {
        .id = id_of(KIND_CLASS, below(world, CLASSES)),
        .organisation = id_of(KIND_ORGANISATION, BODIES + below(world, ORGANISATIONS - BODIES)),
        .name = STR("5 Ә"),
        .type = chance(world, 80) ? CLASS_HOMEROOM : CLASS_GROUP,
        .language = TEACHING_KK,
        .shift = 1,
        .academic_year = 2026,
        .revision = ++world->revision,
    };
    change(world, EVENT_CLASS_CHANGED, text_of(&world->arena, &class.id),
           chance(world, 10) ? NULL : &class);
}

static void change_enrolment(struct world *world)
{
    struct enrolment enrolment = {
        .id = id_of(KIND_ENROLMENT, below(world, ENROLMENTS)),
        .learner = id_of(KIND_LEARNER, below(world, LEARNERS)),
        .class = id_of(KIND_CLASS, below(world, CLASSES)),
        .from = {world->first.day - 2 + (int32_t)below(world, DAYS + 2)},
        .mode = ENROLMENT_CLASS,
        .revision = ++world->revision,
    };
    if (chance(world, 50))
        enrolment.to = (struct date){enrolment.from.day - 1 + (int32_t)below(world, DAYS + 1)};
    change(world, EVENT_ENROLMENT_CHANGED, text_of(&world->arena, &enrolment.id),
           chance(world, 10) ? NULL : &enrolment);
}

static void change_alias(struct world *world)
{
    uint32_t canonical = below(world, LEARNERS / 2);
    struct alias alias = {.id = id_of(KIND_LEARNER, LEARNERS / 2 + below(world, LEARNERS / 2)),
                          .canonical = id_of(KIND_LEARNER, canonical),
                          .entity = ALIAS_PERSON,
                          .revision = ++world->revision};
    change(world, EVENT_ALIAS_CHANGED, text_of(&world->arena, &alias.id),
           chance(world, 10) ? NULL : &alias);
}

/* What a correction may change, too. */
static void mark_anything(struct world *world, struct mark *mark)
{
    mark->date = (struct date){world->first.day + (int32_t)below(world, DAYS)};
    mark->lesson = (struct optional){chance(world, 80), (int32_t)below(world, 3) + 1};
    mark->kind = MARK_FORMATIVE + below(world, 3);
    mark->points = mark->max_points = (struct optional){0};
    if (chance(world, 80)) {
        int32_t most = 1 + (int32_t)below(world, 100);
        mark->max_points = (struct optional){true, most};
        mark->points = (struct optional){true, (int32_t)below(world, (uint32_t)most + 1)};
    }
}

static struct fact *fact_new(struct world *world)
{
    ensure(world->fact_count < FACTS);
    struct fact *fact = &world->facts[world->fact_count++];
    struct optional lesson = {chance(world, 80), (int32_t)below(world, 3) + 1};
    struct uuid organisation = id_of(KIND_ORGANISATION, below(world, ORGANISATIONS));
    struct date date = {world->first.day + (int32_t)below(world, DAYS)};
    int32_t shift = (int32_t)below(world, 3);
    fact->versions = 1;
    fact->marks[0] = (struct mark){.organisation = organisation, .shift = shift};
    mark_anything(world, &fact->marks[0]);
    for (size_t i = 0; i < COUNT_OF(fact->exceptions); i++) {
        fact->exceptions[i].code = ABSENCE_UNEXCUSED + below(world, ABSENCE_CODES - 1);
        if (fact->exceptions[i].code == ABSENCE_LATE && chance(world, 50))
            fact->exceptions[i].minutes = (struct optional){true, 1 + (int32_t)below(world, 40)};
    }
    fact->taken = (struct lesson_register){
        .organisation = organisation,
        .date = date,
        .shift = shift,
        .lesson = lesson,
        .session = lesson.present ? 0 : SESSION_DAY + below(world, 3),
        .learners = 3 + (int32_t)below(world, 30),
        .exceptions = {fact->exceptions, below(world, COUNT_OF(fact->exceptions) + 1)}};
    return fact;
}

static bool is_withdrawn(const struct fact *fact)
{
    return fact->versions && uuid_present(&fact->marks[fact->versions - 1].withdraws);
}

/* The primary row of a mark as it stands. */
static void keep_mark(struct world *world, const struct fact *fact, struct buf *sql)
{
    int number = (int)(fact - world->facts);
    buf_printf(sql, "delete from fact_mark where id = %d;", number);
    if (!fact->versions || is_withdrawn(fact))
        return;
    const struct mark *mark = &fact->marks[fact->versions - 1];
    buf_printf(sql, "insert into fact_mark values (%d, '%s', '%s', %d, %d, %d, ", number,
               text_of(&world->arena, &mark->organisation).ptr,
               date_format(mark->date, (char[DATE_TEXT_LEN + 1]){0}), mark->shift,
               mark->lesson.present ? mark->lesson.value : 0, (int)mark->kind);
    if (mark->points.present)
        buf_printf(sql, "%d, %d);", mark->points.value, mark->max_points.value);
    else
        buf_add_text(sql, "null, null);");
}

static void keep_register(struct world *world, const struct fact *fact, struct buf *sql)
{
    const struct lesson_register *taken = &fact->taken;
    int number = (int)(fact - world->facts);
    buf_printf(sql,
               "delete from fact_register where id = %d;"
               " delete from fact_exception where register = %d;",
               number, number);
    if (!fact->versions)
        return;
    buf_printf(sql, "insert into fact_register values (%d, '%s', '%s', %d, %d, %d);", number,
               text_of(&world->arena, &taken->organisation).ptr,
               date_format(taken->date, (char[DATE_TEXT_LEN + 1]){0}), taken->shift,
               taken->lesson.present ? taken->lesson.value : 100 + (int)taken->session,
               taken->learners);
    for (size_t i = 0; i < taken->exceptions.count; i++)
        buf_printf(sql, "insert into fact_exception values (%d, %d, %d);", number,
                   (int)fact->exceptions[i].code, fact->exceptions[i].minutes.value);
}

static void keep(struct world *world, const struct fact *fact, struct buf *sql)
{
    (fact->is_mark ? keep_mark : keep_register)(world, fact, sql);
}

/* The day that the fact's last event speaks of. */
static struct date day_of(const struct fact *fact)
{
    if (!fact->is_mark)
        return fact->taken.date;
    return fact->marks[fact->versions - (is_withdrawn(fact) ? 2 : 1)].date;
}

/* The event of the fact's last version. */
static struct event event_of(struct world *world, const struct fact *fact)
{
    static const int mark_types[] = {EVENT_MARK_RECORDED, EVENT_MARK_CORRECTED};
    int type = is_withdrawn(fact) ? EVENT_MARK_WITHDRAWN : mark_types[fact->versions > 1];
    return (struct event){.type = event_type_get(fact->is_mark ? type : EVENT_REGISTER_TAKEN),
                          .time = {(1700000000 + (int64_t)below(world, 1000000)) * 1000000},
                          .value = fact->is_mark ? (const void *)&fact->marks[fact->versions - 1]
                                                 : &fact->taken};
}

/* What has come goes through its handler, and is kept and heard of. */
static void facts_arrive(struct world *world, bool marks, struct fact *const *facts, size_t count)
{
    CLEANUP(buf_done) struct buf sql = {0};
    struct event events[20];
    for (size_t i = 0; i < count; i++) {
        events[i] = event_of(world, facts[i]);
        keep(world, facts[i], &sql);
        buf_printf(&sql, "insert into heard values ('%s', '%s', to_timestamp(%lld));",
                   text_of(&world->arena, &facts[i]->taken.organisation).ptr,
                   date_format(day_of(facts[i]), (char[DATE_TEXT_LEN + 1]){0}),
                   (long long)(events[i].time.us / 1000000));
    }
    hand_over(world, marks ? apply_marks : apply_registers, marks ? &topic_marks : &topic_registers,
              events, count);
    buf_add_char(&sql, '\0');
    run(world, sql.ptr);
}

static void facts_come(struct world *world)
{
    struct fact *facts[20];
    size_t count = 1 + below(world, COUNT_OF(facts));
    bool marks = chance(world, 50);
    for (size_t i = 0; i < count; i++) {
        facts[i] = fact_new(world);
        facts[i]->is_mark = marks;
    }
    facts_arrive(world, marks, facts, count);
}

/* Some fact, or NULL. */
static struct fact *any_fact(struct world *world)
{
    return world->fact_count ? &world->facts[below(world, (uint32_t)world->fact_count)] : NULL;
}

/* A mark is corrected or withdrawn. */
static void mark_change(struct world *world, struct fact *fact)
{
    const struct mark *last = &fact->marks[fact->versions - 1];
    struct mark *next = &fact->marks[fact->versions++];
    *next = *last;
    next->before = (struct mark_before){.kind = last->kind,
                                        .points = last->points,
                                        .max_points = last->max_points,
                                        .value = last->value,
                                        .date = last->date,
                                        .lesson = last->lesson};
    mark_anything(world, next);
    struct uuid *names = chance(world, 70) ? &next->replaces : &next->withdraws;
    next->replaces = (struct uuid){{0}};
    *names = id_of(KIND_LEARNER, 1);
}

static void marks_change(struct world *world)
{
    for (int tries = 0; tries < 10; tries++) {
        struct fact *fact = any_fact(world);
        if (!fact || !fact->is_mark || !fact->versions || fact->versions == VERSIONS ||
            is_withdrawn(fact))
            continue;
        mark_change(world, fact);
        facts_arrive(world, true, &fact, 1);
    }
}

/* What came last of some facts was never there. */
static void ghosts_go(struct world *world)
{
    struct event events[10];
    size_t count = 0;
    CLEANUP(buf_done) struct buf sql = {0};
    for (int tries = 0; tries < 10; tries++) {
        struct fact *fact = any_fact(world);
        if (!fact || !fact->versions)
            continue;
        events[count++] = event_of(world, fact);
        fact->versions--;
        keep(world, fact, &sql);
    }
    if (count == 0)
        return;
    hand_over(world, retract_facts, &topic_marks, events, count);
    buf_add_char(&sql, '\0');
    run(world, sql.ptr);
}

static void roll_up(struct world *world)
{
    struct err err = {0};
    int32_t changed;
    check(store_roll_up(world->db, (struct date){world->first.day + DAYS - 1}, &changed, &err),
          &err);
}

static void count_learners(struct world *world)
{
    struct err err = {0};
    int32_t taken;
    check(store_make_contingents(world->db, 7, &taken, &err), &err);
}

static void anything(struct world *world)
{
    static const struct {
        void (*happens)(struct world *world);
        uint32_t weight;
    } happenings[] = {
        {facts_come, 30},  {ghosts_go, 8},      {change_organisation, 15}, {marks_change, 10},
        {change_place, 8}, {change_class, 10},  {change_alias, 4},         {change_enrolment, 20},
        {roll_up, 8},      {count_learners, 8},
    };
    uint32_t sum = 0, at;
    for (size_t i = 0; i < COUNT_OF(happenings); i++)
        sum += happenings[i].weight;
    at = below(world, sum);
    for (size_t i = 0; i < COUNT_OF(happenings); i++) {
        if (at < happenings[i].weight) {
            happenings[i].happens(world);
            return;
        }
        at -= happenings[i].weight;
    }
}

/* ---- Looking ---- */

static void settle(struct world *world)
{
    struct err err = {0};
    int32_t taken = 1;
    while (taken > 0)
        check(store_make_contingents(world->db, 7, &taken, &err), &err);
    roll_up(world);
}

static void nothing_is_wrong(struct world *world, unsigned seed, int step)
{
    static const struct statement wrong = {
        "wrong", "select w.what from (select 'day ' || d::text as what from wrong_day d"
                 " union all select 'cell ' || c::text from wrong_cell c) w limit 3"};
    CLEANUP(result_done) struct result result = {0};
    struct err err = {0};
    check(db_exec(world->db, &wrong, NULL, &result, &err), &err);
    for (size_t row = 0; row < result_rows(&result); row++)
        print_error("seed %u step %d: %.*s\n", seed, step, STR_ARG(result_str(&result, row, 0)));
    assert_int_equal(result_rows(&result), 0);
}

static int64_t number(struct world *world, const char *sql)
{
    CLEANUP(result_done) struct result result = {0};
    struct err err = {0};
    struct statement *statement = ARENA_NEW(&world->arena, struct statement);
    *statement =
        (struct statement){arena_printf(&world->arena, "n%lld", (long long)++world->revision), sql};
    check(db_exec(world->db, statement, NULL, &result, &err), &err);
    return result_bigint(&result, 0, 0);
}

static struct world *world_new(unsigned seed)
{
    struct world *world = mem_alloc(sizeof *world);
    struct err err = {0};
    world->random = 0x9E3779B97F4A7C15U * (seed + 1);
    world->first = (struct date){date_today().day - DAYS + 1};
    check(db_open(&world->db, testkit_database(&world->arena), &err), &err);
    struct migration_set sets[] = {
        outbox_migrations, intake_migrations, {"reports", reports_schema, reports_schema_count}};
    check(db_migrate(world->db, sets, COUNT_OF(sets), &err), &err);
    check(outbox_open(world->db, NULL, &err), &err);
    run(world, "set plan_cache_mode = force_generic_plan; set enable_seqscan = off");
    run(world, reports_recount[0].bytes);
    return world;
}

static void world_free(struct world *world)
{
    db_close(world->db);
    arena_done(&world->arena);
    free(world);
}

/* ---- Tests ---- */

/* Something of everything, so that most facts find where they belong. */
static void populate(struct world *world)
{
    for (int i = 0; i < 100; i++) {
        if (i < 40)
            change_place(world);
        if (i < 60)
            change_organisation(world);
        if (i < 40)
            change_class(world);
        change_enrolment(world);
    }
}

static void play(unsigned seed)
{
    struct world *world = world_new(seed);
    populate(world);
    for (int step = 1; step <= STEPS; step++) {
        anything(world);
        if (step % (STEPS / 4) == 0) {
            settle(world);
            nothing_is_wrong(world, seed, step);
        }
    }
    assert_true(
        number(world, "select sum(learners + registers)::bigint from node_day where node = 'KZ'") >
        0);
    world_free(world);
}

static void every_figure_equals_its_recount(void **state)
{
    (void)state;
    const char *given = getenv("EISO_TEST_SEED");
    if (given) {
        play((unsigned)strtoul(given, NULL, 10));
        return;
    }
    for (unsigned seed = 1; seed <= SEEDS; seed++)
        play(seed);
}

/* ---- Single rules ---- */

static void sql(struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);
static void sql(struct world *world, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    assert_in_range(length, 0, sizeof text - 1);
    run(world, text);
}

/* An organisation straight into the copy. */
static void put_organisation(struct world *world, uint32_t organisation, const char *kato,
                             uint32_t superior)
{
    struct uuid id = id_of(KIND_ORGANISATION, organisation);
    struct uuid above = id_of(KIND_ORGANISATION, superior);
    sql(world,
        "insert into copy_organisation (id, name_kk, name_ru, kind, kato, subordinate_to, "
        "ownership, shifts, valid_from, epoch, revision)"
        " values ('%s', 'а', 'а', 8, '%s', '%s', 1, 1, '2020-01-01', 1, 1)"
        " on conflict (id) do update set kato = excluded.kato, "
        "subordinate_to = excluded.subordinate_to;"
        " select copy_paths(array(select id from copy_organisation));"
        " insert into dirty_tree values ('%s')",
        text_of(&world->arena, &id).ptr, kato, text_of(&world->arena, &above).ptr,
        text_of(&world->arena, &id).ptr);
}

static void put_place(struct world *world, const char *code, const char *parent)
{
    sql(world,
        "insert into copy_reference (list, code, parent, kk, ru, epoch, revision)"
        " values ('territory', '%s', nullif('%s', ''), 'а', 'а', 1, 1)"
        " on conflict (list, code) do update set parent = excluded.parent;"
        " insert into dirty_tree values (null)",
        code, parent);
}

static void put_register(struct world *world, uint32_t organisation)
{
    struct lesson_register taken = {.organisation = id_of(KIND_ORGANISATION, organisation),
                                    .date = {world->first.day + DAYS - 1},
                                    .lesson = {true, 1},
                                    .learners = 10};
    struct event event = {
        .type = event_type_get(EVENT_REGISTER_TAKEN), .time = {1}, .value = &taken};
    hand_over(world, apply_registers, &topic_registers, &event, 1);
}

/* ---- Registers that change ---- */

static int64_t cells_where(struct world *world, const char *condition)
{
    return number(world,
                  arena_printf(&world->arena, "select count(*) from cell where %s", condition));
}

/* Each change moves what it says was there, to the right day and lesson; and each is taken back. */
static void changes_of_registers_move_their_cells(void **state)
{
    (void)state;
    struct world *world = world_new(0);
    const struct register_exception first[] = {{.code = ABSENCE_ILL},
                                               {.code = ABSENCE_LATE, .minutes = {true, 7}}};
    const struct register_exception second[] = {{.code = ABSENCE_EXCUSED}};
    struct lesson_register taken = {.organisation = id_of(KIND_ORGANISATION, 3),
                                    .date = world->first,
                                    .lesson = {true, 1},
                                    .shift = 2,
                                    .learners = 10,
                                    .exceptions = {first, 2}};
    struct absence_change late = {.organisation = taken.organisation,
                                  .date = taken.date,
                                  .lesson = taken.lesson,
                                  .shift = 2,
                                  .code = ABSENCE_PRESENT,
                                  .before = {ABSENCE_LATE, {true, 7}}};
    struct lesson_register replaced = taken, withdrawn = taken;
    replaced.replaces = withdrawn.withdraws = id_of(KIND_LEARNER, 1);
    replaced.date.day++;
    replaced.lesson.value = 2;
    replaced.exceptions = (struct list){second, 1};
    replaced.before = (struct register_before){{0}, taken.date, taken.lesson, 0, 10, {first, 1}};
    struct lesson_register recounted = replaced; /* two of its learners are one child */
    recounted.replaces = (struct uuid){{0}};
    recounted.learners = 9;
    recounted.exceptions = (struct list){0};
    recounted.before =
        (struct register_before){{0}, replaced.date, replaced.lesson, 0, 10, {second, 1}};
    withdrawn.before = (struct register_before){{0}, replaced.date, replaced.lesson, 0, 9, {0}};
    struct event events[] = {
        {.type = event_type_get(EVENT_REGISTER_TAKEN), .time = {1}, .value = &taken},
        {.type = event_type_get(EVENT_ABSENCE_CHANGED), .time = {2}, .value = &late},
        {.type = event_type_get(EVENT_REGISTER_REPLACED), .time = {3}, .value = &replaced},
        {.type = event_type_get(EVENT_REGISTER_RECOUNTED), .time = {9}, .value = &recounted},
        {.type = event_type_get(EVENT_REGISTER_WITHDRAWN), .time = {4}, .value = &withdrawn}};
    static const char *const cells[] = {
        "slot = 1 and (registers, learner_lessons, absent_ill, late, late_minutes)"
        " = (1, 10, 1, 1, 7)",
        "slot = 1 and (registers, learner_lessons, absent_ill, late, late_minutes)"
        " = (1, 10, 1, 0, 0)",
        "slot = 2 and (registers, learner_lessons, absent_excused, absent_ill) = (1, 10, 1, 0)",
        "slot = 2 and (registers, learner_lessons, absent_excused, absent_ill) = (1, 9, 0, 0)"
        " and heard_at < 'epoch'::timestamptz + interval '9 us'",
        "slot = 2 and (registers, learner_lessons, absent_excused, absent_ill) = (0, 0, 0, 0)"};
    for (size_t i = 0; i < COUNT_OF(events); i++) {
        hand_over(world, apply_registers, &topic_registers, &events[i], 1);
        assert_int_equal(cells_where(world, cells[i]), 1);
    }
    assert_int_equal(cells_where(world, "registers + learner_lessons + absent_ill <> 0"), 0);
    assert_int_equal(number(world, "select count(*) from quarantine"), 0);
    for (size_t i = COUNT_OF(events); i-- > 1;) {
        hand_over(world, retract_facts, &topic_registers, &events[i], 1);
        assert_int_equal(cells_where(world, cells[i - 1]), 1);
    }
    world_free(world);
}

/* Two bodies that each name the other as superior must not add each other up for ever. */
static void a_circle_of_superiors_does_not_grow(void **state)
{
    (void)state;
    struct world *world = world_new(0);
    put_organisation(world, 1, "10", 2);
    put_organisation(world, 2, "10", 1);
    put_organisation(world, 3, "10", 1);
    for (int i = 1; i <= 3; i++) {
        put_register(world, 3);
        sql(world, "insert into dirty_tree select id from copy_organisation");
        roll_up(world);
        assert_int_equal(number(world, "select max(registers) from node_day where tree = 2"), i);
    }
    world_free(world);
}

static size_t told(struct world *world, struct str key, int32_t *sets)
{
    struct untold_day *days;
    struct err err = {0};
    size_t count, found = 0;
    check(store_take_untold(world->db, 100, &world->arena, &days, &count, &err), &err);
    for (size_t i = 0; i < count; i++)
        if (str_starts(days[i].key, key)) {
            found++;
            *sets = days[i].sets;
        }
    return found;
}

static void time_passes(struct world *world, int seconds)
{
    sql(world,
        "update node_day set told_at = told_at - interval '%d s';"
        " update untold set due_at = due_at - interval '%d s'",
        seconds, seconds);
}

static void the_topic_is_told_of_changed_sets_now_and_then(void **state)
{
    (void)state;
    struct world *world = world_new(0);
    struct uuid id = id_of(KIND_ORGANISATION, 3);
    struct str school = text_of(&world->arena, &id), country = STR("KZ|");
    int32_t sets = 0;
    put_place(world, "KZ", "");
    put_organisation(world, 3, "KZ", 1);
    roll_up(world);
    assert_int_equal(told(world, country, &sets), 1);
    assert_int_equal(sets, 1 << SET_CONTINGENT);
    assert_int_equal(told(world, country, &sets), 0);
    time_passes(world, 60);
    put_register(world, 3);
    roll_up(world);
    assert_int_equal(told(world, school, &sets), 1);
    assert_int_equal(sets, 1 << SET_CONTINGENT | 1 << SET_ATTENDANCE);
    put_register(world, 3); /* heard at the same time: attendance alone */
    roll_up(world);
    assert_int_equal(told(world, country, &sets), 0);
    time_passes(world, 1);
    assert_int_equal(told(world, country, &sets), 1);
    assert_int_equal(sets, 1 << SET_ATTENDANCE);
    assert_int_equal(told(world, school, &sets), 0);
    time_passes(world, 9);
    assert_int_equal(told(world, school, &sets), 1);
    world_free(world);
}

static void the_topic_forgets_what_is_no_node_any_more(void **state)
{
    (void)state;
    struct world *world = world_new(0);
    put_place(world, "KZ", "");
    put_place(world, "11", "KZ");
    put_organisation(world, 3, "11", 1);
    put_register(world, 3);
    roll_up(world);
    put_organisation(world, 3, "KZ", 1);
    sql(world,
        "delete from copy_reference where code = '11'; insert into dirty_tree values (null)");
    roll_up(world);
    assert_int_equal(number(world, "select count(*) from event_log_events"
                                   " where type = 500 and payload = '' and key like '11|%'"),
                     3);
    assert_int_equal(number(world, "select count(*) from node_day where node = '11'"), 0);
    assert_int_equal(number(world, "select registers from node_day where node = 'KZ'"), 1);
    world_free(world);
}

/* After a lost part of the history: days that are there are told again, others are erased. */
static void the_topic_is_told_again_of_what_is_named(void **state)
{
    (void)state;
    struct world *world = world_new(0);
    struct err err = {0};
    put_place(world, "KZ", "");
    put_organisation(world, 3, "KZ", 1);
    put_register(world, 3);
    roll_up(world);
    run(world, "update node_day set untold = 0; delete from untold");
    char day[DATE_TEXT_LEN + 1];
    date_format((struct date){world->first.day + DAYS - 1}, day);
    const struct str keys[] = {
        str_from(arena_printf(&world->arena, "KZ|%s|marks", day)),
        str_from(arena_printf(&world->arena, "KZ|%s|attendance", day)),
        str_from(arena_printf(&world->arena, "subordination|KZ|%s|marks", day)),
        STR("KZ|1999-09-01|contingent"),
    };
    int64_t events = number(world, "select count(*) from event_log_events");
    check(store_state_again(world->db, &topic_indicators, keys, COUNT_OF(keys), NULL, &err), &err);
    assert_int_equal(number(world, "select sum(untold)::bigint from node_day"),
                     1 << SET_MARKS | 1 << SET_ATTENDANCE);
    assert_int_equal(number(world, "select count(*) from event_log_events where payload = ''"
                                   "   and key like '%|%'"),
                     2);
    assert_int_equal(number(world, "select count(*) from event_log_events"), events + 2);
    world_free(world);
}

/* Transaction ids are the cluster's, and other tests take some: where a roll-up took one itself,
 * none would ever go without. */
static bool takes_no_transaction_id(void *context)
{
    static const char next[] = "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint";
    struct world *world = context;
    int64_t before = number(world, next);
    roll_up(world);
    return number(world, next) == before;
}

/* Nothing dirty: no row is written, no transaction id taken. */
static void a_roll_up_of_nothing_writes_nothing(void **state)
{
    (void)state;
    struct world *world = world_new(0);
    put_place(world, "KZ", "");
    put_register(world, 3);
    roll_up(world);
    assert_true(testkit_wait_until(takes_no_transaction_id, world, 20000));
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_figure_equals_its_recount),
        TEST(changes_of_registers_move_their_cells),
        TEST(a_circle_of_superiors_does_not_grow),
        TEST(the_topic_is_told_of_changed_sets_now_and_then),
        TEST(the_topic_forgets_what_is_no_node_any_more),
        TEST(the_topic_is_told_again_of_what_is_named),
        TEST(a_roll_up_of_nothing_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
