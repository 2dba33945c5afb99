/* The key that signs tokens. EISO_STATE/signing.jwk signs; signing.next.jwk, once `key rotate` has
 * made it, is published like it and takes its name when it is due. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "signin.h"
#include "store.h"

enum { PUBLISH_EVERY_MS = 60000, AGAIN_MS = 1000, LOOK_EVERY_MS = 1000 };

/* As long as others may keep the old set of /.well-known/jwks.json, and again so long. */
enum { LEAD_S = 600, MOST_LEAD_S = 7 * 24 * 3600 };

struct keys {
    struct signin *signin;
    const char *path, *next_path;
    struct signing_key *next; /* waits for its time; NULL: none was seen */
    struct loop_timer *publish, *look;
};

static const char *path_of(struct process *process, const char *name)
{
    return arena_printf(&process->arena, "%s/%s", process->common.state, name);
}

static struct public_key public_half(const struct signing_key *key, struct arena *arena)
{
    return (struct public_key){.kid = signing_key_id(key), .jwk = signing_key_public(key, arena)};
}

/* ---- The one that signs is known: said again and again, for a database may be set back ---- */

static void published(void *context, const struct result *result, enum error code,
                      const struct err *err)
{
    struct keys *keys = context;
    struct process *process = keys->signin->process;
    (void)result;
    if (process->stop)
        return;
    if (code)
        log_error("the key is not published yet", err);
    else
        process_poke(process, "relay");
    loop_timer_set(keys->publish, code ? AGAIN_MS : PUBLISH_EVERY_MS);
}

static void publish(void *context)
{
    struct keys *keys = context;
    CLEANUP(arena_done) struct arena arena = {0};
    struct public_key key = public_half(keys->signin->key, &arena);
    store_key_signs(keys->signin->process->write, &key, published, keys);
}

/* ---- The next one ---- */

static void take_over(struct keys *keys)
{
    struct err err = {0};
    if (rename(keys->next_path, keys->path) != 0) {
        err_set(&err, ERROR_UNAVAILABLE, "%s: %s", keys->path, strerror(errno));
        log_error("the next key cannot take over", &err);
        return;
    }
    log_line(LOG_INFO, "another key signs", LOG_STR("kid", signing_key_id(keys->next)));
    signing_key_free(keys->signin->key);
    keys->signin->key = keys->next;
    keys->next = NULL;
    loop_timer_set(keys->publish, 0);
}

static void due_known(void *context, const struct result *result, enum error code,
                      const struct err *err)
{
    struct keys *keys = context;
    (void)err;
    if (keys->signin->process->stop)
        return;
    if (!code && result_bool(result, 0, 0))
        take_over(keys);
    loop_timer_set(keys->look, LOOK_EVERY_MS);
}

static void look(void *context)
{
    struct keys *keys = context;
    struct err err = {0};
    enum error code =
        keys->next ? ERROR_NONE : signing_key_load(&keys->next, keys->next_path, false, &err);
    if (code && code != ERROR_NOT_FOUND)
        log_error("the next key cannot be read", &err);
    if (code)
        loop_timer_set(keys->look, code == ERROR_NOT_FOUND ? LOOK_EVERY_MS : PUBLISH_EVERY_MS);
    else
        store_key_is_due(keys->signin->process->read, signing_key_id(keys->next), due_known, keys);
}

/* ---- Beginning and end ---- */

enum error keys_open(struct signin *signin, struct err *err)
{
    struct process *process = signin->process;
    struct keys *keys = ARENA_NEW(&process->arena, struct keys);
    *keys = (struct keys){.signin = signin,
                          .path = path_of(process, "signing.jwk"),
                          .next_path = path_of(process, "signing.next.jwk")};
    enum error code = signing_key_load(&signin->key, keys->path, true, err);
    if (code)
        return code;
    signin->keys = keys;
    keys->publish = loop_timer_new(process->loop, publish, keys);
    keys->look = loop_timer_new(process->loop, look, keys);
    publish(keys);
    loop_timer_set(keys->look, LOOK_EVERY_MS);
    return ERROR_NONE;
}

void keys_close(struct signin *signin)
{
    struct keys *keys = signin->keys;
    loop_timer_free(keys->publish);
    loop_timer_free(keys->look);
    signing_key_free(keys->next);
    signing_key_free(signin->key);
}

/* ---- The operator's command ---- */

/* Repeated, it finds the key that it made. */
static int rotate(struct process *process, struct db *db, int32_t lead_s)
{
    struct signing_key *next;
    struct err err = {0};
    enum error code = signing_key_load(&next, path_of(process, "signing.next.jwk"), true, &err);
    if (!code) {
        struct public_key public = public_half(next, &process->arena);
        code = store_key_announce(db, &public, lead_s, &err);
    }
    if (code) {
        fprintf(stderr, "%s: %s\n", error_info(code)->name, err.text);
    } else {
        printf("kid %.*s\n", STR_ARG(signing_key_id(next)));
        process_poke(process, "relay");
    }
    signing_key_free(next);
    return code ? 1 : 0;
}

static int key_run(struct process *process, struct db *db, int argc, char **argv)
{
    int64_t lead_s = LEAD_S;
    bool rotates = argc >= 2 && strcmp(argv[1], "rotate") == 0;
    bool right = argc == 2 || (argc == 4 && strcmp(argv[2], "after") == 0 &&
                               str_to_int64(str_from(argv[3]), 1, MOST_LEAD_S, &lead_s));
    return rotates && right ? rotate(process, db, (int32_t)lead_s) : 2;
}

const struct command key_command = {"key", "rotate [after SECONDS]", key_run};
