#include "testkit/check.h"

#include "base/cleanup.h"
#include "i18n/i18n.h"
#include "national/names.h"

#define NBSP "\xC2\xA0"

static const char *text_of(struct buf *buf)
{
    buf_add_char(buf, '\0');
    return buf->ptr;
}

static void assert_formatted(const char *expected, struct buf *buf)
{
    assert_string_equal(text_of(buf), expected);
    buf_reset(buf);
}

/* ---- Which language ---- */

static void the_reader_chooses_the_language(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        enum language language;
    } vectors[] = {
        {NULL, LANGUAGE_KK},
        {"", LANGUAGE_KK},
        {"ru", LANGUAGE_RU},
        {"ru-KZ,ru;q=0.9,en;q=0.8", LANGUAGE_RU},
        {"en-US, kk;q=0.5", LANGUAGE_EN},
        {"de, fr;q=0.9", LANGUAGE_KK},
        {"de, en;q=0.3, ru;q=0.4", LANGUAGE_RU},
        {"en;q=0.8,ru;q=0.8", LANGUAGE_EN}, /* the first of equals */
        {"ru;q=0.8,en;q=0.8", LANGUAGE_RU},
        {"ru ; q=0.8 , EN ; Q=0.9", LANGUAGE_EN},
        {"*", LANGUAGE_KK},
        {"kk;q=0, *;q=0.5", LANGUAGE_RU},
        {"ru;q=0, en;q=0.1", LANGUAGE_EN},
        {"ru;q=0", LANGUAGE_KK},
        {"kk;q=0", LANGUAGE_KK}, /* nothing fits */
        {"en, *;q=0.1", LANGUAGE_EN},
        {"*;q=0.5, ru;q=0.4", LANGUAGE_KK},
        {"*, ru", LANGUAGE_RU},            /* a named one before those that only the star means */
        {"ru;q=2, en;q=0.5", LANGUAGE_EN}, /* broken ranges do not count */
        {"ru;q=0.1234, en;q=0.1", LANGUAGE_EN},
        {"ru;q=, en;q=0.1", LANGUAGE_EN},
        {"ru;level=1, en;q=0.1", LANGUAGE_EN},
        {"ru;q=1.001, en;q=0.1", LANGUAGE_EN},
        {"ru;q=1.000, en;q=0.999", LANGUAGE_RU},
        {"ru;q=0.5;x, en;q=0.1", LANGUAGE_EN},
        {"rus, en", LANGUAGE_EN},
        {",,;,-,;q=1,", LANGUAGE_KK},
    };
    for (size_t i = 0; i < COUNT_OF(vectors); i++)
        assert_int_equal(i18n_language(str_from(vectors[i].header)), vectors[i].language);
}

static void languages_have_codes(void **state)
{
    (void)state;
    for (enum language l = LANGUAGE_KK; l < LANGUAGES; l++)
        assert_int_equal(i18n_language_find(str_from(i18n_language_code(l))), l);
    assert_int_equal(i18n_language_find(STR("de")), LANGUAGE_KK);
    assert_int_equal(i18n_language_find((struct str){0}), LANGUAGE_KK);
}

/* ---- Plurals, numbers, dates ---- */

static void plurals_are_those_of_cldr(void **state)
{
    (void)state;
    static const struct {
        int64_t number;
        enum plural ru, others;
    } vectors[] = {
        {0, PLURAL_MANY, PLURAL_OTHER},   {1, PLURAL_ONE, PLURAL_ONE},
        {2, PLURAL_FEW, PLURAL_OTHER},    {4, PLURAL_FEW, PLURAL_OTHER},
        {5, PLURAL_MANY, PLURAL_OTHER},   {11, PLURAL_MANY, PLURAL_OTHER},
        {12, PLURAL_MANY, PLURAL_OTHER},  {14, PLURAL_MANY, PLURAL_OTHER},
        {20, PLURAL_MANY, PLURAL_OTHER},  {21, PLURAL_ONE, PLURAL_OTHER},
        {22, PLURAL_FEW, PLURAL_OTHER},   {25, PLURAL_MANY, PLURAL_OTHER},
        {101, PLURAL_ONE, PLURAL_OTHER},  {111, PLURAL_MANY, PLURAL_OTHER},
        {112, PLURAL_MANY, PLURAL_OTHER}, {1022, PLURAL_FEW, PLURAL_OTHER},
        {-1, PLURAL_ONE, PLURAL_ONE},     {INT64_MIN, PLURAL_MANY, PLURAL_OTHER},
    };
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        assert_int_equal(i18n_plural(LANGUAGE_RU, vectors[i].number), vectors[i].ru);
        assert_int_equal(i18n_plural(LANGUAGE_KK, vectors[i].number), vectors[i].others);
        assert_int_equal(i18n_plural(LANGUAGE_EN, vectors[i].number), vectors[i].others);
    }
}

