/* Batches against a real PostgreSQL: who may write what, what becomes of it, and what others hear.
 */
#include "registry_test_internal.h"
#include "state.h"

/* The last event of a type, decoded by its record. */
static const void *last_event(enum event_number number)
{
    static const struct statement statement = {
        "last_event", "select payload, key from event_log_events where type = $1"
                      " order by epoch desc, xid desc, seq desc, index desc limit 1"};
    struct params params = {0};
    struct result result = {0};
    struct err err = {0};
    const struct record *record = event_type_get(number)->record;
    void *item = arena_alloc(&it.arena, record->size);
    param_int(&params, number);
    assert_int_equal(db_exec(it.db, &statement, &params, &result, &err), ERROR_NONE);
    assert_int_equal(result_rows(&result), 1);
    struct str payload = str_copy(&it.arena, result_str(&result, 0, 0));
    if (record_decode_value(record, payload, &it.arena, item, &err))
        fail_msg("%s", err.text);
    result_done(&result);
    return item;
}

static struct uuid put_learner(struct uuid class)
{
    struct person person = person_of(uuid_v7());
    struct enrolment enrolment = enrolment_of(person.id, class);
    assert_string_equal(put_as(&it.ministry, &people_entrance, &person, 1), "");
    assert_string_equal(put_as(&it.ministry, &enrolments_entrance, &enrolment, 1), "");
    return person.id;
}

/* ---- State ---- */

static void a_change_is_told_with_its_revision(void **state)
{
    (void)state;
    struct organisation school = organisation_of(it.school, it.district);
    school.shifts = 2;
    assert_string_equal(PUT(organisations_entrance, &school), "");
    const struct organisation *told = last_event(EVENT_ORGANISATION_CHANGED);
    assert_true(uuid_equal(&told->id, &it.school));
    assert_true(uuid_equal(&told->subordinate_to, &it.district));
    assert_int_equal(told->revision, 2);
    assert_int_equal(told->shifts, 2);
    assert_true(str_equal(told->name.kk, STR("мектеп")));
}

static void a_repeat_changes_nothing(void **state)
{
    (void)state;
    struct organisation school = organisation_of(it.school, it.district);
    int64_t events = count("select count(*) from event_log_events");
    assert_string_equal(PUT(organisations_entrance, &school), "");
    assert_int_equal(count("select count(*) from event_log_events"), events);
}

static void an_older_state_is_stale(void **state)
{
    (void)state;
    struct person person = person_of(uuid_v7());
    person.origin.modified_at.us = INT64_C(1790000000000000);
    assert_string_equal(PUT(people_entrance, &person), "");
    person.names.given = STR("Айман");
    person.origin.modified_at.us -= 1;
    assert_string_equal(PUT(people_entrance, &person), "people: /modified_at: stale");
    person.origin.modified_at.us += 2;
    assert_string_equal(PUT(people_entrance, &person), "");
    assert_int_equal(((const struct person *)last_event(EVENT_PERSON_CHANGED))->revision, 2);
}

/* The repeat of a content was newer: what lies between is old. */
static void a_repeat_counts_as_newer(void **state)
{
    (void)state;
    struct person person = person_of(uuid_v7()), other = person;
    person.origin.modified_at.us = INT64_C(1790000000000000);
    assert_string_equal(PUT(people_entrance, &person), "");
    person.origin.modified_at.us += 10;
    assert_string_equal(PUT(people_entrance, &person), "");
    other.names.given = STR("Айман");
    other.origin.modified_at.us = person.origin.modified_at.us - 5;
    assert_string_equal(PUT(people_entrance, &other), "people: /modified_at: stale");
}

static void references_must_be_known(void **state)
{
    (void)state;
    struct organisation orphan = organisation_of(uuid_v7(), uuid_v7());
    struct class class = class_of(uuid_v7(), uuid_v7());
    struct enrolment enrolment = enrolment_of(uuid_v7(), it.class);
    assert_string_equal(PUT(organisations_entrance, &orphan),
                        "organisations: /subordinate_to: organisation_unknown");
    assert_string_equal(PUT(classes_entrance, &class),
                        "classes: /organisation: organisation_unknown");
    assert_string_equal(PUT(enrolments_entrance, &enrolment),
                        "enrolments: /learner: learner_unknown");
    enrolment.class = uuid_v7();
    assert_string_equal(PUT(enrolments_entrance, &enrolment), "enrolments: /class: class_unknown");
}

