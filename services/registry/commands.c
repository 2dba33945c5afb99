#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contracts/registry.h"
#include "store.h"

enum { DONE = 0, FAILED = 1, MISUSED = 2, PASSWORD_CHARACTERS = 20 };

/* Ends the transaction of a command. */
static enum error settle(struct db *db, enum error code, struct err *err)
{
    if (!code)
        return db_commit(db, err);
    db_rollback(db);
    return code;
}

static int finish(struct process *process, enum error code, const struct err *err)
{
    if (code)
        fprintf(stderr, "%s: %s\n", error_info(code)->name, err->text);
    else
        process_poke(process, "relay");
    return code ? FAILED : DONE;
}

static struct str digest_of(struct str secret, struct arena *arena)
{
    uint8_t *bytes = arena_alloc(arena, 32);
    secret_digest(secret, bytes);
    return (struct str){(const char *)bytes, 32};
}

static bool is(const char *argument, const char *word)
{
    return strcmp(argument, word) == 0;
}

/* ---- Clients ---- */

enum error client_make(struct db *db, const struct new_client *new, struct str *secret,
                       struct arena *arena, struct err *err)
{
    const struct client client = {
        .id = new->id,
        .name = new->name,
        .node = new->node,
        .scopes = (int32_t) new->scopes,
        .active = true,
        .revision = 1,
    };
    *secret = secret_make(arena);
    enum error code = db_begin(db, err);
    if (!code)
        code = store_client_add(db, &client, digest_of(*secret, arena), err);
    return settle(db, code, err);
}

static int client_add(struct process *process, struct db *db, char **argv)
{
    struct new_client client = {.id = uuid_v7(), .name = str_from(argv[1])};
    struct str secret;
    struct err err = {0};
    bool known;
    char id[UUID_TEXT_LEN + 1];
    client.scopes = scopes_parse(str_from(argv[2]), &known) & ~(unsigned)SCOPE_INBOX;
    if (!uuid_parse(str_from(argv[0]), &client.node) || !known || !client.scopes)
        return MISUSED;
    enum error code = client_make(db, &client, &secret, &process->arena, &err);
    if (!code)
        printf("id     %s\nsecret %.*s\n", uuid_format(&client.id, id), STR_ARG(secret));
    return finish(process, code, &err);
}

enum error client_renew(struct db *db, const struct uuid *client, struct str *secret,
                        struct arena *arena, struct err *err)
{
    *secret = secret_make(arena);
    enum error code = db_begin(db, err);
    if (!code)
        code = store_client_rotate(db, client, digest_of(*secret, arena), err);
    return settle(db, code, err);
}

static int client_rotate(struct process *process, struct db *db, const struct uuid *client)
{
    struct str secret;
    struct err err = {0};
    enum error code = client_renew(db, client, &secret, &process->arena, &err);
    if (!code)
        printf("secret %.*s\n", STR_ARG(secret));
    return finish(process, code, &err);
}

static int client_revoke(struct process *process, struct db *db, const struct uuid *client)
{
    struct err err = {0};
    enum error code = db_begin(db, &err);
    if (!code)
        code = store_client_revoke(db, client, &err);
    return finish(process, settle(db, code, &err), &err);
}

static int client_run(struct process *process, struct db *db, int argc, char **argv)
{
    struct uuid client;
    if (argc == 5 && is(argv[1], "add"))
        return client_add(process, db, argv + 2);
    if (argc != 3 || !uuid_parse(str_from(argv[2]), &client))
        return MISUSED;
    if (is(argv[1], "rotate"))
        return client_rotate(process, db, &client);
    return is(argv[1], "revoke") ? client_revoke(process, db, &client) : MISUSED;
}

const struct command client_command = {"client", "add NODE NAME SCOPES | rotate ID | revoke ID",
                                       client_run};

/* ---- Accounts ---- */

/* As the event has it: a struct account_role_at. */
static struct str role_json(enum account_role role, const struct uuid *at, struct arena *arena)
{
    char node[UUID_TEXT_LEN + 1];
    return str_from(arena_printf(arena, "{\"role\":\"%s\",\"node\":\"%s\"}",
                                 account_roles.items[role - 1].name, uuid_format(at, node)));
}

static struct str roles_json(const struct new_account *new, struct arena *arena)
{
    if (!new->role)
        return STR("[]");
    struct str role = role_json(new->role, &new->node, arena);
    return str_from(arena_printf(arena, "[%.*s]", STR_ARG(role)));
}

