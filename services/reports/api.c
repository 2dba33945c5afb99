#include "api.h"

enum { MOST_DAYS = 400, MOST_DAYS_WITH_CHILDREN = 31 };

static bool refuse(struct http_request *request, const char *detail)
{
    http_problem(request, 400, "bad_parameter", detail);
    return false;
}

/* An id in lower case, as it stands in the tables; anything else as it is. */
static struct str node_text(struct http_request *request, struct str given, bool *organisation)
{
    struct uuid id;
    *organisation = uuid_parse(given, &id);
    if (!*organisation)
        return given;
    char *text = arena_alloc(&request->arena, UUID_TEXT_LEN + 1);
    return str_from(uuid_format(&id, text));
}

bool wanted_node(struct http_request *request, struct indicators_wanted *wanted)
{
    struct str given = http_query(request, "node");
    unsigned tree = http_query_value(request, "tree");
    bool organisation;
    wanted->node = node_text(request, given, &organisation);
    if (!organisation && given.len == MOST_NODE_LEN)
        return refuse(request, "node: KZ, a KATO code or an organisation's id");
    if (!tree)
        tree = organisation ? TREE_SUBORDINATION : TREE_TERRITORY;
    wanted->tree = (enum indicator_tree)tree;
    return true;
}

static bool wanted_days(struct http_request *request, struct indicators_wanted *wanted)
{
    struct date today = date_today();
    wanted->from = http_query_date(request, "from", today);
    wanted->to = http_query_date(request, "to", today);
    wanted->children = http_query_int(request, "children") == 1;
    int32_t most = wanted->children ? MOST_DAYS_WITH_CHILDREN : MOST_DAYS;
    if (wanted->to.day < wanted->from.day || wanted->to.day - wanted->from.day >= most)
        return refuse(request, "from, to: at most 400 days, 31 with children");
    return true;
}

static void indicators_arrived(void *context, const struct result *result, enum error code,
                               const struct err *err)
{
    struct http_request *request = context;
    if (code) {
        http_error(request, err);
        return;
    }
    size_t count;
    const struct indicator_row *rows =
        result_records(result, &indicator_row_record, &request->arena, &count);
    if (count == 0)
        http_problem(request, 404, "not_found", NULL);
    else
        http_answer_json(request, 200, &node_view_record,
                         node_view_of(rows, count, &request->arena));
}

void get_indicators(struct http_request *request)
{
    struct indicators_wanted wanted = {0};
    if (wanted_node(request, &wanted) && wanted_days(request, &wanted))
        store_indicators(process_of(request)->read, &wanted, auth_principal(request),
                         &request->arena, indicators_arrived, request);
}
