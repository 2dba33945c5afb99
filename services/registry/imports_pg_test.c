/* Bundles through role jobs into a real PostgreSQL: what becomes of the rows, again, and after any
 * death in between. */
#include "registry_test_internal.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "imports.h"
#include "oneroster/bundle_test_internal.h"
#include "reference.h"

static struct {
    struct process process;
    struct uuid client, job;
} jobs;

static int begin_jobs(void **state)
{
    begin(state);
    jobs.process = (struct process){
        .common = {.state = testkit_folder(&it.arena), .pokes = testkit_folder(&it.arena)}};
    jobs.client = uuid_v7();
    static const struct service registry = {.name = "registry"};
    jobs.process.service = &registry;
    assert_int_equal(mkdir(arena_printf(&it.arena, "%s/imports", jobs.process.common.state), 0700),
                     0);
    assert_int_equal(reference_load(&jobs.process, it.db, NULL), ERROR_NONE);
    char client[UUID_TEXT_LEN + 1], node[UUID_TEXT_LEN + 1];
    sql(arena_printf(&it.arena, "update organisation set kind = 4 where id = '%s'",
                     uuid_format(&it.district, node)));
    sql(arena_printf(&it.arena,
                     "insert into client (id, name, node, scopes, epoch, xid) values ('%s', 'x', "
                     "'%s', 2, 1, 1)",
                     uuid_format(&jobs.client, client), uuid_format(&it.district, node)));
    return 0;
}

#define WITH_JOBS(test) cmocka_unit_test_setup_teardown(test, begin_jobs, end)

/* ---- A bundle ---- */

#define MANIFEST_OF(mode)                                                                        \
    "propertyName,value\nmanifest.version,1.0\noneroster.version,1.2\nsource.systemCode,Bilim\n" \
    "file.orgs," mode "\nfile.academicSessions," mode "\nfile.courses," mode                     \
    "\nfile.classes," mode "\nfile.users," mode "\nfile.roles," mode "\nfile.demographics," mode \
    "\nfile.enrollments," mode "\n"

#define HEAD "\xEF\xBB\xBFsourcedId,status,dateLastModified,"

static const char orgs[] = HEAD "name,type,identifier,parentSourcedId,metadata.kato\r\n"
                                "s1,,,\"№ 7 мектеп,\r\nгимназия\",school,,d,\r\n"
                                "d,,,Білім бөлімі,local,,,\r\n"
                                "s2,,,Мектеп,school,,d,999999999\r\n"
                                "s3,,,Мектеп,shcool,,d,\r\n";
static const char sessions[] = HEAD "title,type,startDate,endDate,parentSourcedId,schoolYear\r\n"
                                    "y,,,2026/27,schoolYear,2026-09-01,2027-05-26,,2027\r\n";
static const char courses[] = HEAD "title,courseCode,orgSourcedId\r\n"
                                   "m,,,\"Математика, 5 класс\",,s1\r\n"
                                   "a,,,Астрология,,s1\r\n";
static const char classes[] =
    HEAD "title,grades,courseSourcedId,classType,schoolSourcedId,termSourcedIds\r\n"
         "h5,,,5 «Ә»,05,m,homeroom,s1,y\r\n"
         "g5,,,Математика 5,,m,scheduled,s1,y\r\n"
         "ga,,,Астрология,05,a,scheduled,s1,y\r\n"
         "ge,,,Бос топ,05,m,scheduled,s1,y\r\n"
         "h6,,,6 «А»,13,m,homeroom,s1,y\r\n";
static const char users[] =
    HEAD "enabledUser,username,givenName,familyName,grades,agentSourcedIds,metadata.iin\r\n"
         "u1,,,true,,Айгүл,Ахметова,05,p1,\r\n"
         "u2,,,true,,Арман,Оспанов,05,,041231500129\r\n"
         "u3,,,true,,Дана,Серік,07,\"p1,p2\",\r\n"
         "u4,,,true,,Ерлан,Ким,,,\r\n"
         "u5,,,true,,,Безымянный,05,,\r\n"
         "p1,,,true,,Гүлнар,Ахметова,,,\r\n"
         "t1,,,true,,Сәуле,Нұрланова,,,\r\n"
         "u1,,,true,,Екінші,Жол,05,,\r\n"
         "x1,,,true,,Рөлсіз,Адам,,,\r\n"
         "u6,,,true,,Тізім,\"\r\n";
