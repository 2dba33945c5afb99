#include "demo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "contracts/registry.h"
#include "entrances.h"
#include "identity.h"
#include "national/calendar.h"
#include "national/iin.h"
#include "national/kato.h"
#include "national/names.h"
#include "national/subjects.h"
#include "reference.h"

enum {
    SCHOOLS = 4,
    CLASSES = 12,  /* of a school */
    LEARNERS = 24, /* of a class */
    TEACHERS = 15, /* of a school */
    ALL_CLASSES = SCHOOLS * CLASSES,
    ALL_LEARNERS = ALL_CLASSES * LEARNERS,
    ALL_TEACHERS = SCHOOLS * TEACHERS,
    PARENTS = 2,   /* of a learner; one in eight has only one */
    SERIALS = 4000 /* of made-up IINs; those above are tests/load's */
};

/* The parent has the first learner of these classes of the first school. */
enum { OLDER_CHILD = 6, YOUNGER_CHILD = 1 };

#define DISTRICT "114000000" /* Бұланды ауданы, Ақмола облысы */

struct demo {
    struct process *process;
    struct db *db;
    struct arena *arena;
    struct uuid ministry, region, district, schools[SCHOOLS];
    struct date year_start;
    int year;
    unsigned serial; /* of the next made-up IIN */
};

/* ---- Ids: made of a name, so that a repeat finds what is there ---- */

static struct uuid id_of(const char *what, int a, int b, int c)
{
    char name[64];
    struct uuid id;
    snprintf(name, sizeof name, "eiso-demo/%s/%d/%d/%d", what, a, b, c);
    str_fingerprint(str_from(name), &id);
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x80); /* RFC 9562: version 8, our own */
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
    return id;
}

static struct uuid class_id(int school, int class)
{
    return id_of("class", school, class, 0);
}

static struct uuid learner_id(int school, int class, int seat)
{
    return id_of("learner", school, class, seat);
}

static struct uuid teacher_id(int school, int number)
{
    return id_of("teacher", school, number, 0);
}

static bool is_own_child(int school, int class, int seat)
{
    return school == 0 && seat == 0 && (class == OLDER_CHILD || class == YOUNGER_CHILD);
}

/* The first parent of both is the same person. */
static struct uuid parent_id(int school, int class, int seat, int which)
{
    if (is_own_child(school, class, seat) && which == 0)
        return id_of("parent", 0, 0, 0);
    return id_of(which ? "father" : "mother", school, class, seat);
}

/* ---- Organisations ---- */

static const struct {
    const char *kk, *ru;
    uint32_t languages;
} schools[SCHOOLS] = {
    {"№ 1 үлгілік орта мектеп", "Демонстрационная средняя школа № 1", 1 << TEACHING_KK},
    {"№ 2 үлгілік орта мектеп", "Демонстрационная средняя школа № 2", 1 << TEACHING_KK},
    {"№ 3 үлгілік орта мектеп", "Демонстрационная средняя школа № 3", 1 << TEACHING_RU},
    {"№ 4 үлгілік орта мектеп", "Демонстрационная средняя школа № 4",
     1 << TEACHING_KK | 1 << TEACHING_RU},
};

static struct organisation body(struct uuid id, enum organisation_kind kind,
                                const struct kato_unit *place, struct uuid above)
{
    return (struct organisation){
        .id = id,
        .kind = kind,
        .kato = place->code,
        .subordinate_to = above,
        .ownership = OWNERSHIP_STATE,
        .valid_from = date_make(2020, 1, 1),
    };
}

static struct name name_with(struct demo *demo, const char *kk, const char *ru,
                             const struct kato_unit *place)
{
    return (struct name){
        .kk = str_from(arena_printf(demo->arena, "%s, %.*s", kk, STR_ARG(place->kk))),
        .ru = str_from(arena_printf(demo->arena, "%s, %.*s", ru, STR_ARG(place->ru))),
    };
}

