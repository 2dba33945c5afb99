#include "testkit/check.h"

#include "db/db.h"
#include "record/sample_internal.h"
#include "testkit/testkit.h"

/* Columns out, rows back: PostgreSQL reads each array as we wrote it, NULLs included. */
static const struct statement there_and_back = {
    "there_and_back",
    "select * from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, "
    "$17, "
    "$18) as t(id, urgent, points, revision, minutes, kind, rights, name, comment, subject, date, "
    "taken_at, of, languages, parts, title, blob, \"valid/from\")"};

static const struct statement as_text = {
    "as_text",
    "select concat_ws('|', id, urgent, points, revision, minutes, kind, rights, name, "
    "comment, subject, date, taken_at at time zone 'UTC', of ->> 0, languages ->> 1, "
    "parts -> 0 ->> 'lesson', title ->> 'kk', blob, \"valid/from\") "
    "from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, "
    "$18) as t(id, urgent, points, revision, minutes, kind, rights, name, comment, "
    "subject, date, taken_at, of, languages, parts, title, blob, \"valid/from\")"};

static const struct uuid ids[] = {{{1, 2, 3}}, {{0xFF}}};
static const struct str languages[] = {{"kk", 2}, {"r\"u", 3}};
static const struct sample_part parts[] = {{.learner = {{7}}, .lesson = 3},
                                           {.learner = {{8}}, .names = {{"Ә", 2}, {"А", 2}}}};
static const struct sample full = {.id = {{0x0A, 0x0B}},
                                   .urgent = true,
                                   .points = 97,
                                   .revision = INT64_C(-9007199254740993),
                                   .minutes = {true, -5},
                                   .kind = SAMPLE_SUMMATIVE,
                                   .rights = {1U << RIGHT_MARKS | 1U << RIGHT_MESSAGES},
                                   .name = {"Құр", 6},
                                   .comment = {"a\n\\b", 4},
                                   .subject = {"math", 4},
                                   .date = {DATE_POSTGRES_EPOCH - 1},
                                   .taken_at = {INSTANT_POSTGRES_EPOCH_US + 1},
                                   .of = {ids, 2},
                                   .languages = {languages, 2},
                                   .parts = {parts, 2},
                                   .title = {{"Мектеп", 12}, {0}},
                                   .blob = {{"\0\xFF", 2}},
                                   .from = -7};
static const struct sample least = {.kind = SAMPLE_FORMATIVE};

static struct result query(struct db *db, const struct statement *statement, struct arena *arena)
{
    struct err err = {0};
    struct result result;
    struct params params = {0};
    param_records(&params, &sample_record, (const void *const[]){&full, &least}, 2, arena);
    if (db_exec(db, statement, &params, &result, &err))
        fail_msg("%s", err.text);
    return result;
}

static struct db *open_db(struct arena *arena)
{
    struct db *db;
    struct err err = {0};
    if (db_open(&db, testkit_database(arena), &err))
        fail_msg("%s", err.text);
    return db;
}

static void is_same(const struct sample *got, const struct sample *sent)
{
    CLEANUP(buf_done) struct buf a = {0};
    CLEANUP(buf_done) struct buf b = {0};
    record_encode_value(&sample_record, got, &a);
    record_encode_value(&sample_record, sent, &b);
    assert_true(str_equal(buf_str(&a), buf_str(&b)));
}

static void every_column_comes_back_as_it_went(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(db_close_at) struct db *db = open_db(&arena);
    CLEANUP(result_done) struct result result = query(db, &there_and_back, &arena);
    size_t count;
    const struct sample *back = result_records(&result, &sample_record, &arena, &count);
    assert_int_equal(count, 2);
    is_same(&back[0], &full);
    is_same(&back[1], &least);
    for (int column = 0; column < 18; column++) {
        const struct field *field = &sample_fields[column];
        bool is_number = field->type == FIELD_BOOL || field->type == FIELD_INT ||
                         field->type == FIELD_BIGINT || field->type == FIELD_ENUM_SET ||
                         field->type == FIELD_ENUM;
        assert_int_equal(result_null(&result, 1, column), !is_number);
    }
}

static void sql_understands_the_values(void **state)
{
    (void)state;
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(db_close_at) struct db *db = open_db(&arena);
    CLEANUP(result_done) struct result result = query(db, &as_text, &arena);
    struct str text = str_copy(&arena, result_str(&result, 0, 0));
    assert_string_equal(
        text.ptr,
        "0a0b0000-0000-0000-0000-000000000000|t|97|-9007199254740993|-5|2|-2147483646|Құр|"
        "a\n\\b|math|1999-12-31|2000-01-01 00:00:00.000001|"
        "01020300-0000-0000-0000-000000000000|r\"u|3|Мектеп|\\x00ff|-7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_column_comes_back_as_it_went),
        TEST(sql_understands_the_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
