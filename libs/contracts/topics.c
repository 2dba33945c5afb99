#include "contracts/topics.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "contracts/history.h"
#include "contracts/indicators.h"
#include "contracts/marks.h"
#include "contracts/registers.h"
#include "contracts/registry.h"
#include "contracts/small.h"

enum { FACT_DAYS = 400 };

#define REGISTRY_TOPIC(entity, key_, ...)                                          \
    {                                                                              \
        .name = "eiso.registry." entity ".v1", .service = "registry", .key = key_, \
        .cleanup = TOPIC_STATE, ##__VA_ARGS__                                      \
    }

const struct topic topic_organisations = REGISTRY_TOPIC("organisations", "the entity's id");
const struct topic topic_people = REGISTRY_TOPIC("people", "the entity's id", .personal = true);
const struct topic topic_classes = REGISTRY_TOPIC("classes", "the entity's id");
const struct topic topic_enrolments = REGISTRY_TOPIC("enrolments", "the entity's id");
const struct topic topic_assignments = REGISTRY_TOPIC("assignments", "the entity's id");
const struct topic topic_guardians = REGISTRY_TOPIC("guardians", "the entity's id");
const struct topic topic_accounts = REGISTRY_TOPIC("accounts", "the entity's id", .personal = true);
const struct topic topic_clients = REGISTRY_TOPIC("clients", "the entity's id", .personal = true);
const struct topic topic_aliases = REGISTRY_TOPIC("aliases", "the entity's id");
const struct topic topic_reference = REGISTRY_TOPIC("reference", "list:code");
const struct topic topic_keys = REGISTRY_TOPIC("keys", "the key's kid");
const struct topic topic_revocations = {
    .name = "eiso.registry.revocations.v1",
    .service = "registry",
    .key = "the account, client, session or person",
    .cleanup = TOPIC_FACTS,
    .retention_days = 1,
    .again = true,
    .personal = true,
};
const struct topic topic_marks = {
    .name = "eiso.grades.marks.v1",
    .service = "grades",
    .key = "the organisation of the class on the mark's date",
    .cleanup = TOPIC_FACTS,
    .retention_days = FACT_DAYS,
};
const struct topic topic_registers = {
    .name = "eiso.attendance.registers.v1",
    .service = "attendance",
    .key = "the organisation of the class on the register's date",
    .cleanup = TOPIC_FACTS,
    .retention_days = FACT_DAYS,
};
const struct topic topic_deliveries = {
    .name = "eiso.notify.deliveries.v1",
    .service = "notify",
    .key = "the recipient",
    .cleanup = TOPIC_FACTS,
    .retention_days = 7,
};
const struct topic topic_indicators = {
    .name = "eiso.reports.indicators.v1",
    .service = "reports",
    .key = "node|date|set; the tree before the node where it is not territory",
    .cleanup = TOPIC_STATE,
};
const struct topic topic_small = {
    .name = "eiso.small.notes.v1",
    .service = "small",
    .key = "the sender's",
    .cleanup = TOPIC_FACTS,
    .retention_days = 1,
};

#define HISTORY_TOPIC(service_)                                                          \
    {                                                                                    \
        .name = "eiso." service_ ".history.v1", .service = service_, .key = "the epoch", \
        .cleanup = TOPIC_LEDGER                                                          \
    }
static const struct topic history_topics[] = {
    HISTORY_TOPIC("registry"), HISTORY_TOPIC("grades"),  HISTORY_TOPIC("attendance"),
    HISTORY_TOPIC("notify"),   HISTORY_TOPIC("reports"), HISTORY_TOPIC("small"),
};

const struct topic *const topics_all[] = {
    &topic_organisations, &topic_people,      &topic_classes,     &topic_enrolments,
    &topic_assignments,   &topic_guardians,   &topic_accounts,    &topic_clients,
    &topic_aliases,       &topic_reference,   &topic_keys,        &topic_revocations,
    &topic_marks,         &topic_registers,   &topic_deliveries,  &topic_indicators,
    &topic_small,         &history_topics[0], &history_topics[1], &history_topics[2],
    &history_topics[3],   &history_topics[4], &history_topics[5],
};
const size_t topics_all_count = COUNT_OF(topics_all);

const struct topic *topic_history(const char *service)
{
    for (size_t i = 0; i < COUNT_OF(history_topics); i++)
        if (strcmp(history_topics[i].service, service) == 0)
            return &history_topics[i];
    return NULL;
}

#define MARK_SUBJECT     .subject_at = offsetof(struct mark, learner) + 1
#define REGISTER_SUBJECT .subject_at = offsetof(struct lesson_register, class) + 1

