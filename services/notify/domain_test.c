/* How each kind of row reads, word for word, in Kazakh and Russian. */
#include "testkit/check.h"

#include "domain.h"

static struct feed_row row_of(enum feed_kind kind)
{
    return (struct feed_row){
        .epoch = 1,
        .xid = 2,
        .seq = 3,
        .kind = kind,
        .facts = {.subject = STR("math"),
                  .date = date_make(2026, 11, 3),
                  .lesson = {true, 2},
                  .work = kind <= FEED_MARK_RETRACTED ? MARK_FORMATIVE : 0},
        .name = STR("Айгүл"),
    };
}

static void expect(const struct feed_row *row, const char *kk, const char *ru)
{
    CLEANUP(buf_done) struct buf text = {0};
    feed_text(&text, LANGUAGE_KK, row);
    buf_add_char(&text, '\0');
    assert_string_equal(text.ptr, kk);
    buf_reset(&text);
    feed_text(&text, LANGUAGE_RU, row);
    buf_add_char(&text, '\0');
    assert_string_equal(text.ptr, ru);
}

static void a_mark_in_points(void **state)
{
    (void)state;
    struct feed_row row = row_of(FEED_MARK_RECORDED);
    row.facts.points = (struct optional){true, 8};
    row.facts.max_points = (struct optional){true, 10};
    expect(&row,
           "Айгүл 2026 ж. 3 қараша күні «Математика» пәнінен қалыптастырушы бағалауда 10 балдан 8 "
           "балл алды.",
           "Айгүл, 3 ноября 2026 г.: формативное оценивание по предмету «Математика» — 8 баллов из "
           "10.");
    row.facts.work = MARK_SUMMATIVE_TERM;
    row.facts.points.value = 0;
    expect(&row,
           "Айгүл 2026 ж. 3 қараша күні «Математика» пәнінен тоқсандық жиынтық бағалауда (ТЖБ) 10 "
           "балдан 0 балл алды.",
           "Айгүл, 3 ноября 2026 г.: суммативное оценивание за четверть (СОЧ) по предмету "
           "«Математика» — 0 баллов из 10.");
}

static void a_mark_without_points(void **state)
{
    (void)state;
    struct feed_row row = row_of(FEED_MARK_RECORDED);
    row.facts.work = MARK_SUMMATIVE_UNIT;
    row.facts.value = MARK_PASS;
    expect(&row,
           "Айгүл 2026 ж. 3 қараша күні «Математика» пәнінен сынақтан өтті (бөлім бойынша жиынтық "
           "бағалау).",
           "Айгүл, 3 ноября 2026 г.: зачёт по предмету «Математика» (суммативное оценивание за "
           "раздел).");
}

static void a_corrected_mark_says_what_it_was(void **state)
{
    (void)state;
    struct feed_row row = row_of(FEED_MARK_CORRECTED);
    row.facts.points = (struct optional){true, 8};
    row.facts.max_points = row.before.max_points = (struct optional){true, 10};
    row.before.points = (struct optional){true, 1};
    expect(&row,
           "Айгүл: «Математика» пәні бойынша 2026 ж. 3 қараша күнгі нәтиже түзетілді "
           "(қалыптастырушы бағалау). Бұрын: 10 балдан 1 балл. Енді: 10 балдан 8 балл.",
           "Айгүл, 3 ноября 2026 г.: исправлен результат по предмету «Математика» (формативное "
           "оценивание). Было: 1 балл из 10. Стало: 8 баллов из 10.");
    row.before.points = row.facts.points; /* only the date or the like */
    expect(&row,
           "Айгүл: «Математика» пәні бойынша 2026 ж. 3 қараша күнгі нәтиже туралы мәліметтер "
           "түзетілді (қалыптастырушы бағалау). Нәтиженің өзі өзгерген жоқ: 10 балдан 8 балл.",
           "Айгүл, 3 ноября 2026 г.: исправлены сведения о результате по предмету «Математика» "
           "(формативное оценивание). Сам результат прежний: 8 баллов из 10.");
}

