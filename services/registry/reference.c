#include "reference.h"

#include "base/log.h"
#include "national/kato.h"
#include "store.h"

/* Their names are texts of i18n: subject.<code>. */
static const char *const subjects[] = {
    "algebra",
    "arts",
    "biology",
    "chemistry",
    "digital_literacy",
    "english",
    "geography",
    "geometry",
    "history_kz",
    "informatics",
    "kazakh_language",
    "kazakh_literature",
    "labour",
    "law_basics",
    "literacy_primer",
    "math",
    "music",
    "natural_science",
    "nvp",
    "pe",
    "physics",
    "russian_language",
    "russian_literature",
    "self_knowledge",
    "world_history",
    "world_knowledge",
};

static struct reference of_unit(const struct kato_unit *unit)
{
    return (struct reference){
        .list = STR("territory"),
        .code = unit->code,
        .parent = unit->parent ? unit->parent->code : (struct str){0},
        .kind = str_from(kato_kind_name(unit->kind)),
        .kk = unit->kk,
        .ru = unit->ru,
        .en = unit->en,
        .valid_from = kato_as_of(),
    };
}

static struct reference of_subject(const char *code)
{
    enum message name = i18n_find("subject", str_from(code));
    return (struct reference){
        .list = STR("subject"),
        .code = str_from(code),
        .kk = i18n_text(LANGUAGE_KK, name),
        .ru = i18n_text(LANGUAGE_RU, name),
        .en = i18n_text(LANGUAGE_EN, name),
    };
}

enum error reference_load(struct process *process, struct db *db, struct err *err)
{
    CLEANUP(arena_done) struct arena arena = {0};
    size_t unit_count, count = 0;
    int32_t changed;
    const struct kato_unit *units = kato_units(&unit_count);
    struct reference *all = ARENA_ARRAY(&arena, unit_count + COUNT_OF(subjects), struct reference);
    for (size_t i = 0; i < unit_count; i++)
        all[count++] = of_unit(&units[i]);
    for (size_t i = 0; i < COUNT_OF(subjects); i++)
        all[count++] = of_subject(subjects[i]);
    enum error code = store_put_references(db, all, count, &changed, err);
    if (!code && changed) {
        log_line(LOG_INFO, "reference data loaded", LOG_NUMBER("changed", changed));
        process_poke(process, "relay");
    }
    return code;
}