static const char roles[] = HEAD "userSourcedId,roleType,role,beginDate,endDate,orgSourcedId\r\n"
                                 "r1,,,u1,primary,student,,,s1\r\n"
                                 "r2,,,u2,primary,student,,,s1\r\n"
                                 "r3,,,u3,primary,student,,,s1\r\n"
                                 "r4,,,u4,primary,student,,,s1\r\n"
                                 "r5,,,p1,primary,parent,,,s1\r\n"
                                 "r6,,,t1,primary,teacher,,,s1\r\n"
                                 "r7,,,nobody,primary,teacher,,,s1\r\n";
static const char demographics[] = HEAD "birthDate,sex\r\n"
                                        "u1,,,2015-02-03,female\r\n"
                                        "p1,,,1985-02-30,female\r\n";
static const char enrollments[] =
    HEAD "classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate\r\n"
         "e1,,,h5,s1,u1,student,,,\r\n"
         "e2,,,g5,s1,u1,student,,,\r\n"
         "e3,,,g5,s1,t1,teacher,true,,\r\n"
         "e4,,,h5,s1,t1,teacher,true,2026-09-01,2027-05-26\r\n"
         "e5,,,h9,s1,u1,student,,,\r\n"
         "e6,,,h5,s1,u2,student,,,\r\n"
         "e7,,,ga,s1,u1,student,,,\r\n"
         "e8,,,g5,s1,u3,student,,,\r\n";

static const struct bundle_file whole[] = {
    {"manifest.csv", MANIFEST_OF("bulk")},
    {"orgs.csv", orgs},
    {"academicSessions.csv", sessions},
    {"courses.csv", courses},
    {"classes.csv", classes},
    {"users.csv", users},
    {"roles.csv", roles},
    {"demographics.csv", demographics},
    {"enrollments.csv", enrollments},
};

/* A job for a bundle, as the api would make it. */
static void add_job(const struct bundle_file *files, size_t count)
{
    char id[UUID_TEXT_LEN + 1], client[UUID_TEXT_LEN + 1], node[UUID_TEXT_LEN + 1];
    jobs.job = uuid_v7();
    bundle_make(import_path(jobs.process.common.state, &jobs.job, &it.arena), files, count);
    sql(arena_printf(
        &it.arena,
        "do $$ begin assert import_add('%s', '%s', 1::smallint, array['%s'::uuid], "
        "null, 0::smallint, 1, '2026-11-27', 2026, '2026-09-01', 20::smallint) is null; end $$",
        uuid_format(&jobs.job, id), uuid_format(&jobs.client, client),
        uuid_format(&it.district, node)));
}

static void run(void)
{
    struct err err = {0};
    if (imports_run(&jobs.process, it.db, &err))
        fail_msg("%s", err.text);
}

static const char *text_of(const char *query)
{
    struct statement *statement = ARENA_NEW(&it.arena, struct statement);
    static int calls;
    struct result result = {0};
    struct err err = {0};
    *statement = (struct statement){arena_printf(&it.arena, "text_%d", calls++), query};
    if (db_exec(it.db, statement, NULL, &result, &err))
        fail_msg("%s: %s", query, err.text);
    struct str text = str_copy(&it.arena, result_str(&result, 0, 0));
    result_done(&result);
    return text.ptr ? text.ptr : "";
}

static const char *job_column(const char *expression)
{
    char id[UUID_TEXT_LEN + 1];
    return text_of(arena_printf(&it.arena, "select (%s)::text from import_job where id = '%s'",
                                expression, uuid_format(&jobs.job, id)));
}

static const char *rejects(void)
{
    return text_of(
        "select string_agg((array['o','s','c','k','u','r','d','e'])[file + 1] || line || "
        "' ' || field || ' ' || code, E'\\n' order by file, line, field) from "
        "import_reject where job = (select max(id::text)::uuid from import_job)");
}

