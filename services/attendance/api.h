/* What main.c puts together. */
#ifndef ATTENDANCE_API_H
#define ATTENDANCE_API_H

#include "service/gather.h"
#include "service/service.h"

extern const struct entrance registers_entrance;           /* POST /v1/registers */
extern const struct entrance absence_changes_entrance;     /* POST /v1/absence-changes */
void get_learner_attendance(struct http_request *request); /* GET /v1/learners/{id}/attendance */
void get_class_registers(struct http_request *request);    /* GET /v1/classes/{id}/registers */

#endif
