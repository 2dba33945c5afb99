/* Sessions, secrets and what ends them, against a real PostgreSQL. */
#include "registry_test_internal.h"

#define HASH "$argon2id$one"

static struct uuid account, session;

static int begin_session(void **state)
{
    if (begin(state))
        return -1;
    struct person person = person_of(uuid_v7());
    account = uuid_v7();
    session = uuid_v7();
    assert_string_equal(PUT(people_entrance, &person), "");
    const struct account_adding adding = {.id = account,
                                          .person = person.id,
                                          .login = STR("aigul"),
                                          .locale = STR("kk"),
                                          .roles = STR("[]"),
                                          .hash = STR(HASH)};
    assert_int_equal(store_account_add(it.db, &adding, &it.err), ERROR_NONE);
    return 0;
}

static const char *text_of(const struct uuid *id)
{
    return uuid_format(id, arena_alloc(&it.arena, UUID_TEXT_LEN + 1));
}

/* Whether a session was opened: 1 or 0. */
static int64_t open_with(const char *hash, const char *secret)
{
    return count(arena_printf(&it.arena,
                              "select (session_open('%s', '%s', '%s', '%s'::bytea, now() + "
                              "interval '1 day') is not null)::integer",
                              text_of(&session), text_of(&account), hash, secret));
}

/* How many sessions that secret renews: 1 or 0. */
static int64_t renew(const char *secret, const char *next)
{
    return count(arena_printf(&it.arena,
                              "select count(*) from session_renew('%s'::bytea, '%s'::bytea, now() "
                              "+ interval '1 day')",
                              secret, next));
}

static int64_t revoked(const char *kind)
{
    return count(arena_printf(&it.arena,
                              "select count(*) from event_log_events where type = 111"
                              "  and position('%s'::bytea in payload) > 0",
                              kind));
}

static void a_secret_is_used_once_and_counts_a_little_longer(void **state)
{
    (void)state;
    assert_int_equal(open_with(HASH, "first"), 1);
    assert_int_equal(renew("first", "second"), 1);
    assert_int_equal(renew("first", "second of the other tab"), 1);
    assert_int_equal(renew("second", "third"), 1);
    assert_int_equal(renew("second of the other tab", "fourth"), 1);
    assert_int_equal(renew("unknown", "fifth"), 0);
    assert_int_equal(revoked("session"), 0);
}

static void a_secret_that_comes_late_was_copied(void **state)
{
    (void)state;
    assert_int_equal(open_with(HASH, "first"), 1);
    assert_int_equal(renew("first", "second"), 1);
    sql("update renewal set valid_until = now() - interval '1 second' where used");
    assert_int_equal(renew("first", "third"), 0);
    assert_int_equal(revoked("session"), 1);
    assert_int_equal(renew("second", "fourth"), 0);
}

static void a_session_ends_once(void **state)
{
    (void)state;
    assert_int_equal(open_with(HASH, "first"), 1);
    assert_int_equal(count("select session_end('first'::bytea)::integer"), 1);
    assert_int_equal(count("select session_end('first'::bytea)::integer"), 1);
    assert_int_equal(count("select session_end('unknown'::bytea)::integer"), 0);
    assert_int_equal(revoked("session"), 1);
    assert_int_equal(renew("first", "second"), 0);
}

/* It was right when it was read; it is another one when the session would begin. */
static void a_password_that_was_changed_meanwhile_opens_nothing(void **state)
{
    (void)state;
    assert_int_equal(store_account_reset(it.db, STR("aigul"), STR("$argon2id$two"), &it.err),
                     ERROR_NONE);
    assert_int_equal(open_with(HASH, "first"), 0);
    assert_int_equal(open_with("$argon2id$two", "first"), 1);
}

static void a_locked_account_loses_its_sessions(void **state)
{
    (void)state;
    assert_int_equal(open_with(HASH, "first"), 1);
    assert_int_equal(store_account_lock(it.db, STR("aigul"), &it.err), ERROR_NONE);
    assert_int_equal(renew("first", "second"), 0);
    assert_int_equal(open_with(HASH, "third"), 0);
    assert_int_equal(revoked("account"), 1);
    assert_int_equal(store_account_lock(it.db, STR("nobody"), &it.err), ERROR_NOT_FOUND);
}

static void what_nobody_can_use_is_swept(void **state)
{
    (void)state;
    assert_int_equal(open_with(HASH, "first"), 1);
    assert_int_equal(store_sweep_sessions(it.db, &it.err), ERROR_NONE);
    assert_int_equal(renew("first", "second"), 1);
    sql("update renewal set valid_until = now() - interval '2 days';"
        "update session set created_at = now() - interval '2 days'");
    assert_int_equal(store_sweep_sessions(it.db, &it.err), ERROR_NONE);
    assert_int_equal(count("select count(*) from session"), 0);
}

