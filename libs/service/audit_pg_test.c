/* Reads of children's records through the real server, and what they leave behind. */
#include "testkit/school.h"

#define client caller /* the contracts have a struct client, too */
#include "http/client_internal.h"
#undef client
#include "service/access.h"
#include "service/audit.h"
#include "service/service.h"

enum { CLASS = 110, CHILD = 110001, CLASSMATE = 110002, TEACHER = 901, PARENT = 902, SYSTEM = 903 };

static struct {
    struct school school;
    struct process process;
    const char *socket;
    int served;
} it;

/* ---- The server ---- */

static void serve(struct http_request *request)
{
    it.served++;
    http_answer_empty(request, 204);
}

static void get_marks(struct http_request *request)
{
    struct uuid learner;
    if (http_path_uuid(request, 0, &learner))
        access_learner(request, &learner, RIGHT_MARKS, serve);
}

static void get_journal(struct http_request *request)
{
    struct uuid class;
    if (http_path_uuid(request, 0, &class))
        access_class(request, &class, serve);
}

static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/v1/learners/{id}/marks", .handler = get_marks},
    {.method = HTTP_GET, .path = "/v1/classes/{id}/journal", .handler = get_journal},
};

/* The header says who is calling. */
static void guard(struct http_request *request)
{
    struct principal *principal = ARENA_NEW(&request->arena, struct principal);
    struct uuid *ids = ARENA_ARRAY(&request->arena, 2, struct uuid);
    struct str role = http_header(request, "X-Role");
    ids[0] = school_id(CLASS);
    ids[1] = school_id(11);
    *principal = (struct principal){.kind = PRINCIPAL_ACCOUNT, .id = school_id(999)};
    if (str_equal(role, STR("teacher"))) {
        principal->person = school_id(TEACHER);
        principal->classes = (struct uuids){ids, 1};
    } else if (str_equal(role, STR("parent"))) {
        principal->person = school_id(PARENT);
    } else if (str_equal(role, STR("learner"))) {
        principal->person = school_id(CHILD);
    } else {
        principal->kind = PRINCIPAL_CLIENT;
        principal->id = school_id(SYSTEM);
        principal->nodes = (struct uuids){ids + 1, 1};
    }
    request->principal = principal;
    http_proceed(request);
}

static void open_server(void)
{
    static const struct service service = {.name = "school"};
    struct process *process = &it.process;
    *process = (struct process){.service = &service, .role = "api", .loop = loop_new()};
    process->common.database = it.school.conninfo;
    process->read =
        db_async_new(process->loop,
                     &(struct db_async_options){.conninfo = it.school.conninfo, .pipeline = true});
    assert_int_equal(http_server_open(&process->server,
                                      &(struct http_server_options){.loop = process->loop,
                                                                    .socket_path = it.socket,
                                                                    .routes = ROUTES(routes),
                                                                    .guard = guard,
                                                                    .context = process},
                                      NULL),
                     ERROR_NONE);
}

static int begin(void **state)
{
    (void)state;
    it.served = 0;
    school_open(&it.school, (struct migration_set){"none", NULL, 0});
    school_run(&it.school, "insert into copy_link (id, learner, guardian, rights, valid_from,"
                           "                       status, epoch, revision)"
                           " values (id(990), id(110001), id(902), 2, '2020-01-01', 2, 1, 1);"
                           "insert into copy_alias values (id(991), id(110001), 1, 1, 1)");
    it.socket = arena_printf(&it.school.arena, "%s/http", testkit_folder(&it.school.arena));
    open_server();
    return 0;
}

static void close_server(void)
{
    http_server_close(it.process.server);
    audit_free(it.process.audit);
    db_async_free(it.process.read);
    loop_free(it.process.loop);
}

static int end(void **state)
{
    (void)state;
    close_server();
    school_close(&it.school);
    return 0;
}

/* ---- The client ---- */

static const char *text_of(uint32_t number)
{
    struct uuid id = school_id(number);
    return uuid_format(&id, arena_alloc(&it.school.arena, UUID_TEXT_LEN + 1));
}

enum what { MARKS, JOURNAL };

static struct str request_of(enum what what, uint32_t number, const char *headers)
{
    static const char *const parts[][2] = {
        [MARKS] = {"learners", "marks"}, [JOURNAL] = {"classes", "journal"}};
    return str_from(arena_printf(&it.school.arena, "GET /v1/%s/%s/%s HTTP/1.1\r\nHost: x\r\n%s\r\n",
                                 parts[what][0], text_of(number), parts[what][1], headers));
}

