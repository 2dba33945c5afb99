/* The inbox and its stream as guardians meet them: the real api and push over their sockets, a real
 * PostgreSQL, without Kafka. */
#include "feed_test_internal.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/auth.h"

#define URL     "http://127.0.0.1:8080"
#define ACCOUNT "00000000-0000-4000-8000-0000000000f1"
#define PARENT  "00000000-0000-4000-8000-0000000000b1"

enum { WAIT_MS = 20000, QUIET_MS = 700 };

static struct feed_house it;
static const char *folder;
static pid_t api, push;
static struct signing_key *key;
static const char *account = ACCOUNT; /* who asks */

/* ---- The installation ---- */

static const char *print(const char *format, ...) PRINTF_LIKE(1, 2);
static const char *print(const char *format, ...)
{
    char made[8192];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(made, sizeof made, format, arguments);
    va_end(arguments);
    return str_copy(&it.arena, str_from(made)).ptr;
}

static pid_t start(const char *role)
{
    const char *const arguments[] = {"--role", role, NULL};
    const char *environment[] = {print("EISO_SOCKET=%s/%s", folder, role),
                                 print("EISO_OBSERVER=%s/%s.observer", folder, role),
                                 print("EISO_PG=%s", it.conninfo),
                                 "EISO_KAFKA=127.0.0.1:1", /* nobody */
                                 "EISO_CELL=kz",
                                 "EISO_URL=" URL,
                                 print("EISO_STATE=%s", folder),
                                 print("EISO_POKES=%s", folder),
                                 NULL};
    return testkit_spawn(
        &(struct testkit_child){"eiso-notify", arguments, environment, print("%s/log", folder)});
}

static void link_child(const char *learner, int rights)
{
    house_run(&it, print("insert into copy_link values (gen_random_uuid(), '%s', '" PARENT
                         "', %d, current_date - 9, null, 2, 1, 1)",
                         learner, rights));
}

static int begin(void **state)
{
    struct err err = {0};
    (void)state;
    house_open(&it);
    folder = testkit_folder(&it.arena);
    if (signing_key_load(&key, print("%s/key", folder), true, &err))
        fail_msg("%s", err.text);
    house_run(&it,
              print("insert into copy_key values ('%.*s', '%.*s', null, 1, 1)",
                    STR_ARG(signing_key_id(key)), STR_ARG(signing_key_public(key, &it.arena))));
    house_run(&it, "insert into copy_account values ('" ACCOUNT "', '" PARENT
                   "', true, null, null, 1, 1);"
                   "insert into copy_person values ('" AIGUL "', 'A', 'Айгүл', null, 1, 1),"
                   " ('" BOLAT "', 'B', 'Болат', null, 1, 1)");
    link_child(AIGUL, 6);
    link_child(BOLAT, 6);
    api = start("api");
    push = start("push");
    testkit_wait_ready(print("%s/api.observer", folder), WAIT_MS);
    testkit_wait_ready(print("%s/push.observer", folder), WAIT_MS);
    return 0;
}

static int end(void **state)
{
    (void)state;
    assert_int_equal(testkit_drain(api, WAIT_MS), 0);
    assert_int_equal(testkit_drain(push, WAIT_MS), 0);
    signing_key_free(key);
    house_close(&it);
    return 0;
}

/* ---- Requests ---- */

static const char *token(void)
{
    struct instant now = {clock_now()};
    struct token_claims claims = {.issuer = STR(URL),
                                  .kind = PRINCIPAL_ACCOUNT,
                                  .subject = id_of(account),
                                  .session = uuid_v7(), /* each time another device */
                                  .issued = {now.us / 1000000 * 1000000},
                                  .expires = {(now.us / 1000000 + 900) * 1000000}};
    return token_make(key, &claims, &it.arena).ptr;
}

static const char *request_of(const char *line, const char *more, const char *body)
{
    return print("%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\n"
                 "%sContent-Length: %zu\r\n%s\r\n%s",
                 line, token(), *body ? "Content-Type: application/json\r\n" : "", strlen(body),
                 more, body);
}

static int send_to(const char *role, const char *request)
{
    int fd = testkit_send(print("%s/%s", folder, role), str_from(request));
    assert_true(fd >= 0);
    return fd;
}

