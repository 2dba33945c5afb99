/* The tables in memory: tokens that were verified, and what was revoked. */
#include "testkit/check.h"

#include <stdlib.h>

#include "auth/auth_internal.h"
#include "base/clock.h"

#define MINUTE_US (60 * SECOND_US)

static struct revocation revocation_at(enum revoked_kind kind, struct uuid subject, int64_t at_us)
{
    return (struct revocation){.kind = kind, .subject = subject, .at = {at_us}};
}

static void note(struct revocations *revocations, enum revoked_kind kind, struct uuid subject,
                 int64_t at_us)
{
    struct revocation revocation = revocation_at(kind, subject, at_us);
    revocations_note(revocations, &revocation, clock_monotonic());
}

/* ---- Verified tokens ---- */

static void digest_of(int number, uint8_t digest[32])
{
    secret_digest((struct str){(const char *)&number, sizeof number}, digest);
}

static void a_token_is_remembered_for_a_minute(void **state)
{
    (void)state;
    struct remembered *remembered = remembered_new();
    uint8_t digest[32], other[32];
    digest_of(1, digest);
    digest_of(2, other);
    struct token_claims claims = {.kind = PRINCIPAL_CLIENT, .subject = uuid_v7()}, found;
    assert_false(remembered_get(remembered, digest, SECOND_US, &found));
    remembered_put(remembered, digest, SECOND_US, &claims);
    assert_true(remembered_get(remembered, digest, SECOND_US + MINUTE_US - 1, &found));
    assert_true(uuid_equal(&found.subject, &claims.subject));
    assert_false(remembered_get(remembered, digest, SECOND_US + MINUTE_US, &found));
    assert_false(remembered_get(remembered, other, SECOND_US, &found));
    remembered_put(remembered, digest, 2 * MINUTE_US, &claims);
    assert_true(remembered_get(remembered, digest, 2 * MINUTE_US, &found));
    remembered_free(remembered);
}

/* Ten times more tokens than places: what came last is there, nothing has grown. */
static void more_tokens_than_places_push_out_the_oldest(void **state)
{
    (void)state;
    enum { MANY = 160000, LATE = 1000 };
    struct remembered *remembered = remembered_new();
    uint8_t digest[32];
    struct token_claims claims = {.kind = PRINCIPAL_CLIENT}, found;
    for (int i = 0; i < MANY; i++) {
        digest_of(i, digest);
        remembered_put(remembered, digest, SECOND_US + i, &claims);
    }
    int late = 0, early = 0;
    for (int i = 0; i < LATE; i++) {
        digest_of(MANY - 1 - i, digest);
        late += remembered_get(remembered, digest, SECOND_US + MANY, &found);
        digest_of(i, digest);
        early += remembered_get(remembered, digest, SECOND_US + MANY, &found);
    }
    assert_true(late > LATE * 99 / 100);
    assert_int_equal(early, 0);
    remembered_free(remembered);
}

/* ---- Revocations ---- */

static void a_revocation_is_of_its_kind_and_subject(void **state)
{
    (void)state;
    struct revocations *revocations = revocations_new();
    struct uuid one = uuid_v7(), other = uuid_v7();
    int64_t now_us = clock_now();
    note(revocations, REVOKED_ACCOUNT, one, now_us);
    assert_int_equal(revocations_find(revocations, REVOKED_ACCOUNT, &one).at.us, now_us);
    assert_int_equal(revocations_find(revocations, REVOKED_PERSON, &one).at.us, 0);
    assert_int_equal(revocations_find(revocations, REVOKED_ACCOUNT, &other).at.us, 0);
    note(revocations, REVOKED_ACCOUNT, one, now_us - 5); /* out of order: the later one counts */
    assert_int_equal(revocations_find(revocations, REVOKED_ACCOUNT, &one).at.us, now_us);
    assert_int_equal(revocations_count(revocations), 1);
    revocations_free(revocations);
}

