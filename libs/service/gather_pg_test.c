/* The entrance for batches with the real HTTP server and a real PostgreSQL: a child process serves,
 * the test is its client. */
#include "testkit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include "base/clock.h"
#include "base/log.h"
#include "outbox/outbox.h"
#include "service/gather_internal.h"
#include "testkit/testkit.h"

/* ---- A service with one entrance: notes about organisations ---- */

struct note {
    struct uuid id, organisation;
    struct str text;
    int32_t weight;
    struct uuid follows; /* another note */
    struct date month;   /* filled by prepare */
};

static const struct field note_fields[] = {
    FIELD(note, id, .required = true),
    FIELD(note, organisation, .required = true),
    FIELD(note, text, .required = true, .max = 50),
    FIELD(note, weight, .max = 100),
    FIELD(note, follows),
};
static const struct record note_record = RECORD(note, note_fields);

static const struct field note_columns[] = {FIELD(note, id), FIELD(note, organisation),
                                            FIELD(note, text), FIELD(note, month)};
static const struct record note_column_record = RECORD(note, note_columns);

static const struct field note_head[] = {FIELD(note, id), FIELD(note, weight)};
static const struct record note_event = RECORD(note, note_head);

static const char schema[] =
    "create table note (id uuid primary key, organisation uuid, text text, month date, head bytea,"
    "                   call bigint, transaction xid8 default pg_current_xact_id());"
    "create sequence calls; create sequence conflicts;"
    "create function take_notes(callers integer[], pair_callers integer[], pair_nodes uuid[],"
    "                           today date, ids uuid[], organisations uuid[], texts text[],"
    "                           months date[], heads bytea[])"
    " returns table (item integer, outcome text, code text, pointer text, other uuid)"
    " language plpgsql as $$ declare this_call bigint := nextval('calls'); begin"
    "  if 'poison' = any(texts) then raise exception 'a poisoned note'; end if;"
    "  if 'always in conflict' = any(texts)"
    "     or 'in conflict' = any(texts) and nextval('conflicts') <= 2 then"
    "    raise exception 'conflict' using errcode = '40001'; end if;"
    "  if 'slow' = any(texts) then perform pg_sleep(2); end if;"
    "  perform pg_sleep(0.05) where cardinality(ids) >= 1000;"
    "  return query"
    "  with given as (select * from unnest(ids, organisations, texts, months, heads, callers)"
    "                   with ordinality g (id, organisation, text, month, head, caller, n)),"
    "  judged as (select g.*, note.text as known,"
    "               exists (select from unnest(pair_callers, pair_nodes) p (caller, node)"
    "                        where p.caller = g.caller and p.node = g.organisation) as mine"
    "               from given g left join note using (id)),"
    "  added as (insert into note select j.id, j.organisation, j.text, j.month, j.head, this_call"
    "              from judged j where mine and known is null)"
    "  select n::integer, case when mine and known = j.text then 'duplicate'"
    "                          when j.text = 'heavy' and mine and known is null then 'created'"
    "                          else 'rejected' end,"
    "    case when not mine then 'out_of_scope'"
    "         when j.text = 'heavy' and known is null then 'learner_unknown'"
    "         when known <> j.text then 'id_reused' end,"
    "    case when not mine then '/organisation' else '' end,"
    "    case when mine and known <> j.text then j.id end"
    "   from judged j where not mine or known is not null or j.text = 'heavy';"
    " end $$;"
    "create function take_others(p_callers integer[], p_pair_callers integer[], p_pair_nodes "
    "uuid[],"
    "                            p_today date, p_ids uuid[], p_organisations uuid[], p_texts "
    "text[],"
    "                            p_months date[], p_heads bytea[])"
    " returns table (item integer, outcome text, code text, pointer text, other uuid, id uuid,"
    "                key text, type smallint, payload bytea) language sql as $$"
    "  select i.n::integer, t.outcome, t.code, t.pointer, t.other, i.id, '', 900::smallint,"
    "         case when t.outcome is null then i.head end"
    "   from unnest(p_ids, p_heads) with ordinality i (id, head, n)"
    "        left join take_notes(p_callers, p_pair_callers, p_pair_nodes, p_today, p_ids,"
    "                             p_organisations, p_texts, p_months, p_heads) t on t.item = i.n "
    "$$;"
    "select make_calls('take_notes'), make_calls('take_others');";

static const struct statement take_notes = {
    "take_notes", "select * from take_notes_call($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"};
static const struct statement take_notes_dry = {
    "take_notes_dry", "select * from take_notes_dry($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"};