static void a_dry_run_answers_the_same_and_keeps_nothing(void **state)
{
    (void)state;
    struct entrance dry = people_entrance;
    struct person person = person_of(uuid_v7());
    int64_t events = count("select count(*) from event_log_events");
    dry.statement = people_entrance.dry;
    assert_string_equal(put_as(&it.district, &dry, &person, 1), "");
    person.id = put_learner(it.class_elsewhere);
    person.names.given = STR("Айман");
    assert_string_equal(put_as(&it.district, &dry, &person, 1), "people: : out_of_scope");
    assert_int_equal(count("select count(*) from person"), 1);
    assert_int_equal(count("select count(*) from event_log_events"), events + 2);
}

/* ---- The tree ---- */

static void nobody_stands_above_itself(void **state)
{
    (void)state;
    struct organisation below = organisation_of(uuid_v7(), it.school);
    struct organisation school = organisation_of(it.school, below.id);
    assert_string_equal(PUT(organisations_entrance, &below), "");
    assert_string_equal(PUT(organisations_entrance, &school),
                        "organisations: /subordinate_to: above_itself");
}

static void what_is_moved_takes_along_what_is_below(void **state)
{
    (void)state;
    struct organisation below = organisation_of(uuid_v7(), it.school);
    struct organisation moved = organisation_of(it.school, it.elsewhere);
    assert_string_equal(PUT(organisations_entrance, &below), "");
    assert_string_equal(put_as(&it.ministry, &organisations_entrance, &moved, 1), "");
    assert_int_equal(
        count("select count(*) from organisation o where cardinality(path) = 4 and "
              "path[3] in (select id from organisation where subordinate_to in (select "
              "id from organisation where cardinality(path) = 2))"),
        1);
}

static void one_writes_below_ones_own_node_only(void **state)
{
    (void)state;
    struct organisation foreign = organisation_of(uuid_v7(), it.elsewhere);
    struct organisation own_place = organisation_of(it.district, it.elsewhere);
    struct class class = class_of(uuid_v7(), it.elsewhere);
    assert_string_equal(PUT(organisations_entrance, &foreign),
                        "organisations: /subordinate_to: out_of_scope");
    assert_string_equal(PUT(organisations_entrance, &own_place),
                        "organisations: /subordinate_to: out_of_scope");
    assert_string_equal(PUT(classes_entrance, &class), "classes: /organisation: out_of_scope");
    struct class stolen = class_of(it.class_elsewhere, it.school);
    assert_string_equal(PUT(classes_entrance, &stolen), "classes: /organisation: out_of_scope");
}

/* ---- People ---- */

static void a_person_is_written_by_whom_they_have_to_do_with(void **state)
{
    (void)state;
    struct person here = person_of(put_learner(it.class));
    struct person there = person_of(put_learner(it.class_elsewhere));
    here.names.given = there.names.given = STR("Айман");
    assert_string_equal(PUT(people_entrance, &here), "");
    assert_string_equal(PUT(people_entrance, &there), "people: : out_of_scope");
}

static struct person with_iin(struct identifier *identifier)
{
    *identifier = (struct identifier){
        .type = IDENTIFIER_IIN, .value = STR("150901500010"), .status = IDENTIFIER_DECLARED};
    struct person person = person_of(uuid_v7());
    person.identifiers = (struct list){identifier, 1};
    return person;
}

static void whoever_is_known_by_iin_gets_an_alias(void **state)
{
    (void)state;
    struct identifier identifier;
    struct person batch[] = {with_iin(&identifier), with_iin(&identifier)};
    struct person later = with_iin(&identifier);
    assert_string_equal(put_as(&it.district, &people_entrance, batch, 2), "");
    assert_string_equal(PUT(people_entrance, &later), "");
    assert_int_equal(count("select count(*) from person"), 1);
    assert_int_equal(count("select count(*) from alias"), 2);
    const struct alias *alias = last_event(EVENT_ALIAS_CHANGED);
    assert_true(uuid_equal(&alias->id, &later.id));
    assert_true(uuid_equal(&alias->canonical, &batch[0].id));
    assert_int_equal(alias->entity, ALIAS_PERSON);

    struct enrolment enrolment = enrolment_of(later.id, it.class);
    assert_string_equal(PUT(enrolments_entrance, &enrolment), "");
    const struct enrolment *told = last_event(EVENT_ENROLMENT_CHANGED);
    assert_true(uuid_equal(&told->learner, &batch[0].id));
}

