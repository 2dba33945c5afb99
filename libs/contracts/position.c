#include "contracts/position.h"

#include <stdio.h>

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

int position_compare(const struct position *a, const struct position *b)
{
    int order = compare(a->epoch, b->epoch);
    if (order == 0)
        order = compare(a->xid, b->xid);
    if (order == 0)
        order = compare(a->seq, b->seq);
    return order ? order : compare(a->index, b->index);
}

bool position_is_zero(const struct position *position)
{
    return position->epoch == 0 && position->xid == 0 && position->seq == 0 && position->index == 0;
}

bool position_parse(struct str text, struct position *position)
{
    struct position parsed = {0};
    int64_t index = 0;
    struct str rest = text;
    if (!str_to_int64(str_cut(&rest, '.'), 0, INT64_MAX, &parsed.epoch) ||
        !str_to_int64(str_cut(&rest, '.'), 0, INT64_MAX, &parsed.xid) ||
        !str_to_int64(str_cut(&rest, '.'), 0, INT64_MAX, &parsed.seq))
        return false;
    if (str_present(rest) && !str_to_int64(rest, 0, INT32_MAX, &index))
        return false;
    parsed.index = (int32_t)index;
    *position = parsed;
    return true;
}

char *position_format(const struct position *position, char text[POSITION_TEXT_LEN + 1])
{
    snprintf(text, POSITION_TEXT_LEN + 1, "%lld.%lld.%lld.%d", (long long)position->epoch,
             (long long)position->xid, (long long)position->seq, position->index);
    return text;
}
