// SPDX-License-Identifier: GPL-2.0-or-later
//
// From rulesets to the kernel's bytes.
#pragma once

#include "kernel/encoded.h"
#include "kernel/error.h"

// Encodes a ruleset for each family, which may be NULL, both at once. False where a rule cannot be: KERNEL_RULE names
// it. What comes out is to be cleared either way.
bool encode_rulesets(const struct ruleset *const rulesets[FAMILY_COUNT], struct encoded encoded[FAMILY_COUNT],
                     struct kernel_error *error);

// The same beside other work. `each`: libxtables makes every rule, and not only one of those that differ in what ctc knows to
// write; what comes out must be the same bytes. The encoder belongs to the arena, and is to be closed.
struct encoder;
struct encoder *encoder_new(struct arena *arena, bool each);

// Starts the processes that it takes (kernel/samples.h) now, where this one is small yet; else each is started when it is needed.
void encoder_start(struct encoder *encoder);

// What is done with the rules of a family as soon as they are encoded, in the thread that did it. To be said ahead of
// encoder_begin().
void encoder_then(struct encoder *encoder, enum family family,
                  void (*use)(void *context, const struct encoded *encoded), void *context);

// Begins a ruleset, one of a family, which stays as it is until the end.
void encoder_begin(struct encoder *encoder, const struct ruleset *ruleset);

// Waits for what was begun, as encode_rulesets() gives it. Once.
bool encoder_end(struct encoder *encoder, struct encoded encoded[FAMILY_COUNT], struct kernel_error *error);
void encoder_close(struct encoder *encoder);
