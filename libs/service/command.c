/* The operator's commands: those that every service has, and its own. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "service/audit.h"
#include "service/service_internal.h"

const char *process_operator(struct process *process)
{
    const char *said = getenv("EISO_OPERATOR"); /* by deploy/run, before it became another user */
    const char *behind = getenv("SUDO_USER");
    const struct passwd *user = getpwuid(getuid());
    if (said && *said)
        return arena_printf(&process->arena, "%s", said);
    if (behind && *behind && getuid() == 0)
        return arena_printf(&process->arena, "%s", behind);
    return user ? arena_printf(&process->arena, "%s", user->pw_name)
                : arena_printf(&process->arena, "uid %u", (unsigned)getuid());
}

static int finish(enum error code, const struct err *err, struct buf *out)
{
    if (code)
        fprintf(stderr, "%s: %s\n", error_info(code)->name, err->text);
    else
        fwrite(buf_str(out).ptr, 1, out->len, stdout);
    buf_done(out);
    return code ? EXIT_FAILED : EXIT_DONE;
}

static bool is(const char *argument, const char *word)
{
    return strcmp(argument, word) == 0;
}

static int history(struct process *process, struct db *db, int argc, char **argv)
{
    struct buf out = {0};
    struct err err = {0};
    if (argc == 2 && is(argv[1], "ls"))
        return finish(outbox_history_list(db, &out, &err), &err, &out);
    if (argc == 2 && is(argv[1], "accept"))
        return finish(outbox_history_accept(db, process_operator(process), &out, &err), &err, &out);
    return EXIT_USAGE;
}

/* ---- quarantine ---- */

static int quarantine_list(struct db *db)
{
    struct buf out = {0};
    struct err err = {0};
    return finish(intake_quarantine_list(db, &out, &err), &err, &out);
}

static int quarantine_show(struct process *process, struct db *db, int64_t id)
{
    struct buf out = {0};
    struct err err = {0};
    (void)process;
    return finish(intake_quarantine_show(db, id, &out, &err), &err, &out);
}

static int quarantine_drop(struct process *process, struct db *db, int64_t id)
{
    struct buf out = {0};
    struct err err = {0};
    return finish(intake_quarantine_drop(db, id, process_operator(process), &err), &err, &out);
}

static int quarantine_release(struct process *process, struct db *db, int64_t id)
{
    struct buf out = {0};
    struct err err = {0};
    size_t applied = 0;
    struct intake_options options = {.service = process->service->name,
                                     .subscriptions = process->service->subscriptions,
                                     .context = process};
    enum error code = intake_quarantine_release(db, &options, id, &applied, &err);
    if (!code)
        buf_printf(&out, "%zu events applied\n", applied);
    return finish(code, &err, &out);
}

static int quarantine(struct process *process, struct db *db, int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct process *process, struct db *db, int64_t id);
    } verbs[] = {
        {"show", quarantine_show}, {"release", quarantine_release}, {"drop", quarantine_drop}};
    int64_t id;
    if (argc == 2 && is(argv[1], "ls"))
        return quarantine_list(db);
    if (argc != 3 || !str_to_int64(str_from(argv[2]), 1, INT64_MAX, &id))
        return EXIT_USAGE;
    for (size_t i = 0; i < COUNT_OF(verbs); i++)
        if (is(argv[1], verbs[i].name))
            return verbs[i].run(process, db, id);
    return EXIT_USAGE;
}

/* One of `of`, `by`, `from`, `to`, `most`, and its value. */
static bool audit_read_pair(const char *name, struct str value, struct audit_wanted *wanted)
{
    int64_t most;
    if (is(name, "of"))
        return uuid_parse(value, &wanted->person);
    if (is(name, "by"))
        return uuid_parse(value, &wanted->reader);
    if (is(name, "from"))
        return instant_parse(value, &wanted->from);
    if (is(name, "to"))
        return instant_parse(value, &wanted->to);
    if (!is(name, "most") || !str_to_int64(value, 1, INT32_MAX, &most))
        return false;
    wanted->limit = (int32_t)most;
    return true;
}

static int audit(struct process *process, struct db *db, int argc, char **argv)
{
    (void)process;
    struct audit_wanted wanted = {.limit = 1000};
    struct buf out = {0};
    struct err err = {0};
    for (int i = 1; i < argc; i += 2)
        if (i + 1 == argc || !audit_read_pair(argv[i], str_from(argv[i + 1]), &wanted))
            return EXIT_USAGE;
    return finish(audit_list(db, &wanted, &out, &err), &err, &out);
}

