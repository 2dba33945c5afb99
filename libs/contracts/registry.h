/* The records of registry: organisations, people, classes, enrolments, assignments, guardian links
 * (what a sender writes and what is on the topics), and what only topics have: accounts, clients,
 * aliases, reference data, keys, revocations.
 *
 * Every record of a sender may carry modified_at, source and sourced_id; an older modified_at than
 * what is there is `stale` (api.md). A state event is the whole state with its revision; an older
 * (epoch, revision) is ignored by consumers. The transaction appends the revision, and the ids of
 * people and organisations: a sender may name an alias, the event names the canonical one.
 * X_columns are for put_x() of registry. */
#ifndef CONTRACTS_REGISTRY_H
#define CONTRACTS_REGISTRY_H

#include "record/record.h"

/* A name in both official languages; Kazakh first (order 503, clause 12). */
struct name {
    struct str kk, ru;
};
extern const struct record name_record;

/* Where a record comes from, beside the id that the sender computed. */
struct origin {
    struct instant modified_at; /* at the source; absent: when it arrived */
    struct str source;          /* code of the source system */
    struct str sourced_id;      /* its id there; refused where it passes the IIN check */
    struct uuid fingerprint;    /* of the content; derived at the door, for the columns */
};

/* Kinds of organisations and bodies (order 385; domain.md section 3). */
enum organisation_kind {
    ORGANISATION_MINISTRY = 1,
    ORGANISATION_COMMITTEE,
    ORGANISATION_REGION_DEPARTMENT, /* управление образования of an oblast or republican city */
    ORGANISATION_DISTRICT_DEPARTMENT, /* отдел образования */
    ORGANISATION_PRESCHOOL,
    ORGANISATION_PRIMARY_SCHOOL,
    ORGANISATION_BASIC_SCHOOL,
    ORGANISATION_SCHOOL,
    ORGANISATION_GYMNASIUM,
    ORGANISATION_LYCEUM,
    ORGANISATION_SCHOOL_GYMNASIUM,
    ORGANISATION_UNGRADED_SCHOOL,
    ORGANISATION_EVENING_SCHOOL,
    ORGANISATION_BOARDING_SCHOOL,
    ORGANISATION_GIFTED_SCHOOL,
    ORGANISATION_SPECIAL_SCHOOL,
    ORGANISATION_COLLEGE,
    ORGANISATION_HIGHER_COLLEGE,
    ORGANISATION_UNIVERSITY,
    ORGANISATION_ADDITIONAL_EDUCATION,
    ORGANISATION_ORPHANAGE,
    ORGANISATION_PMPK, /* psychological, medical and pedagogical consultation */
    ORGANISATION_OTHER
};
extern const struct values organisation_kinds;

enum ownership {
    OWNERSHIP_STATE = 1,
    OWNERSHIP_PRIVATE,
    OWNERSHIP_REPUBLICAN,
    OWNERSHIP_AUTONOMOUS
};
extern const struct values ownerships;

enum teaching_language {
    TEACHING_KK = 1,
    TEACHING_RU,
    TEACHING_UG, /* Uighur */
    TEACHING_UZ,
    TEACHING_TG,
    TEACHING_EN
};
extern const struct values teaching_languages;

struct organisation {
    struct uuid id;
    struct name name;
    enum organisation_kind kind;
    struct str bin;             /* 12 digits, control digit checked */
    struct str kato;            /* deepest known code of the territory that it serves */
    struct str address_kato;    /* where it stands; absent: the same */
    struct uuid subordinate_to; /* nil: the root, or supervised only */
    enum ownership ownership;
    struct enum_set languages;
    int32_t shifts; /* 0 to 3; 0: not a school */
    struct date valid_from, valid_to;
    struct origin origin;
    int64_t revision; /* on the topic only */
};
extern const struct record organisation_item, organisation_event, organisation_columns;

