/* Identity numbers: IIN (ЖСН / ИИН) of people, BIN (БСН / БИН) of organisations. Pure functions.
 *
 * IIN, 12 digits: YYMMDD of birth | century and sex | 4 digits serial | control digit. BIN: YYMM of
 * registration | kind (4 resident, 5 non-resident, 6 joint entrepreneurs) | 0 head unit, 1 branch,
 * 2 representative office, 3 farm | 5 digits serial | control digit. The fifth digit tells the two
 * apart: 0 to 3 in an IIN (tens of the day), 4 to 6 in a BIN.
 *
 * What is hard: 12 ASCII digits, the digits of the tables above, the control digit. What is not:
 * since government resolution 853 of 26 August 2013 an IIN is detached from birth date and sex, so
 * a disagreement (even a date that does not exist) is a warning at most, and both are stored, never
 * computed. A sole entrepreneur has no BIN and uses the owner's IIN. An error in digit 11 may go
 * undetected: its weight is 11. */
#ifndef NATIONAL_IIN_H
#define NATIONAL_IIN_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/str.h"

enum { IIN_LEN = 12 };

enum iin_result { IIN_VALID, IIN_BAD_FORMAT, IIN_BAD_CONTROL };

enum iin_result iin_check(struct str text);
enum iin_result bin_check(struct str text);

/* As iin_check, and the birth date has to exist; IIN_BAD_FORMAT where it does not. */
enum iin_result iin_check_strict(struct str text);

enum number_kind { NUMBER_NEITHER, NUMBER_IIN, NUMBER_BIN };

/* Which of the two a text is, its control digit included. Both kinds of senders' own ids are
 * refused by it where they are identity numbers in disguise. */
enum number_kind number_kind(struct str text);

enum iin_sex { IIN_MALE = 1, IIN_FEMALE }; /* numbered as contracts' enum sex */

/* What a valid IIN seems to say; for warnings. The date is absent where there is no such day. */
struct date iin_birth_date(struct str iin);
enum iin_sex iin_sex(struct str iin);

/* Whether a valid IIN says the same; an absent date or sex (0) agrees with everything. */
bool iin_agrees(struct str iin, struct date birth_date, enum iin_sex sex);

/* A made-up IIN that no living person can have: day, month and year within the century are those of
 * the birth date, the century digit says 1800s. `serial` is 0 to 9999. Returns false, and writes
 * nothing, for the 80 or so serials in 10,000 that have no control digit: take another. */
bool iin_make(struct date birth_date, enum iin_sex sex, unsigned serial, char text[IIN_LEN + 1]);

/* A made-up BIN of a resident's head unit; `serial` is 0 to 99999. No range is reserved for tests,
 * so it may be somebody's: for demos and tests only. False as above. */
bool bin_make(struct date registered, unsigned serial, char text[IIN_LEN + 1]);

#endif
