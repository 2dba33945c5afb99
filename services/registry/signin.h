/* Role signin: tokens for clients, sessions for people. One process, for a password's hash takes
 * 19 MiB and some 30 ms: one at a time, between them the loop goes round. */
#ifndef REGISTRY_SIGNIN_H
#define REGISTRY_SIGNIN_H

#include "passwords.h"
#include "service/service.h"

struct signin {
    struct process *process;
    struct signing_key *key;
    struct passwords *passwords;
    struct keys *keys;
};

/* A listener's start and stop. */
enum error signin_start(struct process *process, struct err *err);
void signin_stop(struct process *process);

static inline struct signin *signin_of(const struct http_request *request)
{
    return process_of(request)->state;
}

/* keys.c: the key that signs is published, and another one takes over when `key rotate` announced
 * it, everybody has it and its time has come. */
enum error keys_open(struct signin *signin, struct err *err);
void keys_close(struct signin *signin);
extern const struct command key_command;

/* token.c */
extern const struct record token_form_record, token_answer_record, token_refusal_record;
void post_token(struct http_request *request); /* POST /oauth/token */
void get_keys(struct http_request *request);   /* GET /.well-known/jwks.json */

/* session.c */
extern const struct record login_record, me_record;
void post_session(struct http_request *request);       /* POST /v1/session */
void post_session_renew(struct http_request *request); /* POST /v1/session/renew */
void delete_session(struct http_request *request);     /* DELETE /v1/session */
void get_me(struct http_request *request);             /* GET /v1/me */

#endif