/* All that an import writes but what hangs on the ids of this test's tree. */
static const char *state_of_all(void)
{
    return text_of(
        "select md5(coalesce((select string_agg(concat_ws('|', id, name_kk, kato, kind, "
        "valid_from, "
        "revision), ',' order by id) from organisation where source = 'bilim'), '')) || "
        "md5((select string_agg(concat_ws('|', id, family, given, birth_date, sex, roles, "
        "revision), "
        "',' order by id) from person)) || md5((select string_agg(concat_ws('|', id, name, type, "
        "homerooms, subject, grade, language, academic_year, revision), ',' order by id) from "
        "class "
        "where source = 'bilim')) || md5((select string_agg(concat_ws('|', id, learner, class, "
        "valid_from, valid_to, mode, revision), ',' order by id) from enrolment)) || md5((select "
        "string_agg(concat_ws('|', id, teacher, class, subject, kind, valid_from, valid_to, "
        "revision), ',' order by id) from assignment)) || md5((select string_agg(concat_ws('|', "
        "id, "
        "learner, guardian, relation, status, revision), ',' order by id) from guardian))");
}

/* ---- Tests ---- */

static void the_good_rows_are_there_and_the_broken_ones_named(void **state)
{
    (void)state;
    add_job(whole, COUNT_OF(whole));
    run();
    assert_string_equal(job_column("problem"), "");
    assert_string_equal(job_column("state"), "4");
    assert_string_equal(rejects(), "o5 metadata.kato kato_unknown\n"
                                   "o6 type unknown_value\n"
                                   "k4 courseSourcedId subject_unknown\n"
                                   "k5 sourcedId class_without_learners\n"
                                   "k6 grades unknown_value\n"
                                   "u3 metadata.iin iin_control_digit\n"
                                   "u4 agentSourcedIds person_unknown\n"
                                   "u5 grades missing\n"
                                   "u6 givenName missing\n"
                                   "u9 sourcedId duplicate_in_bundle\n"
                                   "u10 role missing\n"
                                   "u11  unclosed_quote\n"
                                   "r8 userSourcedId person_unknown\n"
                                   "d3 birthDate bad_date\n"
                                   "e6 classSourcedId class_unknown\n"
                                   "e7 userSourcedId learner_unknown\n"
                                   "e8 classSourcedId class_unknown");
    assert_string_equal(job_column("total = done"), "true");
    assert_string_equal(job_column("rejected"), "17");
    assert_string_equal(text_of("select string_agg(concat_ws('|', name_kk, name_ru, kato, kind, "
                                "valid_from), E'\\n') from organisation where source = 'bilim'"),
                        "№ 7 мектеп, гимназия|№ 7 мектеп, гимназия|114000000|8|2026-09-01");
    assert_int_equal(count("select count(*) from alias where entity = 2"), 1); /* its own node */
    assert_string_equal(
        text_of("select string_agg(given || roles, ',' order by given) from person"),
        "Айгүл2,Гүлнар8,Дана2,Ерлан2,Сәуле4");
    assert_string_equal(
        text_of("select string_agg(c.name || '/' || coalesce(c.subject, '') || '/' || "
                "c.grade || '/' || coalesce(cardinality(c.homerooms), 0), ',' order "
                "by c.name) from class c where c.source = 'bilim'"),
        "5 «Ә»//5/0,7//7/0,Математика 5/math/5/2");
    assert_string_equal(
        text_of(
            "select string_agg(p.given || ' ' || c.name || ' ' || e.valid_from || "
            "coalesce(e.valid_to::text, ''), ',' order by p.given, c.name) from enrolment e join "
            "person p on p.id = e.learner join class c on c.id = e.class"),
        "Айгүл 5 «Ә» 2026-09-01,Айгүл Математика 5 2026-09-01,Дана 7 2026-09-01,Дана Математика 5 "
        "2026-09-01");
    assert_string_equal(
        text_of(
            "select string_agg(c.name || ' ' || coalesce(a.subject, '') || a.kind || "
            "coalesce(a.valid_to::text, ''), ',' order by c.name) from assignment a join class c "
            "on c.id = a.class"),
        "5 «Ә» 32027-05-25,Математика 5 math1");
    assert_string_equal(text_of("select string_agg(p.given || g.relation || g.status, ',' order by "
                                "p.given) from guardian g join person p on p.id = g.learner"),
                        "Айгүл61,Дана61");
    assert_int_equal(count("select count(*) from import_user"), 0);
    assert_int_not_equal(access(import_path(jobs.process.common.state, &jobs.job, &it.arena), F_OK),
                         0);
}