static void numbers_are_grouped(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf buf = {0};
    i18n_number(&buf, LANGUAGE_KK, 1234567);
    assert_formatted("1" NBSP "234" NBSP "567", &buf);
    i18n_decimal(&buf, LANGUAGE_RU, 123456789, 2);
    assert_formatted("1" NBSP "234" NBSP "567,89", &buf);
    i18n_decimal(&buf, LANGUAGE_EN, -123456789, 2);
    assert_formatted("-1,234,567.89", &buf);
    i18n_decimal(&buf, LANGUAGE_KK, 5, 2);
    assert_formatted("0,05", &buf);
    i18n_number(&buf, LANGUAGE_RU, 0);
    assert_formatted("0", &buf);
    i18n_number(&buf, LANGUAGE_RU, 999);
    assert_formatted("999", &buf);
    i18n_number(&buf, LANGUAGE_EN, INT64_MIN);
    assert_formatted("-9,223,372,036,854,775,808", &buf);
    i18n_decimal(&buf, LANGUAGE_EN, INT64_MIN, 18);
    assert_formatted("-9.223372036854775808", &buf);
}

static void dates_are_written_out(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf buf = {0};
    i18n_date(&buf, LANGUAGE_KK, date_make(2026, 11, 3));
    assert_formatted("2026 ж. 3 қараша", &buf);
    i18n_date(&buf, LANGUAGE_RU, date_make(2026, 11, 3));
    assert_formatted("3 ноября 2026 г.", &buf);
    i18n_date(&buf, LANGUAGE_EN, date_make(2026, 1, 31));
    assert_formatted("31 January 2026", &buf);
}

/* ---- Texts ---- */

static void parents_read_sentences(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf buf = {0};
    static const char *const expected[LANGUAGES] = {
        ("Айгерім 2026 ж. 3 қараша күні «Математика» пәнінен қалыптастырушы "
         "бағалауда 10 балдан 8 балл алды."),
        ("Айгерім, 3 ноября 2026 г.: формативное оценивание по предмету «Математика» "
         "— 8 баллов из 10."),
        "Айгерім got 8 of 10 points in Mathematics, formative assessment, on 3 November 2026.",
    };
    for (enum language l = LANGUAGE_KK; l < LANGUAGES; l++) {
        i18n_format(&buf, l, MESSAGE_FEED_MARK_FORMATIVE, I18N_TEXT("child", "Айгерім"),
                    I18N_STR("subject", i18n_text(l, i18n_find("subject", STR("math")))),
                    I18N_NUMBER("points", 8), I18N_NUMBER("max", 10),
                    I18N_DATE("date", date_make(2026, 11, 3)));
        assert_formatted(expected[l], &buf);
    }
}

static void russian_counts_minutes_and_points(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf buf = {0};
    static const struct {
        int64_t minutes;
        const char *expected;
    } vectors[] = {{1, "на 1 минуту"},  {2, "на 2 минуты"},   {5, "на 5 минут"},
                   {11, "на 11 минут"}, {21, "на 21 минуту"}, {24, "на 24 минуты"}};
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        i18n_format(&buf, LANGUAGE_RU, MESSAGE_ABSENCE_LATE_MINUTES, I18N_TEXT("child", "Ілияс"),
                    I18N_DATE("date", date_make(2026, 11, 23)),
                    I18N_NUMBER("minutes", vectors[i].minutes), I18N_TEXT("lesson", "1-й урок"));
        assert_non_null(strstr(text_of(&buf), vectors[i].expected));
        buf_reset(&buf);
    }
    i18n_format(&buf, LANGUAGE_RU, MESSAGE_RESULT_POINTS, I18N_NUMBER("max", 20),
                I18N_NUMBER("points", 1));
    assert_formatted("1 балл из 20", &buf);
    i18n_format(&buf, LANGUAGE_KK, MESSAGE_RESULT_POINTS, I18N_NUMBER("max", 20),
                I18N_NUMBER("points", 1));
    assert_formatted("20 балдан 1 балл", &buf);
}

