/* Revocations by what they name: an open hash table, linear probing, at most three quarters full.
 * A token lives for an hour at most, and rights are read again after a minute: what is older than
 * two hours is left out when the table would have to grow. */
#include <stdlib.h>
#include <string.h>

#include "auth/auth_internal.h"
#include "base/clock.h"

enum { FIRST_CAPACITY = 1024 };

#define KEEP_US (7200 * SECOND_US)

struct entry {
    enum revoked_kind kind; /* 0: empty */
    struct uuid subject;
    struct revoked revoked;
};

struct revocations {
    struct entry *entries;
    size_t capacity; /* a power of two */
    size_t count;
};

struct revocations *revocations_new(void)
{
    struct revocations *revocations = mem_alloc(sizeof *revocations);
    revocations->capacity = FIRST_CAPACITY;
    revocations->entries = mem_alloc(FIRST_CAPACITY * sizeof(struct entry));
    return revocations;
}

void revocations_free(struct revocations *revocations)
{
    free(revocations->entries);
    free(revocations);
}

/* The bytes behind a version 7's clock are random. */
static uint64_t hash_of(enum revoked_kind kind, const struct uuid *subject)
{
    uint64_t first, second;
    memcpy(&first, subject->bytes, sizeof first);
    memcpy(&second, subject->bytes + 8, sizeof second);
    uint64_t mixed = (first ^ second ^ (uint64_t)kind) * UINT64_C(0x9E3779B97F4A7C15);
    return mixed ^ mixed >> 32;
}

/* The entry of that subject, or the empty one where it belongs. */
static struct entry *entry_of(const struct revocations *revocations, enum revoked_kind kind,
                              const struct uuid *subject)
{
    size_t mask = revocations->capacity - 1;
    for (size_t at = (size_t)hash_of(kind, subject) & mask;; at = (at + 1) & mask) {
        struct entry *entry = &revocations->entries[at];
        if (!entry->kind || (entry->kind == kind && uuid_equal(&entry->subject, subject)))
            return entry;
    }
}

static size_t count_kept(const struct revocations *revocations, int64_t after_us)
{
    size_t kept = 0;
    for (size_t i = 0; i < revocations->capacity; i++)
        kept += revocations->entries[i].kind && revocations->entries[i].revoked.at.us > after_us;
    return kept;
}

/* Made anew without what is too old, and with room for as much again as is left. */
static void revocations_make_room(struct revocations *revocations)
{
    struct revocations old = *revocations;
    int64_t after_us = clock_now() - KEEP_US;
    size_t kept = count_kept(&old, after_us);
    revocations->capacity = FIRST_CAPACITY;
    while (revocations->capacity < kept * 2)
        revocations->capacity *= 2;
    revocations->count = kept;
    revocations->entries = mem_alloc(revocations->capacity * sizeof(struct entry));
    for (size_t i = 0; i < old.capacity; i++) {
        const struct entry *entry = &old.entries[i];
        if (entry->kind && entry->revoked.at.us > after_us)
            *entry_of(revocations, entry->kind, &entry->subject) = *entry;
    }
    free(old.entries);
}

void revocations_note(struct revocations *revocations, const struct revocation *revocation,
                      int64_t seen_us)
{
    if (revocations->count >= revocations->capacity / 4 * 3)
        revocations_make_room(revocations);
    struct entry *entry = entry_of(revocations, revocation->kind, &revocation->subject);
    if (!entry->kind)
        revocations->count++;
    entry->kind = revocation->kind;
    entry->subject = revocation->subject;
    entry->revoked.seen_us = seen_us;
    entry->revoked.at.us = MAX_OF(entry->revoked.at.us, revocation->at.us);
}

struct revoked revocations_find(const struct revocations *revocations, enum revoked_kind kind,
                                const struct uuid *subject)
{
    return entry_of(revocations, kind, subject)->revoked;
}

size_t revocations_count(const struct revocations *revocations)
{
    return revocations->count;
}

/* A session that ended does not come back; a client or an account may be unlocked again. */
bool revocations_hit(const struct revocations *revocations, const struct principal *principal)
{
    enum revoked_kind kind = principal->kind == PRINCIPAL_CLIENT ? REVOKED_CLIENT : REVOKED_ACCOUNT;
    struct revoked whole = revocations_find(revocations, kind, &principal->id);
    return whole.at.us > principal->issued.us ||
           (principal->kind == PRINCIPAL_ACCOUNT &&
            revocations_find(revocations, REVOKED_SESSION, &principal->session).seen_us);
}

int64_t revocations_person_us(const struct revocations *revocations, const struct uuid *person)
{
    static const struct uuid nobody;
    return MAX_OF(revocations_find(revocations, REVOKED_PERSON, person).seen_us,
                  revocations_find(revocations, REVOKED_EVERYBODY, &nobody).seen_us);
}

int64_t revocations_trust_us(const struct revocations *revocations, const struct uuid *person,
                             int64_t now_us)
{
    int64_t seen_us = revocations_person_us(revocations, person);
    return seen_us ? now_us - seen_us + SECOND_US : INT64_MAX;
}
