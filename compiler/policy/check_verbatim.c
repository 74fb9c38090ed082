// SPDX-License-Identifier: GPL-2.0-or-later
//
// Verbatim rules against the policy around them.
#include <string.h>

#include "base/protocols.h"
#include "policy/reader.h"
#include "rules/read.h"

static bool is_target(const struct target *target, const char *name)
{
    struct slice text;

    if (target->kind != TARGET_OTHER)
        return false;
    text = slice_of(target->text);
    return slice_is(slice_word(&text), name);
}

// CT and NOTRACK are parts of the tracker's modules.
static bool needs_tracker(const struct target *target)
{
    return target->kind == TARGET_NOTRACK || target->kind == TARGET_HELPER || is_target(target, "CT");
}

// `! --dport 22` is every port but that one.
static void add_other_ports(struct arena *arena, struct port_set *ports, struct port_range range)
{
    if (range.first > 0)
        port_set_add(arena, ports, (struct port_range){0, (uint16_t)(range.first - 1)});
    if (range.last < UINT16_MAX)
        port_set_add(arena, ports, (struct port_range){(uint16_t)(range.last + 1), UINT16_MAX});
}

// Ports that a rule publishes, or more where several matches narrow them. None: any.
static struct port_set published_ports(struct arena *arena, const struct rule *rule)
{
    struct port_set ports = {0};

    for (size_t i = 0; i < rule->match_count; i++) {
        const struct match *match = &rule->matches[i];
        const struct port_range *range = &match->transport.ports[SIDE_DESTINATION];

        if ((match->kind == MATCH_TCP || match->kind == MATCH_UDP) &&
            match->transport.named[SIDE_DESTINATION]) {
            if (match->transport.inverted[SIDE_DESTINATION])
                add_other_ports(arena, &ports, *range);
            else
                port_set_add(arena, &ports, *range);
        } else if (match->kind == MATCH_MULTIPORT && match->multiport.side == SIDE_DESTINATION &&
                   !match->multiport.inverted) {
            for (size_t j = 0; j < match->multiport.count; j++)
                port_set_add(arena, &ports, match->multiport.items[j]);
        }
    }
    return ports;
}

static bool has_protocol(const struct rule *rule, enum traffic_kind kind)
{
    const uint8_t protocol = kind == TRAFFIC_TCP ? PROTOCOL_TCP : PROTOCOL_UDP;

    if (kind != TRAFFIC_TCP && kind != TRAFFIC_UDP)
        return kind == TRAFFIC_ANY;
    return !rule->protocol || (rule->protocol == protocol) != rule->protocol_inverted;
}

static bool publishes_untracked(struct reader *reader, const struct rule *rule)
{
    const struct policy *policy = reader->policy;
    const struct port_set ports = published_ports(reader->arena, rule);

    for (size_t i = 0; i < policy->allow.count; i++) {
        const struct entry *entry = &policy->allow.items[i];

        for (size_t j = 0; j < entry->traffic_count && entry_untracked(policy, entry); j++) {
            const struct traffic *traffic = &entry->traffic[j];

            if (has_protocol(rule, traffic->kind) &&
                (!traffic->ports.count || !ports.count || port_set_overlap(&traffic->ports, &ports)))
                return true;
        }
    }
    return false;
}

static void check_rule(struct reader *reader, const struct rule *rule, const char *table)
{
    struct diag_list *diags = reader->diags;
    const char *tracks = rule_tracks(rule, table);

    if (tracks && reader->policy->tracking == TRACKING_NONE) {
        diag_add(diags, DIAG_VERBATIM_TRACKS, rule->span, "`%s` would start tracking in a policy without it",
                 tracks);
        diag_hint(diags, "take the rule out, or say tracking: selective");
    } else if (needs_tracker(&rule->target) && reader->policy->conntrack.block_modules) {
        diag_add(diags, DIAG_VERBATIM_TRACKS, rule->span,
                 "CT and NOTRACK need the modules that `modules: block` keeps out");
    } else if ((is_target(&rule->target, "DNAT") || is_target(&rule->target, "REDIRECT")) &&
               publishes_untracked(reader, rule)) {
        diag_add(diags, DIAG_UNTRACKED_NAT, rule->span,
                 "an entry with `track: false` untracks a port that this rule publishes");
        diag_hint(diags, "NAT needs the tracker: leave that port tracked");
    }
}

void check_verbatim(struct reader *reader)
{
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        const struct verbatim *verbatim = &reader->policy->verbatim[family];

        // The rules of one line differ in their addresses alone, and those are not looked at.
        for (size_t i = 0; i < verbatim->count; i++)
            if (verbatim->items[i].rule_count) {
                check_rule(reader, &verbatim->items[i].rules[0], verbatim->items[i].table);
                rule_check_spelling(&verbatim->items[i].rules[0], reader->diags);
            }
    }
}
