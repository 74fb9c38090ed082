// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/store.h"

#include <semaphore.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/job.h"

#define PAGE \
    ((uintptr_t)64 << 10) // the largest page that Linux commonly has: whole ones of it are whole ones of any
// Pages are made no further than as much again as was taken, and so much: they may not be needed.
#define AHEAD ((size_t)8 << 20)

// A mapping, which begins with this.
struct store {
    alignas(max_align_t) size_t size;
    atomic_size_t used;
    atomic_bool unwanted;
    sem_t moved; // raised when either of the two above is another
    struct job making;
    pid_t maker; // the process of that thread: a child of it has none
};

void pages_take(void *memory, size_t size)
{
#ifdef MADV_POPULATE_WRITE
    const uintptr_t from = ((uintptr_t)memory + PAGE - 1) / PAGE * PAGE;
    const uintptr_t to = ((uintptr_t)memory + size) / PAGE * PAGE;

    if (size >= PAGES_MIN)
        madvise((unsigned char *)memory + (from - (uintptr_t)memory), to - from, MADV_POPULATE_WRITE);
#else
    (void)memory, (void)size;
#endif
}

static void make_pages(void *context)
{
    struct store *store = context;

    for (size_t at = 0; at < store->size && !atomic_load(&store->unwanted);) {
        const size_t step = store->size - at < PAGES_MIN ? store->size - at : PAGES_MIN;

        if (at >= 2 * atomic_load(&store->used) + AHEAD) {
            sem_wait(&store->moved); // one that a signal ends looks again too
            continue;
        }
        pages_take((unsigned char *)store + at, step);
        at += step;
    }
}

struct store *store_new(size_t size)
{
    struct store *store = size < PAGES_MIN
                              ? MAP_FAILED
                              : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (store == MAP_FAILED)
        return NULL;
    store->size = size;
    atomic_init(&store->used, sizeof(*store));
    atomic_init(&store->unwanted, false);
    sem_init(&store->moved, 0, 0);
    store->maker = getpid();
    job_try(&store->making, make_pages, store); // else pages come when they are written to
    return store;
}

void store_free(struct store *store)
{
    if (!store)
        return;
    if (store->maker == getpid()) {
        atomic_store(&store->unwanted, true);
        sem_post(&store->moved);
        job_end(&store->making);
        sem_destroy(&store->moved);
    }
    munmap(store, store->size);
}

void *store_take(struct store *store, size_t size)
{
    const size_t used = store ? atomic_load(&store->used) : 0;

    if (!store || store->size - used < size)
        return NULL;
    atomic_store(&store->used, used + size);
    sem_post(&store->moved);
    return (unsigned char *)store + used;
}
