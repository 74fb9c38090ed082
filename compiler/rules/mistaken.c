// SPDX-License-Identifier: GPL-2.0-or-later
//
// A line that cannot be read, and what of it is kept: the words around a mistake that belong together are an unknown.
//
//   -A INPUT -s 192.0.2.1 -m mac --mac-source XX:XX -j ACCEPT
//                         ^^^^^^^^^^^^^^^^^^^^^^^^^
#include <string.h>

#include "rules/reader.h"
#include "rules/values.h"

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

// The option of a match around a mistake at `at`, with its values, its `!`, and the -m before it: what can be left out of a
// line so that the rest is a rule. Empty where the mistake is about more than a match.
static struct slice mistaken_part(struct slice line, struct slice at)
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

// The target that a line seems to have.
static struct target apparent_target(struct reader *reader, struct slice line)
{
    for (struct slice word = slice_word(&line); word.length; word = slice_word(&line)) {
        const struct slice name =
            slice_is(word, "-j") || slice_is(word, "-g") ? slice_word(&line) : (struct slice){0};
        const struct chain *chain = name.length ? tables_find_chain(reader, name) : NULL;

        if (chain && chain->policy == CHAIN_USER)
            return (struct target){slice_is(word, "-j") ? TARGET_JUMP : TARGET_GOTO, chain->name};
        if (slice_is(name, "ACCEPT") || slice_is(name, "DROP") || slice_is(name, "RETURN"))
            return (struct target){slice_is(name, "ACCEPT") ? TARGET_ACCEPT
                                   : slice_is(name, "DROP") ? TARGET_DROP
                                                            : TARGET_RETURN,
                                   NULL};
        if (name.length)
            return (struct target){TARGET_OTHER, arena_copy(reader->arena, name.at, name.length)};
    }
    return (struct target){TARGET_NONE, NULL};
}

static void add_unknown(struct reader *reader, struct rule *rule, struct slice text)
{
    struct match *matches = arena_calloc(reader->arena, rule->match_count + 1, sizeof(*matches));
    struct slice rest = text;
    const bool named = slice_is(slice_word(&rest), "-m");
    const struct extension *extension = named ? extension_find(slice_word(&rest), false) : NULL;

    if (rule->match_count)
        memcpy(matches, rule->matches, rule->match_count * sizeof(*matches));
    matches[rule->match_count].kind = MATCH_OPAQUE;
    matches[rule->match_count].opaque.text = arena_copy(reader->arena, text.at, text.length);
    matches[rule->match_count].opaque.fickle = extension && extension->fickle;
    rule->matches = matches;
    rule->match_count++;
}

// A rule of which one match cannot be read: that is an unknown, and the rest still says what the rule is about.
static bool keep_rest(struct reader *reader, struct slice line)
{
    const struct slice mistaken = mistaken_part(line, reader->refused);
    struct diag_list *const diags = reader->parts->diags;
    struct diag_list quiet = {.arena = reader->arena};
    char *rest = arena_alloc(reader->arena, line.length);
    struct chain *chain;
    bool kept;

    if (!mistaken.length)
        return false;
    memcpy(rest, line.at, line.length);
    memset(rest + (mistaken.at - line.at), ' ', mistaken.length);
    reader->parts->diags = &quiet;
    kept = parts_read(reader->parts, (struct slice){rest, line.length}, COMMAND_NONE) &&
           reader->parts->command == COMMAND_APPEND && command_append(reader, &(struct counters){0});
    reader->parts->diags = diags;
    chain = kept ? tables_find_rule_chain(reader, reader->parts->chain) : NULL;
    for (size_t i = chain ? chain->count : 0; i-- > 0 && chain->items[i].span.line == reader->span.line;)
        add_unknown(reader, &chain->items[i], mistaken);
    return kept;
}

// A rule that iptables-restore would not take, as an unknown: whether it holds for a packet nobody can say.
static bool keep_line(struct reader *reader, struct slice line)
{
    struct slice rest = line;
    const struct slice command = slice_word(&rest), name = slice_word(&rest);
    struct match *match = arena_alloc(reader->arena, sizeof(*match));
    struct chain *chain = tables_find_chain(reader, name);
    struct rule rule = {.span = reader->span, .matches = match, .match_count = 1};

    if (!slice_is(command, "-A") || reader->rules == RULESET_RULES_MAX || !name.length ||
        name.length > CHAIN_NAME_MAX || !is_bare(name))
        return false;
    if (!chain)
        chain = table_chain(reader->arena, reader->table, arena_copy(reader->arena, name.at, name.length),
                            CHAIN_USER);
    rest = slice_trim(rest);
    match->kind = MATCH_OPAQUE;
    match->opaque.text = arena_copy(reader->arena, rest.at, rest.length);
    rule.target = apparent_target(reader, rest);
    *vec_push(reader->arena, chain) = rule;
    reader->rules++;
    return true;
}

bool mistaken_keep(struct reader *reader, struct slice line)
{
    return keep_rest(reader, line) || keep_line(reader, line);
}
