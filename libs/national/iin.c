#include "national/iin.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

enum { NO_CONTROL = 10 };

/* `from` to `from + count - 1` as a number; the text is digits. */
static int number_at(const char *digits, int from, int count)
{
    int value = 0;
    for (int i = from; i < from + count; i++)
        value = value * 10 + (digits[i] - '0');
    return value;
}

/* 0 to 9, or NO_CONTROL where no number may begin with these 11 digits. */
static int control_digit(const char digits[IIN_LEN - 1])
{
    int control = NO_CONTROL;
    for (int pass = 0; pass < 2 && control == NO_CONTROL; pass++) {
        int sum = 0;
        for (int i = 0; i < IIN_LEN - 1; i++)
            sum += (digits[i] - '0') * ((i + 2 * pass) % 11 + 1);
        control = sum % 11;
    }
    return control;
}

static bool is_digits(struct str text)
{
    if (text.len != IIN_LEN)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return true;
}

static enum iin_result check_control(const char digits[IIN_LEN])
{
    return control_digit(digits) == digits[IIN_LEN - 1] - '0' ? IIN_VALID : IIN_BAD_CONTROL;
}

enum iin_result iin_check(struct str text)
{
    if (!is_digits(text) || text.ptr[4] > '3' || text.ptr[6] < '1' || text.ptr[6] > '6')
        return IIN_BAD_FORMAT;
    return check_control(text.ptr);
}

enum iin_result iin_check_strict(struct str text)
{
    enum iin_result result = iin_check(text);
    return result != IIN_BAD_FORMAT && iin_birth_date(text).day == 0 ? IIN_BAD_FORMAT : result;
}

enum iin_result bin_check(struct str text)
{
    if (!is_digits(text) || text.ptr[4] < '4' || text.ptr[4] > '6' || text.ptr[5] > '3')
        return IIN_BAD_FORMAT;
    int month = number_at(text.ptr, 2, 2);
    return month >= 1 && month <= 12 ? check_control(text.ptr) : IIN_BAD_FORMAT;
}

enum number_kind number_kind(struct str text)
{
    if (iin_check(text) == IIN_VALID)
        return NUMBER_IIN;
    return bin_check(text) == IIN_VALID ? NUMBER_BIN : NUMBER_NEITHER;
}

/* ---- What a number seems to say ---- */

struct date iin_birth_date(struct str iin)
{
    ensure(iin.len == IIN_LEN);
    int century = 1800 + (iin.ptr[6] - '1') / 2 * 100;
    return date_make(century + number_at(iin.ptr, 0, 2), number_at(iin.ptr, 2, 2),
                     number_at(iin.ptr, 4, 2));
}

enum iin_sex iin_sex(struct str iin)
{
    ensure(iin.len == IIN_LEN);
    return (iin.ptr[6] - '0') % 2 == 1 ? IIN_MALE : IIN_FEMALE;
}

bool iin_agrees(struct str iin, struct date birth_date, enum iin_sex sex)
{
    bool same_date = birth_date.day == 0 || iin_birth_date(iin).day == birth_date.day;
    bool same_sex = sex == 0 || iin_sex(iin) == sex;
    return same_date && same_sex;
}

/* ---- Made-up numbers ---- */

static bool finish(const char digits[IIN_LEN], char text[IIN_LEN + 1])
{
    int control = control_digit(digits);
    if (control == NO_CONTROL)
        return false;
    memcpy(text, digits, IIN_LEN - 1);
    text[IIN_LEN - 1] = (char)('0' + control);
    text[IIN_LEN] = '\0';
    return true;
}

bool iin_make(struct date birth_date, enum iin_sex sex, unsigned serial, char text[IIN_LEN + 1])
{
    ensure(birth_date.day > 0 && sex >= IIN_MALE && sex <= IIN_FEMALE && serial <= 9999);
    int year, month, day;
    char digits[32];
    date_split(birth_date, &year, &month, &day);
    snprintf(digits, sizeof digits, "%02d%02d%02d%d%04u", year % 100, month, day, (int)sex, serial);
    return finish(digits, text);
}

bool bin_make(struct date registered, unsigned serial, char text[IIN_LEN + 1])
{
    ensure(registered.day > 0 && serial <= 99999);
    int year, month, day;
    char digits[32];
    date_split(registered, &year, &month, &day);
    snprintf(digits, sizeof digits, "%02d%02d40%05u", year % 100, month, serial);
    return finish(digits, text);
}
