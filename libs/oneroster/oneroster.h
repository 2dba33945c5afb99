/* A bundle of 1EdTech OneRoster 1.2, CSV binding: a zip file on disk with manifest.csv and a file
 * for each entity, read a row at a time. Hides libzip and libcsv; needs memory for one row, however
 * large the bundle is. Blocks.
 *
 * What exporters do is taken: a byte order mark, LF, CRLF or CR, a comma, semicolon or tab between
 * cells (the header line tells which), columns in any order, header in any case, unknown columns,
 * empty lines, blanks around cells, line breaks within quoted ones (a blank stands for them),
 * windows-1251 where the caller says so. Other files of the bundle are never opened: gradebook and
 * resources, userProfiles (they hold passwords), folders, zips within the zip.
 *
 * Ids: a sourcedId that is a UUID is the id. Any other becomes UUIDv5(namespace of the source,
 * "<entity>:<sourcedId>") with the entities organisation, session, course, class, person, role,
 * enrolment, so that the source computes the same by itself. The namespace is
 * UUIDv5(UUIDv5(DNS, "eiso.kz"), "<code of the source>"). */
#ifndef ONEROSTER_ONEROSTER_H
#define ONEROSTER_ONEROSTER_H

#include "contracts/registry.h"
#include "record/record.h"

enum oneroster_file {
    ONEROSTER_ORGS,
    ONEROSTER_SESSIONS, /* academicSessions.csv */
    ONEROSTER_COURSES,
    ONEROSTER_CLASSES,
    ONEROSTER_USERS,
    ONEROSTER_ROLES,
    ONEROSTER_DEMOGRAPHICS,
    ONEROSTER_ENROLLMENTS,
    ONEROSTER_FILES
};

const char *oneroster_file_name(enum oneroster_file file); /* "users.csv" */

enum oneroster_charset { ONEROSTER_UTF8, ONEROSTER_WINDOWS_1251 };

/* ---- Rows: zero is absence, as everywhere. Beside the standard's columns stand those of ours that
 * OneRoster leaves to "metadata." (README.md lists them). ---- */

enum oneroster_status { ONEROSTER_ACTIVE = 1, ONEROSTER_TOBEDELETED };

struct oneroster_head {
    int32_t line; /* of the file, on which the row begins; the header is 1 */
    struct uuid id;
    struct str sourced_id;
    enum oneroster_status status;
    struct instant modified_at;
};

enum oneroster_org_type {
    ONEROSTER_DEPARTMENT = 1,
    ONEROSTER_SCHOOL,
    ONEROSTER_DISTRICT,
    ONEROSTER_LOCAL,
    ONEROSTER_STATE,
    ONEROSTER_NATIONAL
};

struct oneroster_org {
    struct oneroster_head head;
    struct str name, identifier, name_kk, name_ru, bin, kato;
    enum oneroster_org_type type;
    struct uuid parent;
    enum organisation_kind kind;
    enum ownership ownership;
    struct enum_set languages;
    int32_t shifts;
};

struct oneroster_session {
    struct oneroster_head head;
    struct date first, end; /* `end` is the day behind the last one, as the standard has it */
};

/* A grade is 0 (preschool and preparatory: IT, PR, PK, TK, KG) to 12; of several the first. */
struct oneroster_course {
    struct oneroster_head head;
    struct str title, code;
    struct optional grade;
    struct strs subjects, subject_codes;
};

enum oneroster_class_type { ONEROSTER_HOMEROOM = 1, ONEROSTER_SCHEDULED };

struct oneroster_class {
    struct oneroster_head head;
    struct str title;
    struct optional grade;
    struct uuid course, school, term; /* the first of its terms */
    enum oneroster_class_type type;
    struct strs subjects, subject_codes;
    enum teaching_language language;
    int32_t shift;
};

