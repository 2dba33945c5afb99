#include "contracts/registry.h"

/* Most records have these at their end; the topic adds the revision. */
#define ORIGIN_FIELDS(type_)                                                                   \
    FIELD_AS(type_, origin.modified_at, "modified_at",                                         \
             .about = "When it was changed at the source: an older one than what is there is " \
                      "`stale`. Absent: when it arrived."),                                    \
        FIELD_AS(type_, origin.source, "source", .max = 64, .text = TEXT_CODE,                 \
                 .about = "Code of the source system."),                                       \
        FIELD_AS(type_, origin.sourced_id, "sourced_id", .max = 128,                           \
                 .about = "Its id there (OneRoster: sourcedId); none that passes the IIN check.")
#define REVISION_FIELD(type_)                                  \
    FIELD(type_, revision, .required = true, .appended = true, \
          .about = "Grows with each change: of two states of one id the higher one counts.")
#define ORIGIN_COLUMNS(type_) \
    ORIGIN_FIELDS(type_), FIELD_AS(type_, origin.fingerprint, "fingerprint")

/* A reference that may name an alias: the transaction appends the canonical id. */
#define BY_SENDER
#define BY_TRANSACTION , .appended = true

static const struct field name_fields[] = {
    FIELD(name, kk, .required = true, .max = 300, .about = "Kazakh."),
    FIELD(name, ru, .required = true, .max = 300, .about = "Russian."),
};
const struct record name_record = RECORD(name, name_fields);

static const struct value organisation_kind_names[] = {
    {"ministry", ORGANISATION_MINISTRY},
    {"committee", ORGANISATION_COMMITTEE},
    {"region_department", ORGANISATION_REGION_DEPARTMENT},
    {"district_department", ORGANISATION_DISTRICT_DEPARTMENT},
    {"preschool", ORGANISATION_PRESCHOOL},
    {"primary_school", ORGANISATION_PRIMARY_SCHOOL},
    {"basic_school", ORGANISATION_BASIC_SCHOOL},
    {"school", ORGANISATION_SCHOOL},
    {"gymnasium", ORGANISATION_GYMNASIUM},
    {"lyceum", ORGANISATION_LYCEUM},
    {"school_gymnasium", ORGANISATION_SCHOOL_GYMNASIUM},
    {"ungraded_school", ORGANISATION_UNGRADED_SCHOOL},
    {"evening_school", ORGANISATION_EVENING_SCHOOL},
    {"boarding_school", ORGANISATION_BOARDING_SCHOOL},
    {"gifted_school", ORGANISATION_GIFTED_SCHOOL},
    {"special_school", ORGANISATION_SPECIAL_SCHOOL},
    {"college", ORGANISATION_COLLEGE},
    {"higher_college", ORGANISATION_HIGHER_COLLEGE},
    {"university", ORGANISATION_UNIVERSITY},
    {"additional_education", ORGANISATION_ADDITIONAL_EDUCATION},
    {"orphanage", ORGANISATION_ORPHANAGE},
    {"pmpk", ORGANISATION_PMPK},
    {"other", ORGANISATION_OTHER},
};
const struct values organisation_kinds = VALUES(organisation_kind_names);

static const struct value ownership_names[] = {
    {"state", OWNERSHIP_STATE},
    {"private", OWNERSHIP_PRIVATE},
    {"republican", OWNERSHIP_REPUBLICAN},
    {"autonomous", OWNERSHIP_AUTONOMOUS},
};
const struct values ownerships = VALUES(ownership_names);

static const struct value teaching_language_names[] = {
    {"kk", TEACHING_KK}, {"ru", TEACHING_RU}, {"ug", TEACHING_UG},
    {"uz", TEACHING_UZ}, {"tg", TEACHING_TG}, {"en", TEACHING_EN},
};
const struct values teaching_languages = VALUES(teaching_language_names);