static void again_changes_nothing(void **state)
{
    (void)state;
    add_job(whole, COUNT_OF(whole));
    run();
    const char *before = state_of_all(), *said = rejects();
    int64_t events = count("select count(*) from event_log_events");
    add_job(whole, COUNT_OF(whole));
    run();
    assert_string_equal(job_column("state"), "4");
    assert_string_equal(state_of_all(), before);
    assert_string_equal(rejects(), said);
    assert_string_equal(job_column("created + updated"), "0");
    assert_int_equal(count("select count(*) from event_log_events"), events);
}

/* A process that dies at the n-th part, before or after its commit. True: it got through. */
static bool run_until_killed(const char *fault, int nth)
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct db *db = NULL;
        setenv("EISO_FAULT", arena_printf(&it.arena, "%s:%d", fault, nth), 1);
        if (db_open(&db, it.conninfo, NULL) || outbox_open(db, NULL, NULL) ||
            imports_run(&jobs.process, db, NULL))
            _exit(1);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return !WIFSIGNALED(status);
}

static const char *undisturbed(void **state)
{
    begin_jobs(state);
    add_job(whole, COUNT_OF(whole));
    run();
    const char *text = arena_printf(&it.arena, "%s\n%s\n%s", state_of_all(), rejects(),
                                    job_column("concat_ws(' ', total, done, created, rejected)"));
    static char kept[8192];
    snprintf(kept, sizeof kept, "%s", text);
    end(state);
    return kept;
}

static void whatever_dies_the_end_is_the_same(void **state)
{
    const char *wanted = undisturbed(state);
    static const char *const faults[] = {"import-part", "import-committed"};
    begin_jobs(state);
    add_job(whole, COUNT_OF(whole));
    int deaths = 0;
    while (!run_until_killed(faults[deaths % 2], 1 + deaths % 2))
        deaths++;
    assert_in_range(deaths, 15, 100);
    assert_string_equal(arena_printf(&it.arena, "%s\n%s\n%s", state_of_all(), rejects(),
                                     job_column("concat_ws(' ', total, done, created, rejected)")),
                        wanted);
    end(state);
}

static void what_a_bulk_file_does_not_name_ends(void **state)
{
    (void)state;
    struct bundle_file fewer[COUNT_OF(whole)];
    memcpy(fewer, whole, sizeof whole);
    fewer[8].text = HEAD "classSourcedId,schoolSourcedId,userSourcedId,role\r\n"
                         "e1,,,h5,s1,u1,student\r\n"
                         "e8,,,g5,s1,u3,student\r\n"
                         "e9,,,h5,s1,u3,student\r\n";
    add_job(whole, COUNT_OF(whole));
    run();
    add_job(fewer, COUNT_OF(fewer));
    run();
    assert_string_equal(job_column("state"), "4");
    assert_string_equal(
        text_of("select string_agg(p.given || ' ' || c.name || ' ' || "
                "coalesce(e.valid_to::text, '-'), ',' order by p.given, c.name) from enrolment e "
                "join person p on p.id = e.learner join class c on c.id = e.class"),
        "Айгүл 5 «Ә» -,Айгүл Математика 5 2026-11-26,Дана 5 «Ә» -,Дана 7 2026-11-26,"
        "Дана Математика 5 -");
    assert_string_equal(text_of("select string_agg(coalesce(valid_to::text, '-'), ',') from "
                                "assignment"),
                        "2026-11-26,2026-11-26");
    int64_t events = count("select count(*) from event_log_events");
    add_job(fewer, COUNT_OF(fewer));
    run();
    assert_int_equal(count("select count(*) from event_log_events"), events);
}

/* A row that cannot be taken does not end what it names. */
static void a_broken_row_ends_nothing(void **state)
{
    (void)state;
    struct bundle_file broken[COUNT_OF(whole)];
    memcpy(broken, whole, sizeof whole);
    broken[8].text = HEAD "classSourcedId,schoolSourcedId,userSourcedId,role,beginDate\r\n"
                          "e1,,,h5,s1,u1,student,2026-02-30\r\n"
                          "e2,,,g5,s1,u1,pupil,\r\n"
                          "e3,,,g5,s1\r\n"
                          "e8,,,g5,s1,u3,student,\r\n";
    add_job(whole, COUNT_OF(whole));
    run();
    add_job(broken, COUNT_OF(broken));
    run();
    assert_string_equal(job_column("state"), "4");
    assert_int_equal(count("select count(*) from enrolment where valid_to is not null"), 0);
    assert_string_equal(text_of("select string_agg(sourced_id || coalesce(valid_to::text, '-'), ','"
                                " order by sourced_id) from assignment"),
                        "e3-,e42026-11-26");
}