struct oneroster_user {
    struct oneroster_head head;
    struct str given, family, middle, identifier, email, sms, phone;
    struct str iin; /* metadata.iin, else "{IIN:...}" among userIds */
    struct strs user_ids;
    struct uuids agents; /* at most 16 */
    struct optional grade;
    struct uuid org; /* primaryOrgSourcedId */
};

enum oneroster_role_name {
    ONEROSTER_STUDENT = 1,
    ONEROSTER_PARENT,
    ONEROSTER_GUARDIAN,
    ONEROSTER_RELATIVE,
    ONEROSTER_STAFF /* teacher, principal, aide, administrators... */
};

struct oneroster_role {
    struct oneroster_head head;
    struct uuid person, org;
    enum oneroster_role_name role;
    struct date first, end;
};

struct oneroster_demographics {
    struct oneroster_head head; /* its id is the person's */
    struct date birth_date;
    enum sex sex;
};

enum oneroster_enrollment_role {
    ONEROSTER_LEARNS = 1,
    ONEROSTER_TEACHES,
    ONEROSTER_ATTENDS /* administrator, proctor */
};

enum oneroster_flag { ONEROSTER_TRUE = 1, ONEROSTER_FALSE };

struct oneroster_enrollment {
    struct oneroster_head head;
    struct uuid class, person;
    enum oneroster_enrollment_role role;
    enum oneroster_flag primary;
    struct date first, end;
};

size_t oneroster_row_size(enum oneroster_file file);

/* ---- Reading ---- */

struct oneroster;

struct oneroster_options {
    const char *path;
    enum oneroster_charset charset;
    struct str source; /* code; absent: the manifest's source.systemCode, else `otherwise` */
    struct str otherwise;
};

/* Opens the bundle and reads its manifest. What is refused as a whole is ERROR_INVALID with
 * `*problem` one of
 *     zip_broken          no zip, cut off, a wrong checksum, a method that is not deflate
 *     zip_encrypted
 *     zip_too_large       more than 1,000 entries, 4 GiB of rows, or 200 times their packed size
 *     zip_duplicate       a file of ours is there twice
 *     manifest_missing    no manifest.csv at the top of the zip
 *     manifest_broken     no manifest of OneRoster 1.2; a file that it names is missing
 * ERROR_UNAVAILABLE: the file cannot be read. */
enum error oneroster_open(struct oneroster **bundle, const struct oneroster_options *options,
                          const char **problem, struct err *err) MUST_CHECK;
void oneroster_close(struct oneroster *bundle); /* NULL is fine */

struct str oneroster_source(const struct oneroster *bundle); /* code of the source, a TEXT_CODE */

enum oneroster_mode { ONEROSTER_ABSENT, ONEROSTER_BULK, ONEROSTER_DELTA };
enum oneroster_mode oneroster_mode(const struct oneroster *bundle, enum oneroster_file file);

/* Begins to read a file that is not absent; one at a time. ERROR_INVALID as of oneroster_open. */
enum error oneroster_begin(struct oneroster *bundle, enum oneroster_file file, const char **problem,
                           struct err *err) MUST_CHECK;

enum oneroster_step {
    ONEROSTER_ROW, /* `row` is filled */
    ONEROSTER_BAD, /* `row` holds its line at least, and its id where it can be read; `problems` say
                      what is wrong, their pointers are "/<column>", "" for the whole row */
    ONEROSTER_END, /* of the file */
    ONEROSTER_BROKEN /* the file cannot be read on: zip_broken or zip_too_large in `problems` */
};

/* The next row into zeroed memory of oneroster_row_size; texts in the arena of `problems`. Codes
 * are record's and missing_column    a required column is not in the header: the only row of the
 * file wrong_cell_count  more or fewer cells than the header has row_too_long      more than 64
 * KiB, mostly a quote that is not closed; reading goes on with the next line unclosed_quote    at
 * the end of the file sourced_id_is_iin A row that is to be deleted needs its sourcedId only. */
enum oneroster_step oneroster_next(struct oneroster *bundle, void *row, struct problems *problems);

#endif
