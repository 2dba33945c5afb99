#include "base/fault.h"

#ifdef EISO_FAULTS
#include <signal.h>
#include <stdlib.h>
#include <string.h>

void fault_point(const char *name)
{
    static int reached;
    const char *wanted = getenv("EISO_FAULT");
    size_t length = strlen(name);
    if (!wanted || strncmp(wanted, name, length) != 0)
        return;
    const char *rest = wanted + length;
    if (strcmp(rest, "=pause") == 0)
        raise(SIGSTOP);
    else if (*rest == '\0' || (*rest == ':' && ++reached == atoi(rest + 1)))
        raise(SIGKILL);
}
#else
typedef int fault_is_off; /* ISO C wants at least one declaration */
#endif