static const struct statement take_others = {
    "take_others", "select * from take_others_call($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"};

static void note_prepare(void *item, struct date today, struct problems *problems,
                         struct arena *arena)
{
    struct note *note = item;
    (void)arena;
    note->month = date_month(today);
    if (str_equal(note->text, STR("forbidden")))
        problem_add(problems, "/text", "unknown_value");
}

static const char *const note_outcomes[] = {"created", "duplicate", "rejected", NULL};
static const char *const note_pokes[] = {"relay", NULL};
static const size_t note_names[] = {offsetof(struct note, follows)};
static const struct entrance notes = {.name = "notes",
                                      .record = &note_record,
                                      .id_offset = offsetof(struct note, id),
                                      .names = OFFSETS(note_names),
                                      .prepare = note_prepare,
                                      .columns = &note_column_record,
                                      .event = &note_event,
                                      .statement = &take_notes,
                                      .dry = &take_notes_dry,
                                      .outcomes = note_outcomes,
                                      .pokes = note_pokes};

static struct entrance others; /* a second entrance of the service, which returns its events */

static const struct route note_routes[] = {
    BATCH_ROUTE("/v1/notes", notes, 0, "Notes."),
    BATCH_ROUTE("/v1/others", others, 0, "Others."),
};

/* Caller n writes in the subtree of node n: as the token would say. */
static void guard(struct http_request *request)
{
    struct principal *principal = ARENA_NEW(&request->arena, struct principal);
    struct uuid *node = ARENA_NEW(&request->arena, struct uuid);
    struct str caller = http_header(request, "X-Caller");
    memset(node, caller.len ? caller.ptr[0] : 'A', sizeof *node);
    *principal = (struct principal){.kind = PRINCIPAL_CLIENT, .id = *node, .nodes = {node, 1}};
    request->principal = principal;
    http_proceed(request);
}

static void drained(void *context)
{
    loop_stop(context);
}

static void stop_serving(void *context)
{
    struct process *process = context;
    http_server_drain(process->server, drained, process->loop);
}

/* A child ends without what its parent does at its end, so it looks for leaks by itself. */
static bool leaks(void)
{
#ifdef __SANITIZE_ADDRESS__
    return __lsan_do_recoverable_leak_check() != 0;
#else
    return false;
#endif
}

static void stop_at_once(void *context)
{
    loop_stop(context);
}

/* The child: serves until SIGTERM, or until SIGUSR1 without a look back. */
static int serve(const char *folder, const char *conninfo)
{
    static const struct service service = {.name = "notes"};
    CLEANUP(arena_done) struct arena arena = {0};
    struct err err = {0};
    struct process process = {.service = &service, .role = "api", .loop = loop_new()};
    others = notes;
    others.names_suffice = true;
    others.statement = &take_others;
    process.common.pokes = folder;
    process.write = db_async_new(process.loop, &(struct db_async_options){.conninfo = conninfo});
    process.gather = gather_new(&process);
    enum error code = http_server_open(
        &process.server,
        &(struct http_server_options){.loop = process.loop,
                                      .socket_path = arena_printf(&arena, "%s/http", folder),
                                      .routes = ROUTES(note_routes),
                                      .guard = guard,
                                      .context = &process},
        &err);
    if (code)
        log_error("test server", &err);
    loop_on_signal(process.loop, SIGTERM, stop_serving, &process);
    loop_on_signal(process.loop, SIGUSR1, stop_at_once, process.loop);
    if (!code)
        loop_run(process.loop);
    http_server_close(process.server);
    gather_free(process.gather);
    db_async_free(process.write);
    loop_free(process.loop);
    return code != ERROR_NONE || leaks();
}

/* ---- The client ---- */

struct fixture {
    struct arena arena;
    const char *folder, *conninfo;
    struct db *db;
    pid_t server;
};

struct answer {
    int status;
    char *body;
};

/* Sends without waiting for the answer. */
static int post_to(struct fixture *fixture, const char *target, char caller, struct str body)
{
    CLEANUP(buf_done) struct buf request = {0};
    buf_printf(
        &request,
        "POST %s HTTP/1.1\r\nHost: test\r\nX-Caller: %c\r\nConnection: close\r\n"
        "Accept-Language: en\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
        target, caller, body.len);
    buf_add_str(&request, body);
    int fd =
        testkit_send(arena_printf(&fixture->arena, "%s/http", fixture->folder), buf_str(&request));
    assert_true(fd >= 0);
    return fd;
}