static enum error put_organisations(struct demo *demo, struct err *err)
{
    const struct kato_unit *district = kato_find(STR(DISTRICT));
    ensure(district);
    const struct uuid nobody = {{0}};
    const struct kato_unit *region = kato_region(district);
    struct organisation all[3 + SCHOOLS] = {
        body(demo->ministry, ORGANISATION_MINISTRY, kato_root(), nobody),
        body(demo->region, ORGANISATION_REGION_DEPARTMENT, region, demo->ministry),
        body(demo->district, ORGANISATION_DISTRICT_DEPARTMENT, district, demo->region),
    };
    all[0].name = (struct name){STR("Қазақстан Республикасының Оқу-ағарту министрлігі"),
                                STR("Министерство просвещения Республики Казахстан")};
    all[1].name = name_with(demo, "Білім басқармасы", "Управление образования", region);
    all[2].name = name_with(demo, "Білім бөлімі", "Отдел образования", district);
    for (int i = 0; i < SCHOOLS; i++) {
        struct organisation *school = &all[3 + i];
        *school = body(demo->schools[i], ORGANISATION_SCHOOL, district, demo->district);
        school->name = (struct name){str_from(schools[i].kk), str_from(schools[i].ru)};
        school->languages.bits = schools[i].languages;
        school->shifts = 2;
    }
    return entrance_put(demo->db, &organisations_entrance, all, COUNT_OF(all), &demo->ministry,
                        err);
}

/* ---- Classes: one of each grade, and a second fifth ---- */

static int grade_of(int class)
{
    return class < CLASSES - 1 ? class + 1 : 5;
}

static enum teaching_language language_of(int school, int class)
{
    bool both = schools[school].languages == (1 << TEACHING_KK | 1 << TEACHING_RU);
    if (both)
        return class % 2 ? TEACHING_RU : TEACHING_KK;
    return schools[school].languages == 1 << TEACHING_RU ? TEACHING_RU : TEACHING_KK;
}

static enum error put_classes(struct demo *demo, struct err *err)
{
    struct class *all = ARENA_ARRAY(demo->arena, ALL_CLASSES, struct class);
    for (int i = 0; i < ALL_CLASSES; i++) {
        int school = i / CLASSES, class = i % CLASSES;
        enum teaching_language language = language_of(school, class);
        const char *letter = class == CLASSES - 1 ? "Б" : language == TEACHING_KK ? "Ә" : "А";
        all[i] = (struct class){
            .id = class_id(school, class),
            .organisation = demo->schools[school],
            .name = str_from(arena_printf(demo->arena, "%d «%s»", grade_of(class), letter)),
            .type = CLASS_HOMEROOM,
            .grade = grade_of(class),
            .language = language,
            .shift = class % 3 == 1 ? 2 : 1,
            .academic_year = demo->year,
        };
    }
    return entrance_put(demo->db, &classes_entrance, all, ALL_CLASSES, &demo->ministry, err);
}

/* ---- People ---- */

/* In Kazakh or Russian, born about so many years ago; their IIN is of the 1800s. */
struct somebody {
    struct uuid id;
    int years;
    bool female, russian;
    enum person_role role;
};

static struct str made_up_iin(struct demo *demo, struct date birth, bool female)
{
    char text[IIN_LEN + 1];
    enum iin_sex sex = female ? IIN_FEMALE : IIN_MALE;
    /* Each its own: nobody is taken for somebody else. Some serials have no control digit. */
    while (!iin_make(birth, sex, demo->serial++, text))
        ensure(demo->serial < SERIALS);
    return str_copy(demo->arena, str_from(text));
}

