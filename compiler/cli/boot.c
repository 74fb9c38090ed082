// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/boot.h"

#include <stdio.h>
#include <string.h>

#include "apply/good.h"
#include "apply/load.h"
#include "apply/order.h"
#include "apply/pending.h"
#include "cli/way.h"
#include "kernel/encode.h"
#include "kernel/lock.h"
#include "kernel/privileges.h"
#include "rules/read.h"

static const char closed_rules[] = "*filter\n"
                                   ":INPUT DROP [0:0]\n"
                                   ":FORWARD DROP [0:0]\n"
                                   ":OUTPUT DROP [0:0]\n"
                                   "-A INPUT -i lo -j ACCEPT\n"
                                   "-A OUTPUT -o lo -j ACCEPT\n"
                                   "COMMIT\n";

enum exit_code boot_settle(void)
{
    struct arena arena = {0};
    struct kernel_error error = {.arena = &arena};
    const bool fine = privileges_suffice(&error) && pending_settle(&error);
    const enum exit_code code = fine ? EXIT_FINE : world_error("%s", error.text);

    arena_clear(&arena);
    return code;
}

static bool read_rules(struct arena *arena, const struct slice texts[FAMILY_COUNT],
                       const struct ruleset *rules[FAMILY_COUNT], struct kernel_error *error)
{
    struct diag_list diags = {.arena = arena};

    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        struct source *source = arena_calloc(arena, 1, sizeof(*source));

        *source = (struct source){
            .name = "<rules>", .path = "", .bytes = texts[family].at, .length = texts[family].length};
        rules[family] = rules_read(arena, source, family, NULL, &diags);
        if (!rules[family])
            return kernel_fail(error, KERNEL_RULE, "the rules cannot be read");
        rules[family] = wanted_here(rules[family]);
    }
    return true;
}

// One family after the other, so that one that the kernel lacks leaves the other one no worse.
static bool close_all(struct arena *arena, const struct kernel_backend *backend, struct kernel_error *error)
{
    const struct slice texts[FAMILY_COUNT] = {slice_of(closed_rules), slice_of(closed_rules)};
    const struct ruleset *rules[FAMILY_COUNT];
    struct encoded encoded[FAMILY_COUNT] = {0};
    bool fine = read_rules(arena, texts, rules, error) && encode_rulesets(rules, encoded, error);

    for (enum family family = 0; family < FAMILY_COUNT && encoded[family].rules; family++) {
        if (!rules[family]->count)
            continue; // the kernel does not have the family

        struct kernel_table *table =
            kernel_table_read(arena, backend, family, rules[family]->items[0].name, error);

        if (table) {
            const struct table_comparison found = kernel_table_compare(arena, table, &encoded[family]);

            fine = kernel_table_change(table, &found, &encoded[family], error) &&
                   kernel_table_commit(table, error) && fine;
        }
        fine = fine && table;
        kernel_table_close(table);
    }
    encoded_clear(encoded);
    return fine;
}

static bool load_last(struct arena *arena, const struct kernel_backend *backend, int lock,
                      struct kernel_error *error)
{
    struct slice texts[FAMILY_COUNT];
    struct wanted wanted = {0};
    struct apply_plan plan = {0};
    const char *meddled;
    bool fine = good_get(arena, texts, error) && read_rules(arena, texts, wanted.rules, error) &&
                plan_apply(arena, backend, NULL, &wanted, OWN_UNSAID, 0, &plan, error);

    if (fine) {
        order_unproved(arena, &plan);
        fine = load_stands(load_plan(arena, &plan, "the last good rules", 0, lock, &meddled, error));
    }
    plan_clear(&plan);
    return fine;
}

void boot_otherwise(enum boot boot, enum kernel_choice via)
{
    struct arena arena = {0};
    struct kernel_error error = {.arena = &arena};
    const struct kernel_backend *backend = open_way(&arena, via, &error);
    const int lock = xtables_lock(XTABLES_WAIT, &error); // not to be had is no reason to leave all open
    bool done = false;

    if (backend && boot == BOOT_LAST) {
        done = load_last(&arena, backend, lock, &error);
        if (done)
            fputs("ctc: warning: the last good rules are loaded instead\n", stderr);
        else
            fprintf(stderr, "ctc: error: %s\n", error.text);
    }
    if (!done) {
        done = backend && close_all(&arena, backend, &error);
        if (done)
            fputs("ctc: warning: nothing passes now but lo\n", stderr);
        else
            fprintf(stderr, "ctc: error: not even rules that let nothing pass can be loaded: %s\n",
                    error.text);
    }
    xtables_unlock(lock);
    arena_clear(&arena);
}
