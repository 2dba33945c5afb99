/* A record with a field of every type, for the tests and the fuzzers. */
#ifndef RECORD_SAMPLE_INTERNAL_H
#define RECORD_SAMPLE_INTERNAL_H

#include "record/record.h"

enum sample_kind { SAMPLE_FORMATIVE = 1, SAMPLE_SUMMATIVE };
enum sample_right { RIGHT_MARKS = 1, RIGHT_ATTENDANCE, RIGHT_MESSAGES = 31 };

static const struct value sample_kind_items[] = {{"formative", SAMPLE_FORMATIVE},
                                                 {"summative", SAMPLE_SUMMATIVE}};
static const struct values sample_kinds = VALUES(sample_kind_items);
static const struct value sample_right_items[] = {
    {"marks", RIGHT_MARKS}, {"attendance", RIGHT_ATTENDANCE}, {"messages", RIGHT_MESSAGES}};
static const struct values sample_rights = VALUES(sample_right_items);

struct sample_names {
    struct str kk, ru;
};

static const struct field sample_names_fields[] = {
    FIELD(sample_names, kk, .required = true),
    FIELD(sample_names, ru),
};
static const struct record sample_names_record = RECORD(sample_names, sample_names_fields);

struct sample_part {
    struct uuid learner;
    int32_t lesson;
    struct sample_names names;
};

static const struct field sample_part_fields[] = {
    FIELD(sample_part, learner, .required = true),
    FIELD(sample_part, lesson, .min = 1, .max = 20),
    FIELD(sample_part, names, .record = &sample_names_record),
};

static inline void sample_part_check(const void *item, struct problems *problems)
{
    if (((const struct sample_part *)item)->lesson == 13)
        problem_add(problems, "/lesson", "unlucky");
}

static const struct record sample_part_record =
    RECORD(sample_part, sample_part_fields, .check = sample_part_check);

struct sample {
    struct uuid id;
    bool urgent;
    int32_t points;
    int64_t revision;
    struct optional minutes;
    enum sample_kind kind;
    struct enum_set rights;
    struct str name, comment, subject;
    struct date date;
    struct instant taken_at;
    struct uuids of;
    struct strs languages;
    struct list parts;
    struct sample_names title;
    struct bytes blob;
    int32_t from;
};

static const struct field sample_fields[] = {
    FIELD(sample, id, .required = true),
    FIELD(sample, urgent),
    FIELD(sample, points, .max = 100),
    FIELD(sample, revision),
    FIELD(sample, minutes, .min = -5, .max = 45),
    FIELD(sample, kind, .values = &sample_kinds, .required = true),
    FIELD(sample, rights, .values = &sample_rights),
    FIELD(sample, name, .min = 2, .max = 5),
    FIELD(sample, comment, .text = TEXT_FREE),
    FIELD(sample, subject, .text = TEXT_CODE, .max = 20),
    FIELD(sample, date),
    FIELD(sample, taken_at),
    FIELD(sample, of, .max = 3),
    FIELD(sample, languages, .min = 1),
    FIELD(sample, parts, .record = &sample_part_record),
    FIELD(sample, title, .record = &sample_names_record, .about = "As printed."),
    FIELD(sample, blob, .max = 16),
    FIELD_AS(sample, from, "valid/from"),
};

static inline void sample_check(const void *item, struct problems *problems)
{
    const struct sample *sample = item;
    if (sample->kind == SAMPLE_SUMMATIVE && sample->points == 0)
        problem_add(problems, "/points", "missing");
}

static const struct record sample_record = RECORD(sample, sample_fields, .check = sample_check);

#endif