static int post_begin(struct fixture *fixture, char caller, const char *query, struct str body)
{
    char target[64];
    snprintf(target, sizeof target, "/v1/notes%s", query);
    return post_to(fixture, target, caller, body);
}

static struct answer answer_read(struct fixture *fixture, int fd)
{
    char *text = testkit_receive(&fixture->arena, fd);
    char *body = strstr(text, "\r\n\r\n");
    assert_non_null(body);
    return (struct answer){testkit_status(text), body + 4};
}

static struct answer post(struct fixture *fixture, char caller, const char *query, const char *body)
{
    return answer_read(fixture, post_begin(fixture, caller, query, str_from(body)));
}

/* Caller A's note number n: its id ends in n. */
static void add_note(struct buf *body, unsigned number, const char *text)
{
    buf_printf(body,
               "%c{\"id\":\"01900000-0000-7000-8000-%012x\","
               "\"organisation\":\"41414141-4141-4141-4141-414141414141\",\"text\":\"%s\"}",
               body->len ? ',' : '[', number, text);
}

static char *note(struct fixture *fixture, unsigned number, const char *text)
{
    CLEANUP(buf_done) struct buf body = {0};
    add_note(&body, number, text);
    buf_add_char(&body, ']');
    return arena_copy(&fixture->arena, body.ptr, body.len);
}

static char *notes_from(struct fixture *fixture, unsigned from, unsigned count)
{
    CLEANUP(buf_done) struct buf body = {0};
    for (unsigned i = 0; i < count; i++)
        add_note(&body, from + i, "many");
    buf_add_char(&body, ']');
    return arena_copy(&fixture->arena, body.ptr, body.len);
}

static int64_t count(struct fixture *fixture, const char *sql)
{
    struct statement *statement =
        ARENA_NEW(&fixture->arena, struct statement); /* known by address */
    CLEANUP(result_done) struct result result = {0};
    struct err err = {0};
    *statement = (struct statement){arena_printf(&fixture->arena, "%p", (void *)statement), sql};
    if (db_exec(fixture->db, statement, NULL, &result, &err))
        fail_msg("%s", err.text);
    return result_bigint(&result, 0, 0);
}

static void assert_holds(const struct answer *answer, const char *part)
{
    if (!strstr(answer->body, part))
        fail_msg("%s is not in %d %s", part, answer->status, answer->body);
}

/* ---- Before and after each test ---- */

static bool answers(void *context)
{
    struct fixture *fixture = context;
    int fd = testkit_connect(arena_printf(&fixture->arena, "%s/http", fixture->folder));
    if (fd < 0)
        return false;
    close(fd);
    return post(fixture, 'A', "", "[]").status == 200;
}

static void fixture_serve(struct fixture *fixture)
{
    fixture->folder = testkit_folder(&fixture->arena);
    fixture->server = fork();
    if (fixture->server == 0)
        _exit(serve(fixture->folder,
                    fixture->conninfo)); /* nothing here is the child's to clean up */
    assert_true(testkit_wait_until(answers, fixture, 10000));
}

static void make_schema(struct fixture *fixture)
{
    const struct migration_set sets[] = {outbox_migrations, service_migrations};
    struct err err;
    assert_int_equal(db_migrate(fixture->db, sets, COUNT_OF(sets), &err), ERROR_NONE);
    assert_int_equal(outbox_open(fixture->db, NULL, &err), ERROR_NONE);
    assert_int_equal(db_run(fixture->db, schema, &err), ERROR_NONE);
}

static int begin(void **state)
{
    struct fixture *fixture = mem_alloc(sizeof *fixture);
    struct err err;
    fixture->conninfo = testkit_database(&fixture->arena);
    assert_int_equal(db_open(&fixture->db, fixture->conninfo, &err), ERROR_NONE);
    make_schema(fixture);
    fixture_serve(fixture);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;
    int status;
    kill(fixture->server, SIGTERM);
    assert_int_equal(waitpid(fixture->server, &status, 0), fixture->server);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    db_close(fixture->db);
    arena_done(&fixture->arena);
    free(fixture);
    return 0;
}

static bool one_sleeps(void *context)
{
    return count(context, "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"
                          " and datname = current_database()") == 1;
}

/* A note that keeps PostgreSQL busy for 2 s; returns once it does. */
static int post_slow(struct fixture *fixture, unsigned number)
{
    int fd = post_begin(fixture, 'A', "", str_from(note(fixture, number, "slow")));
    assert_true(testkit_wait_until(one_sleeps, fixture, 5000));
    return fd;
}

