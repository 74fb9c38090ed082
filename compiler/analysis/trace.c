// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/trace.h"

#include <string.h>

#include "meaning/match.h"

struct tracing {
    const struct view *view;
    const struct table *table;
    field_value *packet;
    struct rule_place ct; // of the first CT target
    struct outcome ct_outcome;
    unsigned depth;
};

#define DEPTH_MAX 1000 // chains inside each other; the kernel's own stack of jumps is shorter

enum { RULE_PASSES = 1, RULE_DROPS = 2 };

static enum walk trace_chain(struct tracing *tracing, const struct chain *chain, struct rule_place *place,
                             unsigned *answer);

static enum walk trace_jump(struct tracing *tracing, const struct rule *rule, struct rule_place *place,
                            unsigned *answer)
{
    const struct chain *inner = table_find_chain(tracing->table, rule->target.text);
    enum walk walk;

    if (!inner || tracing->depth == DEPTH_MAX)
        return WALK_ELSEWHERE;
    tracing->depth++;
    walk = trace_chain(tracing, inner, place, answer);
    tracing->depth--;
    if (walk == WALK_CONTINUE || walk == WALK_RETURN)
        return rule->target.kind == TARGET_GOTO ? WALK_RETURN : WALK_CONTINUE;
    return walk;
}

static void trace_ct(struct tracing *tracing, struct outcome outcome, const struct rule_place *here)
{
    if (tracing->ct_outcome.ct || !outcome.ct)
        return;
    tracing->ct_outcome = outcome;
    tracing->ct = *here;
    // What rules behind it see of a packet that no tracker has looked at.
    if (tracing->packet[FIELD_STATE].low == PACKET_STATE_INVALID)
        tracing->packet[FIELD_STATE].low =
            outcome.ct == CT_NOTRACK ? PACKET_STATE_UNTRACKED : PACKET_STATE_NEW;
}

static enum walk trace_chain(struct tracing *tracing, const struct chain *chain, struct rule_place *place,
                             unsigned *answer)
{
    for (size_t i = 0; i < chain->count; i++) {
        const struct rule *rule = &chain->items[i];
        const struct outcome outcome = target_outcome(tracing->view->space, &rule->target);
        const struct rule_place here = {tracing->table, chain, i};
        const bool jumps = rule->target.kind == TARGET_JUMP || rule->target.kind == TARGET_GOTO;
        enum walk walk = outcome.walk;
        uint32_t passes;

        if (!rule_decides(rule))
            continue;
        passes =
            diagram_evaluate(tracing->view->space->diagrams,
                             rule_function(tracing->view, rule, RULE_PASSES, RULE_DROPS), tracing->packet);
        arena_reset(tracing->view->scratch);
        if (!passes)
            continue;
        *place = here;
        *answer = outcome.answer;
        if (passes == RULE_DROPS)
            return WALK_DROP;
        trace_ct(tracing, outcome, &here);
        if (jumps)
            walk = trace_jump(tracing, rule, place, answer);
        if (walk != WALK_CONTINUE)
            return walk;
    }
    return WALK_CONTINUE;
}

static enum walk trace_hook(struct tracing *tracing, const struct ruleset *ruleset, const char *table,
                            const char *chain_name, struct rule_place *place, unsigned *answer)
{
    const struct table *found = ruleset_find_table(ruleset, table);
    const struct chain *chain = found ? table_find_chain(found, chain_name) : NULL;
    enum walk walk;

    if (!chain)
        return WALK_ACCEPT;
    tracing->table = found;
    walk = trace_chain(tracing, chain, place, answer);
    if (walk != WALK_CONTINUE && walk != WALK_RETURN)
        return walk;
    *place = (struct rule_place){found, chain, chain->count};
    if (chain->policy == CHAIN_UNWRITTEN) {
        const unsigned unknown =
            packet_space_unknown(tracing->view->space, UNKNOWN_POLICY,
                                 policy_unknown(tracing->view->space, found, chain->name), 0);

        return tracing->packet[FIELD_COUNT + unknown].low == UNKNOWN_YES ? WALK_DROP : WALK_ACCEPT;
    }
    return chain->policy == CHAIN_DROP ? WALK_DROP : WALK_ACCEPT;
}

// Raw, and the rule in it that decided about tracking. What comes by lo was decided as it left.
static enum walk trace_raw(const struct view *view, const struct ruleset *ruleset, const field_value *packet,
                           struct trace *trace)
{
    struct packet_space *space = view->space;
    const bool by_lo =
        view->hook == HOOK_INPUT && packet[FIELD_IN].low == packet_space_interface(space, "lo");
    const size_t count = FIELD_COUNT + space->unknowns.count;
    struct view sent = *view;
    field_value *seen = arena_calloc(space->arena, count, sizeof(*seen)),
                *as_sent = arena_calloc(space->arena, count, sizeof(*as_sent));
    struct tracing tracing = {.view = view, .packet = seen}, sending = {.view = &sent, .packet = as_sent};
    struct rule_place place = {0}, unused;
    unsigned answer = 0;
    enum walk walk;

