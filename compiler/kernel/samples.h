// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rules as libxtables makes them, in a process of its own (kernel/child.h). That process knows of no ruleset: it is asked
// once, for any number of rules, each by its header and by the texts of its matches and its target. It is started at the least
// cost while the one that asks is small. Not for other folders.
#pragma once

#include "base/addr.h"
#include "base/buf.h"
#include "base/text.h"
#include "kernel/child.h"
#include "kernel/error.h"

struct sampler {
    struct child child;
    int questions; // go in here
    bool started, asked;
};

// False, and errno, where there is no process to be had.
bool sampler_start(struct sampler *sampler, enum family family);

// Ends it, where it was not asked. One that was not started, zeroed, is fine.
void sampler_stop(struct sampler *sampler);

// Appends a rule to a question: what errors are to call it, and its header, of as many bytes as stand ahead of its matches;
// then its texts, each of which is copied, and an end. "-m NAME OPTIONS" is a match, "-j NAME OPTIONS" the target, and other
// text ("-p NAME", "-s NAME/MASK", "-d NAME/MASK", a `!` ahead of it or not) a part of the header. In that order: those of the
// header, the matches, the target; a rule whose target no plugin makes has none here.
void sample_begin(struct buf *question, const char *table, const char *chain, size_t number,
                  const void *header, size_t length);
void sample_text(struct buf *question, struct slice text);
void sample_end(struct buf *question);

// Asks. Then it works, beside whoever asked.
void sampler_ask(struct sampler *sampler, const struct buf *question);

// Waits for the answer, and appends it: the rules, as struct ipt_entry or ip6t_entry, as many as were asked for; behind them
// the sizes of extensions (struct extension_size). KERNEL_RULE where one of them cannot be made.
bool sampler_answer(struct sampler *sampler, struct buf *answer, struct kernel_error *error);
