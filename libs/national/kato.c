#include "base/error.h"
#include "national/kato_internal.h"

const struct kato_unit *kato_root(void)
{
    return &kato_table[0];
}

const struct kato_unit *kato_units(size_t *count)
{
    *count = kato_table_count;
    return kato_table;
}

const struct kato_unit *kato_find(struct str code)
{
    for (size_t i = 0; i < kato_table_count; i++) /* 245 comparisons of 9 bytes: no index needed */
        if (str_equal(kato_table[i].code, code))
            return &kato_table[i];
    return NULL;
}

const struct kato_unit *kato_region(const struct kato_unit *unit)
{
    while (unit->parent && unit->parent->parent)
        unit = unit->parent;
    return unit;
}

const char *kato_kind_name(enum kato_kind kind)
{
    static const char *const names[KATO_KINDS] = {
        [KATO_REPUBLIC] = "republic",
        [KATO_OBLAST] = "oblast",
        [KATO_REPUBLICAN_CITY] = "republican_city",
        [KATO_DISTRICT] = "district",
        [KATO_CITY] = "city",
        [KATO_CITY_DISTRICT] = "city_district",
    };
    ensure(kind > 0 && kind < KATO_KINDS);
    return names[kind];
}

struct date kato_as_of(void)
{
    return date_make(2024, 7, 1);
}
