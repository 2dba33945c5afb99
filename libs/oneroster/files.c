/* What of each file is read: OneRoster 1.2, CSV binding, section 3, and our columns of "metadata.".
 * Lengths are those of the records that the rows become. */
#include "national/iin.h"
#include "oneroster/oneroster_internal.h"

#define PLAIN(type_, member, name_, ...)                     \
    {                                                        \
        .field = FIELD_AS(type_, member, name_, __VA_ARGS__) \
    }
#define SPECIAL(kind_, type_, member, name_, ...)                             \
    {                                                                         \
        .field = FIELD_AS(type_, member, name_, __VA_ARGS__), .kind = (kind_) \
    }
#define ID(type_, entity_)                                                                   \
    {                                                                                        \
        .field = FIELD_AS(type_, head.id, "sourcedId", .required = true), .kind = COLUMN_ID, \
        .entity = (entity_)                                                                  \
    }
#define REF(type_, member, name_, entity_, ...)                                   \
    {                                                                             \
        .field = FIELD_AS(type_, member, name_, __VA_ARGS__), .kind = COLUMN_REF, \
        .entity = (entity_)                                                       \
    }

#define HEAD(type_, entity_)                                                      \
    ID(type_, entity_), PLAIN(type_, head.status, "status", .values = &statuses), \
        SPECIAL(COLUMN_INSTANT, type_, head.modified_at, "dateLastModified")
#define GRADE(type_) SPECIAL(COLUMN_GRADE, type_, grade, "grades")

static const struct value status_names[] = {{"active", ONEROSTER_ACTIVE},
                                            {"tobedeleted", ONEROSTER_TOBEDELETED}};
static const struct values statuses = VALUES(status_names);

/* ---- orgs.csv ---- */

static const struct value org_type_names[] = {
    {"department", ONEROSTER_DEPARTMENT}, {"school", ONEROSTER_SCHOOL},
    {"district", ONEROSTER_DISTRICT},     {"local", ONEROSTER_LOCAL},
    {"state", ONEROSTER_STATE},           {"national", ONEROSTER_NATIONAL},
};
static const struct values org_types = VALUES(org_type_names);

static const struct oneroster_column org_columns[] = {
    HEAD(oneroster_org, "organisation"),
    PLAIN(oneroster_org, name, "name", .required = true, .max = 300),
    PLAIN(oneroster_org, type, "type", .required = true, .values = &org_types),
    PLAIN(oneroster_org, identifier, "identifier", .max = 128),
    REF(oneroster_org, parent, "parentSourcedId", "organisation"),
    PLAIN(oneroster_org, name_kk, "metadata.nameKk", .max = 300),
    PLAIN(oneroster_org, name_ru, "metadata.nameRu", .max = 300),
    PLAIN(oneroster_org, bin, "metadata.bin", .max = 12),
    PLAIN(oneroster_org, kato, "metadata.kato", .max = 9),
    PLAIN(oneroster_org, kind, "metadata.kind", .values = &organisation_kinds),
    PLAIN(oneroster_org, ownership, "metadata.ownership", .values = &ownerships),
    PLAIN(oneroster_org, languages, "metadata.languages", .values = &teaching_languages),
    PLAIN(oneroster_org, shifts, "metadata.shifts", .max = 3),
};

static void org_finish(void *row)
{
    struct oneroster_org *org = row;
    if (!str_present(org->bin) && number_kind(org->identifier) == NUMBER_BIN)
        org->bin = org->identifier;
}

/* ---- academicSessions.csv, courses.csv, classes.csv ---- */

static const struct oneroster_column session_columns[] = {
    HEAD(oneroster_session, "session"),
    PLAIN(oneroster_session, first, "startDate", .required = true),
    PLAIN(oneroster_session, end, "endDate", .required = true),
};

