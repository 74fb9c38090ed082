// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rules of OUTPUT that name a peer where this host's own address stands: what leaves has the peer as its destination. Whose
// an address is, the rules about what comes in say.
#include "findings/inspection.h"

static bool names(const struct rule *rule, enum side side, const struct prefix *prefix)
{
    const struct rule_address *address = &rule->addresses[side];

    return !address->inverted && address->prefix.bits == prefix->bits &&
           addr_compare(address->prefix.addr, prefix->addr) == 0;
}

// Somebody who is let in, and who is not this host.
static bool is_peer(const struct chain *input, const struct prefix *prefix)
{
    bool peer = false;

    for (size_t i = 0; i < input->count; i++) {
        if (names(&input->items[i], SIDE_DESTINATION, prefix))
            return false;
        peer = peer ||
               (input->items[i].target.kind == TARGET_ACCEPT && names(&input->items[i], SIDE_SOURCE, prefix));
    }
    return peer;
}

void find_wrong_sides(struct inspection *inspection)
{
    const struct table *filter = ruleset_find_table(inspection->rules, "filter");
    const struct chain *input = filter ? table_find_chain(filter, "INPUT") : NULL,
                       *output = filter ? table_find_chain(filter, "OUTPUT") : NULL;

    for (size_t i = 0; input && output && i < output->count; i++) {
        const struct rule *rule = &output->items[i];
        const struct rule_address *source = &rule->addresses[SIDE_SOURCE];
        const struct rule_place place = {filter, output, i};

        // A network may well hold both.
        if (rule->target.kind == TARGET_ACCEPT && !source->inverted &&
            source->prefix.bits == family_bits(inspection->rules->family) &&
            !rule->addresses[SIDE_DESTINATION].prefix.bits && is_peer(input, &source->prefix) &&
            report_at(inspection, DIAG_WRONG_SIDE, SEVERITY_WARNING, &place,
                      "what leaves has this host's address as its source, and this names a peer's: it lets "
                      "nothing out"))
            diag_hint(inspection->diags, "name the peer with -d");
    }
}
