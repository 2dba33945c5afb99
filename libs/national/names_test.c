#include "testkit/check.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "national/kato.h"
#include "national/names.h"

static void assert_rising(enum names_alphabet alphabet, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            int order = names_compare(alphabet, str_from(texts[i]), str_from(texts[j]));
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
}

static void the_kazakh_alphabet_has_its_own_order(void **state)
{
    (void)state;
    static const char *const letters[] = {"А", "Ә", "Б", "В", "Г", "Ғ", "Д", "Е", "Ё", "Ж", "З",
                                          "И", "Й", "К", "Қ", "Л", "М", "Н", "Ң", "О", "Ө", "П",
                                          "Р", "С", "Т", "У", "Ұ", "Ү", "Ф", "Х", "Һ", "Ц", "Ч",
                                          "Ш", "Щ", "Ъ", "Ы", "І", "Ь", "Э", "Ю", "Я"};
    assert_int_equal(COUNT_OF(letters), 42);
    assert_rising(ALPHABET_KK, letters, COUNT_OF(letters));
}

/* As ICU 72 sorts them for `ru`, so that a page and PostgreSQL (ru-x-icu) agree. */
static void a_russian_reader_finds_kazakh_letters_behind_their_likes(void **state)
{
    (void)state;
    static const char *const letters[] = {"а", "ә", "б", "в", "г", "ғ", "д", "е", "ё", "ж", "з",
                                          "и", "і", "й", "к", "қ", "л", "м", "н", "ң", "о", "ө",
                                          "п", "р", "с", "т", "у", "ү", "ұ", "ф", "х", "һ", "ц",
                                          "ч", "ш", "щ", "ъ", "ы", "ь", "э", "ю", "я"};
    assert_int_equal(COUNT_OF(letters), 42);
    assert_rising(ALPHABET_RU, letters, COUNT_OF(letters));
}

static void names_stand_where_a_reader_looks_for_them(void **state)
{
    (void)state;
    static const char *const kazakh[] = {"5 «А»",   "5 «Ә»", "5 «Б»",  "11 «А»", "Абай",
                                         "абайлау", "Әбдір", "Байжан", "Кенже",  "Қанат",
                                         "Наурыз",  "Оспан", "Өмір",   "Ұлан",   "Үміт",
                                         "Ыдырыс",  "Ілияс", "Яков",   "Adam",   "Zoe"};
    static const char *const sorted_as_text[] = {"11 «А»",
                                                 "5 «А»"}; /* digits by place, not value */
    assert_rising(ALPHABET_KK, kazakh + 4, COUNT_OF(kazakh) - 4);
    assert_rising(ALPHABET_KK, kazakh, 3);
    assert_rising(ALPHABET_KK, sorted_as_text, 2);
    static const char *const russian[] = {"Ежов",  "Ёжиков", "Жуков", "Иванов", "Ігілік",
                                          "Котов", "Үміт",   "Ұлан",  "Фомин"};
    assert_rising(ALPHABET_RU, russian, COUNT_OF(russian));
}

static void whole_words_and_equal_letters_have_an_order_too(void **state)
{
    (void)state;
    static const char *const texts[] = {"Ана", "Ана Бол", "Ана-Сәуле", "Анар", "анар"};
    assert_rising(ALPHABET_KK, texts, COUNT_OF(texts));
    assert_int_equal(names_compare(ALPHABET_KK, STR("Анар"), STR("Анар")), 0);
    assert_true(names_compare(ALPHABET_KK, STR(""), STR("А")) < 0);
}

static const char *folded(const char *text, struct buf *buf)
{
    buf_reset(buf);
    names_fold(str_from(text), buf);
    buf_add_char(buf, '\0');
    return buf->ptr;
}

static void search_forgives_what_keyboards_do(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf buf = {0};
    assert_string_equal(folded("ӘБДІРАХМАНҰЛЫ Ғалымжан", &buf), "абдирахманулы галымжан");
    assert_string_equal(folded("Қыз Өң Үй Һәм Ёлка", &buf), "кыз он уй хам елка");
    assert_string_equal(folded("  Бибі \t Айша\xC2\xA0ханым ", &buf), "биби айша ханым");
    assert_string_equal(folded("Әл-Фараби №5", &buf), "ал-фараби №5");
    assert_string_equal(folded("Тimур", &buf), "тиmур"); /* m is like no small Cyrillic letter */
    assert_string_equal(folded("Ceрiк", &buf), "серик"); /* Latin C, e and i */
    assert_string_equal(folded("School 5", &buf), "school 5");
    assert_string_equal(folded("", &buf), "");
}

static void mixed_scripts_are_seen(void **state)
{
    (void)state;
    assert_true(names_mixed_script(STR("Ceрік")));
    assert_true(names_mixed_script(STR("Ілияс Серiк")));
    assert_false(names_mixed_script(STR("Серік Smith")));
    assert_false(names_mixed_script(STR("Серік-Smith")));
    assert_false(names_mixed_script(STR("Серік 5 «Ә»")));
    assert_false(names_mixed_script((struct str){0}));
}

static void made_up_people_are_the_same_for_the_same_seed(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct names_person a = names_make(&arena, seed, seed % 2),
                            b = names_make(&arena, seed, seed % 2);
        assert_true(str_equal(a.family_kk, b.family_kk) && str_equal(a.given_ru, b.given_ru));
        assert_true(str_equal(a.middle_ru, b.middle_ru));
        const struct str texts[] = {a.family_kk, a.given_kk, a.middle_kk,
                                    a.family_ru, a.given_ru, a.middle_ru};
        for (size_t i = 0; i < COUNT_OF(texts); i++) {
            assert_true(i % 3 == 2 || texts[i].len > 0);
            assert_true(str_is_utf8(texts[i]));
            assert_false(names_mixed_script(texts[i]));
        }
    }
}

static int compare_str(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static void made_up_people_are_enough_for_a_country(void **state)
{
    (void)state;
    enum { PEOPLE = 40000 };
    CLEANUP(arena_done) struct arena arena = {0};
    struct str *names = ARENA_ARRAY(&arena, PEOPLE, struct str);
    for (size_t i = 0; i < PEOPLE; i++) {
        struct names_person p = names_make(&arena, i, i % 2);
        names[i] = str_from(arena_printf(&arena, "%.*s %.*s %.*s", STR_ARG(p.family_kk),
                                         STR_ARG(p.given_kk), STR_ARG(p.middle_kk)));
    }
    qsort(names, PEOPLE, sizeof *names, compare_str);
    int namesakes = 0;
    for (size_t i = 1; i < PEOPLE; i++)
        namesakes += str_equal(names[i], names[i - 1]);
    assert_in_range(namesakes, 1, PEOPLE / 50); /* some, as in life; but few */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_kazakh_alphabet_has_its_own_order),
        TEST(a_russian_reader_finds_kazakh_letters_behind_their_likes),
        TEST(names_stand_where_a_reader_looks_for_them),
        TEST(whole_words_and_equal_letters_have_an_order_too),
        TEST(search_forgives_what_keyboards_do),
        TEST(mixed_scripts_are_seen),
        TEST(made_up_people_are_the_same_for_the_same_seed),
        TEST(made_up_people_are_enough_for_a_country),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