static void an_iin_is_in_no_event_and_not_taken_over(void **state)
{
    (void)state;
    struct identifier identifier;
    struct person owner = with_iin(&identifier), other = person_of(uuid_v7());
    assert_string_equal(PUT(people_entrance, &owner), "");
    assert_string_equal(PUT(people_entrance, &other), "");
    other.identifiers = owner.identifiers;
    assert_string_equal(PUT(people_entrance, &other), "people: /identifiers: conflict");
    assert_int_equal(count("select count(*) from event_log_events where position("
                           "'150901500010'::bytea in payload) > 0"),
                     0);
}

/* ---- Links ---- */

static struct guardian link_of(struct uuid learner, struct uuid parent)
{
    return (struct guardian){.id = uuid_v7(),
                             .learner = learner,
                             .guardian = parent,
                             .relation = GUARDIAN_MOTHER,
                             .legal_basis = BASIS_PARENT,
                             .rights.bits = 1 << RIGHT_MARKS,
                             .from = date_make(2026, 9, 1),
                             .status = GUARDIAN_CONFIRMED};
}

static void give_account(struct uuid person)
{
    const struct account_adding account = {.id = uuid_v7(),
                                           .person = person,
                                           .login = STR("aigul"),
                                           .locale = STR("kk"),
                                           .roles = STR("[]"),
                                           .hash = STR("$argon2id$")};
    assert_int_equal(store_account_add(it.db, &account, &it.err), ERROR_NONE);
}

static void a_changed_link_is_looked_at_again_at_once(void **state)
{
    (void)state;
    struct person parent = person_of(uuid_v7());
    assert_string_equal(PUT(people_entrance, &parent), "");
    struct guardian link = link_of(put_learner(it.class), parent.id);
    assert_string_equal(PUT(guardians_entrance, &link), "");
    assert_int_equal(count("select count(*) from event_log_events where type = 111"), 0);
    give_account(parent.id);
    link.to = date_make(2026, 11, 1);
    assert_string_equal(PUT(guardians_entrance, &link), "");
    const struct revocation *revocation = last_event(EVENT_ACCESS_REVOKED);
    assert_int_equal(revocation->kind, REVOKED_PERSON);
    assert_true(uuid_equal(&revocation->subject, &parent.id));
    assert_true(revocation->at.us > 0);
}

static void a_restricted_link_is_not_lifted_by_a_batch(void **state)
{
    (void)state;
    struct person parent = person_of(uuid_v7());
    assert_string_equal(PUT(people_entrance, &parent), "");
    struct guardian link = link_of(put_learner(it.class), parent.id);
    link.status = GUARDIAN_RESTRICTED;
    assert_string_equal(PUT(guardians_entrance, &link), "");
    link.status = GUARDIAN_CONFIRMED;
    assert_string_equal(PUT(guardians_entrance, &link), "guardians: /status: restricted");
    struct guardian around = link_of(link.learner, link.guardian);
    assert_string_equal(PUT(guardians_entrance, &around), "guardians: /status: restricted");
    assert_string_equal(put_by_officer(&it.district, &guardians_entrance, &link, 1), "");
    assert_int_equal(count("select count(*) from journal where what like 'guardian link % lifted'"),
                     1);
    assert_string_equal(PUT(guardians_entrance, &around), "");
}

static void a_link_is_of_a_learner_in_the_subtree(void **state)
{
    (void)state;
    struct person parent = person_of(uuid_v7());
    assert_string_equal(PUT(people_entrance, &parent), "");
    struct guardian link = link_of(put_learner(it.class_elsewhere), parent.id);
    assert_string_equal(PUT(guardians_entrance, &link), "guardians: /learner: out_of_scope");
    struct guardian reused = link_of(put_learner(it.class), parent.id);
    assert_string_equal(PUT(guardians_entrance, &reused), "");
    reused.learner = put_learner(it.class);
    assert_string_equal(PUT(guardians_entrance, &reused), "guardians: /id: id_reused");
}

/* ---- Whose record it is ---- */

static struct date day_from_now(int days)
{
    struct date date = date_today();
    date.day += days;
    return date;
}

