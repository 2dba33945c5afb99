/* Role push: GET /v1/indicators/stream. Each stream shows one node and its children: `state` is
 * what GET /v1/indicators?children=1 answers for today, `change` a list of the days that have
 * changed since, latest totals, at most four a second. Coming back begins with the state again. */
#ifndef REPORTS_PUSH_H
#define REPORTS_PUSH_H

#include "service/service.h"

void get_stream(struct http_request *request);

enum error push_start(struct process *process, struct err *err);
void push_stop(struct process *process);
void push_poked(struct process *process);

#endif
