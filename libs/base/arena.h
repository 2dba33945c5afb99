/* Memory of one request or one batch, given back at once.
 *
 * An arena hands out zeroed, 16-byte aligned memory and never NULL: where the system has no more,
 * the process aborts (limits are checked before anything is allocated, so this is a bug or a
 * machine in distress). arena_reset keeps the first block for the next batch. Not thread-safe. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *current;
    size_t used_bytes; /* handed out since the last reset, all blocks together */
};

/* Zeroed memory of `bytes` (0 gives a valid pointer, too), owned by the arena. */
void *arena_alloc(struct arena *arena, size_t bytes) __attribute__((alloc_size(2), malloc));

/* `count` zeroed elements of `size`; aborts where the product overflows. */
void *arena_array(struct arena *arena, size_t count, size_t size);

/* A copy of `bytes` at `source`, followed by a NUL that is not counted. */
void *arena_copy(struct arena *arena, const void *source, size_t bytes);

/* A NUL-terminated text made as printf would. */
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Gives everything back but one block; whatever was handed out is gone. */
void arena_reset(struct arena *arena);

/* Gives everything back. A zeroed arena is valid before and after. */
void arena_done(struct arena *arena);

#define ARENA_NEW(arena, type)          ((type *)arena_alloc(arena, sizeof(type)))
#define ARENA_ARRAY(arena, count, type) ((type *)arena_array(arena, count, sizeof(type)))

/* malloc and friends that never return NULL (they abort); for what outlives an arena. */
void *mem_alloc(size_t bytes); /* zeroed */
void *mem_resize(void *memory, size_t bytes);

#endif