/* Goes to the school since 90 days and to the other one since 5; the first enrolment is open. */
struct moved {
    struct person person;
    struct enrolment former, present;
};

static struct moved put_moved_learner(void)
{
    struct moved moved = {.person = person_of(uuid_v7())};
    moved.former = enrolment_of(moved.person.id, it.class);
    moved.former.from = day_from_now(-90);
    moved.present = enrolment_of(moved.person.id, it.class_elsewhere);
    moved.present.from = day_from_now(-5);
    assert_string_equal(PUT(people_entrance, &moved.person), "");
    assert_string_equal(PUT(enrolments_entrance, &moved.former), "");
    assert_string_equal(PUT_AT(elsewhere, enrolments_entrance, &moved.present), "");
    return moved;
}

static void a_former_school_overwrites_nothing(void **state)
{
    (void)state;
    struct moved moved = put_moved_learner();
    struct person changed = moved.person;
    changed.names.given = STR("Айман");
    assert_string_equal(PUT(people_entrance, &moved.person), ""); /* the same again */
    assert_string_equal(PUT(people_entrance, &changed), "people: : not_authoritative");
    assert_string_equal(PUT_AT(elsewhere, people_entrance, &changed), "");
    assert_string_equal(PUT(people_entrance, &moved.person), "people: : not_authoritative");
    assert_int_equal(count("select count(*) from person where given = 'Айман'"), 1);
    assert_string_equal(put_as(&it.ministry, &people_entrance, &moved.person, 1), "");
}

static void a_former_school_ends_its_enrolment_and_claims_no_other(void **state)
{
    (void)state;
    struct moved moved = put_moved_learner();
    assert_string_equal(PUT(enrolments_entrance, &moved.former), ""); /* the same again */
    struct enrolment again = enrolment_of(moved.person.id, it.class), changed = moved.former;
    again.from = day_from_now(-60);
    changed.mode = ENROLMENT_HOME;
    assert_string_equal(PUT(enrolments_entrance, &again),
                        "enrolments: /learner: not_authoritative");
    assert_string_equal(PUT(enrolments_entrance, &changed),
                        "enrolments: /learner: not_authoritative");
    moved.former.to = day_from_now(-6);
    assert_string_equal(PUT(enrolments_entrance, &moved.former), "");
    moved.former.to = (struct date){0};
    assert_string_equal(PUT(enrolments_entrance, &moved.former),
                        "enrolments: /learner: not_authoritative");
    again.to = day_from_now(-30); /* what was before the move is its own */
    assert_string_equal(PUT(enrolments_entrance, &again), "");
    again.id = uuid_v7();
    again.from = day_from_now(-1); /* comes back */
    again.to = (struct date){0};
    assert_string_equal(PUT(enrolments_entrance, &again), "");
    moved.present.mode = ENROLMENT_HOME;
    assert_string_equal(PUT_AT(elsewhere, enrolments_entrance, &moved.present),
                        "enrolments: /learner: not_authoritative");
}

static void a_former_school_keeps_its_hands_off_the_links(void **state)
{
    (void)state;
    struct moved moved = put_moved_learner();
    struct person parent = person_of(uuid_v7());
    assert_string_equal(PUT(people_entrance, &parent), "");
    struct guardian link = link_of(moved.person.id, parent.id);
    assert_string_equal(PUT(guardians_entrance, &link), "guardians: /learner: not_authoritative");
    assert_string_equal(PUT_AT(elsewhere, guardians_entrance, &link), "");
    assert_string_equal(PUT(guardians_entrance, &link), "");
    link.rights.bits |= 1 << RIGHT_ATTENDANCE;
    assert_string_equal(PUT(guardians_entrance, &link), "guardians: /learner: not_authoritative");
}