/* The answer's status. */
static int ask(enum what what, uint32_t number, const char *headers)
{
    struct caller caller;
    client_open(&caller, it.process.loop, it.socket);
    int status = atoi(client_ask(&caller, request_of(what, number, headers), 1) + 9);
    client_close(&caller);
    return status;
}

static int64_t rows(void)
{
    return school_number(&it.school, "select count(*) from read_audit");
}

/* What the officer's command prints, without instants and request ids. */
static const char *found(struct audit_wanted wanted)
{
    CLEANUP(buf_done) struct buf out = {0}, told = {0};
    struct err err = {0};
    wanted.limit = wanted.limit ? wanted.limit : 100;
    if (audit_list(it.school.db, &wanted, &out, &err))
        fail_msg("%s", err.text);
    struct str lines = buf_str(&out);
    while (lines.len) {
        struct str line = str_cut(&lines, '\n');
        str_cut(&line, '\t');
        for (int i = 0; i < 6; i++) {
            buf_add_str(&told, str_cut(&line, '\t'));
            buf_add_char(&told, i < 5 ? ' ' : '\n');
        }
    }
    return str_copy(&it.school.arena, buf_str(&told)).ptr;
}

static const char *line_of(const char *who, uint32_t reader, const char *what, uint32_t subject,
                           const char *rest)
{
    return arena_printf(&it.school.arena, "%s %s %s %s %s\n", who, text_of(reader), what,
                        text_of(subject), rest);
}

/* ---- What holds ---- */

static void who_reads_by_office_is_written_down(void **state)
{
    (void)state;
    assert_int_equal(ask(MARKS, CHILD, "X-Role: teacher\r\nEiso-Purpose: order 12/4\r\n"), 204);
    assert_string_equal(
        found((struct audit_wanted){0}),
        line_of("person", TEACHER, "person", CHILD, "/v1/learners/{id}/marks order 12/4"));
    assert_int_equal(ask(JOURNAL, CLASS, "X-Role: system\r\n"), 204);
    assert_string_equal(found((struct audit_wanted){.limit = 1}),
                        line_of("client", SYSTEM, "class", CLASS, "/v1/classes/{id}/journal "));
    assert_int_equal(it.served, 2);
}

static void the_child_and_its_guardian_are_not(void **state)
{
    (void)state;
    assert_int_equal(ask(MARKS, CHILD, "X-Role: learner\r\n"), 204);
    assert_int_equal(ask(MARKS, CHILD, "X-Role: parent\r\n"), 204);
    assert_int_equal(it.served, 2);
    assert_int_equal(rows(), 0);
}

static void who_may_not_leaves_nothing(void **state)
{
    (void)state;
    assert_int_equal(ask(MARKS, CLASSMATE, "X-Role: parent\r\n"), 404);
    assert_int_equal(ask(MARKS, 120001, "X-Role: system\r\n"), 404);
    assert_int_equal(ask(JOURNAL, 120, "X-Role: teacher\r\n"), 404);
    assert_int_equal(it.served, 0);
    assert_int_equal(rows(), 0);
}

static void what_cannot_be_written_down_is_not_read(void **state)
{
    (void)state;
    school_run(&it.school, "do $$ declare v text; begin for v in select inhrelid::regclass::text"
                           " from pg_inherits where inhparent = 'read_audit'::regclass loop"
                           " execute 'drop table ' || v; end loop; end $$");
    assert_true(ask(MARKS, CHILD, "X-Role: teacher\r\n") >= 500);
    assert_int_equal(it.served, 0);
    struct err err = {0};
    assert_int_equal(audit_keep(it.school.db, &err), ERROR_NONE);
    assert_int_equal(ask(MARKS, CHILD, "X-Role: teacher\r\n"), 204);
}

static const char *with_purpose(const char *purpose)
{
    return arena_printf(&it.school.arena, "X-Role: teacher\r\nEiso-Purpose: %s\r\n", purpose);
}

static void a_purpose_is_short_and_plain(void **state)
{
    (void)state;
    char lots[128];
    memset(lots, 'x', 101);
    lots[101] = '\0';
    assert_int_equal(ask(MARKS, CHILD, with_purpose("Айгүл")), 400);
    assert_int_equal(ask(MARKS, CHILD, with_purpose(lots)), 400);
    lots[100] = '\0';
    assert_int_equal(ask(MARKS, CHILD, with_purpose(lots)), 204);
    assert_int_equal(rows(), 1);
}

