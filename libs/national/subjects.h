/* What a homeroom learns in made-up schools: nine subjects of the model curricula (order 500), by
 * their codes in the reference data. */
#ifndef NATIONAL_SUBJECTS_H
#define NATIONAL_SUBJECTS_H

enum { SUBJECTS_OF_CLASS = 9 };

/* The one with this number, 0 to SUBJECTS_OF_CLASS - 1, in a grade from 1 on. */
const char *subject_of_grade(int grade, int number);

#endif
