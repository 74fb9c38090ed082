// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/objections.h"

#include <limits.h>
#include <string.h>

#include "advice/table.h"
#include "analysis/describe.h"
#include "apply/composed.h"
#include "findings/inspection.h"
#include "kernel/nftables.h"

#define NAMED_MAX 3 // rules that are named of many

struct listing {
    struct buf text;
    size_t count;
};

static void list_place(struct listing *listing, const struct hearing *hearing, const struct rule_place *place)
{
    if (listing->count++ >= NAMED_MAX)
        return;
    buf_text(&listing->text, listing->count > 1 ? ", " : "");
    put_place(&listing->text, hearing, place);
}

static void end_listing(struct listing *listing)
{
    if (listing->count > NAMED_MAX)
        buf_printf(&listing->text, " and %zu more", listing->count - NAMED_MAX);
}

// Mode none.

static void find_trackers(struct hearing *hearing)
{
    const bool blocked = hearing->policy->conntrack.block_modules;
    struct listing listing = {0};

    for (size_t i = 0; i < hearing->after->count; i++)
        for (size_t j = 0; j < hearing->after->items[i].count; j++) {
            const struct table *table = &hearing->after->items[i];
            const struct chain *chain = table->items[j];

            for (size_t k = 0; k < chain->count; k++)
                if (rule_tracks(&chain->items[k], table->name) &&
                    is_others(hearing, table, chain, &chain->items[k]))
                    list_place(&listing, hearing, &(struct rule_place){table, chain, k});
        }
    end_listing(&listing);
    if (listing.count)
        object(
            hearing, blocked ? SEVERITY_ERROR : SEVERITY_WARNING, "others-track",
            arena_printf(hearing->arena, "rules of others keep the tracker on: %s", listing.text.bytes),
            blocked
                ? "the policy keeps the tracker's modules out: with these rules they are in, and everything "
                  "is tracked"
                : "nothing goes into its table, but packets still pass the tracker");
    buf_clear(&listing.text);
}

// nf_tables serves both families.
static void find_nft_trackers(struct hearing *hearing)
{
    struct kernel_error error = {.arena = hearing->arena};
    struct nft_tables tables = {0};
    struct buf text = {0};

    hearing->family = FAMILY_COUNT;
    if (!nft_tables_read(hearing->arena, &tables, &error)) {
        object(hearing, SEVERITY_WARNING, "others-track",
               arena_printf(hearing->arena, "tables of nft are not seen: %s", error.text),
               "whether they keep the tracker on is not known");
        return;
    }
    for (size_t i = 0; i < tables.count; i++)
        if (tables.items[i].tracks &&
            !(tables.items[i].iptables && hearing->plan->backend->way == WAY_NFT_RESTORE))
            buf_printf(&text, "%s%s %s", text.length ? ", " : "", tables.items[i].family,
                       tables.items[i].name);
    if (text.length)
        object(hearing, hearing->policy->conntrack.block_modules ? SEVERITY_ERROR : SEVERITY_WARNING,
               "others-track",
               arena_printf(hearing->arena, "tables of nft keep the tracker on: %s", text.bytes), NULL);
    buf_clear(&text);
}

// NAT of what goes untracked.

static const char *untracked_by(const struct hearing *hearing, const struct passage *raw, diagram packets)
{
    const struct shares shares = passage_untrackers(raw, packets, 1);
    struct buf text = {0};
    struct reason reason;

    if (!shares.count)
        return "";
    reason = place_reason(&shares.items[0].place);
    buf_text(&text, " by ");
    if (reason.span.source)
        buf_printf(&text, "%s, %s:%u", reason.name && reason.name[0] ? reason.name : "an entry",
                   reason.span.source->name, reason.span.line);
    else
        describe_place(&text, &shares.items[0].place);
    return buf_to_arena(&text, hearing->arena);
}

// What comes in for an address that this host has now, since rules of nat have services of others, too; where all goes untracked,
// so do those. And from a port that clients have: answers that go untracked come from a service's.
static diagram asked_of_this_host(const struct hearing *hearing, struct inspection *inspection,
                                  enum hook hook)
{
    struct packet_space *space = &inspection->space;
    const diagram all = set_all(space), clients = of_value(inspection, FIELD_SOURCE_PORT, CLIENT_PORT);
    struct addr_set local = {0};
    const struct range_list *ranges = &local.families[hearing->family];

    if (hook != HOOK_INPUT)
        return all;
    if (hearing->policy->tracking == TRACKING_NONE || table_local_addresses(hearing->arena, &local) ||
        !ranges->count)
        return clients;
    return set_and(space, clients,
                   diagram_test(space->diagrams, FIELD_DESTINATION, ranges->items, (unsigned)ranges->count,
                                all, set_none(space)));
}

static void find_untranslated(struct hearing *hearing, struct inspection *inspection, const char *chain,
                              enum hook hook, bool (*is_meant)(const struct rule *rule))
{
    struct packet_space *space = &inspection->space;
    const struct passage *nat = find_passage(inspection, "nat", chain, hook);
    const struct passage *raw = find_passage(inspection, "raw", "PREROUTING", hook);
    const struct shares shares = nat && raw ? passage_comers(nat, is_meant) : (struct shares){0};
    const diagram off_lo = set_minus(
        space,
        set_and(space, inspection->meaning.domains[hook], asked_of_this_host(hearing, inspection, hook)),
        of_value(inspection, FIELD_IN, packet_space_interface(space, "lo")));
    const diagram untracked = set_and(space, taken_out(space, inspection->meaning.raws[hook]), off_lo);

