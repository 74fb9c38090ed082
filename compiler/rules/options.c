// SPDX-License-Identifier: GPL-2.0-or-later
//
// A line as options, taken apart as getopt_long does it.
#include <string.h>

#include "rules/options.h"

bool option_refuse(const struct parts *parts, const struct word *word, const char *hint, const char *problem)
{
    return parts_refuse(parts, word->raw, hint, "`%.*s`: %s", (int)word->raw.length, word->raw.at, problem);
}

bool option_add_use(struct parts *parts, const struct extension *extension, const struct word *word,
                    struct slice name)
{
    if (parts->use_count == RULE_WORDS_MAX)
        return option_refuse(parts, word, NULL, "a rule has more matches than iptables-restore takes");
    if (extension && !extension->families[parts->family])
        return parts_refuse(parts, word->raw, NULL, "%s has no %s `%.*s`", family_name(parts->family),
                            extension->target ? "target" : "match", (int)name.length, name.at);
    parts->uses[parts->use_count++] = (struct use){extension, word, name};
    return true;
}

// Matches whose values are free text, where a `!` is one.
static bool takes_text(const struct use *use)
{
    return use->extension &&
           (use->extension->target || use->extension->kind == MATCH_COMMENT || slice_is(use->name, "string"));
}

static bool add_option(struct parts *parts, size_t use, const struct option_kind *kind,
                       struct spelling *spelling)
{
    struct option *option = &parts->options[parts->option_count++]; // no more of them than words
    const size_t first = (size_t)(spelling->word - parts->words.items);
    const bool old_style = !takes_text(&parts->uses[use]);
    size_t wanted = kind ? kind->values : VALUES_MAYBE, count = 0;

    *option = (struct option){.use = use, .kind = kind, .words = spelling->word};
    if (kind && kind->values == VALUES_NONE && spelling->attached.at)
        return option_refuse(parts, spelling->word, NULL, "this option has no value");
    if (wanted == VALUES_MAYBE)
        wanted = spelling->attached.at || option_has_argument(parts) ? 1 : 0;
    while (count < wanted) {
        if (!option_take_value(parts, spelling, old_style && count == 0, &option->values[count]))
            return false;
        count++;
    }
    // Whoever wrote an option that ctc does not know meant the words behind it.
    while (!kind && option_has_argument(parts))
        parts->next++;
    option->count = parts->next - first;
    option->inverted = spelling->inverted;
    return true;
}

static bool read_long(struct parts *parts, struct spelling *spelling)
{
    const struct found found = owner_find(parts, spelling);
    size_t owner = found.use;

    if (found.letter && spelling->attached.at && !header_letter_is(found.letter, LETTER_VALUE | LETTER_MAYBE))
        return option_refuse(parts, spelling->word, NULL, "this option has no value");
    if (found.letter)
        return header_read(parts, found.letter, spelling);
    if (!found.kind && !owner_guess(parts, spelling, &owner))
        return false;
    return add_option(parts, owner, found.kind, spelling);
}

// Letters behind one dash, the last of which may have its value attached.
static bool read_short(struct parts *parts, struct spelling *spelling)
{
    const struct slice text = spelling->word->text;

    for (size_t i = 1; i < text.length; i++) {
        const char letter = text.at[i];
        const bool last = header_letter_is(letter, LETTER_VALUE | LETTER_MAYBE);

        spelling->attached = (struct slice){NULL, 0};
        if (last && i + 1 < text.length)
            spelling->attached = (struct slice){text.at + i + 1, text.length - i - 1};
        if (letter == '0' || !letter || !header_read(parts, letter, spelling))
            return letter == '0' || !letter
                       ? option_refuse(parts, spelling->word, NULL, "this is no option of a rule")
                       : false;
        if (last)
            break;
    }
    return true;
}

static bool read_word(struct parts *parts)
{
    const struct word *word = &parts->words.items[parts->next++];
    struct spelling spelling = {.word = word, .inverted = parts->negated != NULL};
    bool fine;

    if (word->text.length == 1 && word->text.at[0] == '!') {
        if (parts->negated)
            return option_refuse(parts, word, NULL, "two of them stand in a row");
        parts->negated = word;
        return true;
    }
    if (word->text.length > 2 && word->text.at[0] == '-' && word->text.at[1] == '-') {
        spelling.name = (struct slice){word->text.at + 2, word->text.length - 2};
        slice_split(spelling.name, '=', &spelling.name, &spelling.attached);
        fine = read_long(parts, &spelling);
    } else if (word->text.length > 1 && word->text.at[0] == '-' && word->text.at[1] != '-') {
        fine = read_short(parts, &spelling);
    } else {
        return option_refuse(parts, word,
                             word->text.length && word->text.at[0] == '#' ? "a comment has a line of its own"
                                                                          : NULL,
                             "an option is expected here");
    }
    parts->negated = NULL;
    return fine;
}

bool parts_read(struct parts *parts, struct slice text, enum command command)
{
    struct slice at = {text.at, 0};
    const char *problem;

    parts->text = text;
    parts->next = 0;
    parts->negated = NULL;
    parts->command = command;
    parts->chain = parts->argument = (struct slice){NULL, 0};
    parts->other_family = false;
    parts->counters = (struct counters){0};
    parts->given = 0;
    parts->addresses[0].word = parts->addresses[1].word = NULL;
    parts->interfaces[0].at = parts->interfaces[1].at = NULL;
    parts->protocol_word = parts->target_word = NULL;
    parts->protocol = 0;
    parts->protocol_inverted = parts->protocol_opaque = parts->protocol_used = false;
    parts->later_fragments = parts->later_fragments_inverted = false;
    parts->target_use = NO_USE;
    parts->jump_only = false;
    parts->use_count = parts->option_count = 0;
    problem = words_split(parts->arena, text, &parts->words, &at);
    if (problem)
        return parts_refuse(parts, at, NULL, "%s", problem);
    while (parts->next < parts->words.count)
        if (!read_word(parts))
            return false;
    if (parts->negated)
        return option_refuse(parts, parts->negated, NULL, "an option must follow");
    return parts->command != COMMAND_NONE ||
           parts_refuse(parts, text, "a rule begins with -A CHAIN", "the line says nothing to do");
}
