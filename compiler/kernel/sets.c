// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/sets.h"

#include <limits.h>

#include "kernel/program.h"
#include "rules/read.h"

#define SAVE_WAIT 30000 // milliseconds; a million members take two seconds

bool kernel_sets_read(struct arena *arena, struct ipset_list *list, struct kernel_error *error)
{
    const struct program_call call = {
        .path = program_find(arena, "ipset"), .arguments = {"save"}, .milliseconds = SAVE_WAIT};
    struct buf text = {0};
    bool fine;

    *list = (struct ipset_list){.partial = true};
    if (!call.path)
        return kernel_fail(error, KERNEL_FAILED,
                           "there is no ipset in " PROGRAM_DIRECTORIES "; install ipset");
    fine = program_run(&call, &text, error);
    if (fine) {
        const struct source source = {.name = "<live sets>",
                                      .path = "",
                                      .bytes = arena_copy(arena, text.bytes, text.length),
                                      .length = text.length,
                                      .order = UINT_MAX};

        if (!ipset_read_saved(arena, &source, list))
            fine = kernel_fail(error, KERNEL_FAILED, "what `%s save` prints cannot be read", call.path);
    }
    buf_clear(&text);
    return fine;
}

static bool ask_sets(const struct ruleset *const *rulesets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rules_ask_sets(rulesets[i]))
            return true;
    return false;
}

const char *kernel_sets_know(struct arena *arena, const struct ruleset *const *rulesets, size_t count,
                             const struct ipset_list *given, bool *gone)
{
    struct kernel_error trouble = {.arena = arena};
    struct ipset_list sets;
    const char *missing;

    *gone = false;
    if (!ask_sets(rulesets, count))
        return NULL;
    if (!given && !kernel_sets_read(arena, &sets, &trouble))
        return trouble.text;
    missing = rules_know_sets(arena, rulesets, count, given ? given : &sets);
    *gone = missing && !given;
    return missing
               ? arena_printf(arena, "the set %s is not %s", missing, given ? "among those given" : "there")
               : NULL;
}
