/* The read models of real services made anew: what the topics have comes out as it was, in its old
 * place; what they no longer have is taken over; what is in neither is gone. Marks keep arriving.
 */
#include "testkit/check.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "bus/bus.h"
#include "contracts/marks.h"
#include "contracts/position.h"
#include "contracts/registry.h"
#include "contracts/topics.h"
#include "db/db.h"
#include "testkit/testkit.h"

enum { WAIT_MS = 60000, LEARNERS = 7, OLD_DAYS = 100, EPOCH = 10 };

static struct {
    struct arena arena;
    struct testkit_server *kafka;
    struct bus_producer *producer;
    const char *folder;
    struct position last; /* on the topic of marks */
    int64_t marks;
} it;

struct consumer {
    const char *program, *conninfo;
    struct db *db;
    pid_t apply, jobs;
};

/* ---- The topics ---- */

static void make_topics(void)
{
    struct bus_settings settings = {testkit_server_address(it.kafka), NULL, "rebuild", 0};
    struct bus_producer_options options = {settings, NULL, NULL};
    struct bus_topic *topics = ARENA_ARRAY(&it.arena, topics_all_count, struct bus_topic);
    struct bus_admin *admin;
    struct err err = {0};
    for (size_t i = 0; i < topics_all_count; i++)
        topics[i] = (struct bus_topic){.name = topics_all[i]->name, .partitions = 1};
    if (bus_admin_open(&admin, &settings, &err) ||
        bus_admin_create_topics(admin, topics, topics_all_count, &err) ||
        bus_producer_open(&it.producer, &options, &err))
        fail_msg("%s", err.text);
    bus_admin_close(admin);
}

static void send(const struct topic *topic, const char *type, const char *key,
                 const struct position *position, const struct position *before, struct date date,
                 struct str value)
{
    char id[UUID_TEXT_LEN + 1], time[INSTANT_TEXT_LEN + 1];
    char own[POSITION_TEXT_LEN + 1], other[POSITION_TEXT_LEN + 1];
    struct uuid uuid = uuid_v7();
    struct instant noon = {((int64_t)date.day - DATE_UNIX_EPOCH) * INT64_C(86400000000) +
                           43200000000};
    const struct bus_header headers[] = {
        {STR("ce_id"), str_from(uuid_format(&uuid, id))},
        {STR("ce_source"), STR("/kz/source")},
        {STR("ce_type"), str_from(type)},
        {STR("ce_time"), str_from(instant_format(noon, time))},
        {STR("eiso_position"),
         str_from(arena_printf(&it.arena, "%s %s", position_format(position, own),
                               position_format(before, other)))},
    };
    struct bus_message_out message = {topic->name, 0,       str_from(key),
                                      value,       headers, COUNT_OF(headers)};
    struct err err = {0};
    if (bus_produce(it.producer, &message, &err))
        fail_msg("%s", err.text);
    while (bus_producer_progress(it.producer).acknowledged !=
           bus_producer_progress(it.producer).produced)
        if (bus_producer_poll(it.producer, 100, &err))
            fail_msg("%s", err.text);
}

static struct uuid id_of(int number)
{
    struct uuid id = {0};
    memset(&id, number + 1, sizeof id);
    return id;
}

/* The first mark names a predecessor that nobody has: the topic begins later than its history, ten
 * days ago. */
static void send_mark(int days_ago)
{
    CLEANUP(buf_done) struct buf value = {0};
    struct mark mark = {.id = uuid_v7(),
                        .learner = id_of((int)(it.marks % LEARNERS)),
                        .class = id_of(50),
                        .organisation = id_of(60),
                        .subject = STR("math"),
                        .kind = MARK_FORMATIVE,
                        .points = {true, 7},
                        .max_points = {true, 10},
                        .date = {date_today().day - (it.marks ? days_ago : 10)}};
    struct position before = it.marks ? it.last : (struct position){EPOCH, 1, 1, 0};
    it.marks++;
    it.last = (struct position){EPOCH, it.marks + 1, it.marks + 1, 0};
    record_encode_value(mark_event(&mark), &mark, &value);
    send(&topic_marks, "kz.eiso.grades.mark.recorded.v1", "school", &it.last, &before, mark.date,
         buf_str(&value));
}

static void send_alias(int number)
{
    CLEANUP(buf_done) struct buf value = {0};
    struct alias alias = {.id = id_of(100 + number),
                          .canonical = id_of(number),
                          .entity = ALIAS_PERSON,
                          .revision = 1};
    struct position position = {EPOCH, number + 1, number + 1, 0}, before = {0};
    char key[UUID_TEXT_LEN + 1];
    if (number)
        before = (struct position){EPOCH, number, number, 0};
    record_encode_value(&alias_event, &alias, &value);
    send(&topic_aliases, "kz.eiso.registry.alias.changed.v1", uuid_format(&alias.id, key),
         &position, &before, date_today(), buf_str(&value));
}

/* ---- A consumer ---- */

static pid_t start(const struct consumer *consumer, const char *first, const char *second)
{
    const char *environment[] = {
        arena_printf(&it.arena, "EISO_PG=%s", consumer->conninfo),
        arena_printf(&it.arena, "EISO_KAFKA=%s", testkit_server_address(it.kafka)),
        arena_printf(&it.arena, "EISO_STATE=%s", it.folder),
        arena_printf(&it.arena, "EISO_POKES=%s", it.folder),
        NULL,
    };
    const char *const arguments[] = {first, second, NULL};
    const struct testkit_child child = {consumer->program, arguments, environment,
                                        arena_printf(&it.arena, "%s/log", it.folder)};
    return testkit_spawn(&child);
}

