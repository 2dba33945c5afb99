/* A file that the build put into the program (eiso_embed in cmake/eiso.cmake). */
#ifndef BASE_EMBEDDED_H
#define BASE_EMBEDDED_H

#include <stddef.h>

struct embedded {
    const char *name;  /* without its folder */
    const char *bytes; /* NUL-terminated behind its end */
    size_t length;
};

#endif
