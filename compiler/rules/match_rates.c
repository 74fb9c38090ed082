// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rates: limit and hashlimit.
#include <string.h>
#include <strings.h>

#include "rules/matches.h"
#include "rules/values.h"

// `5/minute`, its unit shortened or left out (libxt_limit.c, parse_rate).
static bool read_rate(struct slice text, uint32_t *events, uint32_t *period)
{
    static const struct {
        const char *name;
        uint32_t seconds;
    } units[] = {{"second", 1}, {"minute", 60}, {"hour", 3600}, {"day", 86400}};
    struct slice unit = {"second", 6};
    uint64_t number;

    slice_split(text, '/', &text, &unit);
    *period = 0;
    for (size_t i = 0; i < sizeof(units) / sizeof(*units) && !*period; i++)
        if (unit.length && unit.length <= strlen(units[i].name) &&
            strncasecmp(unit.at, units[i].name, unit.length) == 0)
            *period = units[i].seconds;
    if (!*period || !parse_number(text, UINT32_MAX, &number) || !number ||
        number > (uint64_t)LIMIT_RESOLUTION * *period)
        return false;
    *events = (uint32_t)number;
    return true;
}

enum reading match_read_limit(struct parts *parts, const struct option *option, struct match *match)
{
    uint64_t burst;

    if (option->inverted)
        return match_refuse(parts, option, "a limit cannot be negated");
    if (option_is(option, "limit"))
        return read_rate(option->values[0], &match->limit.events, &match->limit.period)
                   ? READ_FINE
                   : match_refuse(parts, option,
                                  "a rate is NUMBER/second, minute, hour or day, at most 10000/second");
    if (!number_read(option->values[0], 10000, &burst))
        return match_refuse(parts, option, "a burst is a number up to 10000");
    match->limit.burst = (uint32_t)burst;
    return burst ? READ_FINE : READ_OPAQUE;
}

enum reading match_read_hashlimit(struct parts *parts, const struct option *option, struct match *match)
{
    const struct slice value = option->values[0];

    if (!option->kind)
        return READ_FINE;
    if (option_is(option, "hashlimit-name"))
        match->hashlimit.name = arena_copy(parts->arena, value.at, value.length);
    else if (option_is(option, "hashlimit-mode"))
        match->hashlimit.buckets = value.length > 0;
    else if (option_is(option, "hashlimit-above"))
        match->hashlimit.above = !option->inverted;
    else if (option_is(option, "hashlimit-upto") || option_is(option, "hashlimit"))
        match->hashlimit.above = option->inverted;
    return READ_FINE;
}