static struct person make_person(struct demo *demo, const struct somebody *somebody)
{
    struct arena *arena = demo->arena;
    struct identifier *iin = ARENA_NEW(arena, struct identifier);
    unsigned seed = demo->serial;
    struct names_person names = names_make(arena, seed, somebody->female);
    struct date birth = date_make(demo->year - somebody->years, 1 + (int)(seed * 7 % 12),
                                  1 + (int)(seed * 11 % 28));
    *iin = (struct identifier){
        .type = IDENTIFIER_IIN,
        .value = made_up_iin(demo, birth, somebody->female),
        .status = IDENTIFIER_DECLARED,
    };
    return (struct person){
        .id = somebody->id,
        .names = somebody->russian
                     ? (struct person_names){names.family_ru, names.given_ru, names.middle_ru}
                     : (struct person_names){names.family_kk, names.given_kk, names.middle_kk},
        .birth_date = birth,
        .sex = somebody->female ? SEX_FEMALE : SEX_MALE,
        .identifiers = {iin, 1},
        .roles.bits = 1u << somebody->role,
    };
}

static size_t add_family(struct demo *demo, int school, int class, int seat, struct person *people)
{
    bool russian = language_of(school, class) == TEACHING_RU;
    size_t count = 0;
    people[count++] =
        make_person(demo, &(struct somebody){learner_id(school, class, seat), grade_of(class) + 6,
                                             seat % 2, russian, PERSON_LEARNER});
    for (int which = 0; which < PARENTS; which++) {
        bool again = is_own_child(school, class, seat) && class == OLDER_CHILD && which == 0;
        struct person parent = make_person(
            demo, &(struct somebody){parent_id(school, class, seat, which), 32 + seat % 9,
                                     which == 0, russian, PERSON_GUARDIAN});
        if (!again && (which == 0 || seat % 8 != 7))
            people[count++] = parent;
    }
    return count;
}

static enum error put_people(struct demo *demo, struct err *err)
{
    size_t most = ALL_LEARNERS * (1 + PARENTS) + ALL_TEACHERS + 1, count = 0;
    struct person *all = ARENA_ARRAY(demo->arena, most, struct person);
    for (int i = 0; i < ALL_TEACHERS; i++)
        all[count++] = make_person(demo, &(struct somebody){teacher_id(i / TEACHERS, i % TEACHERS),
                                                            28 + i % 30, i % 4 != 3,
                                                            i / TEACHERS == 2, PERSON_STAFF});
    all[count++] = make_person(
        demo, &(struct somebody){id_of("official", 0, 0, 0), 41, true, false, PERSON_STAFF});
    for (int i = 0; i < ALL_LEARNERS; i++)
        count += add_family(demo, i / LEARNERS / CLASSES, i / LEARNERS % CLASSES, i % LEARNERS,
                            all + count);
    return entrance_put(demo->db, &people_entrance, all, count, &demo->ministry, err);
}

/* ---- What connects them ---- */

static enum error put_enrolments(struct demo *demo, struct err *err)
{
    struct enrolment *all = ARENA_ARRAY(demo->arena, ALL_LEARNERS, struct enrolment);
    for (int i = 0; i < ALL_LEARNERS; i++) {
        int school = i / LEARNERS / CLASSES, class = i / LEARNERS % CLASSES, seat = i % LEARNERS;
        all[i] = (struct enrolment){
            .id = id_of("enrolment", school, class, seat),
            .learner = learner_id(school, class, seat),
            .class = class_id(school, class),
            .from = demo->year_start,
            .mode = ENROLMENT_CLASS,
        };
    }
    return entrance_put(demo->db, &enrolments_entrance, all, ALL_LEARNERS, &demo->ministry, err);
}

