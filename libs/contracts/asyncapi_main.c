/* eiso-contracts --asyncapi: prints the reference of the topics. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "contracts/asyncapi.h"

int main(int argc, char **argv)
{
    CLEANUP(buf_done) struct buf out = {0};
    if (argc != 2 || strcmp(argv[1], "--asyncapi") != 0) {
        fprintf(stderr, "usage: eiso-contracts --asyncapi\n");
        return 2;
    }
    asyncapi_print(&out);
    fwrite(out.ptr, 1, out.len, stdout);
    return fflush(stdout) ? 1 : 0;
}