/* In the order of their numbers. */
static const struct event_type event_types[] = {
    {EVENT_HISTORY_REWOUND, "history.rewound", NULL, &history_rewound_event},
    {EVENT_ORGANISATION_CHANGED, "kz.eiso.registry.organisation.changed.v1", &topic_organisations,
     &organisation_event},
    {EVENT_PERSON_CHANGED, "kz.eiso.registry.person.changed.v1", &topic_people, &person_event},
    {EVENT_CLASS_CHANGED, "kz.eiso.registry.class.changed.v1", &topic_classes, &class_event},
    {EVENT_ENROLMENT_CHANGED, "kz.eiso.registry.enrolment.changed.v1", &topic_enrolments,
     &enrolment_event},
    {EVENT_ASSIGNMENT_CHANGED, "kz.eiso.registry.assignment.changed.v1", &topic_assignments,
     &assignment_event},
    {EVENT_GUARDIAN_CHANGED, "kz.eiso.registry.guardian.changed.v1", &topic_guardians,
     &guardian_event},
    {EVENT_ACCOUNT_CHANGED, "kz.eiso.registry.account.changed.v1", &topic_accounts, &account_event},
    {EVENT_CLIENT_CHANGED, "kz.eiso.registry.client.changed.v1", &topic_clients, &client_event},
    {EVENT_ALIAS_CHANGED, "kz.eiso.registry.alias.changed.v1", &topic_aliases, &alias_event},
    {EVENT_REFERENCE_CHANGED, "kz.eiso.registry.reference.changed.v1", &topic_reference,
     &reference_event},
    {EVENT_KEY_CHANGED, "kz.eiso.registry.key.changed.v1", &topic_keys, &key_event},
    {EVENT_ACCESS_REVOKED, "kz.eiso.registry.access.revoked.v1", &topic_revocations,
     &revocation_event},
    {EVENT_MARK_RECORDED, "kz.eiso.grades.mark.recorded.v1", &topic_marks, &mark_recorded_event,
     MARK_SUBJECT},
    {EVENT_MARK_CORRECTED, "kz.eiso.grades.mark.corrected.v1", &topic_marks, &mark_corrected_event,
     MARK_SUBJECT},
    {EVENT_MARK_WITHDRAWN, "kz.eiso.grades.mark.withdrawn.v1", &topic_marks, &mark_withdrawn_event,
     MARK_SUBJECT},
    {EVENT_REGISTER_TAKEN, "kz.eiso.attendance.register.taken.v1", &topic_registers,
     &register_taken_event, REGISTER_SUBJECT},
    {EVENT_REGISTER_REPLACED, "kz.eiso.attendance.register.replaced.v1", &topic_registers,
     &register_replaced_event, REGISTER_SUBJECT},
    {EVENT_REGISTER_WITHDRAWN, "kz.eiso.attendance.register.withdrawn.v1", &topic_registers,
     &register_withdrawn_event, REGISTER_SUBJECT},
    {EVENT_ABSENCE_CHANGED, "kz.eiso.attendance.absence.changed.v1", &topic_registers,
     &absence_changed_event, .subject_at = offsetof(struct absence_change, class) + 1},
    {EVENT_REGISTER_RECOUNTED, "kz.eiso.attendance.register.recounted.v1", &topic_registers,
     &register_recounted_event, REGISTER_SUBJECT},
    {EVENT_INDICATOR_CHANGED, "kz.eiso.reports.indicator.changed.v1", &topic_indicators,
     &indicator_event},
    {EVENT_SMALL_ADDED, "kz.eiso.small.note.added.v1", &topic_small, &note_event},
};

static int by_number(const void *key, const void *row)
{
    return *(const int *)key - ((const struct event_type *)row)->number;
}

const struct event_type *event_type_get(int number)
{
    return bsearch(&number, event_types, COUNT_OF(event_types), sizeof event_types[0], by_number);
}

/* kz.eiso.<service>.history.rewound.v1 is one type of every service. */
static bool is_history(struct str name)
{
    struct str tail = STR(".history.rewound.v1");
    return name.len > tail.len && str_starts(name, STR("kz.eiso.")) &&
           memcmp(name.ptr + name.len - tail.len, tail.ptr, tail.len) == 0;
}

const struct event_type *event_type_find(struct str name)
{
    if (is_history(name))
        return event_type_get(EVENT_HISTORY_REWOUND);
    for (size_t i = 1; i < COUNT_OF(event_types); i++)
        if (str_equal(str_from(event_types[i].name), name))
            return &event_types[i];
    return NULL;
}