static const struct command history_command = {"history", "ls | accept", history};
static const struct command quarantine_command = {
    "quarantine", "ls | show ID | release ID | drop ID", quarantine};
static const struct command audit_command = {
    "audit", "[of PERSON] [by READER] [from INSTANT] [to INSTANT] [most ROWS]", audit};

/* The i-th of all commands that this service has; NULL behind the last. */
static const struct command *command_at(const struct service *service, size_t i)
{
    if (service_emits(service) && i-- == 0)
        return &history_command;
    if (service_applies(service) && i-- == 0)
        return &quarantine_command;
    if (i-- == 0)
        return &audit_command;
    if (service_applies(service) && i-- == 0)
        return &rebuild_command;
    return i < service->commands.count ? &service->commands.items[i] : NULL;
}

static const struct command *command_find(const struct service *service, const char *name)
{
    for (size_t i = 0;; i++) {
        const struct command *command = command_at(service, i);
        if (!command || is(command->name, name))
            return command;
    }
}

void command_help(const struct service *service, struct buf *out)
{
    const struct command *command;
    for (size_t i = 0; (command = command_at(service, i)); i++)
        buf_printf(out, "  %s %s\n", command->name, command->usage);
}

/* These three only look, or mend a log that does not speak; others may write to it, so that it
 * must.
 */
static enum error command_connect(struct process *process, const struct command *command,
                                  struct db **db, struct err *err)
{
    bool mends =
        command == &history_command || command == &quarantine_command || command == &audit_command;
    enum error code = db_open(db, process->common.database, err);
    if (!code && !mends && service_emits(process->service))
        code = outbox_open(*db, NULL, err);
    return code;
}

/* ---- The journal (schema/0002_journal.sql) ---- */

static enum error journal_begin(struct process *process, struct db *db, int argc, char **argv,
                                int64_t *line, struct err *err)
{
    static const struct statement statement = {
        "journal_begin", "insert into journal (who, what) values ($1, $2) returning id"};
    CLEANUP(buf_done) struct buf what = {0};
    for (int i = 0; i < argc; i++)
        buf_printf(&what, "%s%s", i ? " " : "", argv[i]);
    struct params params = {0};
    param_text(&params, str_from(process_operator(process)));
    param_text(&params, buf_str(&what));
    CLEANUP(result_done) struct result result = {0};
    enum error code = db_exec(db, &statement, &params, &result, err);
    if (!code)
        *line = result_bigint(&result, 0, 0);
    return code ? err_prefix(err, "journal") : code;
}

static enum error journal_end(struct db *db, int64_t line, int status, struct err *err)
{
    static const struct statement statement = {
        "journal_end", "update journal set ended_at = now(), status = $2 where id = $1"};
    struct params params = {0};
    param_bigint(&params, line);
    param_int(&params, status);
    enum error code = db_exec(db, &statement, &params, NULL, err);
    return code ? err_prefix(err, "journal") : code;
}

/* ---- Running one ---- */

static int failed(const struct err *err)
{
    fprintf(stderr, "%s: %s\n", error_info(err->code)->name, err->text);
    return EXIT_FAILED;
}

static int run_journalled(struct process *process, const struct command *command, struct db *db,
                          int argc, char **argv)
{
    struct err err = {0};
    int64_t line = 0;
    if (journal_begin(process, db, argc, argv, &line, &err))
        return failed(&err);
    int status = command->run(process, db, argc, argv);
    if (status == EXIT_USAGE)
        fprintf(stderr, "usage: eiso-%s %s %s\n", process->service->name, command->name,
                command->usage);
    if (journal_end(db, line, status, &err))
        failed(&err);
    return status;
}

int command_run(struct process *process, int argc, char **argv)
{
    const struct command *command = command_find(process->service, argv[0]);
    CLEANUP(db_close_at) struct db *db = NULL;
    struct err err = {0};
    if (!command) {
        fprintf(stderr, "eiso-%s: there is no command %s; see --help\n", process->service->name,
                argv[0]);
        return EXIT_USAGE;
    }
    if (command_connect(process, command, &db, &err))
        return failed(&err);
    return run_journalled(process, command, db, argc, argv);
}
