/* What main.c puts together. */
#ifndef GRADES_API_H
#define GRADES_API_H

#include "service/gather.h"
#include "service/service.h"

extern const struct entrance marks_entrance;          /* POST /v1/marks */
void get_learner_marks(struct http_request *request); /* GET /v1/learners/{id}/marks */
void get_journal(struct http_request *request);       /* GET /v1/classes/{id}/journal */

#endif
