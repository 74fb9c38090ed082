// SPDX-License-Identifier: GPL-2.0-or-later
//
// A line as words, split as add_param_to_argv() of iptables does it: at blanks; a quote that closes ends its word, one that
// opens does not begin another; a backslash counts inside of quotes alone.
#include "rules/words.h"

#include <stdbool.h>

// Takes the backslashes out of `length` bytes, of which the quote at `bare` is no part of the word either.
static struct slice unquote(struct arena *arena, const char *at, size_t bare, size_t length)
{
    char *text = arena_alloc(arena, length);
    size_t kept = 0;

    for (size_t i = 0; i < length; i++) {
        if (i > bare && at[i] == '\\' && i + 1 < length)
            i++;
        else if (i == bare)
            continue;
        text[kept++] = at[i];
    }
    return (struct slice){text, kept};
}

// A word with quotes, from `at` on, `bare` bytes of it before the first one. Gives where it ends; NULL where a quote is open.
static const char *read_quoted(struct arena *arena, const char *at, size_t bare, const char *end,
                               struct word *word)
{
    const char *from = at + bare + 1;
    bool escaped = false;

    for (; from < end && *from != '"'; from++) {
        if (*from == '\\' && from + 1 < end) {
            escaped = true;
            from++;
        }
    }
    if (from == end)
        return NULL;
    word->raw = (struct slice){at, (size_t)(from + 1 - at)};
    word->text = bare || escaped ? unquote(arena, at, bare, (size_t)(from - at))
                                 : (struct slice){at + 1, (size_t)(from - at - 1)};
    return from + 1;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

// What a word without quotes ends at.
static const bool ends_word[UINT8_MAX + 1] = {[' '] = true, ['\t'] = true, ['"'] = true};

static const char *read_word(struct arena *arena, const char *at, const char *end, struct word *word)
{
    const char *from = at;

    while (from < end && !ends_word[(unsigned char)*from])
        from++;
    if (from < end && *from == '"')
        return read_quoted(arena, at, (size_t)(from - at), end, word);
    // Field by field: a slice that is copied as a whole right after it was written stalls the processor.
    word->text.at = word->raw.at = at;
    word->text.length = word->raw.length = (size_t)(from - at);
    return from;
}

const char *words_split(struct arena *arena, struct slice line, struct words *words, struct slice *at)
{
    const char *from = line.at, *end = line.at + line.length;

    words->count = 0;
    for (;;) {
        while (from < end && is_blank(*from))
            from++;
        if (from == end)
            return NULL;
        *at = (struct slice){from, (size_t)(end - from)};
        if (words->count == RULE_WORDS_MAX)
            return "a rule has more words than iptables-restore takes";

        struct word *word = &words->items[words->count++];

        from = read_word(arena, from, end, word);
        if (!from)
            return "a quote is left open: the rule would end elsewhere";
        if (word->text.length > RULE_WORD_MAX) {
            *at = word->raw;
            return "a word is longer than iptables-restore takes";
        }
    }
}
