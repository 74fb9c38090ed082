// SPDX-License-Identifier: GPL-2.0-or-later
#include "live/tracking.h"

#include <stdio.h>
#include <string.h>

#include "emit/restore.h"
#include "kernel/sets.h"
#include "kernel/text.h"
#include "meaning/rules.h"
#include "meaning/sets.h"

#define COUNT_FILE "/proc/sys/net/netfilter/nf_conntrack_count"
#define NODE_LIMIT ((size_t)3 << 20)

static void read_count(struct live_tracking *tracking)
{
    FILE *file = fopen(COUNT_FILE, "re");
    char line[32];

    tracking->tracker = file != NULL;
    if (file && fgets(line, sizeof(line), file))
        parse_number((struct slice){line, strcspn(line, "\n")}, UINT64_MAX, &tracking->entries);
    if (file)
        fclose(file);
}

static const char *rule_text(struct arena *arena, const struct rule *rule, enum family family)
{
    struct buf text = {0};
    const char *copy;

    restore_rule(&text, rule, family);
    copy = arena_copy(arena, text.bytes + 1, text.length - 1);
    buf_clear(&text);
    return copy;
}

static void add_rules(struct arena *arena, const struct ruleset *rules, struct tracked_family *tracked)
{
    for (size_t i = 0; i < rules->count; i++)
        for (size_t j = 0; j < rules->items[i].count; j++) {
            const struct chain *chain = rules->items[i].items[j];

            for (size_t k = 0; k < chain->count; k++) {
                const char *what = rule_tracks(&chain->items[k], rules->items[i].name);

                if (what)
                    *vec_push(arena, &tracked->causes) = (struct tracking_cause){
                        .tool = rules->family == FAMILY_IPV4 ? "iptables" : "ip6tables",
                        .place = arena_printf(arena, "%s %s %zu", rules->items[i].name, chain->name, k + 1),
                        .what = what,
                        .text = rule_text(arena, &chain->items[k], rules->family),
                    };
            }
        }
}

// Whether raw takes out, or drops, every packet that the tracker would look at. Of what comes in by lo it was decided as it
// left.
static bool takes_all_out(struct arena *arena, const struct ruleset *rules)
{
    struct packet_space space;
    bool all = true;

    packet_space_init(&space, arena, rules->family);
    packet_space_add_ruleset(&space, rules);
    if (!packet_space_open(&space, NODE_LIMIT))
        return false;

    const struct meaning meaning = rules_meaning(&space, rules, NULL);

    for (enum hook hook = HOOK_INPUT; hook < HOOK_COUNT && all; hook++) {
        const diagram raw = meaning.raws[hook];
        diagram left = set_minus(&space, meaning.domains[hook], never_tracked(&space));

        left = set_minus(&space, left, set_or(&space, taken_out(&space, raw), refused_set(&space, raw)));
        if (hook == HOOK_INPUT)
            left = set_minus(&space, left, by_loopback(&space));
        all = left == set_none(&space);
    }
    all = all && !diagram_overflowed(space.diagrams);
    packet_space_close(&space);
    return all;
}

static bool read_legacy(struct arena *arena, const struct kernel_backend *backend, enum family family,
                        struct tracked_family *tracked, const struct ruleset **rules,
                        struct kernel_error *error)
{
    struct diag_list diags = {.arena = arena}; // of rules that are there whatever they are
    struct kernel_tables tables = {0};

    *rules = NULL;
    if (kernel_tables_read(arena, backend, family, &tables, error))
        *rules = kernel_ruleset(arena, tables.items, tables.count, family, &diags, error);
    kernel_tables_close(&tables);
    if (*rules)
        return true;
    if (error->trouble != KERNEL_NO_TABLES)
        return false;
    tracked->legacy_unseen = error->text;
    error->trouble = KERNEL_FINE;
    return true;
}

bool tracking_read(struct arena *arena, const struct kernel_backend *backend, const struct ipset_list *sets,
                   struct live_tracking *tracking, struct kernel_error *error)
{
    const struct ruleset *rules[FAMILY_COUNT];
    size_t count = 0;
    bool gone;

    *tracking = (struct live_tracking){0};
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        if (!read_legacy(arena, backend, family, &tracking->families[family], &rules[count], error))
            return false;
        count += rules[count] != NULL;
    }
    tracking->sets_unknown = kernel_sets_know(arena, rules, count, sets, &gone);
    for (size_t i = 0; i < count; i++) {
        struct tracked_family *tracked = &tracking->families[rules[i]->family];

        add_rules(arena, rules[i], tracked);
        tracked->all_out = takes_all_out(arena, rules[i]);
    }
    tracking_read_nft(arena, tracking);
    read_count(tracking);
    return true;
}