    memcpy(seen, packet, count * sizeof(*seen));
    if (by_lo) {
        memcpy(as_sent, packet, count * sizeof(*as_sent));
        as_sent[FIELD_OUT] = packet[FIELD_IN];
        as_sent[FIELD_IN].low = INTERFACE_NONE;
        as_sent[FIELD_STATE].low = PACKET_STATE_INVALID;
        as_sent[FIELD_HELPER].low = 0;
        sent.hook = HOOK_OUTPUT;
        trace_hook(&sending, ruleset, "raw", "OUTPUT", &unused, &answer);
    }
    if (by_lo && (sending.ct_outcome.ct == CT_NOTRACK ||
                  diagram_evaluate(space->diagrams, never_tracked(space), packet)))
        seen[FIELD_STATE].low = PACKET_STATE_UNTRACKED;
    else if (!by_lo)
        seen[FIELD_STATE].low = PACKET_STATE_INVALID;
    if (!by_lo || seen[FIELD_STATE].low == PACKET_STATE_UNTRACKED)
        seen[FIELD_HELPER].low = 0;
    walk = trace_hook(&tracing, ruleset, "raw", view->hook == HOOK_OUTPUT ? "OUTPUT" : "PREROUTING", &place,
                      &answer);
    if (by_lo)
        tracing = sending;
    trace->tracking = tracing.ct;
    trace->verdict = place;
    return walk;
}

// Behind the tracker, of whose answer the packet knows.
static void trace_stations(const struct view *filter, const struct ruleset *ruleset, field_value *seen,
                           enum walk walk, struct trace *trace)
{
    struct tracing tracing = {.packet = seen};

    for (const struct station *station = stations[filter->hook]; walk == WALK_ACCEPT && station->table;
         station++) {
        const struct view here = station_view(filter, station);
        struct rule_place place = {0};

        tracing.view = &here;
        walk = trace_hook(&tracing, ruleset, station->table, station->chain, &place, &trace->outcome.answer);
        // Where all tables accept, the filter's rule is the one that people look for.
        if (place.chain && (walk != WALK_ACCEPT || strcmp(station->table, "filter") == 0))
            trace->verdict = place;
    }
    trace->outcome.walk = walk;
}

static field_value *copy_packet(struct packet_space *space, const field_value *packet)
{
    const size_t size = (FIELD_COUNT + space->unknowns.count) * sizeof(*packet);

    return memcpy(arena_alloc(space->arena, size), packet, size);
}

struct trace trace_packet(struct packet_space *space, const struct ruleset *ruleset,
                          const struct meaning *meaning, enum hook hook, const field_value *packet)
{
    struct arena scratch = {0};
    const struct view raw = {.space = space, .scratch = &scratch, .hook = hook, .raw = true};
    const struct view filter = {.space = space, .scratch = &scratch, .hook = hook};
    struct trace trace = {0};
    field_value *seen = copy_packet(space, packet);
    const enum walk walk = trace_raw(&raw, ruleset, packet, &trace);

    trace.outcome.tracked = packet_outcome(space, meaning, hook, packet).tracked;
    if (!trace.outcome.tracked) {
        seen[FIELD_STATE].low = PACKET_STATE_UNTRACKED;
        seen[FIELD_HELPER].low = 0;
    }
    trace_stations(&filter, ruleset, seen, walk, &trace);
    arena_clear(&scratch);
    return trace;
}

struct trace trace_with_state(struct packet_space *space, const struct ruleset *ruleset, enum hook hook,
                              const field_value *packet)
{
    struct arena scratch = {0};
    const struct view filter = {.space = space, .scratch = &scratch, .hook = hook};
    struct trace trace = {0};

    trace.outcome.tracked = packet[FIELD_STATE].low != PACKET_STATE_UNTRACKED;
    trace_stations(&filter, ruleset, copy_packet(space, packet), WALK_ACCEPT, &trace);
    arena_clear(&scratch);
    return trace;
}

struct rule_place printed_place(struct packet_space *space, const struct ruleset *ruleset,
                                const struct meaning *meaning, enum hook hook, const field_value *packet,
                                struct rule_place place)
{
    return ruleset->printed ? trace_packet(space, ruleset->printed, meaning, hook, packet).verdict : place;
}

const struct rule *place_rule(const struct rule_place *place)
{
    return place->chain && place->index < place->chain->count ? &place->chain->items[place->index] : NULL;
}

static const char *default_name(const struct chain *chain)
{
    return strstr(chain->name, "INPUT") || strstr(chain->name, "input")       ? "input"
           : strstr(chain->name, "FORWARD") || strstr(chain->name, "forward") ? "forward"
                                                                              : "output";
}

struct reason place_reason(const struct rule_place *place)
{
    const struct rule *rule = place_rule(place);
    struct reason reason = {0};

    if (rule) {
        reason = (struct reason){rule->section, rule->name, rule->span};
    } else if (place->chain) {
        // The policy of a chain that a policy of ctc's made is its default.
        reason.section = place->chain->ours ? "default" : NULL;
        reason.span = place->chain->span;
    }
    if (reason.section && strcmp(reason.section, "default") == 0)
        reason.name = default_name(place->chain);
    return reason;
}

void describe_reason(struct buf *out, const struct reason *reason)
{
    if (reason->section)
        buf_printf(out, "%s%s%s", reason->section, reason->name && reason->name[0] ? ": " : "",
                   reason->name ? reason->name : "");
}

bool place_is_end(const struct rule_place *place)
{
    const struct rule *rule = place_rule(place);

    if (!place->chain || !rule)
        return true;
    return rule->section ? strcmp(rule->section, "default") == 0
                         : place->chain->policy != CHAIN_USER && rule_asks_nothing(rule);
}

void describe_place(struct buf *out, const struct rule_place *place)
{
    if (!place->chain)
        buf_text(out, "no rule");
    else if (place->index == place->chain->count)
        buf_printf(out, "%s %s policy", place->table->name, place->chain->name);
    else
        buf_printf(out, "%s %s %zu", place->table->name, place->chain->name, place->index + 1);
}
