// SPDX-License-Identifier: GPL-2.0-or-later
//
// The matches and targets of iptables, extensions.def as a table, and the options of each.
#pragma once

#include "base/addr.h"
#include "base/text.h"
#include "ruleset/ruleset.h"

// How many words follow an option.
enum values { VALUES_NONE, VALUES_ONE, VALUES_TWO, VALUES_MAYBE };

struct option_kind {
    const char *name;
    uint8_t length;
    uint8_t values; // of enum values
};

struct extension {
    const char *name;
    uint8_t length;
    bool families[FAMILY_COUNT];
    bool target;
    bool fickle;                       // of MATCH_OPAQUE
    enum match_kind kind;              // of a match
    const struct option_kind *options; // ended by a NULL name
};

// NULL where ctc knows none of that name.
const struct extension *extension_find(struct slice name, bool target);

// The name of one, of matches or of targets and verdicts, that `name` is likely a misspelling of; NULL where there is none.
const char *extension_nearest(struct slice name, bool target);

// The option of the extension that `name` is likely a misspelling of; NULL where there is none.
const char *extension_nearest_option(const struct extension *extension, struct slice name);

// The option of that very name; NULL where the extension has none.
const struct option_kind *extension_option(const struct extension *extension, struct slice name);

// An extension that has an option of that name; NULL where none has.
const struct extension *extension_with(struct slice name, enum family family);