/* The whole answer, head and body. */
static const char *ask(const char *line, const char *more, const char *body)
{
    return testkit_receive(&it.arena, send_to("api", request_of(line, more, body)));
}

static const char *get(const char *target)
{
    return ask(print("GET %s", target), "", "");
}

static size_t times(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)); at++)
        count++;
    return count;
}

static const char *uuid_text(const struct event *event)
{
    char text[UUID_TEXT_LEN + 1];
    return print("%s", uuid_format(&event->id, text));
}

static bool before(const char *text, const struct event *one, const struct event *other)
{
    const char *first = strstr(text, uuid_text(one)), *second = strstr(text, uuid_text(other));
    return first && second && first < second;
}

/* The value of a text member, from its first place behind `from`. */
static const char *member(const char *from, const char *name)
{
    const char *at = strstr(from, print("\"%s\":\"", name));
    if (!at)
        return NULL;
    at += strlen(name) + 4;
    return print("%.*s", (int)strcspn(at, "\""), at);
}

/* ---- The inbox ---- */

static const struct event *absent(const char *learner)
{
    struct register_exception *exception = ARENA_NEW(&it.arena, struct register_exception);
    *exception = (struct register_exception){.learner = id_of(learner), .code = ABSENCE_ILL};
    return register_taken(&it, NULL, exception, 1);
}

static void the_inbox_is_the_union_of_the_children_newest_first(void **state)
{
    (void)state;
    const struct event *a = mark_recorded(&it, AIGUL, 7), *b = mark_recorded(&it, BOLAT, 8);
    const struct event *c = absent(AIGUL), *other = mark_recorded(&it, STRANGER, 9);
    APPLY(&it, a, b, other);
    APPLY(&it, c);
    const char *all = get("/v1/inbox");
    assert_int_equal(testkit_status(all), 200);
    assert_int_equal(times(all, "\"position\""), 3);
    assert_true(before(all, c, b) && before(all, b, a));
    assert_non_null(strstr(all, "Айгүл 2026 ж. 23 қараша күні сабаққа ауырып"));
    assert_non_null(strstr(all, "\"child\":{\"id\":\"" BOLAT "\",\"name\":\"Болат\"}"));
    assert_non_null(strstr(all, "\"points\":8,\"max_points\":10}"));
    const char *one = get("/v1/inbox?child=" BOLAT);
    assert_int_equal(times(one, "\"position\""), 1);
    assert_non_null(strstr(one, uuid_text(b)));
    assert_int_equal(testkit_status(get("/v1/inbox?child=" STRANGER)), 404);
}

static void a_child_without_items_is_no_unknown_one(void **state)
{
    (void)state;
    const char *none = get("/v1/inbox?child=" AIGUL);
    assert_int_equal(testkit_status(none), 200);
    assert_non_null(strstr(none, "\"items\":[]"));
}

static void each_right_shows_its_own(void **state)
{
    (void)state;
    const struct event *mark = mark_recorded(&it, AIGUL, 7), *absence = absent(AIGUL);
    APPLY(&it, mark);
    APPLY(&it, absence);
    house_run(&it, "update copy_link set rights = 2");
    const char *marks = get("/v1/inbox");
    assert_non_null(strstr(marks, uuid_text(mark)));
    assert_null(strstr(marks, uuid_text(absence)));
    house_run(&it, "update copy_link set rights = 4");
    const char *absences = get("/v1/inbox");
    assert_null(strstr(absences, uuid_text(mark)));
    assert_non_null(strstr(absences, uuid_text(absence)));
}

static void a_removed_link_ends_it_and_a_new_one_shows_the_past(void **state)
{
    (void)state;
    APPLY(&it, mark_recorded(&it, AIGUL, 7), mark_recorded(&it, STRANGER, 7));
    assert_int_equal(times(get("/v1/inbox"), "\"position\""), 1);
    house_run(&it, "update copy_link set valid_to = current_date - 1 where learner = '" AIGUL "'");
    assert_int_equal(times(get("/v1/inbox"), "\"position\""), 0);
    assert_int_equal(testkit_status(get("/v1/inbox?child=" AIGUL)), 404);
    link_child(STRANGER, 6);
    assert_int_equal(times(get("/v1/inbox"), "\"position\""), 1);
    house_run(&it, "update copy_link set status = 1 where learner = '" STRANGER "'"); /* invited */
    assert_int_equal(times(get("/v1/inbox"), "\"position\""), 0);
}

