// SPDX-License-Identifier: GPL-2.0-or-later
//
// What needs the whole policy to be seen: keys that exclude each other, and advice.
#include <string.h>

#include "base/services.h"
#include "policy/reader.h"

static bool uses_ports(const struct entry *entry, enum traffic_kind kind, const struct port_set *ports)
{
    for (size_t i = 0; i < entry->traffic_count; i++) {
        const struct traffic *traffic = &entry->traffic[i];

        if (traffic->kind == TRAFFIC_ANY ||
            (traffic->kind == kind && (!traffic->ports.count || port_set_overlap(&traffic->ports, ports))))
            return true;
    }
    return false;
}

static void check_limit(struct reader *reader, const struct entry *entry, enum verdict fallback)
{
    if (!entry->limit_span.source)
        return;
    if (entry->verdict != VERDICT_ACCEPT) {
        diag_add(reader->diags, DIAG_LIMIT_VERDICT, entry->limit_span, "a limit says how much is accepted");
        diag_hint(reader->diags, "take `limit` or `verdict` out");
    } else if (fallback == VERDICT_ACCEPT) {
        diag_add(reader->diags, DIAG_LIMIT_DEFAULT, entry->limit_span,
                 "beyond the limit the default accepts");
        diag_hint(reader->diags, "let the default reject or drop");
    }
}

static void check_helper(struct reader *reader, const struct entry *entry)
{
    if (!entry->helper) {
        if (entry->data.count && !entry->helper_span.source)
            diag_add(reader->diags, DIAG_HELPER, entry->span,
                     "`data` names the data ports of a `helper`, and there is none");
        return;
    }
    if (reader->policy->tracking == TRACKING_NONE || entry->track == CHOICE_NO) {
        diag_add(reader->diags, DIAG_HELPER_UNTRACKED, entry->helper_span,
                 "the helper %s sees only what is tracked", entry->helper->name);
        diag_hint(reader->diags,
                  reader->policy->tracking == TRACKING_NONE
                      ? "name the data ports as an entry of their own, or say tracking: selective"
                      : "take `track: false` out");
        return;
    }
    if (entry->verdict != VERDICT_ACCEPT) {
        diag_add(reader->diags, DIAG_HELPER, entry->helper_span, "a helper helps only what is accepted");
        return;
    }
    for (size_t i = 0; i < entry->traffic_count; i++)
        if (entry->traffic[i].kind == entry->helper->control && entry->traffic[i].ports.count)
            return;
    diag_add(reader->diags, DIAG_HELPER, entry->helper_span,
             "the helper %s works on %s ports, and the entry names none", entry->helper->name,
             entry->helper->control == TRAFFIC_TCP ? "tcp" : "udp");
    diag_hint(reader->diags, "its usual port is %u", entry->helper->port);
}

// Expectations of data connections pile up where their packets go untracked, until the helper gives up. Where `data` says
// which ports they are, an untracked entry over them is a mistake; where it does not, it may be one.
static void check_helper_data(struct reader *reader, const struct entry *helped, const struct entry *entry)
{
    const struct port_set *data = helped->data.count ? &helped->data : &port_set_high;

    if (entry->track != CHOICE_NO || !uses_ports(entry, helped->helper->data, data))
        return;
    diag_add_as(reader->diags, helped->data.count ? SEVERITY_ERROR : SEVERITY_NOTE, DIAG_HELPER_UNTRACKED,
                entry->track_span,
                "data connections of the helper %s on line %u could come to these ports untracked",
                helped->helper->name, helped->span.line);
    diag_hint(reader->diags, helped->data.count
                                 ? "keep these ports apart from the helper's `data` ports"
                                 : "say which ports its server uses: `data: 21100-21199` beside the helper");
}

// One helper for each kind of data and set of ports is enough to look at: the first one.
static void check_helpers(struct reader *reader)
{
    const struct policy *policy = reader->policy;
    const struct entry *helped[8];
    size_t count = 0;

    for (size_t i = 0; i < policy->allow.count && count < sizeof(helped) / sizeof(*helped); i++)
        if (policy->allow.items[i].helper && policy->tracking == TRACKING_SELECTIVE)
            helped[count++] = &policy->allow.items[i];
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < policy->allow.count; j++)
            if (!policy->allow.items[j].helper)
                check_helper_data(reader, helped[i], &policy->allow.items[j]);
}

static void check_entries(struct reader *reader, const struct entry_list *list, enum verdict fallback)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct entry *entry = &list->items[i];

        check_limit(reader, entry, fallback);
        check_helper(reader, entry);
    }
}

