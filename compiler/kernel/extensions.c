// SPDX-License-Identifier: GPL-2.0-or-later
//
// libxtables made ready, its errors, and the way from bytes to text.
#include "kernel/extensions.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>
#include <xtables.h>

#include "base/arena.h"
#include "kernel/error.h"
#include "kernel/nftables.h"

static struct {
    enum family family;
    const char *table, *chain; // what is worked on; NULL: no rule
    size_t number;
    const char *lacking; // the last extension that the kernel was asked for and has nothing of
} state;

// Their messages come with and without an end of line, some with several lines.
_Noreturn static void end_with(const char *text)
{
    struct slice rest = slice_of(text);

    while (rest.length && isspace((unsigned char)rest.at[rest.length - 1]))
        rest.length--;
    fputs(family_name(state.family), stderr);
    if (state.table)
        fprintf(stderr, " %s %s %zu", state.table, state.chain, state.number);
    fputs(": ", stderr);
    for (size_t i = 0; i < rest.length; i++)
        fputc(rest.at[i] == '\n' ? ' ' : rest.at[i], stderr);
    fputc('\n', stderr);
    _exit(1);
}

void extensions_fail(const char *format, ...)
{
    struct arena arena = {0};
    va_list args;

    va_start(args, format);

    const char *text = arena_vprintf(&arena, format, args);

    va_end(args);
    end_with(text);
}

static __attribute__((noreturn, format(printf, 2, 3))) void on_error(enum xtables_exittype status,
                                                                     const char *format, ...)
{
    struct arena arena = {0};
    va_list args;

    (void)status;
    va_start(args, format);

    const char *text = arena_vprintf(&arena, format, args);

    va_end(args);
    end_with(text);
}

enum family extensions_family(void)
{
    return state.family;
}

void extensions_at(const char *table, const char *chain, size_t number)
{
    state.table = table;
    state.chain = chain;
    state.number = number;
}

_Noreturn static void fail_asking(int problem)
{
    if (problem == EPERM || problem == EACCES)
        extensions_fail(KERNEL_NEEDS);
    extensions_fail("cannot ask the kernel for its extensions: %s", strerror(problem));
}

// The same where the kernel has no legacy tables: what nf_tables takes counts. It has some that are no module's in a form of
// its own, so revision 0 is left to whoever loads the rules.
static int nft_has(const char *name, uint8_t revision, int option)
{
    const bool target =
        option == (state.family == FAMILY_IPV4 ? IPT_SO_GET_REVISION_TARGET : IP6T_SO_GET_REVISION_TARGET);
    const int found = nft_extension_find(state.family, name, revision, target);

    if (found == -EPERM || found == -EACCES)
        extensions_fail(KERNEL_NEEDS);
    if (found < 0 && revision)
        state.lacking = name;
    return found == 0 || !revision;
}

// Whether the kernel has that revision of an extension; it loads the module if it can. As
// xtables_compatible_revision(), which takes revision 0 of what is not there at all for supported, and leaves it to the
// kernel to refuse the table.
static int kernel_has(const char *name, uint8_t revision, int option)
{
    struct xt_get_revision wanted = {.revision = revision};
    socklen_t size = sizeof(wanted);
    const bool ipv6 = state.family == FAMILY_IPV6;
    const int kernel = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

    if (kernel < 0)
        fail_asking(errno);
    snprintf(wanted.name, sizeof(wanted.name), "%s", name);
    xtables_load_ko(xtables_modprobe_program, true);

    const bool has = getsockopt(kernel, ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, option, &wanted, &size) >= 0;
    const int problem = errno;

    close(kernel);
    if (has)
        return 1;
    if (problem == ENOPROTOOPT)
        return nft_has(name, revision, option);
    if (problem != ENOENT && problem != EPROTONOSUPPORT)
        fail_asking(problem);
    if (problem == ENOENT)
        state.lacking = name;
    return 0;
}

void extensions_open(enum family family)
{
    static struct option none[] = {{0}};
    static struct xtables_globals globals = {.program_name = "ctc",
                                             .program_version = CTC_VERSION,
                                             .orig_opts = none,
                                             .exit_err = on_error,
                                             .compat_rev = kernel_has};

    state.family = family;
    if (xtables_init_all(&globals, family == FAMILY_IPV4 ? NFPROTO_IPV4 : NFPROTO_IPV6) < 0)
        extensions_fail("libxtables cannot be used");
}

void extensions_unknown(const char *kind, const char *name)
{
    if (state.lacking)
        extensions_fail("this kernel has no %s `%s`", kind, state.lacking);
    extensions_fail("libxtables knows no %s `%s` for %s: its plugin is not installed", kind, name,
                    family_name(state.family));
}

_Noreturn static void fail_unreadable(const char *kind, const char *name, unsigned revision)
{
    extensions_fail("libxtables cannot print the %s `%s`, revision %u, that the kernel has", kind, name,
                    revision);
}

void extension_print_match(const struct xt_entry_match *match, const void *entry)
{
    const char *name = match->u.user.name;
    const struct xtables_match *known =
        xtables_find_match_revision(name, XTF_TRY_LOAD, NULL, match->u.user.revision);

    if (!known)
        fail_unreadable("match", name, match->u.user.revision);
    printf(" -m %s", known->alias ? known->alias(match) : name);
    if (known->save)
        known->save(entry, match);
}

void extension_print_target(const struct xt_entry_target *target, const void *entry)
{
    const char *name = target->u.user.name;
    const struct xtables_target *known =
        xtables_find_target_revision(name, XTF_TRY_LOAD, NULL, target->u.user.revision);

    if (!known || (!known->save && target->u.target_size != sizeof(*target)))
        fail_unreadable("target", name, target->u.user.revision);
    printf(" -j %s", known->alias ? known->alias(target) : name);
    if (known->save)
        known->save(entry, target);
}
