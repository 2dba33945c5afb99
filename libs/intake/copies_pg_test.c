/* The copies of the registry: what wins, what goes, the tree whatever came first; and who may see
 * what by them. */
#include "testkit/check.h"

#include <stdlib.h>

#include "contracts/registry.h"
#include "intake/copies.h"
#include "testkit/testkit.h"

struct copies {
    struct arena arena;
    struct db *db;
};

static int begin(void **state)
{
    struct copies *copies = mem_alloc(sizeof *copies);
    struct err err = {0};
    if (db_open(&copies->db, testkit_database(&copies->arena), &err) ||
        db_migrate(copies->db, &intake_migrations, 1, &err))
        fail_msg("%s", err.text);
    *state = copies;
    return 0;
}

static int end(void **state)
{
    struct copies *copies = *state;
    db_close(copies->db);
    arena_done(&copies->arena);
    free(copies);
    return 0;
}

static const char *ask(struct copies *copies, const char *sql)
{
    static int number;
    struct statement *statement = ARENA_NEW(&copies->arena, struct statement);
    *statement = (struct statement){arena_printf(&copies->arena, "ask_%d", number++), sql};
    struct result result = {0};
    struct err err = {0};
    if (db_exec(copies->db, statement, NULL, &result, &err))
        fail_msg("%s: %s", sql, err.text);
    const char *text =
        result_rows(&result) ? str_copy(&copies->arena, result_str(&result, 0, 0)).ptr : NULL;
    result_done(&result);
    return text;
}

static void run(struct copies *copies, const char *sql)
{
    struct err err = {0};
    if (db_run(copies->db, sql, &err))
        fail_msg("%s: %s", sql, err.text);
}

static void apply(struct copies *copies, const struct topic *topic, const struct event *events,
                  size_t count)
{
    struct err err = {0};
    struct event_batch batch = {copies->db, &copies->arena, topic, events, count, NULL, NULL};
    if (intake_copy(&batch, &err))
        fail_msg("%s", err.text);
}

static struct event event_of(const char *key, const void *value, int64_t epoch)
{
    return (struct event){.key = str_from(key), .value = value, .position = {epoch, 1, 1, 0}};
}

/* ---- Each topic ---- */

#define ID "0191a000-0000-7000-8000-000000000001"
#define UUID_1                                                            \
    {                                                                     \
        {                                                                 \
            0x01, 0x91, 0xa0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 1 \
        }                                                                 \
    }
static const struct uuid id = UUID_1;

/* A record of each kind and where its revision is. */
struct kind {
    const struct topic *topic;
    const char *table, *key;
    void *value;
    int64_t *revision;
};

static void expect_copy(struct copies *copies, const struct kind *kind, const char *wanted)
{
    const char *sql = arena_printf(&copies->arena,
                                   "select format('%%s of %%s', count(*), coalesce(max(revision), "
                                   "0)) from %s",
                                   kind->table);
    assert_string_equal(ask(copies, sql), wanted);
}

static void apply_one(struct copies *copies, const struct kind *kind, int64_t epoch,
                      int64_t revision)
{
    *kind->revision = revision;
    struct event event = event_of(kind->key, kind->value, epoch);
    apply(copies, kind->topic, &event, 1);
}

static void check_kind(struct copies *copies, const struct kind *kind)
{
    apply_one(copies, kind, 10, 5);
    expect_copy(copies, kind, "1 of 5");
    apply_one(copies, kind, 10, 4);
    expect_copy(copies, kind, "1 of 5");
    apply_one(copies, kind, 9, 7);
    expect_copy(copies, kind, "1 of 5");
    apply_one(copies, kind, 10, 6);
    expect_copy(copies, kind, "1 of 6");
    apply_one(copies, kind, 11, 1); /* the revision went back with its database */
    expect_copy(copies, kind, "1 of 1");
    *kind->revision = 2;
    struct event both[] = {event_of(kind->key, NULL, 11), event_of(kind->key, kind->value, 11)};
    apply(copies, kind->topic, both, 2);
    expect_copy(copies, kind, "1 of 2");
    struct event other_way[] = {both[1], both[0]};
    apply(copies, kind->topic, other_way, 2);
    expect_copy(copies, kind, "0 of 0");
    apply(copies, kind->topic, both, 1);                            /* erasing what is not there, */
    struct event nothing = event_of("no id of anything", NULL, 11); /* or cannot be */
    apply(copies, kind->topic, &nothing, 1);
    apply_one(copies, kind, 11, 3);
    expect_copy(copies, kind, "1 of 3");
}