static void a_child_is_found_under_all_its_ids(void **state)
{
    (void)state;
    house_run(&it, "insert into copy_alias values ('" STRANGER "', '" AIGUL "', 1, 1, 1)");
    APPLY(&it, mark_recorded(&it, AIGUL, 7), mark_recorded(&it, STRANGER, 8));
    const char *all = get("/v1/inbox");
    assert_int_equal(times(all, "\"position\""), 2);
    assert_int_equal(times(all, "\"child\":{\"id\":\"" AIGUL "\",\"name\":\"Айгүл\"}"), 2);
    assert_int_equal(times(get("/v1/inbox?child=" STRANGER), "\"position\""), 2);
}

/* ---- One child under two ids ---- */

#define FORMER STRANGER /* another id of Aigul's */

/* What arrives of a child that is known under two ids, in any order. */
enum { MARK_OF_FORMER, MARK_OF_CHILD, LINK_OF_FORMER, LINK_OF_CHILD, MERGED, PIECES };

static void arrive(int piece)
{
    switch (piece) {
    case MARK_OF_FORMER:
        APPLY(&it, mark_recorded(&it, FORMER, 7));
        break;
    case MARK_OF_CHILD:
        APPLY(&it, mark_recorded(&it, AIGUL, 8));
        break;
    case MERGED:
        house_run(&it, "insert into copy_alias values ('" FORMER "', '" AIGUL "', 1, 1, 1)");
        break;
    default: /* one link, told again when its learner was merged */
        house_run(&it, print("insert into copy_link values ('" CLASS "', '%s', '" PARENT
                             "', 6, current_date - 9, null, 2, 1, %d) on conflict (id) do update"
                             " set learner = excluded.learner, revision = excluded.revision"
                             " where excluded.revision > copy_link.revision",
                             piece == LINK_OF_FORMER ? FORMER : AIGUL, piece));
    }
}

static void expect_one_child(void)
{
    assert_int_equal(times(get("/v1/inbox"), "\"child\":{\"id\":\"" AIGUL "\""), 2);
    assert_int_equal(times(get("/v1/inbox?child=" FORMER), "\"position\""), 2);
    const char *children = get("/v1/inbox/children");
    assert_int_equal(times(children, "\"unread\""), 1);
    assert_non_null(strstr(children, "{\"id\":\"" AIGUL "\",\"name\":\"Айгүл\",\"unread\":2}"));
}

static void try_order(const int *order)
{
    house_run(&it, "truncate copy_link, copy_alias, feed");
    for (int i = 0; i < PIECES; i++)
        arrive(order[i]);
    expect_one_child();
}

static void swap(int *a, int *b)
{
    int kept = *a;
    *a = *b;
    *b = kept;
}

static void try_all_orders(int *order, int settled)
{
    if (settled == PIECES)
        try_order(order);
    for (int i = settled; i < PIECES; i++) {
        swap(&order[settled], &order[i]);
        try_all_orders(order, settled + 1);
        swap(&order[settled], &order[i]);
    }
}

static void one_child_under_two_ids_has_one_feed_in_all_orders(void **state)
{
    (void)state;
    int order[PIECES] = {MARK_OF_FORMER, MARK_OF_CHILD, LINK_OF_FORMER, LINK_OF_CHILD, MERGED};
    try_all_orders(order, 0);
}

static void pages_hold_each_item_once(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        APPLY(&it, mark_recorded(&it, AIGUL, i), mark_recorded(&it, BOLAT, i));
    const char *target = "/v1/inbox?limit=3", *last = NULL;
    size_t seen = 0, pages = 0;
    for (const char *next = ""; next; pages++) {
        const char *page = get(target);
        assert_int_equal(testkit_status(page), 200);
        seen += times(page, "\"position\"");
        for (const char *at = page; (at = strstr(at, "\"position\"")); at++) {
            struct position now = {0}, then = {0};
            assert_true(position_parse(str_from(member(at, "position")), &now));
            if (last && position_parse(str_from(last), &then))
                assert_true(position_compare(&now, &then) < 0);
            last = member(at, "position");
        }
        next = member(page, "next");
        target = next ? print("/v1/inbox?limit=3&cursor=%s", next) : NULL;
    }
    assert_int_equal(seen, 8);
    assert_int_equal(pages, 3);
}