static const struct oneroster_column course_columns[] = {
    HEAD(oneroster_course, "course"),
    PLAIN(oneroster_course, title, "title", .required = true, .max = 300),
    PLAIN(oneroster_course, code, "courseCode", .max = 128),
    GRADE(oneroster_course),
    PLAIN(oneroster_course, subjects, "subjects", .max = 16),
    PLAIN(oneroster_course, subject_codes, "subjectCodes", .max = 16),
};

static const struct value class_type_names[] = {{"homeroom", ONEROSTER_HOMEROOM},
                                                {"scheduled", ONEROSTER_SCHEDULED}};
static const struct values class_types = VALUES(class_type_names);

static const struct oneroster_column oneroster_class_columns[] = {
    HEAD(oneroster_class, "class"),
    PLAIN(oneroster_class, title, "title", .required = true, .max = 60),
    GRADE(oneroster_class),
    REF(oneroster_class, course, "courseSourcedId", "course", .required = true),
    PLAIN(oneroster_class, type, "classType", .required = true, .values = &class_types),
    REF(oneroster_class, school, "schoolSourcedId", "organisation", .required = true),
    REF(oneroster_class, term, "termSourcedIds", "session", .required = true),
    PLAIN(oneroster_class, subjects, "subjects", .max = 16),
    PLAIN(oneroster_class, subject_codes, "subjectCodes", .max = 16),
    PLAIN(oneroster_class, language, "metadata.language", .values = &teaching_languages),
    PLAIN(oneroster_class, shift, "metadata.shift", .max = 3),
};

/* ---- users.csv, roles.csv, demographics.csv ---- */

static const struct oneroster_column user_columns[] = {
    HEAD(oneroster_user, "person"),
    PLAIN(oneroster_user, given, "givenName", .required = true, .max = 100),
    PLAIN(oneroster_user, family, "familyName", .max = 100),
    PLAIN(oneroster_user, middle, "middleName", .max = 100),
    PLAIN(oneroster_user, user_ids, "userIds", .max = 16),
    PLAIN(oneroster_user, identifier, "identifier", .max = 128),
    PLAIN(oneroster_user, email, "email", .min = 3, .max = 254),
    PLAIN(oneroster_user, sms, "sms", .min = 3, .max = 40),
    PLAIN(oneroster_user, phone, "phone", .min = 3, .max = 40),
    {.field = FIELD_AS(oneroster_user, agents, "agentSourcedIds", .max = 16),
     .kind = COLUMN_REFS,
     .entity = "person"},
    GRADE(oneroster_user),
    REF(oneroster_user, org, "primaryOrgSourcedId", "organisation"),
    PLAIN(oneroster_user, iin, "metadata.iin", .max = 40),
};

/* "{IIN:123456789012}" */
static struct str iin_among(struct strs user_ids)
{
    for (size_t i = 0; i < user_ids.count; i++) {
        struct str value = user_ids.items[i], type = str_cut(&value, ':');
        if (equal_nocase(type, STR("{iin")) && value.len && value.ptr[value.len - 1] == '}')
            return (struct str){value.ptr, value.len - 1};
    }
    return (struct str){0};
}

/* Some exporters put it into `identifier`: taken for one where it passes as one. */
static void user_finish(void *row)
{
    struct oneroster_user *user = row;
    if (!str_present(user->iin))
        user->iin = iin_among(user->user_ids);
    if (!str_present(user->iin) && number_kind(user->identifier) == NUMBER_IIN)
        user->iin = user->identifier;
}

static const struct value role_names[] = {
    {"student", ONEROSTER_STUDENT},
    {"parent", ONEROSTER_PARENT},
    {"guardian", ONEROSTER_GUARDIAN},
    {"relative", ONEROSTER_RELATIVE},
    {"teacher", ONEROSTER_STAFF},
    {"aide", ONEROSTER_STAFF},
    {"counselor", ONEROSTER_STAFF},
    {"principal", ONEROSTER_STAFF},
    {"proctor", ONEROSTER_STAFF},
    {"siteAdministrator", ONEROSTER_STAFF},
    {"districtAdministrator", ONEROSTER_STAFF},
    {"systemAdministrator", ONEROSTER_STAFF},
};
static const struct values roles = VALUES(role_names);

