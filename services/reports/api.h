/* What main.c puts together. */
#ifndef REPORTS_API_H
#define REPORTS_API_H

#include "service/service.h"
#include "store.h"

enum { MOST_NODE_LEN = UUID_TEXT_LEN };

void get_indicators(struct http_request *request); /* GET /v1/indicators */

/* Node and tree of the query; the rest of `wanted` is left. An organisation's id without a tree is
 * asked in subordination, a place in the territory. Answers 400 itself and returns false where they
 * are wrong. Texts in the request's arena. */
bool wanted_node(struct http_request *request, struct indicators_wanted *wanted);

#endif