static void the_last_revision_wins_and_a_tombstone_erases(void **state)
{
    struct date from = {0};
    assert_true(date_parse(STR("2026-09-01"), &from));
    struct organisation organisation = {id,
                                        {STR("Мектеп"), STR("Школа")},
                                        ORGANISATION_SCHOOL,
                                        .kato = STR("710000000"),
                                        .ownership = OWNERSHIP_STATE,
                                        .shifts = 2,
                                        .valid_from = from};
    struct person person = {id, {STR("Серік"), STR("Әлия"), STR("")}, .birth_date = from};
    struct class class = {id,           id,
                          STR("5 «Ә»"), CLASS_HOMEROOM,
                          .grade = 5,   .language = TEACHING_KK,
                          .shift = 1,   .academic_year = 2026};
    struct enrolment enrolment = {id, id, id, from, .mode = ENROLMENT_CLASS};
    struct assignment assignment = {id, id, id, STR("maths"), ASSIGNMENT_MAIN, from};
    struct guardian guardian = {id,           id,  id,   GUARDIAN_MOTHER,
                                BASIS_PARENT, {6}, from, .status = GUARDIAN_CONFIRMED};
    struct account account = {id, id, true, STR("kk")};
    struct client client = {id, STR("Күнделік"), id, 3, true};
    struct alias alias = {id, id, ALIAS_PERSON};
    struct reference reference = {STR("subject"), STR("maths"), .kk = STR("Математика"),
                                  .ru = STR("Математика")};
    struct public_key key = {STR("k1"), STR("{}")};
    const struct kind kinds[] = {
        {&topic_organisations, "copy_organisation", ID, &organisation, &organisation.revision},
        {&topic_people, "copy_person", ID, &person, &person.revision},
        {&topic_classes, "copy_class", ID, &class, &class.revision},
        {&topic_enrolments, "copy_enrolment", ID, &enrolment, &enrolment.revision},
        {&topic_assignments, "copy_assignment", ID, &assignment, &assignment.revision},
        {&topic_guardians, "copy_link", ID, &guardian, &guardian.revision},
        {&topic_accounts, "copy_account", ID, &account, &account.revision},
        {&topic_clients, "copy_client", ID, &client, &client.revision},
        {&topic_aliases, "copy_alias", ID, &alias, &alias.revision},
        {&topic_reference, "copy_reference", "subject:maths", &reference, &reference.revision},
        {&topic_keys, "copy_key", "k1", &key, &key.revision},
    };
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        check_kind(*state, &kinds[i]);
    assert_string_equal(ask(*state, "select name_kk || kato || shifts from copy_organisation"),
                        "Мектеп7100000002");
    assert_string_equal(ask(*state, "select family || given from copy_person"), "СерікӘлия");
    assert_string_equal(ask(*state, "select rights || ' ' || status from copy_link"), "6 2");
}

/* ---- The tree ---- */

static struct organisation body(int number, int above)
{
    struct organisation organisation = {id,
                                        {STR("x"), STR("x")},
                                        ORGANISATION_SCHOOL,
                                        .kato = STR("71"),
                                        .ownership = OWNERSHIP_STATE,
                                        .valid_from = {1}};
    organisation.id.bytes[15] = (uint8_t)number;
    if (above) {
        organisation.subordinate_to = id;
        organisation.subordinate_to.bytes[15] = (uint8_t)above;
    }
    return organisation;
}

static void put_body(struct copies *copies, int number, int above, int64_t revision)
{
    char text[UUID_TEXT_LEN + 1];
    struct organisation organisation = body(number, above);
    organisation.revision = revision;
    struct event event = event_of(uuid_format(&organisation.id, text), &organisation, 10);
    apply(copies, &topic_organisations, &event, 1);
}

