// SPDX-License-Identifier: GPL-2.0-or-later
//
// Lines of a table by their command: what -A, -I, -D, -N, -P, -F and -X do to its chains.
#include <string.h>

#include "rules/read.h"
#include "rules/reader.h"

// Every rule behind one that is taken away moves up: a large text of such lines would take hours.
#define STEPS_MAX ((size_t)1 << 24)

static bool refuse_target(struct reader *reader, const char *name)
{
    const bool kept = reader->diags->counts[SEVERITY_ERROR] < DIAG_KEPT;
    const char *nearest = kept ? extension_nearest(slice_of(name), true) : NULL;

    return parts_refuse(reader->parts, reader->parts->target_word->raw,
                        nearest ? arena_printf(reader->arena, "did you mean %s?", nearest)
                                : "a chain is declared above what jumps to it: \":CHAIN - [0:0]\"",
                        "`%s` is neither a chain of the table %s nor a target that ctc knows", name,
                        reader->table->name);
}

static bool find_target(struct reader *reader, struct rule *rule)
{
    struct parts *parts = reader->parts;
    struct target *target = &rule->target;
    const struct chain *chain;

    if (!parts->target_word)
        return true;
    chain = is_verdict(parts->target) && !parts->jump_only ? NULL : tables_find_chain(reader, parts->target);
    if (chain && chain->policy != CHAIN_USER)
        return parts_refuse(parts, parts->target_word->raw, NULL,
                            "a rule cannot jump to the built-in chain %s", chain->name);
    // As iptables warns: "using chain LOG, not extension".
    if (chain)
        *target = (struct target){parts->jump_only ? TARGET_GOTO : TARGET_JUMP, chain->name};
    else if (target->kind == TARGET_GOTO || target->kind == TARGET_JUMP)
        return refuse_target(reader, target->text);
    return true;
}

// How many of the lines behind this one begin like it, `-A CHAIN `.
static size_t lines_alike(const struct reader *reader)
{
    const char *const text_end = reader->source->bytes + reader->source->length;
    const char *const name_end = reader->parts->chain.at + reader->parts->chain.length;
    const size_t length = (size_t)(name_end - reader->line.at);
    size_t count = 0;

    for (const char *at = reader->line.at;; count++) {
        at = memchr(at, '\n', (size_t)(text_end - at));
        if (!at || (size_t)(text_end - ++at) <= length || memcmp(at, reader->line.at, length) != 0 ||
            at[length] != ' ')
            return count;
    }
}

// Rules of a chain stand together, as a rule: then there is room for all of them at once.
static struct rule *new_rule(struct reader *reader, struct chain *chain)
{
    if (chain->count == chain->capacity) {
        const size_t alike = 1 + lines_alike(reader);

        chain_reserve(reader->arena, chain, alike > chain->count ? alike : chain->count);
    }
    return vec_push(reader->arena, chain);
}

static bool append_rules(struct reader *reader, struct chain *chain, const struct rule *rule)
{
    const struct parts *parts = reader->parts;
    struct address_list lists[2];

    if (!parts_addresses(reader->parts, lists))
        return false;

    const size_t count = parts->other_family ? 0 : lists[0].count * lists[1].count;

    if (count > RULESET_RULES_MAX - reader->rules)
        return reader_refuse(reader, reader->line, NULL, "these are more rules than a table can hold");
    reader->rules += count;
    if (parts->command == COMMAND_INSERT && parts->number > chain->count + 1)
        return reader_refuse(reader, reader->line, NULL, "the chain has fewer rules than that");
    if (count && !chain->count)
        *vec_push(reader->arena, &reader->filled) = chain;
    for (size_t i = 0; i < count; i++) {
        struct rule *made = new_rule(reader, chain);

        *made = *rule;
        rule_with_addresses(reader->arena, made, lists, i);
        if (parts->command == COMMAND_INSERT)
            moves_insert(reader->arena, &reader->moves, chain, (size_t)parts->number - 1);
    }
    return true;
}

