/* The audit of reads: whoever reads a child's record without being the child or its guardian leaves
 * a row in `read_audit` (schema/0002_audit.sql): who, whom, when, by which route, and why, where
 * the reader says it in the header Eiso-Purpose (at most 100 printable ASCII characters: a code or
 * the number of an order, never a name).
 *
 * The row is committed before the record is read: a read that cannot be written down is refused
 * (503), and none is lost, whatever dies. All reads that arrive while a call is in flight share the
 * next one, on a connection of their own, so that they wait neither for batches nor for each other.
 *
 * access_learner and access_class (service/access.h) do this by themselves; a route that judges by
 * other means and then shows anything about a learner calls audit_read first. */
#ifndef SERVICE_AUDIT_H
#define SERVICE_AUDIT_H

#include "db/db.h"
#include "http/http.h"
#include "loop/loop.h"

enum audit_subject {
    AUDIT_NONE,
    AUDIT_PERSON, /* a learner, or somebody whose record shows one */
    AUDIT_CLASS   /* everybody in it */
};

/* Calls `then(context)` when the row is committed; answers the request itself otherwise: 503, or
 * 400 `bad_parameter` for a header that is none. `context` must live as long as the request. */
void audit_read(struct http_request *request, enum audit_subject kind, const struct uuid *subject,
                loop_callback *then, void *context);

/* Of a process: made with its first audited read. */
struct audit;
void audit_free(struct audit *audit); /* answers whoever waits with 503; NULL is fine */

/* Role jobs: months ahead, and away with those that are older than three years. */
enum error audit_keep(struct db *db, struct err *err) MUST_CHECK;

/* What an officer looks for; nil or absent: any. */
struct audit_wanted {
    struct uuid person; /* whose record: by whatever id, reads of their classes included */
    struct uuid reader; /* a person or a client */
    struct instant from, to;
    int32_t limit;
};

/* Appends a line for each, the newest first, with tabs: when, "client" or "person", reader,
 * "person" or "class", subject, route, purpose, request id. */
enum error audit_list(struct db *db, const struct audit_wanted *wanted, struct buf *out,
                      struct err *err) MUST_CHECK;

#endif