static void a_role_needs_its_organisation(void **state)
{
    (void)state;
    struct account_adding adding = {.id = uuid_v7(),
                                    .node = uuid_v7(),
                                    .login = STR("bolat"),
                                    .locale = STR("kk"),
                                    .roles = STR("[]"),
                                    .hash = STR(HASH)};
    struct person person = person_of(uuid_v7());
    assert_string_equal(PUT(people_entrance, &person), "");
    adding.person = person.id;
    assert_int_equal(store_account_add(it.db, &adding, &it.err), ERROR_NOT_FOUND);
    adding.node = it.school;
    assert_int_equal(store_account_add(it.db, &adding, &it.err), ERROR_NONE);
}

static void a_client_that_is_revoked_is_told(void **state)
{
    (void)state;
    const struct client client = {.id = uuid_v7(),
                                  .name = STR("Күнделік"),
                                  .node = it.district,
                                  .scopes = 8,
                                  .active = true,
                                  .revision = 1};
    struct str digest = STR("12345678901234567890123456789012");
    assert_int_equal(store_client_add(it.db, &client, digest, &it.err), ERROR_NONE);
    assert_int_equal(store_client_revoke(it.db, &client.id, &it.err), ERROR_NONE);
    assert_int_equal(revoked("client"), 1);
    assert_int_equal(count("select count(*) from copy_client where not active and revision = 2"),
                     1);
    assert_int_equal(store_client_rotate(it.db, &client.id, digest, &it.err), ERROR_NOT_FOUND);
}

/* ---- What gave a right and was changed is named ---- */

static struct revocation last_revocation(void)
{
    static int calls;
    struct statement *statement = ARENA_NEW(&it.arena, struct statement);
    struct result result = {0};
    struct revocation revocation = {0};
    struct err err = {0};
    *statement = (struct statement){arena_printf(&it.arena, "last_%d", calls++),
                                    "select payload from event_log_events where type = 111"
                                    " order by epoch desc, xid desc, seq desc, index desc limit 1"};
    assert_int_equal(db_exec(it.db, statement, NULL, &result, NULL), ERROR_NONE);
    assert_int_equal(result_rows(&result), 1);
    struct str value = str_copy(&it.arena, result_str(&result, 0, 0));
    result_done(&result);
    if (record_decode_value(&revocation_event, value, &it.arena, &revocation, &err))
        fail_msg("%s", err.text);
    assert_int_equal(revocation.kind, REVOKED_PERSON);
    return revocation;
}

static void assert_grant(enum grant_kind kind, const struct uuid *id, int64_t revision)
{
    struct revocation revocation = last_revocation();
    assert_int_equal(revocation.grant.kind, kind);
    assert_true(uuid_equal(&revocation.grant.id, id));
    assert_int_equal(revocation.grant.revision, revision);
}

static struct uuid person_of_account(void)
{
    static const struct statement statement = {"whose", "select person from account"};
    struct result result = {0};
    assert_int_equal(db_exec(it.db, &statement, NULL, &result, NULL), ERROR_NONE);
    struct uuid person = result_uuid(&result, 0, 0);
    result_done(&result);
    return person;
}

static void a_link_and_an_assignment_name_themselves(void **state)
{
    (void)state;
    struct person learner = person_of(uuid_v7());
    struct uuid adult = person_of_account();
    assert_string_equal(PUT(people_entrance, &learner), "");
    struct enrolment enrolment = enrolment_of(learner.id, it.class);
    assert_string_equal(PUT(enrolments_entrance, &enrolment), "");
    struct guardian link = {.id = uuid_v7(),
                            .learner = learner.id,
                            .guardian = adult,
                            .relation = GUARDIAN_MOTHER,
                            .legal_basis = BASIS_PARENT,
                            .rights.bits = 1 << RIGHT_MARKS,
                            .from = date_make(2026, 9, 1),
                            .status = GUARDIAN_CONFIRMED};
    assert_string_equal(PUT(guardians_entrance, &link), "");
    assert_grant(GRANT_GUARDIAN, &link.id, 1);
    link.to = date_make(2026, 11, 1);
    assert_string_equal(PUT(guardians_entrance, &link), "");
    assert_grant(GRANT_GUARDIAN, &link.id, 2);
    struct assignment assignment = {.id = uuid_v7(),
                                    .teacher = adult,
                                    .class = it.class,
                                    .kind = ASSIGNMENT_CLASS_TEACHER,
                                    .from = date_make(2026, 9, 1)};
    assert_string_equal(PUT(assignments_entrance, &assignment), "");
    assert_grant(GRANT_ASSIGNMENT, &assignment.id, 1);
    assert_string_equal(PUT(guardians_entrance, &link), ""); /* unchanged: nothing is said */
    assert_grant(GRANT_ASSIGNMENT, &assignment.id, 1);
}