    for (size_t i = 0; i < shares.count; i++) {
        const struct share *share = &shares.items[i];
        // Whatever the matches say that nothing is known of.
        const diagram lost = set_and(space, share->packets, untracked);
        struct buf text = {0};

        if (lost == set_none(space) || !place_is_others(hearing, &share->place))
            continue;
        put_place(&text, hearing, &share->place);
        buf_printf(&text, " translates packets that go untracked%s: %s", untracked_by(hearing, raw, lost),
                   in_words(inspection, lost, off_lo));
        object(hearing, SEVERITY_ERROR, "untracked-nat", text.bytes,
               "NAT never sees what is untracked: leave it tracked, or take the rule away");
        buf_clear(&text);
    }
}

static bool leads_to_own(const struct rule *rule)
{
    return own_rule(rule);
}

// A jump that no packet comes to.
static void find_unreached(struct hearing *hearing, struct inspection *inspection, const char *hook_name,
                           enum hook hook)
{
    const struct table *filter = ruleset_find_table(hearing->after, "filter");
    const struct chain *chain = filter ? table_find_chain(filter, hook_name) : NULL;
    const struct passage *passage = find_passage(inspection, "filter", hook_name, hook);

    for (size_t i = 0; hearing->plan->own == OWN_CHAINS && passage && chain && i < chain->count; i++)
        if (own_rule(&chain->items[i]) && !passage_comers(passage, leads_to_own).count)
            object_to_opening(
                hearing, "unreached",
                arena_printf(hearing->arena,
                             "no packet comes to the policy's rules in filter %s: rules of others ahead of "
                             "number %zu decide all of them",
                             hook_name, i + 1),
                "move the jump ahead of them, or say --own tables");
}

static void inspect(struct hearing *hearing)
{
    struct diag_list ignored = {.arena = hearing->arena};
    struct inspection inspection;

    if (!inspection_open(&inspection, hearing->arena, hearing->after, NULL, hearing->source, &ignored)) {
        object_to_opening(hearing, "undecided", "the rules of others are too many to look through", NULL);
        return;
    }
    find_untranslated(hearing, &inspection, "PREROUTING", HOOK_INPUT, rule_publishes);
    // Elsewhere what is forwarded stays tracked, unless others untrack it (forwarded-notrack).
    if (hearing->policy->tracking == TRACKING_NONE)
        find_untranslated(hearing, &inspection, "POSTROUTING", HOOK_FORWARD, rule_translates);
    find_unreached(hearing, &inspection, "INPUT", HOOK_INPUT);
    find_unreached(hearing, &inspection, "FORWARD", HOOK_FORWARD);
    find_unreached(hearing, &inspection, "OUTPUT", HOOK_OUTPUT);
    inspection_close(&inspection);
}

// Whoever forwards for containers and guests.

static const char *manager_of(const char *chain)
{
    static const struct {
        const char *prefix, *name;
    } managers[] = {
#define MANAGER(prefix, name) {prefix, name},
#include "apply/managers.def"
#undef MANAGER
    };

    for (size_t i = 0; i < sizeof(managers) / sizeof(*managers); i++)
        if (strncmp(chain, managers[i].prefix, strlen(managers[i].prefix)) == 0)
            return managers[i].name;
    return NULL;
}

static void find_managers(struct hearing *hearing)
{
    const struct table *filter = ruleset_find_table(hearing->plan->live[hearing->family], "filter");
    const char *name = NULL, *chain = NULL;

    for (size_t i = 0; filter && i < filter->count && !name; i++) {
        chain = filter->items[i]->name;
        name = filter->items[i]->policy == CHAIN_USER ? manager_of(chain) : NULL;
    }
    if (name)
        object(
            hearing, SEVERITY_ERROR, "others-forward",
            arena_printf(hearing->arena,
                         "%s forwards here (chain %s), and the policy's `forward: %s` would refuse what it "
                         "adds later",
                         name, chain, hearing->policy->forwarding == VERDICT_DROP ? "drop" : "reject"),
            "say `default: {forward: leave}`: FORWARD belongs to others then");
}

static bool has_others(const struct hearing *hearing)
{
    for (size_t i = 0; i < hearing->after->count; i++) {
        const struct table *table = &hearing->after->items[i];

        for (size_t j = 0; j < table->count; j++)
            for (size_t k = 0; k < table->items[j]->count; k++)
                if (is_others(hearing, table, table->items[j], &table->items[j]->items[k]))
                    return true;
        // A policy of others refuses, too.
        for (size_t j = 0; j < table->count; j++)
            if (table->items[j]->policy == CHAIN_DROP && is_others(hearing, table, table->items[j], NULL))
                return true;
    }
    return false;
}

void find_objections(struct arena *arena, struct apply_plan *plan, const struct policy *policy,
                     const struct source *source)
{
    struct hearing hearing = {.arena = arena, .plan = plan, .policy = policy, .source = source};

    for (hearing.family = 0; hearing.family < FAMILY_COUNT; hearing.family++) {
        hearing.after =
            ruleset_with_varying_sets(arena, rules_between(arena, plan->live[hearing.family],
                                                           plan->encoded[hearing.family].ruleset, UINT_MAX));
        if (policy->forwarding == VERDICT_DROP || policy->forwarding == VERDICT_REJECT)
            find_managers(&hearing);
        if (!has_others(&hearing))
            continue;
        if (policy->tracking == TRACKING_NONE)
            find_trackers(&hearing);
        inspect(&hearing);
        find_broken(&hearing);
    }
    if (policy->tracking == TRACKING_NONE)
        find_nft_trackers(&hearing);
}