static void a_withdrawn_and_a_retracted_mark(void **state)
{
    (void)state;
    struct feed_row row = row_of(FEED_MARK_WITHDRAWN);
    row.before.value = MARK_FAIL;
    expect(&row,
           "Айгүл: «Математика» пәні бойынша 2026 ж. 3 қараша күнгі нәтиженің күші жойылды "
           "(қалыптастырушы бағалау). Бұрын: сынақтан өтпеді.",
           "Айгүл, 3 ноября 2026 г.: отменён результат по предмету «Математика» (формативное "
           "оценивание). Было: незачёт.");
    row = row_of(FEED_MARK_RETRACTED);
    expect(&row,
           "Айгүл: «Математика» пәні бойынша 2026 ж. 3 қараша күнгі нәтиже туралы бұрын жіберілген "
           "хабарлама жарамсыз. Қолайсыздық үшін кешірім сұраймыз.",
           "Айгүл, 3 ноября 2026 г.: отправленное ранее сообщение о результате по предмету "
           "«Математика» недействительно. Приносим извинения за неудобства.");
}

static void an_absence_from_a_lesson_and_of_a_day(void **state)
{
    (void)state;
    struct feed_row row = row_of(FEED_ABSENCE_RECORDED);
    row.facts.code = ABSENCE_UNEXCUSED;
    expect(&row,
           "Айгүл 2026 ж. 3 қараша күні сабаққа дәлелсіз себеппен келмеді: «Математика», 2-сабақ.",
           "Айгүл, 3 ноября 2026 г.: отсутствие на занятии без уважительной причины — "
           "«Математика», 2-й урок.");
    row.facts.code = ABSENCE_ILL;
    row.facts.subject = (struct str){0};
    expect(&row, "Айгүл 2026 ж. 3 қараша күні сабаққа ауырып қалуына байланысты келмеді: 2-сабақ.",
           "Айгүл, 3 ноября 2026 г.: отсутствие на занятии по болезни — 2-й урок.");
    row.facts.code = ABSENCE_EXCUSED;
    row.facts.lesson.present = false;
    row.facts.session = SESSION_DAY;
    expect(&row, "Айгүл 2026 ж. 3 қараша күні сабаққа дәлелді себеппен келмеді: күні бойы.",
           "Айгүл, 3 ноября 2026 г.: отсутствие на занятии по уважительной причине — весь день.");
}

static void lateness_with_and_without_minutes(void **state)
{
    (void)state;
    struct feed_row row = row_of(FEED_ABSENCE_RECORDED);
    row.facts.code = ABSENCE_LATE;
    expect(&row, "Айгүл 2026 ж. 3 қараша күні сабаққа кешігіп келді: «Математика», 2-сабақ.",
           "Айгүл, 3 ноября 2026 г.: опоздание на занятие — «Математика», 2-й урок.");
    row.facts.minutes = (struct optional){true, 3};
    expect(&row,
           "Айгүл 2026 ж. 3 қараша күні сабаққа 3 минут кешігіп келді: «Математика», 2-сабақ.",
           "Айгүл, 3 ноября 2026 г.: опоздание на 3 минуты — «Математика», 2-й урок.");
}

static void what_becomes_of_an_absence(void **state)
{
    (void)state;
    struct feed_row row = row_of(FEED_ABSENCE_RECODED);
    row.before.code = ABSENCE_UNEXCUSED;
    expect(&row,
           "Айгүл: 2026 ж. 3 қараша күнгі сабаққа қатысу белгісі өзгертілді («Математика», "
           "2-сабақ). Бұрын: дәлелсіз себеппен келмеді. Енді: сабаққа қатысты.",
           "Айгүл, 3 ноября 2026 г.: изменена отметка о посещении («Математика», 2-й урок). Было: "
           "отсутствие без уважительной причины. Стало: присутствие.");
    row.kind = FEED_ABSENCE_WITHDRAWN;
    expect(&row,
           "Айгүл: 2026 ж. 3 қараша күнгі сабаққа қатысу белгісінің күші жойылды («Математика», "
           "2-сабақ). Бұрын: дәлелсіз себеппен келмеді.",
           "Айгүл, 3 ноября 2026 г.: отменена отметка о посещении («Математика», 2-й урок). Было: "
           "отсутствие без уважительной причины.");
    row.kind = FEED_ABSENCE_RETRACTED;
    expect(&row,
           "Айгүл: 2026 ж. 3 қараша күнгі сабаққа қатысу туралы бұрын жіберілген хабарлама "
           "жарамсыз («Математика», 2-сабақ). Қолайсыздық үшін кешірім сұраймыз.",
           "Айгүл, 3 ноября 2026 г.: отправленное ранее сообщение о посещении недействительно "
           "(«Математика», 2-й урок). Приносим извинения за неудобства.");
}