static void keys_are_found_by_group_and_code(void **state)
{
    (void)state;
    assert_int_equal(i18n_find("problem", STR("above_maximum")), MESSAGE_PROBLEM_ABOVE_MAXIMUM);
    assert_int_equal(i18n_find("feed", STR("mark.formative")), MESSAGE_FEED_MARK_FORMATIVE);
    assert_int_equal(i18n_find("absence", STR("late")), MESSAGE_ABSENCE_LATE);
    assert_int_equal(i18n_find("absence", STR("lat")), MESSAGE_NONE);
    assert_int_equal(i18n_find("problem", (struct str){0}), MESSAGE_NONE);
    char long_code[200];
    memset(long_code, 'x', sizeof long_code);
    assert_int_equal(i18n_find("problem", (struct str){long_code, sizeof long_code}), MESSAGE_NONE);
    assert_int_equal(i18n_text(LANGUAGE_KK, MESSAGE_NONE).len, 0);
}

/* Codes that travel through SQL and so are found by name only. */
static const char *const known_codes[] = {"problem.missing",
                                          "problem.unknown_field",
                                          "problem.wrong_type",
                                          "problem.not_a_uuid",
                                          "problem.invalid_utf8",
                                          "problem.too_long",
                                          "problem.too_short",
                                          "problem.empty",
                                          "problem.below_minimum",
                                          "problem.above_maximum",
                                          "problem.bad_date",
                                          "problem.bad_instant",
                                          "problem.unknown_value",
                                          "problem.not_allowed_together",
                                          "problem.date_in_future",
                                          "problem.date_too_old",
                                          "problem.date_month",
                                          "problem.learner_unknown",
                                          "problem.class_unknown",
                                          "problem.organisation_unknown",
                                          "problem.teacher_unknown",
                                          "problem.person_unknown",
                                          "problem.subject_unknown",
                                          "problem.not_enrolled",
                                          "problem.out_of_scope",
                                          "problem.id_reused",
                                          "problem.register_exists",
                                          "problem.register_overlaps",
                                          "problem.not_on_roster",
                                          "problem.stale",
                                          "problem.iin_control_digit",
                                          "problem.iin_format",
                                          "problem.bin_control_digit",
                                          "problem.bin_format",
                                          "problem.kato_unknown",
                                          "problem.sourced_id_is_iin",
                                          "problem.duplicate_in_batch",
                                          "problem.too_many_items",
                                          "problem.batch_expected",
                                          "problem.bad_json",
                                          "problem.bad_msgpack",
                                          "problem.body_too_large",
                                          "problem.unsupported_media_type",
                                          "problem.unauthorized",
                                          "problem.token_expired",
                                          "problem.forbidden",
                                          "problem.not_found",
                                          "problem.no_such_path",
                                          "problem.method_not_allowed",
                                          "problem.not_acceptable",
                                          "problem.too_many_requests",
                                          "problem.unavailable",
                                          "problem.outcome_unknown",
                                          "problem.cross_site",
                                          "problem.login_failed",
                                          "problem.invalid_client",
                                          "problem.invalid_scope",
                                          "problem.unsupported_grant_type",
                                          "problem.bad_request",
                                          "problem.invalid",
                                          "problem.internal",
                                          "problem.conflict",
                                          "problem.expected_value",
                                          "problem.points_or_value",
                                          "problem.not_authoritative",
                                          "problem.original_unknown",
                                          "problem.differs_from_original",
                                          "problem.names_itself",
                                          "problem.too_many_corrections",
                                          "problem.already_corrected",
                                          "problem.already_withdrawn",
                                          "problem.roster_count_differs",
                                          "problem.restricted",
                                          "problem.nesting_too_deep",
                                          "problem.header_too_large",
                                          "problem.bad_cursor",
                                          "problem.bad_parameter",
                                          "problem.timeout",
                                          "problem.corrupt",
                                          "problem.fenced",
                                          "subject.math",
                                          "subject.algebra",
                                          "subject.geometry",
                                          "subject.kazakh_language",
                                          "subject.kazakh_literature",
                                          "subject.russian_language",
                                          "subject.russian_literature",
                                          "subject.english",
                                          "subject.history_kz",
                                          "subject.world_history",
                                          "subject.geography",
                                          "subject.biology",
                                          "subject.physics",
                                          "subject.chemistry",
                                          "subject.informatics",
                                          "subject.natural_science",
                                          "subject.arts",
                                          "subject.labour",
                                          "subject.pe",
                                          "subject.music",
                                          "subject.self_knowledge",
                                          "subject.digital_literacy",
                                          "subject.world_knowledge",
                                          "subject.literacy_primer",
                                          "subject.law_basics",
                                          "subject.nvp",
                                          "absence.absent_unexcused",
                                          "absence_code.absent_unexcused",
                                          "absence.absent_ill",
                                          "absence_code.absent_ill",
                                          "absence.absent_excused",
                                          "absence_code.absent_excused",
                                          "absence.late",
                                          "absence_code.late",
                                          "absence.remote",
                                          "absence_code.remote",
                                          "absence.exempt",
                                          "absence_code.exempt",
                                          "absence_code.present",
                                          "work.formative",
                                          "work.summative_unit",
                                          "work.summative_term",
                                          "result.pass",
                                          "result.fail",
                                          "result.exempt",
                                          "result.not_attested",
                                          "feed.mark.pass",
                                          "feed.mark.fail",
                                          "feed.mark.exempt",
                                          "feed.mark.not_attested",
                                          "feed.mark.formative",
                                          "feed.mark.summative_unit",
                                          "feed.mark.summative_term",
                                          "feed.mark.corrected",
                                          "feed.mark.withdrawn",
                                          "feed.mark.retracted",
                                          "reason.error",
                                          "reason.recheck",
                                          "reason.appeal",
                                          "reason.late_work",
                                          "reason.certificate",
                                          "reason.parent_note",
                                          "reason.order",
                                          "session.day",
                                          "session.am",
                                          "session.pm"};