/* The chains as the bodies' numbers. */
static const char *chains(struct copies *copies)
{
    return ask(copies, "select string_agg(c.chain, ' ' order by c.id) from (select o.id,"
                       " string_agg(right(p::text, 1), '' order by n) as chain"
                       " from copy_organisation o, unnest(o.path) with ordinality as u (p, n)"
                       " group by o.id) c");
}

static void the_tree_is_the_same_whatever_came_first(void **state)
{
    struct copies *copies = *state;
    static const int orders[][4] = {{1, 2, 3, 4}, {4, 3, 2, 1}, {3, 1, 4, 2},
                                    {2, 4, 1, 3}, {4, 1, 3, 2}, {3, 4, 1, 2}};
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        run(copies, "truncate copy_organisation");
        for (int n = 0; n < 4; n++)
            put_body(copies, orders[i][n], orders[i][n] - 1, 1);
        assert_string_equal(chains(copies), "1 12 123 1234");
    }
    put_body(copies, 5, 0, 1);
    put_body(copies, 3, 5, 2); /* handed over to another body, with what is below */
    assert_string_equal(chains(copies), "1 12 53 534 5");
    char text[UUID_TEXT_LEN + 1];
    struct organisation gone = body(3, 5);
    struct event event = event_of(uuid_format(&gone.id, text), NULL, 10);
    apply(copies, &topic_organisations, &event, 1);
    assert_string_equal(chains(copies), "1 12 34 5"); /* known by its id alone */
    put_body(copies, 3, 2, 3);
    assert_string_equal(chains(copies), "1 12 123 1234 5");
}

static void a_circle_ends_and_can_be_undone(void **state)
{
    struct copies *copies = *state;
    for (int n = 1; n <= 3; n++)
        put_body(copies, n, n - 1, 1);
    put_body(copies, 1, 3, 2);
    assert_string_equal(ask(copies, "select max(cardinality(path))::text from copy_organisation"),
                        "3");
    put_body(copies, 2, 2, 2); /* its own master */
    put_body(copies, 2, 1, 3);
    put_body(copies, 1, 0, 4);
    assert_string_equal(chains(copies), "1 12 123");
}

/* ---- Who may see what ---- */

/* Ministry 1 over department 2 over schools 3 and 4; class 13 of school 3, class 14 of school 4.
 * Learner 21 went to class 13 until May and goes to class 14 since September; learner 22 went to
 * class 13 until May and nowhere since; learner 23 will come to class 14. Guardians: 31 with the
 * right to marks, 32 without, 33 invited only, 34 until last year; all of 21. */
#define U(n) "'0191a000-0000-7000-8000-0000000000" #n "'::uuid"
static const char school_world[] =
    "insert into copy_organisation (id, name_kk, name_ru, kind, kato, ownership, shifts,"
    "    valid_from, path, epoch, revision)"
    " select p[cardinality(p)], '', '', 8, '71', 1, 1, '2000-01-01', p, 1, 1 from (values"
    " (array[" U(01) "]), (array[" U(01) "," U(02) "]), (array[" U(01) "," U(02) "," U(
        03) "]),"
            " (array[" U(01) "," U(02) "," U(
                04) "])) v (p);"
                    "insert into copy_class (id, organisation, name, type, grade, language, shift, "
                    "academic_year,"
                    "    epoch, revision)"
                    " values (" U(13) "," U(
                        03) ", '', 1, 5, 1, 1, 2025, 1, 1),"
                            " (" U(14) "," U(
                                04) ", '', 1, 6, 1, 1, 2026, 1, 1);"
                                    "insert into copy_enrolment (id, learner, class, valid_from, "
                                    "valid_to, mode, epoch, revision)"
                                    " values (" U(41) "," U(21) "," U(
                                        13) ", '2025-09-01', '2026-05-31', 1, 1, 1),"
                                            " (" U(42) "," U(21) "," U(
                                                14) ", '2026-09-01', null, 1, 1, 1),"
                                                    " (" U(43) "," U(22) "," U(
                                                        13) ", '2025-09-01', '2026-05-31', 1, 1, "
                                                            "1),"
                                                            " (" U(44) "," U(23) "," U(
                                                                14) ", '2027-01-10', null, 1, 1, "
                                                                    "1);"
                                                                    "insert into copy_link (id, "
                                                                    "learner, guardian, rights, "
                                                                    "valid_from, valid_to, status, "
                                                                    "epoch,"
                                                                    "    revision)"
                                                                    " values (" U(51) "," U(21) "," U(
                                                                        31) ", 2, '2020-01-01', "
                                                                            "null, 2, 1, 1),"
                                                                            " (" U(52) "," U(21) "," U(
                                                                                32) ", 4, "
                                                                                    "'2020-01-01', "
                                                                                    "null, 2, 1, "
                                                                                    "1),"
                                                                                    " (" U(53) "," U(21) "," U(
                                                                                        33) ", 6, "
                                                                                            "'2020-"
                                                                                            "01-01'"
                                                                                            ", "
                                                                                            "null, "
                                                                                            "1, 1, "
                                                                                            "1),"
                                                                                            " (" U(54) "," U(
                                                                                                21) "," U(34) ", 6, '2020-01-01', '2025-12-31', 2, 1, 1)";

