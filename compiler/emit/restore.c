// SPDX-License-Identifier: GPL-2.0-or-later
//
// Ruleset in, iptables-restore text out. What holds throughout: the bytes depend on the ruleset alone, and each option
// stands where iptables-save (iptables 1.8) prints it, so that what is loaded and saved again is the same text:
//
//   -A INPUT -s 192.0.2.0/24 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT
#include "emit/restore.h"

#include <assert.h>

#include "base/protocols.h"

static void put_address(struct buf *out, const struct rule_address *address, const char *option,
                        enum family family)
{
    if (!address->prefix.bits && !address->inverted)
        return;
    buf_text(out, address->inverted ? " ! " : " ");
    buf_text(out, option);
    buf_char(out, ' ');
    prefix_print(out, family, address->prefix);
}

static void put_protocol(struct buf *out, const struct rule *rule)
{
    if (!rule->protocol)
        return;

    const char *name = protocol_builtin_name(rule->protocol);

    buf_text(out, rule->protocol_inverted ? " ! -p " : " -p ");
    if (name)
        buf_text(out, name);
    else
        buf_number(out, rule->protocol); // its name is known only where /etc/protocols has it
}

static void put_counters(struct buf *out, const struct counters *counters)
{
    buf_char(out, '[');
    buf_number(out, counters->packets);
    buf_char(out, ':');
    buf_number(out, counters->bytes);
    buf_char(out, ']');
}

static void put_interface(struct buf *out, const char *option, const char *name, bool inverted)
{
    if (!name)
        return;
    buf_text(out, inverted ? " ! " : " ");
    buf_text(out, option);
    buf_char(out, ' ');
    buf_text(out, name);
}

void restore_rule(struct buf *out, const struct rule *rule, enum family family)
{
    assert(!rule->sets); // passes_run() makes plain rules of those
    if (rule->verbatim) {
        buf_printf(out, " %s", rule->verbatim);
        return;
    }
    put_address(out, &rule->addresses[SIDE_SOURCE], "-s", family);
    put_address(out, &rule->addresses[SIDE_DESTINATION], "-d", family);
    put_interface(out, "-i", rule->in, rule->in_inverted);
    put_interface(out, "-o", rule->out, rule->out_inverted);
    put_protocol(out, rule);
    if (rule->later_fragments)
        buf_text(out, rule->later_fragments_inverted ? " ! -f" : " -f");
    for (size_t i = 0; i < rule->match_count; i++)
        restore_match(out, &rule->matches[i], family);
    restore_target(out, &rule->target);
}

static void put_rule(struct buf *out, const struct chain *chain, const struct rule *rule, enum family family)
{
    if (rule->counters.present) {
        put_counters(out, &rule->counters);
        buf_char(out, ' ');
    }
    buf_text(out, "-A ");
    buf_text(out, chain->name);
    restore_rule(out, rule, family);
    buf_char(out, '\n');
}

static void put_table(struct buf *out, const struct table *table, enum family family)
{
    static const char *const policies[] = {"-", NULL, "ACCEPT", "DROP"}; // by enum chain_policy

    buf_printf(out, "*%s\n", table->name);
    for (size_t i = 0; i < table->count; i++) {
        const struct chain *chain = table->items[i];

        if (chain->policy == CHAIN_UNWRITTEN)
            continue;
        buf_char(out, ':');
        buf_text(out, chain->name);
        buf_char(out, ' ');
        buf_text(out, policies[chain->policy]);
        buf_char(out, ' ');
        put_counters(out, &chain->counters);
        buf_char(out, '\n');
    }
    for (size_t i = 0; i < table->count; i++)
        for (size_t j = 0; j < table->items[i]->count; j++)
            put_rule(out, table->items[i], &table->items[i]->items[j], family);
    buf_text(out, "COMMIT\n");
}

void restore_text(struct buf *out, const struct ruleset *ruleset)
{
    for (size_t i = 0; i < ruleset->count; i++)
        put_table(out, &ruleset->items[i], ruleset->family);
}
