#include "api.h"

#include "identity.h"
#include "imports.h"

enum error api_start(struct process *process, struct err *err)
{
    process->state = import_streams_new(process);
    return identity_open(process->common.state, err);
}

void api_stop(struct process *process)
{
    import_streams_free(process->state);
}

/* An officer is a person with the right to write records (libs/auth, role_scopes), never a school
 * system. */
void post_merges(struct http_request *request)
{
    if (auth_principal(request)->kind == PRINCIPAL_ACCOUNT)
        gather_post(request);
    else
        http_problem(request, 403, "forbidden", "an officer merges, not a client");
}