static void who_will_come_gets_links_but_changes_none(void **state)
{
    (void)state;
    struct person person = person_of(uuid_v7()), parent = person_of(uuid_v7());
    struct enrolment now = enrolment_of(person.id, it.class);
    struct enrolment coming = enrolment_of(person.id, it.class_elsewhere);
    now.from = day_from_now(-90);
    coming.from = day_from_now(9);
    struct person people[] = {person, parent};
    assert_string_equal(put_as(&it.district, &people_entrance, people, 2), "");
    assert_string_equal(PUT(enrolments_entrance, &now), "");
    assert_string_equal(PUT_AT(elsewhere, enrolments_entrance, &coming), "");
    struct guardian link = link_of(person.id, parent.id), second = link_of(person.id, parent.id);
    assert_string_equal(PUT(guardians_entrance, &link), "");
    assert_string_equal(PUT_AT(elsewhere, guardians_entrance, &second), "");
    link.rights.bits |= 1 << RIGHT_ATTENDANCE;
    assert_string_equal(PUT_AT(elsewhere, guardians_entrance, &link),
                        "guardians: /learner: not_authoritative");
    person.names.given = STR("Айман");
    assert_string_equal(PUT_AT(elsewhere, people_entrance, &person), "people: : not_authoritative");
}

/* The school of record knows the learner by its own id alone. */
static void a_record_is_written_through_an_alias(void **state)
{
    (void)state;
    struct identifier identifier;
    struct moved moved = put_moved_learner();
    struct person first = with_iin(&identifier), alias = first;
    first.id = moved.person.id;
    assert_string_equal(put_as(&it.ministry, &people_entrance, &first, 1), "");
    alias.id = uuid_v7();
    alias.names.given = STR("Айман");
    alias.roles.bits = 1 << PERSON_GUARDIAN;
    alias.identifiers = (struct list){0};
    assert_string_equal(PUT(people_entrance, &alias), ""); /* created: has no IIN */
    sql("delete from person where given = 'Айман'");
    alias.identifiers = first.identifiers;
    assert_string_equal(PUT(people_entrance, &alias), ""); /* matched, by the former school */
    assert_int_equal(count("select count(*) from person where given = 'Айман'"), 0);
    alias.identifiers = (struct list){0};
    assert_string_equal(PUT_AT(elsewhere, people_entrance, &alias), "");
    assert_int_equal(count("select count(*) from person where given = 'Айман' and roles = 10"), 1);
    assert_int_equal(count("select count(*) from identifier"), 1);
    assert_int_equal(count("select count(*) from untold where number = 101"), 1);
    assert_string_equal(put_as(&it.ministry, &people_entrance, &first, 1), "");
    assert_string_equal(PUT_AT(elsewhere, people_entrance, &alias), ""); /* said once */
    assert_int_equal(count("select count(*) from person where given = 'Айман'"), 0);
}

static void an_override_is_journalled_without_the_number(void **state)
{
    (void)state;
    struct identifier identifier;
    struct person person = with_iin(&identifier);
    identifier.value = STR("150901500011");
    assert_string_equal(PUT(people_entrance, &person),
                        "people: /identifiers/0/value: iin_control_digit");
    identifier.override_reason = STR("в документе 1509 0150 0011, проверено");
    assert_string_equal(PUT(people_entrance, &person), "");
    assert_int_equal(count("select count(*) from journal where what like 'identifier of person %"
                           "overridden: в документе ..., проверено'"),
                     1);
    assert_int_equal(count("select count(*) from journal where what like '%1509%'"), 0);
}

/* ---- Merges ---- */

#define MERGE_AT(node, merge) put_by_officer(&it.node, &merges_entrance, merge, 1)

static struct merge merge_of(struct uuid person, struct uuid canonical)
{
    return (struct merge){.id = uuid_v7(),
                          .person = person,
                          .canonical = canonical,
                          .reason = STR("екі рет енгізілген")};
}

static void what_two_people_had_goes_on_under_one(void **state)
{
    (void)state;
    struct uuid one = put_learner(it.class), other = put_learner(it.class_elsewhere);
    struct person parent = person_of(uuid_v7());
    assert_string_equal(PUT(people_entrance, &parent), "");
    struct guardian link = link_of(one, parent.id);
    assert_string_equal(PUT(guardians_entrance, &link), "");
    give_account(one);
    struct merge merge = merge_of(one, other);
    assert_string_equal(MERGE_AT(ministry, &merge), "");
    assert_int_equal(count("select count(distinct learner) from enrolment"), 1);
    assert_int_equal(count("select count(*) from enrolment e join guardian g using (learner)"
                           " join account a on a.person = e.learner"),
                     2);
    const struct alias *alias = last_event(EVENT_ALIAS_CHANGED);
    assert_true(uuid_equal(&alias->id, &one) && uuid_equal(&alias->canonical, &other));
    assert_int_equal(count("select count(*) from journal where what like 'merge %'"), 1);
    int64_t events = count("select count(*) from event_log_events");
    assert_string_equal(MERGE_AT(ministry, &merge), ""); /* again */
    assert_int_equal(count("select count(*) from event_log_events"), events);
    merge.reason = STR("басқа себеп");
    assert_string_equal(MERGE_AT(ministry, &merge), "merges: /id: id_reused");
    struct enrolment later = enrolment_of(one, it.class);
    assert_string_equal(PUT_AT(ministry, enrolments_entrance, &later), "");
    const struct enrolment *told = last_event(EVENT_ENROLMENT_CHANGED);
    assert_true(uuid_equal(&told->learner, &other));
}

