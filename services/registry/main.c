/* registry: who and what there is in education, who may see it, and who is calling. */
#include "api.h"
#include "commands.h"
#include "contracts/registry.h"
#include "demo.h"
#include "imports.h"
#include "reference.h"
#include "signin.h"
#include "state.h"
#include "store.h"

extern const struct embedded registry_schema[];
extern const size_t registry_schema_count;
extern const struct embedded registry_examples[];

#define BATCH(name_, what_)                                            \
    BATCH_ROUTE("/v1/" #name_, name_##_entrance, SCOPE_REGISTRY_WRITE, \
                "Writes " what_ ": a batch with an outcome for each item.")

#define CHANGED_SINCE                                                                 \
    {                                                                                 \
        "changed_since", PARAMETER_TEXT,                                              \
            .max = 100,                                                               \
            .about = "What was changed then or later, with what has ended since, in " \
                     "the order of the changes: an instant, or Changed-Until of the " \
                     "last page of an earlier list, which leaves no gap."             \
    }

static const struct route api_routes[] = {
    BATCH(organisations, "organisations"),
    BATCH(people, "people"),
    BATCH(classes, "classes and groups"),
    BATCH(enrolments, "enrolments"),
    BATCH(assignments, "assignments of teachers"),
    BATCH(guardians, "guardian links"),
    {HTTP_POST, "/v1/merges", post_merges, .body_bytes = 4 << 20, .scope = SCOPE_REGISTRY_WRITE,
     .query = &gather_query, .entrance = &merges_entrance, .answer = {ANSWER_OUTCOMES},
     .summary = "An officer's word that two ids are one person, or one organisation."},
    {HTTP_GET, "/v1/organisations", get_organisations, .scope = SCOPE_REGISTRY_READ,
     .query = QUERY({"parent", PARAMETER_UUID, .about = "Whose own; without it the caller's."},
                    PARAMETER_LIMIT(100), PARAMETER_CURSOR, CHANGED_SINCE),
     .answer = {ANSWER_LIST, &organisation_event},
     .summary = "The organisations below `parent`; without it, the caller's own."},
    {HTTP_GET, "/v1/organisations/{id}", get_organisation, .scope = SCOPE_REGISTRY_READ,
     .answer = {ANSWER_ITEM, &organisation_event, .tagged = true}, .summary = "One organisation."},
    {HTTP_GET, "/v1/classes", get_classes, .scope = SCOPE_REGISTRY_READ,
     .query = QUERY({"organisation", PARAMETER_UUID, .required = true, .about = "Whose."},
                    PARAMETER_LIMIT(100), PARAMETER_CURSOR, CHANGED_SINCE),
     .answer = {ANSWER_LIST, &class_event},
     .summary = "The classes and groups of an `organisation`."},
    {HTTP_GET, "/v1/classes/{id}/learners", get_class_learners, .scope = SCOPE_REGISTRY_READ,
     .query = QUERY({"date", PARAMETER_DATE, .about = "The day; without it today."},
                    PARAMETER_LIMIT(100), PARAMETER_CURSOR, CHANGED_SINCE),
     .answer = {ANSWER_LIST, &roster_entry_record},
     .summary = "Who is enrolled in a class on a `date`, today where none is given."},
    {HTTP_GET, "/v1/people/{id}", get_person,
     .answer = {ANSWER_ITEM, &person_event, .tagged = true},
     .summary = "A person, without identifiers and contacts."},
    {HTTP_GET, "/v1/people", get_people,
     .query = QUERY({"source", PARAMETER_TEXT, .required = true, .min = 1, .max = 64,
                     .about = "Code of the source system."},
                    {"sourced_id", PARAMETER_TEXT, .required = true, .min = 1, .max = 128,
                     .about = "The id there."}),
     .answer = {ANSWER_LIST, &person_event},
     .summary = "Who is known by an id of a source system, under whatever id here."},
    {HTTP_POST, "/v1/imports", post_import, .body_bytes = 512 << 20, .spooled = true,
     .scope = SCOPE_REGISTRY_WRITE, .takes_media = "application/zip",
     .query = QUERY({"source", PARAMETER_TEXT, .max = 64,
                     .about = "Code of the source; without it the manifest's source.systemCode."},
                    {"charset", PARAMETER_VALUE, .values = &import_charsets,
                     .about = "Of the files; without it utf-8."},
                    {"change_threshold", PARAMETER_INT, .min = 0, .max = 100, .absent = 20,
                     .about = "Of what stands a bulk file may end so many percent; a file that "
                              "would end more fails, and nothing is changed."},
                    {"dry_run", PARAMETER_TEXT, .about = "Refused: an import is done or not."}),
     .answer = {ANSWER_ITEM, &import_record, .status = 202},
     .problems = PROBLEMS({415, "unsupported_media_type"}, {422, "zip_broken"},
                          {429, "too_many_imports"}, {429, "import_queue_full"}),
     .summary = "Takes a OneRoster 1.2 CSV bundle: a job."},
    {HTTP_GET, "/v1/imports", get_imports, .scope = SCOPE_REGISTRY_WRITE,
     .query = QUERY(PARAMETER_LIMIT(100), PARAMETER_CURSOR),
     .answer = {ANSWER_LIST, &import_record}, .summary = "The caller's imports, the latest first."},
    {HTTP_GET, "/v1/imports/{id}", get_import, .scope = SCOPE_REGISTRY_WRITE,
     .answer = {ANSWER_ITEM, &import_record}, .summary = "How far an import is."},
    {HTTP_GET, "/v1/imports/{id}/stream", get_import_stream, .stream = true,
     .scope = SCOPE_REGISTRY_WRITE, .answer = {ANSWER_EVENTS, .events = import_events},
     .summary = "The same as it goes on, to its end."},
    {HTTP_GET, "/v1/imports/{id}/rejected", get_import_rejected, .scope = SCOPE_REGISTRY_WRITE,
     .query = QUERY(PARAMETER_CURSOR), .answer = {ANSWER_MEDIA, .media = "text/csv"},
     .summary = "The rows that were refused, as CSV: file, line, column, code, title."},
};

