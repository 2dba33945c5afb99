/* Writing JSON member by member, for documents that are made once: descriptions, schemas. A comma
 * goes before whatever follows a value. `name` NULL: an item of a list, or the whole document. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

void json_begin(struct buf *out, const char *name, char bracket); /* '{' or '[' */
void json_end(struct buf *out, char bracket);                     /* '}' or ']' */
void json_text(struct buf *out, const char *name, const char *text);
void json_str(struct buf *out, const char *name, struct str text);
void json_number(struct buf *out, const char *name, int64_t number);
void json_flag(struct buf *out, const char *name, bool flag);
void json_raw(struct buf *out, const char *name, struct str json); /* is JSON already */

#endif
