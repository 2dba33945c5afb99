/* What a client or an account may do, read from this service's copies and kept for a minute. */
#include <stdlib.h>

#include "auth/auth_internal.h"
#include "base/clock.h"

enum { BUCKETS = RIGHTS_MOST };

/* What is inactive or not there may have been made just now: the copy is asked again soon. */
#define KEEP_INACTIVE_US SECOND_US

/* ---- What the copies say ---- */

struct rights_row {
    bool active, parent, learner;
    struct uuid person;
    int32_t scopes;    /* of a client */
    struct strs roles; /* names of account_roles */
    struct uuids nodes, overview, classes;
};

static const struct field rights_row_fields[] = {
    FIELD(rights_row, active), FIELD(rights_row, parent),   FIELD(rights_row, learner),
    FIELD(rights_row, person), FIELD(rights_row, scopes),   FIELD(rights_row, roles),
    FIELD(rights_row, nodes),  FIELD(rights_row, overview), FIELD(rights_row, classes),
};

static const struct record rights_row_record = RECORD(rights_row, rights_row_fields);

static const struct statement client_rights = {
    .name = "auth_client_rights",
    .sql = "select active, scopes, array[node] as nodes, array[node] as overview"
           " from copy_client where id = $1",
};

/* $1 account, $2 today. A role that is not known here says nothing. An official sees the figures of
 * the subtree, the other roles its records, too. */
static const struct statement account_rights = {
    .name = "auth_account_rights",
    .sql = "select a.active, a.person, r.roles, r.nodes, r.overview,"
           " array(select distinct s.class from copy_assignment s"
           "        where s.teacher in (select ids_of(a.person)) and s.counts"
           "          and s.valid_from <= $2 and coalesce(s.valid_to, $2) >= $2) as classes,"
           " exists(select from copy_link l where l.guardian in (select ids_of(a.person))"
           "          and l.status = 2 and l.counts"
           "          and l.valid_from <= $2 and coalesce(l.valid_to, $2) >= $2) as parent,"
           " exists(select from copy_enrolment e"
           "        where e.learner in (select ids_of(a.person))) as learner"
           " from copy_account a cross join lateral ("
           "   select array_agg(distinct role) as roles, array_agg(distinct node) as overview,"
           "          array_agg(distinct node) filter (where role <> 'official') as nodes"
           "   from jsonb_to_recordset(coalesce(a.roles, '[]')) as at(role text, node uuid)"
           "   where a.counts and role in ('official', 'records_official', 'head', 'operator')) r"
           " where a.id = $1",
};

/* ---- What follows from it ---- */

enum {
    RECORDS_READ = SCOPE_REGISTRY_READ | SCOPE_MARKS_READ | SCOPE_ATTENDANCE_READ,
    OWN_READ = SCOPE_MARKS_READ | SCOPE_ATTENDANCE_READ
};

static const unsigned role_scopes[] = {
    [ROLE_OFFICIAL] = SCOPE_REGISTRY_READ | SCOPE_INDICATORS_READ,
    [ROLE_RECORDS_OFFICIAL] = RECORDS_READ | SCOPE_REGISTRY_WRITE | SCOPE_INDICATORS_READ,
    [ROLE_HEAD] = RECORDS_READ | SCOPE_INDICATORS_READ,
    [ROLE_OPERATOR] = SCOPE_REGISTRY_READ | SCOPE_REGISTRY_WRITE | SCOPE_INDICATORS_READ,
};

static unsigned scopes_of_role(struct str name)
{
    for (size_t i = 0; i < account_roles.count; i++) {
        const struct value *role = &account_roles.items[i];
        if (str_equal(name, str_from(role->name)) && role->value < COUNT_OF(role_scopes))
            return role_scopes[role->value];
    }
    return 0;
}

/* What a person may do somewhere; where, the lists and the SQL functions for rights say. */
static unsigned person_scopes(const struct rights_row *row)
{
    unsigned scopes = SCOPE_INBOX;
    for (size_t i = 0; i < row->roles.count; i++)
        scopes |= scopes_of_role(row->roles.items[i]);
    if (row->classes.count)
        scopes |= RECORDS_READ;
    if (row->parent || row->learner)
        scopes |= OWN_READ;
    return scopes;
}