static void check_sockets(struct reader *reader, const struct entry *entry)
{
    if (!entry->any_socket || entry_untracked(reader->policy, entry))
        return;
    diag_add_as(reader->diags, entry->span.source == reader->main ? SEVERITY_ERROR : SEVERITY_NOTE,
                DIAG_SOCKETS, entry->span, "`sockets: any` is for entries that are not tracked");
    diag_hint(reader->diags, "take it out, or add `track: false`");
}

static void check_local(struct reader *reader, const struct entry *entry)
{
    for (size_t i = 0; i < entry->traffic_count && entry->local.count; i++) {
        if (entry->traffic[i].kind == TRAFFIC_TCP || entry->traffic[i].kind == TRAFFIC_UDP)
            continue;
        diag_add(reader->diags, DIAG_VALUE, entry->local_span,
                 "`local` names ports, and not all of the entry has ports");
        diag_hint(reader->diags, "keep it to tcp and udp");
        return;
    }
}

static void check_window(struct reader *reader, const struct entry *entry)
{
    if (!entry_untracked(reader->policy, entry) || entry->to || entry->verdict != VERDICT_ACCEPT)
        return;
    for (size_t i = 0; i < entry->traffic_count; i++) {
        if (entry->traffic[i].kind != TRAFFIC_PROTOCOL)
            continue;
        diag_add(reader->diags, DIAG_OPEN_WINDOW, entry->span,
                 "nothing tells replies of `%s` from other packets: they are accepted from anyone",
                 entry->name);
        diag_hint(reader->diags, "name the peers with `to`");
        return;
    }
}

// Private (RFC 1918, RFC 4193), link-local (RFC 3927, RFC 4291), multicast (RFC 5771, RFC 4291) and loopback addresses.
static const char *const local_space[] = {
    "10.0.0.0/8",  "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "224.0.0.0/4",
    "127.0.0.0/8", "fc00::/7",      "fe80::/10",      "ff00::/8",       "::1"};

static void check_deny(struct reader *reader, const struct entry *entry)
{
    if (!entry->from)
        return;
    for (size_t i = 0; i < sizeof(local_space) / sizeof(*local_space); i++) {
        enum family family;
        struct addr_range range;

        addr_parse(slice_of(local_space[i]), &family, &range);

        const struct range_list space = {&range, 1, 1};

        if (!range_list_overlap(&entry->from->families[family], &space))
            continue;
        diag_add(reader->diags, DIAG_DENY_LOCAL, entry->span, "`deny` meets %s", local_space[i]);
        diag_hint(reader->diags, "lists of unroutable addresses cut off the own network: add `not %s`",
                  local_space[i]);
    }
}

// Interfaces and verdicts do not choose what is untracked. So a reply to a connection of this host that left from such a
// port is untracked, and only the entry could accept it.
static void check_ephemeral(struct reader *reader, const struct entry *entry)
{
    struct port_range *range = &reader->policy->ephemeral;
    const struct port_set ephemeral = {range, 1, 1};

    if (entry->track != CHOICE_NO || (!entry->in.count && entry->verdict == VERDICT_ACCEPT) ||
        (!uses_ports(entry, TRAFFIC_TCP, &ephemeral) && !uses_ports(entry, TRAFFIC_UDP, &ephemeral)))
        return;
    diag_add(reader->diags, DIAG_UNTRACKED_EPHEMERAL, entry->span,
             "these untracked ports overlap the ephemeral range %u-%u of this host", range->first,
             range->last);
    diag_hint(reader->diags, "reserve them with net.ipv4.ip_local_reserved_ports, or set host.ephemeral");
}

static bool has_packets(const struct entry *entry)
{
    return entry_in_family(entry, FAMILY_IPV4) || entry_in_family(entry, FAMILY_IPV6);
}

static bool accepts_tcp(const struct entry *entry)
{
    for (size_t i = 0; i < entry->traffic_count && has_packets(entry); i++)
        if (entry->traffic[i].kind == TRAFFIC_TCP || entry->traffic[i].kind == TRAFFIC_ANY)
            return entry->verdict == VERDICT_ACCEPT;
    return false;
}

static void check_way_in(struct reader *reader)
{
    const struct policy *policy = reader->policy;
    bool way_in = policy->input == VERDICT_ACCEPT;

    for (size_t i = 0; i < policy->trust.count; i++)
        way_in = way_in || has_packets(&policy->trust.items[i]);

    for (size_t i = 0; i < policy->allow.count && !way_in; i++)
        way_in = accepts_tcp(&policy->allow.items[i]);
    if (way_in)
        return;
    diag_add(reader->diags, DIAG_NO_WAY_IN, source_whole(reader->main),
             "no TCP connection from outside is accepted");
    diag_hint(reader->diags, "an administrator who is not at the console needs an entry such as `ssh`");
}

