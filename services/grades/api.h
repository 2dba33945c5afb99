/* What main.c puts together. */
#ifndef GRADES_API_H
#define GRADES_API_H

#include "service/service.h"

void post_marks(struct http_request *request);        /* POST /v1/marks */
void get_learner_marks(struct http_request *request); /* GET /v1/learners/{id}/marks */

#endif
