// SPDX-License-Identifier: GPL-2.0-or-later
//
// A line that cannot be read, and what of it: the words around a mistake that belong together.
//
//   -A INPUT -s 192.0.2.1 -m mac --mac-source XX:XX -j ACCEPT
//                         ^^^^^^^^^^^^^^^^^^^^^^^^^
#include "rules/parts.h"

static bool is_option(struct slice word)
{
    return word.length > 1 && word.at[0] == '-';
}

static bool is_one_of(struct slice word, const char *const *names)
{
    while (*names && !slice_is(word, *names))
        names++;
    return *names;
}

static const char *const for_commands[] = {"-A", "--append", "-I", "--insert", NULL};
static const char *const for_targets[] = {"-j", "--jump", "-g", "--goto", NULL};
static const char *const for_matches[] = {"-m", "--match", NULL};

struct slice parts_mistaken(struct slice line, struct slice at)
{
    const struct slice nothing = {line.at, 0};
    struct slice words[RULE_WORDS_MAX];
    size_t count = 0, option = 0, first, end;

    if (at.at < line.at || at.at >= line.at + line.length)
        return nothing;
    for (struct slice rest = line; count < RULE_WORDS_MAX;) {
        words[count] = slice_word(&rest);
        if (!words[count].length || is_one_of(words[count], for_targets))
            break;
        count++;
    }
    for (size_t i = 0; i < count && words[i].at <= at.at; i++)
        if (is_option(words[i]))
            option = i;
    // The command comes first.
    if (!count || !option || is_one_of(words[option], for_commands) ||
        at.at >= words[count - 1].at + words[count - 1].length)
        return nothing;
    first = slice_is(words[option - 1], "!") ? option - 1 : option;
    if (first > 2 && is_one_of(words[first - 2], for_matches))
        first -= 2;
    for (end = option + 1; end < count && !is_option(words[end]) && !slice_is(words[end], "!");)
        end++;
    return (struct slice){words[first].at,
                          (size_t)(words[end - 1].at + words[end - 1].length - words[first].at)};
}
