/* What main.c puts together. */
#ifndef REGISTRY_API_H
#define REGISTRY_API_H

#include "entrances.h"
#include "service/service.h"

/* A listener's start: the key of the IINs' hashes; who watches imports. */
enum error api_start(struct process *process, struct err *err);
void api_stop(struct process *process);

void post_merges(struct http_request *request); /* a batch, for officers only */

/* reads.c */
void get_organisations(struct http_request *request);  /* GET /v1/organisations?parent= */
void get_organisation(struct http_request *request);   /* GET /v1/organisations/{id} */
void get_classes(struct http_request *request);        /* GET /v1/classes?organisation= */
void get_class_learners(struct http_request *request); /* GET /v1/classes/{id}/learners */
void get_person(struct http_request *request);         /* GET /v1/people/{id} */
void get_people(struct http_request *request);         /* GET /v1/people?source=&sourced_id= */

#endif