/* ---- The cache ---- */

struct slot {
    struct rights rights; /* asked_us 0: nothing is known */
    struct uuid *ids;     /* of its lists */
    int64_t sent_us;      /* when the statement under way was sent; 0: none is */
    bool answering;
    STAILQ_HEAD(, rights_wait) waiting;
    struct rights_cache *cache;
    LIST_ENTRY(slot) chain;
    TAILQ_ENTRY(slot) age;
};

struct rights_cache {
    struct db_async *read;
    const struct revocations *revocations;
    int64_t keep_us;
    struct arena arena; /* of one result */
    size_t count;
    TAILQ_HEAD(slots, slot) ages; /* the one that was used last stands first */
    LIST_HEAD(bucket, slot) buckets[BUCKETS];
};

struct rights_cache *rights_cache_new(struct db_async *read, const struct revocations *revocations,
                                      int64_t keep_us)
{
    struct rights_cache *cache = mem_alloc(sizeof *cache);
    cache->read = read;
    cache->revocations = revocations;
    cache->keep_us = keep_us;
    TAILQ_INIT(&cache->ages);
    return cache;
}

static void slot_free(struct slot *slot)
{
    free(slot->ids);
    free(slot);
}

/* A slot whose statement is under way lives on, without a cache, until the answer comes. */
static void slot_remove(struct rights_cache *cache, struct slot *slot)
{
    LIST_REMOVE(slot, chain);
    TAILQ_REMOVE(&cache->ages, slot, age);
    cache->count--;
    slot->cache = NULL;
    if (!slot->sent_us)
        slot_free(slot);
}

static struct bucket *bucket_of(struct rights_cache *cache, const struct uuid *id)
{
    return &cache->buckets[((size_t)id->bytes[14] << 8 | id->bytes[15]) % BUCKETS];
}

static struct slot *slot_find(struct rights_cache *cache, enum principal_kind kind,
                              const struct uuid *id)
{
    struct slot *slot;
    LIST_FOREACH(slot, bucket_of(cache, id), chain)
    {
        if (slot->rights.principal.kind == kind && uuid_equal(&slot->rights.principal.id, id))
            return slot;
    }
    return NULL;
}

/* Makes room by the one that was not used for longest; what is being read stays. */
static void evict(struct rights_cache *cache)
{
    struct slot *slot;
    TAILQ_FOREACH_REVERSE(slot, &cache->ages, slots, age)
    {
        if (slot->sent_us || slot->answering)
            continue;
        slot_remove(cache, slot);
        return;
    }
}

static struct slot *slot_new(struct rights_cache *cache, enum principal_kind kind,
                             const struct uuid *id)
{
    if (cache->count >= RIGHTS_MOST)
        evict(cache);
    struct slot *slot = mem_alloc(sizeof *slot);
    slot->cache = cache;
    slot->rights.principal.kind = kind;
    slot->rights.principal.id = *id;
    STAILQ_INIT(&slot->waiting);
    LIST_INSERT_HEAD(bucket_of(cache, id), slot, chain);
    TAILQ_INSERT_HEAD(&cache->ages, slot, age);
    cache->count++;
    return slot;
}

/* Asked after every revocation that we know of, and not too long ago. */
static bool is_fresh(const struct slot *slot, int64_t now_us)
{
    const struct rights *rights = &slot->rights;
    const struct revocations *revocations = slot->cache->revocations;
    const struct principal *principal = &rights->principal;
    enum revoked_kind whole =
        principal->kind == PRINCIPAL_CLIENT ? REVOKED_CLIENT : REVOKED_ACCOUNT;
    int64_t whole_us = revocations_find(revocations, whole, &principal->id).seen_us;
    int64_t person_us = revocations_person_us(revocations, &principal->person);
    int64_t trust_us = revocations_trust_us(revocations, &principal->person, rights->asked_us);
    int64_t keep_us = rights->active ? slot->cache->keep_us : KEEP_INACTIVE_US;
    return rights->asked_us > MAX_OF(whole_us, person_us) &&
           now_us - rights->asked_us < MIN_OF(keep_us, trust_us);
}