static void many_at_once_share_a_call(void **state)
{
    (void)state;
    enum { MANY = 60 };
    static struct caller callers[MANY];
    CLEANUP(db_close_at) struct db *other = school_connect(it.school.conninfo);
    struct err err = {0};
    struct str request = request_of(MARKS, CHILD, "X-Role: teacher\r\n");
    assert_int_equal(db_begin(other, &err), ERROR_NONE); /* the first call waits for the others */
    assert_int_equal(db_run(other, "lock table read_audit", &err), ERROR_NONE);
    for (int i = 0; i < MANY; i++) {
        client_open(&callers[i], it.process.loop, it.socket);
        callers[i].wanted = 1;
        callers[i].unsent = request;
        loop_watch_set(callers[i].watch, LOOP_READ | LOOP_WRITE);
    }
    client_pause(&callers[0], 1000);
    db_rollback(other);
    for (int i = 0; i < MANY; i++) {
        client_wait(&callers[i], 10000);
        assert_int_equal(atoi(callers[i].got.ptr + 9), 204);
    }
    for (int i = 0; i < MANY; i++)
        client_close(&callers[i]);
    assert_int_equal(rows(), MANY);
    int64_t calls = school_number(&it.school, "select count(distinct xmin::text) from read_audit");
    print_message("%d reads in %d calls\n", (int)MANY, (int)calls);
    assert_true(calls < MANY / 2);
}

static void an_officer_finds_whom_who_and_when(void **state)
{
    (void)state;
    assert_int_equal(ask(MARKS, 991, "X-Role: teacher\r\n"), 204); /* by its alias */
    assert_int_equal(ask(MARKS, CLASSMATE, "X-Role: teacher\r\n"), 204);
    assert_int_equal(ask(JOURNAL, CLASS, "X-Role: system\r\n"), 204);
    const char *alias = line_of("person", TEACHER, "person", 991, "/v1/learners/{id}/marks ");
    const char *mate = line_of("person", TEACHER, "person", CLASSMATE, "/v1/learners/{id}/marks ");
    const char *class = line_of("client", SYSTEM, "class", CLASS, "/v1/classes/{id}/journal ");
    const char *of_child = arena_printf(&it.school.arena, "%s%s", class, alias);
    assert_string_equal(found((struct audit_wanted){.person = school_id(CHILD)}), of_child);
    assert_string_equal(found((struct audit_wanted){.person = school_id(991)}), of_child);
    assert_string_equal(found((struct audit_wanted){.reader = school_id(TEACHER)}),
                        arena_printf(&it.school.arena, "%s%s", mate, alias));
    assert_string_equal(
        found((struct audit_wanted){.person = school_id(CHILD), .reader = school_id(SYSTEM)}),
        class);
    assert_string_equal(found((struct audit_wanted){.to = {1}}), "");
    assert_string_equal(found((struct audit_wanted){.from = {clock_now() + 1000000}}), "");
}

static void months_come_and_go(void **state)
{
    (void)state;
    struct err err = {0};
    school_run(&it.school,
               "create table read_audit_202001 partition of read_audit"
               " for values from ('2020-01-01') to ('2020-02-01');"
               "insert into read_audit values ('2020-01-05', 1, id(1), 1, id(2), '/', null, 'r')");
    assert_int_equal(rows(), 1);
    assert_int_equal(audit_keep(it.school.db, &err), ERROR_NONE);
    assert_int_equal(rows(), 0);
    assert_true(school_number(&it.school, "select count(*) from pg_inherits"
                                          " where inhparent = 'read_audit'::regclass") >= 3);
}

static void the_end_comes_while_a_read_waits(void **state)
{
    (void)state;
    CLEANUP(db_close_at) struct db *other = school_connect(it.school.conninfo);
    struct err err = {0};
    struct caller caller;
    assert_int_equal(db_begin(other, &err), ERROR_NONE);
    assert_int_equal(db_run(other, "lock table read_audit", &err), ERROR_NONE);
    client_open(&caller, it.process.loop, it.socket);
    caller.unsent = request_of(MARKS, CHILD, "X-Role: teacher\r\n");
    client_pause(&caller, 300);
    assert_int_equal(it.served, 0);
    client_close(&caller);
    close_server();
    db_rollback(other);
    assert_int_equal(it.served, 0);
    open_server();
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(who_reads_by_office_is_written_down),
        WITH_SERVER(the_child_and_its_guardian_are_not),
        WITH_SERVER(who_may_not_leaves_nothing),
        WITH_SERVER(what_cannot_be_written_down_is_not_read),
        WITH_SERVER(a_purpose_is_short_and_plain),
        WITH_SERVER(many_at_once_share_a_call),
        WITH_SERVER(an_officer_finds_whom_who_and_when),
        WITH_SERVER(months_come_and_go),
        WITH_SERVER(the_end_comes_while_a_read_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
