/* The reference of the topics, AsyncAPI 3: made from the topic table, the event types and their
 * records; its examples are the golden ones. */
#ifndef CONTRACTS_ASYNCAPI_H
#define CONTRACTS_ASYNCAPI_H

#include "base/buf.h"

void asyncapi_print(struct buf *out);

#endif
