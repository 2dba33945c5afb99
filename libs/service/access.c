#include "service/access.h"

#include "base/clock.h"
#include "service/service.h"

enum { DOES_NOT_EXIST = 0, MAY_NOT = 1, MAY = 2 };

struct question {
    struct http_request *request;
    http_handler *then;
};

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
    case MAY:
        question->then(request);
        break;
    case MAY_NOT:
        http_problem(request, 403, "forbidden", NULL);
        break;
    default:
        http_problem(request, 404, "not_found", NULL);
    }
}

static void ask(struct http_request *request, const struct statement *statement,
                struct params *params, http_handler *then)
{
    struct question *question = ARENA_NEW(&request->arena, struct question);
    *question = (struct question){request, then};
    param_scope(params, auth_principal(request), &request->arena);
    db_async_exec(process_of(request)->read, statement, params, answered, question);
}

void access_learner(struct http_request *request, const struct uuid *learner,
                    enum guardian_right right, http_handler *then)
{
    static const struct statement statement = {
        "access_learner",
        "select may_see_learner(canonical_of($1), $2, $3, $4::smallint, $5, $6, $7)"};
    struct params params = {0};
    param_uuid(&params, learner);
    param_int(&params, (int32_t)right);
    param_date(&params, date_today());
    ask(request, &statement, &params, then);
}
