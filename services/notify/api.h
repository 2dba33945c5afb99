/* What main.c puts together. */
#ifndef NOTIFY_API_H
#define NOTIFY_API_H

#include "service/service.h"

void get_inbox(struct http_request *request);          /* GET /v1/inbox */
void get_inbox_children(struct http_request *request); /* GET /v1/inbox/children */
void post_inbox_read(struct http_request *request);    /* POST /v1/inbox/read */

#endif
