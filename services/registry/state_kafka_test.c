/* registry goes back to a cold copy after events of the lost part were published and applied: its
 * relay makes the topics say what the database says, so the copies of others do, too. */
#include "registry_test_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "bus/bus.h"

enum { WAIT_MS = 60000, PARTITIONS = 2 };

/* All that both have; the copies' epoch is that of the event, registry's that of the row. */
#define PLAIN "(to_jsonb(c) - array['epoch', 'told_epoch', 'told_revision'])"
#define ROWS(table)                                                                                \
    "(select coalesce(jsonb_agg(" PLAIN " order by " PLAIN "::text), '[]')::text from " table " c" \
    ")"
#define COPIES                                                                                                                                         \
    "select concat_ws(E'\\n', " ROWS("copy_organisation") ", " ROWS("copy_class") ", " ROWS(                                                           \
        "copy"                                                                                                                                         \
        "_enr"                                                                                                                                         \
        "olme"                                                                                                                                         \
        "nt") ", " ROWS("copy_assignment") ", " ROWS("copy_link") ", " ROWS("copy_account") ","                                                        \
                                                                                            " " ROWS("copy_client") ", " ROWS("copy_alias") ", " ROWS( \
                                                                                                "copy_reference") ", " ROWS("copy_key") ")"

static struct {
    struct testkit_server *postgres, *kafka;
    const char *folder, *sink; /* grades' database */
    struct db *sink_db;
    pid_t relay, apply;
} house;

/* ---- The installation ---- */

static void make_topics(void)
{
    struct bus_settings settings = {testkit_server_address(house.kafka), NULL, "state"};
    struct bus_topic topics[16];
    size_t topic_count = 0;
    struct bus_admin *admin;
    struct err err = {0};
    for (size_t i = 0; i < topics_all_count; i++)
        if (strcmp(topics_all[i]->service, "registry") == 0)
            topics[topic_count++] = (struct bus_topic){
                .name = topics_all[i]->name,
                .partitions = topics_all[i]->cleanup == TOPIC_LEDGER ? 1 : PARTITIONS};
    const char *names[16];
    for (size_t i = 0; i < topic_count; i++)
        names[i] = topics[i].name;
    assert_int_equal(bus_admin_open(&admin, &settings, &err), ERROR_NONE);
    assert_int_equal(bus_admin_delete_topics(admin, names, topic_count, &err), ERROR_NONE);
    clock_sleep_ms(500); /* a topic that is going counts as one that is there */
    if (bus_admin_create_topics(admin, topics, topic_count, &err))
        fail_msg("%s", err.text);
    bus_admin_close(admin);
}

static pid_t start_role(const char *program, const char *role, const char *conninfo,
                        const char *fault)
{
    const char *environment[] = {
        arena_printf(&it.arena, "EISO_SOCKET=%s/%s", house.folder, role),
        arena_printf(&it.arena, "EISO_OBSERVER=%s/%s.observer", house.folder, role),
        arena_printf(&it.arena, "EISO_PG=%s", conninfo),
        arena_printf(&it.arena, "EISO_KAFKA=%s", testkit_server_address(house.kafka)),
        "EISO_CELL=kz",
        "EISO_URL=http://127.0.0.1:8080",
        arena_printf(&it.arena, "EISO_STATE=%s", house.folder),
        arena_printf(&it.arena, "EISO_POKES=%s", house.folder),
        "EISO_SLOT=0",
        arena_printf(&it.arena, "EISO_FAULT=%s", fault),
        NULL,
    };
    const char *const arguments[] = {"--role", role, NULL};
    const struct testkit_child child = {program, arguments, environment,
                                        arena_printf(&it.arena, "%s/log", house.folder)};
    return testkit_spawn(&child);
}

static void start_relay(void)
{
    house.relay = start_role("eiso-registry", "relay", it.conninfo, "none");
}

static int open_house(void **state)
{
    (void)state;
    house.postgres = testkit_postgres_new();
    house.kafka = testkit_kafka_new();
    house.folder = testkit_folder(&it.arena);
    make_tree(testkit_server_database(house.postgres, &it.arena));
    make_topics();
    house.sink = testkit_database(&it.arena);
    assert_int_equal(
        testkit_wait(start_role("eiso-grades", "migrate", house.sink, "none"), WAIT_MS), 0);
    assert_int_equal(db_open(&house.sink_db, house.sink, NULL), ERROR_NONE);
    house.apply = start_role("eiso-grades", "apply", house.sink, "none");
    start_relay();
    return 0;
}

static int close_house(void **state)
{
    testkit_kill(house.relay);
    testkit_kill(house.apply);
    db_close(house.sink_db);
    int code = end(state);
    testkit_server_free(house.postgres);
    testkit_server_free(house.kafka);
    return code;
}

static void stop_source(void)
{
    testkit_kill(house.relay);
    db_close(it.db);
    it.db = NULL;
    testkit_server_stop(house.postgres);
}

static void start_source(void)
{
    testkit_server_start(house.postgres);
    connect_again();
}

