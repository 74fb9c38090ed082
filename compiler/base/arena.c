// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/fatal.h"
#include "base/store.h"

// gcc defines the one, clang the other.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONS 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONS 1
#endif

#if defined(ARENA_POISONS)
#include <sanitizer/asan_interface.h>
#define POISON(address, size)   ASAN_POISON_MEMORY_REGION(address, size)
#define UNPOISON(address, size) ASAN_UNPOISON_MEMORY_REGION(address, size)
#else
#define POISON(address, size)   ((void)(address), (void)(size))
#define UNPOISON(address, size) ((void)(address), (void)(size))
#endif

#define CHUNK_FIRST ((size_t)16 << 10)
#define CHUNK_MAX   ((size_t)4 << 20)
#define BLOCK_MIN   ((size_t)128 << 10) // from here on an allocation is a block of its own

struct arena_chunk {
    struct arena_chunk *next;
    size_t used;
    size_t capacity;
    bool stored; // in the arena's store
    alignas(max_align_t) unsigned char bytes[];
};

// A large allocation. Mapped, so that it grows without being copied, and is zeroed without being touched.
struct arena_block {
    struct arena_block *next, *previous;
    size_t size; // of the whole mapping
    bool stored; // in the arena's store
    alignas(max_align_t) unsigned char bytes[];
};

static size_t aligned(size_t size)
{
    const size_t unit = alignof(max_align_t);

    if (size > SIZE_MAX - unit)
        fatal_no_memory();
    return (size + unit - 1) / unit * unit;
}

static size_t block_size(size_t size)
{
    if (size > SIZE_MAX / 2)
        fatal_no_memory();
    return sizeof(struct arena_block) + size;
}

static void *map(size_t size)
{
    return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

void arena_expect(struct arena *arena, size_t size)
{
    if (!arena->store)
        arena->store = store_new(size);
}

static void link_block(struct arena *arena, struct arena_block *block)
{
    if (block->previous)
        block->previous->next = block;
    else
        arena->blocks = block;
    if (block->next)
        block->next->previous = block;
}

static void *add_block(struct arena *arena, size_t size)
{
    struct arena_block *stored = store_take(arena->store, aligned(block_size(size)));
    struct arena_block *block = stored ? stored : map(block_size(size));

    if (block == MAP_FAILED)
        fatal_no_memory();
    if (!stored)
        pages_take(block, block_size(size));
    block->stored = stored != NULL;
    block->size = block_size(size);
    block->next = arena->blocks;
    link_block(arena, block);
    return block->bytes;
}

static void *grow_block(struct arena *arena, void *old, size_t size)
{
    struct arena_block *block =
        (struct arena_block *)(void *)((unsigned char *)old - offsetof(struct arena_block, bytes));

    if (block->stored)
        return memcpy(add_block(arena, size), old, block->size - sizeof(*block));
    block = mremap(block, block->size, block_size(size), MREMAP_MAYMOVE);
    if (block == MAP_FAILED)
        fatal_no_memory();
    block->size = block_size(size);
    link_block(arena, block);
    return block->bytes;
}

static struct arena_chunk *add_chunk(struct arena *arena, size_t need)
{
    size_t capacity = arena->chunks ? arena->chunks->capacity * 2 : CHUNK_FIRST;

    if (capacity > CHUNK_MAX)
        capacity = CHUNK_MAX;
    if (capacity < need)
        capacity = need;
    if (capacity > SIZE_MAX - sizeof(struct arena_chunk))
        fatal_no_memory();

    struct arena_chunk *stored = store_take(arena->store, aligned(sizeof(*stored) + capacity));
    struct arena_chunk *chunk = stored ? stored : calloc(1, sizeof(*chunk) + capacity);

    if (!chunk)
        fatal_no_memory();
    if (!stored)
        pages_take(chunk, sizeof(*chunk) + capacity);
    chunk->stored = stored != NULL;
    chunk->next = arena->chunks;
    chunk->capacity = capacity;
    arena->chunks = chunk;
    POISON(chunk->bytes, capacity);
    return chunk;
}

void arena_clear(struct arena *arena)
{
    while (arena->blocks) {
        struct arena_block *block = arena->blocks;

        arena->blocks = block->next;
        if (!block->stored)
            munmap(block, block->size);
    }
    while (arena->chunks) {
        struct arena_chunk *chunk = arena->chunks;

        arena->chunks = chunk->next;
        UNPOISON(chunk->bytes, chunk->capacity);
        if (!chunk->stored)
            free(chunk);
    }
    store_free(arena->store);
    arena->store = NULL;
}

void arena_reset(struct arena *arena)
{
    struct arena rest = {.chunks = arena->chunks ? arena->chunks->next : NULL, .blocks = arena->blocks};
    struct arena_chunk *kept = arena->chunks;

    arena_clear(&rest);
    arena->blocks = NULL;
    if (!kept)
        return;
    UNPOISON(kept->bytes, kept->used);
    memset(kept->bytes, 0, kept->used);
    POISON(kept->bytes, kept->capacity);
    kept->next = NULL;
    kept->used = 0;
}

// What is allocated next still comes from the newest chunk of `arena`.
void arena_join(struct arena *arena, struct arena *from)
{
    struct arena_chunk **chunks = &arena->chunks;

    assert(!from->store);
    while (*chunks)
        chunks = &(*chunks)->next;
    *chunks = from->chunks;
    while (from->blocks) {
        struct arena_block *block = from->blocks;

        from->blocks = block->next;
        block->previous = NULL;
        block->next = arena->blocks;
        link_block(arena, block);
    }
    *from = (struct arena){0};
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size >= BLOCK_MIN)
        return add_block(arena, size);

    const size_t need = aligned(size ? size : 1);
    struct arena_chunk *chunk = arena->chunks;

    if (!chunk || chunk->capacity - chunk->used < need)
        chunk = add_chunk(arena, need);

    void *memory = chunk->bytes + chunk->used;

    UNPOISON(memory, size);
    chunk->used += need;
    return memory;
}

void *arena_calloc(struct arena *arena, size_t count, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(count, size, &total))
        fatal_no_memory();
    return arena_alloc(arena, total);
}

void *arena_grow(struct arena *arena, void *old, size_t old_size, size_t new_size)
{
    struct arena_chunk *chunk = arena->chunks;

    assert(new_size >= old_size);
    if (old && old_size >= BLOCK_MIN)
        return grow_block(arena, old, new_size);
    if (old && chunk && new_size < BLOCK_MIN) {
        const size_t size = aligned(old_size ? old_size : 1);
        const size_t start = chunk->used >= size ? chunk->used - size : 0;

        // The newest allocation ends where the chunk is used up to.
        if (chunk->used >= size && (unsigned char *)old == chunk->bytes + start &&
            chunk->capacity - start >= aligned(new_size)) {
            chunk->used = start + aligned(new_size);
            UNPOISON(old, new_size);
            return old;
        }
    }

    void *grown = arena_alloc(arena, new_size);

    if (old && old_size)
        memcpy(grown, old, old_size);
    return grown;
}

char *arena_copy(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);

    if (length)
        memcpy(copy, text, length);
    return copy;
}

char *arena_vprintf(struct arena *arena, const char *format, va_list args)
{
    va_list again;

    va_copy(again, args);

    const int length = vsnprintf(NULL, 0, format, again);

    va_end(again);
    assert(length >= 0);

    char *text = arena_alloc(arena, (size_t)length + 1);

    vsnprintf(text, (size_t)length + 1, format, args);
    return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;

    va_start(args, format);

    char *text = arena_vprintf(arena, format, args);

    va_end(args);
    return text;
}
