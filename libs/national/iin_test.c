#include "testkit/check.h"

#include "base/cleanup.h"
#include "national/iin.h"

/* Vectors built from the rules, not taken from people. */
static void iins_are_judged_by_format_and_control_digit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum iin_result result;
    } vectors[] = {
        {"150901500010", IIN_VALID},       /* one pass, control 0 */
        {"150901500111", IIN_VALID},       /* the second pass decides */
        {"150901500020", IIN_VALID},       /* digit 11 weighs 11: such an error is not seen */
        {"000229501234", IIN_VALID},       /* 29 February 2000 */
        {"150901500011", IIN_BAD_CONTROL}, /* one off */
        {"150901500110", IIN_BAD_CONTROL}, {"15090150001", IIN_BAD_FORMAT},
        {"1509015000100", IIN_BAD_FORMAT}, {"15090150001O", IIN_BAD_FORMAT},
        {"150901 00010", IIN_BAD_FORMAT},  {"", IIN_BAD_FORMAT},
        {"150901700010", IIN_BAD_FORMAT}, /* century digit outside of the table */
        {"150901000010", IIN_BAD_FORMAT},  {"150901900010", IIN_BAD_FORMAT},
        {"１50901500010", IIN_BAD_FORMAT}, /* a digit, but not an ASCII one */
        {"١٥٠٩٠١", IIN_BAD_FORMAT},        /* 12 bytes, 6 Arabic digits */
        {"230940000019", IIN_BAD_FORMAT},  /* a BIN */
    };
    for (size_t i = 0; i < COUNT_OF(vectors); i++)
        assert_int_equal(iin_check(str_from(vectors[i].text)), vectors[i].result);
}

static void a_number_that_cannot_be_finished_is_never_valid(void **state)
{
    (void)state;
    char text[] = "150901500100";
    for (int digit = '0'; digit <= '9'; digit++) {
        text[11] = (char)digit;
        assert_int_equal(iin_check(str_from(text)), IIN_BAD_CONTROL);
    }
}

/* Appends the control digit that iin_check accepts; false where there is none. */
static bool finish(char text[IIN_LEN + 1])
{
    for (text[11] = '0'; text[11] <= '9'; text[11]++)
        if (iin_check(str_from(text)) == IIN_VALID)
            return true;
    return false;
}

static void dates_count_only_where_asked(void **state)
{
    (void)state;
    static const char *const wrong[] = {"150230500010", "150229500010", "150001500010",
                                        "151301500010", "150900500010"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        char text[IIN_LEN + 1];
        memcpy(text, wrong[i], sizeof text);
        assert_true(finish(text));
        assert_int_equal(iin_check(str_from(text)), IIN_VALID);
        assert_int_equal(iin_check_strict(str_from(text)), IIN_BAD_FORMAT);
        assert_int_equal(iin_birth_date(str_from(text)).day, 0);
    }
    assert_int_equal(iin_check_strict(STR("000229501234")), IIN_VALID);
    assert_int_equal(iin_check_strict(STR("150901500011")), IIN_BAD_CONTROL);
    assert_int_equal(iin_check_strict(STR("1509")), IIN_BAD_FORMAT);
}

static void bins_are_judged_and_told_from_iins(void **state)
{
    (void)state;
    assert_int_equal(bin_check(STR("230940000019")), IIN_VALID);
    assert_int_equal(bin_check(STR("240141000077")), IIN_VALID);
    assert_int_equal(bin_check(STR("240141000078")), IIN_BAD_CONTROL);
    assert_int_equal(bin_check(STR("231340000019")), IIN_BAD_FORMAT); /* month 13 */
    assert_int_equal(bin_check(STR("230970000019")), IIN_BAD_FORMAT);
    assert_int_equal(bin_check(STR("230944000019")), IIN_BAD_FORMAT);
    assert_int_equal(bin_check(STR("150901500010")), IIN_BAD_FORMAT);
    assert_int_equal(number_kind(STR("230940000019")), NUMBER_BIN);
    assert_int_equal(number_kind(STR("150901500010")), NUMBER_IIN);
    assert_int_equal(number_kind(STR("150901500011")), NUMBER_NEITHER);
    assert_int_equal(number_kind((struct str){0}), NUMBER_NEITHER);
}

static void disagreement_is_only_a_warning(void **state)
{
    (void)state;
    struct str iin = STR("150901500010");
    assert_int_equal(iin_birth_date(iin).day, date_make(2015, 9, 1).day);
    assert_int_equal(iin_sex(iin), IIN_MALE);
    assert_true(iin_agrees(iin, date_make(2015, 9, 1), IIN_MALE));
    assert_true(iin_agrees(iin, (struct date){0}, 0));
    assert_false(iin_agrees(iin, date_make(2015, 9, 2), IIN_MALE));
    assert_false(iin_agrees(iin, date_make(2015, 9, 1), IIN_FEMALE));
}

static void made_up_iins_belong_to_nobody_alive(void **state)
{
    (void)state;
    char text[IIN_LEN + 1];
    int unusable = 0;
    for (unsigned serial = 0; serial <= 9999; serial++) {
        if (!iin_make(date_make(2015, 9, 1), IIN_FEMALE, serial, text)) {
            unusable++;
            continue;
        }
        assert_int_equal(iin_check_strict(str_from(text)), IIN_VALID);
        assert_int_equal(iin_sex(str_from(text)), IIN_FEMALE);
        assert_int_equal(iin_birth_date(str_from(text)).day, date_make(1815, 9, 1).day);
    }
    assert_int_equal(unusable, 82); /* counted apart, by the rule of the two passes */
}

static void made_up_bins_pass_the_check(void **state)
{
    (void)state;
    char text[IIN_LEN + 1];
    int made = 0;
    for (unsigned serial = 0; serial < 1000; serial++)
        if (bin_make(date_make(2023, 9, 14), serial, text)) {
            assert_int_equal(bin_check(str_from(text)), IIN_VALID);
            made++;
        }
    assert_in_range(made, 950, 1000);
    assert_true(bin_make(date_make(2023, 9, 1), 1, text));
    assert_string_equal(text, "230940000019");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(iins_are_judged_by_format_and_control_digit),
        TEST(a_number_that_cannot_be_finished_is_never_valid),
        TEST(dates_count_only_where_asked),
        TEST(bins_are_judged_and_told_from_iins),
        TEST(disagreement_is_only_a_warning),
        TEST(made_up_iins_belong_to_nobody_alive),
        TEST(made_up_bins_pass_the_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
