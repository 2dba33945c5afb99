/* The topics of the system and the events on them: one table, from which topics, ACLs, relay and
 * consumers are made.
 *
 * A new event type is a row here with the next free number of its service and a record beside it; a
 * number is never used again, not even after its event is gone: event_log rows and replays hold it.
 */
#ifndef CONTRACTS_TOPICS_H
#define CONTRACTS_TOPICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "record/record.h"

enum topic_cleanup {
    TOPIC_STATE, /* compacted; an event is the whole state of its key, an absent value erases it */
    TOPIC_FACTS, /* kept for retention_days; an event happened and is immutable */
    TOPIC_LEDGER /* kept for ever, one partition */
};

struct topic {
    const char *name;    /* "eiso.grades.marks.v1" */
    const char *service; /* whose relay alone may write it */
    const char *key;     /* what the key is, in English, for the reference */
    enum topic_cleanup cleanup;
    int retention_days; /* of facts */
    bool again; /* beside those of state: what a lost part of the history said is looked at again */
    bool personal; /* holds people's data or who may log in: the demo's observer may not read it */
};

extern const struct topic topic_organisations, topic_people, topic_classes, topic_enrolments,
    topic_assignments, topic_guardians, topic_accounts, topic_clients, topic_aliases,
    topic_reference, topic_keys, topic_revocations;
extern const struct topic topic_marks;
extern const struct topic topic_registers;
extern const struct topic topic_deliveries;
extern const struct topic topic_indicators;
extern const struct topic topic_small; /* of the small service in tests/ */

struct event_type {
    int16_t number;   /* in event_log.types; 100 a service */
    const char *name; /* ce_type: "kz.eiso.grades.mark.recorded.v1" */
    const struct topic *topic;
    const struct record *record; /* of the value */
    /* Whose later events wait behind one that cannot be applied: offset of a struct uuid in the
     * value, plus one; 0: the key's. */
    size_t subject_at;
};

/* Type numbers: registry 100.., grades 200.., attendance 300.., notify 400.., reports 500.., small
 * 900.. The same numbers stand in each service's schema/, beside the statement that emits them. */
enum event_number {
    EVENT_HISTORY_REWOUND = 1, /* of every service, to every partition of its topics */
    EVENT_ORGANISATION_CHANGED = 100,
    EVENT_PERSON_CHANGED = 101,
    EVENT_CLASS_CHANGED = 102,
    EVENT_ENROLMENT_CHANGED = 103,
    EVENT_ASSIGNMENT_CHANGED = 104,
    EVENT_GUARDIAN_CHANGED = 105,
    EVENT_ACCOUNT_CHANGED = 106,
    EVENT_CLIENT_CHANGED = 107,
    EVENT_ALIAS_CHANGED = 108,
    EVENT_REFERENCE_CHANGED = 109,
    EVENT_KEY_CHANGED = 110,
    EVENT_ACCESS_REVOKED = 111,
    EVENT_MARK_RECORDED = 200,
    EVENT_MARK_CORRECTED = 201,
    EVENT_MARK_WITHDRAWN = 202,
    EVENT_REGISTER_TAKEN = 300,
    EVENT_REGISTER_REPLACED = 301,
    EVENT_REGISTER_WITHDRAWN = 302,
    EVENT_ABSENCE_CHANGED = 303,
    EVENT_REGISTER_RECOUNTED = 304,
    EVENT_INDICATOR_CHANGED = 500,
    EVENT_SMALL_ADDED = 900
};

/* By number, or by ce_type; NULL where there is none. */
const struct event_type *event_type_get(int number);
const struct event_type *event_type_find(struct str name);

/* All topics, for the administration of an installation. */
extern const struct topic *const topics_all[];
extern const size_t topics_all_count;

/* "eiso.<service>.history.v1": the ledger of a service's epochs (libs/outbox). */
const struct topic *topic_history(const char *service);

#endif
