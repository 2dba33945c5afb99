#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

enum { BLOCK_BYTES = 64 * 1024, ALIGNMENT = 16 };

struct arena_block {
    struct arena_block *previous;
    size_t size, used;
    alignas(ALIGNMENT) unsigned char bytes[];
};

void *mem_alloc(size_t bytes)
{
    void *memory = calloc(1, bytes ? bytes : 1);
    ensure(memory);
    return memory;
}

void *mem_resize(void *memory, size_t bytes)
{
    void *resized = realloc(memory, bytes ? bytes : 1);
    ensure(resized);
    return resized;
}

static void block_push(struct arena *arena, size_t at_least)
{
    size_t size = MAX_OF(at_least, (size_t)BLOCK_BYTES);
    struct arena_block *block = malloc(sizeof *block + size);
    ensure(block);
    block->previous = arena->current;
    block->size = size;
    block->used = 0;
    arena->current = block;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    ensure(bytes <= SIZE_MAX / 2);
    size_t rounded = (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (!arena->current || arena->current->size - arena->current->used < rounded)
        block_push(arena, rounded);
    void *memory = arena->current->bytes + arena->current->used;
    arena->current->used += rounded;
    arena->used_bytes += rounded;
    return memset(memory, 0, bytes);
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;
    ensure(!__builtin_mul_overflow(count, size, &bytes));
    return arena_alloc(arena, bytes);
}

void *arena_copy(struct arena *arena, const void *source, size_t bytes)
{
    unsigned char *copy = arena_alloc(arena, bytes + 1);
    if (bytes)
        memcpy(copy, source, bytes);
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    ensure(length >= 0);
    char *text = arena_alloc(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

void arena_reset(struct arena *arena)
{
    while (arena->current && (arena->current->previous || arena->current->size > BLOCK_BYTES)) {
        struct arena_block *previous = arena->current->previous;
        free(arena->current);
        arena->current = previous;
    }
    if (arena->current)
        arena->current->used = 0;
    arena->used_bytes = 0;
}

void arena_done(struct arena *arena)
{
    while (arena->current) {
        struct arena_block *previous = arena->current->previous;
        free(arena->current);
        arena->current = previous;
    }
    arena->used_bytes = 0;
}
