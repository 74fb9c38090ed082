// SPDX-License-Identifier: GPL-2.0-or-later
//
// One file for both families, so that they are of one policy: a line that says how long each text is, and the texts.
#include "apply/good.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GOOD    "good"
#define BEFORE  "good.before"
#define WAITING "good.waiting"

#define LONG_BYTES ((size_t)256 << 10) // of rules that are worth a thread

enum { PART_HEAD, PART_TEXTS, PART_COUNT = GOOD_PARTS };

// What the file holds, one part behind the other. `head` is to be cleared.
static void list_parts(struct buf *head, const struct buf texts[FAMILY_COUNT], struct slice parts[PART_COUNT])
{
    buf_printf(head, "# ctc's last good rules: %zu bytes of IPv4, %zu of IPv6\n", texts[FAMILY_IPV4].length,
               texts[FAMILY_IPV6].length);
    parts[PART_HEAD] = (struct slice){head->bytes, head->length};
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        parts[PART_TEXTS + family] = (struct slice){texts[family].bytes, texts[family].length};
}

// Takes a line as list_parts() writes it apart.
static bool take_head(struct slice *bytes, uint64_t lengths[FAMILY_COUNT])
{
    static const char *const words[] = {"#",     "ctc's", "last",  "good", "rules:", NULL,
                                        "bytes", "of",    "IPv4,", NULL,   "of",     "IPv6"};
    struct slice line, rest;
    enum family family = 0;

    if (!slice_split(*bytes, '\n', &line, &rest))
        return false;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        const struct slice word = slice_word(&line);

        if (words[i] ? !slice_is(word, words[i]) : !parse_number(word, SIZE_MAX / 4, &lengths[family++]))
            return false;
    }
    *bytes = rest;
    return true;
}

// Whether the file of that name holds just that.
static bool holds(int directory, const char *name, const struct slice parts[PART_COUNT])
{
    struct arena scratch = {0};
    struct slice found;
    const int file = state_read(&scratch, directory, name, &found);
    bool same = file >= 0;

    for (size_t i = 0; i < PART_COUNT && same; i++) {
        same = found.length >= parts[i].length &&
               (!parts[i].length || memcmp(found.at, parts[i].at, parts[i].length) == 0);
        if (same)
            found = (struct slice){found.at + parts[i].length, found.length - parts[i].length};
    }
    same = same && !found.length;
    if (file >= 0)
        close(file);
    arena_clear(&scratch);
    return same;
}

static void keep_before(int directory)
{
    unlinkat(directory, BEFORE, 0);
    if (linkat(directory, GOOD, directory, BEFORE, 0) < 0)
        return; // there were none, or it is not to be had: nobody is less safe for that
}

static void take_waiting(int directory, enum good_place place)
{
    if (place == GOOD_BEHIND)
        keep_before(directory);
    renameat(directory, WAITING, directory, GOOD);
}

// Done beside the caller where there is much to write.
static void write_parts(void *context)
{
    struct good_writing *writing = context;

    writing->stands = !writing->waits && holds(writing->directory, GOOD, writing->parts);
    for (size_t i = 0; i < PART_COUNT && !writing->problem && !writing->stands; i++)
        writing->problem = state_add(writing->file, writing->parts[i]);
    if (!writing->problem && !writing->stands && fsync(writing->file) < 0)
        writing->problem = errno;
}

bool good_begin(struct good_writing *writing, const struct buf texts[FAMILY_COUNT], bool waits,
                struct kernel_error *error)
{
    *writing = (struct good_writing){.directory = state_open_lasting(error), .file = -1, .waits = waits};
    if (writing->directory >= 0) {
        state_remove(writing->directory, WAITING); // of an apply that was not confirmed
        writing->file = state_begin(writing->directory, WAITING, error);
    }
    if (writing->file < 0) {
        if (writing->directory >= 0)
            close(writing->directory);
        return false;
    }
    list_parts(&writing->head, texts, writing->parts);
    job_begin(&writing->job, texts[FAMILY_IPV4].length + texts[FAMILY_IPV6].length >= LONG_BYTES, write_parts,
              writing);
    return true;
}

bool good_end(struct good_writing *writing, enum good_place place, struct kernel_error *error)
{
    bool fine = true;

    job_end(&writing->job);
    if (place == GOOD_NOT || writing->stands) {
        if (place == GOOD_BEHIND)
            keep_before(writing->directory);
        state_drop(writing->directory, writing->file);
    } else {
        fine = state_end(writing->directory, writing->file, WAITING, writing->problem, error);
        if (fine && !writing->waits)
            take_waiting(writing->directory, place);
        if (fine)
            close(writing->file);
    }
    buf_clear(&writing->head);
    close(writing->directory);
    return fine;
}

void good_confirm(enum good_place place, struct kernel_error *error)
{
    const int directory = state_open_lasting(error);

    if (directory < 0)
        return;
    if (state_has(directory, WAITING))
        take_waiting(directory, place);
    close(directory);
}

// Both may be one file, which a rename leaves as it is.
void good_revert(struct kernel_error *error)
{
    const int directory = state_open_lasting(error);

    if (directory < 0)
        return;
    if (renameat(directory, BEFORE, directory, GOOD) < 0)
        unlinkat(directory, GOOD, 0);
    unlinkat(directory, BEFORE, 0);
    close(directory);
}

static bool take(struct slice bytes, struct slice texts[FAMILY_COUNT])
{
    uint64_t lengths[FAMILY_COUNT];

    if (!take_head(&bytes, lengths) || lengths[0] + lengths[1] != bytes.length)
        return false;
    texts[FAMILY_IPV4] = (struct slice){bytes.at, lengths[FAMILY_IPV4]};
    texts[FAMILY_IPV6] = (struct slice){bytes.at + lengths[FAMILY_IPV4], lengths[FAMILY_IPV6]};
    return true;
}

bool good_get(struct arena *arena, struct slice texts[FAMILY_COUNT], struct kernel_error *error)
{
    // A machine that goes down while they are written has those of before.
    static const char *const names[] = {GOOD, BEFORE};
    const int directory = state_open_lasting(error);
    struct slice bytes;
    int file = -1;
    bool whole;

    if (directory < 0)
        return false;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names) && file < 0; i++)
        file = state_read(arena, directory, names[i], &bytes);
    whole = file >= 0 && take(bytes, texts);
    if (file < 0)
        kernel_fail(error, KERNEL_FAILED, "there are no last good rules: %s", strerror(errno));
    else if (!whole)
        kernel_fail(error, KERNEL_FAILED, "the last good rules are damaged");
    if (file >= 0)
        close(file);
    close(directory);
    return whole;
}
