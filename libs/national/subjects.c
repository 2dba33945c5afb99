#include "national/subjects.h"

#include "base/error.h"

static const char *const primary[SUBJECTS_OF_CLASS] = {"math",
                                                       "kazakh_language",
                                                       "russian_language",
                                                       "english",
                                                       "natural_science",
                                                       "world_knowledge",
                                                       "digital_literacy",
                                                       "music",
                                                       "pe"};
static const char *const basic[SUBJECTS_OF_CLASS] = {
    "math",    "kazakh_language", "kazakh_literature", "russian_language",
    "english", "history_kz",      "geography",         "informatics",
    "pe"};
static const char *const senior[SUBJECTS_OF_CLASS] = {
    "algebra",          "kazakh_language", "kazakh_literature",
    "russian_language", "english",         "history_kz",
    "physics",          "chemistry",       "pe"};

const char *subject_of_grade(int grade, int number)
{
    ensure(number >= 0 && number < SUBJECTS_OF_CLASS);
    return grade <= 4 ? primary[number] : grade <= 6 ? basic[number] : senior[number];
}