/* ---- What holds ---- */

static struct str copies_of(struct db *db)
{
    static const struct statement statement = {"copies", COPIES};
    CLEANUP(result_done) struct result result = {0};
    struct err err = {0};
    if (db_exec(db, &statement, NULL, &result, &err))
        fail_msg("%s", err.text);
    return str_copy(&it.arena, result_str(&result, 0, 0));
}

static bool copies_equal(void *context)
{
    (void)context;
    return str_equal(copies_of(house.sink_db), copies_of(it.db));
}

static void expect_equal_copies(void)
{
    if (testkit_wait_until(copies_equal, NULL, WAIT_MS))
        return;
    struct str here = copies_of(it.db), there = copies_of(house.sink_db);
    fail_msg("registry has\n%.*s\nits copies are\n%.*s", STR_ARG(here), STR_ARG(there));
}

/* ---- One of each kind ---- */

static struct uuid add_learner(struct uuid class)
{
    struct person person = person_of(uuid_v7());
    struct enrolment enrolment = enrolment_of(person.id, class);
    assert_string_equal(put_as(&it.ministry, &people_entrance, &person, 1), "");
    assert_string_equal(put_as(&it.ministry, &enrolments_entrance, &enrolment, 1), "");
    return person.id;
}

static void put_reference(const char *name)
{
    struct reference subject = {
        .list = STR("subject"), .code = STR("a:b"), .kk = STR("ән"), .ru = str_from(name)};
    int32_t changed = 0;
    assert_int_equal(store_put_references(it.db, &subject, 1, &changed, &it.err), ERROR_NONE);
    assert_int_equal(changed, 1);
}

static void publish_key(const char *kid)
{
    CLEANUP(buf_done) struct buf head = {0};
    static const struct statement statement = {"publish", "select key_publish($1, $2, $3, 0)"};
    struct public_key key = {.kid = str_from(kid), .jwk = STR("{}")};
    record_encode_head(&key_event, &key, &head);
    struct params params = {0};
    param_text(&params, key.kid);
    param_text(&params, key.jwk);
    param_bytes(&params, buf_str(&head));
    assert_int_equal(db_exec(it.db, &statement, &params, NULL, &it.err), ERROR_NONE);
}

static struct {
    struct class group;
    struct assignment assignment;
    struct guardian link;
    struct client client;
    struct account_adding account;
    struct uuid alias;
} kinds;

static void make_kinds(void)
{
    struct uuid learner = add_learner(it.class), adult = add_learner(it.class);
    struct uuid *of = ARENA_NEW(&it.arena, struct uuid);
    *of = it.class;
    kinds.group = class_of(uuid_v7(), it.school);
    kinds.group.type = CLASS_GROUP;
    kinds.group.subject = STR("a:b");
    kinds.group.of = (struct uuids){of, 1};
    kinds.assignment = (struct assignment){.id = uuid_v7(),
                                           .teacher = adult,
                                           .class = it.class,
                                           .kind = ASSIGNMENT_CLASS_TEACHER,
                                           .from = date_make(2026, 9, 1)};
    kinds.link = (struct guardian){.id = uuid_v7(),
                                   .learner = learner,
                                   .guardian = adult,
                                   .relation = GUARDIAN_MOTHER,
                                   .legal_basis = BASIS_PARENT,
                                   .rights.bits = 1 << RIGHT_MARKS,
                                   .from = date_make(2026, 9, 1),
                                   .status = GUARDIAN_CONFIRMED};
    kinds.client = (struct client){.id = uuid_v7(),
                                   .name = STR("journal"),
                                   .node = it.school,
                                   .scopes = 1,
                                   .active = true,
                                   .revision = 1};
    char node[UUID_TEXT_LEN + 1];
    uuid_format(&it.school, node);
    kinds.account = (struct account_adding){
        .id = uuid_v7(),
        .person = adult,
        .node = it.school,
        .login = STR("head"),
        .locale = STR("kk"),
        .hash = STR("hash"),
        .roles =
            str_from(arena_printf(&it.arena, "[{\"role\": \"head\", \"node\": \"%s\"}]", node))};
    kinds.alias = uuid_v7();
}

static void put_kinds(void)
{
    assert_string_equal(PUT(classes_entrance, &kinds.group), "");
    assert_string_equal(PUT(assignments_entrance, &kinds.assignment), "");
    assert_string_equal(PUT(guardians_entrance, &kinds.link), "");
}

static void add_kinds(void)
{
    make_kinds();
    put_reference("музыка");
    put_kinds();
    assert_int_equal(store_client_add(it.db, &kinds.client, STR("digest"), &it.err), ERROR_NONE);
    assert_int_equal(store_account_add(it.db, &kinds.account, &it.err), ERROR_NONE);
    publish_key("old");
    char alias[UUID_TEXT_LEN + 1], canonical[UUID_TEXT_LEN + 1];
    sql(arena_printf(&it.arena,
                     "select put_aliases(array['%s'::uuid], '{matched}', array['%s'::uuid],"
                     "                   '{null}', '{null}', 1::smallint)",
                     uuid_format(&kinds.alias, alias),
                     uuid_format(&kinds.link.learner, canonical)));
}