/* Children `first` to `last` of a class of many, as a file of enrolments. */
static const char *many_enrollments(int first, int last)
{
    CLEANUP(buf_done) struct buf text = {0};
    buf_add_text(&text, HEAD "classSourcedId,schoolSourcedId,userSourcedId,role\r\n");
    for (int i = first; i <= last; i++)
        buf_printf(&text, "m%d,,,h5,s1,c%d,student\r\n", i, i);
    return arena_printf(&it.arena, "%.*s", (int)text.len, text.ptr);
}

static void many_children(struct bundle_file files[COUNT_OF(whole)], int count)
{
    CLEANUP(buf_done) struct buf people = {0}, of = {0};
    memcpy(files, whole, sizeof whole);
    buf_add_text(&people, HEAD "enabledUser,username,givenName,familyName,grades\r\n");
    buf_add_text(&of, HEAD "userSourcedId,roleType,role,beginDate,endDate,orgSourcedId\r\n");
    for (int i = 1; i <= count; i++) {
        buf_printf(&people, "c%d,,,true,,Бала,Үлгі,05\r\n", i);
        buf_printf(&of, "r%d,,,c%d,primary,student,,,s1\r\n", i, i);
    }
    files[5].text = arena_printf(&it.arena, "%.*s", (int)people.len, people.ptr);
    files[6].text = arena_printf(&it.arena, "%.*s", (int)of.len, of.ptr);
    files[8].text = many_enrollments(1, count);
}

/* A bulk file that lost its tail on the way is no reason to send a school home. */
static void a_file_that_was_cut_off_ends_nothing(void **state)
{
    (void)state;
    struct bundle_file files[COUNT_OF(whole)];
    static const char in_force[] =
        "select count(*) from enrolment where valid_to is null and sourced_id is not null";
    many_children(files, 60);
    add_job(files, COUNT_OF(files));
    run();
    assert_string_equal(job_column("state"), "4");
    assert_int_equal(count(in_force), 60);
    int64_t events = count("select count(*) from event_log_events");
    files[8].text = many_enrollments(1, 47); /* 13 of 60 are more than 20 % */
    add_job(files, COUNT_OF(files));
    run();
    assert_string_equal(job_column("state || problem"), "5change_threshold");
    assert_int_equal(count("select count(*) from event_log_events"), events);
    assert_int_equal(count("select count(*) from import_ending"), 0);
    files[8].text = many_enrollments(1, 48);
    add_job(files, COUNT_OF(files));
    run();
    assert_string_equal(job_column("state"), "4");
    assert_int_equal(count(in_force), 48);
    files[8].text = many_enrollments(1, 20);
    add_job(files, COUNT_OF(files)); /* that is how it is */
    sql("update import_job set change_threshold = 100 where state = 1");
    run();
    assert_string_equal(job_column("state"), "4");
    assert_int_equal(count(in_force), 20);
}

static void a_delta_ends_what_is_to_be_deleted(void **state)
{
    (void)state;
    static const struct bundle_file delta[] = {
        {"manifest.csv", "propertyName,value\noneroster.version,1.2\nsource.systemCode,bilim\n"
                         "file.enrollments,delta\n"},
        {"enrollments.csv", HEAD "classSourcedId,userSourcedId,role\n"
                                 "e2,tobedeleted,2026-10-05T20:00:00Z,,,\n"
                                 "e3,tobedeleted,2026-10-05T18:00:00Z,,,\n"
                                 "zz,tobedeleted,2026-10-05T18:00:00Z,,,\n"},
    };
    add_job(whole, COUNT_OF(whole));
    run();
    add_job(delta, COUNT_OF(delta));
    run();
    assert_string_equal(job_column("concat_ws(' ', state, updated, unchanged, rejected)"),
                        "4 2 1 0");
    assert_int_equal(count("select count(*) from enrolment where valid_to = '2026-10-06'"), 1);
    assert_int_equal(count("select count(*) from assignment where valid_to = '2026-10-05'"), 1);
    assert_int_equal(count("select count(*) from enrolment where valid_to is null"), 3);
}

