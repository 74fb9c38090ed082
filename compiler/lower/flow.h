// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the files of lower/ share: flows, which are sets of packets going one way, and their expansion into rules. A
// service is one flow to this host and its reverse back; everything that must hold in both directions is written once
// and reversed. Not for other folders.
#pragma once

#include "lower/lower.h"

// The local ports that some allow entry untracks, in mode selective. Another entry may decide the verdict of such
// packets, and no ESTABLISHED speaks for the way back of them.
struct untracked {
    struct port_set tcp, udp; // none: no port
};

struct lowering {
    struct arena *arena;
    const struct policy *policy;
    enum family family;
    struct lower_options options;
    struct span span;    // of rules that come from no entry
    const char *section; // of the meaning that the rules to come stand for, as `explain` names it
    struct table *filter, *raw;
    bool socket_rule; // a rule of this family looks for sockets, which makes the kernel defragment
    struct untracked untracked;
    struct untracked
        unanswered;          // those of them from which untracked packets leave that no other rule may accept
    bool too_many;           // an entry stands for more rules than a table holds
    struct span too_many_at; // the first such entry
};

enum syn { SYN_ANY, SYN_ALONE, SYN_NOT };

// Packets going one way. What is left zero matches anything.
struct flow {
    const struct entry *entry; // where it comes from; NULL: from no entry
    struct interfaces in, out;
    const struct addr_set *addresses[2]; // by side; NULL: any, an empty set: none
    uint8_t protocol;
    bool protocol_inverted;
    struct port_set ports[2]; // by side; none: any
    int icmp_type;            // -1: any
    bool later_fragments;     // IPv4: the fragments behind the first one alone
    enum syn syn;
};

// One entry has at most this many flows: for each of its protocols one, and none for those of the other family.
size_t entry_flow_count(const struct entry *entry);

// The `i`th flow of an entry, from the side that opens connections to the side that is asked. False where the family has
// none. `allow` and `forward` entries: as the packets come in; `connect` entries: as they leave.
bool entry_flow(const struct lowering *lowering, const struct entry *entry, size_t i, struct flow *flow);

// Without those that a pattern beside them holds, and none twice.
struct interfaces interfaces_needed(const struct lowering *lowering, const struct interfaces *all);

// Calls `append` for each flow of the entries that are accepted, in their order.
typedef void flow_appender(struct lowering *lowering, struct chain *chain, const struct flow *flow);
void append_accepted(struct lowering *lowering, struct chain *chain, const struct entry_list *entries,
                     flow_appender *append);

// The way back: addresses, ports and interfaces change sides, an echo request becomes the reply.
struct flow flow_reverse(const struct lowering *lowering, const struct flow *flow);

// The same flow by any interface: replies may take another way than requests.
struct flow flow_anywhere(struct flow flow);

// Everything of the family.
struct flow flow_everything(void);

// Packets that may answer `flow` where nothing tracks: its reverse, without TCP openings. Two flows, where every protocol
// is meant: TCP apart from the others. Gives how many.
size_t flow_answers(const struct lowering *lowering, const struct flow *flow, struct flow answers[2]);

// The parts of a flow whose answers can be told from other packets where nothing tracks: of every protocol TCP, UDP and
// ping, of ICMP ping, else the flow itself. Gives how many.
size_t flow_answerable(const struct lowering *lowering, const struct flow *flow, struct flow parts[3]);

// Appends the rules for a flow: one for each pair of its interfaces, with its addresses and ports as sets. `extra` are
// matches, two at most, that stand behind those of the flow.
void append_flow(struct lowering *lowering, struct chain *chain, const struct flow *flow,
                 const struct match *extra, size_t extra_count, struct target target);

// The same for a verdict, where a reject may need two answers.
void append_verdict(struct lowering *lowering, struct chain *chain, const struct flow *flow,
                    enum verdict verdict);

// The rules of an entry that decides: log, limit and verdict. `fallback` is what decides beyond the limit.
void append_entry(struct lowering *lowering, struct chain *chain, const struct entry *entry,
                  enum verdict fallback);

// The end of a hook: log, then the default.
void append_default(struct lowering *lowering, struct chain *chain, enum verdict fallback,
                    const struct entry_list *entries);

// Verbatim rules of one chain, and whether there are any.
bool has_verbatim(const struct lowering *lowering, const char *table, const char *chain);
void append_verbatim(struct lowering *lowering, struct table *table, struct chain *chain);
void append_verbatim_line(struct lowering *lowering, struct chain *chain, const struct verbatim_line *line);

struct target target_accept(void);
struct match match_states(unsigned states);
struct match match_transport(uint8_t protocol); // -m tcp or -m udp, with nothing in it yet

// The parts of policy_to_ruleset(), a file each.
void lower_input(struct lowering *lowering);
void lower_forward(struct lowering *lowering);
void lower_output(struct lowering *lowering);
void lower_raw(struct lowering *lowering);

// Whether packets between the entry's hosts and one of these ports of this host may be untracked by another entry: one of
// lowering->untracked or ->unanswered.
bool untracked_elsewhere(const struct untracked *by, const struct entry *entry, const struct flow *flow,
                         const struct port_set *local);

// What several hooks begin with.
void append_loopback(struct lowering *lowering, struct chain *chain, bool leaving);
void append_neighbours(struct lowering *lowering, struct chain *chain, bool leaving);
void append_icmp_errors(struct lowering *lowering, struct chain *chain);

// Without tracking and without a socket rule, nothing puts fragments together: a later one has no ports to look at. It is
// harmless without its first one, and that is refused behind the entries unless one of them accepts it.
void append_fragments(struct lowering *lowering, struct chain *chain, enum verdict fallback);
void append_deny(struct lowering *lowering, struct chain *chain);

// RELATED connections of the helpers that the entries of a list name, where this host or one behind it is connected to.
void append_related(struct lowering *lowering, struct chain *chain, const struct entry_list *entries);
