// SPDX-License-Identifier: GPL-2.0-or-later
//
// What every policy promises whatever it says, as equations between sets. They hold of what the lowering writes; a rule that
// a policy carries verbatim may break one, and is named then.
#include "proof/promises.h"

#include <string.h>

#include "analysis/witness.h"
#include "meaning/sets.h"

struct promise {
    const char *words;   // what holds
    enum diag_code code; // of the finding, where a verbatim rule breaks it
    const char *problem;
    const char *hint;
    enum breach { BY_TARGET, BY_ACCEPT, BY_REFUSAL } breach; // a CT target breaks it, or a verdict
    // The packets for which a meaning breaks it, at a hook. Without any it is kept.
    diagram (*broken)(struct proof *proof, const struct meaning *meaning, enum hook *hook);
};

static bool stateful(const struct proof *proof)
{
    return proof->policy->tracking != TRACKING_NONE;
}

// Symmetry: what is untracked as it comes in is untracked as the answer leaves, and the other way round.
static diagram asymmetric(struct proof *proof, const struct meaning *meaning, enum hook *hook)
{
    const diagram answers = meaning == &proof->said ? policy_answers(&proof->space, proof->policy)
                                                    : rules_answers(&proof->space, proof->rules);

    *hook = HOOK_INPUT;
    return asymmetric_packets(&proof->space, meaning, answers);
}

static diagram untracked_elsewhere(struct proof *proof, const struct meaning *meaning, enum hook *hook)
{
    *hook = HOOK_FORWARD;
    return stateful(proof) ? untracked_forwarded(&proof->space, meaning) : set_none(&proof->space);
}

// Input that is accepted without a state that speaks for it, and would not be as an opening. Windows, ICMP errors and
// neighbour discovery are meant to be so.
static diagram blanket(struct proof *proof, const struct meaning *meaning, enum hook *hook)
{
    struct packet_space *space = &proof->space;
    const diagram windows = as_untracked(space, accepted_set(space, proof->sets.windows));

    *hook = HOOK_INPUT;
    return set_minus(space, blanket_accepted(space, meaning, HOOK_INPUT), windows);
}

static diagram blanket_forward(struct proof *proof, const struct meaning *meaning, enum hook *hook)
{
    *hook = HOOK_FORWARD;
    if (proof->policy->forwarding == VERDICT_LEAVE)
        return set_none(&proof->space);
    return blanket_accepted(&proof->space, meaning, HOOK_FORWARD);
}

// Outside of the windows, what is accepted from one source port is accepted from all.
static diagram source_port_hole(struct proof *proof, const struct meaning *meaning, enum hook *hook)
{
    struct packet_space *space = &proof->space;
    const diagram meant = set_or(
        space, as_untracked(space, accepted_set(space, proof->sets.windows)),
        set_or(space, accepted_set(space, proof->sets.trusted), accepted_set(space, proof->sets.neighbours)));

    *hook = HOOK_INPUT;
    return set_minus(space, accepted_by_source_port(space, meaning), meant);
}

// A window holds no opening, and nothing that no socket of this host asked for.
static diagram wide_window(struct proof *proof, const struct meaning *meaning, enum hook *hook)
{
    struct packet_space *space = &proof->space;
    const diagram windows =
        set_and(space, accepted_set(space, proof->sets.windows), meaning->domains[HOOK_INPUT]);
    const diagram tcp = field_between(space, FIELD_PROTOCOL, PROTOCOL_TCP, PROTOCOL_TCP);
    const diagram udp = field_between(space, FIELD_PROTOCOL, PROTOCOL_UDP, PROTOCOL_UDP);
    diagram wide = set_and(space, windows, tcp_openings(space));
    bool any_socket = false;

    *hook = HOOK_INPUT;
    for (size_t i = 0; i < proof->policy->connect.count; i++)
        any_socket = any_socket || proof->policy->connect.items[i].any_socket;
    if (proof->policy->replies == REPLIES_SOCKET)
        wide = set_or(space, wide,
                      set_and(space, set_and(space, windows, any_socket ? tcp : set_or(space, tcp, udp)),
                              field_between(space, FIELD_SOCKET, SOCKET_NONE, SOCKET_WILDCARD)));
    return wide;
}