/* ---- What holds ---- */

static void a_batch_is_created_once_and_a_repeat_is_a_duplicate(void **state)
{
    struct fixture *fixture = *state;
    const char *body = notes_from(fixture, 1, 3);
    struct answer first = post(fixture, 'A', "", body);
    assert_int_equal(first.status, 200);
    assert_string_equal(
        first.body,
        "{\"created\":3,\"duplicate\":0,\"rejected\":0,\"results\":["
        "{\"index\":0,\"id\":\"01900000-0000-7000-8000-000000000001\",\"outcome\":\"created\"},"
        "{\"index\":1,\"id\":\"01900000-0000-7000-8000-000000000002\",\"outcome\":\"created\"},"
        "{\"index\":2,\"id\":\"01900000-0000-7000-8000-000000000003\",\"outcome\":\"created\"}]}"
        "\n");
    struct answer again = post(fixture, 'A', "?results=problems", body);
    assert_string_equal(again.body,
                        "{\"created\":0,\"duplicate\":3,\"rejected\":0,\"results\":[]}\n");
    assert_int_equal(count(fixture, "select count(*) from note"), 3);
    assert_int_equal(count(fixture, "select count(*) from note where head is not null and month ="
                                    " date_trunc('month', now() at time zone 'Asia/Almaty')"),
                     3);
}

static void a_bad_item_does_not_take_the_good_ones_with_it(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(buf_done) struct buf body = {0};
    add_note(&body, 3, "good");
    add_note(&body, 2, "forbidden");
    buf_add_text(&body, ",{\"id\":\"no uuid\",\"text\":\"x\"}");
    add_note(&body, 1, "good");
    buf_add_text(&body, "]");
    struct answer answer =
        answer_read(fixture, post_begin(fixture, 'A', "?results=problems", buf_str(&body)));
    assert_int_equal(answer.status, 200);
    assert_holds(&answer,
                 "{\"created\":2,\"duplicate\":0,\"rejected\":2,\"results\":[{\"index\":1,");
    assert_holds(&answer,
                 "\"errors\":[{\"pointer\":\"/text\",\"code\":\"unknown_value\",\"title\":");
    assert_holds(&answer, "{\"index\":2,\"outcome\":\"rejected\",\"errors\":[{\"pointer\":\"/id\"");
    assert_int_equal(count(fixture, "select count(*) from note"), 2);
}

static void the_statement_names_what_it_rejects_and_what_it_warns_of(void **state)
{
    struct fixture *fixture = *state;
    post(fixture, 'A', "", note(fixture, 1, "first"));
    struct answer reused = post(fixture, 'A', "", note(fixture, 1, "other"));
    assert_holds(&reused,
                 "\"outcome\":\"rejected\",\"errors\":[{\"pointer\":\"\",\"code\":\"id_reused\"");
    assert_holds(&reused, "\"existing\":\"01900000-0000-7000-8000-000000000001\"}]");
    struct answer warned = post(fixture, 'A', "", note(fixture, 2, "heavy"));
    assert_holds(&warned, "\"outcome\":\"created\",\"warnings\":[{\"pointer\":\"\","
                          "\"code\":\"learner_unknown\"");
    assert_holds(&warned, "\"retriable\":true}]");
}

static void who_calls_writes_only_in_its_own_subtree(void **state)
{
    struct fixture *fixture = *state;
    struct answer answer = post(fixture, 'B', "", note(fixture, 1, "foreign"));
    assert_holds(&answer, "\"rejected\":1");
    assert_holds(&answer, "{\"pointer\":\"/organisation\",\"code\":\"out_of_scope\"");
    assert_int_equal(count(fixture, "select count(*) from note"), 0);
}

static void an_id_that_comes_twice_is_a_duplicate_of_itself(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(buf_done) struct buf body = {0};
    for (int i = 0; i < 4; i++)
        add_note(&body, 7, i == 2 ? "different" : "same");
    add_note(&body, 6, "same");
    buf_add_char(&body, ']');
    struct answer answer = answer_read(fixture, post_begin(fixture, 'A', "", buf_str(&body)));
    assert_holds(&answer, "{\"created\":2,\"duplicate\":2,\"rejected\":1,");
    assert_holds(&answer, "{\"index\":0,\"id\":\"01900000-0000-7000-8000-000000000007\","
                          "\"outcome\":\"created\"}");
    assert_holds(&answer, "{\"index\":2,\"id\":\"01900000-0000-7000-8000-000000000007\","
                          "\"outcome\":\"rejected\"");
    assert_int_equal(count(fixture, "select count(*) from note where text = 'same'"), 2);
    assert_int_equal(count(fixture, "select last_value from calls"), 4);
}

