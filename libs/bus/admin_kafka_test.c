/* Topics, ends and rights against a real broker, and the program that makes them. */
#include <librdkafka/rdkafka.h>

#include "bus/bus_test_internal.h"

/* ---- Topics ---- */

static void topics_are_made_once(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct bus_admin *admin = test_admin(testkit_brokers());
    const struct bus_topic_config config = {"cleanup.policy", "compact"};
    const struct bus_topic topics[] = {
        {testkit_name(&arena, "one"), 3, 1, NULL, 0},
        {testkit_name(&arena, "two"), 5, 0, &config, 1},
    };
    DO(bus_admin_create_topics(admin, topics, 2, &err));
    DO(bus_admin_create_topics(admin, topics, 2, &err));
    int32_t partitions;
    DO(bus_partitions(admin, topics[0].name, &partitions, &err));
    assert_int_equal(partitions, 3);
    DO(bus_partitions(admin, topics[1].name, &partitions, &err));
    assert_int_equal(partitions, 5);
    DO(bus_admin_delete_topics(admin, (const char *const[]){topics[0].name}, 1, &err));
    DO(bus_admin_delete_topics(admin, (const char *const[]){topics[0].name}, 1, &err));
    struct err err = {0};
    assert_int_equal(bus_partitions(admin, topics[0].name, &partitions, &err), ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, topics[0].name));
    bus_admin_close(admin);
}

static void a_wrong_topic_is_named(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct bus_admin *admin = test_admin(testkit_brokers());
    const struct bus_topic_config config = {"cleanup.policy", "nonsense"};
    const struct bus_topic topic = {testkit_name(&arena, "wrong"), 1, 1, &config, 1};
    struct err err = {0};
    assert_int_equal(bus_admin_create_topics(admin, &topic, 1, &err), ERROR_INVALID);
    assert_non_null(strstr(err.text, topic.name));
    bus_admin_close(admin);
}

static void a_partition_has_two_ends(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    const char *topic = test_topic(&arena, testkit_brokers(), 2);
    test_fill(testkit_brokers(), topic, 1, 0, 25);
    struct bus_admin *admin = test_admin(testkit_brokers());
    int64_t first, next;
    DO(bus_offsets(admin, topic, 0, &first, &next, &err));
    assert_int_equal(first, 0);
    assert_int_equal(next, 0);
    DO(bus_offsets(admin, topic, 1, &first, &next, &err));
    assert_int_equal(first, 0);
    assert_int_equal(next, 25);
    bus_admin_close(admin);
}

static void a_broker_that_is_away_is_unavailable_in_time(void **state)
{
    (void)state;
    struct bus_admin *admin = NULL;
    const struct bus_settings settings = {"127.0.0.1:1", NULL, "test", 300};
    DO(bus_admin_open(&admin, &settings, &err));
    struct err err = {0};
    int64_t first, next, begin_us = clock_monotonic();
    int32_t partitions;
    assert_int_equal(bus_partitions(admin, "any", &partitions, &err), ERROR_UNAVAILABLE);
    assert_int_equal(bus_offsets(admin, "any", 0, &first, &next, &err), ERROR_UNAVAILABLE);
    const struct bus_topic topic = {"any", 1, 1, NULL, 0};
    assert_int_equal(bus_admin_create_topics(admin, &topic, 1, &err), ERROR_UNAVAILABLE);
    assert_in_range(clock_monotonic() - begin_us, 0, 3 * 300000 + 1000000);
    bus_admin_close(admin);
}

/* ---- Rights ---- */

/* How many rights a principal has. */
static size_t count_rights(const char *principal)
{
    char user[128];
    snprintf(user, sizeof user, "User:%s", principal);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", testkit_brokers(), NULL, 0);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_AclBindingFilter_t *filter = rd_kafka_AclBindingFilter_new(
        RD_KAFKA_RESOURCE_ANY, NULL, RD_KAFKA_RESOURCE_PATTERN_ANY, user, NULL,
        RD_KAFKA_ACL_OPERATION_ANY, RD_KAFKA_ACL_PERMISSION_TYPE_ANY, NULL, 0);
    rd_kafka_DescribeAcls(client, filter, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 10000);
    assert_non_null(event);
    size_t count;
    rd_kafka_DescribeAcls_result_acls(rd_kafka_event_DescribeAcls_result(event), &count);
    rd_kafka_event_destroy(event);
    rd_kafka_AclBinding_destroy(filter);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
    return count;
}