enum identifier_type {
    IDENTIFIER_IIN = 1,
    IDENTIFIER_PASSPORT,
    IDENTIFIER_BIRTH_CERTIFICATE,
    IDENTIFIER_OTHER
};
enum identifier_status { IDENTIFIER_VERIFIED = 1, IDENTIFIER_DECLARED };
struct identifier {
    enum identifier_type type;
    struct str value;
    enum identifier_status status;
    struct str override_reason; /* journalled: a wrong control digit that is on a document */
};
extern const struct record identifier_record;

enum contact_type { CONTACT_PHONE = 1, CONTACT_EMAIL };
struct contact {
    enum contact_type type;
    struct str value; /* E.164, or an address */
};
extern const struct record contact_record;

enum sex { SEX_MALE = 1, SEX_FEMALE };
enum person_role { PERSON_LEARNER = 1, PERSON_STAFF, PERSON_GUARDIAN };
extern const struct values person_roles;

struct person_names {
    struct str family, given,
        middle; /* middle: patronymic, if there is one; family may be absent for one-name people */
};
extern const struct record person_names_record;

struct person {
    struct uuid id;
    struct person_names names;
    struct date birth_date;
    enum sex sex;
    struct list identifiers; /* of struct identifier */
    struct enum_set roles;   /* enum person_role */
    struct list contacts;    /* of struct contact */
    struct origin origin;
    struct uuid iin_hash; /* keyed; derived at the door, for the columns */
    int64_t revision;
};
/* On the topic: names, birth date, sex, roles; identifiers and contacts stay in registry. */
extern const struct record person_item, person_event, person_columns;

enum class_type { CLASS_HOMEROOM = 1, CLASS_GROUP };
struct class
{
    struct uuid id, organisation;
    struct str name; /* 5 «Ә» */
    enum class_type type;
    struct uuids of;    /* of a group: the homerooms of its learners */
    struct str subject; /* of a group, code of the reference data */
    int32_t grade;      /* 0 (preparatory) to 12 */
    enum teaching_language language;
    int32_t shift;         /* 1 to 3 */
    int32_t academic_year; /* the year in which it begins: 2026 is 2026/27 */
    struct uuid previous;  /* the class of the year before */
    struct origin origin;
    int64_t revision;
};
extern const struct record class_item, class_event, class_columns;

enum enrolment_mode {
    ENROLMENT_CLASS = 1,
    ENROLMENT_HOME,
    ENROLMENT_DISTANCE,
    ENROLMENT_EXTERN,
    ENROLMENT_LONG_ABSENCE
};
extern const struct values enrolment_modes;
struct enrolment {
    struct uuid id, learner, class;
    struct date from, to; /* `to` is the last day; absent: open */
    enum enrolment_mode mode;
    struct origin origin;
    int64_t revision;
};
extern const struct record enrolment_item, enrolment_event, enrolment_columns;

enum assignment_kind { ASSIGNMENT_MAIN = 1, ASSIGNMENT_SUBSTITUTE, ASSIGNMENT_CLASS_TEACHER };
struct assignment {
    struct uuid id, teacher, class;
    struct str subject; /* absent: all of them (class teacher) */
    enum assignment_kind kind;
    struct date from, to;
    struct origin origin;
    int64_t revision;
};
extern const struct record assignment_item, assignment_event, assignment_columns;

