// SPDX-License-Identifier: GPL-2.0-or-later
//
// `*TABLE`, `:CHAIN POLICY [packets:bytes]`, COMMIT.
#include <string.h>

#include "rules/reader.h"
#include "rules/values.h"

static const struct table_kind *find_kind(struct slice name)
{
    for (size_t i = 0; i < table_kind_count; i++)
        if (slice_is(name, table_kinds[i].name))
            return &table_kinds[i];
    return NULL;
}

// A table that is loaded twice is emptied by the second time; its policies stay.
static void empty_table(struct reader *reader, const struct table_kind *kind)
{
    struct table *table = reader->table;
    size_t hooks = 0;

    while (kind->hooks[hooks])
        table->items[hooks++]->count = 0;
    if (table->count == hooks)
        return;
    table->count = table->index_size = 0;

    struct chain **items = table->items;

    table->items = NULL;
    table->capacity = 0;
    for (size_t i = 0; i < hooks; i++)
        *table_chain(reader->arena, table, items[i]->name, items[i]->policy) = *items[i];
}

void tables_open(struct reader *reader, struct slice line)
{
    struct slice rest = {line.at + 1, line.length - 1};
    const struct slice name = slice_word(&rest);
    const struct table_kind *kind = find_kind(name);

    if (reader->table || reader->skipping)
        reader_refuse(reader, line, "end each table with COMMIT", "a table begins before the last one ends");
    reader->skipping = !kind;
    reader->table = NULL;
    reader->chain = NULL;
    reader->moves.list.count = reader->filled.count = 0;
    if (!kind) {
        parts_refuse(reader->parts, name.length ? name : line,
                     "tables are filter, mangle, nat, raw and security", "no kernel has a table `%.*s`",
                     (int)name.length, name.at);
        return;
    }

    const bool again = ruleset_find_table(reader->ruleset, kind->name) != NULL;

    reader->table = ruleset_table(reader->arena, reader->ruleset, kind->name);
    if (again) {
        reader_warn(reader, "join both", "the table stands here again: loading this empties what is above");
        empty_table(reader, kind);
        return;
    }
    for (const char *const *hook = kind->hooks; *hook; hook++)
        table_chain(reader->arena, reader->table, *hook, CHAIN_UNWRITTEN);
}

// Names are found before they are copied.
struct chain *tables_find_chain(const struct reader *reader, struct slice name)
{
    char text[CHAIN_NAME_MAX + 1];

    if (name.length > CHAIN_NAME_MAX || !name.length)
        return NULL;
    memcpy(text, name.at, name.length);
    text[name.length] = '\0';
    return table_find_chain(reader->table, text);
}

// Rules of one chain mostly stand together.
struct chain *tables_find_rule_chain(struct reader *reader, struct slice name)
{
    if (!reader->chain || !slice_is(name, reader->chain->name))
        reader->chain = tables_find_chain(reader, name);
    return reader->chain;
}

struct chain *tables_make_chain(struct reader *reader, struct slice name)
{
    struct chain *chain;

    if (!is_bare(name) || name.length > CHAIN_NAME_MAX)
        reader_refuse(reader, name, NULL, "a chain has a name of 1 to 28 bytes, without quotes");
    else if (is_verdict(name))
        reader_refuse(reader, name, NULL, "a chain cannot have the name of a verdict");
    else if (tables_find_chain(reader, name))
        reader_refuse(reader, name, NULL, "the chain is there already");
    else {
        chain = table_chain(reader->arena, reader->table, arena_copy(reader->arena, name.at, name.length),
                            CHAIN_USER);
        chain->span = reader->span;
        return chain;
    }
    return NULL;
}

bool tables_set_policy(struct reader *reader, struct chain *chain, struct slice policy)
{
    if (slice_is(policy, "ACCEPT"))
        chain->policy = CHAIN_ACCEPT;
    else if (slice_is(policy, "DROP"))
        chain->policy = CHAIN_DROP;
    else
        return reader_refuse(reader, policy, NULL, "the policy of a built-in chain is ACCEPT or DROP");
    if (chain->policy == CHAIN_DROP && strcmp(reader->table->name, "nat") == 0)
        return reader_refuse(reader, policy, NULL,
                             "the table nat is not for filtering: iptables refuses DROP there");
    chain->span = reader->span;
    return true;
}

bool tables_read_counters(struct slice text, struct counters *counters)
{
    struct slice packets, bytes;

    if (text.length < 5 || text.at[0] != '[' || text.at[text.length - 1] != ']')
        return false;
    text = (struct slice){text.at + 1, text.length - 2};
    if (!slice_split(text, ':', &packets, &bytes))
        return false;
    counters->present = true;
    return parse_number(packets, UINT64_MAX, &counters->packets) &&
           parse_number(bytes, UINT64_MAX, &counters->bytes);
}

void tables_read_chain(struct reader *reader, struct slice line)
{
    struct slice rest = {line.at + 1, line.length - 1};
    const struct slice name = slice_word(&rest), policy = slice_word(&rest), counters = slice_word(&rest);
    const bool hook = table_has_hook(reader->table->name, name);
    struct chain *chain = hook ? tables_find_chain(reader, name) : tables_make_chain(reader, name);

    if (!chain)
        return;
    if (!policy.length) {
        reader_refuse(reader, line, "a chain line is :CHAIN POLICY [packets:bytes]", "the policy is missing");
        return;
    }
    if (!hook && !slice_is(policy, "-"))
        reader_warn(reader, "write - instead; iptables-legacy-restore refuses the line",
                    "a chain of your own has no policy: packets go on behind the jump");
    // A dash leaves a built-in chain the policy that the kernel has.
    if (hook && !slice_is(policy, "-") && !tables_set_policy(reader, chain, policy))
        return;
    if (counters.length && !tables_read_counters(counters, &chain->counters))
        reader_refuse(reader, counters, NULL, "counters are [packets:bytes]");
}

void tables_close(struct reader *reader)
{
    moves_settle(reader->arena, &reader->moves);

    const struct rule *loop = table_find_loop(reader->table);

    if (loop) {
        diag_add(reader->diags, DIAG_RULES, loop->span, "this jump goes back to a chain that leads here");
        diag_hint(reader->diags, "the kernel refuses a table with such a circle");
    }
    reader->table = NULL;
}