#define ORGANISATION_FIELDS(by_)                                                                      \
    FIELD(organisation, id, .required = true),                                                        \
        FIELD(organisation, name, .required = true, .record = &name_record),                          \
        FIELD(organisation, kind, .required = true, .values = &organisation_kinds),                   \
        FIELD(organisation, bin, .min = 12, .max = 12, .text = TEXT_CODE,                             \
              .about = "12 digits, with a right control digit; one that is known already answers "    \
                       "`matched`."),                                                                 \
        FIELD(organisation, kato, .required = true, .min = 2, .max = 9,                               \
              .about = "Of the territory that it serves (KATO, ГК РК 11-2009): the deepest code " \
                       "that is known."),                                                             \
        FIELD(organisation, address_kato, .min = 2, .max = 9,                                         \
              .about = "Where it stands; absent: in the same territory."),                            \
        FIELD(organisation, subordinate_to by_,                                                       \
              .about = "Its management body; absent: it is the root, or supervised only."),           \
        FIELD(organisation, ownership, .required = true, .values = &ownerships),                      \
        FIELD(organisation, languages, .values = &teaching_languages,                                 \
              .about = "Of teaching (ISO 639-1)."),                                                   \
        FIELD(organisation, shifts, .max = 3,                                                         \
              .about = "In which it teaches; 0: it is no school."),                                   \
        FIELD(organisation, valid_from, .required = true, .about = "Its first day."),                 \
        FIELD(organisation, valid_to, .about = "Its last day; absent: open.")
static const struct field organisation_item_fields[] = {ORGANISATION_FIELDS(BY_SENDER),
                                                        ORIGIN_FIELDS(organisation)};
static const struct field organisation_event_fields[] = {ORGANISATION_FIELDS(BY_TRANSACTION),
                                                         REVISION_FIELD(organisation)};
const struct record organisation_item = RECORD(organisation, organisation_item_fields);
const struct record organisation_event = RECORD(organisation, organisation_event_fields);
static const struct field organisation_column_fields[] = {ORGANISATION_FIELDS(BY_SENDER),
                                                          ORIGIN_COLUMNS(organisation)};
const struct record organisation_columns = RECORD(organisation, organisation_column_fields);

static const struct value identifier_type_names[] = {
    {"iin", IDENTIFIER_IIN},
    {"passport", IDENTIFIER_PASSPORT},
    {"birth_certificate", IDENTIFIER_BIRTH_CERTIFICATE},
    {"other", IDENTIFIER_OTHER},
};
static const struct values identifier_types = VALUES(identifier_type_names);
static const struct value identifier_status_names[] = {
    {"verified", IDENTIFIER_VERIFIED},
    {"declared", IDENTIFIER_DECLARED},
};
static const struct values identifier_statuses = VALUES(identifier_status_names);
static const struct field identifier_fields[] = {
    FIELD(identifier, type, .required = true, .values = &identifier_types),
    FIELD(identifier, value, .required = true, .min = 1, .max = 40,
          .about = "Of an IIN 12 digits."),
    FIELD(identifier, status, .required = true, .values = &identifier_statuses,
          .about = "Seen in a state register, or only told."),
    FIELD(identifier, override_reason, .max = 300,
          .about = "Why a wrong control digit is right: it stands so on a document. Journalled."),
};
const struct record identifier_record = RECORD(identifier, identifier_fields);

static const struct value contact_type_names[] = {{"phone", CONTACT_PHONE},
                                                  {"email", CONTACT_EMAIL}};
static const struct values contact_types = VALUES(contact_type_names);
static const struct field contact_fields[] = {
    FIELD(contact, type, .required = true, .values = &contact_types),
    FIELD(contact, value, .required = true, .min = 3, .max = 254, .about = "E.164, or an address."),
};
const struct record contact_record = RECORD(contact, contact_fields);

static const struct value sex_names[] = {{"male", SEX_MALE}, {"female", SEX_FEMALE}};
static const struct values sexes = VALUES(sex_names);
static const struct value person_role_names[] = {
    {"learner", PERSON_LEARNER},
    {"staff", PERSON_STAFF},
    {"guardian", PERSON_GUARDIAN},
};
const struct values person_roles = VALUES(person_role_names);

