/* May this caller see that learner, or that class? Asked of the copies (intake's
 * schema/0003_rights.sql) before a handler reads. What is outside of the caller's subtree does not
 * exist (404); inside it, without the right, 403. Who sees it by office or as a client, not as the
 * learner or its guardian, leaves a row in the audit of reads first (service/audit.h). */
#ifndef SERVICE_ACCESS_H
#define SERVICE_ACCESS_H

#include "contracts/registry.h"
#include "http/http.h"

/* What the SQL functions for rights answer. */
enum access { ACCESS_NONE = 0, ACCESS_REFUSED = 1, ACCESS_FAMILY = 2, ACCESS_OFFICE = 3 };

/* Both call `then` with the request when the caller may; they answer it otherwise. */
void access_learner(struct http_request *request, const struct uuid *learner,
                    enum guardian_right right, http_handler *then);

/* Everything of a class: those who teach it, and the subtree of its organisation. */
void access_class(struct http_request *request, const struct uuid *class, http_handler *then);

#endif