/* The call that took each of the notes 1 to `most`, counted from the first one. */
static char *calls_of(struct fixture *fixture, unsigned most)
{
    CLEANUP(buf_done) struct buf calls = {0};
    for (unsigned i = 1; i <= most; i++)
        buf_printf(&calls, "%lld ",
                   (long long)count(fixture, arena_printf(&fixture->arena,
                                                          "select call from note where id ="
                                                          " '01900000-0000-7000-8000-%012x'",
                                                          i)));
    buf_add_char(&calls, '\0');
    return arena_copy(&fixture->arena, calls.ptr, calls.len);
}

/* Notes 1, 2..., each of which follows the one given, or none. */
static char *notes_that_follow(struct fixture *fixture, const unsigned *follows, size_t count)
{
    CLEANUP(buf_done) struct buf body = {0};
    for (unsigned i = 0; i < count; i++) {
        add_note(&body, i + 1, "same");
        body.len--;
        if (follows[i])
            buf_printf(&body, ",\"follows\":\"01900000-0000-7000-8000-%012x\"", follows[i]);
        buf_add_char(&body, '}');
    }
    buf_add_char(&body, ']');
    return arena_copy(&fixture->arena, body.ptr, body.len);
}

/* 2 waits for 1, 3 for 2, 5 for 1; 6 and 7 name what nobody is, the second one waits for the first.
 */
static const unsigned some_follow[] = {0, 1, 2, 0, 1, 99, 99};

static void an_item_that_names_another_one_goes_behind_it(void **state)
{
    struct fixture *fixture = *state;
    char *body = notes_that_follow(fixture, some_follow, COUNT_OF(some_follow));
    struct answer answer = post(fixture, 'A', "", body);
    assert_holds(&answer, "{\"created\":7,");
    /* What stands behind one that waits keeps its place. */
    assert_string_equal(calls_of(fixture, COUNT_OF(some_follow)), "1 2 3 3 3 3 4 ");
    assert_int_equal(count(fixture, "select count(distinct transaction) from note"), 1);
}

/* Where nothing but names counts, what names none does not wait, nor what names only such a one, 2;
 * and the log has the order of arrival. */
static void events_stand_in_the_order_of_arrival_whatever_waited(void **state)
{
    struct fixture *fixture = *state;
    char *body = notes_that_follow(fixture, some_follow, COUNT_OF(some_follow));
    struct answer answer =
        answer_read(fixture, post_to(fixture, "/v1/others", 'A', str_from(body)));
    assert_holds(&answer, "{\"created\":7,");
    assert_string_equal(calls_of(fixture, COUNT_OF(some_follow)), "1 1 2 1 2 1 2 ");
    assert_int_equal(count(fixture, "select count(*) from event_log where xid > 0"), 1);
    assert_int_equal(count(fixture,
                           "select count(*) from event_log l, unnest(l.ids) with ordinality"
                           " i (id, n) where l.xid > 0 and right(i.id::text, 1) = i.n::text"),
                     COUNT_OF(some_follow));
}

/* 20 notes, each behind the one before it: 16 rounds of one call, and what is left in the next. */
static void what_needs_too_many_rounds_takes_another_call(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(buf_done) struct buf body = {0};
    for (unsigned i = 1; i <= 20; i++) {
        add_note(&body, i, "same");
        body.len--;
        buf_printf(&body, ",\"follows\":\"01900000-0000-7000-8000-%012x\"}", i + 1);
    }
    buf_add_char(&body, ']');
    struct answer answer = answer_read(fixture, post_begin(fixture, 'A', "", buf_str(&body)));
    assert_holds(&answer, "{\"created\":20,");
    assert_int_equal(count(fixture, "select last_value from calls"), 20);
    assert_int_equal(count(fixture, "select count(distinct transaction) from note"), 2);
    assert_int_equal(count(fixture, "select max(n) from (select count(*) as n from note"
                                    " group by transaction) t"),
                     16);
}

/* Two requests of one caller, each with an item that names the one before it, take two calls
 * together, not three. */