static const struct field person_names_fields[] = {
    FIELD(person_names, family, .max = 100, .about = "Absent: a person of one name."),
    FIELD(person_names, given, .required = true, .min = 1, .max = 100),
    FIELD(person_names, middle, .max = 100, .about = "Patronymic."),
};
const struct record person_names_record = RECORD(person_names, person_names_fields);

#define PERSON_FIELDS                                                           \
    FIELD(person, id, .required = true),                                        \
        FIELD(person, names, .required = true, .record = &person_names_record), \
        FIELD(person, birth_date), FIELD(person, sex, .values = &sexes),        \
        FIELD(person, roles, .required = true, .values = &person_roles)
static const struct field person_item_fields[] = {
    PERSON_FIELDS,
    FIELD(person, identifiers, .max = 8, .record = &identifier_record),
    FIELD(person, contacts, .max = 8, .record = &contact_record),
    ORIGIN_FIELDS(person),
};
static const struct field person_column_fields[] = {
    PERSON_FIELDS,
    FIELD(person, identifiers, .max = 8, .record = &identifier_record),
    FIELD(person, contacts, .max = 8, .record = &contact_record),
    ORIGIN_COLUMNS(person),
    FIELD(person, iin_hash),
};
static const struct field person_event_fields[] = {PERSON_FIELDS, REVISION_FIELD(person)};
const struct record person_item = RECORD(
    person, person_item_fields,
    .rules = "No IIN is fine. One that is known already answers `matched` with the canonical id. "
             "A wrong control digit needs an override_reason.");
const struct record person_event = RECORD(person, person_event_fields);
const struct record person_columns = RECORD(person, person_column_fields);

static const struct value class_type_names[] = {{"homeroom", CLASS_HOMEROOM},
                                                {"group", CLASS_GROUP}};
static const struct values class_types = VALUES(class_type_names);
#define CLASS_FIELDS(by_)                                                                         \
    FIELD(class, id, .required = true), FIELD(class, organisation, .required = true by_),         \
        FIELD(class, name, .required = true, .min = 1, .max = 60, .about = "5 «Ә»."),             \
        FIELD(class, type, .required = true, .values = &class_types,                              \
              .about = "Counts of learners use homerooms only. OneRoster: homeroom, scheduled."), \
        FIELD(class, of, .max = 60, .about = "Of a group: the homerooms of its learners."),       \
        FIELD(class, subject, .max = 64, .text = TEXT_CODE,                                       \
              .about = "Of a group: code of the reference data, list `subject`."),                \
        FIELD(class, grade, .required = true, .min = 0, .max = 12, .about = "0: preparatory."),   \
        FIELD(class, language, .required = true, .values = &teaching_languages,                   \
              .about = "Of teaching (ISO 639-1)."),                                               \
        FIELD(class, shift, .required = true, .min = 1, .max = 3),                                \
        FIELD(class, academic_year, .required = true, .min = 2000, .max = 2100,                   \
              .about = "The year in which it begins: 2026 is 2026/27."),                          \
        FIELD(class, previous, .about = "The class that it was in the year before.")
static const struct field class_item_fields[] = {CLASS_FIELDS(BY_SENDER), ORIGIN_FIELDS(class)};
static const struct field class_event_fields[] = {CLASS_FIELDS(BY_TRANSACTION),
                                                  REVISION_FIELD(class)};
const struct record class_item =
    RECORD(class, class_item_fields,
           .rules = "A group has `of`, the homerooms of its learners; a homeroom has none.");
const struct record class_event = RECORD(class, class_event_fields);
static const struct field class_column_fields[] = {CLASS_FIELDS(BY_SENDER), ORIGIN_COLUMNS(class)};
const struct record class_columns = RECORD(class, class_column_fields);