/* Random, 120 bits: whoever gets it changes it when accounts have pages of their own. */
static bool password_make(struct str *password, struct str *hash, struct arena *arena)
{
    *password = secret_make(arena);
    password->len = PASSWORD_CHARACTERS;
    return password_hash(*password, hash, arena);
}

enum error account_make(struct db *db, const struct new_account *new, struct str *password,
                        struct arena *arena, struct err *err)
{
    struct account_adding adding = {
        .id = uuid_v7(),
        .person = new->person,
        .node = new->node,
        .login = new->login,
        .locale = STR("kk"),
        .roles = roles_json(new, arena),
    };
    if (!password_make(password, &adding.hash, arena))
        return err_set(err, ERROR_UNAVAILABLE, "no memory to hash a password");
    enum error code = db_begin(db, err);
    if (!code)
        code = store_account_add(db, &adding, err);
    return settle(db, code, err);
}

/* "official@NODE" */
static bool read_role(struct str text, struct new_account *new)
{
    struct str name = str_cut(&text, '@');
    for (size_t i = 0; i < account_roles.count; i++)
        if (str_equal(name, str_from(account_roles.items[i].name)))
            new->role = account_roles.items[i].value;
    return new->role &&uuid_parse(text, &new->node);
}

static bool is_login(struct str login)
{
    for (size_t i = 0; i < login.len; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_-.@", login.ptr[i]))
            return false;
    return login.len >= 3 && login.len <= 64;
}

static int account_add(struct process *process, struct db *db, int argc, char **argv)
{
    struct new_account account = {.login = str_from(argv[1])};
    struct str password;
    struct err err = {0};
    if (!uuid_parse(str_from(argv[0]), &account.person) || !is_login(account.login) ||
        (argc == 4 && (!is(argv[2], "--role") || !read_role(str_from(argv[3]), &account))))
        return MISUSED;
    enum error code = account_make(db, &account, &password, &process->arena, &err);
    if (!code)
        printf("password %.*s\n", STR_ARG(password));
    return finish(process, code, &err);
}

enum error account_renew(struct db *db, const char *login, struct str *password,
                         struct arena *arena, struct err *err)
{
    struct str hash;
    if (!password_make(password, &hash, arena))
        return err_set(err, ERROR_UNAVAILABLE, "no memory to hash a password");
    enum error code = db_begin(db, err);
    if (!code)
        code = store_account_reset(db, str_from(login), hash, err);
    return settle(db, code, err);
}

static int account_reset(struct process *process, struct db *db, const char *login)
{
    struct str password;
    struct err err = {0};
    enum error code = account_renew(db, login, &password, &process->arena, &err);
    if (!code)
        printf("password %.*s\n", STR_ARG(password));
    return finish(process, code, &err);
}

static int account_lock(struct process *process, struct db *db, const char *login)
{
    struct err err = {0};
    enum error code = db_begin(db, &err);
    if (!code)
        code = store_account_lock(db, str_from(login), &err);
    return finish(process, settle(db, code, &err), &err);
}

static int account_role(struct process *process, struct db *db, char **argv)
{
    struct new_account given = {0};
    struct err err = {0};
    bool grants = is(argv[0], "grant");
    if ((!grants && !is(argv[0], "withdraw")) || !read_role(str_from(argv[2]), &given))
        return MISUSED;
    const struct role_change change = {
        .login = str_from(argv[1]),
        .role = role_json(given.role, &given.node, &process->arena),
        .node = given.node,
        .given = grants,
    };
    enum error code = db_begin(db, &err);
    if (!code)
        code = store_account_role(db, &change, &err);
    return finish(process, settle(db, code, &err), &err);
}

static int account_run(struct process *process, struct db *db, int argc, char **argv)
{
    if ((argc == 4 || argc == 6) && is(argv[1], "add"))
        return account_add(process, db, argc - 2, argv + 2);
    if (argc == 4)
        return account_role(process, db, argv + 1);
    if (argc != 3)
        return MISUSED;
    if (is(argv[1], "reset"))
        return account_reset(process, db, argv[2]);
    return is(argv[1], "lock") ? account_lock(process, db, argv[2]) : MISUSED;
}

const struct command account_command = {
    "account",
    "add PERSON LOGIN [--role ROLE@NODE] | reset LOGIN | lock LOGIN | grant LOGIN ROLE@NODE | "
    "withdraw LOGIN ROLE@NODE",
    account_run};
