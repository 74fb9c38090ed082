// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/privileges.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(capability) ((uint64_t)1 << (capability))
#define NEEDED          (BIT(CAP_NET_ADMIN) | BIT(CAP_NET_RAW))
#define READ_ALL        BIT(CAP_DAC_READ_SEARCH)

struct sets {
    uint64_t effective, permitted;
};

// The C library has no functions for these: libcap is a library of its own.
static bool read_sets(struct sets *sets)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

    if (syscall(SYS_capget, &header, data) < 0)
        return false;
    *sets = (struct sets){(uint64_t)data[1].effective << 32 | data[0].effective,
                          (uint64_t)data[1].permitted << 32 | data[0].permitted};
    return true;
}

// Nothing is inheritable, and so nothing ambient.
static void write_sets(struct sets sets)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
        {.effective = (uint32_t)sets.effective, .permitted = (uint32_t)sets.permitted},
        {.effective = (uint32_t)(sets.effective >> 32), .permitted = (uint32_t)(sets.permitted >> 32)}};

    syscall(SYS_capset, &header, data);
}

bool privileges_suffice(struct kernel_error *error)
{
    struct sets sets;

    if (!read_sets(&sets) || (sets.effective & NEEDED) == NEEDED)
        return true; // else the kernel will tell
    return kernel_fail(error, KERNEL_PERMISSION, "%s%s", KERNEL_NEEDS,
                       geteuid() != 0 ? "; root has both" : "");
}

// A program of root's gets all that the bounding set has. Without CAP_SETPCAP that stays, and no-new-privs keeps programs from
// it.
static void bound_programs(void)
{
    for (unsigned capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        if (!(NEEDED & BIT(capability)))
            prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

bool privileges_drop(const char *file)
{
    struct sets sets;

    if (!read_sets(&sets))
        return false;
    bound_programs();
    sets.effective &= NEEDED;
    sets.permitted &= file ? NEEDED | READ_ALL : NEEDED;
    write_sets(sets);
    if (!file)
        return false;
    if (faccessat(AT_FDCWD, file, R_OK, AT_EACCESS) < 0)
        sets.effective |= sets.permitted & READ_ALL;
    else
        sets.permitted &= NEEDED;
    write_sets(sets);
    return (sets.effective & READ_ALL) != 0;
}
