// SPDX-License-Identifier: GPL-2.0-or-later
//
// The parts of report_gather(), a file each. Not for other folders.
#pragma once

#include "analysis/query.h"
#include "meaning/policy.h"
#include "report/report.h"

void text_add(struct arena *arena, struct texts *texts, const char *text);
bool text_has(const struct texts *texts, const char *text);

// What stands in a buffer, on the arena; the buffer is cleared.
const char *text_take(struct arena *arena, struct buf *text);

// What a policy means in one family. Not open: too much to be decided.
struct report_meaning {
    struct packet_space space;
    struct meaning meaning;
    struct policy_sets sets;
};

// Who reaches what, and who is forwarded to whom: decided over all packets, of what the policy was proved to mean.
void gather_reach(struct report *report, struct arena *arena, struct report_meaning meanings[FAMILY_COUNT]);
void gather_output(struct report *report, struct arena *arena, struct report_meaning meanings[FAMILY_COUNT]);
void gather_zones(struct report *report, struct arena *arena, struct report_meaning meanings[FAMILY_COUNT]);

// What an opening says for itself, for whoever says the rest.
extern const struct packets opening_packets;

// The packets of a set that open something: NEW, of TCP a SYN alone, whole, off lo.
diagram openings(struct packet_space *space, const struct packets *packets);

// The entries in words, with their rules, and the rules that come from no entry.
void gather_entries(struct report *report, struct subject *subject);

// Addresses by the name that the policy has for them, else by themselves, at most a few.
const char *address_words(struct arena *arena, const struct policy *policy, const struct addr_set *set);

// Addresses of one family by names of lists: `lan, guests`, `not lan`. NULL where they are not told by names. Those that
// are used are remembered.
const char *list_names(struct arena *arena, const struct policy *policy, enum family family,
                       const struct range_list *list, struct named_lists *used);

// The name of an entry that is several, `http,https`, with blanks behind its commas.
const char *spaced_name(struct arena *arena, const char *name);

const char *limit_words(struct arena *arena, const struct limit *limit); // 10/minute burst 10 per source
const char *traffic_words(struct arena *arena, const struct traffic *traffic, size_t count);

// The line of a place, as it is shown.
const char *policy_line(struct arena *arena, const struct span *span);

// The report in a few sentences.
void gather_summary(struct report *report, struct arena *arena);