static diagram lost_path_mtu(struct proof *proof, const struct meaning *meaning, enum hook *hook)
{
    struct packet_space *space = &proof->space;

    *hook = HOOK_INPUT;
    return set_minus(space, refused_path_mtu(space, meaning), decided_set(space, proof->sets.denied));
}

static diagram lost_neighbours(struct proof *proof, const struct meaning *meaning, enum hook *hook)
{
    *hook = HOOK_INPUT;
    return refused_of(&proof->space, meaning, HOOK_INPUT,
                      accepted_set(&proof->space, proof->sets.neighbours));
}

static diagram lost_answers(struct proof *proof, const struct meaning *meaning, enum hook *hook)
{
    *hook = HOOK_OUTPUT;
    return refused_neighbours(&proof->space, meaning, HOOK_OUTPUT);
}

static const struct promise promises[PROMISE_COUNT] = {
    {"What is untracked on its way in is untracked on its way out, and the other way round.",
     DIAG_ONE_SIDED_NOTRACK, "tracking: one direction is untracked and the other is not",
     "untrack the answers as well, or neither", BY_TARGET, asymmetric},
    {"Forwarded traffic stays tracked where anything is, so that address translation works.",
     DIAG_FORWARDED_NOTRACK, "tracking: forwarded packets go untracked", "add -m addrtype --dst-type LOCAL",
     BY_TARGET, untracked_elsewhere},
    {"Nothing gets in for being untracked or invalid alone.", DIAG_BLANKET_ACCEPT,
     "packets are accepted for being UNTRACKED or INVALID alone",
     "accept by what the packets are: ports and addresses", BY_ACCEPT, blanket},
    {"Nothing is forwarded for being untracked or invalid alone.", DIAG_BLANKET_ACCEPT,
     "packets are accepted for being UNTRACKED or INVALID alone",
     "accept by what the packets are: ports and addresses", BY_ACCEPT, blanket_forward},
    {"No source-port hole: outside of the reply windows, nothing gets in for the port that it comes from.",
     DIAG_SOURCE_PORT_HOLE, "packets are accepted for their source port",
     "a sender chooses its source port: ask for more", BY_ACCEPT, source_port_hole},
    {"A reply window lets no connection be opened; where it asks for a socket, nothing passes that no socket "
     "here asked for.",
     DIAG_SOURCE_PORT_HOLE, "replies are accepted that nothing here asked for",
     "ask for a socket and for no opening", BY_ACCEPT, wide_window},
    {"Path MTU discovery works: fragmentation-needed and packet-too-big arrive, in every state.",
     DIAG_PATH_MTU, "fragmentation-needed or packet-too-big is refused",
     "accept ICMP errors ahead of this rule", BY_REFUSAL, lost_path_mtu},
    {"Neighbour discovery and what else keeps a host on its network gets in.", DIAG_NO_NEIGHBOURS,
     "neighbour discovery is refused", "accept it ahead of this rule", BY_REFUSAL, lost_neighbours},
    {"Neighbour discovery is answered.", DIAG_NO_NEIGHBOURS, "neighbour discovery cannot leave",
     "accept it ahead of this rule", BY_REFUSAL, lost_answers},
};

_Static_assert(PROMISE_COUNT <= 32, "proof.broken has a bit for each");

// The line of verbatim text that decides a packet, or whether it is tracked; where none does by itself, the first one.
static struct span verbatim_line(const struct proof *proof, const struct trace *trace)
{
    const struct rule_place *places[] = {&trace->verdict, &trace->tracking};
    const struct verbatim *verbatim = &proof->policy->verbatim[proof->space.family];

    for (size_t i = 0; i < 2; i++) {
        const struct reason reason = place_reason(places[i]);

        if (reason.section && strcmp(reason.section, "verbatim") == 0)
            return reason.span;
    }
    return verbatim->items[0].span;
}