static const struct value enrolment_mode_names[] = {
    {"class", ENROLMENT_CLASS},
    {"home", ENROLMENT_HOME},
    {"distance", ENROLMENT_DISTANCE},
    {"extern", ENROLMENT_EXTERN},
    {"long_absence", ENROLMENT_LONG_ABSENCE},
};
const struct values enrolment_modes = VALUES(enrolment_mode_names);
#define ENROLMENT_FIELDS(by_)                                                     \
    FIELD(enrolment, id, .required = true),                                       \
        FIELD(enrolment, learner, .required = true by_,                           \
              .about = "Any id by which the person is known."),                   \
        FIELD(enrolment, class, .required = true, .about = "Homeroom or group."), \
        FIELD(enrolment, from, .required = true, .about = "The first day."),      \
        FIELD(enrolment, to, .about = "The last day; absent: open."),             \
        FIELD(enrolment, mode, .required = true, .values = &enrolment_modes,      \
              .about = "Only `class` is on the roster of a register.")
static const struct field enrolment_item_fields[] = {ENROLMENT_FIELDS(BY_SENDER),
                                                     ORIGIN_FIELDS(enrolment)};
static const struct field enrolment_event_fields[] = {ENROLMENT_FIELDS(BY_TRANSACTION),
                                                      REVISION_FIELD(enrolment)};
const struct record enrolment_item = RECORD(enrolment, enrolment_item_fields);
const struct record enrolment_event = RECORD(enrolment, enrolment_event_fields);
static const struct field enrolment_column_fields[] = {ENROLMENT_FIELDS(BY_SENDER),
                                                       ORIGIN_COLUMNS(enrolment)};
const struct record enrolment_columns = RECORD(enrolment, enrolment_column_fields);

static const struct value assignment_kind_names[] = {
    {"main", ASSIGNMENT_MAIN},
    {"substitute", ASSIGNMENT_SUBSTITUTE},
    {"class_teacher", ASSIGNMENT_CLASS_TEACHER},
};
static const struct values assignment_kinds = VALUES(assignment_kind_names);
#define ASSIGNMENT_FIELDS(by_)                                                                 \
    FIELD(assignment, id, .required = true), FIELD(assignment, teacher, .required = true by_), \
        FIELD(assignment, class, .required = true),                                            \
        FIELD(assignment, subject, .max = 64, .text = TEXT_CODE,                               \
              .about = "Code of the reference data, list `subject`; absent: all."),            \
        FIELD(assignment, kind, .required = true, .values = &assignment_kinds),                \
        FIELD(assignment, from, .required = true, .about = "The first day."),                  \
        FIELD(assignment, to, .about = "The last day; absent: open.")
static const struct field assignment_item_fields[] = {ASSIGNMENT_FIELDS(BY_SENDER),
                                                      ORIGIN_FIELDS(assignment)};
static const struct field assignment_event_fields[] = {ASSIGNMENT_FIELDS(BY_TRANSACTION),
                                                       REVISION_FIELD(assignment)};
const struct record assignment_item = RECORD(assignment, assignment_item_fields);
const struct record assignment_event = RECORD(assignment, assignment_event_fields);
static const struct field assignment_column_fields[] = {ASSIGNMENT_FIELDS(BY_SENDER),
                                                        ORIGIN_COLUMNS(assignment)};
const struct record assignment_columns = RECORD(assignment, assignment_column_fields);

