// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a policy lets in as replies without tracking: a list for whoever wants to know how far its windows are open. Read
// off the rules, entry by entry.
#include <string.h>

#include "analysis/trace.h"
#include "base/vec.h"
#include "findings/inspection.h"

struct window {
    struct rule_place place; // the first rule of the entry
    diagram packets;
};

struct windows {
    struct window *items;
    size_t count, capacity;
};

static bool opens_window(const struct rule *rule)
{
    return rule->section && strcmp(rule->section, "replies") == 0 && rule->target.kind == TARGET_ACCEPT &&
           rule->span.source;
}

static void add_rule(struct inspection *inspection, struct windows *windows, const struct rule_place *place,
                     diagram packets)
{
    const struct span span = place_rule(place)->span;

    for (size_t i = 0; i < windows->count; i++) {
        const struct span other = place_rule(&windows->items[i].place)->span;

        if (other.source == span.source && other.line == span.line && other.column == span.column) {
            windows->items[i].packets = set_or(&inspection->space, windows->items[i].packets, packets);
            return;
        }
    }
    *vec_push(inspection->arena, windows) = (struct window){*place, packets};
}

static void report_window(struct inspection *inspection, const struct window *window)
{
    struct packet_space *space = &inspection->space;
    const char *name = place_rule(&window->place)->name;
    diagram packets = where(inspection, window->packets, FIELD_STATE, PACKET_STATE_UNTRACKED);
    diagram unowned;
    static const struct {
        enum field field;
        uint64_t value;
    } usual[] = {{FIELD_FLAGS, TCP_ACK},
                 {FIELD_FRAGMENT, FRAGMENT_NONE},
                 {FIELD_HELPER, 0},
                 {FIELD_SOCKET, SOCKET_CONNECTED},
                 {FIELD_DESTINATION_TYPE, DESTINATION_LOCAL}};

    unowned = settled(inspection, where(inspection, packets, FIELD_SOCKET, SOCKET_NONE));
    for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
        packets = where(inspection, packets, usual[i].field, usual[i].value);
    if (packets == set_none(space) ||
        !report_at(inspection, DIAG_REPLY_WINDOW, SEVERITY_NOTE, &window->place,
                   "replies to `%s` are" WINDOW_PACKETS "%s", name ? name : "connect",
                   in_words(inspection, settled(inspection, packets), off_lo_domain(inspection))))
        return;
    // What asks for a socket does so for TCP, and for UDP or not.
    diag_hint(
        inspection->diags,
        unowned == set_none(space) ? "where a socket of this host owns them"
        : set_and(space, unowned, of_value(inspection, FIELD_PROTOCOL, PROTOCOL_TCP)) == set_none(space) &&
                set_and(space, packets, of_value(inspection, FIELD_PROTOCOL, PROTOCOL_TCP)) != set_none(space)
            ? "TCP where a socket of this host owns it, the rest in any case"
            : "whether or not a socket of this host owns them");
}

void find_windows(struct inspection *inspection)
{
    const struct passage *input = find_passage(inspection, "filter", "INPUT", HOOK_INPUT);
    const struct shares shares = input ? passage_comers(input, opens_window) : (struct shares){0};
    struct windows windows = {0};

    for (size_t i = 0; i < shares.count; i++)
        add_rule(inspection, &windows, &shares.items[i].place, shares.items[i].packets);
    for (size_t i = 0; i < windows.count; i++)
        report_window(inspection, &windows.items[i]);
}
