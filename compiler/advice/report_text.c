// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "advice/report.h"
#include "base/protocols.h"

typedef unsigned long long number;

#define BAR_WIDTH  20
#define NAME_LEAST 18
#define NAME_MOST  40

// Columns of a terminal from which on there is room for more than names and numbers.
#define ROOM_FOR_BARS    76
#define ROOM_FOR_ASSURED 92
#define ROOM_FOR_STATES  128

static unsigned percent(uint64_t part, uint64_t whole)
{
    return whole ? (unsigned)((part * 100 + whole / 2) / whole) : 0;
}

static void put_colour(struct buf *out, const struct style *style, const char *code)
{
    if (style->colour)
        buf_printf(out, "\033[%sm", code);
}

static bool has_room(const struct style *style, size_t columns)
{
    return !style->width || style->width >= columns;
}

// Filled as far as the part goes; what is not nothing is at least one step.
static void put_bar(struct buf *out, const struct style *style, uint64_t part, uint64_t whole,
                    const char *code)
{
    uint64_t filled = whole ? (part * BAR_WIDTH + whole / 2) / whole : 0;

    if (!has_room(style, ROOM_FOR_BARS))
        return;
    if (part && !filled)
        filled = 1;
    if (filled > BAR_WIDTH)
        filled = BAR_WIDTH;
    buf_text(out, "  ");
    put_colour(out, style, code);
    for (size_t i = 0; i < BAR_WIDTH; i++)
        buf_text(out, i < filled ? (style->unicode ? "█" : "#") : (style->unicode ? "░" : "."));
    put_colour(out, style, "0");
}

static void put_heading(struct buf *out, const struct style *style, const char *text)
{
    buf_char(out, '\n');
    put_colour(out, style, "1");
    buf_text(out, text);
    put_colour(out, style, "0");
    buf_char(out, '\n');
}

// What is not assured makes room for what comes.
static void put_occupancy(struct buf *out, const struct report *report, const struct style *style)
{
    const struct census *census = report->census;
    const struct table_limits *limits = report->limits;

    if (limits && limits->has_size) {
        const char *code = percent(census->assured, limits->max) >= 90 ? "31" : "32";

        buf_printf(out, "%llu of %llu entries, %u %%", (number)limits->count, (number)limits->max,
                   percent(limits->count, limits->max));
        put_bar(out, style, limits->count, limits->max, code);
        buf_char(out, '\n');
        if (limits->count > census->entries)
            buf_printf(out, "  %llu of them are over, and not collected yet\n",
                       (number)(limits->count - census->entries));
    } else {
        buf_printf(out, "%llu entries\n", (number)census->entries);
    }
    buf_printf(out, "  %llu assured (%u %%), %llu that a full table pushes out for newcomers\n",
               (number)census->assured, percent(census->assured, census->entries),
               (number)(census->entries - census->assured));
    if (limits && limits->has_drops)
        buf_printf(
            out,
            "  since boot: %llu packets dropped, %llu entries pushed out early, %llu insertions failed\n",
            (number)limits->drop, (number)limits->early_drop, (number)limits->insert_failed);
    else if (limits)
        buf_text(out, "  drops are not known: this kernel has no /proc/net/stat/nf_conntrack\n");
}

static void put_share(struct buf *out, const struct style *style, const char *name, uint64_t part,
                      uint64_t whole, const char *code)
{
    buf_printf(out, "  %-*s %10llu  %3u %%", NAME_LEAST, name, (number)part, percent(part, whole));
    put_bar(out, style, part, whole, code);
    buf_char(out, '\n');
}

static const char *protocol_text(uint8_t protocol, char text[16])
{
    const char *name = protocol_name(protocol);

    if (name)
        return name;
    snprintf(text, 16, "protocol %u", protocol);
    return text;
}

static void put_shares(struct buf *out, const struct report *report, const struct style *style)
{
    const struct census *census = report->census;
    char text[16];

    put_heading(out, style, "direction");
    for (enum direction direction = 0; direction < DIRECTION_COUNT; direction++)
        if (census->directions[direction])
            put_share(out, style, direction_names[direction], census->directions[direction], census->entries,
                      "36");
    put_heading(out, style, "protocol and state");
    for (unsigned protocol = 0; protocol < 256; protocol++)
        if (census->protocols[protocol])
            put_share(out, style, protocol_text((uint8_t)protocol, text), census->protocols[protocol],
                      census->entries, "36");
    for (int state = 0; state < CT_STATE_COUNT; state++)
        if (census->states[state])
            put_share(out, style, state_names[state], census->states[state], census->entries, "34");
}

// The two states that most of them are in.
static void put_states(struct buf *out, const struct group *group)
{
    int first = -1, second = -1;

    for (int state = 0; state < CT_STATE_COUNT; state++) {
        if (!group->states[state])
            continue;
        if (first < 0 || group->states[state] > group->states[first]) {
            second = first;
            first = state;
        } else if (second < 0 || group->states[state] > group->states[second]) {
            second = state;
        }
    }
    if (first >= 0)
        buf_printf(out, "  %s %u %%", state_names[first], percent(group->states[first], group->entries));
    if (second >= 0)
        buf_printf(out, ", %s %u %%", state_names[second], percent(group->states[second], group->entries));
}

static const char *group_name(const struct group *group, char text[64])
{
    const char *protocol = protocol_name(group->protocol);

    // A word may stand for two protocols, each of which has a group.
    if (group->protocol != PROTOCOL_UDP || strstr(group->name, "udp"))
        return group->name;
    snprintf(text, 64, "%.50s %s", group->name, protocol);
    return text;
}

