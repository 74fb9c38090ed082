// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/journal.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// A multiple of what records are aligned to; without holes, for it is summed.
struct head {
    char magic[32];
    uint64_t sum, unused; // of all but the deadline and who attends
    int64_t when, deadline;
    uint64_t network[2]; // device and inode of the network namespace
    uint64_t count, changed;
    uint64_t way, own; // enum kernel_way, enum own
    struct process attendants[ATTENDANT_COUNT];
    char policy[PATH_MAX];
};

static const char magic[32] = "ctc journal 4 " CTC_VERSION;

static void this_network(uint64_t network[2])
{
    struct stat found = {0};

    if (stat("/proc/self/ns/net", &found) == 0) {
        network[0] = found.st_dev;
        network[1] = found.st_ino;
    }
}

int64_t boot_time(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// Tells bytes from damaged ones; it is not meant to keep anybody out, for they are root's alone. Four sums beside each other, for
// there may be hundreds of megabytes.
static void add_words(struct journal_sum *sum, const char *bytes)
{
    uint64_t words[4];

    memcpy(words, bytes, sizeof(words));
    for (size_t i = 0; i < 4; i++) {
        sum->sums[i] =
            (sum->sums[i] ^ words[i]) * 0x9E3779B97F4A7C15 + i; // 2^64 by the golden ratio, and odd
        sum->sums[i] ^= sum->sums[i] >> 29;
    }
}

void journal_sum_add(struct journal_sum *sum, struct slice bytes)
{
    const size_t size = sizeof(sum->begun), begun = sum->length % size;
    const size_t fill = begun ? size - begun : 0;
    size_t at = fill;

    sum->length += bytes.length;
    if (begun && bytes.length) {
        memcpy(sum->begun + begun, bytes.at, bytes.length < fill ? bytes.length : fill);
        if (bytes.length < fill)
            return;
        add_words(sum, sum->begun);
    }
    for (; at <= bytes.length && bytes.length - at >= size; at += size)
        add_words(sum, bytes.at + at);
    if (bytes.length > at)
        memcpy(sum->begun, bytes.at + at, bytes.length - at);
}

static uint64_t end_sum(struct journal_sum sum)
{
    const size_t begun = sum.length % sizeof(sum.begun);
    uint64_t result = sum.length;

    if (begun) {
        memset(sum.begun + begun, 0, sizeof(sum.begun) - begun);
        add_words(&sum, sum.begun);
    }
    for (size_t i = 0; i < 4; i++)
        result = (result ^ sum.sums[i]) * 0x9E3779B97F4A7C15;
    return result ^ result >> 32;
}

static uint64_t sum_of(struct slice bytes)
{
    struct journal_sum sum = {0};

    journal_sum_add(&sum, bytes);
    return end_sum(sum);
}

// What may change afterwards has no part in it.
static uint64_t sum_of_journal(struct head head, uint64_t body)
{
    head.sum = body;
    head.deadline = 0;
    memset(head.attendants, 0, sizeof(head.attendants));
    return sum_of((struct slice){(const char *)&head, sizeof(head)});
}

void journal_begin(struct buf *out, const struct journal *journal)
{
    struct head head = {.when = time(NULL),
                        .count = journal->count,
                        .changed = journal->changed,
                        .way = journal->way,
                        .own = journal->own};

    memcpy(head.magic, magic, sizeof(magic));
    this_network(head.network);
    snprintf(head.policy, sizeof(head.policy), "%s", journal->policy);
    buf_append(out, (const char *)&head, sizeof(head));
}

void journal_seal(struct buf *journal)
{
    struct head head;

    memcpy(&head, journal->bytes, sizeof(head));
    head.sum = sum_of_journal(
        head, sum_of((struct slice){journal->bytes + sizeof(head), journal->length - sizeof(head)}));
    memcpy(journal->bytes, &head, sizeof(head));
}

bool journal_seal_file(int file, const struct buf *begun, const struct journal_sum *rest)
{
    struct head head;

    memcpy(&head, begun->bytes, sizeof(head));
    head.sum = sum_of_journal(head, end_sum(*rest));
    return pwrite(file, &head.sum, sizeof(head.sum), offsetof(struct head, sum)) == sizeof(head.sum);
}

bool journal_read(struct arena *arena, struct slice bytes, struct journal *journal)
{
    uint64_t network[2] = {0};
    struct head head;

    if (bytes.length < sizeof(head))
        return false;
    memcpy(&head, bytes.at, sizeof(head));
    if (memcmp(head.magic, magic, sizeof(magic)) != 0 || head.count > bytes.length ||
        head.changed > head.count || head.way >= WAY_COUNT || head.own > OWN_CHAINS ||
        !memchr(head.policy, '\0', sizeof(head.policy)))
        return false;
    bytes.at += sizeof(head);
    bytes.length -= sizeof(head);
    if (head.sum != sum_of_journal(head, sum_of(bytes)))
        return false;
    this_network(network);
    *journal = (struct journal){.when = head.when,
                                .deadline = head.deadline,
                                .policy = arena_copy(arena, head.policy, strlen(head.policy)),
                                .way = (enum kernel_way)head.way,
                                .own = head.own == OWN_CHAINS ? OWN_CHAINS : OWN_TABLES,
                                .elsewhere = memcmp(network, head.network, sizeof(network)) != 0,
                                .count = (size_t)head.count,
                                .changed = (size_t)head.changed};
    memcpy(journal->attendants, head.attendants, sizeof(head.attendants));
    journal->tables = arena_calloc(arena, journal->count, sizeof(*journal->tables));
    for (size_t i = 0; i < journal->count; i++)
        if (!record_take(arena, &bytes, &journal->tables[i].before) ||
            !record_take(arena, &bytes, &journal->tables[i].after))
            return false;
    journal->basis = bytes;
    return true;
}

static bool same_table(const struct journal_table *a, const struct journal_table *b)
{
    return a->after.ruleset->family == b->after.ruleset->family &&
           strcmp(a->after.ruleset->items[0].name, b->after.ruleset->items[0].name) == 0;
}

bool journal_is_last(const struct journal *journal, size_t entry)
{
    for (size_t i = entry + 1; i < journal->count; i++)
        if (same_table(&journal->tables[i], &journal->tables[entry]))
            return false;
    return true;
}

bool journal_is_first(const struct journal *journal, size_t entry)
{
    for (size_t i = 0; i < entry; i++)
        if (same_table(&journal->tables[i], &journal->tables[entry]))
            return false;
    return true;
}

bool journal_of_last(struct arena *arena, struct journal *journal)
{
    static const char *const names[] = {STATE_PENDING, STATE_LAST};
    struct kernel_error ignored = {.arena = arena};
    const int directory = state_open(&ignored);
    bool found = false;

    for (size_t i = 0; i < 2 && !found && directory >= 0; i++) {
        struct slice bytes;
        const int file = state_read(arena, directory, names[i], &bytes);

        found = file >= 0 && journal_read(arena, bytes, journal) && !journal->elsewhere;
        if (file >= 0)
            close(file);
    }
    if (directory >= 0)
        close(directory);
    return found;
}

bool journal_set_deadline(int file, int64_t deadline)
{
    return pwrite(file, &deadline, sizeof(deadline), offsetof(struct head, deadline)) == sizeof(deadline);
}

bool journal_has_deadline(int file)
{
    int64_t deadline;

    return pread(file, &deadline, sizeof(deadline), offsetof(struct head, deadline)) != sizeof(deadline) ||
           deadline != 0;
}

void journal_set_attendants(int file, const struct process attendants[ATTENDANT_COUNT])
{
    const size_t size = sizeof(((struct head *)NULL)->attendants);

    if (pwrite(file, attendants, size, offsetof(struct head, attendants)) < 0)
        return; // as before
}
