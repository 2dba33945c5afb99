/* Role push: GET /v1/inbox/stream. What main.c puts together. */
#ifndef NOTIFY_PUSH_H
#define NOTIFY_PUSH_H

#include "service/service.h"

void get_inbox_stream(struct http_request *request);

enum error push_start(struct process *process, struct err *err);
void push_stop(struct process *process);
void push_poked(struct process *process);

#endif
