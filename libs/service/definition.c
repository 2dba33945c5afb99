/* What a service's definition means: which roles it has, and how many processes of each. */
#include <string.h>

#include "service/service_internal.h"

bool service_emits(const struct service *service)
{
    return service->log_keep_days >= 0;
}

bool service_applies(const struct service *service)
{
    return service->subscriptions.count > 0;
}

const struct listener *service_listener(const struct service *service, const char *role)
{
    for (size_t i = 0; i < service->listeners.count; i++)
        if (strcmp(service->listeners.items[i].role, role) == 0)
            return &service->listeners.items[i];
    return NULL;
}

int service_processes(const struct service *service, const char *role)
{
    const struct listener *listener = service_listener(service, role);
    int processes = listener                     ? listener->processes
                    : strcmp(role, "apply") == 0 ? service->apply_processes
                                                 : 1;
    return processes ? processes : 1;
}

bool service_has_role(const struct service *service, const char *role)
{
    if (strcmp(role, "apply") == 0)
        return service_applies(service);
    if (strcmp(role, "relay") == 0)
        return service_emits(service);
    return strcmp(role, "jobs") == 0 || strcmp(role, "migrate") == 0 ||
           service_listener(service, role) != NULL;
}
