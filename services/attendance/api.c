#include "api.h"

#include "contracts/registers.h"
#include "domain.h"
#include "service/access.h"
#include "service/facts.h"
#include "service/gather.h"
#include "store.h"

/* ---- POST /v1/registers ---- */

static const char *const fact_outcomes[] = {"created", "duplicate", "rejected", NULL};
static const char *const told[] = {"relay", NULL};

static const size_t originals[] = {offsetof(struct lesson_register, replaces),
                                   offsetof(struct lesson_register, withdraws)};

const struct entrance registers_entrance = {
    .name = "registers",
    .record = &register_item,
    .id_offset = offsetof(struct lesson_register, id),
    .names = OFFSETS(originals),
    .prepare = register_prepare,
    .columns = &register_columns,
    .event = &register_taken_event,
    .event_of = register_event,
    .statement = &store_take_registers,
    .dry = &store_take_registers_dry,
    .outcomes = fact_outcomes,
    .pokes = told,
};

/* ---- POST /v1/absence-changes ---- */

const struct entrance absence_changes_entrance = {
    .name = "absence-changes",
    .record = &absence_change_item,
    .id_offset = offsetof(struct absence_change, id),
    .prepare = absence_change_prepare,
    .columns = &absence_change_columns,
    .event = &absence_changed_event,
    .statement = &store_take_absence_changes,
    .dry = &store_take_absence_changes_dry,
    .outcomes = fact_outcomes,
    .pokes = told,
};

/* ---- GET /v1/learners/{id}/attendance ---- */

static const struct facts absences = {
    .view = &absence_view_record,
    .date_offset = offsetof(struct absence_view, date),
    .id_offset = offsetof(struct absence_view, register_id),
    .statement = &store_learner_absences,
};

static void read_absences(struct http_request *request)
{
    facts_page(request, &absences);
}

void get_learner_attendance(struct http_request *request)
{
    struct uuid learner;
    if (http_path_uuid(request, 0, &learner))
        access_learner(request, &learner, RIGHT_ATTENDANCE, read_absences);
}

/* ---- GET /v1/classes/{id}/registers ---- */

static const struct facts registers = {
    .view = &register_view_record,
    .date_offset = offsetof(struct register_view, date),
    .id_offset = offsetof(struct register_view, id),
    .statement = &store_class_registers,
};

static void read_registers(struct http_request *request)
{
    facts_page(request, &registers);
}

void get_class_registers(struct http_request *request)
{
    struct uuid class;
    if (http_path_uuid(request, 0, &class))
        access_class(request, &class, read_registers);
}