static void a_request_that_waits_does_not_keep_the_next_one_waiting(void **state)
{
    struct fixture *fixture = *state;
    int slow = post_slow(fixture, 1000), fds[2];
    for (unsigned i = 0; i < COUNT_OF(fds); i++) {
        CLEANUP(buf_done) struct buf body = {0};
        add_note(&body, 2 * i + 1, "same");
        add_note(&body, 2 * i + 2, "same");
        body.len--;
        buf_printf(&body, ",\"follows\":\"01900000-0000-7000-8000-%012x\"}]", 2 * i + 1);
        fds[i] = post_begin(fixture, 'A', "", buf_str(&body));
    }
    for (unsigned i = 0; i < COUNT_OF(fds); i++) {
        struct answer answer = answer_read(fixture, fds[i]);
        assert_holds(&answer, "{\"created\":2,");
    }
    answer_read(fixture, slow);
    assert_string_equal(calls_of(fixture, 4), "2 3 2 3 ");
}

static void the_same_id_from_two_requests_is_created_once(void **state)
{
    struct fixture *fixture = *state;
    int slow = post_slow(fixture, 1000);
    int first = post_begin(fixture, 'A', "", str_from(note(fixture, 1, "same")));
    clock_sleep_ms(200);
    int second = post_begin(fixture, 'A', "", str_from(note(fixture, 1, "same")));
    struct answer answer = answer_read(fixture, first);
    assert_holds(&answer, "{\"created\":1,\"duplicate\":0,");
    answer = answer_read(fixture, second);
    assert_holds(&answer, "{\"created\":0,\"duplicate\":1,");
    answer_read(fixture, slow);
    assert_int_equal(count(fixture, "select last_value from calls"), 3);
}

static void what_arrives_while_a_call_is_in_flight_shares_the_next_one(void **state)
{
    enum { REQUESTS = 60 };
    struct fixture *fixture = *state;
    int fds[REQUESTS];
    int slow = post_slow(fixture, 1000);
    for (unsigned i = 0; i < REQUESTS; i++)
        fds[i] = post_begin(fixture, 'A', "", str_from(note(fixture, i, "one")));
    for (unsigned i = 0; i < REQUESTS; i++) {
        struct answer answer = answer_read(fixture, fds[i]);
        assert_holds(&answer, "{\"created\":1,");
    }
    assert_int_equal(answer_read(fixture, slow).status, 200);
    assert_int_equal(count(fixture, "select last_value from calls"), 2);
}

static void a_large_sender_does_not_keep_a_small_one_waiting(void **state)
{
    struct fixture *fixture = *state;
    int slow = post_slow(fixture, 100000);
    int large =
        post_begin(fixture, 'A', "?results=problems", str_from(notes_from(fixture, 1, 5000)));
    clock_sleep_ms(500);
    int small = post_begin(fixture, 'B', "", str_from(note(fixture, 200000, "small")));
    struct answer answer = answer_read(fixture, small);
    assert_holds(&answer, "out_of_scope"); /* judged in the very next call */
    assert_int_equal(count(fixture, "select last_value from calls") <= 3, 1);
    answer = answer_read(fixture, large);
    assert_holds(&answer, "{\"created\":5000,");
    answer_read(fixture, slow);
    assert_int_equal(count(fixture, "select last_value from calls"), 4);
    assert_int_equal(count(fixture, "select max(n) from (select count(*) as n from note"
                                    " group by call) c"),
                     2000);
}

static void entrances_take_turns(void **state)
{
    struct fixture *fixture = *state;
    int slow = post_slow(fixture, 100000);
    int large = post_begin(fixture, 'A', "", str_from(notes_from(fixture, 1, 5000)));
    clock_sleep_ms(500);
    int other = post_to(fixture, "/v1/others", 'A', str_from(note(fixture, 200000, "other")));
    assert_int_equal(answer_read(fixture, other).status, 200);
    assert_int_equal(answer_read(fixture, large).status, 200);
    assert_int_equal(answer_read(fixture, slow).status, 200);
    assert_int_equal(count(fixture, "select call from note where text = 'other'") <= 3, 1);
    assert_int_equal(count(fixture, "select last_value from calls"), 5);
}

/* A sends more than can be done in time, and B one note. Whether some of A's were refused, and B's
 * was not: where the machine is so busy that a single call takes too long, nobody's is taken. */
