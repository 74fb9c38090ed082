// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/arena.h"

#include <assert.h>
#include <semaphore.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fatal.h"
#include "base/job.h"

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
#define TAKE_MIN    ((size_t)1 << 20)   // from here on pages are taken together
#define PAGE        ((uintptr_t)4096)

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

#define AHEAD ((size_t)16 << 20) // of what was taken, pages are made no further: they may not be needed

// A mapping, which begins with this. Chunks and blocks are taken from it one behind the other, whether or not their pages are
// there yet.
struct arena_store {
    size_t size;
    atomic_size_t used;
    atomic_bool unwanted;
    sem_t moved; // raised when either of the two above is another
    struct job making;
    pid_t maker; // the process of that thread: a child of it has none
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

// Pages that will all be written: the kernel gives them together for a fraction of what a fault for each costs. Where it does
// not know how (before Linux 5.14), they come one by one.
static void take_pages(void *memory, size_t size)
{
#ifdef MADV_POPULATE_WRITE
    const uintptr_t from = ((uintptr_t)memory + PAGE - 1) / PAGE * PAGE;
    const uintptr_t to = ((uintptr_t)memory + size) / PAGE * PAGE;

    if (size >= TAKE_MIN)
        madvise((unsigned char *)memory + (from - (uintptr_t)memory), to - from, MADV_POPULATE_WRITE);
#else
    (void)memory, (void)size;
#endif
}

static void *map(size_t size)
{
    return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void make_pages(void *context)
{
    struct arena_store *store = context;

    for (size_t at = 0; at < store->size && !atomic_load(&store->unwanted);) {
        const size_t step = store->size - at < TAKE_MIN ? store->size - at : TAKE_MIN;

        if (at >= atomic_load(&store->used) + AHEAD) {
            sem_wait(&store->moved); // one that a signal ends looks again too
            continue;
        }
        take_pages((unsigned char *)store + at, step);
        at += step;
    }
}

void arena_expect(struct arena *arena, size_t size)
{
    struct arena_store *store = arena->store || size < TAKE_MIN ? MAP_FAILED : map(size);

    if (store == MAP_FAILED) // it is made when it is needed
        return;
    store->size = size;
    atomic_init(&store->used, aligned(sizeof(*store)));
    atomic_init(&store->unwanted, false);
    sem_init(&store->moved, 0, 0);
    store->maker = getpid();
    arena->store = store;
    job_try(&store->making, make_pages, store); // else pages come when they are written to
}

static void clear_store(struct arena *arena)
{
    struct arena_store *store = arena->store;

    if (!store)
        return;
    if (store->maker == getpid()) {
        atomic_store(&store->unwanted, true);
        sem_post(&store->moved);
        job_end(&store->making);
        sem_destroy(&store->moved);
    }
    munmap(store, store->size);
    arena->store = NULL;
}

// NULL where the store has not so much left.
static void *take_stored(struct arena *arena, size_t size)
{
    struct arena_store *store = arena->store;
    const size_t need = aligned(size), used = store ? atomic_load(&store->used) : 0;

    if (!store || store->size - used < need)
        return NULL;
    atomic_store(&store->used, used + need);
    sem_post(&store->moved);
    return (unsigned char *)store + used;
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
    struct arena_block *stored = take_stored(arena, block_size(size));
    struct arena_block *block = stored ? stored : map(block_size(size));

    if (block == MAP_FAILED)
        fatal_no_memory();
    if (!stored)
        take_pages(block, block_size(size));
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

    struct arena_chunk *stored = take_stored(arena, sizeof(*stored) + capacity);
    struct arena_chunk *chunk = stored ? stored : calloc(1, sizeof(*chunk) + capacity);

    if (!chunk)
        fatal_no_memory();
    if (!stored)
        take_pages(chunk, sizeof(*chunk) + capacity);
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
    clear_store(arena);
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
