// SPDX-License-Identifier: GPL-2.0-or-later
#include "compile.h"

#include "emit/restore.h"

void compilation_init(struct compilation *compilation)
{
    *compilation = (struct compilation){0};
    compilation->sources.arena = &compilation->arena;
    compilation->diags.arena = &compilation->arena;
}

void compilation_clear(struct compilation *compilation)
{
    arena_clear(&compilation->arena);
}

bool compile_read(struct compilation *compilation, const char *path)
{
    compilation->policy = policy_read(&compilation->arena, path, &compilation->sources, &compilation->diags);
    return compilation->diags.exit == EXIT_FINE;
}

static void put_header(struct buf *out, const struct policy *policy, enum family family)
{
    buf_printf(out, "# %s rules made by ctc %s from %s, sha256 %.16s\n", family_name(family), CTC_VERSION,
               policy->name, policy->hash);
    if (policy->description)
        buf_printf(out, "# %s\n", policy->description);
}

bool compile_rules(struct compilation *compilation, enum family family, struct lower_options options,
                   struct buf *out)
{
    const struct ruleset *ruleset =
        policy_to_ruleset(&compilation->arena, compilation->policy, family, options, &compilation->diags);
    const char *broken = ruleset ? ruleset_broken_limit(&compilation->arena, ruleset) : NULL;

    if (!ruleset)
        return false;

    if (broken) {
        diag_add(&compilation->diags, DIAG_TOO_LARGE, source_whole(compilation->sources.items[0]),
                 "the rules could not be loaded: %s", broken);
        return false;
    }
    put_header(out, compilation->policy, family);
    restore_text(out, ruleset);
    return true;
}
