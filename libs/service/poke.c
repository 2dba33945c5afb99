#include <stdio.h>

#include "service/service_internal.h"

char *process_poke_path(struct process *process, const char *role, int64_t slot)
{
    return arena_printf(&process->arena, "%s/%s-%s-%lld.poke", process->common.pokes,
                        process->service->name, role, (long long)slot);
}

void process_poke(const struct process *process, const char *role)
{
    char path[256]; /* a longer one is no socket's address, and poke_send knows */
    int processes = service_processes(process->service, role);
    for (int slot = 0; slot < processes; slot++) {
        snprintf(path, sizeof path, "%s/%s-%s-%d.poke", process->common.pokes,
                 process->service->name, role, slot);
        poke_send(path);
    }
}
