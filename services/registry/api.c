#include "api.h"

#include "identity.h"

enum error api_start(struct process *process, struct err *err)
{
    return identity_open(process->common.state, err);
}
