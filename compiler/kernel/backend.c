// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/backend.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/iptables.h"
#include "kernel/program.h"

#define IPV6_ADDRESSES "/proc/net/if_inet6" // which is there, empty, wherever there is IPv6

#define NO_PROGRAMS "no iptables-restore and iptables-save of both families in " PROGRAM_DIRECTORIES

// What the kernel lacks of the legacy tables, in words; NULL: it has them for both families.
static const char *legacy_lack(void)
{
    static const char *const words[] = {
        NULL,
        "this kernel has no legacy tables for IPv4 (module ip_tables)",
        "this kernel has no legacy tables for IPv6 (module ip6_tables)",
        "this kernel has no legacy tables (modules ip_tables and ip6_tables)",
    };

    return words[(libiptc_available(FAMILY_IPV4) ? 0 : 1) + (libiptc_available(FAMILY_IPV6) ? 0 : 2)];
}

// Says what there is, on a host that lacks legacy tables: `found` is a variant that is of use, or not.
static const struct kernel_backend *fail_without_legacy(struct arena *arena, const char *lack,
                                                        const struct kernel_backend *found,
                                                        struct kernel_error *error)
{
    struct iptables_programs legacy = {0};

    if (found)
        kernel_fail(error, KERNEL_NO_TABLES, "%s, but %s: --via restore loads the rules by it", lack,
                    found->program);
    else if (iptables_find(arena, &legacy))
        kernel_fail(error, KERNEL_NO_TABLES,
                    "%s, and %s (%s) needs them too; install iptables of the nf_tables variant", lack,
                    legacy.restore[FAMILY_IPV4], legacy.version);
    else
        kernel_fail(error, KERNEL_NO_TABLES, "%s, and there are " NO_PROGRAMS "; install iptables", lack);
    return NULL;
}

bool kernel_has_family(enum family family)
{
    const int file = socket(family == FAMILY_IPV4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const bool lacking = file < 0 && errno == EAFNOSUPPORT;

    if (file >= 0)
        close(file);
    return !lacking || family == FAMILY_IPV4 || access(IPV6_ADDRESSES, F_OK) == 0;
}

const struct kernel_backend *backend_choose(struct arena *arena, enum kernel_choice choice, const char **why,
                                            struct kernel_error *error)
{
    struct iptables_programs programs = {0};
    const struct kernel_backend *backend = NULL;
    const char *lack;

    *why = NULL;
    if (choice == CHOICE_RESTORE) {
        if (iptables_find(arena, &programs))
            return iptables_backend(arena, &programs);
        kernel_fail(error, KERNEL_FAILED, "there are " NO_PROGRAMS "; install iptables");
        return NULL;
    }
    lack = legacy_lack();
    if (!lack)
        return &libiptc_backend;
    if (iptables_find_variant(arena, true, &programs)) // the only one that is of use
        backend = iptables_backend(arena, &programs);
    if (!backend || choice == CHOICE_LIBIPTC)
        return fail_without_legacy(arena, lack, backend, error);
    *why = arena_printf(arena, "%s: %s loads the rules", lack, backend->program);
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