static void texts_come_in_the_readers_language(void **state)
{
    (void)state;
    APPLY(&it, mark_recorded(&it, AIGUL, 7));
    const char *russian = "Accept-Language: ru\r\n";
    assert_non_null(strstr(ask("GET /v1/inbox", russian, ""), "баллов из 10"));
    house_run(&it, "update copy_account set locale = 'kk'");
    assert_non_null(strstr(ask("GET /v1/inbox", russian, ""), "10 балдан 7 балл"));
    assert_non_null(strstr(ask("GET /v1/inbox?language=en", russian, ""), "Mathematics"));
}

/* ---- What was read ---- */

static int read_up_to(const char *child, const char *position)
{
    return testkit_status(ask("POST /v1/inbox/read", "",
                              print("{\"child\":\"%s\",\"position\":\"%s\"}", child, position)));
}

static void what_was_read_goes_forward_only_and_for_each_child(void **state)
{
    (void)state;
    const struct event *first = mark_recorded(&it, AIGUL, 1),
                       *second = mark_recorded(&it, AIGUL, 2);
    APPLY(&it, first, second, mark_recorded(&it, BOLAT, 3));
    const char *all = get("/v1/inbox");
    assert_int_equal(times(all, "\"read\":false"), 3);
    const char *older = member(strstr(all, uuid_text(first)), "position");
    const char *newer = member(strstr(all, uuid_text(second)), "position");
    assert_int_equal(read_up_to(AIGUL, older), 204);
    assert_int_equal(times(get("/v1/inbox"), "\"read\":true"), 1);
    assert_int_equal(read_up_to(AIGUL, newer), 204);
    assert_int_equal(read_up_to(AIGUL, older), 204);
    assert_int_equal(times(get("/v1/inbox?child=" AIGUL), "\"read\":true"), 2);
    assert_int_equal(times(get("/v1/inbox?child=" BOLAT), "\"read\":true"), 0);
    const char *children = get("/v1/inbox/children");
    assert_non_null(strstr(children, print("{\"id\":\"" AIGUL "\",\"name\":\"Айгүл\",\"unread\":0,"
                                           "\"position\":\"%s\"}",
                                           newer)));
    assert_non_null(strstr(children, "{\"id\":\"" BOLAT "\",\"name\":\"Болат\",\"unread\":1}"));
}

/* Each request comes with a session of its own. */
static void two_guardians_read_each_for_themselves(void **state)
{
    (void)state;
    static const char father[] = "00000000-0000-4000-8000-0000000000f2";
    house_run(&it, print("insert into copy_account values ('%s', '%s', true, null, null, 1, 1);"
                         "insert into copy_link values (gen_random_uuid(), '" AIGUL "', '%s', 2,"
                         " current_date - 9, null, 2, 1, 1)",
                         father, father, father));
    const struct event *mark = mark_recorded(&it, AIGUL, 1);
    APPLY(&it, mark);
    APPLY(&it, absent(AIGUL));
    const char *at = member(strstr(get("/v1/inbox"), uuid_text(mark)), "position");
    assert_int_equal(read_up_to(AIGUL, at), 204);
    assert_int_equal(times(get("/v1/inbox"), "\"read\":true"), 1);
    account = father;
    assert_int_equal(times(get("/v1/inbox"), "\"read\":false"), 1); /* has no right to absences */
    assert_int_equal(read_up_to(AIGUL, at), 204);
    assert_int_equal(times(get("/v1/inbox"), "\"read\":true"), 1);
    account = ACCOUNT;
    assert_int_equal(times(get("/v1/inbox"), "\"read\":false"), 1);
}