static void names_that_are_not_known_yet_and_names_of_the_reference(void **state)
{
    (void)state;
    struct feed_row row = row_of(FEED_ABSENCE_RECORDED);
    row.facts.code = ABSENCE_LATE;
    row.name = (struct str){0};
    row.facts.subject = STR("chess");
    expect(&row, "Балаңыз 2026 ж. 3 қараша күні сабаққа кешігіп келді: «chess», 2-сабақ.",
           "Ваш ребёнок, 3 ноября 2026 г.: опоздание на занятие — «chess», 2-й урок.");
    row.subject_kk = STR("Шахмат");
    row.subject_ru = STR("Шахматы");
    expect(&row, "Балаңыз 2026 ж. 3 қараша күні сабаққа кешігіп келді: «Шахмат», 2-сабақ.",
           "Ваш ребёнок, 3 ноября 2026 г.: опоздание на занятие — «Шахматы», 2-й урок.");
}

/* Every kind with every code or value has a text in every language. */
static void nothing_is_without_words(void **state)
{
    (void)state;
    for (int kind = FEED_MARK_RECORDED; kind <= FEED_ABSENCE_RETRACTED; kind++)
        for (int value = 1; value <= MARK_NOT_ATTESTED; value++)
            for (int code = ABSENCE_UNEXCUSED; code < ABSENCE_CODES; code++)
                for (int language = 0; language < LANGUAGES; language++) {
                    CLEANUP(buf_done) struct buf text = {0};
                    struct feed_row row = row_of((enum feed_kind)kind);
                    row.facts.value = (enum mark_value)value;
                    row.facts.code = (enum absence_code)code;
                    feed_text(&text, (enum language)language, &row);
                    assert_true(text.len > 20);
                }
}

static void the_language_is_the_first_that_is_known(void **state)
{
    (void)state;
    struct str none = {0};
    assert_int_equal(inbox_language(STR("en"), STR("kk"), LANGUAGE_RU), LANGUAGE_EN);
    assert_int_equal(inbox_language(none, STR("kk"), LANGUAGE_RU), LANGUAGE_KK);
    assert_int_equal(inbox_language(none, none, LANGUAGE_RU), LANGUAGE_RU);
}

static void an_item_names_what_it_takes_back(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(buf_done) struct buf json = {0};
    struct feed_row row = row_of(FEED_MARK_RETRACTED);
    uuid_parse(STR("00000000-0000-4000-8000-000000000001"), &row.event);
    row.child = row.event;
    struct feed_item item = feed_item_of(&row, LANGUAGE_EN, &arena);
    record_encode_json(&feed_stream_item, &item, &json);
    buf_add_char(&json, '\0');
    assert_string_equal(
        json.ptr,
        "{\"id\":\"00000000-0000-4000-8000-000000000001\",\"position\":\"1.2.3\",\"child\":{\"id\":"
        "\"00000000-0000-4000-8000-000000000001\",\"name\":\"Айгүл\"},\"kind\":\"mark_retracted\","
        "\"text\":\"Айгүл: the earlier message about a result in Mathematics of 3 November 2026 is "
        "void. We apologise for the inconvenience.\",\"facts\":{\"subject\":\"math\",\"date\":"
        "\"2026-11-03\",\"lesson\":2,\"work\":\"formative\"},\"retracts\":\"00000000-0000-4000-"
        "8000-000000000001\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_mark_in_points),
        TEST(a_mark_without_points),
        TEST(a_corrected_mark_says_what_it_was),
        TEST(a_withdrawn_and_a_retracted_mark),
        TEST(an_absence_from_a_lesson_and_of_a_day),
        TEST(lateness_with_and_without_minutes),
        TEST(what_becomes_of_an_absence),
        TEST(names_that_are_not_known_yet_and_names_of_the_reference),
        TEST(nothing_is_without_words),
        TEST(the_language_is_the_first_that_is_known),
        TEST(an_item_names_what_it_takes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
