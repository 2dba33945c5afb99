/* The territory: the state classifier KATO (ГК РК 11-2009) down to districts, as constants made
 * from data/kato.csv (source and licence: data/README.md).
 *
 * It is reference data of a date (kato_as_of): registry keeps the current one, with validity dates,
 * and seeds it from here. Kinds are stored, never inferred from digits: Жаңасемей ауданы is
 * 101010000, a pattern of cities. Everything here is constant and lives as long as the program. */
#ifndef NATIONAL_KATO_H
#define NATIONAL_KATO_H

#include <stddef.h>

#include "base/clock.h"
#include "base/str.h"

enum kato_kind {
    KATO_REPUBLIC = 1,
    KATO_OBLAST,
    KATO_REPUBLICAN_CITY, /* of the rank of an oblast: Астана, Алматы, Шымкент */
    KATO_DISTRICT,
    KATO_CITY, /* of the rank of a district */
    KATO_CITY_DISTRICT,
    KATO_KINDS
};

struct kato_unit {
    struct str code; /* 9 digits; "KZ" for the republic, which has no code of its own */
    const struct kato_unit *parent; /* NULL: the republic */
    enum kato_kind kind;
    struct str kk, ru, en;            /* full names; short in English */
    const struct kato_unit *children; /* in a row, ordered by code */
    size_t child_count;
};

/* The republic, from which all others hang. */
const struct kato_unit *kato_root(void);

/* All units, a parent before its children; in the order of their levels. */
const struct kato_unit *kato_units(size_t *count);

/* NULL where there is no such code. */
const struct kato_unit *kato_find(struct str code);

/* Itself, or the unit above it that hangs from the republic (oblast or republican city); the
 * republic for itself. */
const struct kato_unit *kato_region(const struct kato_unit *unit);

/* "republic", "oblast", "republican_city", "district", "city", "city_district". */
const char *kato_kind_name(enum kato_kind kind);

/* The state of the classifier: known to the month, so the first day of it. */
struct date kato_as_of(void);

#endif
