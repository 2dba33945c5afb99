/* eiso-topics: makes the topics and the rights that an installation needs. Repeating it changes
 * nothing.
 *
 *   eiso-topics < plan
 *
 * A line of the plan is one of (words separated by spaces, '#' begins a comment line)
 *
 *   topic NAME PARTITIONS REPLICATION [CONFIG=VALUE ...]      REPLICATION 0: the broker's default
 *   acl PRINCIPAL topic|group NAME literal|prefixed read|write|describe
 *
 * EISO_KAFKA: bootstrap servers. EISO_KAFKA_CONFIG: a librdkafka properties file with the
 * administrator's login, or nothing. A topic that is there keeps its settings; one with another
 * number of partitions is an error, for the relay and its consumers would not agree on it
 * (design.md). Says on standard error whom it waits for; exits 1 on an error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "bus/bus.h"

enum { LINE_BYTES = 4096, MAX_WORDS = 32 };
enum {
    PATIENCE_S = 60
}; /* with each request: a broker that has just started on a busy machine is slow */

struct plan {
    struct arena arena;
    struct bus_topic *topics;
    size_t topic_count;
    struct bus_acl *acls;
    size_t acl_count;
};

static void plan_done(struct plan *plan)
{
    free(plan->topics);
    free(plan->acls);
    arena_done(&plan->arena);
}

/* ---- Reading ---- */

/* The number of words; above MAX_WORDS where there are too many. */
static size_t split(struct arena *arena, char *line, const char *words[MAX_WORDS])
{
    size_t count = 0;
    char *place = NULL;
    for (char *word = strtok_r(line, " \t\r\n", &place); word;
         word = strtok_r(NULL, " \t\r\n", &place)) {
        if (count == MAX_WORDS)
            return MAX_WORDS + 1;
        words[count++] = arena_printf(arena, "%s", word);
    }
    return count;
}

static enum error read_config(struct arena *arena, const char *const *words, size_t count,
                              struct bus_topic *topic, struct err *err)
{
    struct bus_topic_config *config = ARENA_ARRAY(arena, count, struct bus_topic_config);
    for (size_t i = 0; i < count; i++) {
        struct str value = str_from(words[i]);
        struct str name = str_cut(&value, '=');
        if (!str_present(value))
            return err_set(err, ERROR_INVALID, "not name=value: %s", words[i]);
        config[i] = (struct bus_topic_config){str_copy(arena, name).ptr, value.ptr};
    }
    topic->config = config;
    topic->config_count = count;
    return ERROR_NONE;
}

static enum error read_topic(struct plan *plan, const char *const *words, size_t count,
                             struct err *err)
{
    int64_t partitions, replication;
    if (count < 4 || !str_to_int64(str_from(words[2]), 1, 10000, &partitions) ||
        !str_to_int64(str_from(words[3]), 0, 100, &replication))
        return err_set(err, ERROR_INVALID, "not: topic NAME PARTITIONS REPLICATION [CONFIG=VALUE]");
    plan->topics = mem_resize(plan->topics, (plan->topic_count + 1) * sizeof *plan->topics);
    struct bus_topic *topic = &plan->topics[plan->topic_count++];
    *topic = (struct bus_topic){words[1], (int32_t)partitions, (int16_t)replication, NULL, 0};
    return read_config(&plan->arena, words + 4, count - 4, topic, err);
}

static enum error read_acl(struct plan *plan, const char *const *words, size_t count,
                           struct err *err)
{
    bool prefixed = count == 6 && strcmp(words[4], "prefixed") == 0;
    if (count != 6 || (!prefixed && strcmp(words[4], "literal") != 0))
        return err_set(err, ERROR_INVALID,
                       "not: acl PRINCIPAL topic|group NAME literal|prefixed read|write|describe");
    plan->acls = mem_resize(plan->acls, (plan->acl_count + 1) * sizeof *plan->acls);
    plan->acls[plan->acl_count++] =
        (struct bus_acl){words[1], words[2], words[3], prefixed, words[5]};
    return ERROR_NONE;
}