static bool refuses_only_the_large_one(struct fixture *fixture)
{
    enum { LARGE = 12 };
    int fds[LARGE], refused = 0;
    int slow = post_slow(fixture, 99999);
    for (unsigned i = 0; i < LARGE; i++) {
        fds[i] = post_begin(fixture, 'A', "?results=problems",
                            str_from(notes_from(fixture, i * 5000, 5000)));
        clock_sleep_ms(10);
    }
    int other = post_begin(fixture, 'B', "", str_from(note(fixture, 1, "small")));
    for (unsigned i = 0; i < LARGE; i++) {
        struct answer answer = answer_read(fixture, fds[i]);
        assert_true(answer.status == 200 || answer.status == 429);
        if (answer.status == 429)
            assert_holds(&answer, "\"code\":\"too_many_requests\"");
        refused += answer.status == 429;
    }
    answer_read(fixture, slow);
    return answer_read(fixture, other).status == 200 && refused > 0 && refused < LARGE;
}

static void what_would_wait_too_long_is_refused_but_not_that_of_others(void **state)
{
    enum { TRIES = 5 };
    struct fixture *fixture = *state;
    int tries = 0;
    post(fixture, 'A', "?results=problems",
         notes_from(fixture, 90000, 5000)); /* what a call takes */
    while (!refuses_only_the_large_one(fixture))
        assert_true(++tries < TRIES);
}

static void a_conflict_is_repeated_three_times(void **state)
{
    struct fixture *fixture = *state;
    struct answer healed = post(fixture, 'A', "", note(fixture, 1, "in conflict"));
    assert_holds(&healed, "{\"created\":1,");
    assert_int_equal(count(fixture, "select last_value from conflicts"), 3);
    struct answer lasting = post(fixture, 'A', "", note(fixture, 2, "always in conflict"));
    assert_int_equal(lasting.status, 503);
    assert_holds(&lasting, "\"code\":\"unavailable\"");
    assert_int_equal(count(fixture, "select last_value from calls"), 3 + 4);
}

static void an_item_that_no_call_survives_is_found_and_rejected_alone(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(buf_done) struct buf body = {0};
    for (unsigned i = 0; i < 300; i++)
        add_note(&body, i, i == 77 ? "poison" : "fine");
    buf_add_char(&body, ']');
    struct answer answer =
        answer_read(fixture, post_begin(fixture, 'A', "?results=problems", buf_str(&body)));
    assert_int_equal(answer.status, 200);
    assert_holds(&answer, "{\"created\":299,\"duplicate\":0,\"rejected\":1,\"results\":["
                          "{\"index\":77,");
    assert_holds(&answer, "\"code\":\"internal\"");
    assert_int_equal(count(fixture, "select count(*) from note"), 299);
    answer = post(fixture, 'A', "", note(fixture, 1000, "poison"));
    assert_int_equal(answer.status, 500);
}

static void a_dry_run_answers_the_outcomes_and_keeps_nothing(void **state)
{
    struct fixture *fixture = *state;
    post(fixture, 'A', "", note(fixture, 1, "kept"));
    struct answer answer = post(fixture, 'A', "?dry_run=1", notes_from(fixture, 1, 2));
    assert_holds(&answer, "{\"created\":1,\"duplicate\":0,\"rejected\":1,");
    assert_holds(&answer, "\"code\":\"id_reused\"");
    assert_int_equal(count(fixture, "select count(*) from note"), 1);
    CLEANUP(buf_done) struct buf twice = {0}; /* the second finds the first, as it would */
    add_note(&twice, 7, "dry");
    add_note(&twice, 7, "dry");
    buf_add_text(&twice, "]");
    buf_add_char(&twice, '\0');
    answer = post(fixture, 'A', "?dry_run=1", twice.ptr);
    assert_holds(&answer, "{\"created\":1,\"duplicate\":1,\"rejected\":0,");
    assert_int_equal(count(fixture, "select count(*) from note"), 1);
    assert_int_equal(post(fixture, 'A', "?dry_run=yes", "[]").status, 400);
    assert_int_equal(post(fixture, 'A', "?results=few", "[]").status, 400);
}

static void a_client_that_leaves_does_no_harm(void **state)
{
    struct fixture *fixture = *state;
    int slow = post_slow(fixture, 1);
    close(post_begin(fixture, 'A', "", str_from(note(fixture, 2, "gone"))));
    clock_sleep_ms(200);
    close(slow);
    struct answer answer = post(fixture, 'A', "", note(fixture, 3, "stays"));
    assert_holds(&answer, "{\"created\":1,");
    assert_int_equal(count(fixture, "select count(*) from note"), 3);
}

