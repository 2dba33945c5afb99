/* A sender's batch as each of the API's records has it, rules across fields included: the record's
 * name on the first line, JSON behind it. What is taken goes to SQL and to the topic. */
#include "base/cleanup.h"
#include "contracts/marks.h"
#include "contracts/notify.h"
#include "contracts/registers.h"
#include "contracts/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a sender writes; what becomes of it, where that is another record. */
static const struct {
    const struct record *item, *event, *columns;
    const struct record *(*event_of)(const void *item); /* where an item decides it */
} taken[] = {
    {&mark_item, &mark_recorded_event, &mark_columns, mark_event},
    {&register_item, &register_taken_event, &register_columns, register_event},
    {&absence_change_item, &absence_changed_event, &absence_change_columns},
    {&organisation_item, &organisation_event, &organisation_columns},
    {&person_item, &person_event, &person_columns},
    {&class_item, &class_event, &class_columns},
    {&enrolment_item, &enrolment_event, &enrolment_columns},
    {&assignment_item, &assignment_event, &assignment_columns},
    {&guardian_item, &guardian_event, &guardian_columns},
    {&merge_item, NULL, &merge_columns},
    {&inbox_read_item, NULL, NULL},
};

static size_t find(struct str name)
{
    size_t i = 0;
    while (i < COUNT_OF(taken) && !str_equal(name, str_from(taken[i].item->name)))
        i++;
    return i;
}

static void write_out(size_t index, const void *item, struct arena *arena)
{
    CLEANUP(buf_done) struct buf head = {0};
    struct column columns[64];
    if (taken[index].event) {
        record_encode_head(taken[index].event_of ? taken[index].event_of(item) : taken[index].event,
                           item, &head);
        ensure(head.len > 0);
    }
    if (taken[index].columns)
        record_columns(taken[index].columns, (const void *const[]){item}, 1, arena, columns);
}

static void check_problems(const struct batch *batch)
{
    for (size_t i = 0; i < batch->problems.count; i++) {
        const struct problem *problem = &batch->problems.items[i];
        ensure(problem->index < batch->count && batch->bad[problem->index]);
        ensure(problem->pointer[0] == '\0' || problem->pointer[0] == '/');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct str rest = {(const char *)data, size};
    size_t index = find(str_cut(&rest, '\n'));
    struct batch batch;
    struct body_error error = {0};
    if (index == COUNT_OF(taken) || !str_present(rest) ||
        !record_decode_batch(taken[index].item, RECORD_JSON, rest, &arena, &batch, &error))
        return 0;
    check_problems(&batch);
    for (size_t i = 0; i < batch.count; i++)
        if (!batch.bad[i])
            write_out(index, (const char *)batch.items + i * taken[index].item->size, &arena);
    return 0;
}
