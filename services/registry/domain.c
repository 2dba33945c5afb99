#include "domain.h"

#include "national/iin.h"
#include "national/kato.h"

/* ---- What all have ---- */

/* v5 of an IIN could be guessed back. A clock may be ahead by a day, not by a year: a state of the
 * future would make everything that follows stale. */
static void check_origin(const struct origin *origin, struct date today, struct problems *problems)
{
    if (number_kind(origin->sourced_id) == NUMBER_IIN)
        problem_add(problems, "/sourced_id", "sourced_id_is_iin");
    if (date_of(origin->modified_at, ALMATY_OFFSET_MINUTES).day > today.day + 1)
        problem_add(problems, "/modified_at", "date_in_future");
}

static void check_period(struct date from, struct date to, const char *pointer,
                         struct problems *problems)
{
    if (to.day && to.day < from.day)
        problem_add(problems, pointer, "ends_before_start");
}

/* The same content at another time is the same content. */
static void fill_fingerprint(const struct record *record, void *item, struct origin *origin)
{
    CLEANUP(buf_done) struct buf content = {0};
    struct instant modified_at = origin->modified_at;
    origin->modified_at = (struct instant){0};
    record_encode_value(record, item, &content);
    origin->modified_at = modified_at;
    str_fingerprint(buf_str(&content), &origin->fingerprint);
}

/* ---- Organisations ---- */

static void check_kato(struct str code, const char *pointer, struct problems *problems)
{
    if (str_present(code) && !kato_find(code))
        problem_add(problems, pointer, "kato_unknown");
}

static void check_bin(struct str bin, struct problems *problems)
{
    if (!str_present(bin))
        return;
    enum iin_result result = bin_check(bin);
    if (result == IIN_BAD_FORMAT && iin_check(bin) == IIN_VALID)
        return; /* a sole entrepreneur's kindergarten has the owner's IIN */
    if (result == IIN_BAD_FORMAT)
        problem_add(problems, "/bin", "bin_format");
    if (result == IIN_BAD_CONTROL)
        problem_add(problems, "/bin", "bin_control_digit");
}

void organisation_prepare(void *item, struct date today, struct problems *problems,
                          struct arena *arena)
{
    (void)arena;
    struct organisation *organisation = item;
    check_origin(&organisation->origin, today, problems);
    check_bin(organisation->bin, problems);
    check_kato(organisation->kato, "/kato", problems);
    check_kato(organisation->address_kato, "/address_kato", problems);
    check_period(organisation->valid_from, organisation->valid_to, "/valid_to", problems);
    fill_fingerprint(&organisation_item, organisation, &organisation->origin);
}

/* ---- People ---- */

static const struct identifier *identifier_at(const struct person *person, size_t index)
{
    return (const struct identifier *)person->identifiers.items + index;
}

static void check_iin(const struct identifier *identifier, const char *pointer,
                      struct problems *problems)
{
    enum iin_result result = iin_check(identifier->value);
    if (result == IIN_BAD_FORMAT)
        problem_add(problems, pointer, "iin_format");
    /* Documents with a wrong one are said to exist: taken with a reason, which is kept. */
    if (result == IIN_BAD_CONTROL && !str_present(identifier->override_reason))
        problem_add(problems, pointer, "iin_control_digit");
}

static void check_identifiers(const struct person *person, struct problems *problems,
                              struct arena *arena)
{
    bool seen = false;
    for (size_t i = 0; i < person->identifiers.count; i++) {
        const struct identifier *identifier = identifier_at(person, i);
        if (identifier->type != IDENTIFIER_IIN)
            continue;
        const char *pointer = arena_printf(arena, "/identifiers/%zu/value", i);
        check_iin(identifier, pointer, problems);
        if (seen)
            problem_add(problems, pointer, "not_allowed_together");
        seen = true;
    }
}

struct str person_iin(const struct person *person)
{
    for (size_t i = 0; i < person->identifiers.count; i++)
        if (identifier_at(person, i)->type == IDENTIFIER_IIN)
            return identifier_at(person, i)->value;
    return (struct str){0};
}

void person_prepare(void *item, struct date today, struct problems *problems, struct arena *arena)
{
    struct person *person = item;
    check_origin(&person->origin, today, problems);
    check_identifiers(person, problems, arena);
    if (person->birth_date.day > today.day)
        problem_add(problems, "/birth_date", "date_in_future");
    fill_fingerprint(&person_item, person, &person->origin);
}

/* ---- Classes and what hangs on them ---- */

void class_prepare(void *item, struct date today, struct problems *problems, struct arena *arena)
{
    (void)arena;
    struct class *class = item;
    check_origin(&class->origin, today, problems);
    if (class->type == CLASS_HOMEROOM && class->of.count)
        problem_add(problems, "/of", "not_allowed_together");
    if (class->type == CLASS_GROUP && !class->of.count)
        problem_add(problems, "/of", "missing");
    fill_fingerprint(&class_item, class, &class->origin);
}

void enrolment_prepare(void *item, struct date today, struct problems *problems,
                       struct arena *arena)
{
    (void)arena;
    struct enrolment *enrolment = item;
    check_origin(&enrolment->origin, today, problems);
    check_period(enrolment->from, enrolment->to, "/to", problems);
    fill_fingerprint(&enrolment_item, enrolment, &enrolment->origin);
}

void assignment_prepare(void *item, struct date today, struct problems *problems,
                        struct arena *arena)
{
    (void)arena;
    struct assignment *assignment = item;
    check_origin(&assignment->origin, today, problems);
    check_period(assignment->from, assignment->to, "/to", problems);
    fill_fingerprint(&assignment_item, assignment, &assignment->origin);
}

void guardian_prepare(void *item, struct date today, struct problems *problems, struct arena *arena)
{
    (void)arena;
    struct guardian *guardian = item;
    check_origin(&guardian->origin, today, problems);
    check_period(guardian->from, guardian->to, "/to", problems);
    if (uuid_equal(&guardian->guardian, &guardian->learner))
        problem_add(problems, "/guardian", "not_allowed_together");
    fill_fingerprint(&guardian_item, guardian, &guardian->origin);
}

/* ---- Merges ---- */

void merge_prepare(void *item, struct date today, struct problems *problems, struct arena *arena)
{
    (void)today, (void)problems, (void)arena;
    struct merge *merge = item;
    CLEANUP(buf_done) struct buf content = {0};
    record_encode_value(&merge_item, merge, &content);
    str_fingerprint(buf_str(&content), &merge->fingerprint);
}
