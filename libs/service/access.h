/* May this caller see that learner? Asked of the copies (intake's schema/0003_rights.sql)
 * before a handler reads. What is outside of the caller's subtree does not exist (404); inside it,
 * without the right, 403. */
#ifndef SERVICE_ACCESS_H
#define SERVICE_ACCESS_H

#include "contracts/registry.h"
#include "http/http.h"

/* Calls `then` with the request when the caller may; answers it otherwise. */
void access_learner(struct http_request *request, const struct uuid *learner,
                    enum guardian_right right, http_handler *then);

#endif
