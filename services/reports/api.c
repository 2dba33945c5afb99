#include "api.h"

enum { MOST_DAYS = 400, MOST_DAYS_WITH_CHILDREN = 31, MOST_NODE_LEN = UUID_TEXT_LEN };

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

static bool tree_read(struct http_request *request, enum indicator_tree absent,
                      enum indicator_tree *tree)
{
    struct str given = http_query(request, "tree");
    *tree = absent;
    if (!str_present(given))
        return true;
    for (size_t i = 0; i < indicator_trees.count; i++)
        if (str_equal(given, str_from(indicator_trees.items[i].name))) {
            *tree = (enum indicator_tree)indicator_trees.items[i].value;
            return true;
        }
    return refuse(request, "tree is territory or subordination");
}

bool wanted_node(struct http_request *request, struct indicators_wanted *wanted)
{
    struct str given = http_query(request, "node");
    bool organisation;
    if (!str_present(given) || given.len == 0 || given.len > MOST_NODE_LEN)
        return refuse(request, "node is KZ, a KATO code or an organisation's id");
    wanted->node = node_text(request, given, &organisation);
    if (!organisation && given.len == MOST_NODE_LEN)
        return refuse(request, "node is KZ, a KATO code or an organisation's id");
    return tree_read(request, organisation ? TREE_SUBORDINATION : TREE_TERRITORY, &wanted->tree);
}

static bool wanted_days(struct http_request *request, struct indicators_wanted *wanted)
{
    struct str grain = http_query(request, "grain");
    struct date today = date_today();
    int64_t children;
    if (str_present(grain) && !str_equal(grain, STR("day")))
        return refuse(request, "grain is day for now");
    if (!http_query_date(request, "from", today, &wanted->from) ||
        !http_query_date(request, "to", today, &wanted->to) ||
        !http_query_int(request, "children", 0, 1, 0, &children))
        return false;
    wanted->children = children == 1;
    int32_t most = wanted->children ? MOST_DAYS_WITH_CHILDREN : MOST_DAYS;
    if (wanted->to.day < wanted->from.day || wanted->to.day - wanted->from.day >= most)
        return refuse(request, "from to to: at most 400 days, 31 with children");
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