/* ---- Asking ---- */

static void slot_ask(struct slot *slot);

static void principal_fill(struct principal *principal, const struct rights_row *row)
{
    bool client = principal->kind == PRINCIPAL_CLIENT;
    principal->person = row->person;
    principal->scopes = client ? (unsigned)row->scopes : person_scopes(row);
    principal->nodes = row->nodes;
    principal->overview = row->overview;
    principal->classes = row->classes;
    principal->parent = row->parent;
}

static void slot_fill(struct slot *slot, const struct result *result)
{
    struct arena *arena = &slot->cache->arena;
    struct principal principal = {.kind = slot->rights.principal.kind,
                                  .id = slot->rights.principal.id};
    size_t count;
    const struct rights_row *row = result_records(result, &rights_row_record, arena, &count);
    bool active = count && row->active;
    if (active)
        principal_fill(&principal, row);
    slot->ids = mem_resize(slot->ids, principal_ids(&principal) * sizeof *slot->ids);
    principal_move_ids(&principal, slot->ids);
    slot->rights = (struct rights){principal, active, slot->sent_us};
    arena_reset(arena);
}

/* Who waits may ask again at once: so they are taken from the slot before they are called. */
static void slot_answer(struct slot *slot, const struct err *err)
{
    STAILQ_HEAD(, rights_wait) waiting = STAILQ_HEAD_INITIALIZER(waiting);
    STAILQ_CONCAT(&waiting, &slot->waiting);
    slot->answering = true;
    while (!STAILQ_EMPTY(&waiting)) {
        struct rights_wait *wait = STAILQ_FIRST(&waiting);
        STAILQ_REMOVE_HEAD(&waiting, next);
        wait->callback(wait->context, err ? NULL : &slot->rights, err);
    }
    slot->answering = false;
}

static void slot_read(void *context, const struct result *result, enum error code,
                      const struct err *err)
{
    struct slot *slot = context;
    if (!slot->cache) {
        slot_free(slot);
        return;
    }
    if (!code)
        slot_fill(slot, result);
    int64_t sent_us = slot->sent_us;
    slot->sent_us = 0;
    if (code)
        slot_answer(slot, err);
    else if (is_fresh(slot, sent_us))
        slot_answer(slot, NULL);
    else /* taken away while we were asking */
        slot_ask(slot);
}

static void slot_ask(struct slot *slot)
{
    struct params params = {0};
    bool client = slot->rights.principal.kind == PRINCIPAL_CLIENT;
    param_uuid(&params, &slot->rights.principal.id);
    if (!client)
        param_date(&params, date_today());
    slot->sent_us = clock_monotonic();
    db_async_exec(slot->cache->read, client ? &client_rights : &account_rights, &params, slot_read,
                  slot);
}

void rights_find(struct rights_cache *cache, enum principal_kind kind, const struct uuid *id,
                 struct rights_wait *wait)
{
    struct slot *slot = slot_find(cache, kind, id);
    if (!slot)
        slot = slot_new(cache, kind, id);
    TAILQ_REMOVE(&cache->ages, slot, age);
    TAILQ_INSERT_HEAD(&cache->ages, slot, age);
    if (!slot->sent_us && is_fresh(slot, clock_monotonic())) {
        wait->callback(wait->context, &slot->rights, NULL);
        return;
    }
    STAILQ_INSERT_TAIL(&slot->waiting, wait, next);
    if (!slot->sent_us)
        slot_ask(slot);
}

size_t rights_cache_count(const struct rights_cache *cache)
{
    return cache->count;
}

void rights_cache_free(struct rights_cache *cache)
{
    static const struct err closing = {ERROR_UNAVAILABLE, "the process ends"};
    struct slot *next;
    for (struct slot *slot = TAILQ_FIRST(&cache->ages); slot; slot = next) {
        slot_answer(slot, &closing);
        next = TAILQ_NEXT(slot, age);
        slot_remove(cache, slot);
    }
    arena_done(&cache->arena);
    free(cache);
}
