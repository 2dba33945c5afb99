/* `eiso-registry demo`: a district with four schools that do not exist, and logins to look at it.
 */
#ifndef REGISTRY_DEMO_H
#define REGISTRY_DEMO_H

#include "service/service.h"

extern const struct command demo_command;

#endif