static const struct oneroster_column role_columns[] = {
    HEAD(oneroster_role, "role"),
    REF(oneroster_role, person, "userSourcedId", "person", .required = true),
    PLAIN(oneroster_role, role, "role", .required = true, .values = &roles),
    PLAIN(oneroster_role, first, "beginDate"),
    PLAIN(oneroster_role, end, "endDate"),
    REF(oneroster_role, org, "orgSourcedId", "organisation", .required = true),
};

enum { SEX_NOT_SAID = 3 };
static const struct value sex_names[] = {{"male", SEX_MALE},
                                         {"female", SEX_FEMALE},
                                         {"other", SEX_NOT_SAID},
                                         {"unspecified", SEX_NOT_SAID}};
static const struct values sexes = VALUES(sex_names);

static const struct oneroster_column demographics_columns[] = {
    HEAD(oneroster_demographics, "person"),
    PLAIN(oneroster_demographics, birth_date, "birthDate"),
    PLAIN(oneroster_demographics, sex, "sex", .values = &sexes),
};

static void demographics_finish(void *row)
{
    struct oneroster_demographics *demographics = row;
    if ((unsigned)demographics->sex == SEX_NOT_SAID)
        demographics->sex = 0;
}

/* ---- enrollments.csv ---- */

static const struct value enrollment_role_names[] = {
    {"student", ONEROSTER_LEARNS},
    {"teacher", ONEROSTER_TEACHES},
    {"administrator", ONEROSTER_ATTENDS},
    {"proctor", ONEROSTER_ATTENDS},
};
static const struct values enrollment_roles = VALUES(enrollment_role_names);
static const struct value flag_names[] = {{"true", ONEROSTER_TRUE}, {"false", ONEROSTER_FALSE}};
static const struct values flags = VALUES(flag_names);

static const struct oneroster_column enrollment_columns[] = {
    HEAD(oneroster_enrollment, "enrolment"),
    REF(oneroster_enrollment, class, "classSourcedId", "class", .required = true),
    REF(oneroster_enrollment, person, "userSourcedId", "person", .required = true),
    PLAIN(oneroster_enrollment, role, "role", .required = true, .values = &enrollment_roles),
    PLAIN(oneroster_enrollment, primary, "primary", .values = &flags),
    PLAIN(oneroster_enrollment, first, "beginDate"),
    PLAIN(oneroster_enrollment, end, "endDate"),
};

#define TABLE(name_, type_, columns_, ...)                                        \
    {                                                                             \
        .name = (name_), .row_size = sizeof(struct type_), .columns = (columns_), \
        .count = sizeof(columns_) / sizeof((columns_)[0]), ##__VA_ARGS__          \
    }

const struct oneroster_table oneroster_tables[ONEROSTER_FILES] = {
    [ONEROSTER_ORGS] = TABLE("orgs", oneroster_org, org_columns, .finish = org_finish),
    [ONEROSTER_SESSIONS] = TABLE("academicSessions", oneroster_session, session_columns),
    [ONEROSTER_COURSES] = TABLE("courses", oneroster_course, course_columns),
    [ONEROSTER_CLASSES] = TABLE("classes", oneroster_class, oneroster_class_columns),
    [ONEROSTER_USERS] = TABLE("users", oneroster_user, user_columns, .finish = user_finish),
    [ONEROSTER_ROLES] = TABLE("roles", oneroster_role, role_columns),
    [ONEROSTER_DEMOGRAPHICS] = TABLE("demographics", oneroster_demographics, demographics_columns,
                                     .finish = demographics_finish),
    [ONEROSTER_ENROLLMENTS] = TABLE("enrollments", oneroster_enrollment, enrollment_columns),
};
