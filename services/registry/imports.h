/* Imports of OneRoster bundles: a job each, made over HTTP (imports.c), done by role jobs
 * (import_job.c). The bundle lies in EISO_STATE/imports/<id>.zip until the job has ended. */
#ifndef REGISTRY_IMPORTS_H
#define REGISTRY_IMPORTS_H

#include "oneroster/oneroster.h"
#include "service/service.h"

enum import_state {
    IMPORT_WAITING = 1,
    IMPORT_READING,
    IMPORT_WRITING,
    IMPORT_DONE,
    IMPORT_FAILED
};

/* As its maker sees it. */
struct import {
    struct uuid id;
    enum import_state state;
    struct str source;
    int64_t bytes;       /* of the zip */
    int64_t read, total; /* rows; total 0: not known before all are read */
    int64_t done;        /* written or refused */
    int64_t created, updated, unchanged, rejected; /* items of the registry; rows refused */
    int32_t kept;                                  /* of what can be fetched of the refused rows */
    struct optional seconds_left;
    struct str problem, title; /* why it failed: code, and in words */
    struct instant created_at, started_at, finished_at;
};
extern const struct record import_record;
extern const struct stream_event import_events[];
extern const struct values
    import_charsets; /* numbers are those of enum oneroster_charset, and one */

const char *import_path(const char *state_folder, const struct uuid *id, struct arena *arena);

/* ---- Role api ---- */

struct import_streams;
struct import_streams *import_streams_new(struct process *process);
void import_streams_free(struct import_streams *streams); /* NULL is fine */

void post_import(struct http_request *request);         /* POST /v1/imports */
void get_imports(struct http_request *request);         /* GET /v1/imports */
void get_import(struct http_request *request);          /* GET /v1/imports/{id} */
void get_import_stream(struct http_request *request);   /* GET /v1/imports/{id}/stream */
void get_import_rejected(struct http_request *request); /* GET /v1/imports/{id}/rejected */

/* ---- Role jobs ---- */

/* The jobs that wait, one after the other, for at most ten minutes; a job that was broken off goes
 * on where it stood. */
enum error imports_run(struct process *process, struct db *db, struct err *err) MUST_CHECK;

/* Jobs that ended 30 days ago, and bundles that no job needs. */
enum error imports_sweep(struct process *process, struct db *db, struct err *err) MUST_CHECK;

#endif