static const struct value relation_names[] = {
    {"mother", GUARDIAN_MOTHER},   {"father", GUARDIAN_FATHER}, {"guardian", GUARDIAN_GUARDIAN},
    {"trustee", GUARDIAN_TRUSTEE}, {"foster", GUARDIAN_FOSTER}, {"other", GUARDIAN_OTHER},
};
static const struct values relations = VALUES(relation_names);
static const struct value basis_names[] = {
    {"parent", BASIS_PARENT},
    {"adoption", BASIS_ADOPTION},
    {"guardianship", BASIS_GUARDIANSHIP},
    {"trusteeship", BASIS_TRUSTEESHIP},
    {"foster_contract", BASIS_FOSTER_CONTRACT},
    {"court", BASIS_COURT},
    {"power_of_attorney", BASIS_POWER_OF_ATTORNEY},
};
static const struct values bases = VALUES(basis_names);
static const struct value right_names[] = {
    {"marks", RIGHT_MARKS},
    {"attendance", RIGHT_ATTENDANCE},
    {"messages", RIGHT_MESSAGES},
    {"applications", RIGHT_APPLICATIONS},
};
static const struct values rights = VALUES(right_names);
static const struct value guardian_status_names[] = {
    {"invited", GUARDIAN_INVITED},
    {"confirmed", GUARDIAN_CONFIRMED},
    {"restricted", GUARDIAN_RESTRICTED},
};
static const struct values guardian_statuses = VALUES(guardian_status_names);
#define GUARDIAN_FIELDS(by_)                                                                   \
    FIELD(guardian, id, .required = true), FIELD(guardian, learner, .required = true by_),     \
        FIELD(guardian, guardian, .required = true by_),                                       \
        FIELD(guardian, relation, .required = true, .values = &relations),                     \
        FIELD(guardian, legal_basis, .required = true, .values = &bases,                       \
              .about = "What the link rests on."),                                             \
        FIELD(guardian, rights, .required = true, .values = &rights,                           \
              .about = "What the guardian sees of the child, each for itself."),               \
        FIELD(guardian, from, .required = true, .about = "The first day."),                    \
        FIELD(guardian, to, .about = "The last day; absent: open."),                           \
        FIELD(guardian, status, .required = true, .values = &guardian_statuses,                \
              .about = "Only a confirmed one sees anything; a restricted one is lifted by an " \
                       "officer, never by a repeated batch.")
static const struct field guardian_item_fields[] = {GUARDIAN_FIELDS(BY_SENDER),
                                                    ORIGIN_FIELDS(guardian)};
static const struct field guardian_event_fields[] = {GUARDIAN_FIELDS(BY_TRANSACTION),
                                                     REVISION_FIELD(guardian)};
const struct record guardian_item = RECORD(guardian, guardian_item_fields);
const struct record guardian_event = RECORD(guardian, guardian_event_fields);
static const struct field guardian_column_fields[] = {GUARDIAN_FIELDS(BY_SENDER),
                                                      ORIGIN_COLUMNS(guardian)};
const struct record guardian_columns = RECORD(guardian, guardian_column_fields);

static void merge_check(const void *item, struct problems *problems)
{
    const struct merge *merge = item;
    bool person = uuid_present(&merge->person), organisation = uuid_present(&merge->organisation);
    if (person && organisation)
        problem_add(problems, "/organisation", "not_allowed_together");
    if (!person && !organisation)
        problem_add(problems, "/person", "missing");
}

#define MERGE_FIELDS                                                               \
    FIELD(merge, id, .required = true),                                            \
        FIELD(merge, person, .about = "Becomes an alias of `canonical`."),         \
        FIELD(merge, organisation, .about = "Instead of a person."),               \
        FIELD(merge, canonical, .required = true, .about = "The one that stays."), \
        FIELD(merge, reason, .required = true, .min = 1, .max = 300)
static const struct field merge_fields[] = {MERGE_FIELDS};
static const struct field merge_column_fields[] = {MERGE_FIELDS, FIELD(merge, fingerprint)};
const struct record merge_item = RECORD(merge, merge_fields, .check = merge_check);
const struct record merge_columns = RECORD(merge, merge_column_fields);

static const struct value account_role_names[] = {
    {"official", ROLE_OFFICIAL},
    {"records_official", ROLE_RECORDS_OFFICIAL},
    {"head", ROLE_HEAD},
    {"operator", ROLE_OPERATOR},
};
const struct values account_roles = VALUES(account_role_names);
static const struct field account_role_fields[] = {
    FIELD(account_role_at, role, .required = true, .values = &account_roles,
          .about = "official: figures; records_official: records, too; head: of an organisation, "
                   "its records; operator: of the system."),
    FIELD(account_role_at, node, .required = true,
          .about = "An organisation or body: its subtree."),
};
const struct record account_role_record = RECORD(account_role_at, account_role_fields);

static const struct field account_fields[] = {
    FIELD(account, id, .required = true),
    FIELD(account, person, .required = true),
    FIELD(account, active),
    FIELD(account, locale, .max = 2, .text = TEXT_CODE, .about = "kk, ru or en."),
    FIELD(account, roles, .max = 64, .record = &account_role_record),
    REVISION_FIELD(account),
};
const struct record account_event = RECORD(account, account_fields);