static enum error read_line(struct plan *plan, char *line, struct err *err)
{
    const char *words[MAX_WORDS];
    size_t count = split(&plan->arena, line, words);
    if (count == 0 || words[0][0] == '#')
        return ERROR_NONE;
    if (count > MAX_WORDS)
        return err_set(err, ERROR_TOO_LARGE, "more than %d words", MAX_WORDS);
    if (strcmp(words[0], "topic") == 0)
        return read_topic(plan, words, count, err);
    if (strcmp(words[0], "acl") == 0)
        return read_acl(plan, words, count, err);
    return err_set(err, ERROR_INVALID, "neither topic nor acl: %s", words[0]);
}

static enum error read_plan(struct plan *plan, FILE *file, struct err *err)
{
    char line[LINE_BYTES];
    for (int number = 1; fgets(line, sizeof line, file); number++) {
        enum error code = strlen(line) < sizeof line - 1
                              ? read_line(plan, line, err)
                              : err_set(err, ERROR_TOO_LARGE, "longer than %d", LINE_BYTES);
        if (code)
            return err_prefix(err, "line %d", number);
    }
    return ERROR_NONE;
}

/* ---- Making ---- */

/* Keeps those that are not there. */
static enum error keep_missing(struct bus_admin *admin, struct plan *plan, size_t *present,
                               struct err *err)
{
    size_t missing = 0;
    for (size_t i = 0; i < plan->topic_count; i++) {
        const struct bus_topic topic = plan->topics[i];
        int32_t partitions;
        enum error code = bus_partitions(admin, topic.name, &partitions, err);
        if (code == ERROR_NOT_FOUND) {
            plan->topics[missing++] = topic;
            continue;
        }
        if (code)
            return code;
        if (partitions != topic.partitions)
            return err_set(err, ERROR_CONFLICT, "topic %s has %d partitions instead of %d",
                           topic.name, (int)partitions, (int)topic.partitions);
    }
    *present = plan->topic_count - missing;
    plan->topic_count = missing;
    return ERROR_NONE;
}

static enum error make(struct bus_admin *admin, struct plan *plan, struct err *err)
{
    size_t present = 0;
    enum error code = keep_missing(admin, plan, &present, err);
    if (!code)
        code = bus_admin_create_topics(admin, plan->topics, plan->topic_count, err);
    if (code)
        return code;
    for (size_t i = 0; i < plan->topic_count; i++)
        printf("topic %s\n", plan->topics[i].name);
    struct bus_acl_changes changes;
    code = bus_admin_set_acls(admin, plan->acls, plan->acl_count, &changes, err);
    if (!code)
        printf("%zu topics made, %zu there; %zu rights made, %zu taken away, %zu in all\n",
               plan->topic_count, present, changes.made, changes.taken_away, plan->acl_count);
    return code;
}

static enum error run(struct err *err)
{
    CLEANUP(plan_done) struct plan plan = {0};
    const struct bus_settings settings = {
        .brokers = getenv("EISO_KAFKA"),
        .config_file = getenv("EISO_KAFKA_CONFIG"),
        .client_id = "eiso-topics",
        .timeout_ms = PATIENCE_S * INT64_C(1000),
    };
    if (!settings.brokers)
        return err_set(err, ERROR_INVALID, "EISO_KAFKA is not set");
    enum error code = read_plan(&plan, stdin, err);
    if (code)
        return code;
    struct bus_admin *admin;
    code = bus_admin_open(&admin, &settings, err);
    if (code)
        return code;
    fprintf(stderr,
            "eiso-topics: waits for %s: %zu topics, %zu rights, at most %d s for each answer\n",
            settings.brokers, plan.topic_count, plan.acl_count, PATIENCE_S);
    code = make(admin, &plan, err);
    bus_admin_close(admin);
    return code;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        fprintf(stderr, "%s: takes no arguments; the plan comes on standard input\n", argv[0]);
        return 2;
    }
    log_open("topics", "-", 0, LOG_INFO);
    struct err err = {0};
    if (!run(&err))
        return 0;
    fprintf(stderr, "eiso-topics: %s\n", err.text);
    return 1;
}