// As wide as the names that are shown.
static int name_width(const struct report *report)
{
    size_t widest = NAME_LEAST;
    char text[64];

    for (size_t i = 0; i < report->census->groups.count && i < report->top; i++) {
        const size_t width = strlen(group_name(&report->census->groups.items[i], text));

        widest = width > widest ? width : widest;
    }
    return (int)(widest < NAME_MOST ? widest : NAME_MOST);
}

static void put_services(struct buf *out, const struct report *report, const struct style *style)
{
    const struct census *census = report->census;
    const int width = name_width(report);
    uint64_t others = 0;
    char text[64];

    put_heading(out, style, "service");
    for (size_t i = 0; i < census->groups.count; i++) {
        const struct group *group = &census->groups.items[i];

        if (i >= report->top) {
            others += group->entries;
            continue;
        }
        buf_printf(out, "  %-*s %-9s %10llu  %3u %%", width, group_name(group, text),
                   direction_names[group->direction], (number)group->entries,
                   percent(group->entries, census->entries));
        put_bar(out, style, group->entries, census->entries, "36");
        if (has_room(style, ROOM_FOR_ASSURED))
            buf_printf(out, "  assured %3u %%", percent(group->assured, group->entries));
        if (has_room(style, ROOM_FOR_STATES))
            put_states(out, group);
        buf_char(out, '\n');
    }
    if (others)
        buf_printf(out, "  %-*s %-9s %10llu  %3u %%\n", width, "others", "", (number)others,
                   percent(others, census->entries));
}

static void put_sources(struct buf *out, const struct report *report, const struct style *style)
{
    const struct census *census = report->census;
    struct buf name = {0};

    if (!census->sources.count)
        return;
    put_heading(out, style, "who opens them");
    for (size_t i = 0; i < census->sources.count; i++) {
        const struct peer *peer = &census->sources.items[i];

        name.length = 0;
        addr_print(&name, peer->family, peer->addr);
        buf_printf(out, "  %-39s %10llu  %3u %%\n", name.bytes, (number)peer->entries,
                   percent(peer->entries, census->entries));
    }
    if (census->source_count > census->sources.count)
        buf_printf(out, "  and %llu others\n", (number)(census->source_count - census->sources.count));
    buf_clear(&name);
}

static void put_local(struct buf *out, const struct report *report)
{
    size_t shown = 0;

    if (!report->guessed)
        return;
    buf_text(out, "Taken for addresses of the host, by how often they are there:");
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        for (size_t i = 0; i < report->local->families[family].count; i++) {
            const struct addr addr = report->local->families[family].items[i].first;
            const bool loopback = family == FAMILY_IPV4 ? addr.low >> 24 == 127 : !addr.high && addr.low == 1;

            if (loopback)
                continue;
            buf_text(out, shown++ ? ", " : " ");
            addr_print(out, family, addr);
        }
    buf_text(out, shown ? "; --local says otherwise.\n" : " none; --local says which are.\n");
}

static void put_verdicts(struct buf *out, const struct report *report, const struct style *style)
{
    const struct advice *advice = report->advice;
    const int width = name_width(report);
    char text[64];

    put_heading(out, style, "untracking");
    for (size_t i = 0; i < advice->items.count && i < report->top; i++) {
        const struct suggestion *suggestion = &advice->items.items[i];
        const struct group *group = suggestion->group;

        buf_printf(out, "  %-*s %-9s ", width, group_name(group, text), direction_names[group->direction]);
        put_colour(out, style, suggestion->worthwhile ? "32" : "0");
        if (suggestion->obstacle == OBSTACLE_NONE)
            buf_printf(out, "saves %llu %s, %u %% of the table", (number)group->entries,
                       group->entries == 1 ? "entry" : "entries",
                       percent(group->entries, report->census->entries));
        else
            buf_printf(out, "no: %s", obstacle_kinds[suggestion->obstacle].about);
        put_colour(out, style, "0");
        buf_char(out, '\n');
    }
}

static void put_list(struct buf *out, const struct advice *advice, enum direction direction, const char *key)
{
    bool any = false;

    for (size_t i = 0; i < advice->items.count; i++) {
        const struct suggestion *suggestion = &advice->items.items[i];

        if (!suggestion->worthwhile || suggestion->repeated || suggestion->group->direction != direction)
            continue;
        if (!any)
            buf_printf(out, "  %s:\n", key);
        any = true;
        buf_text(out, "    - ");
        put_new_entry(out, suggestion);
        buf_char(out, '\n');
    }
}

static void put_lines(struct buf *out, const struct report *report, const struct style *style)
{
    if (!report->advice->saved)
        return;
    put_heading(out, style, "lines for a policy");
    buf_text(out, "  tracking: selective\n");
    put_list(out, report->advice, DIRECTION_IN, "allow");
    put_list(out, report->advice, DIRECTION_OUT, "connect");
    buf_printf(out, "They take %llu entries out of the table, %u %% of it.\n", (number)report->advice->saved,
               percent(report->advice->saved, report->census->entries));
}

void put_report_text(struct buf *out, const struct report *report, const struct style *style)
{
    put_colour(out, style, "1");
    buf_printf(out, "%s: ", report->source ? report->source : "tracking table");
    put_colour(out, style, "0");
    put_occupancy(out, report, style);
    put_local(out, report);
    if (!report->census->entries)
        return;
    put_shares(out, report, style);
    put_services(out, report, style);
    put_sources(out, report, style);
    put_verdicts(out, report, style);
    if (!report->policy)
        put_lines(out, report, style);
}