static void a_merge_is_told_by_the_job(void **state)
{
    (void)state;
    struct uuid one = put_learner(it.class), other = put_learner(it.class_elsewhere);
    struct merge merge = merge_of(one, other);
    struct err err = {0};
    size_t told_count;
    assert_string_equal(MERGE_AT(ministry, &merge), "");
    assert_int_equal(count("select count(*) from untold"), 3);
    if (registry_tell_some(it.db, &told_count, &err))
        fail_msg("%s", err.text);
    assert_int_equal(told_count, 3);
    assert_int_equal(count("select count(*) from untold"), 0);
    const struct enrolment *told = last_event(EVENT_ENROLMENT_CHANGED);
    assert_true(uuid_equal(&told->learner, &other));
    assert_int_equal(told->revision, 2);
    assert_int_equal(count("select count(*) from event_log_events e, alias a"
                           " where e.type = 101 and e.key = a.id::text and e.payload = ''"),
                     1);
}

static void there_is_no_alias_of_an_alias(void **state)
{
    (void)state;
    struct uuid a = put_learner(it.class), b = put_learner(it.class), c = put_learner(it.class);
    struct merge both[] = {merge_of(a, b), merge_of(b, c)}, back = merge_of(c, a);
    struct merge again = merge_of(a, c), other_way = merge_of(a, b), foreign = merge_of(c, c);
    assert_string_equal(put_by_officer(&it.district, &merges_entrance, both, 2), "");
    assert_int_equal(count("select count(*) from alias where canonical in (select id from person)"),
                     2);
    assert_int_equal(count("select max(revision) from alias"), 2);
    assert_string_equal(MERGE_AT(district, &back), "merges: /canonical: merged_already");
    assert_string_equal(MERGE_AT(district, &again), "");
    assert_string_equal(MERGE_AT(district, &other_way), "");
    assert_string_equal(MERGE_AT(district, &foreign), "merges: /canonical: merged_already");
    struct uuid d = put_learner(it.class);
    struct merge second = merge_of(a, d), unknown = merge_of(uuid_v7(), d);
    assert_string_equal(MERGE_AT(district, &second), "merges: /person: merged_already");
    assert_string_equal(MERGE_AT(district, &unknown), "merges: /person: person_unknown");
}

static void one_merges_what_one_may_write(void **state)
{
    (void)state;
    struct uuid here = put_learner(it.class), there = put_learner(it.class_elsewhere);
    struct moved moved = put_moved_learner();
    struct merge merge = merge_of(here, there), other_way = merge_of(there, here);
    struct merge former = merge_of(moved.person.id, here);
    assert_string_equal(MERGE_AT(district, &merge), "merges: /canonical: out_of_scope");
    assert_string_equal(MERGE_AT(district, &other_way), "merges: /person: out_of_scope");
    assert_string_equal(MERGE_AT(district, &former), "merges: /person: not_authoritative");
    assert_string_equal(MERGE_AT(ministry, &merge), "");
}