static void every_code_has_a_title_in_every_language(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(known_codes); i++) {
        const char *dot = strchr(known_codes[i], '.');
        char group[32] = "";
        memcpy(group, known_codes[i], (size_t)(dot - known_codes[i]));
        enum message message = i18n_find(group, str_from(dot + 1));
        if (message == MESSAGE_NONE)
            fail_msg("%s has no text", known_codes[i]);
        struct str kk = i18n_text(LANGUAGE_KK, message), ru = i18n_text(LANGUAGE_RU, message);
        assert_true(strcmp(group, "problem") != 0 || !str_equal(kk, ru));
    }
}

static bool has_one_of(struct str text, const char *const *letters, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (memmem(text.ptr, text.len, letters[i], strlen(letters[i])))
            return true;
    return false;
}

static void texts_are_written_in_their_own_letters(void **state)
{
    (void)state;
    static const char *const kazakh[] = {"ә", "ғ", "қ", "ң", "ө", "ұ", "ү", "һ", "і",
                                         "Ә", "Ғ", "Қ", "Ң", "Ө", "Ұ", "Ү", "Һ", "І"};
    for (enum message m = MESSAGE_NONE + 1; m < MESSAGE_COUNT; m++) {
        struct str ru = i18n_text(LANGUAGE_RU, m);
        assert_false(has_one_of(ru, kazakh, COUNT_OF(kazakh)));
        for (enum language l = LANGUAGE_KK; l < LANGUAGES; l++) {
            struct str text = i18n_text(l, m);
            assert_true(text.len > 0 && str_is_utf8(text));
        }
    }
}

/* Latin letters that look Cyrillic slip in easily; {placeholders} and terms such as `id` may stand
 * beside Cyrillic only with a hyphen or blank between, which parts words. */
static void no_word_mixes_scripts(void **state)
{
    (void)state;
    for (enum message m = MESSAGE_NONE + 1; m < MESSAGE_COUNT; m++)
        for (enum language l = LANGUAGE_KK; l < LANGUAGES; l++)
            if (names_mixed_script(i18n_text(l, m)))
                fail_msg("mixed scripts: %s", i18n_text(l, m).ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_reader_chooses_the_language),
        TEST(languages_have_codes),
        TEST(plurals_are_those_of_cldr),
        TEST(numbers_are_grouped),
        TEST(dates_are_written_out),
        TEST(parents_read_sentences),
        TEST(russian_counts_minutes_and_points),
        TEST(keys_are_found_by_group_and_code),
        TEST(every_code_has_a_title_in_every_language),
        TEST(texts_are_written_in_their_own_letters),
        TEST(no_word_mixes_scripts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
