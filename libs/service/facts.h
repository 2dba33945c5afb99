/* Pages of the facts of a learner or class, newest first: GET
 * /v1/learners/{id}/x?from=&to=&limit=&cursor=. Without `from` and `to` from the oldest date that
 * is taken to today; `limit` is 1 to 500, or 100. */
#ifndef SERVICE_FACTS_H
#define SERVICE_FACTS_H

#include "db/db.h"
#include "http/http.h"

struct facts {
    const struct record *view; /* a row; a date and an id in it name its place */
    size_t date_offset, id_offset;
    /* $1 uuid the one of the path, $2 and $3 date first and last, $4 date and $5 uuid: rows before
     * that place (NULL: from the newest on), $6 integer: how many at the most. Columns of `view`.
     */
    const struct statement *statement;
};

/* A handler, behind access_learner or access_class: reads a page and answers it. Its route has
 * `facts_query` and answers a list of `view`. */
void facts_page(struct http_request *request, const struct facts *facts);

extern const struct parameters facts_query;

#endif
