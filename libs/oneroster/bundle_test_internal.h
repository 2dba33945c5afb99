/* Bundles for tests: a zip of texts. */
#ifndef ONEROSTER_BUNDLE_TEST_INTERNAL_H
#define ONEROSTER_BUNDLE_TEST_INTERNAL_H

#include <stddef.h>
#include <string.h>
#include <zip.h>

#include "base/error.h"

struct bundle_file {
    const char *name, *text;
};

static inline void bundle_make(const char *path, const struct bundle_file *files, size_t count)
{
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    ensure(zip);
    for (size_t i = 0; i < count; i++) {
        zip_source_t *source = zip_source_buffer(zip, files[i].text, strlen(files[i].text), 0);
        ensure(zip_file_add(zip, files[i].name, source, ZIP_FL_ENC_UTF_8) >= 0);
    }
    ensure(zip_close(zip) == 0);
}

#endif