static void a_role_is_given_and_taken_away(void **state)
{
    (void)state;
    char node[UUID_TEXT_LEN + 1];
    struct role_change change = {.login = STR("aigul"), .node = it.school, .given = true};
    change.role = str_from(arena_printf(&it.arena, "{\"role\":\"head\",\"node\":\"%s\"}",
                                        uuid_format(&it.school, node)));
    assert_int_equal(store_account_role(it.db, &change, &it.err), ERROR_NONE);
    assert_int_equal(store_account_role(it.db, &change, &it.err),
                     ERROR_NONE); /* once all the same */
    assert_int_equal(count("select jsonb_array_length(roles) from account"), 1);
    assert_grant(GRANT_ACCOUNT, &account, 3);
    change.given = false;
    assert_int_equal(store_account_role(it.db, &change, &it.err), ERROR_NONE);
    assert_int_equal(count("select jsonb_array_length(roles) from account"), 0);
    assert_grant(GRANT_ACCOUNT, &account, 4);
    assert_int_equal(store_account_role(it.db, &change, &it.err), ERROR_NOT_FOUND);
    change.given = true;
    change.node = uuid_v7();
    assert_int_equal(store_account_role(it.db, &change, &it.err), ERROR_NOT_FOUND);
}

/* ---- Keys ---- */

static void key(const char *kid, int lead_s)
{
    struct public_key announced = {.kid = str_from(kid), .jwk = STR("{}")};
    assert_int_equal(store_key_announce(it.db, &announced, lead_s, &it.err), ERROR_NONE);
}

static void a_key_signs_when_its_time_has_come_and_it_is_with_the_others(void **state)
{
    (void)state;
    key("now", 0);
    key("later", 600);
    assert_int_equal(count("select key_is_due('now')::integer"), 0); /* the relay stands */
    sql("update relay set epoch = (select max(epoch) from event_log), xid = 9000000000");
    assert_int_equal(count("select key_is_due('now')::integer"), 1);
    assert_int_equal(count("select key_is_due('later')::integer"), 0);
    assert_int_equal(count("select key_is_due('unknown')::integer"), 0);
}

static void the_key_that_signs_retires_those_before_it(void **state)
{
    (void)state;
    key("first", -20);
    key("second", -10);
    key("third", 600);
    sql("select key_retire_older('second')");
    sql("select key_retire_older('second')");
    assert_int_equal(count("select count(*) from public_key where retired_at is not null"), 1);
    assert_int_equal(count("select count(*) from public_key where kid = 'first' and revision = 2"
                           "   and retired_at <= clock_timestamp()"),
                     1);
    struct public_key event = {0};
    static const struct statement last = {"last_key",
                                          "select payload from event_log_events where type = 110"
                                          " order by epoch desc, xid desc, seq desc limit 1"};
    struct result result = {0};
    assert_int_equal(db_exec(it.db, &last, NULL, &result, NULL), ERROR_NONE);
    struct str value = str_copy(&it.arena, result_str(&result, 0, 0));
    result_done(&result);
    assert_int_equal(record_decode_value(&key_event, value, &it.arena, &event, NULL), ERROR_NONE);
    assert_true(str_equal(event.kid, STR("first")) && str_equal(event.jwk, STR("{}")));
    assert_true(event.retired_at.us > 0 && event.revision == 2);
}

#define WITH_ACCOUNT(test) cmocka_unit_test_setup_teardown(test, begin_session, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ACCOUNT(a_secret_is_used_once_and_counts_a_little_longer),
        WITH_ACCOUNT(a_secret_that_comes_late_was_copied),
        WITH_ACCOUNT(a_session_ends_once),
        WITH_ACCOUNT(a_password_that_was_changed_meanwhile_opens_nothing),
        WITH_ACCOUNT(a_locked_account_loses_its_sessions),
        WITH_ACCOUNT(what_nobody_can_use_is_swept),
        WITH_ACCOUNT(a_role_needs_its_organisation),
        WITH_ACCOUNT(a_client_that_is_revoked_is_told),
        WITH_ACCOUNT(a_link_and_an_assignment_name_themselves),
        WITH_ACCOUNT(a_role_is_given_and_taken_away),
        WITH_ACCOUNT(a_key_signs_when_its_time_has_come_and_it_is_with_the_others),
        WITH_ACCOUNT(the_key_that_signs_retires_those_before_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