static void the_table_grows_and_keeps_all_that_is_young(void **state)
{
    (void)state;
    enum { MANY = 50000 };
    struct revocations *revocations = revocations_new();
    struct uuid *subjects = mem_alloc(MANY * sizeof *subjects);
    int64_t now_us = clock_now();
    for (int i = 0; i < MANY; i++) {
        subjects[i] = uuid_v7();
        note(revocations, REVOKED_PERSON, subjects[i], now_us - i);
    }
    assert_int_equal(revocations_count(revocations), MANY);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(revocations_find(revocations, REVOKED_PERSON, &subjects[i]).at.us,
                         now_us - i);
    free(subjects);
    revocations_free(revocations);
}

/* The topic holds a day, a token lives for an hour. */
static void what_is_old_does_not_make_the_table_grow(void **state)
{
    (void)state;
    struct revocations *revocations = revocations_new();
    struct uuid young = uuid_v7();
    int64_t now_us = clock_now();
    note(revocations, REVOKED_SESSION, young, now_us - 50 * MINUTE_US);
    for (int i = 0; i < 100000; i++)
        note(revocations, REVOKED_SESSION, uuid_v7(), now_us - 121 * MINUTE_US);
    assert_true(revocations_count(revocations) < 1024);
    assert_true(revocations_find(revocations, REVOKED_SESSION, &young).seen_us > 0);
    revocations_free(revocations);
}

static void a_lock_hits_what_was_issued_before(void **state)
{
    (void)state;
    struct revocations *revocations = revocations_new();
    struct principal principal = {
        .kind = PRINCIPAL_ACCOUNT, .id = uuid_v7(), .session = uuid_v7(), .issued = {1000}};
    assert_false(revocations_hit(revocations, &principal));
    note(revocations, REVOKED_ACCOUNT, principal.id, 1000);
    assert_false(revocations_hit(revocations, &principal));
    note(revocations, REVOKED_ACCOUNT, principal.id, 1001);
    assert_true(revocations_hit(revocations, &principal));
    principal.issued.us = 1001;
    assert_false(revocations_hit(revocations, &principal));
    note(revocations, REVOKED_SESSION, principal.session, 500); /* an ended session stays ended */
    assert_true(revocations_hit(revocations, &principal));
    revocations_free(revocations);
}

static void trust_grows_with_the_time_since_a_revocation(void **state)
{
    (void)state;
    struct revocations *revocations = revocations_new();
    struct uuid person = uuid_v7();
    assert_true(revocations_trust_us(revocations, &person, clock_monotonic()) == INT64_MAX);
    struct revocation revocation = revocation_at(REVOKED_PERSON, person, clock_now());
    revocations_note(revocations, &revocation, 100 * SECOND_US);
    assert_int_equal(revocations_trust_us(revocations, &person, 100 * SECOND_US), SECOND_US);
    assert_int_equal(revocations_trust_us(revocations, &person, 107 * SECOND_US), 8 * SECOND_US);
    struct uuid other = uuid_v7();
    assert_int_equal(revocations_person_us(revocations, &other), 0);
    revocation = (struct revocation){.kind = REVOKED_EVERYBODY, .at = {clock_now()}};
    revocations_note(revocations, &revocation, 110 * SECOND_US);
    assert_int_equal(revocations_person_us(revocations, &other), 110 * SECOND_US);
    assert_int_equal(revocations_person_us(revocations, &person), 110 * SECOND_US);
    revocations_free(revocations);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_token_is_remembered_for_a_minute),
        TEST(more_tokens_than_places_push_out_the_oldest),
        TEST(a_revocation_is_of_its_kind_and_subject),
        TEST(the_table_grows_and_keeps_all_that_is_young),
        TEST(what_is_old_does_not_make_the_table_grow),
        TEST(a_lock_hits_what_was_issued_before),
        TEST(trust_grows_with_the_time_since_a_revocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
