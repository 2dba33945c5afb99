#include "api.h"

#include "entrances.h"
#include "identity.h"

enum error api_start(struct process *process, struct err *err)
{
    return identity_open(process->common.state, err);
}

/* ---- Batches ---- */

void post_organisations(struct http_request *request)
{
    gather_batch(request, &organisations_entrance);
}

void post_people(struct http_request *request)
{
    gather_batch(request, &people_entrance);
}

void post_classes(struct http_request *request)
{
    gather_batch(request, &classes_entrance);
}

void post_enrolments(struct http_request *request)
{
    gather_batch(request, &enrolments_entrance);
}

void post_assignments(struct http_request *request)
{
    gather_batch(request, &assignments_entrance);
}

void post_guardians(struct http_request *request)
{
    gather_batch(request, &guardians_entrance);
}
