// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/version.h"

#include <string.h>

#include "base/text.h"

static bool take_number(const char **at, unsigned *number)
{
    const size_t length = strspn(*at, "0123456789");
    uint64_t value;

    if (!parse_number((struct slice){*at, length}, 9999, &value))
        return false;
    *number = (unsigned)value;
    *at += length;
    return true;
}

bool kernel_version_parse(const char *text, struct kernel_version *version)
{
    struct kernel_version read;

    if (!take_number(&text, &read.major) || *text++ != '.' || !take_number(&text, &read.minor) || !read.major)
        return false;
    // What follows is the distribution's business, but it does not begin with a letter: 5.x is no version.
    if (*text && *text != '.' && *text != '-' && *text != '+' && *text != '_')
        return false;
    *version = read;
    return true;
}

bool kernel_known(struct kernel_version version)
{
    return version.major;
}

bool kernel_at_least(struct kernel_version version, unsigned major, unsigned minor)
{
    return !kernel_known(version) || version.major > major ||
           (version.major == major && version.minor >= minor);
}