void promise_said(struct proof *proof)
{
    for (size_t i = 0; i < PROMISE_COUNT; i++)
        proof->promised[i].broken = promises[i].broken(proof, &proof->said, &proof->promised[i].hook);
}

// Whether both meanings are one and the same. Then what one of them promises, the other does.
static bool are_one(const struct proof *proof)
{
    const struct meaning *said = &proof->said, *done = &proof->done;

    for (enum hook hook = HOOK_INPUT; hook < HOOK_COUNT; hook++)
        if (said->raws[hook] != done->raws[hook] || said->domains[hook] != done->domains[hook] ||
            // Of what others decide nothing is promised.
            (said->filters[hook] != done->filters[hook] &&
             !(hook == HOOK_FORWARD && proof->policy->forwarding == VERDICT_LEAVE)))
            return false;
    return said->tracking == done->tracking;
}

static bool keep(struct proof *proof, size_t number, struct diag_list *diags)
{
    const struct promise *promise = &promises[number];
    struct packet_space *space = &proof->space;
    field_value *packet = arena_calloc(proof->arena, FIELD_COUNT + space->unknowns.count, sizeof(*packet));
    enum hook hook = proof->promised[number].hook;
    const diagram broken =
        are_one(proof) ? proof->promised[number].broken : promise->broken(proof, &proof->done, &hook);
    struct buf text = {0};

    if (!find_packet(space, hook, broken, packet))
        return true;
    proof->broken |= 1U << number;

    const struct trace trace = written_trace(proof, hook, packet);
    // Rules that ctc writes keep the promises; what a policy carries besides may not.
    const bool verbatim = proof->policy->verbatim[space->family].rules;

    buf_printf(&text, "%s: %s%s: ", family_name(space->family),
               verbatim ? "" : "not proved: ", promise->problem);
    describe_packet(&text, space, hook, packet, broken);
    buf_text(&text, " (");

    struct span span = proof_place(proof, &text, hook, packet);

    buf_char(&text, ')');
    if (verbatim)
        span = verbatim_line(proof, &trace);
    else if (!span.source)
        span = source_whole(proof->source);
    diag_add(diags, verbatim ? promise->code : DIAG_NOT_PROVED, span, "%s", text.bytes);
    diag_hint(diags, "%s",
              verbatim ? promise->hint
                       : "this is a mistake of ctc, and nothing was written: please report it");
    buf_clear(&text);
    return verbatim;
}

static bool accepts(struct proof *proof, enum hook hook, const field_value *packet)
{
    return outcome_of(diagram_evaluate(proof->space.diagrams, proof->done.filters[hook], packet)).walk ==
           WALK_ACCEPT;
}

// Gives the packet a state in which the rules break the promise, and says so. Some are about whatever the tracker says.
static const char *settle_state(struct proof *proof, const struct promise *promise, enum hook hook,
                                field_value *packet)
{
    static const struct {
        unsigned state;
        const char *word;
    } states[] = {{PACKET_STATE_NEW, " new"},
                  {PACKET_STATE_UNTRACKED, " untracked"},
                  {PACKET_STATE_INVALID, " invalid"},
                  {PACKET_STATE_ESTABLISHED, " established"},
                  {PACKET_STATE_RELATED, " related"}};
    const field_value before = packet[FIELD_STATE];

    if (accepts(proof, hook, packet) == (promise->breach == BY_ACCEPT))
        return "";
    packet[FIELD_HELPER].low = 0;
    for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
        packet[FIELD_STATE].low = states[i].state;
        if (accepts(proof, hook, packet) == (promise->breach == BY_ACCEPT))
            return states[i].word;
    }
    packet[FIELD_STATE] = before;
    return "";
}

