// SPDX-License-Identifier: GPL-2.0-or-later
//
// The clauses of which meaning/policy.c makes its lists.
#pragma once

#include "meaning/speaker.h"

// Of the filter.
void say_loopback(struct speaker *speaker, enum field interface);
void say_neighbours(struct speaker *speaker,
                    bool leaving); // and what else IPv6 hosts need to stay on the net
void say_trusted(struct speaker *speaker);
void say_denied(struct speaker *speaker);
void say_icmp_errors(struct speaker *speaker);
void say_resets(struct speaker *speaker);
void say_state(struct speaker *speaker, unsigned state,
               struct outcome outcome); // nothing, where nothing tracks
void say_related(struct speaker *speaker, const struct entry_list *list);
void say_windows(struct speaker *speaker); // replies that input accepts without a state
void say_forward_replies(struct speaker *speaker);
void say_answers(struct speaker *speaker, const struct entry *entry);
void say_to_trusted(struct speaker *speaker, const struct entry *entry);
void say_entries(struct speaker *speaker, const struct entry_list *list,
                 enum verdict fallback); // what is over a limit meets `fallback`
void say_fragments(struct speaker *speaker, enum verdict fallback);
void say_default(struct speaker *speaker, enum verdict fallback);

// Whether everything may leave: output is accepted, and no entry of `connect` refuses.
bool output_is_open(const struct speaker *speaker);

// Of tracking. What comes in for this host is decided one way with what leaves in answer; interfaces have no say.
enum way { COMES_IN, LEAVES };
void say_loopback_tracking(struct speaker *speaker);
void say_helpers(struct speaker *speaker, const struct entry_list *list, bool for_this_host);
void say_tracking(struct speaker *speaker, enum way way, const struct entry *entry, bool is_connect,
                  struct outcome outcome);
void say_own_tracking(struct speaker *speaker, const struct entry *entry);
void say_peer_tracking(struct speaker *speaker, enum way way, const struct entry *entry,
                       struct outcome outcome);
void say_data_tracking(struct speaker *speaker, enum way way, const struct entry *entry);
