/* The hot functions on fixed input, to be counted: tests/cost/run. Prints a line "name items" for
 * each call of `measured`, in order. Without valgrind it does the same work and counts nothing. */
#include <stdio.h>
#include <string.h>

#include "auth/auth_internal.h"
#include "base/cleanup.h"
#include "contracts/marks.h"
#include "contracts/topics.h"
#include "cost.h"
#include "domain.h" /* of notify */
#include "intake/intake_internal.h"

static struct arena arena; /* of all input */
static struct mark marks[ITEMS];
static const void *mark_pointers[ITEMS];
static struct str as_json, as_msgpack;
static struct bus_message message;
static struct feed_row row;
static struct remembered *remembered;
static char tokens[ITEMS][600];

/* ---- Input ---- */

static struct uuid id_of(unsigned number)
{
    struct uuid id = {{0x01, 0x92, 0xf3, 0xa0, 0x5b, 0, 0x70, 0, 0x80}};
    memcpy(&id.bytes[12], &number, sizeof number);
    return id;
}

static void make_marks(void)
{
    CLEANUP(buf_done) struct buf json = {0}, msgpack = {0};
    buf_add(&msgpack, "\xdc\x01\xf4", 3); /* an array of 500 */
    for (unsigned i = 0; i < ITEMS; i++) {
        marks[i] = (struct mark){.id = id_of(i),
                                 .class = id_of(1000 + i / 25),
                                 .learner = id_of(2000 + i),
                                 .subject = STR("math"),
                                 .kind = MARK_FORMATIVE,
                                 .points = {true, (int32_t)(1 + i % 10)},
                                 .max_points = {true, 10},
                                 .date = date_make(2026, 11, 23),
                                 .lesson = {true, 2},
                                 .teacher = id_of(3000),
                                 .comment = STR("Жақсы"),
                                 .month = date_make(2026, 11, 1)};
        mark_pointers[i] = &marks[i];
        buf_add_char(&json, i ? ',' : '[');
        record_encode_json(&mark_item, &marks[i], &json);
        record_encode_value(&mark_item, &marks[i], &msgpack);
    }
    buf_add_char(&json, ']');
    as_json = str_copy(&arena, buf_str(&json));
    as_msgpack = str_copy(&arena, buf_str(&msgpack));
}

/* What apply gets of a mark. */
static void make_message(void)
{
    static struct bus_header headers[] = {
        {STR("ce_specversion"), STR("1.0")},
        {STR("ce_id"), STR("0192f3a0-5b00-7000-8000-000000000011")},
        {STR("ce_source"), STR("/kz/grades")},
        {STR("ce_type"), STR("kz.eiso.grades.mark.recorded.v1")},
        {STR("ce_time"), STR("2026-11-23T08:00:00.123456Z")},
        {STR("content-type"), STR("application/vnd.msgpack")},
        {STR("eiso_position"),
         STR("1764000000000000.123456.789.12 1764000000000000.123456.789.11")},
    };
    CLEANUP(buf_done) struct buf value = {0};
    struct mark mark = marks[0];
    mark.organisation = id_of(4000);
    mark.shift = 1;
    record_encode_value(&mark_recorded_event, &mark, &value);
    message = (struct bus_message){.key = STR("0192f3a0-5b00-7000-8000-000000004000"),
                                   .value = str_copy(&arena, buf_str(&value)),
                                   .headers = headers,
                                   .header_count = COUNT_OF(headers)};
}

static void make_row(void)
{
    row = (struct feed_row){.epoch = 1764000000000000,
                            .xid = 123456,
                            .seq = 789,
                            .kind = FEED_MARK_CORRECTED,
                            .event = id_of(1),
                            .child = id_of(2),
                            .name = STR("Айару"),
                            .subject_kk = STR("Математика"),
                            .subject_ru = STR("Математика"),
                            .facts = {.subject = STR("math"),
                                      .date = date_make(2026, 11, 23),
                                      .lesson = {true, 2},
                                      .work = MARK_FORMATIVE,
                                      .points = {true, 9},
                                      .max_points = {true, 10}},
                            .before = {.points = {true, 7}, .max_points = {true, 10}}};
}

static void make_tokens(void)
{
    remembered = remembered_new();
    for (unsigned i = 0; i < ITEMS; i++) {
        uint8_t digest[32];
        struct token_claims claims = {.kind = PRINCIPAL_CLIENT, .subject = id_of(i)};
        memset(tokens[i], 'x', sizeof tokens[i]);
        memcpy(tokens[i], &i, sizeof i);
        secret_digest((struct str){tokens[i], sizeof tokens[i]}, digest);
        remembered_put(remembered, digest, SECOND_US, &claims);
    }
}

/* ---- What is counted ---- */

static void decode(enum record_format format, struct str body)
{
    CLEANUP(arena_done) struct arena of_the_request = {0};
    struct batch batch;
    struct body_error error;
    ensure(record_decode_batch(&mark_item, format, body, &of_the_request, &batch, &error));
    ensure(batch.count == ITEMS && batch.problems.count == 0);
}

static void decode_marks_json(void)
{
    decode(RECORD_JSON, as_json);
}

static void decode_marks_msgpack(void)
{
    decode(RECORD_MSGPACK, as_msgpack);
}

static void encode_mark_events(void)
{
    CLEANUP(buf_done) struct buf out = {0};
    for (size_t i = 0; i < ITEMS; i++) {
        buf_reset(&out);
        record_encode_head(mark_event(&marks[i]), &marks[i], &out);
    }
}

static void mark_columns_for_sql(void)
{
    CLEANUP(arena_done) struct arena of_the_call = {0};
    struct column *columns = arena_alloc(&of_the_call, mark_columns.count * sizeof *columns);
    record_columns(&mark_columns, mark_pointers, ITEMS, &of_the_call, columns);
}

static void look_up_tokens(void)
{
    for (size_t i = 0; i < ITEMS; i++) {
        uint8_t digest[32];
        struct token_claims claims;
        secret_digest((struct str){tokens[i], sizeof tokens[i]}, digest);
        ensure(remembered_get(remembered, digest, 2 * SECOND_US, &claims));
    }
}

static void read_mark_events(void)
{
    CLEANUP(arena_done) struct arena of_the_batch = {0};
    for (size_t i = 0; i < ITEMS; i++) {
        struct envelope envelope;
        envelope_read(&message, &topic_marks, &of_the_batch, &envelope);
        ensure(!envelope.reason);
    }
}

static void write_feed_texts(void)
{
    CLEANUP(buf_done) struct buf out = {0};
    for (size_t i = 0; i < ITEMS; i++) {
        buf_reset(&out);
        feed_text(&out, i % 2 ? LANGUAGE_KK : LANGUAGE_RU, &row);
    }
}

#define COUNTED(function)   \
    {                       \
#function, function \
    }
static const struct counted {
    const char *name;
    void (*run)(void);
} all[] = {
    COUNTED(decode_marks_json),    COUNTED(decode_marks_msgpack), COUNTED(encode_mark_events),
    COUNTED(mark_columns_for_sql), COUNTED(read_request_heads),   COUNTED(look_up_tokens),
    COUNTED(read_mark_events),     COUNTED(write_feed_texts),
};

__attribute__((noinline)) void measured(const struct counted *counted);
void measured(const struct counted *counted)
{
    counted->run();
}

int main(void)
{
    make_marks();
    make_message();
    make_row();
    make_tokens();
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        all[i].run(); /* what is set up once is not counted */
        measured(&all[i]);
        printf("%s %d\n", all[i].name, ITEMS);
    }
    remembered_free(remembered);
    arena_done(&arena);
    return 0;
}
