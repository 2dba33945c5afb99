/* Names of people and places in Kazakh and Russian: order, search, suspicion, and made-up people.
 *
 * Texts are valid UTF-8 (str_is_utf8), composed (NFC). Letters stand in the order that ICU (and so
 * PostgreSQL's kk-x-icu, ru-x-icu) gives them. */
#ifndef NATIONAL_NAMES_H
#define NATIONAL_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

enum names_alphabet {
    ALPHABET_KK, /* 42 letters, аәбвгғдеёжзийкқлмнңоөпрстуұүфхһцчшщъыіьэюя */
    ALPHABET_RU  /* 33 letters; Kazakh ones behind their likes: ү and ұ behind у, і behind и */
};

/* Appends bytes whose order under memcmp is the order of the texts as a reader expects it: letters
 * by the alphabet, whatever their case; a space before letters, so that whole words come first;
 * digits before letters, Cyrillic before Latin. Case and all else decide only where the rest is
 * equal. */
void names_sort_key(enum names_alphabet alphabet, struct str text, struct buf *key);

/* < 0, 0, > 0: as by their keys. */
int names_compare(enum names_alphabet alphabet, struct str a, struct str b);

/* Appends the text as search compares it: lower case, Kazakh letters as people type them on a
 * Russian keyboard (ә а, ғ г, қ к, ң н, ө о, ұ ү у, һ х, і и, ё е), Latin look-alikes within a
 * Cyrillic word as Cyrillic, runs of blanks as one space, none at the ends. */
void names_fold(struct str text, struct buf *out);

/* Whether one word has both Latin and Cyrillic letters: mostly a look-alike typed by mistake (Latin
 * i for Kazakh і), which breaks search. */
bool names_mixed_script(struct str text);

/* Somebody who does not exist. Spellings differ as they do in documents: Әбдіров Нұрлан Асқарұлы,
 * Абдиров Нурлан Аскарович. */
struct names_person {
    struct str family_kk, given_kk, middle_kk;
    struct str family_ru, given_ru, middle_ru;
};

/* The person of a seed: the same seed gives the same names, neighbouring seeds differ; 4.7 million
 * Kazakh combinations besides the Russian ones. One in five has Russian names, one in twenty no
 * patronymic (absent). Texts live in the arena or as long as the program. */
struct names_person names_make(struct arena *arena, uint64_t seed, bool female);

#endif