static void a_client_that_was_revoked_meanwhile_ends_the_job(void **state)
{
    (void)state;
    add_job(whole, COUNT_OF(whole));
    assert_false(run_until_killed("import-committed", 12));
    sql("update client set active = false");
    int64_t people = count("select count(*) from person");
    run();
    assert_string_equal(job_column("state || problem"), "5forbidden");
    assert_int_equal(count("select count(*) from person"), people);
    assert_int_equal(count("select count(*) from import_user"), 0);
}

static void a_bundle_of_somebody_elses_school_is_out_of_scope(void **state)
{
    (void)state;
    char school[UUID_TEXT_LEN + 1];
    static const char head[] = HEAD "title,grades,courseSourcedId,classType,schoolSourcedId,"
                                    "termSourcedIds\n";
    const struct bundle_file foreign[] = {
        {"manifest.csv", "propertyName,value\noneroster.version,1.2\n"
                         "file.classes,bulk\nfile.academicSessions,bulk\n"},
        {"academicSessions.csv", sessions},
        {"classes.csv", arena_printf(&it.arena, "%sh,,,1,01,m,homeroom,%s,y\n", head,
                                     uuid_format(&it.elsewhere, school))},
    };
    add_job(foreign, COUNT_OF(foreign));
    run();
    assert_string_equal(rejects(), "k2 schoolSourcedId out_of_scope");
    char client[UUID_TEXT_LEN + 1];
    assert_string_equal(job_column("source"), uuid_format(&jobs.client, client));
}

static void what_is_no_bundle_fails_with_a_word(void **state)
{
    (void)state;
    static const struct bundle_file nothing[] = {{"readme.txt", "?"}};
    add_job(nothing, 1);
    run();
    assert_string_equal(job_column("state || problem"), "5manifest_missing");
    add_job(nothing, 1);
    assert_int_equal(truncate(import_path(jobs.process.common.state, &jobs.job, &it.arena), 20), 0);
    run();
    assert_string_equal(job_column("state || problem"), "5zip_broken");
}

static void one_job_of_a_caller_at_a_time(void **state)
{
    (void)state;
    add_job(whole, COUNT_OF(whole));
    assert_string_equal(
        text_of("select import_add(gen_random_uuid(), principal, 1::smallint, nodes, null, "
                "0::smallint, 1, day, 2026, day, 20::smallint) from import_job"),
        "too_many_imports");
    sql("insert into import_job (id, principal, principal_kind, nodes, charset, bytes, day, year, "
        "year_start) select gen_random_uuid(), gen_random_uuid(), 1, nodes, 0, 1, day, 2026, day "
        "from import_job, "
        "generate_series(1, 63)");
    assert_string_equal(
        text_of("select import_add(gen_random_uuid(), gen_random_uuid(), 1::smallint, nodes, null, "
                "0::smallint, 1, day, 2026, day, 20::smallint) from import_job limit 1"),
        "import_queue_full");
}

static void a_subject_is_known_by_code_and_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *text, *subject;
    } known[] = {{"math", "math"},
                 {"MATH", "math"},
                 {"Математика", "math"},
                 {"математика 5 класс", "math"},
                 {"Алгебра, 8-сынып", "algebra"},
                 {"Қазақ тілі (3 сынып)", "kazakh_language"},
                 {"Algebra grade", ""},
                 {"5", ""},
                 {"", ""}};
    for (size_t i = 0; i < COUNT_OF(known); i++)
        assert_string_equal(
            text_of(arena_printf(&it.arena, "select import_subject(jsonb_build_array('%s'))",
                                 known[i].text)),
            known[i].subject);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_JOBS(the_good_rows_are_there_and_the_broken_ones_named),
        WITH_JOBS(again_changes_nothing),
        cmocka_unit_test(whatever_dies_the_end_is_the_same),
        WITH_JOBS(what_a_bulk_file_does_not_name_ends),
        WITH_JOBS(a_broken_row_ends_nothing),
        WITH_JOBS(a_file_that_was_cut_off_ends_nothing),
        WITH_JOBS(a_delta_ends_what_is_to_be_deleted),
        WITH_JOBS(a_client_that_was_revoked_meanwhile_ends_the_job),
        WITH_JOBS(a_bundle_of_somebody_elses_school_is_out_of_scope),
        WITH_JOBS(what_is_no_bundle_fails_with_a_word),
        WITH_JOBS(one_job_of_a_caller_at_a_time),
        WITH_JOBS(a_subject_is_known_by_code_and_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
