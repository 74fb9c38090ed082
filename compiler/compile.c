// SPDX-License-Identifier: GPL-2.0-or-later
#include "compile.h"

#include <limits.h>
#include <sys/stat.h>

#include "base/job.h"
#include "emit/restore.h"
#include "proof/prove.h"
#include "rules/read.h"

#define MANY ((size_t)1000) // rules that are worth a thread

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

bool compile_has_read(const struct compilation *compilation, dev_t device, ino_t inode)
{
    for (size_t i = 0; i < compilation->sources.count; i++)
        if (compilation->sources.items[i]->device == device && compilation->sources.items[i]->inode == inode)
            return true;
    return false;
}

bool compile_has_read_path(const struct compilation *compilation, const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
           compile_has_read(compilation, status.st_dev, status.st_ino);
}

#define COMMENT_BYTES 1000 // iptables-restore reads lines into a buffer of 10240 bytes (iptables/xshared.c)

// As many whole characters as fit a line.
static size_t fitting_bytes(const char *text)
{
    struct slice rest = slice_of(text);
    size_t bytes = 0;

    for (size_t more; rest.length && (more = printable_bytes(rest)) && bytes + more <= COMMENT_BYTES;
         bytes += more)
        rest = (struct slice){rest.at + more, rest.length - more};
    return bytes;
}

static void put_header(struct buf *out, const struct policy *policy, enum family family)
{
    buf_printf(out, "# %s rules made by ctc %s from %s, sha256 %.16s\n", family_name(family), CTC_VERSION,
               policy->name, policy->hash);
    if (policy->description)
        buf_printf(out, "# %.*s\n", (int)fitting_bytes(policy->description), policy->description);
}

static void put_sets_header(struct buf *out, const struct policy *policy)
{
    buf_printf(out, "# sets of rules made by ctc %s from %s, sha256 %.16s\n", CTC_VERSION, policy->name,
               policy->hash);
    buf_text(out, "# to be loaded ahead of the rules, by ipset restore\n");
}

// What was made, from `from` on, to be read as anybody's text would be. What is wrong with it is shown later on.
static const struct source *emitted(struct arena *arena, const char *name, const struct buf *text,
                                    size_t from)
{
    struct source *source = arena_alloc(arena, sizeof(*source));

    *source = (struct source){.name = name,
                              .path = "",
                              .bytes = text->bytes + from,
                              .length = text->length - from,
                              .order = UINT_MAX};
    return source;
}

// The rules and sets of a family as they are read back.
static const struct ruleset *read_back(struct compilation *compilation, enum family family,
                                       const struct buf *text, size_t from, const struct buf *sets,
                                       size_t sets_from)
{
    struct arena *arena = &compilation->arena;

    // Rules that a policy carries may ask for sets of others.
    compilation->read_sets.partial = true;
    if (sets && sets->length > sets_from &&
        !ipset_read(arena, emitted(arena, "<sets>", sets, sets_from), &compilation->read_sets,
                    &compilation->diags))
        return NULL;
    return rules_read(arena, emitted(arena, "<rules>", text, from), family,
                      sets ? &compilation->read_sets : NULL, &compilation->diags);
}

// What the rules that were read back mean, against what the policy says.
static bool prove(struct compilation *compilation, struct proof *proof, const struct ruleset *rules,
                  const struct compile_options *options)
{
    const enum family family = proof->lowered->family;

    proof_read(proof, rules);
    if (proof->undecided) {
        diag_add_as(&compilation->diags, options->allow_unproved ? SEVERITY_WARNING : SEVERITY_ERROR,
                    DIAG_NOT_PROVED, source_whole(proof->source),
                    "%s: the rules are too many to prove what they mean", family_name(family));
        return options->allow_unproved;
    }
    if (!prove_equal(proof, &compilation->diags) || !prove_promises(proof, &compilation->diags))
        return false;
    compilation->broken[family] = proof->broken;
    return prove_expectations(proof, &compilation->diags);
}

// Whether the kernel would take the rules: asked beside their text where they are many.
struct limits_check {
    const struct ruleset *ruleset;
    struct arena arena;
    const char *broken; // in words; NULL: it would
    struct job job;
};

static void check_limits(void *context)
{
    struct limits_check *check = context;

    check->broken = ruleset_broken_limit(&check->arena, check->ruleset);
}

// The rules as text, and those of their sets that no family before has.
static bool write_rules(struct compilation *compilation, struct ruleset *lowered,
                        const struct compile_options *options, struct buf *out)
{
    const struct pass_options passes = {options->passes.without, options->sets ? &compilation->sets : NULL};
    const size_t sets = compilation->sets.count;
    const struct ruleset *ruleset = passes_run(&compilation->arena, lowered, passes, &compilation->diags);
    struct limits_check limits = {.ruleset = ruleset};

    if (!ruleset)
        return false;
    compilation->rules[lowered->family] = lowered;
    lowered->printed = ruleset;
    job_begin(&limits.job, ruleset_rule_count(ruleset) >= MANY, check_limits, &limits);
    if (options->made)
        options->made(options->context, ruleset);
    put_header(out, compilation->policy, lowered->family);
    restore_text(out, ruleset);
    for (size_t i = sets; i < compilation->sets.count; i++)
        ipset_print(options->sets, compilation->sets.items[i]);
    job_end(&limits.job);
    if (limits.broken)
        diag_add(&compilation->diags, DIAG_TOO_LARGE, source_whole(compilation->sources.items[0]),
                 "the rules could not be loaded: %s", limits.broken);
    arena_clear(&limits.arena);
    return !limits.broken;
}

bool compile_rules(struct compilation *compilation, enum family family, const struct compile_options *options,
                   struct buf *out)
{
    const size_t from = out->length, sets_from = options->sets ? options->sets->length : 0;
    struct ruleset *lowered = policy_to_ruleset(&compilation->arena, compilation->policy, family,
                                                options->lower, &compilation->diags);
    const struct ruleset *rules = NULL;
    struct proof proof;
    bool proved;

    compilation->rules[family] = NULL;
    if (!lowered)
        return false;
    if (options->sets && !options->sets->length)
        put_sets_header(options->sets, compilation->policy);
    proof_begin(&proof, &compilation->arena, compilation->policy, compilation->sources.items[0], lowered);
    proved = write_rules(compilation, lowered, options, out);
    if (proved)
        rules = read_back(compilation, family, out, from, options->sets, sets_from);
    proved = rules && prove(compilation, &proof, rules, options);
    proof_close(&proof);
    return proved;
}