/* The first subject is taught by the class teacher. */
static enum error put_assignments(struct demo *demo, struct err *err)
{
    enum { MOST = ALL_CLASSES * (SUBJECTS_OF_CLASS + 1) };
    struct assignment *all = ARENA_ARRAY(demo->arena, MOST, struct assignment);
    for (int i = 0; i < MOST; i++) {
        int class = i / (SUBJECTS_OF_CLASS + 1) % CLASSES,
            school = i / (SUBJECTS_OF_CLASS + 1) / CLASSES;
        int number = i % (SUBJECTS_OF_CLASS + 1);
        bool of_class = number == SUBJECTS_OF_CLASS;
        all[i] = (struct assignment){
            .id = id_of("assignment", school, class, number),
            .teacher = teacher_id(school, of_class || number == 0 ? class % TEACHERS
                                                                  : (class + number) % TEACHERS),
            .class = class_id(school, class),
            .subject =
                of_class ? (struct str){0} : str_from(subject_of_grade(grade_of(class), number)),
            .kind = of_class ? ASSIGNMENT_CLASS_TEACHER : ASSIGNMENT_MAIN,
            .from = demo->year_start,
        };
    }
    return entrance_put(demo->db, &assignments_entrance, all, MOST, &demo->ministry, err);
}

static enum error put_guardians(struct demo *demo, struct err *err)
{
    struct guardian *all = ARENA_ARRAY(demo->arena, ALL_LEARNERS * PARENTS, struct guardian);
    size_t count = 0;
    for (int i = 0; i < ALL_LEARNERS * PARENTS; i++) {
        int which = i % PARENTS, seat = i / PARENTS % LEARNERS;
        int class = i / PARENTS / LEARNERS % CLASSES, school = i / PARENTS / LEARNERS / CLASSES;
        if (which && seat % 8 == 7)
            continue;
        all[count++] = (struct guardian){
            .id = id_of(which ? "father-link" : "mother-link", school, class, seat),
            .learner = learner_id(school, class, seat),
            .guardian = parent_id(school, class, seat, which),
            .relation = which ? GUARDIAN_FATHER : GUARDIAN_MOTHER,
            .legal_basis = BASIS_PARENT,
            .rights.bits = 1u << RIGHT_MARKS | 1u << RIGHT_ATTENDANCE | 1u << RIGHT_MESSAGES |
                           1u << RIGHT_APPLICATIONS,
            .from = demo->year_start,
            .status = GUARDIAN_CONFIRMED,
        };
    }
    return entrance_put(demo->db, &guardians_entrance, all, count, &demo->ministry, err);
}

static enum error put_all(struct demo *demo, struct err *err)
{
    enum error code = reference_load(demo->process, demo->db, err);
    if (!code)
        code = put_organisations(demo, err);
    if (!code)
        code = put_people(demo, err);
    if (!code)
        code = put_classes(demo, err);
    if (!code)
        code = put_enrolments(demo, err);
    if (!code)
        code = put_assignments(demo, err);
    return code ? code : put_guardians(demo, err);
}

/* ---- Logins ---- */

static enum error add_client(struct demo *demo, struct buf *out, struct err *err)
{
    enum { ALL_SCOPES = SCOPE_INBOX - 1 };
    const struct new_client client = {
        .id = id_of("client", 0, 0, 0),
        .node = demo->district,
        .name = STR("demo"),
        .scopes = ALL_SCOPES,
    };
    struct str secret;
    char id[UUID_TEXT_LEN + 1];
    enum error code = client_make(demo->db, &client, &secret, demo->arena, err);
    if (code == ERROR_DUPLICATE)
        code = client_renew(demo->db, &client.id, &secret, demo->arena, err);
    if (!code)
        buf_printf(out, "EISO_CLIENT_ID=%s\nEISO_CLIENT_SECRET=%.*s\n", uuid_format(&client.id, id),
                   STR_ARG(secret));
    return code;
}

static enum error add_account(struct demo *demo, const char *name,
                              const struct new_account *account, struct buf *out, struct err *err)
{
    struct str password;
    enum error code = account_make(demo->db, account, &password, demo->arena, err);
    if (code == ERROR_DUPLICATE)
        code = account_renew(demo->db, account->login.ptr, &password, demo->arena, err);
    if (!code)
        buf_printf(out, "EISO_%s_LOGIN=%.*s\nEISO_%s_PASSWORD=%.*s\n", name,
                   STR_ARG(account->login), name, STR_ARG(password));
    return code;
}