/* Nothing passes for read that was not: the earlier of two positions counts. */
static void what_was_read_of_two_ids_becomes_one_position(void **state)
{
    (void)state;
    const struct event *marks[4];
    const char *at[COUNT_OF(marks)];
    link_child(FORMER, 6);
    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        marks[i] = mark_recorded(&it, i % 2 ? FORMER : AIGUL, 1 + (int)i);
        APPLY(&it, marks[i]);
    }
    const char *all = get("/v1/inbox");
    for (size_t i = 0; i < COUNT_OF(marks); i++)
        at[i] = member(strstr(all, uuid_text(marks[i])), "position");
    assert_int_equal(read_up_to(AIGUL, at[2]), 204);
    assert_int_equal(read_up_to(FORMER, at[1]), 204);
    house_run(&it, "insert into copy_alias values ('" FORMER "', '" AIGUL "', 1, 1, 1)");
    assert_int_equal(times(get("/v1/inbox"), "\"read\":true"), 2);
    assert_int_equal(read_up_to(AIGUL, at[0]), 204); /* behind it: nothing changes */
    assert_int_equal(times(get("/v1/inbox"), "\"read\":true"), 2);
    assert_int_equal(read_up_to(FORMER, at[2]), 204);
    assert_int_equal(times(get("/v1/inbox"), "\"read\":true"), 3);
    assert_int_equal(house_number(&it, "select count(*) from read_position"), 1);
}

/* A position from the future does not read what comes later. */
static void what_is_not_there_yet_cannot_be_read(void **state)
{
    (void)state;
    APPLY(&it, mark_recorded(&it, AIGUL, 1));
    assert_int_equal(read_up_to(AIGUL, "9223372036854775807.1.1"), 204);
    APPLY(&it, mark_recorded(&it, AIGUL, 2));
    const char *all = get("/v1/inbox");
    assert_int_equal(times(all, "\"read\":true"), 1);
    assert_int_equal(times(all, "\"read\":false"), 1);
}

static void reading_another_ones_child_or_nonsense_is_refused(void **state)
{
    (void)state;
    assert_int_equal(read_up_to(STRANGER, "1.2.3"), 404);
    assert_int_equal(read_up_to(AIGUL, "1.2"), 422);
    assert_int_equal(testkit_status(get("/v1/inbox?cursor=nonsense")), 400);
    assert_int_equal(testkit_status(get("/v1/inbox?limit=501")), 400);
}

/* ---- The stream ---- */

struct stream {
    int fd;
    struct buf text;
};

static void stream_open(struct stream *stream, const char *after)
{
    *stream = (struct stream){
        .fd = send_to("push", request_of(print("GET /v1/inbox/stream%s%s", after ? "?after=" : "",
                                               after ? after : ""),
                                         "", ""))};
}

static void stream_close(struct stream *stream)
{
    close(stream->fd);
    buf_done(&stream->text);
}

static const char *stream_text(const struct stream *stream)
{
    return str_copy(&it.arena, buf_str(&stream->text)).ptr;
}

/* Reads for so long, or until `items` are there. */
static size_t stream_read(struct stream *stream, size_t items, int64_t timeout_ms)
{
    char bytes[4096];
    int64_t until = clock_monotonic() + timeout_ms * 1000;
    for (;;) {
        size_t count = stream->text.len ? times(stream_text(stream), "\nid: ") : 0;
        int64_t left_ms = (until - clock_monotonic()) / 1000;
        struct pollfd ready = {stream->fd, POLLIN, 0};
        if (count >= items || left_ms <= 0 || poll(&ready, 1, (int)left_ms) <= 0)
            return count;
        ssize_t got = recv(stream->fd, bytes, sizeof bytes, 0);
        assert_true(got > 0);
        buf_add(&stream->text, bytes, (size_t)got);
    }
}

/* Its items are exactly the feed's rows of both children, in order, from the first on. */
static void expect_all(const struct stream *stream)
{
    static const struct statement statement = {
        "positions", "select epoch, xid, seq from feed where learner in ('" AIGUL "', '" BOLAT
                     "') order by epoch, xid, seq"};
    struct result result = {0};
    struct err err = {0};
    const char *at = stream_text(stream);
    assert_int_equal(db_exec(it.db, &statement, NULL, &result, &err), ERROR_NONE);
    for (size_t row = 0; row < result_rows(&result); row++) {
        at = strstr(at, "\nid: ");
        assert_non_null(at);
        at += 5;
        assert_string_equal(print("%.*s", (int)strcspn(at, "\n"), at),
                            print("%lld.%lld.%lld", (long long)result_bigint(&result, row, 0),
                                  (long long)result_bigint(&result, row, 1),
                                  (long long)result_bigint(&result, row, 2)));
    }
    assert_null(strstr(at, "\nid: "));
    result_done(&result);
}