bool command_append(struct reader *reader, const struct counters *counters)
{
    struct parts *parts = reader->parts;
    struct chain *chain = tables_find_rule_chain(reader, parts->chain);
    struct rule rule = {.span = reader->span};

    if (!chain)
        return parts_refuse(parts, parts->chain.length ? parts->chain : reader->line,
                            "declare it above its rules: \":CHAIN - [0:0]\"",
                            "the table %s has no chain %.*s here", reader->table->name,
                            (int)parts->chain.length, parts->chain.at);
    if (!parts_rule(parts, &rule) || !find_target(reader, &rule))
        return false;

    const char *misplaced = rule_misplaced(&rule, reader->table->name, chain->name);

    if (misplaced)
        return reader_refuse(reader, reader->line, NULL, misplaced);
    // iptables-restore -c takes the counters in front, which -c on the line would contradict.
    if (counters->present)
        rule.counters = *counters;
    return append_rules(reader, chain, &rule);
}

static bool remove_rule(struct reader *reader)
{
    struct chain *chain = tables_find_rule_chain(reader, reader->parts->chain);
    const size_t at = (size_t)reader->parts->number - 1;

    if (!chain)
        return reader_refuse(reader, reader->parts->chain, NULL, "the table has no such chain here");
    if (at >= chain->count)
        return reader_refuse(reader, reader->line, NULL, "the chain has fewer rules than that");
    reader->steps += chain->count + reader->moves.list.count;
    if (reader->steps > STEPS_MAX)
        return reader_refuse(reader, reader->line, "take them out",
                             "too many rules of this text are taken away again");
    moves_settle(reader->arena, &reader->moves);
    chain->count--;
    memmove(&chain->items[at], &chain->items[at + 1], (chain->count - at) * sizeof(*chain->items));
    return true;
}

static void flush_chain(struct reader *reader, struct chain *chain)
{
    chain->count = 0;
    moves_flush(reader->arena, &reader->moves, chain);
}

static bool flush(struct reader *reader)
{
    struct chain *chain = tables_find_chain(reader, reader->parts->chain);

    if (reader->parts->chain.at && !chain)
        return reader_refuse(reader, reader->parts->chain, NULL, "the table has no such chain here");
    for (size_t i = 0; i < reader->filled.count && !chain; i++)
        flush_chain(reader, reader->filled.items[i]);
    if (chain)
        flush_chain(reader, chain);
    else
        reader->filled.count = 0;
    return true;
}

static bool delete_chains(struct reader *reader)
{
    const struct slice name = reader->parts->chain;
    const struct chain *last = reader->table->items[reader->table->count - 1];

    if (name.at && !tables_find_chain(reader, name))
        return reader_refuse(reader, name, NULL, "the table has no such chain here");
    if (!name.at && last->policy != CHAIN_USER)
        return true; // loading a table has deleted them all
    return reader_refuse(reader, reader->line, "take it out, and the chains with it",
                         "this deletes chains that the text made above");
}

static bool read_policy(struct reader *reader)
{
    struct chain *chain = tables_find_chain(reader, reader->parts->chain);

    if (!chain || chain->policy == CHAIN_USER)
        return reader_refuse(reader, reader->parts->chain, NULL, "only built-in chains have a policy");
    return tables_set_policy(reader, chain, reader->parts->argument);
}

bool command_run(struct reader *reader, const struct counters *counters)
{
    switch (reader->parts->command) {
    case COMMAND_APPEND:
    case COMMAND_INSERT:
        return command_append(reader, counters);
    case COMMAND_REMOVE:
        return remove_rule(reader);
    case COMMAND_NEW:
        if (extension_find(reader->parts->chain, true))
            return reader_refuse(reader, reader->parts->chain, NULL,
                                 "a chain cannot have the name of a target");
        return tables_make_chain(reader, reader->parts->chain);
    case COMMAND_POLICY:
        return read_policy(reader);
    case COMMAND_FLUSH:
        return flush(reader);
    case COMMAND_DELETE:
        return delete_chains(reader);
    case COMMAND_ZERO: // counters that iptables-restore does not set unless it is told to
    case COMMAND_NONE:
        break;
    }
    return true;
}
