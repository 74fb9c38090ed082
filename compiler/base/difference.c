// SPDX-License-Identifier: GPL-2.0-or-later
//
// Two texts line by line. What is edited keeps nearly all its lines, so that looking for the nearest line that both have is
// enough to find what was changed.
#include "base/difference.h"

#include <stdlib.h>
#include <string.h>

#include "base/fatal.h"

#define AROUND 3   // lines that are shown around a change, as diff -u does
#define AHEAD  200 // lines that are looked at for one that both texts have

struct lines {
    struct slice *items;
    size_t count;
};

static struct lines split_lines(struct slice text)
{
    struct lines lines = {0};
    size_t room = 1;

    for (size_t i = 0; i < text.length; i++)
        room += text.at[i] == '\n';
    lines.items = calloc(room, sizeof(*lines.items));
    if (!lines.items)
        fatal_no_memory();
    while (text.length) {
        const char *end = memchr(text.at, '\n', text.length);
        const size_t length = end ? (size_t)(end - text.at) : text.length;

        lines.items[lines.count++] = (struct slice){text.at, length};
        text = (struct slice){text.at + length + (end != NULL), text.length - length - (end != NULL)};
    }
    return lines;
}

static bool same_line(const struct lines *one, size_t i, const struct lines *other, size_t j)
{
    return i < one->count && j < other->count && one->items[i].length == other->items[j].length &&
           memcmp(one->items[i].at, other->items[j].at, one->items[i].length) == 0;
}

// From lines that differ on to the next two that are the same, with as few between as there are.
static void next_same(const struct lines *before, const struct lines *after, size_t *i, size_t *j)
{
    for (size_t apart = 1; apart < AHEAD; apart++)
        for (size_t old = 0; old <= apart; old++)
            if (same_line(before, *i + old, after, *j + apart - old)) {
                *i += old;
                *j += apart - old;
                return;
            }
    *i = before->count;
    *j = after->count;
}

struct hunk {
    size_t old, old_count, new, new_count; // lines that are replaced, and by which
};

// The next change from a pair of lines on; false: there is none.
static bool next_change(const struct lines *before, const struct lines *after, size_t i, size_t j,
                        struct hunk *change)
{
    while (same_line(before, i, after, j)) {
        i++;
        j++;
    }
    if (i >= before->count && j >= after->count)
        return false;
    change->old = i;
    change->new = j;
    next_same(before, after, &i, &j);
    change->old_count = (i < before->count ? i : before->count) - change->old;
    change->new_count = (j < after->count ? j : after->count) - change->new;
    return true;
}

static void put_lines(struct buf *out, char sign, const struct lines *lines, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        buf_printf(out, "%c%.*s\n", sign, (int)lines->items[i].length, lines->items[i].at);
}

static void put_range(struct buf *out, char sign, size_t first, size_t count)
{
    buf_printf(out, " %c%zu", sign, count ? first + 1 : first);
    if (count != 1)
        buf_printf(out, ",%zu", count);
}

// Changes that are near each other, and what stands around them. Gives where the next ones are to be looked for.
static void put_hunk(struct buf *out, const struct lines *before, const struct lines *after,
                     const struct hunk *first, size_t *i, size_t *j)
{
    const size_t lead = first->old < AROUND ? first->old : AROUND;
    struct hunk change = *first, next;
    struct buf body = {0};
    size_t old_end, new_end, tail;
    bool more;

    put_lines(&body, ' ', before, first->old - lead, lead);
    do {
        put_lines(&body, '-', before, change.old, change.old_count);
        put_lines(&body, '+', after, change.new, change.new_count);
        old_end = change.old + change.old_count;
        new_end = change.new + change.new_count;
        more =
            next_change(before, after, old_end, new_end, &next) && next.old - old_end <= (size_t)2 * AROUND;
        if (more)
            put_lines(&body, ' ', before, old_end, next.old - old_end);
        change = next;
    } while (more);
    tail = before->count - old_end < AROUND ? before->count - old_end : AROUND;
    put_lines(&body, ' ', before, old_end, tail);
    buf_text(out, "@@");
    put_range(out, '-', first->old - lead, old_end + tail - first->old + lead);
    put_range(out, '+', first->new - lead, new_end + tail - first->new + lead);
    buf_text(out, " @@\n");
    buf_append(out, body.bytes, body.length);
    buf_clear(&body);
    *i = old_end;
    *j = new_end;
}

void put_difference(struct buf *out, const char *name, struct slice before, struct slice after)
{
    struct lines old = split_lines(before), new = split_lines(after);
    struct hunk change;
    size_t i = 0, j = 0;

    buf_printf(out, "--- %s\n+++ %s\n", name, name);
    while (next_change(&old, &new, i, j, &change))
        put_hunk(out, &old, &new, &change, &i, &j);
    free(old.items);
    free(new.items);
}
