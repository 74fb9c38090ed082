// SPDX-License-Identifier: GPL-2.0-or-later
//
// The pipeline, from a file to text: its stages in order, and all that lives as long as they do.
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "diag/diag.h"
#include "ipset/ipset.h"
#include "lower/lower.h"
#include "passes/passes.h"
#include "policy/policy.h"
#include "source/source_set.h"

struct compilation {
    struct arena arena;
    struct source_set sources;
    struct diag_list diags;
    const struct policy *policy; // NULL before compile_read()
    const struct ruleset
        *rules[FAMILY_COUNT];      // with sets, as the policy says them; NULL before compile_rules()
    unsigned broken[FAMILY_COUNT]; // promises that rules of the policy break, a bit for each; see prove.h
    struct ipset_list sets;        // that rules of either family ask for
    struct ipset_list read_sets;   // the same as they were read back
};

void compilation_init(struct compilation *compilation);
void compilation_clear(struct compilation *compilation);

// Reads and checks a policy. False where it cannot be compiled: diags.exit says why.
bool compile_read(struct compilation *compilation, const char *path);

// Whether a file is one that the policy was read from.
bool compile_has_read(const struct compilation *compilation, dev_t device, ino_t inode);
bool compile_has_read_path(const struct compilation *compilation, const char *path);

struct compile_options {
    struct lower_options lower;
    struct pass_options passes;
    struct buf *sets; // gets the text of the sets that rules ask for, each once; NULL: no rule asks for one
    bool allow_unproved; // rules that are too many to be decided are a warning
    // Gets the plain rules of a family ahead of their proof, to begin with what takes long; NULL: nobody does. Nothing that
    // comes of it may take effect before they are proved.
    void (*made)(void *context, const struct ruleset *rules);
    void *context;
};

// Appends the rules of one family, as iptables-restore text with a header, and proves that they mean what the policy says.
// False where they would break a limit of the kernel, are not proved, or an expectation fails: diags.exit says so, and what
// was appended is of no use.
bool compile_rules(struct compilation *compilation, enum family family, const struct compile_options *options,
                   struct buf *out);