enum guardian_relation {
    GUARDIAN_MOTHER = 1,
    GUARDIAN_FATHER,
    GUARDIAN_GUARDIAN,
    GUARDIAN_TRUSTEE,
    GUARDIAN_FOSTER,
    GUARDIAN_OTHER
};
enum legal_basis {
    BASIS_PARENT = 1,
    BASIS_ADOPTION,
    BASIS_GUARDIANSHIP,
    BASIS_TRUSTEESHIP,
    BASIS_FOSTER_CONTRACT,
    BASIS_COURT,
    BASIS_POWER_OF_ATTORNEY
};
enum guardian_right { RIGHT_MARKS = 1, RIGHT_ATTENDANCE, RIGHT_MESSAGES, RIGHT_APPLICATIONS };
enum guardian_status { GUARDIAN_INVITED = 1, GUARDIAN_CONFIRMED, GUARDIAN_RESTRICTED };
struct guardian {
    struct uuid id, learner, guardian;
    enum guardian_relation relation;
    enum legal_basis legal_basis;
    struct enum_set rights;
    struct date from, to;
    enum guardian_status status;
    struct origin origin;
    int64_t revision;
};
extern const struct record guardian_item, guardian_event, guardian_columns;

/* An officer's word that two ids are one person, or one organisation: the first becomes an alias of
 * `canonical`. Exactly one of the two is given. */
struct merge {
    struct uuid id, person, organisation, canonical;
    struct str reason;
    struct uuid fingerprint; /* derived at the door, for the columns */
};
extern const struct record merge_item, merge_columns;

/* ---- Topics only ---- */

enum account_role { ROLE_OFFICIAL = 1, ROLE_RECORDS_OFFICIAL, ROLE_HEAD, ROLE_OPERATOR };
/* official: aggregates of the node's subtree; records_official: the records, too; head: of an
 * organisation, its records; operator: of the system. Parent, learner and teacher follow from
 * links, enrolments and assignments. */
extern const struct values account_roles;
struct account_role_at {
    enum account_role role;
    struct uuid node; /* an organisation or body */
};
extern const struct record account_role_record;

struct account {
    struct uuid id, person;
    bool active;
    struct str locale; /* kk, ru or en */
    struct list roles; /* of struct account_role_at */
    int64_t revision;
};
extern const struct record account_event;

struct client {
    struct uuid id;
    struct str name;
    struct uuid node; /* the organisation whose subtree it speaks for */
    int32_t scopes;   /* bits of auth's enum scope */
    bool active;
    int64_t revision;
};
extern const struct record client_event;

enum alias_entity { ALIAS_PERSON = 1, ALIAS_ORGANISATION };
struct alias {
    struct uuid id;        /* may be named for ever */
    struct uuid canonical; /* never an alias itself */
    enum alias_entity entity;
    int64_t revision;
};
extern const struct record alias_event;

/* Reference data: territory (KATO), subjects; dated, in kk, ru and en. Key "<list>:<code>". */
struct reference {
    struct str list; /* "territory", "subject" */
    struct str code;
    struct str parent; /* code in the same list */
    struct str kind;   /* of a territory: republic, oblast, city, district, ... */
    struct str kk, ru, en;
    struct date valid_from, valid_to;
    int64_t revision;
};
extern const struct record reference_event, reference_columns;

struct public_key {
    struct str kid;
    struct str jwk;            /* public JWK as JSON */
    struct instant retired_at; /* tokens signed later are refused; absent: in use */
    int64_t revision;
};
extern const struct record key_event;

enum revoked_kind {
    REVOKED_CLIENT = 1,
    REVOKED_ACCOUNT,
    REVOKED_SESSION,
    REVOKED_PERSON,
    REVOKED_EVERYBODY
};
enum grant_kind { GRANT_GUARDIAN = 1, GRANT_ASSIGNMENT, GRANT_ACCOUNT };
struct grant {
    enum grant_kind kind;
    struct uuid id;
    int64_t revision;
};
/* client, account, session: tokens issued before `at` are void. person: one of its grants (a link,
 * an assignment, the roles of its account) was changed: an older state of it than its `revision`
 * in the epoch of this event counts no more, and all its rights are looked at again. everybody (no
 * subject): the same for all, nobody knows which (registry's database was set back). */
struct revocation {
    enum revoked_kind kind;
    struct uuid subject;
    struct instant at;
    struct grant grant; /* of a person */
};
extern const struct record revocation_event;

#endif
