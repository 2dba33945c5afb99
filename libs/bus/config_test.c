/* Settings and keys; no broker. */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "bus/bus.h"
#include "testkit/check.h"
#include "testkit/testkit.h"

static const char *file_with(struct arena *arena, const char *content)
{
    const char *path = arena_printf(arena, "%s/client.conf", testkit_folder(arena));
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
    return path;
}

/* Opens a producer with a file of this content. */
static enum error open_with(const char *content, struct err *err)
{
    CLEANUP(arena_done) struct arena arena = {0};
    const char *path = file_with(&arena, content);
    struct bus_producer *producer = NULL;
    struct bus_producer_options options = {.settings = {"127.0.0.1:1", path, "test"}};
    enum error code = bus_producer_open(&producer, &options, err);
    bus_producer_close(producer);
    return code;
}

static void a_login_and_tuning_are_taken(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(open_with("# login\n\n security.protocol = SASL_PLAINTEXT \r\n"
                               "sasl.mechanism=PLAIN\nsasl.username=a\nsasl.password=b=c#d\n"
                               "bootstrap.servers=other:1\nlinger.ms=20\n"
                               "enable.idempotence=true\n",
                               &err),
                     ERROR_NONE);
}

static void what_the_promise_rests_on_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "enable.idempotence=false", "acks=1",
        "request.required.acks=1",  "message.timeout.ms=5000",
        "delivery.timeout.ms=5000", "enable.gapless.guarantee=false",
        "partitioner=consistent",   "transactional.id=x",
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct err err = {0};
        char content[128], name[64];
        snprintf(content, sizeof content, "client.rack=a\n%s\n", lines[i]);
        snprintf(name, sizeof name, ":2: %.*s must not", (int)strcspn(lines[i], "="), lines[i]);
        assert_int_equal(open_with(content, &err), ERROR_INVALID);
        assert_non_null(strstr(err.text, name));
    }
}

static void a_consumer_refuses_its_own(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    const char *path = file_with(&arena, "auto.offset.reset=latest\n");
    struct bus_admin *admin = NULL;
    struct err err = {0};
    const struct bus_settings settings = {"127.0.0.1:1", path, "test", 0};
    assert_int_equal(bus_admin_open(&admin, &settings, &err), ERROR_NONE); /* not its business */
    bus_admin_close(admin);
    struct bus_consumer *consumer = NULL;
    const struct bus_consumer_options options = {
        .settings = settings,
        .topics = (const char *const[]){"x"},
        .topic_count = 1,
        .assigned = (bus_assigned *)(void (*)(void))abort,
    };
    assert_int_equal(bus_consumer_open(&consumer, &options, &err), ERROR_INVALID);
    assert_non_null(strstr(err.text, "auto.offset.reset"));
}

static void errors_name_the_place_and_never_the_value(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(open_with("\nsasl.passwort=secret\n", &err), ERROR_INVALID);
    assert_non_null(strstr(err.text, ":2: sasl.passwort"));
    assert_null(strstr(err.text, "secret"));
    assert_int_equal(open_with("linger.ms=secret\n", &err), ERROR_INVALID);
    assert_non_null(strstr(err.text, ":1: linger.ms"));
    assert_null(strstr(err.text, "secret"));
    assert_int_equal(open_with("just words\n", &err), ERROR_INVALID);
    assert_non_null(strstr(err.text, ":1: line is not name=value"));
}

static void a_missing_file_is_named(void **state)
{
    (void)state;
    struct err err = {0};
    struct bus_producer *producer;
    struct bus_producer_options options = {.settings = {"127.0.0.1:1", "/nowhere/x.conf", "t", 0}};
    assert_int_equal(bus_producer_open(&producer, &options, &err), ERROR_INVALID);
    assert_non_null(strstr(err.text, "/nowhere/x.conf"));
}

/* From Apache Kafka's own Utils.murmur2 tests (signed there), with & 0x7fffffff as its partitioner
 * does. */
static void keys_go_where_java_sends_them(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        int32_t hash;
    } known[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    for (size_t i = 0; i < COUNT_OF(known); i++)
        assert_int_equal(bus_partition(str_from(known[i].key), INT32_MAX),
                         (known[i].hash & 0x7fffffff) % INT32_MAX);
    assert_in_range(bus_partition(STR(""), 8), 0, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_login_and_tuning_are_taken), TEST(what_the_promise_rests_on_is_refused),
        TEST(a_consumer_refuses_its_own),   TEST(errors_name_the_place_and_never_the_value),
        TEST(a_missing_file_is_named),      TEST(keys_go_where_java_sends_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
