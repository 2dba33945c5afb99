/* The command `rebuild`: a read model made anew while the service goes on (intake/rebuild.h). */
#include <stdio.h>
#include <string.h>

#include "service/service_internal.h"

static void say(const char *line)
{
    printf("%s\n", line);
    fflush(stdout);
}

static int finish(enum error code, const struct err *err)
{
    if (code)
        fprintf(stderr, "%s: %s\n", error_info(code)->name, err->text);
    return code ? EXIT_FAILED : EXIT_DONE;
}

static enum error rebuild(struct process *process, struct db *db, struct err *err)
{
    const struct service *service = process->service;
    if (!*process->common.brokers)
        return err_set(err, ERROR_INVALID, "EISO_KAFKA is not set: rebuild needs it");
    const struct intake_options intake = {.service = service->name,
                                          .conninfo = process->common.database,
                                          .brokers = process->common.brokers,
                                          .kafka_config = process->common.kafka_config,
                                          .client_id = process->client_id,
                                          .subscriptions = service->subscriptions,
                                          .retract = service->retract,
                                          .most_held = process->common.most_held,
                                          .opened = service_emits(service) ? outbox_open : NULL,
                                          .context = process,
                                          .stop = &process->stop};
    struct migration_set schema[SCHEMA_SETS];
    const struct rebuild_options options = {.intake = &intake,
                                            .schema = schema,
                                            .schema_count = service_schema_sets(service, schema),
                                            .tables = service->rebuild.tables,
                                            .table_count = service->rebuild.count,
                                            .swapping = service->rebuild.swapping,
                                            .swapped = service->rebuild.swapped,
                                            .say = say};
    return intake_rebuild(db, &options, err);
}

static int run(struct process *process, struct db *db, int argc, char **argv)
{
    struct err err = {0};
    if (argc == 1)
        return finish(rebuild(process, db, &err), &err);
    if (argc == 2 && strcmp(argv[1], "drop") == 0)
        return finish(intake_rebuild_drop(db, &err), &err);
    return EXIT_USAGE;
}

const struct command rebuild_command = {"rebuild", "[drop]", run};