static void two_organisations_become_one(void **state)
{
    (void)state;
    struct organisation school = organisation_of(it.school, it.district);
    struct organisation below = organisation_of(uuid_v7(), it.school);
    school.bin = STR("230940000019");
    assert_string_equal(PUT(organisations_entrance, &school), "");
    assert_string_equal(PUT(organisations_entrance, &below), "");
    struct merge merge = {.id = uuid_v7(),
                          .organisation = it.school,
                          .canonical = it.elsewhere,
                          .reason = STR("бір мектеп")};
    struct merge above = {.id = uuid_v7(),
                          .organisation = it.ministry,
                          .canonical = it.elsewhere,
                          .reason = STR("қате")};
    assert_string_equal(MERGE_AT(ministry, &above), "merges: /canonical: above_itself");
    assert_string_equal(MERGE_AT(district, &merge), "merges: /canonical: out_of_scope");
    assert_string_equal(MERGE_AT(ministry, &merge), "");
    assert_int_equal(count("select count(distinct organisation) from class"), 1);
    assert_int_equal(count("select count(*) from organisation where cardinality(path) = 3"), 2);
    assert_int_equal(count("select count(*) from organisation o join alias a using (id)"
                           " where o.subordinate_to = a.canonical and o.valid_to < now()"),
                     1);
    struct organisation known = organisation_of(uuid_v7(), it.district);
    known.bin = school.bin;
    assert_string_equal(MERGE_AT(ministry, &merge), "");
    assert_string_equal(PUT(organisations_entrance, &known), "");  /* matched */
    assert_string_equal(PUT(organisations_entrance, &school), ""); /* matched, too */
    assert_int_equal(count("select count(*) from alias a join organisation o on o.id = canonical"
                           " where o.bin = '230940000019' and o.valid_to is null"),
                     2);
    struct class class = class_of(uuid_v7(), it.school);
    assert_string_equal(PUT_AT(elsewhere, classes_entrance, &class), "");
    const struct class *told = last_event(EVENT_CLASS_CHANGED);
    assert_true(uuid_equal(&told->organisation, &it.elsewhere));
}

/* ---- Order ---- */

/* A transaction that began before another one changed the row may not change it under its older
 * number: the log would tell the two in the wrong order. */
static void an_older_transaction_does_not_overtake_a_younger_one(void **state)
{
    (void)state;
    struct db *older = NULL;
    struct organisation school = organisation_of(it.school, it.district);
    assert_int_equal(db_open(&older, it.conninfo, NULL), ERROR_NONE);
    assert_int_equal(db_begin(older, NULL), ERROR_NONE);
    assert_int_equal(db_run(older, "select pg_current_xact_id()", NULL), ERROR_NONE);
    school.shifts = 2;
    assert_string_equal(PUT(organisations_entrance, &school), "");
    school.shifts = 3;
    assert_int_equal(
        entrance_put(older, &organisations_entrance, &school, 1, &it.district, &it.err),
        ERROR_SERIALIZE);
    db_rollback(older);
    assert_int_equal(
        entrance_put(older, &organisations_entrance, &school, 1, &it.district, &it.err),
        ERROR_NONE);
    db_close(older);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TREE(a_change_is_told_with_its_revision),
        WITH_TREE(a_repeat_changes_nothing),
        WITH_TREE(an_older_state_is_stale),
        WITH_TREE(a_repeat_counts_as_newer),
        WITH_TREE(references_must_be_known),
        WITH_TREE(a_dry_run_answers_the_same_and_keeps_nothing),
        WITH_TREE(nobody_stands_above_itself),
        WITH_TREE(what_is_moved_takes_along_what_is_below),
        WITH_TREE(one_writes_below_ones_own_node_only),
        WITH_TREE(a_person_is_written_by_whom_they_have_to_do_with),
        WITH_TREE(whoever_is_known_by_iin_gets_an_alias),
        WITH_TREE(an_iin_is_in_no_event_and_not_taken_over),
        WITH_TREE(a_changed_link_is_looked_at_again_at_once),
        WITH_TREE(a_restricted_link_is_not_lifted_by_a_batch),
        WITH_TREE(a_link_is_of_a_learner_in_the_subtree),
        WITH_TREE(a_former_school_overwrites_nothing),
        WITH_TREE(a_former_school_ends_its_enrolment_and_claims_no_other),
        WITH_TREE(a_former_school_keeps_its_hands_off_the_links),
        WITH_TREE(who_will_come_gets_links_but_changes_none),
        WITH_TREE(a_record_is_written_through_an_alias),
        WITH_TREE(an_override_is_journalled_without_the_number),
        WITH_TREE(what_two_people_had_goes_on_under_one),
        WITH_TREE(a_merge_is_told_by_the_job),
        WITH_TREE(there_is_no_alias_of_an_alias),
        WITH_TREE(one_merges_what_one_may_write),
        WITH_TREE(two_organisations_become_one),
        WITH_TREE(an_older_transaction_does_not_overtake_a_younger_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
