// SPDX-License-Identifier: GPL-2.0-or-later
#include "meaning/limits.h"

#include <string.h>
#include <strings.h>

#define BURST       5    // XT_HASHLIMIT_BURST (libxt_hashlimit.c)
#define GC_INTERVAL 1000 // XT_HASHLIMIT_GCINTERVAL (libxt_hashlimit.c)

static const struct {
    const char *name;
    uint64_t seconds;
} units[] = {{"day", 86400}, {"hour", 3600}, {"minute", 60}, {"second", 1}};

#define UNITS (sizeof(units) / sizeof(*units))

bool limit_settings_equal(const struct limit_settings *a, const struct limit_settings *b)
{
    return a->between == b->between && a->burst == b->burst && a->modes == b->modes &&
           a->masks[0] == b->masks[0] && a->masks[1] == b->masks[1] && a->size == b->size &&
           a->max == b->max && a->gc_interval == b->gc_interval && a->expire == b->expire &&
           (a->others == b->others || (a->others && b->others && strcmp(a->others, b->others) == 0));
}

uint64_t limit_settings_hash(const struct limit_settings *settings)
{
    return settings->between ^ settings->burst << 32 ^ settings->modes << 48;
}

static struct limit_settings defaults(enum family family)
{
    const uint64_t bits = family_bits(family);

    return (struct limit_settings){
        .burst = BURST, .masks = {bits, bits}, .gc_interval = GC_INTERVAL, .others = ""};
}

// `10/min`. The kernel keeps the time between two events, rounded down; the unit is in it no more, but for how long an
// idle bucket lives where nothing else is said (libxt_hashlimit.c, parse_rate and hashlimit_mt_check).
static bool read_rate(struct slice text, struct limit_settings *settings, uint64_t *unit)
{
    struct slice name = {"second", 6};
    uint64_t events;

    slice_split(text, '/', &text, &name);
    for (size_t i = 0; i < UNITS; i++)
        if (name.length && name.length <= strlen(units[i].name) &&
            strncasecmp(name.at, units[i].name, name.length) == 0 &&
            parse_number(text, UINT32_MAX, &events) && events) {
            settings->between = HASHLIMIT_RESOLUTION * units[i].seconds / events;
            *unit = units[i].seconds;
            return true;
        }
    return false;
}

static bool read_modes(struct slice text, uint64_t *modes)
{
    static const char *const names[] = {"dstip", "dstport", "srcip", "srcport"};

    struct slice name;

    while (slice_item(&text, ',', &name)) {
        size_t i = 0;

        while (i < 4 && !slice_is(name, names[i]))
            i++;
        if (i == 4)
            return false;
        *modes |= (uint64_t)1 << i;
    }
    return true;
}

static bool read_option(struct slice name, struct slice value, struct limit_settings *settings,
                        uint64_t *unit, bool *expires)
{
    const struct {
        const char *name;
        uint64_t *number;
    } numbers[] = {{"--hashlimit-burst", &settings->burst},
                   {"--hashlimit-srcmask", &settings->masks[SIDE_SOURCE]},
                   {"--hashlimit-dstmask", &settings->masks[SIDE_DESTINATION]},
                   {"--hashlimit-htable-size", &settings->size},
                   {"--hashlimit-htable-max", &settings->max},
                   {"--hashlimit-htable-gcinterval", &settings->gc_interval},
                   {"--hashlimit-htable-expire", &settings->expire}};

    if (slice_is(name, "--hashlimit-upto") || slice_is(name, "--hashlimit-above") ||
        slice_is(name, "--hashlimit"))
        return read_rate(value, settings, unit);
    if (slice_is(name, "--hashlimit-mode"))
        return read_modes(value, &settings->modes);
    *expires = *expires || slice_is(name, "--hashlimit-htable-expire");
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        if (slice_is(name, numbers[i].name))
            return parse_number(value, UINT32_MAX, numbers[i].number);
    return slice_is(name, "--hashlimit-name"); // is known already
}

struct limit_settings written_limit(struct arena *arena, const char *options, enum family family)
{
    struct limit_settings settings = defaults(family);
    struct slice rest = slice_of(options);
    uint64_t unit = 1;
    bool expires = false;

    for (struct slice word = slice_word(&rest); word.length; word = slice_word(&rest)) {
        struct slice after = rest;
        const struct slice value = slice_word(&after);

        if (slice_is(word, "!")) // which way it matches is the rule's business, not the table's
            continue;
        if (read_option(word, value, &settings, &unit, &expires))
            rest = after;
        else
            settings.others = arena_printf(arena, "%s %.*s", settings.others, (int)word.length, word.at);
    }
    if (!expires)
        settings.expire = unit * 1000;
    return settings;
}

// The unit in which iptables writes a rate: from the day on the next smaller one, as long as the rate is a whole number
// of it but for what is lost in the rounding (libxt_hashlimit.c, print_rate).
static uint64_t written_unit(uint64_t between)
{
    size_t unit = 0;

    while (unit + 1 < UNITS) {
        const uint64_t next = HASHLIMIT_RESOLUTION * units[unit + 1].seconds;

        if (next < between || next % between > next / between)
            break;
        unit++;
    }
    return units[unit].seconds;
}

// A bucket lives for a unit of its rate, and for as long as it takes to be full again: a source that paused does not begin
// anew.
struct limit_settings said_limit(struct rate rate, bool per_source, enum family family)
{
    struct limit_settings settings = defaults(family);
    const uint64_t full = ((uint64_t)rate.burst * rate.period + rate.events - 1) / rate.events;

    settings.between = (uint64_t)HASHLIMIT_RESOLUTION * rate.period / rate.events;
    settings.burst = rate.burst;
    if (per_source)
        settings.modes = 1 << 2; // XT_HASHLIMIT_HASH_SIP
    if (per_source && family == FAMILY_IPV6)
        settings.masks[SIDE_SOURCE] = 64;
    settings.expire = written_unit(settings.between) * 1000;
    if (full * 1000 > settings.expire)
        settings.expire = full * 1000;
    return settings;
}

// A rate whose unit is not known: that of which it is a whole number, the shortest such.
void limit_rate_print(struct buf *out, const struct limit_settings *settings)
{
    const uint64_t between = settings->between;

    for (size_t unit = UNITS; between && unit-- > 0;) {
        const uint64_t whole = HASHLIMIT_RESOLUTION * units[unit].seconds, events = whole / between;

        if (events && whole / events == between) {
            buf_printf(out, "%llu/%s", (unsigned long long)events, units[unit].name);
            return;
        }
    }
    buf_printf(out, "1 in %llu us", (unsigned long long)between);
}

void limit_settings_print(struct buf *out, const struct limit_settings *settings)
{
    static const char *const names[] = {"destination", "destination port", "source", "source port"};
    const char *before = " per ";

    limit_rate_print(out, settings);
    buf_printf(out, " burst %llu", (unsigned long long)settings->burst);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (settings->modes >> i & 1) {
            buf_printf(out, "%s%s", before, names[i]);
            before = " and ";
        }
    if (!settings->modes)
        buf_text(out, " total");
    buf_text(out, settings->others);
}
