/* The table that kato.cmake writes: a parent before its children, these in a row. */
#ifndef NATIONAL_KATO_INTERNAL_H
#define NATIONAL_KATO_INTERNAL_H

#include "national/kato.h"

extern const struct kato_unit *const kato_table;
extern const size_t kato_table_count;

#endif