/* Keys and aliases have no second state: they are erased. */
static void change_kinds(void)
{
    kinds.group.grade = 6;
    kinds.assignment.to = kinds.link.to = date_make(2026, 11, 1);
    put_kinds();
    assert_int_equal(store_client_revoke(it.db, &kinds.client.id, &it.err), ERROR_NONE);
    assert_int_equal(store_account_lock(it.db, kinds.account.login, &it.err), ERROR_NONE);
    put_reference("ән-күй");
    publish_key("new");
    sql("select outbox_append(array[gen_random_uuid()], array['old'], array[110::smallint],"
        " array[''::bytea]); delete from public_key where kid = 'old'");
    sql("select outbox_append(array[gen_random_uuid()], array[id::text], array[108::smallint],"
        " array[''::bytea]) from alias; delete from alias");
}

/* A school's revision goes back by two; another one comes with a class and a learner. */
static void change_organisations(struct uuid added)
{
    struct organisation school = organisation_of(it.school, it.district);
    struct organisation other = organisation_of(added, it.district);
    struct class class = class_of(uuid_v7(), added);
    school.shifts = 2;
    assert_string_equal(PUT(organisations_entrance, &school), "");
    school.name.kk = STR("лицей");
    assert_string_equal(PUT(organisations_entrance, &school), "");
    assert_string_equal(PUT(organisations_entrance, &other), "");
    assert_string_equal(PUT(classes_entrance, &class), "");
    add_learner(class.id);
}

/* In what was appended since the start after the restore. */
static int64_t revoked(const char *kind)
{
    return count(arena_printf(
        &it.arena,
        "select count(distinct key) from event_log_events where type = 111"
        "   and epoch = (select max(epoch) from history) and position('%s'::bytea in payload) > 0",
        kind));
}

/* Cached rights of all whose links, assignments, roles or scopes are other ones now. */
static void expect_ends_of_access(void)
{
    assert_int_equal(revoked("everybody"), 1);
    assert_int_equal(revoked("account"), 1);
    assert_int_equal(revoked("client"), 1);
}

/* Two of the account's, of which one is closed; the other ends with the account. */
static void open_sessions(void)
{
    sql("insert into session (id, account) select gen_random_uuid(), a.id from account a, "
        "generate_series(1, 2)");
}

static void close_session(void)
{
    sql("select session_close((select min(id::text)::uuid from session))");
}

static void the_copies_follow_a_source_set_back(void **state)
{
    (void)state;
    add_kinds();
    open_sessions();
    expect_equal_copies();
    testkit_kill(house.relay);
    add_learner(it.class); /* not sent before the copy: survives */
    stop_source();
    testkit_server_save(house.postgres, "cold");
    start_source();
    start_relay();
    struct uuid added = uuid_v7();
    change_organisations(added); /* the part that will be lost */
    close_session();
    change_kinds();
    assert_int_equal(count("select count(*) from session where ended_at is null"), 0);
    expect_equal_copies();
    struct str lost = copies_of(house.sink_db);
    stop_source();
    testkit_server_restore(house.postgres, "cold");
    start_source();
    assert_false(str_equal(copies_of(it.db), lost));
    pid_t dies = start_role("eiso-registry", "relay", it.conninfo, "relay_state_said");
    assert_true(testkit_wait(dies, WAIT_MS) != 0); /* before its position moves: all that again */
    start_relay();
    expect_equal_copies();
    expect_ends_of_access();
    assert_int_equal(count("select count(*) from session where ended_at is null"), 0);
    assert_int_equal(revoked("session"), 2);
    change_organisations(added); /* what was lost is sent once more */
    change_kinds();
    expect_equal_copies();
}

/* The log no longer has what was sent: the topics are filled from the tables, and a copy that
 * begins now is whole. */
static void topics_that_are_lost_are_said_from_the_tables(void **state)
{
    (void)state;
    add_kinds();
    expect_equal_copies();
    testkit_kill(house.relay);
    testkit_kill(house.apply);
    make_topics();
    sql("delete from event_log l using relay r"
        " where (l.epoch, l.xid, l.seq) <= (r.epoch, r.xid, r.seq)");
    db_close(house.sink_db);
    house.sink = testkit_database(&it.arena);
    assert_int_equal(
        testkit_wait(start_role("eiso-grades", "migrate", house.sink, "none"), WAIT_MS), 0);
    assert_int_equal(db_open(&house.sink_db, house.sink, NULL), ERROR_NONE);
    start_relay();
    house.apply = start_role("eiso-grades", "apply", house.sink, "none");
    expect_equal_copies();
    add_learner(it.class);
    expect_equal_copies();
}

/* One argument: the tests whose names match it. */
int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_copies_follow_a_source_set_back, open_house,
                                        close_house),
        cmocka_unit_test_setup_teardown(topics_that_are_lost_are_said_from_the_tables, open_house,
                                        close_house),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