static void apply_some(int count)
{
    for (int i = 0; i < count; i++)
        APPLY(&it, mark_recorded(&it, AIGUL, 1), mark_recorded(&it, STRANGER, 2),
              mark_recorded(&it, BOLAT, 3));
    poke_send(print("%s/notify-push-0.poke", folder));
}

static void a_reader_hears_of_its_children_within_a_second(void **state)
{
    (void)state;
    struct stream stream;
    apply_some(1); /* what is past is in the inbox, once the follower has passed it */
    clock_sleep_ms(QUIET_MS);
    stream_open(&stream, NULL);
    assert_int_equal(stream_read(&stream, 1, QUIET_MS), 0);
    const struct event *mark = mark_recorded(&it, AIGUL, 9);
    APPLY(&it, mark, mark_recorded(&it, STRANGER, 1));
    assert_int_equal(stream_read(&stream, 1, 1000), 1);
    assert_int_equal(stream_read(&stream, 2, QUIET_MS), 1);
    const char *text = stream_text(&stream);
    assert_non_null(strstr(text, uuid_text(mark)));
    assert_non_null(strstr(text, "data: {\"id\":\""));
    assert_null(strstr(text, "\"read\""));
    stream_close(&stream);
}

static void who_resumes_gets_the_backlog_and_then_what_comes(void **state)
{
    (void)state;
    struct stream stream;
    apply_some(120); /* five pages */
    stream_open(&stream, "0.0.0");
    for (int i = 0; i < 20; i++)
        apply_some(1);
    assert_int_equal(stream_read(&stream, 280, WAIT_MS), 280);
    apply_some(1);
    assert_int_equal(stream_read(&stream, 282, WAIT_MS), 282);
    assert_int_equal(stream_read(&stream, 283, QUIET_MS), 282);
    expect_all(&stream);
    stream_close(&stream);
}

/* A reader that is cut off again and again, always resuming behind what it got last. */
static void a_broken_stream_loses_nothing_and_gets_nothing_twice(void **state)
{
    (void)state;
    struct stream whole = {.fd = -1};
    const char *last = "0.0.0";
    for (int turn = 0; turn < 30; turn++) {
        struct stream part;
        stream_open(&part, last);
        apply_some(1 + turn % 3);
        stream_read(&part, 1 + (size_t)turn % 2, WAIT_MS); /* of two at least */
        const char *text = stream_text(&part);
        const char *end_of = strstr(text, "retry: ");
        assert_non_null(end_of);
        for (const char *at = end_of, *next; (at = strstr(at, "\nid: ")); at = next) {
            next = strstr(at, "\n\n"); /* only whole items count, as a browser has it */
            if (!next)
                break;
            last = print("%.*s", (int)strcspn(at + 5, "\n"), at + 5);
            buf_printf(&whole.text, "\nid: %s\n", last);
        }
        stream_close(&part);
    }
    struct stream rest;
    stream_open(&rest, last);
    stream_read(&rest, 1000, 2 * QUIET_MS);
    buf_add_str(&whole.text, buf_str(&rest.text));
    stream_close(&rest);
    expect_all(&whole);
    buf_done(&whole.text);
}

/* A transaction that began early and commits late: its row has a lower position than others that
 * were committed before it. They wait for it. */
