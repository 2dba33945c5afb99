/* What an operator does with clients and accounts. */
#ifndef REGISTRY_COMMANDS_H
#define REGISTRY_COMMANDS_H

#include "contracts/registry.h"
#include "service/service.h"

extern const struct command client_command, account_command;

/* What the commands make, for the demo, too: printed once, kept only as a hash. In the arena. */
struct new_client {
    struct uuid id, node;
    struct str name;
    unsigned scopes;
};
enum error client_make(struct db *db, const struct new_client *client, struct str *secret,
                       struct arena *arena, struct err *err) MUST_CHECK;
enum error client_renew(struct db *db, const struct uuid *client, struct str *secret,
                        struct arena *arena, struct err *err) MUST_CHECK;

/* `node` nil: no role. */
struct new_account {
    struct uuid person, node;
    struct str login;
    enum account_role role;
};
enum error account_make(struct db *db, const struct new_account *account, struct str *password,
                        struct arena *arena, struct err *err) MUST_CHECK;
enum error account_renew(struct db *db, const char *login, struct str *password,
                         struct arena *arena, struct err *err) MUST_CHECK;

#endif
