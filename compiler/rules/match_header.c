// SPDX-License-Identifier: GPL-2.0-or-later
//
// What else the headers of a packet say: the types of ICMP, the hop limit, fragments.
#include <string.h>
#include <strings.h>

#include "rules/matches.h"
#include "rules/values.h"

struct icmp_name {
    const char *name;
    enum family family;
    uint8_t type, code_first, code_last;
};

static const struct icmp_name icmp_names[] = {
#define ICMP_TYPE(family, name, type)       {name, FAMILY_##family, type, 0, UINT8_MAX},
#define ICMP_CODE(family, name, type, code) {name, FAMILY_##family, type, code, code},
#include "rules/icmp_types.def"
#undef ICMP_TYPE
#undef ICMP_CODE
};

// The only name that begins with `text`; `*ambiguous` where there are several.
static const struct icmp_name *find_icmp_name(struct slice text, enum family family, bool *ambiguous)
{
    const struct icmp_name *found = NULL;

    *ambiguous = false;
    for (size_t i = 0; i < sizeof(icmp_names) / sizeof(*icmp_names); i++) {
        const struct icmp_name *name = &icmp_names[i];

        if (name->family != family || text.length > strlen(name->name) ||
            strncasecmp(text.at, name->name, text.length) != 0)
            continue;
        // Older versions of iptables take a whole name, newer ones find `redirect` in no other.
        if (text.length == strlen(name->name)) {
            *ambiguous = false;
            return name;
        }
        *ambiguous = found != NULL;
        found = name;
    }
    return found;
}

enum reading match_read_icmp(struct parts *parts, const struct option *option, struct match *match)
{
    const struct slice text = option->values[0];
    struct slice type = text, code;
    bool ambiguous;
    const struct icmp_name *name = find_icmp_name(text, parts->family, &ambiguous);
    uint64_t number;

    if (match->icmp.code_last || match->icmp.any)
        return match_refuse(parts, option, "this stands twice");
    match->icmp.inverted = option->inverted;
    match->icmp.code_last = UINT8_MAX;
    if (parts->family == FAMILY_IPV4 && text.length == 3 && strncasecmp(text.at, "any", 3) == 0) {
        match->icmp.any = true;
        return READ_FINE;
    }
    if (ambiguous)
        return match_refuse(parts, option, "this begins more than one name of a type");
    if (name && text.length) {
        match->icmp.type = name->type;
        match->icmp.code_first = name->code_first;
        match->icmp.code_last = name->code_last;
        return READ_FINE;
    }

    const bool with_code = slice_split(text, '/', &type, &code);

    if (!number_read(type, UINT8_MAX, &number))
        return match_refuse(parts, option, "this is no type of ICMP");
    match->icmp.type = (uint8_t)number;
    // Type 255 stands for all of them (net/ipv4/netfilter/ip_tables.c, icmp_type_code_match).
    match->icmp.any = parts->family == FAMILY_IPV4 && number == UINT8_MAX;
    if (!with_code || match->icmp.any)
        return READ_FINE;
    if (!number_read(code, UINT8_MAX, &number))
        return memchr(code.at, ':', code.length) ? READ_OPAQUE
                                                 : match_refuse(parts, option, "this is no code of ICMP");
    match->icmp.code_first = match->icmp.code_last = (uint8_t)number;
    return READ_FINE;
}

enum reading match_read_hoplimit(struct parts *parts, const struct option *option, struct match *match)
{
    const struct slice name = {option->kind->name, option->kind->length};
    uint64_t number;

    if (!number_read(option->values[0], UINT8_MAX, &number))
        return match_refuse(parts, option, "a number up to 255 must follow");
    match->hoplimit.value = (uint8_t)number;
    match->hoplimit.inverted = option->inverted;
    match->hoplimit.comparison = slice_is(name, "hl-lt") || slice_is(name, "ttl-lt")   ? COMPARE_LESS
                                 : slice_is(name, "hl-gt") || slice_is(name, "ttl-gt") ? COMPARE_GREATER
                                                                                       : COMPARE_EQUAL;
    return READ_FINE;
}

enum reading match_read_fragment(struct parts *parts, const struct option *option, struct match *match)
{
    (void)parts;
    if (!option_is(option, "fragfirst"))
        return READ_OPAQUE;
    match->fragment_first = true;
    return READ_FINE;
}
