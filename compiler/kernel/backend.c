// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/backend.h"

#include "kernel/iptables.h"
#include "kernel/program.h"

#define NO_LEGACY   "this kernel has no legacy tables (modules ip_tables and ip6_tables)"
#define NO_PROGRAMS "no iptables-restore and iptables-save of both families in " PROGRAM_DIRECTORIES

static bool legacy_available(void)
{
    return libiptc_available(FAMILY_IPV4) && libiptc_available(FAMILY_IPV6);
}

// Says what there is, on a host without legacy tables: `found` is a variant that is of use, or not.
static const struct kernel_backend *fail_without_legacy(struct arena *arena,
                                                        const struct kernel_backend *found,
                                                        struct kernel_error *error)
{
    struct iptables_programs legacy = {0};

    if (found)
        kernel_fail(error, KERNEL_NO_TABLES, NO_LEGACY ", but %s: --via restore loads the rules by it",
                    found->program);
    else if (iptables_find(arena, &legacy))
        kernel_fail(error, KERNEL_NO_TABLES,
                    NO_LEGACY ", and %s (%s) needs them too; install iptables of the nf_tables variant",
                    legacy.restore[FAMILY_IPV4], legacy.version);
    else
        kernel_fail(error, KERNEL_NO_TABLES, NO_LEGACY ", and there are " NO_PROGRAMS "; install iptables");
    return NULL;
}

const struct kernel_backend *backend_choose(struct arena *arena, enum kernel_choice choice, const char **why,
                                            struct kernel_error *error)
{
    struct iptables_programs programs = {0};
    const struct kernel_backend *backend = NULL;

    *why = NULL;
    if (choice == CHOICE_RESTORE) {
        if (iptables_find(arena, &programs))
            return iptables_backend(arena, &programs);
        kernel_fail(error, KERNEL_FAILED, "there are " NO_PROGRAMS "; install iptables");
        return NULL;
    }
    if (legacy_available())
        return &libiptc_backend;
    if (iptables_find_variant(arena, true, &programs)) // the only one that is of use
        backend = iptables_backend(arena, &programs);
    if (!backend || choice == CHOICE_LIBIPTC)
        return fail_without_legacy(arena, backend, error);
    *why = arena_printf(arena, NO_LEGACY ": %s loads the rules", backend->program);
    return backend;
}

const struct kernel_backend *backend_open(struct arena *arena, enum kernel_way way,
                                          struct kernel_error *error)
{
    struct iptables_programs programs = {0};
    const bool nft = way == WAY_NFT_RESTORE;

    if (way == WAY_LIBIPTC)
        return &libiptc_backend;
    if (iptables_find_variant(arena, nft, &programs))
        return iptables_backend(arena, &programs);
    kernel_fail(error, KERNEL_FAILED, "the %s variant of iptables-restore, which loaded the rules, is gone",
                nft ? "nf_tables" : "legacy");
    return NULL;
}