// True where it was reported: once is enough.
static bool check_admin(struct reader *reader, const struct entry *entry)
{
    static struct port_range ssh_port[] = {{22, 22}};
    const struct port_set ssh = {ssh_port, 1, 1};

    if (reader->policy->tracking != TRACKING_SELECTIVE || entry->track == CHOICE_NO || !accepts_tcp(entry) ||
        !uses_ports(entry, TRAFFIC_TCP, &ssh))
        return false;
    diag_add(reader->diags, DIAG_ADMIN_TRACKED, entry->span,
             "ssh is tracked: it fails when the table is full");
    diag_hint(reader->diags, "add `track: false` to reach the host even then");
    return true;
}

static void check_defaults(struct reader *reader)
{
    const struct policy *policy = reader->policy;

    if (policy->input == VERDICT_ACCEPT) {
        diag_add(reader->diags, DIAG_DEFAULT_ACCEPT, source_whole(reader->main),
                 "what no entry decides is accepted: every port is open");
        diag_hint(reader->diags, "default: {input: reject} opens only what `allow` names");
    }
    if (policy->tracking == TRACKING_NONE && !policy->connect.count) {
        diag_add(reader->diags, DIAG_NO_REPLIES, source_whole(reader->main),
                 "nothing is tracked and `connect` is empty: this host gets no answers to what it asks");
        diag_hint(reader->diags, "name what it uses: connect: [dns, ntp, http, https]");
    }
}

// Own services that nothing uses are read all the same, for their mistakes.
static void check_own_services(struct reader *reader)
{
    for (size_t i = 0; i < reader->services.count; i++) {
        struct definition *definition = &reader->services.items[i];

        if (definition->used)
            continue;
        reader->traffic.count = 0;
        add_service(reader, definition->key, node_text(definition->key), true);
        definition->used = false;
    }
}

static void check_names(struct reader *reader, const struct definitions *definitions, bool are_services)
{
    for (size_t i = 0; i < definitions->count; i++) {
        const struct definition *definition = &definitions->items[i];

        if (are_services && service_find(node_text(definition->key)))
            diag_add(reader->diags, DIAG_SERVICE_SHADOWS, node_span(definition->key),
                     "the service %s stands for other ports here than in ctc's own table",
                     definition->key->text);
        if (!definition->used && definition->key->source == reader->main)
            diag_add(reader->diags, DIAG_UNUSED, node_span(definition->key), "nothing uses %s%s",
                     are_services ? "the service " : "$", definition->key->text);
    }
}

// Rules that would not be written are no rules.
static void check_leave(struct reader *reader)
{
    const struct policy *policy = reader->policy;

    if (policy->forwarding != VERDICT_LEAVE || !policy->forward.count)
        return;
    diag_add(reader->diags, DIAG_FORWARD_LEAVE, policy->forward.items[0].span,
             "`forward: leave` says that others decide what is forwarded");
    diag_hint(reader->diags, "take the entries out, or let the default of forward be reject or drop");
}

// Worth knowing of a policy that is right; a wrong one may only seem to leave something unused or shut.
static void advise(struct reader *reader)
{
    const struct policy *policy = reader->policy;

    for (size_t i = 0; i < policy->deny.count; i++)
        check_deny(reader, &policy->deny.items[i]);
    for (size_t i = 0; i < policy->allow.count; i++)
        check_ephemeral(reader, &policy->allow.items[i]);
    for (size_t i = 0; i < policy->allow.count; i++)
        if (check_admin(reader, &policy->allow.items[i]))
            break;
    for (size_t i = 0; i < policy->connect.count; i++)
        check_window(reader, &policy->connect.items[i]);
    check_names(reader, &reader->defines, false);
    check_names(reader, &reader->services, true);
    check_defaults(reader);
    check_way_in(reader);
}

void policy_check(struct reader *reader)
{
    const struct policy *policy = reader->policy;

    check_own_services(reader);
    check_leave(reader);
    check_entries(reader, &policy->allow, policy->input);
    check_entries(reader, &policy->connect, policy->output);
    check_entries(reader, &policy->forward, policy->forwarding);
    check_helpers(reader);
    check_verbatim(reader);
    for (size_t i = 0; i < policy->connect.count; i++) {
        check_sockets(reader, &policy->connect.items[i]);
        check_local(reader, &policy->connect.items[i]);
    }
    if (!reader->diags->counts[SEVERITY_ERROR])
        advise(reader);
}