static void who_may_see_a_learner(void **state)
{
    struct copies *copies = *state;
    static const struct {
        const char *learner, *today, *person, *nodes, *classes;
        const char *wanted;
    } cases[] = {
        {U(21), "2026-11-02", U(21), "{}", "{}", "2"}, /* itself */
        {U(21), "2026-11-02", U(31), "{}", "{}", "2"}, /* guardians */
        {U(21), "2026-11-02", U(32), "{}", "{}", "1"},
        {U(21), "2026-11-02", U(33), "{}", "{}", "0"},
        {U(21), "2026-11-02", U(34), "{}", "{}", "0"},
        {U(21), "2025-12-31", U(34), "{}", "{}", "2"},
        {U(22), "2026-11-02", U(31), "{}", "{}", "0"},
        {U(21), "2026-11-02", "null", "1", "{}", "3"}, /* the ministry, the department, */
        {U(21), "2026-11-02", "null", "2", "{}", "3"},
        {U(21), "2026-11-02", "null", "4", "{}", "3"}, /* the school of today, */
        {U(21), "2026-11-02", "null", "3", "{}", "0"}, /* not the former one */
        {U(21), "2026-03-02", "null", "3", "{}", "3"},
        {U(21), "2026-07-01", "null", "3", "{}", "3"}, /* between two years: the last one */
        {U(21), "2026-07-01", "null", "4", "{}", "0"},
        {U(22), "2026-11-02", "null", "3", "{}", "3"}, /* left, and went nowhere */
        {U(23), "2026-11-02", "null", "4", "{}", "0"}, /* will come */
        {U(23), "2027-01-10", "null", "4", "{}", "3"},
        {U(21), "2026-11-02", "null", "{}", "14", "3"}, /* teachers */
        {U(21), "2026-11-02", "null", "{}", "13", "0"},
        {U(24), "2026-11-02", "null", "1", "{}", "0"}, /* nobody's learner */
        {U(21), "2026-11-02", "null", "{}", "{}", "0"},
    };
    run(copies, school_world);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *sets[] = {cases[i].nodes, cases[i].classes};
        for (size_t s = 0; s < COUNT_OF(sets); s++)
            if (sets[s][0] != '{')
                sets[s] = arena_printf(&copies->arena, "{0191a000-0000-7000-8000-0000000000%s%s}",
                                       strlen(sets[s]) == 1 ? "0" : "", sets[s]);
        const char *sql =
            arena_printf(&copies->arena,
                         "select may_see_learner(%s, 1, '%s', 2::smallint, %s, '%s', '%s')::text",
                         cases[i].learner, cases[i].today, cases[i].person, sets[0], sets[1]);
        if (strcmp(ask(copies, sql), cases[i].wanted) != 0)
            fail_msg("%s is not %s", sql, cases[i].wanted);
    }
}

