// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/seam.h"

#define BLANKS_MAX ((size_t)16) // ahead of an item; so often, at most, is the text looked through

static size_t blanks_of(struct slice line)
{
    size_t count = 0;

    while (count < line.length && line.at[count] == ' ')
        count++;
    return count;
}

static bool is_item(struct slice line, size_t blanks)
{
    return line.length > blanks + 1 && line.at[blanks] == '-' && strchr(" \r\n", line.at[blanks + 1]);
}

static bool says_nothing(struct slice line, size_t blanks)
{
    return blanks == line.length || strchr("#\r\n", line.at[blanks]);
}

// A word, a colon, and nothing but a comment.
static bool is_key(struct slice line, size_t blanks)
{
    struct slice key, rest;
    const struct slice words = {line.at + blanks, line.length - blanks};

    if (!slice_split(words, ':', &key, &rest) || !key.length)
        return false;
    for (size_t i = 0; i < key.length; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", key.at[i]) ||
            (i == 0 && key.at[i] == '-'))
            return false;
    return says_nothing(rest, blanks_of(rest));
}

static struct slice line_from(struct slice text, size_t at)
{
    const char *end = memchr(text.at + at, '\n', text.length - at);

    return (struct slice){text.at + at, end ? (size_t)(end + 1 - (text.at + at)) : text.length - at};
}

static size_t line_before(struct slice text, size_t at)
{
    const char *end = at > 1 ? memrchr(text.at, '\n', at - 1) : NULL;

    return end ? (size_t)(end + 1 - text.at) : 0;
}

// The lines of the keys that an item at `seam->at` stands below, looked for from there to the front. Where something else than
// a key stands above, false, and how far in that is.
static bool find_keys(struct slice text, struct seam *seam, size_t *other)
{
    size_t inner = blanks_of(line_from(text, seam->at)), at = seam->at;
    bool among_items = true;

    while ((among_items || inner) && at) {
        at = line_before(text, at);

        const struct slice line = line_from(text, at);
        const size_t blanks = blanks_of(line);

        if (says_nothing(line, blanks) || blanks > inner ||
            (blanks == inner && (!among_items || is_item(line, blanks))))
            continue;
        *other = blanks;
        if (!is_key(line, blanks) || seam->key_count == SEAM_KEYS_MAX)
            return false;
        memmove(seam->keys + 1, seam->keys, seam->key_count * sizeof(*seam->keys));
        seam->keys[0] = line;
        seam->key_count++;
        inner = blanks;
        among_items = false;
    }
    *other = 0;
    return !among_items && !inner;
}

static uint32_t lines_of(struct slice text)
{
    uint32_t count = 0;

    for (struct slice line; slice_split(text, '\n', &line, &text);)
        count++;
    return count;
}

static struct seam seam_at(struct slice text, size_t at)
{
    const struct slice ahead = {text.at, at};

    return (struct seam){.at = at, .characters = slice_characters(ahead), .line = lines_of(ahead) + 1};
}

bool seam_find(struct slice text, size_t from, struct seam *seam)
{
    size_t deepest = BLANKS_MAX;

    for (size_t at = from ? line_before(text, from) : 0; at < text.length;) {
        const struct slice line = line_from(text, at);
        const size_t blanks = blanks_of(line);

        if (at >= from && blanks <= deepest && is_item(line, blanks)) {
            size_t other;

            *seam = seam_at(text, at);
            if (find_keys(text, seam, &other))
                return true;
            // What stands as far in as this item, or farther in than what is no key, stands below the same.
            if (!blanks)
                return false;
            deepest = other < blanks ? other : blanks - 1;
        }
        at += line.length;
    }
    return false;
}