bool promise_broken(struct proof *proof, size_t number, struct promise_breach *found)
{
    const struct promise *promise = &promises[number];
    struct packet_space *space = &proof->space;
    field_value *packet = arena_calloc(proof->arena, FIELD_COUNT + space->unknowns.count, sizeof(*packet));
    enum hook hook = proof->promised[number].hook;
    const diagram broken =
        set_minus(space, promise->broken(proof, &proof->done, &hook), proof->promised[number].broken);
    const char *state = "";
    struct buf text = {0};
    struct rule_place place;

    if (!find_packet(space, hook, broken, packet))
        return false;
    if (promise->breach == BY_TARGET) {
        place = trace_packet(space, proof->rules, &proof->done, hook, packet).tracking;
    } else {
        state = settle_state(proof, promise, hook, packet);
        place = trace_with_state(space, proof->rules, hook, packet).verdict;
    }
    describe_packet(&text, space, hook, packet,
                    state[0] ? diagram_largest(space->diagrams, broken, FIELD_STATE) : broken);
    if (!strstr(text.bytes, state))
        buf_text(&text, state);
    *found = (struct promise_breach){
        .code = promise->code,
        .problem = promise->problem,
        .hint = promise->hint,
        .hook = hook,
        .packets = broken,
        .packet = packet,
        .example = arena_copy(proof->arena, text.bytes, text.length),
        .place = place,
    };
    buf_clear(&text);
    return true;
}

// Chain policies are written, so that what is loaded does not depend on what was there.
static bool policies_written(struct proof *proof, struct diag_list *diags)
{
    const struct table *filter = ruleset_find_table(proof->rules, "filter");
    static const char *const chains[] = {"INPUT", "OUTPUT", "FORWARD"};

    for (size_t i = 0; i < 3; i++) {
        const struct chain *chain = filter ? table_find_chain(filter, chains[i]) : NULL;

        if ((i == 2 && proof->policy->forwarding == VERDICT_LEAVE) ||
            (chain && chain->policy != CHAIN_UNWRITTEN))
            continue;
        diag_add(diags, DIAG_NOT_PROVED, source_whole(proof->source),
                 "%s: not proved: the policy of %s is not written", family_name(proof->space.family),
                 chains[i]);
        return false;
    }
    return true;
}

static bool is_fickle(const struct packet_space *space, size_t field)
{
    static const enum field fields[] = {FIELD_FLAGS, FIELD_STATE, FIELD_FRAGMENT, FIELD_HOP_LIMIT};

    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
        if (field == fields[i])
            return true;
    return field >= FIELD_COUNT && (space->unknowns.items[field - FIELD_COUNT].kind == UNKNOWN_LIMIT ||
                                    space->unknowns.items[field - FIELD_COUNT].kind == UNKNOWN_HASHLIMIT);
}

struct fickleness {
    const struct packet_space *space;
    bool found;
};

static void note_fickle(unsigned field, void *context)
{
    struct fickleness *fickleness = context;

    fickleness->found = fickleness->found || is_fickle(fickleness->space, field);
}

static bool tests_fickle(struct proof *proof, diagram function)
{
    struct fickleness fickleness = {.space = &proof->space};

    diagram_each_field(proof->space.diagrams, function, note_fickle, &fickleness);
    return fickleness.found;
}

// What takes a packet out of tracking is no property that its answer does not share.
static bool decided_by_flow(struct proof *proof, struct diag_list *diags)
{
    struct packet_space *space = &proof->space;
    bool kept = true;

    // Only rules that are carried verbatim can ask for such a thing.
    if (proof->policy->verbatim[space->family].rules)
        return true;
    for (enum hook hook = HOOK_INPUT; hook < HOOK_COUNT; hook++)
        kept = kept && (!tests_fickle(proof, proof->said.raws[hook]) ||
                        !tests_fickle(proof, taken_out(space, proof->said.raws[hook])));
    if (!kept)
        diag_add(diags, DIAG_NOT_PROVED, source_whole(proof->source),
                 "%s: not proved: tracking depends on more than who speaks to whom",
                 family_name(space->family));
    return kept;
}

bool prove_promises(struct proof *proof, struct diag_list *diags)
{
    bool kept = policies_written(proof, diags) && decided_by_flow(proof, diags);

    for (size_t i = 0; i < PROMISE_COUNT; i++)
        kept = keep(proof, i, diags) && kept;
    return kept;
}

const char *promise_words(size_t number)
{
    return number < PROMISE_COUNT ? promises[number].words : NULL;
}
