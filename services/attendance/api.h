/* What main.c puts together. */
#ifndef ATTENDANCE_API_H
#define ATTENDANCE_API_H

#include "service/service.h"

void post_registers(struct http_request *request);         /* POST /v1/registers */
void get_learner_attendance(struct http_request *request); /* GET /v1/learners/{id}/attendance */

#endif
