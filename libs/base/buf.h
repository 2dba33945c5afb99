/* A growing run of bytes that is written once and read once: an answer, a parameter, a log line.
 * Zeroed is empty and valid. Grows by doubling; aborts where the system has no memory. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct buf {
    char *ptr;
    size_t len, capacity;
};

void buf_reserve(struct buf *buf, size_t more_bytes); /* room for so many behind the end */
void buf_add(struct buf *buf, const void *bytes, size_t count);
void buf_add_str(struct buf *buf, struct str s);
void buf_add_text(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Numbers in network byte order, as PostgreSQL's binary formats and msgpack have them. */
void buf_add_u8(struct buf *buf, uint8_t value);
void buf_add_u16(struct buf *buf, uint16_t value);
void buf_add_u32(struct buf *buf, uint32_t value);
void buf_add_u64(struct buf *buf, uint64_t value);
void buf_put_u32(struct buf *buf, size_t at, uint32_t value); /* over what is there */

/* A JSON string with its quotes; control characters and quotes escaped (RFC 8259). */
void buf_add_json(struct buf *buf, struct str s);

struct str buf_str(const struct buf *buf); /* borrowed until the next write */
void buf_reset(struct buf *buf);           /* empty, the memory kept */
void buf_done(struct buf *buf);

#endif