static void an_end_in_mid_call_leaves_nothing_behind(void **state)
{
    struct fixture *fixture = *state;
    int status;
    int slow = post_slow(fixture, 1);
    CLEANUP(buf_done) struct buf body = {0};
    for (int i = 0; i < 3; i++)
        add_note(&body, 1, "twin");
    add_note(&body, 2, "waits");
    buf_add_char(&body, ']');
    int waiting = post_begin(fixture, 'A', "", buf_str(&body));
    clock_sleep_ms(500);
    kill(fixture->server, SIGUSR1);
    assert_int_equal(waitpid(fixture->server, &status, 0), fixture->server);
    assert_int_equal(status, 0); /* and neither a leak nor a use of what is gone */
    close(slow);
    close(waiting);
    fixture_serve(fixture);
}

static void end_the_callers(struct fixture *fixture)
{
    count(fixture, "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                   " where datname = current_database() and pid <> pg_backend_pid()");
}

static void a_call_whose_connection_broke_is_made_again(void **state)
{
    struct fixture *fixture = *state;
    int fd = post_slow(fixture, 1);
    end_the_callers(fixture);
    struct answer answer = answer_read(fixture, fd);
    assert_int_equal(answer.status, 200);
    assert_holds(&answer, "{\"created\":1,");
    assert_int_equal(count(fixture, "select last_value from calls"), 2);
}

static void without_postgres_nothing_is_taken_and_what_was_in_flight_is_unknown(void **state)
{
    (void)state;
    struct fixture own = {0};
    struct err err;
    struct testkit_server *postgres = testkit_postgres_new();
    own.conninfo = testkit_server_database(postgres, &own.arena);
    assert_int_equal(db_open(&own.db, own.conninfo, &err), ERROR_NONE);
    make_schema(&own);
    fixture_serve(&own);
    int fd = post_slow(&own, 1);
    db_close(own.db);
    testkit_server_kill(postgres);
    clock_sleep_ms(300);
    struct answer refused = post(&own, 'A', "", note(&own, 2, "late"));
    assert_int_equal(refused.status, 503);
    assert_holds(&refused, "\"code\":\"unavailable\"");
    struct answer unknown = answer_read(&own, fd);
    assert_int_equal(unknown.status, 503);
    assert_holds(&unknown, "\"code\":\"outcome_unknown\"");
    testkit_server_start(postgres);
    assert_true(testkit_wait_until(answers, &own, 10000));
    struct answer again = post(&own, 'A', "", note(&own, 1, "slow"));
    assert_int_equal(again.status, 200);
    assert_int_equal(db_open(&own.db, own.conninfo, &err), ERROR_NONE);
    assert_int_equal(count(&own, "select count(*) from note"), 1);
    int status;
    kill(own.server, SIGTERM);
    assert_int_equal(waitpid(own.server, &status, 0), own.server);
    assert_int_equal(status, 0);
    db_close(own.db);
    testkit_server_free(postgres);
    arena_done(&own.arena);
}

#define GATHER_TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GATHER_TEST(a_batch_is_created_once_and_a_repeat_is_a_duplicate),
        GATHER_TEST(a_bad_item_does_not_take_the_good_ones_with_it),
        GATHER_TEST(the_statement_names_what_it_rejects_and_what_it_warns_of),
        GATHER_TEST(who_calls_writes_only_in_its_own_subtree),
        GATHER_TEST(an_id_that_comes_twice_is_a_duplicate_of_itself),
        GATHER_TEST(an_item_that_names_another_one_goes_behind_it),
        GATHER_TEST(events_stand_in_the_order_of_arrival_whatever_waited),
        GATHER_TEST(what_needs_too_many_rounds_takes_another_call),
        GATHER_TEST(a_request_that_waits_does_not_keep_the_next_one_waiting),
        GATHER_TEST(the_same_id_from_two_requests_is_created_once),
        GATHER_TEST(what_arrives_while_a_call_is_in_flight_shares_the_next_one),
        GATHER_TEST(a_large_sender_does_not_keep_a_small_one_waiting),
        GATHER_TEST(entrances_take_turns),
        GATHER_TEST(what_would_wait_too_long_is_refused_but_not_that_of_others),
        GATHER_TEST(a_conflict_is_repeated_three_times),
        GATHER_TEST(an_item_that_no_call_survives_is_found_and_rejected_alone),
        GATHER_TEST(a_dry_run_answers_the_outcomes_and_keeps_nothing),
        GATHER_TEST(a_client_that_leaves_does_no_harm),
        GATHER_TEST(an_end_in_mid_call_leaves_nothing_behind),
        GATHER_TEST(a_call_whose_connection_broke_is_made_again),
        TEST(without_postgres_nothing_is_taken_and_what_was_in_flight_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