static const struct field client_fields[] = {
    FIELD(client, id, .required = true),
    FIELD(client, name, .required = true),
    FIELD(client, node, .required = true,
          .about = "The organisation or body whose subtree it speaks for."),
    FIELD(client, scopes, .required = true, .min = 0, .max = INT32_MAX,
          .about = "Bits, in the order of the scopes in the reference."),
    FIELD(client, active),
    REVISION_FIELD(client),
};
const struct record client_event = RECORD(client, client_fields);

static const struct value alias_entity_names[] = {
    {"person", ALIAS_PERSON},
    {"organisation", ALIAS_ORGANISATION},
};
static const struct values alias_entities = VALUES(alias_entity_names);
static const struct field alias_fields[] = {
    FIELD(alias, id, .required = true, .about = "May be named for ever."),
    FIELD(alias, canonical, .required = true, .about = "Never an alias itself."),
    FIELD(alias, entity, .required = true, .values = &alias_entities),
    REVISION_FIELD(alias),
};
const struct record alias_event = RECORD(alias, alias_fields);

#define REFERENCE_FIELDS                                                                      \
    FIELD(reference, list, .required = true, .max = 40, .text = TEXT_CODE,                    \
          .about = "`territory` (KATO) or `subject`."),                                       \
        FIELD(reference, code, .required = true, .max = 64),                                  \
        FIELD(reference, parent, .max = 64, .about = "A code of the same list."),             \
        FIELD(reference, kind, .max = 40,                                                     \
              .about = "Of a territory: republic, oblast, city, district and so on."),        \
        FIELD(reference, kk, .required = true, .max = 300),                                   \
        FIELD(reference, ru, .required = true, .max = 300), FIELD(reference, en, .max = 300), \
        FIELD(reference, valid_from), FIELD(reference, valid_to)
static const struct field reference_fields[] = {REFERENCE_FIELDS, REVISION_FIELD(reference)};
static const struct field reference_column_fields[] = {REFERENCE_FIELDS};
const struct record reference_event = RECORD(reference, reference_fields);
const struct record reference_columns = RECORD(reference, reference_column_fields);

static const struct field key_fields[] = {
    FIELD(public_key, kid, .required = true),
    FIELD(public_key, jwk, .required = true, .max = 2000, .text = TEXT_FREE,
          .about = "A public JWK as JSON (RFC 7517)."),
    FIELD(public_key, retired_at, .about = "What it signed later is refused; absent: in use."),
    REVISION_FIELD(public_key),
};
const struct record key_event = RECORD(public_key, key_fields);

static const struct value revoked_kind_names[] = {
    {"client", REVOKED_CLIENT}, {"account", REVOKED_ACCOUNT},     {"session", REVOKED_SESSION},
    {"person", REVOKED_PERSON}, {"everybody", REVOKED_EVERYBODY},
};
static const struct values revoked_kinds = VALUES(revoked_kind_names);
static const struct value grant_names[] = {
    {"guardian", GRANT_GUARDIAN},
    {"assignment", GRANT_ASSIGNMENT},
    {"account", GRANT_ACCOUNT},
};
static const struct values grant_kinds = VALUES(grant_names);
static const struct field grant_fields[] = {
    FIELD(grant, kind, .required = true, .values = &grant_kinds),
    FIELD(grant, id, .required = true),
    FIELD(grant, revision, .required = true,
          .about = "An older state of the grant counts no more."),
};
static const struct record grant_record = RECORD(grant, grant_fields);
static const struct field revocation_fields[] = {
    FIELD(revocation, kind, .required = true, .values = &revoked_kinds,
          .about = "client, account, session: tokens issued before `at` are void. person: a grant "
                   "of it was changed. everybody: all are looked at again."),
    FIELD(revocation, subject),
    FIELD(revocation, at, .required = true),
    FIELD(revocation, grant, .record = &grant_record,
          .about = "Of a person: a link, an assignment, or the roles of its account."),
};
const struct record revocation_event = RECORD(revocation, revocation_fields);