static void a_row_that_commits_late_is_not_jumped_over(void **state)
{
    (void)state;
    struct stream stream;
    struct feed_house late = {.conninfo = it.conninfo};
    struct err err = {0};
    apply_some(1);
    stream_open(&stream, "0.0.0");
    assert_int_equal(stream_read(&stream, 2, WAIT_MS), 2);
    const struct event *event = mark_recorded(&late, AIGUL, 5);
    struct event_batch batch = {
        .arena = &late.arena, .topic = &topic_marks, .events = event, .count = 1};
    assert_int_equal(db_open(&late.db, late.conninfo, &err), ERROR_NONE);
    batch.db = late.db;
    assert_int_equal(db_begin(late.db, &err), ERROR_NONE);
    assert_int_equal(handler_of(&topic_marks)(&batch, &err), ERROR_NONE);
    apply_some(1);
    assert_int_equal(stream_read(&stream, 3, 2 * QUIET_MS), 2);
    assert_int_equal(db_commit(late.db, &err), ERROR_NONE);
    assert_int_equal(stream_read(&stream, 5, WAIT_MS), 5);
    expect_all(&stream);
    stream_close(&stream);
    house_close(&late);
}

/* The inbox shows a row before the follower has handed it out: who resumes behind it has it. */
static void who_is_ahead_of_the_follower_gets_nothing_twice(void **state)
{
    (void)state;
    struct stream early, stream;
    stream_open(&early, "0.0.0");
    apply_some(1);
    assert_int_equal(stream_read(&early, 2, WAIT_MS), 2); /* the follower has just looked */
    APPLY(&it, mark_recorded(&it, AIGUL, 4));
    stream_open(&stream, member(get("/v1/inbox"), "position"));
    assert_int_equal(stream_read(&early, 3, WAIT_MS), 3);
    assert_int_equal(stream_read(&stream, 1, QUIET_MS), 0);
    apply_some(1);
    assert_int_equal(stream_read(&stream, 2, WAIT_MS), 2);
    stream_close(&stream);
    stream_close(&early);
}

static void readers_of_one_child_read_each_in_their_language(void **state)
{
    (void)state;
    struct stream kazakh, russian;
    stream_open(&kazakh, "0.0.0");
    stream_open(&russian, "0.0.0&language=ru");
    apply_some(1);
    assert_int_equal(stream_read(&kazakh, 2, WAIT_MS), 2);
    assert_int_equal(stream_read(&russian, 2, WAIT_MS), 2);
    assert_non_null(strstr(stream_text(&kazakh), "балл алды."));
    assert_non_null(strstr(stream_text(&russian), "балл из 10."));
    stream_close(&kazakh);
    stream_close(&russian);
}

static void a_place_that_is_none_is_refused(void **state)
{
    (void)state;
    struct stream stream;
    char status[13] = {0};
    stream_open(&stream, "yesterday");
    assert_int_equal(recv(stream.fd, status, sizeof status - 1, MSG_WAITALL), 12);
    assert_string_equal(status, "HTTP/1.1 400");
    stream_close(&stream);
}

#define INBOX_TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        INBOX_TEST(the_inbox_is_the_union_of_the_children_newest_first),
        INBOX_TEST(a_child_without_items_is_no_unknown_one),
        INBOX_TEST(each_right_shows_its_own),
        INBOX_TEST(a_removed_link_ends_it_and_a_new_one_shows_the_past),
        INBOX_TEST(a_child_is_found_under_all_its_ids),
        INBOX_TEST(one_child_under_two_ids_has_one_feed_in_all_orders),
        INBOX_TEST(pages_hold_each_item_once),
        INBOX_TEST(texts_come_in_the_readers_language),
        INBOX_TEST(what_was_read_goes_forward_only_and_for_each_child),
        INBOX_TEST(two_guardians_read_each_for_themselves),
        INBOX_TEST(what_was_read_of_two_ids_becomes_one_position),
        INBOX_TEST(what_is_not_there_yet_cannot_be_read),
        INBOX_TEST(reading_another_ones_child_or_nonsense_is_refused),
        INBOX_TEST(a_reader_hears_of_its_children_within_a_second),
        INBOX_TEST(who_resumes_gets_the_backlog_and_then_what_comes),
        INBOX_TEST(a_broken_stream_loses_nothing_and_gets_nothing_twice),
        INBOX_TEST(a_row_that_commits_late_is_not_jumped_over),
        INBOX_TEST(who_is_ahead_of_the_follower_gets_nothing_twice),
        INBOX_TEST(readers_of_one_child_read_each_in_their_language),
        INBOX_TEST(a_place_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