static const char *ask(const struct consumer *consumer, const char *sql)
{
    CLEANUP(result_done) struct result result = {0};
    struct statement *statement = ARENA_NEW(&it.arena, struct statement);
    struct err err = {0};
    *statement = (struct statement){arena_printf(&it.arena, "ask_%p", (void *)statement), sql};
    if (db_exec(consumer->db, statement, NULL, &result, &err))
        fail_msg("%s: %s", sql, err.text);
    return str_copy(&it.arena, result_str(&result, 0, 0)).ptr;
}

static void run(const struct consumer *consumer, const char *sql)
{
    struct err err = {0};
    if (db_run(consumer->db, sql, &err))
        fail_msg("%s: %s", sql, err.text);
}

struct question {
    const struct consumer *consumer;
    const char *sql, *wanted;
};

static bool answers(void *context)
{
    const struct question *question = context;
    return strcmp(ask(question->consumer, question->sql), question->wanted) == 0;
}

static void expect(const struct consumer *consumer, const char *sql, const char *wanted)
{
    struct question question = {consumer, sql, wanted};
    if (!testkit_wait_until(answers, &question, WAIT_MS))
        assert_string_equal(ask(consumer, sql), wanted);
}

static void begin(struct consumer *consumer, const char *program)
{
    *consumer = (struct consumer){program, testkit_database(&it.arena)};
    assert_int_equal(testkit_wait(start(consumer, "--role", "migrate"), WAIT_MS), 0);
    assert_int_equal(db_open(&consumer->db, consumer->conninfo, NULL), ERROR_NONE);
    consumer->apply = start(consumer, "--role", "apply");
    consumer->jobs = start(consumer, "--role", "jobs");
}

static void end(struct consumer *consumer)
{
    assert_true(testkit_is_running(consumer->apply)); /* the same as from the beginning on */
    testkit_kill(consumer->apply);
    testkit_kill(consumer->jobs);
    db_close(consumer->db);
}

/* While marks arrive. */
static void rebuild(const struct consumer *consumer)
{
    pid_t child = start(consumer, "rebuild", NULL);
    while (testkit_is_running(child)) {
        send_mark(0);
        clock_sleep_ms(20);
    }
    assert_int_equal(testkit_wait(child, WAIT_MS), 0);
}

static const char *marks_text(int64_t more)
{
    return arena_printf(&it.arena, "%lld", (long long)(it.marks + more));
}

/* ---- What holds ---- */

static int open_house(void **state)
{
    (void)state;
    it.kafka = testkit_kafka_new();
    it.folder = testkit_folder(&it.arena);
    make_topics();
    for (int i = 0; i < 3; i++)
        send_alias(i);
    for (int i = 0; i < 200; i++)
        send_mark(i % 5);
    return 0;
}

static int close_house(void **state)
{
    (void)state;
    bus_producer_close(it.producer);
    testkit_server_free(it.kafka);
    arena_done(&it.arena);
    return 0;
}

static void notify_keeps_every_place_and_what_the_topics_have_lost(void **state)
{
    (void)state;
    struct consumer notify;
    begin(&notify, "eiso-notify");
    expect(&notify, "select count(*)::text from feed", marks_text(0));
    run(&notify,
        arena_printf(&it.arena,
                     "insert into feed (epoch, xid, time, learner, event, kind, date)"
                     " select 1, n, now() - interval '%d days', gen_random_uuid(),"
                     " gen_random_uuid(), 1, current_date - %d from generate_series(1, 9) n",
                     OLD_DAYS, OLD_DAYS));
    run(&notify,
        "create table before as select * from feed; create table copies as table copy_alias;"
        " insert into feed (epoch, xid, time, learner, event, kind, date) values"
        " (1, 99, now(), gen_random_uuid(), gen_random_uuid(), 1, current_date);"
        " delete from copy_alias where id = (select id from copy_alias limit 1)");
    rebuild(&notify);
    expect(&notify, "select count(*)::text from feed",
           marks_text(9)); /* without what nobody sent */
    expect(&notify, "select count(*)::text from (table before except table feed) d", "0");
    expect(&notify, "select count(*)::text from (table copies except table copy_alias) d", "0");
    expect(&notify, "select count(distinct event)::text from feed", marks_text(9));
    end(&notify);
}

/* Written anew, it would be told and streamed. */
#define STAMPS "tree, node, date, formative, changed_at, epoch, xid, seq"

static void reports_counts_the_same_and_tells_nothing_that_did_not_change(void **state)
{
    (void)state;
    struct consumer reports;
    begin(&reports, "eiso-reports");
    static const char counted[] = "select coalesce(sum(formative), 0)::text from cell";
    static const char rolled_up[] =
        "select coalesce(sum(formative), 0)::text from node_day where tree = 1";
    expect(&reports, counted, marks_text(0));
    expect(&reports, rolled_up, marks_text(0));
    run(&reports,
        arena_printf(&it.arena,
                     "select cell_make_months(current_date - %d, current_date);"
                     " insert into cell select organisation, current_date - %d, 9, 9, 0, 0,"
                     " 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0 from cell limit 1",
                     OLD_DAYS + 31, OLD_DAYS));
    run(&reports, "create table before as select " STAMPS " from node_day"
                  " where date < current_date;"
                  " update cell set formative = formative + 1000 where date = current_date - 3");
    rebuild(&reports);
    expect(&reports, counted, marks_text(3));
    expect(&reports, rolled_up, marks_text(3));
    expect(&reports,
           "select count(*)::text from (table before except select " STAMPS " from node_day) d",
           "0");
    end(&reports);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        TEST(notify_keeps_every_place_and_what_the_topics_have_lost),
        TEST(reports_counts_the_same_and_tells_nothing_that_did_not_change),
    };
    return cmocka_run_group_tests(tests, open_house, close_house);
}
