/* The key under which an IIN is found: HMAC-SHA-256, so that whoever reads the database alone
 * cannot try all 12-digit numbers. One key an installation, in EISO_STATE/identity.key (mode 0600);
 * losing it means to hash all IINs anew. */
#ifndef REGISTRY_IDENTITY_H
#define REGISTRY_IDENTITY_H

#include "base/error.h"
#include "base/uuid.h"

/* Loads the key for the life of the process, makes one where there is none; of several processes
 * that do so at once, all get the same. ERROR_INVALID: others may read it, or it is none;
 * ERROR_UNAVAILABLE. */
enum error identity_open(const char *folder, struct err *err) MUST_CHECK;

/* 128 bits of the keyed hash; nil for an absent text. */
struct uuid identity_hash(struct str text);

#endif
