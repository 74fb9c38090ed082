// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/interface.h"

#include <string.h>

#include "base/kernel.h"

static const char *unfit(char c)
{
    switch (c) {
    case '+':
        return "'+' stands at the end, for any ending";
    case '*':
        return "any ending is written with '+', as in ppp+";
    case '!':
        return "all but one interface cannot be said: name the others";
    case ':': // net/core/dev.c, dev_valid_name
        return "no interface has a colon in its name: eth0:1 is an address of eth0";
    default:
        return "names of interfaces are letters, digits and . _ @ -";
    }
}

// What the kernel takes is wider (net/core/dev.c, dev_valid_name); this is what people name interfaces, and what no
// program between here and the kernel takes apart. IFNAMSIZ is 16 with the NUL (linux/if.h).
const char *interface_problem(struct slice name)
{
    if (!name.length || name.length > INTERFACE_MAX)
        return "names of interfaces have 1 to 15 characters";
    for (size_t i = 0; i < name.length; i++) {
        const char c = name.at[i];
        const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (c == '+' && name.length == 1)
            return "'+' alone is every interface: leave the key out";
        if (c == '+' && i + 1 == name.length)
            return NULL;
        if (!word && !(strchr("._@-", c) && c))
            return unfit(c);
        if (i == 0 && c == '-')
            return "a name that begins with a dash reads as an option";
    }
    return NULL;
}
