/* What the files of cost-functions share. */
#ifndef COST_H
#define COST_H

enum { ITEMS = 500 };

void read_request_heads(void);

#endif