static void who_may_see_a_class_and_children(void **state)
{
    struct copies *copies = *state;
    run(copies, school_world);
    assert_string_equal(
        ask(copies, "select string_agg(may_see_class(c, 2::smallint, null, n, t)::text, ' ' order"
                    " by i) from (values"
                    " (1, " U(13) ", array[" U(
                        03) "], '{}'::uuid[]),"
                            " (2, " U(13) ", array[" U(
                                01) "], '{}'),"
                                    " (3, " U(13) ", array[" U(
                                        04) "], '{}'),"
                                            " (4, " U(13) ", '{}', array[" U(
                                                13) "]),"
                                                    " (5, " U(13) ", '{}', array[" U(
                                                        14) "]),"
                                                            " (6, " U(15) ", array[" U(
                                                                01) "], '{}')) v (i, c, n, t)"),
        "3 3 0 3 0 0");
    run(copies, "insert into copy_link (id, learner, guardian, rights, valid_from, status, epoch,"
                " revision) values (" U(55) "," U(21) "," U(31) ", 4, '2020-01-01', 2, 1, 1)");
    assert_string_equal(ask(copies, "select string_agg(rights::text, ' ') from children_of(" U(
                                        31) ", '2026-11-02')"),
                        "6");
    run(copies, "insert into copy_alias values (" U(61) "," U(21) ", 1, 1, 1)");
    assert_string_equal(ask(copies, "select (canonical_of(" U(61) ") = " U(
                                        21) " and canonical_of(" U(21) ") = " U(21) ")::text"),
                        "true");
}

/* The topic of revocations is ahead: registry has another state than the copy. */
static void withhold(struct copies *copies, int revision, int other)
{
    run(copies, arena_printf(&copies->arena,
                             "select copy_withhold(array[1, 1, 2]::smallint[],"
                             " array[l.id, l.id, l.id], array[1, 1, 9]::bigint[],"
                             " array[%d, %d, 9]::bigint[]) from copy_link l"
                             " where l.guardian = " U(31) " and l.learner = " U(21),
                             revision, other));
}

static void what_registry_has_changed_counts_no_more(void **state)
{
    struct copies *copies = *state;
    static const char may[] = "select may_see_learner(" U(21) ", 1, '2026-11-02', 2::smallint, " U(
        31) ", '{}', '{}')::text";
    run(copies, school_world);
    run(copies, "update copy_link set revision = 5 where guardian = " U(31));
    assert_string_equal(ask(copies, may), "2");
    withhold(copies, 4, 5); /* what the copy has is as new */
    assert_string_equal(ask(copies, may), "2");
    withhold(copies, 7, 6);
    assert_string_equal(ask(copies, may), "0");
    assert_string_equal(ask(copies, "select count(*)::text from children_of(" U(
                                        31) ", '2026-11-02') where learner = " U(21)),
                        "0");
    run(copies, "update copy_link set revision = 6 where guardian = " U(31));
    assert_string_equal(ask(copies, may), "0"); /* nor does one in between */
    run(copies, "update copy_link set revision = 7 where guardian = " U(31));
    assert_string_equal(ask(copies, may), "2");
}

/* ---- One child under two ids ---- */

static struct uuid numbered(int number)
{
    struct uuid made = id;
    made.bytes[15] = (uint8_t)number;
    return made;
}

enum { FORMER = 0x61, CHILD = 0x62, FORMER_PARENT = 0x63, PARENT = 0x64, IN_CLASS = 0x14 };

/* What registry says of a child that was enrolled and linked under one id, until it was merged into
 * another one: the two records of each, in any order. */
enum piece { ENROLLED, ENROLLED_AGAIN, LINKED, LINKED_AGAIN, MERGED, PIECES };

static void apply_piece(struct copies *copies, enum piece piece)
{
    int64_t revision = piece == ENROLLED || piece == LINKED || piece == MERGED ? 1 : 2;
    struct uuid learner = numbered(revision == 1 ? FORMER : CHILD);
    struct enrolment enrolment = {
        id, learner, numbered(IN_CLASS), {20000}, .mode = ENROLMENT_CLASS, .revision = revision};
    struct guardian link = {id,
                            learner,
                            numbered(revision == 1 ? FORMER_PARENT : PARENT),
                            GUARDIAN_MOTHER,
                            BASIS_PARENT,
                            {2},
                            {20000},
                            .status = GUARDIAN_CONFIRMED,
                            .revision = revision};
    struct alias alias = {numbered(FORMER), numbered(CHILD), ALIAS_PERSON, .revision = 1};
    char former[UUID_TEXT_LEN + 1];
    struct event event = event_of(ID, &enrolment, 10);
    const struct topic *topic = &topic_enrolments;
    if (piece == LINKED || piece == LINKED_AGAIN) {
        event.value = &link;
        topic = &topic_guardians;
    } else if (piece == MERGED) {
        event = event_of(uuid_format(&alias.id, former), &alias, 10);
        topic = &topic_aliases;
    }
    apply(copies, topic, &event, 1);
}

