// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rulesets as the kernel's bytes, and what is asked about them.
#pragma once

#include "base/buf.h"
#include "ruleset/ruleset.h"

struct extension_size;
struct set_name;

// A ruleset's rules in the order of its tables, chains and rules, each as struct ipt_entry or ip6t_entry. The target of
// a verdict or a jump carries its name (ACCEPT, the chain's), which libiptc makes a number of. Counters are those of
// the rules, else 0.
struct encoded {
    const struct ruleset *ruleset; // NULL: none of that family
    struct buf bytes;
    const void **rules; // into the bytes, or elsewhere; nobody writes there
    size_t count;
    const struct extension_size *sizes; // of the matches and targets in them
    size_t size_count;
    const struct set_name *sets; // that they name by number (kernel/set_names.h), where that was noted
    size_t set_count;
};

void encoded_clear(struct encoded encoded[FAMILY_COUNT]);

// One table of a ruleset that was encoded, as a ruleset of its own that points into it; an empty one where there is none.
struct encoded encoded_table(struct arena *arena, const struct encoded *encoded, const char *name);

// The rules of a table, where they lie one behind the other; else nothing. `table`: of the ruleset; NULL: none.
struct slice encoded_table_bytes(const struct encoded *encoded, const struct table *table);

// Where the rules of a table begin among those of the ruleset.
size_t encoded_table_start(const struct encoded *encoded, const struct table *table);

// Gives a rule the counters of another entry of its family: it is a copy then, which belongs to the arena.
void encoded_count(struct arena *arena, const struct encoded *encoded, size_t rule, const void *entry);

// What the target of a rule that was encoded is where no plugin makes it: a verdict, a chain of its table, "" for none. NULL:
// a plugin does.
const char *encoded_standard(const struct table *table, const void *entry, enum family family);

// The name of the verdict, the chain or the target that an encoded rule leads to.
const char *encoded_target(enum family family, const void *rule);

// A live rule as an encoded one, with its counters.
struct live_rule;
const void *encoded_live(struct arena *arena, enum family family, const struct live_rule *rule);