static enum error add_logins(struct demo *demo, struct buf *out, struct err *err)
{
    const struct new_account parent = {.login = STR("demo.parent"),
                                       .person = parent_id(0, OLDER_CHILD, 0, 0)};
    const struct new_account teacher = {.login = STR("demo.teacher"),
                                        .person = teacher_id(0, OLDER_CHILD)};
    const struct new_account official = {.login = STR("demo.official"),
                                         .person = id_of("official", 0, 0, 0),
                                         .node = demo->ministry,
                                         .role = ROLE_OFFICIAL};
    char class[UUID_TEXT_LEN + 1], learner[UUID_TEXT_LEN + 1];
    enum error code = add_client(demo, out, err);
    if (!code)
        code = add_account(demo, "PARENT", &parent, out, err);
    if (!code)
        code = add_account(demo, "TEACHER", &teacher, out, err);
    if (!code)
        code = add_account(demo, "OFFICIAL", &official, out, err);
    struct uuid class_of = class_id(0, OLDER_CHILD), child = learner_id(0, OLDER_CHILD, 0);
    buf_printf(out, "EISO_DEMO_CLASS=%s\nEISO_DEMO_LEARNER=%s\n", uuid_format(&class_of, class),
               uuid_format(&child, learner));
    return code;
}

/* ---- Where they are kept, for they are shown again when the demo is repeated ---- */

static void close_at(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static bool read_kept(const char *path, struct buf *out)
{
    CLEANUP(close_at) int fd = open(path, O_RDONLY | O_CLOEXEC);
    char bytes[4096];
    ssize_t got = fd < 0 ? 0 : read(fd, bytes, sizeof bytes);
    if (got > 0)
        buf_add(out, bytes, (size_t)got);
    return got > 0;
}

static enum error keep(const char *path, struct str text, struct arena *arena, struct err *err)
{
    const char *fresh = arena_printf(arena, "%s.new", path);
    CLEANUP(close_at)
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text.ptr, text.len) != (ssize_t)text.len || fsync(fd) != 0 ||
        rename(fresh, path) != 0)
        return err_set(err, ERROR_UNAVAILABLE, "%s: %s", path, strerror(errno));
    return ERROR_NONE;
}

static enum error make_demo(struct demo *demo, struct buf *out, struct err *err)
{
    const char *path = arena_printf(demo->arena, "%s/demo.env", demo->process->common.state);
    enum error code = identity_open(demo->process->common.state, err);
    if (!code)
        code = put_all(demo, err);
    if (code || read_kept(path, out))
        return code;
    code = add_logins(demo, out, err);
    return code ? code : keep(path, buf_str(out), demo->arena, err);
}

static int demo_run(struct process *process, struct db *db, int argc, char **argv)
{
    (void)argv;
    if (argc != 1)
        return 2;
    struct demo demo = {
        .process = process,
        .db = db,
        .arena = &process->arena,
        .ministry = id_of("ministry", 0, 0, 0),
        .region = id_of("region", 0, 0, 0),
        .district = id_of("district", 0, 0, 0),
        .year = calendar_year_of(date_today()),
    };
    demo.year_start = calendar_year_start(demo.year);
    for (int i = 0; i < SCHOOLS; i++)
        demo.schools[i] = id_of("school", i, 0, 0);
    CLEANUP(buf_done) struct buf out = {0};
    struct err err = {0};
    enum error code = make_demo(&demo, &out, &err);
    if (code)
        fprintf(stderr, "%s: %s\n", error_info(code)->name, err.text);
    else
        fwrite(out.ptr, 1, out.len, stdout);
    process_poke(process, "relay");
    return code ? 1 : 0;
}

const struct command demo_command = {"demo", "", demo_run};