/* Of both ids of the child: its school, then its parent under both ids. */
static const char *who_sees(struct copies *copies)
{
    return ask(copies, "select string_agg(may_see_learner(l, 1, '2026-11-02', k::smallint, p, n, "
                       "'{}')::text, '' order by i)"
                       "  from (values (1, " U(61) ", 1::smallint, null::uuid, array[" U(
                           04) "]),"
                               " (2, " U(62) ", 1, null, array[" U(
                                   04) "]),"
                                       " (3, " U(61) ", 2, " U(63) ", '{}'), (4, " U(62) ", 2, " U(
                                           63) ", '{}'),"
                                               " (5, " U(61) ", 2, " U(64) ", '{}'), (6, " U(
                                                   62) ", 2, " U(64) ", '{}')) v (i, l, k, p, n)");
}

static const char *whose_child(struct copies *copies)
{
    return ask(copies, "select string_agg(coalesce(right(c.learner::text, 2), '-'), ' ' order by i)"
                       "  from (values (1, " U(63) "), (2, " U(
                           64) ")) v (i, p)"
                               "  left join lateral children_of(p, '2026-11-02') c on true");
}

/* From the merge on everything is found under both ids, whatever else has arrived. */
static void check_pieces(struct copies *copies, unsigned there)
{
    bool enrolled = there & (1u << ENROLLED | 1u << ENROLLED_AGAIN);
    bool linked = there & (1u << LINKED | 1u << LINKED_AGAIN);
    if (!(there & 1u << MERGED))
        return;
    assert_string_equal(who_sees(copies), enrolled && linked ? "332222"
                                          : enrolled         ? "330000"
                                          : linked           ? "002222"
                                                             : "000000");
    assert_string_equal(whose_child(copies), linked ? "62 62" : "- -");
}

static void arrive(struct copies *copies, unsigned there)
{
    for (int piece = 0; piece < PIECES; piece++) {
        if (there & 1u << piece)
            continue;
        run(copies, "savepoint before");
        apply_piece(copies, piece);
        check_pieces(copies, there | 1u << piece);
        arrive(copies, there | 1u << piece);
        run(copies, "rollback to before; release before");
    }
}

static void a_merged_child_is_one_in_all_orders(void **state)
{
    struct copies *copies = *state;
    run(copies, school_world);
    run(copies, "insert into copy_alias values (" U(63) "," U(64) ", 1, 1, 1)");
    run(copies, "begin");
    arrive(copies, 0);
    run(copies, "rollback");
}

static void a_restricted_link_bars_the_others(void **state)
{
    struct copies *copies = *state;
    run(copies, school_world);
    run(copies, "insert into copy_alias values (" U(35) "," U(31) ", 1, 1, 1)");
    run(copies, "insert into copy_link values (" U(56) "," U(21) "," U(
                    35) ", 0, '2020-01-01', null, 3, 1, 1)");
    assert_string_equal(
        ask(copies, "select count(*)::text from children_of(" U(31) ", '2026-11-02')"), "0");
    assert_string_equal(
        ask(copies, "select may_see_learner(" U(21) ", 1, '2026-11-02', 2::smallint, " U(
                        31) ", '{}', '{}')::text"),
        "0");
    run(copies, "update copy_link set valid_to = '2026-11-01' where status = 3");
    assert_string_equal(
        ask(copies, "select count(*)::text from children_of(" U(35) ", '2026-11-02')"), "1");
}

#define WITH_COPIES(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_COPIES(the_last_revision_wins_and_a_tombstone_erases),
        WITH_COPIES(the_tree_is_the_same_whatever_came_first),
        WITH_COPIES(a_circle_ends_and_can_be_undone),
        WITH_COPIES(who_may_see_a_learner),
        WITH_COPIES(who_may_see_a_class_and_children),
        WITH_COPIES(what_registry_has_changed_counts_no_more),
        WITH_COPIES(a_merged_child_is_one_in_all_orders),
        WITH_COPIES(a_restricted_link_bars_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
