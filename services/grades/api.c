#include "api.h"

#include "contracts/marks.h"
#include "domain.h"
#include "service/access.h"
#include "service/facts.h"
#include "service/gather.h"
#include "store.h"

/* ---- POST /v1/marks ---- */

static const char *const fact_outcomes[] = {"created", "duplicate", "rejected", NULL};
static const char *const told[] = {"relay", NULL};

static const size_t originals[] = {offsetof(struct mark, replaces),
                                   offsetof(struct mark, withdraws)};

const struct entrance marks_entrance = {
    .name = "marks",
    .record = &mark_item,
    .id_offset = offsetof(struct mark, id),
    .names = OFFSETS(originals),
    .names_suffice = true,
    .prepare = mark_prepare,
    .columns = &mark_columns,
    .event = &mark_recorded_event,
    .event_of = mark_event,
    .statement = &store_take_marks,
    .dry = &store_take_marks_dry,
    .outcomes = fact_outcomes,
    .pokes = told,
};

/* ---- GET /v1/learners/{id}/marks ---- */

static const struct facts learner_marks = {
    .view = &mark_view,
    .date_offset = offsetof(struct mark, date),
    .id_offset = offsetof(struct mark, id),
    .statement = &store_learner_marks,
};

static void read_learner_marks(struct http_request *request)
{
    facts_page(request, &learner_marks);
}

void get_learner_marks(struct http_request *request)
{
    struct uuid learner;
    if (http_path_uuid(request, 0, &learner))
        access_learner(request, &learner, RIGHT_MARKS, read_learner_marks);
}

/* ---- GET /v1/classes/{id}/journal ---- */

static const struct facts journal = {
    .view = &mark_view,
    .date_offset = offsetof(struct mark, date),
    .id_offset = offsetof(struct mark, id),
    .statement = &store_journal,
};

static void read_journal(struct http_request *request)
{
    facts_page(request, &journal);
}

void get_journal(struct http_request *request)
{
    struct uuid class;
    if (http_path_uuid(request, 0, &class))
        access_class(request, &class, read_journal);
}