static void a_principal_has_exactly_its_rights(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    struct bus_admin *admin = test_admin(testkit_brokers());
    const char *relay = testkit_name(&arena, "relay"), *apply = testkit_name(&arena, "apply");
    const struct bus_acl acls[] = {
        {relay, "topic", "eiso.test.", true, "write"},
        {relay, "topic", "eiso.test.", true, "describe"},
        {apply, "group", "eiso.test.apply", false, "read"},
    };
    struct bus_acl_changes changes;
    DO(bus_admin_set_acls(admin, acls, 3, &changes, &err));
    assert_int_equal(changes.made, 3);
    assert_int_equal(changes.taken_away, 0);
    DO(bus_admin_set_acls(admin, acls, 3, &changes, &err));
    assert_int_equal(changes.made + changes.taken_away, 0);
    DO(bus_admin_set_acls(admin, acls, 1, &changes, &err)); /* the relay's first alone */
    assert_int_equal(changes.made, 0);
    assert_int_equal(changes.taken_away, 1);
    assert_int_equal(count_rights(relay), 1);
    assert_int_equal(count_rights(apply), 1); /* nobody spoke of it */
    bus_admin_close(admin);
}

static void an_unknown_right_is_refused(void **state)
{
    (void)state;
    struct bus_admin *admin = test_admin(testkit_brokers());
    struct bus_acl_changes changes;
    struct err err = {0};
    const struct bus_acl acl = {"nobody", "topic", "x", false, "destroy"};
    assert_int_equal(bus_admin_set_acls(admin, &acl, 1, &changes, &err), ERROR_INVALID);
    assert_non_null(strstr(err.text, "destroy"));
    bus_admin_close(admin);
}

/* ---- The program ---- */

/* What eiso-topics says of a plan; its exit code. */
static int run_topics(struct arena *arena, const char *plan, const char **output)
{
    const char *folder = testkit_folder(arena);
    const char *in = arena_printf(arena, "%s/plan", folder);
    const char *out = arena_printf(arena, "%s/out", folder);
    FILE *file = fopen(in, "we");
    assert_non_null(file);
    fputs(plan, file);
    fclose(file);
    const char *command = arena_printf(arena, "exec \"$1\" <%s", in);
    const char *kafka = arena_printf(arena, "EISO_KAFKA=%s", testkit_brokers());
    pid_t child = testkit_spawn(&(struct testkit_child){
        .program = "/bin/sh",
        .arguments =
            (const char *const[]){"-c", command, "sh", testkit_program(arena, "eiso-topics"), NULL},
        .environment = (const char *const[]){kafka, NULL},
        .output = out,
    });
    int code = testkit_wait(child, 20000);
    char text[4096];
    file = fopen(out, "re");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    *output = arena_printf(arena, "%s", text);
    return code;
}

static void the_program_makes_a_plan_and_repeats_it(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    const char *topic = testkit_name(&arena, "plan"), *who = testkit_name(&arena, "grades-relay");
    const char *plan = arena_printf(&arena,
                                    "# one service\n\n"
                                    "topic %s 8 0 cleanup.policy=compact segment.ms=3600000\n"
                                    "acl %s topic eiso.grades. prefixed write\n"
                                    "acl %s topic eiso.grades. prefixed read\n",
                                    topic, who, who);
    const char *output;
    assert_int_equal(run_topics(&arena, plan, &output), 0);
    assert_non_null(strstr(output, topic));
    assert_non_null(
        strstr(output, "1 topics made, 0 there; 2 rights made, 0 taken away, 2 in all"));
    assert_int_equal(run_topics(&arena, plan, &output), 0);
    assert_non_null(
        strstr(output, "0 topics made, 1 there; 0 rights made, 0 taken away, 2 in all"));
    assert_int_equal(count_rights(who), 2);
    plan = arena_printf(&arena, "topic %s 9 0\n", topic);
    assert_int_equal(run_topics(&arena, plan, &output), 1);
    assert_non_null(strstr(output, "has 8 partitions instead of 9"));
}

static void the_program_names_a_wrong_line(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    static const char *const wrong[] = {
        "topic x\n",
        "topic x 0 1\n",
        "topic x 1 1 compact\n",
        "acl a b c\n",
        "acl a topic b regex read\n",
        "user x\n",
        "topic x 1 1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 "
        "a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1\n",
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        const char *output, *plan = arena_printf(&arena, "\n%s", wrong[i]);
        assert_int_equal(run_topics(&arena, plan, &output), 1);
        assert_non_null(strstr(output, "eiso-topics: line 2: "));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(topics_are_made_once),
        TEST(a_wrong_topic_is_named),
        TEST(a_partition_has_two_ends),
        TEST(a_broker_that_is_away_is_unavailable_in_time),
        TEST(a_principal_has_exactly_its_rights),
        TEST(an_unknown_right_is_refused),
        TEST(the_program_makes_a_plan_and_repeats_it),
        TEST(the_program_names_a_wrong_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
