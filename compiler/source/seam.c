// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/seam.h"

#include <ctype.h>

#define BLANKS_MAX ((size_t)16) // ahead of an item; so often, at most, is the text looked through

static size_t blanks_at(struct slice text, size_t at)
{
    size_t count = 0;

    while (at + count < text.length && text.at[at + count] == ' ')
        count++;
    return count;
}

static bool ends_at(struct slice text, size_t at)
{
    return at == text.length || text.at[at] == '\n' || text.at[at] == '\r';
}

static bool is_item(struct slice text, size_t at)
{
    return at + 1 < text.length && text.at[at] == '-' && (text.at[at + 1] == ' ' || ends_at(text, at + 1));
}

// An empty line, or a comment.
static bool says_nothing(struct slice text, size_t at)
{
    return ends_at(text, at) || text.at[at] == '#';
}

// A word, a colon, and nothing but a comment.
static bool is_key(struct slice text, size_t at)
{
    const size_t begin = at;

    while (at < text.length &&
           (isalnum((unsigned char)text.at[at]) || text.at[at] == '_' || (text.at[at] == '-' && at > begin)))
        at++;
    if (at == begin || at == text.length || text.at[at] != ':')
        return false;
    at++;
    return ends_at(text, at) || (text.at[at] == ' ' && says_nothing(text, at + blanks_at(text, at)));
}

static size_t line_behind(struct slice text, size_t at)
{
    const char *end = memchr(text.at + at, '\n', text.length - at);

    return end ? (size_t)(end + 1 - text.at) : text.length;
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
    size_t inner = blanks_at(text, seam->at), at = seam->at;
    bool among_items = true;

    while ((among_items || inner) && at) {
        at = line_before(text, at);

        const size_t blanks = blanks_at(text, at), word = at + blanks;

        if (blanks > inner || (blanks == inner && (!among_items || is_item(text, word))) ||
            says_nothing(text, word))
            continue;
        *other = blanks;
        if (!is_key(text, word) || seam->key_count == SEAM_KEYS_MAX)
            return false;
        memmove(seam->keys + 1, seam->keys, seam->key_count * sizeof(*seam->keys));
        seam->keys[0] = (struct slice){text.at + at, line_behind(text, at) - at};
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

bool seam_find(struct slice text, size_t from, struct seam *seam)
{
    size_t deepest = BLANKS_MAX;

    for (size_t at = from ? line_before(text, from) : 0; at < text.length; at = line_behind(text, at)) {
        const size_t blanks = blanks_at(text, at);
        size_t other;

        if (at < from || blanks > deepest || !is_item(text, at + blanks))
            continue;
        *seam = (struct seam){.at = at};
        if (find_keys(text, seam, &other)) {
            seam->line = lines_of((struct slice){text.at, at}) + 1;
            return true;
        }
        // What stands as far in as this item, or farther in than what is no key, stands below the same.
        if (!blanks)
            return false;
        deepest = other < blanks ? other : blanks - 1;
    }
    return false;
}
