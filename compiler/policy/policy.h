// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the user meant, typed and checked: ports are numbers, addresses are sets, the tracking mode is an enum. Every
// entry keeps the place it came from. Past this type nothing is parsed, and nothing here knows what a table is.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/ports.h"
#include "diag/diag.h"
#include "packets/packets.h"
#include "policy/helpers.h"
#include "policy/traffic.h"
#include "ruleset/ruleset.h"
#include "source/source.h"

enum tracking { TRACKING_FULL, TRACKING_SELECTIVE, TRACKING_NONE, TRACKING_COUNT };
extern const char *const tracking_words[]; // as policies have them; ended by NULL

enum verdict { VERDICT_ACCEPT, VERDICT_REJECT, VERDICT_DROP, VERDICT_LEAVE };
enum replies { REPLIES_SOCKET, REPLIES_PORTABLE };
enum choice { CHOICE_UNSET, CHOICE_NO, CHOICE_YES };

// `N/unit burst B`: N events in `period` seconds on average, B at once.
struct rate {
    uint32_t events;
    uint32_t period; // seconds: 1, 60, 3600 or 86400
    uint32_t burst;
};

struct limit {
    struct rate rate;
    bool per_source; // an IPv4 address or an IPv6 /64; else one budget for all
    // The kernel keeps the settings of a name for as long as a rule uses it, so the name changes with them
    // (facts: two rules of one name share the first one's settings). At most 15 bytes.
    const char *kernel_name;
};

// Names of interfaces; none: any interface. A trailing '+' stands for any ending, as iptables has it.
struct interfaces {
    const char *const *names;
    size_t count;
};

// One entry of trust, deny, allow, connect or forward. A key that its list does not take is unset in it.
struct entry {
    struct span span;
    const char *name;
    const struct traffic *traffic; // what it is about, by protocol; none in trust and deny: everything
    size_t traffic_count;
    const struct addr_set *from, *to; // NULL: any address; an empty set matches nothing
    struct interfaces in, out;
    struct port_set local; // connect: ports of this host; none: any
    struct span local_span;
    enum verdict verdict;
    enum choice track;
    struct span track_span;
    const struct limit *limit; // NULL: unlimited
    struct span limit_span;
    const struct helper *helper; // NULL: none
    struct span helper_span;
    struct port_set data; // with `helper`: local ports of its data connections; none: 1024-65535
    bool any_socket;      // connect: replies to sockets that are not connected count too
    bool log;
};

struct entry_list {
    struct entry *items;
    size_t count;
    size_t capacity;
    bool counted;                           // as the policy was read; else the two are not known
    size_t helped, in_family[FAMILY_COUNT]; // how many have a helper, and packets in a family
};

// Timeouts of conntrack that a policy can set: the names of net.netfilter.nf_conntrack_*timeout*.
enum timeout {
#define TIMEOUT(id, ...) TIMEOUT_##id,
#include "policy/timeouts.def"
#undef TIMEOUT
    TIMEOUT_COUNT
};

// New connections to expect of a service.
struct load {
    struct span span;
    const char *service;
    const struct traffic *traffic; // what the service stands for, at least one; most of it is the first
    size_t traffic_count;
    struct rate rate;
    uint32_t open; // seconds that a connection is in use; 0: it ends as soon as it is answered
};

struct conntrack {
    uint64_t max, buckets; // entries; 0: auto
    struct span max_span;
    uint32_t timeouts[TIMEOUT_COUNT]; // seconds; 0: unset
    struct span established_span;     // of the timeout of that name
    bool block_modules;
    struct load *loads;
    size_t load_count;
};

// A rule or another line of verbatim text, in the table and chain it named.
struct verbatim_line {
    struct span span;
    const char *table;
    const char *chain; // NULL: not a rule
    const char *text;  // a rule without "-A CHAIN "; ":CHAIN POLICY" lines whole; "" where the table begins
    const struct rule *rules; // of a rule: what it says; a list of addresses makes several of one
    size_t rule_count;
};

struct verbatim {
    struct verbatim_line *items;
    size_t count;
    size_t capacity;
    const struct ruleset *rules; // what the lines say; NULL: nothing
};

struct expectation {
    struct span span;
    const char *name; // NULL: none
    struct packets packets;
    enum { EXPECT_ANY, EXPECT_ACCEPT, EXPECT_REJECT, EXPECT_DROP, EXPECT_REFUSE } verdict;
    enum choice tracked;
};

// A list of `define`, for people to know it by.
struct defined {
    const char *name;
    const struct addr_set *addresses;
};

struct policy {
    const char *name;        // file name without directories
    char hash[65];           // SHA-256 of all that was read, in hexadecimal
    const char *description; // NULL: none

    enum tracking tracking;

    uint64_t memory; // bytes; 0: unknown
    struct port_range
        ephemeral;      // ports that the target host gives to its own connections (ip_local_port_range)
    const char *kernel; // "5.14"; NULL: unknown

    const struct defined *defined; // those that can be read, sorted by name
    size_t defined_count;
    struct entry_list trust, deny, allow, connect, forward;

    enum verdict input, forwarding, output; // the defaults
    struct span default_spans[3];           // of the three; no source: unsaid
    const char *reject_with[FAMILY_COUNT];  // names of iptables' REJECT
    const char *reject_tcp;                 // NULL: as the family's

    bool log_default;
    const char *log_prefix;
    struct rate log_rate;

    enum replies replies;
    struct conntrack conntrack;
    struct verbatim verbatim[FAMILY_COUNT];

    struct expectation *expectations;
    size_t expectation_count;
};

// Whether the packets of an allow or connect entry go without tracking.
static inline bool entry_untracked(const struct policy *policy, const struct entry *entry)
{
    return policy->tracking == TRACKING_NONE ||
           (policy->tracking == TRACKING_SELECTIVE && entry->track == CHOICE_NO);
}

// Whether an entry has packets in a family: none of its sets of addresses is empty there.
static inline bool entry_in_family(const struct entry *entry, enum family family)
{
    return (!entry->from || entry->from->families[family].count) &&
           (!entry->to || entry->to->families[family].count);
}

// How many entries a walk meets that asks for those with packets in a family, or with a helper: all of them, or none where there is none
// of the kind, for a list may be long.
static inline size_t entries_in_family(const struct entry_list *list, enum family family)
{
    return list->counted && !list->in_family[family] ? 0 : list->count;
}

static inline size_t entries_helped(const struct entry_list *list)
{
    return list->counted && !list->helped ? 0 : list->count;
}

struct source_set;

// Reads a file of expectations alone, which are of no policy. They are fit for use only where diags->exit is EXIT_FINE.
const struct expectation *expectations_read(struct arena *arena, const char *path, struct source_set *sources,
                                            struct diag_list *diags, size_t *count);

// Reads the policy `path` and all it includes, and checks it. All that is wrong is in `diags`; the policy is fit for use
// only where diags->exit is EXIT_FINE. Everything read stays in `sources`, so that diagnostics can show it.
const struct policy *policy_read(struct arena *arena, const char *path, struct source_set *sources,
                                 struct diag_list *diags);