static const struct route signin_routes[] = {
    {HTTP_POST, "/oauth/token", post_token, .body_bytes = 4096, .open = true, .guarded = true,
     .takes = &token_form_record, .takes_media = "application/x-www-form-urlencoded",
     .answer = {ANSWER_ITEM, &token_answer_record}, .refusal = &token_refusal_record,
     .summary = "A client's access token, by client credentials."},
    {HTTP_GET, "/.well-known/jwks.json", get_keys, .open = true, .guarded = true,
     .answer = {ANSWER_MEDIA, .media = "application/jwk-set+json"},
     .summary = "The public keys by which tokens are verified."},
    {HTTP_POST, "/v1/session", post_session, .body_bytes = 4096, .open = true, .guarded = true,
     .takes = &login_record, .answer = {ANSWER_EMPTY},
     .problems = PROBLEMS({401, "login_failed"}, {403, "cross_site"}),
     .summary = "Signs a person in: cookies."},
    {HTTP_POST, "/v1/session/renew", post_session_renew, .open = true, .guarded = true,
     .answer = {ANSWER_EMPTY}, .problems = PROBLEMS({401, "unauthorized"}, {403, "cross_site"}),
     .summary = "Renews a session; the secret is another one afterwards."},
    {HTTP_DELETE, "/v1/session", delete_session, .open = true, .answer = {ANSWER_EMPTY},
     .problems = PROBLEMS({401, "unauthorized"}, {403, "cross_site"}), .summary = "Signs out."},
    {HTTP_GET, "/v1/me", get_me, .answer = {ANSWER_ITEM, &me_record},
     .summary = "Who is calling: name, roles, children."},
};

static const struct listener listeners[] = {
    {"api", .processes = 2, .routes = ROUTES(api_routes), .writes = true, .start = api_start,
     .stop = api_stop},
    {"signin", .routes = ROUTES(signin_routes), .writes = true, .start = signin_start,
     .stop = signin_stop},
};

static enum error sweep_sessions(struct process *process, struct db *db, struct err *err)
{
    (void)process;
    return store_sweep_sessions(db, err);
}

static const struct job jobs[] = {
    {"reference", 24 * 3600 * 1000, reference_load},
    {"sessions", 3600 * 1000, sweep_sessions},
    {"untold", 250, registry_tell},
    {"imports", 500, imports_run},
    {"imports_sweep", 3600 * 1000, imports_sweep},
};

static const char *const demo[] = {"demo", NULL};

int main(int argc, char **argv)
{
    const struct command commands[] = {client_command, account_command, key_command, demo_command};
    const struct service registry = {
        .name = "registry",
        .listeners = LISTENERS(listeners),
        .state_again = registry_state_again,
        .state_keys = registry_state_keys,
        .log_keep_days = 7, /* its payloads hold personal data */
        .schema = {registry_schema, &registry_schema_count},
        .examples = registry_examples,
        .jobs = JOBS(jobs),
        .commands = COMMANDS(commands),
        .demo = demo,
    };
    return service_main(&registry, argc, argv);
}
