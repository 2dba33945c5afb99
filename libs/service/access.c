#include "service/access.h"

#include "base/clock.h"
#include "service/audit.h"
#include "service/service.h"

struct question {
    struct http_request *request;
    http_handler *then;
    enum audit_subject kind;
    struct uuid subject;
};

static void proceed(void *context)
{
    struct question *question = context;
    question->then(question->request);
}

static void answered(void *context, const struct result *result, enum error code,
                     const struct err *err)
{
    struct question *question = context;
    struct http_request *request = question->request;
    if (code) {
        http_error(request, err);
        return;
    }
    switch (result_int(result, 0, 0)) {
    case ACCESS_OFFICE:
        audit_read(request, question->kind, &question->subject, proceed, question);
        break;
    case ACCESS_FAMILY:
        question->then(request);
        break;
    case ACCESS_REFUSED:
        http_problem(request, 403, "forbidden", NULL);
        break;
    default:
        http_problem(request, 404, "not_found", NULL);
    }
}

static void ask(const struct question *asked, const struct statement *statement,
                struct params *params)
{
    struct http_request *request = asked->request;
    struct question *question = ARENA_NEW(&request->arena, struct question);
    *question = *asked;
    param_scope(params, auth_principal(request), &request->arena);
    db_async_exec(process_of(request)->read, statement, params, answered, question);
}

void access_learner(struct http_request *request, const struct uuid *learner,
                    enum guardian_right right, http_handler *then)
{
    static const struct statement statement = {
        "access_learner", "select may_see_learner($1, $2, $3, $4::smallint, $5, $6, $7)"};
    struct params params = {0};
    param_uuid(&params, learner);
    param_int(&params, (int32_t)right);
    param_date(&params, date_today());
    ask(&(struct question){request, then, AUDIT_PERSON, *learner}, &statement, &params);
}

void access_class(struct http_request *request, const struct uuid *class, http_handler *then)
{
    static const struct statement statement = {
        "access_class", "select may_see_class($1, $2::smallint, $3, $4, $5)"};
    struct params params = {0};
    param_uuid(&params, class);
    ask(&(struct question){request, then, AUDIT_CLASS, *class}, &statement, &params);
}
